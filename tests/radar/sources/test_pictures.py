"""Radar pictures and palettes: drawn as described, the same bytes every time, read back, and bad files are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.radar.sources.palette import (
    COLUMNS,
    MISSING,
    UNKNOWN,
    class_table,
    codes,
    colours_of,
    find_palette,
    read_palette,
)
from hypernet.radar.sources.pictures import (
    COAST,
    LAND,
    RING,
    SEA,
    colour_list,
    draw,
    find_pictures,
    read_pictures,
    scene,
    write_pictures,
)

SIZE = 40
START = np.datetime64("2015-03-31T23:40")
PALETTE = find_palette("simulated")
COLOURS = colour_list(PALETTE)
HEAD = ",".join(COLUMNS)


def some_numbers(frames: int = 4) -> np.ndarray:
    classes = np.random.default_rng(0).integers(0, 15, (frames, SIZE, SIZE)).astype(np.uint8)
    return draw(classes, scene(0, SIZE), seed=1, index=0)


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def test_pictures_are_read_back_with_their_times(tmp_path):
    numbers = some_numbers()
    written = write_pictures(tmp_path, numbers, COLOURS, START)
    paths, times = find_pictures(tmp_path)
    assert paths == written
    assert [path.name for path in paths[:3]] == [
        "radar_201503312340.gif",
        "radar_201503312350.gif",
        "radar_201504010000.gif",
    ]
    np.testing.assert_array_equal(times, START + np.arange(4) * np.timedelta64(10, "m"))
    rgb = read_pictures(paths)
    assert rgb.dtype == np.uint8
    np.testing.assert_array_equal(rgb, COLOURS[numbers])


def test_the_same_pictures_have_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_pictures(tmp_path / name, some_numbers(), COLOURS, START)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_the_map_has_sea_in_the_west_and_a_coast_without_gaps():
    place = scene(0, 100)
    for row in range(0, 100, 7):
        coast = 40 + 6 * np.sin(row / 11) + 4 * np.sin(row / 4.7 + 1)
        np.testing.assert_array_equal(place.ground[row] == SEA, np.arange(100) < coast)
    assert ((place.lines == COAST) | (place.lines == RING)).any(axis=1).all()
    radius = np.hypot(*(np.argwhere(place.lines == RING) - 49.5).T)
    assert set(np.rint(radius)) <= {19, 20, 21, 39, 40, 41}
    # About the closed form: the integral of 0.03 exp(-r / 25) over the square.
    every = np.hypot(*(np.indices((100, 100)) - 49.5))
    assert (place.clutter > 0).sum() == pytest.approx((0.03 * np.exp(-every / 25)).sum(), rel=0.3)
    assert 1 <= place.clutter[place.clutter > 0].min() <= place.clutter.max() <= 7


def test_lines_lie_over_the_rain_and_clutter_shows_most_of_the_time():
    place = scene(0, 100)
    rain = draw(np.full((30, 100, 100), 14, np.uint8), place, 1, 0)
    assert (rain[:, place.lines > 0] <= RING).all()
    assert (rain[:, place.lines == 0] == RING + 14).all()
    dry = draw(np.zeros((300, 100, 100), np.uint8), place, 1, 1)
    echo = (place.clutter > 0) & (place.lines == 0)
    assert (dry[:, echo] > RING).mean() == pytest.approx(0.95, abs=0.01)
    assert set(np.unique(dry[:, (place.clutter == 0) & (place.lines == 0)])) == {SEA, LAND}


def test_png_pictures_and_other_names_are_understood(tmp_path):
    picture = COLOURS[some_numbers(2)]
    save(tmp_path / "AQC151351825F_00005.801.png", picture[0])
    save(tmp_path / "AQC151351815F_00005.801.PNG", picture[1])
    paths, times = find_pictures(tmp_path, r"AQC(\d{9})", "%y%j%H%M")
    np.testing.assert_array_equal(times, np.array(["2015-05-15T18:15", "2015-05-15T18:25"], dtype="datetime64[s]"))
    np.testing.assert_array_equal(read_pictures(paths), picture[::-1])
    assert find_pictures(reversed(paths), r"AQC(\d{9})", "%y%j%H%M")[0] == paths


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no pictures"),
        (["radar_2015.gif"], "no time in the name"),
        (["radar_201513010000.gif"], "no time in the name"),
        (["a_201501010000.gif", "b_201501010000.png"], r"b_201501010000.png: the time 2015-01-01 00:00 .*a_2015"),
    ],
)
def test_names_that_do_not_tell_the_time_are_refused(tmp_path, names, message):
    for name in names:
        save(tmp_path / name, np.zeros((4, 4), np.uint8))
    with pytest.raises(UserError, match=message):
        find_pictures(tmp_path)


def test_a_folder_that_is_none_and_a_pattern_that_is_none_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        find_pictures(tmp_path / "nowhere")
    with pytest.raises(UserError, match="not a regular expression"):
        find_pictures(tmp_path, "(")
    with pytest.raises(UserError, match="no pictures"):
        read_pictures([])


def test_bad_pictures_are_refused_by_name(tmp_path):
    plain = COLOURS[some_numbers(2)]
    good = save(tmp_path / "good.png", plain[0])
    several = tmp_path / "several.gif"
    Image.fromarray(plain[0]).save(several, save_all=True, append_images=[Image.fromarray(plain[1])])
    clear = np.concatenate([plain[0], np.full((SIZE, SIZE, 1), 255, np.uint8)], axis=-1)
    opaque = save(tmp_path / "opaque.png", clear.copy())
    clear[3, 3, 3] = 0
    see_through = save(tmp_path / "clear.png", clear)
    number = save(tmp_path / "number.gif", some_numbers(1)[0], transparency=0)
    small = save(tmp_path / "small.png", plain[0, :, 2:])
    cut = tmp_path / "cut.gif"
    cut.write_bytes(write_pictures(tmp_path / "w", some_numbers(1), COLOURS, START)[0].read_bytes()[:900])
    text = tmp_path / "text.gif"
    text.write_text("no picture")

    assert read_pictures([good, opaque]).shape == (2, SIZE, SIZE, 3)
    for path, message in (
        (several, "several.gif: 2 frames in one file"),
        (see_through, "clear.png: transparent"),
        (number, "number.gif: transparent"),
        (small, "small.png: pictures of one size.*38x40 and 40x40"),
        (cut, "cut.gif: not a picture"),
        (text, "text.gif: not a picture"),
        (tmp_path / "gone.gif", "gone.gif: not a picture"),
    ):
        with pytest.raises(UserError, match=message):
            read_pictures([good, path])


def test_the_simulators_palette_is_as_described():
    assert PALETTE.rgb("rain").tolist()[3] == [2, 253, 2]
    np.testing.assert_array_equal(
        PALETTE.classes_of_dbz(np.array([0, 4.99, 5, 9.99, 10, 69.9, 70])), [0, 0, 1, 1, 2, 13, 14]
    )
    grey = PALETTE.grey_of_class()
    np.testing.assert_allclose(grey[1:14] * 70, np.arange(1, 14) * 5 + 2.5, rtol=1e-6)
    assert grey[0] == 0
    assert grey[14] == 1


def test_rain_rates_become_reflectivity():
    palette = find_palette("mch")
    index = np.arange(2, 251)
    # MeteoSwiss' scale as in pysteps: mm in five minutes.
    rate = 12 * (10 ** ((index - 71.5) / 20) / 316) ** (1 / 1.5)
    expected = np.clip(10 * np.log10(200 * rate**1.6), 0, 70) / 70
    np.testing.assert_allclose(palette.grey_of_class()[1:250], expected, atol=1e-6)
    table = class_table(palette, 0)
    np.testing.assert_array_equal(
        table[codes(np.array([[255, 253, 253], [255, 254, 254], [0, 0, 0], [9, 9, 9]], np.uint8))],
        [1, 0, MISSING, UNKNOWN],
    )


colour = st.tuples(*[st.integers(0, 255)] * 3)


@st.composite
def palettes(draw_from):
    rgb = draw_from(st.lists(colour, min_size=2, max_size=20, unique=True))
    rain = draw_from(st.integers(1, len(rgb)))
    edges = np.cumsum(draw_from(st.lists(st.floats(0.01, 9), min_size=rain + 1, max_size=rain + 1))).tolist()
    rows = [("rain", *rgb[place], edges[place], edges[place + 1], "dBZ") for place in range(rain)]
    rows += [
        (draw_from(st.sampled_from(["dry", "missing", "area", "line"])), *colour, "", "", "") for colour in rgb[rain:]
    ]
    return rows


@given(palettes(), st.sampled_from([0, 1, 8]))
@settings(max_examples=25, deadline=None)
def test_any_palette_is_read_and_its_colours_are_found(tmp_path_factory, rows, tolerance):
    path = tmp_path_factory.mktemp("palette") / "own.csv"
    path.write_text("\n".join([HEAD, *(",".join(map(str, row)) for row in rows)]) + "\n")
    palette = read_palette(path)
    assert [(colour.kind, *colour.rgb) for colour in palette.colours] == [row[:4] for row in rows]
    assert palette.bounds_dbz().tolist() == [list(row[4:6]) for row in rows if row[0] == "rain"]
    table = class_table(palette, tolerance)
    near = np.random.default_rng(0).integers(-9, 10, (200, 3)) + np.array(rows[0][1:4])
    near = np.concatenate([near.clip(0, 255), [row[1:4] for row in rows]])
    kinds = {"dry": 0, "missing": MISSING}
    known = [
        (np.array(row[1:4]), kinds.get(row[0], place + 1))
        for place, row in enumerate(rows)
        if row[0] not in ("area", "line")
    ]
    for colour in near:
        distance, first = min((int(np.abs(colour - rgb).max()), order) for order, (rgb, _) in enumerate(known))
        expected = known[first][1] if distance <= tolerance else UNKNOWN
        assert table[codes(colour.astype(np.uint8))] == expected


@given(colour)
def test_colours_have_one_number(colour):
    number = codes(np.array(colour, dtype=np.uint8))
    assert number == colour[0] * 65536 + colour[1] * 256 + colour[2]
    assert tuple(colours_of(number)) == colour


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the columns"),
        ("red,green,blue", "line 1: the columns"),
        (HEAD, "0 rain classes"),
        (f"{HEAD}\narea,1,2,3,,,", "0 rain classes"),
        (f"{HEAD}\nrain,1,2,3", "line 2: 7 cells"),
        (f"{HEAD}\nsnow,1,2,3,5,10,dBZ", "line 2: the kind 'snow'"),
        (f"{HEAD}\nrain,1,2,256,5,10,dBZ", "line 2: blue is '256'"),
        (f"{HEAD}\nrain,1,-2,3,5,10,dBZ", "line 2: green is '-2'"),
        (f"{HEAD}\nrain,1,2,3,x,10,dBZ", "line 2: the bound 'x'"),
        (f"{HEAD}\nrain,1,2,3,10,5,dBZ", "line 2: the bounds 10 and 5"),
        (f"{HEAD}\nrain,1,2,3,5,10,km", "line 2: the unit 'km' is not dBZ or mm/h"),
        (f"{HEAD}\nrain,1,2,3,5,10,dBZ\nrain,1,2,4,10,15,mm/h", "line 3: the unit 'mm/h' is not dBZ"),
        (f"{HEAD}\nrain,1,2,3,5,10,dBZ\nrain,1,2,4,9,15,dBZ", "line 3: classes must rise: 9.0 is below 10.0"),
        (f"{HEAD}\nrain,1,2,3,5,,dBZ\nrain,1,2,4,9,15,dBZ", "line 3: classes must rise"),
        (f"{HEAD}\nrain,1,2,3,5,10,dBZ\narea,1,2,3,,,", "line 3: the colour .* stands in line 2"),
        (f"{HEAD}\nrain,1,2,3,5,10,dBZ\narea,1,2,4,5,,", "line 3: only rain has bounds"),
        (f"{HEAD}\nrain,1,2,3,-5,10,mm/h", "line 2: a rain rate of -5.0 mm/h; is the unit dBZ"),
    ],
)
def test_faults_of_a_palette_file_have_a_line(tmp_path, text, message):
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_palette(path)


def test_a_palette_that_is_not_there_is_named():
    with pytest.raises(UserError, match="accepted: mch, simulated"):
        find_palette("nothing")
    with pytest.raises(UserError, match="two areas"):
        colour_list(find_palette("mch"))
