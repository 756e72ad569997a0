"""netCDF as the field's programs write it: every layout of one rain gives the same images, or one line."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.radar.sources.readers import read_files, read_frames

xarray = pytest.importorskip("xarray")
pyproj = pytest.importorskip("pyproj")
pytest.importorskip("h5netcdf")

ROWS, COLUMNS, IMAGES = 5, 4, 3
# dBZ with the north first and the west first; a dry pixel in each image.
TRUTH = np.random.default_rng(0).uniform(5, 50, (IMAGES, ROWS, COLUMNS)).round(2)
TRUTH[:, 1, 2] = 0
START = np.datetime64("2021-06-01T12:00", "ns")
TIMES = START + np.arange(IMAGES) * np.timedelta64(600, "s")
X, Y = 1000.0 * np.arange(COLUMNS), 1000.0 * np.arange(ROWS)[::-1]
RATE = np.where(TRUTH > 0, (10 ** (TRUTH / 10) / 200) ** (1 / 1.6), 0)
ECHO = {"units": "dBZ", "standard_name": "equivalent_reflectivity_factor"}


def dataset(values=TRUTH, name="DBZH", dims=("time", "y", "x"), coords=None, **facts):
    """A dataset of one variable; coordinates that its dimensions have, and those given over them."""
    usual = {"time": TIMES, "y": ("y", Y, {"units": "m"}), "x": ("x", X, {"units": "m"})} | (coords or {})
    kept = {key: value for key, value in usual.items() if value is not None and (key in dims or key in (coords or {}))}
    return xarray.Dataset({name: (dims, values, facts or ECHO)}, coords=kept)


def write(folder, data, name="a.nc", **encoding):
    for variable, facts in encoding.items():
        data[variable].encoding |= facts
    # netCDF-3, which is read and written fastest.
    data.to_netcdf(folder / name, engine="scipy")
    return folder / name


def assert_is_the_rain(frames, tolerance=1e-4):
    assert len(frames) == IMAGES
    for frame, truth, time in zip(frames, TRUTH, TIMES, strict=True):
        assert frame.dbz == pytest.approx(truth, abs=tolerance)
        assert not frame.missing.any()
        assert frame.time == time
        assert (np.diff(frame.x) > 0).all()
        assert (np.diff(frame.y) < 0).all()


DEGREES = {"lon": 5 + 0.02 * np.arange(COLUMNS), "lat": 50 + 0.01 * np.arange(ROWS)[::-1]}


def of_degrees(lat="lat", lon="lon", **facts):
    coords = {
        lat: (lat, DEGREES["lat"], {"units": "degrees_north"} | facts),
        lon: (lon, DEGREES["lon"], {"units": "degrees_east"} | facts),
    }
    return dataset(dims=("time", lat, lon), coords=coords)


def planes_of_degrees(names=("lat", "lon"), dims=("ny", "nx")):
    lat, lon = np.meshgrid(DEGREES["lat"], DEGREES["lon"], indexing="ij")
    return dataset(dims=("time", *dims), coords={names[0]: (dims, lat), names[1]: (dims, lon)})


LAYOUTS = {
    "as described": dataset,
    "columns before rows": lambda: dataset(TRUTH.transpose(0, 2, 1), dims=("time", "x", "y")),
    "time last": lambda: dataset(TRUTH.transpose(1, 2, 0), dims=("y", "x", "time")),
    "rows from the south": lambda: dataset(TRUTH[:, ::-1], coords={"y": Y[::-1]}),
    "columns from the east": lambda: dataset(TRUTH[..., ::-1], coords={"x": X[::-1]}),
    "from south and east": lambda: dataset(TRUTH[:, ::-1, ::-1], coords={"x": X[::-1], "y": Y[::-1]}),
    "times falling": lambda: dataset(TRUTH[::-1], coords={"time": TIMES[::-1]}),
    "kilometres": lambda: dataset(
        coords={"x": ("x", X / 1000, {"units": "km"}), "y": ("y", Y / 1000, {"units": "kilometers"})}
    ),
    "one level": lambda: dataset(TRUTH[:, None], dims=("time", "z", "y", "x"), coords={"z": [500.0]}),
    "a level without a height": lambda: dataset(TRUTH[:, None], dims=("time", "z", "y", "x")),
    "one member, one level": lambda: dataset(TRUTH[:, None, None], dims=("time", "member", "height", "y", "x")),
    "valid_time": lambda: dataset(dims=("valid_time", "y", "x"), coords={"valid_time": TIMES}),
    "times of another name": lambda: dataset(dims=("n", "y", "x"), coords={"start": ("n", TIMES)}),
    "steps of a forecast": lambda: dataset(
        dims=("step", "y", "x"), coords={"time": START, "valid_time": ("step", TIMES)}
    ),
    "corrected of attenuation": lambda: dataset(units="dBZ", long_name="reflectivity, attenuation corrected"),
    "axes by attribute": lambda: dataset(
        dims=("time", "a", "b"),
        coords={"a": ("a", Y, {"axis": "Y", "units": "m"}), "b": ("b", X, {"axis": "X", "units": "m"})},
    ),
    "x0 and y0": lambda: dataset(
        dims=("time", "y0", "x0"),
        coords={"y0": ("y0", Y / 1000, {"units": "km"}), "x0": ("x0", X / 1000, {"units": "km"})},
    ),
    "places beside dimensions": lambda: dataset(
        dims=("time", "ny", "nx"), coords={"northing": ("ny", Y), "easting": ("nx", X)}
    ),
    "latitudes": of_degrees,
    "latitude, in full": lambda: of_degrees("latitude", "longitude"),
    "nav_lat": lambda: of_degrees("nav_lat", "nav_lon"),
    "planes of latitudes": planes_of_degrees,
    "planes of another name": lambda: planes_of_degrees(("nav_lat", "nav_lon"), ("y", "x")),
    "capital letters": lambda: dataset(units="DBZ"),
    "no standard name": lambda: dataset(units="dBZ"),
    "decibels of a reflectivity": lambda: dataset(units="dB", long_name="Reflectivity"),
    "linear": lambda: dataset(np.where(TRUTH > 0, 10 ** (TRUTH / 10), 0), "Z", **ECHO | {"units": "mm6 m-3"}),
    "linear, hats": lambda: dataset(np.where(TRUTH > 0, 10 ** (TRUTH / 10), 0), "Z", **ECHO | {"units": "mm^6 m^-3"}),
    "linear, in m3": lambda: dataset(
        np.where(TRUTH > 0, 1e-18 * 10 ** (TRUTH / 10), 0), "Z", **ECHO | {"units": "m3"}
    ),
    "rate": lambda: dataset(RATE, "rain_rate", units="mm h^-1"),
    "rate in capitals": lambda: dataset(RATE, "R", units="MM/HR"),
    "rate in inches": lambda: dataset(RATE / 25.4, "rr", units="in/h", standard_name="rainfall_rate"),
    "flux": lambda: dataset(RATE / 3600, "pr", units="kg m**-2 s**-1", standard_name="precipitation_flux"),
    "rate in m s-1": lambda: dataset(RATE / 3.6e6, "pr", units="m s-1", standard_name="lwe_precipitation_rate"),
    "amount": lambda: dataset(RATE / 6, "tp", units="mm", standard_name="lwe_thickness_of_precipitation_amount"),
    "amount in kg": lambda: dataset(RATE / 6, "acc", units="kg/m2", long_name="accumulated precipitation"),
    "amount in metres": lambda: dataset(RATE / 6000, "tp", units="m"),
    "amount with its interval": lambda: dataset(
        RATE / 12, "rr", units="kg m-2", standard_name="rainfall_amount", cell_methods="time: sum (interval: 5 min)"
    ),
    "dry pixels a little below zero": lambda: dataset(np.where(RATE > 0, RATE, -1e-7), "rr", units="mm/h"),
    "whole numbers of pixels beside latitudes": lambda: planes_of_degrees(dims=("y", "x")).assign_coords(
        x=np.arange(COLUMNS), y=np.arange(ROWS)
    ),
    "no echo is minus infinity": lambda: dataset(np.where(TRUTH > 0, TRUTH, -np.inf)),
}  # fmt: skip


@pytest.mark.parametrize("case", LAYOUTS)
def test_layouts(tmp_path, case):
    frames = sorted(read_frames(write(tmp_path, LAYOUTS[case]())), key=lambda frame: frame.time)
    assert_is_the_rain(frames)


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_packed_numbers_with_a_valid_range(tmp_path, engine, dtype):
    """Half decibels; what lies outside the valid range, and the fill value, are missing."""
    if engine == "scipy" and dtype == "uint8":
        pytest.skip("netCDF-3 has no such type")
    least = {"int8": -100, "uint8": 1, "int16": -1000}[dtype]
    values = np.array([[[least, least + 1, least + 40], [least - 1, least + 90, least + 101]]], dtype)
    values[0, 0, 1] = np.iinfo(dtype).max
    facts = {
        "units": "dBZ",
        "scale_factor": 0.5,
        "add_offset": -0.5 * least,
        "_FillValue": np.iinfo(dtype).max,
        "valid_range": np.array([least, least + 100], dtype),
    }
    data = xarray.Dataset(
        {"DBZH": (("time", "y", "x"), values, facts)}, coords={"time": TIMES[:1], "y": Y[:2], "x": X[:3]}
    )
    data.to_netcdf(tmp_path / "a.nc", engine=engine)
    (frame,) = read_frames(tmp_path / "a.nc")
    assert frame.missing.tolist() == [[False, True, False], [True, False, True]]
    assert frame.dbz[~frame.missing] == pytest.approx([0, 20, 45])


def test_unsigned_bytes_of_netcdf_3(tmp_path):
    values = np.array([[[0, 100, 200], [255, 254, 1]]], np.uint8).view(np.int8)
    facts = {"units": "dBZ", "scale_factor": 0.25, "_Unsigned": "true", "_FillValue": np.int8(-1)}
    facts["valid_range"] = np.array([0, -6], np.int8)
    data = xarray.Dataset(
        {"DBZH": (("time", "y", "x"), values, facts)}, coords={"time": TIMES[:1], "y": Y[:2], "x": X[:3]}
    )
    data.to_netcdf(tmp_path / "a.nc", engine="scipy")
    (frame,) = read_frames(tmp_path / "a.nc")
    assert frame.missing.tolist() == [[False] * 3, [True, True, False]]
    assert frame.dbz[~frame.missing] == pytest.approx([0, 25, 50, 0.25])


def test_dry_missing_and_infinite(tmp_path):
    values = TRUTH.copy()
    values[0, 0, :2] = -np.inf, np.nan
    frame = read_frames(write(tmp_path, dataset(values)))[0]
    assert (frame.dbz[0, 0], frame.missing[0, 0]) == (0, False)
    assert frame.missing[0, 1]
    values[0, 0, 0] = np.inf
    with pytest.raises(UserError, match="inf dBZ at row 0, column 0"):
        read_frames(write(tmp_path, dataset(values), "b.nc"))


def test_a_scalar_time(tmp_path):
    data = dataset(TRUTH[0], dims=("y", "x"), coords={"time": None}).assign_coords(time=START)
    (frame,) = read_frames(write(tmp_path, data))
    assert frame.dbz == pytest.approx(TRUTH[0])
    assert frame.time == START


# ---------------------------------------------------------------- places


@pytest.mark.parametrize("make", [of_degrees, planes_of_degrees])
def test_a_grid_of_degrees_leads_back_to_its_degrees(tmp_path, capsys, make):
    sequence = read_files(write(tmp_path, make()))
    to_plane = pyproj.Proj(sequence.projection)
    columns, rows = np.meshgrid(sequence.x, sequence.y)
    longitude, latitude = to_plane(columns, rows, inverse=True)
    assert longitude == pytest.approx(np.broadcast_to(DEGREES["lon"], longitude.shape), abs=1e-7)
    assert latitude == pytest.approx(np.broadcast_to(DEGREES["lat"][:, None], latitude.shape), abs=1e-7)
    # Distances in metres, against those on the ellipsoid: along the middle, the sphere is 0.3 % off.
    geod = pyproj.Geod(ellps="WGS84")
    east = geod.inv(5.0, 50.02, 5.06, 50.02)[2]
    assert sequence.x[-1] - sequence.x[0] == pytest.approx(east, rel=4e-3)
    north = geod.inv(5.0, 50.0, 5.0, 50.04)[2]
    assert sequence.y[0] - sequence.y[-1] == pytest.approx(north, rel=4e-3)
    note = capsys.readouterr().err
    assert "a grid of degrees, taken as a plane that is true at 50.02 degrees" in note
    assert note.count("\n") == 1
    assert sequence.attributes["comment"] in note


@pytest.mark.parametrize("longitudes", [[179.0, 179.5, 180.0, 180.5], [179.0, 179.5, -180.0, -179.5]])
def test_a_grid_across_180_degrees(tmp_path, longitudes):
    data = of_degrees().assign_coords(lon=("lon", longitudes, {"units": "degrees_east"}))
    frame = read_frames(write(tmp_path, data))[0]
    assert np.diff(frame.x) == pytest.approx(np.full(3, np.diff(frame.x).mean()))
    there = pyproj.Proj(frame.projection)(frame.x, np.zeros(4), inverse=True)[0]
    assert np.cos(np.radians(there - np.array(longitudes))) == pytest.approx(np.ones(4), abs=1e-12)


def test_places_rounded_to_single_precision(tmp_path):
    coords = {"lon": (170 + 0.01 * np.arange(COLUMNS)).astype(np.float32), "lat": DEGREES["lat"].astype(np.float32)}
    facts = {"lon": {"units": "degrees_east"}, "lat": {"units": "degrees_north"}}
    coords = {name: (name, values, facts[name]) for name, values in coords.items()}
    assert_is_the_rain(read_frames(write(tmp_path, dataset(dims=("time", "lat", "lon"), coords=coords))))


def py_art():
    """After Py-ART's ``write_grid``: no grid mapping, but a projection and an origin."""
    coords = {"time": TIMES[:1], "z": ("z", [0.0], {"units": "m"})}
    data = dataset(TRUTH[:1, None], "reflectivity", ("time", "z", "y", "x"), coords, **ECHO)
    data["projection"] = ((), 1, {"proj": "pyart_aeqd", "_include_lon_0_lat_0": "true"})
    facts = {"latitude_of_projection_origin": 36.6, "longitude_of_projection_origin": -97.5}
    mapping = {"grid_mapping_name": "azimuthal_equidistant", "semi_major_axis": 6370997.0} | facts
    data["ProjectionCoordinateSystem"] = ((), 1, mapping)
    return data.assign(origin_latitude=("time", [36.6]), origin_longitude=("time", [-97.5]))


def test_a_grid_of_py_art(tmp_path):
    (frame,) = read_frames(write(tmp_path, py_art()))
    assert frame.dbz == pytest.approx(TRUTH[0])
    # Azimuthal equidistant on a sphere: 10 km to the north are so many degrees.
    to_plane = pyproj.Proj(frame.projection)
    assert to_plane(0, 10_000, inverse=True) == pytest.approx((-97.5, 36.6 + np.degrees(10_000 / 6_370_997)))


def test_a_projection_that_the_variable_does_not_name(tmp_path, capsys):
    data = dataset()
    data["crs"] = ((), 0, pyproj.CRS("+proj=laea +lat_0=52 +lon_0=10 +ellps=GRS80").to_cf())
    sequence = read_files(write(tmp_path, data))
    assert "+proj=laea" in sequence.projection
    assert "that of crs, the only one of the file, was taken" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["proj_string", "crs_wkt", "spatial_ref"])
def test_a_projection_beside_the_time(tmp_path, capsys, key):
    """One that CF cannot name has no grid mapping: a coordinate of the variable holds it."""
    text = "+proj=gnom +lat_0=50 +lon_0=5 +R=6371000 +units=m"
    data = dataset().assign_coords(
        spatial_ref=((), 0, {key: text if key == "proj_string" else pyproj.CRS(text).to_wkt()})
    )
    sequence = read_files(write(tmp_path, data))
    assert capsys.readouterr().err == ""
    # Gnomonic: the distance from the middle is the radius times the tangent of the angle.
    degrees = np.degrees(np.arctan(10_000 / 6_371_000))
    assert pyproj.Proj(sequence.projection)(0, 10_000, inverse=True) == pytest.approx((5, 50 + degrees))


def test_a_projection_in_kilometres(tmp_path):
    """The plane of the Dutch composites, whose radius and places are in km."""
    text = "+proj=stere +lat_0=90 +lon_0=0 +lat_ts=60 +a=6378.14 +b=6356.75 +x_0=0 +y_0=0"
    data = dataset(coords={"x": ("x", X / 1000, {"units": "km"}), "y": ("y", Y / 1000 - 3650, {"units": "km"})})
    data["crs"] = ((), 0, {"proj4_params": text})
    data["DBZH"].attrs["grid_mapping"] = "crs"
    frame = read_frames(write(tmp_path, data))[0]
    assert pyproj.Proj(frame.projection)(0, -3_650_000, inverse=True) == pytest.approx(
        pyproj.Proj(text.replace("6378.14", "6378140").replace("6356.75", "6356750"))(0, -3_650_000, inverse=True)
    )
    assert frame.y[-1] == pytest.approx(-3_650_000)


# ---------------------------------------------------------------- durations and levels


def amount(minutes_apart=10.0, images=IMAGES, factor=1 / 6, **facts):
    times = START + (np.arange(images) * minutes_apart * 60).astype("timedelta64[s]")
    facts = {"units": "mm", "standard_name": "precipitation_amount"} | facts
    return dataset(RATE[:images] * factor, "rr", coords={"time": times}, **facts)


def test_the_bounds_of_the_time_say_how_long_it_rained(tmp_path, capsys):
    """Rain of five minutes, every ten; times are those of the beginning, an image's is the end."""
    data = amount(factor=1 / 12)
    data["time"].attrs["bounds"] = "time_bnds"
    data["time"].encoding["units"] = "seconds since 2020-01-01"
    ends = np.stack([data["time"].values, data["time"].values + np.timedelta64(300, "s")], axis=1)
    data["time_bnds"] = (("time", "nv"), ends)
    path = write(tmp_path, data)
    frames = read_frames(path)
    assert frames[2].dbz == pytest.approx(TRUTH[2], abs=1e-4)
    assert frames[0].time == START + np.timedelta64(300, "s")
    read_files(path)
    assert "rr is rain of 5 minutes by the bounds time_bnds" in capsys.readouterr().err


def test_the_step_between_files_says_how_long_it_rained(tmp_path, capsys):
    data = amount(5.0, factor=1 / 12)
    paths = [write(tmp_path, data.isel(time=[place]), f"{place}.nc") for place in range(IMAGES)]
    sequence = read_files(paths)
    assert sequence.grey / 255 * 70 == pytest.approx(TRUTH, abs=0.14)
    note = capsys.readouterr().err
    assert note.count("\n") == 1
    assert "rr is rain of 5 minutes by the step from image to image" in note
    with pytest.raises(UserError, match="rr is rain of a time that the file does not say"):
        read_files(paths[0])


def test_rain_since_a_beginning_is_refused(tmp_path):
    data = dataset(np.cumsum(RATE / 6, axis=0), "tp", units="mm", standard_name="precipitation_amount")
    with pytest.raises(UserError, match="tp falls nowhere from image to image: rain since a beginning"):
        read_frames(write(tmp_path, data))


@pytest.mark.parametrize(
    ("levels", "facts", "lowest"),
    [
        ([500.0, 2000.0], {"units": "m"}, 0),
        ([2000.0, 500.0], {"units": "m", "positive": "up"}, 1),
        ([700.0, 1000.0], {"units": "hPa", "positive": "down"}, 1),
        (None, {}, 0),
    ],
)
def test_the_lowest_level_is_read(tmp_path, capsys, levels, facts, lowest):
    values = np.full((IMAGES, 2, ROWS, COLUMNS), 60.0)
    values[:, lowest] = TRUTH
    coords = {} if levels is None else {"z": ("z", levels, facts)}
    path = write(tmp_path, dataset(values, dims=("time", "z", "y", "x"), coords=coords))
    assert_is_the_rain(read_frames(path))
    read_files(path)
    words = "the first level" if levels is None else f"z {levels[lowest]:g} {facts['units']}"
    note = capsys.readouterr().err
    assert "DBZH has 2 levels" in note
    assert words in note


def test_of_several_reflectivities_the_corrected_is_read(tmp_path, capsys):
    data = dataset(TRUTH + 5, "TH")
    data["ZDR"] = (("time", "y", "x"), TRUTH / 10, {"units": "dB", "long_name": "differential reflectivity"})
    data["DBZH"] = (("time", "y", "x"), TRUTH, ECHO)
    data["wind"] = (("time", "y", "x"), TRUTH, {"units": "m s-1"})
    path = write(tmp_path, data)
    assert_is_the_rain(read_frames(path))
    read_files(path)
    assert capsys.readouterr().err == ""


REFUSED = {
    "unknown unit": (lambda: dataset(**ECHO | {"units": "counts"}), "DBZH is in 'counts'; accepted: .* mm6 m-3"),
    "no unit": (lambda: dataset(standard_name="equivalent_reflectivity_factor"), "DBZH has no unit"),
    "rain without a unit": (lambda: dataset(name="rain_rate", long_name="rain"), "rain_rate has no unit"),
    "wind": (lambda: dataset(name="speed", units="m s-1"), "nothing to read among speed"),
    "drops": (lambda: dataset(name="D0", units="mm", long_name="median diameter"), "nothing to read among D0"),
    "echo tops": (lambda: dataset(name="echo_top", units="km"), "nothing to read among echo_top"),
    "dBZ in mm6 m-3": (lambda: dataset(TRUTH - 20, **ECHO | {"units": "mm6 m-3"}), "is this in dBZ"),
    "members": (
        lambda: dataset(np.stack([TRUTH] * 2), dims=("member", "time", "y", "x")),
        "DBZH has the dimensions member 2, time 3, y 5, x 4",
    ),
    "curved": (
        lambda: dataset(
            dims=("time", "y", "x"),
            coords={
                "x": None,
                "y": None,
                "lat": (("y", "x"), 50 + 0.01 * np.add.outer(np.arange(ROWS), 0.5 * np.arange(COLUMNS))),
                "lon": (("y", "x"), 5 + 0.01 * np.add.outer(0.5 * np.arange(ROWS), np.arange(COLUMNS))),
            },
        ),
        "lies on a curved grid",
    ),
    "rotated": (
        lambda: dataset(
            dims=("time", "rlat", "rlon"),
            coords={
                "rlat": ("rlat", DEGREES["lat"] - 50, {"standard_name": "grid_latitude", "units": "degrees"}),
                "rlon": ("rlon", DEGREES["lon"] - 5, {"standard_name": "grid_longitude", "units": "degrees"}),
            },
        ),
        "a rotated pole",
    ),
    "no places": (lambda: dataset(dims=("time", "a", "b")), "no coordinates of its pixels"),
    "radians": (lambda: dataset(coords={"x": ("x", X, {"units": "rad"})}), "x is in 'rad'"),
    "beyond the pole": (
        lambda: of_degrees().assign_coords(lat=("lat", 80 + 3.0 * np.arange(ROWS), {"units": "degrees_north"})),
        "accepted: degrees on the Earth",
    ),
    "half the Earth": (
        lambda: of_degrees().assign_coords(lat=("lat", 20.0 * np.arange(ROWS), {"units": "degrees_north"})),
        "distances would be off by 341 %; accepted: up to 50 %",
    ),
    "no time": (lambda: dataset(coords={"time": None}), "no time that belongs to DBZH"),
    "numbers of pixels": (
        lambda: dataset(coords={"x": np.arange(COLUMNS), "y": np.arange(ROWS)}),
        "x and y count pixels and have no unit",
    ),
    "numbers of pixels on a curved grid": (
        lambda: dataset(
            coords={
                "x": np.arange(COLUMNS),
                "y": np.arange(ROWS),
                "lat": (("y", "x"), 50 + 0.01 * np.add.outer(np.arange(ROWS), 0.5 * np.arange(COLUMNS))),
                "lon": (("y", "x"), 5 + 0.01 * np.add.outer(0.5 * np.arange(ROWS), np.arange(COLUMNS))),
            },
        ),
        "lies on a curved grid",
    ),
    "negative rain": (lambda: dataset(np.where(RATE > 0, RATE, -1), "rr", units="mm/h"), "-1 mm/h at row 1, column 2"),
    "text for places": (lambda: dataset(coords={"x": list("abcd")}), "x is .*; accepted: numbers"),
    "no duration": (lambda: amount(images=1), "rr is rain of a time that the file does not say"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(tmp_path, case):
    make, reason = REFUSED[case]
    path = write(tmp_path, make())
    with pytest.raises(UserError, match=reason) as caught:
        read_frames(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
