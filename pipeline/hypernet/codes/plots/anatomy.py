"""A look into one hypernetwork decoder: the weights that f emits, and the messages of one word."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

_RIGHT, _WRONG = "#0072B2", "#D55E00"
_TOWARDS, _IDLE = "#56B4E9", "0.8"


def draw_weights(title: str, quiet: np.ndarray, noisy: np.ndarray, quiet_db: float, noisy_db: float) -> Figure:
    """Heat maps of the first-layer weights that f emits for a quiet and for a noisy word, and of their difference.

    Args:
        title: name of the code.
        quiet: theta_1 of a word at ``quiet_db``, ``[E + 1, H]``.
        noisy: theta_1 of a word at ``noisy_db``, likewise.
        quiet_db: Eb/N0 in dB.
        noisy_db: Eb/N0 in dB.
    """
    difference = noisy - quiet
    largest, largest_difference = max(np.abs(quiet).max(), np.abs(noisy).max()), np.abs(difference).max()
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 4.8), sharey=True)
    images = []
    # The difference has a scale of its own: it is far smaller than the weights.
    for panel, (heading, values, limit) in zip(
        axes,
        (
            (f"Quiet word, {quiet_db:g} dB", quiet, largest),
            (f"Noisy word, {noisy_db:g} dB", noisy, largest),
            ("Noisy minus quiet, separate scale", difference, largest_difference),
        ),
        strict=True,
    ):
        images.append(
            panel.imshow(values, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        )
        panel.set_title(heading)
        panel.set_xlabel("Hidden unit of g")
        panel.grid(False)
    axes[0].set_ylabel("Edge (last row: channel value)")
    figure.colorbar(images[0], ax=axes[:2], label="Weight θ₁", shrink=0.9)
    figure.colorbar(images[2], ax=axes[2], label="Difference", shrink=0.9)
    figure.suptitle(f"{title}: first-layer weights emitted by f in round 1")
    return figure


def draw_messages(
    title: str,
    channel: np.ndarray,
    messages: np.ndarray,
    outputs: np.ndarray,
    check_of_edge: np.ndarray,
    variable_of_edge: np.ndarray,
) -> Figure:
    """The Tanner graph with the messages of one word of zeros after the first, a middle and the last iteration.

    Args:
        title: name of the code.
        channel: channel values, ``[n]``.
        messages: check-to-variable messages after each iteration, ``[L, E]``.
        outputs: bit values after each iteration, ``[L, n]``.
        check_of_edge: the check node of each edge, ``[E]``.
        variable_of_edge: the variable node of each edge, ``[E]``.
    """
    n, m, edges = len(channel), int(check_of_edge.max()) + 1, len(check_of_edge)
    rounds = sorted({0, len(messages) // 2, len(messages) - 1})
    figure, axes = plt.subplots(len(rounds) + 1, 1, figsize=(9.5, 2.1 * (len(rounds) + 1)), sharex=True)
    place = (np.arange(m) + 0.5) * n / m - 0.5
    bit_ends = np.stack([variable_of_edge, np.ones(edges)], axis=1)
    check_ends = np.stack([place[check_of_edge], np.zeros(edges)], axis=1)
    lines = list(np.stack([bit_ends, check_ends], axis=1))

    channel_colours, channel_widths = np.full(edges, _IDLE), np.full(edges, 0.5)
    shown = [("Channel: bits as received", channel, channel_colours, channel_widths)]
    for index in rounds:
        colours = np.where(messages[index] < 0, _WRONG, _TOWARDS)
        widths = np.clip(np.abs(messages[index]), 0.3, 6.0) / 3.0
        shown.append((f"After iteration {index + 1}", outputs[index], colours, widths))
    for panel, (heading, bits, colours, widths) in zip(axes, shown, strict=True):
        panel.add_collection(LineCollection(lines, linewidths=widths, colors=colours, alpha=0.8, zorder=1))
        wrong = bits < 0
        for chosen, colour, marker, label in (
            (~wrong, _RIGHT, "o", "correct bit"),
            (wrong, _WRONG, "X", "wrong bit"),
        ):
            panel.scatter(np.flatnonzero(chosen), np.ones(chosen.sum()), c=colour, marker=marker, s=28, label=label)
        panel.scatter(place, np.zeros(m), c="0.25", marker="s", s=16, label="check")
        panel.set_title(f"{heading}: {int(wrong.sum())} wrong bits", loc="left")
        panel.set_yticks([0, 1], ["checks", "bits"])
        panel.set_ylim(-0.25, 1.25)
        panel.grid(False)
    axes[-1].set_xlabel("Code bit")
    handles, labels = axes[0].get_legend_handles_labels()
    for colour, label in ((_TOWARDS, "message for the sent bit"), (_WRONG, "message against it")):
        handles.append(Line2D([], [], color=colour))
        labels.append(label)
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.suptitle(f"{title}: one all-zero word; line width is the message's magnitude")
    return figure
