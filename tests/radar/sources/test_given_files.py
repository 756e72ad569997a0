"""Small files from use: the same rain in other units, layouts and formats gives the same images.

What the files hold was read with h5py alone; the reflectivities that rain rates stand for are those of Marshall and
Palmer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hypernet.radar.sources.readers import read_files

h5py = pytest.importorskip("h5py")
pytest.importorskip("xarray")

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "cases" / "radar"


def given(pattern: str) -> list[Path]:
    """The files of a case, and a skip where this machine has none."""
    return sorted(FOLDER.glob(pattern)) or pytest.skip(f"no file {pattern} in {FOLDER}")


def stored(name: str, variable: str) -> np.ndarray:
    with h5py.File(given(name)[0]) as file:
        return file[variable][()].astype(np.float64)


@pytest.fixture(scope="module")
def good():
    return stored("good.nc", "DBZH")


def dbz(sequence) -> np.ndarray:
    return sequence.grey / 255 * 70


# Half a grey level, and half of what the case's numbers are rounded to.
ROUNDING, STEP = 70 / 255 / 2, 0.25


@pytest.mark.parametrize("name", ["withz.nc", "xdesc.nc", "neginf.nc", "odim15_*.h5", "odim_ll*.h5", "odim_noconv*.h5"])
def test_the_same_reflectivity(good, name):
    sequence = read_files(given(name))
    assert sequence.grey.shape == good.shape
    assert not sequence.missing.any()
    # Some cases leave out what is below 1 dBZ.
    assert np.abs(dbz(sequence) - good)[good > 1].max() <= ROUNDING + STEP
    assert dbz(sequence)[good <= 1].max() <= 1 + ROUNDING + STEP


@pytest.mark.parametrize(("name", "variable", "per_hour"), [("rate_hat.nc", "RR", 1.0), ("amount.nc", "tp", 6.0)])
def test_the_same_rain(good, name, variable, per_hour):
    rate = per_hour * stored(name, variable)
    expected = np.where(rate > 0, 10 * np.log10(200 * rate.clip(1e-9) ** 1.6), 0)
    sequence = read_files(given(name))
    assert dbz(sequence) == pytest.approx(expected.clip(0, 70), abs=ROUNDING)
    # Only where it rains more than 0.1 mm/h.
    assert np.abs(dbz(sequence) - good)[rate > 0.1].max() <= ROUNDING + STEP


def test_linear_reflectivity():
    expected = 10 * np.log10(stored("zlin_small.nc", "Z"))
    assert 10 < expected.max() < 20
    assert dbz(read_files(given("zlin_small.nc"))) == pytest.approx(expected, abs=ROUNDING)


def test_how_long_the_rain_of_an_image_is_was_measured(capsys):
    sequence = read_files(given("amount.nc"))
    said_once = capsys.readouterr().err
    assert "tp is rain of 10 minutes by the step from image to image" in said_once
    assert "tp is rain of 10 minutes" in sequence.attributes["comment"]


def test_columns_from_the_east_are_turned_over(good):
    plain, turned = read_files(given("good.nc")), read_files(given("xdesc.nc"))
    assert np.array_equal(plain.grey, turned.grey)
    assert (np.diff(turned.x) > 0).all()


def test_fifteen_minutes_are_read_as_they_come():
    time = read_files(given("odim15_*.h5")).time
    assert (np.diff(time) == np.timedelta64(900, "s")).all()


def test_degrees_lead_back():
    pyproj = pytest.importorskip("pyproj")
    sequence = read_files(given("odim_ll*.h5"))
    longitude, latitude = pyproj.Proj(sequence.projection)(sequence.x, sequence.y, inverse=True)
    assert longitude[[0, -1]] == pytest.approx([4.005, 4.795], abs=2e-5)
    # Pixels are 0.01 degrees of latitude high: 1.11 km on the sphere.
    assert sequence.y[0] - sequence.y[1] == pytest.approx(np.radians(0.01) * 6_371_000)
    assert latitude.mean() == pytest.approx(53.6, abs=1e-6)


def motion(sequence) -> tuple[float, float]:
    """Pixels south and east from the third image to the last, by the largest correlation of their spectra."""
    before, after = (np.fft.rfft2(image - image.mean()) for image in dbz(sequence)[2:4])
    correlation = np.fft.irfft2(after * before.conj(), s=sequence.grey.shape[1:])
    south, east = np.unravel_index(correlation.argmax(), correlation.shape)
    return tuple((np.array([south, east]) + 40) % 80 - 40)


@pytest.mark.parametrize(
    "name",
    [
        "amount.nc",
        "neginf.nc",
        "rate_hat.nc",
        "withz.nc",
        "xdesc.nc",
        "zlin_small.nc",
        "odim_ll*.h5",
        "odim_noconv*.h5",
    ],
)
def test_the_same_motion(name):
    expected = motion(read_files(given("good.nc")))
    assert expected != (0, 0)
    assert motion(read_files(given(name))) == expected
