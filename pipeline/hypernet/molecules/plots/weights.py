"""Weights that are written for atoms, seen from where they differ most."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hypernet.lab.results.figures import COLOURS
from hypernet.molecules.plots.style import plain

ELEMENTS = {"H": "0.55", "C": "black", "N": COLOURS[0], "O": COLOURS[4], "F": COLOURS[2]}
OTHER_ELEMENTS = (COLOURS[1], COLOURS[3], COLOURS[5], COLOURS[6])
MARKERS = {
    "sp3": ("o", "sp³"),
    "sp2": ("^", "sp²"),
    "sp": ("s", "sp"),
    "other": ("D", "another or no hybridisation"),
    "on C": (".", "H on C"),
    "on N": ("x", "H on N"),
    "on O": ("+", "H on O"),
}
ACROSS = 4


def components(rounds: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """The first two principal components of all rounds' rows together.

    Args:
        rounds: T of ``[A, N]``.

    Returns:
        places, T of ``[A, 2]`` in units of the components' common standard deviation, and the components' shares of
        the variance ``[2]``. Of each component the largest loading is above zero.
    """
    rows = np.concatenate(rounds).astype(np.float64)
    centred = rows - rows.mean(axis=0)
    variance = float(np.square(centred).sum())
    vectors = _leading(centred)
    signs = np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)])
    places = centred @ (vectors * signs[:, None]).T
    shares = np.square(places).sum(axis=0) / variance if variance else np.zeros(2)
    spread = np.sqrt(np.square(places).mean()) or 1.0
    return np.split(places / spread, np.cumsum([len(entry) for entry in rounds])[:-1]), shares


def _leading(centred: np.ndarray) -> np.ndarray:
    """The two right singular vectors of the largest singular values, ``[2, N]``; zeros where there are fewer."""
    from scipy.sparse.linalg import svds

    if min(centred.shape) > 2 and np.any(centred):
        # Only two are wanted, of a wide matrix: by Lanczos, from a start that is always the same.
        start = np.random.RandomState(0).standard_normal(min(centred.shape))
        _, values, vectors = svds(centred, k=2, v0=start, solver="arpack")
        leading: np.ndarray = vectors[np.argsort(-values)]
        return leading
    few = np.linalg.svd(centred, full_matrices=False)[2][:2]
    return np.concatenate([few, np.zeros((2 - len(few), centred.shape[1]))])


def draw_weights(
    rounds: Sequence[np.ndarray], shares: np.ndarray, symbols: Sequence[str], bonding: Sequence[str], title: str
) -> Figure:
    """Atoms by their weights, a panel for each round of messages.

    Args:
        rounds: places of the atoms, T of ``[A, 2]``.
        shares: of the variance, ``[2]``.
        symbols: of the atoms' elements.
        bonding: what their bonds make of them, see ``bonds.surroundings``.
        title: above the picture.
    """
    across = min(len(rounds), ACROSS)
    down = -(-len(rounds) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(max(4.3 * across, 6.6), 4.2 * down + 1.3), sharex=True, sharey=True, squeeze=False
    )
    colours = {symbol: ELEMENTS.get(symbol) for symbol in dict.fromkeys(symbols)}
    others = [symbol for symbol, colour in colours.items() if colour is None]
    colours |= {symbol: OTHER_ELEMENTS[number % len(OTHER_ELEMENTS)] for number, symbol in enumerate(others)}
    elements, looks = np.array(symbols), np.array([word if word in MARKERS else "other" for word in bonding])
    for number, (panel, places) in enumerate(zip(axes.flat, rounds, strict=False), start=1):
        for symbol, colour in colours.items():
            for look in MARKERS:
                these = places[(elements == symbol) & (looks == look)]
                if len(these):
                    panel.plot(
                        *these.T,
                        ls="",
                        marker=MARKERS[look][0],
                        ms=5,
                        mew=0.9,
                        mfc="none",
                        color=colour,
                        alpha=0.6,
                        rasterized=True,
                    )
        panel.set_title(f"Round {number} of messages")
        panel.set_xlabel(f"Component 1 ({100 * shares[0]:.0f} % of the variance)")
    for panel in axes.flat[len(rounds) :]:
        panel.remove()
    for panel in axes[:, 0]:
        panel.set_ylabel(f"Component 2 ({100 * shares[1]:.0f} %)")
    order = [*ELEMENTS, *others]
    shown = sorted(colours, key=order.index)
    handles = [Line2D([], [], ls="", marker="o", ms=7, color=colours[symbol], label=symbol) for symbol in shown]
    handles += [
        Line2D([], [], ls="", marker=marker, ms=6, mfc="none", color="0.3", label=words)
        for look, (marker, words) in MARKERS.items()
        if look in looks
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4 * across))
    figure.suptitle(plain(title))
    return figure
