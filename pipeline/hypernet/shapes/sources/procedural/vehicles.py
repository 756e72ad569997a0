"""Airplanes, cars and watercraft."""

from __future__ import annotations

import numpy as np

from hypernet.shapes.sources.procedural.primitives import Points, both, box, chance, ellipsoid, frustum, hull, prism


def _plate(root: tuple[float, float, float], end: tuple[float, float, float], chords: Points, thick: Points) -> Points:
    """Half of a wing: from a rectangle at ``root`` to one at ``end``, upright along z and y."""
    return np.concatenate([
        prism(0, [(y + a * t, z + b * c) for a in (-0.5, 0.5) for b in (-0.5, 0.5)], x, x)[:4]
        for (x, y, z), c, t in zip((root, end), chords, thick, strict=True)
    ])  # fmt: skip


def airplane(random: np.random.Generator) -> list[Points]:
    """Fuselage, nose and tail cone, wings, fin, tailplane (a quarter on the fin's top), 0 to 2 engines a side."""
    r = random.uniform(0.05, 0.085)
    pieces = [
        frustum((0, 0, -0.2), (0, 0, 0.3), r, r),
        ellipsoid((0, 0, 0.3), (r, r, 0.2)),
        frustum((0, 0, -0.2), (0, 0.3 * r, -0.5), r, 0.3 * r),
    ]
    root = random.uniform(0.18, 0.3)
    tip = random.uniform(0.25, 0.7) * root
    span, sweep, dihedral = random.uniform(0.35, 0.55), random.uniform(0, 0.28), random.uniform(0, 0.07)
    thick, y, z = random.uniform(0.035, 0.055), random.uniform(-0.6, 0.6) * r, random.uniform(-0.02, 0.1)
    thickness = thick * np.array([1, 0.7])
    pieces += both(_plate((0, y, z), (span, y + dihedral, z - sweep), np.array([root, tip]), thickness))

    height, tail = random.uniform(0.15, 0.24), -0.42
    fin = [
        prism(1, [(a * x, tail + shift + b * c) for a in (-1, 1) for b in (-0.5, 0.5)], level, level)[:4]
        for x, shift, c, level in ((0.02, 0, 0.72 * root, 0.02), (0.014, -0.08, 0.36 * root, height))
    ]
    pieces.append(np.concatenate(fin))
    share = random.uniform(0.35, 0.45)
    level = height - 0.03 if chance(random, 0.25) else 0.3 * r
    chords = np.array([0.6 * root, 0.7 * tip])
    end = (span * share, level, tail - sweep * share)
    pieces += both(_plate((0, level, tail), end, chords, np.array([0.04, 0.028])))

    for share in (0.35, 0.62)[: random.integers(3)]:
        x, hangs, at = span * share, y + dihedral * share - 0.03, z - sweep * share + 0.25 * root
        pieces += both(frustum((x, hangs, at - 0.09), (x, hangs, at + 0.07), 0.03, 0.04, 14))
    return pieces


def car(random: np.random.Generator) -> list[Points]:
    """Sedan (a quarter with a spoiler), hatchback, pickup or van; one long, on four wheels."""
    w, wheel = random.uniform(0.36, 0.46), random.uniform(0.075, 0.1)
    y = 0.7 * wheel

    def body(back: float, front: float, low: float, high: float, rear: float, bonnet: float, narrow: float) -> Points:
        rectangles = ((low, back, front, w / 2), (high, back + rear, front - bonnet, narrow * w / 2))
        return hull(*((s * x, level, z) for level, a, b, x in rectangles for s in (-1, 1) for z in (a, b)))

    height = random.uniform(0.14, 0.19)
    rear, bonnet, narrow = random.uniform(0, 0.04), random.uniform(0.01, 0.08), random.uniform(0.92, 1)
    pieces = [body(-0.5, 0.5, y, y + height, rear, bonnet, narrow)]
    y += height
    # The cabin begins a little below the body's top: two faces that only touch are no joint.
    low, cabin = y - 0.01, random.uniform(0.12, 0.18)
    style = random.integers(4)
    if style == 0:
        pieces.append(body(-0.38, 0.22, low, y + cabin, random.uniform(0.08, 0.18), random.uniform(0.12, 0.2), 0.78))
        if chance(random, 0.25):
            pieces.append(box((0, y + 0.07, -0.47), (0.9 * w, 0.05, 0.09)))
            pieces += both(box((0.3 * w, y + 0.03, -0.47), (0.06, 0.09, 0.06)))
    elif style == 1:
        rear, bonnet = random.uniform(0.02, 0.06), random.uniform(0.1, 0.16)
        pieces.append(body(-0.49, 0.26, low, y + 1.15 * cabin, rear, bonnet, 0.86))
    elif style == 2:
        pieces.append(body(-0.08, 0.27, low, y + 1.1 * cabin, 0.03, random.uniform(0.08, 0.13), 0.85))
        pieces += both(box((w / 2 - 0.035, y + 0.035, -0.3), (0.07, 0.08, 0.38)))
        pieces.append(box((0, y + 0.035, -0.47), (w, 0.08, 0.06)))
    else:
        pieces.append(body(-0.5, 0.4, low, y + 1.9 * cabin, 0.01, random.uniform(0.05, 0.12), 0.92))
    for z in (-0.3, random.uniform(0.28, 0.33)):
        pieces += both(frustum((w / 2 - 0.07, wheel, z), (w / 2 + 0.02, wheel, z), wheel, wheel))
    return pieces


def watercraft(random: np.random.Generator) -> list[Points]:
    """Motor boat, sailing boat, cargo ship or rowing boat; one long."""
    b, h = random.uniform(0.2, 0.32), random.uniform(0.12, 0.2)
    bow, stern = random.uniform(0.12, 0.3), random.uniform(0.6, 1)
    sides = [(b / 2, h, 0.5 - bow), (stern * b / 2, h, -0.5), (0.05, 0, -0.45), (0.3 * b, 0.03, 0)]
    keel = (0, 0, 0.5 - bow * random.uniform(0.4, 0.9))
    pieces = [hull((0, 1.1 * h, 0.5), keel, *((s * x, y, z) for x, y, z in sides for s in (-1, 1)))]
    # What stands on deck begins below it; the deck rises towards the bow.
    deck = h - 0.03
    style = random.integers(4)
    if style == 0:
        cabin, length = random.uniform(0.1, 0.16), random.uniform(0.2, 0.4)
        top = h + cabin
        pieces.append(box((0, (deck + top) / 2, -0.1), (0.68 * b, top - deck, length)))
        if chance(random, 0.6):
            pieces.append(box((0, top + 0.035, -0.12), (0.55 * b, 0.09, 0.6 * length)))
            top += 0.08
        if chance(random, 0.5):
            pieces.append(frustum((0, top - 0.04, -0.15), (0, top + 0.18, -0.15), 0.035, 0.03, 12))
    elif style == 1:
        mast, z = random.uniform(0.6, 1), 0.06
        pieces.append(frustum((0, deck, z), (0, h + mast, z), 0.033, 0.033, 12))
        pieces.append(prism(0, [(h + 0.1, z), (h + 0.95 * mast, z), (h + 0.1, z - 0.42)], -0.03, 0.03))
        if chance(random, 0.7):
            pieces.append(prism(0, [(h + 0.05, z + 0.02), (h + 0.8 * mast, z), (h - 0.01, 0.44)], -0.03, 0.03))
    elif style == 2:
        count = random.integers(2, 5)
        pitch = 0.5 / count
        for place in range(count):
            top = h + random.uniform(0.08, 0.16)
            centre = (0, (deck + top) / 2, -0.22 + (place + 0.5) * pitch)
            pieces.append(box(centre, (0.75 * b, top - deck, 0.84 * pitch)))
        pieces.append(box((0, deck + 0.13, -0.4), (0.8 * b, 0.26, 0.12)))
    else:

        def rail(z: float) -> float:
            """Half the boat's width along the gunwales, four fifths of the deck's."""
            return 0.4 * b * float(np.interp(z, [-0.5, 0.5 - bow], [stern, 1]))

        gunwale = [(rail(z) + edge, z) for z in (-0.43, 0.19) for edge in (-0.03, 0.03)]
        pieces += both(prism(1, gunwale, h - 0.01, h + 0.07))
        pieces += [box((0, h + 0.015, z), (2 * rail(z), 0.06, 0.09)) for z in (-0.3, -0.05)]
    return pieces
