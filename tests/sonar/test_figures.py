"""Pictures of runs: every one is drawn, also of data and methods that lack something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.names import CLASSES
from hypernet.shapes.plots.galleries import Made
from hypernet.shapes.plots.tiles import Example
from hypernet.sonar import captions
from hypernet.sonar.config import METHODS
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.regions import REGIONS
from hypernet.sonar.core.strength import target_strength
from hypernet.sonar.figures import COMPARED, SHORT, SHOWN
from hypernet.sonar.methods import QUOTED
from hypernet.sonar.plots import closed_forms, gallery
from hypernet.sonar.plots.contrasts import Paired, draw_sight_and_sound, draw_surfaces
from hypernet.sonar.plots.sounds import Sound
from hypernet.sonar.plots.styles import QUOTED_STYLE, STYLE

PUBLISHED = Path(captions.__file__).with_name("published.csv")


def objects() -> pd.DataFrame:
    random = np.random.default_rng(0)
    names = np.repeat(CLASSES, 3)
    sight = random.uniform(0, 90, len(names))
    return pd.DataFrame({"class": names, "sight": sight, "sound": sight / 2})


def test_sight_and_sound_on_common_axes():
    pair = Paired("BatMan", objects(), {"class_correlation": (1.0, 0.9, 1.0)})
    figure = draw_sight_and_sound([pair, pair, pair])
    assert len(figure.axes) == 6
    means, single = figure.axes[:2]
    assert "r = 1.00 [0.90, 1.00]" in means.get_title()
    assert "r =" not in single.get_title()
    for axes in figure.axes:
        assert axes.get_xlim() == axes.get_ylim()
        assert axes.get_xlabel() == "IoU by sight (%)"


def test_surfaces_name_methods_of_any_data_set():
    rows = [
        {"method": method, "group": region, "metric": metric, "value": 40.0, "ci95_low": 30.0, "ci95_high": 55.0}
        for method in ("batman", "vision")
        for region in REGIONS
        for metric in ("recall", "normal_error")
    ]
    table = pd.DataFrame(rows)
    styles = {method: {"color": "black", "marker": "o"} for method in ("batman", "vision")}
    tables = {"first": table[table.method == "batman"], "second": table}
    figure = draw_surfaces(tables, {"batman": "BatMan", "vision": "Vision"}, styles)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["BatMan", "Vision"]
    assert all(axes.get_ylabel() for axes in figure.axes)


def test_the_lead_of_sight_has_a_panel_where_it_is_known():
    rows = [
        {"method": "batman", "group": region, "metric": metric, "value": 40.0, "ci95_low": 30.0, "ci95_high": 55.0}
        for region in REGIONS
        for metric in ("recall", "normal_error")
    ]
    # Of curved surface there is none.
    lead = [
        {"reference": "batman", "group": region, "difference": 5.0, "ci95_low": 2.0, "ci95_high": 8.0}
        for region in ("flat", "corner")
    ]
    tables = {"first": pd.DataFrame(rows), "second": pd.DataFrame(rows)}
    figure = draw_surfaces(tables, {"batman": "BatMan"}, STYLE, {"first": pd.DataFrame(lead)})
    panels = [axes for axes in figure.axes if "by sight" in axes.get_ylabel()]
    assert len(figure.axes) == 5
    assert [axes.get_title() for axes in panels] == ["first"]


def test_every_method_has_a_style_of_its_own():
    assert set(STYLE) == set(METHODS)
    assert len({(entry["color"], entry["marker"]) for entry in STYLE.values()}) == len(STYLE)
    published = set(pd.read_csv(PUBLISHED).method)
    assert published == set(QUOTED_STYLE) >= set(QUOTED)
    assert len(set(QUOTED_STYLE.values())) == len(QUOTED_STYLE)


def test_pictures_name_classes_and_methods_that_there_are():
    assert set(SHOWN) <= set(CLASSES)
    assert set(COMPARED) <= set(METHODS) >= set(SHORT)


def test_the_picture_of_an_echo_has_time_to_the_right_and_frequency_upwards():
    """A falling sweep that comes late: its beginning is higher up and further left than its end."""
    rate, size = 250_000, 60
    call = Call.sweep(60e3, 20e3, 0.002)
    wave = np.zeros((2, 1024))
    emitted = call.samples(rate)
    wave[0, 400 : 400 + len(emitted)] = emitted
    picture = gallery.spectrogram_image(Sound(wave, rate, 0.0, 343.0, emitted), (0.0, 80e3), size)
    assert picture.shape == (size, size, 4)
    # Green tells yellow from violet.
    loud = picture[..., 1] > 180
    columns = np.flatnonzero(loud.any(axis=0))
    assert columns[0] > 0.35 * size
    first, last = (np.flatnonzero(loud[:, column]).mean() for column in (columns[0], columns[-1]))
    assert first < last
    frequency = 80 * (1 - np.array([first, last]) / size)
    assert 40 < frequency[0] < 60
    assert 20 < frequency[1] < 40


def test_side_by_side_are_echo_image_truth_and_methods(monkeypatch):
    boards: list[dict] = []
    monkeypatch.setattr(gallery, "board", lambda rows, side, **words: boards.append({"rows": rows} | words))
    monkeypatch.setattr(gallery, "SIDE", 16)
    pixels = np.zeros((8, 8, 4), np.uint8)
    voxels = np.zeros((32, 32, 32), bool)
    voxels[8:20, 8:20, 8:20] = True
    example = Example("table", pixels, Camera.orbit(20.0, 25.0), voxels)

    def ball(points: np.ndarray) -> np.ndarray:
        return (0.5 - np.linalg.norm(points, axis=-1)).astype(np.float32)

    def nothing(points: np.ndarray) -> np.ndarray:
        return np.full(len(points), -1.0, np.float32)

    made = [Made("Vision", [ball], [61.0], 16), Made("BatMan", [nothing], [0.0], 16)]
    gallery.draw_reconstructions([example], [pixels], made, "here", "Echo: so and so.")
    (drawn,) = boards
    assert [tile.note for tile in drawn["rows"][0]] == ["", "", "", "IoU 61 %", "empty 0 %"]
    assert [name.partition(":")[0] for name in drawn["column_names"][2:]] == ["original", "Vision", "BatMan"]
    assert drawn["notes_above"]


# --- closed forms -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bounces", [1, 2])
def test_a_corner_is_its_closed_form(bounces):
    angles, air = np.arange(-44.0, 45.0, 4.0), Air()
    form = closed_forms.corner_db(angles, 40e3, air.speed_of_sound, bounces)
    level = target_strength(closed_forms.corner(), 40e3, angles, bounces=bounces, air=air)[:, 0]
    assert 10 ** (level / 20) == pytest.approx(10 ** (form / 20), abs=0.02)
    assert np.isnan(closed_forms.corner_db(np.array([-46.0, 60.0]), 40e3, air.speed_of_sound, bounces)).all()


def test_a_plate_and_a_sphere_are_their_closed_forms():
    angles, air = np.arange(-85.0, 86.0, 17.0), Air()
    form = closed_forms.plate_db(angles, 40e3, air.speed_of_sound)
    level = target_strength(closed_forms.plate(), 40e3, angles, air=air)[:, 0]
    assert 10 ** (level / 20) == pytest.approx(10 ** (form / 20), abs=1e-3)
    ball = closed_forms.sphere()
    assert ball.watertight
    assert ball.volume == pytest.approx(4 / 3 * np.pi * 0.05**3, rel=5e-3)
    assert target_strength(ball, 40e3, [13.0], air=air)[0, 0] == pytest.approx(20 * np.log10(0.025), abs=0.3)
