"""Look-up tables as files: read back by this program and by others, and what is no such file refused in a line."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.lut import largest_error, lattice, sampled
from hypernet.retouch.core.pixels import apply_maps
from hypernet.retouch.sources.cube_files import read_cube, write_cube

MAP = ColourMap(ColourMap.identity().matrix + 0.1 * np.random.default_rng(0).normal(size=(3, 10)))
NODES = ["0 0 0", "1 0 0", "0 1 0", "1 1 0", "0 0 1", "1 0 1", "0 1 1", "1 1 1"]
SMALL = ["LUT_3D_SIZE 2", *NODES]


def saved(folder, lines, name="look.cube", newline="\n"):
    path = folder / name
    path.write_bytes(newline.join(lines).encode())
    return path


def test_nodes_come_back_and_red_is_fastest(tmp_path):
    nodes = lattice([MAP], 7)
    write_cube(tmp_path / "look.cube", nodes, "my look")
    np.testing.assert_allclose(read_cube(tmp_path / "look.cube"), nodes, rtol=0, atol=6e-8)
    lines = (tmp_path / "look.cube").read_text().splitlines()
    assert lines[:4] == ['TITLE "my look"', "LUT_3D_SIZE 7", "DOMAIN_MIN 0.0 0.0 0.0", "DOMAIN_MAX 1.0 1.0 1.0"]
    assert len(lines) == 4 + 7**3
    np.testing.assert_allclose([float(word) for word in lines[5].split()], nodes[1, 0, 0], atol=1e-8)
    assert np.array_equal(read_cube(saved(tmp_path, SMALL))[1, 0, 1], [1, 0, 1])


def test_titles_and_comments_cannot_break_the_file(tmp_path):
    path, nodes = tmp_path / "look.cube", lattice([], 2)
    write_cube(path, nodes, 'a "b"\nLUT_3D_SIZE 99\t\u0000é\u0416', ["largest error\n0 0 0", "é"])
    lines = path.read_text(encoding="ascii").splitlines()
    assert lines[0] == "TITLE \"a 'b' LUT_3D_SIZE 99 e??\""
    assert lines[1:3] == ["# largest error 0 0 0", "# e?"]
    words = "so many words that a title would be cut " * 5
    write_cube(tmp_path / "words.cube", np.zeros((2, 2, 2, 3)), "look", [words])
    assert (tmp_path / "words.cube").read_text().splitlines()[1] == f"# {words.strip()}"
    np.testing.assert_array_equal(read_cube(path), nodes)


def test_a_lattice_that_no_file_holds_is_refused_and_leaves_nothing(tmp_path):
    for wrong in (np.zeros((3, 3, 2, 3)), np.zeros((1, 1, 1, 3)), np.full((2, 2, 2, 3), np.nan)):
        with pytest.raises(ValueError, match="lattice"):
            write_cube(tmp_path / "look.cube", wrong, "")
    assert not list(tmp_path.iterdir())


def test_what_editors_write_is_read(tmp_path):
    expected = read_cube(saved(tmp_path, SMALL))
    # As Resolve does, with a signature, carriage returns, tabs, comments and blank lines.
    lines = ["\ufeff# made elsewhere", 'TITLE "Fuji é"', "", "LUT_3D_SIZE\t2", "LUT_3D_INPUT_RANGE 0.0 1.0"]
    lines += [f"  {node} ".replace(" ", "\t") for node in NODES] + ["", "# the end", ""]
    for newline in ("\r\n", "\n", "\r"):
        np.testing.assert_array_equal(read_cube(saved(tmp_path, lines, newline=newline)), expected)
    number_forms = [*SMALL[:-1], "1. +1.0e0 .1E1"]
    np.testing.assert_array_equal(read_cube(saved(tmp_path, number_forms)), expected)


@pytest.mark.parametrize(
    "domain", [["DOMAIN_MIN -1 -1 -1", "DOMAIN_MAX 3 3 3"], ["LUT_3D_INPUT_RANGE -1 3"], ["DOMAIN_MAX 4 2 1"]]
)
def test_another_domain_is_sampled_on_the_unit_cube(tmp_path, domain):
    colours = np.random.default_rng(0).random((100, 3))
    # The small table is the identity of its own domain: the colour's share of it.
    low, width = (0, np.array([4, 2, 1])) if "4" in domain[0] else (-1, 4)
    nodes = read_cube(saved(tmp_path, [*domain, *SMALL]))
    np.testing.assert_allclose(sampled(nodes, colours), (colours - low) / width, atol=1e-6)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "no LUT_3D_SIZE"),
        (["LUT_3D_SIZE 2", *NODES[:-1]], "7 nodes of 8: the file is cut short"),
        ([*SMALL, "0 0 0"], "line 10: more than the 8 nodes"),
        (["LUT_1D_SIZE 2", "0 0 0", "1 1 1"], "line 1: LUT_1D_SIZE, a table of each channel"),
        (["LUT_3D_SIZE 130"], "line 1: LUT_3D_SIZE 130; accepted: 2 to 129"),
        (["LUT_3D_SIZE 1"], "accepted: 2 to 129"),
        (["LUT_3D_SIZE 999999999999999999"], "a whole number"),
        (["LUT_3D_SIZE two"], "a whole number"),
        (["LUT_3D_SIZE"], "a whole number"),
        (["LUT_3D_SIZE 2", *SMALL], "line 2: LUT_3D_SIZE for the second time"),
        ([*SMALL, "TITLE late"], "line 10: TITLE after the first node"),
        (NODES, "line 1: numbers before LUT_3D_SIZE"),
        (["LUT_3D_SIZE 2", "0 0"], "line 2: '0 0' must have 3 numbers"),
        (["LUT_3D_SIZE 2", "0 0 0 0"], "must have 3 numbers"),
        (["LUT_3D_SIZE 2", "0,5 0,5 0,5"], "line 2: '0,5 0,5 0,5' is neither"),
        (["LUT_3D_SIZE 2", "nan 0 0"], "line 2: 'nan 0 0' is neither"),
        (["LUT_3D_SIZE 2", "0 nan 0"], "must have 3 numbers"),
        (["LUT_3D_SIZE 2", "1_0 0 0"], "line 2"),
        (["LUT_3D_SIZE 2", "0 1e999 0"], "has a number beyond 65504"),
        (["LUT_3D_SIZE 2", "0 0 ٣"], "must have 3 numbers"),
        (["LUT_IN_VIDEO_RANGE", *SMALL], "line 1: 'LUT_IN_VIDEO_RANGE' is neither"),
        (["DOMAIN_MIN 1 1 1", *SMALL], "the domain from .* is empty"),
        (["DOMAIN_MAX 1e-320 1e-320 1e-320", *SMALL], "the domain from .* is empty"),
        (["DOMAIN_MIN 0 0", *SMALL], "must have 3 numbers"),
        (["DOMAIN_MIN 0 0 0", "LUT_3D_INPUT_RANGE 0 1", *SMALL], "keep one of them"),
        (["#" * 2000], "line 1: longer than 1000 characters"),
        (["\x89PNG\r\n\x1a\n\x00\x00"], "line 1: '.*PNG' is neither"),
    ],
)
def test_what_is_no_such_table_is_refused_with_its_line(tmp_path, lines, words):
    path = saved(tmp_path, lines)
    with pytest.raises(UserError, match=words) as caught:
        read_cube(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_what_is_no_file_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no such file"):
        read_cube(tmp_path / "absent.cube")
    with pytest.raises(UserError, match="not a file but a folder"):
        read_cube(tmp_path)
    monkeypatch.setattr("hypernet.retouch.sources.cube_files.LARGEST_FILE", 10)
    with pytest.raises(UserError, match="more than 10 bytes"):
        read_cube(saved(tmp_path, SMALL))


PIECES = st.sampled_from(
    [
        *SMALL,
        "DOMAIN_MIN 0 0 0",
        "DOMAIN_MAX 1 1 1",
        "LUT_3D_INPUT_RANGE",
        "LUT_1D_SIZE 3",
        "TITLE",
        "#",
        "\n",
        " ",
        "0",
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.lists(PIECES | st.text(max_size=12), max_size=14)))
def test_nothing_but_a_line_comes_of_any_file(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.cube"
    path.write_bytes(content if isinstance(content, bytes) else "\n".join(content).encode("utf-8", "replace"))
    message = ""
    try:
        assert np.isfinite(read_cube(path)).all()
    except UserError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("interpolation", ["trilinear", "tetrahedral"])
def test_ffmpeg_makes_the_same_colours(tmp_path, interpolation):
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    nodes = lattice([MAP])
    write_cube(tmp_path / "look.cube", nodes, 'a "look"', ["largest error 0.02 levels"])
    image = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "in.png")
    look = f"format=rgb24,lut3d=file=look.cube:interp={interpolation}"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", "in.png", "-vf", look, "-pix_fmt", "rgb24", "out.png"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    by_ffmpeg = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    apart = np.abs(by_ffmpeg - apply_maps(image, [MAP]).astype(int))
    assert largest_error([MAP], nodes) < 0.05
    # It cuts off where this program rounds.
    assert apart.max() <= 1
    assert np.abs(image.astype(int) - by_ffmpeg).mean() > 5


def test_colour_science_reads_the_same_table(tmp_path):
    colour = pytest.importorskip("colour")
    nodes = lattice([MAP], 17)
    write_cube(tmp_path / "look.cube", nodes, "my look", ["a comment"])
    table = colour.read_LUT(str(tmp_path / "look.cube"))
    np.testing.assert_allclose(table.table, nodes, atol=1e-6)
    assert table.name == "my look"
    colours = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(table.apply(colours), sampled(nodes, colours), atol=1e-5)
