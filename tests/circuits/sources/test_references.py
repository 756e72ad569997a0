"""The data set whose targets ngspice computed."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.circuits.core.curves import interpolate
from hypernet.circuits.core.parts import texts
from hypernet.circuits.dataset import CircuitData, prepare
from hypernet.circuits.raw import make
from hypernet.circuits.sources.sampler import SPLITS, Sampler
from hypernet.lab.acquire import MIRROR_VARIABLE
from hypernet.lab.errors import UserError

SETTINGS = (
    "datasets=[ngspice]",
    "validation_circuits=20",
    # The files' own grid, ten points a decade.
    "frequency.points=41",
)


@pytest.fixture(scope="module")
def prepared(config, reference_file, tmp_path_factory):
    """The folder of the prepared data set, from raw data that are made once: ``prepared("frequency.points=40")``."""
    root = tmp_path_factory.mktemp("ngspice")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MIRROR_VARIABLE, str(reference_file("circuits.json").parent))
        make("ngspice", root / "raw", config(*SETTINGS).settings("raw", "ngspice"))

    def folder(*assignments):
        place = root / "-".join(["data", *assignments])
        prepare("ngspice", root / "raw", place, config(*SETTINGS, *assignments).settings("prepare", "ngspice"))
        return place

    return folder


def test_without_the_files_it_is_said_where_to_put_them(config, tmp_path, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path))
    monkeypatch.setenv("HYPERNET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=rf"circuits\.json: not in a mirror.*{MIRROR_VARIABLE}"):
        make("ngspice", tmp_path / "raw", config(*SETTINGS).settings("raw", "ngspice"))


def test_targets_are_what_ngspice_computed(prepared):
    data = CircuitData.load(prepared())
    # 27 random circuits, the six-part reference and four single parts are in the catalogue; resistors alone are not.
    assert len(data.test_types) >= 30
    simulated = data.measure(data.test_types, data.test_classes)
    difference = np.sqrt(
        np.square(simulated - data.test_response).mean(axis=(1, 2)) / np.square(simulated).mean(axis=(1, 2))
    )
    assert difference.max() < 1e-6
    wanted = set(texts(data.test_types, data.values[data.test_classes]))
    assert len(wanted) == len(data.test_types)
    # By their hash most of them are training circuits, and of those with one part each would be drawn.
    free = Sampler(data.sampler.lengths, data.values)
    assert free.belongs(data.test_types, data.test_classes, "train").mean() > 0.5
    for split in SPLITS:
        assert not data.sampler.belongs(data.test_types, data.test_classes, split).any()
    assert not wanted & set(texts(data.validation_types, data.values[data.validation_classes]))


def test_between_the_files_frequencies_only_sharp_resonances_suffer(prepared):
    data = CircuitData.load(prepared("frequency.points=40"))
    simulated = data.measure(data.test_types, data.test_classes)
    difference = np.sqrt(
        np.square(simulated - data.test_response).mean(axis=(1, 2)) / np.square(simulated).mean(axis=(1, 2))
    )
    assert np.median(difference) < 0.002
    assert difference.max() < 0.2


def test_a_grid_beyond_the_files_is_refused(prepared):
    with pytest.raises(UserError, match=r"holds w from 0\.01 to 100, the grid of params\.yaml goes from 0\.01 to 1000"):
        prepared("frequency.highest=1000")


def test_interpolation_is_exact_for_powers_of_frequency():
    place = np.geomspace(0.01, 100, 41)
    wanted = np.geomspace(0.013, 77, 30)
    np.testing.assert_allclose(interpolate(place, (1j * place) ** 3, wanted), (1j * wanted) ** 3, rtol=1e-10)
    np.testing.assert_allclose(interpolate(place, 1 / (1j * place), wanted), 1 / (1j * wanted), rtol=1e-10)
