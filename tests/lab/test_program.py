from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from hypernet.lab import program

FILES = {
    "__init__.py": "",
    "__init__.pyi": "from . import face as face\n",
    "toy/__init__.py": '"""A domain."""\n',
    "toy/train.py": (
        '"""Trains."""\n'
        "import numpy\n"
        "from hypernet.toy import model\n"
        "from hypernet.lab.files import write_text\n"
        "def train():\n"
        '    """Train."""\n'
        "    from hypernet.toy.late import late\n"
        "    return model.build(late)\n"
    ),
    "toy/model.py": (
        "from hypernet.layers.heads import WIDTH\n"
        "class Model:\n"
        '    """A model."""\n'
        "    width = WIDTH  # of the heads\n"
        "def build(late):\n"
        "    return Model()\n"
    ),
    "toy/late.py": "import hypernet.toy.deep\nlate = 1\n",
    "toy/deep.py": "from hypernet.toy.train import train\nx = 1\n",
    "toy/figures.py": "colour = 'red'\n",
    "layers/__init__.py": "",
    "layers/heads.py": "WIDTH = 4\n",
    "face/__init__.py": "import lazy_loader\n",
    "face/__init__.pyi": "from .wanted import Wanted as Wanted\nfrom .other import Other as Other\n",
    "face/wanted.py": "class Wanted: size = 1\n",
    "face/other.py": "class Other: size = 1\n",
    "lab/__init__.py": "",
    "lab/files.py": "def write_text(): pass\n",
    "lab/statistics.py": "level = 0.95\n",
}


@pytest.fixture
def digest_with(tmp_path: Path) -> Callable[..., str]:
    """The digest of a toy package of the name ``hypernet`` in which some files have another text."""

    def digest(changes: dict[str, str] | None = None, module: str = "hypernet.toy.train") -> str:
        root = tmp_path / "hypernet"
        for name, text in (FILES | (changes or {})).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        # A copy of the module under test, whose package is the toy one and whose caches are empty.
        copy = root / "lab" / "program.py"
        copy.write_text(Path(program.__file__).read_text())
        spec = importlib.util.spec_from_file_location("copied_program", copy)
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
        changed("layers/heads.py", "4", "5"),
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
        changed("layers/heads.py", "WIDTH = 4\n", "\n\nWIDTH=4"),
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
        changed("layers/heads.py", "WIDTH", '"""Heads."""\nWIDTH'),
    ],
    ids=["new in a function", "gone from a class", "new in a module"],
)
def test_adding_or_removing_a_docstring_does_not_either(digest_with, change):
    assert digest_with(change) == digest_with()


def test_a_text_that_is_no_docstring_counts(digest_with):
    before = digest_with(changed("toy/deep.py", "x = 1", "x = 1\ny = 'a'"))
    assert digest_with(changed("toy/deep.py", "x = 1", "x = 1\ny = 'b'")) != before


def test_what_runs_when_a_package_is_imported_counts(digest_with):
    # ``from hypernet.layers.heads import WIDTH`` runs pipeline/hypernet/layers/__init__.py first.
    assert digest_with({"layers/__init__.py": "import torch\ntorch.set_default_dtype(torch.float64)\n"}) != (
        digest_with()
    )


@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        ("from hypernet.face import Wanted", {"face/wanted.py"}),
        ("from hypernet.face import Wanted, Other", {"face/wanted.py", "face/other.py"}),
        ("import hypernet.face", {"face/wanted.py", "face/other.py"}),
        ("from hypernet import face", {"face/wanted.py", "face/other.py"}),
        ("from hypernet.face.wanted import Wanted", {"face/wanted.py"}),
    ],
)
def test_names_are_followed_through_a_lazy_face(digest_with, statement, seen):
    user = {"toy/late.py": f"{statement}\nlate = 1\n"}
    for name in ("face/wanted.py", "face/other.py"):
        edited = digest_with({**user, **changed(name, "size = 1", "size = 2")})
        assert (edited != digest_with({**user, name: FILES[name]})) == (name in seen), name


def test_every_step_of_every_domain_has_a_digest_of_its_own():
    from hypernet.domains import available

    modules = [f"hypernet.{domain}.{step}" for domain in available() for step in ("train", "evaluate")]
    digests = {program.source_digest(module) for module in modules}
    assert len(digests) == len(modules)
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in digests)


def test_the_carriers_exist():
    for module in program.CARRIERS:
        assert importlib.util.find_spec(module) is not None
