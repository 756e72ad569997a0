"""Model files of strangers: what does not fit is one line, and nothing is built that the file only claims."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import save_model
from hypernet.ratings.core.questions import Questions
from hypernet.ratings.methods import build, build_on_base
from hypernet.ratings.tools.recommend import recommend
from hypernet.ratings.trained import open_model

ITEMS, METHOD = 20, "meta_fixed_hard"
FEATURES = [
    {"name": "a", "kind": "binary", "of": "item", "above": "a", "below": "not a", "precise": "a", "digits": 0},
    {"name": "year", "kind": "number", "of": "item", "above": "after {t}", "below": "before {t}", "precise": "year"},
]


@pytest.fixture(scope="module")
def content(config):
    """What a model file holds: a network with random weights, and a catalogue of two features."""
    settings = config().settings("train", "preftrees", METHOD)
    torch.manual_seed(1)
    tree = build(METHOD, settings, len(FEATURES), 1.0, 5.0)
    with torch.no_grad():
        for parameter in tree.parameters():
            parameter.mul_(2)
    width = len(FEATURES)
    catalogue = {
        "title": "Films",
        "unit": "stars",
        "low": 1.0,
        "high": 5.0,
        "features": FEATURES,
        "mean": torch.tensor([0.5, 1980.0], dtype=torch.float64),
        "deviation": torch.tensor([0.5, 10.0], dtype=torch.float64),
        "users": ["u"],
        "items": [f"i{number}" for number in range(ITEMS)],
        "titles": [f"Film {number}" for number in range(ITEMS)],
        "item_x": torch.randn(ITEMS, width),
        "user_x": torch.zeros(1, width),
    }
    return {
        "domain": "ratings",
        "version": 1,
        "method": METHOD,
        "settings": settings.model_dump(mode="json"),
        "catalogue": catalogue,
        "state": tree.state_dict(),
    }


@pytest.fixture
def changed(content, tmp_path):
    """Write a model file with some parts changed: ``changed({"catalogue.low": 2.0})``."""

    def write(parts):
        whole = copy.deepcopy(content)
        for name, value in parts.items():
            *above, last = name.split(".", 2) if name.startswith("settings") else name.split(".", 1)
            place = whole
            for key in above:
                place = place[key]
            place[last] = value
        save_model(tmp_path / "model.ckpt", whole)
        return tmp_path / "model.ckpt"

    return write


def feature(**parts):
    return [FEATURES[0], FEATURES[1] | parts]


def recommended(path):
    best = recommend({"i0": 5, "i1": 1, "Film 2": 3}, model=path, top=3, explain=True)
    assert len(best.table) == 3
    return best


def test_the_model_is_good(changed):
    assert "would be" in recommended(changed({})).text() or "no one change" in recommended(changed({})).text()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        # Networks that would not fit in memory, or only seem to be in the file.
        ({"settings.method.embedding": 10**9}, "h.0.weight is torch.float32"),
        ({"settings.method.f_hidden": 10**12}, "f.0.weight is torch.float32"),
        ({"settings.method.depth": 60}, "depth"),
        ({"state.f.0.bias": torch.zeros(1).expand(50)}, "f.0.bias is not stored number by number"),
        ({"state.f.0.bias": torch.full((50,), float("nan"))}, "f.0.bias holds numbers that are not finite"),
        ({"state.f.0.bias": torch.zeros(50).to_sparse()}, "f.0.bias is not stored number by number"),
        ({"state.f.0.bias": torch.zeros(50, dtype=torch.float64)}, "f.0.bias is torch.float64"),
        ({"catalogue.item_x": torch.zeros(1, 1).expand(ITEMS, 2)}, "item_x is not stored number by number"),
        ({"catalogue.item_x": torch.zeros(3, 2)}, "item_x is torch.float32 (3, 2)"),
        ({"catalogue.deviation": torch.zeros(2, dtype=torch.float64)}, "deviation is not above zero"),
        ({"catalogue.low": float("nan")}, "no scale goes from nan to 5"),
        ({"catalogue.titles": ["x"]}, "1 titles of 20 items"),
        ({"catalogue.titles": ["x" * 10**5] * ITEMS}, "100000 characters"),
        ({"catalogue.titles": ["\ud800"] * ITEMS}, "surrogates not allowed"),
        ({"catalogue.features": feature(digits=10**9)}, "a feature with 1000000000 digits"),
        ({"catalogue.features": feature(kind=["x"])}, "a feature of the kind"),
        ({"catalogue.features": feature(above=7)}, "above of a feature is no text"),
        ({"catalogue.features": feature(extra=7)}, "extra"),
        ({"method": "nonsense"}, "nonsense"),
        ({"state": [1]}, "TypeError"),
    ],
)
def test_what_does_not_fit_is_one_line(changed, parts, message):
    path = changed(parts)
    with pytest.raises(UserError) as caught:
        open_model(path)
    assert str(caught.value).startswith(f"{path}: a model of another version, or damaged")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_overflow_are_one_line(changed, content):
    path = changed({"state": {name: torch.full_like(tensor, 1e38) for name, tensor in content["state"].items()}})
    with pytest.raises(UserError, match="its weights give a tree with numbers that are not finite"):
        recommended(path)


def test_words_of_a_feature_are_never_formatted(changed):
    words = {"above": "{t:>99999999999} {t.__class__}", "below": "{0.__class__} {t}"}
    assert "__class__" in recommended(changed({"catalogue.features": feature(**words)})).text()


def test_titles_cannot_command_the_terminal(changed):
    best = recommended(
        changed({"catalogue.titles": [f"\x1b]0;gone\x07\x1b[2J{number}" for number in range(ITEMS - 1)] + ["Film 2"]})
    )
    assert "\x1b" not in best.text()
    assert "\x07" not in best.text()


def forest(**parts):
    usual = {
        "root": torch.tensor([0]),
        "feature": torch.tensor([0, -1, -1], dtype=torch.int32),
        "threshold": torch.zeros(3, dtype=torch.float64),
        "sign": torch.tensor([1, 0, 0], dtype=torch.int8),
        "left": torch.tensor([1, 1, 2]),
        "right": torch.tensor([2, 1, 2]),
        "value": torch.tensor([np.nan, 2.0, 3.0], dtype=torch.float64),
        "support": torch.tensor([3, 2, 1], dtype=torch.int32),
    }
    return {"method": "local_trees", "state": {"forest": usual | parts, "newcomers": None}}


def test_trees_of_a_baseline_are_opened(changed):
    assert set(open_model(changed(forest()))(np.array([[0, 1], [0, 2]]))) <= {2.0, 3.0}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        # A path that never ends would be followed for ever.
        ({"left": torch.tensor([0, 1, 2])}, "a rule leads back to itself or out of its tree"),
        ({"right": torch.tensor([9, 1, 2])}, "a rule leads back to itself or out of its tree"),
        ({"root": torch.tensor([7])}, "a tree begins outside the nodes"),
        ({"feature": torch.tensor([99, -1, -1], dtype=torch.int32)}, "a rule asks about a feature beyond"),
        ({"sign": torch.tensor([1, 0], dtype=torch.int8)}, "sign of the trees has 2 numbers for 3 nodes"),
        ({"left": "x"}, "left of the trees is no list of numbers"),
        ({"left": torch.zeros(3)}, "left of the trees is no list of whole numbers"),
        ({"value": torch.zeros(1, dtype=torch.float64).expand(3)}, "value is not stored number by number"),
    ],
)
def test_trees_whose_paths_do_not_end_are_refused(changed, parts, message):
    with pytest.raises(UserError) as caught:
        open_model(changed(forest(**parts)))
    assert message in str(caught.value)


def test_a_level_that_is_none_is_refused(changed):
    state = {"forest": forest()["state"]["forest"], "start": 0.0, "rate": 1.0, "user_level": "odd", "overall": 1.0}
    state |= {"user_mean": torch.zeros(1), "user_count": torch.zeros(1), "features": 2, "newcomers": None}
    with pytest.raises(UserError, match="user_level 'odd'; accepted: none, residual, feature"):
        open_model(changed({"method": "global_tree", "state": state}))


@pytest.fixture
def on_base(config):
    """The parts that turn the model file into one of a network on a base, with the questions ``parts``."""

    def parts(**questions):
        settings = config().settings("train", "preftrees", "meta_explained_hard")
        asked = Questions(np.array([0, 1, 1]), np.array([0.0, -0.5, 0.5], dtype=np.float32))
        torch.manual_seed(1)
        network = build_on_base("meta_explained_hard", settings, len(FEATURES), ITEMS, asked, 1.0, 5.0)
        usual = {name: torch.from_numpy(array) for name, array in asked._asdict().items()}
        return {
            "method": "meta_explained_hard",
            "settings": settings.model_dump(mode="json"),
            "state": network.state_dict(),
            "questions": usual | questions,
        }

    return parts


def test_a_network_on_a_base_is_opened(changed, on_base):
    model = open_model(changed(on_base()))
    assert model(np.array([[0, 5.0], [1, 1.0]])).shape == (ITEMS,)


def test_a_base_beyond_the_scale_is_predicted_its_end(changed, on_base):
    parts = on_base()
    parts["state"]["base.item_bias"][:] = 50.0
    assert (open_model(changed(parts))(np.array([[0, 5.0]])) == 5.0).all()


def test_what_is_not_known_of_the_items_is_in_the_file_where_there_is_any(changed):
    assert open_model(changed({})).catalogue.unknown is None
    unknown = torch.zeros(ITEMS, len(FEATURES), dtype=torch.bool)
    unknown[3, 1] = True
    opened = open_model(changed({"catalogue.unknown": unknown}))
    assert np.argwhere(opened.catalogue.unknown).tolist() == [[3, 1]]
    with pytest.raises(UserError, match=r"unknown is torch\.bool"):
        open_model(changed({"catalogue.unknown": unknown[:2]}))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"column": torch.tensor([0, 1, 9])}, "a question about an attribute beyond the 2 there are"),
        ({"column": torch.tensor([0, 1, -1])}, "a question about an attribute beyond the 2 there are"),
        ({"column": torch.zeros(3)}, "column is torch.float32"),
        ({"threshold": torch.tensor([0.0, float("nan"), 1.0])}, "threshold holds numbers that are not finite"),
        ({"threshold": torch.zeros(2)}, "threshold is torch.float32 (2,)"),
        ({"column": torch.zeros(0, dtype=torch.int64), "threshold": torch.zeros(0)}, "no questions"),
        ({"column": torch.tensor([0, 1]), "threshold": torch.zeros(2)}, "f.2.weight is torch.float32"),
    ],
)
def test_questions_that_do_not_fit_are_one_line(changed, on_base, parts, message):
    with pytest.raises(UserError) as caught:
        open_model(changed(on_base(**parts)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_trees_with_half_a_base_are_refused(changed):
    with pytest.raises(UserError, match="a base of the trees lacks a part"):
        open_model(changed(forest(overall=torch.zeros(1, dtype=torch.float64))))
    whole = {name: torch.zeros(2, dtype=torch.float64) for name in ("overall", "level", "tilt")}
    with pytest.raises(UserError, match="overall of the trees has 2 numbers for 1 trees"):
        open_model(changed(forest(**whole)))
