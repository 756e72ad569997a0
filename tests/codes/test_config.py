from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.codes.config import METHODS, REFERENCES, Config, HyperSettings
from hypernet.codes.methods import TITLES, build
from hypernet.codes.names import CODES
from hypernet.codes.raw import make
from hypernet.codes.sources.matrices import construct
from hypernet.lab.config import check
from hypernet.lab.errors import UserError


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("methods=[bp, turbo]", "codes: methods: turbo is not a method here; accepted: hard_decision, bp, min_sum, "),
        ("methods=[]", r"codes\.methods: .*at least 1"),
        ("datasets=[BCH31_17]", "codes: datasets: BCH31_17 is not a known code; accepted: BCH31_16, "),
        ("datasets=[mine]", "codes: datasets: mine is not a known code"),
        ("datasets=[MACKAY96_48]", r"MACKAY96_48 has no construction; it needs source: database"),
        ("matrices={BCH31_16: own.alist}", "codes: matrices: BCH31_16 is a built-in code; give yours another"),
        ("matrices={mine: null}", r"codes\.matrices\.mine: .*string"),
        ("matrices={../up: own.alist}", r"codes\.matrices\.\.\./up\.\[key\]: .*pattern"),
        ("source=internet", r"codes\.source: .*'constructed' or 'database'.*got 'internet'"),
        ("iterations=0", r"codes\.iterations: .*greater than or equal to 1, got 0"),
        ("iterations=2.5", r"codes\.iterations: .*integer.*got 2\.5"),
        ("min_sum.scale=0", r"codes\.min_sum\.scale: .*greater than 0"),
        ("min_sum.scale=1.5", r"codes\.min_sum\.scale: .*less than or equal to 1"),
        ("weighted_bp.largest_message=2.35", r"codes\.weighted_bp\.largest_message: .*equal to 9, got 2\.35"),
        ("hyper.f_hidden=0", r"codes\.hyper\.f_hidden: .*equal to 1"),
        ("hyper.width=3", r"codes\.hyper\.width: unknown key"),
        ("hyper.damping=always", r"codes\.hyper\.damping: .*'none' or 'learned'"),
        ("hyper.arctanh=table", r"codes\.hyper\.arctanh: .*'series' or 'exact'"),
        ("train.loss=first", r"codes\.train\.loss: .*'all_rounds' or 'last_round'"),
        ("hyper.train={max_steps: 0}", r"codes\.hyper\.train\.max_steps: .*equal to 1"),
        ("static_g.g_hidden=-1", r"codes\.static_g\.g_hidden: "),
        ("bp={scale: 1}", r"codes\.bp\.scale: unknown key"),
        ("train.ebn0_db=[]", r"codes\.train\.ebn0_db: .*at least 1"),
        ("train.ebn0_db=[1, 99]", r"codes\.train\.ebn0_db\.1: .*less than or equal to 30"),
        ("train.ebn0_db=[.nan]", r"codes\.train\.ebn0_db\.0: "),
        ("train.learning_rate=0", r"codes\.train\.learning_rate: .*greater than 0"),
        ("train.final_learning_rate_share=1.1", r"codes\.train\.final_learning_rate_share: "),
        ("train.code_words=ones", r"codes\.train\.code_words: .*'zero' or 'random'"),
        ("train.precision=16-mixed", r"codes\.train\.precision: .*'32-true'"),
        ("train.validation.words=0", r"codes\.train\.validation\.words: "),
        ("evaluate.parts=0", r"codes\.evaluate\.parts: .*equal to 1"),
        ("evaluate.more_iterations={bp: [5]}", r"evaluate\.more_iterations\.bp: \[5\] must all be more than"),
        ("evaluate.more_iterations={weighted_bp: [50]}", "weighted_bp cannot go on after its last iteration"),
        ("evaluate.more_iterations={turbo: [50]}", "turbo cannot go on"),
        ("evaluate.max_words=9999", r"codes\.evaluate: max_words is 9999, below min_words \(10000\)"),
        ("evaluate.most_words={turbo: 5}", "evaluate.most_words: turbo is not a method here; accepted: hard_decision"),
        ("evaluate.most_words={bp: 0}", r"codes\.evaluate\.most_words\.bp: .*equal to 1"),
        ("evaluate.chunk_words=0", r"codes\.evaluate\.chunk_words: "),
        ("evaluate.min_frame_errors=0", r"codes\.evaluate\.min_frame_errors: "),
    ],
)
def test_an_impossible_value_is_one_line_that_names_its_key(config, assignment, reason):
    with pytest.raises(UserError, match=reason) as caught:
        config(assignment)
    assert "\n" not in str(caught.value)


def test_the_users_own_matrix_and_the_database(config):
    section = config("datasets=[mine, BCH31_16]", "matrices={mine: own.alist}")
    assert section.settings("raw", "mine").matrix == "own.alist"
    assert section.settings("raw", "BCH31_16").matrix is None
    assert config("datasets=[MACKAY96_48]", "source=database").settings("raw", "MACKAY96_48").source == "database"


def test_a_method_trains_with_the_common_settings_and_its_own_changes(config):
    section = config(
        "train.max_steps=100", "train.learning_rate=0.5", "hyper.train={learning_rate: 0.25}", "static_g.train={}"
    )
    hyper, static = (section.settings("train", "BCH31_16", method).train for method in ("hyper", "static_g"))
    assert (hyper.max_steps, hyper.learning_rate) == (100, 0.25)
    assert static == section.train
    assert hyper.model_dump(exclude={"learning_rate"}) == static.model_dump(exclude={"learning_rate"})


def test_a_run_depends_on_its_own_method_only(config):
    before, after = config(), config("hyper.f_hidden=64", "min_sum.scale=0.5", "evaluate.min_words=10")
    for method in ("bp", "weighted_bp", "weighted_bp_recurrent", "static_g", "hard_decision"):
        assert before.settings("train", "BCH31_16", method) == after.settings("train", "BCH31_16", method)
    for method in ("hyper", "untrained", "min_sum"):
        assert before.settings("train", "BCH31_16", method) != after.settings("train", "BCH31_16", method)
    for step in ("raw", "prepare"):
        assert before.settings(step, "BCH31_16") == after.settings(step, "BCH31_16")


def test_how_a_change_is_written_makes_no_other_run(config):
    """A learning rate set for all and the same one set for the method are one training."""
    for_all, for_one = config("train.learning_rate=0.001"), config("hyper.train={learning_rate: 0.001}")
    assert for_all.settings("train", "BCH31_16", "hyper") == for_one.settings("train", "BCH31_16", "hyper")


@pytest.fixture
def own_matrix(tmp_path, config):
    """The methods that are planned for a file: its name, and its content or nothing."""

    def planned(content, name="mine.txt", *assignments):
        path = tmp_path / name
        if content is not None:
            path.write_text(content)
        section = config(
            f"matrices={{mine: {path}}}",
            "datasets=[mine, BCH31_16]",
            "methods=[hard_decision, bp, maximum_likelihood]",
            *assignments,
        )
        return [method for dataset, method, _ in section.runs() if dataset == "mine"]

    return planned


def rows_of(matrix):
    return "\n".join(" ".join(map(str, row)) for row in np.asarray(matrix).tolist()) + "\n"


HAMMING = [[1, 0, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1]]
ALL = ["hard_decision", "bp", "maximum_likelihood"]


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (HAMMING, ALL),
        (np.repeat(HAMMING, 9, axis=0), ALL),  # 27 rows of rank 3
        (np.eye(20, 40, dtype=int), ["hard_decision", "bp"]),  # n - k = 20 and k = 20
        (np.eye(40, 56, dtype=int), ["bp", "maximum_likelihood"]),
        (np.eye(40, 57, dtype=int), ["bp"]),
        (np.eye(30, 60, dtype=int), ["bp"]),
    ],
)
def test_a_small_code_of_a_person_gets_its_references(own_matrix, matrix, expected):
    assert own_matrix(rows_of(matrix)) == expected


def test_a_matrix_that_changed_is_planned_anew(own_matrix):
    assert own_matrix(rows_of(HAMMING)) == ALL
    assert own_matrix(rows_of(np.eye(30, 60, dtype=int))) == ["bp"]


@pytest.mark.parametrize("content", [None, "no matrix\n", "", "2 0\n"])
def test_a_file_that_cannot_be_read_is_left_to_the_step_that_reads_it(own_matrix, config, tmp_path, content):
    assert own_matrix(content) == ALL
    section = config(f"matrices={{mine: {tmp_path / 'mine.txt'}}}", "datasets=[mine]", "methods=[maximum_likelihood]")
    with pytest.raises(UserError, match=r"mine\.txt"):
        make("mine", tmp_path / "raw", section.settings("raw", "mine"))


def test_a_large_file_is_not_read_for_a_plan(own_matrix, monkeypatch):
    monkeypatch.setattr("hypernet.codes.raw.LARGEST_PLANNED_FILE", 20)
    monkeypatch.setattr("hypernet.codes.raw.read_parity_check", lambda path: pytest.fail("it was read"))
    assert own_matrix(rows_of(HAMMING)) == ["bp"]


def test_a_plan_without_the_references_reads_no_file(config, monkeypatch):
    monkeypatch.setattr("hypernet.codes.raw.read_parity_check", lambda path: pytest.fail("it was read"))
    assert config("matrices={mine: none.alist}", "datasets=[mine]", "methods=[bp, hyper]").runs()


@pytest.mark.parametrize("dataset", CODES)
@pytest.mark.parametrize("method", REFERENCES)
def test_what_the_plan_leaves_out_the_step_refuses(config, dataset, method):
    section = config("source=database", f"datasets=[{dataset}]", f"methods=[bp, {method}]")
    if section.feasible(dataset, method) or not CODES[dataset].constructed:
        return
    with pytest.raises(UserError, match=f"{method}: "):
        build(method, construct(dataset), section.settings("train", dataset, method))


def test_the_control_is_trained_a_second_time_for_equal_time(config):
    section = config("train.max_steps=40", "train.check_every_steps=20", "concat.train={equal_time_steps: 30}")
    concat, hyper = (section.settings("train", "BCH31_16", method).train for method in ("concat", "hyper"))
    again = concat.again()
    assert (concat.max_steps, again.max_steps, again.check_every_steps) == (40, 30, 20)
    assert hyper.again() is None
    tuned = {"learning_rate", "equal_time_steps"}
    assert concat.model_dump(exclude=tuned) == hyper.model_dump(exclude=tuned)


@pytest.mark.parametrize("method", METHODS)
def test_settings_survive_the_way_to_a_rule_and_a_model_file(config, method):
    settings = config().settings("train", "BCH31_16", method)
    settings_type = Config.settings_type("train", method)
    assert check(settings_type, settings.model_dump(mode="json"), "codes train") == settings


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_title_and_a_decoder(config, method):
    assert method in TITLES
    settings = config("iterations=3").settings("train", "BCH31_16", method)
    decoder = build(method, construct("BCH31_16"), settings)
    zero_word = torch.full((31, 2), 4.0)
    assert (decoder(zero_word) > 0).all()
    if method not in REFERENCES:
        assert decoder.iterations == 3


def test_the_untrained_decoder_is_the_hypernetwork_at_its_start(config):
    decoders = []
    for method in ("hyper", "untrained"):
        torch.manual_seed(0)
        settings = config("hyper.train={max_steps: 7}").settings("train", "BCH31_16", method)
        decoders.append(build(method, construct("BCH31_16"), settings).state_dict())
    assert all(torch.equal(decoders[0][name], decoders[1][name]) for name in decoders[0])


def test_evaluation_knows_its_methods_iterations_only(config):
    section = config("evaluate.more_iterations={bp: [50, 20]}")
    assert section.settings("evaluate", "BCH31_16", "bp").iterations == [5, 20, 50]
    assert section.settings("evaluate", "BCH31_16", "hyper") == config().settings("evaluate", "BCH31_16", "hyper")


def test_references_run_where_the_code_is_small_enough(config):
    methods = "methods=[hard_decision, maximum_likelihood, bp]"
    runs = config(methods, "datasets=[BCH31_16, LDPC49_24, POLAR64_48]", "seeds=[0]").runs()
    assert {(dataset, method) for dataset, method, _ in runs if method != "bp"} == {
        ("BCH31_16", "hard_decision"),  # n - k = 15 and k = 16
        ("BCH31_16", "maximum_likelihood"),
        ("POLAR64_48", "hard_decision"),  # n - k = 16
    }


def test_the_widths_reach_the_hypernetwork(config):
    settings = config("hyper={f_hidden: 8, g_hidden: 4, pair_weights: true, train: {}}").settings(
        "train", "BCH31_16", "hyper"
    )
    assert isinstance(settings, HyperSettings)
    decoder = build("hyper", construct("BCH31_16"), settings)
    shapes = {tuple(parameter.shape) for parameter in decoder.emitter.parameters()}
    assert shapes == {(8, 120), (8, 8), (121 * 4 + 4, 8)}
    assert decoder.pairs is not None


def test_the_control_has_the_hypernetworks_settings_and_a_training_of_its_own(config):
    changes = ("hyper={f_hidden: 8, g_hidden: 4, pair_weights: true}", "hyper.train={max_steps: 7}")
    section = config(*changes, "concat.train={max_steps: 9}", "hyper.absolute=false")
    hyper, control = (section.settings("train", "BCH31_16", method) for method in ("hyper", "concat"))
    assert control.method == hyper.method
    assert (hyper.train.max_steps, control.train.max_steps) == (7, 9)
    decoder = build("concat", construct("BCH31_16"), control)
    assert decoder.emitter.trunk.absolute is False
    assert decoder.pairs is not None
    shapes = {tuple(parameter.shape) for parameter in decoder.emitter.parameters()}
    # (122 * 4) * 7 / (120 * 4 + 8) = 7: the projection is that wide.
    assert shapes == {(8, 120), (8, 8), (122 * 4, 1), (7, 8), (120 * 4, 7)}
    assert section.settings("train", "BCH31_16", "untrained").method == hyper.method


def test_a_slow_decoder_is_measured_on_fewer_words(config):
    section = config("evaluate={min_words: 200, max_words: 400}", "evaluate.most_words={bp: 300, min_sum: 100}")
    rules = {m: section.settings("evaluate", "BCH31_16", m).monte_carlo for m in ("hyper", "bp", "min_sum")}
    limits = {method: (rule.min_words, rule.max_words) for method, rule in rules.items()}
    assert limits == {"hyper": (200, 400), "bp": (200, 300), "min_sum": (100, 100)}
    # A limit of another method is none of a run's business.
    alone = config("evaluate={min_words: 200, max_words: 400}")
    assert alone.settings("evaluate", "BCH31_16", "hyper") == section.settings("evaluate", "BCH31_16", "hyper")


def test_the_ablations_reach_the_decoder(config):
    plain = config().settings("train", "BCH31_16", "hyper")
    changes = ("hyper.absolute=false", "hyper.arctanh=exact", "hyper.damping=learned", "train.loss=last_round")
    changed = config(*changes).settings("train", "BCH31_16", "hyper")
    parity_check = construct("BCH31_16")
    for settings, on in ((plain, False), (changed, True)):
        decoder = build("hyper", parity_check, settings)
        assert decoder.emitter.trunk.absolute is not on
        assert decoder.exact_arctanh is on
        assert (decoder.damping is not None) is on
    assert (plain.train.loss, changed.train.loss) == ("all_rounds", "last_round")
