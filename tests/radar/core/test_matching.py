"""Similarity of displaced images against brute force over the overlap, and the likelihood that is made of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.radar.core.matching import CLOSEST, FLOOR, filters_of, matched, matched_whole


def images(seed=0, size=(14, 17), times=3):
    generator = np.random.default_rng(seed)
    grey = generator.random((2, times, *size)) * (generator.random((2, times, *size)) > 0.4)
    return torch.from_numpy(grey.astype(np.float32))


def brute_force(frames, known, reach, box):
    """Sums over the pixels of ``box`` whose partners are known, in double precision, ``[B, pairs, D, D]``."""
    frames, known = frames.double().numpy() * known.numpy(), known.numpy()
    count, times, height, width = frames.shape
    side = 2 * reach + 1
    products, energies = np.zeros((2, count, times - 1, side, side))
    rows, columns = (
        range(max(0, first), min(end, length)) for (first, end), length in zip(box, (height, width), strict=True)
    )
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            at = reach + down, reach + right
            for row in rows:
                for column in columns:
                    there = row + down, column + right
                    if not (0 <= there[0] < height and 0 <= there[1] < width):
                        continue
                    both = known[:, :-1, row, column] & known[:, 1:, there[0], there[1]]
                    here, then = frames[:, :-1, row, column] * both, frames[:, 1:, there[0], there[1]] * both
                    products[:, :, at[0], at[1]] += here * then
                    energies[:, :, at[0], at[1]] += here**2 + then**2
    return products, energies


@pytest.mark.parametrize("share", [1.0, 0.7], ids=["all known", "pixels missing"])
@pytest.mark.parametrize("start", [(0, 0), (3, 5)])
def test_cells_agree_with_brute_force_over_the_overlap(share, start):
    frames, reach, cell = images(), 3, 5
    known = torch.from_numpy(np.random.default_rng(1).random(frames.shape) < share)
    sums = matched(frames, cell, reach, known if share < 1 else None, start)
    first = [-(-place % cell) for place in start]
    lattice = [-(-(length - begin) // cell) for length, begin in zip(frames.shape[2:], first, strict=True)]
    assert sums.products.shape == (2, 2, *lattice, 7, 7)
    for row, column in ((0, 0), (1, 1), (lattice[0] - 1, lattice[1] - 1)):
        top, left = first[0] + row * cell, first[1] + column * cell
        products, energies = brute_force(frames, known, reach, ((top, top + cell), (left, left + cell)))
        np.testing.assert_allclose(sums.products[:, :, row, column], products, atol=1e-4)
        np.testing.assert_allclose(sums.energies[:, :, row, column], energies, atol=1e-4)


@pytest.mark.parametrize("share", [1.0, 0.7], ids=["all known", "pixels missing"])
def test_the_whole_image_agrees_with_brute_force_and_with_its_cells(share):
    frames, reach = images(1), 4
    known = torch.from_numpy(np.random.default_rng(2).random(frames.shape) < share)
    mask = known if share < 1 else None
    whole = matched_whole(frames, reach, mask)
    products, energies = brute_force(frames, known, reach, ((0, frames.shape[2]), (0, frames.shape[3])))
    np.testing.assert_allclose(whole.products[:, :, 0, 0], products, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(whole.energies[:, :, 0, 0], energies, rtol=1e-5, atol=1e-5)
    cells = matched(frames, 7, reach, mask).whole()
    torch.testing.assert_close(cells.products, whole.products, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(cells.energies, whole.energies, rtol=1e-4, atol=1e-4)


def test_windows_are_sums_of_the_cells_around():
    sums = matched(images(2, (25, 25)), 5, 3)
    around = sums.around(1)
    expected = sums.products[:, :, 1:4, 0:2].sum(dim=(2, 3))
    torch.testing.assert_close(around.products[:, :, 2, 0], expected, rtol=1e-4, atol=1e-4)
    assert around.pixels == 9 * 25
    assert sums.around(0) is sums


def test_a_moved_image_matches_where_it_went_and_fully():
    still = images(3, (40, 40), 1)[:, :1]
    frames = torch.cat([still, still.roll((3, -2), dims=(2, 3))], dim=1)
    similarity = matched_whole(frames, 5).similarity()[:, 0, 0, 0]
    for sample in similarity:
        assert divmod(int(sample.argmax()), 11) == (5 + 3, 5 - 2)
    assert 0.9 < similarity.max() <= 1


def test_rain_that_leaves_has_no_say():
    # Blank after wet: a sum of squared differences is least where the rain is out of the image.
    frames = torch.zeros(1, 2, 30, 30)
    frames[0, 0, 4:9, 4:9] = 0.5
    likelihood = matched_whole(frames, 8).likelihood()
    assert (likelihood == 0).all()


def test_the_likelihood_does_not_depend_on_the_scale_of_grey():
    frames = images(4)
    plain, faint = (matched_whole(factor * frames, 4).likelihood() for factor in (1.0, 0.3))
    torch.testing.assert_close(plain, faint, atol=1e-3, rtol=1e-3)


def test_the_likelihood_is_twice_the_logarithm_of_what_does_not_match():
    sums = matched_whole(images(5), 3)
    similarity = (2 * sums.products / (sums.energies + FLOOR * sums.pixels)).double()
    evidence = -2 * torch.log(CLOSEST - similarity)
    expected = evidence - evidence.amax(dim=(-2, -1), keepdim=True)
    torch.testing.assert_close(sums.likelihood().double(), expected, rtol=1e-4, atol=1e-4)


def test_filters_are_the_marginals_turned_round():
    logits = torch.full((1, 5, 5), -1e4)
    # Content that moves 1 southwards and 2 westwards is fetched from the north and the east.
    logits[0, 2 + 1, 2 - 2] = 0.0
    vertical, horizontal = filters_of(logits)
    assert vertical[0].argmax() == 2 - 1
    assert horizontal[0].argmax() == 2 + 2
    uniform = filters_of(torch.zeros(3, 5, 5))
    for filters in uniform:
        torch.testing.assert_close(filters, torch.full((3, 5), 0.2))
