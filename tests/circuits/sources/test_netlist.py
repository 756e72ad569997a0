"""Netlists: what is written is read back to the last bit, what people write is understood, and faults have a line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PAD, PC, PL, PR, SC, SL, SR, canonical, parse, texts
from hypernet.circuits.names import series_values
from hypernet.circuits.sources.netlist import read_netlist, write_netlist
from hypernet.lab.errors import UserError

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


def ladders(values):
    part = st.tuples(st.integers(0, 5), values)
    return st.lists(part, min_size=1, max_size=12).map(
        lambda parts: (
            np.array([part_type for part_type, _ in parts], np.int8),
            np.array([value for _, value in parts]),
        )
    )


def tokens(ladder):
    return texts(ladder.types[None], ladder.values[None])[0]


@given(ladders(catalogue | any_value), st.sampled_from([1.0, 50.0, 75.0, 1e3]), st.sampled_from([1e6, 2e9, 3e7]))
def test_what_is_written_is_read_back_to_the_last_bit(ladder, r0, omega0):
    types, values = ladder
    again = read_netlist(write_netlist(types, values, "any", r0, omega0), omega0=omega0)
    assert again.types.tolist() == types.tolist()
    assert again.values.tolist() == values.tolist()
    assert (again.r0, again.omega0) == (r0, omega0)


def test_a_written_netlist_is_one_of_spice():
    types, values = np.array([SR, PC, SL, PAD]), np.array([1.0, 2.2, 0.47, 1.0])
    text = write_netlist(types, values, "two\nlines", analysis=(10, 1e3, 1e6))
    assert text.split("\n") == [
        "* two lines (port 1 terminated, port 2 driven)",
        ".options noopac",
        "RT p0 0 1000.0",
        "R1 p0 p1 1000.0",
        "C2 p1 0 2.2e-09",
        "L3 p1 p2 0.00047",
        "VM2 s p2 0",
        "RS s 0 1000.0",
        "I1 0 s AC 0.001",
        ".ac dec 10 1000.0 1000000.0",
        ".end",
        "",
    ]


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
    assert (ladder.r0, ladder.title) == (50.0, "my filter")
    # The load is at the capacitor: 1 nF is 0.05 of 20 nF, 10 uH is 0.2 of 50 uH.
    assert tokens(ladder) == "PC:0.05|SL:0.2"


@pytest.mark.parametrize(
    "changed",
    [
        FILTER.replace("\n", "\r\n"),
        FILTER.upper().replace("10UH", "1e-5H"),
        FILTER.replace("C1 b 0 1nF", "C1 b 0\n* a remark\n+ 1nF ; the capacitor\n+ ic=0"),
        FILTER.replace("b 0", "b gnd").replace("1nF", "1000pF $ in picofarads"),
        FILTER.replace("10uH", "10µ").replace(".end", ".ac dec 10 1k 1meg\n.control\nrun\n.endc\n.backanno\n.end\nX"),
        FILTER.replace("V1 in 0 AC 1\nRS in a 50", "I1 0 a AC 1m\nRS a 0 50"),
        FILTER.replace("V1 in 0 AC 1\nRS in a 50", "V1 a 0 SIN(0 1 1k)"),
        FILTER.replace("RL b", "VM b c DC 0\nRload c"),
        FILTER.replace("10uH", "L=.01m"),
    ],
)
def test_other_ways_to_write_the_same(changed):
    assert tokens(read_netlist(changed)) == "PC:0.05|SL:0.2"


def test_a_file_in_the_encoding_of_windows(tmp_path):
    path = tmp_path / "filter.cir"
    path.write_bytes(FILTER.replace("10u", "10µ").encode("latin-1"))
    assert tokens(read_netlist(path)) == "PC:0.05|SL:0.2"


@pytest.mark.parametrize(
    ("suffix", "size"),
    [("k", 1e3), ("K", 1e3), ("meg", 1e6), ("MEG", 1e6), ("g", 1e9), ("t", 1e12), ("m", 1e-3), ("M", 1e-3),
     ("u", 1e-6), ("n", 1e-9), ("p", 1e-12), ("f", 1e-15), ("mil", 25.4e-6), ("", 1.0), ("ohm", 1.0), ("kOhm", 1e3),
     ("e2", 1e2), ("e-2k", 10.0)],
)  # fmt: skip
def test_suffixes(suffix, size):
    ladder = read_netlist(f"title\nR1 a b 2.2{suffix}\n.end\n", ports=("a", "b"), r0=1.0)
    assert ladder.values.tolist() == [pytest.approx(2.2 * size, rel=1e-15)]


def test_ports_that_are_named():
    bare = "bare\nR1 1 2 1k\nC1 2 0 1n\nR2 2 3 2.2k\nRS 3 0 4.7k\n"
    assert tokens(read_netlist(bare, ports=("1", "3"))) == "SR:1.0|PC:1.0|SR:2.2|PR:4.7"
    assert tokens(read_netlist(bare, ports=("3", "1"))) == "PR:4.7|SR:2.2|PC:1.0|SR:1.0"
    assert tokens(read_netlist(bare, ports=("1", "3"), r0=100.0)) == "SR:10.0|PC:0.1|SR:22.0|PR:47.0"
    # The source's resistance in the filter is a part where port 2 lies before it.
    assert tokens(read_netlist(FILTER, ports=("B", "in"))) == "PC:0.05|SL:0.2|SR:1.0"
    assert tokens(read_netlist(FILTER, ports=("B", "a"))) == "PC:0.05|SL:0.2"


def test_a_netlist_of_our_own_with_its_ports_named():
    types, values = parse("SR:1.0|PC:1.0|SL:1.0")
    text = write_netlist(types, values, "own")
    assert tokens(read_netlist(text, ports=("p0", "p2"))) == tokens(read_netlist(text)) == "SR:1.0|PC:1.0|SL:1.0"


def test_order_of_lines_does_not_matter():
    types, values = parse("SR:1.0|PC:1.0|SL:1.0|PR:2.2|SC:2.2|PL:4.7")
    title, *lines, end, nothing = write_netlist(types, values, "own").split("\n")
    again = read_netlist("\n".join([title, *reversed(lines), end, nothing]))
    mine, theirs = canonical(again.types[None], again.values[None]), canonical(types[None], values[None])
    np.testing.assert_array_equal(mine[0], theirs[0])
    np.testing.assert_array_equal(mine[1], theirs[1])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("10uH", "-1", r"line 4: L1: the value '-1' is not a positive number"),
        ("10uH", "0", r"line 4: L1: the value '0' is not"),
        ("10uH", "nan", r"line 4: L1: the value 'nan' is not"),
        ("10uH", "1e999", r"line 4: L1: the value '1e999' is not"),
        ("10uH", "4k7", r"line 4: L1: the value '4k7' is not"),
        ("10uH", "{x}", r"line 4: L1: the value '{x}' is not"),
        ("10uH", "10u Rser=1", r"line 4: L1: 'rser=1' behind the value"),
        ("10uH", "", r"line 4: L1 needs two nodes and a value"),
        ("L1 a b", "Q1 a b c", r"line 4: Q1 is not understood; accepted"),
        (".end", ".include other.cir", r"line 7: \.INCLUDE is not understood"),
        ("C1 b 0", "L1 b 0", r"line 5: there is another L1 above"),
        ("C1 b 0 1nF", "C1 b 0 1nF\nR2 b c 1", r"line 6: R2: a branch at node b"),
        ("C1 b 0 1nF", "C1 c 0 1nF", r"line 5: C1: not in the ladder from port 1 at node b to port 2 at node a"),
        ("C1 b 0 1nF", "C1 b 0 1nF\nR2 a c 1", r"line 6: R2: leads on from port 2 at node a"),
        ("C1 b 0 1nF", "C1 b b 1nF", r"line 5: C1: both ends are at node b"),
        ("L1 a b", "L1 c 0", r"netlist: the ladder from port 1 at node b ends at node b; port 2 is at a"),
        ("RL b", "R9 b", r"netlist: no load; accepted: one resistor RT, RL or RLOAD"),
        ("RL b", "RT b 0 1\nRL b", r"netlist: 2 times a load"),
        ("V1 in 0 AC 1\n", "", r"netlist: no source; accepted: one V or I at port 2"),
        ("V1 in 0 AC 1", "V1 in b AC 1", r"line 2: V1: a source between two nodes"),
        ("V1 in 0 AC 1", "+ 1", r"line 2: a line that begins with \+"),
        ("my filter\nV1 in 0 AC 1\n", "R1 in 0 5\nV1 in 0 AC 1\n", r"line 1: the first line of a netlist is its title"),
        ("L1 a b 10uH\nC1 b 0 1nF\nRL b", "RL a", r"netlist: a circuit needs at least one part"),
    ],
)  # fmt: skip
def test_what_is_no_ladder_has_its_line(old, new, message):
    assert old in FILTER
    with pytest.raises(UserError, match=message) as caught:
        read_netlist(FILTER.replace(old, new))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t\nR1 a b " + "1" * 900_000 + "!\n", "line 2: a word of more than 100 characters"),
        ("t\nV1 a 0 " + "0" * 900_000 + "x\n", "line 2: a word of more than 100 characters"),
        ("t\n" + "".join(f"V{k} n{k} n{k + 1} 0\n" for k in range(1001)), "line 1002: more than 1,000 elements"),
        ("t\nR1 a b 1k\n" + "+\n" * 400_000, "no load"),
        ("t\n" + "* remark\n" * 200_000, "more than 1,000,000 bytes"),
        ("\x1b[31mred\nR1 a b 1\n", "not a netlist .it holds binary data"),
        ("t\nR1 a b {`touch x`}\n", "line 2: R1: 'x`}' behind the value is not understood"),
    ],
    ids=["digits", "zeros", "wires", "continuations", "size", "terminal", "shell"],
)
def test_what_would_eat_the_machine_is_refused(text, message, tmp_path):
    path = tmp_path / "hostile.cir"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_netlist(path)
    assert "\n" not in str(caught.value)


def test_nothing_of_a_strangers_text_is_kept_but_a_printable_title():
    commands = ".control\nshell touch owned\n.endc\nRL b 0"
    ladder = read_netlist(
        FILTER.replace("RL b 0", commands).replace("my filter", "* my\u009b31m\tfilter\x85" + "x" * 999)
    )
    assert ladder.title.startswith("my31m filter x")
    assert len(ladder.title) == 200
    assert tokens(ladder) == "PC:0.05|SL:0.2"
    written = write_netlist(ladder.types, ladder.values, "answer\n.control\nshell touch owned")
    assert [line for line in written.split("\n") if "control" in line] == [written.split("\n")[0]]
    assert written.startswith("* answer .control shell touch owned (port 1")


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


@settings(max_examples=200)
@given(st.text(alphabet="rlcviRL 01ab+-.*;km=$\n\té", max_size=120))
def test_any_text_is_a_ladder_or_one_line(text):
    for ports in (None, ("a", "b")):
        try:
            ladder = read_netlist("title\n" + text, ports)
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert len(ladder.types)
            assert (ladder.values > 0).all()


def test_parts_of_all_types():
    types, values = np.array([SR, SL, SC, PR, PL, PC]), np.arange(1.0, 7.0)
    assert read_netlist(write_netlist(types, values, "all")).types.tolist() == [0, 1, 2, 3, 4, 5]
