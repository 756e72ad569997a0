"""The published archive, made by hand from QM9's table, against the reader of the table."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hypernet.lab.errors import UserError
from hypernet.molecules.sources.archive import read_archive, read_uncharacterized
from hypernet.molecules.sources.qm9 import read_csv

MIRROR = Path(__file__).resolve().parents[4] / "shared/data/molecules"
COUNT = 40


def mathematica(text: str) -> str:
    """Small numbers as the archive has them: 2.1*^-6."""
    mantissa, _, exponent = f"{float(text):.10e}".partition("e")
    return f"{mantissa.rstrip('0')}*^{int(exponent)}" if 0 < abs(float(text)) < 1e-2 else text


def files_of(table: pd.DataFrame) -> dict[str, bytes]:
    files = {}
    for _, row in table.iterrows():
        symbols = [symbol.strip("'") for symbol in row["Elements"].strip("[]").split(",")]
        places = [place.split(",") for place in row["XYZ_Ang"].strip("[]").split("],[")]
        charges = row["Mulliken_pop"].strip("[]").split(",")
        numbers = "\t".join(str(value) for value in row.iloc[10:25])
        lines = [str(len(symbols)), f"gdb {row['Index']}\t{numbers}\t"]
        for symbol, place, charge in zip(symbols, places, charges, strict=True):
            lines.append("\t".join([symbol, *map(mathematica, place), mathematica(charge)]))
        lines.append(row["Harmonic_Freq_cmi"].strip("[]").replace(",", "\t"))
        lines += [f"{row['SMILES']}\t{row['SMILES']}\t", f"{row['InChi']}\t{row['InChi']}"]
        files[f"dsgdb9nsd_{row['Index']:06d}.xyz"] = ("\n".join(lines) + "\n").encode()
    return files


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:bz2") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture(scope="module")
def files(first_rows) -> dict[str, bytes]:
    return files_of(pd.read_csv(first_rows, nrows=COUNT))


def excluded(path: Path, ids: list[int], official: bool = False) -> Path:
    """A list of 3,054 ids, all others beyond those that are there."""
    every = [*ids, *range(100_000, 100_000 + 3_054 - len(ids))]
    if official:
        lines = ["=" * 70, "3054 compounds of 133885 that failed", "", "  Index   SMILES (GDB)  SMILES", "-" * 70]
        path.write_text(
            "\n".join([*lines, *(f"{number:>8}   C#CC(=O)N   [CH2]c1cco1 " for number in every), "=" * 70, ""])
        )
    else:
        path.write_text("\n".join(["# 3054 ids of 1..133885", *map(str, every), ""]))
    return path


def test_as_the_table_has_them(files, first_rows, tmp_path):
    shuffled = dict(sorted(files.items(), key=lambda entry: entry[0][::-1]))
    shuffled["readme.txt"], shuffled["._dsgdb9nsd_000001.xyz"] = b"3 lines", b"\0"
    data = read_archive(packed(tmp_path / "dsgdb9nsd.xyz.tar.bz2", shuffled), None, 9)
    expected = read_csv(first_rows)
    np.testing.assert_array_equal(data.ids, expected.ids[:COUNT])
    atoms = expected.molecules.counts[:COUNT].sum()
    np.testing.assert_array_equal(data.molecules.numbers, expected.molecules.numbers[:atoms])
    np.testing.assert_allclose(data.molecules.positions, expected.molecules.positions[:atoms], rtol=1e-6)
    assert data.molecules.smiles == expected.molecules.smiles[:COUNT]
    assert data.molecules.names == expected.molecules.names[:COUNT]
    np.testing.assert_array_equal(data.rotational, expected.rotational[:COUNT])
    for name, values in expected.values.items():
        np.testing.assert_array_equal(data.values[name], values[:COUNT])


@pytest.mark.parametrize("official", [True, False])
def test_uncharacterized_are_left_out(files, tmp_path, official):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    listed = excluded(tmp_path / "uncharacterized.txt", [2, 21], official)
    kept = read_archive(tmp_path, listed, 3)
    everything = read_archive(tmp_path, None, 3)
    assert {*everything.ids} - {*kept.ids} == {2}
    assert kept.molecules.heavy_atoms.max() == 3


def test_the_derived_list():
    if not MIRROR.is_dir():
        pytest.skip(f"{MIRROR} is not there")
    ids = read_uncharacterized(MIRROR / "uncharacterized_ids.txt")
    assert (len(ids), min(ids)) == (3_054, 58)


def test_a_short_list_is_refused(tmp_path):
    (tmp_path / "some.txt").write_text("1\n2\n3\n")
    with pytest.raises(UserError, match=r"3 ids; expected 3,054"):
        read_uncharacterized(tmp_path / "some.txt")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"gdb 2", b"gdb 1"),
        (b"gdb 2", b"gdb 200000"),
        (b"gdb 2", b"abc 2"),
        (b"4\n", b"five\n"),
        (b"4\n", b"9\n"),
        (b"N\t", b"Xx\t"),
        (b"N\t", b"Cl\t"),
        (b"1.6256", b"nan"),
        (b"InChI", b"inch"),
        (b"gdb", b"\xff\xff"),
        (b"\n", b"\n" * 60_000),
    ],
)
def test_a_bad_member_is_named(files, tmp_path, old, new):
    name = "dsgdb9nsd_000002.xyz"
    assert old in files[name]
    archive = packed(tmp_path / "bad.tar.bz2", files | {name: files[name].replace(old, new, 1)})
    with pytest.raises(UserError, match=name):
        read_archive(archive, None, 9)


def test_a_damaged_archive(files, tmp_path):
    archive = packed(tmp_path / "cut.tar.bz2", files)
    archive.write_bytes(archive.read_bytes()[:-500])
    with pytest.raises(UserError, match=r"cut\.tar\.bz2: cannot be read"):
        read_archive(archive, None, 9)
    with pytest.raises(UserError, match="no such file"):
        read_archive(tmp_path / "none.tar.bz2", None, 9)
    with pytest.raises(UserError, match="no molecules"):
        read_archive(packed(tmp_path / "empty.tar.bz2", {}), None, 9)
