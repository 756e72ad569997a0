"""Readers of radar files, on files written here by the formats' descriptions."""

from __future__ import annotations

import gzip
import sys

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.radar.sources.readers import FORMATS, format_of, read_frames
from hypernet.radar.sources.readers.mch import PROJECTION as SWISS

h5py = pytest.importorskip("h5py")
xarray = pytest.importorskip("xarray")

STEREOGRAPHIC = "+proj=stere +lat_0=90 +lon_0=0 +lat_ts=60 +a=6378.137 +b=6356.752 +x_0=0 +y_0=0"
VALUES = np.array([[0, 64, 84, 255], [104, 255, 124, 164], [66, 65, 1, 254]], np.uint8)


def dbz_of(rate):
    return 10 * np.log10(200 * rate**1.6)


def write_pgm(path, values=VALUES, packed=True, cut=0, **changes):
    facts = {
        "obstime": "201609281445",
        "param": "CorrectedReflectivity",
        "metersperpixel_x": "999.674053",
        "metersperpixel_y": "999.62859",
        "type": "stereographic",
        "centrallongitude": "25",
        "centrallatitude": "90",
        "truelatitude": "60",
        "bottomleft": "18.600000 57.930000",
    } | changes
    header = "P5\n" + "".join(f"# {name} {value}\n" for name, value in facts.items() if value is not None)
    content = f"{header}{values.shape[1]} {values.shape[0]}\n255\n".encode() + values.tobytes()
    content = content[: len(content) - cut]
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def write_knmi(path, values, quantity="ACCUMULATED_PRECIPITATION_[MM]", formula="GEO=0.01*PV+0.0", end="00:05"):
    with h5py.File(path, "w") as file:
        image = file.create_group("image1")
        image.create_dataset("image_data", data=np.asarray(values, np.uint16))
        image.attrs["image_geo_parameter"] = np.bytes_(quantity)
        image.attrs["image_product_name"] = np.bytes_("TEST")
        calibration = image.create_group("calibration").attrs
        calibration["calibration_formulas"] = np.bytes_(formula)
        calibration["calibration_missing_data"] = np.array([65535], np.int32)
        calibration["calibration_out_of_image"] = np.array([65534], np.int32)
        overview = file.create_group("overview").attrs
        overview["product_datetime_start"] = np.array([b"26-AUG-2010;00:00:00.000"])
        overview["product_datetime_end"] = np.array([f"26-AUG-2010;{end}:00.000".encode()])
        place = file.create_group("geographic").attrs
        for name, value in (
            ("column_offset", 0.0),
            ("row_offset", 3650.0),
            ("pixel_size_x", 1.0),
            ("pixel_size_y", -1),
        ):
            place[f"geo_{name}"] = np.array([value], np.float32)
        mapping = file.create_group("geographic/map_projection").attrs
        mapping["projection_proj4_params"] = np.bytes_(STEREOGRAPHIC)
    return path


def write_bom(path, rain, y_falls=True, **attributes):
    """Rain in mm of ten minutes on pixels of 0.5 km; -1 where there is none."""
    rows, columns = np.shape(rain)
    y = 0.5 * np.arange(rows)
    packed = np.where(np.isnan(rain), -1, np.rint(np.nan_to_num(rain) / 0.05)).astype(np.int16)
    facts = {"units": "kg m-2", "scale_factor": 0.05, "add_offset": 0.0, "_FillValue": np.int16(-1)} | attributes
    start = np.datetime64("2020-10-31T00:00", "ns")
    times = {"start_time": ((), start), "valid_time": ((), start + np.timedelta64(600, "s"))}
    dataset = xarray.Dataset(
        {"precipitation": (("y", "x"), packed, facts), **times},
        coords={
            "y": ("y", y[::-1] if y_falls else y, {"units": "km", "standard_name": "projection_y_coordinate"}),
            "x": ("x", 0.5 * np.arange(columns), {"units": "km", "standard_name": "projection_x_coordinate"}),
        },
    )
    dataset.to_netcdf(path, engine="h5netcdf")
    return path


def as_bytes(attributes):
    """Texts as HDF5 strings of fixed length, as the format wants them."""
    return {name: np.bytes_(value) if isinstance(value, str) else value for name, value in attributes.items()}


def write_odim(path, values, what=None, where=None, product="COMP"):
    """After the tables of the ODIM_H5 2.2 description: attributes that hold for all stand further up."""
    values = np.asarray(values, np.uint8)
    facts = {"quantity": "DBZH", "gain": 0.5, "offset": -32.0, "nodata": 255.0, "undetect": 0.0} | (what or {})
    place = {
        "projdef": "+proj=laea +lat_0=55 +lon_0=10 +x_0=1950000 +y_0=-2100000 +units=m +ellps=WGS84",
        "xsize": values.shape[1],
        "ysize": values.shape[0],
        "xscale": 2000.0,
        "yscale": 2000.0,
        "UL_lon": -39.5357864125034,
        "UL_lat": 67.0228327583651,
    } | (where or {})
    with h5py.File(path, "w") as file:
        file.attrs["Conventions"] = np.bytes_("ODIM_H5/V2_2")
        top = {"object": product, "date": "20200115", "time": "093000", "source": "ORG:247"}
        file.create_group("what").attrs.update(as_bytes(top))
        file.create_group("where").attrs.update(as_bytes(place))
        times = {"startdate": "20200115", "starttime": "092500", "enddate": "20200115", "endtime": "093000"}
        file.create_group("dataset1/what").attrs.update(as_bytes(times))
        file.create_group("dataset1/data1/what").attrs.update(as_bytes(facts))
        file["dataset1/data1"].create_dataset("data", data=values)
    return path


def cf_file(path, values, units, name="rain", y=(2000.0, 1000.0, 0.0), engine="h5netcdf", axis_units="m", **attributes):
    values = np.asarray(values, float)
    times = np.datetime64("2021-06-01T12:00", "ns") + np.arange(len(values)) * np.timedelta64(600, "s")
    facts = {"units": units, "standard_name": attributes.pop("standard_name", "")} | attributes
    dataset = xarray.Dataset(
        {name: (("time", "y", "x"), values, {key: value for key, value in facts.items() if value != ""})},
        coords={
            "time": ("time", times, {"standard_name": "time"}),
            "y": ("y", np.array(y), {"units": axis_units, "standard_name": "projection_y_coordinate"}),
            "x": ("x", 1000.0 * np.arange(values.shape[2]), {"units": axis_units}),
        },
    )
    dataset[name].encoding["_FillValue"] = None
    dataset.to_netcdf(path, engine=engine)
    return path


# ---------------------------------------------------------------- files written here


def test_finnish_file(tmp_path):
    (frame,) = read_frames(write_pgm(tmp_path / "a.pgm.gz"))
    assert frame.dbz[0].tolist() == [-32, 0, 10, 0]
    assert np.array_equal(frame.missing, VALUES == 255)
    assert frame.time == np.datetime64("2016-09-28T14:45:00")
    assert frame.y[0] - frame.y[-1] == pytest.approx(2 * 999.62859)
    assert frame.attributes["licence"] == "CC BY 4.0"


def test_dutch_rain_and_reflectivity(tmp_path):
    (rain,) = read_frames(write_knmi(tmp_path / "a.h5", [[0, 100, 65535], [65534, 1, 50]]))
    # 1 mm in five minutes is 12 mm/h.
    assert rain.dbz[0, 1] == pytest.approx(dbz_of(12), rel=1e-6)
    assert rain.dbz[0, 0] == 0
    assert rain.missing.tolist() == [[False, False, True], [True, False, False]]
    assert rain.time == np.datetime64("2010-08-26T00:05:00")
    assert (rain.x[0], rain.y[0], rain.y[1]) == (500, -3_650_500, -3_651_500)
    assert "+a=6378137 +b=6356752 " in rain.projection
    formula = "GEO=0.5*PV-32.0"
    (echo,) = read_frames(write_knmi(tmp_path / "b.h5", [[64, 100]], "REFLECTIVITY_[DBZ]", formula))
    assert echo.dbz.tolist() == [[0, 18]]


def test_rain_of_half_kilometres_becomes_its_mean_over_one(tmp_path):
    rain = np.arange(24.0).reshape(4, 6) / 10
    rain[3, 5] = np.nan
    (frame,) = read_frames(write_bom(tmp_path / "a.nc", rain))
    mean = np.array([[rain[0:2, 0:2].mean(), rain[0:2, 2:4].mean()], [rain[2:4, 0:2].mean(), rain[2:4, 2:4].mean()]])
    assert frame.dbz[:, :2] == pytest.approx(dbz_of(6 * mean), rel=1e-4)
    assert frame.missing.tolist() == [[False, False, False], [False, False, True]]
    assert frame.x.tolist() == [250, 1250, 2250]
    assert frame.y.tolist() == [1250, 250]


def test_rows_from_the_south_are_turned_over(tmp_path):
    rain = np.arange(16.0).reshape(4, 4) / 10
    (falling,) = read_frames(write_bom(tmp_path / "a.nc", rain))
    (rising,) = read_frames(write_bom(tmp_path / "b.nc", rain[::-1], y_falls=False))
    assert np.array_equal(falling.dbz, rising.dbz)
    assert np.array_equal(falling.y, rising.y)


def test_odim_reflectivity(tmp_path):
    (frame,) = read_frames(write_odim(tmp_path / "a.h5", [[0, 64, 84], [255, 104, 1]]))
    # undetect is no echo: dry, not -32 dBZ and not missing.
    assert frame.dbz.tolist() == [[0, 0, 10], [0, 20, -31.5]]
    assert frame.missing.tolist() == [[False] * 3, [True, False, False]]
    assert frame.time == np.datetime64("2020-01-15T09:30:00")
    # The outer corner of the OPERA composite is the origin of its projection.
    assert (frame.x[0], frame.y[0]) == pytest.approx((1000, -1000), abs=1)
    assert np.diff(frame.x).tolist() == [2000, 2000]


def test_odim_rain_rate_and_accumulation(tmp_path):
    rate = {"quantity": "RATE", "gain": 0.1, "offset": 0.0}
    (frame,) = read_frames(write_odim(tmp_path / "a.h5", [[0, 10, 120, 255]], rate))
    assert frame.dbz[0, :3] == pytest.approx([0, 10 * np.log10(200), dbz_of(12)], rel=1e-5)
    (total,) = read_frames(write_odim(tmp_path / "b.h5", [[0, 10]], rate | {"quantity": "ACRR"}))
    # 1 mm in the five minutes from 09:25 on.
    assert total.dbz[0, 1] == pytest.approx(dbz_of(12), rel=1e-5)


def test_odim_is_that_of_pysteps(tmp_path):
    importers = pytest.importorskip("pysteps.io.importers")
    values = np.random.default_rng(0).integers(0, 256, (7, 9))
    corners = {"LL_lon": -39.5, "LL_lat": 66.9, "UR_lon": -39.2, "UR_lat": 67.0, "LR_lon": -39.2, "LR_lat": 66.9}
    path = write_odim(tmp_path / "a.h5", values, where=corners)
    theirs, _, _ = importers.import_odim_hdf5(str(path), qty="DBZH")
    (frame,) = read_frames(path)
    known = ~frame.missing & (values != 0)
    assert frame.dbz[known] == pytest.approx(theirs[known])
    assert np.array_equal(np.isnan(theirs), frame.missing)


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
def test_reflectivity_in_netcdf(tmp_path, engine):
    values = np.arange(12.0).reshape(2, 3, 2)
    values[1, 0, 0] = np.nan
    frames = read_frames(cf_file(tmp_path / "a.nc", values, "dBZ", engine=engine))
    assert [str(frame.time) for frame in frames] == ["2021-06-01T12:00:00", "2021-06-01T12:10:00"]
    assert np.array_equal(frames[1].dbz, np.nan_to_num(values[1]))
    assert frames[1].missing.sum() == 1


@pytest.mark.parametrize(
    ("units", "factor"), [("mm h-1", 1), ("mm/h", 1), ("kg m-2 s-1", 1 / 3600), ("m s-1", 1 / 3.6e6)]
)
def test_rain_rates_in_netcdf(tmp_path, units, factor):
    rate = np.array([[[0, 1, 10], [100, 0.1, 0], [0, 0, 3.0]]])
    standard_name = "rainfall_rate" if units == "m s-1" else ""
    (frame,) = read_frames(cf_file(tmp_path / "a.nc", rate * factor, units, standard_name=standard_name))
    assert frame.dbz == pytest.approx(
        np.where(rate[0] > 0, 10 * np.log10(200 * rate[0].clip(1e-9) ** 1.6), 0), rel=1e-5
    )


def test_kilometres_and_rows_from_the_south_in_netcdf(tmp_path):
    values = np.arange(6.0).reshape(1, 3, 2)
    (frame,) = read_frames(cf_file(tmp_path / "a.nc", values, "dBZ", y=(0, 1, 2), axis_units="km"))
    assert np.array_equal(frame.dbz, values[0, ::-1])
    assert frame.y.tolist() == [2000, 1000, 0]


def test_the_format_is_seen_from_the_content(tmp_path):
    write_pgm(tmp_path / "a.nc")
    write_odim(tmp_path / "b.gif", [[1, 2]])
    write_knmi(tmp_path / "c", [[1, 2]])
    write_bom(tmp_path / "d.pgm", np.ones((2, 2)))
    cf_file(tmp_path / "e.h5", np.ones((1, 3, 2)), "dBZ")
    (tmp_path / "f.gz").write_bytes(gzip.compress((tmp_path / "c").read_bytes()))
    (tmp_path / "g.gz").write_bytes(gzip.compress((tmp_path / "e.h5").read_bytes()))
    names = [format_of(path) for path in sorted(tmp_path.iterdir())]
    assert names == ["fmi", "odim", "knmi", "bom", "netcdf", "knmi", "netcdf"]
    assert set(names) < set(FORMATS)
    assert read_frames(tmp_path / "f.gz")[0].dbz.shape == (1, 2)
    assert read_frames(tmp_path / "g.gz")[0].dbz.shape == (3, 2)


# ---------------------------------------------------------------- what is refused


def swiss_gif(path, note="generated by Meteoswiss\nPRDT=AQC151351545 ACCUm=000005", shape=(640, 710), **saving):
    image = pytest.importorskip("PIL.Image")
    picture = image.fromarray(np.zeros(shape, np.uint8), mode="P")
    picture.putpalette([value for colour in range(256) for value in (255, 255 - colour, 255 - colour)])
    picture.save(path, format="GIF", comment=note.encode(), **saving)
    return path


def test_a_dry_swiss_picture(tmp_path):
    (frame,) = read_frames(swiss_gif(tmp_path / "a.gif"))
    assert not frame.dbz.any()
    assert frame.time == np.datetime64("2015-05-15T15:45")
    assert frame.projection == SWISS


def broken(content, name="a"):
    """A file with these bytes."""

    def write(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return write


def hdf5(**groups):
    def write(folder):
        with h5py.File(folder / "a.h5", "w") as file:
            for name, attributes in groups.items():
                (file if name == "root" else file.create_group(name)).attrs.update(attributes)
        return folder / "a.h5"

    return write


def half_of(writer, *arguments):
    def write(folder):
        path = writer(folder / "a", *arguments)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return path

    return write


PLANE = np.ones((1, 3, 2))


def enormous(form):
    """Some kilobytes that say they are terabytes."""

    def write(folder):
        path, shape = folder / "a", (2**20, 2**20)
        if form == "netCDF":
            with h5py.File(path, "w") as file:
                file.create_dataset("z", shape, np.float32, chunks=(1000, 1000)).attrs["units"] = "dBZ"
            return path
        write, place = {"KNMI": (write_knmi, "image1/image_data"), "ODIM": (write_odim, "dataset1/data1/data")}[form]
        write(path, [[1]])
        with h5py.File(path, "a") as file:
            del file[place]
            file.create_dataset(place, shape, np.uint8, chunks=(1000, 1000))
        return path

    return write


REFUSED = {
    "no file": (lambda folder: folder / "nowhere", "nowhere: cannot be read (No such file"),
    "folder": (lambda folder: folder, "cannot be read"),
    "empty": (broken(b""), "empty; accepted: FMI PGM"),
    "text": (broken(b"hello radar"), "not a radar file known here"),
    "gzip cut": (half_of(lambda path: write_pgm(path, np.arange(200, dtype=np.uint8)[None])), "cut off or damaged"),
    "gzip rubbish": (broken(b"\x1f\x8bnonsense that is no gzip"), "cut off or damaged"),
    "PGM cut": (lambda folder: write_pgm(folder / "a", packed=False, cut=3), "9 pixels, the header says 4 x 3"),
    "PGM without comments": (broken(b"P5\n2 1\n255\nab"), 'no comment "obstime"'),
    "PGM of 16 bit": (broken(b"P5\n"), "not a binary PGM"),
    "PGM of rain": (lambda folder: write_pgm(folder / "a", param="Rate"), "Rate in values up to 255"),
    "PGM time": (lambda folder: write_pgm(folder / "a", obstime="201613281445"), "obstime 201613281445 is not a time"),
    "PGM time short": (lambda folder: write_pgm(folder / "a", obstime="2016"), "obstime is '2016'"),
    "PGM projection": (lambda folder: write_pgm(folder / "a", type="mercator"), "projection mercator"),
    "PGM place": (
        lambda folder: write_pgm(folder / "a", centrallatitude=None),
        "projection in the header is not whole",
    ),
    "HDF5 cut": (half_of(write_odim, [[1, 2]]), "not a whole HDF5 file"),
    "netCDF-3 cut": (broken(b"CDF\x01abc"), "not a whole netCDF file"),
    "KNMI lacks": (hdf5(image1={}, overview={}), "not a whole KNMI HDF5 file"),
    "KNMI quantity": (lambda folder: write_knmi(folder / "a", [[1]], "HEIGHT_[KM]"), "holds HEIGHT_[KM]"),
    "KNMI no time": (lambda folder: write_knmi(folder / "a", [[1]], end="00:00"), "over a positive duration"),
    "KNMI formula": (lambda folder: write_knmi(folder / "a", [[1]], formula="GEO=PV^2"), "calibration 'GEO=PV^2'"),
    "KNMI formula of no number": (
        lambda folder: write_knmi(folder / "a", [[1]], formula="GEO=1e*PV"),
        "damaged, or of another form than knmi files have",
    ),
    "ODIM scale of letters": (lambda folder: write_odim(folder / "a", [[1]], {"gain": "x"}), "another form than odim"),
    "PGM corner": (lambda folder: write_pgm(folder / "a", bottomleft="3"), "another form than fmi"),
    "unit is a number": (lambda folder: cf_file(folder / "a", PLANE, 5), "nothing to read among rain"),
    **{f"enormous {form}": (enormous(form), "1,099,511,627,776 pixels") for form in ("netCDF", "KNMI", "ODIM")},
    "enormous GIF": (broken(b"GIF89a\xff\xff\xff\xff\xf0\0\0" + b"\0" * 800), "not a whole GIF file"),
    "KNMI clock": (lambda folder: write_knmi(folder / "a", [[1]], end="25:00"), "is not a time"),
    "ODIM volume": (lambda folder: write_odim(folder / "a", [[1]], product="XSEC"), "an ODIM_H5 file of XSEC"),
    "ODIM quantity": (lambda folder: write_odim(folder / "a", [[1]], {"quantity": "VRAD"}), "holds VRAD"),
    "ODIM lacks": (hdf5(root={"Conventions": "ODIM_H5/V2_2"}), "not a whole ODIM_H5 file"),
    "ODIM size": (lambda folder: write_odim(folder / "a", [[1]], where={"xsize": 5}), "the header says (1, 5)"),
    "ODIM degrees": (
        lambda folder: write_odim(folder / "a", [[1]], where={"projdef": "+proj=longlat"}),
        "xscale 2000 of a grid of degrees, and a corner is missing",
    ),
    "ODIM geocentric": (
        lambda folder: write_odim(folder / "a", [[1]], where={"projdef": "+proj=geocent"}),
        "accepted: a projection in metres, or degrees",
    ),
    "ODIM fill": (
        lambda folder: write_odim(folder / "a", [[200]], {"gain": 1.0, "offset": 0.0}),
        "200 dBZ at row 0, column 0",
    ),
    "dBZ for rain": (lambda folder: cf_file(folder / "a", -31.5 * PLANE, "mm h-1"), "is this reflectivity in dBZ"),
    "undeclared fill": (lambda folder: cf_file(folder / "a", -9999 * PLANE, "dBZ"), "-9999 dBZ at row 0, column 0"),
    "undeclared fill of rain": (lambda folder: cf_file(folder / "a", 1e20 * PLANE, "mm h-1"), "1e+20 mm/h"),
    "nothing known": (lambda folder: cf_file(folder / "a", PLANE, "K", name="t2m"), "nothing to read among t2m"),
    "rate in furlongs": (
        lambda folder: cf_file(folder / "a", PLANE, "furlong h-1", standard_name="rainfall_rate"),
        "rain is in 'furlong h-1'",
    ),
    "degrees": (
        lambda folder: cf_file(folder / "a", PLANE, "dBZ", axis_units="degrees"),
        "latitudes 2000 to 0, longitudes 0 to",
    ),
    "uneven": (lambda folder: cf_file(folder / "a", PLANE, "dBZ", y=(0, 1, 5)), "y is not evenly spaced"),
    "BoM units": (lambda folder: write_bom(folder / "a", np.ones((2, 2)), units="m"), "m from 2020-10-31"),
    "PNG": (broken(b"\x89PNG\r\n\x1a\n" + bytes(9)), "accepted: pictures with a palette"),
    "GIF of another": (lambda folder: swiss_gif(folder / "a", "a map"), "accepted: product AQC of MeteoSwiss"),
    "GIF of another size": (lambda folder: swiss_gif(folder / "a", shape=(64, 64)), "a picture of (64, 64)"),
    "GIF transparent": (lambda folder: swiss_gif(folder / "a", transparency=3), "a GIF with transparency"),
    "GIF time": (
        lambda folder: swiss_gif(folder / "a", "generated by Meteoswiss\nPRDT=AQC159991545 ACCUm=000005"),
        "PRDT=159991545 is not a time",
    ),
    "GIF cut": (half_of(swiss_gif), "not a whole GIF file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(tmp_path, case):
    write, reason = REFUSED[case]
    path = write(tmp_path)
    with pytest.raises(UserError) as caught:
        read_frames(path)
    message = str(caught.value)
    assert reason in message
    assert str(path) in message
    assert "\n" not in message


def test_a_missing_library_names_the_extra(tmp_path, monkeypatch):
    path = write_odim(tmp_path / "a.h5", [[1]])
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"hypernet\[radar\]"):
        read_frames(path)
