"""Netlists: what is written is read back to the last bit, what people write is understood, and faults have a line."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PAD, PC, PL, PR, SC, SL, SR, canonical, parse, texts
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.names import series_values
from hypernet.circuits.sources.export import part_names
from hypernet.circuits.sources.netlist import read_netlist, write_netlist
from hypernet.lab.errors import UserError

CASES = Path(__file__).resolve().parents[1] / "cases"
FILTER = """my filter
V1 in 0 AC 1
RS in a 50
L1 a b 10uH
C1 b 0 1nF
RL b 0 50
.end
"""

catalogue = st.sampled_from(series_values("E24", 1e-3, 1e3).tolist())
any_value = st.floats(1e-12, 1e12)
letters = st.integers(0, 2)
chains = st.lists(letters, min_size=2, max_size=3, unique=True)


@st.composite
def arms(draw):
    """Types of one arm of any form that is written in one way: parts that would merge are not drawn."""
    side = draw(st.sampled_from([0, 3]))
    single = draw(st.lists(letters, min_size=1, max_size=3, unique=True))
    long = draw(st.lists(chains, max_size=2))
    branches = draw(st.permutations([*([letter] for letter in single), *long]))
    if draw(st.booleans()):
        branches = [single[:1]]
    return [
        side + letter + (12 if later else 6 if beside else 0)
        for beside, branch in enumerate(branches)
        for later, letter in enumerate(branch)
    ]


@st.composite
def ladders(draw, values):
    types = [part_type for arm in draw(st.lists(arms(), min_size=1, max_size=5)) for part_type in arm]
    return np.array(types, np.int8), np.array([draw(values) for _ in types])


def tokens(ladder):
    return texts(ladder.types[None], ladder.values[None])[0]


def transmission(ladder, frequency_hz):
    """S21, or the gain, complex ``[d]``."""
    frequency = 2 * np.pi * np.asarray(frequency_hz, dtype=np.float64) / ladder.omega0
    ends = ladder.terminations
    voltage, current = respond(ladder.types[None], ladder.values[None], frequency, ends.excitation)
    return 1 / ends.inverse_transmission(voltage[0], current[0])


def decibels(ladder, *frequency_hz):
    return 20 * np.log10(np.abs(transmission(ladder, frequency_hz)))


ends = st.builds(Terminations, st.sampled_from([None, 1.0, 0.05, 3.3]), st.sampled_from([1.0, 0.05, 22.0, math.inf]))


@settings(max_examples=200, deadline=None)
@given(ladders(catalogue | any_value), st.sampled_from([1.0, 50.0, 75.0, 1e3]), st.sampled_from([1e6, 2e9, 3e7]), ends)
def test_what_is_written_is_read_back_to_the_last_bit(ladder, r0, omega0, terminations):
    types, values = ladder
    text = write_netlist(types, values, "any", r0, omega0, terminations)
    again = read_netlist(text, omega0=omega0, r0=r0)
    assert texts(again.types[None], again.values[None]) == texts(types[None], values[None])
    assert (again.r0, again.omega0, again.title) == (r0, omega0, "any")
    assert (again.terminations.source or 0.0) == pytest.approx(terminations.source or 0.0, rel=1e-15)
    assert again.terminations.load == pytest.approx(terminations.load, rel=1e-15)


def test_a_written_netlist_is_one_of_spice():
    types, values = np.array([PC, SL, PC, SR, PAD]), np.array([1.0, 0.47, 2.2, 0.1, 1.0])
    text = write_netlist(types, values, "two\nlines", terminations=Terminations(0.2, 0.05), analysis=(10, 1e3, 1e6))
    assert text.split("\n") == [
        "* two lines",
        "* v(out) is S21",
        ".options noopac",
        "V1 src 0 AC 4.0",
        "RS src in 200.0",
        "R1 in n1 100.0",
        "C2 n1 0 2.2e-09",
        "L3 n1 out 0.00047",
        "C4 out 0 1e-09",
        "RL out 0 50.0",
        ".ac dec 10 1000.0 1000000.0",
        ".print ac vdb(out)",
        ".end",
        "",
    ]


def test_arms_of_several_parts_and_ports_without_resistance_are_written():
    types, values = parse("PL:1+PR:2&PC:3|SL:1+SR:2&SC:3&SL:4")
    text = write_netlist(types, values, "x", 1.0, 1.0, Terminations(None, math.inf))
    assert text.split("\n") == [
        "* x (source without resistance, load open)",
        "* v(out) is the voltage gain",
        ".options noopac",
        "V1 in 0 AC 1",
        "L1 in m1 1.0",
        "R2 m1 out 2.0",
        "C3 in out 3.0",
        "L4 in out 4.0",
        "L5 out m2 1.0",
        "R6 out m2 2.0",
        "C7 m2 0 3.0",
        ".end",
        "",
    ]
    assert part_names(types) == ["L5", "R6", "C7", "L1", "R2", "C3", "L4"]


def test_merged_parts_have_the_same_response():
    types, values = np.array([SR, SC, SR, SC, PL, PL, PR]), np.array([1.0, 2.2, 3.3, 2.2, 1.0, 4.7, 1.0])
    merged = read_netlist(write_netlist(types, values, "merged", merged=True))
    assert len(merged.types) == 4
    frequency = np.geomspace(0.01, 100, 9)
    for mine, theirs in zip(
        respond(merged.types[None], merged.values[None], frequency),
        respond(types[None], values[None], frequency),
        strict=True,
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_value_that_is_none_is_not_written(bad):
    with pytest.raises(UserError, match=r"mine, part 2: the value .* is not a positive number"):
        write_netlist(np.array([SR, PC]), np.array([1.0, bad]), "mine")
    with pytest.raises(UserError, match="mine: a circuit needs at least one part"):
        write_netlist(np.array([PAD]), np.array([1.0]), "mine")


def test_a_filter_of_a_person(tmp_path):
    path = tmp_path / "filter.cir"
    path.write_text(FILTER)
    ladder = read_netlist(path)
    assert (ladder.r0, ladder.source_ohm, ladder.load_ohm, ladder.title) == (50.0, 50.0, 50.0, "my filter")
    assert (ladder.input_node, ladder.output_node) == ("a", "b")
    # The load is at the capacitor: 1 nF is 0.05 of 20 nF, 10 uH is 0.2 of 50 uH.
    assert tokens(ladder) == "PC:0.05|SL:0.2"
    assert ladder.notes == (
        "source: V1 with RS (50 Ohm); port 1 is node a",
        "load: RL (50 Ohm); port 2 is node b",
    )


@pytest.mark.parametrize(
    "changed",
    [
        FILTER.replace("\n", "\r\n"),
        FILTER.upper().replace("10UH", "1e-5H"),
        FILTER.replace("C1 b 0 1nF", "C1 b 0\n* a remark\n+ 1nF ; the capacitor\n+ ic=0"),
        FILTER.replace("b 0", "b gnd").replace("1nF", "1000pF $ in picofarads"),
        FILTER.replace("10uH", "10µ").replace(".end", ".ac dec 10 1k 1meg\n.control\nrun\n.endc\n.backanno\n.end\nX"),
        FILTER.replace("V1 in 0 AC 1\nRS in a 50", "I1 0 a AC 1m\nRS a 0 50"),
        FILTER.replace("RL b", "VM b c DC 0\nRload c"),
        FILTER.replace("10uH", "L=.01m"),
        FILTER.replace("10uH", "L = {2*5u}"),
        FILTER.replace("10uH", "10 uH").replace("1nF", "1n0"),
        FILTER.replace("50", "50Ω").replace("RS", "R_source").replace("RL", "R_load"),
        FILTER.replace("RS", "R1").replace("RL", "R2"),
        FILTER.replace("V1 in 0 AC 1\nRS in a 50", "V1 a 0 AC 1 Rser=50"),
        FILTER.replace("V1 in 0 AC 1", "V1 0 in AC 2 45"),
        FILTER.replace("V1 in 0 AC 1\nRS in a 50", "V1 a 0 dc 0 ac 1 portnum 1 z0 50").replace(
            "RL b 0 50", "V2 b 0 dc 0 ac 1 portnum 2"
        ),
        FILTER.replace("V1", "V_V1").replace("RS", "R_RS").replace("RL", "R_RL").replace("AC 1", "DC 0V AC 1V"),
        FILTER.replace("V1 in 0 AC 1", "V1 in 0 SIN(0 1 1k)"),
        FILTER.replace("10uH", "10u tol=5 Irms=2 Rser=0 mfg=\"A B\" Cpar=0"),
        FILTER.replace("L1 a b 10uH", "L1 a b 20uH m=2").replace("1nF", "0.5n m=2"),
        FILTER.replace("L1 a b 10uH", "L1 a b 20uH\nL2 b a 20uH"),
        "\n".join(["t", *FILTER.split("\n")[5:0:-1], ".end"]),
    ],
)  # fmt: skip
def test_other_ways_to_write_the_same(changed):
    ladder = read_netlist(changed)
    assert tokens(ladder) == "PC:0.05|SL:0.2"
    assert (ladder.source_ohm, ladder.load_ohm) == (50.0, 50.0)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_encodings_of_windows(encoding, tmp_path):
    path = tmp_path / "filter.cir"
    path.write_bytes(FILTER.replace("10u", "10µ").encode(encoding))
    assert tokens(read_netlist(path)) == "PC:0.05|SL:0.2"


@pytest.mark.parametrize(
    ("suffix", "size"),
    [("k", 1e3), ("K", 1e3), ("meg", 1e6), ("MEG", 1e6), ("g", 1e9), ("t", 1e12), ("m", 1e-3), ("M", 1e-3),
     ("u", 1e-6), ("n", 1e-9), ("p", 1e-12), ("f", 1e-15), ("mil", 25.4e-6), ("", 1.0), ("ohm", 1.0), ("kOhm", 1e3),
     ("e2", 1e2), ("e-2k", 10.0), (" kOhm", 1e3), ("Ω", 1.0), ("e3ohm", 1e3), ("Meg Ohm", 1e6)],
)  # fmt: skip
def test_suffixes(suffix, size):
    ladder = read_netlist(f"title\nR1 a b 2.2{suffix}\n.end\n", ports=("a", "b"), r0=1.0)
    assert ladder.values.tolist() == [pytest.approx(2.2 * size, rel=1e-15)]


@pytest.mark.parametrize(
    ("value", "size"), [("4k7", 4700), ("2R2", 2.2), ("0R1", 0.1), ("1n5", 1.5e-9), ("1Meg5", 1.5e6), ("4K7ohm", 4700)]
)
def test_values_as_they_stand_on_parts(value, size):
    ladder = read_netlist(f"title\nR1 a b {value}\n.end\n", ports=("a", "b"), r0=1.0)
    assert ladder.values.tolist() == [pytest.approx(size, rel=1e-15)]


def test_order_of_lines_does_not_matter():
    types, values = parse("SR:1.0|PC:1.0|SL:1.0|PR:2.2|SC:2.2|PL:4.7")
    title, *lines, end, nothing = write_netlist(types, values, "own", terminations=Terminations(1.0, 1.0)).split("\n")
    again = read_netlist("\n".join([title, *reversed(lines), end, nothing]))
    mine, theirs = canonical(again.types[None], again.values[None]), canonical(types[None], values[None])
    np.testing.assert_array_equal(mine[0], theirs[0])
    np.testing.assert_array_equal(mine[1], theirs[1])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("01_basic_vs", "PC:0.009835|SL:0.02576|PC:0.03183|SL:0.02576|PC:0.009835"),
        ("02_numbered_load", "PC:0.009835|SL:0.02576|PC:0.03183|SL:0.02576|PC:0.009835"),
        ("06_subckt", "PC:0.009835|SL:0.02576|PC:0.009835"),
        ("07_series_parallel_tank", "PC:0.009|SL:0.024&SC:0.00235|PC:0.009"),
        ("12_param", "SL:0.02576|PC:0.009835"),
        ("21_control", "PC:0.05"),
    ],
)
def test_cases_between_50_ohm(name, text):
    ladder = read_netlist(CASES / f"{name}.cir")
    assert tokens(ladder) == text
    assert (ladder.source_ohm, ladder.load_ohm) == (50.0, 50.0)


@pytest.mark.parametrize("name", ["01_basic_vs", "02_numbered_load"])
def test_the_butterworth_filter_of_the_textbook(name):
    frequency_hz = np.array([3.2e6, 10e6, 20e6, 100e6])
    expected = -10 * np.log10(1 + (frequency_hz / 10e6) ** 10)
    # The file's values have three to four digits.
    np.testing.assert_allclose(decibels(read_netlist(CASES / f"{name}.cir"), *frequency_hz), expected, atol=0.01)


def test_a_capacitor_between_50_ohm():
    # 1 nF beside 25 Ohm.
    frequency_hz = np.array([1e3, 6.366e6, 1e9])
    expected = -10 * np.log10(1 + (2 * np.pi * frequency_hz * 25e-9) ** 2)
    np.testing.assert_allclose(decibels(read_netlist(CASES / "21_control.cir"), *frequency_hz), expected, atol=1e-9)


def test_a_tank_stops_its_resonance():
    notch = 1 / (2 * np.pi * math.sqrt(1.2e-6 * 47e-12))
    stopped, beside = decibels(read_netlist(CASES / "07_series_parallel_tank.cir"), notch, 1.05 * notch)
    assert stopped < -200 < -60 < beside < -20


@pytest.mark.parametrize("name", ["20_rc_no_load_port", "utf16"])
@pytest.mark.parametrize("ports", [None, ("out", "in")])
def test_no_load_is_an_open_port(name, ports):
    ladder = read_netlist(CASES / f"{name}.cir", ports)
    assert ladder.load_ohm == math.inf
    assert ladder.output_node == "out"
    corner = 1 / (2 * np.pi * 1e3 * 1e-6)
    frequency_hz = np.array([10.0, corner, 1e4])
    expected = -10 * np.log10(1 + (frequency_hz / corner) ** 2)
    np.testing.assert_allclose(decibels(ladder, *frequency_hz), expected, atol=1e-9)
    assert any("is open" in note and "node out" in note for note in ladder.notes)
    # Named, the source's node makes the resistor a part.
    assert tokens(ladder) == ("PC:1000.0" if ports is None else "PC:1000.0|SR:1.0")


def test_the_first_part_is_not_lost_as_a_title():
    with pytest.raises(UserError, match=r"36_.*\.cir, line 1: the first line of a netlist is its title, and this one"):
        read_netlist(CASES / "36_first_part_lost_as_title.cir")


@pytest.mark.parametrize(
    "first", ["V1 in 0 AC 1", "L1 a b 1u", "R1 a b {x}", ".param x=1", '.include "x.lib"', ".subckt f a b"]
)
def test_what_a_title_would_swallow(first):
    with pytest.raises(UserError, match=r"netlist, line 1: the first line of a netlist is its title"):
        read_netlist(first + "\nV2 in 0 AC 1\nRS in a 50\nC1 b 0 1n\nL2 a b 1u\nRL b 0 50\n")


@pytest.mark.parametrize(
    "title", ["Low pass filter 10MHz", "RC low pass", "Cauer 5th order 3", "V to I converter", "", "R L C filter",
     ".title x"],
)  # fmt: skip
def test_titles_that_are_titles(title):
    assert tokens(read_netlist(FILTER.replace("my filter", title))) == "PC:0.05|SL:0.2"


def test_parts_of_all_types():
    types, values = np.array([SR, SL, SC, PR, PL, PC]), np.arange(1.0, 7.0)
    assert read_netlist(write_netlist(types, values, "all")).types.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("10uH", "-1", r"line 4: L1: the value '-1' is not a positive number"),
        ("10uH", "0", r"line 4: L1: the value '0' is not"),
        ("10uH", "nan", r"line 4: L1: the model or name 'nan' is not understood"),
        ("10uH", "rmod 1k", r"line 4: L1: the model or name 'rmod' is not understood"),
        ("10uH", "1e999", r"line 4: L1: the value '1e999' is not"),
        ("10uH", "1,5u", r"line 4: L1: .*'1,5u'"),
        ("10uH", "4M7", r"line 4: L1: the value '4m7' is milli or mega"),
        ("10uH", "{x}", r"line 4: L1: the parameter 'x' is not defined"),
        ("10uH", "10u Rzer=1", r"line 4: L1: 'rzer=1' behind the value"),
        ("10uH", "10u temp=85", r"line 4: L1: 'temp=85' changes the value"),
        ("10uH", "", r"line 4: L1 needs two nodes and a value"),
        ("10uH", "{1", r"line 4: a brace or quotation mark that is not closed"),
        ("L1 a b", "Q1 a b c", r"line 4: Q1 \(a transistor\) is not understood; accepted"),
        ("C1 b 0 1nF", "C1 b 0 1nF\nK1 L1 L2 0.9", r"line 6: K1 \(coupled inductors\) is not understood"),
        ("C1 b 0 1nF", "E1 b 0 a 0 2", r"line 5: E1 \(a controlled source\) is not understood"),
        (".end", ".step param x 1 2 1", r"line 7: \.STEP is not understood"),
        ("C1 b 0", "L1 b 0", r"line 5: there is another L1 above"),
        ("C1 b 0 1nF", "C1 b 0 1nF\nR2 b c 1", r"line 6: R2: leads nowhere; nothing else is at node c"),
        ("C1 b 0 1nF", "C1 c 0 1nF", r"line 5: C1: leads nowhere; nothing else is at node c"),
        ("C1 b 0 1nF", "C1 c d 1nF\nC2 c d 1nF\nC3 d e 1\nC4 e c 1\nC5 c 0 1\nC6 d 0 1\nC7 e 0 1",
         r"line \d: C\d: not in the ladder from port 1 at node a to port 2 at node b"),
        ("C1 b 0 1nF", "C1 c 0 1nF\nL2 c b 1u\nC2 c a 1p\nC3 a b 1p", r"line 7: C2: a branch or loop at node a"),
        ("C1 b 0 1nF", "C1 a c 1n\nC2 c b 1n\nC3 c b 2n\nL3 c b 1u",
         r"line 6: C2: joined in series and parallel too deeply"),
        ("C1 b 0 1nF", "C1 b b 1nF", r"line 5: C1: both ends are at node b"),
        ("L1 a b", "L1 c 0", r"line 4: L1: leads nowhere"),
        ("V1 in 0 AC 1\n", "", r"netlist: no source; accepted: one V or I at port 1"),
        ("V1 in 0 AC 1", "V1 in b AC 1", r"line 2: V1: a source between two nodes"),
        ("RL b 0 50", "RL b c 50\nV2 c 0 AC 1", r"line 7: V2: another source"),
        ("V1 in 0 AC 1", "+ 1", r"line 2: a line that begins with \+"),
        ("RS in a 50\nL1 a b 10uH\nC1 b 0 1nF\nRL b", "RL in", r"netlist: a circuit needs at least one part"),
        ("my filter\n", "Version 4\nSHEET 1 880 680\n", r"a schematic of LTspice"),
        ("my filter\n", "<Qucs Schematic 0.0.19>\n", r"a schematic of Qucs; accepted: a netlist for SPICE"),
        ("my filter\n", "# Qucs 0.0.19 a.sch\nPac:P1 a gnd\n", r"a netlist of Qucs's own simulator; accepted"),
    ],
)  # fmt: skip
def test_what_is_no_ladder_has_its_line(old, new, message):
    assert old in FILTER
    with pytest.raises(UserError, match=message) as caught:
        read_netlist(FILTER.replace(old, new))
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_netlist(tmp_path / "nothing.cir")
    with pytest.raises(UserError, match="cannot be read"):
        read_netlist(tmp_path)
    (tmp_path / "empty.cir").write_text("")
    (tmp_path / "binary.cir").write_bytes(bytes(range(256)))
    for name in ("empty.cir", "binary.cir"):
        with pytest.raises(UserError, match=f"{name}: not a netlist"):
            read_netlist(tmp_path / name)
    with pytest.raises(UserError, match="a port at node x; accepted: two of a, b, in"):
        read_netlist(FILTER, ports=("x", "a"))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="rlcvixRL 01ab+-.*;km=${}'()\n\té", max_size=120))
def test_any_text_is_a_ladder_or_one_line(text):
    for ports in (None, ("a", "b")):
        try:
            ladder = read_netlist("title\n" + text, ports)
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert len(ladder.types)
            assert (ladder.values > 0).all()
