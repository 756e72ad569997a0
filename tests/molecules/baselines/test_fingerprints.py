"""Trees as plain arrays say what scikit-learn's say; fingerprints are RDKit's."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

from hypernet.lab.errors import UserError
from hypernet.molecules.baselines import fingerprints
from hypernet.molecules.baselines.composition import fit_composition
from hypernet.molecules.baselines.fingerprints import (
    Fingerprints,
    Trees,
    described,
    fit_fingerprints,
    morgan_counts,
    trees_of,
)
from hypernet.molecules.core.molecules import Molecules, joined, molecule

rdkit = pytest.importorskip("rdkit")


def flat(smiles: str, name: str = "") -> Molecules:
    """A molecule whose atoms stand nowhere in particular."""
    from rdkit import Chem

    graph = Chem.AddHs(Chem.MolFromSmiles(smiles))
    numbers = [atom.GetAtomicNum() for atom in graph.GetAtoms()]
    return molecule(numbers, 50.0 * np.arange(3 * len(numbers)).reshape(-1, 3), name or smiles, smiles)


def built(smiles: str) -> Molecules:
    """A molecule with a geometry."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    graph = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(graph, randomSeed=1) == 0
    numbers = [atom.GetAtomicNum() for atom in graph.GetAtoms()]
    return molecule(numbers, graph.GetConformer().GetPositions(), f"built {smiles}")


def alcohols() -> Molecules:
    """Sixty molecules with one, two or no oxygens."""
    chains = ["C" * count for count in range(1, 16)]
    return joined(
        [flat(start + chain + end) for chain in chains for start, end in (("", ""), ("O", ""), ("N", "O"), ("O", "O"))]
    )


@pytest.mark.parametrize("leaves", [2, 7, 31])
def test_trees_say_what_scikit_learn_says_after_every_round(leaves):
    generator = np.random.default_rng(leaves)
    # Counts with many ties and with as few bins as values, and plain numbers that fall between two bins.
    train = np.concatenate([generator.poisson(0.7, (300, 6)), generator.normal(size=(300, 2))], axis=1)
    values = train[:, 0] * train[:, 6] + np.sin(3 * train[:, 7]) + 1000
    model = HistGradientBoostingRegressor(max_iter=25, max_leaf_nodes=leaves, min_samples_leaf=3).fit(train, values)
    test = np.concatenate([generator.poisson(2.0, (200, 6)), generator.normal(size=(200, 2)) * 2], axis=1)
    test = np.concatenate([test, train])
    for rounds, expected in enumerate(model.staged_predict(test), start=1):
        trees = trees_of(model, rounds)
        assert len(trees.roots) == rounds
        np.testing.assert_allclose(trees(test), expected, rtol=1e-13)
    trees.check(8)


def test_molecules_are_looked_at_in_blocks(monkeypatch):
    train = np.random.default_rng(0).normal(size=(50, 3))
    trees = trees_of(HistGradientBoostingRegressor(max_iter=5).fit(train, train[:, 0]), 5)
    whole = trees(train)
    monkeypatch.setattr(fingerprints, "AT_ONCE", 5 * 7)
    np.testing.assert_array_equal(trees(train), whole)
    assert trees(train[:0]).shape == (0,)


def test_substructures_are_counted():
    counts = morgan_counts(joined([flat("C"), flat("CC"), flat("CCO"), flat("O")]), 0, 2048)
    # With radius 0 each heavy atom is one: methane, two alike, three that differ, water.
    assert [sorted(row[row > 0]) for row in counts] == [[1], [2], [1, 1, 1], [1]]
    # A whole molecule of two atoms is seen from both, and counted once each time the radius grows to hold it.
    wider = morgan_counts(joined([flat("C"), flat("CCO")]), 2, 2048)
    assert wider[0].sum() == 1
    assert wider[1].sum() > counts[2].sum()
    assert (wider[1] >= counts[2]).all()


def test_how_smiles_are_written_does_not_matter():
    written = ["CC(=O)Nc1ccc(O)cc1", "c1cc(O)ccc1NC(C)=O", "[H]Oc1ccc(NC(C)=O)cc1"]
    rows = morgan_counts(joined([flat(text) for text in written]), 2, 512)
    np.testing.assert_array_equal(rows, rows[[0, 0, 0]])


def test_without_smiles_the_geometry_tells():
    texts = ["C", "CCO", "c1ccccc1", "CC#N", "NC=O"]
    geometric = joined([built(text) for text in texts])
    np.testing.assert_array_equal(
        morgan_counts(geometric, 2, 512), morgan_counts(joined([flat(t) for t in texts]), 2, 512)
    )
    # Nor where RDKit does not take its SMILES: carbon with five bonds.
    wrong = replace(geometric.take([0]), smiles=["C(C)(C)(C)(C)C"])
    np.testing.assert_array_equal(morgan_counts(wrong, 2, 512), morgan_counts(flat("C"), 2, 512))


def test_a_molecule_whose_bonds_nothing_tells_is_named():
    # Two carbons at one place.
    lost = molecule([6, 6], np.zeros((2, 3)), "lost")
    with pytest.raises(UserError, match="lost: no fingerprint"):
        morgan_counts(joined([flat("C"), lost]), 2, 512)


def fit(average=False, rates=(0.1, 0.3), leaves=(3, 6)):
    some = alcohols()
    # Oxygens, nitrogens and the length of the chain beyond what the formula says.
    values = some.composition((6, 8)) @ np.array([1.0, -2.0]) + np.sin(some.counts) + 7 * average
    rows = np.random.default_rng(0).permutation(len(some))
    training, judges = rows[:45], rows[45:]
    fitted = fit_fingerprints(
        some.take(training),
        values[training],
        some.take(judges),
        values[judges],
        average,
        1,
        64,
        30,
        rates,
        leaves,
        2,
        1e-6,
    )
    return fitted, some.take(training), values[training], some.take(judges), values[judges]


@pytest.mark.parametrize("average", [False, True])
def test_validation_chooses_among_scikit_learns_machines(average):
    fitted, training, values, judges, truth = fit(average)
    base = fit_composition(training, values, average, (1, 6, 7, 8), 1e-6)
    errors = {}
    for rate in (0.1, 0.3):
        for leaves in (3, 6):
            peer = HistGradientBoostingRegressor(
                learning_rate=rate, max_iter=30, max_leaf_nodes=leaves, min_samples_leaf=2, early_stopping=False
            ).fit(described(training, base, 1, 64), values - base.predict(training))
            for rounds, guess in enumerate(peer.staged_predict(described(judges, base, 1, 64)), start=1):
                predicted = guess + base.predict(judges)
                errors[rate, leaves, rounds] = np.abs(predicted - truth).mean()
                if (rate, leaves, rounds) == (fitted.learning_rate, fitted.leaves, fitted.rounds):
                    np.testing.assert_allclose(fitted.predict(judges), predicted, rtol=1e-9)
    chosen = errors[fitted.learning_rate, fitted.leaves, fitted.rounds]
    assert chosen == pytest.approx(min(errors.values()), rel=1e-9)
    assert fitted.parameter_count == len(fitted.trees.values) + base.parameter_count


def test_elements_that_were_not_in_training():
    fitted, training, values, judges, truth = fit()
    with pytest.raises(UserError, match="CF: F was not in training"):
        fitted.predict(flat("CF"))
    # In validation they do not choose; where there are no others, nothing can.
    options = (False, 1, 64, 30, (0.1, 0.3), (3, 6), 2, 1e-6)
    again = fit_fingerprints(training, values, joined([judges, flat("CF")]), np.append(truth, 1e9), *options)
    np.testing.assert_array_equal(again.predict(judges), fitted.predict(judges))
    with pytest.raises(UserError, match="no molecule of validation"):
        fit_fingerprints(training, values, flat("CF"), np.zeros(1), *options)


def test_it_comes_back_from_its_tensors_bit_for_bit():
    fitted, _, _, judges, _ = fit()
    again = Fingerprints.restored(fitted.state())
    np.testing.assert_array_equal(again.predict(judges), fitted.predict(judges))
    assert again.parameter_count == fitted.parameter_count
    assert (again.learning_rate, again.leaves, again.rounds) == (fitted.learning_rate, fitted.leaves, fitted.rounds)


def changed(place, value):
    """A tensor with one number changed."""

    def change(tensor):
        tensor = tensor.clone()
        tensor[place] = value
        return tensor

    return change


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("bits", lambda tensor: tensor * 0, "0 bits"),
        ("bits", lambda tensor: tensor * 10**6, "bits"),
        ("bits", lambda tensor: tensor // 2, "feature that is none of"),
        ("radius", lambda tensor: tensor - 100, "radius -99"),
        ("trees.roots", changed(0, 1), "roots"),
        ("trees.roots", changed(-1, 10**9), "roots"),
        ("trees.roots", lambda tensor: tensor[:0].clone(), "roots"),
        ("trees.features", changed(0, -1), "feature that is none of"),
        ("trees.left", changed(1, 0), "leads back"),
        ("trees.right", changed(0, 10**9), "into another tree"),
        ("trees.right", changed(0, -1), "leads back"),
        ("trees.values", lambda tensor: tensor * float("inf"), "values"),
        ("trees.thresholds", lambda tensor: tensor[1:].clone(), "thresholds"),
        ("composition.weights", lambda tensor: tensor.float(), "weights"),
    ],
)
def test_damaged_tensors_are_refused(name, damage, message):
    state = fit(rates=(0.3,), leaves=(4,))[0].state()
    with pytest.raises(ValueError, match=message):
        Fingerprints.restored(state | {name: damage(state[name])})
    with pytest.raises(ValueError, match=name.rpartition(".")[2]):
        Fingerprints.restored({key: tensor for key, tensor in state.items() if key != name})


def test_all_of_it_is_plain_tensors():
    state = fit(rates=(0.3,), leaves=(4,))[0].state()
    assert {f"trees.{field.name}" for field in fields(Trees)} <= set(state)
    assert all(type(tensor) is torch.Tensor for tensor in state.values())
