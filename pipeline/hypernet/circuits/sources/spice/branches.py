"""Parts joined in series and parallel, as expressions; and which of them are arms of a ladder.

An arm in series is one part, or parallel branches of parts in series; an arm to ground is one part, or branches in
series of parallel parts (:mod:`hypernet.circuits.core.parts`). Parts of one letter inside one branch are one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import TypeAlias

from hypernet.circuits.core.parts import ARM, BRANCH, CHAINED, ELEMENTS, joined
from hypernet.circuits.sources.spice.expressions import decimals
from hypernet.lab.errors import UserError

LETTERS = "rlc"
# Before parts of one letter are merged; an arm has two afterwards.
DEEPEST = 20


@dataclass(frozen=True)
class Part:
    """A resistor, inductor or capacitor.

    Attributes:
        letter: r, l or c.
        value: ohms, henries or farads.
        order: its place in the file.
        label: where it is and what it is called: ``filter.cir, line 4: L1``.
    """

    letter: str
    value: Decimal
    order: int
    label: str


@dataclass(frozen=True)
class Joint:
    """Branches in series or in parallel, two or more; made by :func:`join`.

    Attributes:
        series: or in parallel.
        members: the branches, those in series as they follow one another.
        first: the part that is first in the file.
        depth: joints inside one another.
    """

    series: bool
    members: tuple[Branch, ...]
    first: Part
    depth: int

    def reversed(self) -> Joint:
        """The same from its other end."""
        return replace(self, members=self.members[::-1])


Branch: TypeAlias = Part | Joint


def join(series: bool, members: Sequence[Branch]) -> Branch:
    """The members in series or in parallel; those joined in the same way are taken apart first."""
    flat: list[Branch] = []
    for member in members:
        flat += member.members if isinstance(member, Joint) and member.series == series else [member]
    if len(flat) == 1:
        return flat[0]
    depth = 1 + max(member.depth if isinstance(member, Joint) else 0 for member in flat)
    return Joint(series, tuple(flat), min(map(first_part, flat), key=lambda part: part.order), depth)


def first_part(branch: Branch) -> Part:
    """The part of a branch that is first in the file."""
    return branch if isinstance(branch, Part) else branch.first


def merged(branch: Branch) -> Branch:
    """The same with parts of one letter that are joined directly as one part."""
    if isinstance(branch, Part):
        return branch
    inside = join(branch.series, [merged(member) for member in branch.members])
    if isinstance(inside, Part):
        return inside
    alone: dict[str, Part] = {}
    rest: list[Branch] = []
    for member in inside.members:
        if isinstance(member, Joint):
            rest.append(member)
        elif member.letter in alone:
            alone[member.letter] = _together(alone[member.letter], member, inside.series)
        else:
            alone[member.letter] = member
    return join(inside.series, [*alone.values(), *rest])


def _together(first: Part, second: Part, series: bool) -> Part:
    adds = series == (first.letter != "c")
    with localcontext(decimals()):
        value = first.value + second.value if adds else 1 / (1 / first.value + 1 / second.value)
    return replace(first if first.order < second.order else second, value=value)


def arms(branch: Branch, series: bool) -> list[Branch]:
    """The arms that follow one another: members in series in the line, or in parallel to ground."""
    return list(branch.members) if isinstance(branch, Joint) and branch.series == series else [branch]


def arm_parts(arm: Branch, series: bool) -> list[tuple[int, Decimal]]:
    """Types (0..17) and values in ohms, henries and farads of one arm, in the order of the file.

    Raises:
        UserError: joined more than twice.
    """
    if isinstance(arm, Joint) and arm.depth > DEEPEST:
        raise _too_deep(arm)
    simple = merged(arm)
    branches: list[Branch] = [simple] if isinstance(simple, Part) else list(simple.members)
    if isinstance(simple, Joint) and simple.series == series:
        # A chain that merging has brought forward is one branch.
        branches = [simple]
    out: list[tuple[int, Decimal]] = []
    for branch in sorted(branches, key=lambda branch: first_part(branch).order):
        parts = [branch] if isinstance(branch, Part) else branch.members
        deep = next((member for member in parts if isinstance(member, Joint)), None)
        if deep is not None:
            raise _too_deep(deep)
        inside = sorted((part for part in parts if isinstance(part, Part)), key=lambda part: part.order)
        for later, part in enumerate(inside):
            level = CHAINED if later else BRANCH if out else ARM
            out.append((joined(LETTERS.index(part.letter) + ELEMENTS * (not series), level), part.value))
    return out


def _too_deep(joint: Joint) -> UserError:
    return UserError(
        f"{joint.first.label}: joined in series and parallel too deeply; accepted: in the line parallel branches of "
        "parts in series, to ground branches in series of parallel parts"
    )
