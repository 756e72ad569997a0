"""Colour maps as JSON: the same numbers back, edited files as meant, others refused by their key."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.retouch.core.colour_map import MONOMIALS, ColourMap
from hypernet.retouch.sources.map_files import read_map, write_map

SIZES = {"affine": 4, "quadratic": 10, "cubic": 20}
TEN = [float(number) for number in range(10)]


def drawn_map(basis="quadratic"):
    return ColourMap(np.random.default_rng(0).normal(size=(3, SIZES[basis])) / 3)


def saved(folder, content):
    path = folder / "look.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("basis", SIZES)
def test_the_same_numbers_come_back(tmp_path, basis):
    colour_map = drawn_map(basis)
    write_map(tmp_path / "look.json", colour_map, {"photograph": "Ж.jpg", "bad \udcff": {"strength": 0.8}})
    again = read_map(tmp_path / "look.json")
    assert again.basis == basis
    np.testing.assert_array_equal(again.matrix, colour_map.matrix)


def test_the_file_is_for_people(tmp_path):
    write_map(tmp_path / "look.json", drawn_map(), {"photograph": "Ж.jpg"})
    text = (tmp_path / "look.json").read_text(encoding="utf-8")
    content = json.loads(text)
    assert content["format"] == "hypernet colour map"
    assert content["version"] == 1
    assert content["basis"] == "quadratic"
    assert content["colour_space"] == "sRGB-encoded, 0..1"
    assert content["monomials"] == ["RR", "GG", "BB", "RG", "RB", "GB", "R", "G", "B", "1"]
    assert list(content["matrix"]) == ["R", "G", "B"]
    assert content["facts"] == {"photograph": "Ж.jpg"}
    assert len(text.splitlines()) == 15
    assert '"Ж.jpg"' in text


def test_any_finite_numbers_come_back(tmp_path):
    numbers = np.array([0.1, 1 / 3, -0.0, 5e-324, 1e6, -1e6, 1e-17, np.pi, 2**-30, 1 - 2**-53])
    write_map(tmp_path / "look.json", ColourMap(np.stack([numbers, -numbers, numbers[::-1]])), {})
    np.testing.assert_array_equal(read_map(tmp_path / "look.json").matrix[0], numbers)


def test_monomials_may_stand_in_any_order(tmp_path):
    colour_map = drawn_map()
    write_map(tmp_path / "look.json", colour_map, {})
    content = json.loads((tmp_path / "look.json").read_text())
    order = np.random.default_rng(1).permutation(10)
    content["monomials"] = [content["monomials"][place][::-1] for place in order]  # GR for RG too
    content["matrix"] = {name: [content["matrix"][name][place] for place in order] for name in "BGR"}
    np.testing.assert_array_equal(read_map(saved(tmp_path, content)).matrix, colour_map.matrix)


@pytest.mark.parametrize("basis", SIZES)
def test_what_people_type_is_read(tmp_path, basis):
    rows = drawn_map(basis).matrix.tolist()
    forms = [rows, {"matrix": rows}, {"matrix": dict(zip("RGB", rows, strict=True)), "my note": [{}]}]
    forms.append({"matrix": rows, "basis": basis, "monomials": MONOMIALS[basis]})
    for form in forms:
        np.testing.assert_array_equal(read_map(saved(tmp_path, form)).matrix, rows)
    with_signature = "\ufeff" + json.dumps(rows)
    np.testing.assert_array_equal(read_map(saved(tmp_path, with_signature)).matrix, rows)
    whole_numbers = [[0] * 6 + [1, 0, 0, 0], [0] * 6 + [0, 1, 0, 0], [0] * 6 + [0, 0, 1, 0]]
    np.testing.assert_array_equal(read_map(saved(tmp_path, whole_numbers)).matrix, ColourMap.identity().matrix)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "not valid JSON"),
        ("7", 'no "matrix"'),
        ({"matrx": 1}, 'no "matrix"'),
        ({"matrix": 7}, '"matrix" must have the keys'),
        ({"matrix": {"R": TEN, "G": TEN}}, '"matrix" must have the keys'),
        ([TEN, TEN], "the matrix has 2 rows; accepted: 3"),
        ([TEN, TEN, 5], "B of the matrix is 5; accepted: a list"),
        ([TEN, TEN[1:], TEN], r"G of the matrix has 9 numbers; accepted: all three 4 \(affine\), 10 \(quadratic\)"),
        ([TEN, TEN[:4], TEN], "G of the matrix has 4 numbers"),
        ([TEN, TEN, [*TEN[:9], "1"]], r'B\[9\] of the matrix is "1"; accepted: numbers up to'),
        ([TEN, TEN, [*TEN[:9], True]], r"B\[9\] of the matrix is true"),
        ([TEN, TEN, [*TEN[:9], None]], r"B\[9\] of the matrix is null"),
        ([TEN, TEN, [*TEN[:9], [[]]]], r"B\[9\] of the matrix is a list"),
        ([TEN, TEN, [*TEN[:9], 1e7]], r"B\[9\] of the matrix is 1"),
        ([TEN, TEN, [*TEN[:9], 10**400]], r"B\[9\] of the matrix is 1000"),
        ([TEN, [float("nan"), *TEN[1:]], TEN], r"G\[0\] of the matrix is NaN"),
        ([TEN, [float("-inf"), *TEN[1:]], TEN], r"G\[0\] of the matrix is -Infinity"),
        ({"matrix": [TEN] * 3, "format": "another"}, '"format" is "another"; accepted: "hypernet colour map"'),
        ({"matrix": [TEN] * 3, "version": 2}, '"version" is 2; accepted: 1'),
        ({"matrix": [TEN] * 3, "colour_space": "linear"}, '"colour_space" is "linear"'),
        ({"matrix": [TEN] * 3, "basis": "cubic"}, '"basis" is "cubic", but the matrix has the numbers of quadratic'),
        ({"matrix": [TEN] * 3, "monomials": "RR"}, '"monomials" must be a list of names'),
        ({"matrix": [TEN] * 3, "monomials": [1] * 10}, '"monomials" must be a list of names'),
        ({"matrix": [TEN] * 3, "monomials": ["RR"] * 10}, 'once, not "RR"'),
        ({"matrix": [TEN] * 3, "monomials": MONOMIALS["quadratic"][:9]}, "must name each of"),
        ({"matrix": [TEN] * 3, "monomials": ["HH", *MONOMIALS["quadratic"][1:]]}, 'once, not "HH"'),
        ('{"matrix": [], "matrix": []}', 'the key "matrix" stands twice'),
    ],
)
def test_what_is_no_map_is_refused_by_its_key(tmp_path, content, words):
    path = saved(tmp_path, content)
    with pytest.raises(UserError, match=words) as caught:
        read_map(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_map(tmp_path / "absent.json")
    with pytest.raises(UserError, match="not a file but a folder"):
        read_map(tmp_path)
    with pytest.raises(UserError, match="more than 1,000,000 bytes"):
        read_map(saved(tmp_path, " " * 1_000_001))
    (tmp_path / "look.json").write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(UserError, match="not valid JSON"):
        read_map(tmp_path / "look.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["matrix", "R", "G", "B"]), inner),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        JSON,
        st.fixed_dictionaries(
            {"matrix": st.lists(st.lists(st.floats(), min_size=4, max_size=4), min_size=3, max_size=3)},
            optional=dict.fromkeys(("format", "version", "basis", "monomials", "colour_space"), JSON),
        ),
    )
)
def test_nothing_but_a_line_comes_of_any_file(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    message = ""
    try:
        assert np.abs(read_map(path).matrix).max() <= 1e6
    except UserError as error:
        message = str(error)
    assert "\n" not in message
