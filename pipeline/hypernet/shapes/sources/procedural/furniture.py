"""Cabinets, lamps and tables."""

from __future__ import annotations

import numpy as np

from hypernet.shapes.sources.procedural.primitives import Points, both, box, chance, ellipsoid, frustum, legs


def cabinet(random: np.random.Generator) -> list[Points]:
    """Open shelves, or a body with drawers or two doors; on the floor, on legs or on a plinth."""
    w, h, d = random.uniform(0.5, 1.1), random.uniform(0.45, 1.4), random.uniform(0.35, 0.6)
    pieces: list[Points] = []
    base, low = random.integers(3), 0.0
    if base == 1:
        low = random.uniform(0.08, 0.2)
        pieces += legs(w / 2 - 0.06, d / 2 - 0.06, 0, low + 0.02, 0.08)
    elif base == 2:
        low = 0.08
        pieces.append(box((0, 0.05, 0), (0.92 * w, 0.1, 0.9 * d)))
    middle = low + h / 2
    if chance(random, 0.35):
        pieces += both(box((w / 2 - 0.035, middle, 0), (0.07, h, d)))
        pieces.append(box((0, middle, -d / 2 + 0.035), (w, h, 0.07)))
        boards = random.integers(1, 4) + 2
        pieces += [box((0, y, 0), (w, 0.07, d)) for y in np.linspace(low + 0.035, low + h - 0.035, boards)]
    else:
        pieces.append(box((0, middle, 0), (w, h, d)))
        if chance(random, 0.5):
            count = random.integers(1, 5)
            for y in low + h * (np.arange(count) + 0.5) / count:
                pieces.append(box((0, y, d / 2), (0.92 * w, 0.86 * h / count, 0.07)))
                pieces.append(box((0, y, d / 2 + 0.05), (0.25 * w, 0.06, 0.06)))
        else:
            pieces += both(box((0.235 * w, middle, d / 2), (0.44 * w, 0.92 * h, 0.07)))
            pieces += both(box((0.1 * w, middle, d / 2 + 0.05), (0.06, 0.15 * h, 0.06)))
    if chance(random, 0.4):
        pieces.append(box((0, low + h + 0.02, 0), (1.08 * w, 0.07, 1.1 * d)))
    return pieces


def lamp(random: np.random.Generator) -> list[Points]:
    """Table lamp, floor lamp, pendant lamp, or a desk lamp with two rods."""
    hs, rs, narrow = random.uniform(0.22, 0.36), random.uniform(0.2, 0.34), random.uniform(0.45, 1)
    sides = (4, 20)[random.integers(2)]
    style = random.integers(4)

    def disc(y: float, radius: float) -> Points:
        return frustum((0, y, 0), (0, y + 0.06, 0), radius, radius)

    def rod(low: float, high: float) -> Points:
        return frustum((0, low, 0), (0, high, 0), 0.035, 0.035, 10)

    def shade(y: float, top: float) -> Points:
        return frustum((0, y, 0), (0, y + hs, 0), rs, top * rs, sides)

    if style == 0:
        pieces = [disc(0, random.uniform(0.12, 0.2))]
        if chance(random, 0.5):
            radius = random.uniform(0.08, 0.13)
            pieces.append(ellipsoid((0, 0.16, 0), (radius, random.uniform(0.11, 0.15), radius)))
        else:
            radius = random.uniform(0.05, 0.08)
            pieces.append(frustum((0, 0.03, 0), (0, random.uniform(0.16, 0.26), 0), radius, radius))
        high = random.uniform(0.3, 0.5)
        pieces += [rod(0.03, high + 0.05), shade(high, narrow)]
    elif style == 1:
        high = random.uniform(1.1, 1.4)
        pieces = [disc(0, 0.18), rod(0.03, high + 0.05), shade(high, narrow)]
    elif style == 2:
        high = hs + random.uniform(0.3, 0.8)
        pieces = [shade(0, 0.6 * narrow), rod(hs - 0.05, high - 0.03), disc(high - 0.06, 0.1)]
    else:
        elbow = np.array([0, random.uniform(0.4, 0.55), -random.uniform(0.1, 0.25)])
        head = np.array([0, elbow[1] + random.uniform(0, 0.3), random.uniform(0.2, 0.4)])
        # A little past the elbow, so that the rods overlap at any angle.
        forearm = (head - elbow) / np.linalg.norm(head - elbow)
        down = np.array([0, -1, 1]) / 2**0.5
        pieces = [
            disc(0, 0.2),
            frustum((0, 0.03, 0), elbow, 0.033, 0.033, 10),
            frustum(elbow - 0.02 * forearm, head, 0.033, 0.033, 10),
            frustum(head - 0.04 * down, head + 0.21 * down, 0.06, 0.15),
        ]
    return pieces


def table(random: np.random.Generator) -> list[Points]:
    """Rectangular or round; on legs, with a shelf or an apron, a pedestal, slabs or trestles."""
    w, d, h, t = (random.uniform(*span) for span in ((0.8, 1.4), (0.5, 0.9), (0.4, 0.8), (0.06, 0.1)))
    inset = 0.5
    if chance(random, 0.3):
        w = d = random.uniform(0.7, 1.1)
        inset = 0.35
        pieces = [frustum((0, h, 0), (0, h + t, 0), w / 2, w / 2, 28)]
    else:
        pieces = [box((0, h + t / 2, 0), (w, t, d))]
    # What carries the top ends in the middle of it: two faces that only touch are no joint.
    leg, into, wide, deep = random.uniform(0.06, 0.1), h + t / 2, 2 * inset * w, 2 * inset * d
    style = random.integers(5)
    if style < 2:
        x, z = wide / 2 - 0.6 * leg, deep / 2 - 0.6 * leg
        splay = random.uniform(0, 0.05) if style == 1 else 0.0
        pieces += legs(x, z, 0, into, leg, splay)
        if chance(random, 0.35):
            out = 0.7 * splay
            pieces.append(box((0, 0.3 * h, 0), (2 * (x + out), 0.06, 2 * (z + out))))
        if chance(random, 0.3):
            pieces += both(box((x, h - 0.05, 0), (0.06, 0.14, 2 * z)))
            pieces += [box((0, h - 0.05, end), (2 * x, 0.14, 0.06)) for end in (-z, z)]
    elif style == 2:
        pieces.append(frustum((0, 0.03, 0), (0, into, 0), 0.07, 0.06))
        radius = 0.3 * min(w, d)
        pieces.append(frustum((0, 0, 0), (0, 0.06, 0), radius, radius))
    elif style == 3:
        pieces += both(box((0.42 * wide, into / 2, 0), (leg, into, 0.8 * deep)))
    else:
        pieces += both(box((0.375 * wide, into / 2, 0), (leg, into, leg)))
        pieces += both(box((0.375 * wide, 0.035, 0), (leg, 0.07, 0.8 * deep)))
        pieces.append(box((0, 0.4 * h, 0), (0.75 * wide, 0.07, 0.07)))
    return pieces
