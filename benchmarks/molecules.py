"""Time a training step on molecules, finding neighbours and putting batches together beside their peers.

    python -m benchmarks molecules [--repetitions 15] [--threads 1]

Before anything is timed, all forms of the hypernetwork must give the same numbers. Times are processor time; every
round runs all implementations, in turn forwards and backwards, and the least time of each counts, because other work
on the machine only ever adds to it. Molecules are QM9's. Peers: SchNet of PyTorch Geometric with as many channels,
rounds and Gaussians, ASE's neighbour list, and PyG's collation and `radius_graph` where it works.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import heading, row, settings
from benchmarks.layers import rounds
from hypernet.lab.runs.models import count_parameters
from hypernet.layers.heads import Form
from hypernet.molecules.baselines.nmp_edge import nmp_edge, nmp_wide
from hypernet.molecules.baselines.schnet import SchNet
from hypernet.molecules.core.graphs import Batch, neighbours
from hypernet.molecules.core.molecules import Molecules
from hypernet.molecules.core.network import MessagePassing, Sizes
from hypernet.molecules.model import DeviatingChange, GeneratedChange, hyper_message_passing
from hypernet.molecules.sources.qm9 import read_csv, write_rows

HEAVY = 8
# Written as forms of one function, they differ by rounding alone.
TOLERANCE = 1e-4
FORMS: tuple[Form, ...] = ("auto", "factored", "whole")
EVERYBODY = 100.0


@dataclass(frozen=True)
class Case:
    """Sizes of a network, and molecules of a batch: the last ones of so many heavy atoms."""

    channels: int
    features: int
    hidden: int
    molecules: int
    heavy: int
    cutoff: float
    spacing: float

    @property
    def sizes(self) -> Sizes:
        return Sizes(self.channels, 3, self.cutoff, self.spacing, envelope=False, edge_update=True, average=False)

    @property
    def label(self) -> str:
        return f"C={self.channels} F={self.features} g={self.hidden}"


# The default; the same with wider features; between; others' code, with all distances; wide ones.
CASES = (
    Case(32, 8, 16, 16, 7, 4.0, 0.25),
    Case(32, 32, 32, 16, 7, 4.0, 0.25),
    Case(64, 32, 64, 32, 8, 5.0, 0.25),
    Case(64, 64, 128, 32, 8, 15.0, 0.1),
    Case(128, 64, 128, 16, 8, 6.0, 0.25),
    Case(256, 64, 128, 8, 8, 15.0, 0.1),
)


def qm9(heavy: int = HEAVY) -> Molecules:
    """All molecules of at most so many heavy atoms."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "qm9.csv.gz"
        write_rows(path, heavy)
        return read_csv(path).molecules


def batch_of(case: Case, molecules: Molecules) -> Batch:
    """Some molecules of a size as one graph."""
    rows = np.flatnonzero(molecules.heavy_atoms == case.heavy)
    chosen = np.random.default_rng(0).permutation(rows)[: case.molecules]
    return neighbours(molecules.take(chosen), case.cutoff).batch(np.arange(case.molecules))


def hyper(case: Case, form: Form) -> MessagePassing:
    """The talk's hypernetwork, the same for every form."""
    torch.manual_seed(0)
    change = GeneratedChange(
        case.channels, case.sizes.steps, case.features, 3, case.hidden, 0.5, False, "hyperfan", "tanh"
    )
    change.form = form
    return hyper_message_passing(case.sizes, change)


def networks(case: Case) -> dict[str, nn.Module]:
    """All that are compared."""
    sizes = case.sizes
    made: dict[str, nn.Module] = {"NMP-Edge": nmp_edge(sizes)}
    made["NMP-Edge, parameters matched"] = nmp_wide(sizes, count_parameters(hyper(case, "auto")))
    for form in FORMS:
        made[f"Hypernetwork, {form}"] = hyper(case, form)
    base = DeviatingChange(case.channels, sizes.steps, case.features, 2, 0.5, 0.1)
    made["Hypernetwork, shared base"] = hyper_message_passing(sizes, base)
    gaussians = round(case.cutoff / case.spacing)
    made["SchNet (PyG)"] = SchNet(case.channels, case.channels, sizes.steps, gaussians, case.cutoff, False)
    return made


def both_ways(network: nn.Module, batch: Batch) -> Tensor:
    """One forward and backward pass; what was predicted."""
    network.zero_grad()
    made: Tensor = network(batch)
    made.square().mean().backward()
    return made


def train(molecules: Molecules, repetitions: int) -> None:
    """Training steps without the optimiser's."""
    print(heading("sizes", "atoms", "edges", "network", "parameters", "molecules/s", "beside NMP-Edge"))
    for case in CASES:
        batch, compared = batch_of(case, molecules), networks(case)
        expected = both_ways(compared["Hypernetwork, whole"], batch)
        for form in FORMS:
            made = both_ways(compared[f"Hypernetwork, {form}"], batch)
            torch.testing.assert_close(made, expected, atol=TOLERANCE, rtol=TOLERANCE)
        times = rounds({name: partial(both_ways, net, batch) for name, net in compared.items()}, repetitions)
        plain = min(times["NMP-Edge"])
        for name, values in times.items():
            each = f"{1000 * case.molecules / min(values):,.0f}"
            cells = (f"{count_parameters(compared[name]):,}", each, f"{plain / min(values):.2f}")
            print(row(case.label, len(batch.numbers), len(batch.sender), name, *cells), flush=True)


def table(actions: Mapping[str, Callable[[], object]], repetitions: int, molecules: int, what: str) -> None:
    """A row for each, beside the first."""
    times = rounds(actions, repetitions)
    first = min(next(iter(times.values())))
    for name, values in times.items():
        cells = f"{1000 * min(values) / molecules:,.1f}", f"{min(values) / first:.1f}"
        print(row(what, name, *cells), flush=True)


def with_ase(molecules: Molecules, cutoff: float) -> int:
    """ASE's neighbour list of each molecule; how many edges."""
    atoms, neighborlist = (importlib.import_module(name) for name in ("ase", "ase.neighborlist"))
    return sum(
        len(neighborlist.neighbor_list("i", atoms.Atoms(numbers, positions), cutoff))
        for numbers, positions in molecules
    )


def radius_graph(molecules: Molecules) -> Callable[[float], int] | None:
    """PyG's, on all molecules at once; None where neither pyg-lib nor torch-cluster is installed."""
    pool = importlib.import_module("torch_geometric.nn.pool")
    positions, of = torch.from_numpy(molecules.positions), torch.from_numpy(molecules.molecule_of_atom)

    def run(cutoff: float) -> int:
        return int(pool.radius_graph(positions, cutoff, of, max_num_neighbors=64).shape[1])

    try:
        run(1.0)
    except (ImportError, RuntimeError, AttributeError) as error:
        print(f"radius_graph of PyG does not run here: {' '.join(str(error).split())[:100]}\n")
        return None
    return run


def graphs(molecules: Molecules, repetitions: int) -> None:
    """Finding neighbours, and putting batches together."""
    some = molecules.take(range(3000, 3500))
    run_of_pyg = radius_graph(some)
    print(heading("work", "implementation", "µs a molecule", "ratio"))
    for cutoff in (4.0, EVERYBODY):
        actions: dict[str, Callable[[], object]] = {"ours": partial(neighbours, some, cutoff)}
        assert len(neighbours(some, cutoff).sender) == with_ase(some, cutoff)
        actions["ase.neighborlist, molecule by molecule"] = partial(with_ase, some, cutoff)
        if run_of_pyg is not None:
            actions["radius_graph of PyG, all at once"] = partial(run_of_pyg, cutoff)
        table(actions, repetitions, len(some), f"neighbours within {cutoff:g} Å")
    data, known = importlib.import_module("torch_geometric.data"), neighbours(some, 4.0)
    singles = []
    for place in range(len(some)):
        alone = known.batch(np.array([place]))
        edges = torch.stack([alone.sender, alone.receiver])
        singles.append(data.Data(z=alone.numbers, pos=alone.positions, edge_index=edges))
    chosen = np.random.default_rng(0).permutation(len(some))[:32]
    collate: dict[str, Callable[[], object]] = {
        "ours": partial(known.batch, chosen),
        "Batch.from_data_list of PyG": lambda: data.Batch.from_data_list([singles[place] for place in chosen]),
    }
    table(collate, 5 * repetitions, len(chosen), "a batch of 32")


# Linux's own count, which starts anew with a program; `getrusage` has the parent's in it.
MEMORY = """
import re, sys, torch
import numpy as np
from pathlib import Path
from benchmarks.molecules import CASES, both_ways, hyper
from hypernet.molecules.core.graphs import Batch

def megabytes():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6

torch.set_num_threads(1)
case, form, atoms, molecules = CASES[int(sys.argv[1])], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
network = hyper(case, form)
alone = torch.zeros(0, dtype=torch.int64)
of = torch.arange(atoms) % molecules
batch = Batch(torch.randint(6, 9, (atoms,)), torch.rand(atoms, 3), of.sort()[0], alone, alone, molecules)
few = Batch(batch.numbers[:8], batch.positions[:8], torch.arange(8), alone, alone, 8)
both_ways(network, few)
before = megabytes()
both_ways(network, batch)
print(f"{before:.0f} {megabytes() - before:.0f}")
"""


def memory() -> None:
    """What the state changes of 3,600 atoms take, as many as in 200 molecules of QM9, each in a process of its own."""
    atoms, molecules = 3600, 200
    print(heading("sizes", "form", "weights of all atoms and rounds, MB", "MB before", "MB more"))
    for place in (0, 2, 3, 5):
        case = CASES[place]
        every = 4 * atoms * 2 * case.channels * case.hidden * case.sizes.steps / 1e6
        for form in ("whole", "factored"):
            command = [sys.executable, "-c", MEMORY, str(place), form, str(atoms), str(molecules)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            print(row(case.label, form, f"{every:,.0f}", *answer), flush=True)


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=15)
    torch.manual_seed(0)
    print(
        f"torch {torch.__version__}, {options.threads} thread(s), processor time, least of {options.repetitions}\n\n"
        "Forwards and backwards; T = 3\n"
    )
    molecules = qm9()
    train(molecules, options.repetitions)
    print("\nGraphs\n")
    graphs(molecules, max(3, options.repetitions // 3))
    print("\nMemory of the state changes, forwards and backwards\n")
    memory()


if __name__ == "__main__":
    main(sys.argv[1:])
