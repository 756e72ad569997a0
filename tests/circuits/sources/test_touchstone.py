"""Touchstone files are text: whatever else a file named .s2p holds is refused, and none of it is run."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet import cli
from hypernet.circuits.sources.touchstone import COMPLEX_REFERENCE, LARGEST_BYTES, read_touchstone
from hypernet.circuits.sources.wanted import read_target
from hypernet.lab.errors import UserError

CASES = Path(__file__).parents[1] / "cases"
TEXT = "# MHz S RI R 75\n" + "".join(f"{mhz} 0.1 0 0.9 0 0.9 0 0.1 0\n" for mhz in (1, 2, 3, 4))


class Trace:
    """Unpickling an object of this class makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture(params=[0, 2], ids=["text protocol", "binary protocol"])
def hostile(request, tmp_path):
    """A pickle with the name of a two-port, and the file that appears where it is run."""
    trace = tmp_path / "trace"
    pickled = pickle.dumps(Trace(trace), protocol=request.param)
    pickle.loads(pickled)  # the trap works
    assert trace.exists()
    trace.unlink()
    path = tmp_path / "filter.s2p"
    path.write_bytes(pickled)
    return path, trace


@pytest.mark.parametrize("read", [read_touchstone, read_target])
def test_a_pickle_is_refused_and_leaves_no_trace(read, hostile):
    path, trace = hostile
    with pytest.raises(UserError, match=r"not a Touchstone file"):
        read(path)
    assert not trace.exists()


def test_the_design_of_a_pickle_leaves_no_trace(hostile, tmp_path, capsys):
    path, trace = hostile
    code = cli.main(["circuits", "design", str(path), "--model", "none", "--out", str(tmp_path / "out")])
    assert code == 2
    assert not trace.exists()
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        ("! 50 Ω\n" + TEXT).encode(),
        ("! 23 °C\n" + TEXT).encode("latin-1"),
        TEXT.encode("utf-16"),
    ],
    ids=["plain", "byte order mark", "UTF-8 comment", "Latin-1 comment", "UTF-16"],
)
def test_text_is_read_in_the_encodings_of_instruments(content, tmp_path):
    path = tmp_path / "measured.s2p"
    path.write_bytes(content)
    two_port = read_touchstone(path)
    np.testing.assert_allclose(two_port.frequency_hz, [1e6, 2e6, 3e6, 4e6])
    np.testing.assert_allclose(two_port.s[:, 1, 0], 0.9)
    assert two_port.reference_ohm == (75, 75)
    assert two_port.notes == ()


def test_a_file_too_large_is_refused_before_it_is_parsed(tmp_path):
    path = tmp_path / "large.s2p"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(UserError, match=r"more than 50,000,000 bytes"):
        read_touchstone(path)


ROWS = "".join(f"{mhz} 0.1 0 0.9 0 0.9 0 0.1 0\n" for mhz in (1, 2, 3, 4))
VERSION_2 = "[Version] 2.0\n# MHz S RI R 50\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # Memory for as many ports as are claimed would be 5 GB.
        (
            f"{VERSION_2}[Number of Ports] 300000000\n[Network Data]\n1 0\n",
            "line 3: 300000000 ports; accepted: a two-port",
        ),
        (f"{VERSION_2}[Number of Ports] 2\n [NUMBER OF PORTS]  3 \n", "line 4: 3 ports"),
        (f"{VERSION_2}[Number of Ports]\n", "line 3: no number of ports"),
        (f"{VERSION_2}[Number of Ports] 2\n[Reference]\n", "not a Touchstone file"),
        ("# MHz S RI R 50\n" + "1 " * 2000, "line 2: more than 2000 characters"),
        ("# MHz S RI R 50\n" + "1\n" * 2_000_001, "more than 2,000,000 (numbers|lines)"),
        ("\n" * 2_000_001, "more than 2,000,000 lines"),
        ("# MHz \x1b[31m RI R 50\n" + ROWS, "binary data"),
    ],
    ids=["ports", "ports twice", "ports of no number", "cut", "long line", "numbers", "lines", "terminal"],
)
def test_what_would_eat_the_machine_is_refused(content, message, tmp_path):
    (tmp_path / "hostile.s2p").write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        read_touchstone(tmp_path / "hostile.s2p")
    assert "\n" not in str(caught.value)


def test_the_name_of_a_file_claims_no_ports(tmp_path):
    path = tmp_path / "x.s99999999p"
    path.write_text(TEXT)
    assert read_touchstone(path).s.shape == (4, 2, 2)


def test_long_comments_are_not_searched(tmp_path):
    (tmp_path / "slow.s2p").write_text(("!" * 300_000 + "\n") * 20 + "! Port[300000000] = x\n" + TEXT)
    assert len(read_touchstone(tmp_path / "slow.s2p").frequency_hz) == 4


def hfss(impedances):
    rows = "".join(
        f"! Gamma 0 {mhz} 0 {mhz}\n! Port Impedance{impedance}\n{mhz} 0.1 0 0.9 0 0.9 0 0.1 0\n"
        for mhz, impedance in zip((1, 2, 3, 4), impedances, strict=True)
    )
    return "! exported\n# MHz S RI R 50\n" + rows


def test_port_impedances_of_hfss(tmp_path):
    path = tmp_path / "hfss.s2p"
    path.write_text(hfss(["60 0 70 0"] * 4))
    assert read_touchstone(path).reference_ohm == (60, 70)
    # Continued in a comment of numbers.
    path.write_text(hfss([" 60 0\n! 70 0"] * 4))
    assert read_touchstone(path).reference_ohm == (60, 70)
    path.write_text(hfss(["60 0 70 0", "", "", ""]))
    two_port = read_touchstone(path)
    assert (two_port.reference_ohm, len(two_port.notes)) == ((50, 50), 1)
    path.write_text(hfss(["0 0 70 0"] * 4))
    with pytest.raises(UserError, match="no positive resistance"):
        read_touchstone(path)


@pytest.mark.parametrize("waves", ["power", "pseudo", "traveling", ""])
def test_port_impedances_that_change_are_brought_to_50_ohm(waves, tmp_path):
    skrf = pytest.importorskip("skrf")
    path = tmp_path / "hfss.s2p"
    text = hfss(["60 1 70 0", "61 1 70 0", "62 1 70 2", "63 1 70 3"])
    path.write_text((f"! S-parameter uses the {waves} definition\n" if waves else "") + text)
    two_port = read_touchstone(path)
    assert two_port.notes == (COMPLEX_REFERENCE,)
    assert two_port.reference_ohm == (50, 50)
    theirs = skrf.Network(str(path))
    theirs.renormalize(50)
    # Its inverses have an epsilon in them.
    np.testing.assert_allclose(two_port.s, theirs.s, atol=1e-6)


def test_port_impedances_of_driven_terminals_are_a_diagonal(tmp_path):
    path = tmp_path / "hfss.s2p"
    path.write_text(hfss(["60 0 1 2 3 4 70 0"] * 4))
    assert read_touchstone(path).reference_ohm == (60, 70)


def test_files_of_scikit_rf_are_read_as_it_reads_them_itself():
    skrf = pytest.importorskip("skrf")
    paths = sorted(Path(skrf.__file__).parent.rglob("*.s2p"))
    for path in paths:
        ours, theirs = read_touchstone(path), skrf.Network(str(path))
        np.testing.assert_allclose(ours.frequency_hz, theirs.f, rtol=1e-12, err_msg=path.name)
        if (theirs.z0 != theirs.z0[0]).any() or theirs.z0.imag.any():
            theirs.renormalize(50)
        np.testing.assert_allclose(ours.s, theirs.s, atol=1e-9, err_msg=path.name)
        np.testing.assert_allclose(np.broadcast_to(ours.reference_ohm, theirs.z0.shape), theirs.z0, err_msg=path.name)
    assert paths


CELLS = (0.3, -0.2, 0.5, 0.4, 0.5, 0.4, -0.1, 0.6)


@pytest.mark.parametrize("unit", ["Hz", "kHz", "MHz", "GHz"])
@pytest.mark.parametrize("form", ["RI", "MA", "DB"])
def test_units_and_formats_as_scikit_rf_reads_them(unit, form, tmp_path):
    skrf = pytest.importorskip("skrf")
    path = tmp_path / "t.s2p"
    rows = "".join(f"{at} {' '.join(str(abs(cell) + at / 10) for cell in CELLS)}\n" for at in (1, 2, 3, 4))
    path.write_text(f"# {unit} S {form} R 75\n{rows}")
    ours, theirs = read_touchstone(path), skrf.Network(str(path))
    np.testing.assert_allclose(ours.frequency_hz, theirs.f)
    np.testing.assert_allclose(ours.s, theirs.s, atol=1e-9)
    assert ours.reference_ohm == (75, 75)


@pytest.mark.parametrize(
    ("parameter", "size"),
    [
        ("Z", [[75, 75], [75, 75]]),
        ("Y", [[1 / 75, 1 / 75], [1 / 75, 1 / 75]]),
        ("H", [[75, 1], [1, 1 / 75]]),
        ("G", [[1 / 75, 1], [1, 75]]),
    ],
)
def test_other_parameters_of_both_versions(parameter, size, tmp_path):
    skrf = pytest.importorskip("skrf")
    path = tmp_path / "t.s2p"
    # Version 1 writes them over the reference or times it, version 2 in ohms and siemens.
    normalised = np.array([[0.3 - 0.2j, 0.5 + 0.4j], [0.7 - 0.1j, 0.9 + 0.6j]])
    of_version = {1: normalised, 2: normalised * np.array(size)}
    wanted = getattr(skrf.network, f"{parameter.lower()}2s")(of_version[2][None], 75)
    for version, numbers in of_version.items():
        row = "1 " + " ".join(f"{number.real} {number.imag}" for number in numbers.T.ravel())
        head = "[Version] 2.0\n[Two-Port Data Order] 21_12\n" if version == 2 else ""
        path.write_text(f"{head}# MHz {parameter} RI R 75\n{row}\n")
        np.testing.assert_allclose(read_touchstone(path).s, wanted, atol=1e-12)


@pytest.mark.parametrize(
    "option",
    [
        "# R 50 S MA GHZ",
        "# ghz s ma r 50",
        "#",
        "#GHz",
        "# R 50",
        "# MA S GHZ",
        "# S GHz R 50 50",
        "#\tGHz\tS\tMA\tR\t50.0",
    ],
)
def test_what_an_option_line_leaves_out_is_touchstones_default(option, tmp_path):
    (tmp_path / "t.s2p").write_text(f"! first\n{option} ! after\n1 0.1 0 0.9 90 0.9 90 0.1 0 ! a row\n# Hz\n")
    two_port = read_touchstone(tmp_path / "t.s2p")
    assert (two_port.frequency_hz.tolist(), two_port.reference_ohm, two_port.notes) == ([1e9], (50, 50), ())
    np.testing.assert_allclose(two_port.s[0], [[0.1, 0.9j], [0.9j, 0.1]], atol=1e-15)


@pytest.mark.parametrize("option", ["# R 50 75 RI S MHZ", "# S R 50 75 RI MHZ", "# MHZ S RI R 50 75"])
def test_an_option_line_in_any_order(option, tmp_path):
    (tmp_path / "t.s2p").write_text(f"{option}\n1 .1 .2 .5 -.6 .5 -.6 .3 .4\n")
    two_port = read_touchstone(tmp_path / "t.s2p")
    assert (two_port.frequency_hz.tolist(), two_port.reference_ohm) == ([1e6], (50, 75))
    np.testing.assert_allclose(two_port.s[0], SYMMETRIC, atol=1e-15)


def test_magnitudes_below_0_are_told(tmp_path, capsys):
    (tmp_path / "t.s2p").write_text("# MHz S MA R 50\n" + "".join(f"{at} 0 0 .9 0 .9 0 -.1 0\n" for at in (1, 2, 3, 4)))
    read_target(tmp_path / "t.s2p")
    assert "line 2: a magnitude below 0; are the numbers what the option line says, MA?" in capsys.readouterr().err


def test_without_an_option_line_numbers_are_told_or_refused(tmp_path, capsys):
    path = tmp_path / "t.s2p"
    path.write_text("".join(f"{at} 0.1 10 0.9 -90 0.9 -90 0.1 20\n" for at in (1, 2, 3, 4)))
    target = read_target(path)
    assert capsys.readouterr().err == (
        f"note: {path}: the option line is missing; read as Touchstone's default, # GHz S MA R 50\n"
    )
    np.testing.assert_allclose(target.s[:, 1, 0], -0.9j, atol=1e-15)
    assert target.frequency_hz[0] == 1e9
    for row in ("-20 0 -0.1 0 -0.1 0 -20 0", "0.1 0 3.1 0 3.1 0 0.1 0"):
        path.write_text(f"! measured\n1 0 0 1 0 1 0 0 0\n2 {row}\n")
        with pytest.raises(
            UserError, match=r"line 3: .* is no magnitude of S, and the option line is missing"
        ) as caught:
            read_target(path)
        assert "\n" not in str(caught.value)
    case = CASES / "b5_noopt.s2p"
    with pytest.raises(UserError, match=r"line 2: -200\.004 is no magnitude of S, and the option line is missing"):
        read_target(case)


def version_2(matrix, rows, order="21_12", reference="[Reference] 50 75", tail="[End]\n"):
    return (
        f"! a comment\n[Version] 2.0\n# MHz S RI R 50\n[Number of Ports] 2\n[Two-Port Data Order] {order}\n"
        f"[Number of Frequencies] {len(rows)}\n{reference}\n[Matrix Format] {matrix}\n"
        f"[Begin Information]\n[Manufacturer] ours\nfree text 1 2 3\n[End Information]\n"
        "[Network Data]\n" + "".join(f"{row}\n" for row in rows) + tail
    )


SYMMETRIC = np.array([[0.1 + 0.2j, 0.5 - 0.6j], [0.5 - 0.6j, 0.3 + 0.4j]])


@pytest.mark.parametrize(
    ("matrix", "order", "row", "s"),
    [
        ("Full", "21_12", "1 .1 .2 .5 -.6 .7 -.8 .3 .4", [[0.1 + 0.2j, 0.7 - 0.8j], [0.5 - 0.6j, 0.3 + 0.4j]]),
        ("Full", "12_21", "1 .1 .2 .5 -.6 .7 -.8 .3 .4", [[0.1 + 0.2j, 0.5 - 0.6j], [0.7 - 0.8j, 0.3 + 0.4j]]),
        ("Full", "12_21", "1 .1 .2 .5 -.6\n .7 -.8 .3 .4", [[0.1 + 0.2j, 0.5 - 0.6j], [0.7 - 0.8j, 0.3 + 0.4j]]),
        ("Lower", "21_12", "1 .1 .2 .5 -.6 .3 .4", SYMMETRIC),
        ("Lower", "12_21", "1 .1 .2\n.5 -.6 .3 .4", SYMMETRIC),
        ("Upper", "21_12", "1 .1 .2 .5 -.6 .3 .4", SYMMETRIC),
        ("UPPER", "21_12", "1 .1 .2 .5 -.6\n .3 .4", SYMMETRIC),
    ],
)
def test_matrices_of_version_2(matrix, order, row, s, tmp_path):
    (tmp_path / "t.s2p").write_text(version_2(matrix, [row], order))
    two_port = read_touchstone(tmp_path / "t.s2p")
    np.testing.assert_allclose(two_port.s, [s])
    assert (two_port.reference_ohm, two_port.frequency_hz.tolist(), two_port.notes) == ((50, 75), [1e6], ())


ROW = "1 .1 .2 .4 -.5 .4 -.5 .3 .4"


@pytest.mark.parametrize("reference", ["[Reference]\n50 75", "[Reference] 50\n75", "[reference]\n50\n75 ! ohms"])
def test_references_in_several_lines(reference, tmp_path):
    (tmp_path / "t.s2p").write_text(version_2("Full", [ROW], reference=reference))
    assert read_touchstone(tmp_path / "t.s2p").reference_ohm == (50, 75)


def test_noise_data_are_no_rows_of_the_two_port(tmp_path, capsys):
    tail = "[Noise Data]\n4 2 .3 .4 .5\n8 2 .3 .4 .5\n[End]\n"
    rows = [ROW.replace("1 ", f"{at} ", 1) for at in (1, 2, 3, 4)]
    path = tmp_path / "t.s2p"
    for text in (
        version_2("Full", rows, tail=tail),
        "# MHz S RI\n" + "\n".join(rows) + "\n4 2 .3 .4 .5\n8 2 .3 .4 .5\n",
    ):
        path.write_text(text)
        assert read_target(path).frequency_hz.tolist() == [1e6, 2e6, 3e6, 4e6]
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# MHz S RI R 50\n1 0 0 1 0 1 0 0 0\n2 0 0 1 0 1 0 0\n", "line 3: 8 numbers; a row of a two-port has 9"),
        ("# MHz S RI R 50\n1 0 0 1 0 1 0 0 0 5\n", "line 2: 10 numbers; a row of a two-port has 9"),
        ("# MHz S RI R 50\n1 0 0\n2 0 0\n", "a one-port, with 3 numbers in a row; accepted: a two-port, with 9"),
        ("# MHz S RI R 50\n1 0 0 1 0 1 0 0 0\n2 2 .3 .4 .5\n", "line 3: 5 numbers"),
        ("# MHz S RI R 50\n1 0 0 1 0 1 0 0 x\n", "line 2: '1 0 0 1 0 1 0 0 x' are no numbers"),
        ("# MHz S RI R 50\n1 0 0 1 0 1 0 0 1_0\n", "line 2: '1 0 0 1 0 1 0 0 1_0' are no numbers"),
        (f"# MHz S RI R\n{ROW}\n", "line 1: the reference ''; accepted: a resistance in ohms, or one for each port"),
        (f"# MHz S RI R -50\n{ROW}\n", "line 1: the reference '-50'"),
        (f"# MHz S RI R 1 2 3\n{ROW}\n", "line 1: the reference '1 2 3'"),
        (f"# MHz GHz S RI R 50\n{ROW}\n", "line 1: 'GHZ' in the option line, another of its kind; accepted: such as"),
        (f"# MHz S RI R 50 R 75\n{ROW}\n", "line 1: the reference '50 R 75'|'50 R 75' are no numbers"),
        (f"# MHz T RI R 50\n{ROW}\n", "line 1: 'T' in the option line; accepted: such as # GHz S MA R 50"),
        (version_2("Full", [ROW], order="up"), "line 5: the data order 'up'; accepted: 12_21, 21_12"),
        (version_2("Half", [ROW]), "line 8: the matrix format 'half'; accepted: Full, Lower, Upper"),
        (version_2("Lower", [ROW]), "line 14: 9 numbers; a row of a two-port has 7 here"),
        (version_2("Full", [ROW], reference="[Reference] 50 75 100"), "Reference. 50 75 100; accepted: a resistance"),
        (version_2("Full", [ROW], reference="[Reference] 0 75"), "Reference. 0 75; accepted: a resistance"),
        (version_2("Full", [ROW], reference="[Mixed-Mode Order] D1,2 C1,2"), "line 7: mixed-mode parameters; accepted"),
        (version_2("Full", []), "not a Touchstone file .it has no rows of numbers"),
    ],
)
def test_what_is_no_two_port_is_one_line(content, message, tmp_path):
    (tmp_path / "t.s2p").write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        read_touchstone(tmp_path / "t.s2p")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "t.s2p"))


def test_a_one_port_with_the_name_of_a_two_port():
    with pytest.raises(UserError, match=r"oneport_named\.s2p: a one-port, with 3 numbers in a row"):
        read_target(CASES / "oneport_named.s2p")


def test_rows_that_are_missing_are_told(tmp_path):
    (tmp_path / "t.s2p").write_text(version_2("Full", [ROW]).replace("Frequencies] 1", "Frequencies] 61"))
    assert read_touchstone(tmp_path / "t.s2p").notes == ("61 frequencies are announced, and 1 are there",)


def test_unknown_keywords_are_told(tmp_path):
    (tmp_path / "t.s2p").write_text(version_2("Full", [ROW], reference="[Temperature] 20"))
    two_port = read_touchstone(tmp_path / "t.s2p")
    assert two_port.notes == ("line 7: [temperature] is passed over",)
    assert two_port.reference_ohm == (50, 50)


LINES = st.one_of(
    st.sampled_from(["# MHz S RI R 50", "# DB", "[Version] 2.0", "[Network Data]", "[Noise Data]"]),
    st.sampled_from(["! Port Impedance 50 0 50 0", "[Reference] 50 75", "[Matrix Format] Lower", ROW]),
    st.sampled_from(["[Begin Information]", "[End Information]", "[End]"]),
    st.lists(st.floats(-9, 9), min_size=1, max_size=10).map(lambda row: " ".join(map(repr, row))),
    st.text(alphabet="#![]R .0123-+e_\t", max_size=20),
)


@given(st.lists(LINES, max_size=12))
def test_any_text_is_a_two_port_or_one_line(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("text") / "t.s2p"
    path.write_text("\n".join(lines))
    refusal = ""
    try:
        two_port = read_touchstone(path)
    except UserError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith(str(path))
        assert "\n" not in refusal
    else:
        assert two_port.s.shape == (len(two_port.frequency_hz), 2, 2)


@given(
    st.lists(st.complex_numbers(max_magnitude=1, allow_nan=False), min_size=3, max_size=3),
    st.sampled_from(["Lower", "Upper"]),
    st.lists(st.floats(1, 1e3), min_size=2, max_size=2),
)
def test_one_half_of_a_symmetric_matrix_is_enough(tmp_path_factory, entries, matrix, ohms):
    s11, s21, s22 = entries
    row = "1 " + " ".join(f"{entry.real!r} {entry.imag!r}" for entry in entries)
    path = tmp_path_factory.mktemp("half") / "t.s2p"
    path.write_text(version_2(matrix, [row], reference=f"[Reference] {ohms[0]!r} {ohms[1]!r}"))
    two_port = read_touchstone(path)
    np.testing.assert_array_equal(two_port.s, [[[s11, s21], [s21, s22]]])
    assert two_port.reference_ohm == tuple(ohms)
