"""Recordings against scipy's reader, made calls and the machine-made annotations of real ones."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from hypernet.lab.errors import UserError
from hypernet.sonar.core.calls import Call
from hypernet.sonar.sources.recordings import call_from, read_recording

RATE = 250_000


def scene(rate: int = RATE, noise: float = 0.01) -> np.ndarray:
    """A quarter of a second: a call that the start cuts off, a soft one, a loud one at 0.12 s with its echo, noise."""
    random = np.random.default_rng(0)
    sound = noise * random.standard_normal(rate // 4)
    call = Call.sweep(80e3, 30e3, 3e-3).samples(rate)
    sound[: len(call) // 2] += 1.5 * call[len(call) // 2 : 2 * (len(call) // 2)]
    for start, size in ((0.05, 0.3), (0.12, 1.0), (0.127, 0.05)):
        place = round(start * rate)
        sound[place : place + len(call)] += size * call
    return sound / 2


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)


def wave(path: Path, rate: int, body: bytes, *extra: bytes, bits: int = 16, channels: int = 1, tag: int = 1) -> Path:
    width = bits // 8 * channels
    form = chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits))
    content = b"WAVE" + form + chunk(b"data", body) + b"".join(extra)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(content)) + content)
    return path


@pytest.mark.parametrize("dtype", ["u1", "<i2", "<i4", "<f4", "<f8"])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_same_numbers_as_scipy(tmp_path, dtype, channels):
    random = np.random.default_rng(1)
    numbers = random.uniform(-0.9, 0.9, (500, channels))
    whole = np.dtype(dtype).kind != "f"
    if dtype == "u1":
        numbers = (128 + 127 * numbers).astype(dtype)
    elif whole:
        numbers = (numbers * np.iinfo(dtype).max).astype(dtype)
    wavfile.write(tmp_path / "a.wav", RATE, numbers.astype(dtype).squeeze())
    recording = read_recording(tmp_path / "a.wav")
    expected = numbers.astype(np.float64) - 128 * (dtype == "u1")
    assert recording.rate_hz == RATE
    np.testing.assert_allclose(recording.samples * recording.scale, expected.T, rtol=1e-7)
    assert np.abs(recording.samples).max() <= 1


def test_24_bits_as_scipy_reads_them(tmp_path):
    numbers = np.array([0, 1, -1, 2**23 - 1, -(2**23), 123456], dtype="<i4")
    body = numbers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    path = wave(tmp_path / "a.wav", 384_000, body, bits=24)
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.samples[0] * recording.scale, numbers)
    np.testing.assert_array_equal(wavfile.read(path)[1] >> 8, numbers)


def test_guano_and_unknown_chunks(tmp_path):
    text = "GUANO|Version: 1.0\nTE: 10\nSamplerate: 441000\nSpecies Manual ID: Myomys: perhaps\n\n"
    sound = (3000 * np.sin(np.arange(9000))).astype("<i2").tobytes()
    path = wave(tmp_path / "a.wav", 44_100, sound, chunk(b"wamd", b"\1\2\3"), chunk(b"guan", text.encode()))
    recording = read_recording(path)
    assert recording.rate_hz == 441_000
    assert recording.metadata["Species Manual ID"] == "Myomys: perhaps"
    assert recording.notes == ("time-expanded 10 times, by its GUANO metadata",)
    asked = read_recording(path, time_expansion=8)
    assert asked.rate_hz == 8 * 44_100
    assert "say a time expansion of 10; 8 was asked for" in asked.notes[0]


def test_time_expansion_is_asked_for_where_nothing_says_it(tmp_path):
    path = wave(tmp_path / "slow.wav", 44_100, b"\0\1" * 400)
    with pytest.raises(UserError, match=r"slow.wav: 44.1 kHz holds nothing above 22.05 kHz; .* --time-expansion 10"):
        read_recording(path)
    assert read_recording(path, time_expansion=10).rate_hz == 441_000
    assert read_recording(path, time_expansion=1).rate_hz == 44_100


def test_a_recorder_that_was_switched_off(tmp_path):
    body = np.arange(-500, 500, dtype="<i2").tobytes()
    path = wave(tmp_path / "a.wav", RATE, body)
    content = bytearray(path.read_bytes())
    content[40:44] = struct.pack("<I", 5000)
    path.write_bytes(content)
    recording = read_recording(path)
    assert recording.samples.shape == (1, 1000)
    assert "ends early: 2,000 of 5,000 bytes" in recording.notes[0]
    content[40:44] = struct.pack("<I", 0)
    path.write_bytes(content)
    assert read_recording(path).samples.shape == (1, 1000)


@pytest.mark.parametrize(("rate", "expansion"), [(RATE, None), (38_400, 10.0)])
def test_the_loudest_whole_call_is_cut(tmp_path, rate, expansion):
    true_rate = rate * round(expansion or 1)
    path = tmp_path / "night.wav"
    wavfile.write(path, rate, (scene(true_rate) * 30_000).astype("<i2"))
    call = call_from(path, time_expansion=expansion)
    assert call.title.startswith("call of night.wav, 120.")
    assert 2e-3 < call.duration_s < 3.2e-3
    made = Call.sweep(80e3, 30e3, 3e-3).samples(true_rate)
    likeness = np.correlate(call.wave, made, "full").max() / (np.linalg.norm(call.wave) * np.linalg.norm(made))
    assert likeness > 0.98
    low, high = call.band_hz
    assert 25e3 < low < 40e3
    assert 70e3 < high < 85e3


def test_a_part_and_a_channel_and_a_band_can_be_named(tmp_path):
    path = tmp_path / "a.wav"
    wavfile.write(path, RATE, np.stack([np.zeros(RATE // 4), scene()], axis=1).astype("<f4"))
    call = call_from(path, start_s=0.04, end_s=0.07, channel=2, low_hz=40e3, high_hz=60e3)
    assert call.title.startswith("call of a.wav, 50.")
    assert call.title.endswith("40 to 60 kHz")
    assert call.band_hz[1] < 75e3
    with pytest.raises(UserError, match="channel 3; the file has channels 1 to 2"):
        call_from(path, channel=3)


def test_a_call_that_the_recording_cuts_off_says_so(tmp_path):
    sound = 0.01 * np.random.default_rng(0).standard_normal(RATE // 10)
    sound[:400] += Call.sweep(80e3, 30e3, 3e-3).samples(RATE)[-400:]
    wavfile.write(tmp_path / "a.wav", RATE, sound.astype("<f4"))
    assert call_from(tmp_path / "a.wav").title.endswith("it is cut off by the end of what was searched")


def test_real_recordings(recordings):
    """The call that is cut lies in an annotated one, and covers most of it."""
    # Lowest and highest frequency that the call must hold, kHz, and durations, ms.
    expected = {"MYOMYS": (45, 95, 2, 6), "EPTSER": (32, 50, 3, 8), "RHIFER": (80, 83, 45, 62)}
    for path in sorted(recordings.glob("*.wav")):
        call = call_from(path)
        species = path.name.split("-")[1]
        low, high, shortest, longest = expected[species]
        assert call.band_hz[0] < low * 1e3 < high * 1e3 < call.band_hz[1]
        assert shortest < call.duration_s * 1e3 < longest
        start, end = (float(word) / 1e3 for word in call.title.split(", ")[1].removesuffix(" ms").split(" to "))
        notes = json.loads(path.with_name(path.name + ".json").read_text())["annotation"]
        overlaps = [min(end, note["end_time"]) - max(start, note["start_time"]) for note in notes]
        assert max(overlaps) > 0.85 * (end - start)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"start_s": 0.2, "end_s": 0.1}, "0.2 to 0.1 s is no part of its 0.25 s"),
        ({"start_s": 0.1, "end_s": 0.10001}, "too few"),
        ({"low_hz": 90e3, "high_hz": 50e3}, "a band of 90000 to 50000 Hz"),
        ({"high_hz": 130e3}, "below half of the rate, 125000 Hz"),
        ({"time_expansion": 0.0}, "time expansion: 0 is not above 0"),
        ({"time_expansion": float("nan")}, "time expansion: nan"),
    ],
)
def test_refused_options(tmp_path, options, line):
    wavfile.write(tmp_path / "a.wav", RATE, scene().astype("<f4"))
    with pytest.raises(UserError, match=line):
        call_from(tmp_path / "a.wav", **options)


def test_noise_holds_no_call(tmp_path):
    wavfile.write(tmp_path / "a.wav", RATE, np.random.default_rng(0).standard_normal(RATE // 4).astype("<f4"))
    with pytest.raises(UserError, match="no call stands 12 dB out of the noise"):
        call_from(tmp_path / "a.wav")
    wavfile.write(tmp_path / "b.wav", RATE, np.zeros(RATE // 4, "<f4"))
    with pytest.raises(UserError, match="no call"):
        call_from(tmp_path / "b.wav")


def test_refused_files(tmp_path):
    with pytest.raises(UserError, match=r"no such file"):
        read_recording(tmp_path / "none.wav")
    with pytest.raises(UserError, match=r"accepted are .wav files"):
        read_recording(tmp_path / "a.mp3")
    good = wave(tmp_path / "a.wav", RATE, b"\0\1" * 100)
    content = good.read_bytes()
    for change, line in {
        b"": "empty",
        b"RIFF" + content[4:8] + b"AVI " + content[12:]: "not a WAV file",
        content[:20]: "damaged format|without a format",
        content[:36]: "without sound",
        content[:20] + struct.pack("<H", 85) + content[22:]: "sound of format 85 with 16 bits; accepted are",
        content[:22] + struct.pack("<H", 999) + content[24:]: "999 channels",
        content[:24] + struct.pack("<I", 5) + content[28:]: "5 samples a second",
    }.items():
        good.write_bytes(change)
        with pytest.raises(UserError, match=line):
            read_recording(good)
    wavfile.write(good, RATE, np.array([0, np.nan, 1], "<f4"))
    with pytest.raises(UserError, match="not finite"):
        read_recording(good)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 260), value=st.binary(min_size=1, max_size=6), cut=st.integers(1, 400))
def test_a_damaged_file_is_an_error_of_one_line(tmp_path, place, value, cut):
    path = wave(tmp_path / "a.wav", RATE, b"\0\1" * 100, chunk(b"guan", b"GUANO|Version: 1.0\nTE: 1"))
    content = bytearray(path.read_bytes())
    content[place : place + len(value)] = value
    path.write_bytes(content[:cut])
    message = ""
    try:
        read_recording(path)
    except UserError as error:
        message = str(error)
    assert "\n" not in message
