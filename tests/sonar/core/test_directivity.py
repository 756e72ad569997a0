"""Directivities against closed forms, measured facts and pyroomacoustics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import j1

from hypernet.lab.errors import UserError
from hypernet.sonar.core.directivity import (
    Cardioid,
    Directivity,
    Gaussian,
    Omni,
    Piston,
    Table,
    bat_ear,
    direction_of,
    nose,
)


def at(azimuth: float, elevation: float = 0.0) -> torch.Tensor:
    return torch.tensor([direction_of(azimuth, elevation)], dtype=torch.float64)


def level(directivity: Directivity, azimuth: float, elevation: float, frequency: float) -> float:
    return 20 * float(torch.log10(directivity.gain(at(azimuth, elevation), frequency)))


ALL = [
    Omni(),
    Cardioid((0.0, 1.0, 0.0)),
    Piston(0.004),
    bat_ear("left"),
    nose(),
    Table([20e3, 60e3], [-90, 0, 90], [-45, 45], np.arange(12.0).reshape(2, 2, 3)),
]


@pytest.mark.parametrize("directivity", ALL, ids=lambda directivity: type(directivity).__name__)
def test_all_give_amplitudes_with_gradients(directivity):
    random = np.random.default_rng(0)
    directions = random.normal(size=(200, 3))
    directions[:6] = np.vstack([np.eye(3), -np.eye(3)])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    tensor = torch.tensor(directions, requires_grad=True)
    gain = directivity.gain(tensor, 40e3)
    assert isinstance(directivity, Directivity)
    assert gain.shape == (200,)
    assert gain.dtype == torch.float64
    assert (gain >= 0).all()
    if gain.requires_grad:
        (slope,) = torch.autograd.grad(gain.sum(), tensor)
        assert torch.isfinite(slope).all()
    flat = torch.equal(directivity.gain(tensor, 25e3), directivity.gain(tensor, 50e3))
    assert directivity.flat == flat


@pytest.mark.parametrize("directivity", [Piston(0.004), bat_ear("left"), ALL[-1]], ids=["piston", "ear", "table"])
def test_gradients_are_those_of_differences(directivity):
    directions = torch.nn.functional.normalize(
        torch.tensor([[0.8, 0.3, 0.2], [0.7, 0.5, -0.3], [0.9, 0.1, 0.1]], dtype=torch.float64)
    )
    assert torch.autograd.gradcheck(lambda d: directivity.gain(d, 40e3), directions.requires_grad_(), atol=1e-6)


def test_cardioid_level_difference_of_two_ears():
    left, right = Cardioid(direction_of(30, 0)), Cardioid(direction_of(-30, 0))
    difference = level(left, 20, 0, 1e4) - level(right, 20, 0, 1e4)
    assert difference == pytest.approx(1.643, abs=5e-4)


def test_cardioid_is_that_of_pyroomacoustics():
    pra = pytest.importorskip("pyroomacoustics", reason="pyroomacoustics is not installed")
    from pyroomacoustics.directivities import Cardioid as Peer
    from pyroomacoustics.directivities import DirectionVector

    peer = Peer(DirectionVector(azimuth=30, colatitude=90, degrees=True), gain=1.0)
    azimuths = np.linspace(-170, 170, 18)
    expected = peer.get_response(azimuths, colatitude=np.full(18, 90.0))
    ours = [float(Cardioid(direction_of(30, 0)).gain(at(azimuth), 1e4)) for azimuth in azimuths]
    np.testing.assert_allclose(ours, np.abs(expected), atol=1e-6)
    assert pra.__version__


def test_piston_is_its_closed_form_and_silent_behind():
    piston = Piston(0.005, speed_of_sound=340.0)
    for angle in (0.0, 10.0, 35.0, 80.0):
        x = 2 * np.pi * 60e3 / 340.0 * 0.005 * np.sin(np.radians(angle))
        expected = abs(2 * j1(x) / x) if x else 1.0
        assert float(piston.gain(at(angle), 60e3)) == pytest.approx(expected, rel=1e-6)
    assert float(piston.gain(at(100), 60e3)) == 0


def test_fitted_ear_and_nose():
    # Full widths of -3 dB of the measured head: ear 57 and 45 degrees at 30 and 40 kHz, nose 95, 75, 65 degrees.
    for frequency, width in ((30e3, 57.0), (40e3, 45.0)):
        assert level(bat_ear("left"), 38 + width / 2, 0, frequency) == pytest.approx(-3, abs=0.1)
    for frequency, width in ((30e3, 95.0), (40e3, 75.0), (50e3, 65.0)):
        assert level(nose(), width / 2, 0, frequency) == pytest.approx(-3, abs=0.25)
    assert level(bat_ear("right"), -38, 0, 50e3) == 0
    assert level(bat_ear("right"), 142, 0, 50e3) == pytest.approx(-25)
    # Interaural level difference at 10 degrees to the left: 4.4 dB measured at 30 kHz.
    difference = level(bat_ear("left"), 10, 0, 30e3) - level(bat_ear("right"), 10, 0, 30e3)
    assert 4 < difference < 7


def test_gaussian_of_exponent_0_is_flat():
    beam = Gaussian(25, 0, 30, 3e4, 0)
    assert beam.flat
    assert level(beam, 55, 0, 9e4) == pytest.approx(-3)


def test_table_interpolates_linearly():
    frequencies, azimuths, elevations = np.array([2e4, 4e4]), np.array([-60.0, 0, 90]), np.array([-30.0, 50])
    plane = frequencies[:, None, None] / 1e4 + 0.01 * azimuths + 0.02 * elevations[:, None]
    table = Table(frequencies, azimuths, elevations, plane)
    assert float(table.gain(at(33, 12), 31e3)) == pytest.approx(3.1 + 0.33 + 0.24)
    # Outside: the nearest value, on the nearer side of the circle.
    assert float(table.gain(at(-140, 12), 31e3)) == pytest.approx(3.1 - 0.6 + 0.24)
    assert float(table.gain(at(170, 80), 99e3)) == pytest.approx(4 + 0.9 + 1.0)
    assert "covers 20 to 40 kHz of the call's 25 to 60 kHz" in (table.missing(25e3, 60e3) or "")
    assert table.missing(25e3, 39e3) is None


@pytest.mark.parametrize("start", [-180.0, 0.0, 37.0])
def test_a_table_all_around_has_no_seam(start):
    azimuths = start + np.arange(0, 360, 5.0)
    plane = 2 + np.cos(np.radians(azimuths - 20))[None, None]
    table = Table([3e4], azimuths, [0.0], plane)
    for azimuth in np.linspace(-179.9, 180, 37):
        expected = 2 + np.cos(np.radians(azimuth - 20))
        assert float(table.gain(at(azimuth), 3e4)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Cardioid((0, 0, 0)), "an axis is three numbers"),
        (lambda: Piston(5), "piston: a radius of 5 m is not above 0 .* 5 mm is 0.005"),
        (lambda: Gaussian(0, 0, 0, 3e4, 1), "a beam needs a half width"),
        (lambda: bat_ear("middle"), "'middle' is no side; accepted: left, right"),
        (lambda: Table([2, 1], [0], [0], np.ones((2, 1, 1))), "frequency_hz must be a row of rising"),
        (lambda: Table([1], [0, 400], [0], np.ones((1, 1, 2))), "covers more than 360"),
        (lambda: Table([1], [0], [100], np.ones((1, 1, 1))), "elevations from -90 to 90"),
        (lambda: Table([1], [0, 1], [0], np.ones((1, 2, 1))), r"shape \[1, 2, 1\]; .* ask for \[1, 1, 2\]"),
        (lambda: Table([1], [0], [0], -np.ones((1, 1, 1))), "linear, not dB"),
        (lambda: Table([1], [0], [0], np.full((1, 1, 1), np.nan)), "must be finite"),
    ],
)
def test_refused(make, line):
    with pytest.raises(UserError, match=line):
        make()
