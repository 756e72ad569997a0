"""netCDF files: the same sequence comes back, and other programs find what the CF conventions promise."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import Sequence
from hypernet.radar.sources import cf
from hypernet.radar.sources.readers import read_files

xarray = pytest.importorskip("xarray")
netcdf = pytest.importorskip("netCDF4")
pyproj = pytest.importorskip("pyproj")

PROJECTIONS = {
    "Finland": "+proj=stere +lat_0=90 +lon_0=25 +lat_ts=60 +R=6371288 +units=m +no_defs",
    "Netherlands": "+proj=stere +lat_0=90 +lon_0=0.0 +lat_ts=60.0 +a=6378137 +b=6356752 +units=m +no_defs",
    "radar": "+proj=aeqd +lat_0=41.6 +lon_0=-90.6 +datum=WGS84 +units=m +no_defs",
    "Europe": "+proj=laea +lat_0=55 +lon_0=10 +x_0=1950000 +y_0=-2100000 +units=m +ellps=WGS84",
    "Switzerland": "+proj=somerc +lat_0=46.95 +lon_0=7.44 +k_0=1 +x_0=600000 +y_0=200000 +ellps=bessel +units=m",
    "none": "",
}


def sequence(projection=PROJECTIONS["radar"], moving_mask=True, **attributes):
    draw = np.random.default_rng(3)
    # All bytes are used, so none could mean "missing".
    grey = np.resize(np.arange(256, dtype=np.uint8), (5, 9, 7))
    missing = draw.random((5, 9, 7) if moving_mask else (9, 7)) < 0.2
    return Sequence(
        grey=np.where(missing, 0, grey).astype(np.uint8),
        time=np.datetime64("2020-06-01T23:40:07", "s") + np.arange(5) * np.timedelta64(600, "s"),
        missing=missing,
        x=999.674053 * np.arange(7) - 380386.46799117,
        y=-999.62859 * np.arange(9) - 2170633.07322301,
        projection=projection,
        attributes={"source": "a test", "licence": "CC0"} | attributes,
    )


def assert_same(given, expected):
    for name in ("grey", "time", "missing", "x", "y"):
        value, other = getattr(given, name), getattr(expected, name)
        assert value.dtype == other.dtype, name
        assert np.array_equal(value, other), name
    assert given.projection == expected.projection
    assert dict(given.attributes) == dict(expected.attributes)


@pytest.mark.parametrize("place", PROJECTIONS)
@pytest.mark.parametrize("moving_mask", [True, False])
def test_what_is_written_is_read_back(tmp_path, place, moving_mask):
    written = sequence(PROJECTIONS[place], moving_mask, number=3, share=0.5)
    cf.write(tmp_path / "a.nc", written)
    assert_same(cf.read(tmp_path / "a.nc"), written)


def test_the_reader_of_any_netcdf_reads_it_too(tmp_path):
    written = sequence()
    cf.write(tmp_path / "a.nc", written)
    given = read_files([tmp_path / "a.nc"])
    assert np.array_equal(given.grey, written.grey)
    assert np.array_equal(given.missing, written.missing)
    assert np.array_equal(given.time, written.time)
    assert given.projection == written.projection


def test_the_bytes_depend_on_the_sequence_alone(tmp_path):
    for name in ("a.nc", "b.nc"):
        cf.write(tmp_path / name, sequence())
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def forecast_file(folder):
    motion = ("y", "x"), np.ones((9, 7), np.float32), {"units": "m s-1", "long_name": "motion to the east"}
    cf.write_forecast(folder / "f.nc", sequence(), np.datetime64("2020-06-01T23:30:07"), {"eastward": motion})
    return folder / "f.nc"


def sequence_file(folder):
    cf.write(folder / "s.nc", sequence())
    return folder / "s.nc"


@pytest.mark.parametrize("written", [sequence_file, forecast_file])
def test_the_file_keeps_the_conventions(tmp_path, written):
    """As checkers of the CF conventions look: by the C library of netCDF, not by the one that wrote the file."""
    with netcdf.Dataset(written(tmp_path)) as file:
        assert file.Conventions == "CF-1.8"
        assert "hypernet" in file.history
        assert (file.source, file.licence) == ("a test", "CC0")
        for name, standard, units in (
            ("time", "time", "seconds since 1970-01-01"),
            ("x", "projection_x_coordinate", "m"),
            ("y", "projection_y_coordinate", "m"),
        ):
            coordinate = file[name]
            assert coordinate.dimensions == (name,)
            assert (coordinate.standard_name, coordinate.units) == (standard, units)
            steps = np.diff(coordinate[:])
            assert (steps > 0).all() or (steps < 0).all()
            assert "_FillValue" not in coordinate.ncattrs()
        for name, variable in file.variables.items():
            facts = variable.ncattrs()
            if name == "crs":
                continue
            assert "standard_name" in facts or "long_name" in facts, name
            assert "units" in facts or "flag_values" in facts, name
            if variable.dimensions[-2:] == ("y", "x") and "grid_mapping" in facts:
                assert variable.grid_mapping == "crs"
            if "ancillary_variables" in facts:
                assert variable.ancillary_variables in file.variables
            if len(variable.dimensions) > 1:
                assert variable.filters()["zlib"]
        grey = file["gray"]
        grey.set_auto_maskandscale(False)
        assert grey[:].dtype == np.uint8
        assert grey.scale_factor == pytest.approx(1 / 255)
        mask = file["missing"]
        assert mask.flag_meanings.split() == ["measured", "missing"]
        assert set(np.unique(mask[:])) <= set(np.atleast_1d(mask.flag_values))


@pytest.mark.parametrize("place", [name for name in PROJECTIONS if PROJECTIONS[name] and name != "Switzerland"])
def test_the_projection_is_found_by_its_cf_names(tmp_path, place):
    """Without the PROJ string: grid_mapping_name and the numbers put a corner where the string puts it."""
    cf.write(tmp_path / "a.nc", sequence(PROJECTIONS[place]))
    with netcdf.Dataset(tmp_path / "a.nc") as file:
        facts = {name: file["crs"].getncattr(name) for name in file["crs"].ncattrs()}
    assert facts["grid_mapping_name"]
    bare = {name: value for name, value in facts.items() if name not in ("proj_string", "crs_wkt")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        corner = pyproj.Proj(pyproj.CRS.from_cf(bare))(12.0, 50.0)
    assert corner == pytest.approx(pyproj.Proj(PROJECTIONS[place])(12.0, 50.0), abs=1)


def test_a_nowcast_says_when_it_was_made_and_what_it_says_in_dbz(tmp_path):
    written = sequence()
    with xarray.open_dataset(forecast_file(tmp_path), decode_timedelta=False) as stored:
        assert stored.forecast_reference_time.values == np.datetime64("2020-06-01T23:30:07")
        assert stored.lead_time.values.tolist() == [10, 20, 30, 40, 50]
        assert stored.lead_time.attrs["standard_name"] == "forecast_period"
        assert stored.lead_time.attrs["units"] == "minutes"
        assert stored.reflectivity.attrs["standard_name"] == "equivalent_reflectivity_factor"
        # No data is no dry weather.
        expected = np.where(written.missing, np.nan, written.grey / 255 * 70)
        assert np.isnan(expected).any()
        assert stored.reflectivity.values == pytest.approx(expected, abs=1e-4, nan_ok=True)
        assert stored["gray"].values == pytest.approx(written.grey / 255, abs=1e-6)
        assert stored.eastward.dims == ("y", "x")
    assert_same(cf.read(forecast_file(tmp_path)), written)


def test_history_goes_on(tmp_path):
    cf.write(tmp_path / "a.nc", sequence(history="cut out of something"))
    with netcdf.Dataset(tmp_path / "a.nc") as file:
        first, second = file.history.split("\n")
    assert first == "cut out of something"
    assert second.startswith("hypernet")


def test_what_stood_stays_when_the_projection_is_none(tmp_path):
    cf.write(tmp_path / "a.nc", sequence())
    before = (tmp_path / "a.nc").read_bytes()
    with pytest.raises(UserError, match=r"'\+proj=nonsense' is no projection"):
        cf.write(tmp_path / "a.nc", sequence("+proj=nonsense"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]
    assert (tmp_path / "a.nc").read_bytes() == before


def test_files_that_are_not_of_this_kind(tmp_path):
    cf.write(tmp_path / "a.nc", sequence())
    (tmp_path / "cut.nc").write_bytes((tmp_path / "a.nc").read_bytes()[:5000])
    xarray.Dataset({"t": ("x", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    floats = xarray.Dataset({name: (("time", "y", "x"), np.zeros((1, 2, 2))) for name in ("gray", "missing")})
    floats.to_netcdf(tmp_path / "floats.nc", engine="h5netcdf")
    for name, reason in (
        ("nowhere.nc", "not a whole file of grey levels"),
        ("cut.nc", "not a whole file of grey levels"),
        ("other.nc", "not a whole file of grey levels"),
        ("floats.nc", "gray is float64"),
    ):
        with pytest.raises(UserError, match=f"{name}: {reason}"):
            cf.read(tmp_path / name)


def test_one_path_or_several_are_read(tmp_path):
    cf.write(tmp_path / "a.nc", sequence())
    several = read_files([tmp_path / "a.nc"])
    for given in (tmp_path / "a.nc", str(tmp_path / "a.nc"), [str(tmp_path / "a.nc")], iter([tmp_path / "a.nc"])):
        np.testing.assert_array_equal(read_files(given).grey, several.grey)
    for given, name in ((np.zeros((2, 3)), "ndarray"), ([np.zeros(3)], "ndarray"), (7, "int"), ([b"a.nc"], "bytes")):
        with pytest.raises(UserError, match=f"^files: {name} is no path; accepted: paths of radar files$"):
            read_files(given)
