from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hypernet.codes.core.channel import random_words
from hypernet.codes.dataset import load_code
from hypernet.codes.learning import DecoderTraining, ValidationBatches
from hypernet.codes.methods import build
from hypernet.codes.train import train
from hypernet.codes.trained import open_model
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.lab.runs.models import load_model

DATASET = "BCH31_16"
SHORT = (
    f"datasets=[{DATASET}]",
    "train.max_steps=40",
    "train.check_every_steps=20",
    "train.validation={ebn0_db: [4, 5], words: 1000}",
)


@pytest.fixture
def trained(prepared, config, tmp_path):
    """Run the training step; gives the folder of the run and its settings."""

    def run(method, *assignments, seed=0, folder="run"):
        settings = config(*SHORT, *assignments).settings("train", DATASET, method)
        data = prepared(DATASET)
        train(Job("codes", DATASET, method, seed, data, tmp_path / folder, settings))
        return tmp_path / folder, settings

    return run


def validation_ln_ber(decode, code, settings, seed):
    """Mean over the validation points of ln(bit error rate), counted here."""
    wrong, sent = np.zeros(2), np.zeros(2)
    batches = ValidationBatches(code, settings.train.validation, seed)
    for point, bits, llr in (batches[i] for i in range(len(batches))):
        wrong[point] += ((decode(llr.numpy()) < 0) != bits.numpy()).sum()
        sent[point] += bits.numel()
    return np.log(wrong / sent).mean()


def untrained(method, code, settings, seed):
    torch.manual_seed(seed)
    decoder = build(method, code.parity_check, settings)
    return lambda llr: decoder(torch.from_numpy(llr)).detach().numpy()


@pytest.fixture(scope="module")
def hypernetwork(prepared, config, tmp_path_factory):
    """The folder of a trained hypernetwork decoder, checked four times on its way, and its settings."""
    folder = tmp_path_factory.mktemp("hyper")
    settings = config(*SHORT, "train.check_every_steps=10").settings("train", DATASET, "hyper")
    train(Job("codes", DATASET, "hyper", 0, prepared(DATASET), folder, settings))
    return folder, settings


def test_training_the_hypernetwork_improves_on_its_start(prepared, hypernetwork):
    folder, settings = hypernetwork
    code = load_code(prepared(DATASET))
    before = validation_ln_ber(untrained("hyper", code, settings, 0), code, settings, 0)
    after = validation_ln_ber(open_model(folder / "model.ckpt").decode_columns, code, settings, 0)
    # 31 000 bits at each point: 0.2 is several times the noise of ln(BER), and the words are the same.
    assert after < before - 0.2


def test_the_model_kept_is_that_of_the_best_check(prepared, hypernetwork):
    folder, settings = hypernetwork
    record = read_json(folder / "run.json")
    history = record["history"]
    assert [row["step"] for row in history] == [10, 20, 30, 40]
    best = min(history, key=lambda row: row["validation_ln_ber"])
    assert record["best_step"] == best["step"]
    code = load_code(prepared(DATASET))
    kept = validation_ln_ber(open_model(folder / "model.ckpt").decode_columns, code, settings, 0)
    assert kept == pytest.approx(best["validation_ln_ber"], abs=1e-3)
    points = [best["validation_ber_4_db"], best["validation_ber_5_db"]]
    assert best["validation_ln_ber"] == pytest.approx(np.log(points).mean(), abs=1e-5)


def weights(folder):
    return load_model(folder / "model.ckpt")["state_dict"]


@pytest.mark.parametrize("method", ["weighted_bp", "weighted_bp_recurrent", "static_g", "concat", "hyper"])
def test_a_seed_gives_the_same_weights_every_time(trained, method):
    few = "train={check_every_steps: 2, validation: {ebn0_db: [4], words: 100}}"
    steps = f"{method}.train={{max_steps: 4, equal_time_steps: null}}"
    first, again, other = (
        weights(trained(method, steps, few, seed=seed, folder=folder)[0])
        for seed, folder in ((3, "first"), (3, "again"), (4, "other"))
    )
    assert list(first) == list(again)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("method", ["bp", "min_sum", "hard_decision", "maximum_likelihood"])
def test_a_method_with_nothing_to_train_gets_the_same_files(trained, method):
    folder, _ = trained(method)
    record = read_json(folder / "run.json")
    assert record["parameter_count"] == 0
    assert (record["dataset"], record["method"], record["seed"]) == (DATASET, method, 0)
    assert open_model(folder / "model.ckpt").title == "BCH(31,16)"


def test_the_record_counts_the_parameters(trained):
    folder, _ = trained("hyper", "train.max_steps=1")
    assert read_json(folder / "run.json")["parameter_count"] == 69_376


@pytest.mark.parametrize("method", ["weighted_bp", "static_g", "concat", "hyper"])
def test_one_iteration_trains_or_is_refused(trained, method):
    # One iteration has no round of g: its weights have no gradient.
    with contextlib.suppress(UserError):
        folder, _ = trained(method, "iterations=1", f"{method}.train={{max_steps: 1}}")
        assert (folder / "model.ckpt").is_file()


# --- one step -----------------------------------------------------------------------------------------------


@pytest.fixture
def training(prepared, config):
    """The training of an untrained hypernetwork decoder, outside of any trainer."""
    code = load_code(prepared(DATASET))
    settings = config(*SHORT).settings("train", DATASET, "hyper")
    torch.manual_seed(0)
    return DecoderTraining(build("hyper", code.parity_check, settings), settings.train), code


def loss_of(module, bits, llr):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are trying to `self.log", category=UserWarning)
        return module.training_step((bits, llr), 0).item()


def test_the_loss_is_the_sum_of_the_cross_entropies_of_all_rounds(training):
    module, code = training
    generator = np.random.default_rng(0)
    bits = random_words(code, 20, generator)
    llr = torch.from_numpy(generator.normal(4 * (1.0 - 2.0 * bits), 2.5).astype(np.float32))
    probability_of_one = torch.sigmoid(-module.decoder.every_iteration(llr).double())
    sent = torch.from_numpy(bits).double()
    rounds = [F.binary_cross_entropy(output, sent) for output in probability_of_one]
    assert loss_of(module, sent.float(), llr) == pytest.approx(sum(rounds).item(), rel=1e-4)
    # Telling it the opposite of what was sent must cost more.
    assert loss_of(module, 1 - sent.float(), llr) > 2 * sum(rounds).item()


def test_the_loss_can_be_that_of_the_last_round_alone(training):
    module, _ = training
    module.settings = module.settings.model_copy(update={"loss": "last_round"})
    llr = torch.from_numpy(np.random.default_rng(0).normal(4.0, 2.5, (31, 20)).astype(np.float32))
    last = -torch.sigmoid(module.decoder(llr).double()).log().mean()
    assert loss_of(module, torch.zeros(31, 20), llr) == pytest.approx(last.item(), rel=1e-4)


def test_the_zero_word_stands_for_every_word(training):
    module, code = training
    generator = np.random.default_rng(1)
    bits = torch.from_numpy(random_words(code, 20, generator)).float()
    llr = torch.from_numpy(generator.normal(4.0, 2.5, (31, 20)).astype(np.float32))
    zero = loss_of(module, torch.zeros_like(bits), llr)
    assert loss_of(module, bits, llr * (1 - 2 * bits)) == pytest.approx(zero, rel=1e-5)


def test_the_learning_rate_falls_along_a_cosine(training):
    module, _ = training
    chosen = module.configure_optimizers()
    optimizer, scheduler = chosen["optimizer"], chosen["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(41):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    start, end = 0.002, 0.002 * 0.02
    assert chosen["lr_scheduler"]["interval"] == "step"
    assert (rates[0], rates[20], rates[40]) == pytest.approx((start, (start + end) / 2, end))
    assert rates == sorted(rates, reverse=True)
