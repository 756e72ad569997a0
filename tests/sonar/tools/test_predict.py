"""Voxels of many echoes at once: arrays, echoes of a data set, and poses of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.model import Sound
from hypernet.sonar.sources.archive import EchoArchive
from hypernet.sonar.sources.echo_files import EchoRecord
from hypernet.sonar.tools import predict as tool
from hypernet.sonar.tools.fitted import fitted
from hypernet.sonar.tools.predict import predict
from hypernet.sonar.tools.simulate import simulate
from hypernet.sonar.trained import Listener

# As in conftest.py.
NOISE = 7e-5


@pytest.fixture(scope="module")
def record() -> EchoRecord:
    return simulate(generate("chair", 7).union(), size_m=0.2, azimuth_deg=12, heads=[(0, 0, 0), (0, 0, 90)]).record


@pytest.fixture
def echoes(model, record) -> np.ndarray:
    heard = [fitted(record, model, pose).echoes for pose in (0, 1)]
    return np.concatenate([*heard, heard[0][:, ::-1]])


def archive(path: Path, record: EchoRecord, microphones: int = 0) -> Path:
    """Echoes of two objects as `hypernet sonar prepare` writes them, of two views each."""
    poses, ears, samples = record.samples.shape
    facts = {"rate_hz": int(record.rate_hz), "start_s": record.start_s, "speed_of_sound": record.speed_of_sound}
    names = [("chair", "1"), ("chair", "2")]
    angles = [[0.0, 0.0, 90.0 * pose] for pose in range(poses)]
    file = EchoArchive(path, names, (2, poses, ears, samples), microphones, facts | {"call": record.call}, angles)
    for sign in (1, -1):
        views = np.stack([sign * record.samples, 5 * record.samples])
        file.add(np.zeros(2), views, np.stack([view[0, :1].repeat(microphones, 0) for view in views]))
    file.close()
    return path


def heard_by(model: Listener, echoes: object, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """What reaches the network."""
    given: list[np.ndarray] = []
    plain = Listener.__call__

    def noted(self: Listener, array: np.ndarray) -> np.ndarray:
        given.append(np.asarray(array))
        return plain(self, array)

    monkeypatch.setattr(Listener, "__call__", noted)
    predict(echoes, model=model)
    return given[0]


def test_arrays_and_their_files_give_the_same(model, echoes, tmp_path):
    voxels = predict(echoes, model=model)
    assert voxels.shape == (3, 32, 32, 32)
    assert voxels.dtype == bool
    np.save(tmp_path / "echoes.npy", echoes)
    np.savez(tmp_path / "echoes.npz", echoes=echoes)
    for name in ("echoes.npy", "echoes.npz"):
        assert np.array_equal(predict(tmp_path / name, model=model), voxels)
    assert np.array_equal(predict(echoes[1], model=model), voxels[1:2])


def test_each_object_of_a_data_set_is_taken_from_its_first_view(model, record, tmp_path, monkeypatch):
    heard = heard_by(model, archive(tmp_path / "echoes.nc", record), monkeypatch)
    assert heard.shape == (2, 2, 1024)
    plain, turned = (fitted(replace(record, samples=sign * record.samples), model).echoes[0] for sign in (1, -1))
    assert np.abs(heard[0] - plain).max() < 12 * NOISE
    assert np.abs(heard[1] - turned).max() < 12 * NOISE
    # With noise: a silence that is more silent than the training's is not what a network knows.
    assert heard[:, :, -100:].std() == pytest.approx(NOISE, rel=0.15)


def test_a_data_set_is_heard_with_what_the_method_hears(listener, model, record, tmp_path, monkeypatch):
    pairs = listener("batman_pairs", 4)
    assert heard_by(pairs, archive(tmp_path / "pairs.nc", record), monkeypatch).shape == (2, 4, 1024)
    pair = listener("batman", 2)
    pair.senses, pair.sound = "microphones", Sound(5, 1024, 250_000)
    with pytest.raises(UserError, match="no echoes of further microphones"):
        predict(tmp_path / "pairs.nc", model=pair)
    path = archive(tmp_path / "mics.nc", record, microphones=3)
    assert [item.echoes.shape for item in tool._of_netcdf(path, pair)] == [(1, 5, 1024)] * 2


def test_each_pose_of_a_file_is_taken(model, listener, record, tmp_path, monkeypatch):
    record.save(tmp_path / "echo.nc")
    assert heard_by(model, tmp_path / "echo.nc", monkeypatch).shape == (2, 2, 1024)
    together = listener("batman_pairs", 4)
    assert predict(tmp_path / "echo.nc", model=together).shape == (1, 32, 32, 32)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((1, 2, 1000), dtype=np.float32), "2 echoes of 1024 samples at 250 kHz"),
        (np.zeros((0, 2, 1024), dtype=np.float32), "echoes"),
        (np.zeros((1, 2, 1024), dtype=np.int16), "int16"),
        (np.full((2, 1024), np.nan, dtype=np.float32), "finite"),
        ("none.npy", "no such file"),
        ("none.nc", "no such file"),
        ("echoes.wav", "must end in"),
    ],
)
def test_what_does_not_fit_is_refused(model, given, message):
    with pytest.raises(UserError, match=message) as caught:
        predict(given, model=model)
    assert "\n" not in str(caught.value)


def test_files_of_strangers_are_refused(model, record, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([None, {}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="Python objects"):
        predict(tmp_path / "objects.npy", model=model)
    (tmp_path / "junk.nc").write_bytes(b"junk" * 99)
    with pytest.raises(UserError, match="not a netCDF file"):
        predict(tmp_path / "junk.nc", model=model)
    silent = archive(tmp_path / "silent.nc", replace(record, samples=0 * record.samples))
    with pytest.raises(UserError, match=r"silent\.nc: object 0: silence"):
        predict(silent, model=model)


def test_the_command_checks_names_first(capsys, tmp_path):
    for echoes, out, message in (
        ("a.wav", "b.npz", "--echoes"),
        ("a.nc", "b.nc", "--out"),
        ("a.npz", "a.npz", "read by the same command"),
    ):
        names = ["--echoes", str(tmp_path / echoes), "--out", str(tmp_path / out)]
        assert main(["sonar", "predict", "--model", "none.ckpt", *names]) == 2
        assert message in capsys.readouterr().err


def test_the_command_writes_voxels_and_passes_warnings_on(model, record, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tool, "open_model", lambda path: model)
    replace(record, call="CF 80 kHz, 20 ms").save(tmp_path / "echo.nc")
    names = ["--echoes", str(tmp_path / "echo.nc"), "--out", str(tmp_path / "voxels.npz")]
    assert main(["sonar", "predict", "--model", "model.ckpt", *names]) == 0
    words = capsys.readouterr().out
    assert words.count("warning") == 1
    assert "CF 80 kHz" in words
    assert "2 shapes of 32³ voxels" in words
    assert np.load(tmp_path / "voxels.npz")["occupancy"].shape == (2, 32, 32, 32)
