"""What the section refuses, and what a training sees of it."""

from __future__ import annotations

import pytest

from hypernet.lab.errors import UserError
from hypernet.superres.config import CONCAT, HYPER, METHODS


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ("low.rows=5", "superres.low: rows: 5 does not divide 32"),
        ("low.columns=32", "superres.low.columns"),
        ("datasets=[digit]", "digit is not a known data set; accepted: digits, mnist"),
        ("counts.digits.train=4000", "more than the 5,000 that there are"),
        ("counts.mnist.validation=9000", "more than the 60,000 that there are"),
        ("own={mnist: {path: a, kind: auto, polarity: auto, centring: as_is}}", "mnist is the name of a data set"),
        ("own={mine: {path: a, kind: auto, polarity: dark, centring: as_is}}", "superres.own.mine.polarity"),
        ("train.points=2000", "superres.train.points"),
        ("methods=[hyper]", "hyper is not a method here; accepted: nearest"),
    ],
)
def test_what_is_refused(section, assignment, line):
    with pytest.raises(UserError) as caught:
        section("superres", assignment)
    assert line in str(caught.value)


def test_every_width_has_settings_of_its_own(section):
    config = section("superres")
    for family, key in ((HYPER, "hyper"), (CONCAT, "concat")):
        for name, width in family.items():
            settings = config.settings("train", "digits", name)
            assert settings.width == width
            rate = getattr(config, key).train.learning_rate or config.train.learning_rate
            assert settings.train.learning_rate == rate


def test_methods_that_take_another_time_have_a_second_training(section):
    """Each row beside the hypernetwork whose step takes longer, and no other."""
    config = section("superres")
    second = {
        name
        for name, method in METHODS.items()
        if getattr(getattr(config.settings("train", "digits", name), "train", None), "equal_time_steps", None)
    }
    assert second >= {"concat_matched", "concat_big", "film", "liif", "hfir", "srcnn"}
    assert not second & {*HYPER, "espcn", "concat_h16"}
