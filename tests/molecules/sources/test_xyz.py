"""The xyz format against ASE, and as people write it by hand."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.molecules.core.elements import SYMBOLS
from hypernet.molecules.sources.xyz import number_of, read_xyz

WATER = "O 0 0 0.119\nH 0 0.763 -0.477\nH 0 -0.763 -0.477\n"


def frames_of(tmp_path, text, name="a.xyz"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_xyz(path)


@settings(max_examples=40)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(1, 103), *(st.floats(-50, 50, allow_subnormal=False) for _ in range(3))),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["xyz", "extxyz"]),
)
def test_what_ase_writes(tmp_path_factory, frames, form):
    ase = pytest.importorskip("ase")
    io = pytest.importorskip("ase.io")
    path = tmp_path_factory.mktemp("ase") / "a.xyz"
    written = [ase.Atoms([atom[0] for atom in frame], [atom[1:] for atom in frame]) for frame in frames]
    io.write(path, written, format=form)
    read = read_xyz(path)
    peers = io.read(path, index=":", format=form)
    assert len(read) == len(peers)
    for structure, peer in zip(read, peers, strict=True):
        np.testing.assert_array_equal(structure.numbers, peer.numbers)
        np.testing.assert_allclose(structure.positions, peer.positions, rtol=0, atol=1e-12)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["e", "E", "D", "d", "*^"]))
def test_exponents(value, mark):
    assert number_of(f"{value:.17e}".replace("e", mark)) == value


@pytest.mark.parametrize("text", ["1" * 300_000 + "x", "1." + "0" * 300_000 + "x", "1e" + "1" * 300_000 + "x"])
def test_a_long_line_of_digits_is_gone_through_once(text):
    # A pattern that looked for another way from every digit would take an hour.
    with pytest.raises(ValueError, match="number is expected"):
        number_of(text)


@pytest.mark.parametrize("piece", ["x", "a={ ", "{", "}", "a b=' "])
def test_a_long_comment_is_gone_through_once(tmp_path, piece):
    path = tmp_path / "a.xyz"
    path.write_text(f"1\n{piece * 300_000}\nHe 0 0 0\n")
    (structure,) = read_xyz(path)
    assert structure.problem == ""


def test_pairs_that_follow_each_other_without_a_blank(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("1\na=\"b c\"d=e f={1 2} g = 'h i',k=1 l={{1,2},{3}}\nHe 0 0 0\n")
    (structure,) = read_xyz(path)
    assert structure.facts == {"a": "b c", "d": "e", "f": "1 2", "g": "h i", "k": "1", "l": "1,2},{3"}


@pytest.mark.parametrize("text", ["", "1_0", "0x1", "one", "1,5", "1e", "--1", "1.*", "١"])
def test_what_is_no_number(text):
    with pytest.raises(ValueError, match="number is expected"):
        number_of(text)


@pytest.mark.parametrize(
    "text",
    [
        f"3\nwater\n{WATER}",
        f"  3  \nwater\n{WATER}\n\n".replace("\n", "\r\n"),
        f"\ufeff3\nwater\n{WATER}\n\n  \n",
        f"\n\n3\nwater\n{WATER}".replace(" 0.119", "\t1.19*^-1\t-0.5").replace(" ", "\t"),
        f"3\nwater\n{WATER}".replace("O", "8").replace("H", "1"),
        f"3\nwater\n{WATER}".replace("O", "o").replace("H", "h").replace("0.477", "4.77D-01"),
        gzip.compress(f"3\nwater\n{WATER}".encode(), mtime=0),
        f"3\nwater\n{WATER}".encode("utf-16"),
        b"3\nProperties=id:I:1:pos:R:3:species:S:1 name=water\n1 0 0 .119 O\n2 0 .763 -.477 H\n3 0 -.763 -.477 H",
        f'3\nLattice="9 0 0 0 9 0 0 0 9" pbc="F F F" Properties=species:S:1:pos:R:3 name="water"\n{WATER}',
    ],
)
def test_ways_of_writing(tmp_path, text):
    (structure,) = frames_of(tmp_path, text)
    assert (structure.name, structure.problem, structure.made) == ("water", "", "")
    assert structure.numbers.tolist() == [8, 1, 1]
    np.testing.assert_allclose(structure.positions[:, 2], [0.119, -0.477, -0.477])


def test_symbols_in_any_case(tmp_path):
    pairs = [(symbol.upper(), symbol.lower()) for symbol in SYMBOLS]
    lines = [f"{given} {3 * place} 0 {row}" for place, pair in enumerate(pairs) for row, given in enumerate(pair)]
    (structure,) = frames_of(tmp_path, f"{len(lines)}\n\n" + "\n".join(lines))
    assert structure.numbers.tolist() == [number for number in range(1, 119) for _ in range(2)]


def test_names_and_facts(tmp_path):
    text = f"3\nenergy=-76.4 note='two words' dipole=\"0 0 1.8\" relaxed=T\n{WATER}3\n-76.4\n{WATER}3\n\n{WATER}"
    first, second, third = frames_of(tmp_path, text, "many.xyz")
    assert [first.name, second.name, third.name] == ["many 1", "many 2", "many 3"]
    assert first.facts == {"energy": "-76.4", "note": "two words", "dipole": "0 0 1.8", "relaxed": "T"}
    assert (second.facts, third.facts) == ({"comment": "-76.4"}, {})
    assert second.where.endswith("many.xyz, line 6")
    (alone,) = frames_of(tmp_path, f"3\n\n{WATER}", "alone.xyz")
    assert alone.name == "alone"
    # A step's energy is no part of a name.
    (orca,) = frames_of(tmp_path, f"3\nCoordinates from ORCA-job water E -76.321456\n{WATER}", "job.xyz")
    assert orca.name == "job"
    assert "-76.321456" in orca.facts["comment"]


@pytest.mark.parametrize(
    ("comment", "charge", "radicals"),
    [
        ("", None, None),
        ("charge=0", 0, None),
        ("charge=0 multiplicity=1", 0, 0),
        ("charge=0.0 spin=0", 0, 0),
        ("total_charge=0 spin=1", 0, 0),
        ("charge=0 multiplicity=3", 0, 2),
        ("charge=0 spin=2", 0, 2),
        ("charge=1 multiplicity=2", 1, 1),
        ("charge=1 spin=1", 1, 1),
        ("charge=-1", -1, None),
    ],
)
def test_charge_and_spin(tmp_path, comment, charge, radicals):
    (structure,) = frames_of(tmp_path, f"3\n{comment}\n{WATER}")
    assert (structure.charge, structure.radicals) == (charge, radicals)
    assert bool(structure.problem) == bool(charge or radicals)


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ('3\nLattice="9 0 0 0 9 0 0 0 9"\n' + WATER, "periodic"),
        ('3\nLattice="9 0 0 0 9 0 0 0 9" pbc="F F T"\n' + WATER, "periodic"),
        ('3\npbc="T T T"\n' + WATER, "periodic"),
        ("2\n\nH 0 0 0\nQq 0 0 1\n", "'Qq' is no element"),
        ("2\n\nH 0 0 0\n119 0 0 1\n", "'119' is no element"),
        ("2\n\nH 0 0 0\n0 0 0 1\n", "'0' is no element"),
        ("2\n\nH 0 0 0\nH 0 0\n", "line 4"),
        ("2\n\nH 0 0 0\nH 0 0 1,5\n", "'1,5' where a number"),
        ("2\n\nH 0 0 0\nH 0 0 nan\n", "not a number"),
        ("2\n\nH 0 0 0\nH 0 0 0.0001\n", "apart"),
        ("2\n\nH 0 0 0\nH 0 0 99\n", "2 parts"),
        ("0\n\n", "no atoms"),
        ("2\ncharge=x\nH 0 0 0\nH 0 0 .74\n", "whole number"),
        ("2\nProperties=species:S:1:forces:R:3\nH 0 0 0\nH 0 0 .74\n", "pos:R:3"),
        ("2\nProperties=species:S:1:pos:R:2\nH 0 0 0\nH 0 0 .74\n", "pos has 2"),
        ("2\nProperties=species:S:x:pos:R:3\nH 0 0 0\nH 0 0 .74\n", "Properties"),
        ("501\n\n" + "H 0 0 0\n" * 501, "501 atoms; accepted: 500"),
    ],
)
def test_a_bad_frame_does_not_hide_the_next(tmp_path, frame, problem):
    bad, good = frames_of(tmp_path, f"{frame}3\nwater\n{WATER}")
    assert problem in bad.problem
    assert (good.name, good.problem) == ("water", "")


def test_a_file_that_ends_early(tmp_path):
    good, cut = frames_of(tmp_path, f"3\nwater\n{WATER}5\nmethane\nC 0 0 0\nH 0 0 1\n")
    assert (good.problem, cut.name, cut.problem) == ("", "methane", "the file ends after 2 of its 5 atoms")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"2\nwater\n{WATER}", "line 5: 'H 0 -0.763 -0.477' where the number of atoms of frame 2"),
        ("hello\n", "line 1"),
        ("-1\n", "line 1"),
        ("99999999999999999999\n\n", "line 1"),
        ("", "no molecules"),
        ("\n \n", "no molecules"),
        (b"\x00\x01\x02", "not text"),
        (gzip.compress(b"3\n" * 9999, mtime=0)[:-20], "cannot be read"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        frames_of(tmp_path, text)
    assert "a.xyz" in str(caught.value)


METHANE = """5
gdb 1\t157.7118\t157.70997\t157.70699\t0.\t13.21\t-0.3877\t0.1171\t0.5048\t35.3641\t0.044749\t-40.47893\t-40.476062\t\
-40.475117\t-40.498597\t6.469\t
C\t-0.0126981359\t 1.0858041578\t 0.0080009958\t-0.535689
H\t 2.150416*^-3\t-6.0313176*^-3\t 1.9761204*^-3\t 0.133921
H\t 1.0117308433\t 1.4637511618\t 2.765748*^-4\t 0.133922
H\t-0.540815069\t 1.4475266138\t-0.8766437152\t 0.133923
H\t-0.5238136345\t 1.4379326443\t 0.9063972942\t 0.133923
1341.307\t1341.3284\t1341.365\t1562.6731\t1562.7453\t3038.3205\t3151.6034\t3151.6788\t3151.7078
C\tC\t
InChI=1S/CH4/h1H4\tInChI=1S/CH4/h1H4
"""


def test_the_form_of_qm9(tmp_path):
    first, second = frames_of(tmp_path, METHANE + f"3\nwater\n{WATER}")
    assert (first.name, first.smiles, first.problem, second.name) == ("gdb 1", "C", "", "water")
    assert (first.facts["U0"], first.facts["A"], first.facts["mu"]) == ("-40.47893", "157.7118", "0.0")
    np.testing.assert_allclose(first.positions[1], [0.002150416, -0.0060313176, 0.0019761204])
    bad, second = frames_of(tmp_path, METHANE.replace("13.21", "x") + f"3\nwater\n{WATER}")
    assert (bad.name, "'x'" in bad.problem, second.problem) == ("gdb 1", True, "")


@settings(max_examples=60)
@given(st.binary(max_size=120) | st.text(alphabet='0123456789 \n\tHCO.-="*^e', max_size=120).map(str.encode))
def test_anything_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "a.xyz"
    path.write_bytes(content)
    try:
        structures = read_xyz(path)
    except UserError:
        return
    assert structures
    assert all(structure.problem or len(structure.numbers) for structure in structures)
