"""Echoes of walls: their first arrival, their sizes, and what they share with a mirror."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call, matched_filter
from hypernet.sonar.core.clutter import Room, clutter
from hypernet.sonar.core.directivity import Cardioid, Omni
from hypernet.sonar.core.poses import Head, Microphone, ears, head_at

pytest.importorskip("pyroomacoustics", reason="pyroomacoustics is not installed")
RATE, CALL, AIR = 250_000, Call.sweep(60e3, 20e3, 2e-3), Air()
AT_MOUTH = [Microphone(np.zeros(3), Omni())]


def heard(room: Room, head: Head, **options) -> np.ndarray:
    settings = {"mouth": Omni(), "air": AIR, "rate_hz": RATE, "samples": 8192, "start_s": 0.0, "absorbing": False}
    return clutter(room, [head], options.pop("microphones", AT_MOUTH), CALL, **{**settings, **options})


def test_the_first_wall_is_heard_after_twice_its_distance():
    # The bat is 1.2 m before the middle of a room of 6 x 5 x 4 m: the wall behind it is at 1.8 m, all others farther.
    echo = heard(Room((6, 5, 4), 0.36), head_at(1.2, 0, 0))
    envelope = matched_filter(echo, CALL.samples(RATE))[0, 0]
    first = int(np.flatnonzero(envelope > 0.05)[0])
    peak = first + int(envelope[first : first + 30].argmax())
    assert peak / RATE == pytest.approx(2 * 1.8 / AIR.speed_of_sound, abs=1 / RATE)
    # A wall that takes 0.36 of the energy leaves 0.8 of the pressure.
    assert envelope[peak] == pytest.approx(0.8 / 3.6, rel=0.01)


def test_air_absorbs_by_the_way():
    options = {"room": Room((6, 5, 5), 0.0), "head": head_at(1.2, 0, 0), "samples": 3200}
    loud, soft = heard(**options), heard(**options, absorbing=True)
    spectra = np.abs(np.fft.rfft(np.stack([loud[0, 0], soft[0, 0]])))
    bin_of_40_khz = round(40e3 * 3200 / RATE)
    loss = 20 * np.log10(spectra[0] / spectra[1])[bin_of_40_khz]
    assert loss == pytest.approx(float(AIR.absorption(40e3)) * 3.6, rel=0.02)


def test_cardioids_hear_the_wall_that_they_look_at():
    ahead, behind = head_at(1.2, 0, 0), head_at(1.2, 0, 0, yaw_deg=180)
    cardioid = [Microphone(np.zeros(3), Cardioid())]
    window = slice(0, round(2 * 2.0 / AIR.speed_of_sound * RATE))
    away = heard(Room((6, 5, 4), 0.1), ahead, microphones=cardioid)[0, 0, window]
    towards = heard(Room((6, 5, 4), 0.1), behind, microphones=cardioid)[0, 0, window]
    assert np.abs(away).max() < 1e-3 * np.abs(towards).max()
    emitted = heard(Room((6, 5, 4), 0.1), ahead, mouth=Cardioid())[0, 0, window]
    assert np.abs(emitted).max() < 1e-3 * np.abs(towards).max()


def test_a_window_is_a_part_of_the_whole():
    room, head, pair = Room((3, 2.5, 2), 0.3), head_at(0.7, 30, 10), ears()
    whole = heard(room, head, microphones=pair, absorbing=True)
    part = heard(room, head, microphones=pair, absorbing=True, samples=1500, start_s=2000 / RATE)
    np.testing.assert_allclose(part, whole[..., 2000:3500], atol=2e-3 * np.abs(whole).max())


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Room((3, 0, 2), 0.3), "is no size; accepted: three lengths in metres"),
        (lambda: Room((3, 2, 2), 30), "its walls take 30 of the energy; accepted: 0 to 1"),
        (lambda: heard(Room((3, 2, 1.5), 0.3), head_at(2, 0, 0)), "the bat reaches x = 2 m, beyond the wall at 1.5 m"),
    ],
)
def test_refused(make, line):
    with pytest.raises(UserError, match=line):
        make()
