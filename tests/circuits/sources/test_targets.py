"""What a person wants, from files: the same response by scikit-rf, and a line for everything that is none."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import parse
from hypernet.circuits.core.scale import Scale, choose_scale
from hypernet.circuits.sources.checks import doubts
from hypernet.circuits.sources.targets import Gain, Mask, Response, Scattering, ScatteringMask, Transmission
from hypernet.circuits.sources.wanted import as_target, read_target
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
@pytest.mark.parametrize("load", [1e3, 1e4, 50.0])
def test_a_touchstone_file_of_scikit_rf(text, load, tmp_path):
    frequency = np.geomspace(0.1, 10, 15)
    network = cascade(text, USUAL.hertz(frequency), reference=1000.0)
    # S parameters have two poor ends; at the same reference and moderate frequencies all digits are there.
    network.write_touchstone("ladder", dir=str(tmp_path), form="ri")
    # The ladder's first part is at port 1 here, so this is where its load is.
    two_port = read_target(tmp_path / "ladder.s2p", load_port=1)
    assert (two_port.source_ohm, two_port.load_ohm) == (1000.0, 1000.0)
    ladder = text.split("|")
    types, values = parse(text)
    scaled = values * np.where(types % 3 == 2, load / 1e3, 1e3 / load)
    for order, target in (ladder, two_port), (ladder[::-1], read_target(tmp_path / "ladder.s2p")):
        sizes = scaled if order is ladder else scaled[::-1]
        names = [part.partition(":")[0] for part in order]
        same = "|".join(f"{name}:{float(size)!r}" for name, size in zip(names, sizes, strict=True))
        wanted = response_of(same, frequency)
        response = target.response(load)
        assert response.load_ohm == load
        for mine, theirs in zip(response.at(frequency, USUAL), wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-5)


def test_other_references_are_those_of_scikit_rf(tmp_path):
    network = cascade(CIRCUIT, USUAL.hertz(np.geomspace(0.1, 10, 15)), reference=50.0)
    network.write_touchstone("l", dir=str(tmp_path), form="ri")
    target = read_target(tmp_path / "l.s2p").renormalised(75.0, 300.0)
    network.renormalize([75, 300])
    assert (target.source_ohm, target.load_ohm) == (75.0, 300.0)
    np.testing.assert_allclose(target.s, network.s, atol=1e-9)
    np.testing.assert_allclose(target.s21_db, network.s_db[:, 1, 0], atol=1e-6)
    np.testing.assert_allclose(target.s11_db, network.s_db[:, 0, 0], atol=1e-6)
    turned = target.turned()
    np.testing.assert_array_equal(turned.s[:, 0, 0], target.s[:, 1, 1])
    assert (turned.source_ohm, turned.load_ohm) == (300.0, 75.0)


def test_a_two_port_between_its_points():
    known, asked = np.geomspace(0.05, 20, 400), np.geomspace(0.05, 20, 37)
    dense, wanted = (cascade(CIRCUIT, USUAL.hertz(frequency)) for frequency in (known, asked))
    target = as_target(dense)
    assert isinstance(target, Scattering)
    np.testing.assert_allclose(target.at(asked, USUAL), wanted.s, atol=5e-4)
    np.testing.assert_allclose(target.at(asked, USUAL)[:, 1, 0], wanted.s[:, 1, 0], rtol=1e-3)
    assert target.covers(np.array([0.01, 1.0, 30.0]), USUAL).tolist() == [False, True, False]


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
    two_port = Scattering(hertz, np.ones((10, 2, 2)), 50.0, 50.0)
    for target in (response, gain, Transmission(hertz, np.zeros(10)), two_port):
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
        ([(1, 1, 0, -1, 0)] * 4, r"line 3: the frequency 1 Hz stands twice \(also in line 2\)"),
        ([(k, 1, 0, -1, 0) for k in (2, 1, 3, 2)], r"line 5: the frequency 2 Hz stands twice \(also in line 2\)"),
        ([(f"{1e9 + k * 1e-7!r}", 1, 0, -1, 0) for k in range(4)], r"line 3: the frequency .* stands twice"),
        ([(0, 1, 0, -1, 0)] + [(k, 1, 0, -1, 0) for k in (1, 2, 3)], r"3 frequencies; at least 4"),
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
        ("w.csv", b"a,b\n1,2\n", r"the columns are a,b; accepted: frequency_hz \(or _khz, _mhz, _ghz\) with s21_db"),
        ("w.csv", b"frequency_hz,s21_db,highest_s11_db\n1,2,3\n", r"the columns are frequency_hz,s21_db,highest_s11"),
        ("w.csv", b"frequency_hz,frequency_mhz,s21_db\n1,2,3\n", r"the columns are frequency_hz,frequency_mhz"),
        ("w.csv", b"frequency_hz,highest_s21_db,highest_gain_db\n1,2,3\n", "the columns are frequency_hz,highest_s21"),
        ("w.csv", b"frequency_hz\n1\n", "the columns are frequency_hz; accepted"),
        ("w.csv", b"frequency_hz,frequency_hz\n1,2\n", "line 1: two columns have one name"),
        ("w.csv", b"\xff", r"not a CSV file \(it is no text in UTF-8\)"),
        ("w.csv", b"\xff\xfe", "the file is empty"),
        ("w.csv", b"frequency_hz,gain_db\n\0\n", r"not a CSV file \(it holds binary data\)"),
        ("w.csv", b'frequency_hz,gain_db\n"1"2,3\n', "line 2: not CSV"),
        ("w.csv", b"frequency_hz,lowest_gain_db,highest_gain_db\n1,0,-1\n2,,\n", "line 2: the lowest gain is above"),
        ("w.csv", b"frequency_hz,lowest_gain_db,highest_gain_db\n1,,\n2,,\n", "a mask without limits"),
        ("w.csv", b"frequency_hz,lowest_gain_db,highest_gain_db\n1,0,\n", "1 frequencies; at least 2"),
        ("w.csv", b"frequency_hz,gain_db\n1,0\n2,-1e5\n3,0\n4,0\n", "line 3: gain_db is -100000; accepted: from -3000"),
        ("w.csv", b"frequency_hz,lowest_gain_db,highest_gain_db\n1,,3001\n2,,\n", "line 2: highest_gain_db is 3001"),
        ("w.dat", b"", r"the name must end in \.s2p, \.ts \(Touchstone\) or \.csv, \.tsv, \.txt"),
        ("w.csv", b"frequency_hz,lowest_s21_db\n1,0\n2,0\n2,-1\n2,-2\n", "line 5: the frequency 2 Hz stands more than"),
        ("w.csv", b"frequency_hz,lowest_s21_db,highest_s21_db\n1,0,-1\n2,,\n", "line 2: the lowest S21 is above"),
        ("w.csv", b"frequency_hz;s21_db\n1.000;-0,5\n2.000;0\n3;0\n4;0\n", "line 2: 1.000 beside '-0,5': a mark of"),
        ("w.csv", b"frequency_hz;s21_db\n1,000;-0.5\n2,000;0\n3;0\n4;0\n", "line 2: 1,000 beside '-0.5': a mark of"),
        ("w.csv", b"frequency_hz,highest_s21_db\n1,0\n2,#N/A\n", "line 3: the cell #N/A is an error of a spreadsheet"),
        ("w.csv", b"frequency_hz;highest_s21_db\n1;0\n2;#DIV/0!\n", "line 3: the cell #DIV/0! is an error of a"),
        (
            "w.csv",
            b"frequency_hz,lowest_s21_db,highest_s21_db\n2,,-40\n3,,-40\n1,-1,0\n2,-1,0\n",
            "line 5: the frequency 2 Hz stands twice, a vertical edge, and the rows are not in order",
        ),
        ("w.csv", b"frequency_hz;s21_db\n1;1.000,5\n2;0\n3;0\n4;0\n", "line 2: s21_db is '1.000,5'; accepted: a fin"),
        ("w.csv", b"frequency_hz,s21_db\n1,1_0\n2,0\n3,0\n4,0\n", "line 2: s21_db is '1_0'; accepted: a finite"),
        ("w.s2p", b"hello\n", "line 1: 'hello' are no numbers; not a Touchstone file"),
        ("w.s2p", b"", "not a Touchstone file"),
        ("w.s2p", bytes(range(256)), "not a Touchstone file"),
        ("w.s2p", touchstone("0 0 1 0 1 0 0 0", (1, 2, 2, 3)), r"line 4: the frequency 2 Hz stands twice"),
        ("w.s2p", touchstone("0 0 1 0 1 0 0 0", (0, 1, 2, 3)), "3 frequencies; at least 4 are needed"),
        ("w.s2p", touchstone("0 0 1 0 1 0 0 0", (-1, 1, 2, 3)), "line 2: the frequency -1 Hz"),
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
        (",".join(["a"] * 900) + "\n", "line 1: 900 columns; accepted: frequency_hz"),
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
        (Response(HERTZ - HERTZ[1], ONES, -ONES), "point 1: the frequency -"),
        (Response(HERTZ, ONES * np.nan, -ONES), "voltage at 1000 Hz is no number"),
        (Response(HERTZ, ONES * 0, -ONES), "V or I is 0"),
        (Gain(HERTZ, ONES * 1e9), r"point 1: gain_db is 1e\+09"),
        (Gain(HERTZ, ONES, ONES * np.nan), "phase_degree at 1000 Hz is no number"),
        (Transmission(HERTZ, ONES * 1e9), r"point 1: s21_db is 1e\+09"),
        (
            Transmission(HERTZ[[0, 0, 1, 2, 3]], ONES[:5]),
            "point 2: the frequency 1000 Hz stands twice",
        ),
        (ScatteringMask(HERTZ, ONES, -ONES), "point 1: the lowest S21 is above the highest"),
        (ScatteringMask(HERTZ), "a mask without limits"),
        (Scattering(HERTZ, np.zeros((7, 2)), 50.0, 50.0), r"not frequency_hz \(7,\), s \(7, 2\)"),
        (Scattering(HERTZ, np.zeros((7, 2, 2)), 50.0, 50.0), "nothing comes through at 1000 Hz"),
        (Scattering(HERTZ, np.ones((7, 2, 2)), 0.0, 50.0), "source_ohm is 0.0; accepted: a resistance in ohms"),
        (Mask(HERTZ, ONES, -ONES), "point 1: the lowest gain is above"),
        (Mask(HERTZ, ONES * np.nan, ONES * np.nan), "a mask without limits"),
        (Mask(HERTZ, -ONES * np.inf, ONES * np.inf), "a mask without limits"),
        ([1, 2, 3], r"a list; accepted: a \.s2p or \.csv file, a Transm"),
    ],
)
def test_arrays_that_are_no_target_are_one_line(target, message):
    with pytest.raises(UserError, match=f"mine.*{message}"):
        as_target(target, name="mine")


def test_a_target_of_arrays_is_that_of_a_file(tmp_path):
    frequency = np.geomspace(0.1, 10, 15)
    network = cascade(CIRCUIT, USUAL.hertz(frequency), reference=50.0)
    network.write_touchstone("ladder", dir=str(tmp_path), form="ri")
    from_file, from_network = read_target(tmp_path / "ladder.s2p"), as_target(network)
    np.testing.assert_allclose(from_network.s, from_file.s, rtol=1e-6)
    again = as_target(Scattering(list(from_file.frequency_hz), from_file.s.tolist(), 50.0, 50.0))
    np.testing.assert_array_equal(again.s, from_file.s)
    turned = as_target(network, load_port=1)
    np.testing.assert_array_equal(turned.s, from_network.s[:, ::-1, ::-1])
    with pytest.raises(UserError, match="load_port: 3"):
        as_target(network, load_port=3)


def test_a_network_with_complex_references_is_brought_to_50_ohm(capsys):
    network = cascade(CIRCUIT, USUAL.hertz(np.geomspace(0.1, 10, 15)), reference=50.0)
    wanted = network.s.copy()
    for definition in ("power", "pseudo"):
        other = network.copy()
        other.renormalize([40 + 3j, 60 - 20j], s_def=definition)
        target = as_target(other)
        assert (target.source_ohm, target.load_ohm) == (50.0, 50.0)
        np.testing.assert_allclose(target.s, wanted, atol=1e-9)
        assert "port impedances that are complex" in capsys.readouterr().err


def test_paths_that_are_none(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_target(tmp_path / "nothing.s2p")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        read_target(tmp_path / "folder.csv")


def test_without_scikit_rf_touchstone_files_are_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skrf", None)
    (tmp_path / "w.s2p").write_bytes(touchstone("0 0 1 0 1 0 0 0"))
    np.testing.assert_array_equal(read_target(tmp_path / "w.s2p").s[:, 1, 0], 1)


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
    assert "I is the current that leaves the circuit" in warnings
    # An amplifier: more comes out than goes in, though the impedance is positive.
    read_target(table(tmp_path / "gain.csv", [(k, 0.5, 0, -1, 0) for k in (1, 2, 3, 4)]))
    warnings = capsys.readouterr().err
    assert "not passive: at 1 Hz" in warnings
    assert "leaves the circuit" not in warnings
    read_target(table(tmp_path / "large.csv", [(k, 1e39, 0, -1, 0) for k in (1, 2, 3, 4)]))
    assert "grows to 1.0e+39" in capsys.readouterr().err
    read_target(table(tmp_path / "deep.csv", [(k, -900) for k in (1, 2, 3, 4)], "frequency_hz,gain_db\n"))
    assert "grows to 1.0e+45" in capsys.readouterr().err


def test_doubts_of_a_touchstone_file(tmp_path, capsys):
    (tmp_path / "w.s2p").write_bytes(touchstone("0 0 1 0 0.99 0 0 0"))
    read_target(tmp_path / "w.s2p")
    assert "not quite reciprocal, S12 and S21 differ by 1.00%" in capsys.readouterr().err
    (tmp_path / "w.s2p").write_bytes(touchstone("0.6 0 0.9 0 0.9 0 -0.6 0"))
    read_target(tmp_path / "w.s2p")
    assert "not passive: at 1 Hz 1.17 times the power that goes in comes out" in capsys.readouterr().err
    (tmp_path / "w.s2p").write_bytes(touchstone("0.6 0 0.8 0 0.8 0 -0.6 0"))
    read_target(tmp_path / "w.s2p")
    assert capsys.readouterr().err == ""


def test_nothing_comes_above_0_db(capsys):
    as_target(Transmission(HERTZ, ONES))
    assert "S21 of 1 dB at 1000 Hz: no circuit of R, L and C comes above 0 dB" in capsys.readouterr().err
    as_target(ScatteringMask(HERTZ, ONES, 2 * ONES))
    assert "S21 of 1 dB at 1000 Hz" in capsys.readouterr().err
    as_target(ScatteringMask(HERTZ, -ONES, ONES, -20 * ONES))
    as_target(Transmission(HERTZ, 0 * ONES))
    assert capsys.readouterr().err == ""


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


CASES = Path(__file__).parents[1] / "cases"


def butterworth(hertz):
    """Power that comes through the textbook low-pass of order 5, 10 MHz."""
    return 1 / (1 + (hertz / 10e6) ** 10)


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("b5_noise.s2p", []),
        ("b5_dc.s2p", ["0 Hz (line 3) is left out: frequencies are logarithmic here"]),
        ("b5_unsorted.s2p", ["the rows are not in order of frequency; they are sorted"]),
    ],
)
def test_measurements_as_instruments_write_them(name, notes, capsys):
    target = read_target(CASES / name)
    assert capsys.readouterr().err.splitlines() == [f"note: {CASES / name}: {note}" for note in notes]
    hertz = target.frequency_hz
    assert (len(hertz), target.source_ohm, target.load_ohm) == (61, 50.0, 50.0)
    np.testing.assert_allclose(hertz[[0, -1]], [1e5, 1e8])
    assert (np.diff(hertz) > 0).all()
    np.testing.assert_allclose(target.s21_db, 10 * np.log10(butterworth(hertz)), atol=1e-5)
    reflected = hertz > 1e6  # below it the file has too few digits
    np.testing.assert_allclose(np.abs(target.s[reflected, 0, 0]) ** 2, 1 - butterworth(hertz[reflected]), atol=1e-6)


def test_a_table_of_s21():
    target = read_target(CASES / "mask_s21.csv")
    assert isinstance(target, Transmission)
    assert target.s21_db.tolist() == [0, 0, -1, -30]
    assert target.phase_degree is None


def test_a_table_of_s21_with_its_phase(tmp_path):
    rows = [(1, 0, 170), (10, -20, -170), (100, -40, -150), (1000, -60, -90)]
    target = read_target(table(tmp_path / "t.csv", rows, "frequency_khz,s21_db,s21_phase_deg\n"))
    size, phase = target.at(USUAL.omega(np.array([1e3, 10**3.5])), USUAL)
    np.testing.assert_allclose((size, phase), [[0, -10], [170, 180]], atol=1e-9)


def test_comments_and_units_of_masks():
    commented, in_mhz = read_target(CASES / "mask_comment.csv"), read_target(CASES / "mask_mhz.csv")
    for mask in (commented, in_mhz):
        assert isinstance(mask, Mask)
        assert mask.frequency_hz.tolist() == [1e6, 1e7]
    np.testing.assert_array_equal(commented.limits(), [[-1, -np.inf], [0, -40]])
    np.testing.assert_array_equal(in_mhz.limits(), [[-1, -3], [0, 0]])


def test_the_limits_of_a_low_pass():
    mask = read_target(CASES / "butter5_mask.csv")
    hertz = np.array([1e5, 8e6, np.sqrt(8e6 * 1e7), 1e7, 1.5e7, 2e7, 1e8])
    lowest, highest = mask.at(USUAL.omega(hertz), USUAL)
    np.testing.assert_allclose(lowest, [-0.5, -0.5, -2, -3.5, -np.inf, -np.inf, -np.inf], atol=1e-9)
    # Between 0.5 dB at 10 MHz and -29.5 dB at 20 MHz a straight line over log f.
    at_15 = 0.5 - 30 * np.log(1.5) / np.log(2)
    np.testing.assert_allclose(highest, [0.5, 0.5, 0.5, 0.5, at_15, -29.5, -95], atol=1e-9)


def test_at_a_vertical_edge_both_limits_hold(capsys):
    mask = read_target(CASES / "mask_step.csv")
    assert (
        "at 1e+07 Hz the gain would have to be at least -1 dB and at most -40 dB; no circuit" in capsys.readouterr().err
    )
    hertz = np.array([1e6, 9.999e6, 1e7, 1.0001e7, 1e8])
    lowest, highest = mask.at(USUAL.omega(hertz), USUAL)
    none = np.inf
    np.testing.assert_array_equal(lowest, [-1, -1, -1, -none, -none])
    np.testing.assert_array_equal(highest, [0, 0, -40, -40, -40])


def test_vertical_edges_of_s21_and_of_s11(tmp_path, capsys):
    text = (
        "frequency_mhz,lowest_s21_db,highest_s21_db,highest_s11_db\n"
        "1,-1,0,-20\n5,-1,0,-10\n5,,0,\n10,,0,\n10,,-30,\n100,,-60,\n"
    )  # fmt: skip
    (tmp_path / "m.csv").write_text(text)
    mask = read_target(tmp_path / "m.csv")
    assert capsys.readouterr().err == ""
    assert isinstance(mask, ScatteringMask)
    hertz = np.array([1, np.sqrt(5), 5, 6, 10, np.sqrt(1000), 100, 101]) * 1e6
    lowest, highest, reflection = mask.at(USUAL.omega(hertz), USUAL)
    none = np.inf
    np.testing.assert_allclose(lowest, [-1, -1, -1, *[-none] * 5])
    np.testing.assert_allclose(highest, [0, 0, 0, 0, -30, -45, -60, none], atol=1e-9)
    np.testing.assert_allclose(reflection, [-20, -15, -10, *[none] * 5], atol=1e-9)
    assert mask.covers(USUAL.omega(hertz), USUAL).tolist() == [True] * 7 + [False]


def test_a_falling_mask_is_turned_round_with_its_edges(tmp_path, capsys):
    (tmp_path / "m.csv").write_text("frequency_ghz,highest_s21_db\n2,-60\n1,-40\n1,0\n0.5,0\n")
    mask = read_target(tmp_path / "m.csv")
    assert mask.frequency_hz.tolist() == [0.5e9, 1e9, 1e9, 2e9]
    assert mask.highest_s21_db.tolist() == [0, 0, -40, -60]
    assert capsys.readouterr().err.count("they are sorted") == 1


def test_a_mask_from_0_hz(tmp_path, capsys):
    (tmp_path / "m.csv").write_text("frequency_mhz,lowest_s21_db,highest_s21_db\n0,-1,0\n10,-1,0\n20,,-30\n")
    mask = read_target(tmp_path / "m.csv")
    assert capsys.readouterr().err == (
        f"note: {tmp_path / 'm.csv'}: the limits at 0 Hz are taken for 100000 Hz: frequencies are logarithmic here\n"
    )
    assert mask.frequency_hz.tolist() == [1e5, 1e7, 2e7]
    np.testing.assert_array_equal(mask.at(USUAL.omega(np.array([1e6])), USUAL)[:2], [[-1], [0]])


@pytest.mark.parametrize(
    "content",
    [
        b"frequency_hz;s21_db\n1e3;-0,5\n2e3;-1,5\n3e3;-2.5\n4e3;-3\n",
        b"frequency_hz\ts21_db\n1000\t-0,5\n2000\t-1,5\n3000\t-2,5\n4000\t-3\n",
        b"Frequency_kHz, S21_dB\n1, -0.5\n2, -1.5\n3, -2.5 # measured\n\n4, -3\n",
        "# \u00b5\nfrequency_hz,s21_db\n1e3,-0.5\n2e3,-1.5\n3e3,-2.5\n4e3,-3\n".encode("utf-8-sig"),
        "frequency_hz;s21_db\r\n1e3;-0,5\r\n2e3;-1,5\r\n3e3;-2,5\r\n4e3;-3\r\n".encode("utf-16"),
        b"# made by numpy\n# frequency_hz,s21_db\n1e3,-0.5\n2e3,-1.5\n3e3,-2.5\n4e3,-3\n",
        b"sep=;\nfrequency_hz;s21_db\n1e3;-0,5\n2e3;-1,5\n3e3;-2.5\n4e3;-3\n",
        b"frequency_hz,s21_db,,\n1e3,-0.5,,\n2e3,-1.5,,\n3e3,-2.5,,\n4e3,-3,,\n",
        b"# frequency_hz, s21_db of the first board\nfrequency_hz,s21_db\n4e3,-3\n3e3,-2.5\n2e3,-1.5\n1e3,-0.5\n",
    ],
    ids=[
        "semicolons",
        "tabs",
        "spaces",
        "byte order mark",
        "UTF-16",
        "numpy.savetxt",
        "sep",
        "empty columns",
        "falling",
    ],
)
def test_tables_as_programs_write_them(content, tmp_path):
    (tmp_path / "t.csv").write_bytes(content)
    target = read_target(tmp_path / "t.csv")
    assert isinstance(target, Transmission)
    np.testing.assert_allclose(target.frequency_hz, [1e3, 2e3, 3e3, 4e3])
    assert target.s21_db.tolist() == [-0.5, -1.5, -2.5, -3]


def test_names_of_files(tmp_path):
    (tmp_path / "T.S2P").write_bytes(touchstone("0 0 1 0 1 0 0 0"))
    (tmp_path / "t.ts").write_bytes(touchstone("0 0 1 0 1 0 0 0"))
    (tmp_path / "t.tsv").write_text("frequency_hz\ts21_db\n1\t0\n2\t0\n3\t0\n4\t0\n")
    (tmp_path / "t.TXT").write_text("frequency_hz;s21_db\n1;0\n2;0\n3;0\n4;0\n")
    forms = [type(read_target(path)) for path in sorted(tmp_path.iterdir())]
    assert forms == [Scattering, Transmission, Scattering, Transmission]


def test_a_response_with_more_columns_is_read_as_one(tmp_path, capsys):
    header = "frequency_hz,s21_db,v_re,v_im,i_re,i_im,s11_db\n"
    target = read_target(table(tmp_path / "t.csv", [(k, -1, 2, 0, -1, 0, -9) for k in (1, 2, 3, 4)], header))
    assert isinstance(target, Response)
    assert target.voltage.tolist() == [2] * 4
    assert capsys.readouterr().err.count("V and I are read; passed over: s21_db, s11_db") == 1


CELLS = st.one_of(st.floats(-200, 200), st.just(""), st.text(alphabet='0.,;eE+-#"\tx', max_size=6))


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_any_table_is_a_target_or_one_line(tmp_path_factory, rows, mark, has_s11):
    names = ["frequency_mhz", "lowest_s21_db", "highest_s11_db" if has_s11 else "highest_s21_db"]
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_text("\n".join(mark.join(str(cell) for cell in row) for row in [names, *rows]), encoding="utf-8")
    refusal, mask = None, None
    try:
        mask = read_target(path)
    except UserError as error:
        refusal = str(error)
    if refusal is not None:
        assert refusal.startswith(str(path))
        assert "\n" not in refusal
    else:
        assert (np.diff(mask.frequency_hz) >= 0).all()
        assert np.isfinite(mask.at(USUAL.omega(mask.frequency_hz), USUAL)).any()


@given(st.lists(st.floats(-80, 0), min_size=4, max_size=9), st.lists(st.integers(0, 8), min_size=4, max_size=9))
def test_both_limits_of_every_row_hold(limits, steps):
    # Frequencies of which some stand twice.
    count = min(len(limits), len(steps))
    place = np.cumsum([1 if step else 0 for step in steps[:count]])
    place = np.array([spot for spot in place if (place == spot).sum() <= 2])
    if len(place) < 2 or len(np.unique(place)) < 2:
        return
    mask = as_target(ScatteringMask(1e3 * 2.0**place, None, np.array(limits[: len(place)])))
    at_rows = mask.at(USUAL.omega(mask.frequency_hz), USUAL)[1]
    lowest_there = [mask.highest_s21_db[mask.frequency_hz == hertz].min() for hertz in mask.frequency_hz]
    np.testing.assert_allclose(at_rows, lowest_there)
