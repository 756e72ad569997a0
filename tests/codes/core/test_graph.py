from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hypernet.codes.core.graph import PairSum, TannerGraph
from hypernet.lab.errors import UserError
from tests.codes.decoders import channel_values, matrix

SMALL = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]], dtype=np.uint8)


def test_products_and_sums_over_a_small_irregular_graph():
    graph = TannerGraph(SMALL)
    assert graph.edges == 10
    # Numbered row by row: (2 3), (4 5 6), (7 8 9 10), (11).
    numbers = np.zeros(SMALL.shape)
    numbers[np.nonzero(SMALL)] = np.arange(2.0, 12.0)
    # An edge alone at its check has the empty product.
    others = np.zeros(SMALL.shape)
    others[np.nonzero(SMALL)] = [3, 2, 30, 24, 20, 720, 630, 560, 504, 1]
    edges = graph.check_of_edge.numpy(), graph.variable_of_edge.numpy()
    assert sorted(zip(*edges, strict=True)) == sorted(zip(*np.nonzero(SMALL), strict=True))
    messages = torch.from_numpy(numbers[edges])[:, None]
    assert graph.product_of_others(messages)[:, 0].tolist() == pytest.approx(others[edges].tolist())
    assert graph.sum_at_variables(messages)[:, 0].tolist() == [2 + 7, 3 + 4 + 8, 5 + 9, 6 + 10 + 11]
    assert graph.to_edges(torch.tensor([1.0, 2.0, 3.0, 4.0])).numpy().tolist() == (edges[1] + 1).tolist()


@pytest.mark.parametrize("parity_check", [SMALL, matrix("BCH31_16")[:4]], ids=["irregular", "regular"])
def test_the_gradient_of_the_product_of_others(parity_check):
    graph = TannerGraph(parity_check)
    messages = channel_values(np.ones((1, graph.edges)), words=2).tanh().requires_grad_()
    assert torch.autograd.gradcheck(graph.product_of_others, (messages,))


@pytest.mark.parametrize("form", [scipy.sparse.csr_array, scipy.sparse.coo_array, scipy.sparse.csc_matrix])
def test_a_sparse_matrix_gives_the_same_graph(form):
    dense, sparse = TannerGraph(SMALL), TannerGraph(form(SMALL))
    assert torch.equal(dense.variable_of_edge, sparse.variable_of_edge)
    assert torch.equal(dense.check_of_edge, sparse.check_of_edge)
    assert dense.blocks == sparse.blocks


@st.composite
def matrices_and_words(draw):
    """A matrix with a one at least, rows of any degree, and words of values that are negative, zero or positive."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 11)))
    parity_check = draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, 1)))
    parity_check[0, draw(st.integers(0, shape[1] - 1))] = 1
    values = st.sampled_from([-np.inf, -2.0, -0.0, 0.0, 3.0, np.inf])
    return parity_check, draw(arrays.arrays(np.float32, (shape[1], draw(st.integers(0, 20))), elements=values))


@given(matrices_and_words())
@settings(max_examples=100, deadline=None)
def test_which_words_satisfy_all_checks(case):
    parity_check, values = case
    graph = TannerGraph(parity_check)
    expected = ~(parity_check.astype(int) @ (values < 0) % 2).any(axis=0)
    assert graph.satisfied(torch.from_numpy(values)).tolist() == expected.tolist()
    # A zero is a draw.
    decided = expected & (values != 0).all(axis=0)
    assert graph.settled(torch.from_numpy(values)).tolist() == decided.tolist()


def test_a_word_with_a_value_that_is_not_a_number_satisfies_nothing():
    values = torch.ones(4, 3)
    values[2, 1] = float("nan")
    graph = TannerGraph(SMALL)
    assert graph.satisfied(values).tolist() == graph.settled(values).tolist() == [True, False, True]


def dense_pair_sum(pairs, weights, messages):
    matrix = weights.new_zeros(pairs.edges, pairs.edges).index_put((pairs.receiving, pairs.sending), weights)
    return torch.einsum("ef,f...->e...", matrix, messages)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("columns", [(5,), (3, 2)], ids=["one number an edge", "a vector an edge"])
@pytest.mark.parametrize("parity_check", [SMALL, np.ones((7, 3)), np.eye(4)], ids=["irregular", "full", "no pairs"])
def test_the_weighted_sum_over_pairs_of_edges_and_its_gradient(parity_check, columns, dense, monkeypatch):
    monkeypatch.setattr(PairSum, "DENSE_EDGES", 1000 if dense else 0)
    pairs = PairSum(TannerGraph(parity_check))
    generator = torch.Generator().manual_seed(0)
    weights, messages = (
        torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((len(pairs.receiving),), (pairs.edges, *columns))
    )
    assert (pairs(weights, messages) - dense_pair_sum(pairs, weights, messages)).abs().max() < 1e-12
    assert torch.autograd.gradcheck(pairs, (weights, messages))


def test_the_pairs_are_those_of_different_edges_on_one_variable_in_order():
    graph = TannerGraph(SMALL)
    pairs, variable = PairSum(graph), graph.variable_of_edge
    same = (variable[:, None] == variable) & ~torch.eye(graph.edges, dtype=torch.bool)
    assert [pairs.receiving.tolist(), pairs.sending.tolist()] == same.nonzero().T.tolist()


def test_too_many_pairs_for_weights_are_refused_at_once():
    with pytest.raises(UserError, match="pairs of edges meet in a variable; at most 33554432 can have weights"):
        PairSum(TannerGraph(np.ones((6000, 2), dtype=np.uint8)))


@pytest.mark.parametrize("code", ["POLAR64_48", "BCH63_45", "CCSDS128_64"])
def test_pairs_in_blocks_by_degree_are_one_product_with_a_matrix(code):
    pairs = PairSum(TannerGraph(matrix(code)))
    degrees = matrix(code).sum(axis=0, dtype=int)
    # Filled up to less than twice the degree; a block holds at most four times the numbers that are needed.
    assert (degrees**2).sum() <= sum(count * width**2 for count, width in pairs.blocks) < 4 * (degrees**2).sum()
    generator = torch.Generator().manual_seed(0)
    weights = 1.0 + 0.1 * torch.randn(len(pairs.receiving), generator=generator)
    messages = torch.randn(pairs.edges, 50, generator=generator)
    expected = dense_pair_sum(pairs, weights.double(), messages.double())
    assert (pairs(weights, messages) - expected).abs().max() < 1e-5 * expected.abs().max()
