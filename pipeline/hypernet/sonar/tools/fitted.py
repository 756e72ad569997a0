"""An echo of a file in the form that a model was trained on, and what had to be done to it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.sonar.baselines.nearest import NearestEcho
from hypernet.sonar.core.encoders import EchoEmbedding
from hypernet.sonar.core.spectrograms import Spectrogram
from hypernet.sonar.sources.echo_files import NO_SCALE, NO_START, UNKNOWN_CALL, EchoRecord, read_echo
from hypernet.sonar.trained import Listener

LEVELS = ("file", "match")
# Share of an echo's energy that may lie outside of the model's window, and largest error of a ratio of rates.
MOST_LOST, RATE_ERROR = 0.02, 1e-6
# Largest factor that rates are changed by, up and down.
MOST_FACTOR = 10_000
# Blocks of an echo whose quietest tells its noise, and what share of the training's noise is enough.
BLOCKS, QUIET = 16, 0.7
# Degrees by which a head may be turned otherwise than those of the training, and metres by which it may be elsewhere.
SAME_TURN, SAME_RANGE_M = 5.0, 0.01
# Seconds that are kept beside the window, for resampling and shifts; and of blocks whose loudness is compared.
BESIDE_S, BLOCK_S = 1e-3, 0.5e-3
# Blocks this much above a file's noise are sound. What lies this far below is none beside the louder ear's.
CLEAR_POWER, DEAF_POWER = 2.0, 1e-6
# Samples at the largest value, side by side, that a recorder has cut off; and share of the spread that is an offset.
CLIPPED, OFFSET = 3, 0.1


@dataclass(frozen=True, eq=False)
class Fitted:
    """Echoes as a model takes them.

    Attributes:
        name: of the file.
        echoes: Pa, float32 ``[1, C, T]``.
        notes: what was done, a sentence each.
        warnings: what may make the answer wrong.
    """

    name: str
    echoes: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def fitted(
    echo: EchoRecord | str | Path,
    model: Listener,
    pose: int = 0,
    start_s: float | None = None,
    full_scale_pa: float | None = None,
    level: str = "file",
    time_expansion: float | None = None,
    seed: int = 0,
) -> Fitted:
    """Bring an echo to a model's rate, window, ears and level.

    Args:
        echo: a record, or its file.
        model: what is to hear it.
        pose: which of the file's poses, for methods that hear one pair.
        start_s: time of the first sample after the call began, where the file does not say it.
        full_scale_pa: pressure of a sample of size 1, where the file does not say it.
        level: ``match`` brings the echo to the level of the training's echoes: then its target strength is lost.
        time_expansion: how many times slower a .wav file plays, where the file does not say it.
        seed: of the noise that is added.

    Raises:
        UserError: the echo cannot be what the model was trained to hear, or something of it is not known.
    """
    if model.senses in ("image", "both"):
        hint = "hypernet shapes reconstruct takes photographs" if model.senses == "image" else "it needs an image too"
        raise UserError(f"{model.method}: cannot reconstruct from an echo alone; {hint}")
    name = Path(echo).name if isinstance(echo, str | Path) else "echo"
    record = read_echo(echo, time_expansion) if isinstance(echo, str | Path) else echo
    if level not in LEVELS:
        raise UserError(f"level: {level!r}; accepted: {', '.join(LEVELS)}")
    notes: list[str] = []
    warnings: list[str] = []
    record, done = _placed_in_time(name, record, start_s)
    notes += done
    samples = _ears(name, record, model, pose, notes, warnings)
    if not np.isfinite(samples).all():
        raise UserError(f"{name}: not all samples are finite numbers")
    if not np.abs(samples).max() > 0:
        raise UserError(f"{name}: silence, of which no object can be made")
    _doubted(name, samples, record, model, warnings)
    samples, done = _without_offset(samples)
    notes += done
    _check_window(name, samples, record, model)
    samples, record = _near_window(samples, record, model)
    samples, done = _at_rate(samples, record.rate_hz, model.sound.rate_hz)
    notes += done
    samples, held = _in_window(samples, record, model)
    if not np.abs(samples).max() > 0:
        raise UserError(f"{name}: {_far(model)}: silence there, of which no object can be made")
    if NO_SCALE in record.notes and full_scale_pa is None and level != "match":
        raise UserError(
            f"{name}: what pressure its samples are is not known; give --full-scale-pa, or --level match, which brings "
            "it to the level of the training's echoes"
        )
    if full_scale_pa is not None and NO_SCALE not in record.notes:
        raise UserError(f"{name}: says itself what pressure its samples are; leave --full-scale-pa out")
    if full_scale_pa is not None:
        samples = samples * full_scale_pa
        notes.append(f"a sample of size 1 is {full_scale_pa:g} Pa")
    if level == "match":
        factor = _training_level(model) / float(samples.std())
        samples = samples * factor
        notes.append(f"level brought to that of the training's echoes ({20 * np.log10(factor):+.1f} dB)")
    samples, done = _with_noise(samples, held, model.noise_pa, seed)
    notes += done
    if record.call in ("", UNKNOWN_CALL):
        warnings.append(f"the file does not say what was emitted; the model was trained on {model.call}")
    elif record.call != model.call:
        warnings.append(f"emitted: {record.call}; the model was trained on {model.call}")
    return Fitted(name, samples[None].astype(np.float32), tuple(notes), tuple(warnings))


def _placed_in_time(name: str, record: EchoRecord, start_s: float | None) -> tuple[EchoRecord, list[str]]:
    if start_s is not None:
        instead = "" if NO_START in record.notes else f" instead of {1e3 * record.start_s:.4g} ms"
        words = f"first sample {1e3 * start_s:.4g} ms after the call began, as given{instead}"
        return replace(record, start_s=start_s), [words]
    if NO_START in record.notes:
        raise UserError(
            f"{name}: when the call began is not known; give --start-ms, the time of the first sample after it"
        )
    return record, []


def _ears(
    name: str, record: EchoRecord, model: Listener, pose: int, notes: list[str], warnings: list[str]
) -> np.ndarray:
    """The channels that the model hears, ``[C, time]``."""
    poses, microphones, _ = record.samples.shape
    if model.senses == "microphones":
        if microphones != model.sound.ears:
            raise UserError(f"{name}: {microphones} microphones; {model.method} was trained on {model.sound.ears}")
        return record.samples[0]
    if microphones != 2:
        raise UserError(f"{name}: {microphones} channels of a pose; accepted: two ears, the left one first")
    if model.senses == "pair":
        if not 0 <= pose < poses:
            raise UserError(f"{name}: no pose {pose}; it has {poses}, from 0")
        if poses > 1:
            notes.append(f"pose {pose} of {poses}: {model.method} hears one pair")
        return record.samples[pose]
    wanted = model.sound.ears // 2
    if poses != wanted:
        rolls = ", ".join(f"{roll:g}" for _, _, roll in model.scene.heads)
        raise UserError(f"{name}: {poses} poses; {model.method} hears {wanted}, heads rolled by {rolls} degrees")
    if record.heads:
        first = record.heads[0]
        for number, (head, angles) in enumerate(zip(record.heads, model.scene.heads, strict=True)):
            turned = np.degrees(np.arccos(np.clip(head.up @ first.up, -1, 1)))
            meant = abs(angles[2] - model.scene.heads[0][2])
            if abs(turned - meant) > SAME_TURN:
                warnings.append(f"head {number} is rolled by {turned:.0f} degrees; in training by {meant:.0f}")
    return record.samples.reshape(-1, record.samples.shape[2])


def _at_rate(samples: np.ndarray, rate_hz: float, wanted_hz: float) -> tuple[np.ndarray, list[str]]:
    if abs(rate_hz / wanted_hz - 1) < RATE_ERROR:
        return samples, []
    from scipy.signal import resample_poly

    ratio = Fraction(wanted_hz / rate_hz).limit_denominator(MOST_FACTOR)
    if not ratio or max(ratio.numerator, ratio.denominator) > MOST_FACTOR:
        raise UserError(f"rate: {rate_hz:g} Hz cannot be brought to the model's {wanted_hz:g} Hz")
    changed = resample_poly(samples, ratio.numerator, ratio.denominator, axis=1)
    return changed, [f"resampled from {rate_hz / 1e3:g} to {wanted_hz / 1e3:g} kHz"]


def _doubted(name: str, samples: np.ndarray, record: EchoRecord, model: Listener, warnings: list[str]) -> None:
    """Add what makes an echo doubtful to the warnings; refuse one of a single ear."""
    power = np.square(samples).mean(axis=1)
    if power.min() < DEAF_POWER * power.max():
        raise UserError(
            f"{name}: channel {int(power.argmin()) + 1} of {len(power)} is silent; accepted: echoes at every ear"
        )
    # Of a simulation they may be: what is heard straight ahead of an object that is its own mirror image.
    recorded = not {NO_SCALE, NO_START}.isdisjoint(record.notes)
    for first, other in itertools.combinations(range(len(samples)), 2):
        if recorded and np.array_equal(samples[first], samples[other]):
            raise UserError(f"{name}: channels {first + 1} and {other + 1} are the same: a copy, not two ears")
    if (count := _clipped(samples)) > 0:
        warnings.append(f"{count:,} samples are at the largest value: the recording is cut off (clipped)")
    band_hz = _highest_hz(model)
    if record.rate_hz / 2 < band_hz * (1 - RATE_ERROR):
        warnings.append(
            f"holds nothing above {record.rate_hz / 2e3:.3g} kHz; the model hears up to {band_hz / 1e3:.3g} kHz"
        )
    warnings += _elsewhere(record, model)


def _clipped(samples: np.ndarray) -> int:
    """Samples at the largest value of their channel that have others beside them: never those of a sound's peak."""
    largest = np.abs(samples) == np.abs(samples).max(axis=1, keepdims=True)
    runs = np.lib.stride_tricks.sliding_window_view(largest, min(CLIPPED, samples.shape[1]), axis=1).all(axis=2)
    return int(largest.sum()) if runs.any() and samples.shape[1] >= CLIPPED else 0


def _highest_hz(model: Listener) -> float:
    """The highest frequency that a model hears; 0 where it does not say."""
    spectrogram = _spectrogram(model)
    return (spectrogram.band[1] - 1) * model.sound.rate_hz / spectrogram.size if spectrogram is not None else 0.0


def _spectrogram(model: Listener) -> Spectrogram | None:
    """What a model makes of an echo first; None for one that takes no spectrogram."""
    embed = getattr(model.network, "embed", model.network)
    return embed.spectrogram if isinstance(embed, EchoEmbedding | NearestEcho) else None


def _elsewhere(record: EchoRecord, model: Listener) -> list[str]:
    """Where the bat was other than in the training, if the file says where it was."""
    if not record.heads:
        return []
    scene, (x, y, z) = model.scene, record.heads[0].position
    away = float(np.hypot(np.hypot(x, y), z))
    azimuth, elevation = float(np.degrees(np.arctan2(y, x))), float(np.degrees(np.arctan2(z, np.hypot(x, y))))
    warnings = []
    if abs(away - scene.range_m) > SAME_RANGE_M:
        warnings.append(f"the bat was {away:.3g} m away; in training {scene.range_m:g} m")
    if abs(elevation - scene.elevation_deg) > SAME_TURN:
        warnings.append(f"the bat was {elevation:.0f} degrees above; in training {scene.elevation_deg:g}")
    if abs(azimuth) > scene.azimuth_range_deg + SAME_TURN:
        warnings.append(f"the bat was {azimuth:.0f} degrees aside; in training up to {scene.azimuth_range_deg:g}")
    return warnings


def _without_offset(samples: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Samples without the constant offset of a recorder."""
    offset, spread = samples.mean(axis=1, keepdims=True), samples.std(axis=1, keepdims=True)
    if not (np.abs(offset) > OFFSET * spread).any() or not spread.all():
        return samples, []
    return samples - offset, ["a constant offset was taken away"]


def _far(model: Listener) -> str:
    """The model's window for people."""
    first, last = model.start_s, model.start_s + model.sound.samples / model.sound.rate_hz
    return f"the model hears {1e3 * first:.3g} to {1e3 * last:.3g} ms after the call began"


def _check_window(name: str, samples: np.ndarray, record: EchoRecord, model: Listener) -> None:
    """Refuse an echo that is outside of the model's window. A recorder's noise may be anywhere.

    Raises:
        UserError: see above.
    """
    size = max(round(BLOCK_S * record.rate_hz), 1)
    count = -(-samples.shape[1] // size)
    starts = size * np.arange(count)
    sums = np.add.reduceat(np.square(samples).sum(axis=0), starts)
    lengths = np.minimum(starts + size, samples.shape[1]) - starts
    # What is no sound is as loud as the quiet tenth of the file; exact zeros say nothing of it.
    powers = sums / lengths
    quiet = float(np.percentile(powers[powers > 0], 10)) if count >= BLOCKS else 0.0
    sound = np.where(powers > CLEAR_POWER * quiet, sums - quiet * lengths, 0.0)
    first = record.start_s + starts / record.rate_hz
    end = model.start_s + model.sound.samples / model.sound.rate_hz
    outside = (first + lengths / record.rate_hz <= model.start_s) | (first >= end)
    total = float(sound.sum())
    lost = float(sound[outside].sum()) / total if total > 0 else 0.0
    if lost <= MOST_LOST:
        return
    # Half of the way of sound, in the file's air.
    near, far = (0.5 * record.speed_of_sound * time for time in (model.start_s, end))
    loudest = int(np.where(outside, sound, 0).argmax())
    raise UserError(
        f"{name}: {lost:.0%} of its energy lies outside of the model's window ({1e3 * model.start_s:.3g} to "
        f"{1e3 * end:.3g} ms after the call began: {near:.2f} to {far:.2f} m), most at {1e3 * first[loudest]:.3g} ms; "
        f"the model was trained on objects of {model.scene.size_m:g} m at {model.scene.range_m:g} m. If it is the "
        "emitted call or another object, cut it away"
    )


def _near_window(samples: np.ndarray, record: EchoRecord, model: Listener) -> tuple[np.ndarray, EchoRecord]:
    """The part of an echo that matters: of a long recording the rest would be resampled and turned for nothing."""
    rate = record.rate_hz
    first = math.floor((model.start_s - BESIDE_S - record.start_s) * rate)
    last = math.ceil((model.start_s + model.sound.samples / model.sound.rate_hz + BESIDE_S - record.start_s) * rate)
    first, last = max(first, 0), min(last, samples.shape[1])
    if last - first < 1:
        return samples[:, :1] * 0, record
    return samples[:, first:last], replace(record, start_s=record.start_s + first / rate)


def _in_window(samples: np.ndarray, record: EchoRecord, model: Listener) -> tuple[np.ndarray, slice]:
    """The samples of the model's window, and which of them the file has; the others are silent."""
    rate, count = model.sound.rate_hz, model.sound.samples
    exactly = (record.start_s - model.start_s) * rate
    first = math.floor(exactly)
    samples = _delayed(samples, exactly - first)
    window = np.zeros((len(samples), count))
    start, end = max(first, 0), min(first + samples.shape[1], count)
    if end > start:
        window[:, start:end] = samples[:, start - first : end - first]
    return window, slice(start, max(start, end))


def _delayed(samples: np.ndarray, fraction: float) -> np.ndarray:
    """Samples ``[C, time]`` later by a fraction of a sample, and one sample longer."""
    longer = np.pad(samples, ((0, 0), (0, 1)))
    if fraction < RATE_ERROR:
        return longer
    from scipy.fft import next_fast_len

    # With room for what the shift spreads.
    length = next_fast_len(2 * longer.shape[1])
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(length) * fraction)
    return np.fft.irfft(np.fft.rfft(longer, length) * turn, length)[:, : longer.shape[1]]


def _with_noise(samples: np.ndarray, held: slice, noise_pa: float, seed: int) -> tuple[np.ndarray, list[str]]:
    """An echo with as much noise as the training's have: no network has heard a silence that is more silent."""
    held_samples = samples[:, held]
    size = max(held_samples.shape[1] // BLOCKS, 1)
    blocks = held_samples[:, : held_samples.shape[1] // size * size].reshape(len(samples), -1, size)
    there = float(blocks.std(axis=2).min())
    missing = np.full(samples.shape[1], noise_pa)
    missing[held] = 0.0 if there >= QUIET * noise_pa else (noise_pa**2 - there**2) ** 0.5
    if not missing.any():
        return samples, []
    noise = np.random.default_rng(seed).standard_normal(samples.shape)
    where = "" if missing[held].any() else " where the file has no samples"
    return samples + missing * noise, [f"noise of the training's echoes added{where} ({1e6 * noise_pa:.3g} µPa)"]


def _training_level(model: Listener) -> float:
    """Spread of the training's echoes in Pa."""
    spectrogram = _spectrogram(model)
    if spectrogram is None:
        raise UserError(f"{model.method}: has not heard the training's echoes; --level match does not apply")
    return float(spectrogram.scale)
