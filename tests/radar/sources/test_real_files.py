"""Files of weather services: read as pysteps reads them, and as they were described when they were collected."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hypernet.radar.core.frames import dbz_of_rain_rate
from hypernet.radar.sources.readers import read_files, read_frames
from hypernet.radar.sources.sequences import stacked

pytest.importorskip("h5py")
pytest.importorskip("xarray")


def dbz_of(rate):
    return 10 * np.log10(200 * rate**1.6)


def swiss_mm(colour):
    return (10 ** ((colour - 71.5) / 20) / 316) ** (1 / 1.5)


# Folder, images, first and last time, pixels, share without data, a square without missing data, largest dBZ, share of
# all pixels with echo: what was seen in the files when they were collected.
REAL = {
    "fmi/20160928": (40, "2016-09-28T14:45", "2016-09-28T18:00", (1226, 760), 0.243, (600, 250), 57.5, 0.31),
    "fmi/20170509": (40, "2017-05-09T10:45", "2017-05-09T14:00", (1226, 760), 0.243, (450, 350), 51.0, 0.17),
    "knmi": (92, "2010-08-26T00:00", "2010-08-26T07:35", (765, 700), 0.74, (304, 217), dbz_of(29.4), None),
    "mch": (40, "2015-05-15T15:45", "2015-05-15T19:00", (640, 710), 0.31, (195, 230), dbz_of(12 * swiss_mm(151)), None),
}


@pytest.mark.parametrize("name", REAL)
def test_whole_folders(radar_folder, name):
    images, first, last, shape, missing, corner, largest, wet = REAL[name]
    top, echo = [], []

    def looked_at():
        # From the last to the first: the order is that of the times in the files.
        for path in sorted(radar_folder(name).iterdir(), reverse=True):
            (frame,) = read_frames(path)
            top.append(frame.dbz.max())
            echo.append(((frame.dbz > -32) & ~frame.missing).mean())
            yield str(path), frame

    sequence = stacked(looked_at())
    assert sequence.grey.shape == (images, *shape)
    assert (sequence.time[0], sequence.time[-1]) == (np.datetime64(first), np.datetime64(last))
    assert (np.diff(sequence.time) == np.timedelta64(300, "s")).all()
    assert sequence.missing.mean() == pytest.approx(missing, abs=0.005)
    assert not sequence.missing[..., corner[0] : corner[0] + 250, corner[1] : corner[1] + 250].any()
    assert (np.diff(sequence.x) > 0).all()
    assert (np.diff(sequence.y) < 0).all()
    assert not sequence.grey[:, sequence.missing if sequence.missing.ndim == 2 else sequence.missing.all(axis=0)].any()
    assert max(top) == pytest.approx(largest, rel=1e-4)
    if name.startswith(("fmi", "knmi")):
        assert sequence.attributes["licence"].startswith("CC BY 4.0")
    if wet is not None:
        assert np.mean(echo) == pytest.approx(wet, abs=0.01)


PEERS = {
    "fmi/20160928": ("import_fmi_pgm", {"gzipped": True}),
    "knmi": ("import_knmi_hdf5", {"qty": "ACRR", "accutime": 5.0, "pixelsize": 1000.0}),
    "bom": ("import_bom_rf3", {}),
    "mch": ("import_mch_gif", {"product": "AQC", "unit": "mm", "accutime": 5.0}),
}


@pytest.mark.parametrize("name", PEERS)
def test_values_and_places_are_those_of_pysteps(radar_folder, name):
    importers = pytest.importorskip("pysteps.io.importers")
    path = sorted(radar_folder(name).iterdir())[30]
    function, arguments = PEERS[name]
    theirs, _, facts = getattr(importers, function)(str(path), **arguments)
    (frame,) = read_frames(path)
    if name == "bom":
        # Theirs has pixels of half a kilometre; the mean of four is ours.
        theirs = np.mean([theirs[row::2, column::2] for row, column in itertools.product((0, 1), repeat=2)], axis=0)
    assert np.array_equal(np.isnan(theirs), frame.missing)
    hours = {"mm": 60 / (facts["accutime"] or 1), "dBZ": 1}[facts["unit"]]
    theirs = np.nan_to_num(theirs) * hours
    expected = np.where(frame.missing, 0, theirs if facts["unit"] == "dBZ" else dbz_of_rain_rate(theirs))
    assert frame.dbz == pytest.approx(expected, abs=1e-3)
    pixel_x, pixel_y = (abs(places[1] - places[0]) for places in (frame.x, frame.y))
    edges = (frame.x[0] - pixel_x / 2, frame.x[-1] + pixel_x / 2, frame.y[-1] - pixel_y / 2, frame.y[0] + pixel_y / 2)
    unit = 1000 if facts["cartesian_unit"] == "km" else 1
    theirs_edges = np.array([facts["x1"], facts["x2"], facts["y1"], facts["y2"]]) * unit
    if name == "fmi/20160928":
        # Theirs shifts the origin to the lower left corner.
        edges = (0, edges[1] - edges[0], 0, edges[3] - edges[2])
    assert theirs_edges == pytest.approx(edges, abs=300)


def test_the_corner_of_the_finnish_composite_lies_where_its_header_says(radar_folder):
    pyproj = pytest.importorskip("pyproj")
    (frame,) = read_frames(sorted(radar_folder("fmi/20160928").iterdir())[0])
    right = frame.x[-1] + (frame.x[1] - frame.x[0]) / 2
    top = frame.y[0] + (frame.y[0] - frame.y[1]) / 2
    # 'topright' of the header, which the reader does not use.
    assert pyproj.Proj(frame.projection)(34.903, 69.005) == pytest.approx((right, top), abs=500)


def test_bom_is_read_at_its_ten_minutes(radar_folder):
    files = sorted(radar_folder("bom").iterdir())
    assert len(files) == 144
    sequence = read_files(files[38:44])
    assert sequence.grey.shape == (6, 256, 256)
    assert sequence.time[0] == np.datetime64("2020-10-31T06:20")
    assert (np.diff(sequence.time) == np.timedelta64(600, "s")).all()
    # At seven o'clock 39 % have more than 0.6 mm/h (README), which is 19.5 dBZ.
    wet = sequence.grey[4] / 255 * 70 > dbz_of(0.6)
    assert wet.mean() == pytest.approx(0.39, abs=0.03)
