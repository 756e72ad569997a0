"""Touchstone files of two-ports (.s2p), read as text and as nothing else.

``skrf.Network(path)`` first tries to unpickle what it is given, and unpickling runs whatever code a file names. Given
text in memory it goes to its Touchstone parser directly. That parser trusts what it reads: it takes memory for as many
ports as a file claims, and its search for names of ports in comments takes time that grows with the square of a line.
So it is given two-ports of a bounded size only, with no comments but those that say something of the data.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hypernet.circuits.sources.reading import printable, read_text
from hypernet.lab.errors import UserError

if TYPE_CHECKING:
    import skrf

# A network analyser's longest sweeps have some 100,000 points of nine numbers in about 200 characters.
LARGEST_BYTES = 50_000_000
MOST_NUMBERS = MOST_LINES = 2_000_000
LONGEST_LINE = 2000
FORMAT = "a Touchstone file"
PORTS = "[number of ports]"
# Comments that HFSS writes and the parser reads: impedances, propagation constants, the definition of S.
DATA_COMMENT = re.compile(r"!\s?(gamma|port impedance)[\d\s.e+!-]*", re.ASCII | re.IGNORECASE)
NUMBERS_COMMENT = re.compile(r"![\d\s.e+-]+", re.ASCII | re.IGNORECASE)
DEFINITION = "S-parameter uses the "
EXPORTED = re.compile(r"! (terminal|modal) data exported", re.ASCII | re.IGNORECASE)


def read_touchstone(path: Path | str) -> skrf.Network:
    """Parse the Touchstone file of a two-port, version 1 or 2; no byte of it is run.

    Args:
        path: the file, whatever its name.

    Raises:
        UserError: no such file, too large, not text, not Touchstone, or not of two ports; scikit-rf is not installed.
    """
    path = Path(path)
    text = read_text(path, LARGEST_BYTES, FORMAT)
    try:
        import skrf
    except ImportError:
        raise UserError(f"{path}: Touchstone files need scikit-rf; install hypernet[circuits]") from None
    stream = io.StringIO("\n".join(_data_lines(path, text)) + "\n")
    # The parser takes the number of ports from the name: s99999p would take the machine's memory.
    stream.name = f"{path.stem}.s2p"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = skrf.Network(stream)
    except Exception as error:  # skrf lets through whatever its parser stumbles over
        reason = printable(str(error)) or type(error).__name__
        raise UserError(f"{path}: not {FORMAT} ({reason})") from None
    if network.nports != 2:
        raise UserError(f"{path}: {network.nports} ports; accepted: a two-port")
    return network


def _data_lines(path: Path, text: str) -> Iterator[str]:
    """The lines of a file without what the parser need not see.

    Raises:
        UserError: more numbers than any instrument writes, a line that is too long, or another number of ports than 2.
    """
    numbers = 0
    for number, whole in enumerate(io.StringIO(text), start=1):
        if number > MOST_LINES:
            raise UserError(f"{path}: more than {MOST_LINES:,} lines, the most that {FORMAT} may have")
        line = whole.strip()
        if line.startswith("!"):
            if not _says_something(line):
                continue
        else:
            line = line.partition("!")[0]
        if len(line) > LONGEST_LINE:
            raise UserError(f"{path}, line {number}: more than {LONGEST_LINE} characters; not {FORMAT}")
        words = line.split()
        if not words:
            continue
        numbers += len(words)
        if numbers > MOST_NUMBERS:
            raise UserError(f"{path}: more than {MOST_NUMBERS:,} numbers; a sweep of 200,000 points has fewer")
        if line.lower().startswith(PORTS) and words[3:4] != ["2"]:
            claimed = printable(" ".join(words[3:4]), 20)
            raise UserError(f"{path}, line {number}: {claimed or 'no number of'} ports; accepted: a two-port")
        yield line


def _says_something(comment: str) -> bool:
    """Whether the parser finds anything about the data in a comment; its own search needs few ``!``."""
    if len(comment) > LONGEST_LINE or comment.count("!") > 2:
        return False
    patterns = (DATA_COMMENT, NUMBERS_COMMENT)
    known = any(pattern.fullmatch(comment) for pattern in patterns) or EXPORTED.match(comment)
    return bool(known) or DEFINITION in comment
