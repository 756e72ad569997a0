"""Maps under radar images: closed forms of projections, and what is known of the Earth."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.radar.core.frames import Sequence
from hypernet.radar.plots.colours import rgb, scale
from hypernet.radar.plots.maps import (
    BUNDLED,
    COASTLINES,
    HATCH,
    LONGEST,
    NO_DATA,
    NO_DATA_LINES,
    Basemap,
    basemap,
    compose_map,
    forecast_title,
    observed_title,
    picture_notes,
)

RADIUS = 6_371_000.0


def images(projection: str, shape=(100, 100), pixel=1000.0, middle=(0.0, 0.0), **attributes) -> Sequence:
    """One dry image whose middle lies at a place of the projection, metres."""
    height, width = shape
    x = middle[0] + pixel * (np.arange(width) - (width - 1) / 2)
    y = middle[1] - pixel * (np.arange(height) - (height - 1) / 2)
    time = np.array(["2016-09-28T15:40"], dtype="datetime64[s]")
    return Sequence(np.zeros((1, *shape), np.uint8), time, np.zeros(shape, bool), x, y, projection, attributes)


def around(latitude: float, longitude: float, **options) -> Sequence:
    return images(f"+proj=aeqd +lat_0={latitude} +lon_0={longitude} +R={RADIUS}", **options)


def crossings(lines: tuple[np.ndarray, ...], start: np.ndarray, end: np.ndarray) -> int:
    """How often lines cross the straight way from pixel to pixel."""

    def side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        return np.sign(
            (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
        )

    count = 0
    for line in lines:
        first, second = line[:-1], line[1:]
        apart = side(start, end, first) != side(start, end, second)
        count += int((apart & (side(first, second, start) != side(first, second, end))).sum())
    return count


def pixel_of(sequence: Sequence, longitude: float, latitude: float) -> np.ndarray:
    import pyproj

    x, y = pyproj.Proj(sequence.projection)(longitude, latitude)
    return np.array(
        [np.interp(x, sequence.x, range(len(sequence.x))), np.interp(-y, -sequence.y, range(len(sequence.y)))]
    )


def test_parallels_are_circles_around_the_pole_and_meridians_rays():
    """Polar stereographic, true at 60 degrees: r = R (1 + sin 60) tan(45 - latitude / 2)."""
    sequence = images(f"+proj=stere +lat_0=90 +lon_0=0 +lat_ts=60 +R={RADIUS}", (400, 400), 10_000)
    middle = (399 / 2, 399 / 2)
    circles = set()
    for line in basemap(sequence).graticule:
        radius = 10 * np.hypot(*(line - middle).T)
        bearing = np.degrees(np.arctan2(*(line - middle).T)) % 180
        if np.ptp(radius) < 1:
            latitude = 90 - 2 * np.degrees(np.arctan(radius.mean() / (RADIUS / 1000 * (1 + np.sin(np.pi / 3)))))
            circles.add(round(float(latitude), 3))
        else:
            assert np.allclose((bearing + 1e-6) % 5, 0, atol=1e-3)
    assert circles == {65.0, 70.0, 75.0, 80.0, 85.0}


def test_labels_stand_where_the_degrees_are():
    """Equidistant cylindrical at the equator: a degree is 2 pi R / 360 both ways."""
    pixel = 2 * np.pi * RADIUS / 360 / 100
    labels = basemap(images(f"+proj=eqc +lon_0=10 +R={RADIUS}", (200, 300), pixel)).labels
    places = {(label.side, label.text): label.place for label in labels}
    assert places["left", "0°"] == pytest.approx(199 / 2, abs=0.01)
    assert places["left", "0.5° N"] == pytest.approx(199 / 2 - 50, abs=0.01)
    assert places["left", "0.5° S"] == pytest.approx(199 / 2 + 50, abs=0.01)
    assert places["bottom", "11° E"] == pytest.approx(299 / 2 + 100, abs=0.01)


def test_the_scale_is_true_on_the_ground():
    """Mercator of the equator enlarges by 1 / cos 60 = 2 at 60 degrees north: a km there is two of the grid's."""
    north = RADIUS * np.log(np.tan(np.pi / 4 + np.pi / 6))
    drawn = basemap(images(f"+proj=merc +R={RADIUS}", (400, 400), 1000, (3e6, north)))
    assert drawn.bar_pixels == pytest.approx(2 * drawn.bar_km, rel=1e-3)
    assert drawn.bar_pixels <= 400 / 4


def test_coasts_close_around_an_island():
    sequence = around(65, -18.5, shape=(900, 900))
    coast = basemap(sequence).coast
    start = pixel_of(sequence, -18.5, 65)
    for angle in np.radians(range(5, 360, 30)):
        sea = start + 440 * np.array([np.cos(angle), np.sin(angle)])
        assert crossings(coast, start, sea) % 2 == 1


@pytest.mark.parametrize(
    ("start", "end", "parity"),
    [
        ((-3.7, 40.42), (-9.0, 38.75), 1),
        ((-3.7, 40.42), (-6.0, 37.39), 0),
        ((24.9, 61.0), (30.3, 60.5), 1),
        ((-100.0, 47.0), (-100.0, 50.5), 1),
    ],
    ids=["Madrid to Lisbon", "Madrid to Seville", "Finland to Russia", "Dakota to Manitoba"],
)
def test_borders_lie_between_countries(start, end, parity):
    sequence = around((start[1] + end[1]) / 2, (start[0] + end[0]) / 2, shape=(700, 700))
    drawn = basemap(sequence)
    assert crossings(drawn.borders, pixel_of(sequence, *start), pixel_of(sequence, *end)) % 2 == parity


def test_states_of_the_united_states_have_borders():
    """Texas ends at 103.04 degrees west, Lubbock's radar is 112 km farther east."""
    sequence = around(33.654, -101.814, shape=(250, 250))
    drawn = basemap(sequence)
    east, west = pixel_of(sequence, -102.9, 33.654), pixel_of(sequence, -103.1, 33.654)
    assert crossings(drawn.states, east, west) == 1
    assert not drawn.borders


def test_a_border_that_only_passes_a_small_map_is_drawn():
    """The United States end at 49 degrees north; no corner of that border lies in 30 km."""
    (line,) = basemap(around(49, -105, shape=(30, 30))).borders
    assert np.abs(line[:, 1] - 29 / 2).max() < 3


def test_lines_do_not_run_around_the_earth():
    drawn = basemap(around(-17, 179.7, shape=(300, 300), pixel=2000))
    assert {"178° E", "180°", "178° W"} <= {label.text for label in drawn.labels}
    assert drawn.coast
    for line in (*drawn.coast, *drawn.graticule):
        assert np.abs(np.diff(line, axis=0)).max() < 60


def test_places_for_people():
    assert basemap(around(52, 5)).place == "Latitude 51.5–52.4° N, longitude 4.3–5.7° E"
    assert basemap(around(0, 0)).place == "Latitude 0.4° S–0.4° N, longitude 0.4° W–0.4° E"
    assert basemap(around(90, 0)).place.endswith("all longitudes")


@pytest.mark.parametrize("projection", ["", "+proj=nonsense", "+proj=longlat +R=6371000"])
def test_without_a_place_there_are_km(projection):
    drawn = basemap(images(projection, (100, 200), 500))
    assert not drawn.coast
    assert not drawn.borders
    assert "not known" in drawn.place
    assert [(label.text, label.place) for label in drawn.labels if label.side == "bottom"] == [
        (f"{km} km", 2 * km - 0.5) for km in range(0, 101, 20)
    ]
    assert drawn.bar_pixels == 2 * drawn.bar_km


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["aeqd", "stere", "laea", "merc", "lcc", "tmerc", "geos", "eqc"]),
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.sampled_from([100.0, 2000.0, 40_000.0]),
)
def test_any_place_of_any_projection_can_be_drawn(name, latitude, longitude, pixel):
    more = {"lcc": "+lat_1=30 +lat_2=50", "geos": "+h=35785831"}.get(name, f"+lat_0={latitude}")
    drawn = basemap(images(f"+proj={name} {more} +lon_0={longitude} +R={RADIUS}", (60, 80), pixel))
    assert all(np.isfinite(line).all() for line in (*drawn.coast, *drawn.borders, *drawn.graticule))
    assert np.isfinite(drawn.bar_pixels)
    assert compose_map(np.zeros((60, 80)), drawn, "Title").height > LONGEST / 2


def picture(drawn: Basemap, grey: np.ndarray, title: str = "Title") -> np.ndarray:
    return np.asarray(compose_map(grey, drawn, title, ["Data: someone"]))


def test_rain_has_its_colours_and_no_data_its_hatch():
    drawn = basemap(around(-40, -120, shape=(64, 64)))
    grey = np.full((64, 64), 0.5, np.float32)
    grey[:, 32:] = np.nan
    whole = picture(drawn, grey)
    corner = np.argwhere((whole == rgb(np.array(0.5))).all(axis=-1)).min(axis=0)
    shown = whole[corner[0] : corner[0] + LONGEST, corner[1] : corner[1] + LONGEST]
    left, right = shown[: LONGEST // 2], shown[:, LONGEST // 2 :]
    assert ((left[:, : LONGEST // 2] == scale()[128]).all(axis=-1)).mean() > 0.95
    shares = [(right == colour).all(axis=-1).mean() for colour in (NO_DATA, NO_DATA_LINES)]
    assert shares[1] == pytest.approx(2 / HATCH, abs=0.03)
    assert sum(shares) > 0.95
    # No colour of rain is one of the hatch's.
    assert not (scale()[:, None] == [NO_DATA, NO_DATA_LINES]).all(axis=-1).any()


def test_large_images_keep_their_mean_and_small_ones_their_pixels():
    generator = np.random.default_rng(0)
    large = basemap(around(-40, -120, shape=(1226, 760)))
    assert large.size == (397, LONGEST)
    small = basemap(around(-40, -120, shape=(20, 10)))
    assert small.size == (LONGEST // 2, LONGEST)
    for drawn, shape in ((large, (1226, 760)), (small, (20, 10))):
        assert picture(drawn, generator.random(shape)).shape[0] > LONGEST


def test_pictures_are_the_same_every_time_and_of_one_size():
    grey = np.random.default_rng(0).random((100, 100)).astype(np.float32)
    written = []
    for _ in range(2):
        stream = io.BytesIO()
        compose_map(grey, basemap(around(52, 5)), "Title", ["Data: someone"]).save(stream, format="PNG")
        written.append(stream.getvalue())
    assert written[0] == written[1]
    drawn = basemap(around(52, 5))
    assert picture(drawn, grey, "Observed").shape == picture(drawn, 0 * grey, "Forecast, valid then").shape


def test_long_notes_are_broken_and_not_cut_off():
    drawn = basemap(around(52, 5))
    short, long = (compose_map(np.zeros((100, 100)), drawn, "", [text]) for text in ("a", "word " * 60 + "x" * 200))
    assert short.width == long.width
    assert long.height > short.height + 60


def test_titles():
    last = np.datetime64("2016-09-28T15:40:12")
    assert observed_title(last) == "Observed 2016-09-28 15:40 UTC"
    valid = last + np.timedelta64(1800, "s")
    assert forecast_title(valid, last) == "Forecast, valid 2016-09-28 16:10 UTC (+30 min after 15:40)"
    assert "(+172.5 min after" in forecast_title(last + np.timedelta64(10350, "s"), last)


def test_notes_say_who_measured_and_on_what_terms():
    sequence = around(52, 5, source="Finnish Meteorological Institute", licence="CC BY 4.0")
    assert picture_notes(sequence, "Last frame", 450) == (
        "Method: Last frame; steps of 7.5 min, pixels of 1 km.",
        "Data: Finnish Meteorological Institute. Licence: CC BY 4.0.",
    )
    other = picture_notes(around(52, 5, institution="A service", license=" "), "Last frame", 600)[1]
    assert other == "Data: A service. Licence: not stated in the files."


def test_the_bundled_lines_are_small_and_no_code():
    assert COASTLINES.stat().st_size < 400_000
    with np.load(COASTLINES, allow_pickle=False) as stored:
        for name in BUNDLED:
            points = np.cumsum(stored[f"{name}_steps"], axis=1) * float(stored["degrees"])
            assert points.shape[1] == stored[f"{name}_lengths"].sum()
            assert np.abs(points[0]).max() <= 180
            assert np.abs(points[1]).max() <= 90
