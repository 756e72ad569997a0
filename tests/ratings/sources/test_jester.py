"""Jester: ratings and texts as they are published, and what is computed from a joke's text."""

from __future__ import annotations

import sys
import zipfile

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.lab.manifest import read_manifest, write_manifest
from hypernet.ratings.config import RawSettings
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.dataset import prepare
from hypernet.ratings.raw import make
from hypernet.ratings.sources.jester import RATINGS, TEXTS, plain_text, read, read_ratings, read_texts, topics_of

PAGE = "<HTML><!--begin of joke -->{text}<!--end of joke --></HTML>"


def archive_of_ratings(folder, table):
    with zipfile.ZipFile(folder / RATINGS, "w") as archive:
        archive.writestr("jester-data-1.csv", "\n".join(",".join(map(str, row)) for row in table) + "\n")
    return folder / RATINGS


def archive_of_texts(folder, texts):
    with zipfile.ZipFile(folder / TEXTS, "w") as archive:
        for number, text in enumerate(texts, start=1):
            archive.writestr(f"jokes/init{number}.html", PAGE.format(text=text))
    return folder / TEXTS


@pytest.fixture
def table():
    """Thirty users; user u has rated all jokes but the last u."""
    generator = np.random.default_rng(0)
    rows = []
    for user in range(30):
        row = generator.uniform(-9.95, 10, 100).round(2)
        row[100 - user :] = 99
        rows.append([100 - user, *row])
    return rows


@pytest.fixture
def texts():
    words = [
        "doctor",
        "lawyer",
        "man",
        "woman",
        "dog",
        "cat",
        "bulb",
        "nurse",
        "engineer",
        "president",
        "bar",
        "mother",
        "school",
    ]
    generator = np.random.default_rng(1)
    return [" ".join(generator.choice(words, 12)) + f" {number}." for number in range(100)]


def test_the_published_ratings(real_file):
    user, item, rating, users = read_ratings(real_file(RATINGS))
    counts = np.bincount(user)
    assert (users, len(rating), len(np.unique(item))) == (24_983, 1_810_455, 100)
    assert (rating.min(), rating.max()) == (-9.95, 10.0)
    assert rating.mean() == pytest.approx(0.8798, abs=5e-5)
    assert (counts.min(), counts.max()) == (36, 100)
    assert rating[:3].tolist() == [-7.82, 8.79, -9.66]


def test_the_published_texts(real_file):
    texts = [plain_text(source) for source in read_texts(real_file(TEXTS))]
    assert len(texts) == 100
    assert texts[0].startswith('A man visits the doctor. The doctor says "I have bad news for you.')
    assert texts[4] == ("Q. What's O. J. Simpson's Internet address? A. Slash, slash, backslash, slash, slash, escape.")
    lengths = [len(text.split()) for text in texts]
    assert 10 <= min(lengths) < max(lengths) <= 250


def test_the_attributes_of_the_published_jokes(real_file, tmp_path):
    for name in (RATINGS, TEXTS):
        (tmp_path / name).symlink_to(real_file(name))
    raw = read(tmp_path, "Jester")
    names = [feature.name for feature in raw.item_features]
    values = dict(zip(names, raw.item_values[4], strict=True))
    assert {name: values[name] for name in names[:5]} == {
        "characters": 93,
        "words": 14,
        "line_breaks": 1,
        "question": 1,
        "question_answer": 1,
    }
    assert names[5:] == [f"topic_{number}" for number in range(1, 11)]
    assert raw.statistics == ("mean_rating", "rating_count", "rating_deviation")
    # Jokes about light bulbs have a topic of their own, named so, and lead in it.
    bulbs = next(place for place, feature in enumerate(raw.item_features) if "lightbulb" in feature.above)
    leading = read_texts(real_file(TEXTS))[int(np.argmax(raw.item_values[:, bulbs]))]
    assert "lightbulb" in leading


def test_a_small_jester_from_start_to_end(tmp_path, table, texts, prepare_settings):
    raw = tmp_path / "raw"
    raw.mkdir()
    archive_of_ratings(raw, table)
    archive_of_texts(raw, texts)
    write_manifest(raw, {"origin": "test"})
    prepare("jester1", raw, tmp_path / "data", prepare_settings())
    data = RatingData.load(tmp_path / "data")
    ratings = sum(row[0] for row in table)
    assert len(data.train) + len(data.test) == ratings
    assert len(data.test) == round(ratings / 10)
    assert (len(data.users), len(data.items), len(data.features)) == (30, 100, 18)
    assert "protocol" in read_manifest(tmp_path / "data")["facts"]["note"]
    again = tmp_path / "again"
    prepare("jester1", raw, again, prepare_settings())
    assert read_manifest(again)["digest"] == read_manifest(tmp_path / "data")["digest"]


def test_the_official_archives_are_cited(real_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HYPERNET_MIRROR", str(real_file(RATINGS).parent))
    make("jester1", tmp_path / "raw", RawSettings(table=None, allow_modified=False))
    assert "Please cite: K. Goldberg" in capsys.readouterr().err
    manifest = read_manifest(tmp_path / "raw")
    assert set(manifest["files"]) == {RATINGS, TEXTS}
    assert "Eigentaste" in manifest["facts"]["citation"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"place": 5, "value": 10.5}, "line 3: rating 10.5; accepted: -10 to 10"),
        ({"place": 5, "value": "nan"}, "line 3: rating nan"),
        ({"place": 5, "value": "x"}, "no table of numbers"),
        ({"place": 0, "value": 97}, "line 3: 98 ratings, the first column says 97"),
        ({"place": 5, "value": 99}, "line 3: 97 ratings, the first column says 98"),
    ],
)
def test_a_damaged_table_is_one_line(tmp_path, table, change, message):
    table[2][change["place"]] = change["value"]
    with pytest.raises(UserError) as caught:
        read_ratings(archive_of_ratings(tmp_path, table))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_archives_of_another_form(tmp_path, table, texts):
    with pytest.raises(UserError, match="has 100 columns"):
        read_ratings(archive_of_ratings(tmp_path, [row[:-1] for row in table]))
    with pytest.raises(UserError, match="no such file"):
        read_ratings(tmp_path / "absent.zip")
    (tmp_path / "text.zip").write_text("text")
    for reader in (read_ratings, read_texts):
        with pytest.raises(UserError, match=r"text\.zip"):
            reader(tmp_path / "text.zip")
    with pytest.raises(UserError, match=r"init100\.html"):
        read_texts(archive_of_texts(tmp_path, texts[:99]))
    with zipfile.ZipFile(tmp_path / "unmarked.zip", "w") as archive:
        archive.writestr("jokes/init1.html", "<HTML>text</HTML>")
    with pytest.raises(UserError, match=r"init1\.html does not say where the joke begins"):
        read_texts(tmp_path / "unmarked.zip")


def test_text_without_its_tags():
    assert plain_text("\nQ.\tBill &amp; Al? <P>\nA. <b>Both</b>&#33;<BR>") == "Q. Bill & Al? A. Both !"


def test_topics_are_the_leading_directions_of_the_weighted_words(texts):
    features, values = topics_of(texts)
    again_features, again = topics_of(texts)
    assert np.array_equal(values, again)
    assert features == again_features
    assert len(features) == values.shape[1] == 10
    # Against the whole decomposition: the same up to sign, and singular values in falling order.
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(stop_words="english", min_df=2).fit_transform(texts).toarray()
    left, singular, _ = np.linalg.svd(weights, full_matrices=False)
    assert np.abs(values) == pytest.approx(np.abs(left[:, :10] * singular[:10]), abs=2e-6)
    assert features[0].above.startswith("about ")
    assert features[0].below == f"not {features[0].above}"


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch, texts):
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(UserError, match=r'pip install "hypernet\[ratings\]"'):
        topics_of(texts)


def test_an_archive_that_would_eat_the_machine_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("hypernet.ratings.sources.archives.LARGEST_MEMBER", 10**6)
    for name, member, reader in (
        ("jester-data-1.zip", "jester-data-1.csv", read_ratings),
        ("joke_texts.zip", "jokes/init1.html", read_texts),
    ):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, b"0" * (10**6 + 1))
        with pytest.raises(UserError, match="has 1000001 bytes; accepted: up to 1000000"):
            reader(tmp_path / name)
