"""The public names of `hypernet.codes`."""

from __future__ import annotations

import subprocess
import sys

import hypernet
from hypernet.codes.tools.decode import decode
from hypernet.codes.trained import open_model


def test_every_public_name_is_there():
    for name in dir(hypernet.codes):
        assert callable(getattr(hypernet.codes, name)), name
    assert hypernet.codes.decode is decode
    assert hypernet.codes.open_model is open_model


def test_importing_the_domain_imports_nothing_heavy():
    program = "import sys, hypernet; hypernet.codes.__doc__; print({'numpy', 'torch', 'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
