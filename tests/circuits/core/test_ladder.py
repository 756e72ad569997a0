"""The simulator against values worked out by hand, ngspice's and scikit-rf's results, and finite differences."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.circuits.core.backends import abcd_si, transfer
from hypernet.circuits.core.features import Probe, grid
from hypernet.circuits.core.ladder import BLOCK, propagate, respond
from hypernet.circuits.core.parts import PAD, PC, PL, PR, SC, SL, SR, omega, parse

SIX = "SR:1|PC:1|SL:1|PR:2.2|SC:2.2|PL:4.7"
ELEMENTS = ["resistor", "inductor", "capacitor"]


@pytest.fixture
def reference(reference_file):
    """The folder with the circuits that ngspice and scikit-rf computed, and these circuits by their id."""
    folder = reference_file("circuits.json").parent
    circuits = {}
    for circuit in json.loads((folder / "circuits.json").read_text())["circuits"]:
        parts = circuit["components"]
        types = [ELEMENTS.index(part["type"]) + (0 if part["alignment"] == "series" else 3) for part in parts]
        circuits[circuit["id"]] = np.array([types]), np.array([[part["value_norm"] for part in parts]])
    return folder, circuits


def complex_column(rows, name):
    return rows[f"{name}_re"].to_numpy() + 1j * rows[f"{name}_im"].to_numpy()


def answer(text, w):
    types, values = parse(text)
    voltage, current = respond(types[None], values[None], np.atleast_1d(w))
    return voltage[0], current[0]


@pytest.mark.parametrize(
    ("text", "w", "voltage", "current"),
    [
        ("SR:1", 1.0, 2, -1),
        ("PC:1", 1.0, 1, -1 - 1j),
        ("SL:1|PC:1", 1.0, 1 + 1j, -1j),
        ("PC:1|SL:1", 1.0, 1j, -1 - 1j),
        ("SC:2|PL:0.5", 2.0, 1 - 0.25j, -0.75 + 1j),
    ],
)
def test_small_circuits_worked_out_by_hand(text, w, voltage, current):
    answered = answer(text, w)
    np.testing.assert_allclose(answered, [[voltage], [current]], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("w", "voltage", "current"),
    [
        (0.01, 3.1155024793388426 - 86.76272727272726j, 1844.106473887814 + 66.262741339898j),
        (0.1, 3.095702479338843 - 8.536363636363635j, 16.262475822050288 + 6.341146474415334j),
        (1, 1.115702479338843 + 0.5454545454545454j, -1.11605415860735 - 2.2171619483031475j),
        (10, -196.88429752066116 + 14.045454545454547j, 88.70116054158608 - 28.734482152277124j),
        (100, -19996.88429752066 + 141.31363636363636j, 9088.699332688588 - 288.00110778969577j),
    ],
)
def test_six_parts_of_all_types(w, voltage, current):
    np.testing.assert_allclose(answer(SIX, w), [[voltage], [current]], rtol=1e-12)


def test_answers_ngspice(reference):
    folder, circuits = reference
    rows_read = 0
    for name, rows in pd.read_csv(folder / "ngspice_ac.csv").groupby("circuit_id"):
        frequency = omega(rows["f_hz"].to_numpy())
        v1, v2, i2 = (complex_column(rows, column) for column in ("v1", "v2", "i2"))
        # Port 1 is closed with 1 kOhm: its current is -v1 / R0, which is the excitation (1, -1).
        wanted = v2 / v1, -i2 * 1e3 / v1
        for precision, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-3)):
            parts, sizes = (torch.from_numpy(array) for array in circuits[name])
            v_re, i_re, v_im, i_im = propagate(parts, sizes.to(precision), torch.from_numpy(frequency).to(precision))
            for (real, imaginary), theirs in zip([(v_re, v_im), (i_re, i_im)], wanted, strict=True):
                ours = torch.complex(real, imaginary)[0].numpy()
                assert (np.abs(ours - theirs) / np.abs(ours)).max() < tolerance, (name, precision)
        rows_read += len(rows)
    assert rows_read == 1558


def test_chain_matrices_equal_scikit_rf(reference):
    folder, circuits = reference
    tables = pd.read_csv(folder / "skrf_abcd.csv").groupby("circuit_id")
    assert len(tables) == 23
    for name, rows in tables:
        ours = abcd_si(transfer(*circuits[name], omega(rows["f_hz"].to_numpy())))[0]
        theirs = np.stack([complex_column(rows, entry) for entry in "ABCD"], axis=-1).reshape(-1, 2, 2)
        # In units of 1 kOhm all entries count alike; the file has 12 digits.
        scale = np.array([[1.0, 1e-3], [1e3, 1.0]])
        difference = np.linalg.norm((ours - theirs) * scale, axis=(1, 2))
        assert (difference / np.linalg.norm(theirs * scale, axis=(1, 2))).max() < 1e-11, name


def test_same_response_from_an_exchanged_pair_and_from_tee_and_pi(reference):
    _, circuits = reference
    w = grid(64, 0.01, 100)
    for name, other in (("swapA", "swapB"), ("tee_R", "pi_R")):
        np.testing.assert_allclose(respond(*circuits[name], w), respond(*circuits[other], w), rtol=1e-12)


def test_excitation_is_what_enters_port_1():
    types, values = (array[None] for array in parse(SIX))
    w = grid(5, 0.1, 10)
    matrix = transfer(types, values, w)[0]
    for excitation in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0)):
        voltage, current = respond(types, values, w, excitation)
        np.testing.assert_allclose(np.stack([voltage[0], current[0]], axis=1), matrix @ np.array(excitation))


def test_padding_changes_nothing_whatever_its_value_and_wherever_it_stands():
    types, values = parse(SIX)
    w = grid(7, 0.01, 100)
    wanted = respond(types[None], values[None], w)
    for place in (0, 3, 6):
        for filler in (0.0, np.nan, -1.0):
            padded = np.insert(types, place, [PAD, PAD])[None], np.insert(values, place, [filler, filler])[None]
            np.testing.assert_array_equal(respond(*padded, w), wanted)
    empty = np.full((1, 3), PAD), np.ones((1, 3))
    np.testing.assert_array_equal(respond(*empty, w), [np.ones((1, 7)), -np.ones((1, 7))])


def test_padding_has_no_gradient_and_spoils_none():
    types = torch.tensor([[SR, PC, PAD]])
    values = torch.tensor([[1.0, 2.0, 0.0]], dtype=torch.float64, requires_grad=True)
    Probe(grid(4, 0.1, 10), [(1.0, -1.0)], "logmag").of(types, values).sum().backward()
    assert values.grad.isfinite().all()
    assert values.grad[0, 2] == 0
    assert (values.grad[0, :2] != 0).all()


def test_blocks_of_a_large_batch_are_those_of_small_ones():
    generator = np.random.default_rng(0)
    w = grid(64, 0.01, 100)
    circuits = 2 * BLOCK // len(w) + 3
    types, values = generator.integers(PAD, 6, (circuits, 5)), generator.uniform(0.1, 10, (circuits, 5))
    whole = respond(types, values, w)
    for row in (0, BLOCK // len(w) - 1, BLOCK // len(w), circuits - 1):
        np.testing.assert_array_equal(
            [curves[row] for curves in whole], np.concatenate(respond(types[[row]], values[[row]], w))
        )


@pytest.mark.parametrize("part_type", [SR, SL, SC, PR, PL, PC])
def test_gradients_of_the_state_by_finite_differences(part_type):
    types = torch.tensor([[SR, part_type, PL], [PR, SC, part_type]])
    values = torch.tensor([[1.0, 2.2, 0.5], [4.7, 0.3, 1.5]], dtype=torch.float64, requires_grad=True)
    frequency = torch.tensor([0.3, 1.0, 7.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v, w: propagate(types, v, w), (values, frequency))


def test_largest_responses_stay_finite_with_their_gradients():
    types, values = (array[None] for array in parse("|".join(["SC:0.1|PL:0.1"] * 5)))
    w = np.array([0.01])
    np.testing.assert_allclose(np.abs(respond(types, values, w)[0]), 9.999925e26, rtol=1e-6)
    # The same in single precision, where |V|^2 would be beyond the largest number.
    planes = propagate(torch.from_numpy(types).long(), torch.from_numpy(values).float(), torch.from_numpy(w).float())
    assert torch.stack(planes).isfinite().all()
    sizes = torch.from_numpy(values).requires_grad_()
    response = Probe(w, [(1.0, -1.0)], "logmag").of(torch.from_numpy(types).long(), sizes)
    response.square().mean().backward()
    assert response.isfinite().all()
    assert sizes.grad.isfinite().all()
    assert (sizes.grad != 0).any()
