"""Models that answer together, and those that must not."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from hypernet.lab.errors import UserError
from hypernet.molecules.tools.ensemble import assembled
from hypernet.molecules.trained import conformal_margin, open_model

TOGETHER = ("hyper", "again", "third")


def test_an_ensemble_is_the_mean_and_the_standard_deviation_of_its_members(models, rows):
    (ensemble,) = assembled([models[name] for name in TOGETHER])
    molecules = rows.molecules.take(np.arange(20))
    predicted = np.stack([open_model(models[name]).predict(molecules) for name in TOGETHER])
    mean, spread = ensemble.predict(molecules)
    np.testing.assert_allclose(mean, predicted.mean(axis=0))
    np.testing.assert_allclose(spread, predicted.std(axis=0, ddof=1))
    # Parts of atoms are averaged too, so they add up to the mean.
    parts, _ = ensemble.contributions(molecules)
    np.testing.assert_allclose(molecules.per_molecule(parts), mean, rtol=1e-5)


def test_one_model_is_itself(models, rows):
    model = open_model(models["hyper"])
    molecules = rows.molecules.take([1, 2])
    for given in (models["hyper"], str(models["hyper"]), model, [model]):
        (ensemble,) = assembled(given)
        mean, spread = ensemble.predict(molecules)
        np.testing.assert_array_equal(mean, model.predict(molecules))
        assert np.isnan(spread).all()
        assert ensemble.interval.slope == 0
        assert ensemble.width == pytest.approx(model.margin)


def test_models_are_put_together_by_property(models):
    given = [models[name] for name in ("hyper", "gap", "again", "mu")]
    assert [(entry.target.name, len(entry)) for entry in assembled(given)] == [("U0", 2), ("gap", 1), ("mu", 1)]
    assert [entry.target.name for entry in assembled(given, ["mu", "U0"])] == ["mu", "U0"]


@pytest.mark.parametrize(
    ("names", "targets", "reason"),
    [
        ([], [], "no model was given"),
        (["hyper", "again", "hyper"], [], "model.ckpt: this model was given twice"),
        (["hyper", "elsewhere"], [], "trained on QM9, the last: U0, .* on QM9, the first: U0; accepted: models of one"),
        (["hyper", "otherwise"], [], "other molecules for validation"),
        (
            ["hyper", "mu"],
            ["gap"],
            "--target gap: the models given were trained for U0, mu; this trains another: hypernet molecules raw",
        ),
        (["hyper"], ["logP"], "trained for U0; QM9 has mu, alpha, homo"),
    ],
)
def test_what_cannot_answer_together_is_one_line(models, names, targets, reason):
    with pytest.raises(UserError, match=reason) as caught:
        assembled([models[name] for name in names], targets)
    assert str(caught.value).count("\n") == 0


def test_the_line_for_another_property_is_a_command_that_is_there(models):
    from hypernet.cli import _parser

    with pytest.raises(UserError) as caught:
        assembled(models["hyper"], ["gap"])
    commands = re.search("this trains another: (.*)", str(caught.value))[1].split(" && ")
    verbs = []
    for command in commands:
        words = command.split()[1:]
        verbs.append(_parser(words).parse_args(words).verb)
    assert verbs == ["raw", "prepare", "train"]


def test_what_made_geometries_cost_is_read_beside_the_model(models, tmp_path):
    (ensemble,) = assembled(models["hyper"])
    assert ensemble.rebuilt is None
    copies = []
    random = np.random.default_rng(0)
    names, true = [f"gdb {number}" for number in range(60)], random.normal(size=60)
    errors = random.normal(size=(2, 60))
    for place, name in enumerate(("hyper", "again")):
        folder = tmp_path / name
        folder.mkdir()
        copies.append(folder / "model.ckpt")
        copies[-1].write_bytes(models[name].read_bytes())
        made = np.where(np.arange(60) < 50, true + errors[place], np.nan)
        table = {"molecule": names, "true": true, "predicted": true + 0.1, "predicted_rebuilt": made}
        pd.DataFrame(table).to_csv(folder / "items.csv", index=False)
    (single,), (both,) = assembled(copies[0]), assembled(copies)
    assert single.rebuilt.count == both.rebuilt.count == 50
    assert single.rebuilt.same == pytest.approx(0.1)
    assert single.rebuilt.error == pytest.approx(np.abs(errors[0, :50]).mean())
    assert single.rebuilt.interval.level == pytest.approx(conformal_margin(np.abs(errors[0, :50])))
    assert both.rebuilt.error == pytest.approx(np.abs(errors[:, :50].mean(axis=0)).mean())
    # A table of something else tells nothing.
    copies[0].with_name("items.csv").write_text("a,b\n1,2\n")
    assert assembled(copies[0])[0].rebuilt is None
