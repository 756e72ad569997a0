"""The simulator and the readers beside files that ngspice and scikit-rf wrote; skipped where they are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.circuits.core.ladder import propagate, respond
from hypernet.circuits.core.parts import PAD, PART_TYPES, canonical, hertz, omega
from hypernet.circuits.sources.netlist import read_netlist
from hypernet.circuits.sources.wanted import read_target
from hypernet.lab.acquire import MIRROR_VARIABLE, mirrors

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def folder():
    """The folder of the reference circuits: in a folder of ``HYPERNET_MIRROR``, or beside the project."""
    for place in [*mirrors(), PROJECT.parent / "shared" / "data"]:
        for path in sorted(place.rglob("ngspice_ac.csv")) if place.is_dir() else []:
            return path.parent
    return pytest.skip(f"reference circuits: in no folder of {MIRROR_VARIABLE} nor in ../shared/data")


@pytest.fixture(scope="session")
def circuits(folder):
    """Types and values by id, as they stand in circuits.json."""
    by_id = {}
    for circuit in json.loads((folder / "circuits.json").read_text())["circuits"]:
        names = [f"{part['alignment'][0]}{part['type'][0]}".upper() for part in circuit["components"]]
        # The type is written out: resistor, inductor, capacitor.
        types = [PART_TYPES.index(name.translate(str.maketrans("I", "L"))) for name in names]
        by_id[circuit["id"]] = np.array(types), np.array([part["value_norm"] for part in circuit["components"]])
    return by_id


def batch(circuits, ids):
    longest = max(len(circuits[name][0]) for name in ids)
    types, values = np.full((len(ids), longest), PAD), np.ones((len(ids), longest))
    for row, name in enumerate(ids):
        size = len(circuits[name][0])
        types[row, :size], values[row, :size] = circuits[name]
    return types, values


def by_circuit(folder, name):
    """A table's columns as complex ``[circuits, frequencies]``, its ids and its frequencies."""
    table = pd.read_csv(folder / name)
    ids = table.circuit_id.unique().tolist()
    names = [column[:-3] for column in table.columns if column.endswith("_re")]
    columns = {
        name: (table[f"{name}_re"] + 1j * table[f"{name}_im"]).to_numpy().reshape(len(ids), -1) for name in names
    }  # fmt: skip
    frequency = table.f_hz.to_numpy().reshape(len(ids), -1)
    assert (frequency == frequency[0]).all()
    return ids, frequency[0], columns


def test_all_rows_of_ngspice(folder, circuits):
    ids, frequency_hz, of = by_circuit(folder, "ngspice_ac.csv")
    assert len(ids) * len(frequency_hz) == 1558
    wanted = of["v2"] / of["v1"], -of["i2"] * 1000 / of["v1"]
    types, values = batch(circuits, ids)
    for mine, theirs in zip(respond(types, values, omega(frequency_hz)), wanted, strict=True):
        assert (np.abs(mine - theirs) / np.abs(mine)).max() < 1e-10
    single = propagate(
        torch.from_numpy(types), torch.from_numpy(values).float(), torch.from_numpy(omega(frequency_hz)).float()
    )
    assert {plane.dtype for plane in single} == {torch.float32}
    v_re, i_re, v_im, i_im = (plane.double().numpy() for plane in single)
    for mine, theirs in zip((v_re + 1j * v_im, i_re + 1j * i_im), wanted, strict=True):
        assert (np.abs(mine - theirs) / np.abs(theirs)).max() < 1e-3


def test_all_rows_of_scikit_rf(folder, circuits):
    ids, frequency_hz, of = by_circuit(folder, "skrf_abcd.csv")
    assert len(ids) * len(frequency_hz) == 207
    types, values = batch(circuits, ids)
    d, minus_c = respond(types, values, omega(frequency_hz), (1.0, 0.0))
    minus_b, a = respond(types, values, omega(frequency_hz), (0.0, 1.0))
    mine = np.stack([a, -minus_b, -minus_c, d], axis=-1)
    theirs = np.stack([of["A"], of["B"] / 1000, of["C"] * 1000, of["D"]], axis=-1)
    difference = np.linalg.norm(mine - theirs, axis=-1) / np.linalg.norm(theirs, axis=-1)
    assert difference.max() < 1e-11


def test_netlists_are_the_circuits(folder, circuits):
    files = sorted((folder / "netlists").glob("*.cir"))
    assert {path.stem for path in files} == set(circuits)
    for path in files:
        ladder = read_netlist(path)
        types, values = circuits[path.stem]
        assert ladder.types.tolist() == types.tolist(), path.stem
        assert ladder.values.tolist() == values.tolist(), path.stem
        assert ladder.r0 == 1000.0


def test_circuits_that_do_the_same(folder, circuits):
    frequency = np.geomspace(0.01, 100, 21)

    def response(name):
        return np.stack(respond(*(array[None] for array in circuits[name]), frequency))

    np.testing.assert_allclose(response("swapA"), response("swapB"), rtol=1e-13)
    np.testing.assert_allclose(response("tee_R"), response("pi_R"), rtol=1e-12)
    swapped = [canonical(*(array[None] for array in circuits[name])) for name in ("swapA", "swapB")]
    assert swapped[0][0].tolist() == swapped[1][0].tolist()
    assert circuits["tee_R"][0].tolist() != circuits["pi_R"][0].tolist()


def test_the_foreign_two_port(folder):
    # The first ABCD as it stands in the files' description, closed with 1 kOhm and with 1 Ohm.
    a, b = 0.99901281 + 0.00062881j, 4.0031599 + 6.2846603j
    two_port = read_target(folder / "ind.s2p")
    np.testing.assert_allclose(two_port.response(1e3).voltage[0], a + b / 1e3, rtol=1e-7)
    assert two_port.frequency_hz.tolist() == pytest.approx(np.linspace(1e9, 10e9, 10).tolist())
    # The inductor looks the same from both sides.
    turned = read_target(folder / "ind.s2p", load_port=1)
    np.testing.assert_allclose(turned.response(1.0).voltage[0], a + b, rtol=1e-7)
    assert hertz(omega(turned.frequency_hz)).tolist() == pytest.approx(turned.frequency_hz.tolist())


def test_an_own_ladder_in_scikit_rf():
    """Without the files: a random ladder of ten parts, cascaded by scikit-rf."""
    skrf = pytest.importorskip("skrf")
    generator = np.random.default_rng(0)
    types, values = generator.integers(0, 6, 10), 10 ** generator.uniform(-1, 1, 10)
    frequency = np.geomspace(0.1, 10, 9)
    media = skrf.media.DefinedGammaZ0(skrf.Frequency.from_f(hertz(frequency), unit="hz"), z0=1000.0)
    makers = (media.resistor, media.inductor, media.capacitor)
    makers += (media.shunt_resistor, media.shunt_inductor, media.shunt_capacitor)
    network = media.line(0, "m")
    for part_type, value in zip(types, values, strict=True):
        network = network ** makers[part_type](value * (1e3, 1e-3, 1e-9)[part_type % 3])
    a, b, c, d = network.a.reshape(-1, 4).T
    voltage, current = respond(types[None], values[None], frequency)
    np.testing.assert_allclose(voltage[0], d + b / 1e3, rtol=1e-9)
    np.testing.assert_allclose(current[0], -(a + c * 1e3), rtol=1e-9)
