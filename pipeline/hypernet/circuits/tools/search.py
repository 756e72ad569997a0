"""Search for circuits that do what is wanted: written by a network, found among random ones, refined, snapped, ranked.

1. A trained network reads the response and writes candidates. Where the goal leaves parts of the response open (limits,
   a gain alone, a band smaller than the network's), many random circuits are simulated, and the responses of those that
   come nearest to the goal fill the gaps; these circuits are candidates too.
2. The best candidates of every length are polished by gradients through the simulator, and polished again with each of
   their parts left out, and with a partner for each coil and capacitor (a tank in series, a trap to ground) that
   resonates where they are furthest from the goal.
3. Values are snapped to the catalogue, and a genetic algorithm goes on from there.
4. For a mask the best are centred: polished and snapped again with copies whose parts are off within their tolerance,
   so that many of the circuits that are built lie inside.

All circuits are scored by the goal itself: what a network writes is simulated like all others.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from hypernet.circuits.baselines.genetic import RESONANT, SINGLE, Plan, evolve
from hypernet.circuits.core.goals import Goal, MaskGoal, ResponseGoal
from hypernet.circuits.core.parts import ELEMENTS, PAD, lengths_of
from hypernet.circuits.core.ranking import Error, descend, polish
from hypernet.circuits.core.tolerance import factors
from hypernet.circuits.names import series_values
from hypernet.circuits.sources.sampler import draw
from hypernet.circuits.tools.completion import completed, covers
from hypernet.circuits.tools.pool import Pool, one_part_less, paired, with_resonator
from hypernet.circuits.tools.rounding import round_values
from hypernet.lab.randomness import derived_seed, numpy_generator

if TYPE_CHECKING:
    from hypernet.circuits.trained import Designer

# Values that gradients and catalogues may reach, normalised, and the narrower range of random circuits.
LOWEST, HIGHEST = 1e-3, 1e3
DRAWN_LOWEST, DRAWN_HIGHEST = 0.03, 30.0
# Frequencies that are looked at among random circuits, and while values are refined.
COARSE_POINTS, FINE_POINTS = 48, 128
LEARNING_RATE = 0.2
# A response error that rounding alone explains.
EXACT = 1e-9
# Where a circuit came from, for people.
GREEDY, SAMPLED, RETRIEVED = "network, first answer", "network, sample", "random search"
EVOLVED = "genetic algorithm"


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Attributes:
        rounds: how often random circuits are drawn and refined, at most: no more once the goal is met.
        draws: random circuits that are simulated in a round.
        starts: of those, how many are candidates.
        templates: of those, how many fill the gaps of a response for the network.
        first_steps: gradient steps (Adam) for every candidate.
        finalists: candidates that go on.
        last_steps: quasi-Newton steps for these.
        prunings: how often every part of every finalist is tried to be left out.
        evolution: the genetic algorithm, one population for each length.
        mask_margin_db: by how much refinement tries to stay inside a mask.
        narrow_margin_db: the same of a mask that could not be met so.
        centred: circuits that are centred in a mask.
        copies: of each of them, with parts that are off.
    """

    rounds: int = 4
    draws: int = 50_000
    starts: int = 400
    templates: int = 8
    first_steps: int = 60
    finalists: int = 24
    last_steps: int = 60
    prunings: int = 1
    evolution: Plan = field(default_factory=lambda: Plan(150, 30, 3, 0.7, 0.1, 2))
    mask_margin_db: float = 0.5
    narrow_margin_db: float = 0.05
    centred: int = 16
    copies: int = 24


@dataclass(frozen=True)
class SearchResult:
    """What a search ends with.

    Attributes:
        pool: different circuits with catalogue values, best score first.
        scores: of the goal, ``[B]``.
        simulated: number of circuits that were simulated, a step of a gradient counted as one.
        steps: name of each step, the number of circuits that it left, and their best score.
    """

    pool: Pool
    scores: np.ndarray
    simulated: int
    steps: list[dict[str, Any]]


# A mask says less than a response: more circuits are near it, and more of them must be tried.
FOR_CURVE, FOR_MASK = Effort(), Effort(rounds=2, draws=200_000, starts=1200, finalists=48, prunings=3)


class Search:
    """One search; see the module.

    Args:
        goal: what is wanted.
        catalogue: values that can be had, normalised, rising.
        tolerance: of the parts, a share.
        longest: most parts.
        candidates: circuits that the network writes.
        seed: the same seed finds the same circuits.
        designer: a trained network, or None.
        seen: the goal as the network knows it, with a load of 1.0; where None, ``goal``.
        effort: how much is tried; None suits the goal.
        resonators: whether tanks in series and traps to ground are tried too.
    """

    def __init__(
        self,
        goal: Goal,
        catalogue: np.ndarray,
        tolerance: float,
        longest: int,
        candidates: int,
        seed: int,
        designer: Designer | None = None,
        seen: Goal | None = None,
        effort: Effort | None = None,
        resonators: bool = True,
    ):
        self.goal, self.catalogue, self.tolerance = goal, catalogue, tolerance
        self.longest, self.candidates = longest, candidates
        self.seed, self.designer, self.seen = seed, designer, seen or goal
        self.resonators = resonators
        self.effort = effort or (FOR_MASK if isinstance(goal, MaskGoal) else FOR_CURVE)
        self.coarse, self.fine = goal.thinned(COARSE_POINTS), goal.thinned(FINE_POINTS)
        # Inside a mask there is no slope: refinement aims at its middle.
        margin = self.effort.mask_margin_db
        self.aim, self.first_aim = _inset(self.fine, margin), _inset(self.coarse, margin)
        # Whether the network reads the response without gaps.
        self._whole = designer is not None and isinstance(self.seen, ResponseGoal) and covers(self.seen, designer.probe)
        self.simulated = 0
        self.steps: list[dict[str, Any]] = []

    def run(self) -> SearchResult:
        """Search."""
        refined, exact = self._explore()
        if isinstance(self.goal, MaskGoal) and not self.goal.met(self.steps[-1]["best"]):
            # A wide margin holds the curve off one limit at the cost of another: a mask hardly met leaves no room.
            self.aim = _inset(self.fine, self.effort.narrow_margin_db)
            refined = self._finalists((self._settled(refined) + refined).tidied())
            self._note("narrow margin", refined)
        pool = self._snap(refined)
        self._note("catalogue values", pool)
        if not exact:
            pool = (pool + self._snap(self._settled(self._evolve(pool)))).tidied()
            self._note("genetic algorithm", pool)
            less = self._finalists(one_part_less(pool).tidied())
            pool = (pool + self._snap(self._settled(less))).tidied()
            self._note("parts left out", pool)
        if isinstance(self.goal, MaskGoal) and self.tolerance:
            # In front: of circuits with the same score the first is taken.
            pool = (self._centre(pool) + pool).tidied()
            self._note("centred", pool)
        if isinstance(self.goal, MaskGoal):
            pool = (self._lean(pool) + pool).tidied()
            self._note("parts of no use left out", pool)
        scores = self._score(pool, self.goal)
        order = np.lexsort((lengths_of(pool.types), scores))
        return SearchResult(pool.take(order), scores[order], self.simulated, self.steps)

    def _explore(self) -> tuple[Pool, bool]:
        """Refined candidates, in rounds until the goal is met; and whether the network wrote the response as it is."""
        refined = Pool.of(np.zeros((0, 1), np.int8), np.zeros((0, 1)), RETRIEVED)
        for turn in range(self.effort.rounds):
            pool = self._retrieve(turn)
            self._note("random search", pool)
            if turn == 0 and self.designer is not None:
                written = self._written(pool)
                self._note("network", written)
                # A network that reads the response as it is needs few others beside its own.
                few = np.arange(min(self.candidates if self._whole else len(pool), len(pool)))
                pool = (written + pool.take(few)).tidied()
                if self._whole and self._score(written, self.goal).min(initial=np.inf) < EXACT:
                    return self._finalists(pool), True
            pool = self._refine(pool)
            refined = self._finalists((refined + pool).tidied()) if turn else pool
            self._note("refined", refined)
            if self.goal.met(self.steps[-1]["best"]):
                break
        return refined, False

    def _note(self, name: str, pool: Pool) -> None:
        best = float(self._score(pool, self.goal).min(initial=np.inf))
        self.steps.append({"step": name, "circuits": len(pool), "best": best})

    def _score(self, pool: Pool, goal: Goal) -> np.ndarray:
        self.simulated += len(pool)
        return goal.scores(pool.types, pool.values)

    def _best(self, pool: Pool, scores: np.ndarray, count: int, per_chain: int) -> np.ndarray:
        """The best rows: the same number of every length, few of each topology; the rest is filled by score."""
        lengths, order = lengths_of(pool.types), np.argsort(scores, kind="stable")
        seen: dict[bytes, int] = {}
        share = -(-count // self.longest)
        taken: list[int] = []
        spare: list[int] = []
        filled = np.zeros(self.longest + 1, dtype=int)
        for row in order:
            chain = pool.types[row].tobytes()
            if seen.get(chain, 0) == per_chain:
                continue
            seen[chain] = seen.get(chain, 0) + 1
            (taken if filled[lengths[row]] < share else spare).append(int(row))
            filled[lengths[row]] += 1
            if len(spare) >= count and len(taken) >= count:
                break
        rows = np.array((taken + spare)[:count], dtype=int)
        return rows[np.argsort(scores[rows], kind="stable")]

    def _retrieve(self, turn: int) -> Pool:
        """Of many random circuits those that come nearest to the goal."""
        generator = numpy_generator(self.seed, "circuits", "design", "retrieve", turn)
        values = series_values("E12", DRAWN_LOWEST, DRAWN_HIGHEST)
        types, classes = draw(generator, generator.integers(1, self.longest + 1, self.effort.draws), len(values))
        # Most filters have no resistors inside, and random ladders mostly do: every second one loses its own.
        lossless = np.arange(len(types)) % 2 == 1
        types[lossless[:, None] & (types % ELEMENTS == 0)] = PAD
        order = np.argsort(types == PAD, axis=1, kind="stable")
        types, classes = (np.take_along_axis(array, order, axis=1) for array in (types, classes))
        if self.resonators:
            # In every second pair of a coil and a capacitor, and of these in every second circuit.
            chosen = generator.random(types.shape, dtype=np.float32) < 0.5
            types = paired(types, chosen & (np.arange(len(types)) % 4 < 2)[:, None])
        some = (types >= 0).any(axis=1)
        pool = Pool.of(types[some], values[np.maximum(classes[some], 0)], RETRIEVED)
        pool = pool.take(self._best(pool, self._score(pool, self.coarse), self.effort.starts, per_chain=3))
        return pool.take(np.argsort(self._score(pool, self.goal), kind="stable"))

    def _written(self, retrieved: Pool) -> Pool:
        """What the network writes for the goal, its gaps filled with responses of retrieved circuits."""
        assert self.designer is not None
        templates = retrieved.take(np.arange(min(1 if self._whole else self.effort.templates, len(retrieved))))
        responses = completed(self.seen, self.designer.probe, templates.types, templates.values)
        samples = max(1, self.candidates // len(responses) - 1)
        seed = derived_seed(self.seed, "circuits", "design", "network")
        types, values = self.designer.candidates(responses, samples, seed)
        origin = np.array([GREEDY] + [SAMPLED] * samples, dtype=object)
        types, values = (array.reshape(-1, array.shape[-1]) for array in (types, values))
        pool = Pool.of(types, values, np.tile(origin, len(responses)))
        return pool.take(lengths_of(pool.types) <= self.longest)

    def _settled(self, pool: Pool, loss: Error | None = None) -> Pool:
        """Values where the loss is at its least."""
        self.simulated += len(pool) * self.effort.last_steps
        values = descend(pool.types, pool.values, loss or self.aim.loss, self.effort.last_steps, LOWEST, HIGHEST)
        return replace(pool, values=values).tidied()

    def _refine(self, pool: Pool) -> Pool:
        """Polish all, the best again, and these with one part left out, so that parts of no use disappear."""
        steps, loss = self.effort.first_steps, self.first_aim.loss
        self.simulated += len(pool) * steps
        values = polish(pool.types, pool.values, loss, steps, LEARNING_RATE, LOWEST, HIGHEST)
        best = self._finalists(self._settled(self._finalists(replace(pool, values=values).tidied())))
        for _ in range(self.effort.prunings):
            changed = one_part_less(best)
            if self.resonators:
                changed = changed + self._resonant(best)
            changed = self._finalists(self._settled(changed.tidied()))
            best = self._finalists((best + changed).tidied())
        return best

    def _resonant(self, pool: Pool) -> Pool:
        """Circuits that do not meet the goal, with a tank or a trap more where they are furthest from it."""
        pool = pool.take(np.flatnonzero(self._score(pool, self.fine) > self.goal.GOOD))
        off = self.fine.deviation(*self.fine.respond(pool.types, pool.values))
        return with_resonator(pool, self.fine.frequency[off.argmax(axis=1)], self.longest)

    def _finalists(self, pool: Pool) -> Pool:
        return pool.take(self._best(pool, self._score(pool, self.aim), self.effort.finalists, per_chain=2))

    def _snap(self, pool: Pool, loss: Error | None = None) -> Pool:
        """Values of the catalogue; what the score was before is kept."""
        free = self._score(pool, self.goal)

        def counted(types: Tensor, values: Tensor) -> Tensor:
            self.simulated += len(types)
            return (loss or self.aim.loss)(types, values)

        values = round_values(pool.types, pool.values, self.catalogue, counted)
        return replace(pool, values=values, free=free).tidied()

    def _evolve(self, pool: Pool) -> Pool:
        """The best circuit of every length after a genetic algorithm that starts with the given ones."""
        lengths = np.unique(lengths_of(pool.types))
        scores, size = self._score(pool, self.aim), self.effort.evolution.population // 2
        # Every population starts with as many circuits: where there are fewer, the best come again.
        of_length = [np.flatnonzero(lengths_of(pool.types) == length) for length in lengths]
        rows = np.array([np.resize(some[np.argsort(scores[some], kind="stable")], size) for some in of_length])
        lowest, highest = (extreme(pool.values[pool.types >= 0]) for extreme in (np.min, np.max))
        inside = (self.catalogue >= min(lowest, DRAWN_LOWEST)) & (self.catalogue <= max(highest, DRAWN_HIGHEST))

        def error(types: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
            del targets  # one goal for all
            self.simulated += types.shape[0] * types.shape[1]
            flat = self.aim.scores(types.reshape(-1, types.shape[2]), values.reshape(-1, types.shape[2]))
            return flat.reshape(types.shape[:2])

        generator = numpy_generator(self.seed, "circuits", "design", "evolve")
        start, genes = (pool.types[rows], pool.values[rows]), RESONANT if self.resonators else SINGLE
        types, values, _ = evolve(
            error, lengths, self.catalogue[inside], generator, self.effort.evolution, start, genes
        )
        return Pool.of(types, values, EVOLVED).tidied()

    def _lean(self, pool: Pool) -> Pool:
        """Circuits inside the mask that still are with the same values and one or several parts less."""
        lean = pool.take(np.zeros(0, dtype=int))
        while len(pool):
            pool = pool.take(np.flatnonzero(self._score(pool, self.goal) == 0))
            lean, less = lean + pool, one_part_less(pool).tidied()
            bought = np.isclose(less.values[..., None], self.catalogue, rtol=1e-9).any(axis=-1) | (less.types < 0)
            pool = replace(less, free=np.zeros(len(less))).take(np.flatnonzero(bought.all(axis=1)))
        return lean

    def _centre(self, pool: Pool) -> Pool:
        """The best circuits with values in the middle of what the mask allows."""
        pool = pool.take(self._best(pool, self._score(pool, self.aim), self.effort.centred, per_chain=1))
        generator, copies = numpy_generator(self.seed, "circuits", "design", "centre"), self.effort.copies
        off = torch.from_numpy(factors(self.tolerance, pool.types.shape[1], copies, generator, "uniform"))

        def loss(types: Tensor, values: Tensor) -> Tensor:
            self.simulated += (copies - 1) * len(types)
            copied = (values[:, None] * off[:, : types.shape[1]]).flatten(0, 1)
            losses = self.fine.loss(types.repeat_interleave(copies, dim=0), copied)
            per_circuit: Tensor = losses.unflatten(0, (len(types), copies)).mean(dim=1)
            return per_circuit

        return self._snap(self._settled(pool, loss), loss)


def _inset(goal: Goal, margin_db: float) -> Goal:
    """A mask with a margin inside; other goals as they are."""
    return goal.inset(margin_db) if isinstance(goal, MaskGoal) else goal
