"""Time a batch of generated networks, forward and backward, against other ways to run them.

    python -m benchmarks layers [--repetitions 15] [--threads 1]

Every row but the short filters is a size that a domain uses. All implementations read the same weights and must give
the same outputs and gradients before anything is timed. Times are processor time, so that other work on the machine
counts little, and their median is printed. Every round runs all implementations, in turn forwards and backwards; a
ratio is the median over the rounds of a time divided by ours of the same round, with its quartiles. `hypnettorch` is
timed where it is installed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from benchmarks import heading, row, settings
from hypernet.layers import (
    DynamicConv2d,
    FunctionalMLP,
    GeneratedGRU,
    GeneratedModule,
    SeparableDynamicConv2d,
    WeightHeads,
)

Implementation = Callable[[Tensor, Tensor], Tensor]
# A slow implementation is run in the first rounds only: so many, and until it has taken so many milliseconds.
FEWEST, ENOUGH = 3, 5000
COLUMNS = ("forward, ms", "ratio", "both ways, ms", "ratio")


@dataclass(frozen=True)
class Case:
    """A generated network, the shape of one sample's inputs, and how many samples a training step has."""

    name: str
    module: GeneratedModule
    shape: tuple[int, ...]
    samples: int


class UnfusedGRU(nn.Module):
    """torch's GRU from its equations: vmap has no rule for the fused one. Parameters as `nn.GRU` names them."""

    def __init__(self, unit: nn.GRU):
        super().__init__()
        for name, parameter in unit.named_parameters():
            self.register_parameter(name, nn.Parameter(parameter.detach().clone()))

    def forward(self, inputs: Tensor) -> Tensor:
        state = inputs.new_zeros(self.weight_hh_l0.shape[1])
        states = []
        for from_input in F.linear(inputs, self.weight_ih_l0, self.bias_ih_l0).unbind(0):
            from_state = F.linear(state, self.weight_hh_l0, self.bias_hh_l0)
            (ir, iz, new), (hr, hz, hn) = from_input.chunk(3), from_state.chunk(3)
            update = torch.sigmoid(iz + hz)
            state = (1 - update) * torch.tanh(new + torch.sigmoid(ir + hr) * hn) + update * state
            states.append(state)
        return torch.stack(states)


class Alone(nn.Module):
    """An exported network on one sample's inputs without a batch."""

    def __init__(self, network: nn.Module, channel: bool):
        super().__init__()
        self.network, self.channel = network, channel

    def forward(self, inputs: Tensor) -> Tensor:
        image = inputs[None, None] if self.channel else inputs[None]
        result: Tensor = self.network(image)[0]
        return result[0] if self.channel else result


def template(case: Case, theta: Tensor) -> nn.Module:
    """One sample's network as an ordinary module."""
    network = case.module.export(theta)
    if isinstance(case.module, GeneratedGRU):
        return UnfusedGRU(network)
    if isinstance(case.module, DynamicConv2d | SeparableDynamicConv2d):
        return Alone(network, channel=isinstance(case.module, SeparableDynamicConv2d))
    return network


CASES = (
    Case("shapes: MLP 3-32×5-1, ELU", FunctionalMLP((3, 32, 32, 32, 32, 32, 1), nn.ELU()), (512, 3), 16),
    Case("superres: MLP 18-16-16-1, ReLU", FunctionalMLP((18, 16, 16, 1), nn.ReLU()), (128, 18), 64),
    Case("molecules: MLP 64-128-64, tanh", FunctionalMLP((64, 128, 64), nn.Tanh(), bias=False), (1, 64), 577),
    Case("circuits: GRU 16-24, 5 steps", GeneratedGRU(16, 24), (5, 16), 256),
    Case("convolution 3 to 8, 5 × 5, 64 px", DynamicConv2d(3, 8, 5, padding=2, bias=True), (3, 64, 64), 16),
    Case("radar patches: 28 px, 21 taps", SeparableDynamicConv2d(21, 21), (28, 28), 128),
    Case("radar images: 100 px, 21 taps", SeparableDynamicConv2d(21, 21), (100, 100), 32),
    Case("radar: 250 px, 51 taps", SeparableDynamicConv2d(51, 51), (250, 250), 16),
    Case("short filters: 64 px, 5 taps", SeparableDynamicConv2d(5, 5), (64, 64), 64),
)


def as_ordinary(case: Case, theta: Tensor) -> dict[str, Tensor]:
    """θ as the parameters of the exported networks, by name, [B, *shape], differentiable."""
    tensors = case.module.layout.split(theta)
    if isinstance(case.module, FunctionalMLP):
        # Layers and activations alternate in the exported network.
        return {
            f"{2 * int(name.partition('.')[0])}.{name.partition('.')[2]}": value.mT if value.dim() == 3 else value
            for name, value in tensors.items()
        }
    if isinstance(case.module, GeneratedGRU):
        return {
            "weight_ih_l0": tensors["input"].mT,
            "weight_hh_l0": tensors["hidden"].mT,
            "bias_ih_l0": tensors["input_bias"],
            "bias_hh_l0": tensors["hidden_bias"],
        }
    if isinstance(case.module, SeparableDynamicConv2d):
        kernel = tensors["vertical"].unsqueeze(2) * tensors["horizontal"].unsqueeze(1)
        return {"network.weight": kernel[:, None, None]}
    return {f"network.{name}": value for name, value in tensors.items()}


def functional_call_with_vmap(case: Case, network: nn.Module) -> Implementation:
    if isinstance(case.module, SeparableDynamicConv2d):
        # A vertical filter and then a horizontal one: the outer product of 51 taps would be unfair.
        def moved(image: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
            columns = F.conv2d(image[None, None], vertical[None, None, :, None])
            return F.conv2d(columns, horizontal[None, None, None])[0, 0]

        return lambda inputs, theta: vmap(moved)(inputs, *case.module.filters(theta))
    return lambda inputs, theta: vmap(lambda named, x: functional_call(network, named, x))(
        as_ordinary(case, theta), inputs
    )


def python_loop(case: Case, network: nn.Module) -> Implementation:
    def apply(inputs: Tensor, theta: Tensor) -> Tensor:
        named = as_ordinary(case, theta)
        samples = ({name: value[b] for name, value in named.items()} for b in range(len(inputs)))
        return torch.stack([functional_call(network, weights, x) for weights, x in zip(samples, inputs, strict=True)])

    return apply


def hypnettorch(case: Case) -> Implementation:
    from hypnettorch.mnets import MLP  # an optional peer: only where it is installed

    widths = case.module.widths
    network = MLP(
        widths[0],
        widths[-1],
        list(widths[1:-1]),
        activation_fn=case.module.activation,
        use_bias="0.bias" in {part.name for part in case.module.parts},
        no_weights=True,
        verbose=False,
    )

    def apply(inputs: Tensor, theta: Tensor) -> Tensor:
        # It takes the weights of one network at a time, so a batch of networks is a loop.
        samples = zip(*(tensor.unbind() for tensor in as_ordinary(case, theta).values()), strict=True)
        return torch.stack([network(x, weights=list(w)) for x, w in zip(inputs, samples, strict=True)])

    return apply


def implementations(case: Case) -> dict[str, Implementation]:
    network = template(case, case.module.ordinary())
    table: dict[str, Implementation] = {
        "ours": case.module,
        "functional_call + vmap": functional_call_with_vmap(case, network),
        "loop over samples": python_loop(case, network),
    }
    if isinstance(case.module, FunctionalMLP) and find_spec("hypnettorch") is not None:
        table["hypnettorch"] = hypnettorch(case)
    return table


def both_ways(apply: Implementation, inputs: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """One forward and backward pass: the outputs and the gradient of their mean square for the weights."""
    outputs = apply(inputs, theta)
    return outputs, torch.autograd.grad(outputs.square().mean(), theta)[0]


@torch.no_grad()
def forward(apply: Implementation, inputs: Tensor, theta: Tensor) -> Tensor:
    return apply(inputs, theta)


def prepared(case: Case) -> tuple[Tensor, Tensor, dict[str, Implementation]]:
    """Inputs, weights, and all implementations after a check that they agree."""
    torch.manual_seed(0)
    inputs = torch.rand(case.samples, *case.shape) * 2 - 1
    theta = torch.stack([case.module.ordinary() for _ in range(case.samples)]).requires_grad_()
    table = implementations(case)
    expected = both_ways(table["ours"], inputs, theta)
    for name, apply in table.items():
        torch.testing.assert_close(
            both_ways(apply, inputs, theta),
            expected,
            rtol=1e-3,
            atol=1e-5,
            msg=lambda text, name=name: f"{name}: {text}",
        )
    return inputs, theta, table


def rounds(actions: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
    """Processor milliseconds of every action, once a round; every second round runs them in the opposite order."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for repetition in range(repetitions):
        for name in list(actions)[:: -1 if repetition % 2 else 1]:
            if len(times[name]) >= FEWEST and sum(times[name]) > ENOUGH:
                continue
            start = time.process_time()
            actions[name]()
            times[name].append(1000 * (time.process_time() - start))
    return times


def beside(values: Sequence[float], reference: Sequence[float]) -> tuple[str, str]:
    """The median, and the median and quartiles of the ratios of the rounds."""
    ratios = [value / against for value, against in zip(values, reference, strict=False)]
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    ratio = "1" if values is reference else f"{median:.2f} ({low:.2f}–{high:.2f})"
    return f"{statistics.median(values):.2f}", ratio


def factored(repetitions: int) -> None:
    """The network of every item without its weights in memory, beside the two products with them."""
    print(heading("atoms × width, hidden, features", "implementation", *COLUMNS))
    for atoms, width, hidden, count in ((577, 32, 64, 64), (577, 64, 128, 64), (64, 256, 128, 64)):
        torch.manual_seed(0)
        network = FunctionalMLP((width, hidden, width), nn.Tanh(), bias=False, output_activation=nn.Tanh())
        heads = WeightHeads(count, network)
        inputs, features = torch.randn(atoms, 1, width), torch.randn(atoms, count, requires_grad=True)

        def run(form: str, heads=heads, network=network, inputs=inputs, features=features) -> tuple[Tensor, Tensor]:
            outputs = heads.run(network, inputs, features, form)
            return outputs, torch.autograd.grad(outputs.square().mean(), (features, heads.weight))[1]

        def only_forward(form: str, heads=heads, network=network, inputs=inputs, features=features) -> Tensor:
            with torch.no_grad():
                return heads.run(network, inputs, features, form)

        torch.testing.assert_close(run("factored"), run("whole"), rtol=1e-3, atol=1e-5)
        forms = ("factored", "whole", "auto")
        ahead = rounds({form: partial(only_forward, form) for form in forms}, repetitions)
        both = rounds({form: partial(run, form) for form in forms}, repetitions)
        for form in forms:
            cells = *beside(ahead[form], ahead["factored"]), *beside(both[form], both["factored"])
            print(row(f"{atoms} × {width}, {hidden}, {count}", form, *cells), flush=True)


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=15)
    if find_spec("hypnettorch") is None:
        print("hypnettorch is not installed: skipped\n")
    print(
        f"torch {torch.__version__}, {options.threads} thread(s), processor time, median of {options.repetitions}; "
        "ratios to the first implementation, with quartiles\n"
    )
    print(heading("network", "samples", "implementation", *COLUMNS))
    for case in CASES:
        inputs, theta, table = prepared(case)
        ahead = rounds(
            {name: partial(forward, apply, inputs, theta) for name, apply in table.items()}, options.repetitions
        )
        both = rounds(
            {name: partial(both_ways, apply, inputs, theta) for name, apply in table.items()}, options.repetitions
        )
        for name in table:
            cells = *beside(ahead[name], ahead["ours"]), *beside(both[name], both["ours"])
            print(row(case.name, case.samples, name, *cells), flush=True)
    print()
    factored(options.repetitions)


if __name__ == "__main__":
    main(sys.argv[1:])
