"""Simulator-ranked design: of many written circuits keep the one whose response is nearest, then refine its values.

Circuits are ranked, polished and snapped by any error that the caller gives, so that a whole response and a mask of
limits are served alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hypernet.circuits.core.features import Probe

# Error of each circuit from its types [B, n] and values [B, n], differentiable in the values: [B].
Error = Callable[[Tensor, Tensor], Tensor]
# A circuit without parts answers nothing: last in every ranking.
NO_CIRCUIT = np.inf
SWEEPS = 4
# Of a quasi-Newton step: the first one's length and the longest change of log(value), how much of what the slope
# promises the error must fall, and what is left of a step that does not do it.
FIRST_STEP, LONGEST_STEP, ENOUGH, SHORTER = 0.1, 1.0, 1e-4, 0.3
SMALLEST = 1e-30


def squared_error(probe: Probe, target: Tensor) -> Error:
    """Squared relative RMS error of compressed responses; see :func:`hypernet.circuits.core.features.response_error`.

    Args:
        probe: how circuits are measured.
        target: compressed responses, ``[C, d]`` of one target or ``[B, C, d]`` with one for each circuit.
    """
    target = target.double()
    size = target.square().mean(dim=(-2, -1))

    def error(types: Tensor, values: Tensor) -> Tensor:
        return (probe.of(types, values) - target).square().mean(dim=(-2, -1)) / size

    return error


def candidate_errors(probe: Probe, target: np.ndarray, types: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Relative RMS error of every candidate, :data:`NO_CIRCUIT` where it has no parts.

    Args:
        probe: how circuits are measured.
        target: compressed responses ``[T, C, d]``.
        types: ``[T, S, n]``.
        values: ``[T, S, n]``.

    Returns:
        float64 ``[T, S]``.
    """
    targets, samples, _ = types.shape
    out = np.empty((targets, samples))
    size = np.sqrt(np.square(target).mean(axis=(1, 2)))
    # One target after the other would leave the simulator idle, all at once would not fit: by rows of candidates.
    block = max(1, 2**21 // (samples * target.shape[1] * target.shape[2]))
    for first in range(0, targets, block):
        rows = slice(first, first + block)
        flat = probe.measure(types[rows].reshape(-1, types.shape[2]), values[rows].reshape(-1, types.shape[2]))
        difference = flat.reshape(-1, samples, *target.shape[1:]) - target[rows, None]
        out[rows] = np.sqrt(np.square(difference).mean(axis=(2, 3))) / size[rows, None]
    out[(types < 0).all(axis=2)] = NO_CIRCUIT
    return out


def polish(
    types: np.ndarray,
    values: np.ndarray,
    error: Error,
    steps: int,
    learning_rate: float,
    lowest: float,
    highest: float,
) -> np.ndarray:
    """Lower the error by gradient descent on the logarithms of the values, through the simulator (Adam).

    Args:
        types: ``[B, n]``.
        values: where to start, ``[B, n]``.
        error: what to lower.
        steps: number of steps.
        learning_rate: of log(value); it falls to a tenth as a cosine.
        lowest: smallest value.
        highest: largest value.

    Returns:
        the best values that each circuit passed, ``[B, n]``; never worse than the start.
    """
    parts = torch.from_numpy(np.asarray(types, np.int64))
    inside = parts >= 0
    start = torch.from_numpy(np.where(types >= 0, values, 1.0)).double()
    place = start.log().requires_grad_()
    best, best_error = start.clone(), torch.full((len(parts),), torch.inf, dtype=torch.float64)
    optimizer = torch.optim.Adam([place], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1), learning_rate / 10)
    for step in range(steps + 1):
        current = place.exp()
        errors = error(parts, current)
        better = errors.detach() < best_error
        best[better], best_error[better] = current.detach()[better], errors.detach()[better]
        if step == steps:
            break
        optimizer.zero_grad()
        # A circuit whose error is not finite must not stop the others.
        torch.where(torch.isfinite(errors), errors, torch.zeros_like(errors)).sum().backward()
        assert place.grad is not None
        place.grad = torch.where(torch.isfinite(place.grad) & inside, place.grad, torch.zeros_like(place.grad))
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            place.clamp_(np.log(lowest), np.log(highest))
    return np.where(types >= 0, best.numpy(), values)


def descend(
    types: np.ndarray, values: np.ndarray, error: Error, steps: int, lowest: float, highest: float
) -> np.ndarray:
    """Lower the error by a quasi-Newton method (BFGS; Nocedal and Wright 2006, chapter 6), for all circuits at once.

    On the logarithms of the values, with a step that is shortened until the error falls enough. It converges where
    :func:`polish` still goes round the valley's floor, and needs a start that is not far off.

    Args:
        types: ``[B, n]``.
        values: where to start, ``[B, n]``.
        error: what to lower.
        steps: number of gradients.
        lowest: smallest value.
        highest: largest value.

    Returns:
        values, ``[B, n]``; never worse than the start.
    """
    parts = torch.from_numpy(np.asarray(types, np.int64))
    inside = parts >= 0
    bounds = float(np.log(lowest)), float(np.log(highest))
    place = torch.from_numpy(np.where(types >= 0, values, 1.0)).double().log().clamp(*bounds)

    def slope(at: Tensor) -> tuple[Tensor, Tensor]:
        at = at.detach().requires_grad_()
        errors = error(parts, at.exp())
        torch.where(torch.isfinite(errors), errors, torch.zeros_like(errors)).sum().backward()
        assert at.grad is not None
        usable = torch.isfinite(at.grad) & inside & torch.isfinite(errors)[:, None]
        return errors.detach(), torch.where(usable, at.grad, torch.zeros_like(at.grad))

    now, gradient = slope(place)
    unit = torch.eye(place.shape[1], dtype=place.dtype).expand(len(place), -1, -1)
    # Of the inverse Hessian; the first step is of the length that a gradient of that size allows.
    inverse = unit / gradient.norm(dim=1).clamp_min(SMALLEST)[:, None, None] * FIRST_STEP
    share = torch.ones_like(now)
    for _ in range(steps):
        step = -(inverse @ gradient[..., None])[..., 0]
        uphill = (step * gradient).sum(dim=1) >= 0
        step = torch.where(uphill[:, None], -gradient, step)
        step = step * (LONGEST_STEP / step.abs().amax(dim=1).clamp_min(LONGEST_STEP))[:, None]
        there = (place + share[:, None] * step).clamp(*bounds)
        then, gradient_there = slope(there)
        moved, turned = there - place, gradient_there - gradient
        better = then <= now + ENOUGH * (moved * gradient).sum(dim=1)
        curvature = (moved * turned).sum(dim=1)
        learns = better & (curvature > SMALLEST)
        rho = torch.where(learns, 1.0 / curvature.clamp_min(SMALLEST), torch.zeros_like(curvature))[:, None, None]
        turn = unit - rho * moved[:, :, None] * turned[:, None, :]
        updated = turn @ inverse @ turn.mT + rho * moved[:, :, None] * moved[:, None, :]
        inverse = torch.where(learns[:, None, None], updated, inverse)
        place = torch.where(better[:, None], there, place)
        gradient = torch.where(better[:, None], gradient_there, gradient)
        now = torch.where(better, then, now)
        share = torch.where(better, torch.ones_like(share), share * SHORTER)
    return np.where(types >= 0, place.exp().numpy(), values)


def snap(types: np.ndarray, values: np.ndarray, catalogue: np.ndarray, error: Error) -> np.ndarray:
    """Values of a catalogue near given ones: the nearest in ratio, then neighbours where they lower the error.

    Part after part tries the next smaller and the next larger value, for all circuits at once, until a sweep changes
    nothing (at most :data:`SWEEPS`).

    Args:
        types: ``[B, n]``.
        values: ``[B, n]``.
        catalogue: the values that can be had, rising.
        error: what to lower.

    Returns:
        values of the catalogue, ``[B, n]``.
    """
    types = np.asarray(types)
    parts = torch.from_numpy(types.astype(np.int64))
    inside = types >= 0
    ratio = np.abs(np.log(np.where(inside, values, 1.0))[..., None] - np.log(catalogue))
    chosen = ratio.argmin(axis=-1)

    def errors(choice: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return error(parts, torch.from_numpy(catalogue[choice])).numpy()

    lowest = errors(chosen)
    for _ in range(SWEEPS):
        before = chosen.copy()
        for place in range(types.shape[1]):
            for step in (-1, 1):
                trial = chosen.copy()
                trial[:, place] = np.clip(trial[:, place] + step, 0, len(catalogue) - 1)
                tried = errors(trial)
                better = (tried < lowest) & inside[:, place]
                chosen[better], lowest[better] = trial[better], tried[better]
        if (chosen == before).all():
            break
    return np.where(inside, catalogue[chosen], values)
