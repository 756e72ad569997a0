from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hypernet import cli
from hypernet.domains import available
from hypernet.lab.errors import CollapsedError
from hypernet.lab.files import read_json

# What takes long to import; a few of them are needed by nothing but a verb.
HEAVY = {
    "dvc",
    "jinja2",
    "lightning",
    "matplotlib",
    "mlflow",
    "numpy",
    "pandas",
    "pooch",
    "requests",
    "scipy",
    "snakemake",
    "torch",
    "tqdm",
    "xarray",
}
# Nothing listens on the discard port.
NO_SERVER = "http://127.0.0.1:9"
COMMAND = [sys.executable, "-m", "hypernet.cli"]


def hypernet(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(autouse=True)
def _in_the_workspace(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    # The checkout is importable from the workspace too, installed or not.
    monkeypatch.setenv("PYTHONPATH", str(Path(cli.__file__).parents[1]))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(arguments):
    program = (
        "import sys\nfrom hypernet.cli import main\n"
        f"try: main({arguments})\n"
        "except SystemExit as error: assert not error.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = done.stderr.split()
    assert "hypernet.cli" in imported
    assert {name.partition(".")[0] for name in imported} & HEAVY == set()
    # Nor does it read any domain's own configuration.
    assert [name for name in imported if name.split(".")[:1] == ["hypernet"] and name.endswith(".config")] == [
        "hypernet.lab.config"
    ]


def test_help_names_every_domain_and_every_verb():
    done = hypernet("--help")
    assert done.returncode == 0
    # A name that is longer than its column has its line to itself.
    assert all(re.search(rf"\n    {domain}\s", done.stdout) for domain in available())
    for domain in available():
        done = hypernet(domain, "--help")
        assert done.returncode == 0
        assert set(cli.VERBS) <= set(done.stdout.split())


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["codes", verb, "--help"])
    assert caught.value.code == 0
    assert f"usage: hypernet codes {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("knitting", ["knitting", "codes"]),
        ("codes knit", ["knit", "train", "evaluate"]),
        ("codes train", ["--method"]),
        ("codes train --method turbo", ["turbo", "codes.methods", "min_sum"]),
        ("codes train --method bp --dataset LDPC", ["LDPC", "codes.datasets", "LDPC49_24"]),
        ("codes train --method bp --seed -1", ["--seed", "-1"]),
        ("codes train --method bp --seed 2147483648", ["--seed", "2147483647"]),
        ("codes train --method bp --seed 1.5", ["--seed", "1.5"]),
        ("codes train --method bp --threads 0", ["--threads", "0"]),
        ("codes raw --dataset=", ["--dataset"]),
        ("codes raw extra", ["extra"]),
        ("codes train --method bp --set codes.train.max_steps=0", ["codes.train.max_steps", "1", "0"]),
        ("check --set codes.train.max_step=5", ["codes.train.max_step", "max_steps"]),
        ("check --set codes.train.max_steps", ["--set", "codes.train.max_steps"]),
        ("check --set code.seeds=[0]", ["code", "codes"]),
        ("check --set codes=5", ["codes", "5"]),
        ("check --config nothing.yaml", ["nothing.yaml"]),
        ("check --config .", ["."]),
        ("check --colour", ["--colour"]),
        # Steps whose input is not there yet.
        ("codes prepare", ["data/raw/codes"]),
        ("codes train --method bp", ["data/processed/codes"]),
        ("codes evaluate --method bp", ["codes/LDPC49_24"]),
        ("codes summarise", ["results/codes"]),
        ("codes summarise --runs nothing", ["nothing"]),
        ("codes figures", ["results/codes"]),
        ("codes claims", ["results/codes/comparisons.csv"]),
        ("codes predict", ["--llr"]),
        ("codes predict --llr -", ["--model", "--matrix", "--code"]),
        ("report", ["results", "summary.csv"]),
    ],
)
def test_a_mistake_is_one_line_with_exit_code_2_and_leaves_nothing(workspace, capfd, arguments, problem):
    assert cli.main(arguments.split()) == 2
    streams = capfd.readouterr()
    (line,) = streams.err.splitlines()
    assert line.startswith("hypernet: ")
    assert all(part in line for part in problem)
    assert streams.out == ""
    assert [path.name for path in workspace.rglob("*") if path.is_file()] == ["params.yaml"]


def test_a_planned_domain_is_told_from_a_wrong_word(capfd):
    from hypernet.domains import DOMAINS

    for domain in set(DOMAINS) - set(available()):
        assert cli.main([domain, "raw"]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert domain in line


def test_a_missing_configuration_is_named(workspace, capfd):
    (workspace / "params.yaml").unlink()
    assert cli.main(["codes", "raw"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "params.yaml" in line


def test_a_mistake_in_a_fresh_process_is_one_line_too():
    for arguments in (["knitting"], ["check", "--set", "codes.iterations=none"]):
        done = hypernet(*arguments)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_debug_shows_where_a_mistake_was_found():
    done = hypernet("--debug", "check", "--set", "codes.iterations=none")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_check_prints_the_whole_configuration_as_yaml(workspace, capsys):
    (workspace / "over.yaml").write_text("codes: {iterations: 7}\n")
    changed = ["--config", "over.yaml", "--set", "codes.train.max_steps=11"]
    assert cli.main(["check", *changed]) == 0
    printed = capsys.readouterr().out
    content = yaml.safe_load(printed)
    expected = yaml.safe_load((workspace / "params.yaml").read_text())
    expected["codes"]["iterations"] = 7
    expected["codes"]["train"]["max_steps"] = 11
    assert list(content) == list(expected)
    for section, keys in expected.items():
        for key, value in keys.items():
            if not isinstance(value, dict):
                assert content[section][key] == value
    assert content["codes"]["train"]["max_steps"] == 11
    # What is printed is a configuration: checked again it prints itself.
    (workspace / "params.yaml").write_text(printed)
    assert cli.main(["check"]) == 0
    assert capsys.readouterr().out == printed


def test_a_reader_that_has_seen_enough_is_no_error():
    for arguments in (["check"], ["--help"]):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([*COMMAND, *arguments], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
        os.close(write)
        assert done.stderr == ""
        assert done.returncode in (0, 128 + signal.SIGPIPE)


def test_ctrl_c_is_one_line_with_exit_code_130(monkeypatch, capfd):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("hypernet.codes.raw.make", interrupted)
    assert cli.main(["codes", "raw"]) == 130
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("hypernet: interrupted")


@pytest.fixture
def prepared(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace with the smaller code prepared and no tracking."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_SERVER)
    for verb in ("raw", "prepare"):
        assert cli.main(["codes", verb, "--dataset", "BCH31_16"]) == 0
    return workspace


@pytest.fixture
def _keeps_sigint():
    """Lightning takes the signal's handler away when it is interrupted."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_keeps_sigint")
def test_ctrl_c_in_a_training_stops_it_so_that_it_can_go_on(prepared, monkeypatch, capfd):
    from hypernet.lab.training import _FiniteLoss

    def press_ctrl_c(self, trainer, *others):
        if trainer.global_step == 5:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(_FiniteLoss, "on_train_batch_end", press_ctrl_c)
    short = [
        "--set",
        "codes.weighted_bp.train.check_every_steps=2",
        "--set",
        "codes.train.validation.words=100",
    ]
    arguments = ["codes", "train", "--dataset", "BCH31_16", "--method", "weighted_bp", *short]
    # Jobs in a shell's background start with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = cli.main(arguments)
    except SystemExit as error:
        code = error.code
    finally:
        signal.signal(signal.SIGINT, before)
    run = prepared / "results" / "codes" / "BCH31_16" / "weighted_bp" / "seed0"
    assert not (run / "run.json").exists()
    assert (run / ".work" / "last.ckpt").is_file()
    assert code == 130
    assert capfd.readouterr().err.splitlines()[-1].startswith("hypernet: interrupted")


def test_measuring_is_training_and_evaluating(prepared):
    few = ["--set", "codes.evaluate.min_words=1000", "--set", "codes.evaluate.max_words=1000"]
    run = ["--dataset", "BCH31_16", "--method", "min_sum", *few]
    for verb in ("train", "evaluate"):
        assert cli.main(["codes", verb, *run]) == 0
    assert cli.main(["codes", "measure", *run, "--results", "together"]) == 0
    apart, together = (
        (prepared / results / "codes" / "BCH31_16" / "min_sum" / "seed0") for results in ("results", "together")
    )
    assert (apart / "items.csv").read_text() == (together / "items.csv").read_text()
    # Seconds are those of each.
    measured = [
        [row for row in read_json(folder / "metrics.json")["measurements"] if row["unit"] != "s"]
        for folder in (apart, together)
    ]
    assert measured[0] == measured[1]
    assert (together / "run.json").is_file()


def test_a_step_notes_what_it_cost(prepared, capsys):
    assert cli.main(["codes", "train", "--dataset", "BCH31_16", "--method", "min_sum"]) == 0
    assert cli.main(["costs", "--each"]) == 0
    table = capsys.readouterr().out
    assert "| codes | train BCH31_16 min_sum seed0 |" in table
    assert "| codes | prepare BCH31_16 |" in table


def test_the_steps_write_where_the_next_ones_look(prepared, capfd):
    few = ["--set", "codes.evaluate.min_words=1000", "--set", "codes.evaluate.max_words=1000"]
    runs = []
    for method in ("bp", "min_sum"):
        for verb in ("train", "evaluate"):
            assert cli.main(["codes", verb, "--dataset", "BCH31_16", "--method", method, *few]) == 0
        runs.append(f"results/codes/BCH31_16/{method}/seed0")
        assert (prepared / runs[-1] / "run.json").is_file()
        assert (prepared / runs[-1] / "metrics.json").is_file()
    assert cli.main(["codes", "summarise", "--runs", *runs, "--scale", "real"]) == 0
    summary = (prepared / "results" / "codes" / "summary.csv").read_text().splitlines()
    assert len(summary) > 1
    assert all(",real," in line for line in summary[1:])
    assert cli.main(["report"]) == 0
    assert "<html" in (prepared / "results" / "index.html").read_text()
    shutil.rmtree(prepared / "results" / "codes")
    capfd.readouterr()
    assert cli.main(["report"]) == 2


def test_a_full_disk_is_one_line(monkeypatch, capsys):
    """The system gives no file's name with it."""

    def full(arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cli, "_run", full)
    assert cli.main(["costs"]) == 2
    assert capsys.readouterr().err == "hypernet: nothing more can be written: No space left on device\n"


def test_a_collapsed_model_is_one_line_and_exit_code_1(monkeypatch, capsys):
    def collapse(argv):
        raise CollapsedError("whole_dynamic: the filters are the same for all images")

    monkeypatch.setattr(cli, "_run", collapse)
    assert cli.main(["radar", "train"]) == 1
    assert capsys.readouterr().err == "hypernet: whole_dynamic: the filters are the same for all images\n"
