"""Any module as a generated network: what a person already has, with weights that another network writes."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from hypernet.layers.layout import Layout, Part, Role
from hypernet.layers.module import GeneratedModule


class Generated(GeneratedModule):
    """A network g(x; θ) made of any `nn.Module`: sample b runs the module with the parameters that θ[b] holds.

    `torch.func.functional_call` puts the parameters in, `torch.vmap` batches over the samples. θ holds the module's
    parameters by name, in the order of `named_parameters`. Sample b's inputs are given to the module as they are, so
    a module that expects a batch gets the points of one sample as its batch: [B, P, ...].

    Args:
        module: the network; its own parameters are not used, its buffers are shared by all samples.
        draws: number of fresh copies from which the size of each parameter at the start is measured.

    Raises:
        ValueError: if the module has no parameters, or counts running statistics (BatchNorm), which would mix samples.

    >>> network = Generated(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2)))
    >>> theta = torch.stack([network.ordinary() for _ in range(5)])  # five different networks
    >>> network(torch.rand(5, 3, 1, 8, 8), theta).shape  # each sees three images of its own
    torch.Size([5, 3, 2])
    """

    def __init__(self, module: nn.Module, draws: int = 8):
        super().__init__()
        counting = [name for name, part in module.named_modules() if getattr(part, "track_running_stats", False)]
        if counting:
            raise ValueError(
                f"{', '.join(counting)} counts running statistics, which samples with networks of their own do not "
                "share; take GroupNorm or LayerNorm"
            )
        named = dict(module.named_parameters())
        if not named:
            raise ValueError(f"{type(module).__name__} has no parameters to generate")
        # In a tuple it is not a submodule: this network owns no parameters.
        self._template = (copy.deepcopy(module).requires_grad_(False),)
        for name, buffer in module.named_buffers():
            self.register_buffer(f"buffer_{name.replace('.', '_')}", buffer.detach().clone())
        samples = [self._fresh() for _ in range(draws)]
        self.layout = Layout([_part(name, torch.stack([draw[name] for draw in samples])) for name in named])
        self._shapes = {name: tensor.shape for name, tensor in named.items()}

    def forward(self, inputs: Any, parameters: Tensor) -> Any:
        """Run every sample's network on its inputs: [B, ...] and θ [B, N] to [B, ...].

        Inputs may be a tensor or a tuple of tensors, each with the samples first. Random layers (dropout) draw anew
        for every sample.

        Raises:
            ValueError: if `parameters` is not [B, N].
        """
        tensors = {
            name: value.reshape(-1, *self._shapes[name]) for name, value in self.layout.split(parameters).items()
        }
        (module,) = self._template
        buffers = {
            name: getattr(self, f"buffer_{name.replace('.', '_')}").expand(len(parameters), *tensor.shape)
            for name, tensor in module.named_buffers()
        }
        arguments = inputs if isinstance(inputs, tuple) else (inputs,)
        module.train(self.training)
        return vmap(
            lambda weights, *sample: functional_call(module, weights, sample),
            randomness="different",
        )({**tensors, **buffers}, *arguments)

    def ordinary(self) -> Tensor:
        """θ of a fresh copy of the module, drawn as its own layers draw (`reset_parameters`), [N]."""
        fresh = self._fresh()
        return torch.cat([fresh[part.name].flatten() for part in self.parts])

    @torch.no_grad()
    def export(self, parameters: Tensor) -> nn.Module:
        """A copy of the module with one sample's parameters, [N].

        Raises:
            ValueError: if `parameters` is not [N].
        """
        tensors = self.named(parameters)
        module = copy.deepcopy(self._template[0]).to(parameters).requires_grad_(True)
        for name, parameter in module.named_parameters():
            parameter.copy_(tensors[name].reshape(parameter.shape))
        return module

    def _fresh(self) -> dict[str, Tensor]:
        """Parameters of a copy whose layers have started anew; what has no `reset_parameters` keeps its values."""
        module = copy.deepcopy(self._template[0])
        for part in module.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
        return {name: parameter.detach() for name, parameter in module.named_parameters()}


def _part(name: str, draws: Tensor) -> Part:
    """A parameter's place and start, from draws of it [draws, *shape]."""
    shape = tuple(draws.shape[1:]) or (1,)
    role: Role = "weight" if len(shape) > 1 else "bias" if "bias" in name.rpartition(".")[2] else "gain"
    fan_in = draws[0, 0].numel() if role == "weight" else 0
    if (draws == draws.flatten()[0]).all():
        # Not drawn: the ones and zeros that norms start with.
        return Part(name, role, shape, 0, fan_in, 0.0, float(draws.flatten()[0]))
    return Part(name, role, shape, 0, fan_in, float(draws.square().mean()))
