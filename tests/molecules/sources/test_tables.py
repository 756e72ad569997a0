"""Lists and tables of SMILES as they come out of spreadsheets and databases, and as pandas writes them."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.molecules.sources.tables import read_list, read_table

chem = pytest.importorskip("rdkit.Chem")


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_list(tmp_path):
    text = (
        "# of somebody\nSMILES name\n\nC methane\nO\twater and more\r\n"
        "C1CC  broken\n  N\nInChI=1S/CH4/h1H4 again\nC |$a$| x\n"
    )
    structures = read_list(written(tmp_path / "a.smi", text), 1)
    assert [structure.name for structure in structures] == ["methane", "water and more", "broken", "N", "again", "x"]
    assert [len(structure.numbers) for structure in structures] == [5, 3, 0, 4, 5, 5]
    assert [structure.where.rpartition(" ")[2] for structure in structures] == ["4", "5", "6", "7", "8", "9"]
    assert "unclosed ring" in structures[2].problem


@pytest.mark.parametrize(
    "content",
    [
        "id,SMILES,U0\n7,C,-1.5\n8,,2\n9,CQ,\n",
        "\ufeffid;smiles;U0\r\n7;C;-1.5\r\n\r\n8;;2\r\n9;CQ;\r\n",
        "id\tcanonical_smiles\tU0\n7\tC\t-1.5\n8\t\t2\n9\tCQ",
        '"id","Smiles","U0"\n"7","C","-1.5"\n"8","","2"\n"9","CQ",""\n',
        "id,Isomeric SMILES,U0\n7,C,-1.5\n8,,2\n9,CQ,\n".encode("utf-16"),
        gzip.compress(b"U0,structure,id\n-1.5,C,7\n2,,8\n,CQ,9\n", mtime=0),
        "\n\nid , rdkit-smiles, U0\n7, C ,-1.5\n8,  ,2\n9,CQ, ,,\n",
    ],
)
def test_ways_of_writing(tmp_path, content):
    methane, empty, bad = read_table(written(tmp_path / "a.csv", content), conformers=1)
    assert [methane.name, empty.name, bad.name] == ["7", "8", "9"]
    assert (methane.problem, methane.facts["U0"], methane.smiles, len(methane.numbers)) == ("", "-1.5", "C", 5)
    assert (empty.problem, "CQ" in bad.problem) == ("no SMILES", True)
    assert not any("smiles" in key.lower() for key in methane.facts)


def test_lines_are_those_of_the_file(tmp_path):
    text = 'smiles,note\nC,"two\nlines"\n\nCQ,x\n'
    first, second = read_table(written(tmp_path / "a.csv", text), conformers=1)
    assert (first.where.rpartition(" ")[2], second.where.rpartition(" ")[2]) == ("2", "5")
    assert first.facts["note"] == "two\nlines"


def test_a_column_by_name(tmp_path):
    path = written(tmp_path / "a.csv", "smiles,Product,name\nC,O,x\n")
    assert [read_table(path, column, 1)[0].smiles for column in (None, "Product", "product")] == ["C", "O", "O"]
    with pytest.raises(UserError, match=r"no column 'Educt'; it has 'smiles', 'Product', 'name'"):
        read_table(path, "Educt")


def test_columns_of_the_same_name_are_both_kept(tmp_path):
    (structure,) = read_table(written(tmp_path / "a.csv", "smiles,U0,U0,\nC,1,2,3\n"), conformers=1)
    assert structure.facts == {"U0": "1", "U0 (column 3)": "2", "(column 4)": "3"}


def test_inchi_where_there_is_no_smiles(tmp_path):
    (structure,) = read_table(written(tmp_path / "a.csv", 'InChI,x\n"InChI=1S/CH4/h1H4",1\n'), conformers=1)
    assert (structure.smiles, structure.problem) == ("C", "")


def test_too_many_cells(tmp_path):
    (structure,) = read_table(written(tmp_path / "a.csv", "smiles,U0\nC,1,5\n"))
    assert structure.problem == "3 cells where the header has 2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no header"),
        ("a,b\n1,2\n", "no column of SMILES .*it has 'a', 'b'"),
        ("smiles\n", "no molecules"),
        ("smiles\n\n\n", "no molecules"),
        ('smiles\n"C\n', "line 2: not a row"),
        (b"\x00\x01", "not text"),
        (",".join(f"c{place}" for place in range(20)) + "\n1\n", "and 12 more"),
        ("smiles\n" + "C" * 200_000, "line 2: not a row"),
        ("smiles" + ",x" * 10_000 + "\nC\n", "10,001 columns"),
    ],
)
def test_tables_that_are_none(tmp_path, content, message):
    with pytest.raises(UserError, match=message) as caught:
        read_table(written(tmp_path / "a.csv", content))
    assert "a.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_molecules_than_are_held(tmp_path):
    with pytest.raises(UserError, match="200,000"):
        read_table(written(tmp_path / "a.csv", "smiles\n" + "C\n" * 200_001))
    with pytest.raises(UserError, match="200,000"):
        read_list(written(tmp_path / "a.smi", "C\n" * 200_001))


names = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=8)


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(names, st.sampled_from(["C", "O", "N", ""]), st.floats(allow_nan=False)), min_size=1, max_size=4
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_pandas_writes(tmp_path_factory, rows, separator, encoding):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    table = pd.DataFrame(rows, columns=["note", "smiles", "U0"])
    table.to_csv(path, sep=separator, encoding=encoding, index=False)
    read = read_table(path, conformers=1)
    assert [(entry.facts["note"], entry.smiles) for entry in read] == [row[:2] for row in rows]
    assert [float(entry.facts["U0"]) for entry in read] == [row[2] for row in rows]
    assert [bool(entry.problem) for entry in read] == [not row[1] for row in rows]
