"""The lines of a netlist as statements: without comments and commands, with the files that it includes.

A stranger's netlist runs nothing: what stands between ``.control`` and ``.endc`` is passed over, but for the nodes that
it plots. Included files lie in the folder of the netlist or below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hypernet.circuits.sources.reading import printable, read_text
from hypernet.lab.errors import UserError

# The reader's time grows with the square of the number of elements.
LARGEST_BYTES, MOST_FILES, DEEPEST, LONGEST_WORD, LONGEST_STATEMENT = 1_000_000, 50, 8, 600, 20_000
FORMAT = "a netlist"
# How files of other programs begin.
FOREIGN = {
    "<qucs schematic": "a schematic of Qucs", "# qucs": "a netlist of Qucs's own simulator",
    "(kicad_sch": "a schematic of KiCad", "(export": "a netlist of KiCad for boards", "<?xml": "a file of XML",
    "simulator lang=spectre": "a netlist of Spectre",
}  # fmt: skip
# Lines that say what to do with a circuit and not what it is.
IGNORED = frozenset({
    ".ac", ".backanno", ".dc", ".endl", ".four", ".ic", ".lin", ".model", ".net", ".nodeset", ".noise", ".op",
    ".option", ".options", ".pz", ".sens", ".sp", ".temp", ".tf", ".title", ".tran", ".wave", ".width",
})  # fmt: skip
# Those that name the nodes that somebody looks at.
OUTPUTS = frozenset({".meas", ".measure", ".plot", ".print", ".probe", ".probe64", ".save"})
# What a first line that begins so would have changed.
DEFINITIONS = frozenset({".subckt", ".param", ".params", ".include", ".inc", ".lib", ".global", ".control"})
# v(out), v(out,0), vdb(out), db(out), mag(v(out)); of i(v1), and of v(a,b) between two nodes, none.
PLOTTED = re.compile(r"\b(?!i\b)[a-z]{1,9}\s{0,9}\(\s{0,9}([^\s(),]{1,60})\s{0,9}(?:,\s{0,9}(?:0|gnd)\s{0,9})?\)")
# Files that programs include in all that they export, and that hold functions and nothing else: Qucs-S. Where one of
# them is called, that is refused by its name.
FUNCTIONS_ALONE = frozenset({"ngspice_mathfunc.inc"})
COMMENT = re.compile(r";|\$(?=\s|$)|//")
# R1 (a b) 50; parentheses inside a name are its own.
NODES_IN_PARENTHESES = re.compile(
    r"^([rlcvi]\S*) {0,9}\(\s{0,9}([^\s(),]{1,60})[\s,]{1,9}([^\s(),]{1,60})\s{0,9}\)(?=\s)"
)
WORD = re.compile(r"""(?:[^\s{'"]|\{[^{}]*\}|'[^']*'|"[^"]*")+""")


@dataclass(frozen=True)
class Statement:
    """Words in lower case, and where they stand: ``filter.cir, line 4``."""

    where: str
    words: list[str]


@dataclass
class NetlistText:
    """What a netlist says.

    Attributes:
        title: the first line without its ``*``.
        statements: parts and definitions, those of included files in their place.
        plotted: nodes that the file prints, plots, saves or measures, in the order of the file.
        temperature: of ``.temp`` or ``.options temp=``, degrees Celsius as text; empty without.
    """

    title: str
    statements: list[Statement] = field(default_factory=list)
    plotted: list[str] = field(default_factory=list)
    temperature: str = ""


def netlist_text(source: Path | str) -> tuple[str, NetlistText]:
    """The name of a netlist for messages, and what it says.

    Args:
        source: a file, or the text of a netlist (of more than one line).

    Raises:
        UserError: no file, not text, too large, its title is a part, or a file that it includes cannot be.
    """
    if isinstance(source, str) and "\n" in source:
        name, text, folder = "netlist", source.replace("\r\n", "\n"), None
    else:
        path = Path(source)
        name, text, folder = str(source), read_text(path, LARGEST_BYTES, FORMAT), path.parent
    if not text.strip():
        raise UserError(f"{name}: not a netlist; accepted: SPICE, a title and then a part on each line")
    title, _, rest = text.partition("\n")
    if title.lower().startswith("version") and rest.lstrip().lower().startswith("sheet"):
        raise UserError(f"{name}: a schematic of LTspice; accepted: its netlist (View, SPICE Netlist)")
    foreign = next((what for begins, what in FOREIGN.items() if title.lower().startswith(begins)), None)
    if foreign is not None:
        raise UserError(f"{name}: {foreign}; accepted: a netlist for SPICE, which that program exports")
    whole = NetlistText(printable(title.strip().lstrip("* \t")))
    _Files(folder, whole).take(name, rest, folder, first_line=2)
    _refuse_part_as_title(title, name, whole.statements)
    return name, whole


class _Files:
    """Takes the lines of a file, and of those that it includes, into one text."""

    def __init__(self, root: Path | None, whole: NetlistText) -> None:
        self.root, self.whole = root, whole
        self.files, self.size = 0, 0

    def take(self, name: str, text: str, folder: Path | None, first_line: int = 1, depth: int = 0) -> None:
        for where, line in _joined_lines(name, text, first_line):
            low = line.lower()
            command = low.split(maxsplit=1)[0]
            if command == ".end":
                break
            if not command.startswith("."):
                self.whole.statements.append(Statement(where, _words(line, where)))
            elif command in (".include", ".inc", ".lib", ".incl"):
                self._include(where, line, folder, depth)
            elif command in OUTPUTS or command == ".control":
                self.whole.plotted += PLOTTED.findall(low)
            elif command in IGNORED:
                setting = re.search(r"\btemp\s*=?\s*([\d.+-]{1,20})", low)
                if command in (".temp", ".option", ".options") and setting:
                    self.whole.temperature = setting[1]
            else:
                self.whole.statements.append(Statement(where, _words(line, where)))

    def _include(self, where: str, line: str, folder: Path | None, depth: int) -> None:
        quoted = re.match(r"""\S+\s+(?:"([^"]*)"|'([^']*)'|(\S+))\s*(\S*)""", line)
        if quoted is None:
            raise UserError(f"{where}: {line.split()[0].upper()} needs the name of a file")
        wanted, section = (quoted[1] or quoted[2] or quoted[3] or "").replace("\\", "/"), quoted[4].lower()
        shown = printable(wanted, 80)
        if wanted.rpartition("/")[2].lower() in FUNCTIONS_ALONE:
            return
        if folder is None or self.root is None:
            raise UserError(f"{where}: includes {shown}; a text has no folder: give the netlist as a file")
        path = folder / wanted
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
        except (OSError, ValueError, RuntimeError):
            inside = False
        if not inside or Path(wanted).is_absolute():
            raise UserError(f"{where}: includes {shown}; accepted: a file in the netlist's folder or below it")
        if depth == DEEPEST or self.files == MOST_FILES:
            most = f"{DEEPEST} files deep" if depth == DEEPEST else f"{MOST_FILES} files"
            raise UserError(f"{where}: includes more than {most}; does {shown} include itself?")
        if not path.is_file():
            raise UserError(f"{where}: includes {shown}: no such file in {self.root}")
        text = read_text(path, LARGEST_BYTES - self.size, FORMAT)
        self.files, self.size = self.files + 1, self.size + len(text)
        if section:
            text = _section(text, section, where, shown)
        self.take(str(path), text, path.parent, depth=depth + 1)


def _section(text: str, section: str, where: str, name: str) -> str:
    """The lines of a library between ``.lib SECTION`` and ``.endl``; the others are blank, so that numbers stay."""
    inside, lines, seen = False, [], False
    for line in text.split("\n"):
        words = line.lower().split()
        begins = len(words) == 2 and words[0] == ".lib" and words[1] == section
        inside = (inside or begins) and not (words and words[0] == ".endl")
        seen |= begins
        lines.append(line if inside and not begins else "")
    if not seen:
        raise UserError(f"{where}: {name} has no section {printable(section, 60)}")
    return "\n".join(lines)


def _joined_lines(name: str, text: str, first_line: int) -> Iterator[tuple[str, str]]:
    """Place and text of each statement: without comments, continuations joined; one for each line of ``.control``."""
    pending: tuple[str, list[str]] | None = None
    control = False
    for number, line in enumerate(text.split("\n"), start=first_line):
        where = f"{name}, line {number}"
        line = line.strip()
        if not line or line.startswith("*"):
            continue
        command = line.split(maxsplit=1)[0].lower()
        if command in (".include", ".inc", ".incl", ".lib"):
            # A path may hold what begins a comment elsewhere.
            line = re.split(r"\s;|\s\$\s", line, maxsplit=1)[0]
        else:
            line = COMMENT.split(line, maxsplit=1)[0].strip()
        if not line:
            continue
        if control or command == ".control":
            control = command != ".endc"
            if control:
                yield where, f".control {line}"
            continue
        if command == ".endc":
            continue
        if line.startswith("+"):
            if pending is None:
                raise UserError(f"{where}: a line that begins with + goes on with the one before, and there is none")
            pending[1].append(line[1:])
            continue
        if pending is not None:
            yield pending[0], " ".join(pending[1])
        pending = where, [line]
    if pending is not None:
        yield pending[0], " ".join(pending[1])


def _words(line: str, where: str) -> list[str]:
    """The words of a statement: ``a = 1`` is one, and so is an expression in braces or quotation marks."""
    if len(line) > LONGEST_STATEMENT:
        raise UserError(f"{where}: a statement of more than {LONGEST_STATEMENT:,} characters")
    text = re.sub(r"[ \t]*=[ \t]*", "=", re.sub("[µμ]", "u", line.lower()).replace("\u2126", "ω"))
    text = NODES_IN_PARENTHESES.sub(r"\1 \2 \3 ", text)
    words = WORD.findall(text)
    # Else the patterns for numbers would take a time that grows with the square of a word.
    if max(map(len, words), default=0) > LONGEST_WORD:
        raise UserError(f"{where}: a word of more than {LONGEST_WORD} characters")
    if "".join("".join(words).split()) != "".join(text.split()):
        raise UserError(f"{where}: a brace or quotation mark that is not closed")
    return words


def _refuse_part_as_title(title: str, name: str, statements: list[Statement]) -> None:
    """SPICE takes the first line for a title, whatever it says: a part there would be lost."""
    words = _words(title.strip(), f"{name}, line 1") if len(title) < LONGEST_WORD else []
    if not words or words[0].startswith("*"):
        return
    lost = words[0] in DEFINITIONS
    if words[0][0] in "rlckvix" and len(words) >= 3:
        below = {word for statement in statements for word in statement.words}
        value = words[0][0] in "vix" or (len(words) > 3 and ("=" in words[3] or words[3][0] in "0123456789.{'"))
        lost = value and words[1] != words[2] and {words[1], words[2]} <= below | {"0", "gnd"}
    if lost:
        raise UserError(
            f"{name}, line 1: the first line of a netlist is its title, and this one "
            f"({printable(title.strip(), 60)}) would be lost; put a title above it"
        )
