from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binomtest, chi2, norm

from hypernet.codes.baselines.belief_propagation import BeliefPropagation
from hypernet.codes.config import EvaluationSettings, MonteCarlo
from hypernet.codes.core.channel import Code
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.dataset import load_code
from hypernet.codes.evaluate import compare, evaluate, evaluate_part, point_name, point_of
from hypernet.codes.evaluate import measure as measure_at
from hypernet.codes.montecarlo import COUNTS, simulate
from hypernet.codes.sources.reading import read_parity_check
from hypernet.codes.train import train
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.job import Job


def measure(counts, length):
    """The rates of a decoder trained for 5 iterations, the number that :func:`counts_of` writes."""
    return measure_at(counts, length, usual=5)


def counts_of(wrong_bits, ebn0_db=4.0, chunk_words=100, iterations=5):
    """The table of counts of words with so many wrong bits each, ``[words]``."""
    rows = []
    for chunk, start in enumerate(range(0, len(wrong_bits), chunk_words)):
        part = np.asarray(wrong_bits[start : start + chunk_words])
        rows.append((iterations, ebn0_db, chunk, len(part), part.sum(), (part**2).sum(), (part > 0).sum()))
    return pd.DataFrame(rows, columns=COUNTS)


def by_metric(measurements, group="4 dB"):
    return {measurement.metric: measurement for measurement in measurements if measurement.group == group}


def some_wrong_bits(words=5000, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(1, 12, words) * (generator.random(words) < 0.05)


# --- one run ------------------------------------------------------------------------------------------------


def test_the_bit_error_rate_and_its_interval_from_every_word():
    wrong = some_wrong_bits()
    ber = by_metric(measure(counts_of(wrong), length=31))["ber"]
    share = wrong / 31
    half = norm.ppf(0.975) * share.std(ddof=1) / np.sqrt(len(share))
    assert ber.value == pytest.approx(share.mean(), rel=1e-12)
    assert (ber.low, ber.high) == pytest.approx((share.mean() - half, share.mean() + half), rel=1e-9)
    assert ber.n == 5000
    # Taking bits for independent would give less than half of it: the words' own spread is what counts.
    independent = norm.ppf(0.975) * np.sqrt(share.mean() / (5000 * 31))
    assert ber.high - ber.low > 4 * independent


def test_the_headline_is_minus_the_natural_logarithm():
    measured = by_metric(measure(counts_of(some_wrong_bits()), length=31))
    ber, headline = measured["ber"], measured["neg_ln_ber"]
    assert headline.value == pytest.approx(-np.log(ber.value))
    half = (ber.high - ber.low) / 2 / ber.value
    assert (headline.low, headline.high) == pytest.approx((headline.value - half, headline.value + half))


@pytest.mark.parametrize(("wrong", "words"), [(10, 200), (57, 1000), (300, 300)])
def test_the_word_error_rate_has_wilsons_interval(wrong, words):
    fer = by_metric(measure(counts_of([1] * wrong + [0] * (words - wrong)), length=31))["fer"]
    expected = binomtest(wrong, words).proportion_ci(method="wilson")
    assert fer.value == wrong / words
    assert (fer.low, fer.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


@pytest.mark.parametrize("wrong", [0, 1, 9])
def test_with_few_wrong_words_there_is_a_bound_and_no_value(wrong):
    measured = by_metric(measure(counts_of([31] * wrong + [0] * (1000 - wrong)), length=31))
    # Upper end of a Poisson mean; after no events that is 3.0 (rule of three).
    bound = chi2.ppf(0.95, 2 * (wrong + 1)) / 2 / 1000
    assert wrong or bound == pytest.approx(3 / 1000, rel=2e-3)
    for metric in ("ber", "fer"):
        rate = measured[metric]
        assert (rate.value, rate.low) == (None, None)
        assert rate.high == pytest.approx(bound, rel=1e-9)
        assert rate.high >= wrong / 1000
    assert (measured["neg_ln_ber"].value, measured["neg_ln_ber"].high) == (None, None)
    assert measured["neg_ln_ber"].low == pytest.approx(-np.log(bound))


def test_ten_wrong_words_are_enough_for_a_value():
    assert by_metric(measure(counts_of([2] * 10 + [0] * 990), length=31))["ber"].value == pytest.approx(20 / 31_000)


def test_a_bound_is_never_above_one():
    measured = by_metric(measure(counts_of([31, 0]), length=31))
    assert measured["fer"].high == 1
    assert measured["neg_ln_ber"].low == 0


def test_every_point_is_measured_by_itself():
    first, second = some_wrong_bits(seed=1), some_wrong_bits(seed=2)
    both = pd.concat([counts_of(first, 4.0), counts_of(second, 5.5)])
    measured = measure(both, length=31)
    assert by_metric(measured, "4 dB") == by_metric(measure(counts_of(first), length=31))
    assert by_metric(measured, "5.5 dB")["ber"].value == pytest.approx(second.mean() / 31)
    assert len(measured) == 6


def test_more_iterations_are_measured_by_themselves():
    few, many = some_wrong_bits(seed=1), some_wrong_bits(seed=2)
    both = pd.concat([counts_of(few), counts_of(many, iterations=50)])
    measured = measure(both, length=31)
    assert by_metric(measured, "4 dB") == by_metric(measure(counts_of(few), length=31))
    assert by_metric(measured, "4 dB, 50 iterations")["ber"].value == pytest.approx(many.mean() / 31)


@pytest.mark.parametrize("ebn0_db", [4.0, 5.5, -1.0])
def test_the_name_of_a_point_gives_its_values_back(ebn0_db):
    assert point_of(point_name(ebn0_db, iterations=5, usual=5)) == (ebn0_db, None)
    assert point_of(point_name(ebn0_db, iterations=50, usual=5)) == (ebn0_db, 50)


def columns(decoder):
    """A decoder as the simulation calls it."""
    return lambda llr: decoder(torch.from_numpy(llr)).numpy()


# --- published numbers --------------------------------------------------------------------------------------


def measured_at_4_db(code, iterations, words):
    """-ln(bit error rate) of belief propagation."""
    decoder = BeliefPropagation(TannerGraph(code.parity_check), iterations)
    rule = MonteCarlo(
        ebn0_db=[4],
        chunk_words=500,
        min_words=words,
        max_words=words,
        min_frame_errors=1,
        parts=1,
        more_iterations={},
    )
    settings = EvaluationSettings(monte_carlo=rule, iterations=[iterations])
    counts = simulate(lambda _: columns(decoder), Transmission(code), settings, 0, 0, None, "f")
    measured = by_metric(measure_at(counts, code.length, usual=iterations))["neg_ln_ber"]
    assert measured.n == words
    return measured


@pytest.mark.parametrize(
    ("dataset", "iterations", "words", "published"),
    [
        ("LDPC49_24", 5, 10_000, 5.30),
        ("BCH63_36", 5, 10_000, 3.72),
        ("POLAR64_48", 5, 10_000, 4.15),
        ("BCH63_45", 50, 1_500, 4.36),
    ],
)
def test_belief_propagation_at_4_db_is_the_published_one(prepared, dataset, iterations, words, published):
    measured = measured_at_4_db(load_code(prepared(dataset)), iterations, words)
    assert measured.low - 0.08 < published < measured.high + 0.08


def test_belief_propagation_on_mackays_code_is_the_published_one(published_file):
    parity_check = read_parity_check(published_file("MACKAY96_48"))
    code = Code.of("MacKay(96,48)", parity_check)
    measured = measured_at_4_db(code, 5, 30_000)
    assert measured.low - 0.08 < 6.84 < measured.high + 0.08


# --- two runs -----------------------------------------------------------------------------------------------


def runs_of(folder, tables):
    """Run folders with these counts, for :func:`compare`: ``{(dataset, method, seed): counts}``."""
    runs = {}
    for key, counts in tables.items():
        runs[key] = folder / "-".join(map(str, key))
        runs[key].mkdir()
        counts.to_csv(runs[key] / "items.csv", index=False)
    return runs


def test_fewer_errors_than_the_reference_is_a_gain_above_zero(tmp_path):
    wrong = some_wrong_bits()
    worse = np.where(np.random.default_rng(5).random(5000) < 0.02, wrong + 4, wrong)
    runs = runs_of(tmp_path, {("C", "bp", 0): counts_of(worse), ("C", "hyper", 0): counts_of(wrong)})
    (gain,) = compare(runs)
    assert (gain.method, gain.reference, gain.group) == ("hyper", "bp", "4 dB")
    assert gain.difference > 0
    assert gain.difference == pytest.approx(np.log(worse.sum() / wrong.sum()))
    assert gain.ci95_low < gain.difference < gain.ci95_high
    assert gain.n == 5000
    swapped = {("C", "bp", 0): runs["C", "hyper", 0], ("C", "hyper", 0): runs["C", "bp", 0]}
    (loss,) = compare(swapped)
    assert loss.difference == pytest.approx(-gain.difference)
    assert not loss.holds


def test_errors_on_the_same_noise_are_compared_in_pairs(tmp_path):
    # Twice the errors in every chunk: the chunks differ wildly, their ratio never does.
    wrong = np.random.default_rng(0).integers(0, 5, 3000) * np.repeat(np.arange(1, 31), 100)
    runs = runs_of(tmp_path, {("C", "bp", 0): counts_of(2 * wrong), ("C", "min_sum", 0): counts_of(wrong)})
    (gain,) = compare(runs)
    assert (gain.difference, gain.ci95_low, gain.ci95_high) == pytest.approx((np.log(2),) * 3)


def test_only_chunks_that_both_have_are_compared(tmp_path):
    wrong = some_wrong_bits(2000)
    # The reference went on, and its last chunk but one here was cut short: neither has a partner.
    longer = np.concatenate([2 * wrong[:1900], np.full(700, 31)])
    ours = counts_of(wrong)
    theirs = counts_of(longer)
    ours.loc[ours["chunk"] == 19, "words"] = 60
    (gain,) = compare(runs_of(tmp_path, {("C", "bp", 0): theirs, ("C", "hyper", 0): ours}))
    assert gain.n == 1900
    assert gain.difference == pytest.approx(np.log(2))


def test_points_with_few_wrong_words_are_not_compared(tmp_path):
    few, many = np.array([3] * 9 + [0] * 991), np.array([3] * 50 + [0] * 950)
    tables = {
        ("C", "bp", 0): pd.concat([counts_of(many, 4.0), counts_of(many, 5.0), counts_of(few, 6.0)]),
        ("C", "hyper", 0): pd.concat([counts_of(many, 4.0), counts_of(few, 5.0), counts_of(many, 6.0)]),
    }
    assert [comparison.group for comparison in compare(runs_of(tmp_path, tables))] == ["4 dB"]


def test_one_common_chunk_gives_no_interval_and_no_crash(tmp_path):
    # What a small evaluation leaves: max_words may be as low as chunk_words.
    counts = counts_of(some_wrong_bits(1000), chunk_words=1000)
    comparisons = compare(runs_of(tmp_path, {("C", "bp", 0): counts, ("C", "hyper", 0): counts}))
    assert not any(comparison.holds for comparison in comparisons)


def test_who_is_compared_with_whom(tmp_path):
    counts = pd.concat([counts_of(some_wrong_bits(), 4.0), counts_of(some_wrong_bits(), 6.0)])
    names = ("bp", "min_sum", "weighted_bp", "static_g", "hyper")
    tables = {("C", name, seed): counts for name in names for seed in (0, 1)}
    tables["D", "hyper", 0] = counts  # its belief propagation has not run
    comparisons = compare(runs_of(tmp_path, tables))
    pairs = {(comparison.method, comparison.reference) for comparison in comparisons}
    assert pairs == {
        ("min_sum", "bp"),
        ("weighted_bp", "bp"),
        ("static_g", "bp"),
        ("hyper", "bp"),
        ("hyper", "weighted_bp"),
        ("hyper", "static_g"),
    }
    assert len(comparisons) == len(pairs) * 2 * 2
    assert {comparison.dataset for comparison in comparisons} == {"C"}
    assert {
        (comparison.method, comparison.reference, comparison.group) for comparison in comparisons if comparison.claimed
    } == {("hyper", "bp", "4 dB")}


# --- the step -----------------------------------------------------------------------------------------------


SMALL = (
    "evaluate={ebn0_db: [3], chunk_words: 50, min_words: 300, max_words: 300, min_frame_errors: 1, "
    "parts: PARTS, more_iterations: {bp: [20]}}"
)


@pytest.mark.parametrize("parts", [1, 3])
def test_the_step_measures_the_model_of_the_run(prepared, config, tmp_path, parts):
    data, run = prepared("LDPC49_24"), tmp_path / "run"
    section = config(SMALL.replace("PARTS", str(parts)))
    job = Job("codes", "LDPC49_24", "bp", 0, data, run, section.settings("train", "LDPC49_24", "bp"))
    train(job)
    settings = section.settings("evaluate", "LDPC49_24", "bp")
    job = replace(job, settings=settings)
    for part in range(1, parts):
        evaluate_part(job, part)
    evaluate(job)

    code = load_code(data)
    graph = TannerGraph(code.parity_check)
    whole = settings.model_copy(
        update={"monte_carlo": settings.monte_carlo.model_copy(update={"parts": 1}), "iterations": [5, 20]}
    )
    sent = Transmission(code)
    expected = simulate(lambda number: columns(BeliefPropagation(graph, number)), sent, whole, 0, 0, None, "f")
    items = pd.read_csv(run / "items.csv")
    pd.testing.assert_frame_equal(items, expected, check_dtype=False)
    record = read_json(run / "metrics.json")
    assert (record["dataset"], record["method"], record["seed"]) == ("LDPC49_24", "bp", 0)
    rates = {
        (measurement["metric"], measurement["group"]): measurement["value"] for measurement in record["measurements"]
    }
    assert {group for _, group in rates} == {"3 dB", "3 dB, 20 iterations", ""}
    assert {metric for metric, group in rates if not group} == {"parameters", "training_seconds"}
    assert rates["parameters", ""] == 0
    for number, group in ((5, "3 dB"), (20, "3 dB, 20 iterations")):
        wrong = items.loc[items["iterations"] == number, "bit_errors"].sum()
        assert rates["ber", group] == pytest.approx(wrong / (300 * 49))
    assert rates["ber", "3 dB, 20 iterations"] < rates["ber", "3 dB"]


def test_a_part_that_does_not_exist_is_refused(prepared, config, tmp_path):
    settings = config(SMALL.replace("PARTS", "2")).settings("evaluate", "LDPC49_24", "bp")
    with pytest.raises(UserError, match="--part 2: there are 2 parts, counted from 0"):
        evaluate_part(Job("codes", "LDPC49_24", "bp", 0, prepared("LDPC49_24"), tmp_path, settings), 2)
