"""Prepared echoes: the same in any order, with the noise and the mirror images that they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

import hypernet.sonar.dataset as rooms
from hypernet.lab.config import check
from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.raw import FIRST_SEED as SHAPES_SEEDS
from hypernet.shapes.raw import SEEDS_APART, read_generated
from hypernet.shapes.sources.mesh_files import write_mesh
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.config import Config
from hypernet.sonar.dataset import load, prepare
from hypernet.sonar.names import GENERATED_NAME
from hypernet.sonar.raw import make

PROJECT = Path(__file__).resolve().parents[2]
SMALL = {
    "generated": {"train": 2, "validation": 1, "test": 2},
    "image_size": 24,
    "samples": {"uniform": 160, "boundary": 160, "sigma": [0.1]},
}


def config(**changes) -> Config:
    content = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))["sonar"]
    content |= SMALL
    for key, value in changes.items():
        content[key] = content[key] | value if isinstance(content.get(key), dict) else value
    checked: Config = check(Config, content, "sonar")
    return checked


def made(folder: Path, dataset: str = "generated", **changes) -> Path:
    settings = config(**changes)
    make(dataset, folder / "raw", settings.settings("raw", dataset))
    prepare(dataset, folder / "raw", folder / "out", settings.settings("prepare", dataset))
    return folder / "out"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    microphones = [[0, 0.03, 0], [0, -0.03, 0]]
    return made(tmp_path_factory.mktemp("sonar"), scene={"views": 2, "microphones": microphones})


def test_one_process_and_several_write_the_same_bytes(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(rooms, "MANY", 2)
    microphones = [[0, 0.03, 0], [0, -0.03, 0]]
    again = made(tmp_path, scene={"views": 2, "microphones": microphones})
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(paths) > 20
    for path in paths:
        assert (folder / path).read_bytes() == (again / path).read_bytes(), path


def test_no_object_is_one_of_shapes_and_no_split_shares_one(folder):
    seeds = [(name, seed) for _, name, seed, _ in read_generated(folder.parent / "raw")]
    assert len(set(seeds)) == len(seeds) == 13 * 5
    largest = max(SHAPES_SEEDS.values()) + SEEDS_APART * 10**6
    assert min(seed for _, seed in seeds) > largest
    assert GENERATED_NAME.fullmatch("generated_seed999999")


def test_the_file_is_netcdf_with_units_that_others_open(folder):
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(folder / "train" / rooms.ECHOES) as file:
        assert file["echo"].dims == ("object", "view", "pair", "ear", "time")
        assert file["echo"].shape == (26, 2, 2, 2, 1024)
        assert file["echo"].attrs["units"] == "Pa"
        assert set(file["class"].values.tolist()) == set(rooms.CLASSES)
        assert "not the authors'" in file.attrs["title"]
        assert file.attrs["rate_hz"] == 250_000
        echoes = file["echo"].values
    data = load(folder)
    assert np.array_equal(data.split("train").echoes, echoes)


def test_noise_is_as_loud_as_it_should_be_and_the_same_every_time(folder):
    data = load(folder)
    rows = np.arange(len(data.split("test")))
    heard = data.heard("test", rows, 1, "pairs")
    noise = heard - data.clean("test", rows, np.ones(len(rows), dtype=int), "pairs")
    assert float(noise.std()) == pytest.approx(data.noise_pa, rel=0.01)
    power = np.square(np.asarray(data.split("train").echoes, dtype=np.float64)).mean()
    assert 10 * np.log10(power / data.noise_pa**2) == pytest.approx(30, abs=0.01)
    assert np.array_equal(heard, data.heard("test", rows, 1, "pairs"))
    assert np.array_equal(heard[3:4], data.heard("test", rows[3:4], 1, "pairs"))
    assert not np.allclose(noise[0], noise[1])


def test_what_is_given_has_the_ears_that_it_says(folder):
    data = load(folder)
    rows = np.arange(3)
    for senses, ears in (("pair", 2), ("pairs", 4), ("microphones", 4)):
        assert data.given("test", rows, 0, senses).shape == (3, ears, 1024)
        assert data.ears(senses) == ears
    assert data.given("test", rows, 0, "image").shape == (3, 24, 24, 4)
    assert data.given("test", rows, 0, "both").shape == (3, 2 * 1024 + 4 * 24 * 24)
    assert data.mirror("pair") == [1, 0]
    assert data.mirror("pairs") == [1, 0, 2, 3]
    assert data.mirror("microphones") == [1, 0, 3, 2]


def test_the_image_and_the_echo_are_of_one_place(folder):
    split = load(folder).split("test")
    eye = split.cameras[..., :3].astype(np.float64)
    azimuth = np.degrees(np.arctan2(eye[..., 0], eye[..., 2]))
    # The camera turns a little to bring the object into the middle; its place is the bat's.
    assert azimuth == pytest.approx(split.azimuths, abs=0.01)
    assert np.abs(split.azimuths).max() <= 30


def test_two_reflections_are_another_data_set_of_the_same_objects(folder, tmp_path):
    twice = load(made(tmp_path, "generated_bounces2", scene={"views": 2}))
    first, second = load(folder).split("test"), twice.split("test")
    assert np.array_equal(first.packed, second.packed)
    assert np.array_equal(first.azimuths, second.azimuths)
    difference = np.abs(np.asarray(first.echoes) - second.echoes).max(axis=(1, 2, 3, 4))
    assert (difference > 0).any()


def test_a_window_that_is_too_short_says_how_long_it_must_be(tmp_path):
    with pytest.raises(UserError, match=r"\d+ samples are needed"):
        made(tmp_path, hearing={"samples": 300})


def test_a_person_s_meshes(tmp_path):
    for seed in range(6):
        mesh = generate("speaker", seed).union()
        path = tmp_path / "mine" / "speaker" / f"box{seed}.obj"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_mesh(path, Mesh(3 * mesh.vertices + 1, mesh.triangles))
    mine = {"mine": {"path": str(tmp_path / "mine"), "kind": "meshes"}}
    data = load(made(tmp_path, "mine", own=mine, datasets=["mine"]))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 4, "validation": 1, "test": 1}
    assert np.abs(data.split("test").echoes).max() > 0
