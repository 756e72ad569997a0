"""`hypernet ratings recommend`, from files to lines, with a network that was never trained: its trees are as good."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import hypernet
from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import save_model
from hypernet.ratings.core.counterfactuals import counterfactuals
from hypernet.ratings.core.explain import reasons, tree_text
from hypernet.ratings.core.readable import told_apart
from hypernet.ratings.core.tables import Feature, RatingData
from hypernet.ratings.methods import build
from hypernet.ratings.tools.items import Items, add_items
from hypernet.ratings.tools.person import Grown, grow, ranking
from hypernet.ratings.tools.profiles import read_ratings
from hypernet.ratings.trained import open_trees

ROOT = Path(hypernet.__file__).parents[1]
HANDFUL = "item,rating\nfilm3,5\nfilm10,1\nfilm50,4\nfilm77,2\n"


@pytest.fixture(scope="module")
def data(prepared):
    return RatingData.load(prepared("preftrees"))


@pytest.fixture(scope="module")
def models(data, config, tmp_path_factory):
    """Model files of meta trees with random weights, by method."""
    folder = tmp_path_factory.mktemp("models")
    for method in ("meta_fixed_hard", "meta_fixed_soft", "meta_dynamic_hard"):
        settings_of = config().settings("train", "preftrees", method)
        torch.manual_seed(3)
        tree = build(method, settings_of, len(data.features), data.low, data.high)
        with torch.no_grad():
            # The default start gives nearly the same rule everywhere; these differ.
            for parameter in tree.parameters():
                parameter.mul_(2.0)
            # And these ask about year and rating more often than about genres.
            tree.f[-1].bias[8:10] += 0.5
        catalogue = {name: torch.from_numpy(getattr(data, name)) for name in ("mean", "deviation", "item_x", "user_x")}
        catalogue |= {name: [str(text) for text in getattr(data, name)] for name in ("users", "items", "titles")}
        catalogue |= {name: getattr(data, name) for name in ("title", "unit", "low", "high")}
        content = {
            "domain": "ratings",
            "version": 1,
            "dataset": "preftrees",
            "method": method,
            "settings": settings_of.model_dump(mode="json"),
            "catalogue": catalogue | {"features": [asdict(feature) for feature in data.features]},
            "state": tree.state_dict(),
        }
        save_model(folder / f"{method}.ckpt", content)
    return {path.stem: path for path in folder.glob("*.ckpt")}


@pytest.fixture
def handful(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(HANDFUL)
    return path


def recommend(model, ratings, *options):
    return main(["ratings", "recommend", str(ratings), "--model", str(model), *map(str, options)])


def known_items(model):
    return Items(model.catalogue.items, model.catalogue.titles, model.catalogue.item_x)


def test_the_best_items_with_their_reasons(models, handful, capsys):
    assert recommend(models["meta_fixed_hard"], handful, "--top", 7) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Generated preferences: a tree from 4 ratings, on a scale from 1 to 5"
    model = open_trees(models["meta_fixed_hard"])
    item, rating = np.array([3, 10, 50, 77]), np.array([5.0, 1.0, 4.0, 2.0])
    predicted = model(np.column_stack([item, rating]))
    predicted[item] = -1
    lines = printed[2:9]
    assert printed[9:] == [] or re.fullmatch(
        r"\(\d+ items have the prediction of number \d; those that critics like best come first\)", printed[9]
    )
    grown = grow(model, model.catalogue, known_items(model), item, rating)
    for place, line in enumerate(lines, start=1):
        number = int(line.split("Film ")[1].split()[0])
        assert line.startswith(f"{place}  {predicted[number]:.1f}  {model.catalogue.titles[number]}  ")
        assert line.endswith(reasons(grown.read, 0, model.catalogue)[int(grown.leaf[number])].text)
        assert predicted[number] == np.sort(predicted)[-place]


def test_equal_predictions_are_ranked_by_what_others_think_and_how_sure_they_are(models):
    model = open_trees(models["meta_fixed_hard"])
    items = known_items(model)
    grown = grow(model, model.catalogue, items, np.array([3, 10]), np.array([5.0, 1.0]))
    order = ranking(model.catalogue, items, grown, np.array([3, 10]))
    assert sorted([*order, 3, 10]) == list(range(300))
    average = [feature.precise for feature in model.catalogue.features].index("critics' score")
    keys = np.column_stack([-grown.predicted, -items.x[:, average], -grown.probability, np.arange(300)])[order]
    assert [tuple(key) for key in keys] == sorted(tuple(key) for key in keys)


def test_of_equal_predictions_the_most_rated_item_is_first():
    features = (Feature("rating_count", "number", "item", "popular", "rarely rated", "number of ratings"),)
    known = SimpleNamespace(features=features)
    items = Items(np.array(list("abcd")), np.array(list("ABCD")), np.array([[0.5], [2.0], [-1.0], [2.0]], np.float32))
    predicted, probability = np.array([4.0, 4.0, 5.0, 4.0]), np.array([0.9, 0.1, 0.5, 0.3])
    grown = Grown(None, None, predicted, np.zeros(4), probability, None, None)
    assert ranking(known, items, grown, np.array([])).tolist() == [2, 3, 1, 0]
    assert ranking(known, items, grown, np.array([2, 1])).tolist() == [3, 0]


def test_explain_prints_the_tree_and_what_would_change_it(models, handful, capsys):
    assert recommend(models["meta_dynamic_hard"], handful, "--top", 3, "--explain") == 0
    printed = capsys.readouterr().out
    model = open_trees(models["meta_dynamic_hard"])
    items = known_items(model)
    grown = grow(model, model.catalogue, items, np.array([3, 10, 50, 77]), np.array([5.0, 1.0, 4.0, 2.0]))
    assert tree_text(grown.forest, 0, model.catalogue) in printed
    best = int(ranking(model.catalogue, items, grown, np.array([3, 10, 50, 77]))[0])
    flips = counterfactuals(grown.read, 0, items.x[best], model.catalogue)
    changes = [flip.text for flip in flips if told_apart(flip.value, grown.predicted[best], 1)]
    assert (changes or ["no one change would alter it"])[0] in printed


def test_precise_reasons_have_numbers(models, handful, capsys):
    outputs = []
    for options in ((), ("--precise",)):
        assert recommend(models["meta_fixed_hard"], handful, "--top", 40, "--explain", *options) == 0
        outputs.append(capsys.readouterr().out)
    words = ("igh critics' score", "ow critics' score", "fter ", "efore ")
    assert any(word in outputs[0] for word in words)
    assert not any(word in outputs[1] for word in words)
    assert any(sign in outputs[1] for sign in "<>≤≥")


def test_soft_routing_speaks_of_the_items_own_answers_with_their_probability(models, handful, capsys):
    assert recommend(models["meta_fixed_soft"], handful, "--top", 5, "--explain") == 0
    printed = capsys.readouterr().out
    model = open_trees(models["meta_fixed_soft"])
    item, rating = np.array([3, 10, 50, 77]), np.array([5.0, 1.0, 4.0, 2.0])
    items = known_items(model)
    grown = grow(model, model.catalogue, items, item, rating)
    np.testing.assert_allclose(grown.predicted, model(np.column_stack([item, rating])), rtol=1e-5)
    best = int(ranking(model.catalogue, items, grown, item)[0])
    assert f"{grown.predicted[best]:.1f}  {model.catalogue.titles[best]}" in printed
    assert "(soft routing: a prediction is the mean of all leaves" in printed
    assert f"(with probability {grown.probability[best]:.2f})" in printed
    # As many halves as there are rules on the path, at least: each answer is the likelier one.
    assert grown.probability.min() >= 1 / 8
    assert (grown.leaf == grown.read.leaves(np.zeros(300, np.int64), items.x)).all()


def test_more_items_can_be_recommended_and_rated(models, tmp_path, handful, capsys):
    more = tmp_path / "items.csv"
    more.write_text("item,title,action,year,avg\nnew1,The Newcomer,1,1999,4.9\nnew2,,,,\n")
    handful.write_text(HANDFUL + "the  NEWCOMER,5\n")
    assert recommend(models["meta_fixed_hard"], handful, "--items", more, "--top", 297) == 0
    printed = capsys.readouterr().out
    assert "a tree from 5 ratings" in printed
    assert " new2  " in printed
    assert "Newcomer" not in printed


def test_the_page_is_written_whole(models, handful, tmp_path, capsys):
    page = tmp_path / "out" / "me.html"
    assert recommend(models["meta_fixed_hard"], handful, "--page", page) == 0
    assert str(page) in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    assert list(page.parent.iterdir()) == [page]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("thing,rating\nfilm3,5\n", "mine.csv, line 1: no column item; found: 'thing', 'rating'; needed: item, rating"),
        ("item,mark\nfilm3,5\n", "mine.csv, line 1: no column rating"),
        ("filmId,movieId,rating\nfilm3,3,5\n", "line 1: 'filmId' and 'movieId' could both be the column item; rename"),
        ("", "mine.csv: the file is empty"),
        ("item,rating\n", "mine.csv: no ratings in here; rate at least one item, a line each"),
        ("item,rating\nfilm3,5\nfilm3,4\n", "mine.csv, line 3: 'film3' is rated in line 2 already"),
        ("item,rating\nfilm3,good\n", "mine.csv, line 2: the rating 'good' is not a finite number"),
        ("item,rating\nfilm3,inf\n", "mine.csv, line 2: the rating 'inf' is not a finite number"),
        ("item,rating\nfilm3,1_0\n", "mine.csv, line 2: the rating '1_0' is not a finite number"),
        ("item,rating\nfilm3,\n", "mine.csv: no ratings in here; rate at least one item, a line each (left out: 1 row"),
        ("item,rating\nfilm3,5.5\n", "mine.csv, line 2: the rating 5.5 is not on the scale from 1 to 5"),
        ("item,rating\nfilm3,0\n", "mine.csv, line 2: the rating 0 is not on the scale from 1 to 5"),
        ("item,rating\nfilm3,4,1\n", "mine.csv, line 2: 3 fields, the header has 2"),
        ("item,rating\nflim3,5\n", "mine.csv, line 2: no item 'flim3'; like it: film3;"),
        ("item,rating\nFilm 123 (1850),5\n", "mine.csv, line 2: no item 'Film 123 (1850)'; like it: Film 123 ("),
        (
            "item,rating\nzzzzqqq,5\n",
            "mine.csv, line 2: no item 'zzzzqqq'; an id or title of the 300 items is accepted",
        ),
    ],
)
def test_bad_ratings_are_one_line(models, tmp_path, capsys, content, message):
    path = tmp_path / "mine.csv"
    path.write_text(content)
    assert recommend(models["meta_fixed_hard"], path, "--page", tmp_path / "page.html") == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert len(output.err.splitlines()) == 1
    assert not (tmp_path / "page.html").exists()


def test_bytes_that_are_no_text(models, tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"item,rating\n\xff\xfe\x00\x81,5\n")
    assert recommend(models["meta_fixed_hard"], path) == 2
    assert "mine.csv, line 2: not a text in UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title,action\nNew,1\n", "items.csv, line 1: no column item"),
        (
            "item,acton\nnew,1\n",
            "items.csv, line 1: no feature of items is called 'acton'; accepted: item, title, action,",
        ),
        ("item,action\nnew,2\n", "items.csv, line 2: action is 2; accepted: 0 and 1"),
        ("item,year\nnew,1e300\n", "items.csv, line 2: year '1e300' is too large; accepted: up to 1e+15"),
        ("item,year\nnew,MCM\n", "items.csv, line 2: year 'MCM' is not a finite number"),
        ("item,title\nfilm3,New\n", "items.csv, line 2: there is an item 'film3' already; give another id and title"),
        ("item\nnew\nNEW\n", "items.csv, line 3: 'NEW' stands in line 2 already"),
        ("item,year\n", "items.csv: no items in here; write one a line"),
    ],
)
def test_bad_items_are_one_line(models, tmp_path, handful, capsys, content, message):
    path = tmp_path / "items.csv"
    path.write_text(content)
    assert recommend(models["meta_fixed_hard"], handful, "--items", path) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--top", "0"], "argument --top: '0' is not a whole number from 1"),
        (["--top", "-3"], "argument --top"),
        (["--top", "297"], "top 297: 296 items are unrated; accepted: 1 to 296"),
        (["--page", "page.txt"], "page.txt: the name must end in .html"),
        (["--items", "nowhere.csv"], "nowhere.csv: no such file"),
    ],
)
def test_bad_options_are_one_line(models, handful, capsys, options, message):
    assert recommend(models["meta_fixed_hard"], handful, *options) == 2
    assert message in capsys.readouterr().err


def test_no_such_ratings(models, tmp_path, capsys):
    assert recommend(models["meta_fixed_hard"], tmp_path / "nowhere.csv") == 2
    assert "nowhere.csv: no such file" in capsys.readouterr().err


def test_models_that_do_not_fit(models, handful, tmp_path, capsys):
    other = tmp_path / "model.ckpt"
    save_model(other, {"domain": "codes", "method": "bp"})
    for path, message in (
        (other, "not a model trained by `hypernet ratings train`"),
        (tmp_path / "no.ckpt", "no such model"),
    ):
        assert recommend(path, handful) == 2
        assert message in capsys.readouterr().err
    assert recommend(models["meta_fixed_soft"], handful, "--page", tmp_path / "page.html") == 2
    assert "give a model of meta_*_hard" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_everything_rated_leaves_nothing_to_recommend(models, tmp_path, capsys):
    path = tmp_path / "all.csv"
    path.write_text("item,rating\n" + "".join(f"film{number},3\n" for number in range(300)))
    assert recommend(models["meta_fixed_hard"], path) == 2
    assert "all 300 items are rated, none is left to recommend; add others (items)" in capsys.readouterr().err


SHOP = Items(
    np.array(["1", "2", "3", "4"]),
    np.array(["Heat (1995)", "The Matrix, Part 1", "Double", "double"]),
    np.zeros((4, 3), np.float32),
)
SHOP_FEATURES = (
    Feature("price", "number", "item", "price above {t}", "price below {t}", "price", 1),
    Feature("genre: action", "binary", "item", "genre: action", "not genre: action", "genre: action"),
    Feature("genre: drama", "binary", "item", "genre: drama", "not genre: drama", "genre: drama"),
)

MEAN, DEVIATION = np.array([10.0, 0.25, 0.5]), np.array([4.0, 0.5, 0.5])
SHOP_MODEL = SimpleNamespace(
    catalogue=SimpleNamespace(features=SHOP_FEATURES, mean=MEAN, deviation=DEVIATION), reads=np.array
)


def test_items_are_found_by_id_and_by_title(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('rating,item,note\n5,heat  (1995),x\n-2.5,"The Matrix, Part 1",\n', encoding="utf-8-sig")
    item, rating, _ = read_ratings(path, SHOP, -10, 10)
    assert item.tolist() == [0, 1]
    assert rating.tolist() == [5, -2.5]
    path.write_text("item,rating\n3,1e0\n")
    assert read_ratings(path, SHOP, -10, 10).item.tolist() == [2]
    path.write_text("item,rating\nDouble,4\n")
    with pytest.raises(UserError, match="'Double' is the title of several items; give the id of one: 3, 4"):
        read_ratings(path, SHOP, -10, 10)


def test_a_column_of_values_fills_the_features_of_that_name(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("item,genre,price\na,drama|horror,12\nb,,\nc,action | drama,7.5\n")
    items = add_items(path, SHOP, SHOP_MODEL)
    assert items.ids.tolist() == ["1", "2", "3", "4", "a", "b", "c"]
    assert (items.x[4:] * DEVIATION + MEAN).tolist() == [[12, 0, 1], [10, 0.25, 0.5], [7.5, 1, 1]]
    # What the model does not know of is said.
    assert items.notes == (f"{path}: not known to the model, and left out: horror (1)",)


@pytest.mark.parametrize(
    ("features", "header", "row", "wanted"),
    [
        ("genre: {}", "Genres", "Action|Western", [1, 0]),
        ("genres: {}", "genre", "drama", [0, 1]),
        ("{}", "genres", "Drama|Action|Western", [1, 1]),
        ("{}", "Action", "1", [1, 0.5]),
        ("genre: {}", "genre", "Action; Drama", [1, 1]),
        ("{}", "genres", "Drama/Action", [1, 1]),
        ("genre: {}", "genre", "NA", [0.25, 0.5]),
    ],
)
def test_genres_however_the_column_and_the_features_are_called(tmp_path, features, header, row, wanted):
    names = [features.format(name) for name in ("action", "drama")]
    binary = (Feature(name, "binary", "item", name, f"not {name}", name) for name in names)
    model = SimpleNamespace(
        catalogue=SimpleNamespace(features=(SHOP_FEATURES[0], *binary), mean=MEAN, deviation=DEVIATION), reads=np.array
    )
    path = tmp_path / "items.csv"
    path.write_text(f"movieId,Title,{header}\nnew,New,{row}\n")
    items = add_items(path, SHOP, model)
    assert (items.x[4, 1:] * DEVIATION[1:] + MEAN[1:]).tolist() == wanted
    assert items.notes == ((f"{path}: not known to the model, and left out: western (1)",) if "Western" in row else ())


def test_unknown_genres_are_said(models, tmp_path, handful, capsys):
    more = tmp_path / "more.csv"
    more.write_text("item,genres\nnew1,action|film-noir\nnew2,film-noir\n")
    assert recommend(models["meta_fixed_hard"], handful, "--items", more) == 0
    assert capsys.readouterr().err == f"{more}: not known to the model, and left out: film-noir (2)\n"


CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize("case", ["blank", "caps", "semicolon", "tab", "trailing"])
def test_files_as_people_have_them(case):
    item, rating, _ = read_ratings(CASES / f"{case}.csv", SHOP, 1, 5)
    expected = {"blank": ([0, 1], [5, 3]), "trailing": ([0, 1], [5, 3]), "semicolon": ([0, 1], [5, 1.5])}
    assert (item.tolist(), rating.tolist()) == expected.get(case, ([0], [5]))


def test_a_decimal_comma_in_quotes(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('item,rating\n1,"4,5"\n')
    assert read_ratings(path, SHOP, 1, 5)[1].tolist() == [4.5]
    # Three digits may be thousands.
    path.write_text('item,rating\n1,"1,500"\n')
    with pytest.raises(UserError, match="line 2: the rating '1,500' is not a finite number"):
        read_ratings(path, SHOP, 1, 5)


def test_a_title_in_two_characters_a_letter_is_found(tmp_path):
    title = "Am\u00e9lie \u2116 7 (1967)"
    for form in ("NFC", "NFD"):
        items = Items(np.array(["7"]), np.array([unicodedata.normalize(form, title)]), np.zeros((1, 3), np.float32))
        assert read_ratings(CASES / "nfd.csv", items, 1, 5)[0].tolist() == [0]
        assert read_ratings({unicodedata.normalize("NFD", title): 5}, items, 1, 5)[0].tolist() == [0]


def test_the_last_of_two_ratings_where_that_is_asked_for(models, tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_text('Title,Rating\nheat (1995),1\n"The Matrix, Part 1",3\nHeat (1995),5\n')
    item, rating, _ = read_ratings(path, SHOP, 1, 5, keep="last")
    assert (item.tolist(), rating.tolist()) == ([0, 1], [5, 3])
    with pytest.raises(UserError, match=r"is rated in line 2 already; accepted: each item once \(keep last"):
        read_ratings(path, SHOP, 1, 5)
    with pytest.raises(UserError, match="keep: 'first'; accepted: None, 'last'"):
        read_ratings(path, SHOP, 1, 5, keep="first")
    path.write_text("item,rating\nfilm3,1\nfilm3,5\n")
    assert recommend(models["meta_fixed_hard"], path, "--keep", "last") == 0
    assert "a tree from 1 rating," in capsys.readouterr().out


def test_ten_films_of_one_prediction_are_said_to_be(models, capsys):
    assert recommend(models["meta_fixed_hard"], CASES / "pref_me.csv") == 0
    lines = capsys.readouterr().out.splitlines()
    values = [line.split()[1] for line in lines[2:12]]
    if len(set(values)) == 1:
        assert re.fullmatch(r"\(\d+ items have the prediction of number 1; .* come first\)", lines[-1])


def read_or_complaint(path):
    try:
        return read_ratings(path, SHOP, 1, 5)
    except UserError as error:
        return str(error)


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_ratings_or_one_line_of_complaint(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "mine.csv"
    path.write_text(text, encoding="utf-8", newline="")
    outcome = read_or_complaint(path)
    if isinstance(outcome, str):
        assert "mine.csv" in outcome
        assert len(outcome.splitlines()) == 1
    else:
        assert len(outcome[0]) == len(outcome[1]) > 0


CELLS = st.sampled_from(["1", "2", "Heat (1995)", "double", "x", "", "5", "1.5", "nan", "-1", "9e999", '"a""b"', "😀"])


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_table_is_ratings_or_one_line_of_complaint(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("any") / "mine.csv"
    path.write_text("item,rating\n" + "".join(",".join(row) + "\n" for row in cells), encoding="utf-8")
    outcome = read_or_complaint(path)
    if isinstance(outcome, str):
        assert str(path) in outcome
    else:
        item, rating, _ = outcome
        # A row without a rating is left out.
        assert len(item) == sum(row[1] not in ("", "nan") for row in cells) == len(set(item.tolist()))
        assert ((rating >= 1) & (rating <= 5)).all()


# --- from Python --------------------------------------------------------------------------------------------------


MINE = {"film3": 5, "film10": 1, "film50": 4.0, "film77": 2}


@pytest.mark.parametrize("method", ["meta_fixed_hard", "meta_fixed_soft"])
def test_the_function_gives_what_the_command_prints(models, handful, capsys, method):
    best = hypernet.ratings.recommend(MINE, model=models[method], top=5, explain=True)
    assert recommend(models[method], handful, "--top", 5, "--explain") == 0
    assert capsys.readouterr().out == best.text() + "\n"
    table = best.table
    assert list(table.columns) == ["item", "title", "prediction", "probability", "reason", "change"]
    model = hypernet.ratings.open_model(models[method])
    item = [int(name.removeprefix("film")) for name in table["item"]]
    predicted = model(np.array([[3, 5], [10, 1], [50, 4], [77, 2]]))
    np.testing.assert_allclose(table.prediction, predicted[item], rtol=1e-5)
    listed = [line for line in best.text().splitlines() if re.match(r"\d  \d\.\d  ", line)]
    for line, row in zip(listed, table.itertuples(), strict=True):
        assert f"{row.prediction:.1f}  {row.title}  " in line
        assert row.reason in line
    assert all(change in best.text() for change in table.change)
    assert best.tree in best.text()


def test_a_file_a_table_and_a_dictionary_are_the_same_ratings(models, handful):
    model = open_trees(models["meta_fixed_hard"])
    table = pd.DataFrame({"rating": [5, 1, 4, 2], "item": ["film3", "film10", "film50", "film77"], "note": None})
    forms = (
        handful,
        str(handful),
        table,
        MINE,
        pd.Series(MINE),
        list(MINE.items()),
        [list(row) for row in MINE.items()],
    )
    texts = [hypernet.ratings.recommend(mine, model=model).text() for mine in forms]
    assert len(set(texts)) == 1


def test_more_items_from_a_table(models):
    more = pd.DataFrame({"item": ["new1", "new2"], "title": ["A", None], "year": [1999.0, np.nan], "action": True})
    model = models["meta_fixed_hard"]
    best = hypernet.ratings.recommend(MINE | {"A": 3}, model=model, items=more, top=297)
    assert set(best.table.title) >= {"new2"}
    assert "A" not in set(best.table.title)


def test_what_nobody_knows_of_a_new_item_is_not_said(models):
    model = open_trees(models["meta_fixed_hard"])
    best = hypernet.ratings.recommend(MINE, model=model, items=pd.DataFrame({"item": ["blank"]}), top=297)
    (blank,) = best.table[best.table["item"] == "blank"].itertuples()
    names = {f"{feature.precise} not known" for feature in model.catalogue.features}
    clauses = blank.reason[:1].lower() + blank.reason[1:]
    assert set(clauses.split(", ")) <= names or blank.reason == "Any item"
    assert blank.change == "no one change would alter it"
    assert not best.table["reason"][best.table["item"] != "blank"].str.contains("not known").any()


@pytest.mark.parametrize(
    ("mine", "options", "message"),
    [
        ({"film3": 6}, {}, "ratings, entry 1: the rating 6 is not on the scale from 1 to 5"),
        ({"film3": None}, {}, "ratings: no ratings in here; rate at least one item, a line each (left out: 1 row"),
        ({"film3": "good"}, {}, "ratings, entry 1: the rating 'good' is not a finite number"),
        ({"flim3": 5}, {}, "ratings, entry 1: no item 'flim3'; like it: film3;"),
        ({}, {}, "ratings: no ratings in here"),
        (pd.DataFrame({"item": ["film3"]}), {}, "ratings: no column rating; found: 'item'; needed: item, rating"),
        (pd.DataFrame({"item": ["film3", "film3"], "rating": 3}), {}, "row 1: 'film3' is rated in row 0 already"),
        (pd.DataFrame([[1, 2]], columns=["item", "item"]), {}, "ratings: column 2 is called 'item'"),
        ([5, 4], {}, "ratings, entry 1: 5; accepted: (item, rating)"),
        ([("film3", 5), ("film7",)], {}, "ratings, entry 2: ('film7',); accepted: (item, rating)"),
        ([("film3", 5), ("film3", 4)], {}, "ratings, entry 2: 'film3' is rated in entry 1 already"),
        (pd.Series({"film3": np.nan}), {}, "ratings: no ratings in here; rate at least one item"),
        (
            5,
            {},
            "ratings: a int; accepted: a path to a CSV file, a pandas table, a dictionary or Series {item: rating}, "
            "a list of (item, rating)",
        ),
        (MINE, {"items": 7}, "items: a int; accepted: a path to a CSV file, a pandas table"),
        (MINE, {"top": 3.0}, "top: 3.0 is no whole number; accepted: 1 to 296"),
        (MINE, {"top": True}, "top: True is no whole number"),
        (MINE, {"model": None}, "model: a NoneType; accepted: a path to model.ckpt of a meta_ method"),
        (MINE, {"top": 0}, "top 0: 296 items are unrated; accepted: 1 to 296"),
        (MINE, {"model": "nowhere.ckpt"}, "nowhere.ckpt: no such model file"),
    ],
)
def test_a_mistake_in_python_is_one_line(models, mine, options, message):
    with pytest.raises(UserError) as caught:
        hypernet.ratings.recommend(mine, **({"model": models["meta_fixed_hard"]} | options))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_page_of_the_function_is_that_of_the_command(models, handful, tmp_path, capsys):
    best = hypernet.ratings.recommend(MINE, model=models["meta_fixed_hard"])
    best.write_page(tmp_path / "function.html")
    assert recommend(models["meta_fixed_hard"], handful, "--page", tmp_path / "command.html") == 0
    assert (tmp_path / "function.html").read_bytes() == (tmp_path / "command.html").read_bytes()
    with pytest.raises(UserError, match=r"page\.txt: the name must end in \.html"):
        best.write_page(tmp_path / "page.txt")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UserError, match="this is a folder"):
        best.write_page(tmp_path / "folder.html")
    soft = hypernet.ratings.recommend(MINE, model=models["meta_fixed_soft"])
    with pytest.raises(UserError, match="it routes softly and a page shows one path"):
        soft.write_page(tmp_path / "soft.html")
    assert not (tmp_path / "soft.html").exists()


def test_a_page_of_hostile_titles_has_no_script_but_its_own(models, tmp_path):
    title = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'<!-- {{ 7 * 7 }}"
    more = pd.DataFrame({"item": ["new1", "new2"], "title": [title, f"{title} again"], "avg": [5.0, 5.0]})
    model = models["meta_fixed_hard"]
    best = hypernet.ratings.recommend({**MINE, title: 5}, model=model, items=more, top=297)
    best.write_page(tmp_path / "me.html")
    text = (tmp_path / "me.html").read_text(encoding="utf-8")
    assert text.lower().count("<script") == text.lower().count("</script") == 2
    assert "<img" not in text
    assert "{{ 7 * 7 }}" in text
    assert "49" not in text[text.index("<h2>What you rated</h2>") : text.index('<script type="application/json"')]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((b"item,rating", b",x" * 20_000), "20002 columns; accepted: at most 10000"),
        ((b"item,rating\n", b"1," * 10**6, b"\n"), "line 2: 1000001 fields, the header has 2"),
        ((b"item,rating\n", b"," * 10**6, b"\n"), "mine.csv: no ratings in here"),
        ((b"item,rating\n", b"x" * 100_000, b",5\n"), "line 2: no item 'xxxx"),
        ((b"item,rating\n", b"x" * 200_000, b",5\n"), "line 2: a cell of more than 131072 characters"),
        ((b"item,rating\nfilm3,", b"9" * 100_000, b"\n"), "the rating '99999999999999999999' is not a finite number"),
        ((b"item,rating\n", b"9" * 100_000, b",5\n"), "line 2: no item '9999"),
    ],
)
def test_monstrous_tables_are_one_short_line(models, tmp_path, parts, message):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"".join(parts))
    with pytest.raises(UserError) as caught:
        hypernet.ratings.recommend(path, model=models["meta_fixed_hard"])
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_file_without_end_is_refused(models, monkeypatch):
    monkeypatch.setattr("hypernet.ratings.tools.given.LARGEST_TABLE", 2**20)
    with pytest.raises(UserError, match="/dev/zero: larger than 1 MiB"):
        hypernet.ratings.recommend("/dev/zero", model=models["meta_fixed_hard"])


def test_the_face_imports_nothing_heavy():
    script = "import sys, hypernet.ratings as face; assert face.__all__; print({'numpy', 'torch'} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert answer.stdout.strip() == "set()"
    assert set(hypernet.ratings.__all__) >= {"recommend", "predict", "open_model", "RatingData"}
    for name in hypernet.ratings.__all__:
        assert getattr(hypernet.ratings, name).__name__ == name


def test_ratings_of_several_people_are_not_merged(models, tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("user,item,rating\n1,film3,5\n2,film7,1\n")
    for table in (path, pd.DataFrame({"user": [1, 2], "item": ["film3", "film7"], "rating": [5, 1]})):
        with pytest.raises(UserError, match=r"ratings of 2 people \(column user\); accepted: one person's"):
            hypernet.ratings.recommend(table, model=models["meta_fixed_hard"])
    alone = pd.DataFrame({"user": [1, 1], "item": ["film3", "film7"], "rating": [5, 1]})
    liked = hypernet.ratings.recommend(alone, model=models["meta_fixed_hard"])
    assert str(liked) == liked.text()
    assert repr(liked) == "Recommendations(10 of 298 unrated items, from 2 ratings, meta_fixed_hard)"


def test_public_help_is_plain():
    for name in hypernet.ratings.__all__:
        thing = getattr(hypernet.ratings, name)
        members = vars(thing).values() if isinstance(thing, type) else ()
        for text in filter(None, (getattr(part, "__doc__", None) for part in (thing, *members))):
            assert not re.search(r":(func|meth|class|data|mod|attr):|See the class", text), (name, text)


def test_whole_numbers_of_numpy_are_whole_numbers(models):
    assert len(hypernet.ratings.recommend(MINE, model=models["meta_fixed_hard"], top=np.int64(3)).table) == 3
