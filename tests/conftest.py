"""What all tests share: no test writes to the project's own folders or to its tracking store."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Before torch is imported anywhere: the tests run side by side with other work on small machines.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# galois brings numba, which resets torch's threads when it starts its own.
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

# A slow moment of the machine is no failure.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")

PROJECT = Path(__file__).resolve().parents[1]


def group(test: str) -> str:
    """Tests of one group run in one process, so that its fixtures are made once: a file, a domain of the suite for all
    domains, and everything that needs the run of the whole project."""
    path, _, name = test.partition("::")
    if path.startswith("tests/workflow/"):
        return "workflow"
    return f"{path} {name.partition('[')[2]}" if path.endswith("test_components.py") else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Groups for ``--dist loadgroup``. pytest-xdist's own marks have no effect under pytest 9.2 (its issue 1386)."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Groups(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several processes one begins with the longest group."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: group(item.nodeid) != "workflow")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with the project's params.yaml, and a tracking store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "params.yaml").write_text((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    return tmp_path


@pytest.fixture
def without_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without MLflow: importing it takes seconds."""
    monkeypatch.setitem(sys.modules, "mlflow", None)


@pytest.fixture
def render(monkeypatch: pytest.MonkeyPatch):
    """Renders only the files that a test reads, which takes most of the time: ``render(".png", "skill")``."""
    from matplotlib.figure import Figure

    savefig = Figure.savefig

    def only(suffix: str, *names: str) -> None:
        def savefig_or_nothing(figure: Figure, path: Path, **options: Any) -> None:
            # The name is a temporary one: a dot, the picture's name, a hyphen.
            if path.suffix == suffix and (not names or path.name[1:].rpartition("-")[0] in names):
                savefig(figure, path, **options)

        monkeypatch.setattr(Figure, "savefig", savefig_or_nothing)

    return only


@pytest.fixture(scope="session")
def section():
    """A domain's section of the project's configuration: ``section("codes", "iterations=7")``.

    The file is read once, which takes most of the time.
    """
    from hypernet.domains import config_types
    from hypernet.lab.config import check, merge, parse_assignment, read_yaml

    content, types = read_yaml(PROJECT / "params.yaml"), config_types()

    def load_section(domain: str, *assignments: str):
        changed = content[domain]
        for assignment in assignments:
            changed = merge(changed, parse_assignment(assignment))
        return check(types[domain], changed, domain)

    return load_section


@pytest.fixture
def sizes(monkeypatch) -> dict[str, float]:
    """Heights of the pictures in inches by their files' names; nothing is painted, which takes most of the time."""
    from matplotlib.figure import Figure

    heights: dict[str, float] = {}

    def savefig(figure, path, **options):
        # The name is a temporary one: a dot, the picture's name, a hyphen.
        heights[path.name[1:].rpartition("-")[0] + path.suffix] = figure.get_size_inches()[1]
        path.touch()

    monkeypatch.setattr(Figure, "savefig", savefig)
    return heights
