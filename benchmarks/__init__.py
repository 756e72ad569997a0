"""Speed side by side with named peers; run by hand, never by the tests: `python -m benchmarks`."""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import torch


def settings(argv: Sequence[str], description: str, repetitions: int) -> argparse.Namespace:
    """Read the options that all benchmarks share, and give torch its threads."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repetitions", type=int, default=repetitions)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(argv)
    if options.repetitions < 2 or options.threads < 1:
        parser.error("--repetitions must be 2 or more, --threads 1 or more")
    torch.set_num_threads(options.threads)
    return options


def milliseconds(actions: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
    """Time every action `repetitions` times, in turn, so that a slow moment of the machine hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repetitions):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            times[name].append(1000 * (time.perf_counter() - start))
    return times


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def heading(*cells: str) -> str:
    return f"{row(*cells)}\n|{'---|' * len(cells)}"


def timing(values: Sequence[float], reference: Sequence[float]) -> tuple[str, str, str]:
    """Return the cells median, quartiles and ratio of the medians."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{median:.2f}", f"{low:.2f}–{high:.2f}", f"{median / statistics.median(reference):.2f}"
