"""Time a batch of generated networks, forward and backward, against other ways to run them.

    python -m benchmarks layers [--repetitions 25] [--threads 1]

Rows are sizes that the domains use, and the implementations; all read the same flat parameter vectors, and
must give the same outputs and gradients before anything is timed. Repetitions of the implementations
alternate, so that a slow moment of the machine hits all of them, and the median is printed. `hypnettorch` is
timed where it is installed.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from benchmarks import heading, milliseconds, row, settings, timing
from hypernet.layers import FunctionalMLP


@dataclass(frozen=True)
class Case:
    """A network, and how many samples and points per sample a training step has."""

    name: str
    widths: tuple[int, ...]
    activation: nn.Module
    bias: bool
    samples: int
    points: int


CASES = (
    Case("shapes: 3-32×5-1, ELU", (3, 32, 32, 32, 32, 32, 1), nn.ELU(), True, 16, 512),
    Case("superres: 18-16-16-1, ReLU", (18, 16, 16, 1), nn.ReLU(), True, 64, 128),
    Case("molecules: 64-128-64, tanh, no bias", (64, 128, 64), nn.Tanh(), False, 577, 1),
)

Implementation = Callable[[Tensor, Tensor], Tensor]


def matrices(case: Case, flat: Tensor) -> list[Tensor]:
    """Cut flat vectors [B, N] into torch's weight [B, out, in] and bias [B, out] of every layer."""
    sizes = [n for i, o in pairwise(case.widths) for n in ((i * o, o) if case.bias else (i * o,))]
    pieces = iter(flat.split(sizes, dim=1))
    tensors = []
    for i, o in pairwise(case.widths):
        tensors.append(next(pieces).unflatten(1, (i, o)).mT)
        if case.bias:
            tensors.append(next(pieces))
    return tensors


def ours(case: Case) -> Implementation:
    return FunctionalMLP(case.widths, case.activation, bias=case.bias)


def functional_call_with_vmap(case: Case) -> Implementation:
    modules: list[nn.Module] = []
    for i, o in pairwise(case.widths):
        modules += [nn.Linear(i, o, bias=case.bias), case.activation]
    network = nn.Sequential(*modules[:-1])
    names = [name for name, _ in network.named_parameters()]

    def apply(points: Tensor, flat: Tensor) -> Tensor:
        named = dict(zip(names, matrices(case, flat), strict=True))
        return vmap(lambda parameters, x: functional_call(network, parameters, x))(named, points)

    return apply


def python_loop(case: Case) -> Implementation:
    per_layer = 2 if case.bias else 1

    def apply(points: Tensor, flat: Tensor) -> Tensor:
        outputs = []
        for x, *sample in zip(points, *(tensor.unbind() for tensor in matrices(case, flat)), strict=True):
            for start in range(0, len(sample), per_layer):
                x = F.linear(case.activation(x) if start else x, *sample[start : start + per_layer])
            outputs.append(x)
        return torch.stack(outputs)

    return apply


def hypnettorch(case: Case) -> Implementation:
    from hypnettorch.mnets import MLP  # an optional peer: only where someone installed it

    network = MLP(
        case.widths[0],
        case.widths[-1],
        list(case.widths[1:-1]),
        activation_fn=case.activation,
        use_bias=case.bias,
        no_weights=True,
        verbose=False,
    )

    def apply(points: Tensor, flat: Tensor) -> Tensor:
        # It takes the weights of one network at a time, so a batch of networks is a loop.
        samples = zip(*(tensor.unbind() for tensor in matrices(case, flat)), strict=True)
        return torch.stack([network(x, weights=list(w)) for x, w in zip(points, samples, strict=True)])

    return apply


def implementations() -> dict[str, Callable[[Case], Implementation]]:
    table = {
        "ours": ours,
        "functional_call + vmap": functional_call_with_vmap,
        "loop over samples": python_loop,
    }
    if find_spec("hypnettorch") is not None:
        table["hypnettorch"] = hypnettorch
    return table


def step(apply: Implementation, points: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
    """One forward and backward pass: the outputs and the gradient of their mean square for the parameters."""
    outputs = apply(points, flat)
    return outputs, torch.autograd.grad(outputs.square().mean(), flat)[0]


def actions(case: Case) -> dict[str, Callable[[], object]]:
    """Build one step of every implementation on the same random numbers, after a check that they agree."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(case.samples, case.points, case.widths[0], generator=generator) * 2 - 1
    length = ours(case).parameter_count
    flat = (torch.randn(case.samples, length, generator=generator) * 0.2).requires_grad_()
    steps = {name: partial(step, build(case), points, flat) for name, build in implementations().items()}
    expected = steps["ours"]()
    for name, act in steps.items():
        torch.testing.assert_close(act(), expected, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")
    return steps


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=25)
    if "hypnettorch" not in implementations():
        print("hypnettorch is not installed: skipped\n")
    print(
        f"torch {torch.__version__}, {options.threads} thread(s), median of {options.repetitions}: "
        "forward + backward; ratio to ours\n"
    )
    print(heading("network", "samples × points", "implementation", "ms", "quartiles", "ratio"))
    for case in CASES:
        times = milliseconds(actions(case), options.repetitions)
        for name, values in times.items():
            cells = timing(values, times["ours"])
            print(row(case.name, f"{case.samples} × {case.points}", name, *cells), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
