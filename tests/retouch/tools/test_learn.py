"""`hypernet retouch learn`: a style from pairs, how well it holds, and what is said of pairs that are none."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, save_model
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.fitting import NormalEquations
from hypernet.retouch.core.metrics import psnr
from hypernet.retouch.methods import build
from hypernet.retouch.tools.examples import Example
from hypernet.retouch.tools.learn import _about, _verdict, learn
from hypernet.retouch.tools.personal import PersonalFit
from hypernet.retouch.trained import VERSION, open_model

WARM = ColourMap(ColourMap.identity().matrix).then_affine(np.hstack([np.diag([1.0, 0.9, 0.75]), np.full((3, 1), 0.04)]))


def scene(seed: int, rows: int = 120, columns: int = 160) -> np.ndarray:
    """Surfaces with edges and shades, of black to white, float ``[H, W, 3]``."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns] / columns
    picture = np.full((rows, columns, 3), random.uniform(0.2, 0.8, 3))
    for _ in range(25):
        top, left, radius = random.uniform(0, 1, 3) * (rows / columns, 1, 0.2)
        picture[np.hypot(y - top, x - left) < radius + 0.02] = random.uniform(0, 1, 3)
    shaded = picture * (0.75 + 0.25 * np.sin(6 * x + 5 * y))[..., None]
    least = shaded.min(axis=(0, 1))
    return (shaded - least) / (shaded.max(axis=(0, 1)) - least)


def levels(colours):
    return np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8)


def pale(colours, seed):
    """Of less contrast and too dark or too bright, each channel by itself."""
    least, span = np.random.default_rng(seed).uniform((0, 0.3), (0.4, 0.6), (3, 2)).T
    return least + span * colours


def write(folder, pairs, ending="png"):
    for side in ("before", "after"):
        (folder / side).mkdir(parents=True, exist_ok=True)
    for name, (before, after) in pairs.items():
        Image.fromarray(before).save(folder / "before" / f"{name}.{ending}")
        Image.fromarray(after).save(folder / "after" / f"{name}.{ending}")
    return folder


def constant_pairs(count):
    """One map for all photographs, whatever their levels are."""
    pairs = {}
    for seed in range(count):
        before = levels(pale(scene(seed), seed))
        pairs[f"p{seed}"] = before, levels(WARM(before / 255))
    return pairs


def dependent_pairs(seeds):
    """Pale photographs, and the warm ones of full contrast that they are to become."""
    return {f"p{seed}": (levels(pale(scene(seed), seed)), levels(WARM(scene(seed)))) for seed in seeds}


def run(*arguments):
    return main(["retouch", "learn", *map(str, arguments)])


def one_map(pairs):
    equations = NormalEquations()
    for before, after in pairs:
        equations.add(before / 255, after / 255)
    return equations.solve()


def test_one_map_for_all_is_found_exactly(tmp_path):
    folder = write(tmp_path / "warm", constant_pairs(6))
    learned = learn(folder, out=tmp_path / "warm.ckpt")
    assert min(learned.psnr) > 45
    assert learned.used == tuple(f"p{number}" for number in range(6))
    assert learned.left_out == {}
    assert learned.shares["none"] > 0.99
    assert sum(learned.shares.values()) == pytest.approx(1)
    new = levels(pale(scene(77), 77))
    made = open_model(learned.path).retouch(new)
    assert psnr(made, levels(WARM(new / 255))) > 45
    assert "one map for all comes as near" in learned.summary()


def test_a_style_that_depends_on_the_photograph_beats_one_map(tmp_path):
    """Where one map for all is of no use: found from five pairs, and the measure foretells what comes."""
    pairs = dependent_pairs(range(5))
    learned = learn(write(tmp_path / "mine", pairs), out=tmp_path / "mystyle.ckpt")
    model = open_model(learned.path)
    assert (model.method, model.title, model.is_map, model.size) == ("style", "mine", True, 64)
    new = list(dependent_pairs(range(20, 28)).values())
    shared = one_map(pairs.values())
    ours = np.mean([psnr(model.retouch(before), after) for before, after in new])
    theirs = np.mean([psnr(levels(shared(before / 255)), after) for before, after in new])
    assert ours > theirs + 8
    assert np.mean(learned.psnr) > np.mean(learned.constant) + 8
    # Dozens of decibels above one map, where rounding is most of what is left.
    assert abs(np.mean(learned.psnr) - ours) < 6
    assert np.mean(learned.best) > np.mean(learned.psnr)
    assert learned.shares["levels"] > 0.5


def test_the_numbers_are_those_of_pairs_left_out(tmp_path):
    pairs = dependent_pairs(range(4))
    learned = learn(write(tmp_path / "mine", pairs), out=tmp_path / "a.ckpt")
    examples = [Example.of(name, *pair) for name, pair in pairs.items()]
    for place, (unchanged, constant) in enumerate(zip(learned.unchanged, learned.constant, strict=True)):
        example = examples[place]
        others = NormalEquations()
        for other in examples:
            if other is not example:
                others.add(other.before, other.after)
        before, after = (image[::4, ::4] for image in (example.before, example.after))
        for made, expected in ((before, unchanged), (np.clip(others.solve()(before), 0, 1), constant)):
            assert -10 * np.log10(np.square(made - after).mean()) == pytest.approx(expected, abs=0.02)


def test_the_command_says_what_it_learned_and_apply_takes_it(tmp_path, capsys):
    folder = write(tmp_path / "mine", constant_pairs(5))
    photo, style = tmp_path / "photo.png", tmp_path / "mystyle.ckpt"
    assert run(folder, "--out", style) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("on pairs that it has not seen: as they are ")
    assert lines[1].startswith("made of: 100% colours as they are")
    assert lines[-1] == f"{style}: the style of 5 pairs; hypernet retouch apply PHOTO --model {style}"
    new = levels(pale(scene(50), 50))
    Image.fromarray(new).save(photo)
    assert main(["retouch", "apply", str(photo), "--model", str(style), "--out", str(tmp_path / "made.png")]) == 0
    made = np.array(Image.open(tmp_path / "made.png"))
    assert psnr(made, levels(WARM(new / 255))) > 40


def test_the_same_pairs_make_the_same_file(tmp_path):
    folder = write(tmp_path / "mine", dependent_pairs(range(3)))
    first, second = (learn(folder, out=tmp_path / f"{name}.ckpt") for name in "ab")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.psnr == second.psnr
    content = load_model(first.path)
    assert (content["title"], content["domain"], content["version"]) == ("mine", "retouch", VERSION)


def test_what_is_no_pair_is_named_and_left_out(tmp_path, capsys):
    pairs = constant_pairs(5)
    before, after = pairs["p1"]
    pairs["cropped"] = levels(scene(30)), levels(WARM(np.kron(scene(30)[:100:2, :140:2], np.ones((2, 2, 1)))))
    pairs["flipped"] = before[:, ::-1], after
    pairs["grey"] = np.full_like(before, 128), after
    # Of one size again, as an editing program writes a crop.
    pairs["cropped"] = pairs["cropped"][0], np.array(Image.fromarray(pairs["cropped"][1]).resize((160, 120)))
    folder = write(tmp_path / "mine", pairs)
    learned = learn(folder, out=tmp_path / "a.ckpt")
    assert learned.used == tuple(f"p{number}" for number in range(5))
    assert {*learned.left_out} == {"cropped", "flipped", "grey"}
    assert min(learned.psnr) > 45
    lines = learned.summary().splitlines()
    assert [line for line in lines if line.startswith("left out: cropped: not the same picture, or cropped, turned")]
    assert "left out: grey: all of it has nearly one colour" in lines


@pytest.mark.parametrize(("count", "few"), [(2, True), (4, True), (5, False)])
def test_fewer_than_five_pairs_are_a_guess(count, few):
    (pair,) = constant_pairs(1).values()
    notes = _about([Example.of("name", *pair)] * count, np.arange(count))
    assert len(notes) == few
    assert not few or notes[0].startswith(f"warning: {count} pairs are few")


def test_edits_without_a_rule_are_no_style(tmp_path):
    """Every photograph with another cast and contrast, by chance: it is said, and what to do."""
    random, pairs = np.random.default_rng(2), {}
    for seed in range(6):
        before = 0.2 + 0.6 * scene(seed)
        cast, contrast = random.choice([-0.15, 0.15], 3), (0.8, 1.2)[seed % 2]
        pairs[f"p{seed}"] = levels(before), levels(0.5 + contrast * (before - 0.5) + cast)
    learned = learn(write(tmp_path / "mine", pairs), out=tmp_path / "a.ckpt")
    assert min(learned.best) > 50
    assert np.mean(learned.psnr) < np.mean(learned.unchanged)
    assert "warning: on pairs that it has not seen this style does not clearly come nearer" in learned.notes[-1]
    assert learned.notes[-1].endswith("give more pairs, of one way of editing (6 now)")


@pytest.mark.parametrize(
    ("gains", "words"),
    [
        ({"unchanged": [20, 20, 20], "constant": [22, 22, 22]}, "does not clearly come nearer than the photographs"),
        # On the mean 2 dB, by one pair of three.
        ({"unchanged": [14, 20, 20], "constant": [15, 15, 15]}, "does not clearly come nearer than the photographs"),
        ({"unchanged": [15, 15, 15], "constant": [22, 22, 21]}, "one map for all comes nearer than this style"),
        ({"unchanged": [15, 15, 15], "constant": [20, 21, 19]}, "the edits hardly depend on the photograph"),
        ({"unchanged": [15, 15, 15], "constant": [17, 18, 16]}, None),
    ],
)
def test_the_verdict_follows_the_numbers(gains, words):
    notes = _verdict(np.full(3, 20.0), *(np.array(gains[name], float) for name in ("constant", "unchanged")))
    assert len(notes) == (words is not None)
    if words is not None:
        assert words in notes[0]
        assert ("give more pairs" in notes[0]) == notes[0].startswith("warning")


def test_the_same_photograph_edited_twice_is_left_out_together(tmp_path):
    pairs = constant_pairs(4)
    pairs["again"] = pairs["p0"]
    learned = learn(write(tmp_path / "mine", pairs), out=tmp_path / "a.ckpt")
    assert "the same photograph, left out together: again, p0" in learned.notes
    with pytest.raises(UserError, match="all pairs show the same photograph"):
        learn(write(tmp_path / "two", dict.fromkeys("ab", pairs["p0"])), out=tmp_path / "b.ckpt")


def test_many_pairs_are_left_out_in_groups():
    pairs = constant_pairs(5)
    examples = [Example.of(name, *pair) for name, pair in pairs.items()]
    fit = PersonalFit(examples, most_folds=2)
    assert fit.folds.tolist() == [0, 1, 0, 1, 0]
    others = NormalEquations()
    for place in (1, 3):
        others.add(examples[place].before, examples[place].after)
    assert fit.mixture.constant[4] == pytest.approx(fit.samples[4].psnr(others.solve().matrix), abs=1e-3)
    many = _about(examples * 9, np.zeros(45, dtype=int))
    assert many == ["45 pairs are left out in 40 groups, not one at a time"]


def test_sizes_are_brought_together_where_asked(tmp_path):
    pairs = constant_pairs(3)
    before, after = pairs["p2"]
    pairs["p2"] = before, np.array(Image.fromarray(after).resize((80, 60), Image.BOX))
    folder = write(tmp_path / "mine", pairs)
    assert "the option resize" in learn(folder, out=tmp_path / "a.ckpt").left_out["p2"]
    assert run(folder, "--out", tmp_path / "b.ckpt", "--resize") == 0
    assert learn(folder, out=tmp_path / "b.ckpt", resize=True).left_out == {}


def test_a_trained_network_is_taken_where_it_does_better(tmp_path, section):
    """A network whose maps are the wanted ones but for an affine map; and one of random weights, which is not."""
    given = section(
        "retouch",
        "network={thumbnail: 64, encoder: pooled, embedding: 6, statistics: true, stretch: true, dropout: 0.1}",
    )
    settings = given.settings("train", "photos", "hyper")
    torch.manual_seed(0)
    # Untrained it stretches the levels of its images: what the pale photographs need.
    network = build("hyper", settings)
    content = {
        "domain": "retouch", "dataset": "photos", "method": "hyper", "version": VERSION, "title": "photographs",
        "settings": settings.model_dump(mode="json"), "state": network.state_dict(),
    }  # fmt: skip
    save_model(tmp_path / "model.ckpt", content)
    new = list(dependent_pairs(range(20, 24)).values())
    folder = write(tmp_path / "mine", dependent_pairs(range(4)))
    learned = learn(folder, out=tmp_path / "a.ckpt", start=tmp_path / "model.ckpt")
    assert learned.method == "hyper"
    assert any("with its last layer learned" in note for note in learned.notes)
    model = open_model(learned.path)
    assert (model.method, model.title) == ("hyper", "mine")
    assert np.mean([psnr(model.retouch(before), after) for before, after in new]) > 30
    other = learn(write(tmp_path / "other", constant_pairs(2)), out=tmp_path / "b.ckpt", start=tmp_path / "model.ckpt")
    assert open_model(other.path).method == other.method


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{pairs}", "--out", "style.pt"], "style.pt: the name must end in .ckpt"),
        (["{empty}", "--out", "a.ckpt"], "too few pairs (0), at least 2 are needed"),
        (["{absent}", "--out", "a.ckpt"], "no such folder"),
        (["{pairs}", "--out", "a.ckpt", "--start", "absent.ckpt"], "absent.ckpt: no such model file"),
        (["{pairs}", "--out", "a.ckpt", "--start", "a.ckpt"], "is read by the same command"),
        (["{spoilt}", "--out", "a.ckpt"], "0 of 2 pairs can be used, at least 2 are needed; p0: not the same picture"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "pairs", constant_pairs(2))
    (tmp_path / "empty").mkdir()
    spoilt = {name: (before[::-1], after) for name, (before, after) in constant_pairs(2).items()}
    write(tmp_path / "spoilt", spoilt)
    places = {name: tmp_path / name for name in ("pairs", "empty", "absent", "spoilt")}
    assert run(*(argument.format(**places) for argument in arguments)) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.ckpt"))


def test_a_damaged_style_is_told_in_one_line(tmp_path):
    path = learn(write(tmp_path / "mine", constant_pairs(2)), out=tmp_path / "a.ckpt").path
    content = load_model(path)
    spoilt = [
        content | {"settings": {"normalisations": ["none"]}},
        content | {"settings": {"normalisations": [["none"], 3]}},
        content | {"settings": {}},
        content | {"settings": {"normalisations": ["curves"]}},
        content | {"state": content["state"] | {"bias": torch.full_like(content["state"]["bias"], torch.nan)}},
    ]
    for case in spoilt:
        save_model(path, case)
        with pytest.raises(UserError, match=r"a\.ckpt: a model of another version, or damaged"):
            open_model(path)


def test_help_is_instant():
    """Neither torch nor numpy is imported before there is something to do."""
    code = (
        "import sys; from hypernet.cli import main\n"
        "try: main(['retouch', 'learn', '--help'])\n"
        "except SystemExit: pass\n"
        "print({'torch', 'numpy', 'PIL'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--start" in result.stdout
    assert result.stdout.rstrip().endswith("set()")


def test_real_edits_are_learned_better_than_by_one_map(mirror, tmp_path):
    """The four pairs of FiveK, expert C: each left out."""
    folder = tmp_path / "fivek"
    for split in ("test", "val"):
        for kind_of, side in (("raw", "before"), ("label", "after")):
            (folder / side).mkdir(parents=True, exist_ok=True)
            for path in sorted((mirror / "fivek" / split / kind_of).glob("*.png")):
                (folder / side / path.name).write_bytes(path.read_bytes())
    learned = learn(folder, out=tmp_path / "expert.ckpt")
    assert len(learned.used) == 4
    assert np.mean(learned.unchanged) == pytest.approx(14.7, abs=0.2)
    assert np.mean(learned.psnr) > np.mean(learned.constant) + 0.5
    assert np.mean(learned.constant) > np.mean(learned.unchanged) + 2
    assert min(learned.best) > 31
