"""ODIM_H5 beyond plain composites: files that do not say so, grids of degrees, scans and volumes of one radar."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.radar.sources.readers import read_files, read_frames
from tests.radar.sources.test_readers import as_bytes, write_odim

h5py = pytest.importorskip("h5py")
pyproj = pytest.importorskip("pyproj")

LATITUDE, LONGITUDE = 52.0, 5.0
VALUES = np.arange(12, dtype=np.uint8).reshape(3, 4) + 64


def degrees(**changes):
    corners = {"UL_lon": 4.0, "UR_lon": 4.8, "LL_lon": 4.0, "LR_lon": 4.8}
    heights = {"UL_lat": 54.0, "UR_lat": 54.0, "LL_lat": 53.4, "LR_lat": 53.4}
    return {"projdef": "+proj=longlat +datum=WGS84", "xscale": 0.2, "yscale": 0.2} | corners | heights | changes


def without(path, *names):
    """The same file, with attributes ``where`` taken away."""
    with h5py.File(path, "a") as file:
        for name in names:
            del file["where"].attrs[name]
    return path


def test_files_that_do_not_say_what_they_are(tmp_path):
    (expected,) = read_frames(write_odim(tmp_path / "a.h5", VALUES))
    for name, conventions in (("b.h5", None), ("c.h5", "H5rad 2.2")):
        path = write_odim(tmp_path / name, VALUES)
        with h5py.File(path, "a") as file:
            del file.attrs["Conventions"]
            if conventions:
                file.attrs["Conventions"] = conventions
        (frame,) = read_frames(path)
        assert np.array_equal(frame.dbz, expected.dbz)
        assert np.array_equal(frame.x, expected.x)
        assert frame.time == expected.time


@pytest.mark.parametrize(
    ("where", "absent"),
    [
        (degrees(), ()),
        # Some programs write metres, as the format wants it of other projections.
        (degrees(xscale=13_000.0, yscale=22_000.0), ()),
        (degrees(), ("LL_lon", "LL_lat", "LR_lon", "LR_lat", "UR_lon", "UR_lat")),
        (degrees(), ("UL_lon", "UL_lat", "UR_lon", "UR_lat")),
    ],
    ids=["corners and scale", "scale in metres", "one corner above", "corners below"],
)
def test_columns_and_rows_of_degrees(tmp_path, where, absent):
    (frame,) = read_frames(without(write_odim(tmp_path / "a.h5", VALUES, where=where), *absent))
    longitude, latitude = pyproj.Proj(frame.projection)(*np.meshgrid(frame.x, frame.y), inverse=True)
    assert longitude[0] == pytest.approx([4.1, 4.3, 4.5, 4.7], abs=1e-7)
    assert latitude[:, 0] == pytest.approx([53.9, 53.7, 53.5], abs=1e-7)
    assert frame.dbz == pytest.approx(VALUES * 0.5 - 32)
    assert "a grid of degrees" in frame.notes[0]


def test_the_lower_corner_places_the_image_too(tmp_path):
    (expected,) = read_frames(write_odim(tmp_path / "a.h5", VALUES))
    edge = pyproj.Proj(expected.projection)(0, -6000, inverse=True)
    path = write_odim(tmp_path / "b.h5", VALUES, where={"LL_lon": edge[0], "LL_lat": edge[1]})
    (frame,) = read_frames(without(path, "UL_lon", "UL_lat"))
    assert frame.y == pytest.approx(expected.y, abs=1)


def test_of_several_quantities_reflectivity_is_read(tmp_path):
    path = write_odim(tmp_path / "a.h5", VALUES, {"quantity": "RATE", "gain": 0.1, "offset": 0.0})
    with h5py.File(path, "a") as file:
        for place, quantity in (("dataset1/data2", "QIND"), ("dataset2/data1", "TH"), ("dataset10/data1", "DBZH")):
            facts = {"quantity": quantity, "gain": 0.5, "offset": -32.0, "nodata": 255.0, "undetect": 0.0}
            file.require_group(f"{place}/what").attrs.update(as_bytes(facts))
            file[place].create_dataset("data", data=VALUES + 20 * (quantity == "DBZH"))
    (frame,) = read_frames(path)
    assert frame.dbz == pytest.approx((VALUES + 20.0) * 0.5 - 32)


def test_numbers_without_a_scale(tmp_path):
    """Floating point, as much software writes: fill values far away, or not a number."""
    path = write_odim(
        tmp_path / "a.h5",
        VALUES,
        {"gain": 1.0, "offset": 0.0, "nodata": -9_999_000.0, "undetect": -8_888_000.0},
    )
    with h5py.File(path, "a") as file:
        del file["dataset1/data1/data"]
        file["dataset1/data1"].create_dataset("data", data=np.array([[12.5, -8_888_000, -9_999_000, np.nan]] * 3))
    (frame,) = read_frames(path)
    assert frame.dbz[0].tolist() == [12.5, 0, 0, 0]
    assert frame.missing[0].tolist() == [False, False, True, True]


# ---------------------------------------------------------------- scans and volumes


def write_volume(path, sweeps, product="PVOL", conventions=True):
    """After the tables of the format; sweeps: angle, bytes ``[rays, gates]``, further attributes by group."""
    with h5py.File(path, "w") as file:
        if conventions:
            file.attrs["Conventions"] = np.bytes_("ODIM_H5/V2_2")
        top = {"object": product, "date": "20200115", "time": "093000", "source": "WMO:06260"}
        file.create_group("what").attrs.update(as_bytes(top))
        place = {"lat": LATITUDE, "lon": LONGITUDE, "height": 50.0}
        file.create_group("where").attrs.update(place)
        for number, (angle, quantities, further) in enumerate(sweeps, start=1):
            rays, gates = next(iter(quantities.values())).shape
            where = {"elangle": angle, "nrays": rays, "nbins": gates, "rstart": 0.0, "rscale": 1000.0, "a1gate": 7}
            group = file.create_group(f"dataset{number}")
            group.create_group("where").attrs.update(where | further.get("where", {}))
            times = {"startdate": "20200115", "starttime": "092500", "enddate": "20200115", "endtime": "092530"}
            group.create_group("what").attrs.update(as_bytes(times))
            if "how" in further:
                group.create_group("how").attrs.update(further["how"])
            for place_of, (quantity, data) in enumerate(quantities.items(), start=1):
                facts = {"quantity": quantity, "gain": 0.5, "offset": -32.0, "nodata": 255.0, "undetect": 0.0}
                group.create_group(f"data{place_of}/what").attrs.update(as_bytes(facts))
                group[f"data{place_of}"].create_dataset("data", data=data)
    return path


def sector(rays=360, gates=120, first=40, last=50, level=104):
    """Echo of 20 dBZ in the north-east, 40 to 50 degrees clockwise from the north, from 60 km on to 70 km."""
    data = np.zeros((rays, gates), np.uint8)
    data[first * rays // 360 : last * rays // 360, gates // 2 : gates * 7 // 12] = level
    return data


@pytest.fixture(scope="module")
def _gridding():
    pytest.importorskip("wradlib")
    pytest.importorskip("xarray")


def within(frame, low, high, near, far):
    x, y = np.meshgrid(frame.x, frame.y)
    azimuth, distance = np.degrees(np.arctan2(x, y)) % 360, np.hypot(x, y)
    return (azimuth > low) & (azimuth < high) & (distance > near) & (distance < far)


@pytest.mark.usefixtures("_gridding")
@pytest.mark.parametrize("product", ["PVOL", "SCAN"])
def test_a_sweep_lies_around_its_radar(tmp_path, product):
    path = write_volume(tmp_path / "a.h5", [(0.5, {"DBZH": sector()}, {})], product)
    (frame,) = read_frames(path)
    assert frame.dbz.shape == (240, 240)
    assert (frame.x[0], frame.y[0]) == (-119_500, 119_500)
    # Half a gate and half a ray inside, all is echo; as much outside, nothing.
    assert (frame.dbz[within(frame, 41, 49, 61_000, 69_000)] == 20).all()
    assert not frame.dbz[~within(frame, 39, 51, 58_500, 71_500)].any()
    x, y = np.meshgrid(frame.x, frame.y)
    assert np.array_equal(frame.missing, np.hypot(x, y) > 120_000)
    assert pyproj.Proj(frame.projection)(0, 0, inverse=True) == pytest.approx((LONGITUDE, LATITUDE))
    assert frame.time == np.datetime64("2020-01-15T09:30")
    assert frame.notes == ("DBZH of the sweep at 0.5 degrees, on 240 x 240 pixels of 1000 m",)


@pytest.mark.usefixtures("_gridding")
def test_the_lowest_sweep_with_corrected_reflectivity(tmp_path):
    empty = np.zeros((360, 120), np.uint8)
    sweeps = [
        (2.0, {"DBZH": empty}, {}),
        (0.3, {"VRADH": empty}, {}),
        (0.5, {"DBZH": empty[:, :100]}, {}),
        (0.5, {"TH": empty, "DBZH": sector()}, {}),
    ]
    (frame,) = read_frames(write_volume(tmp_path / "a.h5", sweeps, conventions=False))
    assert frame.dbz.max() == 20
    assert "DBZH at 0.5 degrees" in frame.attributes["product"]


@pytest.mark.usefixtures("_gridding")
def test_measured_azimuths_count(tmp_path):
    """The first ray points to 90 degrees; a ray crosses the north."""
    start = (np.arange(360) + 90.5) % 360
    how = {"startazA": start, "stopazA": (start + 1) % 360}
    path = write_volume(tmp_path / "a.h5", [(0.5, {"DBZH": sector()}, {"how": how})])
    (frame,) = read_frames(path)
    assert (frame.dbz[within(frame, 132, 139, 61_000, 69_000)] == 20).all()
    assert not frame.dbz[~within(frame, 129, 142, 58_500, 71_500)].any()


@pytest.mark.usefixtures("_gridding")
def test_azimuths_and_gates_are_those_of_xradar(tmp_path):
    xradar = pytest.importorskip("xradar")
    from hypernet.radar.sources.readers import scans

    start = (np.arange(360) + 0.25) % 360
    how = {"startazA": start, "stopazA": (start + 1) % 360}
    further = {"how": how, "where": {"rstart": 2.0, "rscale": 500.0}}
    path = write_volume(tmp_path / "a.h5", [(0.5, {"DBZH": sector()}, further)])
    theirs = xradar.io.open_odim_datatree(path)["sweep_0"].to_dataset().sortby("azimuth")
    where = {"elangle": 0.5, "nrays": 360, "nbins": 120, "rstart": 2.0, "rscale": 500.0}
    site = {"lat": LATITUDE, "lon": LONGITUDE, "height": 50.0}
    ours = scans._sweep(path, np.zeros((360, 120)), where | site, how)
    assert ours.azimuth.values == pytest.approx(theirs.azimuth.values, abs=1e-3)
    assert ours["range"].values == pytest.approx(theirs["range"].values)


@pytest.mark.usefixtures("_gridding")
def test_gates_without_data_are_missing_and_pixels_fit_the_reach(tmp_path):
    data = sector(gates=240)
    data[180:270] = 255
    path = write_volume(tmp_path / "a.h5", [(0.5, {"TH": data}, {"where": {"rscale": 250.0}})])
    (frame,) = read_frames(path)
    # 60 km: pixels of half a kilometre.
    assert frame.dbz.shape == (240, 240)
    assert np.diff(frame.x)[0] == 500
    assert frame.missing[within(frame, 182, 268, 0, 60_000)].all()
    assert not frame.missing[within(frame, 2, 178, 0, 59_000)].any()
    assert frame.dbz[within(frame, 41, 49, 31_000, 34_000)].max() == 20


REFUSED = {
    "steep": ([(20.0, {"DBZH": sector()}, {})], "the lowest sweep is at 20 degrees; accepted: up to 10"),
    "wind alone": ([(0.5, {"VRADH": sector()}, {})], "holds VRADH; accepted: DBZH"),
    "no sweep": ([], "holds no data"),
    "another size": ([(0.5, {"DBZH": sector()}, {"where": {"nrays": 361}})], r"the header says \(361, 120\)"),
    "no gates": ([(0.5, {"DBZH": sector()}, {"where": {"rscale": 0.0}})], "accepted: positive"),
    "a sector": (
        [
            (
                0.5,
                {"DBZH": sector()},
                {"how": {"startazA": np.arange(360) / 4, "stopazA": np.arange(360) / 4 + 0.25}},
            )
        ],
        "the widest gap between rays is 270.2 degrees",
    ),
}


@pytest.mark.usefixtures("_gridding")
@pytest.mark.parametrize("case", REFUSED)
def test_sweeps_that_are_refused(tmp_path, case):
    sweeps, reason = REFUSED[case]
    path = write_volume(tmp_path / "a.h5", sweeps)
    with pytest.raises(UserError, match=reason) as caught:
        read_files(path)
    assert "\n" not in str(caught.value)
