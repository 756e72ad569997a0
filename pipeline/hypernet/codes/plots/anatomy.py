"""A look into one trained hypernetwork decoder: the weights it makes, and the messages of one word."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from hypernet.codes.core.gf2 import generator_matrix
from hypernet.codes.dataset import Code, channel_llr, noise_deviation
from hypernet.codes.trained import open_model
from hypernet.lab.randomness import numpy_generator

QUIET_DB, NOISY_DB = 7.0, 1.0
# Of this many words the picture takes one that the decoder mends and plain decisions do not.
CANDIDATES = 200


def draw_weights(model: Path) -> Figure:
    """Heat maps of theta_1, ``[E + 1, H]``, that the hypernetwork makes for a quiet and for a noisy word.

    Args:
        model: ``model.ckpt`` of a run of the method ``hyper``.
    """
    trained = open_model(model)
    decoder, code = trained.module, _code_of(trained)
    thetas = []
    for ebn0_db in (QUIET_DB, NOISY_DB):
        llr = _words(code, ebn0_db, 1, trained.device)
        with torch.inference_mode():
            messages = next(iter(decoder.messages(llr)))
            thetas.append(decoder.weights(messages)[0][:, :, 0].cpu().numpy())
    thetas.append(thetas[1] - thetas[0])
    limit, difference = max(np.abs(theta).max() for theta in thetas[:2]), np.abs(thetas[2]).max()
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 4.8), sharey=True)
    titles = (f"Quiet word, {QUIET_DB:g} dB", f"Noisy word, {NOISY_DB:g} dB", "Noisy less quiet, own scale")
    images = []
    # The difference has a scale of its own: it is far smaller than the weights.
    for one, theta, title, most in zip(axes, thetas, titles, (limit, limit, difference), strict=True):
        images.append(one.imshow(theta, aspect="auto", cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest"))
        one.set_title(title)
        one.set_xlabel("Hidden unit of g")
        one.grid(False)
    axes[0].set_ylabel("Edge (the last row reads the channel)")
    figure.colorbar(images[0], ax=axes[:2], label="Weight θ₁", shrink=0.9)
    figure.colorbar(images[2], ax=axes[2], label="Difference", shrink=0.9)
    figure.suptitle(f"{code.title}: first-layer weights that f emits in round 1")
    return figure


def draw_messages(model: Path) -> Figure:
    """The Tanner graph of a code with the messages of one word after the first, a middle and the last iteration.

    Args:
        model: ``model.ckpt`` of a run of the method ``hyper``.
    """
    trained = open_model(model)
    decoder, code = trained.module, _code_of(trained)
    llr = _words(code, 3.0, CANDIDATES, trained.device)
    with torch.inference_mode():
        messages = [one.cpu().numpy() for one in decoder.messages(llr)]
        outputs = decoder.every_iteration(llr).cpu().numpy()
    channel = llr.cpu().numpy()
    mended = (channel < 0).any(axis=0) & (outputs[-1] > 0).all(axis=0)
    # The hardest of the mended ones has most to show.
    word = int(np.argmax(np.where(mended, (channel < 0).sum(axis=0), -1)))
    rounds = sorted({0, len(messages) // 2, len(messages) - 1})
    figure, axes = plt.subplots(len(rounds) + 1, 1, figsize=(9.5, 2.1 * (len(rounds) + 1)), sharex=True)
    check, variable = np.nonzero(code.parity_check)
    n, m = code.length, code.parity_check.shape[0]
    place = (np.arange(m) + 0.5) * n / m - 0.5
    lines = np.stack([np.stack([variable, np.ones_like(variable)], 1), np.stack([place[check], 0 * check], 1)], 1)
    shown = [(None, channel[:, word], "Channel: bits as received")]
    shown += [(messages[i][:, word], outputs[i][:, word], f"After iteration {i + 1}") for i in rounds]
    for one, (message, bits, title) in zip(axes, shown, strict=True):
        size = np.ones(len(check)) * 0.5 if message is None else np.clip(np.abs(message), 0.3, 6.0) / 3.0
        wrong_way = np.zeros(len(check), dtype=bool) if message is None else message < 0
        colours = np.where(wrong_way, "#D55E00", "0.8" if message is None else "#56B4E9")
        one.add_collection(LineCollection(lines, linewidths=size, colors=colours, alpha=0.8, zorder=1))
        wrong = bits < 0
        for chosen, colour, marker, label in (
            (~wrong, "#0072B2", "o", "bit decided rightly"),
            (wrong, "#D55E00", "X", "bit decided wrongly"),
        ):
            one.scatter(np.flatnonzero(chosen), np.ones(chosen.sum()), c=colour, marker=marker, s=28, label=label)
        one.scatter(place, np.zeros(m), c="0.25", marker="s", s=16, label="check")
        one.set_title(f"{title}: {int(wrong.sum())} wrong bits", loc="left")
        one.set_yticks([0, 1], ["checks", "bits"])
        one.set_ylim(-0.25, 1.25)
        one.grid(False)
    axes[-1].set_xlabel("Code bit")
    handles, labels = axes[0].get_legend_handles_labels()
    for colour, label in (("#56B4E9", "message for the right bit"), ("#D55E00", "message for the wrong bit")):
        handles.append(plt.Line2D([], [], color=colour))
        labels.append(label)
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.suptitle(f"{code.title}: one word of zeros; line width is the message's magnitude")
    return figure


def _code_of(trained) -> Code:
    return Code(trained.title, trained.parity_check, generator_matrix(trained.parity_check))


def _words(code: Code, ebn0_db: float, words: int, device: torch.device) -> torch.Tensor:
    generator = numpy_generator(0, "codes", "pictures", f"{ebn0_db:g}")
    bits = np.zeros((code.length, words), dtype=np.uint8)
    return torch.from_numpy(channel_llr(bits, noise_deviation(ebn0_db, code.rate), generator)).to(device)
