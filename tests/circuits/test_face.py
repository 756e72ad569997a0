"""The public face: what a notebook imports, when it is imported, and what a stranger reads of it."""

from __future__ import annotations

import doctest
import pydoc
import re
import subprocess
import sys

import pytest

from hypernet import circuits
from hypernet.circuits.tools import simulate as simulate_module


def test_importing_it_is_instant():
    """Neither numpy nor torch: their names would be among the modules."""
    heavy = "{'numpy', 'torch', 'pandas', 'matplotlib', 'skrf'}"
    code = f"import sys, hypernet.circuits; raise SystemExit(len({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", circuits.__all__)
def test_every_name_is_there_and_documented(name):
    value = getattr(circuits, name)
    assert callable(value)
    assert value.__doc__


def test_the_verbs_are_functions():
    assert circuits.simulate is simulate_module.simulate
    for name in ("design", "predict", "simulate"):
        assert "Args:" in getattr(circuits, name).__doc__
        assert "Raises:" in getattr(circuits, name).__doc__


def test_the_example_of_a_docstring_runs():
    assert doctest.testmod(simulate_module).failed == 0


@pytest.mark.parametrize("name", circuits.__all__)
def test_help_is_plain(name):
    text = pydoc.render_doc(getattr(circuits, name), renderer=pydoc.plaintext)
    assert not re.search(r":[a-z]+:`|doctest:", text)


@pytest.mark.parametrize("name", ["design", "predict", "simulate"])
def test_the_verbs_say_what_they_return(name):
    assert "Returns:" in getattr(circuits, name).__doc__
