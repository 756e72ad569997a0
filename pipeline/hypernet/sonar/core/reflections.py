"""Echoes by way of a second surface: shooting and bouncing rays (Ling, Chou and Lee 1989), of order two.

Every cell that the mouth sees carries a tube of rays of the solid angle Ω = A c_t / t². At the cell's facet it is
mirrored, and the first surface behind it is reached after the way L with the pressure 1 / L, over the area
Ω L² / c_inc. From there the echo is that of physical optics,

    P(f) = (j f / c) Σ Ω L² / c_inc · c_r / (L r) · e^{-j2πf (L + r) / c}

wherever the microphone sees the place. Cells whose tubes cover more of the second surface than a cell are cut and shot
again. Two rigid walls at a right angle send sound back where it came from, at any angle in the plane: of walls a x b,
2 min(a sin ψ, a cos ψ) b acts as a plate held at right angles to the sound. The rough part of a surface has no second
order here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hypernet.sonar.core.facets import Samples
from hypernet.sonar.core.visibility import Occluder

# Tubes that meet a surface at a lower cosine than this would cover more of it than there is.
GRAZING = 0.02
# Along an edge a tube may be this many times the spacing of samples before it is cut, into so many parts at most.
WIDEST, MOST_PARTS = 1.5, 64


@dataclass(frozen=True, eq=False)
class Reflected:
    """Where the mirrored tubes meet a second surface.

    Attributes:
        first: triangle at which each was mirrored, int64 ``[m]``.
        facet: triangle that is met, int64 ``[m]``.
        points: places on it, ``[m, 3]``.
        incoming: unit vectors in which sound arrives there, ``[m, 3]``.
        leaving: unit vectors in which it left the mouth, ``[m, 3]``.
        travelled: metres from the mouth, ``[m]``.
        strength: area met times the pressure there (1 Pa in 1 m from the mouth), ``[m]``.
        edges: of the area, as of :class:`Samples`, ``[m, 2, 3]``.
    """

    first: np.ndarray
    facet: np.ndarray
    points: np.ndarray
    incoming: np.ndarray
    leaving: np.ndarray
    travelled: np.ndarray
    strength: np.ndarray
    edges: np.ndarray


def reflected(
    samples: Samples, spacing_m: float, occluder: Occluder, normals: np.ndarray, mouth: np.ndarray
) -> Reflected:
    """Tubes from a mouth, once mirrored.

    Args:
        samples: cells that the mouth sees.
        spacing_m: of the samples.
        occluder: all triangles.
        normals: their outward normals, ``[t, 3]``.
        mouth: where sound comes from, ``[3]``.
    """

    def leaving(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ways = points - mouth
        distances = np.sqrt(np.einsum("nc,nc->n", ways, ways))
        return ways / distances[:, None], distances

    return _refined(samples, spacing_m, occluder, normals, leaving, plane=False)


def reflected_plane(
    samples: Samples, spacing_m: float, occluder: Occluder, normals: np.ndarray, direction: np.ndarray
) -> Reflected:
    """Tubes of a plane wave of 1 Pa, once mirrored; ``travelled`` is measured from the plane through the origin.

    Args:
        samples: cells that are reached.
        spacing_m: of the samples.
        occluder: all triangles.
        normals: their outward normals, ``[t, 3]``.
        direction: in which the wave travels, unit vector ``[3]``.
    """

    def leaving(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.broadcast_to(np.asarray(direction, dtype=np.float64), points.shape), points @ direction

    return _refined(samples, spacing_m, occluder, normals, leaving, plane=True)


# Unit vectors in which sound reaches points ``[n, 3]``, and its way there ``[n]``.
Leaving = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def _refined(
    samples: Samples, spacing_m: float, occluder: Occluder, normals: np.ndarray, leaving: Leaving, plane: bool
) -> Reflected:
    """Tubes none of which is much wider than the spacing where it ends."""
    source, tubes = _mirrored(samples, occluder, normals, leaving, plane)
    lengths = np.sqrt(np.einsum("nec,nec->ne", tubes.edges, tubes.edges))
    parts = np.clip(np.ceil(lengths / (WIDEST * spacing_m)), 1, MOST_PARTS).astype(np.int64)
    wide = (parts > 1).any(axis=1)
    if not wide.any():
        return tubes
    _, narrow = _mirrored(samples.at(source[wide]).split(parts[wide]), occluder, normals, leaving, plane)
    return Reflected(
        *(np.concatenate([getattr(tubes, name)[~wide], getattr(narrow, name)]) for name in tubes.__dataclass_fields__)
    )


def _mirrored(
    samples: Samples, occluder: Occluder, normals: np.ndarray, leaving: Leaving, plane: bool
) -> tuple[np.ndarray, Reflected]:
    """The tubes that meet something, and the number of the cell of each."""
    away, before = leaving(samples.points)
    cosine_in = -np.einsum("nc,nc->n", away, samples.normals)
    directions = away + 2 * cosine_in[:, None] * samples.normals
    facet, gap = occluder.first_hit(samples.points, directions)
    met = np.where(facet[:, None] >= 0, normals[facet], 0.0)
    # Its front, and not the facet itself: by rounding alone a tube can meet that again.
    cosine = -np.einsum("nc,nc->n", directions, met)
    source = np.flatnonzero((facet >= 0) & (facet != samples.facet) & (cosine > GRAZING))
    direction, normal, cosine = directions[source], met[source], cosine[source]
    travelled = before[source] + gap[source]
    growth = np.ones(len(source)) if plane else travelled / before[source]
    # Area Ω L² / c_inc; the pressure of a tube that widens falls as 1 / L.
    area = samples.areas[source] * cosine_in[source] * growth**2 / cosine
    edges = samples.edges[source] * growth[:, None, None]
    slide = np.einsum("nec,nc->ne", edges, normal) / cosine[:, None]
    tubes = Reflected(
        samples.facet[source],
        facet[source],
        samples.points[source] + gap[source][:, None] * direction,
        direction,
        away[source],
        travelled,
        area if plane else area / travelled,
        edges + slide[..., None] * direction[:, None],
    )
    return source, tubes
