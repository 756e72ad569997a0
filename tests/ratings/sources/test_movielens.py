"""MovieLens: the official files and divisions, and files that are not the official ones."""

from __future__ import annotations

import hashlib
import zipfile

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from hypernet.lab import acquire
from hypernet.lab.errors import UserError
from hypernet.lab.manifest import read_manifest
from hypernet.ratings.config import RawSettings
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.dataset import prepare
from hypernet.ratings.raw import make
from hypernet.ratings.sources import archives
from hypernet.ratings.sources.archives import MOVIELENS_1M, MOVIELENS_100K, Archive, obtain
from hypernet.ratings.sources.delimited import read_ratings
from hypernet.ratings.sources.movielens import GENRES, random_tenth, read_1m, read_100k, split_rows

SETTINGS = RawSettings(table=None, allow_modified=False)
MODIFIED = RawSettings(table=None, allow_modified=True)

# A small MovieLens 100K: two users, three films, the last one without a date.
FLAGS = {"Toy (1995)": "0|0|0|1|1|1" + "|0" * 13, "Heat (1995)": "0|1" + "|0" * 17, "unknown": "1" + "|0" * 18}
ITEM = "".join(
    f"{number}|{title}|{date}||http://x|{flags}\n"
    for number, (title, flags), date in zip((1, 2, 267), FLAGS.items(), ("01-Jan-1995", "15-Dec-1997", ""), strict=True)
)
SMALL_100K = {
    "u.data": "1\t1\t5\t8\n2\t1\t4\t8\n1\t2\t3\t8\n2\t267\t1\t8\n",
    "u.item": ITEM,
    "u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n",
}
SMALL_1M = {
    "ratings.dat": "1::10::5::978300760\n1::20::3::978300760\n2::10::4::978300760\n",
    "movies.dat": "10::Léon (1994)::Action|Children's\n20::Toy: Story, The (1995)::Sci-Fi|Film-Noir\n".encode(
        "latin-1"
    ),
    "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n",
}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def zipped(path, folder, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{folder}/{name}", content)
    return path


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No network, an empty cache, and a mirror folder to put files into."""

    def refuse(remote, target):
        raise UserError(f"{remote.url}: could not be downloaded")

    monkeypatch.setattr(acquire, "_download", refuse)
    monkeypatch.setenv("HYPERNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HYPERNET_MIRROR", str(tmp_path / "mirror"))
    return tmp_path / "mirror"


# --- the official files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "digest"),
    [("base", "4325f44281c9f8c119a3694662d63fc2"), ("test", "62d5d837e7c8e36550cc956b09c2ecc8")],
)
def test_the_rule_of_u1_gives_the_official_files(real_file, part, digest):
    path = real_file("u.data")
    user, item, _ = read_ratings(path, "\t", 4)
    rows = dict(zip(("base", "test"), split_rows(1, user, item), strict=True))[part]
    lines = path.read_bytes().splitlines(keepends=True)
    assert hashlib.md5(b"".join(lines[row] for row in rows)).hexdigest() == digest


def test_the_five_tests_are_all_ratings_once(real_file):
    user, item, _ = read_ratings(real_file("u.data"), "\t", 4)
    parts = [split_rows(split, user, item) for split in range(1, 6)]
    assert np.array_equal(np.sort(np.concatenate([test for _, test in parts])), np.arange(100_000))
    for base, test in parts:
        assert (len(base), len(test)) == (80_000, 20_000)
        assert len(np.union1d(base, test)) == 100_000


@pytest.fixture(scope="module")
def u1(prepared):
    return RatingData.load(prepared("ml100k_u1"))


def test_the_facts_of_u1(u1, prepared):
    facts = read_manifest(prepared("ml100k_u1"))["facts"]
    assert (len(u1.train), len(u1.test), len(u1.features)) == (80_000, 20_000, 23)
    assert (len(u1.users), len(u1.items)) == (943, 1682)
    assert len(np.unique(u1.test.user)) == 459
    assert facts["test_items_unseen"] == 32
    assert facts["cold_users"] == 0
    assert "Harper" in facts["citation"]
    assert "redistribution" in facts["licence"]
    assert "modified" not in facts
    assert (u1.low, u1.high) == (1, 5)
    assert u1.titles[0] == "Toy Story (1995)"


def natural(data, rows, name):
    place = [feature.name for feature in data.features].index(name)
    return rows.x[:, place] * data.deviation[place] + data.mean[place]


def test_the_statistics_of_u1_leave_each_training_rating_out(u1):
    train = u1.train
    mean, count = natural(u1, train, "mean_rating"), natural(u1, train, "rating_count")
    # User 1 rated item 1 with five stars, so the mean of the others is below the mean of all.
    row = np.flatnonzero((u1.users[train.user] == "1") & (u1.items[train.item] == "1"))
    assert train.rating[row].tolist() == [5]
    ratings = train.rating[u1.items[train.item] == "1"]
    assert mean[row] < ratings.mean()
    assert mean[row] == pytest.approx((ratings.sum() - 5) / (len(ratings) - 1), abs=1e-5)
    assert count[row] == pytest.approx(len(ratings) - 1, abs=1e-3)
    # An item rated once has the mean of all training ratings.
    once = np.flatnonzero(np.bincount(train.item, minlength=1682)[train.item] == 1)
    assert mean[once] == pytest.approx(train.rating.mean(), abs=1e-5)
    assert count[once] == pytest.approx(0, abs=1e-3)


def test_the_statistics_of_test_rows_come_from_all_training_ratings(u1):
    train, test = u1.train, u1.test
    counts = np.bincount(train.item, minlength=1682)
    means = np.bincount(train.item, weights=train.rating, minlength=1682) / np.maximum(counts, 1)
    means[counts == 0] = train.rating.mean()
    assert natural(u1, test, "mean_rating") == pytest.approx(means[test.item], abs=1e-5)
    assert natural(u1, test, "rating_count") == pytest.approx(counts[test.item], abs=1e-3)
    assert np.array_equal(test.x, u1.item_x[test.item] + u1.user_x[test.user])


def test_ages_sexes_genres_and_years(u1, real_file):
    lines = real_file("u.user").read_text(encoding="latin-1").splitlines()
    ages = {line.split("|")[0]: int(line.split("|")[1]) for line in lines}
    assert natural(u1, u1.test, "age") == pytest.approx([ages[u1.users[user]] for user in u1.test.user], abs=1e-3)
    lines = real_file("u.item").read_text(encoding="latin-1").splitlines()
    film = {line.split("|")[0]: line.split("|") for line in lines}
    war = [float(film[u1.items[item]][5 + 17]) for item in u1.test.item]
    assert natural(u1, u1.test, "war") == pytest.approx(war, abs=1e-4)
    # Item 267 has no date; half of the others are of 1995 or younger.
    place = [feature.name for feature in u1.features].index("year")
    index = u1.items.tolist().index("267")
    assert u1.item_x[index, place] * u1.deviation[place] + u1.mean[place] == pytest.approx(1995, abs=1e-3)


def test_features_are_standardised_over_the_training_rows(u1):
    assert u1.train.x.mean(axis=0, dtype=np.float64) == pytest.approx(np.zeros(23), abs=1e-4)
    assert u1.train.x.std(axis=0, dtype=np.float64) == pytest.approx(np.ones(23), abs=1e-4)
    assert [feature.of for feature in u1.features].count("user") == 2
    users = [feature.of == "user" for feature in u1.features]
    assert not u1.item_x[:, users].any()
    assert not u1.user_x[:, ~np.array(users)].any()


# --- reading ------------------------------------------------------------------------------------------------


def test_a_small_100k(tmp_path):
    raw = read_100k(write(tmp_path, SMALL_100K), "small", split=1)
    assert raw.users.tolist() == ["1", "2"]
    assert raw.items.tolist() == ["1", "2", "267"]
    assert raw.user_values.tolist() == [[24, 1], [53, 0]]
    assert np.array_equal(raw.item_values[:, -1], [1995, 1997, np.nan], equal_nan=True)
    assert [GENRES[place] for place in np.flatnonzero(raw.item_values[0, :-1])] == ["animation", "children", "comedy"]
    assert not raw.item_values[2, :-1].any()
    # All four lines belong to the first test; they are sorted by user and item.
    assert raw.test.all()
    assert list(zip(raw.user, raw.item, raw.rating, strict=True)) == [(0, 0, 5), (0, 1, 3), (1, 0, 4), (1, 2, 1)]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("u.data", "2\t1\t4\t8", "2\t1\t6\t8", r"u\.data, line 2: rating 6; accepted: 1 to 5"),
        ("u.data", "2\t1\t4\t8", "3\t1\t4\t8", r"u\.data, line 2: user 3 is not in the table of users"),
        ("u.data", "1\t2\t3\t8", "1\t9\t3\t8", r"u\.data, line 3: item 9 is not in the table of items"),
        ("u.data", "1\t2\t3\t8", "1\t1\t3\t8", r"u\.data, line 3: user 1 rated item 1 on line 1 already"),
        ("u.data", "1\t2\t3\t8", "1\t2\tnan\t8", r"u\.data, line 3: 'nan' is not a rating"),
        ("u.user", "53|F", "53|X", r"u\.user, line 2: 'X' is no sex"),
        ("u.user", "53|F", "old|F", r"u\.user, line 2: 'old' is no age"),
        ("u.user", "2|53", "1|53", r"u\.user: user 1 is listed more than once"),
        ("u.item", "15-Dec-1997", "1997?", r"u\.item, line 2: '997\?' is no year"),
        ("u.item", "0|1|0", "0|2|0", r"u\.item, line 2: a genre is neither 0 nor 1"),
        ("u.item", "http://x|0|1", "http://x|1", r"u\.item, line 2: 23 fields where 24 belong"),
    ],
)
def test_a_damaged_100k_is_one_line(tmp_path, name, old, new, message):
    assert old in SMALL_100K[name]
    folder = write(tmp_path, SMALL_100K | {name: SMALL_100K[name].replace(old, new, 1)})
    with pytest.raises(UserError, match=message) as caught:
        read_100k(folder, "small", 1)
    assert "\n" not in str(caught.value)


def test_a_small_1m(tmp_path):
    raw = read_1m(write(tmp_path, SMALL_1M), "small")
    assert raw.titles.tolist() == ["Léon (1994)", "Toy: Story, The (1995)"]
    assert raw.item_values[:, -1].tolist() == [1994, 1995]
    names = [[GENRES[place] for place in np.flatnonzero(row[:-1])] for row in raw.item_values]
    assert names == [["action", "children"], ["film-noir", "sci-fi"]]
    assert raw.user_values.tolist() == [[1, 0], [56, 1]]
    assert raw.test.sum() == 1


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("movies.dat", "Sci-Fi", "Opera", r"movies\.dat, line 2: 'opera' is not a genre"),
        ("movies.dat", "(1995)", "1995", r"movies\.dat, line 2: ' 199' is no year in the title"),
        ("movies.dat", "20::", "20:", r"movies\.dat, line 2: 2 fields where 3 belong"),
        ("ratings.dat", "2::10::4", "2::10::0", r"ratings\.dat, line 3: rating 0; accepted: 1 to 5"),
        ("ratings.dat", "2::10::4", "2:10::4", r"ratings\.dat, line 3: 3 fields where 4 belong"),
        ("users.dat", "M::56", "M::?", r"users\.dat, line 2: '\?' is no age"),
    ],
)
def test_a_damaged_1m_is_one_line(tmp_path, name, old, new, message):
    content = SMALL_1M[name].encode() if isinstance(SMALL_1M[name], str) else SMALL_1M[name]
    assert old.encode() in content
    folder = write(tmp_path, SMALL_1M | {name: content.replace(old.encode(), new.encode(), 1)})
    with pytest.raises(UserError, match=message) as caught:
        read_1m(folder, "small")
    assert "\n" not in str(caught.value)


def test_the_sample_of_1m(real_file):
    folder = real_file("movies.dat").parent
    raw = read_1m(folder, "sample")
    assert (len(raw.users), len(raw.items), len(raw.rating)) == (6040, 3883, 41)
    assert set(raw.users[np.unique(raw.user)]) == {"1", "4"}
    assert raw.titles[0] == "Toy Story (1995)"
    assert raw.test.sum() == 5
    assert raw.item_values[:, -1].min() >= 1900


def test_the_tenth_held_out_is_that_of_the_joined_table():
    generator = np.random.default_rng(3)
    user, item = np.repeat(np.arange(30), 20), generator.integers(50, size=600)
    table = [(user[row], item[row], row) for row in range(600)]

    def joined(table, column):
        """An inner join of old: rows of a key together, keys in the order of their first row."""
        groups = {}
        for row in table:
            groups.setdefault(row[column], []).append(row)
        return [row for group in groups.values() for row in group]

    table = joined(joined(table, 1), 0)
    _, test = train_test_split(table, test_size=0.1, random_state=0)
    assert random_tenth(user, item).tolist() == [row for _, _, row in test]


# --- where the files come from ------------------------------------------------------------------------------


def test_unpacked_files_with_the_right_digests_are_taken(real_file, monkeypatch, offline):
    monkeypatch.setenv("HYPERNET_MIRROR", str(real_file("u.data").parents[1]))
    files, facts = obtain(MOVIELENS_100K, allow_modified=False)
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == MOVIELENS_100K.members
    assert "modified" not in facts


def small_archive(path, files=SMALL_100K, known=True):
    """An archive on disk, and the description of it."""
    contents = {name: content if isinstance(content, bytes) else content.encode() for name, content in files.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    zipped(path, "ml-100k", contents)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    remote = acquire.RemoteFile("ml-100k.zip", "https://example.org/ml-100k.zip", digest, "licence", "citation")
    digests = {name: hashlib.sha256(content).hexdigest() if known else None for name, content in contents.items()}
    return Archive(remote, "ml-100k", digests)


@pytest.mark.parametrize("known", [True, False])
def test_an_archive_in_a_mirror_is_taken(offline, known):
    archive = small_archive(offline / "deep" / "ml-100k.zip", known=known)
    files, facts = obtain(archive, allow_modified=False)
    assert files["u.data"].decode() == SMALL_100K["u.data"]
    assert facts == {"origin": "https://example.org/ml-100k.zip", "licence": "licence", "citation": "citation"}


def test_an_archive_with_other_bytes_and_the_right_files_is_taken(offline):
    archive = small_archive(offline / "ml-100k.zip")
    with zipfile.ZipFile(offline / "ml-100k.zip", "a") as opened:
        opened.writestr("ml-100k/extra", "more")
    assert obtain(archive, allow_modified=False)[0]["u.item"].decode() == SMALL_100K["u.item"]


def test_one_changed_rating_is_refused_with_both_digests(offline, tmp_path):
    archive = small_archive(tmp_path / "elsewhere" / "ml-100k.zip")
    changed = SMALL_100K["u.data"].replace("2\t1\t4", "2\t1\t3")
    folder = write(offline / "copy", SMALL_100K | {"u.data": changed})
    with pytest.raises(UserError) as caught:
        obtain(archive, allow_modified=False)
    message = str(caught.value)
    digest = hashlib.sha256(changed.encode()).hexdigest()
    assert f"{folder}: u.data has SHA-256 {digest}, not {archive.members['u.data']}" in message
    assert "u.item" not in message
    assert "\n" not in message


def test_a_changed_copy_is_passed_over_where_the_archive_is_there(offline, tmp_path, capsys):
    archive = small_archive(offline / "ml-100k.zip")
    write(offline / "copy", SMALL_100K | {"u.user": "1|1|M|a|b\n"})
    files, _ = obtain(archive, allow_modified=True)
    assert files["u.user"].decode() == SMALL_100K["u.user"]
    assert capsys.readouterr().err == ""
    # Downloaded before and kept in the cache: the copy in the mirror is named, since its owner may rely on it.
    cached = tmp_path / "cache" / archive.remote.sha256[:16] / "ml-100k.zip"
    cached.parent.mkdir(parents=True)
    (offline / "ml-100k.zip").rename(cached)
    files, facts = obtain(archive, allow_modified=False)
    assert files["u.user"].decode() == SMALL_100K["u.user"]
    assert "modified" not in facts
    assert "copy: u.user has SHA-256" in capsys.readouterr().err


def test_a_changed_file_is_taken_where_that_is_allowed_and_recorded(offline, tmp_path, capsys, prepare_settings):
    changed = "".join(f"{user}\t{item}\t{1 + (user + item) % 5}\t8\n" for user in (1, 2) for item in (1, 2, 267))
    write(offline, SMALL_100K | {"u.data": changed})
    make("ml100k_u1", tmp_path / "raw", MODIFIED)
    err = capsys.readouterr().err
    assert "allow_modified" in err
    assert "Please cite: F. M. Harper, J. A. Konstan" in err
    facts = read_manifest(tmp_path / "raw")["facts"]
    assert facts["modified"]["u.data"] == {
        "found": hashlib.sha256(changed.encode()).hexdigest(),
        "expected": MOVIELENS_100K.members["u.data"],
    }
    # All of its six lines are the test of u1; u2 trains on them and tests on nothing.
    for dataset, message in (
        ("ml100k_u1", "no training ratings"),
        ("ml100k_u2", "no test rating of a user who has training ratings"),
    ):
        with pytest.raises(UserError, match=message):
            prepare(dataset, tmp_path / "raw", tmp_path / "data", prepare_settings())
    assert not (tmp_path / "data").exists()


def test_a_zip_that_is_none_and_one_without_the_files(offline, tmp_path):
    archive = small_archive(tmp_path / "elsewhere" / "ml-100k.zip")
    write(offline, {"ml-100k.zip": "text"})
    with pytest.raises(UserError, match="could not be downloaded"):
        obtain(archive, allow_modified=True)
    zipped(offline / "ml-100k.zip", "another", SMALL_100K)
    with pytest.raises(UserError, match="could not be downloaded"):
        obtain(archive, allow_modified=True)


def test_raw_files_changed_by_hand_are_not_prepared(offline, tmp_path, prepare_settings):
    write(offline, SMALL_100K)
    make("ml100k_u1", tmp_path / "raw", MODIFIED)
    (tmp_path / "raw" / "u.data").write_text(SMALL_100K["u.data"].replace("5", "4"))
    with pytest.raises(UserError, match=r"u\.data: not as it was made; run `hypernet ratings raw"):
        prepare("ml100k_u1", tmp_path / "raw", tmp_path / "data", prepare_settings())


def test_a_failure_leaves_the_old_raw_files(offline, tmp_path):
    write(offline, SMALL_100K)
    make("ml100k_u1", tmp_path / "raw", MODIFIED)
    before = {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()}
    with pytest.raises(UserError, match="could not be downloaded"):
        make("ml100k_u1", tmp_path / "raw", SETTINGS)
    assert {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()} == before


def test_the_sources_are_official_and_cited():
    for archive in (MOVIELENS_100K, MOVIELENS_1M):
        assert archive.remote.url.startswith("https://files.grouplens.org/")
    for remote in (MOVIELENS_100K.remote, MOVIELENS_1M.remote, archives.JESTER_RATINGS, archives.JESTER_TEXTS):
        assert len(remote.sha256) == 64
        assert remote.citation
        assert remote.licence


def test_a_mirror_with_a_bomb_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr("hypernet.ratings.sources.archives.LARGEST_MEMBER", 10**6)
    monkeypatch.setenv(acquire.MIRROR_VARIABLE, str(tmp_path))
    with zipfile.ZipFile(tmp_path / "ml-100k.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in archives.MOVIELENS_100K.members:
            archive.writestr(f"ml-100k/{name}", b"0" * (10**6 + 1))
    assert list(archives._in_mirrors(archives.MOVIELENS_100K)) == []
