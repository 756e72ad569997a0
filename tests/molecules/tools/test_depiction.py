"""A picture of atoms' parts: of every common molecule, in both forms, and no larger than can be looked at."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import image

from hypernet.lab.errors import UserError
from hypernet.molecules.tools import depiction
from hypernet.molecules.tools.answers import asked
from hypernet.molecules.tools.attribution import parts_of
from hypernet.molecules.tools.depiction import draw
from hypernet.molecules.tools.inputs import gathered


def parts(models, inputs, *names, unit=()):
    (answer,) = asked([models[name] for name in names or ("hyper",)], unit=unit)
    return parts_of(gathered(inputs), answer.ensemble), answer.quantity


def test_a_picture_names_the_molecules_their_values_and_the_unit(models, tmp_path):
    given, quantity = parts(models, ["CCO", "C[N+](=O)[O-]", "c1ccccc1", "C"], unit="kcal/mol")
    line = draw(given, quantity, tmp_path / "p.svg")
    assert "4 molecules, atoms coloured by their parts of U0 of atomization, sign turned" in line
    text = (tmp_path / "p.svg").read_text()
    for words in ("CCO", "kcal/mol", "hydrogen"):
        assert words in text


def test_a_picture_is_painted(models, tmp_path):
    given, quantity = parts(models, ["CCO", "CC#N"], "gap")
    draw(given, quantity, tmp_path / "p.png")
    pixels = image.imread(tmp_path / "p.png")[..., :3]
    # Blue and red: colours, not grey alone.
    assert (np.ptp(pixels, axis=2) > 0.2).sum() > 500


def test_many_molecules_are_the_first(models, tmp_path, monkeypatch):
    monkeypatch.setattr(depiction, "MOST_DRAWN", 2)
    given, quantity = parts(models, ["CCO", "CC", "C"])
    assert "2 of 3 molecules" in draw(given, quantity, tmp_path / "p.png")


def test_hydrogen_alone_has_no_skeleton(models, tiny, tmp_path):
    given, quantity = parts(models, tiny.take([2]))
    with pytest.raises(UserError, match="no molecule has a skeleton"):
        draw(given, quantity, tmp_path / "p.png")
    given, quantity = parts(models, tiny.take([0, 1, 2]))
    assert "2 of 3 molecules" in draw(given, quantity, tmp_path / "p.png")
