"""Target strength as people use it, against closed forms."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trimesh

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import matched_filter
from hypernet.sonar.tools.simulate import simulate
from hypernet.sonar.tools.strength import strength, values_of

SPEED = Air().speed_of_sound


def plate(side: float) -> Mesh:
    """Upright, its front along z (y up)."""
    shape = trimesh.creation.box((side, side, 1e-3))
    return Mesh(shape.vertices, shape.faces)


@pytest.fixture
def cube(tmp_path) -> Path:
    trimesh.creation.box((0.1, 0.1, 0.1)).export(tmp_path / "cube.obj")
    return tmp_path / "cube.obj"


def test_plate_against_tilt_and_frequency():
    side, azimuths, frequencies = 0.1, np.array([0.0, 1.0, 4.0, 10.0]), np.array([20e3, 40e3, 60e3])
    result = strength(plate(side), azimuths_deg=azimuths, frequencies_hz=frequencies)
    assert result.target_strength_db.shape == (4, 1, 3)
    sines, cosines = np.sin(np.radians(azimuths))[:, None], np.cos(np.radians(azimuths))[:, None]
    expected = side**2 * frequencies / SPEED * np.abs(np.sinc(2 * side * sines * frequencies / SPEED)) * cosines
    # The plate's edge of a millimetre adds a little off the glint.
    np.testing.assert_allclose(10 ** (result.target_strength_db[:, 0] / 20), expected, atol=0.03 * expected.max())
    np.testing.assert_allclose(result.target_strength_db[0, 0], 20 * np.log10(expected[0]), atol=0.05)


def test_sphere():
    shape = trimesh.creation.icosphere(5, 0.1)
    result = strength(Mesh(shape.vertices, shape.faces), azimuths_deg="0:90:45", frequencies_hz="60000")
    np.testing.assert_allclose(result.target_strength_db, 20 * math.log10(0.05), atol=0.4)


def test_it_agrees_with_the_simulated_echo():
    mesh = plate(0.02)
    level = strength(mesh, azimuths_deg="4", frequencies_hz="50000").target_strength_db.item()
    echo = simulate(
        mesh, range_m=3, azimuth_deg=4, elevation_deg=0, microphones=[(0, 0, 0)], call="cf:50000:4ms", absorption=False
    )
    peak = matched_filter(echo.samples, echo.record.emitted).max()
    assert 20 * math.log10(peak) + 40 * math.log10(3) == pytest.approx(level, abs=0.1)


def test_the_command(cube, tmp_path, capsys):
    options = ["--unit", "m", "--frequencies", "40000,60000", "--azimuths", "-90:90:5", "--elevations", "-10,0"]
    files = ["--out", str(tmp_path / "ts.csv"), "--picture", str(tmp_path / "ts.png")]
    assert main(["sonar", "strength", str(cube), *options, *files]) == 0
    printed = capsys.readouterr().out
    assert "target strength (dB re 1 m, far field, no loss in air)" in printed
    assert "0.1 m deep" in printed
    table = pd.read_csv(tmp_path / "ts.csv")
    assert list(table) == ["azimuth_deg", "elevation_deg", "frequency_hz", "target_strength_db"]
    assert len(table) == 37 * 2 * 2
    best = table.loc[table.target_strength_db.idxmax()]
    assert best.elevation_deg == 0
    assert best.azimuth_deg in (-90, 0, 90)
    assert best.target_strength_db == pytest.approx(20 * math.log10(0.01 * 60e3 / SPEED), abs=0.05)
    assert (tmp_path / "ts.png").stat().st_size > 10_000


def test_a_picture_against_the_elevation(cube, tmp_path):
    result = strength(cube, azimuths_deg="0", elevations_deg="-90:90:10", frequencies_hz="30000:60000:10000")
    result.figure().savefig(tmp_path / "ts.png")
    assert result.table().shape == (19 * 4, 4)


def test_a_mesh_smaller_than_a_wave_is_noted():
    assert "physical optics is for larger ones" in strength(plate(0.005), azimuths_deg="0").summary()


def test_values():
    np.testing.assert_allclose(values_of("-10:10:5", "angles", -90, 90), [-10, -5, 0, 5, 10])
    np.testing.assert_allclose(values_of("0:1:0.1", "angles", -90, 90), np.linspace(0, 1, 11))
    np.testing.assert_allclose(values_of("3,1", "angles", -90, 90), [3, 1])
    np.testing.assert_allclose(values_of(np.array([1, 2]), "angles", -90, 90), [1, 2])
    with pytest.raises(UserError, match="angles: accepted are numbers from -90 to 90"):
        values_of(np.array([100.0]), "angles", -90, 90)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--frequencies", "20000:80000"], "frequencies: '20000:80000' is not numbers from 100 to 1e\\+06"),
        (["--frequencies", "0"], "frequencies: accepted are numbers from 100"),
        (["--frequencies", "80000:20000:1000"], "frequencies: '80000:20000:1000' is not"),
        (["--azimuths", "0:90:0"], "azimuths: '0:90:0' is not"),
        (["--azimuths", "0:nan:1"], "azimuths: '0:nan:1' is not"),
        (["--elevations", "95"], "elevations: accepted are numbers from -90 to 90"),
        (["--frequencies", "1000:100000:10", "--azimuths", "0:90:1"], "at most 100,000 are accepted"),
        (["--unit", "mm", "--temperature", "300"], "300 K would be 26.9 °C"),
        (["--out", "ts.xlsx"], "ts.xlsx: the name must end in .csv"),
        (["--picture", "ts.pdf"], "the name must end in .png or .svg"),
        (["--size", "-1"], "size: -1 m is not from"),
    ],
)
def test_refused(cube, capsys, options, line):
    assert main(["sonar", "strength", str(cube), *options]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert re.search(line, lines[0])
