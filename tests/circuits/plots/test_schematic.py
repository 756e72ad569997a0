from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.circuits.core.parts import PAD, parse
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.plots.schematic import (
    DIFFERENT,
    differing,
    draw_schematic,
    part_labels,
    picture,
    si_text,
    write_svg,
)
from hypernet.lab.results import figures

TEXT = "{http://www.w3.org/2000/svg}text"
LADDER = "SR:2.2|PR:1.0|PL:0.22|PC:4.7|SL:1.0|SC:3.3"


def labels(path):
    """The texts of a diagram, with the lines of each joined, and their colours."""
    return [
        (" ".join(element.itertext()).strip(), element.get("fill")) for element in ElementTree.parse(path).iter(TEXT)
    ]


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (2200.0, "Ω", "2.2 kΩ"),
        (1e3, "Ω", "1 kΩ"),
        (1e-9, "F", "1 nF"),
        (4.7e-4, "H", "470 µH"),
        (999.99, "Hz", "1 kHz"),
        (999.9, "Hz", "999.9 Hz"),
        (0.1, "V", "100 mV"),
        (-3.3e6, "Ω", "-3.3 MΩ"),
        (0.0, "V", "0 V"),
        (float("nan"), "V", "nan V"),
        (2e-18, "F", "0.002 fF"),
        (1e16, "Ω", "1e+04 TΩ"),
    ],
)
def test_values_have_si_prefixes(value, unit, expected):
    assert si_text(value, unit) == expected


@given(st.floats(1e-15, 9e14))
def test_a_prefixed_value_reads_back_to_four_digits(value):
    number, unit = si_text(value, "F").split(" ")
    scale = dict(zip("fpnµm kMGT", (1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9, 1e12), strict=True))
    assert float(number) * scale[unit.removesuffix("F") or " "] == pytest.approx(value, rel=5.1e-4)
    assert 1 <= float(number) < 1000


def test_parts_are_named_from_the_source_in_ohms_henries_and_farads():
    types, values = parse(LADDER)
    expected = ["R6 2.2 kΩ", "R5 1 kΩ", "L4 220 µH", "C3 4.7 nF", "L2 1 mH", "C1 3.3 nF"]
    assert part_labels(types, values) == expected
    padded = part_labels(np.append(types, [PAD, PAD]), np.append(values, [0, 0]))
    assert padded == expected
    # 50 Ohm and 1e9 rad/s: L = 50 / 1e9 H, C = 1 / (50 * 1e9) F.
    assert part_labels(*parse("SR:1|SL:1|PC:1"), r0=50.0, omega0=1e9) == ["R3 50 Ω", "L2 50 nH", "C1 20 pF"]
    assert part_labels(*parse("SL:1&SC:1|PC:1")) == ["L2 1 mH", "C3 1 nF", "C1 1 nF"]


@pytest.mark.parametrize(
    "ladder",
    [
        LADDER,
        "PC:1",
        "|".join(["SR:1.0", "PL:2.2", "SC:4.7", "PR:1.0", "SL:2.2"] * 2),
        "PC:1|SL:2+SR:0.1&SC:0.5|PL:0.3&PC:0.7+PR:2|SL:1&SC:2&SR:3",
    ],
)
@pytest.mark.parametrize(
    ("ends", "resistors"),
    [
        (Terminations(None, 1.0), ["RL 1 kΩ"]),
        (Terminations(0.05, 0.075), ["RS 50 Ω", "RL 75 Ω"]),
        (Terminations(0.05, math.inf), ["RS 50 Ω"]),
    ],
)
def test_each_part_stands_once_in_the_file(tmp_path, ladder, ends, resistors):
    types, values = parse(ladder)
    write_svg(tmp_path / "ladder.svg", draw_schematic(types, values, terminations=ends))
    written = [text for text, _ in labels(tmp_path / "ladder.svg")]
    for label in [*part_labels(types, values), *resistors, "Port 1", "Port 2", "Source"]:
        assert written.count(label) == 1
    assert len(written) == len(types) + len(resistors) + 3


def test_a_ladder_without_parts_is_a_load_at_a_source(tmp_path):
    write_svg(tmp_path / "ladder.svg", draw_schematic(np.array([PAD]), np.array([0.0])))
    assert len(labels(tmp_path / "ladder.svg")) == 4


def test_the_same_circuit_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_svg(tmp_path / f"{name}.svg", draw_schematic(*parse(LADDER), compare=parse("SR:1|PC:4.7")))
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(
    ("other", "marked"),
    [
        (LADDER, []),
        # Another value.
        ("SR:2.2|PR:1.0|PL:0.22|PC:1.0|SL:1.0|SC:3.3", [3]),
        # Another type.
        ("SR:2.2|PR:1.0|PL:0.22|PC:4.7|SL:1.0|SR:3.3", [5]),
        # One part less: those that follow have their counterparts one place before.
        ("PR:1.0|PL:0.22|PC:4.7|SL:1.0|SC:3.3", [0]),
        ("SR:2.2|PR:1.0|PC:4.7|SL:1.0|SC:3.3", [2]),
    ],
)
def test_only_what_differs_is_marked(tmp_path, other, marked):
    types, values = parse(LADDER)
    assert np.flatnonzero(differing(types, values, parse(other))).tolist() == marked
    write_svg(tmp_path / "ladder.svg", draw_schematic(types, values, compare=parse(other)))
    coloured = [text for text, colour in labels(tmp_path / "ladder.svg") if colour == DIFFERENT]
    assert coloured == [part_labels(types, values)[place] for place in marked]


def places(path):
    """Where the middle of each text is."""
    return {
        " ".join(element.itertext()).strip(): (float(element.get("x")), float(element.get("y")))
        for element in ElementTree.parse(path).iter(TEXT)
    }


def test_parts_lie_from_the_source_on_the_left_to_the_load_and_do_not_overlap(tmp_path):
    types, values = parse("|".join(["PR:1.0", "PL:2.2", "PC:4.7", "SR:1.0", "SL:2.2", "SC:4.7"] * 2))
    diagram = draw_schematic(types, values, terminations=Terminations(0.05, 0.075))
    write_svg(tmp_path / "ladder.svg", diagram)
    place = places(tmp_path / "ladder.svg")
    along = np.array([place[label][0] for label in part_labels(types, values)[::-1]])
    assert place["Source"][0] < place["RS 50 Ω"][0] < place["Port 1"][0] < along[0]
    assert along[-1] < place["Port 2"][0] < place["RL 75 Ω"][0]
    # Series labels stand above the wire, parallel ones beside it; one such as "220 µH" is 45 points wide.
    for side in (types[::-1] < 3, types[::-1] >= 3):
        assert (np.diff(along[side]) > 45).all()


def test_a_tank_is_drawn_as_two_ways_and_a_trap_as_one(tmp_path):
    types, values = parse("PL:1&PC:2|SL:1&SC:2")
    write_svg(tmp_path / "ladder.svg", draw_schematic(types, values))
    place, (trap_coil, trap, coil, tank) = places(tmp_path / "ladder.svg"), part_labels(types, values)
    # Above each other, the capacitor of the tank over the coil (y falls upwards), that of the trap below.
    assert place[coil][0] == pytest.approx(place[tank][0])
    assert place[tank][1] < place[coil][1] - 40
    assert place[trap_coil][0] == pytest.approx(place[trap][0], abs=8)
    assert place[trap][1] > place[trap_coil][1] + 25


def test_diagrams_above_each_other_are_drawn_at_one_scale(tmp_path):
    figures.use_style()
    diagrams = {"Target": draw_schematic(*parse(LADDER)), "Written": draw_schematic(*parse("PC:1"))}
    figure = picture(diagrams)
    upper, lower = figure.axes
    assert upper.get_position().y0 >= lower.get_position().y1 - 1e-9
    per_unit = {(axes.get_window_extent().width / np.ptp(axes.get_xlim())).round(6).item() for axes in figure.axes} | {
        (axes.get_window_extent().height / np.ptp(axes.get_ylim())).round(6).item() for axes in figure.axes
    }
    assert len(per_unit) == 1
    figures.save(figure, tmp_path, "picture")
    assert "<!-- Written -->" in (tmp_path / "picture.svg").read_text(encoding="utf-8")
