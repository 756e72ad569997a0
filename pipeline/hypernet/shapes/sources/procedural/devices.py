"""Cellphones, firearms, monitors and speakers."""

from __future__ import annotations

import numpy as np

from hypernet.shapes.sources.procedural.primitives import Points, both, box, chance, frustum, hull, legs, prism


def cellphone(random: np.random.Generator) -> list[Points]:
    """A smartphone, a bar with keys (often with an antenna, on one side), or a flip phone that lies open."""
    w, h, d = random.uniform(0.4, 0.58), 1.0, random.uniform(0.08, 0.14)
    style = random.integers(3)
    if style == 2:
        angle = random.uniform(0.35, 1.2)
        along = np.array([0, np.sin(np.pi / 2 - angle + 0.35), np.cos(np.pi / 2 + angle - 0.35)])
        across = np.array([0, -along[2], along[1]])
        right, length, half = np.array([w / 2, 0, 0]), 0.52 * along, 0.45 * d * across
        lid = hull(*(s * right + a * length + b * half for s in (-1, 1) for a in (0, 1) for b in (-1, 1)))
        hinge = frustum((-w / 2, 0, 0), (w / 2, 0, 0), 0.62 * d, 0.62 * d, 14)
        return [box((0, 0, 0.26), (w, d, 0.52)), lid, hinge]
    cut = random.uniform(0.02, 0.1) if style == 0 else random.uniform(0.03, 0.12)
    ends = ((w / 2 - cut, h / 2), (w / 2, h / 2 - cut))
    outline = [(a * x, b * y) for a in (-1, 1) for b in (-1, 1) for x, y in ends]
    pieces = [prism(2, outline, -d / 2, d / 2)]
    if style == 0:
        pieces.append(box((0, 0.02, d / 2), (0.86 * w, 0.8 * h, 0.05)))
    else:
        pieces.append(box((0, 0.2, d / 2), (0.8 * w, 0.42 * h, 0.05)))
        for row in range(3):
            pieces += [box((x * 0.25 * w, -0.15 - 0.1 * row, d / 2), (0.17 * w, 0.06, 0.06)) for x in (-1, 0, 1)]
        if chance(random, 0.6):
            low, x = h / 2 - 0.05, 0.35 * w
            pieces.append(frustum((x, low, 0), (x, low + random.uniform(0.1, 0.25), 0), 0.045, 0.035))
    return pieces


def firearm(random: np.random.Generator) -> list[Points]:
    """A pistol, or a rifle with any of magazine, scope and bipod; the muzzle to the front."""
    return _pistol(random) if chance(random, 0.3) else _rifle(random)


def _pistol(random: np.random.Generator) -> list[Points]:
    length, lean, grip = random.uniform(0.5, 0.7), random.uniform(0.08, 0.16), random.uniform(0.28, 0.36)
    pieces = [
        box((0, 0, length / 2 - 0.12), (0.075, 0.11, length)),
        prism(0, [(0, -0.12), (0, 0.04), (-grip, 0.02 - lean), (-grip, -0.13 - lean)], -0.0375, 0.0375),
        prism(0, [(-0.03, 0.025), (-0.03, 0.165), (-0.13, 0.15), (-0.13, 0.05)], -0.03, 0.03),
    ]
    if chance(random, 0.4):
        front = length - 0.12
        pieces.append(frustum((0, 0, front - 0.03), (0, 0, front + random.uniform(0.1, 0.24)), 0.04, 0.04, 12))
    return pieces


def _rifle(random: np.random.Generator) -> list[Points]:
    high, lr, lb = random.uniform(0.09, 0.12), random.uniform(0.25, 0.35), random.uniform(0.35, 0.6)
    front, drop, butt = lr / 2, random.uniform(0.02, 0.09), -lr / 2 - random.uniform(0.22, 0.32)
    rear = -lr / 2 + 0.02
    stock = [(0.035, rear), (-0.04, rear), (-0.1 - drop, butt), (0.02 - 0.5 * drop, butt)]
    grip = [(-0.03, rear), (-0.03, rear + 0.08), (-0.17, rear + 0.03), (-0.17, rear - 0.05)]
    pieces = [
        box((0, 0, 0), (0.065, high, lr)),
        frustum((0, 0.015, front - 0.04), (0, 0.015, front + lb), 0.03, 0.028, 12),
        box((0, -0.01, front + 0.25 * lb), (0.068, 0.085, random.uniform(0.4, 0.6) * lb)),
        prism(0, stock, -0.032, 0.032),
        prism(0, grip, -0.032, 0.032),
    ]
    if chance(random, 0.7):
        low, bend = -0.03 - random.uniform(0.12, 0.22), random.uniform(0, 0.06)
        magazine = [(-0.03, 0.02), (-0.03, 0.11), (low, 0.11 + bend), (low, 0.03 + bend)]
        pieces.append(prism(0, magazine, -0.03, 0.03))
    if chance(random, 0.5):
        pieces.append(frustum((0, 0.1, -0.1), (0, 0.1, 0.13), 0.034, 0.034, 12))
        pieces.append(box((0, 0.06, 0.02), (0.05, 0.06, 0.09)))
    if chance(random, 0.2):
        z = front + 0.7 * lb
        pieces += both(frustum((0.01, 0.01, z), (0.12, -0.2, z), 0.028, 0.028, 8))
    return pieces


def monitor(random: np.random.Generator) -> list[Points]:
    """A flat screen on a neck or on two feet, or a cathode-ray tube."""
    w = random.uniform(0.8, 1.2)
    h, t, low = w * random.uniform(0.55, 0.8), random.uniform(0.07, 0.12), random.uniform(0.12, 0.25)
    style = random.integers(3)
    if style == 2:
        h, low = 0.78 * w, 0.1
        middle, depth = low + h / 2, random.uniform(0.3, 0.5)
        sizes = ((0.94, -0.06), (0.45, -0.07 - depth))
        tube = [(a * f * w / 2, middle + b * f * h / 2, z) for f, z in sizes for a in (-1, 1) for b in (-1, 1)]
        return [
            box((0, middle, 0), (w, h, 0.14)),
            hull(*tube),
            box((0, 0.065, -0.1), (0.5 * w, 0.13, 0.35)),
        ]
    pieces = [box((0, low + h / 2, 0), (w, h, t))]
    if style == 0:
        # The neck stands behind the screen and reaches into it.
        top = low + 0.15
        pieces.append(box((0, top / 2 + 0.01, -t / 2 - 0.01), (random.uniform(0.08, 0.2), top - 0.02, 0.07)))
        if chance(random, 0.5):
            pieces.append(box((0, 0.03, -0.02), (0.4 * w, 0.06, random.uniform(0.2, 0.32))))
        else:
            pieces.append(frustum((0, 0, -0.02), (0, 0.06, -0.02), 0.2, 0.2))
    else:
        foot = [(0, -0.14), (0, 0.14), (low + 0.05, 0.03), (low + 0.05, -0.03)]
        pieces += both(prism(0, foot, 0.3 * w - 0.04, 0.3 * w + 0.04))
    return pieces


def speaker(random: np.random.Generator) -> list[Points]:
    """An upright box with one to three drivers (half of all), a lying one with two, or a cylinder."""
    w = random.uniform(0.35, 0.6)
    h, d = w * random.uniform(1.2, 2.8), w * random.uniform(0.7, 1.1)
    style = random.integers(4)

    def driver(x: float, y: float, radius: float) -> Points:
        return frustum((x, y, d / 2 - 0.03), (x, y, d / 2 + 0.05), radius, radius)

    if style == 3:
        radius, h = random.uniform(0.25, 0.35), random.uniform(0.5, 1.1)
        pieces = [
            frustum((0, 0, 0), (0, h, 0), radius, radius),
            frustum((0, h - 0.02, 0), (0, h + 0.05, 0), 0.6 * radius, 0.6 * radius),
        ]
        x = z = 0.7 * radius - 0.04
    else:
        x, z = w / 2 - 0.06, d / 2 - 0.06
        if style == 2:
            h = 0.55 * w
            pieces = [box((0, h / 2, 0), (w, h, d)), *both(driver(0.25 * w, h / 2, 0.2 * w))]
        else:
            count = random.integers(1, 4)
            radius = min(0.42 * w, 0.42 * h / count)
            places = h * (np.arange(count) + 0.5) / count
            pieces = [box((0, h / 2, 0), (w, h, d)), *(driver(0, y, radius) for y in places)]
    if chance(random, 0.4):
        pieces += legs(x, z, -0.06, 0.02, 0.08)
    return pieces
