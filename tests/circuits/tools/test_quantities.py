"""Values and ladders in the words of people."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hypernet.circuits.core.parts import parse
from hypernet.circuits.sources.netlist import Ladder
from hypernet.circuits.tools.quantities import in_words, quantity


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e3, "1 k"), (999.0, "999 "), (2.2e-9, "2.2 n"), (4.7e-6, "4.7 µ"), (1e-21, "1e-06 f"), (0.0, "0 "),
        (math.inf, "inf "), (999.99, "1 k"), (999.96e-9, "1 µ"),
    ],
)  # fmt: skip
def test_quantities(value, text):
    assert quantity(value) == text


@pytest.mark.parametrize(
    ("circuit", "words"),
    [
        ("PC:0.5|SL:2.0", ["L 2 mH", "C 500 pF to ground"]),
        ("SL:1.0&SC:2.2|PR:1.0", ["R 1 kOhm to ground", "L 1 mH parallel to C 2.2 nF"]),
        ("PL:1.0&PC:2.2", ["L 1 mH in series with C 2.2 nF to ground"]),
        ("SL:1.0+SR:0.1&SC:2.2", ["(L 1 mH in series with R 100 Ohm) parallel to C 2.2 nF"]),
        ("PL:1.0+PR:10.0&PC:2.2", ["(L 1 mH parallel to R 10 kOhm) in series with C 2.2 nF to ground"]),
    ],
)
def test_a_ladder_from_the_source_to_the_load(circuit, words):
    types, values = parse(circuit)
    ladder = Ladder(types, np.asarray(values), 1e3, 1e6, "t", source_ohm=None, load_ohm=1e3)
    assert in_words(ladder) == words
