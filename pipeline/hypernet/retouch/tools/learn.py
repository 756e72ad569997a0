"""A personal style from 5 to 20 pairs of photographs before and after an edit."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs, output_file

if TYPE_CHECKING:
    import numpy as np

    from hypernet.retouch.sources.pairs import Pair
    from hypernet.retouch.tools.examples import Example

MODELS = (".ckpt",)
# Fewer than FEW make a style that is a guess; more than MOST are a data set, for which there are trainings.
FEWEST, FEW, MOST = 2, 5, 1000
# Pairs are left out one at a time up to so many, and several at a time beyond.
MOST_FOLDS = 40
# Differences of PSNR, dB, that nobody sees.
NOTICEABLE = 0.1


@dataclass(frozen=True)
class LearnedStyle:
    """What was learned, and how well it holds on pairs that it has not seen.

    Attributes:
        path: the written model.
        title: name of the folder of pairs.
        method: ``style``, or that of the model whose last layer was learned.
        used: names of the pairs that it was learned from.
        left_out: those that it was not, with the reasons.
        psnr: of each used pair, dB, by a style learned from the others alone.
        constant: the same by one least-squares 3x10 map for all others.
        unchanged: the photographs as they are.
        best: the best 3x10 map of each pair by itself: what no style can surpass.
        shares: what the style is a mixture of, the shares having the sum 1.
        notes: what a person should know, a sentence each.
    """

    path: Path
    title: str
    method: str
    used: tuple[str, ...]
    left_out: dict[str, str]
    psnr: tuple[float, ...]
    constant: tuple[float, ...]
    unchanged: tuple[float, ...]
    best: tuple[float, ...]
    shares: dict[str, float]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """How well it holds, what it is made of, and notes, a line each."""
        shares = sorted(self.shares.items(), key=lambda item: -item[1])
        made_of = ", ".join(f"{share:.0%} {_WORDS.get(name, name)}" for name, share in shares if share >= 0.005)
        lines = [
            f"on pairs that it has not seen: as they are {_mean(self.unchanged):.1f} dB, one map for all "
            f"{_mean(self.constant):.1f} dB, this style {_mean(self.psnr):.1f} dB; the best map of each pair "
            f"{_mean(self.best):.1f} dB",
            f"made of: {made_of}",
            *(f"left out: {name}: {reason}" for name, reason in self.left_out.items()),
            *self.notes,
        ]
        return "\n".join(lines)


# Shares in words.
_WORDS = {
    "identity": "no change",
    "none": "colours as they are",
    "levels": "full range in each channel first",
    "luma_levels": "full range of brightness first",
    "middle": "half the way to a common brightness and contrast first",
}


def learn(
    folder: str | Path, *, out: str | Path, start: str | Path | None = None, resize: bool = False
) -> LearnedStyle:
    """Learn a style from pairs and write it as a model that ``apply`` and all other tools take.

    Several ways of making colour maps of 3x10 numbers from a photograph's statistics are fitted in closed form, each
    as often as there are pairs, without a pair each time; the style is their mean, weighted by how they did on the pair
    that was left out.

    Args:
        folder: of pairs: two folders such as ``before`` and ``after``, or files such as IMG_1.jpg and IMG_1_edited.jpg.
        out: the model, ``.ckpt``.
        start: a trained hypernetwork, whose last layer is learned instead where that does better.
        resize: bring the larger picture of a pair to the size of the smaller, where only their sizes differ.

    Returns:
        How well it holds, and what was left out.

    Raises:
        UserError: fewer than two pairs that can be used, or another ending of ``out``.

    Example:
        >>> style = hypernet.retouch.learn("pairs", out="mystyle.ckpt")  # doctest: +SKIP
        >>> hypernet.retouch.apply("photo.jpg", model="mystyle.ckpt").save("retouched.jpg")  # doctest: +SKIP
    """
    from hypernet.retouch.sources.folders import PairFolder, find_photographs

    folder, out = Path(folder), output_file(out, *MODELS)
    photographs = find_photographs(folder, "pairs")
    assert isinstance(photographs, PairFolder)
    pairs = photographs.pairs
    if len(pairs) > MOST:
        raise UserError(
            f"{folder}: {len(pairs):,} pairs; accepted: {MOST:,} at most; of more, train a network (own in params.yaml)"
        )
    inputs = [path for pair in pairs for path in (pair.input, pair.target)]
    check_outputs([("out", out)], [*inputs, *([Path(start)] if start is not None else [])])
    return _learned(folder, pairs, out, start, resize, photographs.notes)


def _learned(
    folder: Path, pairs: tuple[Pair, ...], out: Path, start: str | Path | None, resize: bool, notes: tuple[str, ...]
) -> LearnedStyle:
    import numpy as np

    from hypernet.lab.libraries import library
    from hypernet.lab.runs.models import printable, save_model
    from hypernet.retouch.baselines.styles import STYLE
    from hypernet.retouch.core.colour_map import ColourMap
    from hypernet.retouch.tools.examples import read_examples, repeated
    from hypernet.retouch.tools.personal import PersonalFit
    from hypernet.retouch.tools.starts import Start
    from hypernet.retouch.trained import describe

    beginning = None if start is None else Start(start)
    title = printable(folder.resolve().name)
    # These systems are small: threads would wait for each other, and sums depend on how many there are.
    with library("threadpoolctl", "threadpoolctl", "retouch").threadpool_limits(1):
        examples, left_out = read_examples(pairs, resize)
        if len(examples) < FEWEST:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
            raise UserError(
                f"{folder}: {len(examples)} of {len(pairs)} pairs can be used, at least {FEWEST} are needed; {reasons}"
            )
        if not repeated(examples).any():
            raise UserError(f"{folder}: all pairs show the same photograph; accepted: pairs of {FEWEST} or more")
        fit = PersonalFit(examples, MOST_FOLDS)
        onward = None if beginning is None else fit.onward(beginning)
    mixture, method, content = fit.mixture, STYLE, fit.content(title)
    words = [*notes, *_about(examples, fit.folds)]
    if beginning is not None and onward is not None:
        better, psnr = onward.psnr.mean() > mixture.psnr.mean(), [onward.psnr.mean(), mixture.psnr.mean()]
        words.append(
            f"{start}: with its last layer learned, {psnr[0]:.1f} dB; without it, {psnr[1]:.1f} dB: "
            f"{'that' if better else 'this'} is written"
        )
        if better:
            mixture, method = onward, beginning.method
            content = beginning.relearned(onward) | {"dataset": title, **describe(title)}
    save_model(out, content)
    identity = ColourMap.identity().matrix
    unchanged = np.array([sample.psnr(identity) for sample in fit.samples])
    constant = fit.mixture.constant
    return LearnedStyle(
        path=out,
        title=title,
        method=method,
        used=tuple(example.name for example in examples),
        left_out=left_out,
        psnr=tuple(map(float, mixture.psnr)),
        constant=tuple(map(float, constant)),
        unchanged=tuple(map(float, unchanged)),
        best=tuple(example.best for example in examples),
        shares=mixture.shares,
        notes=(*words, *_verdict(mixture.psnr, constant, unchanged)),
    )


def _about(examples: list[Example], folds: np.ndarray) -> list[str]:
    """What is strange in the examples, a sentence each."""
    from hypernet.retouch.sources.pairs import named

    notes = [f"warning: {example.name}: {doubt}" for example in examples if (doubt := example.doubt())]
    if len(examples) < FEW:
        notes.append(f"warning: {len(examples)} pairs are few: what follows is a guess; {FEW} to 20 pairs make a style")
    if len(examples) > MOST_FOLDS:
        return [*notes, f"{len(examples)} pairs are left out in {MOST_FOLDS} groups, not one at a time"]
    for fold in range(max(folds) + 1):
        alike = [example.name for example, other in zip(examples, folds, strict=True) if other == fold]
        if len(alike) > 1:
            notes.append(f"the same photograph, left out together: {named(alike)}")
    return notes


def _verdict(psnr: np.ndarray, constant: np.ndarray, unchanged: np.ndarray) -> list[str]:
    """What to do where the style does not hold on pairs that it has not seen."""
    more = f"give more pairs, of one way of editing ({len(psnr)} now)"
    if not _clearly(psnr - unchanged):
        return [
            "warning: on pairs that it has not seen this style does not clearly come nearer than the photographs as "
            f"they are: no rule was found in these edits; {more}"
        ]
    if _clearly(constant - psnr):
        return [
            "warning: on pairs that it has not seen one map for all comes nearer than this style: how the edits depend "
            f"on the photographs cannot be told yet; {more}"
        ]
    if not _clearly(psnr - constant):
        return ["the edits hardly depend on the photograph: one map for all comes as near"]
    return []


def _clearly(gains: np.ndarray) -> bool:
    """Whether gains of pairs, dB, are more than nobody sees, and more than their standard error."""
    error = gains.std(ddof=1) / len(gains) ** 0.5
    return bool(gains.mean() > max(NOTICEABLE, error))


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet retouch learn``."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="PAIRS",
        help="5 to 20 photographs before and after an edit: two folders, such as before and after, or files such as "
        "IMG_1.jpg and IMG_1_edited.jpg",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="the style, .ckpt, for --model of `hypernet retouch apply`"
    )
    parser.add_argument(
        "--start",
        type=Path,
        metavar="MODEL",
        help="model.ckpt of a trained hypernetwork: its last layer is learned, where that does better",
    )
    parser.add_argument(
        "--resize",
        action="store_true",
        help="bring the larger picture of a pair to the size of the smaller, where only their sizes differ",
    )


def run(arguments: argparse.Namespace) -> None:
    """Learn a style, write it, and say how well it holds."""
    learned = learn(arguments.folder, out=arguments.out, start=arguments.start, resize=arguments.resize)
    print(learned.summary())
    print(
        f"{learned.path}: the style of {len(learned.used)} pairs; hypernet retouch apply PHOTO --model {learned.path}"
    )
