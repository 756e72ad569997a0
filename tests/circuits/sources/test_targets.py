"""What a person wants, from files: the same response by scikit-rf, and a line for everything that is none."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import parse
from hypernet.circuits.sources.targets import (
    Gain,
    Mask,
    Response,
    Scale,
    as_target,
    choose_scale,
    doubts,
    read_target,
)
from hypernet.lab.errors import UserError

CIRCUIT = "SR:1.0|PC:1.0|SL:1.0|PR:2.2|SC:2.2|PL:4.7"
USUAL = Scale(1e3, 1e6)
HEADER = "frequency_hz,v_re,v_im,i_re,i_im\n"


def response_of(text, frequency):
    types, values = parse(text)
    voltage, current = respond(types[None], values[None], frequency)
    return voltage[0], current[0]


def cascade(text, hertz, reference=1000.0):
    """The two-port as scikit-rf sees it; part 1 is at port 1."""
    skrf = pytest.importorskip("skrf")
    media = skrf.media.DefinedGammaZ0(skrf.Frequency.from_f(hertz, unit="hz"), z0=reference)
    make = {
        "SR": media.resistor, "SL": media.inductor, "SC": media.capacitor,
        "PR": lambda r: media.shunt(media.resistor(r) ** media.short()), "PL": media.shunt_inductor,
        "PC": media.shunt_capacitor,
    }  # fmt: skip
    network = None
    for part in text.split("|"):
        part_type, value = part.split(":")
        size = float(value) * {"R": 1e3, "L": 1e-3, "C": 1e-9}[part_type[1]]
        network = make[part_type](size) if network is None else network ** make[part_type](size)
    return network


def table(path, rows, header=HEADER):
    path.write_text(header + "\n".join(",".join(str(cell) for cell in row) for row in rows) + "\n")
    return path


def touchstone(parameters, frequencies=(1, 2, 3, 4)):
    return "\n".join(["# hz S ri R 50", *(f"{frequency} {parameters}" for frequency in frequencies), ""]).encode()


@pytest.mark.parametrize("text", [CIRCUIT, "SL:0.47|PC:1.5|SC:3.3|PL:0.22|SR:0.1", "PC:1.0", "SR:1.0"])
def test_a_touchstone_file_of_scikit_rf(text, tmp_path):
    frequency = np.geomspace(0.1, 10, 15)
    network = cascade(text, USUAL.hertz(frequency), reference=1000.0)
    # S parameters have two poor ends; at the same reference and moderate frequencies all digits are there.
    network.write_touchstone("ladder", dir=str(tmp_path), form="ri")
    target = read_target(tmp_path / "ladder.s2p")
    voltage, current = response_of(text, frequency)
    np.testing.assert_allclose(target.voltage, voltage, rtol=1e-6)
    np.testing.assert_allclose(target.current, current, rtol=1e-6)
    # Turned round, port 2 has the load: the parts stand in the other order.
    turned = read_target(tmp_path / "ladder.s2p", load_port=2)
    voltage, current = response_of("|".join(reversed(text.split("|"))), frequency)
    np.testing.assert_allclose(turned.voltage, voltage, rtol=1e-6)
    np.testing.assert_allclose(turned.current, current, rtol=1e-6)


def test_another_load_than_the_reference_of_the_file(tmp_path):
    frequency = np.geomspace(0.1, 10, 15)
    cascade(CIRCUIT, USUAL.hertz(frequency), reference=50.0).write_touchstone("l", dir=str(tmp_path), form="ri")
    target = read_target(tmp_path / "l.s2p", r0=1e4)
    # R0 = 10 kOhm: r is a tenth of what it was, l too, and c ten times.
    same = "SR:0.1|PC:10.0|SL:0.1|PR:0.22|SC:22.0|PL:0.47"
    for mine, theirs in zip((target.voltage, target.current), response_of(same, frequency), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


def test_a_full_response_between_its_points(tmp_path):
    known, asked = np.geomspace(0.01, 100, 400), np.geomspace(0.01, 100, 64)
    voltage, current = response_of(CIRCUIT, known)
    planes = (USUAL.hertz(known), voltage.real, voltage.imag, current.real, current.imag)
    target = read_target(table(tmp_path / "wanted.csv", np.stack(planes, axis=1).tolist()))
    assert isinstance(target, Response)
    for mine, theirs in zip(target.at(asked, USUAL), response_of(CIRCUIT, asked), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-3)
    np.testing.assert_allclose(target.at(known, USUAL)[0], voltage, rtol=1e-9)
    assert target.covers(np.array([0.009, 0.01, 100.0, 101.0]), USUAL).tolist() == [False, True, True, False]


@given(st.floats(-3, 3), st.floats(0.1, 10), st.floats(0.02, 50))
def test_powers_of_the_frequency_are_met_exactly(power, size, asked):
    # Straight lines over log f, though they turn round many times.
    hertz = USUAL.hertz(np.geomspace(0.01, 100, 60))
    curve = size * hertz**power * np.exp(3j * power * np.log(hertz))
    target = Response(hertz, curve, -curve)
    wanted = size * USUAL.hertz(asked) ** power * np.exp(3j * power * np.log(USUAL.hertz(asked)))
    voltage, current = target.at(np.array([asked]), USUAL)
    np.testing.assert_allclose([voltage[0], -current[0]], wanted, rtol=1e-8)


def test_outside_both_ranges_are_named():
    hertz = np.geomspace(1e5, 1e6, 10)
    response, gain = Response(hertz, 1j * hertz, -1j * hertz), Gain(hertz, np.zeros(10))
    for target in (response, gain):
        with pytest.raises(UserError, match=r"from 100000 to 1e\+06 Hz; frequencies from 1591.55 to .* are needed"):
            target.at(np.array([0.01, 100.0]), USUAL)


def test_gain_and_phase(tmp_path):
    rows = [(1e3, 0, 170), (1e4, -20, -170), (1e5, -40, -150), (1e6, -60, -90)]
    header = "frequency_hz,gain_db,phase_deg\n"
    target = read_target(table(tmp_path / "g.csv", rows, header))
    asked = USUAL.omega(np.array([1e3, 10**3.5, 10**4.5, 1e6]))
    gain, phase = target.at(asked, USUAL)
    np.testing.assert_allclose(gain, [0, -10, -30, -60], atol=1e-9)
    # From 170 to -170 degrees it goes on by 20, not back by 340.
    np.testing.assert_allclose(phase, [170, 180, 200, 270], atol=1e-9)
    alone = read_target(table(tmp_path / "g.csv", [row[:2] for row in rows], "frequency_hz,gain_db\n"))
    assert alone.at(asked, USUAL)[1] is None


def test_a_mask(tmp_path):
    text = (
        "frequency_hz,lowest_gain_db,highest_gain_db\n"
        "1000,-1,0\n10000,-1,\n\n100000,,-20\n1000000,,-40\n"
    )  # fmt: skip
    path = tmp_path / "mask.csv"
    path.write_text(text)
    target = read_target(path)
    assert isinstance(target, Mask)
    hertz = np.array([500, 1e3, 10**3.5, 1e4, 10**4.5, 1e5, 10**5.5, 1e6, 2e6])
    lowest, highest = target.at(USUAL.omega(hertz), USUAL)
    none = np.inf
    np.testing.assert_allclose(lowest, [-none, -1, -1, -1, -none, -none, -none, -none, -none])
    np.testing.assert_allclose(highest, [none, 0, none, none, none, -20, -30, -40, none])
    assert target.covers(USUAL.omega(hertz), USUAL).tolist() == [False, *[True] * 3, False, *[True] * 3, False]


@pytest.mark.parametrize(
    ("low", "high", "power"),
    [
        # w from 0.01 to 100 is 1.6 kHz to 16 MHz at 1e6 rad/s.
        (1.6e3, 15.9e6, 6),
        (1e5, 2e5, 6),
        (1e9, 10e9, 10),
        (1.0, 1e3, 2),
        (1e-3, 1e9, 4),
        (20.0, 20e3, 4),
    ],
)
def test_the_scale_of_a_band(low, high, power):
    scale = choose_scale(np.array([low, high]), 1e3, 0.01, 100.0)
    assert scale == Scale(1e3, 10.0**power)


@given(st.floats(-3, 9), st.floats(0.01, 5), st.sampled_from([1.0, 50.0, 75.0, 600.0, 1e4]))
def test_a_band_that_fits_lies_on_the_grid(low, decades, ohm):
    hertz = np.array([10**low, 10 ** (low + decades)])
    scale = choose_scale(hertz, ohm, 0.01, 100.0)
    band = np.log10(scale.omega(hertz))
    if decades <= 3:
        assert band[0] >= -2 - 1e-5
        assert band[1] <= 2 + 1e-5
    assert abs(band.mean()) <= 1
    assert 10**-0.51 < scale.r0 / ohm < 10**0.51
    np.testing.assert_allclose(scale.hertz(scale.omega(hertz)), hertz)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1, 1, 0, -1, 0)] * 4, r"line 3: the frequency 1 Hz does not rise over 1 Hz"),
        ([(2, 1, 0, -1, 0), (1, 1, 0, -1, 0), (3, 1, 0, -1, 0), (4, 1, 0, -1, 0)], r"line 3: the frequency 1 Hz does"),
        ([(f"{1e9 + k * 1e-7!r}", 1, 0, -1, 0) for k in range(4)], r"line 3: the frequency .* does not rise"),
        ([(0, 1, 0, -1, 0)] + [(k, 1, 0, -1, 0) for k in (1, 2, 3)], r"line 2: the frequency 0 Hz; accepted"),
        ([(-5, 1, 0, -1, 0)] + [(k, 1, 0, -1, 0) for k in (1, 2, 3)], r"line 2: the frequency -5 Hz; accepted"),
        ([(k, 1, 0, "nan" if k == 3 else -1, 0) for k in (1, 2, 3, 4)], r"line 4: i_re is 'nan'; accepted: a finite"),
        ([(k, 1, "" if k == 2 else 0, -1, 0) for k in (1, 2, 3, 4)], r"line 3: v_im is ''"),
        ([("1kHz", 1, 0, -1, 0)], r"line 2: frequency_hz is '1kHz'"),
        ([(1, 1, 0, -1, 0), (2, 1, 0, -1, 0)], r"2 frequencies; at least 4"),
        ([(1, 1, 0, -1)], r"line 2: 4 fields, the header has 5"),
        ([(k, k - 2, 0, -1, 0) for k in (1, 2, 3, 4)], r"V or I is 0 at 2 Hz"),
        ([(k, 1e200, 0, -1, 0) for k in (1, 2, 3, 4)], r"V or I at 1 Hz is larger than 1e\+150"),
    ],
)
def test_a_table_that_is_none_has_its_line(rows, message, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        read_target(table(tmp_path / "w.csv", rows))
    assert "\n" not in str(caught.value)
    assert "w.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.csv", b"", "the file is empty"),
        ("w.csv", b"a,b\n1,2\n", r"the columns are a,b; accepted: frequency_hz,v_re"),
        ("w.csv", b"frequency_hz,frequency_hz\n1,2\n", "line 1: two columns have one name"),
        ("w.csv", b"\xff\xfe", r"not a CSV file \(it is no text in UTF-8\)"),
        ("w.csv", b"frequency_hz,gain_db\n\0\n", r"not a CSV file \(it holds binary data\)"),
        ("w.csv", b'frequency_hz,gain_db\n"1"2,3\n', "line 2: not CSV"),
        ("w.csv", b"frequency_hz,lowest_gain_db,highest_gain_db\n1,0,-1\n2,,\n", "line 2: the lowest gain is above"),
        ("w.csv", b"frequency_hz,lowest_gain_db,highest_gain_db\n1,,\n2,,\n", "a mask without limits"),
        ("w.csv", b"frequency_hz,lowest_gain_db,highest_gain_db\n1,0,\n", "1 frequencies; at least 2"),
        ("w.csv", b"frequency_hz,gain_db\n1,0\n2,-1e5\n3,0\n4,0\n", "line 3: gain_db is -100000; accepted: from -3000"),
        ("w.csv", b"frequency_hz,lowest_gain_db,highest_gain_db\n1,,3001\n2,,\n", "line 2: highest_gain_db is 3001"),
        ("w.txt", b"", r"the name must end in .s2p \(Touchstone\) or .csv"),
        ("w.s2p", b"hello\n", "not a Touchstone file"),
        ("w.s2p", b"", "not a Touchstone file|0 frequencies"),
        ("w.s2p", bytes(range(256)), "not a Touchstone file"),
        ("w.s2p", touchstone("0 0 1 0 1 0 0 0", (1, 2, 2, 3)), "point 3: the frequency 2 Hz does not rise"),
        ("w.s2p", touchstone("0 0 1 0 1 0 0 0", (0, 1, 2, 3)), "point 1: the frequency 0 Hz"),
        ("w.s2p", touchstone("1 0 0 0 0 0 1 0"), "nothing comes through at 1 Hz"),
        ("w.s2p", touchstone("0 0 2 0 1 0 0 0"), "not reciprocal, S12 and S21 differ by 50.0%"),
        ("w.s2p", touchstone("0 0 nan 0 1 0 0 0"), "the parameters at 1 Hz are no numbers"),
    ],
)  # fmt: skip
def test_files_that_are_none(name, content, message, tmp_path):
    if name.endswith(".s2p"):
        pytest.importorskip("skrf")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_target(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (",".join(["a"] * 900) + "\n", "line 1: 900 columns; accepted: frequency_hz,v_re"),
        (",".join(["a"] * 900_000) + "\n", "line 1: more than 2000 characters"),
        ("frequency_hz,gain_db\n" + "1,0\n" * 200_001, "more than 200,000 rows"),
        ("frequency_hz,gain_db\n" + "\n" * 2_000_000, "more than 2,000,000 lines"),
        ("frequency_hz,gain_db\n" + "1" * 900 + ",0\n", "frequency_hz is '1111"),
        ('frequency_hz,gain_db\n"' + "a\n" * 100_000, "not CSV"),
        ("x" * 50_000_001, "more than 50,000,000 bytes"),
        ("\x1b]0;title\x07,gain_db\n1,2\n", "binary data"),
        ("\u009b31m,gain_db\n1,2\n", "the columns are 31m,gain_db"),
    ],
    ids=["columns", "long line", "rows", "lines", "digits", "quote", "size", "terminal", "control characters"],
)
def test_what_would_eat_the_machine_is_refused(content, message, tmp_path):
    path = tmp_path / "w.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        read_target(path)
    assert "\n" not in str(caught.value)


def test_a_device_is_read_no_further_than_a_file(tmp_path):
    for name in ("zero.csv", "zero.s2p"):
        (tmp_path / name).symlink_to("/dev/zero")
        with pytest.raises(UserError, match=f"{name}: more than 50,000,000 bytes"):
            read_target(tmp_path / name)


HERTZ = np.geomspace(1e3, 1e6, 7)
ONES = np.ones(7)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Response(HERTZ, ONES, ONES[:3]), r"arrays of one length are needed, not frequency_hz \(7,\)"),
        (Response(HERTZ[::-1], ONES, -ONES), "point 2: the frequency"),
        (Response(HERTZ, ONES * np.nan, -ONES), "voltage at 1000 Hz is no number"),
        (Response(HERTZ, ONES * 0, -ONES), "V or I is 0"),
        (Gain(HERTZ, ONES * 1e9), r"point 1: gain_db is 1e\+09"),
        (Mask(HERTZ, ONES, -ONES), "point 1: the lowest gain is above"),
        (Mask(HERTZ, ONES * np.nan, ONES * np.nan), "a mask without limits"),
        (Mask(HERTZ, -ONES * np.inf, ONES * np.inf), "a mask without limits"),
        ([1, 2, 3], r"a list; accepted: a \.s2p or \.csv file, a Response"),
    ],
)
def test_arrays_that_are_no_target_are_one_line(target, message):
    with pytest.raises(UserError, match=f"mine.*{message}"):
        as_target(target, name="mine")


def test_a_target_of_arrays_is_that_of_a_file(tmp_path):
    skrf = pytest.importorskip("skrf")
    frequency = np.geomspace(0.1, 10, 15)
    network = cascade(CIRCUIT, USUAL.hertz(frequency), reference=50.0)
    network.write_touchstone("ladder", dir=str(tmp_path), form="ri")
    from_file, from_network = read_target(tmp_path / "ladder.s2p", 75.0), as_target(network, 75.0)
    np.testing.assert_allclose(from_network.voltage, from_file.voltage, rtol=1e-6)
    again = as_target(Response(list(from_file.frequency_hz), list(from_file.voltage), list(from_file.current)))
    np.testing.assert_array_equal(again.voltage, from_file.voltage)
    assert isinstance(network, skrf.Network)
    with pytest.raises(UserError, match="load_port: 3"):
        as_target(network, load_port=3)


def test_paths_that_are_none(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_target(tmp_path / "nothing.s2p")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        read_target(tmp_path / "folder.csv")


def test_without_scikit_rf(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skrf", None)
    (tmp_path / "w.s2p").write_text("# hz S ri R 50\n")
    with pytest.raises(UserError, match=r"need scikit-rf; install hypernet\[circuits\]"):
        read_target(tmp_path / "w.s2p")


def test_doubts_go_to_stderr(tmp_path, capsys):
    frequency = np.geomspace(0.01, 100, 50)
    voltage, current = response_of("|".join(["SC:0.1|PL:0.1"] * 5), frequency)
    planes = np.stack([USUAL.hertz(frequency), voltage.real, voltage.imag, current.real, current.imag], axis=1)
    read_target(table(tmp_path / "passive.csv", planes.tolist()))
    assert capsys.readouterr().err == ""
    voltage, current = response_of("SR:1.0|PC:1.0", frequency)
    planes = np.stack([USUAL.hertz(frequency), voltage.real, voltage.imag, current.real, current.imag], axis=1)
    read_target(table(tmp_path / "negative.csv", (planes * [1, 1, 1, -1, -1]).tolist()))
    warnings = capsys.readouterr().err
    assert "negative.csv: not passive: at 1591.55 Hz" in warnings
    assert "I is the current that leaves port 2" in warnings
    # An amplifier: more comes out than goes in, though the impedance is positive.
    read_target(table(tmp_path / "gain.csv", [(k, 0.5, 0, -1, 0) for k in (1, 2, 3, 4)]))
    warnings = capsys.readouterr().err
    assert "not passive: at 1 Hz" in warnings
    assert "leaves port 2" not in warnings
    read_target(table(tmp_path / "large.csv", [(k, 1e39, 0, -1, 0) for k in (1, 2, 3, 4)]))
    assert "grows to 1.0e+39" in capsys.readouterr().err
    read_target(table(tmp_path / "deep.csv", [(k, -900) for k in (1, 2, 3, 4)], "frequency_hz,gain_db\n"))
    assert "grows to 1.0e+45" in capsys.readouterr().err


def test_doubts_of_a_touchstone_file(tmp_path, capsys):
    pytest.importorskip("skrf")
    (tmp_path / "w.s2p").write_bytes(touchstone("0 0 1 0 0.99 0 0 0", (1, 2, 3, 4, 1, 2)))
    read_target(tmp_path / "w.s2p")
    warnings = capsys.readouterr().err
    assert "what follows 4 Hz, where the frequency falls, is read as noise data" in warnings
    assert "not quite reciprocal, S12 and S21 differ by 1.00%" in warnings


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(1e-2, 1e2)), min_size=1, max_size=10))
def test_no_ladder_is_doubted(parts):
    frequency = np.geomspace(0.01, 100, 20)
    types, values = np.array([part_type for part_type, _ in parts]), np.array([value for _, value in parts])
    voltage, current = respond(types[None], values[None], frequency)
    assert doubts(Response(USUAL.hertz(frequency), voltage[0], current[0])) == []


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"),
    [
        ([-3.0, np.nan], [1.0, -30.0], ([-3.0, -np.inf], [1.0, -30.0])),
        ([-3.0, None], [np.nan, -30.0], ([-3.0, -np.inf], [np.inf, -30.0])),
        (None, [1.0, -30.0], ([-np.inf, -np.inf], [1.0, -30.0])),
        ([-3.0, -20.0], None, ([-3.0, -20.0], [np.inf, np.inf])),
    ],
)
def test_what_is_no_limit(lowest, highest, expected):
    hertz = np.array([1e3, 1e6])
    given = Mask(hertz, lowest, highest)
    mask = as_target(given)
    np.testing.assert_array_equal((mask.lowest_gain_db, mask.highest_gain_db), expected)
    for target in (given, mask):
        np.testing.assert_array_equal(target.at(USUAL.omega(hertz), USUAL), expected)


def test_a_mask_of_nothing():
    with pytest.raises(UserError, match="a mask without limits"):
        as_target(Mask([1e3, 1e6], None, [np.nan, np.inf]))


def test_the_load_of_a_response():
    assert as_target(Response(HERTZ, ONES, -ONES)).load_ohm is None
    assert as_target(Response(HERTZ, ONES, -ONES, 50.0)).load_ohm == 50.0
    with pytest.raises(UserError, match="load_ohm is -1; accepted: a resistance in ohms, or None"):
        as_target(Response(HERTZ, ONES, -ONES, -1))
