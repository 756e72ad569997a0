"""The public names of the layers: all there, typed by the stub, and imported only when they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hypernet import layers

ROOT = Path(layers.__file__).parents[2]


@pytest.mark.parametrize("name", layers.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(layers, name).__doc__
    assert getattr(layers, name).__module__.startswith("hypernet.layers.")


def test_no_public_name_is_a_module_of_the_package():
    """Importing such a module would put it in the name's place."""
    modules = {path.stem for path in Path(layers.__file__).parent.glob("*.py")}
    assert not modules & set(layers.__all__)


def test_importing_the_layers_imports_no_torch():
    program = "import sys, hypernet.layers; assert 'torch' not in sys.modules; hypernet.layers.tanh"
    environment = {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=600)
