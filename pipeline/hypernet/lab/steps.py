"""How the rules name the steps that bring a domain's data in."""

from __future__ import annotations

from typing import NamedTuple


class DataStep(NamedTuple):
    """A step from the source to what trainings read: one rule, ``<domain>_<name>``.

    Attributes:
        name: what it does, as the field says it.
        message: what it does, for the log of a run; ``{dataset}`` stands for the data set.
        minutes: asked of a cluster.
    """

    name: str
    message: str
    minutes: int = 30


class Versioned(NamedTuple):
    """What DVC keeps of a domain beside all its results.

    Attributes:
        dataset: the one data set whose files may be passed on; None: all of them.
        curves: title of the curves that `dvc plots` shows, of what against what; None: the domain has none.
        methods: the methods among the curves.
    """

    dataset: str | None = None
    curves: str | None = None
    methods: tuple[str, ...] = ()
