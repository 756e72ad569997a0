"""Source and load are recognised by what hangs where; nothing is added that the file does not hold."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import parse, texts
from hypernet.circuits.sources.netlist import read_netlist, write_netlist
from hypernet.lab.errors import UserError

DRIVEN = "t\nV1 in 0 AC 1\nR1 in a 50\n"
BARE = "bare\nR1 1 2 1k\nC1 2 0 1n\nR2 2 3 2.2k\nR3 3 0 4.7k\n"


def tokens(ladder):
    return texts(ladder.types[None], ladder.values[None])[0]


def ports(ladder):
    return ladder.input_node, ladder.source_ohm, ladder.output_node, ladder.load_ohm


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A resistor beside others is a shunt; the one at the far end is the load, whatever it is called.
        (DRIVEN + "R2 a 0 1k\nR3 a b 20\nR4 b 0 75\n", ("a", 50.0, "b", 75.0)),
        (DRIVEN + "R4 b 0 75\nR2 a 0 1k\nR3 a b 20\n", ("a", 50.0, "b", 75.0)),
        # Two at the far end: the name, then the last.
        (DRIVEN + "L1 a b 1u\nR2 b 0 75\nR3 b 0 1k\n", ("a", 50.0, "b", 1000.0)),
        (DRIVEN + "L1 a b 1u\nRload1 b 0 75\nR3 b 0 1k\n", ("a", 50.0, "b", 75.0)),
        # The name comes before the place: behind RL there is a trap.
        (DRIVEN + "RL a 0 75\nL1 a b 1u\nC1 b 0 1n\n", ("a", 50.0, "a", 75.0)),
        # What is looked at comes before the place, too.
        (DRIVEN + "R2 a 0 75\nL1 a b 1u\nC1 b 0 1n\n.print ac v(b)\n", ("a", 50.0, "b", math.inf)),
        (DRIVEN + "R2 a 0 75\nL1 a out 1u\nC1 out 0 1n\n", ("a", 50.0, "out", math.inf)),
        (DRIVEN + "R2 a 0 75\nL1 a b 1u\nC1 b 0 1n\n", ("a", 50.0, "a", 75.0)),
        (DRIVEN + "L1 a b 1u\nC1 b 0 1n\n", ("a", 50.0, "b", math.inf)),
        (DRIVEN + "L1 a b 1u\nC1 b 0 1n\nL2 b c 1u\nC2 c 0 1n\n.plot ac vdb(b) vdb(c)\n", ("a", 50.0, "c", math.inf)),
        # A source without resistance: two parts at its node.
        ("t\nV1 a 0 AC 1\nC1 a 0 1n\nL1 a b 1u\nR1 b 0 50\n", ("a", None, "b", 50.0)),
        ("t\nV1 a 0 AC 1\nL1 a b 1u\nR1 b 0 50\n", ("a", None, "b", 50.0)),
        # A divider would have no part without its resistor.
        ("t\nV1 a 0 AC 1\nR1 a b 1k\nR2 b 0 1k\n", ("a", None, "b", 1000.0)),
        # Current sources.
        ("t\nI1 0 a AC 1m\nR1 a 0 75\nL1 a b 1u\nR2 b 0 50\n", ("a", 75.0, "b", 50.0)),
        ("t\nI1 0 a AC 1m\nRL a 0 75\nC1 a 0 1n\nRS a 0 50\n", ("a", 50.0, "a", 75.0)),
        ("t\nI1 0 a AC 1m\nR1 a 0 75\nC1 a 0 1n\n", ("a", 75.0, "a", math.inf)),
        ("t\nI1 0 a AC 1m\nL1 a b 1u\nR2 b 0 50\n", ("a", None, "b", 50.0)),
        # Supplies are short circuits to small signals.
        ("t\nV1 in 0 AC 1\nVCC x 0 5\nR1 in a 50\nC1 a x 1n\nR2 a x 75\n", ("a", 50.0, "a", 75.0)),
        # An older export: ammeter and current source.
        ("t\nRT p0 0 1k\nC1 p0 0 1n\nR2 p0 p1 1k\nVM2 s p1 0\nRS s 0 1k\nI1 0 s AC 0.001\n", ("s", 1e3, "p0", 1e3)),
    ],
)
def test_ports_by_topology(text, expected):
    assert ports(read_netlist(text)) == expected


def test_an_older_export_keeps_its_order():
    text = "t\nRT p0 0 1k\nC1 p0 0 1n\nL2 p0 0 1m\nR3 p0 p1 1k\nVM2 s p1 0\nRS s 0 1k\nI1 0 s AC 0.001\n"
    assert tokens(read_netlist(text)) == "PC:1.0|PL:1.0|SR:1.0"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (DRIVEN + "L1 a b 1u\nR2 b 0 75\nR3 b 0 1k\n", r"load: R3 \(1000 Ohm\) \(and not R2: --ports LOAD SOURCE"),
        (DRIVEN + "L1 a b 1u\nC1 b 0 1n\n.control\nplot vdb(b)\n.endc\n", "port 2, node b, which the file prints or"),
        (DRIVEN + "L1 a b 1u\nC1 b 0 1n\n", "port 2, node b, the far end, is open"),
        # R2 could be the load beside a trap with losses, or a part of a filter that ends in L2 and C2.
        (
            DRIVEN + "R2 a 0 50\nL1 a b 1u Rser=1 Cpar=1p\nC1 b 0 1n Rser=1\n",
            r"load: none; port 2, node b, the far end \(and not R2: --ports LOAD SOURCE names another node\), is open",
        ),
        (DRIVEN + "L1 a vout 1u\nC1 vout 0 1n\n", "port 2, node vout, by its name, is open"),
        (DRIVEN + "V2 x 0 5\nC1 a x 1u\nR2 a 0 50\n", "V2: has no AC, so it is a short circuit"),
        (DRIVEN + "C1 a 0 1u\n", r"V1 with R1 \(50 Ohm\); port 1 is node a \(--ports LOAD in makes R1 a part\)"),
        ("t\nV1 a 0 AC 1\nL1 a b 1u\nR1 b 0 50\n", "source: V1 without resistance; port 1 is node a"),
    ],
)
def test_what_was_taken_is_told(text, part):
    assert any(re.search(part, note) for note in read_netlist(text).notes)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (("3", "1"), "SR:2.2|PC:1.0|SR:1.0"),
        (("1", "3"), "SR:1.0|PC:1.0|SR:2.2|PR:4.7"),
    ],
)
def test_ports_that_are_named(named, expected):
    ladder = read_netlist(BARE, ports=named, r0=1e3)
    assert tokens(ladder) == expected
    assert ladder.source_ohm is None
    assert ladder.load_ohm == (4700.0 if named[0] == "3" else math.inf)


def test_a_named_node_of_a_source_makes_its_resistor_a_part():
    text = DRIVEN + "L1 a b 10u\nR2 b 0 50\n"
    inner, outer = read_netlist(text, ports=("B", "a")), read_netlist(text, ports=("b", "IN"))
    assert (tokens(inner), inner.source_ohm) == ("SL:0.2", 50.0)
    assert (tokens(outer), outer.source_ohm) == ("SL:0.2|SR:1.0", None)
    with pytest.raises(UserError, match=r"line 2: V1: drives node a, and port 1 is named at b"):
        read_netlist(text, ports=("a", "b"))


def test_a_netlist_of_our_own_with_its_ports_named():
    text = write_netlist(*parse("SR:1.0|PC:1.0|SL:1.0"), "own")
    assert tokens(read_netlist(text, ports=("out", "in"))) == tokens(read_netlist(text)) == "SR:1.0|PC:1.0|SL:1.0"


def test_other_resistances_than_the_files():
    text = DRIVEN + "L1 a b 10u\nR2 b 0 50\n"
    ladder = read_netlist(text, load=100.0, source_ohm=75.0)
    assert (ladder.source_ohm, ladder.load_ohm, ladder.r0) == (75.0, 100.0, 100.0)
    assert ladder.terminations.source == 0.75
    assert ladder.notes[-2:] == (
        "source: 75 Ohm as asked for, instead of R1",
        "load: 100 Ohm as asked for, instead of R2",
    )
    ladder = read_netlist(text, load=math.inf)
    assert (ladder.load_ohm, ladder.r0) == (math.inf, 50.0)
    for wrong in ({"load": 0.0}, {"source_ohm": math.inf}, {"load": math.nan}):
        with pytest.raises(UserError, match="is not a resistance from 1e-12 to 1e"):
            read_netlist(text, **wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".subckt gen p\nV1 s 0 AC 1\nR1 s p 50\n.ends\nX1 a gen\n", "source: X1.V1 with X1.R1 (50 Ohm)"),
        (".subckt gen p\nI1 0 p AC 1\nR1 p 0 50\n.ends\nX1 a gen\n", "source: X1.I1 across X1.R1 (50 Ohm)"),
        (
            "V1 s 0 AC 1\nR1 s a 50\n.subckt bias p\nV2 p 0 5\n.ends\nX1 x bias\nC9 a x 1n\n",
            "X1.V2: has no AC, so it is a short circuit to small signals",
        ),
        (
            "V1 s 0 AC 1\nR1 s a 50\n.subckt bias p\nI2 p 0 5m\n.ends\nX1 a bias\n",
            "X1.I2: has no AC, so it is absent to small signals",
        ),
    ],
)
def test_sources_inside_subcircuits(text, expected):
    """A V there is a V, and an I an I, though their names begin with the subcircuit's."""
    ladder = read_netlist("t\n" + text + "L1 a b 1u\nR2 b 0 75\n")
    assert ports(ladder) == ("a", 50.0, "b", 75.0)
    assert any(note.startswith(expected) for note in ladder.notes)
    assert tokens(ladder).startswith("SL:0.0133")


def test_a_voltage_between_two_nodes_is_no_ports():
    text = DRIVEN + "C1 a 0 1n\nL1 a b 1u\nC2 b 0 1n\n.print ac "
    assert ports(read_netlist(text + "v(a,b)\n"))[2:] == ("b", math.inf)
    assert ports(read_netlist(text + "v(a, 0)\n"))[2:] == ("a", math.inf)


def test_a_first_line_of_commands():
    with pytest.raises(UserError, match=r"line 1: the first line of a netlist is its title, and .*control"):
        read_netlist(".control\nac dec 10 1 1k\n.endc\n" + DRIVEN[2:] + "L1 a b 1u\nR2 b 0 75\n")


def test_a_resistance_is_no_trap():
    """RL named before a trap to ground, in closed form: S21 of a shunt admittance y between 50 Ohm is 2 / (2 + y)."""
    ladder = read_netlist(DRIVEN + "RL a 0 50\nL1 a b 1u\nC1 b 0 1n\n")
    assert tokens(ladder) == "PL:0.02&PC:0.05"
    frequency_hz = np.array([1e6, 3e6, 1e7])
    w = 2 * np.pi * frequency_hz
    y = 50 / (1j * w * 1e-6 + 1 / (1j * w * 1e-9))
    voltage, current = respond(ladder.types[None], ladder.values[None], w / 1e6, ladder.terminations.excitation)
    through = 1 / ladder.terminations.inverse_transmission(voltage[0], current[0])
    np.testing.assert_allclose(through, 2 / (2 + y), rtol=1e-12)
