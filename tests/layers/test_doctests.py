"""The examples in the docstrings of the layers run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from hypernet import layers

MODULES = sorted(module.name for module in pkgutil.iter_modules(layers.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"hypernet.layers.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", [name for name in layers.__all__ if name[0].isupper() and name.startswith("G")])
def test_generated_layers_have_an_example(name):
    layer = getattr(layers, name)
    assert ">>>" in layer.__doc__ or name in ("GRUWeights", "GeneratedModule")
