"""Ridge regression from the four images of a patch to the next one, by normal equations that are summed in passing.

    W = argmin of sum over patches of |y - W x - b|^2 + alpha n |W|^2        alpha by the error on validation patches

(the talk's "Patch Based Linear Regression"; that it is ridge, and its alphas, are inferred). Grey levels go in as whole
numbers, so the sums of their products are exact, in whatever order patches come: few at a time in single precision,
which is twice as fast, all of them in double.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import INPUTS, LEVELS, Geometry
from hypernet.radar.core.tiles import PatchNetwork

# Inputs uint8 [B, 4, c + 2 m, c + 2 m] and targets uint8 [B, c, c], grey times 255.
Patches = tuple[np.ndarray, np.ndarray]
# Rows of the products of inputs that are summed together; those to the right of the last of them are left out.
ROWS_AT_ONCE = 256
# Whole numbers below this are exact in single precision.
EXACT = 2**24


class PatchLinear(PatchNetwork):
    """One linear layer: ``[B, 4, c + 2 m, c + 2 m] -> [B, c, c]``."""

    def __init__(self, geometry: Geometry):
        super().__init__()
        self.patch = geometry.patch
        self.linear = nn.Linear(INPUTS * geometry.patch_input**2, self.patch**2)

    def forward(self, patches: Tensor) -> Tensor:
        """The next centres of patches, ``[B, c, c]``."""
        return self.linear(patches.flatten(1)).unflatten(1, (self.patch, self.patch))


class NormalEquations:
    """Sums of products of inputs and targets: all that ridge regression needs of the patches.

    They take 8 D^2 bytes for D input pixels (80 MB for patches of 28 pixels, 1.7 GB for 60), however many patches;
    solving takes twice that on top.

    Args:
        geometry: sizes.
        device: where to sum and solve.
    """

    def __init__(self, geometry: Geometry, device: torch.device | str = "cpu"):
        self.geometry, self.device = geometry, device
        inputs, targets = INPUTS * geometry.patch_input**2, geometry.patch**2
        self.count = 0
        # Of the products of inputs, which are symmetric, what is on the diagonal and to the left of it; more is not
        # to be relied on.
        self._gram, self._cross, self._input, self._target = (
            torch.zeros(shape, dtype=torch.float64, device=device)
            for shape in ((inputs, inputs), (inputs, targets), (inputs,), (targets,))
        )

    def add(self, inputs: np.ndarray, targets: np.ndarray, times: np.ndarray | None = None) -> None:
        """Take in some patches.

        Args:
            inputs: uint8 ``[B, 4, c + 2 m, c + 2 m]``.
            targets: uint8 ``[B, c, c]``.
            times: how often each of them counts, integers ``[B]``; once where it is not said.
        """
        if inputs.dtype != np.uint8 or targets.dtype != np.uint8:
            raise ValueError(f"patches of type {inputs.dtype} and {targets.dtype}; accepted: uint8")
        x, y = (torch.from_numpy(array).to(self.device).flatten(1).double() for array in (inputs, targets))
        counts = np.ones(len(inputs), dtype=np.int64) if times is None else times
        self.count += int(counts.sum())
        counted = x * torch.from_numpy(counts).to(x)[:, None]
        parts = [(counted[part].float(), x[part].float()) for part in _exact_parts(counts, int(inputs.max(initial=0)))]
        for first in range(0, len(self._gram), ROWS_AT_ONCE):
            rows, end = slice(first, first + ROWS_AT_ONCE), first + ROWS_AT_ONCE
            for left, right in parts:
                self._gram[rows, :end] += left[:, rows].mT @ right[:, :end]
        self._cross.addmm_(counted.mT, y)
        self._input += counted.sum(dim=0)
        self._target += torch.from_numpy(counts).to(y) @ y

    def solve(self, alpha: float) -> PatchLinear:
        """The regression with the penalty ``alpha`` times the number of patches; the constant term has none.

        Raises:
            UserError: there are no patches, or alpha is so small that the equations have no stable solution.
        """
        if not self.count:
            raise UserError("patch_linear: no training patches; accepted: one or more")
        mean_input, mean_target = self._input / self.count, self._target / self.count
        # In whole grey levels, 255 times as large: the penalty grows with their square, the weights stay the same.
        # Cholesky's method reads the diagonal and what is to the left of it.
        matrix = torch.addr(self._gram, self._input, mean_input, alpha=-1)
        matrix.diagonal().add_(alpha * self.count * LEVELS**2)
        factor, failed = torch.linalg.cholesky_ex(matrix)
        if failed:
            raise UserError(f"patch_linear: alphas: {alpha:g} is too small for {self.count} patches; take a larger one")
        del matrix
        weight = torch.cholesky_solve(torch.addr(self._cross, self._input, mean_target, alpha=-1), factor)
        regression = PatchLinear(self.geometry).to(self.device)
        with torch.no_grad():
            regression.linear.weight.copy_(weight.mT)
            regression.linear.bias.copy_((mean_target - mean_input @ weight) / LEVELS)
        return regression


def _exact_parts(counts: np.ndarray, largest: int) -> list[slice]:
    """Patches whose products of grey levels up to the largest add up to less than ``EXACT``; one at least."""
    most = max(1, (EXACT - 1) // max(1, largest**2))
    parts, first, total = list[slice](), 0, 0
    for place, count in enumerate(counts.tolist()):
        if total + count > most and place > first:
            parts.append(slice(first, place))
            first, total = place, 0
        total += count
    return [*parts, slice(first, len(counts))]


def choose(
    equations: NormalEquations, alphas: Sequence[float], validation: Iterable[Patches]
) -> tuple[PatchLinear, dict[float, float]]:
    """The regression whose error on validation patches is least.

    Args:
        equations: of the training patches.
        alphas: penalties to try; see ``NormalEquations.solve``.
        validation: batches of patches, read once.

    Returns:
        the regression, and by alpha half the squared error of a validation patch.

    Raises:
        UserError: there are no training or no validation patches.
    """
    regressions = {alpha: equations.solve(alpha) for alpha in alphas}
    losses, count = dict.fromkeys(alphas, 0.0), 0
    for inputs, targets in validation:
        x, y = (torch.from_numpy(array).to(equations.device).float() / LEVELS for array in (inputs, targets))
        count += len(x)
        with torch.inference_mode():
            for alpha, regression in regressions.items():
                losses[alpha] += 0.5 * float((regression(x) - y).square().sum(dtype=torch.float64))
    if not count:
        raise UserError("patch_linear: no validation patches to choose alpha by; accepted: one or more")
    losses = {alpha: loss / count for alpha, loss in losses.items()}
    return regressions[min(losses, key=losses.__getitem__)], losses
