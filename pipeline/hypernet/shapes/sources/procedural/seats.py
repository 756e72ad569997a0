"""Benches, chairs and couches."""

from __future__ import annotations

import numpy as np

from hypernet.shapes.sources.procedural.primitives import Points, both, box, chance, frustum, leaning, legs, prism


def bench(random: np.random.Generator) -> list[Points]:
    """A long seat of one slab or three slats on posts, slabs or pedestals; often with a back, then often with arms."""
    w, d, h, t = (random.uniform(*span) for span in ((0.9, 1.4), (0.3, 0.48), (0.32, 0.46), (0.06, 0.1)))
    if chance(random, 2 / 3):
        pieces = [box((0, h, 0), (w, t, d))]
    else:
        pitch = d / 3
        pieces = [box((0, h, place * pitch), (w, t, 0.72 * pitch)) for place in (-1, 0, 1)]
        pieces += both(box((0.4 * w, h - 0.6 * t, 0), (t, t, d)))
    leg = random.uniform(0.06, 0.1)
    style = random.integers(3)
    if style == 0:
        pieces += legs(w / 2 - leg, d / 2 - leg / 2, 0, h, leg)
    elif style == 1:
        pieces += both(box((w / 2 - leg, h / 2, 0), (leg, h, 0.9 * d)))
    else:
        pieces += both(box((0.3 * w, h / 2, 0), (1.6 * leg, h, 0.6 * d)))
        pieces += both(box((0.3 * w, 0.03, 0), (1.6 * leg, 0.06, d)))
    if chance(random, 0.6):
        high, slope, count = random.uniform(0.3, 0.5), random.uniform(0, 0.12), random.integers(1, 4)
        lift = np.array([0, h, 0])
        first = t + (0.04 if count == 1 else 0.1 * high)
        for place in range(count):
            low = first + place * high / count
            pieces.append(lift + leaning(w, low, low + 0.8 * high / count, -d / 2, slope, 0.07))
        post = leaning(0.07, -t / 2, t + high, -d / 2, slope, 0.07)
        pieces += both(lift + post + np.array([0.38 * w + 0.035, 0, 0]))
        if chance(random, 0.5):
            pieces += both(box((w / 2 - 0.035, h + 0.2, 0), (0.07, 0.06, d)))
            pieces += both(box((w / 2 - 0.035, h + 0.1, d / 2 - 0.035), (0.07, 0.2, 0.07)))
    return pieces


def chair(random: np.random.Generator) -> list[Points]:
    """Square or round seat, four legs or a star foot, a back of three sorts, sometimes arms."""
    w, d, h, t = (random.uniform(*span) for span in ((0.42, 0.56), (0.4, 0.54), (0.38, 0.5), (0.06, 0.1)))
    square = chance(random, 0.75)
    if square:
        pieces = [box((0, h, 0), (w, t, d))]
    else:
        d = w
        pieces = [frustum((0, h - t / 2, 0), (0, h + t / 2, 0), w / 2, w / 2)]
    leg = random.uniform(0.055, 0.08)
    style = random.integers(3)
    if style == 2:
        pieces.append(frustum((0, 0.06, 0), (0, h, 0), 0.05, 0.05))
        arms = random.integers(4, 6)
        for angle in np.pi / 2 + 2 * np.pi * np.arange(arms) / arms:
            way = np.array([np.cos(angle), 0, np.sin(angle)])
            # From beyond the middle: arms that meet at their ends would leave a hollow there.
            start, end = np.array([0, 0.045, 0]) - 0.02 * way, np.array([0, 0.035, 0]) + 0.5 * w * way
            pieces.append(frustum(start, end, 0.045, 0.035, 12))
    else:
        inset = 0.5 if square else 0.35
        x, z = inset * w - 0.6 * leg, inset * d - 0.6 * leg
        splay = random.uniform(0, 0.06) if style == 1 else 0.0
        pieces += legs(x, z, 0, h, leg, splay, rounded=chance(random, 0.4))
        if chance(random, 0.3):
            out = 0.6 * splay
            pieces += both(box((x + out, 0.4 * h, 0), (0.06, 0.06, 2 * (z + out))))
    pieces += _chair_back(random, w if square else 0.8 * w, d, h, slab=not square)
    if square and chance(random, 0.4):
        high = h + random.uniform(0.18, 0.26)
        pieces += both(box((w / 2 - 0.03, high, -0.05), (0.065, 0.06, 0.95 * d + 0.1)))
        pieces += both(box((w / 2 - 0.03, (h + high) / 2, d / 2 - 0.07), (0.06, high - h, 0.06)))
    return pieces


def _chair_back(random: np.random.Generator, w: float, d: float, h: float, slab: bool) -> list[Points]:
    """A slab; two posts with two or three slats; or two posts with a top rail and two uprights."""
    high, slope, lift = random.uniform(0.38, 0.62), random.uniform(0, 0.18), np.array([0, h, 0])

    def board(width: float, low: float, top: float) -> Points:
        return lift + leaning(width, low, top, -d / 2, slope, 0.065)

    style = 0 if slab else random.integers(3)
    if style == 0:
        return [board(w, 0, high)]
    pieces = both(board(0.065, 0, high) + np.array([w / 2 - 0.0325, 0, 0]))
    if style == 1:
        count = random.integers(2, 4)
        pieces += [board(w, high * (place + 0.45) / count, high * (place + 1) / count) for place in range(count)]
    else:
        pieces.append(board(w, high - 0.1, high))
        pieces += both(board(0.065, 0, high - 0.05) + np.array([0.18 * w, 0, 0]))
    return pieces


def couch(random: np.random.Generator) -> list[Points]:
    """Base, leaning back, cushions, mostly arms, sometimes a chaise: the one thing here that stands on one side."""
    w, d, h = random.uniform(0.9, 1.6), random.uniform(0.45, 0.62), random.uniform(0.22, 0.3)
    arm, lift = random.uniform(0.09, 0.18), random.uniform(0, 0.1)
    seat = lift + h
    back = [
        (lift, -d / 2),
        (lift, -d / 2 + 0.18),
        (seat + 0.3, -d / 2 + 0.1),
        (seat + random.uniform(0.28, 0.4), -d / 2 - 0.06),
    ]
    pieces = [box((0, lift + h / 2, 0), (w, h, d)), prism(0, back, -w / 2, w / 2)]
    if lift > 0.03:
        pieces += legs(w / 2 - 0.08, d / 2 - 0.08, 0, lift + 0.02, 0.08)
    free = w
    if chance(random, 0.85):
        high = h + random.uniform(0.1, 0.25)
        pieces += both(box((w / 2 - arm / 2, lift + high / 2, 0), (arm, high, d)))
        free = w - 2 * arm
    count = random.integers(1, 4)
    for place in range(count):
        middle = free * ((place + 0.5) / count - 0.5)
        pieces.append(box((middle, seat + 0.03, 0.05), (0.92 * free / count, 0.09, 0.74 * d)))
    if chance(random, 0.3):
        side = 1 if chance(random, 0.5) else -1
        x, z = side * (w / 2 - 0.2), d / 2 + 0.17
        pieces.append(box((x, lift + h / 2 + 0.025, z), (0.4, h + 0.05, 0.45)))
        if lift > 0.03:
            pieces += [
                box((x + aside, lift / 2 + 0.01, z + 0.145), (0.08, lift + 0.02, 0.08)) for aside in (-0.12, 0.12)
            ]
    return pieces
