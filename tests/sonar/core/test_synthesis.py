"""The quick sum against the sum itself, and against pyroomacoustics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.directivity import Omni, bat_ear, nose
from hypernet.sonar.core.scattering import Cells, Law, Receivers, single_bounce
from hypernet.sonar.core.synthesis import Bands, Window, emitted, exact_transfer, impulses_of

CALL = Call.sweep(60e3, 20e3, 1e-3)
MOUTH, EARS = np.zeros(3), np.array([[0, 0.01, 0], [0, -0.01, 0.003]])


def scene(directivities, emission, count=60, seed=0, normal=(-1.0, 0, 0)) -> tuple[Cells, Receivers]:
    random = np.random.default_rng(seed)
    points = np.array([1.0, 0, 0]) + random.uniform(-0.2, 0.2, (count, 3))
    cells = Cells(
        torch.tensor(points),
        torch.tensor(normal, dtype=torch.float64).expand(count, 3),
        torch.tensor(random.uniform(0.5, 1.5, count) * 1e-5),
        torch.tensor(random.normal(size=(count, 2, 3)) * 1e-3),
        torch.tensor(random.choice([-1.0, 1.0], count)),
    )
    axes = torch.eye(3, dtype=torch.float64).expand(2, 3, 3)
    return cells, Receivers(torch.tensor(MOUTH), torch.tensor(EARS), axes, directivities, emission)


@pytest.mark.parametrize("scattering", ["kirchhoff", "lambert", "mixed"])
@pytest.mark.parametrize("ears", ["bat", "omni"])
def test_the_quick_sum_is_the_sum(scattering, ears):
    directivities = (bat_ear("left"), bat_ear("right")) if ears == "bat" else (Omni(), Omni())
    cells, receivers = scene(directivities, nose() if ears == "bat" else Omni())
    paths = single_bounce(cells, receivers, Law.of(scattering))
    window, air, stretches = Window(250e3, 1024, 0.004), Air(), np.ones(2)
    impulses = impulses_of(receivers, Bands.over(*CALL.band_hz), air, True, window)
    impulses.add(paths)
    quick = emitted(impulses.spectra(len(window.frequencies)), CALL, stretches, window)
    exact = exact_transfer(paths, receivers, air, True, window.frequencies, window.start_s)
    slow = emitted(exact, CALL, stretches, window)
    assert (quick - slow).norm() < 3e-3 * slow.norm()
    # The same at frequencies between those of the transform.
    between = np.array([23_456.7, 31_000.0, 52_222.2])
    there = exact_transfer(paths, receivers, air, True, between, window.start_s)
    assert (impulses.transfer(between) - there).norm() < 4e-3 * there.norm()


def test_adding_in_parts_is_adding_all():
    cells, receivers = scene((Omni(), Omni()), Omni())
    window, spectra = Window(250e3, 1024, 0.004), []
    for parts in ([slice(0, 60)], [slice(0, 13), slice(13, 60)]):
        impulses = impulses_of(receivers, Bands.over(*CALL.band_hz), Air(), True, window)
        for part in parts:
            impulses.add(single_bounce(cells.at(part), receivers, Law.of("mixed")))
        spectra.append(impulses.spectra(100))
    assert torch.allclose(*spectra, rtol=1e-11, atol=1e-18)


def test_a_point_sounds_like_its_delayed_call():
    """Lambert, omnidirectional, no absorption: the call itself, later and weaker, at any fraction of a sample."""
    cells, receivers = scene((Omni(), Omni()), Omni(), count=1)
    law, window, speed = Law.of("lambert"), Window(250e3, 1024, 0.005), Air().speed_of_sound
    paths = single_bounce(cells, receivers, law)
    impulses = impulses_of(receivers, Bands(*CALL.band_hz, count=1), Air(), False, window)
    impulses.add(paths)
    heard = emitted(impulses.spectra(len(window.frequencies)), CALL, np.ones(2), window).numpy()
    for ear in range(2):
        times = window.start_s + np.arange(1024) / 250e3 - float(paths.lengths[ear, 0]) / speed
        inside = (times >= 0) & (times <= CALL.duration_s)
        held = np.arange(len(CALL.wave)) / CALL.wave_rate_hz
        expected = np.where(inside, np.interp(times, held, CALL.wave), 0) * float(paths.diffuse[ear, 0])
        assert np.abs(heard[ear] - expected).max() < 0.01 * np.abs(expected).max()


def test_points_agree_with_pyroomacoustics():
    """50 random points as sources that emit the call as it reaches them; the library lets it travel to the ears."""
    pra = pytest.importorskip("pyroomacoustics")
    cells, receivers = scene((Omni(), Omni()), Omni(), count=50)
    rate, taps, start = 250_000, 81, 0.0
    speed = Air().speed_of_sound
    window = Window(rate, 2400, start)
    paths = single_bounce(Cells(cells.points, cells.normals, cells.areas, None, cells.signs), receivers, Law(0, 1))
    impulses = impulses_of(receivers, Bands(*CALL.band_hz, count=1), Air(), False, window)
    impulses.add(paths)
    ours = emitted(impulses.spectra(len(window.frequencies)), CALL, np.ones(2), window).numpy()

    pra.constants.set("frac_delay_length", taps)
    room = pra.AnechoicRoom(dim=3, fs=rate)
    room.set_sound_speed(speed)
    length = 4096
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    spectrum = CALL.spectrum(frequencies) * rate
    for number, point in enumerate(cells.points.numpy()):
        distance = np.linalg.norm(point)
        # Of both ears the same strength is sent: their cosines differ by far less than the tolerance.
        strength = float((paths.diffuse[:, number] * (paths.lengths[:, number] - distance)).mean())
        sent = np.fft.irfft(spectrum * np.exp(-2j * np.pi * frequencies * distance / speed), length)[:2000]
        room.add_source(point.tolist(), signal=strength * sent)
    room.add_microphone_array(EARS.T)
    room.simulate()
    signals = room.mic_array.signals[:, taps // 2 :][:, :2400]
    theirs = np.zeros_like(ours)
    theirs[:, : signals.shape[1]] = signals
    assert np.linalg.norm(ours - theirs) < 5e-3 * np.linalg.norm(theirs)


def test_shares_sum_to_all_and_reproduce_polynomials():
    bands = Bands.over(20e3, 60e3)
    frequencies = np.linspace(0, 100e3, 57)
    shares = bands.shares(frequencies)
    assert shares.sum(axis=1) == pytest.approx(1)
    inside = np.clip(frequencies, 20e3, 60e3)
    assert shares @ (bands.centres / 6e4) ** 3 == pytest.approx((inside / 6e4) ** 3)
    assert Bands.over(40e3, 40e3).count == 1


def test_delays_far_away_keep_their_fraction():
    """At 100 m single precision would be wrong by a tenth of a sample."""
    cells, receivers = scene((Omni(), Omni()), Omni(), count=1)
    far = Cells(cells.points + torch.tensor([99.0, 0, 0]), cells.normals, cells.areas, None, None)
    paths = single_bounce(far, receivers, Law(0, 1))
    window = Window(250e3, 512, float(paths.lengths.min()) / Air().speed_of_sound - 1e-3)
    impulses = impulses_of(receivers, Bands(*CALL.band_hz, count=1), Air(), False, window)
    impulses.add(paths)
    exact = exact_transfer(paths, receivers, Air(), False, window.frequencies, window.start_s)
    inside = (window.frequencies > 20e3) & (window.frequencies < 60e3)
    difference = (impulses.spectra(len(window.frequencies)) - exact)[:, inside]
    assert difference.abs().max() < 1e-3 * exact.abs().max()
