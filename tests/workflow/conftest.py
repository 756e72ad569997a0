"""A copy of the project in which Snakemake, DVC and MLflow run for real, on a configuration of a minute."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from hypernet.lab.config import merge

PROJECT = Path(__file__).resolve().parents[2]
COPIED = ["Snakefile", "params.yaml", "dvc.yaml", ".dvcignore", "pipeline", "rules", "profiles", "config"]
# Two domains run for real, as every domain's rules are made by the same loop: `test_snakemake` plans all of them, and
# `tests/test_components.py` runs the steps of each.
TINY = {
    "codes": {
        "datasets": ["BCH31_16"],
        "methods": ["bp", "hyper"],
        "train": {
            "max_steps": 20,
            "check_every_steps": 10,
            "validation": {"ebn0_db": [4], "words": 500},
        },
        "evaluate": {"ebn0_db": [3, 4], "min_words": 1000, "max_words": 2000, "min_frame_errors": 20},
    },
    "ratings": {
        "methods": ["local_trees", "meta_fixed_soft", "meta_fixed_hard"],
        "recipes": {"anneal": {"max_steps": 20, "harden_steps": 10}},
        "train": {"check_every_steps": 10, "users_per_batch": 16},
        "meta_fixed": {"embedding": 8},
        "local_trees": {"depths": [1]},
        "evaluate": {"resamples": 100},
    },
}


@dataclass
class Copy:
    """The copy and how to run programs in it."""

    path: Path
    environment: Mapping[str, str]
    costs: str = ""
    domains: tuple[str, ...] = tuple(TINY)

    def run(self, *command: str, check: bool = True, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
        """Run a program in the copy and return what it said, both streams in ``stdout``."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
        return done

    def clone(self, path: Path) -> Copy:
        """A copy of this copy, with its results."""
        shutil.copytree(self.path, path)
        return Copy(path, {**self.environment, "PYTHONPATH": str(path / "pipeline")})

    @staticmethod
    def jobs(printed: str) -> set[str]:
        """The messages of the jobs in what Snakemake said."""
        return set(re.findall(r"^Job \d+: (.+)$", printed, flags=re.MULTILINE))

    def made(self) -> set[str]:
        """Run Snakemake; returns what it ran."""
        return self.jobs(self.run("snakemake").stdout)

    def planned(self) -> set[str]:
        """What Snakemake would run now."""
        return self.jobs(self.run("snakemake", "--dry-run").stdout)

    def change(self, *keys: str, value: object) -> None:
        """Set one key of params.yaml."""
        for key in reversed(keys):
            value = {key: value}
        self.overlay(value)

    def overlay(self, changes: dict) -> None:
        """Lay ``changes`` over params.yaml."""
        path = self.path / "params.yaml"
        content = merge(yaml.safe_load(path.read_text(encoding="utf-8")), changes)
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The copy, after one run of everything."""
    path = tmp_path_factory.mktemp("project")
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, path / name)
    (path / ".gitignore").write_text((PROJECT / ".gitignore").read_text(encoding="utf-8"))
    (path / ".dvc").mkdir()
    shutil.copy(PROJECT / ".dvc" / "config", path / ".dvc" / "config")
    (path / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    bin_folder = Path(sys.executable).parent
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DVC_", "GIT_"))},
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(path / "pipeline"),
        "DVC_NO_ANALYTICS": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
    }
    copy = Copy(path, environment)
    content = yaml.safe_load((path / "params.yaml").read_text(encoding="utf-8"))
    content = {name: section for name, section in content.items() if name in ("project", *TINY)}
    (path / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    copy.overlay(TINY)
    stages = runpy.run_path(str(PROJECT / "rules" / "dvc.py"))["content"](copy.domains)
    (path / "dvc.yaml").write_text(yaml.safe_dump(stages, sort_keys=False, allow_unicode=True), encoding="utf-8")
    copy.run("git", "init", "-q")
    copy.run("git", "add", "-A")
    copy.run("git", "commit", "-q", "-m", "start")
    copy.run("snakemake", timeout=3600)
    # They stay on the machine: DVC does not carry them.
    copy.costs = copy.run("hypernet", "costs").stdout
    return copy


@pytest.fixture
def copy(whole_run: Copy):
    """The copy; params.yaml is put back afterwards."""
    params = whole_run.path / "params.yaml"
    before = params.read_bytes()
    yield whole_run
    params.write_bytes(before)
