"""Colour maps as JSON that people read and edit: every number beside the name of its monomial's place.

    {"format": "hypernet colour map", "version": 1, "basis": "quadratic", "colour_space": "sRGB-encoded, 0..1",
     "monomials": ["RR", "GG", "BB", "RG", "RB", "GB", "R", "G", "B", "1"],
     "matrix": {"R": [10 numbers], "G": [10 numbers], "B": [10 numbers]}, "facts": {...}}

The new red is the sum of the numbers of "R", each times its monomial of the old colour, and so on. Read is also a bare
list of three lists, in the order above.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_text

if TYPE_CHECKING:
    from hypernet.retouch.core.colour_map import ColourMap

FORMAT, VERSION, COLOUR_SPACE = "hypernet colour map", 1, "sRGB-encoded, 0..1"
CHANNELS = ("R", "G", "B")
LARGEST_FILE = 1_000_000
# A coefficient beyond makes no picture, and its products leave float32.
LARGEST_NUMBER = 1e6


def write_map(path: Path, colour_map: ColourMap, facts: Mapping[str, Any]) -> None:
    """Write a map, whole or not at all; ``read_map`` gives back the same numbers.

    Args:
        path: of the file.
        colour_map: M.
        facts: what else a person may want to know of it: JSON-like, finite.
    """
    from hypernet.retouch.core.colour_map import MONOMIALS

    matrix = dict(zip(CHANNELS, colour_map.matrix.tolist(), strict=True))
    rows = [f'    "{channel}": {json.dumps(row)}' for channel, row in matrix.items()]
    # Names of files may have bytes that are no text.
    further = json.dumps(dict(facts), indent=2, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace").decode()
    entries = {
        "format": json.dumps(FORMAT),
        "version": json.dumps(VERSION),
        "basis": json.dumps(colour_map.basis),
        "colour_space": json.dumps(COLOUR_SPACE),
        "monomials": json.dumps(MONOMIALS[colour_map.basis]),
        "matrix": "{\n" + ",\n".join(rows) + "\n  }",
        "facts": further.replace("\n", "\n  "),
    }
    write_text(path, "{\n" + ",\n".join(f'  "{key}": {text}' for key, text in entries.items()) + "\n}\n")


def read_map(path: Path) -> ColourMap:
    """Read a map that ``write_map`` wrote, or that a person edited or typed.

    Monomials may stand in any order where they are named. Keys that are not known are passed over.

    Args:
        path: a JSON file: an object with ``matrix``, or three lists of 4, 10 or 20 numbers.

    Raises:
        UserError: no such file, or not a map; names the key.
    """
    from hypernet.retouch.core.colour_map import MONOMIALS, ColourMap

    content = _json(Path(path))
    if isinstance(content, list):
        content = {"matrix": content}
    if not isinstance(content, dict) or "matrix" not in content:
        raise UserError(f'{path}: no "matrix"; accepted: {{"matrix": {{"R": [...], "G": [...], "B": [...]}}}}')
    for key, expected in (("format", FORMAT), ("version", VERSION), ("colour_space", COLOUR_SPACE)):
        if content.get(key, expected) != expected:
            raise UserError(f'{path}: "{key}" is {_shown(content[key])}; accepted: {_shown(expected)}')
    rows = _rows(path, content["matrix"])
    by_size = {len(names): basis for basis, names in MONOMIALS.items()}
    sizes = ", ".join(f"{size} ({basis})" for size, basis in by_size.items())
    for name, row in rows.items():
        if len(row) not in by_size or len(row) != len(rows["R"]):
            raise UserError(f"{path}: {name} of the matrix has {len(row)} numbers; accepted: all three {sizes}")
    basis = by_size[len(rows["R"])]
    if content.get("basis", basis) != basis:
        raise UserError(f'{path}: "basis" is {_shown(content["basis"])}, but the matrix has the numbers of {basis}')
    order = _order(path, content.get("monomials", MONOMIALS[basis]), MONOMIALS[basis])
    numbers = {name: [_number(path, f"{name}[{place}]", row[place]) for place in order] for name, row in rows.items()}
    return ColourMap(np.array([numbers[name] for name in CHANNELS]))


def _json(path: Path) -> Any:
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a file but a folder, a pipe or a device; name a JSON file")
        if path.stat().st_size > LARGEST_FILE:
            raise UserError(f"{path}: more than {LARGEST_FILE:,} bytes; not a colour map")
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, object_pairs_hook=lambda pairs: _object(path, pairs))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # also of text that is not UTF-8, and of integers of thousands of digits
        raise UserError(f"{path}: not valid JSON ({' '.join(str(error).split())[:160]})") from None
    except RecursionError:
        raise UserError(f"{path}: not valid JSON (nested too deeply)") from None


def _object(path: Path, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise UserError(f"{path}: the key {_shown(key)} stands twice")
        content[key] = value
    return content


def _rows(path: Path, matrix: Any) -> dict[str, list[Any]]:
    """Lists by the channel that they make."""
    if isinstance(matrix, list):
        if len(matrix) != len(CHANNELS):
            raise UserError(f"{path}: the matrix has {len(matrix)} rows; accepted: 3, for R, G and B")
        matrix = dict(zip(CHANNELS, matrix, strict=True))
    if not isinstance(matrix, dict) or set(matrix) != set(CHANNELS):
        raise UserError(f'{path}: "matrix" must have the keys "R", "G" and "B", or be three lists')
    for name, row in matrix.items():
        if not isinstance(row, list):
            raise UserError(f"{path}: {name} of the matrix is {_shown(row)}; accepted: a list of numbers")
    return matrix


def _order(path: Path, names: Any, wanted: Sequence[str]) -> list[int]:
    """Where each monomial stands in the file; GR is RG."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f'{path}: "monomials" must be a list of names; accepted: {", ".join(wanted)}')
    given = ["".join(sorted(name, key="RGB1".find)) for name in names]
    if sorted(given) != sorted(wanted):
        odd = [name for name in given if name not in wanted or given.count(name) > 1] or given
        raise UserError(
            f'{path}: "monomials" must name each of {", ".join(wanted)} once, not {", ".join(map(_shown, odd))}'
        )
    return [given.index(name) for name in wanted]


def _number(path: Path, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_NUMBER:
        raise UserError(f"{path}: {name} of the matrix is {_shown(value)}; accepted: numbers up to {LARGEST_NUMBER:g}")
    return float(value)


def _shown(value: Any) -> str:
    """A value of the file in a message."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
