"""The forms with matrices: against the recurrence, scikit-rf, and what holds for every reciprocal two-port."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.circuits.core.backends import BACKENDS, abcd, abcd_si, blocks, transfer
from hypernet.circuits.core.features import grid
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import C0_FARAD, ELEMENTS, L0_HENRY, PAD, R0_OHM, omega, parse
from hypernet.circuits.sources.sampler import draw

SIX = "SR:1|PC:1|SL:1|PR:2.2|SC:2.2|PL:4.7"
E6 = np.array([0.1, 0.15, 0.22, 0.33, 0.47, 0.68, 1, 1.5, 2.2, 3.3, 4.7, 6.8])


@pytest.fixture
def circuits():
    """Random canonical circuits of 1 to 10 parts."""
    generator = np.random.default_rng(0)
    types, classes = draw(generator, np.repeat(np.arange(1, 11), 8), len(E6))
    return types, E6[classes]


def six(w):
    types, values = parse(SIX)
    return abcd_si(transfer(types[None], values[None], np.array([w])))[0, 0]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("excitation", [(1.0, -1.0), (0.3, 2.0)])
def test_all_forms_agree(name, excitation, circuits):
    w = grid(16, 0.01, 100)
    ours, theirs = BACKENDS[name](*circuits, w, excitation), respond(*circuits, w, excitation)
    # V and I together: with an excitation other than (1, -1) one of them can cancel.
    size = np.hypot(*np.abs(theirs))
    for curve, other in zip(ours, theirs, strict=True):
        assert (np.abs(curve - other) / size).max() < 1e-12


def test_default_excitation_is_that_of_the_simulator(circuits):
    w = grid(4, 0.1, 10)
    for backend in BACKENDS.values():
        np.testing.assert_allclose(backend(*circuits, w), respond(*circuits, w), rtol=1e-12)


def test_determinant_is_one(circuits):
    matrices = transfer(*circuits, grid(16, 0.01, 100))
    straight, across = matrices[..., 0, 0] * matrices[..., 1, 1], matrices[..., 0, 1] * matrices[..., 1, 0]
    # The two products are up to 1e40 and must still differ by one: relative to them.
    assert (np.abs(straight - across - 1) / (np.abs(straight) + np.abs(across))).max() < 1e-12


def test_chain_matrix_inverts_the_transfer_matrix_and_is_the_product_of_the_parts(circuits):
    types, values = circuits
    w = grid(16, 0.01, 100)
    whole = abcd(transfer(types, values, w))
    product = np.broadcast_to(np.eye(2, dtype=complex), whole.shape)
    for place in range(types.shape[1]):
        product = product @ abcd(transfer(types[:, [place]], values[:, [place]], w))
    scale = np.linalg.norm(whole, axis=(-2, -1), keepdims=True)
    np.testing.assert_allclose(whole / scale, product / scale, rtol=0, atol=1e-12)


def test_reversed_circuit_exchanges_a_and_d(circuits):
    types, values = circuits
    w = grid(16, 0.01, 100)
    forward, backward = (abcd(transfer(*circuit, w)) for circuit in (circuits, (types[:, ::-1], values[:, ::-1])))
    scale = np.linalg.norm(forward, axis=(-2, -1))
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        wanted = forward[..., 1 - column, 1 - row]
        assert (np.abs(backward[..., row, column] - wanted) / scale).max() < 1e-12


def test_chain_matrix_of_six_parts_in_si_units():
    (a, b), (c, d) = six(1.0)
    wanted = [1.116054158607 + 1.313873747143j, 661.1570247934 + 545.4545454545j, 9.032882011605e-4j, 0.4545454545455]
    np.testing.assert_allclose([a, b, c, d], wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("w", "voltage", "current"),
    [
        (1.0, 0.2686402154973 - 0.2810528978597j, 3.759809554011e-4 + 1.14908219807e-4j),
        (0.01, -7.088800054191e-4 + 5.123631533599e-5j, None),
    ],
)
def test_driven_at_port_1_with_a_resistor_at_port_2_as_ngspice_has_it(w, voltage, current):
    (a, b), (c, d) = six(w)
    load = 1000.0
    output = 1 / (a + b / load)
    np.testing.assert_allclose(output, voltage, rtol=1e-11)
    if current is not None:
        np.testing.assert_allclose((c + d / load) * output, current, rtol=1e-11)


def test_chain_matrices_equal_a_cascade_of_scikit_rf(circuits):
    skrf = pytest.importorskip("skrf")
    hertz = np.geomspace(2e3, 1e7, 5)
    media = skrf.media.DefinedGammaZ0(skrf.Frequency.from_f(hertz, unit="hz"), z0=R0_OHM)
    makers = [media.resistor, media.inductor, media.capacitor]
    makers += [media.shunt_resistor, media.shunt_inductor, media.shunt_capacitor]
    units = [R0_OHM, L0_HENRY, C0_FARAD]
    scale = np.array([[1, 1 / R0_OHM], [R0_OHM, 1]])
    for types, values in list(zip(*circuits, strict=True))[::8]:
        parts = [makers[k](v * units[k % ELEMENTS]) for k, v in zip(types, values, strict=True) if k != PAD]
        network = parts[0]
        for part in parts[1:]:
            network = network**part
        ours = abcd_si(transfer(types[None], values[None], omega(hertz)))[0] * scale
        difference = np.linalg.norm(ours - network.a * scale, axis=(1, 2))
        assert (difference / np.linalg.norm(ours, axis=(1, 2))).max() < 1e-9


def test_padding_is_the_unit_matrix():
    types, values = np.array([[PAD, PAD]]), np.zeros((1, 2))
    np.testing.assert_array_equal(transfer(types, values, np.ones(3)), np.broadcast_to(np.eye(2), (1, 3, 2, 2)))


numbers = st.complex_numbers(max_magnitude=1e3, allow_nan=False, allow_infinity=False)


@given(st.lists(numbers, min_size=4, max_size=4), st.lists(numbers, min_size=4, max_size=4))
def test_blocks_are_a_faithful_image_of_complex_matrices(some_numbers, other):
    first, second = (np.array(entries).reshape(2, 2) for entries in (some_numbers, other))
    np.testing.assert_allclose(blocks(first) @ blocks(second), blocks(first @ second), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(blocks(first) + blocks(second), blocks(first + second))
    np.testing.assert_array_equal(blocks(first)[::2, ::2], first.real)
    np.testing.assert_array_equal(blocks(np.eye(2, dtype=complex)), np.eye(4))


def test_imaginary_unit_is_the_quarter_turn_of_the_talk():
    unit = blocks(np.array([[1j]]))
    np.testing.assert_array_equal(unit, [[0, 1], [-1, 0]])
    np.testing.assert_array_equal(unit @ unit, -np.eye(2))
