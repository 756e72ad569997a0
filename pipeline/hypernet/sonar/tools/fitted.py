"""An echo of a file in the form that a model was trained on, and what had to be done to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.sonar.baselines.nearest import NearestEcho
from hypernet.sonar.core.encoders import EchoEmbedding
from hypernet.sonar.sources.echo_files import NO_SCALE, NO_START, EchoRecord, read_echo
from hypernet.sonar.trained import Listener

LEVELS = ("file", "match")
# Share of an echo's energy that may lie outside of the model's window, and largest error of a ratio of rates.
MOST_LOST, RATE_ERROR = 0.02, 1e-6
# Largest factor that rates are changed by, up and down.
MOST_FACTOR = 10_000
# Blocks of an echo whose quietest tells its noise, and what share of the training's noise is enough.
BLOCKS, QUIET = 16, 0.7
# Degrees by which a head may be turned otherwise than those of the training.
SAME_TURN = 5.0


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
) -> Fitted:
    """Bring an echo to a model's rate, window, ears and level.

    Args:
        echo: a record, or its file.
        model: what is to hear it.
        pose: which of the file's poses, for methods that hear one pair.
        start_s: time of the first sample after the call began, where the file does not say it.
        full_scale_pa: pressure of a sample of size 1, where the file does not say it.
        level: ``match`` brings the echo to the level of the training's echoes: then its target strength is lost.

    Raises:
        UserError: the echo cannot be what the model was trained to hear, or something of it is not known.
    """
    if model.senses in ("image", "both"):
        hint = "hypernet shapes reconstruct takes photographs" if model.senses == "image" else "it needs an image too"
        raise UserError(f"{model.method}: cannot reconstruct from an echo alone; {hint}")
    name = Path(echo).name if isinstance(echo, str | Path) else "echo"
    record = read_echo(echo) if isinstance(echo, str | Path) else echo
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
    samples, done = _at_rate(samples, record.rate_hz, model.sound.rate_hz)
    notes += done
    samples, held = _in_window(name, samples, record, model)
    if NO_SCALE in record.notes and full_scale_pa is None and level != "match":
        raise UserError(
            f"{name}: what pressure its samples are is not known; give --full-scale-pa, or --level match, which brings "
            "it to the level of the training's echoes"
        )
    if full_scale_pa is not None:
        samples = samples * full_scale_pa
        notes.append(f"a sample of size 1 is {full_scale_pa:g} Pa")
    if level == "match":
        factor = _training_level(model) / float(samples.std())
        samples = samples * factor
        notes.append(f"level brought to that of the training's echoes ({20 * np.log10(factor):+.1f} dB)")
    samples, done = _with_noise(samples, held, model.noise_pa)
    notes += done
    if record.call and model.call not in record.call and record.call not in model.call:
        warnings.append(f"emitted: {record.call}; the model was trained on {model.call}")
    return Fitted(name, samples[None].astype(np.float32), tuple(notes), tuple(warnings))


def _placed_in_time(name: str, record: EchoRecord, start_s: float | None) -> tuple[EchoRecord, list[str]]:
    if start_s is not None:
        return replace(record, start_s=start_s), [f"first sample {1e3 * start_s:.4g} ms after the call began, as given"]
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


def _in_window(name: str, samples: np.ndarray, record: EchoRecord, model: Listener) -> tuple[np.ndarray, slice]:
    """The samples of the model's window, and which of them the file has; the others are silent."""
    rate, count = model.sound.rate_hz, model.sound.samples
    exactly = (record.start_s - model.start_s) * rate
    first = math.floor(exactly)
    samples = _delayed(samples, exactly - first)
    window = np.zeros((len(samples), count))
    start, end = max(first, 0), min(first + samples.shape[1], count)
    if end > start:
        window[:, start:end] = samples[:, start - first : end - first]
    total = float(np.square(samples).sum())
    lost = 1 - float(np.square(window).sum()) / total
    if lost > MOST_LOST:
        # Half of the way of sound, in the file's air.
        near, far = (0.5 * record.speed_of_sound * (model.start_s + place / rate) for place in (0, count))
        raise UserError(
            f"{name}: {lost:.0%} of its energy lies outside of the model's window ({1e3 * model.start_s:.3g} to "
            f"{1e3 * (model.start_s + count / rate):.3g} ms after the call began: {near:.2f} to {far:.2f} m); the "
            f"model was trained on objects of {model.scene.size_m:g} m at {model.scene.range_m:g} m"
        )
    return window, slice(start, end)


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


def _with_noise(samples: np.ndarray, held: slice, noise_pa: float) -> tuple[np.ndarray, list[str]]:
    """An echo with as much noise as the training's have: no network has heard a silence that is more silent."""
    held_samples = samples[:, held]
    size = max(held_samples.shape[1] // BLOCKS, 1)
    blocks = held_samples[:, : held_samples.shape[1] // size * size].reshape(len(samples), -1, size)
    there = float(blocks.std(axis=2).min())
    missing = np.full(samples.shape[1], noise_pa)
    missing[held] = 0.0 if there >= QUIET * noise_pa else (noise_pa**2 - there**2) ** 0.5
    if not missing.any():
        return samples, []
    noise = np.random.default_rng(0).standard_normal(samples.shape)
    where = "" if missing[held].any() else " where the file has no samples"
    return samples + missing * noise, [f"noise of the training's echoes added{where} ({1e6 * noise_pa:.3g} µPa)"]


def _training_level(model: Listener) -> float:
    """Spread of the training's echoes in Pa."""
    network = model.network
    embed = getattr(network, "embed", network)
    if not isinstance(embed, EchoEmbedding | NearestEcho):
        raise UserError(f"{model.method}: has not heard the training's echoes; --level match does not apply")
    return float(embed.spectrogram.scale)
