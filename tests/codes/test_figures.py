"""The pictures are drawn from real, tiny runs; what they look like is for a person to judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import norm

import hypernet.codes.config
from hypernet.codes.captions import FIGURES
from hypernet.codes.evaluate import evaluate, summarise
from hypernet.codes.figures import draw
from hypernet.codes.plots.error_rates import uncoded_ber
from hypernet.codes.train import train
from hypernet.lab.job import Job

PUBLISHED = Path(hypernet.codes.config.__file__).with_name("published.csv")
TINY = (
    "train={max_steps: 4, check_every_steps: 2, validation: {ebn0_db: [4], words: 100}}",
    "evaluate={ebn0_db: [3, 4, 9], chunk_words: 100, min_words: 400, max_words: 400, min_frame_errors: 1}",
)


@pytest.fixture(scope="module")
def results(prepared, config, tmp_path_factory):
    """A folder of results with the runs of three methods."""
    out = tmp_path_factory.mktemp("results")
    section, runs = config(*TINY), []
    for method in ("bp", "maximum_likelihood", "hyper"):
        run, data = out / "BCH31_16" / method / "seed0", prepared("BCH31_16")
        job = Job("codes", "BCH31_16", method, 0, data, run, section.settings("train", "BCH31_16", method))
        train(job)
        evaluate(replace(job, settings=section.settings("evaluate", "BCH31_16", method)))
        runs.append(run)
    return out, runs


def texts(svg):
    """What stands in a picture: matplotlib writes each text as a comment before its shapes."""
    return svg.read_text(encoding="utf-8")


def test_every_promised_picture_is_drawn(results):
    out, runs = results
    summarise(runs, PUBLISHED, out, "smoke")
    draw(runs, out, out / "figures")
    for name in FIGURES:
        assert (out / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        ElementTree.parse(out / "figures" / f"{name}.svg")
    waterfall = texts(out / "figures" / "waterfall.svg")
    for label in ("Belief propagation", "Belief propagation, 50 iterations", "Maximum likelihood", "Eb/N0 (dB)"):
        assert f"<!-- {label} -->" in waterfall
    assert "<!-- Published, unverified -->" in texts(out / "figures" / "published.svg")


def test_without_a_hypernetwork_the_pictures_say_so(results, render):
    render(".svg", "weights")
    out, runs = results
    summarise(runs[:2], PUBLISHED, out, "smoke")
    draw(runs[:2], out, out / "fewer")
    assert "<!-- No hypernetwork decoder among the runs -->" in texts(out / "fewer" / "weights.svg")


def test_the_uncoded_curve_is_q_of_the_root_of_twice_the_ratio():
    points = np.array([0.0, 4.0, 9.6])
    np.testing.assert_allclose(uncoded_ber(points), norm.sf(np.sqrt(2 * 10 ** (points / 10))), rtol=1e-12)
    assert uncoded_ber(np.array([4.0]))[0] == pytest.approx(1.25e-2, abs=1e-4)
