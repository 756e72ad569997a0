"""Echoes written, opened by xarray and scipy, and read back."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from hypernet.lab.errors import UserError
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.poses import ears, head_at
from hypernet.sonar.sources.echo_files import NO_START, EchoRecord, read_echo

pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")


def record(poses: int = 2) -> EchoRecord:
    random = np.random.default_rng(0)
    call = Call.sweep(60e3, 20e3, 2e-3)
    return EchoRecord(
        1e-3 * random.standard_normal((poses, 2, 300)),
        250_000.0,
        5.25e-3,
        tuple(head_at(1.0, 20, 25, roll_deg=90 * pose) for pose in range(poses)),
        np.array([ear.offset_m for ear in ears()]),
        343.21,
        call.title,
        call.samples(250_000),
        ("a note", "another"),
        {"scattering": "kirchhoff", "temperature_c": 20.0},
    )


def check_same(one_way: EchoRecord, back: EchoRecord, tolerance: float) -> None:
    np.testing.assert_allclose(back.samples, one_way.samples, atol=tolerance)
    for name in ("rate_hz", "start_s", "speed_of_sound", "call", "notes"):
        assert getattr(back, name) == getattr(one_way, name)
    assert dict(back.facts) == dict(one_way.facts)
    np.testing.assert_allclose(back.offsets_m, one_way.offsets_m)
    for head, other in zip(one_way.heads, back.heads, strict=True):
        np.testing.assert_allclose(head.axes, other.axes)
        np.testing.assert_allclose(head.position, other.position)


def test_netcdf_comes_back_and_xarray_opens_it(tmp_path):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    echo = record()
    echo.save(tmp_path / "echo.nc")
    back = read_echo(tmp_path / "echo.nc")
    check_same(echo, back, 1e-9)
    np.testing.assert_allclose(back.emitted, echo.emitted)
    with xarray.open_dataset(tmp_path / "echo.nc") as dataset:
        assert dataset["echo"].dims == ("pose", "microphone", "time")
        assert dataset["echo"].attrs["units"] == "Pa"
        np.testing.assert_allclose(dataset["time"], echo.times_s)
        np.testing.assert_allclose(dataset["distance"], echo.distances_m)
        assert dataset.attrs["scattering"] == "kirchhoff"
        assert "not the authors'" in dataset.attrs["source"]


@pytest.mark.parametrize(
    ("encoding", "dtype", "tolerance"), [("16", "<i2", 1e-7), ("24", "<i4", 1e-9), ("float", "<f4", 1e-9)]
)
def test_wav_comes_back_and_scipy_opens_it(tmp_path, encoding, dtype, tolerance):
    echo = record()
    echo.save(tmp_path / "echo.wav", encoding)
    check_same(echo, read_echo(tmp_path / "echo.wav"), tolerance)
    with pytest.warns(wavfile.WavFileWarning, match="not understood"):
        rate, samples = wavfile.read(tmp_path / "echo.wav")
    assert rate == 250_000
    assert samples.shape == (300, 4)
    assert samples.dtype == np.dtype(dtype)
    if encoding == "16":
        assert np.abs(samples).max() == round(0.9 * 32767)


def test_wav_has_an_even_number_of_bytes_in_each_chunk(tmp_path):
    echo = record(1)
    odd = EchoRecord(echo.samples[:, :1, :3], *(getattr(echo, name) for name in list(echo.__dict__)[1:]))
    odd = EchoRecord(**{**odd.__dict__, "offsets_m": odd.offsets_m[:1]})
    odd.save(tmp_path / "odd.wav", "24")
    content = (tmp_path / "odd.wav").read_bytes()
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    np.testing.assert_allclose(read_echo(tmp_path / "odd.wav").samples, odd.samples, atol=1e-9)


def test_a_silent_echo_is_written(tmp_path):
    echo = record(1)
    silent = EchoRecord(**{**echo.__dict__, "samples": np.zeros((1, 2, 50))})
    for name in ("a.nc", "a.wav"):
        silent.save(tmp_path / name)
        assert not read_echo(tmp_path / name).samples.any()


def test_files_of_other_programs(tmp_path):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    times = 0.004 + np.arange(100) / 400_000
    array = xarray.DataArray(np.ones((2, 100)), dims=("ear", "time"), coords={"time": times}, name="echo")
    array.to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    echo = read_echo(tmp_path / "other.nc")
    assert echo.samples.shape == (1, 2, 100)
    assert echo.rate_hz == pytest.approx(400_000)
    assert echo.start_s == 0.004
    assert echo.heads == ()
    assert any("where the microphones were" in note for note in echo.notes)
    wavfile.write(tmp_path / "other.wav", 384_000, (1000 * np.ones((90, 2))).astype("<i2"))
    echo = read_echo(tmp_path / "other.wav")
    assert echo.samples.shape == (1, 2, 90)
    assert any("taken as 1 Pa" in note for note in echo.notes)


def test_refused(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    echo = record()
    for name, line in (("a.mat", "must end in .nc or .wav"), ("a.nc/", "must end in|folder")):
        with pytest.raises(UserError, match=line):
            echo.save(tmp_path / name) if not name.endswith("/") else (tmp_path / "a.nc").mkdir() or echo.save(
                tmp_path / "a.nc"
            )
    with pytest.raises(UserError, match="encoding: '8' is none"):
        echo.save(tmp_path / "a.wav", "8")
    with pytest.raises(UserError, match=r"accepted are .nc, .wav"):
        read_echo(tmp_path / "a.csv")
    path = tmp_path / "b.nc"
    with pytest.raises(UserError, match="no such file"):
        read_echo(path)
    path.write_bytes(b"CDF\1 of netCDF 3")
    with pytest.raises(UserError, match=r"not a netCDF file \(no HDF5\)"):
        read_echo(path)

    def written(**variables: np.ndarray) -> None:
        with h5py.File(path, "w") as file:
            for name, values in variables.items():
                file[name] = values

    for variables, line in (
        ({"noise": np.ones(3)}, r"no variable echo \(it holds noise\)"),
        ({"echo": np.ones((1, 1, 1, 5))}, r"accepted is \[pose, microphone, time\]"),
        ({"echo": np.array([b"x", b"y"])}, "echo is not of numbers"),
        ({"echo": np.array([1.0, np.nan])}, "not finite"),
        ({"echo": np.ones(5)}, "no rate of 1000 samples"),
        ({"echo": np.ones(5), "time": np.array([0, 1, 2, 4, 5.0])}, "time does not rise evenly"),
    ):
        written(**variables)
        with pytest.raises(UserError, match=line):
            read_echo(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), value=st.binary(min_size=1, max_size=8), cut=st.floats(0.3, 1))
def test_a_damaged_wav_is_an_error_of_one_line(tmp_path, place, value, cut):
    path = tmp_path / "echo.wav"
    record().save(path)
    content = bytearray(path.read_bytes())
    start = round(place * (len(content) - 8))
    content[start : start + len(value)] = value
    path.write_bytes(content[: round(cut * len(content))])
    message = ""
    try:
        read_echo(path)
    except UserError as error:
        message = str(error)
    assert "\n" not in message


def test_a_netcdf_file_without_a_start_says_so(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(tmp_path / "foreign.nc", "w") as file:
        file["echo"] = np.ones((1, 2, 50))
        file.attrs["rate_hz"] = 250_000.0
    assert NO_START in read_echo(tmp_path / "foreign.nc").notes
