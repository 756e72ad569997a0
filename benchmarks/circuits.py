"""Time the circuit simulator against scikit-rf and ngspice, the genetic algorithm against PyGAD, and generated GRUs.

    python -m benchmarks circuits [--repetitions 7] [--threads 1]

On random canonical circuits. Before anything is timed, all simulators must give the same responses, and all forms of
the generated GRU the same outputs and gradients; the genetic algorithms get the same targets, fitness and budget, and
how often they find the circuit is printed beside the time. scikit-rf, ngspice and PyGAD are timed where installed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from benchmarks import heading, milliseconds, row, settings, timing
from hypernet.circuits.baselines.genetic import Plan, decode, evolve, response_errors
from hypernet.circuits.config import Config
from hypernet.circuits.core.backends import BACKENDS
from hypernet.circuits.core.features import Probe
from hypernet.circuits.core.ladder import propagate, respond
from hypernet.circuits.core.losses import ResponseLoss, chain_loss
from hypernet.circuits.core.parts import C0_FARAD, ELEMENTS, L0_HENRY, PART_TYPES, R0_OHM, canonical, hertz, texts
from hypernet.circuits.methods import TITLES, build
from hypernet.circuits.sources.netlist import write_netlist
from hypernet.circuits.sources.ngspice import find_ngspice
from hypernet.circuits.sources.sampler import Sampler
from hypernet.lab.config import check, load
from hypernet.layers.gru import GeneratedGRU

PARAMETERS = Path(__file__).resolve().parents[1] / "params.yaml"
E6 = np.array([0.1, 0.15, 0.22, 0.33, 0.47, 0.68, 1, 1.5, 2.2, 3.3, 4.7, 6.8])
E3 = np.array([1.0, 2.2, 4.7])
# ngspice takes no list of frequencies; so the grid is one of its own: 64 points, 16 a decade, from w = 0.01.
POINTS, PER_DECADE = 64, 16
FREQUENCY = 0.01 * 10 ** (np.arange(POINTS) / PER_DECADE)
SAME, SAME_SINGLE = 1e-9, 1e-3

Circuits = tuple[np.ndarray, np.ndarray]
Simulator = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def circuits(count: int, length: int, values: np.ndarray, seed: int = 0) -> Circuits:
    types, classes = Sampler([length], values).draw(np.random.default_rng(seed), count, "train", length)
    return types, values[classes]


# --- the simulator --------------------------------------------------------------------------------------------


def by_backend(name: str) -> Simulator:
    return lambda types, values: BACKENDS[name](types, values, FREQUENCY)


def by_single_precision(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    frequency, block = torch.from_numpy(FREQUENCY).float(), 512
    parts, sizes = torch.from_numpy(types.astype(np.int64)), torch.from_numpy(values).float()
    with torch.inference_mode():
        blocks = [
            propagate(*circuit_block, frequency)
            for circuit_block in zip(parts.split(block), sizes.split(block), strict=True)
        ]
        v_re, i_re, v_im, i_im = (torch.cat(planes) for planes in zip(*blocks, strict=True))
        return torch.complex(v_re, v_im).numpy(), torch.complex(i_re, i_im).numpy()


def by_scikit_rf() -> Simulator:
    import skrf

    media = skrf.media.DefinedGammaZ0(skrf.Frequency.from_f(hertz(FREQUENCY), unit="hz"), z0=R0_OHM)
    series = [media.resistor, media.inductor, media.capacitor]
    makers = [*series, media.shunt_resistor, media.shunt_inductor, media.shunt_capacitor]
    units = [R0_OHM, L0_HENRY, C0_FARAD]

    def response_of(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = [makers[k](v * units[k % ELEMENTS]) for k, v in zip(types.tolist(), values.tolist(), strict=True)]
        network = parts[0]
        for part in parts[1:]:
            network = network**part
        (a, b), (c, d) = network.a.transpose(1, 2, 0)
        # The adjugate of ABCD times (1, -1).
        return d + b / R0_OHM, -c * R0_OHM - a

    def simulate(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        responses = [response_of(*circuit) for circuit in zip(types, values, strict=True)]
        return tuple(np.stack(planes) for planes in zip(*responses, strict=True))

    return simulate


def by_ngspice(program: str) -> Simulator:
    first, last = hertz(FREQUENCY[[0, -1]]).tolist()
    control = [".control", "set numdgt=15", f"ac dec {PER_DECADE} {first!r} {last!r}"]
    ending = "\n".join([*control, "wrdata out.txt v(p0) v(s) i(vm2)", ".endc", ".end", ""])

    def response_of(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with tempfile.TemporaryDirectory() as folder:
            text = write_netlist(types, values, "timed").removesuffix(".end\n") + ending
            Path(folder, "ladder.cir").write_text(text, encoding="utf-8")
            command = [program, "-b", "-n", "ladder.cir"]
            # Its exit status says nothing; where it failed, there is no table.
            subprocess.run(command, cwd=folder, check=False, capture_output=True)
            table = np.loadtxt(Path(folder, "out.txt"))
        v1, v2, i2 = (table[:, column] + 1j * table[:, column + 1] for column in (1, 4, 7))
        return v2 / v1, -i2 * R0_OHM / v1

    def simulate(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        responses = [response_of(*circuit) for circuit in zip(types, values, strict=True)]
        return tuple(np.stack(planes) for planes in zip(*responses, strict=True))

    return simulate


def simulators() -> dict[str, tuple[Simulator, int, float]]:
    """By name: the simulator, how many circuits one repetition times, and how far it may be from ours."""
    table: dict[str, tuple[Simulator, int, float]] = {
        "ours, double precision": (by_backend("recurrence"), 4096, SAME),
        "ours, single precision": (by_single_precision, 4096, SAME_SINGLE),
        "complex 2 × 2 matrices": (by_backend("complex"), 512, SAME),
        "real 4 × 4 matrices": (by_backend("clifford"), 512, SAME),
    }
    if find_spec("skrf") is not None:
        table["scikit-rf, cascade"] = (by_scikit_rf(), 32, SAME)
    program = find_ngspice()
    if program is not None:
        table["ngspice, a process per circuit"] = (by_ngspice(program), 8, SAME)
    return table


def simulation(repetitions: int) -> None:
    length = 8
    types, values = circuits(4096, length, E6)
    wanted = respond(types, values, FREQUENCY)
    tasks, counts, differences = {}, {}, {}
    for label, (simulate, count, tolerance) in simulators().items():
        response = simulate(types[:count], values[:count])
        differences[label] = max(
            float((np.abs(curve - other[:count]) / np.abs(other[:count])).max())
            for curve, other in zip(response, wanted, strict=True)
        )
        if not differences[label] < tolerance:
            raise AssertionError(f"{label}: differs from ours by {differences[label]:.1e}, relatively")
        tasks[label], counts[label] = partial(simulate, types[:count], values[:count]), count
    micros = {
        label: [1000 * duration / counts[label] for duration in times]
        for label, times in milliseconds(tasks, repetitions).items()
    }
    for label, times in micros.items():
        cells = timing(times, next(iter(micros.values())))
        print(row(f"{length} parts × {POINTS}", label, *cells, f"{differences[label]:.0e}"), flush=True)


# --- a training step of the generated GRU ---------------------------------------------------------------------

SAMPLES, STEPS, INPUTS, HIDDEN = 256, 5, 16, 24
Form = Callable[[Tensor, Tensor], Tensor]


def in_torch_layout(flat: Tensor) -> list[Tensor]:
    """Torch's weight_ih, weight_hh, bias_ih and bias_hh of every sample, cut from the flat vectors."""
    gates = 3 * HIDDEN
    weight_in, weight_hidden, *biases = flat.split([INPUTS * gates, HIDDEN * gates, gates, gates], dim=1)
    return [weight_in.unflatten(1, (INPUTS, gates)).mT, weight_hidden.unflatten(1, (HIDDEN, gates)).mT, *biases]


def by_generated_gru(inputs: Tensor, flat: Tensor) -> Tensor:
    unit = GeneratedGRU(INPUTS, HIDDEN)
    return unit.run(inputs, unit.unpack(flat))


class Cell(nn.Module):
    """torch.nn.GRU in plain operations: for the fused one `vmap` has no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.weight_ih, self.weight_hh = nn.Linear(INPUTS, 3 * HIDDEN), nn.Linear(HIDDEN, 3 * HIDDEN)

    def forward(self, inputs: Tensor) -> Tensor:
        state, states = inputs.new_zeros(HIDDEN), []
        for x in inputs.unbind():
            (reset, update, new), (reset_h, update_h, new_h) = (
                part.chunk(3) for part in (self.weight_ih(x), self.weight_hh(state))
            )
            update = torch.sigmoid(update + update_h)
            new = torch.tanh(new + torch.sigmoid(reset + reset_h) * new_h)
            state = (1 - update) * new + update * state
            states.append(state)
        return torch.stack(states)


def by_vmap() -> Form:
    cell = Cell()
    names = ["weight_ih.weight", "weight_hh.weight", "weight_ih.bias", "weight_hh.bias"]

    def apply(inputs: Tensor, flat: Tensor) -> Tensor:
        named = dict(zip(names, in_torch_layout(flat), strict=True))
        return vmap(lambda parameters, x: functional_call(cell, parameters, x))(named, inputs)

    return apply


def by_loop() -> Form:
    unit = nn.GRU(INPUTS, HIDDEN, batch_first=True)
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]

    def apply(inputs: Tensor, flat: Tensor) -> Tensor:
        samples = zip(inputs, *(tensor.unbind() for tensor in in_torch_layout(flat)), strict=True)
        return torch.stack(
            [functional_call(unit, dict(zip(names, weights, strict=True)), x)[0] for x, *weights in samples]
        )

    return apply


def both_ways(apply: Form, inputs: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
    """One forward and backward pass: the states and the gradient of their mean square for the parameters."""
    states = apply(inputs, flat)
    return states, torch.autograd.grad(states.square().mean(), flat)[0]


def generated_unit(repetitions: int) -> None:
    torch.manual_seed(0)
    count = GeneratedGRU(INPUTS, HIDDEN).parameter_count
    inputs, flat = torch.randn(SAMPLES, STEPS, INPUTS), (0.2 * torch.randn(SAMPLES, count)).requires_grad_()
    forms = {
        "ours": by_generated_gru,
        "functional_call + vmap": by_vmap(),
        "loop over samples, nn.GRU": by_loop(),
    }
    tasks = {label: partial(both_ways, apply, inputs, flat) for label, apply in forms.items()}
    expected = tasks["ours"]()
    for label, act in tasks.items():
        torch.testing.assert_close(
            act(), expected, rtol=1e-4, atol=1e-6, msg=lambda text, label=label: f"{label}: {text}"
        )
    times = milliseconds(tasks, repetitions)
    for label, values in times.items():
        cells = timing(values, times["ours"])
        print(row(f"{INPUTS} → {HIDDEN}, {STEPS} steps × {SAMPLES}", label, *cells), flush=True)


# --- the genetic algorithm ------------------------------------------------------------------------------------

PLAN = Plan(population=100, generations=30, tournament=3, crossover=0.7, mutation=0.1, elite=2)
TARGETS, PYGAD_TARGETS = 64, 8


def by_pygad(error: Callable, length: int, target: int, seed: int) -> Circuits:
    import pygad

    def fitness(search: object, strings: np.ndarray, index: object) -> list[float]:
        del search, index
        types, values = decode(np.asarray(strings, dtype=np.int16), E3)
        return (-error(types[None], values[None], np.array([target]))[0]).tolist()

    search = pygad.GA(
        num_generations=PLAN.generations,
        sol_per_pop=PLAN.population,
        num_parents_mating=PLAN.population,
        num_genes=length,
        gene_space=list(range(len(PART_TYPES) * len(E3))),
        gene_type=int,
        fitness_func=fitness,
        fitness_batch_size=PLAN.population,
        parent_selection_type="tournament",
        K_tournament=PLAN.tournament,
        crossover_type="single_point",
        crossover_probability=PLAN.crossover,
        mutation_type="random",
        mutation_probability=PLAN.mutation,
        keep_elitism=PLAN.elite,
        random_seed=seed,
        suppress_warnings=True,
    )
    search.run()
    return decode(np.asarray(search.best_solution()[0], dtype=np.int16), E3)


def genetic(length: int, repetitions: int) -> None:
    types, values = circuits(TARGETS, length, E3)
    probe = Probe(FREQUENCY, [(1.0, -1.0)], "logmag")
    error = response_errors(probe, probe.measure(types, values))
    wanted = texts(*canonical(types, values))
    right: dict[str, list[bool]] = {"ours": [], "PyGAD": []}
    # Every repetition searches with other random numbers, and PyGAD other targets.
    turns = {name: iter(range(repetitions + 1)) for name in right}

    def ours() -> None:
        generator = np.random.default_rng(next(turns["ours"]))
        answer = evolve(error, np.full(TARGETS, length), E3, generator, PLAN)[:2]
        right["ours"] += [text == other for text, other in zip(texts(*canonical(*answer)), wanted, strict=True)]

    def theirs() -> None:
        turn = next(turns["PyGAD"])
        for target in (turn * PYGAD_TARGETS + np.arange(PYGAD_TARGETS)) % TARGETS:
            answer = by_pygad(error, length, int(target), turn)
            right["PyGAD"].append(texts(*canonical(*(array[None] for array in answer)))[0] == wanted[target])

    tasks, counts = {"ours": ours}, {"ours": TARGETS, "PyGAD": PYGAD_TARGETS}
    if find_spec("pygad") is not None:
        tasks["PyGAD"] = theirs
    for task in tasks.values():
        task()
    measured = milliseconds(tasks, repetitions)
    times = {label: [duration / counts[label] for duration in of] for label, of in measured.items()}
    for label, of in times.items():
        share = f"{np.mean(right[label]):.2f} of {len(right[label])}"
        budget = f"{PLAN.population} × {PLAN.generations}"
        print(row(f"{length} parts, {budget}", label, *timing(of, times["ours"]), share), flush=True)


# --- a training step of the whole networks --------------------------------------------------------------------


def networks(repetitions: int) -> None:
    config: Config = check(Config, load([PARAMETERS])["circuits"], "circuits")
    dataset = config.datasets[0]
    ladders, grid_ = config.ladders[dataset], config.frequency
    values = np.array(ladders.catalogue())
    probe = Probe(np.geomspace(grid_.lowest, grid_.highest, grid_.points), config.excitations, config.features)
    size = config.train.batch_circuits
    types, classes = Sampler(ladders.lengths, values).draw(np.random.default_rng(0), size, "train")
    measured = probe.measure(types, values[classes]).astype(np.float32)
    mean, deviation = measured.mean(axis=0), measured.std(axis=0) + 1e-3
    response, parts, places = (
        torch.from_numpy(array) for array in (measured, types.astype(np.int64), classes.astype(np.int64))
    )
    tasks, counts = {}, {}
    for method in ("gru", "gru_wide", "gru_only_hypernet", "ours_no_sim", "ours", "ours_lowrank"):
        torch.manual_seed(0)
        method_settings = config.settings("train", dataset, method)
        network = build(method_settings, probe, ladders.lengths, len(values), mean, deviation)
        loss_settings = getattr(method_settings, "simulator_loss", None)
        weight = loss_settings.weight if loss_settings else 0.0
        of_response = ResponseLoss(probe, torch.from_numpy(values), loss_settings) if weight else None
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

        def step(network=network, optimizer=optimizer, of_response=of_response, weight=weight) -> None:
            optimizer.zero_grad()
            logits = network(response, parts)
            loss = chain_loss(*logits, parts, places)
            if of_response is not None:
                loss = loss + weight * of_response(*logits, parts, places, response).float()
            loss.backward()
            optimizer.step()

        tasks[TITLES[method]] = step
        counts[TITLES[method]] = sum(parameter.numel() for parameter in network.parameters())
        step()  # the optimizer allocates its state in the first step
    times = milliseconds(tasks, repetitions)
    for label, of in times.items():
        print(
            row(f"{dataset}, batch {size}", label, *timing(of, times[TITLES["gru"]]), f"{counts[label]:,}"), flush=True
        )


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=7)
    for name, present in (("scikit-rf", find_spec("skrf")), ("PyGAD", find_spec("pygad")), ("ngspice", find_ngspice())):
        if present is None:
            print(f"{name} is not installed: skipped\n")
    print(
        f"torch {torch.__version__}, {options.threads} thread(s), median of {options.repetitions}\n"
        "\nResponses of random circuits, microseconds per circuit; ratio to ours, largest relative difference\n"
    )
    print(heading("circuits × frequencies", "simulator", "µs per circuit", "quartiles", "ratio", "difference"))
    simulation(options.repetitions)
    print("\nForward and backward of a GRU with weights of its own for every sample; ratio to ours\n")
    print(heading("unit", "implementation", "ms", "quartiles", "ratio"))
    generated_unit(options.repetitions)
    print("\nGenetic algorithm, milliseconds per target; ratio to ours; how often the circuit itself was found\n")
    print(heading("search", "implementation", "ms per target", "quartiles", "ratio", "found"))
    for length in (4, 8):
        genetic(length, options.repetitions)
    print("\nA training step with the settings of params.yaml; ratio to the GRU\n")
    print(heading("data", "network", "ms", "quartiles", "ratio", "parameters"))
    networks(options.repetitions)


if __name__ == "__main__":
    main(sys.argv[1:])
