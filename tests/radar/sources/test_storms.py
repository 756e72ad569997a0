"""Simulated rain: it is repeatable, and its field, motion and cells have the statistics that they are made to have."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.fft
from scipy.integrate import solve_ivp
from scipy.ndimage import center_of_mass, label, map_coordinates

from hypernet.radar.sources import storms
from hypernet.radar.sources.storms import Flow, cell_echo, event, flow, looked_up, texture

SIZE, FRAMES = 32, 8
STILL_AIR = np.zeros((2, 2))


def best_shift(earlier: np.ndarray, later: np.ndarray, reach: int) -> tuple[int, int]:
    """The whole displacement with the least squared difference, by trying all of them."""
    size = len(later) - 2 * reach
    inner = later[reach : reach + size, reach : reach + size]
    shifts = [(down, along) for down in range(-reach, reach + 1) for along in range(-reach, reach + 1)]
    return min(
        shifts,
        key=lambda by: ((earlier[reach - by[0] :, reach - by[1] :][:size, :size] - inner) ** 2).sum(),
    )


def test_an_event_is_the_same_whatever_else_is_made():
    alone = event(3, 5, SIZE, FRAMES)
    for index in (4, 6, 5):
        again = event(3, index, SIZE, FRAMES)
    assert again.tobytes() == alone.tobytes()
    assert not np.array_equal(event(3, 6, SIZE, FRAMES), alone)
    assert not np.array_equal(event(4, 5, SIZE, FRAMES), alone)


def test_an_event_is_reflectivity():
    dbz = event(1, 0, SIZE, FRAMES)
    assert dbz.shape == (FRAMES, SIZE, SIZE)
    assert dbz.dtype == np.float32
    assert 0 <= dbz.min() < 5 < dbz.max() <= 70


def test_each_mode_forgets_at_its_own_rate():
    fields = np.stack([texture(1, index, SIZE, FRAMES) for index in range(40)])
    modes = scipy.fft.fft2(fields)
    frequency = scipy.fft.fftfreq(2 * SIZE)
    wave = np.hypot(frequency[:, None], frequency)
    for lowest, highest in ((0.05, 0.07), (0.1, 0.12), (0.2, 0.22)):
        ring = (wave > lowest) & (wave < highest)
        now, before = modes[:, 1:, ring], modes[:, :-1, ring]
        correlation = (now * before.conj()).real.mean() / (abs(before) ** 2).mean()
        expected = np.exp(-64 * (SIZE / 100) * wave[ring] / 14)
        assert correlation == pytest.approx(np.average(expected, weights=wave[ring] ** -3), abs=0.03)


def test_the_spectrum_is_a_power_law_without_the_longest_waves():
    fields = np.stack([texture(2, index, SIZE, 1)[0] for index in range(60)])
    power = (abs(scipy.fft.fft2(fields)) ** 2).mean(axis=0)
    frequency = scipy.fft.fftfreq(2 * SIZE)
    wave = np.hypot(frequency[:, None], frequency)
    short = wave < 2.99 / (2 * SIZE)
    assert power[short].max() < 1e-6 * power.max()
    slope = np.polyfit(np.log(wave[~short]), np.log(power[~short]), 1)[0]
    assert slope == pytest.approx(-3.0, abs=0.1)


def test_the_variance_of_the_field_is_one_at_every_time():
    variance = np.stack([texture(5, index, SIZE, 24).var(axis=(1, 2)) for index in range(80)]).mean(axis=0)
    np.testing.assert_allclose(variance, 1.0, atol=0.1)


def test_a_frozen_field_stays():
    field = texture(1, 1, SIZE, 3, lifetime=math.inf)
    np.testing.assert_array_equal(field[2], field[0])


def test_the_flow_solves_its_equation_and_keeps_areas():
    air = flow(1, 3, 100)
    start = np.array([[20.0, 30.0], [21.0, 30.0], [20.0, 31.0]])

    def speed(_, point):
        return air.velocity + air.gradient @ (point - 49.5)

    # Equations of the path in the image: the velocity at the centre is v.
    ends = [solve_ivp(speed, (0, 7), point, rtol=1e-10, atol=1e-10).y[:, -1] for point in start]
    there = air.carried(start, np.array(7.0))
    np.testing.assert_allclose(there, ends, atol=1e-6)
    np.testing.assert_allclose(air.carried(there, np.array(-7.0)), start, atol=1e-9)
    assert np.linalg.det(there[1:] - there[0]) == pytest.approx(1.0)


def test_the_climate_has_a_prevailing_direction():
    velocity = np.stack([flow(1, index, 100).velocity for index in range(400)])
    np.testing.assert_allclose(velocity.mean(axis=0), [0.8, 4.0], atol=0.3)
    np.testing.assert_allclose(velocity.std(axis=0), 1.6, atol=0.2)
    np.testing.assert_allclose(flow(1, 0, 250).velocity, 2.5 * flow(1, 0, 100).velocity)


def test_values_between_pixels_are_those_of_scipy():
    generator = np.random.default_rng(0)
    field = generator.normal(size=(2, 9, 9))
    points = generator.uniform(-20, 20, (2, 5, 6, 2))
    values = looked_up(field, points)
    for image, at, expected in zip(field, points, values, strict=True):
        oracle = map_coordinates(image, np.moveaxis(at, -1, 0), order=1, mode="grid-wrap")
        np.testing.assert_allclose(expected, oracle, atol=1e-5)


def test_rain_that_only_moves_moves_by_its_velocity():
    tried = 0
    for index in range(30):
        velocity = flow(1, index, 100, deformation=0.0).velocity
        # Halfway between two pixels either is right.
        if np.abs(velocity - np.rint(velocity)).max() > 0.3:
            continue
        dbz = event(1, index, 100, 3, lifetime=math.inf, deformation=0.0, cells=0.0)
        for before, after in pairwise(dbz):
            assert best_shift(before, after, 10) == tuple(np.rint(velocity).astype(int))
        tried += 1
    assert tried >= 3


def test_rain_grows_and_decays_otherwise():
    still = event(1, 0, SIZE, 2, lifetime=math.inf, deformation=0.0, cells=0.0)
    alive = event(1, 0, SIZE, 2, deformation=0.0, cells=0.0)
    np.testing.assert_array_equal(alive[0], still[0])
    assert not np.allclose(alive[1], still[1], atol=1.0)


def test_a_cell_moves_with_the_air_and_ends():
    velocity, seen = np.array([1.5, -2.25]), 0
    for index in range(60):
        echo = cell_echo(1, index, Flow(100, velocity, STILL_AIR), 12, cells=1.0)
        rim = np.concatenate([echo[:, :3], echo[:, -3:], echo[:, :, :3].swapaxes(1, 2), echo[:, :, -3:].swapaxes(1, 2)])
        alone = [frame for frame in range(12) if label(echo[frame] > 0)[1] == 1]
        if rim.max() > 0 or len(alone) < 2 or alone[-1] - alone[0] != len(alone) - 1:
            continue
        centres = np.array([center_of_mass(echo[frame]) for frame in alone])
        np.testing.assert_allclose(np.diff(centres, axis=0), np.tile(velocity, (len(alone) - 1, 1)), atol=0.05)
        assert 10 * np.log10(1 + echo.max()) <= 55
        seen += 1
    assert seen >= 3


def test_cells_are_whole_but_for_their_faint_rim(monkeypatch):
    air = flow(1, 7, 60)
    near = cell_echo(1, 7, air, 12)
    monkeypatch.setattr(storms, "CELL_REACH", 9.0)
    far = cell_echo(1, 7, air, 12)
    assert far.max() > 100
    # Forty cells of at most 55 dBZ: each leaves at most 55 exp(-3.5^2 / 2) = 0.12 dBZ outside.
    assert (10 * np.log10((1 + far) / (1 + near))).max() < 0.3
    assert (far >= near - 1e-9).all()


def test_showers_are_as_frequent_late_as_early():
    share = np.mean(
        [cell_echo(1, index, flow(1, index, 50), 24).mean(axis=(1, 2)) > 10 for index in range(150)], axis=0
    )
    assert share[-6:].mean() == pytest.approx(share[:6].mean(), rel=0.25)
