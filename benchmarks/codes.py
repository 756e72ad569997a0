"""Time the decoders of the codes domain against dense formulations and other packages.

    python -m benchmarks codes [--repetitions 7] [--threads 1]

First belief propagation (1000 words at Eb/N0 = 4 dB, 5 iterations), how many iterations are needed, and codes of many
thousand bits; then a training step and the evaluation of the hyper-graph-network decoder and of the other trained
decoders, the truncated arctanh, and the weights for pairs of edges. `sionna` (sionna-no-rt) and `ldpc` are timed where
they are installed.

A "dense" formulation holds, as the code of the papers does, a tensor of all pairs of edges, words x E x E; it
works through the words 120 at a time, the batch of the papers, and so stays in memory.

Before anything is timed the hard decisions of a peer are compared with ours: more than 1 bit in 2000 that is
decided differently is an error, as is a gradient that differs by more than a thousandth of its length.
"""

from __future__ import annotations

import copy
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import heading, milliseconds, row, settings, timing
from hypernet.codes.baselines.belief_propagation import BeliefPropagation, WeightedBeliefPropagation
from hypernet.codes.core.arctanh import ORDER, truncated_arctanh
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation, random_words
from hypernet.codes.core.graph import PairSum, TannerGraph
from hypernet.codes.core.message_passing import Decoder
from hypernet.codes.model import (
    CHANNEL_LIMIT,
    ConcatWeights,
    GraphNetworkDecoder,
    StaticWeights,
    VariableUpdate,
    WeightGenerator,
)
from hypernet.codes.names import CODES
from hypernet.codes.sources.matrices import construct

ITERATIONS, WORDS, EBN0_DB = 5, 1000, 4.0
STOPPING_WORDS, LARGE_WORDS = 20_000, 32
DENSE_CHUNK = 120
OUR_CHUNK = 500
LARGEST_DIFFERENCE = 1 / 2000
LARGEST_GRADIENT_DIFFERENCE = 1e-3
# Of the dense formulation and of sionna, which know no larger message in single precision.
LARGEST_MESSAGE, LARGEST_PRODUCT = 20.0, 1.0 - 1e-6

# A decoder here maps channel values [n, B] to bit values [n, B]; a negative one is decided as a 1.
Decode = Callable[[Tensor], Tensor]


def load(name: str) -> Code:
    return Code.of(CODES[name].title, construct(name))


def noisy_words(code: Code, words: int = WORDS) -> Tensor:
    generator = np.random.default_rng(0)
    bits = random_words(code, words, generator)
    return torch.from_numpy(channel_llr(bits, noise_deviation(EBN0_DB, code.rate), generator))


class DensePairs:
    """H's edges as 0/1 matrices over all pairs of edges, [E, E], for messages [B, E].

    Attributes:
        variable: the variable node of every edge, [E].
        same_variable: 1 where two different edges meet in a variable.
        same_check: True where two different edges meet in a check.
        to_variables: 1 where an edge ends in a variable, [E, n].
    """

    def __init__(self, parity_check: csr_array):
        check, self.variable = (torch.from_numpy(index.astype(np.int64)) for index in parity_check.nonzero())
        different = ~torch.eye(len(check), dtype=torch.bool)
        self.same_variable = ((self.variable[:, None] == self.variable) & different).float()
        self.same_check = (check[:, None] == check) & different
        self.to_variables = F.one_hot(self.variable, parity_check.shape[1]).float()

    def product_of_others(self, messages: Tensor) -> Tensor:
        return torch.where(self.same_check, messages[:, None, :], 1.0).prod(dim=2)


def dense_belief_propagation(pairs: DensePairs, llr: Tensor) -> Tensor:
    channel = llr.T
    messages = torch.zeros(len(channel), len(pairs.variable))
    for _ in range(ITERATIONS):
        incoming = channel[:, pairs.variable] + messages @ pairs.same_variable
        half_tanh = torch.tanh(0.5 * incoming.clamp(-LARGEST_MESSAGE, LARGEST_MESSAGE))
        product = pairs.product_of_others(half_tanh).clamp(-LARGEST_PRODUCT, LARGEST_PRODUCT)
        messages = 2 * torch.atanh(product)
    return (channel + messages @ pairs.to_variables).T


def in_chunks(decode: Decode, size: int) -> Decode:
    return lambda llr: torch.cat([decode(chunk) for chunk in llr.split(size, dim=1)], dim=1)


def sionna(code: Code) -> Decode:
    from sionna.phy.fec.ldpc import LDPCBPDecoder  # optional, and its import takes seconds

    decoder = LDPCBPDecoder(
        code.parity_check.toarray(),
        cn_update="boxplus",
        num_iter=ITERATIONS,
        hard_out=False,
        llr_max=LARGEST_MESSAGE,
        device="cpu",
    )
    # Its log-likelihood ratio is that of a 1, and its words are rows.
    return lambda llr: -decoder(-llr.T).T


def ldpc(code: Code) -> Decode:
    from ldpc import BpDecoder  # optional

    parity_check = code.parity_check.toarray()
    decoder = BpDecoder(parity_check, error_rate=0.1, max_iter=ITERATIONS, bp_method="product_sum", schedule="parallel")

    def decode(llr: Tensor) -> Tensor:
        # It looks for the flipped bits that explain a syndrome, one word at a time, and stops when it has them.
        hard = (llr < 0).T.numpy().astype(np.uint8)
        flip_probability = torch.sigmoid(-llr.abs().T.double()).numpy()
        syndromes = (hard @ parity_check.T % 2).astype(np.uint8)
        bits = np.empty_like(hard)
        for word in range(len(hard)):
            decoder.update_channel_probs(flip_probability[word])
            bits[word] = hard[word] ^ decoder.decode(syndromes[word])
        return torch.from_numpy(1.0 - 2.0 * bits.T)

    return decode


def share_that_differs(ours: Tensor, theirs: Tensor, name: str) -> float:
    """Return the share of bits that are decided differently, where it is small enough to be rounding."""
    share = ((ours < 0) != (theirs < 0)).double().mean().item()
    if share > LARGEST_DIFFERENCE:
        raise AssertionError(f"{name} decides {share:.2%} of the bits differently")
    return share


def belief_propagation(name: str, repetitions: int) -> None:
    code = load(name)
    llr = noisy_words(code)
    pairs = DensePairs(code.parity_check)
    sparse = BeliefPropagation(TannerGraph(code.parity_check), ITERATIONS)
    decoders: dict[str, Decode] = {
        "ours, stopping early": sparse,
        "ours, all iterations": partial(sparse, stop_early=False),
        "dense words × E × E": in_chunks(partial(dense_belief_propagation, pairs), DENSE_CHUNK),
    }
    for package, build in {"sionna": sionna, "ldpc": ldpc}.items():
        if find_spec(package) is not None:
            decoders[package] = build(code)
    results = {label: decode(llr) for label, decode in decoders.items()}
    ours = next(iter(results))
    shares = {label: share_that_differs(results[ours], result, label) for label, result in results.items()}
    times = milliseconds({label: partial(decode, llr) for label, decode in decoders.items()}, repetitions)
    for label, values in times.items():
        median, quartiles, ratio = timing(values, times[ours])
        seconds = float(np.median(values)) / 1000
        print(
            row(
                code.title,
                label,
                median,
                quartiles,
                f"{WORDS / seconds:,.0f}",
                f"{llr.numel() / seconds / 1e6:.2f}",
                ratio,
                f"{shares[label]:.1e}",
            ),
            flush=True,
        )


def needed_iterations(decoder: Decoder, llr: Tensor) -> float:
    """Return the mean number of iterations after which a word is done, as the decoder itself counts it."""
    before = decoder.word_updates
    decoder(llr)
    return (decoder.word_updates - before) / llr.shape[1]


def early_stopping(name: str) -> None:
    """Print how many iterations are needed, and how the decisions differ from those after all iterations."""
    code = load(name)
    for iterations in (5, 20):
        decoder = BeliefPropagation(TannerGraph(code.parity_check), iterations)
        for ebn0_db in (3.0, 4.0, 5.0, 6.0):
            generator = np.random.default_rng(0)
            bits = random_words(code, STOPPING_WORDS, generator)
            llr = torch.from_numpy(channel_llr(bits, noise_deviation(ebn0_db, code.rate), generator))
            early, late = decoder(llr) < 0, decoder(llr, stop_early=False) < 0
            sent = torch.from_numpy(bits.astype(bool))
            rates = [f"{(decided != sent).double().mean().item():.3e}" for decided in (early, late)]
            differing = (early != late).double().mean().item()
            mean = needed_iterations(decoder, llr)
            print(row(code.title, f"{ebn0_db:g}", iterations, f"{mean:.2f}", *rates, f"{differing:.1e}"), flush=True)


def regular_code(length: int) -> csr_array:
    """Return H of a random code: 3 checks on every bit, 6 bits in every check."""
    edges = 3 * length
    rows, columns = np.random.default_rng(0).permutation(edges) // 6, np.arange(edges) // 3
    ones = np.ones(edges, dtype=np.uint8)
    matrix = csr_array(coo_array((ones, (rows, columns)), shape=(edges // 6, length)))
    matrix.data[:] = 1  # two edges between the same nodes are one
    return matrix


def lifted_code(lifting: int) -> csr_array:
    """Return H of the shape of 5G's base graph 1, 46 x 68 blocks with 316 of them not zero, with random shifts."""
    generator = np.random.default_rng(0)
    base = np.zeros((46, 68), dtype=bool)
    for block in range(46):
        core = block < 4
        base[block, generator.choice(22, 17 if core else 4, replace=False)] = True
        base[block, 22 + block] = True
        if core:
            base[block, 22 + (block + 1) % 4] = True
    rest = np.argwhere(~base[4:, :26]) + np.array([4, 0])
    base[tuple(generator.permutation(rest)[: 316 - base.sum()].T)] = True
    rows, columns = np.nonzero(base)
    shifts, within = generator.integers(0, lifting, len(rows)), np.arange(lifting)
    entries = rows[:, None] * lifting + within, columns[:, None] * lifting + (within + shifts[:, None]) % lifting
    ones = np.ones(entries[0].size, dtype=np.uint8)
    shape = (46 * lifting, 68 * lifting)
    return csr_array(coo_array((ones, tuple(entry.ravel() for entry in entries)), shape=shape))


def large_code(title: str, parity_check: csr_array, ebn0_db: float, punctured: int) -> None:
    """Print time and memory of decoding the zero word of a code of many thousand bits."""
    checks, length = parity_check.shape
    rate = (length - checks) / (length - punctured)
    llr = channel_llr(np.zeros((length, LARGE_WORDS)), noise_deviation(ebn0_db, rate), np.random.default_rng(0))
    llr[:punctured] = 0.0
    start = time.perf_counter()
    graph = TannerGraph(parity_check)
    built = time.perf_counter() - start
    for iterations in (20, 50):
        decoder = BeliefPropagation(graph, iterations)
        mean = needed_iterations(decoder, torch.from_numpy(llr))
        start = time.perf_counter()
        decoded = decoder(torch.from_numpy(llr))
        seconds = time.perf_counter() - start
        wrong = (decoded <= 0).any(dim=0).sum().item()
        print(
            row(
                title,
                f"{length:,}",
                f"{graph.edges:,}",
                f"{ebn0_db:g}",
                iterations,
                f"{mean:.1f}",
                f"{wrong} of {LARGE_WORDS}",
                f"{built:.2f}",
                f"{1000 * seconds / LARGE_WORDS:.1f}",
                f"{length * LARGE_WORDS / seconds / 1e6:.2f}",
                f"{peak_megabytes():.0f}",
            ),
            flush=True,
        )


def peak_megabytes() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def series(p: Tensor) -> Tensor:
    """A_q(p) = Σ p^i / i over odd i ≤ q, term by term (Horner)."""
    square, total = p * p, torch.zeros_like(p)
    for odd in range(ORDER, 0, -2):
        total = total * square + 1 / odd
    return total * p


class DenseHyperDecoder(nn.Module):
    """The hyper-graph-network decoder word by word as its equations stand, on the weights of a sparse one.

    Args:
        weights: the hypernetwork f, whose matrices are used.
        parity_check: H.
        arctanh: A_q.
    """

    def __init__(self, weights: WeightGenerator, parity_check: csr_array, arctanh: Callable):
        super().__init__()
        self.weights, self.pairs, self.arctanh = weights, DensePairs(parity_check), arctanh

    def every_iteration(self, llr: Tensor) -> Tensor:
        """Map channel values [n, B] to bit values after each iteration, [L, n, B]."""
        pairs, f = self.pairs, self.weights
        edges, hidden = f.update.graph.edges, f.update.hidden
        head_1, head_2 = f.heads.weight.split([(edges + 1) * hidden, hidden])
        channel = llr.T.clamp(-CHANNEL_LIMIT, CHANNEL_LIMIT)
        half_tanh = torch.tanh(0.5 * channel)
        product = pairs.product_of_others(half_tanh[:, pairs.variable])
        x = 2 * torch.atanh(product.clamp(-LARGEST_PRODUCT, LARGEST_PRODUCT))
        outputs = [channel + x @ pairs.to_variables]
        for _ in range(ITERATIONS - 1):
            h = x.abs()
            for layer in f.trunk.layers:
                h = torch.tanh(h @ layer.T)
            theta_1 = (h @ head_1.T).view(len(h), edges + 1, hidden)
            theta_2 = (h @ head_2.T).unsqueeze(2)
            skip = channel[:, pairs.variable, None]
            u = torch.cat([x[:, None, :] * pairs.same_variable, skip], dim=2)
            q = torch.tanh(torch.tanh(u @ theta_1) @ theta_2).squeeze(2)
            x = 2 * self.arctanh(pairs.product_of_others(q))
            outputs.append(channel + x @ pairs.to_variables)
        return torch.stack(outputs).mT

    def forward(self, llr: Tensor) -> Tensor:
        return self.every_iteration(llr)[-1]


def multiloss(decoder: nn.Module, llr: Tensor) -> Tensor:
    """Return the training loss of the all-zero word: cross-entropy after every iteration, summed."""
    outputs = decoder.every_iteration(llr)
    return F.binary_cross_entropy_with_logits(outputs, torch.ones_like(outputs)) * len(outputs)


def gradient(decoder: nn.Module, llr: Tensor) -> Tensor:
    gradients = torch.autograd.grad(multiloss(decoder, llr), [*decoder.parameters()])
    return torch.cat([part.flatten() for part in gradients])


def training_step(decoder: nn.Module, optimizer: torch.optim.Optimizer, llr: Tensor) -> None:
    optimizer.zero_grad()
    multiloss(decoder, llr).backward()
    optimizer.step()


def training_batch(code: Code) -> Tensor:
    """The channel values of one step of the trainings: 15 words of zeros at each of 1 to 8 dB, [n, 120]."""
    deviation = np.repeat([noise_deviation(db, code.rate) for db in range(1, 9)], 15)
    zeros = np.zeros((code.length, len(deviation)))
    return torch.from_numpy(channel_llr(zeros, deviation, np.random.default_rng(1)))


def hyper_decoder(name: str, repetitions: int) -> None:
    torch.manual_seed(0)
    code = load(name)
    graph = TannerGraph(code.parity_check)
    generator = WeightGenerator(VariableUpdate(graph, 16), f_hidden=32)
    sparse = GraphNetworkDecoder(graph, ITERATIONS, generator, pair_weights=False)

    def dense(arctanh: Callable) -> DenseHyperDecoder:
        return DenseHyperDecoder(copy.deepcopy(generator), code.parity_check, arctanh)

    decoders: dict[str, nn.Module] = {
        "ours, batch-last sparse": sparse,
        "dense, our arctanh table": dense(truncated_arctanh),
        "dense, arctanh series": dense(series),
    }
    ours = next(iter(decoders))
    batch = training_batch(code)
    gradients = {label: gradient(decoder, batch) for label, decoder in decoders.items()}
    differences = {
        label: ((g - gradients[ours]).norm() / gradients[ours].norm()).item() for label, g in gradients.items()
    }
    if max(differences.values()) > LARGEST_GRADIENT_DIFFERENCE:
        raise AssertionError(f"the gradients differ, as shares of ours: {differences}")
    llr = noisy_words(code)
    # The same work for all: no word is left out when it is done.
    evaluate = {
        label: in_chunks(partial(sparse, stop_early=False), OUR_CHUNK)
        if label == ours
        else in_chunks(decoder, DENSE_CHUNK)
        for label, decoder in decoders.items()
    }
    with torch.no_grad():
        results = {label: decode(llr) for label, decode in evaluate.items()}
        shares = {label: share_that_differs(results[ours], r, label) for label, r in results.items()}
        evaluation = milliseconds({label: partial(d, llr) for label, d in evaluate.items()}, repetitions)
    steps = {
        label: partial(training_step, d, torch.optim.Adam(d.parameters(), lr=1e-4), batch)
        for label, d in decoders.items()
    }
    for step in steps.values():  # the optimizers allocate their state in the first step
        step()
    training = milliseconds(steps, repetitions)
    for label, values in training.items():
        cells = timing(values, training[ours])
        print(row(code.title, "training step", batch.shape[1], label, *cells, f"gradient {differences[label]:.0e}"))
    for label, values in evaluation.items():
        cells = timing(values, evaluation[ours])
        print(row(code.title, "evaluation", WORDS, label, *cells, f"bits {shares[label]:.0e}"))


def trained_decoders(name: str, repetitions: int) -> None:
    """Time a training step and the evaluation of all decoders with trained weights."""
    torch.manual_seed(0)
    code = load(name)
    graph = TannerGraph(code.parity_check)
    update = VariableUpdate(graph, 16)
    emitters = {
        "hyper": WeightGenerator(update, 32),
        "concat": ConcatWeights(update, 32),
        "static_g": StaticWeights(update),
    }
    decoders: dict[str, nn.Module] = {
        method: GraphNetworkDecoder(graph, ITERATIONS, emitter, pair_weights=False)
        for method, emitter in emitters.items()
    }
    decoders["weighted_bp"] = WeightedBeliefPropagation(graph, ITERATIONS, largest_message=10.0, shared=False)
    batch, llr = training_batch(code), noisy_words(code)
    steps = {
        method: partial(training_step, d, torch.optim.Adam(d.parameters(), lr=1e-4), batch)
        for method, d in decoders.items()
    }
    for step in steps.values():
        step()
    training = milliseconds(steps, repetitions)
    with torch.no_grad():
        evaluation = milliseconds(
            {
                method: partial(in_chunks(partial(d, stop_early=False), OUR_CHUNK), llr)
                for method, d in decoders.items()
            },
            repetitions,
        )
    for method, decoder in decoders.items():
        count = sum(parameter.numel() for parameter in decoder.parameters())
        step, decode = (timing(times[method], times["hyper"]) for times in (training, evaluation))
        print(row(code.title, f"`{method}`", f"{count:,}", *step, *decode), flush=True)


def arctanh_forms(values: int, repetitions: int) -> None:
    """Time A_q and its gradient from the table against Horner's rule, on messages of a training step."""
    p = (2 * torch.rand(values, generator=torch.Generator().manual_seed(0)) - 1).requires_grad_()
    forms = {"table": truncated_arctanh, "Horner, 503 terms": series}
    error = (truncated_arctanh(p) - series(p.double())).abs().max().item()
    times = milliseconds({name: lambda f=form: f(p).sum().backward() for name, form in forms.items()}, repetitions)
    for name, elapsed in times.items():
        print(row(f"{values:,}", name, *timing(elapsed, times["table"]), f"{error:.0e}" if name == "table" else ""))


class DensePairSum(PairSum):
    """The weighted sum over pairs of edges as one product with an E × E matrix, on graphs of any size."""

    DENSE_EDGES = 10**9


def pair_sums(name: str, words: int, hidden: int, repetitions: int) -> None:
    """Time weights for pairs of edges and their gradient: 1 number an edge (weighted BP) or ``hidden`` (hyper)."""
    code = load(name)
    graph = TannerGraph(code.parity_check)
    forms = {"by degree": PairSum(graph), "E × E matrix": DensePairSum(graph)}
    generator = torch.Generator().manual_seed(0)
    pairs = len(forms["by degree"].receiving)
    weights = (1 + 0.1 * torch.randn(pairs, generator=generator)).requires_grad_()
    messages = torch.randn(graph.edges, hidden * words, generator=generator).requires_grad_()
    toward = torch.randn(messages.shape, generator=generator)

    def step(form: PairSum) -> tuple[Tensor, ...]:
        total = form(weights, messages)
        return total, *torch.autograd.grad(total, (weights, messages), toward)

    ours, dense = (step(form) for form in forms.values())
    difference = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(ours, dense, strict=True))
    if difference > LARGEST_GRADIENT_DIFFERENCE:
        raise AssertionError(f"the two forms differ by {difference:.0e}")
    times = milliseconds({label: partial(step, form) for label, form in forms.items()}, repetitions)
    for label, elapsed in times.items():
        agreement = f"{difference:.0e}" if label == "by degree" else ""
        print(
            row(code.title, graph.edges, pairs, words, hidden, label, *timing(elapsed, times["by degree"]), agreement)
        )


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=7)
    for package in ("sionna", "ldpc"):
        if find_spec(package) is None:
            print(f"{package} is not installed: skipped\n")
    print(
        f"torch {torch.__version__}, {options.threads} thread(s), median of {options.repetitions}; ratio to ours\n"
        f"\nBelief propagation, {WORDS} words at {EBN0_DB:g} dB, {ITERATIONS} iterations; the last column is the "
        "share of bits decided differently from ours (ldpc stops early as we do, sionna does not)\n"
    )
    print(heading("code", "decoder", "ms", "quartiles", "words/s", "coded Mbit/s", "ratio", "bits that differ"))
    with torch.no_grad():
        for name in ("LDPC49_24", "BCH63_45", "CCSDS128_64"):
            belief_propagation(name, options.repetitions)
    print(f"\nIterations until a word is done, {STOPPING_WORDS} words, and what stopping there changes\n")
    print(heading("code", "Eb/N0, dB", "at most", "needed", "BER", "BER, all iterations", "bits that differ"))
    with torch.no_grad():
        for name in ("LDPC49_24", "BCH63_45", "POLAR64_48", "CCSDS128_64"):
            early_stopping(name)
    print(f"\nCodes of many thousand bits, {LARGE_WORDS} words; MB are the most that the process has held so far\n")
    columns = ("code", "n", "edges", "Eb/N0, dB", "at most", "needed", "not decoded")
    print(heading(*columns, "graph, s", "ms a word", "coded Mbit/s", "MB"))
    with torch.no_grad():
        large_code("shape of 5G's base graph 1, Z = 384", lifted_code(384), 2.0, 768)
        large_code("random (3, 6)", regular_code(64_800), 1.5, 0)
    print(f"\nHyper-graph-network decoder, {ITERATIONS} iterations\n")
    print(heading("code", "task", "words", "formulation", "ms", "quartiles", "ratio", "difference from ours"))
    hyper_decoder("BCH31_16", options.repetitions)
    print(f"\nTraining step of 120 words and evaluation of {WORDS}, {ITERATIONS} iterations; ratios to `hyper`\n")
    columns = ("code", "method", "parameters", "step, ms", "quartiles", "ratio", "evaluation, ms", "quartiles", "ratio")
    print(heading(*columns))
    for name in ("LDPC49_24", "BCH31_16", "POLAR64_48"):
        trained_decoders(name, options.repetitions)
    print("\nThe truncated arctanh, forward and backward\n")
    print(heading("values", "form", "ms", "quartiles", "ratio", "largest error"))
    arctanh_forms(14_400, options.repetitions)
    print("\nA weight for each pair of edges on one variable, forward and backward\n")
    columns = ("code", "E", "pairs", "words", "numbers an edge", "form", "ms", "quartiles", "ratio", "difference")
    print(heading(*columns))
    for name in ("BCH31_16", "LDPC49_24", "BCH63_45", "CCSDS128_64", "POLAR128_64"):
        for words, hidden in ((120, 1), (500, 1), (120, 16)):
            pair_sums(name, words, hidden, options.repetitions)


if __name__ == "__main__":
    main(sys.argv[1:])
