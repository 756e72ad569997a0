from __future__ import annotations

import io
import itertools
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm

from hypernet.codes.config import PrepareSettings, RawSettings, Training, Validation
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation, random_words
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.dataset import load_code, prepare
from hypernet.codes.learning import TrainingBatches, ValidationBatches
from hypernet.codes.montecarlo import chunk_counts
from hypernet.codes.raw import FILE, make
from hypernet.codes.sources.alist import write_alist
from hypernet.codes.sources.matrices import construct
from hypernet.lab.errors import UserError
from hypernet.lab.manifest import write_manifest
from hypernet.lab.randomness import numpy_generator


def code(name):
    parity_check = construct(name)
    return Code.of(name, parity_check)


def training(**changes):
    values = {
        "max_steps": 10,
        "check_every_steps": 5,
        "patience_checks": None,
        "gradient_clip": None,
        "precision": "32-true",
        "accelerator": "cpu",
        "devices": 1,
        "learning_rate": 0.001,
        "final_learning_rate_share": 0.02,
        "ebn0_db": [1, 4, 8],
        "words_per_point": 40,
        "code_words": "random",
        "loss": "all_rounds",
        "equal_time_steps": None,
        "validation": {"ebn0_db": [4, 5], "words": 700},
    }
    return Training(**(values | changes))


# --- the channel --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "ebn0_db", "sigma"), [("BCH31_16", 4.0, 0.6210204), ("LDPC49_24", 5.0, 0.5681689)])
def test_the_noise_belongs_to_the_rank_and_not_to_the_number_of_rows(name, ebn0_db, sigma):
    chosen = code(name)
    assert noise_deviation(ebn0_db, chosen.rate) == pytest.approx(sigma, abs=5e-8)
    checks, length = chosen.parity_check.shape
    by_rows = noise_deviation(ebn0_db, 1 - checks / length)
    # 28 rows but rank 25: the difference is 10 log10(24 / 21) = 0.58 dB.
    shift = 20 * np.log10(by_rows / sigma)
    assert shift == pytest.approx(0.58 if name == "LDPC49_24" else 0.0, abs=0.005)


def test_uncoded_errors_follow_the_closed_form():
    bits = np.random.default_rng(0).integers(0, 2, (100, 4000), dtype=np.uint8)
    llr = channel_llr(bits, noise_deviation(4.0, rate=1.0), np.random.default_rng(1))
    errors = ((llr < 0) != bits).mean()
    expected = norm.sf(np.sqrt(2 * 10**0.4))
    assert expected == pytest.approx(1.25e-2, rel=1e-3)
    assert abs(errors - expected) < 5 * np.sqrt(expected / bits.size)


def test_channel_values_are_log_likelihood_ratios():
    bits = np.tile(np.array([[0], [1]], dtype=np.uint8), 20_000)
    sigma = 0.7
    llr = channel_llr(bits, sigma, np.random.default_rng(2))
    assert llr.dtype == np.float32
    # l = 2 y / sigma^2, y = x + sigma z: mean 2 x / sigma^2, standard deviation 2 / sigma.
    for row, symbol in zip(llr, (1, -1), strict=True):
        assert kstest(row, norm(2 * symbol / sigma**2, 2 / sigma).cdf).pvalue > 1e-4
    assert abs(np.corrcoef(llr)[0, 1]) < 5 / np.sqrt(20_000)


def test_every_word_can_have_its_own_deviation():
    bits = np.zeros((2000, 2), dtype=np.uint8)
    deviation = np.array([0.5, 1.0])
    llr = channel_llr(bits, deviation, np.random.default_rng(3))
    assert llr.std(axis=0) == pytest.approx(2 / deviation, rel=0.1)
    assert llr.mean(axis=0) == pytest.approx(2 / deviation**2, rel=0.1)


# --- code words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["BCH31_16", "LDPC49_24", "POLAR128_96"])
def test_random_words_satisfy_every_check(name):
    chosen = code(name)
    words = random_words(chosen, 300, np.random.default_rng(0))
    assert words.shape == (chosen.length, 300)
    assert words.dtype == np.uint8
    assert not (chosen.parity_check.astype(int) @ words % 2).any()
    # Uniform over the code: every bit is a one in half of the words, and words hardly ever meet again.
    assert np.abs(words.mean(axis=1) - 0.5).max() < 6 * 0.5 / np.sqrt(300)
    assert len(np.unique(words, axis=1).T) > 290


# --- which noise depends on what ----------------------------------------------------------------------------


def first_values(seed, purpose, *index):
    return numpy_generator(seed, "codes", purpose, *index).standard_normal(4).tolist()


def test_words_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch):
    whole = random_words(code("CCSDS128_64"), 20, np.random.default_rng(0))
    monkeypatch.setattr("hypernet.codes.core.systematic.WORDS_AT_ONCE", 8)
    assert np.array_equal(random_words(code("CCSDS128_64"), 20, np.random.default_rng(0)), whole)


def test_a_stream_depends_on_its_whole_name_and_on_nothing_else():
    names = [
        (0, "final", "4.000", 0),
        (1, "final", "4.000", 0),
        (0, "train", "4.000", 0),
        (0, "validation", "4.000", 0),
        (0, "final", "5.000", 0),
        (0, "final", "4.000", 1),
    ]
    drawn = [first_values(*name) for name in names]
    assert len({tuple(values) for values in drawn}) == len(names)
    # Asked again in another order, after other draws from the global generators.
    np.random.default_rng().standard_normal(100)
    assert [first_values(*name) for name in reversed(names)] == drawn[::-1]


def heard_by_the_decoder(sent_code, ebn0_db, seed, chunk, words=50):
    heard = []
    chunk_counts(lambda llr: heard.append(llr.copy()) or llr, Transmission(sent_code), ebn0_db, seed, chunk, words)
    return heard[0]


def test_every_decoder_hears_the_same_noise_and_every_chunk_another():
    bch = code("BCH31_16")
    reference = heard_by_the_decoder(bch, 4.0, 0, 3)
    assert np.array_equal(heard_by_the_decoder(bch, 4.0, 0, 3), reference)
    for other in ((5.0, 0, 3), (4.0, 1, 3), (4.0, 0, 4)):
        assert np.isclose(heard_by_the_decoder(bch, *other), reference).mean() < 0.01


def test_training_batches_depend_on_seed_and_number_only():
    bch = code("BCH31_16")
    batches = TrainingBatches(bch, training(), seed=0)
    bits, llr = batches[7]
    again, llr_again = TrainingBatches(bch, training(), seed=0)[7]
    assert bits.equal(again)
    assert llr.equal(llr_again)
    assert not llr.equal(batches[8][1])
    assert not llr.equal(TrainingBatches(bch, training(), seed=1)[7][1])


def test_training_choosing_and_measuring_share_no_noise():
    bch, sigma = code("BCH31_16"), noise_deviation(4.0, code("BCH31_16").rate)
    _, trained = TrainingBatches(bch, training(code_words="zero", ebn0_db=[4], words_per_point=500), 0)[0]
    _, bits, held_out = ValidationBatches(bch, Validation(ebn0_db=[4], words=500), 0)[0]
    sent = []
    chunk_counts(lambda llr: sent.append(llr) or llr, Transmission(bch), 4.0, 0, 0, 500)
    noise = {
        "train": trained.numpy() * sigma**2 / 2 - 1,
        "validation": held_out.numpy() * sigma**2 / 2 - (1 - 2 * bits.numpy()),
        # Its words are not told; both values of every bit are tried.
        "final": np.concatenate([sent[0] * sigma**2 / 2 - symbol for symbol in (1, -1)]),
    }
    noise = {name: values.astype(np.float64).ravel().round(5) for name, values in noise.items()}
    for first, second in itertools.permutations(noise, 2):
        # One stream drawn twice would share all 500; among unrelated ones rounding lets about 40 coincide.
        assert len(np.intersect1d(noise[first][:500], noise[second])) < 150, (first, second)


def test_a_training_batch_has_its_words_at_every_point():
    bch = code("BCH31_16")
    bits, llr = TrainingBatches(bch, training(words_per_point=300), seed=0)[0]
    assert bits.shape == llr.shape == (31, 900)
    assert not (bch.parity_check.astype(int) @ bits.numpy().astype(int) % 2).any()
    shares = [((llr[:, part] < 0) != bits[:, part].bool()).double().mean() for part in np.split(np.arange(900), 3)]
    for share, ebn0_db in zip(shares, (1, 4, 8), strict=True):
        expected = norm.sf(1 / noise_deviation(ebn0_db, bch.rate))
        assert abs(share - expected) < 5 * np.sqrt(expected / (31 * 300))


def test_zero_training_sends_the_zero_word():
    bits, llr = TrainingBatches(code("BCH31_16"), training(code_words="zero"), seed=0)[0]
    assert not bits.any()
    assert llr.mean() > 0


def test_validation_has_the_asked_number_of_words_at_every_point():
    bch = code("BCH31_16")
    batches = ValidationBatches(bch, Validation(ebn0_db=[4, 5], words=1200), 0)
    assert len(batches) == 6
    sizes, heard = {0: 0, 1: 0}, []
    for point, bits, llr in (batches[i] for i in range(len(batches))):
        sizes[point] += bits.shape[1]
        heard.append(llr[:, 0])
        assert not (bch.parity_check.astype(int) @ bits.numpy().astype(int) % 2).any()
    assert sizes == {0: 1200, 1: 1200}
    assert len(torch.stack(heard).abs().unique(dim=0)) == 6
    assert heard[4].equal(batches[4][2][:, 0])


# --- files --------------------------------------------------------------------------------------------------


def test_raw_and_prepare_give_the_code(tmp_path):
    make("LDPC49_24", tmp_path / "raw", RawSettings(source="constructed", matrix=None))
    prepare("LDPC49_24", tmp_path / "raw", tmp_path / "data", PrepareSettings())
    prepared = load_code(tmp_path / "data")
    assert prepared.title == "LDPC(49,24)"
    assert not (prepared.parity_check != construct("LDPC49_24")).nnz
    assert prepared.parity_check.has_canonical_format
    assert prepared.generator.shape == (24, 49)
    assert not (prepared.generator.astype(int) @ prepared.parity_check.T.toarray() % 2).any()
    assert prepared.rate == pytest.approx(24 / 49)
    facts = json.loads((tmp_path / "data" / "manifest.json").read_text())["facts"]
    assert (facts["n"], facts["k"], facts["checks"], facts["edges"]) == (49, 24, 28, 196)


def test_the_users_own_matrix(tmp_path, capsys):
    # The (7,4) Hamming code with one check written twice.
    hamming = np.array([[1, 0, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1], [1, 0, 1, 0, 1, 0, 1]])
    (tmp_path / "own.txt").write_text("\n".join("".join(map(str, row)) for row in hamming))
    make("mine", tmp_path / "raw", RawSettings(source="constructed", matrix=str(tmp_path / "own.txt")))
    prepare("mine", tmp_path / "raw", tmp_path / "data", PrepareSettings())
    prepared = load_code(tmp_path / "data")
    assert np.array_equal(prepared.parity_check.toarray(), hamming)
    assert prepared.title == "mine (7,4)"
    assert prepared.rate == pytest.approx(4 / 7)
    assert "row 1 stands more than once" in capsys.readouterr().err


def test_another_matrix_under_a_known_name_is_refused(tmp_path):
    write_alist(tmp_path / FILE, construct("BCH31_16"))
    with pytest.raises(UserError, match=r"this is not LDPC\(49,24\)") as caught:
        prepare("LDPC49_24", tmp_path, tmp_path / "data", PrepareSettings())
    assert str(tmp_path / FILE) in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_a_bad_own_matrix_leaves_the_old_one_in_place(tmp_path):
    make("BCH31_16", tmp_path / "raw", RawSettings(source="constructed", matrix=None))
    before = {file.name: file.read_bytes() for file in (tmp_path / "raw").iterdir()}
    for name, content in (("zero_row.txt", "110\n000\n"), ("no_bits.txt", "11\n01\n"), ("text.txt", "hello\n")):
        (tmp_path / name).write_text(content)
        with pytest.raises(UserError, match=name):
            make("mine", tmp_path / "raw", RawSettings(source="constructed", matrix=str(tmp_path / name)))
    with pytest.raises(UserError, match=r"absent\.alist: no such"):
        make("mine", tmp_path / "raw", RawSettings(source="constructed", matrix=str(tmp_path / "absent.alist")))
    assert {file.name: file.read_bytes() for file in (tmp_path / "raw").iterdir()} == before


def test_a_folder_without_a_code_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match="run the steps before this one first"):
        load_code(tmp_path)


def claiming(shape):
    """The header of a .npy file of that shape, and no data."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def stored(ones, shape):
    """The arrays of a prepared code."""
    members = {}
    for name, values in {"title": np.array("mine"), "shape": np.array(shape), "ones": np.array(ones)}.items():
        buffer = io.BytesIO()
        np.save(buffer, values)
        members[f"{name}.npy"] = buffer.getvalue()
    return members


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "not a prepared code"),
        ({"title.npy": b"hello"}, "not a prepared code"),
        ({"title.npy": pickle.dumps("title")}, "not a prepared code"),
        ({"title.npy": claiming((0,)), "ones.npy": claiming((10**15, 10))}, "not a prepared code"),
        (stored([[0, 1], [0, 2]], [2, 2]), "not a prepared code \\(ones outside H\\)"),
        (stored([[0, -1], [0, 1]], [2, 2]), "not a prepared code \\(ones outside H\\)"),
        (stored([[0], [0]], [2**40, 2**40]), "1099511627776 rows"),
        (stored([[0, 0], [1, 1]], [2, 2]), "row 1, column 2 is given more than once"),
        (stored([[0.0], [0.0]], [2, 2]), "not a prepared code \\(ones outside H\\)"),
        # Many zeros in a few bytes.
        ({"title.npy": None}, "more than 33619968 bytes when unpacked"),
    ],
    ids=["empty", "text", "pickle", "shape", "column", "row", "sides", "twice", "fractions", "bomb"],
)
def test_a_prepared_code_that_is_damaged_or_hostile(tmp_path, members, reason):
    write_manifest(tmp_path, {})
    with zipfile.ZipFile(tmp_path / "code.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            with archive.open(name, "w") as member:
                for piece in itertools.repeat(bytes(2**20), 40) if content is None else [content]:
                    member.write(piece)
    with pytest.raises(UserError, match=reason) as caught:
        load_code(tmp_path)
    assert str(tmp_path / "code.npz") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_prepared_code_that_is_no_archive(tmp_path):
    write_manifest(tmp_path, {})
    (tmp_path / "code.npz").write_bytes(b"PK hello")
    with pytest.raises(UserError, match="not a prepared code"):
        load_code(tmp_path)
