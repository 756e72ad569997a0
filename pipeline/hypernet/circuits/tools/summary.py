"""A design in words: the circuit from the source to the load, how good it is, and where it came from."""

from __future__ import annotations

import numpy as np

from hypernet.circuits.core.goals import MaskGoal
from hypernet.circuits.core.parts import BRANCH, ELEMENTS, arms_of, is_series, levels_of
from hypernet.circuits.plots.schematic import part_labels, si_text
from hypernet.circuits.sources.targets import Gain, Mask, Response, Scattering, ScatteringMask, Transmission
from hypernet.circuits.tools.dissipation import COIL_Q
from hypernet.circuits.tools.merits import Merits, Place
from hypernet.circuits.tools.solution import ELEMENT_NAMES, Solution

WANTED = {
    Response: "a response (voltage and current)",
    Gain: "a voltage gain",
    Mask: "a voltage gain between limits",
    Transmission: "S21",
    ScatteringMask: "S21 between limits",
    Scattering: "a two-port (S11, S21 and S22)",
}


def summary(design: Solution) -> str:
    """The text that the command prints."""
    request = design.request
    score, free = design.choice.scores[0], design.choice.pool.free[0]
    lines = [
        f"Wanted: {_wanted(design)}",
        "",
        *_circuit(design),
        "",
        f"{_capital(design.goal.name)} with values of {request.parts}: {design.score_text(score)}; "
        f"before they were rounded to it: {design.score_text(free)}.",
        *_verdict(design),
        *_bands(design),
    ]
    share = design.mask_yield
    if share is not None:
        lines.append(
            f"Yield: {100 * share.value:.1f} of 100 circuits built so are inside the mask "
            f"(95 % interval {100 * share.low:.1f} to {100 * share.high:.1f})."
        )
    if design.with_losses is not None:
        lines.append(_losses(design.with_losses, design.through_name))
    origin = design.choice.pool.origin[0]
    lines += ["", f"Found by: {origin}; {design.search.simulated:,} circuits simulated, {design.seconds:.1f} s."]
    if design.longest_written is not None and request.max_parts > design.longest_written:
        lines.append(
            f"The network writes circuits of at most {design.longest_written} parts; longer ones come from random "
            "search and the genetic algorithm alone."
        )
    return "\n".join(lines)


def _subject(what: str) -> str:
    return what if what == "S21" else f"The {what}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _hertz(hertz: float, digits: int = 4) -> str:
    return si_text(hertz, "Hz", digits)


def _wanted(design: Solution) -> str:
    lowest, highest = (_hertz(float(hertz)) for hertz in design.request.target.frequency_hz[[0, -1]])
    file = "" if design.request.file is None else f", {design.request.file}"
    return f"{WANTED[type(design.request.target)]} from {lowest} to {highest}{file}"


def _circuit(design: Solution) -> list[str]:
    """The parts, a line each, from the source to the load."""
    types, values = design.circuit
    labels = part_labels(types, values, design.scale.r0, design.scale.omega0)
    source = "without resistance" if design.source_ohm is None else si_text(design.source_ohm, "Ω")
    lines = [
        f"Circuit of {len(types)} part{'s' * (len(types) > 1)}, from the source ({source}, port 1) "
        f"to the load ({si_text(design.load_ohm, 'Ω')}, port 2):"
    ]
    for arm in reversed(arms_of(types)):
        before = ""
        for place in (place for branch in arm for place in branch):
            name, value = labels[place].split(" ", 1)
            series = bool(is_series(types[place]))
            if not before:
                how = "in the line" if series else "from the line to ground"
            else:
                parallel = series == (levels_of(types[place]) == BRANCH)
                how = f"parallel to {before}" if parallel else f"in series with {before}"
            lines.append(f"  {name:<4}{value:<10} {ELEMENT_NAMES[types[place] % ELEMENTS]} {how}")
            before = before or name
    return lines


def _verdict(design: Solution) -> list[str]:
    """Whether it keeps its limits, and where it is nearest to one; or by how much it is off."""
    what, off, nearest = design.through_name, design.choice.deviation_db[0], design.merits.nearest
    if not isinstance(design.goal, MaskGoal):
        return [f"{_subject(what)} is off by {off:.2g} dB at most.", *_reflections(design)]
    both = design.goal.highest_reflection is not None
    if design.choice.scores[0] == 0:
        near = "" if nearest is None else f", nearest to a limit: {_room(nearest, design.merits.nearest_limit)}"
        return [f"{'S21 and S11 are' if both else f'{_subject(what)} is'} inside the mask{near}."]
    beyond = design.judged.deviation(*design.judged.respond(*(array[None] for array in design.circuit)))[0]
    worst = _hertz(float(design.scale.hertz(design.judged.frequency[beyond.argmax()])))
    return [
        f"{'S21 or S11' if both else _subject(what)} leaves the mask, by {off:.2g} dB at most (at {worst}): no circuit "
        "inside was found; more parts (--max-parts) or a finer series (--parts E24) may help."
    ]


def _reflections(design: Solution) -> list[str]:
    target, s = design.request.target, design.s_parameters
    if s is None or not isinstance(target, Scattering):
        return []
    wanted = target.at(design.scale.omega(design.response.frequency_hz), design.scale)
    s11, s22 = (np.abs(s - wanted)[:, port, port].max() for port in (0, 1))
    return [f"S11 is off by {s11:.2g} at most, S22 by {s22:.2g}."]


def _room(place: Place, limit: str) -> str:
    of = "that of S11" if limit == "S11" else f"the {limit} one"
    return f"{max(place.decibel, 0.0):.2g} dB from {of}, at {_hertz(place.hertz)}"


def _bands(design: Solution) -> list[str]:
    """Pass and stop band, the return loss, and what real parts make of the first."""
    merits, what = design.merits, design.through_name
    passing = f"{_capital(_passband(merits))}: {what} {_level(merits.lowest_passing)} at least"
    if merits.highest_reflection is not None:
        passing += f", return loss {_level(merits.highest_reflection, -1)} at least"
    lines = [f"{passing}."]
    if merits.highest_stopped is not None:
        lines.append(f"In the stop band: {what} {_level(merits.highest_stopped)} at most.")
    lines.append(_tolerance(design))
    return lines


def _losses(merits: Merits, what: str) -> str:
    """What coils with losses leave of pass and stop band."""
    text = f"All of this is with ideal parts. With coils of a Q of {COIL_Q:g}: {what} "
    text += f"{_level(merits.lowest_passing)} at least where it passes"
    if merits.highest_stopped is not None:
        text += f", {_level(merits.highest_stopped)} at most in the stop band"
    if merits.nearest is not None:
        kept = merits.nearest.decibel >= 0
        text += (
            ", which is inside the mask" if kept else f", which is {-merits.nearest.decibel:.2g} dB outside the mask"
        )
    return text + "."


def _tolerance(design: Solution) -> str:
    """What real parts do where the circuit passes: at the bottom of a notch a band in dB has no end."""
    hertz, band = design.response.frequency_hz, design.band
    half = np.abs(np.stack([band.low, band.high]) - band.nominal).max(axis=0)
    half = np.where(design.merits.passing(hertz), half, -np.inf)
    name = design.through_name if design.through_name == "S21" else f"the {design.through_name}"
    percent, widest = f"{100 * design.request.tolerance:g} %", _hertz(float(hertz[half.argmax()]), 3)
    return (
        f"Real parts differ from their nominal values. If each is up to {percent} off, {name} of 95 in 100 such "
        f"circuits is within {half.max():.2g} dB of this design {_passband(design.merits)} (widest at {widest})."
    )


def _passband(merits: Merits) -> str:
    bands = ((_hertz(low), _hertz(high)) for low, high in merits.passbands)
    return " and ".join(f"at {low}" if low == high else f"from {low} to {high}" for low, high in bands)


def _level(place: Place, sign: int = 1) -> str:
    return f"{round(sign * place.decibel, 2) + 0.0:.2f} dB (at {_hertz(place.hertz)})"
