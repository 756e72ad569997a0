from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.lab import sources

FILES = {
    "__init__.py": "",
    "toy/__init__.py": '"""A domain."""\n',
    "toy/train.py": (
        '"""Trains."""\n'
        "import numpy\n"
        "from pipeline.toy import model\n"
        "from pipeline.lab.files import write_text\n"
        "def train():\n"
        '    """Train."""\n'
        "    from pipeline.toy.late import late\n"
        "    return model.build(late)\n"
    ),
    "toy/model.py": (
        "from pipeline.hyper.heads import WIDTH\n"
        "class Model:\n"
        '    """A model."""\n'
        "    width = WIDTH  # of the heads\n"
        "def build(late):\n"
        "    return Model()\n"
    ),
    "toy/late.py": "import pipeline.toy.deep\nlate = 1\n",
    "toy/deep.py": "from pipeline.toy.train import train\nx = 1\n",
    "toy/figures.py": "colour = 'red'\n",
    "hyper/__init__.py": "",
    "hyper/heads.py": "WIDTH = 4\n",
    "lab/__init__.py": "",
    "lab/files.py": "def write_text(): pass\n",
    "lab/statistics.py": "level = 0.95\n",
}


@pytest.fixture
def digest_with(tmp_path: Path) -> Callable[..., str]:
    """The digest of a toy package of the name ``pipeline`` in which some files have another text."""

    def digest(changes: dict[str, str] | None = None, module: str = "pipeline.toy.train") -> str:
        root = tmp_path / "pipeline"
        for name, text in (FILES | (changes or {})).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        # A copy of the module under test, whose package is the toy one and whose caches are empty.
        copy = root / "lab" / "sources.py"
        copy.write_text(Path(sources.__file__).read_text())
        spec = importlib.util.spec_from_file_location("copied_sources", copy)
        copied = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(copied)
        return copied.source_digest(module)

    return digest


def changed(name: str, old: str, new: str) -> dict[str, str]:
    assert old in FILES[name]
    return {name: FILES[name].replace(old, new)}


@pytest.mark.parametrize(
    "change",
    [
        changed("toy/train.py", "model.build(late)", "model.build(late + 1)"),
        changed("toy/model.py", "return Model()", "return Model"),
        changed("toy/late.py", "late = 1", "late = 2"),
        changed("toy/deep.py", "x = 1", "x = '1'"),
        changed("hyper/heads.py", "4", "5"),
        changed("toy/model.py", "WIDTH  #", "-WIDTH  #"),
    ],
    ids=["itself", "imported", "imported in a function", "imported by that", "another package", "operator"],
)
def test_an_edit_of_what_runs_changes_the_digest(digest_with, change):
    assert digest_with(change) != digest_with()


@pytest.mark.parametrize(
    "change",
    [
        changed("toy/model.py", "# of the heads", "# anything else"),
        changed("toy/model.py", "WIDTH  # of the heads", "(\n        WIDTH\n    )"),
        changed("toy/model.py", "A model.", "Another\n\n    description."),
        changed("toy/train.py", "Trains.", "Trains it."),
        changed("toy/train.py", "Train.", "Train a model."),
        changed("hyper/heads.py", "WIDTH = 4\n", "\n\nWIDTH=4"),
        changed("toy/figures.py", "red", "blue"),
        changed("lab/files.py", "pass", "return 1"),
        changed("lab/statistics.py", "0.95", "0.9"),
    ],
    ids=[
        "comment",
        "format",
        "docstring of a class",
        "docstring of a module",
        "docstring of a function",
        "blanks",
        "not imported",
        "carrier",
        "not imported from lab",
    ],
)
def test_an_edit_that_cannot_change_a_result_does_not(digest_with, change):
    assert digest_with(change) == digest_with()


@pytest.mark.parametrize(
    "change",
    [
        changed("toy/model.py", "def build(late):\n", 'def build(late):\n    """Build it."""\n'),
        changed("toy/model.py", '    """A model."""\n', ""),
        changed("hyper/heads.py", "WIDTH", '"""Heads."""\nWIDTH'),
    ],
    ids=["new in a function", "gone from a class", "new in a module"],
)
def test_adding_or_removing_a_docstring_does_not_either(digest_with, change):
    assert digest_with(change) == digest_with()


def test_a_text_that_is_no_docstring_counts(digest_with):
    before = digest_with(changed("toy/deep.py", "x = 1", "x = 1\ny = 'a'"))
    assert digest_with(changed("toy/deep.py", "x = 1", "x = 1\ny = 'b'")) != before


def test_what_runs_when_a_package_is_imported_counts(digest_with):
    # ``from pipeline.hyper.heads import WIDTH`` runs pipeline/hyper/__init__.py first.
    assert digest_with({"hyper/__init__.py": "import torch\ntorch.set_default_dtype(torch.float64)\n"}) != (
        digest_with()
    )


def test_every_step_of_every_domain_has_a_digest_of_its_own():
    from pipeline.domains import available

    modules = [f"pipeline.{domain}.{step}" for domain in available() for step in ("train", "evaluate")]
    digests = {sources.source_digest(module) for module in modules}
    assert len(digests) == len(modules)
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in digests)


def test_the_carriers_exist():
    for module in sources.CARRIERS:
        assert importlib.util.find_spec(module) is not None
