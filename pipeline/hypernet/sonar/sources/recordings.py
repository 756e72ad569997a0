"""Recordings of bats: WAV files read, and one call cut out of them.

The reader knows the chunks that it needs (`fmt `, `data`, and `guan` of GUANO, the metadata of bat recorders: "GUANO -
Grand Unified Acoustic Notation Ontology", version 1.0) and passes over all others. The reader of scipy warns of every
chunk it does not know and believes what a header says of sizes.

A time-expanded recording plays a call ten times slower; its file has a tenth of the rate at which it was made. GUANO
says so (``TE``); nothing else does, so the caller must.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.shapes.sources.mesh_files import read_bytes
from hypernet.sonar.core.calls import LONGEST_S, Call

LARGEST = 512 << 20
MOST_CHANNELS = 64
# A file of a lower rate cannot hold a bat's call unless it is time-expanded.
LOWEST_RATE_HZ = 96_000
LARGEST_EXPANSION = 100.0
# Of what a call is looked for in, seconds.
LONGEST_SEARCHED_S = 20.0
# Calls are above this, and below this share of the rate.
LOWEST_HZ, HIGHEST_SHARE = 12_000.0, 0.48
# Windows of the spectrogram in seconds, and its overlap.
WINDOW_S, OVERLAP = 0.5e-3, 0.75
# A call begins and ends where its strongest frequency is this far below the call's peak, for longer than a short dip:
# its end lies in its own echoes, its beginning in silence.
BEGIN_DB, END_DB, DIP_S = -30.0, -20.0, 0.5e-3
# But no nearer than this to the quiet tenth of the recording.
ABOVE_NOISE_DB = 6.0
# It must stand this far above the quiet tenth of the recording, and others this near to the loudest are looked at.
CLEAR_DB, NEXT_DB = 12.0, -20.0
# The band that is kept: where the spectrum is within 30 dB of its peak, and a tenth beyond.
BAND_DB, MARGIN = -30.0, 1.1
# Share of the call over which each end is faded.
FADE = 0.08
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Recording:
    """Sound of a WAV file.

    Attributes:
        name: of the file.
        samples: of the largest number's size 1, float64 ``[channels, n]``.
        rate_hz: samples a second in true time.
        expansion: how many times slower the file plays.
        notes: what a person should know, a sentence each.
        metadata: of the GUANO chunk, field by field.
        scale: what samples were divided by: 1 of a file of floating-point numbers.
    """

    name: str
    samples: np.ndarray
    rate_hz: float
    expansion: float
    notes: tuple[str, ...]
    metadata: dict[str, str]
    scale: float

    @property
    def duration_s(self) -> float:
        """In true time."""
        return self.samples.shape[1] / self.rate_hz


@dataclass(frozen=True)
class _Format:
    """What the chunk `fmt ` says."""

    tag: int
    channels: int
    rate: int
    bits: int

    @property
    def width(self) -> int:
        return self.bits // 8


def read_recording(path: Path | str, time_expansion: float | None = None) -> Recording:
    """Read a WAV file (RIFF or RF64) of 8, 16, 24 or 32 bits or floating-point numbers.

    Args:
        path: of the file.
        time_expansion: how many times slower it plays; None: what its GUANO metadata say, else 1.

    Raises:
        UserError: no such file, damaged, of another form, not finite, or silent about its time expansion at a rate
            that no bat detector records at.
    """
    path = Path(path)
    if path.suffix.lower() not in (".wav", ".wave"):
        raise UserError(f"{path}: not a recording; accepted are .wav files")
    content = read_bytes(path, LARGEST, "a recording")
    try:
        form, data, metadata, notes = _chunks(content)
        samples, scale = _numbers(form, data)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    del content, data
    expansion, more = _expansion(path, form.rate, metadata, time_expansion)
    return Recording(path.name, samples, form.rate * expansion, expansion, (*notes, *more), metadata, scale)


def call_from(
    path: Path | str,
    low_hz: float | None = None,
    high_hz: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    time_expansion: float | None = None,
    channel: int = 1,
) -> Call:
    """The loudest call of a recording that is whole, band-passed and faded in and out; its title says what was cut.

    Args:
        path: a .wav file.
        low_hz: lower edge of what is kept; None: a tenth below where the call's spectrum rises.
        high_hz: upper edge; None: a tenth above where it falls.
        start_s: where the search begins, in true time; None: at the start.
        end_s: where it ends; None: at the end.
        time_expansion: as for :func:`read_recording`.
        channel: which of a file with several, from 1.

    Raises:
        UserError: the file cannot be read, a number is out of its range, or no call stands out of the noise.
    """
    return cut_call(read_recording(path, time_expansion), low_hz, high_hz, start_s, end_s, channel)


def cut_call(
    recording: Recording,
    low_hz: float | None = None,
    high_hz: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    channel: int = 1,
) -> Call:
    """See :func:`call_from`."""
    name, rate = recording.name, recording.rate_hz
    if not 1 <= channel <= len(recording.samples):
        raise UserError(f"{name}: channel {channel}; the file has channels 1 to {len(recording.samples)}")
    begin, end = start_s or 0.0, recording.duration_s if end_s is None else end_s
    if not 0 <= begin < end <= recording.duration_s * (1 + 1e-9):
        raise UserError(f"{name}: {begin:g} to {end:g} s is no part of its {recording.duration_s:.4g} s")
    if end - begin > LONGEST_SEARCHED_S:
        raise UserError(
            f"{name}: a call is looked for in {LONGEST_SEARCHED_S:g} s at most; name a part of its "
            f"{recording.duration_s:.4g} s by start_s and end_s"
        )
    lowest = LOWEST_HZ if low_hz is None else low_hz
    highest = rate * HIGHEST_SHARE if high_hz is None else high_hz
    if not 0 < lowest < highest <= rate / 2:
        raise UserError(
            f"{name}: a band of {lowest:g} to {highest:g} Hz; accepted is one that rises and ends below half of the "
            f"rate, {rate / 2:g} Hz"
        )
    sound = recording.samples[channel - 1, round(begin * rate) : round(end * rate)]
    if len(sound) < 4 * round(WINDOW_S * rate):
        raise UserError(f"{name}: {len(sound)} samples are too few to look for a call in")
    sound = _band_passed(sound - sound.mean(), rate, lowest, highest)
    first, last, whole = _loudest(name, sound, rate, end_s is not None or start_s is not None)
    if last - first > LONGEST_S * rate:
        raise UserError(
            f"{name}: what stands out lasts {(last - first) / rate:.3g} s and is no single call; name a part of the "
            "recording by start_s and end_s"
        )
    low, high = _band_of(sound[first:last], rate)
    low = max(lowest, low / MARGIN) if low_hz is None else lowest
    high = min(highest, high * MARGIN) if high_hz is None else highest
    cut = _band_passed(sound, rate, low, high)[first:last] * _fade(last - first)
    title = (
        f"call of {name}, {(begin + first / rate) * 1e3:.1f} to {(begin + last / rate) * 1e3:.1f} ms, "
        f"{low / 1e3:.0f} to {high / 1e3:.0f} kHz"
    )
    if recording.expansion != 1:
        title += f", time-expanded {recording.expansion:g} times"
    return Call.recorded(cut, rate, title if whole else f"{title}; it is cut off by the end of what was searched")


def _chunks(content: bytes) -> tuple[_Format, memoryview, dict[str, str], tuple[str, ...]]:
    """Format, data, metadata and notes of a file."""
    if content[:4] not in (b"RIFF", b"RF64") or content[8:12] != b"WAVE":
        raise ValueError("not a WAV file (no RIFF header)")
    form, data, metadata, notes = None, None, {}, []
    place, view, long_size = 12, memoryview(content), None
    while place + 8 <= len(content):
        identity, size = struct.unpack_from("<4sI", content, place)
        start = place + 8
        if identity == b"data" and size == 0xFFFFFFFF and long_size is not None:
            size = long_size
        if identity == b"data" and size in _UNKNOWN_SIZES and start < len(content):
            # A recorder that was switched off before it wrote the size.
            size = len(content) - start
            notes.append("its header does not say how long it is: read to the end of the file")
        body = view[start : start + size]
        if identity == b"fmt ":
            form = _format(bytes(body))
        elif identity == b"ds64" and len(body) >= 16:
            (long_size,) = struct.unpack_from("<Q", body, 8)
        elif identity == b"guan":
            metadata = _guano(bytes(body[: 1 << 16]))
        elif identity == b"data" and data is None:
            data = body
            if len(body) < size:
                notes.append(f"it ends early: {len(body):,} of {size:,} bytes of sound are there")
        place = start + size + size % 2
    if form is None:
        raise ValueError("a WAV file without a format")
    if data is None or len(data) < form.width * form.channels:
        raise ValueError("a WAV file without sound")
    return form, data, metadata, tuple(notes)


def _format(body: bytes) -> _Format:
    if len(body) < 16:
        raise ValueError("a WAV file with a damaged format")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    form = _Format(tag, channels, rate, bits)
    if tag not in (_PCM, _FLOAT) or bits not in ((8, 16, 24, 32) if tag == _PCM else (32, 64)):
        raise ValueError(
            f"sound of format {tag} with {bits} bits; accepted are whole numbers of 8, 16, 24 or 32 bits and "
            "floating-point numbers of 32 or 64"
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise ValueError(f"{channels} channels; accepted are 1 to {MOST_CHANNELS}")
    if not 1000 <= rate <= 100_000_000:
        raise ValueError(f"{rate:,} samples a second; accepted are 1,000 or more")
    return form


def _numbers(form: _Format, data: memoryview) -> tuple[np.ndarray, float]:
    """Samples ``[channels, n]`` and the scale that they were divided by."""
    frame = form.width * form.channels
    data = data[: len(data) // frame * frame]
    scale = 1.0 if form.tag == _FLOAT else float(2 ** (form.bits - 1))
    if form.tag == _FLOAT:
        numbers = np.frombuffer(data, f"<f{form.width}").astype(np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError("its sound holds numbers that are not finite")
    elif form.bits == 24:
        parts = np.frombuffer(data, np.uint8).reshape(-1, 3)
        padded = np.zeros((len(parts), 4), np.uint8)
        padded[:, 1:] = parts
        numbers = (padded.view("<i4")[:, 0] >> 8).astype(np.float64)
    elif form.bits == 8:
        numbers = np.frombuffer(data, np.uint8).astype(np.float64) - 128
    else:
        numbers = np.frombuffer(data, f"<i{form.width}").astype(np.float64)
    return np.ascontiguousarray(numbers.reshape(-1, form.channels).T) / scale, scale


def _guano(body: bytes) -> dict[str, str]:
    """Fields of a GUANO chunk."""
    lines = body.decode("utf-8", errors="replace").split("\n")
    pairs = [line.partition(":") for line in lines]
    return {key.strip(): value.strip(" \t\r\0") for key, colon, value in pairs if colon and key.strip()}


def _expansion(path: Path, rate: int, metadata: dict[str, str], wanted: float | None) -> tuple[float, tuple[str, ...]]:
    """Time expansion, and notes on where it was taken from."""
    stated = _number(metadata.get("TE", "")) or 0.0
    if wanted is not None:
        if not 0 < wanted <= LARGEST_EXPANSION:
            raise UserError(f"time expansion: {wanted:g} is not above 0 and up to {LARGEST_EXPANSION:g}; often 10")
        if stated > 0 and stated != wanted:
            return wanted, (f"its GUANO metadata say a time expansion of {stated:g}; {wanted:g} was asked for",)
        return wanted, ()
    if 0 < stated <= LARGEST_EXPANSION:
        return stated, () if stated == 1 else (f"time-expanded {stated:g} times, by its GUANO metadata",)
    if rate < LOWEST_RATE_HZ:
        raise UserError(
            f"{path}: {rate / 1e3:g} kHz holds nothing above {rate / 2e3:g} kHz; if it is time-expanded, say "
            "--time-expansion 10 (or 1 if it is not)"
        )
    return 1.0, ()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _band_passed(sound: np.ndarray, rate: float, low: float, high: float) -> np.ndarray:
    """Without a shift in time; the upper edge is left out where it is half of the rate."""
    from scipy.signal import butter, sosfiltfilt

    if high < 0.49 * rate:
        sections = butter(4, [low, high], "bandpass", fs=rate, output="sos")
    else:
        sections = butter(4, low, "highpass", fs=rate, output="sos")
    passed: np.ndarray = sosfiltfilt(sections, sound, padlen=min(len(sound) - 1, 200))
    return passed


def _loudest(name: str, sound: np.ndarray, rate: float, named: bool) -> tuple[int, int, bool]:
    """First and one past the last sample of the loudest call, and whether it is whole.

    Args:
        name: for messages.
        sound: band-passed.
        rate: samples a second.
        named: a person chose this part of the recording: a call at its edge will do.
    """
    from scipy.signal import stft

    width = max(16, 2 * round(WINDOW_S * rate / 2))
    hop = width - round(OVERLAP * width)
    _, _, spectrogram = stft(sound.astype(np.float32), nperseg=width, noverlap=width - hop, boundary=None)
    level = np.square(np.abs(spectrogram)).max(axis=0)
    level = 10 * np.log10(np.convolve(level, np.ones(3) / 3, "same") + 1e-30)
    quiet = float(np.percentile(level, 10)) if not named else -np.inf
    if level.max() - quiet < CLEAR_DB:
        raise UserError(f"{name}: no call stands {CLEAR_DB:g} dB out of the noise")
    dip, open_level, chosen = max(1, round(DIP_S * rate / hop)), level.copy(), None
    while (peak := int(open_level.argmax())) >= 0 and open_level[peak] >= level.max() + NEXT_DB:
        begins, ends = (max(level[peak] + edge, quiet + ABOVE_NOISE_DB) for edge in (BEGIN_DB, END_DB))
        first, last = _reach(level >= begins, peak, dip, -1), _reach(level >= ends, peak, dip, 1)
        whole = first > 0 and last < len(level) - 1
        chosen = chosen or (first, last, whole)
        if whole or named:
            chosen = (first, last, whole)
            break
        open_level[first : last + 1] = -np.inf
    assert chosen is not None
    first, last, whole = chosen
    # A window's energy lies around its middle.
    return first * hop + width // 4, min(len(sound), last * hop + width - width // 4), whole


def _reach(loud: np.ndarray, place: int, dip: int, step: int) -> int:
    """The farthest frame of a call in a direction: beyond it, all of ``dip`` frames are quiet."""
    while True:
        ahead = place + step * np.arange(1, dip + 1)
        ahead = ahead[(ahead >= 0) & (ahead < len(loud))]
        near = ahead[loud[ahead]]
        if not len(near):
            return place
        place = int(near[-1])


def _band_of(call: np.ndarray, rate: float) -> tuple[float, float]:
    """Frequencies between which the spectrum, smoothed over 1 kHz, is within 30 dB of its peak."""
    length = max(len(call), round(rate / 250))
    power = np.square(np.abs(np.fft.rfft(call * np.hanning(len(call)), length)))
    width = max(1, round(1000 * length / rate))
    power = np.convolve(power, np.ones(width) / width, "same")
    strong = np.flatnonzero(power >= power.max() * 10 ** (BAND_DB / 10))
    return float(strong[0] * rate / length), float(strong[-1] * rate / length)


def _fade(count: int) -> np.ndarray:
    """Rising and falling by half a cosine over ``FADE`` of the call."""
    near = np.minimum(np.arange(count), np.arange(count)[::-1]) / max(1.0, FADE * count)
    return np.sin(np.pi / 2 * np.clip(near, 0, 1)) ** 2
