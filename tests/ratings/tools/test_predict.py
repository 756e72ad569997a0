"""`hypernet ratings predict`: many users' ratings in, their predictions out; and what a model says it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hypernet
from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.lab.job import Job
from hypernet.lab.runs.models import load_model, save_model
from hypernet.ratings.core.explain import tree_text
from hypernet.ratings.core.readable import readable
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.core.trees import LEAF
from hypernet.ratings.core.wording import shown
from hypernet.ratings.train import train
from hypernet.ratings.trained import open_model, open_trees

SHORT = ("recipes.anneal.max_steps=20", "recipes.anneal.harden_steps=0", "train.check_every_steps=10")
CASES = Path(__file__).parents[1] / "cases"
RATINGS = "user,item,rating\nann,film3,5\nbob,film7,1\nann,film9,2\nbob,film3,3\nann,film40,4\n"


@pytest.fixture(scope="module")
def models(small_population, config, tmp_path_factory):
    """Model files of a short training and of a baseline."""
    root, section = tmp_path_factory.mktemp("runs"), config(*SHORT)
    for method in ("meta_fixed_soft", "meta_fixed_hard", "user_mean"):
        settings = section.settings("train", "preftrees", method)
        train(Job("ratings", "preftrees", method, 0, small_population, root / method / "seed0", settings))
    return {path.parents[1].name: path for path in root.glob("*/seed0/model.ckpt")}


@pytest.fixture
def ratings(tmp_path):
    (tmp_path / "ratings.csv").write_text(RATINGS)
    return tmp_path / "ratings.csv"


@pytest.mark.parametrize("method", ["meta_fixed_soft", "meta_fixed_hard"])
def test_every_user_gets_what_the_own_ratings_alone_give(models, ratings, tmp_path, method):
    out = tmp_path / "out.csv"
    assert (
        main(["ratings", "predict", "--model", str(models[method]), "--ratings", str(ratings), "--out", str(out)]) == 0
    )
    table = pd.read_csv(out)
    model = open_trees(models[method])
    assert set(table.groupby("user").size()) == {297, 298}
    items = list(model.catalogue.items)
    # The call that MLflow makes, for one person.
    ann = np.array([[items.index("film3"), 5], [items.index("film9"), 2], [items.index("film40"), 4]])
    alone = model(ann)
    for row in table[table.user == "ann"].itertuples():
        assert row.prediction == pytest.approx(alone[items.index(row.item)], abs=6e-4)


def test_pairs_keep_the_order_asked_for(models, ratings, tmp_path, capsys):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("item,user\nfilm8,bob\nfilm3,ann\nfilm8,ann\n")
    command = ["ratings", "predict", "--model", str(models["meta_fixed_hard"]), "--ratings", str(ratings)]
    assert main([*command, "--pairs", str(pairs)]) == 0
    lines = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["user", "item", "title", "prediction", "cold"]
    assert [line[:2] for line in lines[1:]] == [["bob", "film8"], ["ann", "film3"], ["ann", "film8"]]
    assert all(1 <= float(line[3]) <= 5 for line in lines[1:])
    assert {line[4] for line in lines[1:]} == {"False"}


def test_a_user_without_ratings_is_cold_and_refuses_nothing(models, ratings, tmp_path, capsys):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("user,item\nbob,film8\ncarl,film8\ncarl,film3\n")
    model = open_trees(models["meta_fixed_hard"])
    predicted = hypernet.ratings.predict(ratings, model=model, pairs=pairs)
    assert predicted.table["cold"].tolist() == [False, True, True]
    known = model.catalogue
    average = [feature.precise for feature in known.features].index("critics' score")
    expected = known.mean[average] + known.deviation[average] * known.item_x[[8, 3], average]
    np.testing.assert_allclose(predicted.table["prediction"][1:], expected, atol=6e-4)
    alone = hypernet.ratings.predict(ratings, model=model, pairs=[("bob", "film8")])
    assert alone.table["prediction"][0] == predicted.table["prediction"][0]
    command = ["ratings", "predict", "--model", str(models["meta_fixed_hard"]), "--ratings", str(ratings)]
    assert main([*command, "--pairs", str(CASES / "p_cold.csv")]) == 2
    assert "line 2: no item '1'" in capsys.readouterr().err
    assert main([*command, "--pairs", str(pairs)]) == 0
    assert "1 user without ratings (carl): cold" in capsys.readouterr().err


def test_groups_of_users_change_nothing(models, ratings, monkeypatch):
    whole = hypernet.ratings.predict(ratings, model=models["meta_fixed_soft"]).table
    assert len(whole) == 2 * 300 - 5
    monkeypatch.setattr("hypernet.ratings.tools.predict.PREDICTIONS_AT_ONCE", 10)
    parts = hypernet.ratings.predict(ratings, model=models["meta_fixed_soft"]).table
    pd.testing.assert_frame_equal(parts, whole, atol=1e-3)


def test_the_last_of_two_ratings_where_that_is_asked_for(models):
    model = open_trees(models["meta_fixed_hard"])
    twice = pd.DataFrame({"userId": ["a", "a", "b"], "movieId": ["film3", "film3", "film7"], "rating": [1, 5, 2]})
    with pytest.raises(UserError, match=r"a rated 'film3' in row 0 already; accepted: each item once \(keep last"):
        hypernet.ratings.predict(twice, model=model)
    kept = hypernet.ratings.predict(twice, model=model, keep="last").table
    pd.testing.assert_frame_equal(kept, hypernet.ratings.predict(twice[1:], model=model).table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,item,rating\nann,film3,6\n", "line 2: the rating 6 is not on the scale from 1 to 5"),
        ("user,item,rating\nann,film3,5\nann,film3,4\n", "line 3: ann rated 'film3' in line 2 already"),
        ("user,item,rating\nann,flim3,5\n", "line 2: no item 'flim3'; like it:"),
        ("user,item\nann,film3\n", "no column rating"),
        ("user,item,rating\n", "no ratings in here"),
        ("", "the file is empty"),
    ],
)
def test_bad_ratings_are_one_line(models, tmp_path, capsys, text, message):
    bad = tmp_path / "bad.csv"
    bad.write_text(text)
    assert main(["ratings", "predict", "--model", str(models["meta_fixed_hard"]), "--ratings", str(bad)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]


def test_bad_pairs_and_models_are_one_line(models, ratings, tmp_path, capsys):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("user,item\nann,flim3\n")
    good = ["ratings", "predict", "--model", str(models["meta_fixed_hard"]), "--ratings", str(ratings)]
    out = tmp_path / "out.csv"
    out.write_text("as it was")
    assert main([*good, "--pairs", str(pairs), "--out", str(out)]) == 2
    assert "line 2: no item 'flim3'; like it: film3" in capsys.readouterr().err
    assert out.read_text() == "as it was"
    baseline = ["ratings", "predict", "--model", str(models["user_mean"]), "--ratings", str(ratings)]
    assert main(baseline) == 2
    assert "User's mean cannot grow a tree for new users" in capsys.readouterr().err
    foreign = tmp_path / "foreign.ckpt"
    save_model(foreign, {"domain": "codes"})
    assert main(["ratings", "predict", "--model", str(foreign), "--ratings", str(ratings)]) == 2
    assert "not a model trained by `hypernet ratings train`" in capsys.readouterr().err
    damaged = load_model(models["meta_fixed_hard"])
    damaged["state"].pop("f.0.weight")
    save_model(foreign, damaged)
    assert main(["ratings", "predict", "--model", str(foreign), "--ratings", str(ratings)]) == 2
    assert "of another version, or damaged" in capsys.readouterr().err


def test_known_users_predicted_in_groups_equal_all_at_once(models, small_population, monkeypatch):
    data = RatingData.load(small_population)
    for method in ("meta_fixed_soft", "meta_fixed_hard"):
        model = open_trees(models[method])
        whole = model.test(data)
        monkeypatch.setattr("hypernet.ratings.growing.RATINGS_AT_ONCE", 100)
        monkeypatch.setattr("hypernet.ratings.growing.QUERIES_AT_ONCE", 3)
        np.testing.assert_allclose(model.test(data), whole, atol=1e-5)
        monkeypatch.undo()


def test_leaf_probabilities_are_those_of_the_soft_prediction(models, small_population):
    data = RatingData.load(small_population)
    model = open_trees(models["meta_fixed_soft"])
    theirs = data.train.user == 5
    support = Rows(
        np.zeros(theirs.sum(), np.int64), data.train.item[theirs], data.train.rating[theirs], data.train.x[theirs]
    )
    share = model.leaf_probabilities(support, data.item_x)
    np.testing.assert_allclose(share.sum(axis=1), 1, atol=1e-6)
    everything = Rows(
        np.zeros(len(data.items), np.int64),
        np.arange(len(data.items)),
        np.zeros(len(data.items), np.float32),
        data.item_x,
    )
    values = np.nan_to_num(model.forest(support, 1).value)
    np.testing.assert_allclose(share @ values, model.answer(support, everything, 1), atol=1e-5)


def test_a_baseline_predicts_pairs_of_known_users(models, small_population):
    data = RatingData.load(small_population)
    predictor = open_model(models["user_mean"])
    pairs = predictor.example(data, 50)
    mean = [data.train.rating[data.train.user == user].mean() for user in pairs[:, 0]]
    np.testing.assert_allclose(predictor(pairs), mean, rtol=1e-6)


# --- from Python --------------------------------------------------------------------------------------------------


def test_the_function_gives_what_the_command_writes(models, ratings, tmp_path, capsys):
    out = tmp_path / "out.csv"
    command = ["ratings", "predict", "--model", str(models["meta_fixed_hard"]), "--ratings", str(ratings)]
    assert main([*command, "--out", str(out)]) == 0
    capsys.readouterr()
    table = pd.read_csv(ratings)
    nested = {user: dict(zip(rows["item"], rows.rating, strict=True)) for user, rows in table.groupby("user")}
    for given in (ratings, table, nested):
        predicted = hypernet.ratings.predict(given, model=models["meta_fixed_hard"])
        assert predicted.users == 2
        predicted.save(tmp_path / "function.csv")
        assert (tmp_path / "function.csv").read_bytes() == out.read_bytes()
    pairs = pd.DataFrame({"user": ["bob", "ann"], "item": ["film8", "film3"]})
    few = hypernet.ratings.predict(nested, model=open_model(models["meta_fixed_hard"]), pairs=pairs).table
    assert list(zip(few.user, few["item"], strict=True)) == [("bob", "film8"), ("ann", "film3")]
    whole = pd.read_csv(out).set_index(["user", "item"]).prediction
    assert few.prediction[0] == whole["bob", "film8"]
    listed = hypernet.ratings.predict(
        nested, model=models["meta_fixed_hard"], pairs=[("bob", "film8"), ("ann", "film3")]
    )
    pd.testing.assert_frame_equal(listed.table, few)
    assert repr(listed) == "Predictions(2 ratings of 2 users)"
    assert str(listed).splitlines()[0] == repr(listed)
    assert "film8" in str(listed)


def test_a_mistake_in_python_is_one_line(models, tmp_path, monkeypatch):
    model = models["meta_fixed_hard"]
    for given, message in (
        ({"ann": 5}, "ratings: a int for 'ann'; accepted: {user: {item: rating}}"),
        ({"ann": {"film3": 5, "Film3": 4}}, "ratings, entry 2: no item 'Film3'; like it: film3"),
        ({}, "ratings: no ratings in here"),
    ):
        with pytest.raises(UserError) as caught:
            hypernet.ratings.predict(given, model=model)
        assert message in str(caught.value)
    for options, message in (
        ({"pairs": [("ann", "film3"), "film4"]}, "pairs, entry 2: 'film4'; accepted: (user, item)"),
        ({"pairs": []}, "pairs: no pairs in here"),
        ({"pairs": 3}, "pairs: a int; accepted: a path to a CSV file, a pandas table, a list of (user, item)"),
        ({"model": None}, "model: a NoneType; accepted: a path to model.ckpt"),
    ):
        with pytest.raises(UserError) as caught:
            hypernet.ratings.predict({"ann": {"film3": 5}}, **({"model": model} | options))
        assert message in str(caught.value)
    with pytest.raises(UserError, match=r"ratings: a list; accepted: .*, a dictionary \{user: \{item: rating\}\}"):
        hypernet.ratings.predict([5], model=model)
    predicted = hypernet.ratings.predict({"ann": {"film3": 5}}, model=model)
    with pytest.raises(UserError, match=r"out\.txt: the name must end in \.csv"):
        predicted.save(tmp_path / "out.txt")
    with pytest.raises(UserError, match="User's mean cannot grow a tree"):
        hypernet.ratings.predict({"ann": {"film3": 5}}, model=open_model(models["user_mean"]))
    monkeypatch.setattr("hypernet.ratings.tools.predict.MOST_PREDICTIONS", 100)
    with pytest.raises(UserError, match=r"1 users and 300 items make more than 100 predictions; say which \(pairs\)"):
        hypernet.ratings.predict({"ann": {"film3": 5}}, model=model)


@pytest.mark.parametrize(
    ("ratings", "problem"),
    [
        ([[3, 50.0]], "the rating 50 is not on the scale from 1 to 5"),
        ([[3, float("nan")]], "the rating nan is not on the scale"),
        ([[3.5, 5.0]], r"item 3.5 does not exist; accepted: whole numbers from 0 to 299"),
        ([[-1, 5.0]], "item -1 does not exist"),
        ([[3000, 5.0]], "item 3000 does not exist"),
        ([], r"accepted: pairs of \(number of the item, rating\), an array \[n, 2\]"),
        ([[1, 2, 3]], "an array"),
        ("film3", "an array"),
    ],
)
def test_an_opened_model_checks_what_it_is_called_with(models, ratings, problem):
    model = open_model(models["meta_fixed_soft"])
    assert model([[3, 5.0], [8, 1.0]]).shape == (300,)
    with pytest.raises(UserError, match=problem):
        model(ratings)


@pytest.mark.parametrize("pairs", [[[0, 3000]], [[-1, 3]], [[0.5, 3]], [[10**6, 3]], [[0, float("nan")]], []])
def test_an_opened_baseline_does_too(models, pairs):
    model = open_model(models["user_mean"])
    assert model([[0, 3], [1, 3]]).shape == (2,)
    with pytest.raises(UserError, match="accepted"):
        model(pairs)


def test_opened_models_say_what_they_are(models):
    assert repr(open_model(models["meta_fixed_soft"])) == "MetaTreePredictor(meta_fixed_soft, 300 items)"
    assert repr(open_model(models["user_mean"])) == "BaselinePredictor(user_mean, 300 items)"


def test_the_ends_of_a_scale_are_on_it_in_single_precision(models):
    model = open_model(models["meta_fixed_soft"])
    model.catalogue = replace(model.catalogue, high=4.9)
    assert float(np.float32(4.9)) > 4.9
    assert model([[3, float(np.float32(4.9))]]).shape == (300,)


def test_all_trees_of_a_run_can_be_followed(models, small_population):
    data = RatingData.load(small_population)
    model = open_trees(models["meta_fixed_hard"])
    forest = model.forest(model.training_rows(data), len(data.users))
    items = np.zeros(len(data.items), np.int64)
    for user in range(len(data.users)):
        read = readable(forest, user, model.catalogue)
        rules = [node for node in read.nodes(user) if read.feature[node] != LEAF]
        leaves = set(read.nodes(user)) - set(rules)
        # Every leaf is that of some item, and no rule has two leaves of one prediction.
        assert leaves == set(read.leaves(items + user, model.item_x).tolist())
        for rule in rules:
            values = [read.value[side] for side in (read.left[rule], read.right[rule]) if side in leaves]
            assert len({shown(value, 1) for value in values}) == len(values)
        above: list[str] = []
        for line in tree_text(forest, user, model.catalogue).splitlines():
            asked = re.fullmatch(r"( *)(?:no: |yes: )?(.*\?) \[\d+ ratings?\]", line)
            if asked:
                above = [*above[: len(asked[1]) // 2], asked[2]]
                assert above.count(asked[2]) == 1
