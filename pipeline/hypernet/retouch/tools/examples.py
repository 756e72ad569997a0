"""Pairs as a style is learned from them: small, compared, and cut into parts that are further pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.retouch.core.colour_map import LUMA, monomials
from hypernet.retouch.core.fitting import fit_map
from hypernet.retouch.core.thumbnails import thumbnail

if TYPE_CHECKING:
    from hypernet.retouch.sources.pairs import Pair

SIDE = 256
# Correlation of edges after the best map. Of real edits it is 0.97 and more; of a crop by 1 % at most 0.7, by 2 % at
# most 0.4, of a turn by half a degree at most 0.8.
NOT_THE_SAME, MOVED = 0.5, 0.85
# Of the best map, dB: what no colour map explains, and what one explains badly. Real edits: 32 and more.
UNEXPLAINED, LOCAL = 20.0, 25.0
# Least range of a picture's means, about five levels of 8 bits; and how near those of a repeated photograph are.
LEAST_CONTRAST, ALIKE = 0.02, 1.5 / 255
# Parts of a pair: squares of this share of its sides, at the corners and in the middle.
PART = 0.6
PLACES = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))


@dataclass(frozen=True, eq=False)
class Example:
    """A pair as means over areas.

    Attributes:
        name: of the pair.
        before: sRGB-encoded, float32 ``[256, 256, 3]`` in [0, 1], whatever its sides were.
        after: likewise.
        best: PSNR of the best map of this pair by itself, dB.
        agreement: correlation of its edges after that map with those of the edited picture.
    """

    name: str
    before: np.ndarray
    after: np.ndarray
    best: float
    agreement: float

    @classmethod
    def of(cls, name: str, before: np.ndarray, after: np.ndarray) -> Example:
        """A pair from its pixels, uint8 ``[H, W, 3]`` each."""
        small, wanted = thumbnail(before, SIDE), thumbnail(after, SIDE)
        made = np.clip(fit_map(small, wanted)(small), 0, 1)
        error = float(np.square(made - wanted).mean())
        return cls(name, small, wanted, float(-10 * np.log10(max(error, 1e-10))), _agreement(made, wanted))

    def objection(self) -> str:
        """Why it is no example of an edit of colours; empty where it is."""
        if min(_range(self.before), _range(self.after)) < LEAST_CONTRAST:
            return "all of it has nearly one colour"
        if self.agreement < NOT_THE_SAME:
            return (
                f"not the same picture, or cropped, turned or edited in places (edges agree to {self.agreement:.2f}; "
                f"accepted: {NOT_THE_SAME:g} and more)"
            )
        if self.best < UNEXPLAINED:
            return (
                f"no colour map of the whole picture comes near the edit ({self.best:.1f} dB; accepted: "
                f"{UNEXPLAINED:g} and more); was it edited in places?"
            )
        return ""

    def doubt(self) -> str:
        """What a person should look at; empty where nothing is strange."""
        if self.agreement < MOVED:
            return (
                f"edges agree to {self.agreement:.2f} only: slightly moved, much sharper or softer, or edited in places"
            )
        if self.best < LOCAL:
            return f"the best colour map of the whole picture comes to {self.best:.1f} dB only: edited in places?"
        return ""

    def parts(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Before and after of parts of the pair."""
        side = round(PART * SIDE)
        corners = [(round(down * (SIDE - side)), round(right * (SIDE - side))) for down, right in PLACES]
        return [
            (self.before[top : top + side, left : left + side], self.after[top : top + side, left : left + side])
            for top, left in corners
        ]


def read_examples(pairs: Sequence[Pair], resize: bool) -> tuple[list[Example], dict[str, str]]:
    """Read pairs, one after the other.

    Args:
        pairs: the files.
        resize: see ``read_pair``.

    Returns:
        the examples, and the names of the pairs that are left out with the reason.
    """
    from hypernet.retouch.sources.pairs import read_pair

    examples, left_out = [], {}
    for pair in pairs:
        try:
            example = Example.of(pair.name, *read_pair(pair, resize))
        except UserError as error:
            left_out[pair.name] = str(error)
            continue
        if objection := example.objection():
            left_out[pair.name] = objection
        else:
            examples.append(example)
    return examples, left_out


def repeated(examples: Sequence[Example]) -> np.ndarray:
    """For each example the number of the first one that shows the same photograph before its edit: often itself."""
    cells = np.stack([thumbnail(example.before, 16) for example in examples])
    first = np.arange(len(examples))
    for place in range(1, len(examples)):
        near = np.abs(cells[:place] - cells[place]).mean(axis=(1, 2, 3)) < ALIKE
        if near.any():
            first[place] = first[np.flatnonzero(near)[0]]
    return first


def sums(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over pixels of φ φᵀ and of t φᵀ."""
    features = monomials(before.reshape(-1, 3).astype(np.float64))
    wanted = after.reshape(-1, 3).astype(np.float64)
    return features.T @ features / len(features), wanted.T @ features / len(features)


def _agreement(made: np.ndarray, wanted: np.ndarray) -> float:
    """Correlation of the gradients of the luma, 1 at best."""
    lumas = [image @ LUMA for image in (made, wanted)]
    edges = [np.stack([np.diff(luma, axis=0)[:, 1:], np.diff(luma, axis=1)[1:]]) for luma in lumas]
    energies = [float(np.square(edge).sum()) for edge in edges]
    return float((edges[0] * edges[1]).sum() / max(np.sqrt(energies[0] * energies[1]), 1e-12))


def _range(image: np.ndarray) -> float:
    return float(np.ptp(image, axis=(0, 1)).max())
