"""ImageMagick in the place of the talk's Lightroom column."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.retouch.baselines import programs
from hypernet.retouch.baselines.programs import ImageMagick, program


def test_what_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="imagemagick: the program is not installed"):
        program()


def test_another_program_of_the_name_is_not_taken(tmp_path, monkeypatch):
    convert = tmp_path / "convert"
    convert.write_text("#!/bin/sh\necho 'ImageMagick is not installed here'\n")
    convert.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(programs, "COMMANDS", ("convert",))
    with pytest.raises(UserError, match="is not installed"):
        program()


def test_auto_level_stretches_to_black_and_white():
    try:
        program()
    except UserError as error:
        pytest.skip(str(error))
    levels = torch.from_numpy(np.random.default_rng(0).integers(60, 200, (2, 3, 20, 30))) / 255
    made = ImageMagick(["-auto-level"])(levels, levels)
    # All channels by one stretch, as its manual says.
    low, high = (extreme(levels.flatten(1), dim=1).values[:, None, None, None] for extreme in (torch.min, torch.max))
    np.testing.assert_allclose(made.numpy(), ((levels - low) / (high - low)).numpy(), atol=1.01 / 255)
