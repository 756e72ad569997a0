"""Echoes as files: netCDF that xarray opens, with all of the geometry, and WAV for the programs of the field.

netCDF: ``echo`` (pose, microphone, time) in Pa, ``time`` in seconds after the call began, ``head_position``,
``head_forward``, ``head_left``, ``head_up`` (pose, axis) in the world's frame, ``microphone_offset`` (microphone, axis)
in the head's frame (forward, left, up), and ``call`` (call_time), the emitted pressure 1 m in front of the mouth.

WAV: a channel for each microphone, pose by pose, with a chunk of GUANO metadata that holds what Pa a sample of size 1
is, when the first sample was, and the geometry.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, output_file
from hypernet.lab.libraries import library
from hypernet.sonar.core.poses import Head
from hypernet.sonar.sources import hdf5
from hypernet.sonar.sources.recordings import MOST_CHANNELS, read_recording

FORMATS = (".nc", ".wav")
# Encodings of a WAV file: bits of a whole number, or floating-point numbers of 32 bits.
ENCODINGS = {"16": 16, "24": 24, "float": 32}
# Largest sample of a file of whole numbers.
PEAK = 0.9
# What a WAV file of another program does not say.
NO_SCALE = "the file does not say what pressure its samples are: a sample of size 1 is taken as 1 Pa"
NO_START = "the file does not say when the call began: its first sample is taken as that time"
UNKNOWN_CALL = "call not known"
MADE_BY = "Simulated by hypernet sonar. Re-implementation; the simulator is not the authors'"
_SPACE = "Hypernet"
_AXES = ("forward", "left", "up")


@dataclass(frozen=True, eq=False)
class EchoRecord:
    """Echoes with where and how they were heard.

    Attributes:
        samples: pressure in Pa, float64 ``[pose, microphone, time]``.
        rate_hz: samples a second.
        start_s: time of the first sample after the call began.
        heads: of the poses; none if they are not known.
        offsets_m: of the microphones from the mouth, given forward, left and up, ``[microphone, 3]``; NaN if unknown.
        speed_of_sound: metres a second; 343.2 if it is not known.
        call: of what was emitted, for people.
        emitted: its pressure 1 m in front of the mouth at the same rate, ``[n]``; empty if not known.
        notes: what a person should know, a sentence each.
        facts: further settings by name.
    """

    samples: np.ndarray
    rate_hz: float
    start_s: float
    heads: tuple[Head, ...]
    offsets_m: np.ndarray
    speed_of_sound: float
    call: str
    emitted: np.ndarray
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.samples.ndim != 3 or not self.samples.size:
            raise ValueError(f"echoes must be [pose, microphone, time], got {list(self.samples.shape)}")

    def __repr__(self) -> str:
        poses, microphones, count = self.samples.shape
        return f"EchoRecord({poses} x {microphones} echoes of {count} samples at {self.rate_hz / 1e3:g} kHz)"

    @property
    def times_s(self) -> np.ndarray:
        """Of the samples after the call began, ``[time]``."""
        return self.start_s + np.arange(self.samples.shape[2]) / self.rate_hz

    @property
    def distances_m(self) -> np.ndarray:
        """Where a point is whose echo begins at each sample, ``[time]``: half of the way of sound."""
        return self.times_s * self.speed_of_sound / 2

    def save(self, path: Path | str, encoding: str = "16") -> None:
        """Write the echoes to a .nc or .wav file, whole or not at all.

        Args:
            path: where to.
            encoding: of a .wav file: ``16`` or ``24`` bits, scaled so that the loudest sample is 0.9, or ``float``, in
                Pa.

        Raises:
            UserError: another ending or encoding, a folder, or more channels than a .wav file has.
        """
        path = output_file(path, *FORMATS)
        if path.suffix == ".nc":
            write_netcdf(path, self)
        else:
            write_wav(path, self, encoding)


def read_echo(path: Path | str, time_expansion: float | None = None) -> EchoRecord:
    """Read echoes from a .nc or .wav file, of this program or another.

    Args:
        path: of the file. netCDF needs a variable ``echo`` whose last axis is time, and its rate (attribute
            ``rate_hz``, or the coordinate ``time`` in seconds).
        time_expansion: of a .wav file, as for :func:`hypernet.sonar.sources.recordings.read_recording`.

    Raises:
        UserError: another format, damaged, or without what is needed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".nc":
        return _read_netcdf(path)
    if suffix in (".wav", ".wave"):
        return _read_wav(path, time_expansion)
    raise UserError(f"{path}: not an echo; accepted are {', '.join(FORMATS)}")


def write_netcdf(path: Path, record: EchoRecord) -> None:
    """See :meth:`EchoRecord.save`; echoes are stored as float32."""
    netcdf = library("h5netcdf", "h5netcdf", "sonar")
    poses, microphones, count = record.samples.shape
    axes = np.array([[head.forward, head.left, head.up] for head in record.heads]).reshape(-1, 3, 3)
    with atomic_path(path) as temporary, netcdf.File(temporary, "w") as file:
        file.dimensions = {"pose": poses, "microphone": microphones, "time": count, "axis": 3}
        _put(file, "echo", ("pose", "microphone", "time"), record.samples.astype(np.float32), "Pa", "sound pressure")
        _put(file, "time", ("time",), record.times_s, "s", "time after the call began")
        _put(file, "distance", ("time",), record.distances_m, "m", "half of the way of sound")
        _put(
            file,
            "microphone_offset",
            ("microphone", "axis"),
            record.offsets_m,
            "m",
            "forward, left and up of the mouth",
        )
        if len(axes) == poses:
            places = np.array([head.position for head in record.heads])
            _put(file, "head_position", ("pose", "axis"), places, "m", "place of the mouth in the world")
            for number, name in enumerate(_AXES):
                _put(file, f"head_{name}", ("pose", "axis"), axes[:, number], "1", f"{name} of the head in the world")
        if len(record.emitted):
            file.dimensions["call_time"] = len(record.emitted)
            _put(file, "call", ("call_time",), record.emitted, "Pa", "emitted pressure 1 m in front of the mouth")
        file.attrs.update({
            "title": f"Echoes of {record.call}",
            "source": MADE_BY,
            "rate_hz": float(record.rate_hz),
            "start_s": float(record.start_s),
            "speed_of_sound": float(record.speed_of_sound),
            "call_title": record.call,
            "notes": "\n".join(record.notes),
            "conventions": "world: metres, x to the front of the object, y to its left, z up; head: forward, left, up",
            **record.facts,
        })  # fmt: skip


def _put(file: Any, name: str, dimensions: tuple[str, ...], values: np.ndarray, unit: str, words: str) -> None:
    variable = file.create_variable(name, dimensions, values.dtype, data=values)
    variable.attrs.update({"units": unit, "long_name": words})
    if name == "echo":
        variable.attrs["coordinates"] = "distance"


def _read_netcdf(path: Path) -> EchoRecord:
    with hdf5.opened(path, "netCDF") as file:
        samples = hdf5.numbers(path, file, "echo")
        if samples is None:
            raise UserError(f"{path}: no variable echo (it holds {', '.join(sorted(file))[:80] or 'nothing'})")
        if not 1 <= samples.ndim <= 3 or samples.shape[-1] < 2:
            raise UserError(f"{path}: echo of shape {list(samples.shape)}; accepted is [pose, microphone, time]")
        samples = samples.reshape((1,) * (3 - samples.ndim) + samples.shape)
        poses, microphones, count = samples.shape
        rate, start = _clock(path, file, count)
        notes = [line for line in str(hdf5.attribute(file, "notes") or "").split("\n") if line]
        if start is None:
            notes.append(NO_START)
        geometry = {
            name: hdf5.numbers(path, file, name) for name in ("head_position", *(f"head_{axis}" for axis in _AXES))
        }
        offsets = hdf5.numbers(path, file, "microphone_offset")
        emitted = hdf5.numbers(path, file, "call")
        speed, title = hdf5.attribute(file, "speed_of_sound"), hdf5.attribute(file, "call_title")
        known = {"title", "source", "rate_hz", "start_s", "speed_of_sound", "call_title", "notes", "conventions"}
        facts = {
            name: hdf5.attribute(file, name)
            for name in file.attrs
            if name not in known
            and not name.startswith("_")
            and isinstance(hdf5.attribute(file, name), str | float | int)
        }
    heads = _heads(path, geometry, poses)
    if offsets is None or offsets.shape != (microphones, 3):
        offsets = np.full((microphones, 3), np.nan)
        notes.append("the file does not say where the microphones were")
    return EchoRecord(
        samples,
        rate,
        start or 0.0,
        heads,
        offsets,
        float(speed) if isinstance(speed, int | float) and 100 < speed < 2000 else 343.2,
        str(title or UNKNOWN_CALL),
        np.zeros(0) if emitted is None else emitted.ravel(),
        tuple(notes),
        facts,
    )


def _clock(path: Path, file: Any, count: int) -> tuple[float, float | None]:
    """Rate, and time of the first sample where the file says it."""
    rate, start = hdf5.attribute(file, "rate_hz"), hdf5.attribute(file, "start_s")
    times = hdf5.numbers(path, file, "time")
    if times is not None and times.shape == (count,):
        steps = np.diff(times)
        if not (steps > 0).all() or np.ptp(steps) > 0.01 * steps.mean():
            raise UserError(f"{path}: time does not rise evenly; accepted are seconds at a constant rate")
        rate = rate if isinstance(rate, int | float) else 1 / float(steps.mean())
        start = start if isinstance(start, int | float) else float(times[0])
    if not isinstance(rate, int | float) or not 1000 <= rate <= 1e8:
        raise UserError(f"{path}: no rate of 1000 samples a second or more (attribute rate_hz, or time in seconds)")
    return float(rate), float(start) if isinstance(start, int | float) and np.isfinite(start) else None


def _heads(path: Path, geometry: Mapping[str, np.ndarray | None], poses: int) -> tuple[Head, ...]:
    """Heads of all poses, or none where the file does not have them."""
    arrays = [array for array in geometry.values() if array is not None and array.shape == (poses, 3)]
    if len(arrays) < len(geometry):
        return ()
    try:
        return tuple(Head(*rows) for rows in zip(*arrays, strict=True))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def write_wav(path: Path, record: EchoRecord, encoding: str = "16") -> None:
    """See :meth:`EchoRecord.save`."""
    if encoding not in ENCODINGS:
        raise UserError(f"encoding: {encoding!r} is none of a .wav file; accepted: {', '.join(ENCODINGS)}")
    channels = record.samples.reshape(-1, record.samples.shape[-1])
    if len(channels) > MOST_CHANNELS:
        raise UserError(f"{path}: {len(channels)} channels; a .wav file has at most {MOST_CHANNELS}, write .nc")
    bits, peak = ENCODINGS[encoding], float(np.abs(channels).max())
    frames = np.ascontiguousarray(channels.T)
    unit = 1.0 if encoding == "float" or not peak else peak / PEAK
    if encoding == "float":
        body = frames.astype("<f4").tobytes()
    else:
        numbers = np.round(frames / unit * (2 ** (bits - 1) - 1)).astype("<i4")
        unit *= 2 ** (bits - 1) / (2 ** (bits - 1) - 1)
        body = numbers.astype("<i2").tobytes() if bits == 16 else numbers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    rate, width = round(record.rate_hz), len(channels) * bits // 8
    form = struct.pack(
        "<HHIIHH", 3 if encoding == "float" else 1, len(channels), rate, min(rate * width, 2**32 - 1), width, bits
    )
    chunks = [(b"fmt ", form), (b"data", body), (b"guan", _guano(record, unit))]
    parts = [struct.pack("<4sI", name, len(part)) + part + b"\0" * (len(part) % 2) for name, part in chunks]
    size = 4 + sum(len(part) for part in parts)
    if size >= 2**32:
        raise UserError(f"{path}: too long for a .wav file; write .nc")
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<4sI4s", b"RIFF", size, b"WAVE"))
        file.writelines(parts)


def _guano(record: EchoRecord, unit: float) -> bytes:
    """What a .wav file says of itself."""
    poses, microphones, _ = record.samples.shape
    fields: dict[str, Any] = {
        "GUANO|Version": "1.0",
        "TE": 1,
        "Samplerate": round(record.rate_hz),
        "Note": f"{MADE_BY}. Echoes of {record.call}",
        f"{_SPACE}|Pa per unit": repr(unit),
        f"{_SPACE}|Start s": repr(float(record.start_s)),
        f"{_SPACE}|Speed of sound": repr(float(record.speed_of_sound)),
        f"{_SPACE}|Call": record.call,
        f"{_SPACE}|Shape": json.dumps([poses, microphones]),
        f"{_SPACE}|Notes": json.dumps(list(record.notes)),
        f"{_SPACE}|Facts": json.dumps(dict(record.facts)),
    }
    if record.heads:
        rows = [[*head.position, *head.forward, *head.left, *head.up] for head in record.heads]
        fields[f"{_SPACE}|Heads"] = json.dumps(rows)
    if np.isfinite(record.offsets_m).all():
        fields[f"{_SPACE}|Microphones"] = json.dumps(record.offsets_m.tolist())
    text = "\n".join(f"{name}: {str(value).replace(chr(10), ' ')}" for name, value in fields.items())
    content = text.encode("utf-8")
    return content + b" " * (len(content) % 2)


def _read_wav(path: Path, time_expansion: float | None) -> EchoRecord:
    recording = read_recording(path, time_expansion)
    metadata, channels = recording.metadata, len(recording.samples)
    notes = list(recording.notes)
    unit = _positive(metadata.get(f"{_SPACE}|Pa per unit"))
    if unit is None:
        notes.append(NO_SCALE)
    shape = _rows(metadata.get(f"{_SPACE}|Shape"), (2,))
    poses, microphones = (1, channels) if shape is None else (int(shape[0]), int(shape[1]))
    if poses < 1 or poses * microphones != channels:
        poses, microphones = 1, channels
    heads: tuple[Head, ...] = ()
    if (rows := _rows(metadata.get(f"{_SPACE}|Heads"), (poses, 12))) is not None:
        try:
            heads = tuple(Head(*row.reshape(4, 3)) for row in rows)
        except ValueError as error:
            raise UserError(f"{path}: {error}") from None
    offsets = _rows(metadata.get(f"{_SPACE}|Microphones"), (microphones, 3))
    if offsets is None:
        offsets = np.full((microphones, 3), np.nan)
        notes.append("the file does not say where the microphones were")
    start = _number(metadata.get(f"{_SPACE}|Start s"))
    if start is None:
        notes.append(NO_START)
    more = _json(metadata.get(f"{_SPACE}|Notes"))
    facts = _json(metadata.get(f"{_SPACE}|Facts"))
    return EchoRecord(
        recording.samples.reshape(poses, microphones, -1) * (unit or 1.0),
        recording.rate_hz,
        start or 0.0,
        heads,
        offsets,
        _positive(metadata.get(f"{_SPACE}|Speed of sound")) or 343.2,
        metadata.get(f"{_SPACE}|Call") or UNKNOWN_CALL,
        np.zeros(0),
        (*(str(note) for note in (more if isinstance(more, list) else [])), *notes),
        {name: value for name, value in facts.items() if isinstance(value, str | int | float)}
        if isinstance(facts, dict)
        else {},
    )


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _positive(text: str | None) -> float | None:
    value = _number(text)
    return value if value is not None and value > 0 else None


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        return None


def _rows(text: str | None, shape: Sequence[int]) -> np.ndarray | None:
    """An array of a shape from its text, or None."""
    try:
        array = np.array(_json(text), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return array if array.shape == tuple(shape) and np.isfinite(array).all() else None
