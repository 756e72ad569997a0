"""NEXRAD Level II: the sweep, the grid and the clutter filter, on the volume of Lubbock, read once."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.radar.sources.readers import nexrad, polar, read_files
from hypernet.radar.sources.readers.packing import content

xarray = pytest.importorskip("xarray")
pytest.importorskip("wradlib")
pytest.importorskip("xradar")


@pytest.fixture(scope="module")
def volume(radar_folder):
    return radar_folder("nexrad") / "KLBB20160601_150025_V06"


@pytest.fixture(scope="module")
def sweep(volume):
    return nexrad.lowest_sweep(volume)[0]


@pytest.fixture(scope="module")
def frames(volume):
    """Without and with the clutter filter."""
    return nexrad.read(volume, filter_clutter=False), nexrad.read(volume)


def test_lubbock_gridded(frames):
    # Measured apart from this program, with xradar 0.12 and wradlib 2.9.6.
    raining = frames[0].dbz.clip(min=0)
    assert raining.shape == (250, 250)
    assert raining.max() == 55.5
    assert (raining > 0).mean() == pytest.approx(0.2558, rel=1e-3)
    assert raining.mean() == pytest.approx(5.0646, rel=1e-3)
    assert frames[0].time == np.datetime64("2016-06-01T15:00:25")
    assert not frames[0].missing.any()
    assert "+lat_0=33.654140 +lon_0=-101.814163" in frames[0].projection


def test_the_clutter_filter_only_takes_away(frames, sweep):
    raw, filtered = (frame.dbz.clip(min=0) for frame in frames)
    changed = raw != filtered
    assert 0 < changed.mean() < 0.1
    assert not filtered[changed].any()
    assert polar.is_clutter(sweep.DBZH).mean() == pytest.approx(0.042, abs=0.001)


def test_the_sweep_is_the_first_of_the_lowest(sweep):
    assert (sweep.sizes["azimuth"], float(sweep.sweep_fixed_angle)) == (720, pytest.approx(0.483, abs=0.001))
    # Polarimetric moments are in the first of the two sweeps at this angle alone.
    assert "RHOHV" in sweep
    assert sweep["range"].values[-1] <= 180_000


def test_the_beginning_of_a_volume_holds_the_same_sweep_as_more_of_it(volume, sweep):
    whole_volume = content(volume)
    beginning = nexrad.leading_records(whole_volume, nexrad.LEADING_RECORDS)
    assert len(beginning) < len(whole_volume) / 3
    # Twice as much holds two sweeps more, of the eleven in all.
    whole, attributes = nexrad._lowest(volume, nexrad.leading_records(whole_volume, 2 * nexrad.LEADING_RECORDS))
    assert whole.equals(sweep)
    assert attributes["actual_elevation_cuts"] == 3


def test_a_volume_still_being_sent_is_read_as_far_as_it_goes(volume, frames, tmp_path):
    (tmp_path / "part").write_bytes(content(volume)[:2_000_000])
    assert np.array_equal(nexrad.read(tmp_path / "part").dbz, frames[1].dbz)


@pytest.mark.parametrize("size", [24, 100, 5_000, 400_000])
def test_a_volume_cut_off_is_one_error(volume, tmp_path, size):
    (tmp_path / "cut").write_bytes(content(volume)[:size])
    with pytest.raises(UserError, match=r"cut: not a whole NEXRAD Level II volume \("):
        nexrad.read(tmp_path / "cut")


def test_a_hole_in_the_sweep_is_refused(volume, tmp_path):
    """The third record of rays is lost, which xradar would not mind."""
    whole_volume = content(volume)
    before, after, end = (len(nexrad.leading_records(whole_volume, count)) for count in (3, 4, 12))
    (tmp_path / "hole").write_bytes(whole_volume[:before] + whole_volume[after:end])
    with pytest.raises(UserError, match=r"hole: (the lowest whole sweep|not a whole NEXRAD)"):
        nexrad.read(tmp_path / "hole")


def test_old_volumes_take_their_place_from_the_table(radar_folder):
    sequence = read_files([radar_folder("nexrad") / "KLIX20050828_180149.gz"])
    assert "+lat_0=30.336700 +lon_0=-89.825600" in sequence.projection
    assert sequence.time.astype("datetime64[m]").tolist() == [np.datetime64("2005-08-28T18:01").item()]
    assert sequence.grey.max() <= round(54 / 70 * 255)
    # Katrina covers half of the square.
    assert (sequence.grey > 0).mean() > 0.4


def test_an_old_volume_of_a_station_that_is_not_in_the_table(radar_folder, tmp_path):
    whole_volume = gzip.decompress((radar_folder("nexrad") / "KLIX20050828_180149.gz").read_bytes())
    (tmp_path / "volume").write_bytes(whole_volume[:20] + b"XXXX" + whole_volume[24:])
    with pytest.raises(UserError, match="does not say where XXXX is; known: KDVN, KEAX, KLBB, KLIX"):
        nexrad.read(tmp_path / "volume")


def scan(azimuths, ranges, elevation=0.5):
    """A sweep as xradar gives one, with the site."""
    shape = (len(azimuths), len(ranges))
    return xarray.Dataset(
        {
            "DBZH": (("azimuth", "range"), np.zeros(shape)),
            "sweep_mode": ((), "azimuth_surveillance"),
            "sweep_number": ((), 0),
        },
        coords={
            "azimuth": azimuths,
            "elevation": ("azimuth", np.full(shape[0], elevation)),
            "range": ranges,
            "time": ("azimuth", np.full(shape[0], np.datetime64("2020-01-01", "ns"))),
            "latitude": 41.6,
            "longitude": -90.6,
            "altitude": 230.0,
        },
    )


@pytest.fixture(scope="module")
def coarse():
    return scan(np.arange(90) * 4.0 + 2, np.arange(2000.0, 180_000, 2000))


def test_gates_lie_in_the_direction_of_their_pixels(coarse):
    gates = polar.nearest_gates(coarse, nexrad.SQUARE)
    x, y = np.meshgrid(*nexrad.SQUARE.places())
    azimuth = coarse.azimuth.values[gates // coarse.sizes["range"]]
    distance = coarse["range"].values[gates % coarse.sizes["range"]]
    far = np.hypot(x, y) > 20_000
    turned = (np.degrees(np.arctan2(x, y)) - azimuth + 180) % 360 - 180
    # Clockwise from the north; half a ray, and what lies between angles and the nearest gate.
    assert np.abs(turned[far]).max() < 3
    # Along a beam that rises by half a degree the ground is hardly shorter.
    assert np.abs(np.hypot(x, y) - distance)[far].max() < 2_000


def test_the_gates_of_a_scan_are_looked_for_once(coarse, monkeypatch):
    asked = []
    monkeypatch.setattr(polar, "nearest_gates", lambda *pair: asked.append(pair) or np.full((9, 9), len(asked)))
    gridding, square = polar.Gridding(most=2), nexrad.SQUARE
    rays = coarse.azimuth.values
    assert gridding.gates(coarse, square)[0, 0] == 1
    assert gridding.gates(coarse.assign_coords(azimuth=rays + 0.05), square)[0, 0] == 1
    assert gridding.gates(coarse.assign_coords(azimuth=rays + 1), square)[0, 0] == 2
    assert gridding.gates(coarse.isel(azimuth=slice(80)), square)[0, 0] == 3
    # The oldest is forgotten.
    assert gridding.gates(coarse, square)[0, 0] == 4
    assert len(gridding.known) == 2
    # The same scan, on other pixels.
    assert gridding.gates(coarse, polar.Square(250, 500.0))[0, 0] == 5


@pytest.mark.parametrize("share", [0.0000001, 0.0001, 0.01, 0.1, 0.19, 0.21, 0.22])
def test_a_volume_cut_before_the_end_of_its_lowest_sweep_is_one_line(volume, tmp_path, share):
    whole = content(volume)
    (tmp_path / "cut").write_bytes(whole[: 4 + int(share * len(whole))])
    with pytest.raises(
        UserError, match=r"cut: (not a whole NEXRAD Level II volume \(|the lowest whole sweep)"
    ) as caught:
        read_files(tmp_path / "cut")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.05, 0.5])
def test_an_old_volume_cut_anywhere_is_whole_or_one_line(radar_folder, tmp_path, share):
    """Records of old volumes are not packed; the packed file around them is cut in the last case."""
    packed = (radar_folder("nexrad") / "KLIX20050828_180149.gz").read_bytes()
    if share == 0.5:
        (tmp_path / "cut").write_bytes(packed[: len(packed) // 2])
        with pytest.raises(UserError, match="cut: the gzip file is cut off or damaged"):
            read_files(tmp_path / "cut")
        return
    whole = gzip.decompress(packed)
    (tmp_path / "cut").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"cut: (not a whole NEXRAD Level II volume|the lowest whole sweep)") as caught:
        read_files(tmp_path / "cut")
    assert "\n" not in str(caught.value)
