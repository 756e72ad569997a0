from __future__ import annotations

import subprocess
import sys

import torch
from torch import nn

from hypernet.lab.runs.models import without_weights
from hypernet.layers import FunctionalMLP, WeightHeads


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        nn.init.normal_(self.first.weight, std=2.0)
        self.heads = WeightHeads(4, FunctionalMLP((2, 8, 1), nn.ELU()), start="ordinary", generated_share=0.5, rank=1)

    def forward(self, x):
        return self.heads(self.first(x))


def test_a_module_has_shapes_and_no_memory_and_draws_nothing():
    before = torch.get_rng_state()
    with without_weights():
        empty = Network()
    assert torch.equal(torch.get_rng_state(), before)
    full = Network()
    assert all(parameter.is_meta for parameter in empty.parameters())
    assert {name: tensor.shape for name, tensor in empty.state_dict().items()} == {
        name: tensor.shape for name, tensor in full.state_dict().items()
    }
    empty.load_state_dict(full.state_dict(), assign=True)
    x = torch.randn(5, 3)
    assert torch.equal(empty(x), full(x))


def test_outside_of_the_block_modules_start_as_ever():
    with without_weights():
        pass
    linear = nn.Linear(8, 8)
    assert not linear.weight.is_meta
    nn.init.normal_(linear.weight)
    assert float(linear.weight.std()) > 0.5


def test_torchs_compiler_stays_where_it_is():
    """Importing it takes a second, at every opening of a model."""
    program = (
        "import sys; from hypernet.lab.runs.models import without_weights; from torch import nn\n"
        "from hypernet.layers import FunctionalMLP, WeightHeads\n"
        "with without_weights():\n"
        "    nn.init.normal_(nn.Linear(3, 4).weight)\n"
        "    for start in ('hyperfan', 'ordinary', 'zero'):\n"
        "        WeightHeads(4, FunctionalMLP((2, 8, 1), nn.ELU()), start=start)\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
