"""Prepared data: clean photographs or pairs as squares that views are drawn from, and the pairs that are measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from hypernet.lab.files import atomic_path, empty, write_json, write_table
from hypernet.lab.manifest import read_manifest, write_manifest
from hypernet.lab.randomness import numpy_generator
from hypernet.retouch.config import PrepareSettings, Views
from hypernet.retouch.core.degradation import (
    LOOKS,
    PARAMETERS,
    degrade,
    degrade_image,
    draw_parameters,
    look_image,
)
from hypernet.retouch.core.metrics import rounded
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.names import dataset_title
from hypernet.retouch.raw import Entry, read_raw
from hypernet.retouch.sources.image_files import read_photograph
from hypernet.retouch.sources.pairs import Pair as Files
from hypernet.retouch.sources.pairs import as_srgb8, read_pair
from hypernet.retouch.sources.photographs import reduced, write_png

FACTS, PAIRS = "facts.json", "pairs.csv"
MEASURED = ("validation", "test")


@dataclass(frozen=True)
class Pair:
    """An input and what is wanted of it.

    Attributes:
        name: of the pair.
        photograph: name of the photograph behind it: several pairs may show the same.
        input_file: PNG of 8 bits.
        target_file: likewise.
        parameters: φ of the input's degradation, where it is known.
    """

    name: str
    photograph: str
    input_file: Path
    target_file: Path
    parameters: tuple[float, ...] | None

    def input(self) -> np.ndarray:
        """uint8 ``[H, W, 3]``."""
        return read_png(self.input_file)

    def target(self) -> np.ndarray:
        """uint8 ``[H, W, 3]``."""
        return read_png(self.target_file)


@dataclass(frozen=True)
class RetouchData:
    """A prepared data set.

    Attributes:
        title: its name for people.
        look: name of the style of made pairs; None where the pairs are real.
        squares: of the training, uint8 ``[n, 3, C, C]``: the clean photographs where pairs are made; of real pairs
            ``[n, 6, C, C]``, inputs before targets.
        other_inputs: inputs for unpaired trainings where they are others than those of the pairs, ``[n, 3, C, C]``.
        other_targets: likewise.
        pairs: of ``validation`` and ``test``.
    """

    title: str
    look: str | None
    squares: np.ndarray
    other_inputs: np.ndarray | None
    other_targets: np.ndarray | None
    pairs: dict[str, list[Pair]]


def paired_views(
    data: RetouchData, random: np.random.Generator, count: int, size: int, settings: Views
) -> tuple[Tensor, Tensor]:
    """Views of inputs and of their targets: squares of random place and size, by area means, every other one mirrored.

    Args:
        data: the data set.
        random: where they are drawn from.
        count: B.
        size: S, side of the views.
        settings: how large they are.

    Returns:
        inputs and targets in [0, 1], float32 ``[B, 3, S, S]`` each; made inputs have a fresh degradation each.
    """
    views = _views(data.squares, random, count, size, settings.smallest)
    if data.look is None:
        return views[:, :3], views[:, 3:]
    return degrade(views, torch.from_numpy(draw_parameters(random, count))), LOOKS[data.look](views)


def unpaired_views(
    data: RetouchData, random: np.random.Generator, count: int, size: int, settings: Views
) -> tuple[Tensor, Tensor]:
    """As ``paired_views``, but inputs and targets are drawn each by itself."""
    if data.other_inputs is not None and data.other_targets is not None:
        given = _views(data.other_inputs, random, count, size, settings.smallest)
        return given, _views(data.other_targets, random, count, size, settings.smallest)
    given, _ = paired_views(data, random, count, size, settings)
    _, wanted = paired_views(data, random, count, size, settings)
    return given, wanted


def _views(squares: np.ndarray, random: np.random.Generator, count: int, size: int, smallest: float) -> Tensor:
    """``[n, channels, C, C]`` uint8 to float32 ``[count, channels, size, size]`` in [0, 1]."""
    whole = squares.shape[2]
    rows = random.integers(len(squares), size=count)
    sides = np.maximum(np.round(random.uniform(smallest, 1.0, size=count) * whole).astype(int), min(size, whole))
    tops, lefts = (np.floor(random.random(count) * (whole - sides + 1)).astype(int) for _ in range(2))
    mirrored = random.random(count) < 0.5
    views = torch.empty(count, squares.shape[1], size, size)
    for view, row, side, top, left in zip(views, rows, sides, tops, lefts, strict=True):
        square = torch.from_numpy(squares[row, :, top : top + side, left : left + side]).float()
        # Photographs that are smaller than a thumbnail are repeated, not smoothed: their statistics stay.
        view.copy_(F.adaptive_avg_pool2d(square, size) if side >= size else F.interpolate(square[None], size)[0])
    views[torch.from_numpy(mirrored)] = views[torch.from_numpy(mirrored)].flip(3)
    return views / 255


def thumbnails(pairs: Sequence[Pair], size: int) -> tuple[Tensor, Tensor]:
    """Thumbnails of inputs and of targets, float32 ``[n, 3, S, S]`` each."""
    inputs = [thumbnail(pair.input(), size) for pair in pairs]
    targets = {path: thumbnail(read_png(path), size) for path in {pair.target_file for pair in pairs}}
    return tuple(
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
        for images in (inputs, [targets[pair.target_file] for pair in pairs])
    )  # type: ignore[return-value]


def load(folder: Path) -> RetouchData:
    """Read what :func:`prepare` wrote.

    Raises:
        UserError: no prepared data there.
    """
    read_manifest(folder)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    squares = {path.stem: np.load(path, allow_pickle=False) for path in sorted((folder / "train").glob("*.npy"))}
    views = squares["targets"] if facts["look"] else np.concatenate([squares["inputs"], squares["targets"]], axis=1)
    return RetouchData(
        facts["title"],
        facts["look"],
        views,
        squares.get("other_inputs"),
        squares.get("other_targets"),
        {split: _read_pairs(folder / split) for split in MEASURED},
    )


def _read_pairs(folder: Path) -> list[Pair]:
    table = pd.read_csv(folder / PAIRS, dtype={"name": str, "photograph": str}, keep_default_na=False)
    known = set(PARAMETERS) <= set(table)
    return [
        Pair(
            row["name"],
            row["photograph"],
            folder / row["input"],
            folder / row["target"],
            tuple(float(row[name]) for name in PARAMETERS) if known else None,
        )
        for row in table.to_dict("records")
    ]


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Read a raw folder, bring the photographs to their sizes, and make or keep the pairs.

    Raises:
        UserError: no raw data, or a photograph that cannot be read.
    """
    facts = dict(read_manifest(raw)["facts"])
    source = read_raw(raw)
    empty(out)
    (out / "train").mkdir()
    kept = settings.sizes.kept
    _write_squares(out / "train", "targets", [entry.target for entry in source.splits["train"]], kept)
    if source.paired:
        _write_squares(out / "train", "inputs", [entry.input for entry in source.splits["train"]], kept)
        for name, paths in (("other_inputs", source.other_inputs), ("other_targets", source.other_targets)):
            if paths:
                _write_squares(out / "train", name, paths, kept)
    look = None if source.paired else settings.degradation.look
    for split in MEASURED:
        (out / split).mkdir()
        entries, folder, measured = source.splits[split], out / split, settings.sizes.measured
        if look is None:
            table = _keep_pairs(entries, folder, measured, _may_resize(settings))
        else:
            table = _make_pairs(entries, folder, measured, settings, split)
        write_table(folder / PAIRS, pd.DataFrame(table))
    counts = {split: len(entries) for split, entries in source.splits.items()}
    write_json(out / FACTS, {"title": dataset_title(dataset), "look": look})
    write_manifest(out, {**facts, **counts})


def _write_squares(folder: Path, name: str, paths: Sequence[Path | None], side: int) -> None:
    squares = np.empty((len(paths), 3, side, side), dtype=np.uint8)
    for place, path in enumerate(paths):
        assert path is not None
        squares[place] = rounded(thumbnail(as_srgb8(read_photograph(path)), side)).transpose(2, 0, 1)
    with atomic_path(folder / f"{name}.npy") as temporary:
        np.save(temporary, squares)


def _may_resize(settings: PrepareSettings) -> bool:
    source = settings.own or settings.fivek
    return source is not None and source.resize


def _keep_pairs(entries: Sequence[Entry], folder: Path, side: int, resize: bool) -> list[dict[str, Any]]:
    table = []
    for number, entry in enumerate(entries):
        assert entry.input is not None
        row = {"name": entry.name, "photograph": entry.name}
        members = read_pair(Files(entry.name, entry.input, entry.target), resize)
        for member, pixels in zip(("input", "target"), members, strict=True):
            row[member] = f"{number:04d}_{member}.png"
            write_png(folder / row[member], reduced(pixels, side))
        table.append(row)
    return table


def _make_pairs(
    entries: Sequence[Entry], folder: Path, side: int, settings: PrepareSettings, split: str
) -> list[dict[str, Any]]:
    table = []
    count, look = settings.degradation.per_image, settings.degradation.look
    for number, entry in enumerate(entries):
        clean = reduced(as_srgb8(read_photograph(entry.target)), side)
        target = f"{number:04d}_target.png"
        write_png(folder / target, rounded(look_image(clean, look)))
        drawn = draw_parameters(numpy_generator(0, "retouch", "pairs", split, entry.name), count)
        for place, parameters in enumerate(drawn):
            given = f"{number:04d}_input{place}.png"
            write_png(folder / given, degrade_image(clean, parameters))
            row = {"name": f"{entry.name} {place + 1}", "photograph": entry.name, "input": given, "target": target}
            table.append(row | dict(zip(PARAMETERS, map(float, parameters), strict=True)))
    return table


def read_png(path: Path) -> np.ndarray:
    """Pixels of a prepared picture, uint8 ``[H, W, 3]``."""
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as image:
        return np.array(image)
