"""What the section refuses, and what a method sees of it."""

from __future__ import annotations

import pytest

from hypernet.lab.errors import UserError


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        (
            "datasets=[holiday]",
            "datasets: holiday is not a known data set; accepted: photos, photos_b, photos_c, kodak",
        ),
        ("own={kodak: {path: a, kind: pool, resize: false}}", "own: kodak is the name of a data set of this project"),
        ("nearest_matrix={samples: 10, neighbours: 11}", "neighbours: 11 are more than the 10 samples"),
        ("network={thumbnail: 100, encoder: deep}", "thumbnail: 100 is no multiple of 32"),
        ("views.smallest=0", "views.smallest"),
        ("imagemagick.options=['-write', 'x;rm']", "imagemagick.options"),
        ("auto_contrast.cutoff=0.6", "auto_contrast.cutoff"),
    ],
)
def test_what_cannot_be_is_one_line(section, assignment, line):
    with pytest.raises(UserError) as caught:
        section("retouch", assignment)
    assert line in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_networks_are_stretched_and_the_plain_rows_are_not(section):
    config = section("retouch")
    seen = {name: config.settings("train", "photos", name).network.stretch for name in config.table}
    assert [name for name, stretch in seen.items() if not stretch] == [
        "global_ls", "nearest_matrix", "ridge", "hyper_plain",
    ]  # fmt: skip
    ridges = [config.settings("train", "photos", name).method for name in ("ridge", "ridge_stretched")]
    assert ridges[0] == ridges[1]


def test_kodak_has_sizes_of_its_own(section):
    config = section("retouch", "datasets=[photos, kodak]")
    assert config.settings("prepare", "kodak").sizes.measured == 128
    assert config.settings("prepare", "photos").sizes.measured == 256
