"""From photographs to pairs: the splits, the views of a training, and a person's own folders."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.manifest import read_manifest
from hypernet.retouch import dataset, raw
from hypernet.retouch.config import Views
from hypernet.retouch.core.degradation import degrade_image, look_image
from hypernet.retouch.core.metrics import psnr, rounded
from hypernet.retouch.names import FOLDS

VIEWS = Views(smallest=0.4)
SMALL = ("sizes={measured: 48, kept: 64}", "kodak_sizes={measured: 48, kept: 64}", "degradation.per_image=2")


@pytest.fixture(scope="module")
def prepared(section, tmp_path_factory):
    """The folder of prepared data of a data set: ``prepared("photos")``."""
    made = {}

    def make(name, *assignments):
        if (name, assignments) not in made:
            root = tmp_path_factory.mktemp("retouch")
            settings = section("retouch", f"datasets=[{name}]", *SMALL, *assignments)
            raw.make(name, root / "raw", settings.settings("raw", name))
            dataset.prepare(name, root / "raw", root / "data", settings.settings("prepare", name))
            made[name, assignments] = root
        return made[name, assignments] / "data"

    return make


def photographs(data, split):
    return set(dict.fromkeys(pair.photograph for pair in data.pairs[split]))


def test_every_photograph_is_tested_once_over_the_splits_and_never_trained_on_there(prepared):
    tested = []
    for fold in FOLDS:
        folder = prepared(fold)
        data = dataset.load(folder)
        entries = read_json(folder.parent / "raw" / "entries.json")["splits"]
        names = {split: {entry["name"] for entry in entries[split]} for split in entries}
        assert not names["train"] & names["test"]
        # Weights are chosen on unseen degradations of what is trained on: there are too few to hold one out.
        assert names["validation"] == names["train"]
        assert photographs(data, "test") == names["test"]
        assert len(data.squares) == len(names["train"]) >= 5
        tested += names["test"]
        manifest = read_manifest(folder)["facts"]
        assert "public domain" in manifest["licence"]
    assert len(tested) == len(set(tested)) == 8


def test_a_made_pair_is_the_degradation_and_the_look_of_a_photograph(prepared):
    folder = prepared("photos")
    pairs = dataset.load(folder).pairs["test"]
    plain = dataset.load(prepared("photos", "degradation.look=none")).pairs["test"]
    assert len(pairs) == len(plain) == 6
    for pair, clean in zip(pairs, plain, strict=True):
        assert pair.parameters == clean.parameters
        photograph = clean.target()
        assert min(photograph.shape[:2]) == 48
        np.testing.assert_array_equal(pair.target(), rounded(look_image(photograph)))
        np.testing.assert_array_equal(pair.input(), degrade_image(photograph, np.array(pair.parameters)))
    assert len({pair.parameters for pair in pairs}) == 6


def test_views_are_drawn_from_the_number_alone_and_belong_together(prepared):
    data = dataset.load(prepared("photos"))
    first, second = (dataset.paired_views(data, np.random.default_rng(5), 6, 32, VIEWS) for _ in range(2))
    assert all(torch.equal(*images) for images in zip(first, second, strict=True))
    given, wanted = first
    assert given.shape == wanted.shape == (6, 3, 32, 32)
    assert 0 <= float(given.min()) <= float(given.max()) <= 1
    # The look of each view is what its input should become: the best map between them is nearly exact.
    from hypernet.retouch.core.fitting import fit_map

    for before, after in zip(given, wanted, strict=True):
        colours, answer = before.permute(1, 2, 0).numpy(), after.permute(1, 2, 0).numpy()
        assert psnr(255 * fit_map(colours, answer, "cubic")(colours), 255 * answer) > 25


def test_views_of_the_whole_are_thumbnails(prepared):
    data = dataset.load(prepared("photos"))
    views = dataset._views(data.squares, np.random.default_rng(0), 40, 64, 1.0)
    squares = torch.from_numpy(data.squares).float() / 255
    for view in views:
        assert any(torch.equal(view, square) or torch.equal(view, square.flip(2)) for square in squares)


def test_unpaired_views_are_of_different_places(prepared):
    data = dataset.load(prepared("photos"))
    given, wanted = dataset.unpaired_views(data, np.random.default_rng(0), 4, 32, VIEWS)
    paired = dataset.paired_views(data, np.random.default_rng(0), 4, 32, VIEWS)
    assert torch.equal(given, paired[0])
    assert not torch.equal(wanted, paired[1])


def written(folder, names, seed=0, size=(40, 50)):
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(random.integers(0, 256, (*size, 3)).astype(np.uint8)).save(folder / name)


def test_a_folder_of_a_person_s_photographs_is_a_pool(prepared, tmp_path):
    written(tmp_path / "mine", [f"holiday {number}.png" for number in range(10)])
    folder = prepared("mine", f"own={{mine: {{path: {tmp_path / 'mine'}, kind: auto, resize: false}}}}")
    data = dataset.load(folder)
    assert data.look == "expert"
    assert len(data.squares) == 8
    assert len(data.pairs["test"]) == 4
    assert photographs(data, "test") <= {f"holiday {number}.png" for number in range(10)}
    assert "the person's own files" in read_manifest(folder)["facts"]["licence"]


def test_a_person_s_pairs_are_used_as_they_are(prepared, tmp_path):
    for side, seed in (("before", 1), ("after", 2)):
        # Names that a table would take for numbers, or for nothing.
        written(tmp_path / "pairs" / side, ["001.png", "002.png", "null.png", "nan.png", "na.png", "none.png"], seed)
    folder = prepared("pairs", f"own={{pairs: {{path: {tmp_path / 'pairs'}, kind: auto, resize: false}}}}")
    data = dataset.load(folder)
    assert data.look is None
    assert data.squares.shape == (4, 6, 64, 64)
    (pair,) = data.pairs["test"]
    np.testing.assert_array_equal(
        pair.input(), np.array(Image.open(tmp_path / "pairs" / "before" / f"{pair.name}.png"))
    )
    np.testing.assert_array_equal(
        pair.target(), np.array(Image.open(tmp_path / "pairs" / "after" / f"{pair.name}.png"))
    )
    given, wanted = dataset.paired_views(data, np.random.default_rng(0), 3, 64, Views(smallest=1.0))
    places = [int((torch.from_numpy(data.squares).float() / 255 - torch.cat([x, y])).abs().sum((1, 2, 3)).argmin())
              for x, y in zip(given, wanted, strict=True)]  # fmt: skip
    assert len(places) == 3


@pytest.mark.parametrize(
    ("names", "line"),
    [([], "at least 2 are needed"), (["a.png", "b.png", "c.png"], "3 photographs; accepted: 4 and more")],
)
def test_too_few_photographs_are_one_line(prepared, tmp_path, names, line):
    written(tmp_path / "few", names)
    with pytest.raises(UserError, match=line):
        prepared("few", f"own={{few: {{path: {tmp_path / 'few'}, kind: pool, resize: false}}}}")


def test_kodak_is_split_as_the_reference_numbers_were(prepared, mirror, monkeypatch):
    monkeypatch.setenv("HYPERNET_MIRROR", str(mirror.parent))
    folder = prepared("kodak")
    data = dataset.load(folder)
    assert photographs(data, "test") == {
        "kodim01", "kodim08", "kodim15", "kodim22", "astronaut", "coffee", "china", "flower",
    }  # fmt: skip
    assert len(data.squares) == 26 - 8 - 3


def test_the_sample_of_fivek_runs(prepared, mirror, monkeypatch):
    monkeypatch.setenv("HYPERNET_MIRROR", str(mirror))
    data = dataset.load(prepared("fivek"))
    assert data.look is None
    assert len(data.pairs["test"]) == 2
    assert data.other_inputs.shape == data.other_targets.shape == (3, 3, 64, 64)
    table = pd.read_csv(prepared("fivek") / "test" / "pairs.csv")
    assert set(table) == {"name", "photograph", "input", "target"}
