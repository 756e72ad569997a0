"""Touchstone files of two-ports (.s2p), versions 1 and 2, read as text and as nothing else.

``skrf.Network(path)`` first tries to unpickle what it is given, and unpickling runs whatever code a file names; its
parser takes memory for as many ports as a file claims, takes rows that are out of order for noise data, and knows of
no triangular matrices. So these files are read here: numbers into an array of a bounded size, S parameters of them.

(Touchstone File Format Specification, versions 1.1 and 2.0, EIA/IBIS; the comments in which HFSS writes impedances.)
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hypernet.circuits.core import two_port
from hypernet.circuits.sources.reading import printable, read_text
from hypernet.lab.errors import UserError

# A network analyser's longest sweeps have some 100,000 points of nine numbers in about 200 characters.
LARGEST_BYTES = 50_000_000
MOST_NUMBERS = MOST_LINES = 2_000_000
LONGEST_LINE = 2000
FORMAT = "a Touchstone file"
UNITS = {"HZ": 1.0, "KHZ": 1e3, "MHZ": 1e6, "GHZ": 1e9, "THZ": 1e12}
PARAMETERS: dict[str, Callable[[np.ndarray], np.ndarray] | None] = {
    "S": None,
    "Z": two_port.from_z,
    "Y": two_port.from_y,
    "H": two_port.from_h,
    "G": two_port.from_g,
}
FORMATS = ("MA", "DB", "RI")
DEFAULT = "# GHz S MA R 50"
# No passive two-port has |S| above 1, and hardly a measured one above this.
PLAUSIBLE = 1.5
# A frequency and eight numbers, or six of a symmetric matrix of which one half is written; five of noise.
FULL, TRIANGLE, ONE_PORT, NOISE = 9, 7, 3, 5
# The references of all who come with complex ones.
OTHER_OHM = 50.0
COMPLEX_REFERENCE = f"port impedances that are complex or not constant: S parameters are brought to {OTHER_OHM:g} Ohm"
# What HFSS writes before or behind a row, and goes on with in a comment of numbers alone.
IMPEDANCE = re.compile(r"!\s*port impedance([\d\s.e+-]*)", re.ASCII | re.IGNORECASE)
DEFINITION = re.compile(rf"S-parameter uses the ({'|'.join(two_port.WAVES)}) definition", re.ASCII | re.IGNORECASE)
NUMBERS = re.compile(r"!([\d\s.e+-]+)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class TwoPort:
    """What a file holds, in its order.

    Attributes:
        frequency_hz: ``[n]``.
        s: S parameters, complex ``[n, 2, 2]``.
        reference_ohm: of port 1 and of port 2.
        places: the line of each row, for messages.
        notes: what was taken for granted or passed over, a sentence each.
    """

    frequency_hz: np.ndarray
    s: np.ndarray
    reference_ohm: tuple[float, float]
    places: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass
class _File:
    """A file taken apart: the option line, what keywords say, and lines of numbers with their place."""

    path: Path
    option: str | None = None
    option_line: int = 0
    version_2: bool = False
    order: str | None = None
    matrix: str = "full"
    announced: int | None = None  # rows
    reference: list[float] = field(default_factory=list)
    data: list[tuple[int, list[float]]] = field(default_factory=list)
    impedances: list[float] = field(default_factory=list)
    waves: str = "traveling"  # what HFSS means
    notes: list[str] = field(default_factory=list)

    def refusal(self, line: int, reason: str) -> UserError:
        return UserError(f"{self.path}, line {line}: {reason}")


def read_touchstone(path: Path | str) -> TwoPort:
    """Read the Touchstone file of a two-port; no byte of it is run.

    Args:
        path: the file, whatever its name.

    Raises:
        UserError: no such file, too large, not text, not Touchstone, or not of two ports.
    """
    path = Path(path)
    file = _taken_apart(path, read_text(path, LARGEST_BYTES, FORMAT))
    lines, rows = _rows(file)
    unit, parameter, form, ohms = _option(file)
    table = np.array(rows)
    pairs = table[:, 1:].reshape(len(table), -1, 2)
    if file.option is None:
        _check_default(file, lines, pairs[..., 0])
    elif form == "MA" and (pairs[..., 0] < 0).any():
        row = int(np.argmax((pairs[..., 0] < 0).any(axis=1)))
        file.notes.append(f"line {lines[row]}: a magnitude below 0; are the numbers what the option line says, {form}?")
    with np.errstate(all="ignore"):  # what is no number is told by who uses it
        matrix = _matrix(file, _complex(pairs, form))
        convert = PARAMETERS[parameter]
        s = matrix if convert is None else convert(_normalised(file, parameter, matrix, ohms))
        s, reference = _referred(file, s, ohms, converted=convert is not None)
    return TwoPort(
        frequency_hz=table[:, 0] * unit,
        s=s,
        reference_ohm=reference,
        places=tuple(f"{path}, line {line}" for line in lines),
        notes=tuple(file.notes),
    )


def _taken_apart(path: Path, text: str) -> _File:
    # Too much is refused before memory is taken for numbers.
    for _ in _content(path, text):
        pass
    file = _File(path)
    section, impedance = "network", False
    for number, line, comment in _content(path, text):
        if comment:
            match = IMPEDANCE.fullmatch(comment) or (NUMBERS.fullmatch(comment) if impedance else None)
            impedance = match is not None
            defined = DEFINITION.search(comment)
            file.waves = defined[1].lower() if defined else file.waves
            if match is not None:
                file.impedances += _numbers(file, number, match[1])
        elif line.startswith("[") and (section != "information" or line.lower().startswith("[end information]")):
            section = _keyword(file, number, line, section)
        elif section in ("noise", "information", "end"):
            continue
        elif line.startswith("#"):
            # The first one counts, says the specification.
            if file.option is None:
                file.option, file.option_line = line[1:], number
        elif section == "reference":
            file.reference += _numbers(file, number, line)
        else:
            file.data.append((number, _numbers(file, number, line)))
    return file


def _content(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """Number, content and comment of each line; a comment only where it is all there is.

    Raises:
        UserError: more numbers or lines than any instrument writes, or a line that is too long.
    """
    words = 0
    for number, whole in enumerate(io.StringIO(text), start=1):
        if number > MOST_LINES:
            raise UserError(f"{path}: more than {MOST_LINES:,} lines, the most that {FORMAT} may have")
        line = whole.strip()
        if line.startswith("!"):
            if len(line) <= LONGEST_LINE:
                yield number, "", line
            continue
        line = line.partition("!")[0].strip()
        if len(line) > LONGEST_LINE:
            raise UserError(f"{path}, line {number}: more than {LONGEST_LINE} characters; not {FORMAT}")
        words += len(line.split())
        if words > MOST_NUMBERS:
            raise UserError(f"{path}: more than {MOST_NUMBERS:,} numbers; a sweep of 200,000 points has fewer")
        if line:
            yield number, line, ""


def _keyword(file: _File, number: int, line: str, section: str) -> str:
    """Take note of a keyword of version 2; the section that it begins."""
    name, _, rest = line[1:].partition("]")
    name, words = " ".join(name.lower().split()), rest.split()
    value = words[0].lower() if words else ""
    if name == "version":
        file.version_2 = True
    elif name == "number of ports":
        if value != "2":
            raise file.refusal(number, f"{printable(value, 20) or 'no number of'} ports; accepted: a two-port")
    elif name in ("two-port data order", "two-port order"):
        if value not in ("12_21", "21_12"):
            raise file.refusal(number, f"the data order {printable(value, 20)!r}; accepted: 12_21, 21_12")
        file.order = value
    elif name == "matrix format":
        if value not in ("full", "lower", "upper"):
            raise file.refusal(number, f"the matrix format {printable(value, 20)!r}; accepted: Full, Lower, Upper")
        file.matrix = value
    elif name == "reference":
        file.reference = _numbers(file, number, rest)
        return "reference"
    elif name == "mixed-mode order":
        if any(not word.upper().startswith("S") for word in words):
            raise file.refusal(number, "mixed-mode parameters; accepted: those of two single ports (S1, S2)")
    elif name in ("network data", "noise data", "end"):
        return name.split()[0]
    elif name == "begin information":
        return "information"
    elif name == "end information":
        return "network"
    elif name == "number of frequencies":
        file.announced = int(value) if value.isdecimal() and len(value) < 9 else None
    elif name != "number of noise frequencies":
        file.notes.append(f"line {number}: [{printable(name, 40)}] is passed over")
    return "network" if section == "reference" else section


def _numbers(file: _File, number: int, line: str) -> list[float]:
    try:
        # Python passes over _ in numbers.
        return [float(word.replace("_", "?")) for word in line.split()]
    except ValueError:
        raise file.refusal(number, f"{printable(line, 30)!r} are no numbers; not {FORMAT}") from None


def _rows(file: _File) -> tuple[list[int], list[list[float]]]:
    """Line and numbers of each row of the two-port's data, which may go on in the next lines; without noise data."""
    width = FULL if file.matrix == "full" else TRIANGLE
    lines: list[int] = []
    rows: list[list[float]] = []
    counts = [len(numbers) for _, numbers in file.data]
    if counts[:2] in ([ONE_PORT], [ONE_PORT] * 2):
        raise UserError(f"{file.path}: a one-port, with {ONE_PORT} numbers in a row; accepted: a two-port, with {FULL}")
    at = 0
    while at < len(counts):
        number, numbers = file.data[at]
        taken = 1
        while len(numbers) < width and at + taken < len(counts):
            numbers = numbers + file.data[at + taken][1]
            taken += 1
        if len(numbers) != width:
            falls = bool(rows) and numbers[0] <= rows[-1][0]
            if falls and set(counts[at:]) == {NOISE}:
                break  # noise data of version 1
            raise file.refusal(number, f"{counts[at]} numbers; a row of a two-port has {width} here")
        lines.append(number)
        rows.append(numbers)
        at += taken
    if not rows:
        raise UserError(f"{file.path}: not {FORMAT} (it has no rows of numbers)")
    if file.announced not in (None, len(rows)):
        file.notes.append(f"{file.announced} frequencies are announced, and {len(rows)} are there")
    return lines, rows


def _option(file: _File) -> tuple[float, str, str, list[float]]:
    """Hertz per unit of frequency, parameter, format and reference resistances of the option line."""
    words = (file.option or "").upper().split()
    # In any order, says the specification; what follows R are numbers.
    given = {"unit": "GHZ", "parameter": "S", "format": "MA"}
    accepted = {"unit": frozenset(UNITS), "parameter": frozenset(PARAMETERS), "format": frozenset(FORMATS)}
    ohms: list[float] = [50.0]
    before: set[str] = set()
    while words:
        word = words.pop(0)
        what = next((what for what, known in accepted.items() if word in known), "R" if word == "R" else "")
        if not what or what in before:
            more = ", another of its kind" if what else ""
            raise file.refusal(
                file.option_line, f"{printable(word, 20)!r} in the option line{more}; accepted: such as {DEFAULT}"
            )
        before.add(what)
        if what != "R":
            given[what] = word
            continue
        count = next((at for at, later in enumerate(words) if any(later in known for known in accepted.values())), None)
        ohms, words = _ohms(file, file.option_line, words[:count]), words[len(words) if count is None else count :]
    return UNITS[given["unit"]], given["parameter"], given["format"], ohms


def _ohms(file: _File, line: int, words: list[str]) -> list[float]:
    ohms = _numbers(file, line, " ".join(words))
    if len(ohms) not in (1, 2) or not all(0 < ohm < math.inf for ohm in ohms):
        raise file.refusal(
            line,
            f"the reference {printable(' '.join(words), 30)!r}; accepted: a resistance in ohms, or one for each port",
        )
    return ohms


def _check_default(file: _File, lines: list[int], magnitudes: np.ndarray) -> None:
    """Refuse numbers that the default of a missing option line cannot mean."""
    wrong = (magnitudes < 0) | (magnitudes > PLAUSIBLE)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise file.refusal(
            lines[row],
            f"{magnitudes[row, column]:g} is no magnitude of S, and the option line is missing, which says what the "
            "numbers are; write it before them, such as '# MHz S DB R 50'",
        )
    file.notes.append(f"the option line is missing; read as Touchstone's default, {DEFAULT}")


def _complex(pairs: np.ndarray, form: str) -> np.ndarray:
    first, second = pairs[..., 0], pairs[..., 1]
    if form == "RI":
        return first + 1j * second
    return (10.0 ** (first / 20) if form == "DB" else first) * np.exp(1j * np.radians(second))


def _matrix(file: _File, entries: np.ndarray) -> np.ndarray:
    """Matrices ``[n, 2, 2]`` from the entries of each row."""
    if file.version_2 and file.order is None:
        file.notes.append("[Two-Port Data Order] is missing; read as 21_12")
    if file.matrix != "full":
        diagonal, across, other = entries[:, 0], entries[:, 1], entries[:, 2]
        ordered = [diagonal, across, across, other]
    else:
        ordered = [entries[:, place] for place in ((0, 1, 2, 3) if file.order == "12_21" else (0, 2, 1, 3))]
    return np.stack(ordered, axis=-1).reshape(-1, 2, 2)


def _normalised(file: _File, parameter: str, matrix: np.ndarray, ohms: list[float]) -> np.ndarray:
    """Z, Y, H or G over or times the reference: version 1 writes them so, version 2 in ohms and siemens."""
    if not file.version_2:
        return matrix
    ohm = ohms[0]
    size = {
        "Z": [[1 / ohm, 1 / ohm], [1 / ohm, 1 / ohm]],
        "Y": [[ohm, ohm], [ohm, ohm]],
        "H": [[1 / ohm, 1.0], [1.0, ohm]],
        "G": [[ohm, 1.0], [1.0, 1 / ohm]],
    }
    return matrix * np.array(size[parameter])


def _referred(file: _File, s: np.ndarray, ohms: list[float], converted: bool) -> tuple[np.ndarray, tuple[float, float]]:
    """S with a resistance of each port as reference."""
    if file.reference:
        if len(file.reference) not in (1, 2) or not all(0 < ohm < math.inf for ohm in file.reference):
            given = printable(" ".join(f"{ohm:g}" for ohm in file.reference), 40)
            raise UserError(f"{file.path}: [Reference] {given}; accepted: a resistance in ohms for each of two ports")
        if not converted:
            ohms = file.reference
    count, rest = divmod(len(file.impedances), 2 * len(s))
    if not file.impedances:
        return s, (ohms[0], ohms[-1])
    if rest or count not in (2, 4):
        file.notes.append("port impedances in comments are passed over: there are not two for each row")
        return s, (ohms[0], ohms[-1])
    # Driven terminals have a whole matrix of them, with those of the ports in its diagonal.
    impedances = np.array(file.impedances).reshape(len(s), count, 2)[:, :: count - 1]
    return _of_impedances(file, s, impedances[..., 0] + 1j * impedances[..., 1])


def _of_impedances(file: _File, s: np.ndarray, impedances: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """S with the port impedances of HFSS, complex ``[n, 2]``."""
    if not (impedances.real > 0).all():
        raise UserError(f"{file.path}: a port impedance in the comments has no positive resistance")
    if (impedances == impedances[0]).all() and not impedances[0].imag.any():
        return s, (float(impedances[0, 0].real), float(impedances[0, 1].real))
    file.notes.append(COMPLEX_REFERENCE)
    return two_port.from_waves(s, impedances, OTHER_OHM, file.waves), (OTHER_OHM, OTHER_OHM)
