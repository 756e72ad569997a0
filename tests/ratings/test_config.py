"""The configuration: what each step sees, and mistakes in one line."""

from __future__ import annotations

import pytest

from hypernet.lab.errors import UserError


def test_a_training_sees_its_own_stage_of_the_chosen_recipe_only(config):
    usual = config()

    def stage(method, *assignments):
        section = config(*assignments) if assignments else usual
        return section.settings("train", "preftrees", method).stage

    recipe = usual.recipes["anneal"]
    soft, hard = stage("meta_fixed_soft"), stage("meta_fixed_hard")
    assert (soft.start, soft.steps, soft.learning_rate) == (None, recipe.max_steps, recipe.learning_rate)
    assert (hard.start, hard.steps) == ("meta_fixed_soft", recipe.harden_steps)
    assert hard.temperature == hard.final_temperature == soft.final_temperature
    assert stage("meta_fixed_soft", "recipes.official.max_steps=7", "recipes.anneal.harden_steps=7") == soft
    assert stage("meta_fixed_hard", "recipes.anneal.harden_steps=7") != hard
    official = stage("meta_dynamic_soft", "recipe=official")
    assert (official.start, official.sparsity, official.soft_share) == (None, 0.1, 0.0)
    assert stage("meta_dynamic_hard", "recipe=official").steps == 0


def test_what_a_step_does_not_need_it_does_not_see(config):
    changed = config("svd.factors=7", "user_level=none", "train.users_per_batch=9")
    before, after = (section.settings("train", "preftrees", "local_trees") for section in (config(), changed))
    assert before.method == after.method
    assert before.user_level != after.user_level
    assert config().settings("train", "preftrees", "svd") != changed.settings("train", "preftrees", "svd")
    assert config().settings("prepare", "preftrees") == changed.settings("prepare", "preftrees")


def test_trees_go_on_from_others(config):
    section = config()
    starts = {method: section.settings("train", "preftrees", method).start() for method in section.methods}
    assert {method: start for method, start in starts.items() if start} == {
        "meta_explained_hard": "meta_explained_soft",
        "meta_fixed_hard": "meta_fixed_soft",
        "meta_dynamic_soft": "meta_fixed_soft",
        "meta_dynamic_hard": "meta_dynamic_soft",
    }


def test_networks_on_a_base_have_a_recipe_of_their_own(config):
    changed = config("recipe=official", "recipes.explained.max_steps=7", "base.item=3")
    explained = changed.settings("train", "preftrees", "meta_explained_soft")
    control = changed.settings("train", "preftrees", "deep_set")
    assert (explained.stage.steps, explained.base.item) == (7, 3)
    assert (control.stage, control.method, control.base) == (explained.stage, explained.method, explained.base)
    talk = ("train", "preftrees", "meta_fixed_soft")
    assert changed.settings(*talk) == config("recipe=official").settings(*talk)


def test_tables_say_the_scale_and_how_they_are_divided(config):
    mine = config("tables={mine: {ratings: r.csv, items: i.csv, scale: [1, 5], split: time}}", "datasets=[mine]")
    prepared = mine.settings("prepare", "mine")
    assert (prepared.scale, prepared.split) == ((1.0, 5.0), "time")
    usual = config().settings("prepare", "preftrees")
    assert (usual.scale, usual.split) == (None, "random")


def test_the_truth_is_known_for_generated_data_only(config):
    section = config("datasets=[preftrees_seed3, ml100k_u1]")
    oracles = [dataset for dataset, method, _ in section.runs() if method == "oracle"]
    assert oracles == ["preftrees_seed3"]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("datasets=[ml100k]", "ml100k_u1"),
        ("datasets=[preftrees_seed]", "preftrees_seed<number>"),
        ("methods=[meta]", "meta_fixed_soft"),
        ("recipe=fast", "anneal, explained, official"),
        ("meta_explained.recipe=fast", "meta_explained.recipe: fast is not under recipes; accepted: anneal, explained"),
        ("base.item=0", "ratings.base.item"),
        ("svd_tuned.candidates=[]", "ratings.svd_tuned.candidates"),
        ("greedy_residual.shrinkages=[-1]", "ratings.greedy_residual.shrinkages"),
        ("meta_fixed.depth=9", "ratings.meta_fixed.depth"),
        ("meta_fixed.depth=0", "ratings.meta_fixed.depth"),
        ("validation_share=0.9", "ratings.validation_share"),
        ("knn_trees.neighbours=[5, 5]", "rise"),
        ("local_trees.depths=[]", "ratings.local_trees.depths"),
        ("tables={ml1m: {ratings: a, items: b}}", "give yours another name"),
        ("recipes.anneal.final_temperature=0", "final_temperature"),
        ("meta_dynamic.embedding=32", "needs the same embedding, f_hidden and g_hidden"),
        ("recipes.anneal.speed=1", "accepted here: max_steps"),
    ],
)
def test_a_mistake_is_one_line(config, assignment, message):
    with pytest.raises(UserError) as caught:
        config(assignment)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
