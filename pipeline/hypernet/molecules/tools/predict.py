"""Properties of molecules, with how sure they are: `hypernet molecules predict`."""

from __future__ import annotations

import argparse
import string
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs, option_file, write_table
from hypernet.lab.options import whole_number
from hypernet.molecules.core.elements import formula_of
from hypernet.molecules.core.molecules import joined
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.sources.geometry import CONFORMERS
from hypernet.molecules.tools.answers import Answer, asked
from hypernet.molecules.tools.inputs import MOST_CONFORMERS, Given, gathered
from hypernet.molecules.tools.quantities import ENERGIES, Energy

if TYPE_CHECKING:
    import pandas as pd

    from hypernet.molecules.tools.ensemble import Model

GIVEN, SEPARATOR = "as given", "; "
# Lines of a warning, and of the table on the screen.
SHOWN, SHOWN_ROWS = 5, 40


def predict(
    inputs: Given | Iterable[Given],
    *,
    model: Model | Sequence[Model],
    target: str | Sequence[str] = (),
    unit: str | Sequence[str] = (),
    energy: Energy = "atomization",
    column: str | None = None,
    conformers: int = CONFORMERS,
) -> pd.DataFrame:
    """Predict properties of molecules.

    Args:
        inputs: SMILES, paths of files, arrays ``[B, n, 4]``, ``ase.Atoms``: one or more, see ``inputs.gathered``.
        model: a trained method, or the path of its ``model.ckpt``; several of one property and the same data are an
            ensemble, of several properties they fill several columns.
        target: properties that are asked for; none: all that the models predict.
        unit: in which they are given, each for the properties of its dimension; none: the models' own.
        energy: of U0, U, H and G: ``atomization``, the energy less those of the free atoms, below zero; or ``total``.
        column: of the SMILES in tables; None: by its name.
        conformers: that are made of a molecule without a geometry.

    Returns:
        a row per molecule in the order given: ``name``, ``source``, ``SMILES``, ``formula``, ``geometry``; for each
        property its value, ``low`` and ``high`` end of an interval that holds the true value of nine molecules in ten
        (split conformal prediction, of molecules like those of the training) and ``spread``, the standard deviation of
        an ensemble; ``warning``, and ``problem``: why a row has no numbers. Names of columns hold the unit.

    Raises:
        UserError: a file or model cannot be read, models of unlike data, or a unit that fits nothing.

    Example:
        >>> hypernet.molecules.predict(["CCO", "water.xyz"], model="model.ckpt")  # doctest: +SKIP
    """
    answers = asked(model, target, unit, energy)
    return table_of(gathered(inputs, column, conformers), answers)


def table_of(structures: Sequence[Structure], answers: Sequence[Answer]) -> pd.DataFrame:
    """The table of ``predict``."""
    import pandas as pd

    from hypernet.molecules.tools.caveats import warnings

    count = len(structures)
    columns: dict[str, Sequence[object]] = {
        "name": [structure.name for structure in structures],
        "source": [structure.where for structure in structures],
        "SMILES": [structure.smiles for structure in structures],
        "formula": [formula_of(structure.numbers) for structure in structures],
        "geometry": [(structure.made or GIVEN) if len(structure.numbers) else "" for structure in structures],
    }
    notes: list[list[str]] = [[] for _ in structures]
    reasons: list[list[str]] = [[] for _ in structures]
    for answer in answers:
        quantity = answer.quantity
        values = np.full((4, count), np.nan)
        for place, reason in enumerate(_predicted(structures, answer, values)):
            reasons[place].append(reason)
            if not reason:
                notes[place] += warnings(structures[place], answer.ensemble)
        for what, row in zip(("", "low", "high", "spread"), values, strict=True):
            columns[quantity.column(what)] = row.tolist()
    columns["warning"] = [SEPARATOR.join(dict.fromkeys(entry)) for entry in notes]
    columns["problem"] = [_joined(entry, answers) for entry in reasons]
    return pd.DataFrame(columns)


def _joined(reasons: Sequence[str], answers: Sequence[Answer]) -> str:
    """Why a molecule has no numbers, once where it is the same for all properties."""
    if len(set(reasons)) == 1:
        return reasons[0]
    named = zip(reasons, answers, strict=True)
    return SEPARATOR.join(f"{answer.quantity.target.name}: {reason}" for reason, answer in named if reason)


def _predicted(structures: Sequence[Structure], answer: Answer, values: np.ndarray) -> list[str]:
    """Fill in value, ends of the interval and spread ``[4, M]``; why there is none, "" where there is."""
    from hypernet.molecules.tools.caveats import refusal

    ensemble, quantity = answer.ensemble, answer.quantity
    reasons = [structure.problem or refusal(structure, ensemble) for structure in structures]
    rows = [place for place, reason in enumerate(reasons) if not reason]
    try:
        _fill(structures, rows, answer, values)
    except UserError:
        # A method without an answer for one of them: the others go on.
        for row in rows:
            try:
                _fill(structures, [row], answer, values)
            except UserError as error:
                reasons[row] = str(error).removeprefix(f"{structures[row].name}: ")
    half = ensemble.interval.half(values[3])
    if (rebuilt := ensemble.rebuilt) is not None:
        made = [bool(structure.made) for structure in structures]
        # Of fewer molecules: never narrower.
        half[made] = np.maximum(half, rebuilt.interval.half(values[3]))[made]
    half *= quantity.scale
    values[1], values[2], values[3] = values[0] - half, values[0] + half, values[3] * quantity.scale
    return reasons


def _fill(structures: Sequence[Structure], rows: Sequence[int], answer: Answer, values: np.ndarray) -> None:
    """Fill in value and spread, the latter in the target's unit, of some molecules."""
    if not rows:
        return
    molecules = joined([structures[row].molecules() for row in rows])
    predicted, spread = answer.ensemble.predict(molecules)
    given = answer.quantity.of(predicted, molecules)
    if not np.isfinite(given).all():
        raise UserError("the prediction is not a finite number")
    values[0, rows], values[3, rows] = given, spread


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet molecules predict``."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="MOLECULE",
        help="a SMILES or InChI, or a file: .smi, .csv or .tsv with SMILES, .sdf, .mol, .mol2, .pdb, .xyz (each also "
        ".gz), a folder of such, .npy or .npz ([B, n, 4]: atomic number, x, y, z in Å)",
    )
    parser.add_argument(
        "--model",
        type=Path,
        action="append",
        required=True,
        help="model.ckpt of a trained method; again for an ensemble, or for other properties",
    )
    parser.add_argument("--target", action="append", default=[], help="a property, e.g. U0; default: all of the models")
    parser.add_argument(
        "--energy",
        choices=ENERGIES,
        default=ENERGIES[0],
        help="of U0, U, H and G: less the energies of the free atoms, or total; default: %(default)s",
    )
    parser.add_argument(
        "--unit", action="append", default=[], help="eV, meV, Hartree, kcal/mol, kJ/mol, D, ...; default: the models'"
    )
    parser.add_argument("--column", help="of the SMILES in tables; default: by its name")
    parser.add_argument(
        "--conformers",
        type=whole_number(1, MOST_CONFORMERS),
        default=CONFORMERS,
        help="made of a molecule without a geometry, the lowest counts; default: %(default)s",
    )
    parser.add_argument("--out", type=Path, help="write the table here: .csv; without, it is printed")
    parser.add_argument(
        "--contributions", type=Path, help="write what each atom gives here: .csv (networks that add up atoms)"
    )
    parser.add_argument(
        "--picture", type=Path, help="draw the molecules, atoms coloured by what they give: .svg or .png"
    )


def run(arguments: argparse.Namespace) -> None:
    """Predict, print what the numbers are, and write what was asked for.

    Raises:
        UserError: see ``predict``; or no molecule could be predicted.
    """
    for option, endings in (("out", [".csv"]), ("contributions", [".csv"]), ("picture", [".svg", ".png"])):
        if (path := getattr(arguments, option)) is not None:
            option_file(option, path, *endings)
    outputs = [(option, getattr(arguments, option)) for option in ("out", "contributions", "picture")]
    # A SMILES is a path to no file.
    check_outputs(outputs, [Path(text) for text in (*arguments.inputs, *arguments.model)])
    answers = asked(arguments.model, arguments.target, arguments.unit, arguments.energy)
    if arguments.picture is not None and len(answers) > 1:
        names = ", ".join(answer.quantity.target.name for answer in answers)
        raise UserError(f"--picture: shows one property, the models predict {names}; choose one with --target")
    structures = gathered(arguments.inputs, arguments.column, arguments.conformers)
    table = table_of(structures, answers)
    if arguments.out is not None:
        write_table(arguments.out, table)
    _refuse_nothing(table, answers)
    _tell(table, structures, answers, arguments.out)
    if arguments.contributions is not None or arguments.picture is not None:
        _explain(structures, answers, arguments.contributions, arguments.picture)


def _refuse_nothing(table: pd.DataFrame, answers: Sequence[Answer]) -> None:
    values = table[[answer.quantity.column() for answer in answers]]
    if values.notna().to_numpy().any():
        return
    first = table.iloc[0]
    of = f"none of {len(table):,} molecules" if len(table) > 1 else "the molecule"
    raise UserError(f"{of} could {'not ' if len(table) == 1 else ''}be predicted: {first.source}: {first.problem}")


def _tell(table: pd.DataFrame, structures: Sequence[Structure], answers: Sequence[Answer], out: Path | None) -> None:
    """Say what the numbers are, show them, and warn."""
    from hypernet.molecules.tools.caveats import about_geometries, about_given

    made = [bool(structure.made) for structure in structures if not structure.problem]
    for answer in answers:
        print(answer.sentences())
        if any(made):
            print(f"  {about_geometries(answer.ensemble, answer.quantity)}")
        if not all(made):
            print(f"  {about_given(answer.ensemble)}")
    if out is None:
        print(_on_screen(table, answers))
    else:
        print(f"{out}: {len(table):,} molecule{'s' if len(table) > 1 else ''}")
    several = len(table) > 1
    if several:
        for phrase, number in _counted(table.warning):
            print(f"warning: {number:,} of {len(table):,}: {phrase}", file=sys.stderr)
    elif table.warning[0]:
        print(f"warning: {table.warning[0]}", file=sys.stderr)
    rows = table[table.problem != ""]
    if len(rows):
        print(f"warning: {len(rows):,} of {len(table):,} molecules were not predicted:", file=sys.stderr)
    for row in rows.head(SHOWN).itertuples():
        print(_printable(f"  {row.source}: {row.problem}"), file=sys.stderr)
    if len(rows) > SHOWN:
        print(f"  and {len(rows) - SHOWN:,} more, see the column problem of --out", file=sys.stderr)


def _counted(warnings: Iterable[str]) -> list[tuple[str, int]]:
    """Phrases and how many molecules have them; of those that differ in their first number one, with its range."""
    sizes: dict[str, list[int]] = {}
    counts: Counter[str] = Counter()
    for phrase in (phrase for text in warnings if text for phrase in text.split(SEPARATOR)):
        rest = phrase.lstrip(string.digits)
        counts[rest] += 1
        if number := phrase.removesuffix(rest):
            sizes.setdefault(rest, []).append(int(number))
    lines = []
    for rest, count in counts.items():
        low, high = (min(sizes[rest]), max(sizes[rest])) if rest in sizes else (0, 0)
        lines.append((f"{low} to {high}{rest}" if low < high else f"{low or ''}{rest}", count))
    return lines


def _on_screen(table: pd.DataFrame, answers: Sequence[Answer]) -> str:
    """The table's numbers, of the first molecules."""
    shown = table.head(SHOWN_ROWS)
    numbers = {}
    for answer in answers:
        quantity = answer.quantity
        # As many decimals as show a hundredth of the interval.
        width = answer.ensemble.width * quantity.scale
        decimals = int(np.clip(np.ceil(2 - np.log10(width)) if width > 0 else 6, 0, 8))
        for what in ("", "low", "high", "spread"):
            column = shown[quantity.column(what)]
            if what != "spread" or column.notna().any():
                numbers[quantity.column(what)] = column.map(lambda value, d=decimals: f"{value:.{d}f}")
    named = shown[["name", "formula"]].assign(name=shown["name"].map(_printable))
    text = named.assign(**numbers).replace("nan", "-").to_string(index=False)
    rest = len(table) - len(shown)
    return text + (f"\nand {rest:,} more: --out writes all" if rest > 0 else "")


def _printable(text: str) -> str:
    """Text of a stranger's file without what a terminal would obey."""
    return "".join(letter for letter in text if letter.isprintable())


def _explain(
    structures: Sequence[Structure], answers: Sequence[Answer], table: Path | None, picture: Path | None
) -> None:
    """Write what each atom gives, as a table and as a picture."""
    from hypernet.molecules.tools.attribution import parts_of, rows_of

    parts = [parts_of(structures, answer.ensemble) for answer in answers]
    if table is not None:
        import pandas as pd

        tables = [rows_of(part, answer.quantity) for part, answer in zip(parts, answers, strict=True)]
        content = pd.concat(tables, ignore_index=True)
        write_table(table, content)
        print(f"{table}: what {len(content):,} atoms give")
    if picture is not None:
        from hypernet.molecules.tools.depiction import draw

        print(draw(parts[0], answers[0].quantity, picture))
