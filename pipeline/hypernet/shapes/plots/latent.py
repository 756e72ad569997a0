"""The space of embeddings in two dimensions, and how far classes are apart in it."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from hypernet.lab.libraries import library
from hypernet.lab.results import figures
from hypernet.lab.results.clusters import separation

PERPLEXITY = 30.0
# More points make the picture slow and say no more.
MOST = 1000
# Thumbnails: their side, and how far apart their middles are at least, as shares of the picture's side.
SIDE, APART = 0.056, 0.05


def places(vectors: np.ndarray) -> np.ndarray:
    """Two coordinates of every vector, ``[n, 2]``: t-SNE (van der Maaten and Hinton 2008), the same every time."""
    manifold = library("sklearn.manifold", "scikit-learn", "shapes")
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    # Several threads wait for each other over so few vectors, and add in any order.
    with library("threadpoolctl", "threadpoolctl", "shapes").threadpool_limits(1):
        start: np.ndarray = manifold.TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(
            vectors.astype(np.float64)
        )
    return start


def draw_latent(
    images: np.ndarray, classes: np.ndarray, names: Sequence[str], spaces: dict[str, np.ndarray], title: str
) -> Figure:
    """Thumbnails and classes at the places of the first space's vectors.

    Args:
        images: RGBA uint8 ``[n, S, S, 4]``.
        classes: places in ``names``, ``[n]``.
        names: of the classes.
        spaces: vectors ``[n, E]`` by the name of their space; the first is drawn, all are scored.
        title: above the picture.
    """
    shown = slice(MOST)
    images, classes = images[shown], classes[shown]
    spaces = {name: vectors[shown] for name, vectors in spaces.items()}
    at = places(next(iter(spaces.values())))
    figure, (left, right) = plt.subplots(1, 2, figsize=(14.2, 7.6), sharex=True, sharey=True)
    _thumbnails(left, images, at)
    draw_classes(right, at, classes, names)
    left.set_title("Images at their places", fontsize=10)
    right.set_title("Their classes at the same places", fontsize=10)
    for axes in (left, right):
        axes.set_box_aspect(1)
        axes.set_xlabel("t-SNE, first coordinate (no unit)")
    left.set_ylabel("t-SNE, second coordinate (no unit)")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=7)
    lines = [f"{name}: {separation(vectors, classes)}" for name, vectors in spaces.items()]
    figure.suptitle("\n".join([title, *lines]), fontsize=11)
    return figure


def draw_classes(axes: Axes, at: np.ndarray, classes: np.ndarray, names: Sequence[str], size: float = 46) -> None:
    """Points ``[n, 2]``, with a colour and a mark for each class that there is.

    Args:
        axes: what is drawn into.
        at: the points.
        classes: places in ``names``, ``[n]``.
        names: of the classes.
        size: of the marks, square points.
    """
    for number, place in enumerate(np.unique(classes)):
        # Eight colours and as many marks: no two classes share both.
        colour, marker = figures.COLOURS[number % 8], figures.MARKERS[(number + number // 8) % 8]
        rows = classes == place
        axes.scatter(
            at[rows, 0],
            at[rows, 1],
            s=size,
            color=colour,
            marker=marker,
            edgecolors="black",
            linewidths=0.4,
            label=names[place],
        )


def _thumbnails(axes: Axes, images: np.ndarray, at: np.ndarray) -> None:
    """Images at their places; where many are near each other, the first of them and dots."""
    span = float(np.ptp(at, axis=0).max()) or 1.0
    axes.set_xlim(at[:, 0].min() - 0.05 * span, at[:, 0].max() + 0.05 * span)
    axes.set_ylim(at[:, 1].min() - 0.05 * span, at[:, 1].max() + 0.05 * span)
    pixels = SIDE * 6.6 * 72
    placed: list[np.ndarray] = []
    hidden = []
    for image, place in zip(images, at, strict=True):
        if any(np.abs(place - other).max() < APART * span for other in placed):
            hidden.append(place)
            continue
        placed.append(place)
        picture = OffsetImage(image, zoom=pixels / image.shape[0], interpolation="nearest")
        axes.add_artist(AnnotationBbox(picture, (float(place[0]), float(place[1])), frameon=False, pad=0))
    if hidden:
        axes.plot(*np.array(hidden).T, ".", ms=3, color="0.6", zorder=0, label="no room for the image")
        axes.legend(loc="best", fontsize=8)
