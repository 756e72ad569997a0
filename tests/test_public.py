"""What a stranger's program sees: ``import hypernet`` from anywhere, and models opened by their file alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import hypernet
from hypernet import cli
from hypernet.domains import available, room
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import save_model

ROOT = Path(hypernet.__file__).parents[1]


def python(program: str, folder: Path) -> str:
    """What a program prints that runs in ``folder`` with this checkout importable."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, timeout=600, capture_output=True, text=True
    ).stdout


def test_a_strangers_own_pipeline_is_what_he_imports(tmp_path):
    (tmp_path / "pipeline.py").write_text("whose = 'mine'\n")
    program = "import pipeline, hypernet; print(pipeline.whose, callable(hypernet.open_model))"
    assert python(program, tmp_path) == "mine True\n"


def test_importing_the_domains_imports_nothing_heavy(tmp_path):
    program = (
        "import sys, hypernet\n"
        # open_model needs torch itself, and is imported when it is called for.
        "for name in set(hypernet.__all__) - {'open_model'}: getattr(hypernet, name)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'numpy', 'torch', 'lightning', 'mlflow'}))"
    )
    assert python(program, tmp_path) == "[]\n"


@pytest.mark.parametrize("domain", available())
def test_every_domain_has_its_tools_and_its_opener(domain):
    module = getattr(hypernet, domain)
    verbs = {"predict", *getattr(room(domain, "captions"), "COMMANDS", {})}
    assert verbs | {"open_model"} <= set(module.__all__)
    for name in verbs:
        function = getattr(module, name)
        assert callable(function), f"hypernet.{domain}.{name}"
        assert function.__doc__
        assert "return" in function.__annotations__


def test_a_model_is_opened_by_its_file_alone(workspace, without_mlflow):
    for step in (["raw"], ["prepare"], ["train", "--method", "bp"]):
        assert cli.main(["codes", *step, "--dataset", "BCH31_16"]) == 0
    path = workspace / "results" / "codes" / "BCH31_16" / "bp" / "seed0" / "model.ckpt"
    decoder = hypernet.open_model(path)
    word = np.full((1, 31), 5.0)
    word[0, 3] = -1.0  # one doubtful bit of the all-zero word
    assert (decoder(word) > 0).all()
    assert type(decoder) is type(hypernet.codes.open_model(str(path)))


def test_models_that_are_none_are_one_line(tmp_path):
    cases = {
        "absent.ckpt": (None, "no such model file"),
        "list.ckpt": ([1, 2], "holds a list"),
        "weather.ckpt": ({"domain": "weather"}, "a model of 'weather'; accepted: those of"),
        "nothing.ckpt": ({"weights": torch.zeros(2)}, "a model of no domain; accepted"),
        "old.ckpt": ({"domain": "codes"}, "a model file of an older form, this program reads form 2; train it again"),
        "codes.ckpt": ({"domain": "codes", "version": 2}, "a model of another version, or damaged"),
    }
    for name, (content, problem) in cases.items():
        if content is not None:
            save_model(tmp_path / name, content)
        with pytest.raises(UserError, match=problem) as caught:
            hypernet.open_model(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
