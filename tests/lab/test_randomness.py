from __future__ import annotations

import hashlib
import multiprocessing
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypernet.lab.randomness import derived_seed, numpy_generator, torch_generator

words = st.text(max_size=6)
names = st.tuples(st.integers(0, 2**31 - 1), words, words, st.integers(-3, 3) | words)
# Names that a careless join of their parts would confuse.
CONFUSABLE = [
    (1, "ab", "c"),
    (1, "a", "bc"),
    (1, "a", "b", "c"),
    (1, "a", "b|c"),
    (1, "a|b", "c"),
    (11, "a", "b"),
    (1, "1a", "b"),
    (1, "a", "b", 1),
    (1, "a", "b", "1"),
    (1, "a", "b", 11),
    (1, "a", "b", 1, 1),
    (1, "a", "b", ""),
    (1, "a", "b"),
    (1, "b", "a"),
    (1, "a", "b|str:c"),
    (1, "a", "b|str:1:c"),
]


def first_bytes(name) -> bytes:
    return numpy_generator(*name).bytes(32)


def from_torch(name) -> bytes:
    return torch.randint(0, 2**31, (8,), generator=torch_generator(*name)).numpy().tobytes()


@pytest.mark.parametrize("draw", [first_bytes, from_torch, lambda name: derived_seed(*name)])
@given(first=names, second=names)
def test_same_names_same_numbers_and_different_names_different_ones(draw, first, second):
    assert draw(first) == draw(first)
    assert (draw(first) == draw(second)) == (first == second)


@pytest.mark.parametrize("draw", [first_bytes, from_torch, lambda name: derived_seed(*name)])
def test_names_are_not_confused(draw):
    assert len({draw(name) for name in CONFUSABLE}) == len(CONFUSABLE)


@given(names)
def test_derived_seeds_suit_every_library(name):
    assert 0 <= derived_seed(*name) < 2**63


def test_the_order_of_asking_does_not_matter():
    asked = [(3, "codes", "noise", index) for index in range(30)]
    in_order = {name: first_bytes(name) for name in asked}
    random.Random(5).shuffle(asked)
    assert {name: first_bytes(name) for name in asked} == in_order


def test_the_global_generators_neither_matter_nor_move():
    np.random.seed(1)  # noqa: NPY002 (the global one is meant)
    torch.manual_seed(1)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    before = first_bytes((0, "a", "b")), from_torch((0, "a", "b"))
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert torch.initial_seed() == 1
    np.random.seed(2)  # noqa: NPY002
    torch.manual_seed(2)
    assert (first_bytes((0, "a", "b")), from_torch((0, "a", "b"))) == before


def work(index: int) -> bytes:
    return numpy_generator(7, "codes", "noise", index).standard_normal(100).tobytes()


def test_serial_and_parallel_give_the_same_bytes():
    serial = [work(index) for index in range(12)]
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.map(work, range(12), chunksize=1) == serial


def test_another_process_with_another_hash_seed_gives_the_same_bytes():
    program = (
        "import hashlib; from hypernet.lab.randomness import numpy_generator as g;"
        "print(hashlib.sha256(g(7, 'codes', 'noise', 'x', 3).bytes(64)).hexdigest())"
    )
    expected = hashlib.sha256(numpy_generator(7, "codes", "noise", "x", 3).bytes(64)).hexdigest()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        )
        assert done.stdout.decode().strip() == expected


def test_streams_of_neighbouring_indices_are_uncorrelated():
    # 50 streams of 2000 numbers: each of the 1225 correlations has a standard deviation of 1/sqrt(2000).
    streams = np.stack([numpy_generator(0, "a", "b", index).standard_normal(2000) for index in range(50)])
    correlations = np.corrcoef(streams)[np.triu_indices(50, 1)] * np.sqrt(2000)
    assert np.abs(correlations).max() < 5
    assert correlations.std() == pytest.approx(1, abs=0.1)
