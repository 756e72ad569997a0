"""A data set in CSV tables: what columns become, and mistakes in one line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.lab.manifest import read_manifest
from hypernet.ratings.config import CsvTables, RawSettings
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.dataset import prepare
from hypernet.ratings.raw import make
from hypernet.ratings.sources.csv_tables import read

RATINGS = "user,item,rating\nann,tea,5\nann,cake,1.5\nbob,tea,3\nbob,pie,4\n"
ITEMS = (
    "item,title,price,hot,kind,sugar\n"
    "tea,Green tea,2.5,1,drink|leaf,\ncake,,4,0,food,20\npie,Pie,8,0,food,10\nmate,,8,1,drink|leaf|fresh,40\n"
)


def write(folder, ratings=RATINGS, items=ITEMS):
    (folder / "r.csv").write_text(ratings)
    (folder / "i.csv").write_text(items)
    return folder / "r.csv", folder / "i.csv"


def test_what_columns_become(tmp_path):
    raw = read(*write(tmp_path), "mine", keep=None)
    by_name = {feature.name: place for place, feature in enumerate(raw.item_features)}
    assert list(by_name) == ["price", "hot", "kind: drink", "kind: food", "kind: leaf", "sugar"]
    kinds = [feature.kind for feature in raw.item_features]
    assert kinds == ["number", "binary", "binary", "binary", "binary", "number"]
    assert raw.item_values[:, by_name["price"]].tolist() == [2.5, 4, 8, 8]
    assert raw.item_values[:, by_name["kind: food"]].tolist() == [0, 1, 1, 0]
    assert raw.item_values[:, by_name["kind: leaf"]].tolist() == [1, 0, 0, 1]
    assert np.array_equal(raw.item_values[:, by_name["sugar"]], [np.nan, 20, 10, 40], equal_nan=True)
    price, food = raw.item_features[0], raw.item_features[3]
    assert (price.above, price.below, price.precise) == ("price above {t}", "price below {t}", "price")
    assert price.digits >= 1
    assert raw.item_features[5].digits == 0
    assert (food.above, food.below) == ("kind: food", "kind: not food")
    assert raw.statistics == ("mean_rating", "rating_count")


@pytest.mark.parametrize("word", ["", "NA", "nan", "N/A", "NULL"])
def test_a_missing_number_is_not_known_and_leaves_the_column_numbers(tmp_path, word):
    raw = read(*write(tmp_path, items=f"item,price\ntea,1\ncake,{word}\npie,4\n"), "mine", keep=None)
    assert [feature.name for feature in raw.item_features] == ["price"]
    assert np.array_equal(raw.item_values[:, 0], [1, np.nan, 4], equal_nan=True)


def test_ratings_and_names(tmp_path):
    raw = read(*write(tmp_path), "mine", keep=None)
    assert raw.users.tolist() == ["ann", "bob"]
    assert raw.items.tolist() == ["tea", "cake", "pie", "mate"]
    assert raw.titles.tolist() == ["Green tea", "cake", "Pie", "mate"]
    assert list(zip(raw.user, raw.item, raw.rating, strict=True)) == [(0, 0, 5), (0, 1, 1.5), (1, 0, 3), (1, 2, 4)]
    assert raw.test is None


def test_whole_numbers_of_users_are_in_the_order_of_numbers(tmp_path):
    ratings = "rating,item,user,time\n1,tea,10,x\n2,tea,9,y\n3,pie,007,z\n"
    raw = read(*write(tmp_path, ratings), "mine", keep=None)
    assert raw.users.tolist() == ["007", "9", "10"]
    assert raw.user.tolist() == [2, 1, 0]


def test_a_decimal_comma_in_quotes(tmp_path):
    raw = read(*write(tmp_path, 'user,item,rating\na,tea,"4,5"\n', 'item,price\ntea,"2,50"\n'), "mine", None)
    assert (raw.rating.tolist(), raw.item_values.tolist()) == ([4.5], [[2.5]])


def test_a_split_of_ones_own(tmp_path):
    ratings = "user,item,rating,split\na,tea,1,train\na,pie,2,test\nb,tea,3,train\n"
    assert read(*write(tmp_path, ratings), "mine", keep=None).test.tolist() == [False, True, False]


def test_the_last_of_two_ratings_where_that_is_asked_for(tmp_path):
    ratings = "user,item,rating\na,tea,1\nb,tea,3\na,pie,2\na,tea,5\nb,tea,4\n"
    paths = write(tmp_path, ratings)
    raw = read(*paths, "mine", keep="last")
    assert raw.rating.tolist() == [2, 5, 4]
    assert raw.facts["ratings_replaced"] == 2
    with pytest.raises(UserError, match=r"r\.csv, line 5: user a rated item tea on line 2 already"):
        read(*paths, "mine", keep=None)


def test_at_most_twenty_values_of_a_text_the_most_frequent_ones(tmp_path):
    items = "item,colour\n" + "".join(f"i{number},c{min(number % 60, 60 - number % 60):02d}\n" for number in range(120))
    raw = read(*write(tmp_path, "user,item,rating\na,i1,1\n", items), "mine", keep=None)
    names = [feature.name for feature in raw.item_features]
    # c01 to c29 stand there four times, c00 and c30 twice.
    assert names == [f"colour: c{number:02d}" for number in range(1, 21)]
    assert raw.notes[-1].endswith("colour has 31 values; the most frequent are taken: 20")


def test_braces_in_names_do_not_meet_the_place_of_a_threshold(tmp_path):
    raw = read(*write(tmp_path, items="item,a{b},k\ntea,1,{x}\ncake,2,y\npie,3,y\nmate,4,{x}\n"), "mine", keep=None)
    assert raw.item_features[0].above.format(t=2) == "a(b) above 2"
    assert {feature.above.format() for feature in raw.item_features[1:]} == {"k: (x)", "k: y"}


@pytest.mark.parametrize(
    ("ratings", "items", "message"),
    [
        ("user,item\na,tea\n", ITEMS, "r.csv, line 1: no column rating; found: user, item; needed: user, item, rating"),
        (RATINGS, "size,price\ntea,1\n", "i.csv, line 1: no column item"),
        ("userId,itemId,movieId,rating\na,tea,1,1\n", ITEMS, "'itemId' and 'movieId' could both be the column item"),
        ("user,item,rating\n", ITEMS, "r.csv: no ratings under the header"),
        (RATINGS, "item,price\n", "i.csv: no items under the header"),
        ("user,item,rating\na,tea,five\n", ITEMS, "r.csv, line 2: 'five' is not a rating"),
        ("user,item,rating\na,tea,\n", ITEMS, "r.csv: no row has a rating"),
        ("user,item,rating\na,tea,inf\n", ITEMS, "r.csv, line 2: rating inf"),
        ("user,item,rating\na,tea,1e300\n", ITEMS, "r.csv, line 2: rating 1e+300; accepted: -1e+15 to 1e+15"),
        ("user,item,rating\na,tea,1_0\n", ITEMS, "r.csv, line 2: '1_0' is not a rating"),
        (RATINGS, "item,price\ntea,1e300\ncake,1\npie,2\n", "i.csv, line 2: price is '1e300'; accepted: numbers up to"),
        (
            "user,item,rating\na,milk,1\n",
            ITEMS,
            "r.csv, line 2: no item 'milk'; an id or title of the 4 items is accepted",
        ),
        ("user,item,rating\n,tea,1\n", ITEMS, "r.csv, line 2: user is empty"),
        ("user,item,rating,split\na,tea,1,dev\n", ITEMS, "r.csv, line 2: split 'dev'; accepted: train, test"),
        ("user,item,rating\na,tea,1,2\n", ITEMS, "r.csv, line 2: 4 fields, the header has 3"),
        (RATINGS, ITEMS + "tea,Tea,1,1,drink,3\n", "i.csv, line 6: item tea is listed more than once"),
        (
            RATINGS,
            "item,price\ntea,inf\ncake,1\npie,2\n",
            "i.csv, line 2: price is 'inf'; accepted: numbers up to 1e+15, texts",
        ),
        (
            RATINGS,
            "item,mean_rating\ntea,1\ncake,2\npie,3\n",
            "mean_rating would be the name of two attributes (the program makes this one",
        ),
        (RATINGS, "item,k,k: a\ntea,a,1\ncake,b,0\npie,a,0\n", "k: a would be the name of two attributes"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, ratings, items, message):
    paths = write(tmp_path, ratings, items)
    with pytest.raises(UserError) as caught:
        read(*paths, "mine", keep=None)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


@given(st.lists(st.text(alphabet="01.-e|na ,{}\"'x", max_size=6), min_size=3, max_size=3))
@settings(max_examples=150, deadline=None)
def test_no_column_breaks_the_reader(tmp_path_factory, cells):
    folder = tmp_path_factory.getbasetemp()
    ratings, items = write(folder)
    with items.open("w", newline="") as file:
        csv.writer(file).writerows([("item", "c"), *zip(("tea", "cake", "pie"), cells, strict=True)])
    try:
        raw, message = read(ratings, items, "mine", None), None
    except UserError as error:
        message = str(error)
    if message is None:
        assert not np.isinf(raw.item_values).any()
        assert not np.isnan(raw.item_values).all(axis=0).any()
        assert raw.item_values.shape == (3, len(raw.item_features))
    else:
        assert message.startswith(str(items))
        assert "\n" not in message


def many_ratings(users=12, items=8):
    generator = np.random.default_rng(0)
    rows = [f"u{user},i{item},{generator.integers(1, 6)}" for user in range(users) for item in range(items)]
    attributes = [f"i{item},{item * 1.5},{'ab'[item % 2]}" for item in range(items)]
    return "user,item,rating\n" + "\n".join(rows), "item,size,kind\n" + "\n".join(attributes)


def test_from_start_to_end(tmp_path, prepare_settings):
    ratings, items = write(tmp_path, *many_ratings())
    table = CsvTables(ratings=str(ratings), items=str(items))
    make("mine", tmp_path / "raw", RawSettings(table=table, allow_modified=False))
    prepare("mine", tmp_path / "raw", tmp_path / "data", prepare_settings())
    data = RatingData.load(tmp_path / "data")
    assert data.title == "mine"
    assert [feature.name for feature in data.features] == ["size", "kind: a", "kind: b", "mean_rating", "rating_count"]
    # A tenth of 96 for the test, a tenth of the other 86 for validation; all users keep some.
    assert (len(data.test), len(data.validation), len(data.fit)) == (10, 9, 77)
    assert set(data.train.user) == set(data.fit.user) == set(range(12))
    facts = read_manifest(tmp_path / "raw")["facts"]
    assert facts["origin"] == [str(ratings), str(items)]
    assert "citation" not in facts


def test_cold_test_ratings_are_told(tmp_path, prepare_settings, capsys):
    ratings, items = many_ratings()
    head, *rows = ratings.splitlines()
    divided = [f"{row},{'test' if ',i7,' in row else 'train'}" for row in rows]
    paths = write(tmp_path, "\n".join([f"{head},split", *divided, "cold,i0,5,test", "cold,i1,1,test"]), items)
    table = CsvTables(ratings=str(paths[0]), items=str(paths[1]))
    make("mine", tmp_path / "raw", RawSettings(table=table, allow_modified=False))
    prepare("mine", tmp_path / "raw", tmp_path / "data", prepare_settings())
    assert "mine: cold: left out: 2 test ratings of 1 user without training ratings" in capsys.readouterr().err


def test_a_mistake_names_the_users_file_and_keeps_the_old_raw_data(tmp_path):
    ratings, items = write(tmp_path, *many_ratings())
    settings = RawSettings(table=CsvTables(ratings=str(ratings), items=str(items)), allow_modified=False)
    make("mine", tmp_path / "raw", settings)
    before = {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()}
    ratings.write_text("user,item,rating\na,i1,high\n")
    with pytest.raises(UserError, match=f"{ratings}, line 2: 'high' is not a rating"):
        make("mine", tmp_path / "raw", settings)
    ratings.write_text("user,item,rating\n" + "".join(f"u,i{item},1\n" for item in range(8)))
    with pytest.raises(UserError, match=f"{ratings}: all ratings are 1; there is nothing to predict"):
        make("mine", tmp_path / "raw", settings)
    items.unlink()
    with pytest.raises(UserError, match=f"{items}: no such file"):
        make("mine", tmp_path / "raw", settings)
    assert {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()} == before


def test_test_ratings_of_one_user_are_refused_before_anything_is_trained(tmp_path, prepare_settings):
    ratings = "user,item,rating\n" + "".join(f"ann,i{item},{item % 5}\n" for item in range(20))
    items = "item,price\n" + "".join(f"i{item},{item}\n" for item in range(20))
    table = CsvTables(**dict(zip(("ratings", "items"), map(str, write(tmp_path, ratings, items)), strict=True)))
    make("mine", tmp_path / "raw", RawSettings(table=table, allow_modified=False))
    with pytest.raises(UserError, match="mine: test ratings of one user only"):
        prepare("mine", tmp_path / "raw", tmp_path / "data", prepare_settings())
    assert not (tmp_path / "data").exists()


LONG = "x" * 501


@pytest.mark.parametrize(
    ("ratings", "items", "message"),
    [
        (f"user,item,rating\n{LONG},tea,1\n", ITEMS, "r.csv, line 2: user has 501 characters; accepted: up to 500"),
        (f"user,item,rating\na,{LONG},1\n", ITEMS, "r.csv, line 2: item has 501 characters; accepted: up to 500"),
        (RATINGS, f"item,title\ntea,{LONG}\n", "i.csv, line 2: title has 501 characters; accepted: up to 500"),
        (
            RATINGS,
            "item," + ",".join(f"c{n}" for n in range(10_000)),
            "i.csv, line 1: 10001 columns; accepted: at most",
        ),
        (
            RATINGS,
            "item," + ",".join(f"c{n}" for n in range(5001)) + "\ntea" + ",1" * 5001,
            "i.csv: more than 5000 attributes; accepted: up to 5000",
        ),
    ],
)
def test_what_would_eat_the_machine_is_refused(tmp_path, ratings, items, message):
    with pytest.raises(UserError) as caught:
        read(*write(tmp_path, ratings, items), "mine", None)
    assert message in str(caught.value)


def test_users_of_many_digits_are_in_the_order_of_their_values(tmp_path):
    users = ["9" * 400, "10", "007", "7", "8" * 401]
    ratings = "user,item,rating\n" + "".join(f"{user},tea,1\n" for user in users)
    raw = read(*write(tmp_path, ratings, ITEMS), "mine", None)
    assert raw.users.tolist() == sorted(users, key=lambda user: (int(user), user))


CASES = Path(__file__).parents[1] / "cases"


def test_the_scale_is_that_of_the_settings(tmp_path, prepare_settings):
    ratings, items = write(tmp_path, *many_ratings())
    table = CsvTables(ratings=str(ratings), items=str(items), scale=(0, 10))
    make("mine", tmp_path / "raw", RawSettings(table=table, allow_modified=False))
    prepare("mine", tmp_path / "raw", tmp_path / "data", prepare_settings(scale=(0, 10)))
    data = RatingData.load(tmp_path / "data")
    assert (data.low, data.high) == (0, 10)


def test_one_text_among_numbers_is_a_mistake(tmp_path):
    (tmp_path / "r.csv").write_text("user,item,rating\na,1,1\n")
    with pytest.raises(
        UserError, match=r"one_bad_year_i\.csv, line 6: year is '1995\?' and 11 other cells are numbers; "
    ) as caught:
        read(tmp_path / "r.csv", CASES / "one_bad_year_i.csv", "mine", None)
    assert "NA where it is not known" in str(caught.value)
    # As many texts as numbers are texts.
    raw = read(*write(tmp_path, items="item,size\ntea,38\ncake,M\npie,38\nmate,M\nbun,L\n"), "mine", None)
    assert {feature.name for feature in raw.item_features} == {"size: 38", "size: M"}


def test_tables_of_movielens_are_read_as_they_are():
    raw = read(CASES / "ratings_ml.csv", CASES / "movies.csv", "films", None)
    assert len(raw.rating) == 1451
    assert raw.titles[0] == "Film 1 (1962)"
    # The year is at the end of the titles.
    assert [feature.name for feature in raw.item_features if feature.kind == "number"] == ["year"]
    assert raw.item_values[0, -1] == 1962
    assert "genres: Drama" in {feature.name for feature in raw.item_features}


@pytest.mark.parametrize(
    "header", ["user,item,rating", "userId,movieId,rating", "User,Item,Rating", "USER_ID,Movie Id,score"]
)
def test_names_of_columns_as_people_write_them(tmp_path, header):
    ratings = RATINGS.replace("user,item,rating", header)
    raw = read(*write(tmp_path, ratings, ITEMS.replace("item,title", "ItemID,Title")), "mine", None)
    assert raw.rating.tolist() == [5, 1.5, 3, 4]
    assert raw.titles.tolist() == ["Green tea", "cake", "Pie", "mate"]


def test_the_latest_ratings_of_every_user_are_held_out(tmp_path, prepare_settings):
    generator = np.random.default_rng(1)
    stamps = {(user, item): int(generator.integers(10**9)) for user in range(12) for item in range(20)}
    rows = [f"u{user},i{item},{(user + item) % 5 + 1},{time}" for (user, item), time in stamps.items()]
    generator.shuffle(rows)
    items = "item,size\n" + "".join(f"i{item},{item * 1.5}\n" for item in range(20))
    paths = write(tmp_path, "user,item,rating,timestamp\n" + "\n".join(rows), items)
    table = CsvTables(**dict(zip(("ratings", "items"), map(str, paths), strict=True)), split="time")
    make("mine", tmp_path / "raw", RawSettings(table=table, allow_modified=False))
    prepare("mine", tmp_path / "raw", tmp_path / "data", prepare_settings(split="time"))
    data = RatingData.load(tmp_path / "data")
    assert (len(data.test), len(data.validation)) == (24, 22)
    for user in range(12):
        parts = [getattr(data, name) for name in ("fit", "validation", "test")]
        times = [[stamps[int(data.users[user][1:]), item] for item in part.item[part.user == user]] for part in parts]
        assert max(times[0]) < min(times[1], default=10**9) <= max(times[1], default=0) < min(times[2])
        assert len(times[2]) == 2


def test_the_latest_of_two_ratings_counts_where_times_are_known(tmp_path):
    ratings = "user,item,rating,timestamp\na,tea,1,2026-01-31\na,tea,5,2025-12-01T08:00:00\nb,tea,3,2026-01-01\n"
    assert read(*write(tmp_path, ratings), "mine", keep="last").rating.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        (RATINGS, "r.csv, line 1: split: time needs a column timestamp; found: user, item, rating"),
        (
            "user,item,rating,timestamp\na,tea,1,soon\n",
            "r.csv, line 2: 'soon' is not a time; accepted: a number, or a date",
        ),
        ("user,item,rating,time,split\na,tea,1,5,train\n", "a column split, and split: time in the settings"),
    ],
)
def test_a_split_by_time_needs_times(tmp_path, ratings, message):
    with pytest.raises(UserError) as caught:
        read(*write(tmp_path, ratings), "mine", None, split="time")
    assert message in str(caught.value)


def notes_of(raw):
    """Notes without the names of the tables."""
    return [note.split(".csv: ", 1)[-1] for note in raw.notes]


def test_ratings_without_a_value_are_left_out_and_counted(tmp_path):
    ratings = "user,item,rating\na,tea,1\na,pie,\nb,tea,NaN\nb,pie,4\n"
    raw = read(*write(tmp_path, ratings), "mine", None)
    assert raw.rating.tolist() == [1, 4]
    assert "left out: 2 rows without a rating" in notes_of(raw)


def test_items_by_title_and_items_that_are_not_there(tmp_path):
    ratings = 'user,title,rating\na,green TEA,1\na,"pie",3\nb,Milk,4\n'
    raw = read(*write(tmp_path, ratings), "mine", None, unknown="skip")
    assert (raw.item.tolist(), raw.rating.tolist(), raw.users.tolist()) == ([0, 2], [1, 3], ["a"])
    assert "1 of 3 rows are of unknown items and left out: 'Milk'" in notes_of(raw)
    with pytest.raises(UserError, match=r"r\.csv, line 4: no item 'Milk'"):
        read(*write(tmp_path, ratings), "mine", None)


def test_unknown_items_are_left_out_where_the_settings_say_so(tmp_path, prepare_settings, capsys):
    ratings, items = many_ratings()
    paths = write(tmp_path, ratings + "\nu1,i99,3\n", items)
    table = CsvTables(**dict(zip(("ratings", "items"), map(str, paths), strict=True)), unknown="skip")
    make("mine", tmp_path / "raw", RawSettings(table=table, allow_modified=False))
    assert "mine: " in capsys.readouterr().err
    prepare("mine", tmp_path / "raw", tmp_path / "data", prepare_settings(unknown="skip"))
    assert len(RatingData.load(tmp_path / "data").train) == 86
    with pytest.raises(UserError, match="line 98: no item 'i99'"):
        make(
            "mine",
            tmp_path / "raw",
            RawSettings(table=table.model_copy(update={"unknown": None}), allow_modified=False),
        )


@pytest.mark.parametrize(
    ("dates", "latest"),
    [
        (("31.01.2026", "01.12.2025"), 0),
        (("1/31/2026", "12/1/2025"), 0),
        (("31/1/2026 10:00", "1/12/2025 11:30"), 0),
        # Which is the month, nothing tells; the later row counts.
        (("2/3/2026", "3/2/2026"), None),
        (("soon", "later"), None),
    ],
)
def test_dates_as_countries_write_them(tmp_path, dates, latest):
    rows = "".join(f"a,tea,{place + 1},{date}\n" for place, date in enumerate(dates))
    paths = write(tmp_path, "user,item,rating,date\n" + rows)
    raw = read(*paths, "mine", keep="last")
    assert raw.rating.tolist() == [2 if latest is None else latest + 1]
    told = f"{dates[0]!r} is not a time; accepted: a number, or a date"
    assert any(told in note for note in raw.notes) == (latest is None)
    if latest is None:
        with pytest.raises(UserError, match="is not a time"):
            read(*paths, "mine", keep=None, split="time")


def test_a_split_whose_words_are_capitals(tmp_path):
    ratings = "user,item,rating,Split\na,tea,1,Train\na,pie,2,TEST\n"
    assert read(*write(tmp_path, ratings), "mine", None).test.tolist() == [False, True]


def test_files_of_movielens_without_names_of_columns(tmp_path):
    flags = ["0|" * genre + "1" + "|0" * (18 - genre) for genre in (8, 8, 5)]
    rows = [
        f"{row}|Amélie ({1990 + row})|01-Jan-{1990 + row}||http://{row}|{flag}" for row, flag in enumerate(flags, 1)
    ]
    (tmp_path / "u.item").write_bytes("\n".join(rows).encode("latin-1"))
    (tmp_path / "u.data").write_text("1\t1\t5\t8\n1\t3\t3\t9\n2\t2\t4\t7\n")
    raw = read(tmp_path / "u.data", tmp_path / "u.item", "films", None)
    names = [feature.name for feature in raw.item_features]
    assert names[0] == "year"
    assert raw.item_values[:, 0].tolist() == [1991, 1992, 1993]
    assert raw.item_values[:, names.index("drama")].tolist() == [1, 1, 0]
    assert raw.item_values[:, names.index("comedy")].tolist() == [0, 0, 1]
    assert raw.rating.tolist() == [5, 3, 4]


def test_items_called_id_and_name_and_floats_for_their_numbers(tmp_path):
    raw = read(
        *write(tmp_path, "user,item,rating\n1.0,2.0,3\n2.0,1.0,4\n", "id,name,price\n1,Tea,2\n2,Pie,3\n"), "mine", None
    )
    assert (raw.users.tolist(), raw.item.tolist(), raw.titles.tolist()) == (["1", "2"], [1, 0], ["Tea", "Pie"])


def test_items_named_by_title_and_year_alone(tmp_path):
    films = "Name,Year,Letterboxd URI,Runtime\nHeat,1995,https://x/1,170\nHeat,1986,https://x/2,101\nAlien,1979,https://x/3,117\n"
    ratings = "user,Name,Year,Rating\na,Heat,1986,4\nb,heat,1995,2.5\nb,Alien,1979,5\n"
    raw = read(*write(tmp_path, ratings, films), "mine", None)
    assert raw.items.tolist() == raw.titles.tolist() == ["Heat (1995)", "Heat (1986)", "Alien (1979)"]
    assert (raw.item.tolist(), raw.rating.tolist()) == ([1, 0, 2], [4, 2.5, 5])
    assert "no column item; the titles, with their years, stand for it" in " ".join(raw.notes)
    assert [(feature.above, feature.precise) for feature in raw.item_features] == [
        ("after {t}", "Year"),
        ("Runtime above {t}", "Runtime"),
    ]


def test_the_zeros_of_goodreads_are_no_ratings(tmp_path):
    ratings = RATINGS.replace("rating", "My Rating") + "bob,mate,0\n"
    raw = read(*write(tmp_path, ratings), "mine", None)
    assert raw.rating.tolist() == [5, 1.5, 3, 4]
    assert "left out: 1 row of which the rating is 0, that is none (My Rating)" in notes_of(raw)
    assert read(*write(tmp_path, ratings), "mine", None, scale=(0, 5)).rating.tolist() == [5, 1.5, 3, 4, 0]


def test_a_table_with_a_column_for_every_item_is_told_apart(tmp_path):
    wide = "user," + ",".join(map(str, range(1, 40))) + "\nann" + ",3" * 39 + "\n"
    with pytest.raises(UserError, match=r"no column item; .*a column for every item\? write a rating a row"):
        read(*write(tmp_path, wide), "mine", None)
