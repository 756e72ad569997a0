"""netCDF files: the same sequence comes back, and other programs find what the CF conventions promise."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import replace

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
    "Australia": "+proj=aea +lat_1=-18 +lat_2=-36 +lat_0=0 +lon_0=132 +ellps=GRS80 +units=m",
    "Belgium": "+proj=lcc +lat_1=50 +lat_0=50 +lon_0=4.55 +ellps=GRS80 +units=m",
    "Germany": "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=370 +x_0=543196 +y_0=3622588 +a=6378137 +b=6356752.3142451802",
    "kilometres": "+proj=stere +lat_0=90 +lon_0=10 +lat_ts=60 +ellps=WGS84 +units=km",
    "code": "EPSG:3067",
    "web": "EPSG:3857",
    "WKT": pyproj.CRS("EPSG:3035").to_wkt(),
    "France": "EPSG:27572",
    "gnomonic": "+proj=gnom +lat_0=50 +lon_0=9 +R=6371000 +units=m",
    "plane of degrees": "+proj=eqc +lat_ts=46.5 +lat_0=46.5 +lon_0=8.25 +R=6371000 +units=m +no_defs",
    "degrees": "+proj=longlat +datum=WGS84 +no_defs",
    "none": "",
}
# Of these CF has no name, or no numbers that are whole.
UNNAMED = ("France", "gnomonic")
# Of the same words in CF as another place; the checker takes its time.
ALIKE = ("Netherlands", "Germany", "kilometres", "WKT")
# Of the checker, which takes one name of an attribute for a list of letters.
FAULTS_OF_THE_CHECKER = ("is a required attribute for grid mapping mercator",)


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


def placed(place, **changes):
    """A sequence on a grid of 9 x 7 pixels that lies where its projection is good."""
    corner = {"France": (6e5, 2.4e6), "code": (4e5, 6.8e6), "WKT": (4.3e6, 3.2e6), "degrees": (7.0, 47.0)}
    left, top = corner.get(place, (-3e5, 2e5))
    step = 0.01 if place == "degrees" else 1000.0
    grid = {"x": left + step * np.arange(7), "y": top - step * np.arange(9)}
    return replace(sequence(PROJECTIONS[place], **changes), **grid)


def assert_same(given, expected):
    for name in ("grey", "time", "missing", "x", "y"):
        value, other = getattr(given, name), getattr(expected, name)
        assert value.dtype == other.dtype, name
        assert np.array_equal(value, other), name
    assert given.projection == expected.projection
    assert dict(given.attributes) == dict(expected.attributes)


@pytest.mark.parametrize(("place", "moving_mask"), [*((place, True) for place in PROJECTIONS), ("Finland", False)])
def test_what_is_written_is_read_back(tmp_path, place, moving_mask):
    written = placed(place, moving_mask=moving_mask, number=3, share=0.5, empty="", title="Rain")
    cf.write(tmp_path / "a.nc", written)
    assert_same(cf.read(tmp_path / "a.nc"), written)
    grey, time = cf.read_levels(tmp_path / "a.nc")
    assert (grey.dtype, time.dtype) == (written.grey.dtype, written.time.dtype)
    np.testing.assert_array_equal(grey, written.grey)
    np.testing.assert_array_equal(time, written.time)


@pytest.mark.parametrize("place", ["Finland", "Switzerland", "plane of degrees", "web", "none"])
def test_the_reader_of_any_netcdf_reads_it_too(tmp_path, place):
    written = placed(place)
    for write in (cf.write, nowcast):
        write(tmp_path / "a.nc", written)
        given = read_files([tmp_path / "a.nc"])
        for name in ("grey", "missing", "time", "x", "y"):
            assert np.array_equal(getattr(given, name), getattr(written, name)), name
        assert given.projection == written.projection


def test_files_of_the_version_before_are_read(tmp_path):
    """Grey levels as bytes, and times as whole numbers of 64 bits."""
    written = sequence()
    over = ("time", "y", "x")
    xarray.Dataset(
        {
            "gray": (over, written.grey, {"scale_factor": 1 / 255, "grid_mapping": "crs"}),
            "missing": (over, written.missing.astype(np.int8)),
            "crs": ((), 0, {"proj_string": written.projection}),
        },
        {"time": written.time.astype("datetime64[ns]"), "y": written.y, "x": written.x},
        dict(written.attributes) | {"Conventions": "CF-1.8", "history": "hypernet"},
    ).to_netcdf(
        tmp_path / "a.nc",
        engine="h5netcdf",
        encoding={"time": {"units": "seconds since 1970-01-01", "dtype": "int64"}},
    )
    assert_same(cf.read(tmp_path / "a.nc"), written)


def test_the_bytes_depend_on_the_sequence_alone(tmp_path):
    for name in ("a.nc", "b.nc"):
        cf.write(tmp_path / name, sequence())
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def nowcast(path, forecast):
    eastward = np.full((9, 7), np.nan, np.float32)
    eastward[2:] = 3
    motion = ("y", "x"), eastward, {"units": "m s-1", "long_name": "motion to the east"}
    cf.write_forecast(path, forecast, np.datetime64("2020-06-01T23:30:07"), {"eastward": motion})


def forecast_file(folder):
    nowcast(folder / "f.nc", sequence())
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
        assert grey[:].dtype == np.int16
        assert grey.scale_factor.dtype == np.float32
        assert grey.scale_factor == pytest.approx(1 / 255)
        mask = file["missing"]
        assert mask.flag_meanings.split() == ["measured", "missing"]
        assert set(np.unique(mask[:])) <= set(np.atleast_1d(mask.flag_values))


@pytest.fixture(scope="module")
def complaints():
    """A function from a file to what the checker of the conventions says against it."""
    suite = pytest.importorskip("compliance_checker.suite").CheckSuite()
    suite.load_all_available_checkers()

    def of(path):
        dataset = suite.load_dataset(str(path))
        try:
            groups, errors = suite.run_all(dataset, ["cf:1.8"])["cf:1.8"]
        finally:
            dataset.close()
        assert not errors
        told = []
        for result in groups:
            score, most = result.value if isinstance(result.value, tuple) else (result.value, True)
            told += [f"{result.name}: {message}" for message in result.msgs if score != most]
        return [message for message in told if not message.endswith(FAULTS_OF_THE_CHECKER)]

    return of


@pytest.mark.parametrize("place", [name for name in PROJECTIONS if name not in ALIKE])
def test_the_checker_of_the_conventions_finds_nothing(tmp_path, complaints, place):
    nowcast(tmp_path / "f.nc", placed(place))
    assert complaints(tmp_path / "f.nc") == []


@pytest.mark.parametrize("place", ["radar", "gnomonic", "plane of degrees"])
def test_nor_in_prepared_data(tmp_path, complaints, place):
    """Whatever the files said of themselves that the images came from."""
    foreign = {"Conventions": "CF/Radial", "featureType": "grid", "institution": 5, "title": "", "a b": 2**40}
    cf.write(tmp_path / "s.nc", placed(place, moving_mask=False, **foreign))
    assert complaints(tmp_path / "s.nc") == []
    assert cf.read(tmp_path / "s.nc").attributes["institution"] == "5"


def test_the_checker_sees_faults(tmp_path, complaints):
    cf.write(tmp_path / "s.nc", sequence())
    shutil.copy(tmp_path / "s.nc", tmp_path / "bad.nc")
    with netcdf.Dataset(tmp_path / "bad.nc", "a") as file:
        file["missing"].standard_name = "no_such_name"
    assert any("no_such_name" in message for message in complaints(tmp_path / "bad.nc"))


@pytest.mark.parametrize("place", [name for name in PROJECTIONS if name != "none"])
def test_other_programs_place_the_file(tmp_path, place):
    """By latitudes and longitudes as PROJ has them, or by the projection where GDAL, QGIS and rioxarray look."""
    written, degrees = placed(place), "degrees" in place
    cf.write(tmp_path / "a.nc", written)
    factor = 1000.0 if place == "kilometres" else 1.0
    across, along = np.meshgrid(written.x / factor, written.y / factor)
    inverse = pyproj.Proj(PROJECTIONS[place])
    expected = (across, along) if place == "degrees" else inverse(across, along, inverse=True)
    with xarray.open_dataset(tmp_path / "a.nc", decode_coords="all") as stored:
        variable = stored["gray"]
        longitude, latitude = (variable[name].values for name in ("longitude", "latitude"))
        if degrees:
            assert variable.dims == ("time", "latitude", "longitude")
            longitude, latitude = np.meshgrid(longitude, latitude)
        else:
            assert variable.dims == ("time", "y", "x")
            assert latitude.dtype == np.float32
        assert longitude == pytest.approx(expected[0], abs=5e-5)
        assert latitude == pytest.approx(expected[1], abs=5e-5)
        name = "spatial_ref" if place in UNNAMED else "crs"
        assert variable.encoding.get("grid_mapping", "spatial_ref") == name
        facts = variable[name].attrs
        assert facts["crs_wkt"] == facts["spatial_ref"]
        crs = pyproj.CRS(facts["crs_wkt"])
        assert crs.axis_info[0].unit_name == ("degree" if degrees else "metre")
        if not degrees:
            # The axes of the file are those of this projection.
            assert pyproj.Proj(crs)(longitude[4, 3], latitude[4, 3]) == pytest.approx(
                (float(variable.x[3]), float(variable.y[4])), abs=2
            )


@pytest.mark.parametrize(
    "place", ["Finland", "Netherlands", "radar", "Europe", "Australia", "Belgium", "Germany", "code", "web", "WKT"]
)
def test_the_projection_is_found_by_its_cf_names(tmp_path, place):
    """Without WKT and PROJ string: grid_mapping_name and the numbers put a corner where the string puts it."""
    cf.write(tmp_path / "a.nc", placed(place))
    with netcdf.Dataset(tmp_path / "a.nc") as file:
        facts = {name: file["crs"].getncattr(name) for name in file["crs"].ncattrs()}
    assert facts["grid_mapping_name"]
    bare = {name: value for name, value in facts.items() if name not in ("proj_string", "crs_wkt", "spatial_ref")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        corner = pyproj.Proj(pyproj.CRS.from_cf(bare))(12.0, 50.0)
    assert corner == pytest.approx(pyproj.Proj(PROJECTIONS[place])(12.0, 50.0), abs=1)


def test_switzerland_is_an_oblique_mercator_along_the_parallel(tmp_path):
    """Appendix F of CF: azimuth, origin, scale and false origin say all, x and y to the east and to the north."""
    cf.write(tmp_path / "a.nc", placed("Switzerland"))
    with netcdf.Dataset(tmp_path / "a.nc") as file:
        crs = file["crs"]
        assert crs.grid_mapping_name == "oblique_mercator"
        assert crs.azimuth_of_central_line == 90
        same = (
            f"+proj=omerc +lat_0={crs.latitude_of_projection_origin} +lonc={crs.longitude_of_projection_origin} "
            f"+alpha=90 +gamma=90 +k={crs.scale_factor_at_projection_origin} +x_0={crs.false_easting} "
            f"+y_0={crs.false_northing} +a={crs.semi_major_axis} +b={crs.semi_minor_axis}"
        )
    assert pyproj.Proj(same)(9.0, 47.5) == pytest.approx(pyproj.Proj(PROJECTIONS["Switzerland"])(9.0, 47.5), abs=1)


def test_what_cf_cannot_say_is_not_said_by_half(tmp_path):
    """CF has no scale factor of a Lambert projection and no meridian but Greenwich in grades."""
    for place in UNNAMED:
        cf.write(tmp_path / "a.nc", placed(place))
        with netcdf.Dataset(tmp_path / "a.nc") as file:
            assert "crs" not in file.variables
            assert "grid_mapping" not in file["gray"].ncattrs()
            assert "grid_mapping_name" not in file["spatial_ref"].ncattrs()
            assert "spatial_ref" in file["gray"].coordinates.split()


def test_corners_beyond_the_horizon_have_no_latitude(tmp_path, complaints):
    """A satellite's view: the corners look past the Earth."""
    seen = replace(
        sequence("+proj=geos +h=35785831 +lon_0=0 +sweep=y +ellps=WGS84"),
        x=2e6 * np.arange(-3, 4.0),
        y=1.5e6 * np.arange(4, -5.0, -1),
    )
    nowcast(tmp_path / "f.nc", seen)
    with xarray.open_dataset(tmp_path / "f.nc") as stored:
        assert np.isnan(stored.latitude[0, 0])
        assert float(stored.latitude[4, 3]) == pytest.approx(0, abs=1e-6)
    assert complaints(tmp_path / "f.nc") == []
    assert_same(cf.read(tmp_path / "f.nc"), seen)


def test_a_nowcast_says_when_it_was_made_and_what_it_says_in_dbz(tmp_path):
    written = sequence()
    # Where no data are there is no dry weather.
    grey = np.where(written.missing, np.nan, written.grey / 255)
    assert np.isnan(grey).any()
    with xarray.open_dataset(forecast_file(tmp_path), decode_timedelta=False) as stored:
        for name in ("gray", "reflectivity", "rainfall_rate", "eastward"):
            assert stored[name].dtype == np.float32, name
        assert stored.forecast_reference_time.values == np.datetime64("2020-06-01T23:30:07")
        assert stored.lead_time.values.tolist() == [10, 20, 30, 40, 50]
        assert stored.lead_time.attrs["standard_name"] == "forecast_period"
        assert stored.lead_time.attrs["units"] == "minutes"
        assert stored.reflectivity.attrs["standard_name"] == "equivalent_reflectivity_factor"
        assert stored.rainfall_rate.attrs["standard_name"] == "rainfall_rate"
        assert stored.rainfall_rate.attrs["units"] == "mm h-1"
        assert stored.reflectivity.values == pytest.approx(70 * grey, abs=1e-4, nan_ok=True)
        # Marshall and Palmer: Z = 200 R^1.6; 0 dBZ counts as dry.
        rate = np.where(grey > 0, (10 ** (7 * grey) / 200) ** 0.625, grey)
        assert stored.rainfall_rate.values == pytest.approx(rate, rel=1e-4, nan_ok=True)
        assert stored["gray"].values == pytest.approx(grey, abs=1e-6, nan_ok=True)
        assert stored.attrs["title"] == "Nowcast of radar images"
        assert np.isnan(stored.eastward.values[:2]).all()
        assert (stored.eastward.values[2:] == 3).all()
        assert stored.eastward.dims == ("y", "x")
    assert_same(cf.read(forecast_file(tmp_path)), written)


def test_texts_are_characters_that_old_programs_read(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(forecast_file(tmp_path)) as file:
        for name in ("time", "x", "reflectivity", "crs"):
            for key in set(file[name].attrs) & {"units", "standard_name", "grid_mapping", "coordinates", "crs_wkt"}:
                assert file[name].attrs.get_id(key).dtype.kind == "S", (name, key)


def test_times_beyond_32_bits(tmp_path):
    written = replace(
        sequence(), time=np.datetime64("2051-03-04T05:06:07", "s") + np.arange(5) * np.timedelta64(7, "s")
    )
    cf.write(tmp_path / "a.nc", written)
    assert_same(cf.read(tmp_path / "a.nc"), written)
    with netcdf.Dataset(tmp_path / "a.nc") as file:
        assert file["time"].dtype == np.float64


def test_the_title_says_that_it_is_a_nowcast(tmp_path):
    nowcast(tmp_path / "f.nc", sequence(title="Composite of Finland"))
    with netcdf.Dataset(tmp_path / "f.nc") as file:
        assert file.title == "Nowcast of radar images: Composite of Finland"


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
    over = ("time", "y", "x")
    for name, values in (("floats", np.zeros((1, 2, 2))), ("large", np.full((1, 2, 2), 300, np.int16))):
        made = xarray.Dataset(dict.fromkeys(("gray", "missing"), (over, values)))
        made.to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
    for name, reason in (
        ("nowhere.nc", "not a whole file of grey levels"),
        ("cut.nc", "not a whole file of grey levels"),
        ("other.nc", "not a whole file of grey levels"),
        ("floats.nc", "gray is float64"),
        ("large.nc", "gray is 300 to 300; accepted: 0 to 255, -1 no data"),
    ):
        with pytest.raises(UserError, match=f"{name}: {reason}"):
            cf.read(tmp_path / name)
        with pytest.raises(UserError, match=f"{name}: (not a whole file of )?gr[ea]y"):
            cf.read_levels(tmp_path / name)


def test_one_path_or_several_are_read(tmp_path):
    cf.write(tmp_path / "a.nc", sequence())
    several = read_files([tmp_path / "a.nc"])
    for given in (tmp_path / "a.nc", str(tmp_path / "a.nc"), [str(tmp_path / "a.nc")], iter([tmp_path / "a.nc"])):
        np.testing.assert_array_equal(read_files(given).grey, several.grey)
    for given, name in ((np.zeros((2, 3)), "ndarray"), ([np.zeros(3)], "ndarray"), (7, "int"), ([b"a.nc"], "bytes")):
        with pytest.raises(UserError, match=f"^files: {name} is no path; accepted: paths of radar files$"):
            read_files(given)
