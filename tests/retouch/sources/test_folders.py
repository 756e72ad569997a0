"""A person's folders are read by their names as people give them, and refused where these do not tell."""

from __future__ import annotations

import itertools
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.folders import AFTER, BEFORE, PairFolder, Pool, find_photographs


@pytest.fixture
def make(tmp_path):
    """Files of these names, each of its own content; names alone are looked at."""

    def made(*names, folder="own"):
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path / folder

    return made


def names_of(folder):
    """(name, before, after) of its pairs, relative to it."""

    def inside(path):
        return path.relative_to(folder).as_posix()

    return [(pair.name, inside(pair.input), inside(pair.target)) for pair in find_photographs(folder, "pairs").pairs]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("before", "after"),
        ("input", "output"),
        ("raw", "edited"),
        ("source", "target"),
        ("A", "B"),
        ("original", "expert"),
        ("Originals", "Edits"),
        ("BEFORE", "After"),
        ("inputs", "targets"),
    ],
)
def test_two_folders_are_pairs(make, before, after):
    folder = make(
        *(f"{before}/{name}" for name in ("IMG_1.dng", "img_2.JPG", "IMG_10.png")),
        *(f"{after}/{name}" for name in ("IMG_1.jpg", "IMG_2.tif", "IMG_10.png")),
    )
    assert names_of(folder) == [
        ("IMG_1", f"{before}/IMG_1.dng", f"{after}/IMG_1.jpg"),
        ("IMG_10", f"{before}/IMG_10.png", f"{after}/IMG_10.png"),
        ("img_2", f"{before}/img_2.JPG", f"{after}/IMG_2.tif"),
    ]
    taken = find_photographs(folder)
    assert taken == find_photographs(folder, "pairs")
    assert taken.notes == (f"{folder}: taken as pairs, {before} before and {after} after",)


def test_words_at_the_ends_of_names_are_no_part_of_them_in_two_folders_either(make):
    folder = make("before/1_before.jpg", "before/2.jpg", "after/1-Edit.tif", "after/2_after.jpg")
    assert [(name, after) for name, _, after in names_of(folder)] == [
        ("1_before", "after/1-Edit.tif"),
        ("2", "after/2_after.jpg"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("IMG_{}_before.jpg", "IMG_{}_after.jpg"),
        ("IMG_{}.jpg", "IMG_{}_edited.jpg"),
        ("IMG_{}.dng", "IMG_{}-Edit.tif"),
        ("img_{}.png", "IMG_{} RETOUCHED.JPG"),
        ("IMG_{}-input.png", "IMG_{}-target.png"),
        ("IMG_{}_raw.jpg", "IMG_{}.expert.jpg"),
    ],
)
@pytest.mark.parametrize("layout", ["auto", "pairs"])
def test_pairs_of_one_folder(make, before, after, layout):
    folder = make(*(name.format(number) for number in (1, 2) for name in (before, after)))
    pairs = find_photographs(folder, layout).pairs
    assert [(pair.input.name, pair.target.name) for pair in pairs] == [
        (before.format(number), after.format(number)) for number in (1, 2)
    ]


def test_a_folder_of_pictures_is_a_pool(make):
    folder = make("b.jpg", "a.PNG", "day 1/c.webp", "day 1/x/c.webp", "day 2/c.heic", "d.nef")
    pool = find_photographs(folder)
    assert isinstance(pool, Pool)
    listed = [path.relative_to(folder).as_posix() for path in pool.pictures]
    assert listed == ["a.PNG", "b.jpg", "d.nef", "day 1/c.webp", "day 1/x/c.webp", "day 2/c.heic"]
    assert pool.notes == (f"{folder}: taken as a pool of clean photographs",)
    assert find_photographs(folder, "pool") == Pool(pool.pictures, ())
    with pytest.raises(
        UserError, match=r"too few pairs \(0\), at least 2 are needed; accepted: two folders .*partner: a.PNG"
    ):
        find_photographs(folder, "pairs")


def test_what_lies_beside_pictures_is_passed_over(make):
    folder = make(
        "1.jpg", "2.jpg", "1.xmp", "1.json", ".1.jpg", "Thumbs.db", ".DS_Store", "desktop.ini", "2.JPG.xmp", "2.pp3",
        ".hidden/3.jpg", "__MACOSX/._1.jpg",
    )  # fmt: skip
    pool = find_photographs(folder, "pool")
    assert [path.name for path in pool.pictures] == ["1.jpg", "2.jpg"]
    assert pool.notes == ()
    make("notes.txt", "film.mp4")
    assert find_photographs(folder, "pool").notes == (
        f"{folder}: left out, no pictures by their names: film.mp4, notes.txt",
    )


def test_pictures_without_a_partner_are_listed(make):
    before, after = [f"before/{number}.jpg" for number in range(10)], ["after/0.jpg", "after/1.jpg", "after/x.jpg"]
    taken = find_photographs(make(*before, *after))
    assert [pair.name for pair in taken.pairs] == ["0", "1"]
    assert taken.notes[-1].endswith(
        "without a partner: before/2.jpg, before/3.jpg, before/4.jpg, before/5.jpg, before/6.jpg ... (9 in all)"
    )


def test_pictures_elsewhere_are_listed_too(make):
    taken = find_photographs(make("a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg", "contacts.jpg", "c/3.jpg"))
    assert len(taken.pairs) == 2
    assert taken.notes[-1].endswith("without a partner: c/3.jpg, contacts.jpg")


def test_folders_in_the_two_folders_must_agree(make):
    taken = find_photographs(make("raw/x/1.nef", "raw/y/1.nef", "edited/Y/1.jpg", "edited/x/1.jpg", "edited/2.jpg"))
    assert [(pair.name, pair.target.parent.name) for pair in taken.pairs] == [("x/1", "x"), ("y/1", "Y")]
    assert taken.notes[-1].endswith("without a partner: edited/2.jpg")


def test_accents_of_all_programs_are_alike(make):
    composed, apart = (unicodedata.normalize(form, "Café_{}.jpg") for form in ("NFC", "NFD"))
    assert composed != apart
    folder = make(*(f"before/{composed.format(n)}" for n in (1, 2)), *(f"after/{apart.format(n)}" for n in (1, 2)))
    assert len(names_of(folder)) == 2


def test_several_files_of_one_name_do_not_tell(make):
    folder = make("before/1.dng", "before/1.jpg", "before/2.jpg", "after/1.jpg", "after/2.jpg")
    with pytest.raises(UserError, match=r"before: 1.dng, 1.jpg are of one name; accepted: one file of each"):
        find_photographs(folder)
    folder = make("1.jpg", "2.jpg", "1_edited.jpg", "2_edited.jpg", "2-after.jpg", folder="flat")
    with pytest.raises(UserError, match=r"flat: 2-after.jpg, 2_edited.jpg are of one name"):
        find_photographs(folder)
    folder = make("1.jpg", "1.png", "2.jpg", folder="pool")
    with pytest.raises(UserError, match=r"pool: 1.jpg, 1.png are of one name"):
        find_photographs(folder, "pool")


def test_several_folders_of_one_side_do_not_tell(make):
    folder = make("before/1.jpg", "input/1.jpg", "after/1.jpg")
    with pytest.raises(UserError, match="several folders of one side: before, input; accepted: one before and one"):
        find_photographs(folder)
    # Named as a pool it is one.
    assert len(find_photographs(folder, "pool").pictures) == 3


def test_a_few_edits_among_many_pictures_do_not_tell(make):
    folder = make(*(f"{number}.jpg" for number in range(20)), "7_edited.jpg", "8_edited.jpg")
    with pytest.raises(UserError, match=r"4 of 22 pictures are before and after .*\(7.jpg and 7_edited.jpg\); say"):
        find_photographs(folder)
    assert len(find_photographs(folder, "pool").pictures) == 22
    assert [pair.name for pair in find_photographs(folder, "pairs").pairs] == ["7", "8"]


def test_the_picture_is_taken_of_a_raw_file_and_its_picture(make):
    pool = find_photographs(make("1.dng", "1.JPG", "2.nef", "3.jpg"), "pool")
    assert [path.name for path in pool.pictures] == ["1.JPG", "2.nef", "3.jpg"]
    assert pool.notes[0].endswith("the raw files beside pictures of the same name are left out: 1.JPG")


def test_copies_are_left_out(make):
    folder = make("1.jpg", "2.jpg", "3.jpg")
    (folder / "old").mkdir()
    (folder / "old" / "copy.jpg").write_bytes((folder / "2.jpg").read_bytes())
    # Of one size and one beginning, but not the same.
    for name, end in (("4.jpg", b"a"), ("5.jpg", b"b"), ("6.jpg", b"b")):
        (folder / name).write_bytes(bytes(2**17) + end)
    pool = find_photographs(folder, "pool")
    assert [path.name for path in pool.pictures] == ["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"]
    assert pool.notes[-1].endswith("left out, copies of others: 6.jpg, old/copy.jpg")


def test_too_few_pictures_or_pairs(make, tmp_path):
    (tmp_path / "empty").mkdir()
    for layout in ("auto", "pool"):
        with pytest.raises(
            UserError, match=r"too few pictures \(0\), at least 2 are needed; accepted: .jpg, .*and raw files"
        ):
            find_photographs(tmp_path / "empty", layout)
    with pytest.raises(UserError, match=r"too few pictures \(1\)"):
        find_photographs(make("1.jpg", "notes.txt"))
    with pytest.raises(
        UserError, match=r"too few pairs \(1\), at least 2 are needed; .* without a partner: before/2.jpg"
    ):
        find_photographs(make("before/1.jpg", "before/2.jpg", "after/1.jpg", folder="few"))
    with pytest.raises(UserError, match=r"no picture of before \(1.jpg ...\) has the name of one of after"):
        find_photographs(make("before/1.jpg", "after/2.jpg", folder="none"))
    with pytest.raises(UserError, match=r"too few pairs \(0\)"):
        find_photographs(make("before/1.jpg", "after/notes.txt", folder="half"))


def test_what_is_no_folder(make, tmp_path):
    with pytest.raises(UserError, match="nothing: no such folder"):
        find_photographs(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"1.jpg: not a folder; name one that holds pictures"):
        find_photographs(make("1.jpg") / "1.jpg")
    with pytest.raises(UserError, match="layout 'all' is none; accepted: auto, pool, pairs"):
        find_photographs(tmp_path, "all")


def test_links_are_followed_and_end(make):
    elsewhere = make("1.jpg", "2.jpg", folder="elsewhere")
    folder = make("after/1.jpg", "after/2.jpg")
    (folder / "before").symlink_to(elsewhere)
    (elsewhere / "round").symlink_to(folder)
    (folder / "after" / "broken.jpg").symlink_to(folder / "nothing.jpg")
    taken = find_photographs(folder)
    assert [pair.name for pair in taken.pairs] == ["1", "2"]
    assert taken.notes[0].endswith("left out, no pictures by their names: broken.jpg")


stems = st.text(string.ascii_letters + string.digits + " _-.éß", min_size=1, max_size=12).filter(
    lambda stem: stem.strip(" _-.") == stem and stem.casefold() == stem and not stem.startswith(".")
)


@given(
    st.lists(stems, min_size=2, max_size=6, unique=True),
    st.sampled_from([word for word in BEFORE if len(word) > 1]),
    st.sampled_from([word for word in AFTER if len(word) > 1]),
    st.sampled_from(["_", "-", " ", ".", "__"]),
    st.sampled_from([str.upper, str.title, str]),
    st.data(),
)
def test_pairs_of_any_names(tmp_path_factory, names, before, after, separator, cased, data):
    words = [f"{mark}{word}" for mark in "_-. " for word in (*BEFORE, *AFTER)]
    names = [name for name in names if not name.endswith(tuple(words)) and name not in (*BEFORE, *AFTER)]
    if len(names) < 2:
        return
    endings = itertools.cycle(data.draw(st.permutations([".jpg", ".PNG", ".dng", ".tiff"])))
    folder = tmp_path_factory.mktemp("pairs")
    in_folders, flat, bare = (folder / name for name in ("folders", "flat", "bare"))
    for place in (in_folders / cased(before), in_folders / cased(after), flat, bare):
        place.mkdir(parents=True)
    for name in names:
        for place, stem in (
            (in_folders / cased(before), name),
            (in_folders / cased(after), cased(name)),
            (flat, f"{name}{separator}{cased(before)}"),
            (flat, f"{name}{separator}{cased(after)}"),
            (bare, name),
            (bare, f"{cased(name)}{separator}{cased(after)}"),
        ):
            (place / f"{stem}{next(endings)}").touch()
    for place in (in_folders, flat, bare):
        taken = find_photographs(place)
        assert isinstance(taken, PairFolder)
        assert len(taken.pairs) == len(names)
        for pair in taken.pairs:
            assert pair.target.stem.casefold().startswith(pair.name.removesuffix(f"{separator}{cased(before)}"))
