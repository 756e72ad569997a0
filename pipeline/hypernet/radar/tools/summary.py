"""What a nowcast says of itself, in lines that a forecaster reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hypernet.radar.core.frames import LEVELS, rain_rate_of_dbz, to_dbz
from hypernet.radar.core.motion import FieldMotion, kilometres_per_hour
from hypernet.radar.core.scores import wet_share
from hypernet.radar.tools.forecasters import motion_in_words
from hypernet.radar.tools.inputs import clock, minutes_in_words, moment

if TYPE_CHECKING:
    from hypernet.radar.core.frames import Sequence
    from hypernet.radar.tools.forecasters import Suited
    from hypernet.radar.tools.inputs import Inputs
    from hypernet.radar.trained import Forecaster

# Of many lead times so many are named.
LEADS = 6
# Attributes of files that say where the data come from, and on what terms.
CREDITS = ("source", "institution", "credit", "licence", "license")


class Told(Protocol):
    """What is told of a nowcast; see ``hypernet.radar.tools.nowcast.Nowcast`` for what each is."""

    @property
    def forecast(self) -> Sequence: ...  # noqa: D102
    @property
    def inputs(self) -> Sequence: ...  # noqa: D102
    @property
    def chosen(self) -> Inputs: ...  # noqa: D102
    @property
    def search(self) -> Suited: ...  # noqa: D102
    @property
    def forecaster(self) -> Forecaster: ...  # noqa: D102
    @property
    def images_read(self) -> int: ...  # noqa: D102
    @property
    def step_seconds(self) -> float: ...  # noqa: D102
    @property
    def times(self) -> np.ndarray: ...  # noqa: D102
    @property
    def lead_minutes(self) -> np.ndarray: ...  # noqa: D102
    @property
    def missing(self) -> np.ndarray: ...  # noqa: D102
    @property
    def warnings(self) -> tuple[str, ...]: ...  # noqa: D102


def cautions(forecast: Told) -> Iterator[str]:
    """What a reader of the forecast should know first: warnings and outages."""
    for warning in forecast.warnings:
        yield f"Warning: {warning}"
    images, silent = forecast.inputs, forecast.chosen.silent
    for time, image in zip(images.time[silent], images.grey[silent], strict=True):
        what = "lacks rain" if image.any() else "is dry"
        yield f"Outage: the image of {clock(time)} {what} where it rained before or after, not used for the motion"


def lines(forecast: Told) -> Iterator[str]:
    """The summary of a nowcast: cautions, images, source, time, method, motion, data, rain."""
    yield from cautions(forecast)
    inputs, chosen = forecast.inputs, forecast.chosen
    height, width = inputs.grey.shape[1:]
    down, across = chosen.pixel_km
    size = f"{height} x {width} pixels of {down:.3g} km"
    if abs(across / down - 1) > 0.01:
        size += f" x {across:.3g} km"
    used = ", ".join(clock(time) for time in inputs.time[:-1])
    yield f"Read {forecast.images_read} images of {size}; used {used} and the last, {moment(inputs.time[-1])}"
    if credit := ", ".join(dict.fromkeys(str(inputs.attributes[key]) for key in CREDITS if inputs.attributes.get(key))):
        yield f"Source: {credit}"
    first, last = forecast.times[[0, -1]]
    until = clock(last) + " UTC" if first.astype("datetime64[D]") == last.astype("datetime64[D]") else moment(last)
    valid = moment(first) if len(forecast.times) == 1 else f"{moment(first).removesuffix(' UTC')} to {until}"
    yield f"Valid: {valid}; a step is {forecast.step_seconds / 60:.3g} min, as measured"
    yield from _method(forecast)
    yield from _rain(forecast)


def _method(forecast: Told) -> Iterator[str]:
    """The method, how far it looks, and the motion that it uses."""
    from hypernet.radar.methods import TITLES

    chosen, search, forecaster = forecast.chosen, forecast.search, forecast.forecaster
    trained = f", trained on: {forecaster.title}" if forecaster.title else ""
    reach = search.reach if forecaster.adapts else forecaster.reach
    speed = float(kilometres_per_hour(reach, min(chosen.pixel_km), chosen.step_seconds))
    still = forecaster.method == "last_frame"
    # Optical flow goes from coarse to fine, and has no such limit.
    follows = (
        ""
        if still or forecaster.method == "pysteps"
        else f"; follows motion up to {speed:.0f} km/h ({reach} pixels a step)"
    )
    yield f"Method: {TITLES[forecaster.method]}{trained}{follows}"
    if not chosen.images.grey[-1].any():
        yield "Motion: there is no rain in the last image"
        return
    if search.motion is not None:
        yield f"Motion: {_motion(forecast, search.motion)}{_beyond(forecast)}"
    if search.searched is not None and (search.motion is None or not forecaster.adapts):
        what = "searched, not used by the method"
        yield f"Motion in the images ({what}): {_motion(forecast, search.searched)}"


def _beyond(forecast: Told) -> str:
    """That the rain may move faster than the method says, for it does not look further, or not at all so far."""
    search, forecaster = forecast.search, forecast.forecaster
    if search.motion is not None and search.motion.at_edge[0]:
        return "; on the edge of what is looked at: the rain may be faster, and go elsewhere"
    if search.searched is not None and not forecaster.adapts:
        rows, columns, _ = search.searched.mean(forecast.chosen.frames[-1])
        if max(abs(rows), abs(columns)) > forecaster.reach:
            return "; the rain is faster than the method follows"
    return ""


def _motion(forecast: Told, motion: FieldMotion) -> str:
    chosen = forecast.chosen
    rows, columns, entropy = motion.mean(chosen.frames[-1])
    what = "one displacement for the whole image" if motion.is_uniform else "mean over the rain"
    if motion.largest_entropy > 0:
        what += f"; entropy {entropy:.1f} bits of at most {motion.largest_entropy:.1f}"
    return f"{motion_in_words((rows, columns), chosen.pixel_km, chosen.step_seconds)} ({what})"


def _rain(forecast: Told) -> Iterator[str]:
    """Pixels without data, wet area and the strongest rain, now and at some lead times."""
    count = len(forecast.times)
    some = np.unique(np.linspace(0, count - 1, min(count, LEADS)).round().astype(int))
    now = ~np.broadcast_to(forecast.inputs.missing, forecast.inputs.grey.shape)[-1]
    images = [forecast.inputs.grey[-1], *forecast.forecast.grey[some]]
    known = [now, *~forecast.missing[some]]
    leads = ["now", *(f"+{minutes_in_words(minutes)} min" for minutes in forecast.lead_minutes[some])]

    def listed(values: list[str]) -> str:
        return ", ".join(f"{lead} {value}" for lead, value in zip(leads, values, strict=True))

    incoming = [100 * float(mask[now].mean()) for mask in forecast.missing[some]]
    if not now.all():
        yield f"No data: {100 * (1 - now.mean()):.1f} % of the last image"
    if any(incoming):
        shares = ", ".join(f"{lead} {share:.1f} %" for lead, share in zip(leads[1:], incoming, strict=True))
        rest = "" if now.all() else "of the rest "
        yield f"Air from outside the images or from pixels without data, no forecast: {rest}{shares}"
    seen = [image[mask] / np.float32(LEVELS) for image, mask in zip(images, known, strict=True)]
    wet = [f"{100 * float(wet_share(grey[None])):.1f} %" if grey.size else "unknown" for grey in seen]
    of = "" if all(mask.all() for mask in known) else " of what has data"
    yield f"Wet area (21 dBZ or more){of}: {listed(wet)}"
    ends = [float(to_dbz(grey.max())) if grey.size else None for grey in (seen[0], seen[-1])]
    strongest = [
        "unknown" if dbz is None else f"{dbz:.0f} dBZ ({float(rain_rate_of_dbz(np.array(dbz))):.2g} mm/h)"
        for dbz in ends
    ]
    yield f"Strongest rain: now {strongest[0]}, {leads[-1]} {strongest[1]}"
