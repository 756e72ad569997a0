"""A genetic algorithm over ladders of a known length, for many targets at once.

An individual is a string of genes, one for each part: a gene is a type with a catalogue value, so there are 6 K genes.
With capacitors that join the coil before them (a tank in series, a trap to ground) there are 8 K.
A population is replaced by its best (the elite) and by children: each has two parents, and each parent is the best of a
few drawn at random; with some probability the child has the first parent's genes up to a random place and the second's
behind it, else the first's alone; at last every gene is drawn anew with a small probability. (Holland 1975; tournaments
as in Goldberg and Deb 1991.)

Nothing loops over targets or individuals, and only children that are no copy of a parent go to the simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from hypernet.circuits.core.features import COMPRESSIONS, Probe
from hypernet.circuits.core.ladder import BLOCK, propagate
from hypernet.circuits.core.parts import BRANCH, LEVELS, PAD, PART_TYPES, PC, PL, SC, SL, joined

# error(types [R, P, n], values [R, P, n], targets [R]) -> [R, P]: how far each circuit is from its row's target.
ErrorFunction = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
# The types of a gene: parts that are an arm each; and with them capacitors that make a tank or a trap of a coil.
SINGLE = tuple(range(len(PART_TYPES)))
RESONANT = (*SINGLE, joined(SC, BRANCH), joined(PC, BRANCH))
MOST_TYPES = LEVELS * len(PART_TYPES)
COIL_OF = {joined(SC, BRANCH): SL, joined(PC, BRANCH): PL}


@dataclass(frozen=True)
class Plan:
    """How a search goes.

    Attributes:
        population: P, circuits per target.
        generations: how often the population is replaced; the first one is random.
        tournament: how many circuits are drawn for each parent, the best of which it is.
        crossover: probability that a child has genes of both parents.
        mutation: probability that a gene is drawn anew.
        elite: how many of the best circuits stay as they are, less than P.
    """

    population: int
    generations: int
    tournament: int
    crossover: float
    mutation: float
    elite: int


def evolve(
    error: ErrorFunction,
    lengths: np.ndarray,
    values: np.ndarray,
    generator: np.random.Generator,
    plan: Plan,
    start: tuple[np.ndarray, np.ndarray] | None = None,
    genes: tuple[int, ...] = SINGLE,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Search a circuit for each of T targets.

    The generator determines the result. All targets share its numbers: what one target gets depends on which others are
    searched in the same call, though its chances do not.

    Args:
        error: see :data:`ErrorFunction`; it is called with rows of one circuit each, ``targets`` naming the target of
            each row. :data:`PAD` can stand before a part. NaN counts as infinitely far.
        lengths: number of parts of each target's circuit, ``[T]``.
        values: K values that every part can have, normalised, rising.
        generator: source of all choices.
        plan: how the search goes.
        start: types and values ``[T, S, n']`` of circuits that are in the first populations, S at most P. Each value is
            replaced by the nearest of ``values``. What lies behind the target's length is cut off; padding before it
            is a gap, which stays until its gene is drawn anew.
        genes: the types that parts can have, :data:`SINGLE` or :data:`RESONANT`.

    Returns:
        the best circuit of each target, types int8 and values ``[T, n]`` with :data:`PAD` behind the last part, and
        its error ``[T]``.
    """
    values = np.asarray(values, dtype=np.float64)
    inside = np.arange(np.max(lengths)) < np.asarray(lengths)[:, None]
    rows = np.arange(len(inside))[:, None]
    strings = _first(inside, values, generator, plan.population, start, genes)
    everywhere = np.ones(strings.shape[:2], dtype=bool)
    errors = _assess(error, strings, values, everywhere, np.empty(strings.shape[:2]), genes)
    for _ in range(plan.generations):
        # Sorted, so that the best of a tournament is the one with the smallest number.
        order = np.argsort(errors, axis=1, kind="stable")
        strings, errors = strings[rows, order], errors[rows, order]
        parents, children = _breed(strings, inside, len(genes) * len(values), generator, plan)
        # A child that is a copy has its parent's error.
        as_first, as_second = ((children == strings[rows, parent]).all(axis=2) for parent in parents)
        known = np.where(as_first, errors[rows, parents[0]], errors[rows, parents[1]])
        assessed = _assess(error, children, values, ~(as_first | as_second), known, genes)
        strings = np.concatenate([strings[:, : plan.elite], children], axis=1)
        errors = np.concatenate([errors[:, : plan.elite], assessed], axis=1)
    best = errors.argmin(axis=1)[:, None]
    types, sizes = decode(strings[rows, best][:, 0], values, genes)
    gaps_last = np.argsort(types == PAD, axis=1, kind="stable")
    types, sizes = (np.take_along_axis(array, gaps_last, axis=1) for array in (types, sizes))
    return types, sizes, errors[rows, best][:, 0]


def _first(
    inside: np.ndarray,
    values: np.ndarray,
    generator: np.random.Generator,
    population: int,
    start: tuple[np.ndarray, np.ndarray] | None,
    genes: tuple[int, ...],
) -> np.ndarray:
    """The first populations, ``[T, P, n]`` int16."""
    targets, longest = inside.shape
    strings = generator.integers(len(genes) * len(values), size=(targets, population, longest), dtype=np.int16)
    if start is not None:
        given = encode(*start, values, genes)[:, :, :longest]
        strings[:, : given.shape[1]] = PAD
        strings[:, : given.shape[1], : given.shape[2]] = given
    return np.where(inside[:, None], strings, np.int16(PAD))


def _breed(
    strings: np.ndarray, inside: np.ndarray, genes: int, generator: np.random.Generator, plan: Plan
) -> tuple[np.ndarray, np.ndarray]:
    """Both parents' numbers ``[2, T, P - elite]`` and the children ``[T, P - elite, n]`` of sorted populations."""
    targets, population, longest = strings.shape
    shape = (targets, population - plan.elite)
    rows, places = np.arange(targets)[:, None], np.arange(longest)
    parents = generator.integers(population, size=(2, plan.tournament, *shape), dtype=np.int32).min(axis=1)
    room = inside.sum(axis=1, keepdims=True) - 1
    cut = 1 + np.floor(generator.random(shape, dtype=np.float32) * room).astype(np.int16)
    cut[generator.random(shape, dtype=np.float32) >= plan.crossover] = longest
    children = np.where(places < cut[:, :, None], strings[rows, parents[0]], strings[rows, parents[1]])
    anew = (generator.random(children.shape, dtype=np.float32) < plan.mutation) & inside[:, None]
    return parents, np.where(anew, generator.integers(genes, size=children.shape, dtype=np.int16), children)


def _assess(
    error: ErrorFunction,
    strings: np.ndarray,
    values: np.ndarray,
    new: np.ndarray,
    known: np.ndarray,
    genes: tuple[int, ...],
) -> np.ndarray:
    """Errors ``[T, P]`` of strings: measured where they are new, else those that are known."""
    if new.any():
        types, sizes = decode(strings[new], values, genes)
        measured = error(types[:, None], sizes[:, None], np.nonzero(new)[0])[:, 0]
        known[new] = np.where(np.isnan(measured), np.inf, measured)
    return known


def decode(strings: np.ndarray, values: np.ndarray, genes: tuple[int, ...] = SINGLE) -> tuple[np.ndarray, np.ndarray]:
    """Types and values of strings of genes, each ``[..., n]``; the value at a gap is not looked at.

    A capacitor that would join a coil and has none before it is one on its own.
    """
    # A gap is -1, and -1 divided by K, rounded down, is -1 again: the last entry of the table.
    places, sizes = np.divmod(strings, np.int16(len(values)))
    types = np.array([*genes, PAD], dtype=np.int8)[places]
    before = np.concatenate([np.full_like(types[..., :1], PAD), types[..., :-1]], axis=-1)
    for joining, coil in ((each, COIL_OF[each]) for each in genes if each in COIL_OF):
        types = np.where((types == joining) & (before != coil), types % len(PART_TYPES), types).astype(np.int8)
    return types, values[sizes]


def encode(types: np.ndarray, values: np.ndarray, catalogue: np.ndarray, genes: tuple[int, ...] = SINGLE) -> np.ndarray:
    """Genes of circuits, int16 ``[..., n]``: each value becomes the nearest of the catalogue in its logarithm.

    A part whose type no gene has becomes one on its own.
    """
    types = np.asarray(types)
    table = np.array([genes.index(each if each in genes else each % len(PART_TYPES)) for each in range(MOST_TYPES)])
    places = np.searchsorted(np.sqrt(catalogue[1:] * catalogue[:-1]), values)
    return np.where(types >= 0, table[types] * len(catalogue) + places, PAD).astype(np.int16)


def response_errors(probe: Probe, target: np.ndarray) -> ErrorFunction:
    """The distance of circuits' responses from wanted ones, as :func:`hypernet.circuits.core.features.response_error`.

    In single precision, which takes about half the time and is some 1e-7 off; where it overflows, again in double.
    Circuits go to the simulator block by block, so memory stays bounded.

    Args:
        probe: how circuits are measured.
        target: compressed responses ``[T, C, d]``.
    """
    target = np.asarray(target, dtype=np.float64)
    size = np.sqrt(np.square(target).mean(axis=(1, 2)))
    wanted, compress = torch.from_numpy(target), COMPRESSIONS[probe.compression]
    # Half the width of double precision: twice as many in the processor's cache.
    block = max(1, 2 * BLOCK // probe.points)

    def measure(types: np.ndarray, values: np.ndarray, owner: np.ndarray, precision: torch.dtype) -> np.ndarray:
        points, goal = torch.from_numpy(probe.frequency).to(precision), wanted.to(precision)
        distance = np.empty(len(types))
        with torch.inference_mode():
            for first in range(0, len(types), block):
                here = slice(first, first + block)
                circuit = torch.from_numpy(types[here]).long(), torch.from_numpy(values[here]).to(precision)
                planes = [
                    torch.stack(propagate(*circuit, points, excitation), dim=1) for excitation in probe.excitations
                ]
                response = torch.cat([compress(plane) for plane in planes], dim=1)
                difference = response.sub_(goal[torch.from_numpy(owner[here])])
                distance[here] = difference.square_().mean(dim=(1, 2)).sqrt_().numpy()
        relative: np.ndarray = distance / size[owner]
        return relative

    def error(types: np.ndarray, values: np.ndarray, targets: np.ndarray | slice) -> np.ndarray:
        owner = np.repeat(np.arange(len(target))[targets], types.shape[1])
        flat_types, flat_values = types.reshape(-1, types.shape[2]), values.reshape(-1, types.shape[2])
        distance = measure(flat_types, flat_values, owner, torch.float32)
        beyond = ~np.isfinite(distance)
        if beyond.any():
            distance[beyond] = measure(flat_types[beyond], flat_values[beyond], owner[beyond], torch.float64)
        return distance.reshape(types.shape[:2])

    return error
