"""A static hypernetwork: all kernels of a convolutional network from one small embedding each (Ha, Dai and Le 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class StaticKernels(nn.Module):
    """The kernels of many layers of one shape, written by one network from an embedding z^j per layer j.

        a_i = W_i z^j + B_i,        i = 1, ..., N_in
        K_i^j = W_out a_i + B_out                        the slice of the kernel that reads input channel i

    (Ha, Dai and Le, "HyperNetworks", ICLR 2017, arXiv 1609.09106, section 3.1.) The embeddings are the only numbers
    that belong to one layer: the weights of layers are shared by way of the network that writes them, and a trained
    network has fewer parameters than its kernels have numbers. Larger layers are put together from several
    embeddings, see :meth:`tiled`.

    Args:
        layers: number of embeddings z.
        embedding: N_z, entries of z.
        channels: (N_in, N_out) of one kernel.
        kernel_size: f, rows and columns of a kernel.
        hidden: d, entries of a_i; N_z if None.

    >>> kernels = StaticKernels(layers=6, embedding=4, channels=(16, 16), kernel_size=3)
    >>> kernels(2).shape
    torch.Size([16, 16, 3, 3])
    >>> images = torch.rand(1, 16, 8, 8)
    >>> for layer in range(2):
    ...     images = torch.relu(nn.functional.conv2d(images, kernels(layer), padding=1))
    >>> kernels.tiled([[2, 3], [4, 5]]).shape  # 32 to 32 channels from four embeddings
    torch.Size([32, 32, 3, 3])
    """

    def __init__(
        self, layers: int, embedding: int, channels: tuple[int, int], kernel_size: int, hidden: int | None = None
    ):
        super().__init__()
        inputs, outputs = channels
        hidden = embedding if hidden is None else hidden
        if min(layers, embedding, inputs, outputs, kernel_size, hidden) < 1:
            raise ValueError("layers, embedding, channels, kernel_size and hidden must be positive")
        self.inputs, self.outputs, self.kernel_size = inputs, outputs, kernel_size
        self.embeddings = nn.Parameter(torch.randn(layers, embedding))
        self.first_weight = nn.Parameter(torch.randn(inputs, hidden, embedding) / embedding**0.5)
        self.first_bias = nn.Parameter(torch.zeros(inputs, hidden))
        size = outputs * kernel_size**2
        # Of unit a, kernels start with He's variance 2 / fan_in.
        fan_in = inputs * kernel_size**2
        self.out_weight = nn.Parameter(torch.randn(size, hidden) * (2 / (fan_in * hidden)) ** 0.5)
        self.out_bias = nn.Parameter(torch.zeros(size))

    def forward(self, layer: int) -> Tensor:
        """The kernel of one layer, [N_out, N_in, f, f].

        Raises:
            IndexError: if there is no such layer.
        """
        a = self.first_weight @ self.embeddings[layer] + self.first_bias
        kernel = a @ self.out_weight.T + self.out_bias
        return kernel.view(self.inputs, self.outputs, self.kernel_size, self.kernel_size).transpose(0, 1)

    def tiled(self, layers: list[list[int]]) -> Tensor:
        """A larger kernel from several embeddings: rows of `layers` are blocks of outputs, columns blocks of inputs."""
        return torch.cat([torch.cat([self(layer) for layer in row], dim=1) for row in layers], dim=0)
