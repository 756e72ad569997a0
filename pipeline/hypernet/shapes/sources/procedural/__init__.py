"""Thirteen classes of shapes made of convex parts: the embedded data set, with labels that have no error.

Every class is a function of a random generator; its lengths are about one, x lateral, y up, z to the front. What is not
stated of a size is between 0.05 and 0.1, since a part thinner than 0.05 vanishes on a grid of 32 cells.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.shapes.core.polytopes import Part, Solid
from hypernet.shapes.names import CLASSES
from hypernet.shapes.sources.procedural.devices import cellphone, firearm, monitor, speaker
from hypernet.shapes.sources.procedural.furniture import cabinet, lamp, table
from hypernet.shapes.sources.procedural.primitives import Points
from hypernet.shapes.sources.procedural.seats import bench, chair, couch
from hypernet.shapes.sources.procedural.vehicles import airplane, car, watercraft

MAKERS: dict[str, Callable[[np.random.Generator], list[Points]]] = {
    "airplane": airplane,
    "bench": bench,
    "cabinet": cabinet,
    "car": car,
    "cellphone": cellphone,
    "chair": chair,
    "couch": couch,
    "firearm": firearm,
    "lamp": lamp,
    "monitor": monitor,
    "speaker": speaker,
    "table": table,
    "watercraft": watercraft,
}
# Nearly all first attempts are in one piece.
ATTEMPTS = 100
COLOURS = (0.25, 0.95)


def generate(name: str, seed: int) -> Solid:
    """One shape, in the canonical frame and in one piece; the same for the same name and seed, in any order.

    Colours are drawn for each part and say nothing of the shape. Only a couch with a chaise and a phone with an antenna
    differ from their mirror image.

    Args:
        name: of the class.
        seed: which shape of the class, not negative.

    Raises:
        UserError: there is no such class, or the seed is negative.
    """
    if name not in MAKERS:
        raise UserError(f"no class {name!r}: choose one of {', '.join(CLASSES)}")
    if seed < 0:
        raise UserError(f"the seed of a shape must not be negative, got {seed}")
    for attempt in range(ATTEMPTS):
        random = np.random.default_rng([CLASSES.index(name) + 1, seed, attempt])
        pieces = MAKERS[name](random)
        colours = random.uniform(*COLOURS, size=(len(pieces), 3))
        solid = Solid(tuple(Part(piece, colour) for piece, colour in zip(pieces, colours, strict=True))).normalised()
        if solid.connected():
            return solid
    raise RuntimeError(f"{name} {seed}: no attempt of {ATTEMPTS} was in one piece")
