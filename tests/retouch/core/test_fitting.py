"""Least squares finds the map that made an image, says nothing of what an image does not show, and needs float64."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import io
from skimage.color import rgb2lab

from hypernet.retouch.core import fitting
from hypernet.retouch.core.colour_map import BASES, ColourMap, monomials
from hypernet.retouch.core.fitting import NormalEquations, fit_map
from hypernet.retouch.core.metrics import psnr

RANDOM = np.random.default_rng(0)
COLOURS = RANDOM.random((5000, 3))


@pytest.mark.parametrize("basis", BASES)
def test_the_map_that_made_an_image_is_recovered(basis):
    identity = ColourMap.identity(basis).matrix
    made_by = ColourMap(identity + 0.3 * RANDOM.normal(size=identity.shape))
    np.testing.assert_allclose(fit_map(COLOURS, made_by(COLOURS), basis).matrix, made_by.matrix, atol=1e-8)


def test_it_is_the_least_squares_of_numpy():
    wanted = np.clip(COLOURS**0.7 + 0.02 * RANDOM.normal(size=COLOURS.shape), 0, 1)
    expected, *_ = np.linalg.lstsq(monomials(COLOURS), wanted, rcond=None)
    np.testing.assert_allclose(fit_map(COLOURS, wanted).matrix, expected.T, atol=1e-8)


def test_the_ridge_draws_toward_the_identity():
    wanted, start = COLOURS**0.7, ColourMap.identity().matrix
    features, ridge = monomials(COLOURS), 0.01
    gram = features.T @ features / len(COLOURS)
    cross = (wanted - COLOURS).T @ features / len(COLOURS)
    expected = start + cross @ np.linalg.inv(gram + ridge * np.eye(10))
    np.testing.assert_allclose(fit_map(COLOURS, wanted, ridge=ridge).matrix, expected, atol=1e-8)
    np.testing.assert_allclose(fit_map(COLOURS, wanted, ridge=1e9).matrix, start, atol=1e-6)


def test_an_image_of_a_single_colour_gives_the_map_nearest_to_the_identity():
    given, wanted = np.full((100, 3), 0.4), np.full((100, 3), 0.6)
    colour_map = fit_map(given, wanted)
    np.testing.assert_allclose(colour_map(given), wanted, atol=1e-9)
    # The least change of M that does it: along φ of this colour.
    features = monomials(given[:1])[0]
    change = np.outer([0.2] * 3, features) / (features @ features)
    np.testing.assert_allclose(colour_map.matrix, ColourMap.identity().matrix + change, atol=1e-9)


def test_images_may_come_in_pieces(monkeypatch):
    wanted = COLOURS**0.8
    whole = fit_map(COLOURS, wanted).matrix
    monkeypatch.setattr(fitting, "PIXELS_AT_ONCE", 700)
    equations = NormalEquations()
    equations.add(COLOURS[:1234], wanted[:1234])
    equations.add(COLOURS[1234:], wanted[1234:])
    np.testing.assert_allclose(equations.solve().matrix, whole, atol=1e-9)


# Measured with numpy's lstsq on whole images: PSNR and Delta E (1976) of the best maps.
FIVEK = {
    "test/{}/a4670-Duggan_080115_4464.png": (
        (16.8145, 16.848), (24.1173, 8.983), (32.042, 2.605), (35.325, 1.561),
    ),
    "test/{}/a4690-DSC_0005-1-2.png": ((15.2965, 27.331), (26.838, 6.229), (32.686, 3.527), (35.993, 2.170)),
    "val/{}/a4970-DSC_0377.png": ((15.6144, 17.351), (29.295, 4.376), (39.159, 1.453), (41.638, 1.042)),
    "val/{}/a4990-jmac_MG_1139.png": ((10.9456, 28.624), (26.976, 4.797), (40.284, 1.441), (41.736, 1.215)),
}  # fmt: skip


@pytest.mark.parametrize("name", FIVEK)
def test_of_real_pairs_the_best_maps_are_as_good_as_measured_elsewhere(mirror, name):
    given, wanted = (io.imread(mirror / "fivek" / name.format(side))[..., :3] for side in ("raw", "label"))
    colours, answer = given / 255, wanted / 255
    made = [colours, *(fit_map(colours, answer, basis)(colours).clip(0, 1) for basis in BASES)]
    for image, (expected_psnr, expected_delta) in zip(made, FIVEK[name], strict=True):
        # Those were of images that had not been rounded to 8 bits.
        assert psnr(255 * image, wanted) == pytest.approx(expected_psnr, abs=0.01)
        assert np.linalg.norm(rgb2lab(image) - rgb2lab(wanted), axis=-1).mean() == pytest.approx(
            expected_delta, abs=0.01
        )


# Every fourth pixel: identity, affine, quadratic.
EXPERTS = {
    ("a1384-dvf_095", "B", "C"): (28.02, 35.26, 41.71),
    ("a1384-dvf_095", "E", "C"): (17.52, 32.46, 40.18),
    ("a4607-050801_080948__I2E5512", "E", "C"): (23.80, 39.09, 41.73),
}


@pytest.mark.parametrize(("scene", "before", "after"), EXPERTS)
def test_between_experts_too(mirror, scene, before, after):
    given, wanted = (
        io.imread(mirror / "fivek_experts" / f"{scene}_{expert}.jpg")[::4, ::4] for expert in (before, after)
    )
    colours, answer = given / 255, wanted / 255
    made = [colours, *(fit_map(colours, answer, basis)(colours).clip(0, 1) for basis in ("affine", "quadratic"))]
    for image, expected in zip(made, EXPERTS[scene, before, after], strict=True):
        assert psnr(255 * image, wanted) == pytest.approx(expected, abs=0.02)
