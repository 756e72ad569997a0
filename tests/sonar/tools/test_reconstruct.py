"""From an echo file to a mesh: what is done to it on the way, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.shapes.core.extraction import EmptyFieldError
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.sources.mesh_files import read_mesh
from hypernet.shapes.sources.objects import GeneratedObject
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.sources.echo_files import NO_SCALE, EchoRecord
from hypernet.sonar.sources.targets import air_of, listen, sweep
from hypernet.sonar.tools.fitted import fitted
from hypernet.sonar.tools.predict import predict
from hypernet.sonar.tools.reconstruct import reconstruct
from hypernet.sonar.tools.simulate import simulate
from hypernet.sonar.trained import Listener

# As in conftest.py.
NOISE = 7e-5


@pytest.fixture(scope="module")
def record() -> EchoRecord:
    mesh = generate("chair", 7).union()
    return simulate(mesh, size_m=0.2, azimuth_deg=12, heads=[(0, 0, 0), (0, 0, 90)]).record


def test_a_simulated_echo_becomes_that_of_the_data_set(config, model):
    """Whatever the window of the file: the same samples as the data set's own simulation, to its noise."""
    shape = GeneratedObject("chair", "7", generate("chair", 7))
    heard = listen(shape, config.scene, sweep(config.call), config.hearing, 24)
    mesh = generate("chair", 7).union()
    file = simulate(mesh, size_m=0.2, azimuth_deg=float(heard.azimuths[0]), heads=[(0, 0, 0)]).record
    assert abs((file.start_s - model.start_s) * 250e3 % 1 - 0.5) < 0.499
    difference = fitted(file, model).echoes[0] - heard.echoes[0, 0]
    assert float(difference.std()) == pytest.approx(NOISE, rel=0.05)
    assert air_of(config.hearing).speed_of_sound == pytest.approx(file.speed_of_sound)


def test_another_rate_is_resampled_and_said(model, record):
    twice = simulate(generate("chair", 7).union(), size_m=0.2, azimuth_deg=12, rate_hz=500_000).record
    first, other = fitted(record, model), fitted(twice, model)
    assert "resampled from 500 to 250 kHz" in other.notes
    difference = float(np.abs(first.echoes - other.echoes).std())
    assert difference < 0.2 * float(first.echoes.std()) + 2 * NOISE


def test_noise_that_is_there_is_left_alone(model, record):
    noisy = record.samples + NOISE * np.random.default_rng(1).standard_normal(record.samples.shape)
    assert any("echoes added (70 µPa)" in note for note in fitted(record, model).notes)
    heard = fitted(replace(record, samples=noisy), model)
    assert any("added where the file has no samples" in note for note in heard.notes)
    blocks = heard.echoes[0].reshape(2, 16, 64).std(axis=2)
    assert blocks.min() == pytest.approx(NOISE, rel=0.35)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: replace(record, samples=record.samples[:, :1]), "1 channels of a pose; accepted: two ears"),
        (lambda record: replace(record, samples=0 * record.samples), "silence"),
        (lambda record: replace(record, samples=np.nan * record.samples), "finite"),
        (
            lambda record: replace(record, start_s=record.start_s / 2),
            "of its energy lies outside of the model's window",
        ),
    ],
)
def test_what_would_give_a_wrong_answer_is_refused(model, record, change, message):
    with pytest.raises(UserError, match=message) as caught:
        fitted(change(record), model)
    assert "\n" not in str(caught.value)


def test_a_recorder_s_file_needs_its_start_and_its_level(model, record, tmp_path):
    path = tmp_path / "recorded.wav"
    scaled = record.samples[0] / np.abs(record.samples).max() * 0.5
    wavfile.write(path, 250_000, (32767 * scaled.T).astype(np.int16))
    with pytest.raises(UserError, match="--start-ms"):
        fitted(path, model)
    with pytest.raises(UserError, match="--full-scale-pa"):
        fitted(path, model, start_s=record.start_s)
    factor = np.abs(record.samples).max() / 0.5
    given = fitted(path, model, start_s=record.start_s, full_scale_pa=factor).echoes
    assert np.abs(given - fitted(record, model).echoes).max() < 1e-3 * np.abs(given).max() + 6 * NOISE
    matched = fitted(path, model, start_s=record.start_s, level="match")
    assert float(matched.echoes.std()) == pytest.approx(float(model.network.embed.spectrogram.scale), rel=0.01)


def test_pairs_need_the_heads_of_the_training(listener, record):
    pairs = listener("batman_pairs", 4)
    assert fitted(record, pairs).echoes.shape == (1, 4, 1024)
    with pytest.raises(UserError, match="1 poses; batman_pairs hears 2, heads rolled by 0, 90 degrees"):
        fitted(replace(record, samples=record.samples[:1], heads=record.heads[:1]), pairs)
    turned = replace(record, heads=(record.heads[0], record.heads[0]))
    assert "rolled by 0 degrees; in training by 90" in fitted(turned, pairs).warnings[0]


def test_another_call_is_a_warning(model, record):
    (warning,) = fitted(replace(record, call="CF 80 kHz, 20 ms"), model).warnings
    assert "CF 80 kHz" in warning


def test_sight_is_pointed_to_its_own_tool(listener, record):
    with pytest.raises(UserError, match="hypernet shapes reconstruct"):
        fitted(record, listener("vision", 2))


def test_the_mesh_is_what_predict_says(model, record, tmp_path, monkeypatch):
    """An untrained network's field, lowered until something is inside: mesh and voxels are of one function."""
    echoes = fitted(record, model).echoes
    level = float(np.quantile(model.scores(echoes), 0.7))
    last = model.network.decode.heads
    plain = model.field_of(model.embedding(echoes)[0])
    assert last is not None
    monkeypatch.setattr(Listener, "field_of", lambda self, embedding: lambda points: plain(points) - level)
    shape = reconstruct(replace(record, samples=record.samples), model=_with_gallery(model, echoes), resolution=32)
    words = shape.save(tmp_path / "shape.glb")
    assert "longest side 0.2 m" in words
    assert np.ptp(read_mesh(tmp_path / "shape.glb").bounds, axis=0).max() == pytest.approx(0.2, rel=1e-3)
    assert "assumed, as in the training: longest side 0.2 m" in shape.summary()
    assert float(iou(predict(echoes, model=model), model(echoes))[0]) == 1.0


def _with_gallery(model: Listener, echoes: np.ndarray) -> Listener:
    model._gallery = torch.from_numpy(model.embedding(echoes))
    model._gallery_classes = torch.zeros(1, dtype=torch.int64)
    model._familiar_distance = 1.0
    return model


def test_an_empty_answer_says_what_may_be_why(model, record, monkeypatch):
    """Warnings are worth most where there is no object: they are in the one line that is left."""
    monkeypatch.setattr(Listener, "field_of", lambda self, embedding: lambda points: np.full(len(points), -1.0))
    monkeypatch.setattr(Listener, "familiarity", lambda self, echoes: (np.array([2.0]), np.array([0])))
    with pytest.raises(EmptyFieldError, match="hears no object") as caught:
        reconstruct(replace(record, call="CF 80 kHz, 20 ms"), model=_with_gallery(model, fitted(record, model).echoes))
    words = str(caught.value)
    assert "emitted: CF 80 kHz" in words
    assert "unlike any echo it was trained on (200%" in words
    assert "\n" not in words


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start_s": float("nan")}, "start_s: nan"),
        ({"start_s": 5.2}, "start_s: 5.2; accepted: seconds from -1 to 1"),
        ({"full_scale_pa": 0.0}, "full_scale_pa: 0"),
        ({"full_scale_pa": float("nan")}, "full_scale_pa: nan"),
        ({"resolution": 3}, "resolution: 3"),
    ],
)
def test_numbers_that_cannot_be_are_refused(model, record, given, message):
    with pytest.raises(UserError, match=message):
        reconstruct(record, model=model, **given)


def test_the_command_says_what_is_missing(capsys):
    assert main(["sonar", "reconstruct", "none.nc", "--model", "none.ckpt"]) == 2
    assert "nothing to write" in capsys.readouterr().err


def recorder_file(path: Path, record: EchoRecord, seconds: float, rate_hz: int = 250_000, offset: float = 0.0) -> Path:
    """What a recorder writes that starts with the call: noise, the echo, noise; float numbers in Pa, without a call."""
    sound = NOISE * np.random.default_rng(1).standard_normal((2, round(seconds * 250e3)))
    first = round(record.start_s * 250e3)
    sound[:, first : first + record.samples.shape[2]] += record.samples[0]
    wavfile.write(path, rate_hz, (sound + offset).T.astype(np.float32))
    return path


@pytest.mark.parametrize(("seconds", "offset"), [(0.01, 0.0), (1.0, 0.0), (0.01, 0.02)])
def test_noise_and_an_offset_beside_the_window_are_no_echo(model, record, tmp_path, seconds, offset):
    path = recorder_file(tmp_path / "long.wav", record, seconds, offset=offset)
    heard = fitted(path, model, start_s=0.0, full_scale_pa=1.0).echoes - fitted(record, model).echoes
    assert float(heard.std()) == pytest.approx(2**0.5 * NOISE, rel=0.1)


def test_a_time_expanded_file_is_read_as_it_was_recorded(model, record, tmp_path):
    path = recorder_file(tmp_path / "slow.wav", record, 0.01, rate_hz=25_000)
    with pytest.raises(UserError, match="--time-expansion"):
        fitted(path, model, start_s=0.0, full_scale_pa=1.0)
    plain = recorder_file(tmp_path / "plain.wav", record, 0.01)
    slow, fast = (
        fitted(name, model, start_s=0.0, full_scale_pa=1.0, time_expansion=factor).echoes
        for name, factor in ((path, 10), (plain, None))
    )
    assert np.array_equal(slow, fast)


def test_a_scale_that_the_file_states_is_not_given_twice(model, record, tmp_path):
    record.save(tmp_path / "echo.wav")
    with pytest.raises(UserError, match="leave --full-scale-pa out"):
        fitted(tmp_path / "echo.wav", model, full_scale_pa=2.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: np.stack([record.samples[0, 0], 0 * record.samples[0, 1]]), "channel 2 of 2 is silent"),
        (lambda record: record.samples[0][[0, 0]], "channels 1 and 2 are the same"),
    ],
)
def test_a_single_ear_is_refused(model, record, change, message):
    with pytest.raises(UserError, match=message):
        fitted(replace(record, samples=change(record)[None], heads=(), notes=(NO_SCALE,)), model, full_scale_pa=1.0)


def test_what_the_file_shows_of_itself_is_a_warning(model, record):
    peak = np.abs(record.samples).max()
    loud = replace(record, samples=np.clip(record.samples, -peak / 5, peak / 5))
    assert "clipped" in fitted(loud, model).warnings[0]
    chair = generate("chair", 7).union()
    low = simulate(chair, size_m=0.2, elevation_deg=0, range_m=0.95, azimuth_deg=60).record
    words = fitted(low, model).warnings
    assert ["0.95 m away" in words[0], "0 degrees above" in words[1], "60 degrees aside" in words[2]] == [True] * 3
    slow = replace(record, samples=record.samples[..., ::3], rate_hz=record.rate_hz / 3)
    assert "holds nothing above 41.7 kHz" in fitted(slow, model).warnings[0]
    (warning,) = fitted(replace(record, call="FM 60 to 20 kHz, 2 ms, hyperbolic"), model).warnings
    assert "hyperbolic" in warning
    assert fitted(record, model).warnings == ()
