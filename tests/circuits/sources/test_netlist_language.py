"""Subcircuits, parameters, included files and parasitics; and hostile ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.circuits.core.parts import texts
from hypernet.circuits.sources.netlist import read_netlist, write_netlist
from hypernet.circuits.sources.spice.expressions import ExpressionError, evaluate, number
from hypernet.lab.errors import UserError

HEAD, TAIL = "t\nV1 s 0 AC 1\nRS s a 1\n", "RL b 0 1\n"


def tokens(text):
    ladder = read_netlist(text, omega0=1.0)
    return texts(ladder.types[None], ladder.values[None])[0]


def between(lines):
    """The ladder of parts between nodes a and b, in ohms, henries and farads."""
    return tokens(HEAD + lines + "\n" + TAIL)


def nothing(name):
    raise ExpressionError(name)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (".param c=2 l = {c*3}\nL1 a b {l}\nC1 b 0 'c/4'", "PC:0.5|SL:6.0"),
        ("L1 a b {l}\n.param l={m**2} m='k+1' k=2", "SL:9.0"),
        (".subckt f p q\nL1 p q 2\nC1 q 0 3\n.ends\nX1 a b f", "PC:3.0|SL:2.0"),
        (".subckt f p q params: l=2 c=l\nL1 p q {l}\nC1 q 0 {c}\n.ends f\nX1 a b f l={3+1}", "PC:4.0|SL:4.0"),
        (".param l=7\n.subckt f p q\n.param n={l*2}\nL1 p q {n}\n.ends\nX1 a b f", "SL:14.0"),
        (".param l=7\n.subckt f p q l=1\nL1 p q {l}\n.ends\nX1 a b f l={l}", "SL:7.0"),
        (".subckt f p q\n.subckt g p q\nL1 p q 2\n.ends\nX1 p m g\nX2 m q g\n.ends\nX1 a b f", "SL:2.0|SL:2.0"),
        ("X1 a m f\nX2 m b f\n.subckt f p q\nC1 p x 2\nL1 x q 3\n.ends", "SL:3.0|SC:2.0|SL:3.0|SC:2.0"),
        (".global vss\nV2 vss 0 0\n.subckt f p\nC1 p vss 2\n.ends\nX1 a f\nL1 a b 1", "SL:1.0|PC:2.0"),
        ("L1 a b 1 Rser=2", "SR:2.0|SL:1.0"),
        ("L1 a b 1 Rser=2 Cpar=3", "SL:1.0+SR:2.0&SC:3.0"),
        ("L1 a b 4 Rser=8 Cpar=3 m=2", "SL:2.0+SR:4.0&SC:6.0"),
        ("L1 a b 1 Rpar=2 Cpar=3", "SL:1.0&SR:2.0&SC:3.0"),
        ("L1 a b 1\nC1 b 0 1 Rser=2 Lser=3", "PC:1.0&PR:2.0&PL:3.0|SL:1.0"),
        ("L1 a b 1\nC1 b 0 1 Rpar=4 Rser={0}", "PR:4.0|PC:1.0|SL:1.0"),
        ("L1 a b 1\nL2 a b 1\nC1 a b 3\nC2 b a 1", "SL:0.5&SC:4.0"),
        ("L1 a b 1\nR1 b x 1\nR2 x y 2\nC1 y 0 1\nR3 y x 2", "PR:2.0&PC:1.0|SL:1.0"),
        ("L1 a b 1\nL2 b x 1\nC1 x 0 1\nR1 x 0 2", "PL:1.0&PC:1.0+PR:2.0|SL:1.0"),
        ("C1 a x 1\nL1 x b 2\nC2 a b 3", "SC:1.0+SL:2.0&SC:3.0"),
        ("L1 (a b) 2\nC1 (b, 0) 3", "PC:3.0|SL:2.0"),
        ("L1 a net(1) 2\nC1 net(1) b 3", "SC:3.0|SL:2.0"),
        (".params l = 2 , c = {l+1}\nL1 a b {l}\nC1 b 0 {c}", "PC:3.0|SL:2.0"),
        ('.INCLUDE "/usr/share/qucs-s/xspice_cmlib/include/ngspice_mathfunc.inc"\nL1 a b 2', "SL:2.0"),
        (".subckt unused p\nC1 p\nV1 p\n.ends\nL1 a b 2", "SL:2.0"),
        ("L1 a b 2\nC1 b 0 3F", "PC:3e-15|SL:2.0"),
    ],
)
def test_what_a_netlist_means(lines, expected):
    assert between(lines) == expected


def test_included_files(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "Low Pass.lib").write_text(".include inner.inc\n.subckt f p q\nL1 p q {l}\n.ends\n.end\nQ1")
    (tmp_path / "parts" / "inner.inc").write_text("* parameters\n.param l=2\n")
    (tmp_path / "corners.lib").write_text(".lib tt\n.param c=3\n.endl\n.lib ff\n.param c=4\n.endl\n")
    path = tmp_path / "filter.cir"
    path.write_text(HEAD + '.include "parts\\Low Pass.lib" ; ours\n.lib corners.lib ff\nX1 a b f\nC1 b 0 {c}\n' + TAIL)
    ladder = read_netlist(path, omega0=1.0)
    assert texts(ladder.types[None], ladder.values[None]) == ["PC:4.0|SL:2.0"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (".include /etc/passwd", r"line 4: includes /etc/passwd; accepted: a file in the netlist's folder or below it"),
        (".include ../other.cir", r"line 4: includes \.\./other\.cir; accepted: a file in the netlist's folder"),
        (".lib link.lib", r"line 4: includes link\.lib; accepted: a file in the netlist's folder"),
        (".include C:\\users\\x.lib", r"line 4: includes C:/users/x\.lib: no such file"),
        (".include filter.cir", r"line \d: includes more than 8 files deep; does filter\.cir include itself\?"),
        (".include", r"line 4: \.INCLUDE needs the name of a file"),
        (".include big.lib", r"big\.lib: more than [\d,]+ bytes"),
        (".include binary.lib", r"binary\.lib: not a netlist"),
        (".lib corners.lib sf", r"line 4: corners\.lib has no section sf"),
        (".include fault.lib", r"fault\.lib, line 2: Q1 \(a transistor\)"),
    ],
)
def test_files_that_are_not_included(line, message, tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    (tmp_path / "other.cir").write_text("C1 b 0 1\n")
    (folder / "link.lib").symlink_to(tmp_path / "other.cir")
    (folder / "big.lib").write_text("* remark\n" * 200_000)
    (folder / "binary.lib").write_bytes(bytes(range(256)))
    (folder / "corners.lib").write_text(".lib tt\n.endl\n")
    (folder / "fault.lib").write_text("* first line\nQ1 a b c m\n")
    path = folder / "filter.cir"
    path.write_text(HEAD + f"{line}\nL1 a b 1\n" + TAIL)
    with pytest.raises(UserError, match=message) as caught:
        read_netlist(path)
    assert "\n" not in str(caught.value)


def test_a_text_has_no_folder():
    with pytest.raises(UserError, match=r"line 4: includes x\.lib; a text has no folder"):
        between(".include x.lib\nL1 a b 1")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("X1 a b f", r"line 4: the subcircuit F is not in the file"),
        (".subckt f p q r\n.ends\nX1 a b f", r"line 6: F has 3 nodes, and 2 are given"),
        (".subckt f p q\nL1 a b 1", r"line 4: the subcircuit F has no \.ENDS"),
        (".subckt f p q\n" * 30 + ".ends\n" * 30, r"line 24: more than 20 \.SUBCKT inside one another"),
        (".ends", r"line 4: \.ENDS, and no \.SUBCKT"),
        (".subckt f p q\n.ends\n.subckt f p q\n.ends", r"line 6: there is another subcircuit F"),
        (".subckt f p q\n.param l=1\nL1 p q {l}\n.ends\nX1 a b f l=2", r"line 8: L is given, and set by a \.PARAM"),
        (".subckt f p q\nX1 p q f\n.ends\nX1 a b f", r"line 5: more than 20 nested subcircuits; does F hold itself"),
        (".param x\nL1 a b 1", r"line 4: \.PARAM is not understood"),
        (".param f(x)={x}\nL1 a b 1", r"line 4: \.PARAM of a function"),
        (".param x={y} y={x}\nL1 a b {x}", r"line 5: L1: the parameter '[xy]' depends on itself"),
        (".param x={1/0}\nL1 a b {x}", r"line 5: L1: the expression '1/0' has no value"),
        ("L1 a b {9**(9**9)}", r"line 4: L1: the expression '9\*\*\(9\*\*9\)' has no value, or one out of range"),
        ("L1 a b {2**3**2}", r"line 4: L1: the expression '2\*\*3\*\*2' has a power of a power; put one in parenth"),
        ("C1 b 0 1e-9F", r"line 4: C1: the value '1e-9f' has f for femto to SPICE; write it without its unit"),
        ("C1 b 0 10aF", r"line 4: C1: the value '10af' is atto to some programs and a unit to others"),
        ("L1 a b {exp(1e9)}", r"line 4: L1: the expression .* has no value"),
        ("L1 a b {" + "(" * 200 + "1" + ")" * 200 + "}", r"line 4: L1: an expression with more than 30 parentheses"),
        ("L1 a b {" + "1+" * 260 + "1}", r"line 4: L1: an expression of more than 500 characters"),
        ("L1 a b {__import__('os').system('x')}", r"line 4: .*is not"),
        ("L1 a b {x.y}", r"line 4: L1: the parameter 'x\.y' is not defined"),
        ("L1 a b {v(a)}", r"line 4: L1: the function 'v' is not understood"),
        ("L1 a b {sqrt(1,2)}", r"line 4: L1: the function 'sqrt' takes 1 number"),
        ("L1 a b {sqrt(-1)}", r"line 4: L1: the expression"),
        ("L1 a b {-1}", r"line 4: L1: the value '{-1}' is not a positive number"),
        ("R1 a b 1 tc1=0.01\n.temp 85", r"line 4: R1: 'tc1=0\.01' changes the value"),
        ("L1 a b 1 Rser=-1", r"line 4: L1: the value '-1' is not a positive number"),
    ],
)
def test_what_it_cannot_mean(lines, message):
    with pytest.raises(UserError, match=message) as caught:
        between(lines)
    assert "\n" not in str(caught.value)


def test_subcircuits_that_double():
    levels = "".join(f".subckt s{k} p q\nX1 p m s{k + 1}\nX2 m q s{k + 1}\n.ends\n" for k in range(18))
    with pytest.raises(UserError, match="more than 1,000 subcircuits"):
        between(levels + ".subckt s18 p q\n.ends\nX1 a b s0")


def test_a_chain_of_parameters():
    chain = " ".join(f"p{k}={{p{k + 1}}}" for k in range(500))
    with pytest.raises(UserError, match="depends on itself, or on more than 40 others"):
        between(f".param {chain} p500=1\nL1 a b {{p0}}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t\nR1 a b " + "1" * 900_000 + "!\n", "line 2: a statement of more than 20,000 characters"),
        ("t\nV1 a 0 " + "0" * 10_000 + "x\n", "line 2: a word of more than 600 characters"),
        ("t\nR1 a b {" + "(" * 5_000 + "\n", "line 2: a (word of|brace)"),
        ("t\n" + "".join(f"V{k} n{k} n{k + 1} 0\n" for k in range(1001)), "line 1002: more than 1,000 elements"),
        ("t\nR1 a b 1k\n" + "+\n" * 400_000, "line 2: a statement of more than|no source"),
        ("t\n" + "* remark\n" * 200_000, "more than 1,000,000 bytes"),
        ("\x1b[31mred\nR1 a b 1\n", "not a netlist .it holds binary data"),
        ("t\nR1 a b {`touch x`}\n", "line 2: R1: the expression '`touch x`' is not understood"),
    ],
    ids=["digits", "zeros", "braces", "wires", "continuations", "size", "terminal", "shell"],
)
def test_what_would_eat_the_machine_is_refused(text, message, tmp_path):
    path = tmp_path / "hostile.cir"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_netlist(path)
    assert "\n" not in str(caught.value)


def test_a_long_network_that_is_no_ladder():
    """Five hundred sections hang beside the ladder: an arm far too deep, and no recursion."""
    sections = "".join(f"R{k} n{k} n{k + 1} 1\nC{k} n{k + 1} 0 1\n" for k in range(490))
    with pytest.raises(UserError, match="joined in series and parallel too deeply"):
        read_netlist(f"t\nV1 n0 0 AC 1\n{sections}L1 n0 z 1\nRL z 0 50\n")


def test_nothing_of_a_strangers_text_is_kept_but_a_printable_title():
    commands = ".control\nshell touch owned\n.endc\n"
    ladder = read_netlist("* my\u009b31m\tfilter\x85" + "x" * 999 + HEAD[1:] + commands + "L1 a b 1\n" + TAIL)
    assert ladder.title.startswith("my31m filter x")
    assert len(ladder.title) == 200
    written = write_netlist(ladder.types, ladder.values, "answer\n.control\nshell touch owned")
    assert [line for line in written.split("\n") if "control" in line] == [written.split("\n")[0]]
    assert written.startswith("* answer .control shell touch owned (source")


integers = st.integers(-9, 9)
expressions = st.recursive(
    integers.map(lambda value: f"({value})"),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda parts: f"({''.join(parts)})"),
    max_leaves=8,
)


@given(expressions)
def test_expressions_are_arithmetic(text):
    assert evaluate(text, nothing) == eval(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2**(3**2)", 512),
        ("(2**3)**2", 64),
        ("2**-1", 0.5),
        ("2^3", 8),
        ("-2**2", -4),
        ("2*-3", -6),
        ("10k/2", 5000),
        ("1u*4k7", 4.7e-3),
        ("sqrt(2)*sqrt(2)", 2),
        ("2*pi*1k", 2000 * math.pi),
        ("pow(2,10)+min(3,4)-max(1,2)", 1025),
        ("ln(exp(3))+log10(1000)", 6),
        ("abs(-3)+cos(0)", 4),
        ("1e-3+2.5e+1", 25.001),
    ],
)
def test_expressions(text, expected):
    assert float(evaluate(text, nothing)) == pytest.approx(expected, rel=1e-14)


@given(st.text(alphabet="0123456789.eE+-kmunpgrlx()*/^ ,", max_size=60))
def test_any_expression_has_a_value_or_is_refused(text):
    for function in (number, lambda text: evaluate(text, nothing)):
        try:
            value = function(text)
        except ExpressionError:
            continue
        assert value is None or np.isfinite(float(value))
