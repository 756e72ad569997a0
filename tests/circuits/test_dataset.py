"""Raw circuits, their preparation, and circuits that share a response."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from hypernet.circuits.core.features import Probe, grid
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PART_TYPES, parse
from hypernet.circuits.dataset import CircuitData, as_arrays, prepare
from hypernet.circuits.raw import make
from hypernet.circuits.sources.ambiguity import doubles, same_responses
from hypernet.circuits.sources.sampler import every, only_resistors
from hypernet.lab.errors import UserError

LADDERS = "ladders.small={lengths: [4], values: [1, 2, 3], targets: drawn}"


def split_of(text):
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 100


def test_held_out_circuits_are_those_whose_hash_says_so(small, tmp_path):
    make("small", tmp_path / "raw", small().settings("raw", "small"))
    table = pd.read_csv(tmp_path / "raw" / "circuits.csv")
    assert not table.circuit.duplicated().any()
    for split, parts in (("validation", range(90, 95)), ("test", range(95, 100))):
        rows = table[table.split == split]
        assert len(rows) > 20
        assert all(split_of(text) in parts for text in rows.circuit)
        assert [len(text.split("|")) for text in rows.circuit] == rows.length.tolist()


def test_a_small_length_gives_all_it_has(small, tmp_path):
    settings = small("test_circuits=100000").settings("raw", "small")
    make("small", tmp_path / "raw", settings)
    table = pd.read_csv(tmp_path / "raw" / "circuits.csv")
    for length in (2, 3):
        types, classes = every(length, 2)
        names = [
            "|".join(f"{PART_TYPES[k]}:{(1.0, 2.2)[c]}" for k, c in zip(*row, strict=True))
            for row in zip(types[~only_resistors(types)], classes[~only_resistors(types)], strict=True)
        ]
        wanted = {name for name in names if split_of(name) >= 95}
        assert set(table[(table.split == "test") & (table.length == length)].circuit) == wanted


def test_making_it_again_gives_the_same_bytes(small, tmp_path):
    for name in ("one", "two"):
        make("small", tmp_path / name / "raw", small().settings("raw", "small"))
        prepare("small", tmp_path / name / "raw", tmp_path / name / "data", small().settings("prepare", "small"))
    manifests = [json.loads((tmp_path / name / "data" / "manifest.json").read_text()) for name in ("one", "two")]
    assert manifests[0] == manifests[1]


def test_responses_on_disk_are_those_of_the_simulator(prepared):
    data = CircuitData.load(prepared)
    voltage, current = respond(data.test_types, data.values[data.test_classes], data.probe.frequency)
    planes = np.stack([voltage.real, current.real, voltage.imag, current.imag], axis=1)
    # The compression of docs/circuits.md written out.
    z = planes[:, :2] + 1j * planes[:, 2:]
    z = z * np.log1p(np.abs(z)) / np.abs(z) / 5
    np.testing.assert_allclose(data.test_response, np.concatenate([z.real, z.imag], axis=1), rtol=1e-5, atol=1e-6)


def test_training_circuits_are_standardised_by_their_own_statistics(prepared):
    data = CircuitData.load(prepared)
    types, classes = data.sampler.draw(np.random.default_rng(5), 4000, "train")
    scaled = (data.measure(types, classes) - data.mean) / data.deviation
    assert abs(scaled.mean()) < 0.02
    varying = data.deviation > 0.05
    assert scaled[:, varying].std() == pytest.approx(1.0, abs=0.05)


def test_names_in_the_file_are_those_of_earlier_versions(prepared):
    data = CircuitData.load(prepared)
    with np.load(prepared / "circuits.npz") as stored:
        assert set(stored.files) == {
            "frequency", "validation_kinds", "validation_classes", "test_kinds", "test_classes", "test_response",
            "mean", "deviation",
        }  # fmt: skip
        np.testing.assert_array_equal(stored["test_kinds"], data.test_types)


def test_texts_become_arrays_and_back(prepared):
    data = CircuitData.load(prepared)
    names = data.sampler.texts(data.test_types, data.test_classes)
    types, classes = as_arrays(names, data.values, data.longest)
    np.testing.assert_array_equal(types, data.test_types)
    np.testing.assert_array_equal(classes, data.test_classes)


def test_a_tee_and_a_pi_of_resistors_are_found_to_be_the_same():
    probe = Probe(grid(16, 0.01, 100), [(1.0, -1.0)], "logmag")
    names = ["SR:1.0|PR:1.0|SR:1.0|PC:1.0", "PR:3.0|SR:3.0|PR:3.0|PC:1.0", "SR:1.0|PR:1.0|SR:2.0|PC:1.0"]
    types, values = (np.array(column) for column in zip(*(parse(name) for name in names), strict=True))
    # Seen from port 1 both are the same three-terminal network; the capacitor behind it does not tell them apart.
    response = probe.measure(types, values)
    groups = same_responses(response)
    assert groups[0] == groups[1] != groups[2]
    dropped, shared = doubles(response, names)
    assert dropped == ["SR:1.0|PR:1.0|SR:1.0|PC:1.0"]
    assert shared == 2


def brute_force_groups(response):
    flat = response.reshape(len(response), -1)
    distance = cdist(flat, flat, "chebyshev")
    return {frozenset(np.flatnonzero(row < 1e-3).tolist()) for row in distance}


def test_the_search_for_same_responses_misses_none():
    types, classes = every(3, 3)
    probe = Probe(grid(8, 0.01, 100), [(1.0, -1.0)], "logmag")
    response = probe.measure(types, np.array([1.0, 2.0, 3.0])[classes])
    groups = same_responses(response)
    found_groups = {frozenset(np.flatnonzero(groups == group).tolist()) for group in np.unique(groups)}
    assert found_groups == brute_force_groups(response)
    assert max(len(group) for group in found_groups) > 1


def test_a_catalogue_with_many_doubles_is_refused_unless_allowed(small, tmp_path):
    section = small(LADDERS)
    make("small", tmp_path / "raw", section.settings("raw", "small"))
    with pytest.raises(UserError, match=r"circuits\.ladders\.small\.values.*462 of 28512.*allow_ambiguous"):
        prepare("small", tmp_path / "raw", tmp_path / "data", section.settings("prepare", "small"))
    assert not (tmp_path / "data").exists()
    section = small(LADDERS, "allow_ambiguous=true")
    prepare("small", tmp_path / "raw", tmp_path / "data", section.settings("prepare", "small"))
    data = CircuitData.load(tmp_path / "data")
    names = set(data.sampler.texts(data.test_types, data.test_classes))
    assert data.sampler.dropped
    assert not names & data.sampler.dropped
    types, classes = data.sampler.draw(np.random.default_rng(0), 3000, "train")
    assert not set(data.sampler.texts(types, classes)) & data.sampler.dropped


def test_an_e_series_has_hardly_any_doubles_of_length_four():
    types, classes = every(4, 3)
    types, classes = (array[~only_resistors(types)] for array in (types, classes))
    probe = Probe(grid(64, 0.01, 100), [(1.0, -1.0)], "logmag")
    sizes = np.bincount(same_responses(probe.measure(types, np.array([1.0, 2.2, 4.7])[classes])))
    # Two pairs, of inductors or of capacitors alone, are 0.0008 apart: nearly the same, not quite.
    assert len(types) == 28512
    assert (sizes > 1).sum() == 2
    assert sizes.max() == 2


def test_without_raw_data_the_step_before_is_named(tmp_path, small):
    with pytest.raises(UserError, match="run the steps before"):
        prepare("small", tmp_path / "raw", tmp_path / "data", small().settings("prepare", "small"))
