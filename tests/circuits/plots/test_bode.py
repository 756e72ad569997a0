"""Curves over frequency: closed forms, limits as they are written, a closer look at what passes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hypernet.circuits.plots.bode import (
    Curve,
    Level,
    Limits,
    bode_panels,
    curve_of,
    draw_levels,
    draw_passband,
    scattering_panels,
)
from hypernet.lab.results import figures

HERTZ = np.geomspace(1e5, 1e8, 61)
# A step at 10 MHz: a frequency that stands twice.
STEP = Limits(
    np.array([1e6, 1e7, 1e7, 1e8]), np.array([-1.0, -1.0, -np.inf, -np.inf]), np.array([np.inf, np.inf, -40.0, -40.0])
)
LOW_PASS = -10 * np.log10(1 + (HERTZ / 1e7) ** 6)


@pytest.fixture
def axes():
    figures.use_style()
    yield plt.figure().subplots()
    plt.close("all")


def forbidden(axes):
    """Frequencies and levels of the corners of each hatched area."""
    return [path.vertices for collection in axes.collections for path in collection.get_paths()]


def test_a_vertical_edge_of_a_mask_is_vertical(axes):
    draw_levels(axes, HERTZ, [Level("Design", LOW_PASS)], "S", STEP)
    passing, stopping = forbidden(axes)
    assert passing[:, 0].max() == stopping[:, 0].min() == 1e7
    assert passing[:, 1].max() == -1
    assert stopping[:, 1].min() == -40


def test_limits_are_in_sight_and_the_depth_of_a_notch_is_not(axes):
    level = np.where(np.isclose(HERTZ, HERTZ[50]), -250.0, LOW_PASS)
    draw_levels(axes, HERTZ, [Level("Design", level)], "S", STEP)
    bottom, top = axes.get_ylim()
    assert -80 < bottom < -60
    assert 0 < top < 10
    assert axes.get_ylabel() == "S (dB)"


def test_a_limit_at_one_frequency_alone_is_marked(axes):
    alone = Limits(np.array([1e6, 1e7, 1e8]), np.full(3, -np.inf), np.array([np.inf, -20.0, np.inf]))
    draw_levels(axes, HERTZ, [Level("Design", LOW_PASS)], "S", alone)
    marks = [line for line in axes.lines if line.get_marker() == "_" and len(line.get_xdata())]
    assert [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in marks] == [([1e7], [-20.0])]


def test_the_passband_is_seen_closer(axes):
    draw_passband(axes, HERTZ, [Level("Design", LOW_PASS)], "S", [(1e6, 1e7)], STEP)
    left, right = axes.get_xlim()
    assert 5e5 < left < 1e6
    assert 1e7 < right < 2e7
    bottom, top = axes.get_ylim()
    # Down to -3.01 dB at the edge, and no deeper.
    assert -5 < bottom < -3.01
    assert 0 < top < 2


def test_between_two_passbands_a_notch_is_not_looked_into(axes):
    level = np.where(np.isclose(HERTZ, 1e7, rtol=0.3), -60.0, -0.5)
    draw_passband(axes, HERTZ, [Level("Design", level)], "S", [(1e5, 5e6), (2e7, 1e8)])
    assert axes.get_ylim()[0] > -1
    np.testing.assert_allclose(axes.get_xlim(), (1e5, 1e8))


def test_a_narrow_passband_has_ticks(axes):
    draw_passband(axes, HERTZ, [Level("Design", LOW_PASS)], "S", [(9e6, 1.1e7)])
    axes.figure.draw_without_rendering()
    low, high = axes.get_xlim()
    names = [name.get_text() for name in axes.get_xticklabels() if low <= name.get_position()[0] <= high]
    assert len(names) >= 3
    assert all(name.endswith(" M") for name in names)


def test_a_flat_passband_has_room(axes):
    draw_passband(axes, HERTZ, [Level("Design", np.zeros(61))], "S", [(1e6, 1e7)])
    assert np.ptp(axes.get_ylim()) > 0.05


def test_panels_of_a_circuit_between_source_and_load(axes):
    design = Curve("Design", 1 + 1j * HERTZ / 1e7, None, {"color": "C0"})
    band = (np.full(61, -1.0), np.full(61, 1.0))
    panels = scattering_panels(
        HERTZ, [design], [Level("Design", LOW_PASS)], [(1e6, 1e7)], (STEP, None), (band, band), "Band"
    )
    names = []
    for draw, panel in zip(panels.values(), axes.figure.subplots(4), strict=True):
        draw(panel)
        names.append(panel.get_ylabel())
    assert names == ["$S_{21}$ (dB)", "$S_{21}$ (dB)", "$S_{11}$ (dB)", "Phase of $S_{21}$ (degrees)"]


def test_panels_of_a_voltage_gain(axes):
    frequency = np.geomspace(0.1, 10, 61)
    design = curve_of("Design", np.array([1]), np.array([1.0]), frequency, {})
    names = []
    for draw, panel in zip(bode_panels(HERTZ, [design]).values(), axes.figure.subplots(3), strict=True):
        draw(panel)
        names.append(panel.get_ylabel())
    assert names == ["Gain $V_2/V_1$ (dB)", "Phase of $V_2/V_1$ (degrees)", "$|Z|$ at port 1 (Ω)"]
