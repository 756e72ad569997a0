"""The pictures of this domain: what they show is gathered here and drawn by :mod:`hypernet.codes.plots`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from hypernet.codes.captions import dataset_title
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation
from hypernet.codes.evaluate import point_of
from hypernet.codes.methods import TITLES
from hypernet.codes.model import GraphNetworkDecoder
from hypernet.codes.plots.anatomy import draw_messages, draw_weights
from hypernet.codes.plots.error_rates import draw_gain, draw_learning, draw_published, draw_waterfall
from hypernet.codes.trained import TrainedDecoder, open_model
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results import figures

QUIET_DB, NOISY_DB = 7.0, 1.0
# Of this many words at this Eb/N0 the picture of the messages takes one that the decoder corrects.
CANDIDATES, CANDIDATES_DB = 200, 3.0


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.codes.captions`.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv`` and ``comparisons.csv``.
        out: folder for the pictures.

    Raises:
        UserError: the tables are not there.
    """
    figures.use_style()
    summary, comparisons = (_read(results / name) for name in ("summary.csv", "comparisons.csv"))
    records = [read_json(run / "run.json") | {"folder": run} for run in runs]
    datasets = list(dict.fromkeys(summary["dataset"]))
    seed = records[0]["seed"]

    def panels(picture: str, draw_dataset: Callable[[str, Axes], None]) -> None:
        by_title = {dataset_title(name): partial(draw_dataset, name) for name in datasets}
        figures.save_panels(out, picture, by_title, legend_order=list(TITLES.values()))

    panels("waterfall", lambda name, axes: draw_waterfall(axes, summary[summary.dataset == name], TITLES))
    panels("published", lambda name, axes: draw_published(axes, summary[summary.dataset == name], TITLES))
    panels("gain", lambda name, axes: draw_gain(axes, comparisons[comparisons.dataset == name], TITLES))
    panels(
        "learning",
        lambda name, axes: draw_learning(axes, [record for record in records if record["dataset"] == name], TITLES),
    )
    hyper = [record for record in records if record["method"] == "hyper" and record["seed"] == seed]
    for picture, look_into in (("weights", _weights), ("messages", _messages)):
        # Without a hypernetwork among the runs there is nothing to look into; the page expects the picture.
        missing = "No hypernetwork decoder among the runs"
        figure = look_into(open_model(hyper[0]["folder"] / "model.ckpt")) if hyper else figures.nothing_to_show(missing)
        figures.save(figure, out, picture)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `hypernet codes summarise` first")
    table = pd.read_csv(path, dtype={"group": str})
    # What a method costs belongs to no point.
    points = [point_of(group) for group in table["group"].fillna("")]
    table["ebn0_db"] = [ebn0_db for ebn0_db, _ in points]
    # 0 stands for the trained number.
    table["iterations"] = [iterations or 0 for _, iterations in points]
    return table


def _weights(trained: TrainedDecoder) -> Figure:
    """The first-layer weights for a quiet and for a noisy word."""
    decoder = trained.module
    assert isinstance(decoder, GraphNetworkDecoder)
    emitted = []
    for ebn0_db in (QUIET_DB, NOISY_DB):
        llr = _zero_words(trained, ebn0_db, 1)
        with torch.inference_mode():
            messages = next(iter(decoder.messages(llr)))
            emitted.append(decoder.weights(messages)[0][:, :, 0].cpu().numpy())
    quiet, noisy = emitted
    return draw_weights(trained.title, quiet, noisy, QUIET_DB, NOISY_DB)


def _messages(trained: TrainedDecoder) -> Figure:
    """The messages of a word that the decoder corrects."""
    decoder = trained.module
    assert isinstance(decoder, GraphNetworkDecoder)
    llr = _zero_words(trained, CANDIDATES_DB, CANDIDATES)
    with torch.inference_mode():
        messages = torch.stack(list(decoder.messages(llr))).cpu().numpy()
        outputs = decoder.every_iteration(llr).cpu().numpy()
    channel = llr.cpu().numpy()
    corrected = (channel < 0).any(axis=0) & (outputs[-1] > 0).all(axis=0)
    # The one with most wrong bits has most to show.
    word = int(np.argmax(np.where(corrected, (channel < 0).sum(axis=0), -1)))
    graph = decoder.graph
    return draw_messages(
        trained.title,
        channel[:, word],
        messages[:, :, word],
        outputs[:, :, word],
        graph.check_of_edge.cpu().numpy(),
        graph.variable_of_edge.cpu().numpy(),
    )


def _zero_words(trained: TrainedDecoder, ebn0_db: float, words: int) -> Tensor:
    """Channel values of words of zeros, ``[n, words]``."""
    code = Code.of(trained.title, trained.parity_check)
    generator = numpy_generator(0, "codes", "pictures", f"{ebn0_db:g}")
    bits = np.zeros((code.length, words), dtype=np.uint8)
    return torch.from_numpy(channel_llr(bits, noise_deviation(ebn0_db, code.rate), generator)).to(trained.device)
