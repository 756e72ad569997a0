"""Directivities from files: written by numpy and by sofar, read back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.sonar.core.directivity import direction_of
from hypernet.sonar.sources.tables import read_directivity

FREQUENCIES, AZIMUTHS, ELEVATIONS = np.array([2e4, 4e4, 8e4]), np.arange(-180, 180, 10.0), np.array([-40.0, 0, 40])


def arrays() -> dict[str, np.ndarray]:
    shape = FREQUENCIES[:, None, None] / 1e4 + ELEVATIONS[:, None] / 100
    side = np.cos(np.radians(AZIMUTHS - 40))
    return {
        "freq_hz": FREQUENCIES,
        "azimuth_deg": AZIMUTHS,
        "elevation_deg": ELEVATIONS,
        "left": shape + side,
        "right": shape + side[::-1],
    }


def gain(table, azimuth: float, elevation: float, frequency: float) -> float:
    return float(table.gain(torch.tensor([direction_of(azimuth, elevation)], dtype=torch.float64), frequency))


def test_npz(tmp_path):
    np.savez(tmp_path / "head.npz", **arrays(), nose=arrays()["left"])
    tables = read_directivity(tmp_path / "head.npz")
    assert sorted(tables) == ["left", "nose", "right"]
    assert gain(tables["left"], 40, 20, 6e4) == pytest.approx(6 + 0.2 + 1)
    assert tables["left"].title == "head.npz (left)"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_sofa_of_free_field_impulse_responses(tmp_path, order):
    sofar = pytest.importorskip("sofar", reason="sofar is not installed")
    rate, azimuths, elevations = 250_000.0, np.arange(0, 360, 15.0), np.array([-30.0, 0, 30])
    pairs = np.array([(azimuth, elevation) for elevation in elevations for azimuth in azimuths])
    # Amplitudes fall to the far side; each ear is a pulse of that size, so flat in frequency.
    sizes = [10 ** (-3 * ((pairs[:, 0] - axis + 180) % 360 - 180) ** 2 / 60**2 / 20) for axis in (40, -40)]
    head = sofar.Sofa("FreeFieldHRIR")
    responses = np.zeros((len(pairs), 2, 64, 1))
    for place, ear in enumerate(order):
        responses[:, place, 5, 0] = sizes[ear]
    head.Data_IR = responses
    head.Data_SamplingRate = rate
    head.SourcePosition = np.column_stack([pairs, np.ones(len(pairs))])
    sides = np.array([0.0075, -0.0075])[list(order)]
    head.ReceiverPosition = np.stack([[[0], [side], [0]] for side in sides]).reshape(2, 3, 1)
    sofar.write_sofa(str(tmp_path / "head.sofa"), head)
    tables = read_directivity(tmp_path / "head.sofa")
    for azimuth in (0, 40, 55, -100):
        expected = 10 ** (-3 * ((azimuth - 40 + 180) % 360 - 180) ** 2 / 60**2 / 20)
        assert gain(tables["left"], azimuth, 10, 5e4) == pytest.approx(expected, rel=0.02)
        assert gain(tables["right"], -azimuth, 10, 5e4) == pytest.approx(expected, rel=0.02)


def test_refused_npz(tmp_path):
    path = tmp_path / "head.npz"
    for change, line in (
        ({"left": None}, r"no array left \(it holds azimuth_deg"),
        ({"left": np.ones((3, 3, 2))}, r"head.npz \(left\): amplitudes of shape \[3, 3, 2\]"),
        ({"freq_hz": np.array([3.0, 2, 1])}, "rising"),
        ({"left": np.array([{}], dtype=object)}, "not a whole .npz file of numbers"),
        ({"left": np.full((3, 3, 36), "x")}, "left is not of numbers"),
    ):
        np.savez(path, **{name: array for name, array in {**arrays(), **change}.items() if array is not None})
        with pytest.raises(UserError, match=line) as caught:
            read_directivity(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(b"PK\3\4nothing")
    with pytest.raises(UserError, match="not a whole"):
        read_directivity(path)
    with pytest.raises(UserError, match="no such file"):
        read_directivity(tmp_path / "none.npz")
    with pytest.raises(UserError, match=r"accepted are .npz, .sofa"):
        read_directivity(tmp_path / "head.mat")


def test_refused_sofa(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    path = tmp_path / "head.sofa"
    path.write_bytes(b"no")
    with pytest.raises(UserError, match="not a SOFA file"):
        read_directivity(path)
    with h5py.File(path, "w") as file:
        file["Data.Real"] = np.ones(3)
    with pytest.raises(UserError, match=r"no impulse responses \(Data.IR\)"):
        read_directivity(path)
    with h5py.File(path, "w") as file:
        file["Data.IR"] = np.ones((4, 2, 8))
    with pytest.raises(UserError, match="cannot be read as SOFA"):
        read_directivity(path)
    with h5py.File(path, "w") as file:
        file["Data.IR"] = h5py.ExternalLink("/etc/other.h5", "x")
    with pytest.raises(UserError, match="link into another file"):
        read_directivity(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("Data.IR", (10**6, 10**6), "f4", chunks=(10, 10))
    with pytest.raises(UserError, match="claim more than"):
        read_directivity(path)
