"""The sampler against brute force over all sequences, a generating function and the chi-square test."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from hypernet.circuits.core.parts import PAD, PART_TYPES, arms_of, canonical, is_irreducible, lengths_of, parse, runs_of
from hypernet.circuits.sources.sampler import SPLITS, Sampler, count, draw, every, only_resistors

E3 = [1.0, 2.2, 4.7]
# The capacitors of a tank and of a trap, and the coils that they follow.
RESONATORS = {8: 1, 11: 4}
MOST_TYPES = 12


def all_sequences(length, values):
    """Every sequence of parts with value classes, ``[(6 K)^n, n]`` twice."""
    genes = np.array(list(itertools.product(range(len(PART_TYPES) * values), repeat=length)))
    return np.divmod(genes, values)


def is_canonical(types, classes):
    same = [
        (array == other).all(axis=1) for array, other in zip(canonical(types, classes), (types, classes), strict=True)
    ]
    return same[0] & same[1] & is_irreducible(types)


def codes(types, classes, values):
    """A number for each circuit."""
    genes = np.where(types >= 0, types.astype(np.int64) * values + classes + 1, 0)
    return genes @ (MOST_TYPES * values + 1) ** np.arange(types.shape[1])


def with_resonators(length, values):
    """The canonical ones among all sequences of single parts and capacitors of resonators: types and value classes."""
    parts = list(itertools.product([*range(len(PART_TYPES)), *RESONATORS], range(values)))
    kept = []
    for sequence in itertools.product(parts, repeat=length):
        types, classes = (np.array(numbers) for numbers in zip(*sequence, strict=True))
        before = [None, *types[:-1]]
        if any(part in RESONATORS and coil != RESONATORS[part] for part, coil in zip(types, before, strict=True)):
            continue
        ordered = zip(canonical(types[None], classes[None]), (types, classes), strict=True)
        run = runs_of(types[None])[0]
        # No run holds two arms alike: of one type each, or two resonators.
        arms = [(run[arm[0][0]], tuple(types[branch[0]] for branch in arm)) for arm in arms_of(types)]
        if all((array == other).all() for array, other in ordered) and len(set(arms)) == len(arms):
            kept.append(sequence)
    return tuple(np.array(kept)[:, :, number] for number in (0, 1))


@pytest.mark.parametrize("values", [1, 2, 3, 12])
def test_counts_are_the_coefficients_of_the_generating_function(values):
    # 2 G / (1 - G) with G = (1 + K x)^3 - 1, expanded by G + G^2 + G^3 + ...
    g = np.array([0, 3 * values, 3 * values**2, values**3], dtype=object)
    power, total = np.array([1], dtype=object), np.zeros(40, dtype=object)
    for _ in range(10):
        power = np.convolve(power, g)
        total[: len(power)] += power
    assert [count(length, values) for length in range(1, 11)] == [2 * total[length] for length in range(1, 11)]


def test_counts_that_are_known():
    wanted = [6, 24, 92, 354, 1362, 5240, 20160, 77562, 298406, 1148064]
    assert [count(length, 1) for length in range(1, 11)] == wanted
    assert count(4, 3) == 28_674


@pytest.mark.parametrize(("length", "values"), [(1, 3), (2, 3), (3, 2), (4, 1), (4, 2)])
def test_enumeration_is_what_is_canonical_among_all_sequences(length, values):
    sequences = all_sequences(length, values)
    wanted = codes(*(array[is_canonical(*sequences)] for array in sequences), values)
    enumerated = codes(*every(length, values), values)
    assert len(enumerated) == count(length, values)
    np.testing.assert_array_equal(np.sort(enumerated), np.sort(wanted))


@pytest.mark.parametrize("values", [1, 2, 3, 12])
def test_counts_with_resonators_are_the_coefficients_of_their_generating_function(values):
    # G = (1 + K x)^3 (1 + K^2 x^2) - 1.
    g = np.convolve([1, 3 * values, 3 * values**2, values**3], np.array([1, 0, values**2], dtype=object))
    g[0] = 0
    power, total = np.array([1], dtype=object), np.zeros(60, dtype=object)
    for _ in range(10):
        power = np.convolve(power, g)
        total[: len(power)] += power
    assert [count(length, values, True) for length in range(1, 11)] == [2 * total[length] for length in range(1, 11)]


@pytest.mark.parametrize(("length", "values"), [(1, 2), (2, 3), (3, 2), (4, 1)])
def test_enumeration_with_resonators_is_what_is_canonical_among_all_sequences(length, values):
    enumerated = codes(*every(length, values, True), values)
    assert len(enumerated) == count(length, values, True)
    np.testing.assert_array_equal(np.sort(enumerated), np.sort(codes(*with_resonators(length, values), values)))


@pytest.mark.parametrize(("length", "values"), [(2, 3), (3, 2), (5, 1)])
def test_draws_with_resonators_are_uniform(length, values):
    everything = np.sort(codes(*every(length, values, True), values))
    lengths = np.full(20 * len(everything), length)
    drawn = codes(*draw(np.random.default_rng(0), lengths, values, True), values)
    place = np.searchsorted(everything, drawn)
    np.testing.assert_array_equal(everything[place], drawn)
    assert chisquare(np.bincount(place, minlength=len(everything))).pvalue > 0.01


def test_texts_of_resonators_read_back():
    sampler = Sampler([3, 4, 6], E3, resonators=True)
    types, classes = sampler.draw(np.random.default_rng(0), 300, "train")
    named = sampler.texts(types, classes)
    assert any("SL:1.0&SC:2.2" in text for text in named)
    assert any("PL:1.0&PC:2.2" in text for text in named)
    for text, part_type, place in zip(named, types, classes, strict=True):
        back = parse(text)
        assert back[0].tolist() == part_type[part_type >= 0].tolist()
        assert back[1].tolist() == [E3[number] for number in place[part_type >= 0]]


def test_share_of_random_types_that_is_canonical():
    for length, share in ((4, 0.273), (6, 0.112)):
        assert round(count(length, 1) / 6**length, 3) == share


@pytest.mark.parametrize(("length", "values"), [(2, 3), (3, 2), (4, 1)])
def test_draws_are_uniform_among_all_canonical_circuits(length, values):
    generator = np.random.default_rng(0)
    everything = np.sort(codes(*every(length, values), values))
    drawn = codes(*draw(generator, np.full(20 * len(everything), length), values), values)
    place = np.searchsorted(everything, drawn)
    np.testing.assert_array_equal(everything[place], drawn)
    assert chisquare(np.bincount(place, minlength=len(everything))).pvalue > 0.01


def test_draws_of_mixed_lengths_are_canonical_with_padding_behind():
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 11, 3000)
    types, classes = draw(generator, lengths, 12)
    assert types.shape == classes.shape == (3000, 10)
    assert is_canonical(types, classes).all()
    np.testing.assert_array_equal(lengths_of(types), lengths)
    behind = np.arange(10) >= lengths[:, None]
    assert (types[behind] == PAD).all()
    assert (classes[behind] == PAD).all()
    assert (np.unique(classes[~behind]) == np.arange(12)).all()


def test_long_circuits_have_the_chains_of_uniform_ones():
    # Exact shares of the first run's size from the counts, without enumerating 10 parts.
    generator = np.random.default_rng(1)
    types, _ = draw(generator, np.full(20_000, 10), 12)
    series = types < 3
    run = 1 + np.cumprod(series[:, 1:3] == series[:, :1], axis=1).sum(axis=1)
    shares = [choose * 12**size * count(10 - size, 12) / count(10, 12) for size, choose in ((1, 3), (2, 3), (3, 1))]
    assert chisquare(np.bincount(run, minlength=4)[1:], np.array(shares) * len(run)).pvalue > 0.01


@pytest.mark.parametrize("split", SPLITS)
def test_circuits_of_a_split_have_its_hashes(split):
    sampler = Sampler([2, 3, 4], E3)
    types, classes = sampler.draw(np.random.default_rng(0), 500, split)
    assert not only_resistors(types).any()
    assert is_canonical(types, classes).all()
    for text in sampler.texts(types, classes):
        assert int(hashlib.sha256(text.encode()).hexdigest(), 16) % 100 in SPLITS[split]


def test_every_circuit_is_in_one_split_and_shares_are_those_of_the_hash():
    sampler = Sampler([4], E3)
    types, classes = every(4, 3)
    inside = np.stack([sampler.belongs(types, classes, split) for split in SPLITS])
    flat = only_resistors(types)
    assert flat.sum() == 2 * 81
    np.testing.assert_array_equal(inside.sum(axis=0), ~flat)
    np.testing.assert_allclose(inside.mean(axis=1), [0.9, 0.05, 0.05], atol=0.01)


def test_lengths_are_uniform_whatever_the_split_refuses():
    sampler = Sampler([1, 2, 4], E3)
    for split in ("train", "test"):
        types, _ = sampler.draw(np.random.default_rng(0), 3000, split)
        assert chisquare(np.bincount(lengths_of(types), minlength=5)[[1, 2, 4]]).pvalue > 0.01


def test_length_can_be_given():
    types, _ = Sampler([2, 5], E3).draw(np.random.default_rng(0), 50, "train", length=2)
    assert types.shape == (50, 2)
    assert (types >= 0).all()


def test_texts_read_back():
    sampler = Sampler([3, 4], E3)
    types, classes = sampler.draw(np.random.default_rng(0), 50, "train")
    for text, part_type, place in zip(sampler.texts(types, classes), types, classes, strict=True):
        back = parse(text)
        assert back[0].tolist() == part_type[part_type >= 0].tolist()
        assert back[1].tolist() == [E3[number] for number in place[part_type >= 0]]


@pytest.mark.parametrize("enumerable", [0, 10**6])
def test_distinct_circuits_are_distinct_and_of_the_split(enumerable):
    sampler = Sampler([4], E3)
    types, classes = sampler.distinct(np.random.default_rng(0), 300, "test", 4, enumerable)
    assert types.shape == (300, 4)
    assert len(set(sampler.texts(types, classes))) == 300
    assert sampler.belongs(types, classes, "test").all()


def test_a_small_set_gives_what_it_has():
    sampler = Sampler([2], E3)
    types, classes = sampler.distinct(np.random.default_rng(0), 10_000, "validation", 2, 10**6)
    everything = every(2, 3)
    assert len(types) == sampler.belongs(*everything, "validation").sum() > 0
    assert len(set(sampler.texts(types, classes))) == len(types)


def test_dropped_circuits_are_never_drawn():
    everything = Sampler([2], E3)
    names = everything.texts(*everything.draw(np.random.default_rng(0), 2000, "train"))
    dropped = set(names[:20])
    sampler = Sampler([2], E3, dropped)
    left = sampler.texts(*sampler.draw(np.random.default_rng(0), 2000, "train"))
    assert set(left) == set(names) - dropped


def test_the_generator_determines_the_circuits():
    first_circuits, other = (Sampler([3, 5], E3).draw(np.random.default_rng(7), 100, "train") for _ in range(2))
    for first, second in zip(first_circuits, other, strict=True):
        np.testing.assert_array_equal(first, second)
