"""The scale of a table's ratings where nobody says what it is: taken from them, once none of them is a stray."""

from __future__ import annotations

import numpy as np

from hypernet.lab.errors import UserError

# Different ratings that make a scale, at least: with fewer nothing can be told of the others.
FEWEST_ALIKE = 3
# Of all ratings: fewer than this share are likelier to be mistakes.
FEW_SHARE = 0.05
# Ratings beyond a usual scale are strays where its own end is given so many times as often.
END_TO_STRAYS = 10
# Scales that sites and data sets have.
USUAL = ((0.5, 5), (1, 5), (1, 10), (0, 10), (0, 100), (1, 100), (-10, 10), (0, 1))


def check_scale(where: str, rating: np.ndarray, lines: np.ndarray, remedy: str) -> None:
    """Refuse ratings that would become an end of the scale and are none.

    That is a 99 far from all others, a 6 among a thousand ratings from 1 to 5, a -1 where no other is negative, and a 0
    that most ratings are, as where it stands for "not rated".

    Args:
        where: the file, for the message.
        rating: float64 ``[N]``.
        lines: number of each rating's line in the file, ``[N]``.
        remedy: how to say what the scale is, with ``{low}`` and ``{high}`` for its ends.

    Raises:
        UserError: one line that names the file and the line.
    """
    values, counts = np.unique(rating, return_counts=True)
    if len(values) < FEWEST_ALIKE + 1:
        return
    for strays, why in (_alone(values, counts), _unrated(values, counts), _beyond(values, counts)):
        if not len(strays):
            continue
        rows = np.flatnonzero(np.isin(rating, strays))
        more = f" (and {len(rows) - 1} more like it)" if len(rows) > 1 else ""
        others = values[~np.isin(values, strays)]
        scale = remedy.format(low=f"{values[0]:g}", high=f"{values[-1]:g}")
        told = why.format(low=f"{others[0]:g}", high=f"{others[-1]:g}")
        raise UserError(
            f"{where}, line {lines[rows[0]]}: rating {rating[rows[0]]:g}{more} {told}; "
            f"accepted: ratings without such ones, or {scale}"
        )


def _alone(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, str]:
    """Ratings far from all others: twice as far as these lie apart; of few, half as far and more than two steps."""
    place = int(np.argmax(np.diff(values))) + 1
    alike, alone = sorted((values[:place], values[place:]), key=len, reverse=True)
    if len(alike) < FEWEST_ALIKE:
        return values[:0], ""
    reach, step = alike[-1] - alike[0], np.diff(alike).max()
    few = counts[np.isin(values, alone)].sum() < FEW_SHARE * counts.sum()
    far = values[place] - values[place - 1] > (max(reach / 2, 2 * step) if few else 2 * reach)
    return alone if far else values[:0], "lies far from the others, which go from {low} to {high}"


def _unrated(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, str]:
    """The -1 or 0 that programs write where there is no rating; not those of likes and dislikes."""
    if values[-1] > 1 and ((values[0] == -1 and values[1] >= 0) or (values[0] == 0 and 2 * counts[0] > counts.sum())):
        return values[:1], "seems to mean not rated: the others go from {low} to {high}"
    return values[:0], ""


def _beyond(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, str]:
    """A few ratings beyond a usual scale, both ends of which many have given."""
    why = "is beyond the scale of the others, which go from {low} to {high}"
    whole = (values[0], values[-1])
    if whole in USUAL and not (whole == (0.5, 5) and (values[1:] % 1 == 0).all()):
        return values[:0], why
    for low, high in USUAL:
        inside = (values >= low) & (values <= high)
        if inside.all() or inside.sum() < FEWEST_ALIKE or (values[inside][0], values[inside][-1]) != (low, high):
            continue
        ends = [counts[inside][0]] * bool(values[0] < low) + [counts[inside][-1]] * bool(values[-1] > high)
        strays = counts[~inside].sum()
        if strays < FEW_SHARE * counts.sum() and END_TO_STRAYS * strays <= min(ends):
            return values[~inside], why
    return values[:0], why


def told_scale(rating: np.ndarray) -> str:
    """What the scale is taken to be, and how many ratings its ends rest on."""
    low, high = ((end, int((rating == end).sum())) for end in (rating.min(), rating.max()))
    counts = f"{low[1]} of {len(rating)} are {low[0]:g}, {high[1]} are {high[0]:g}"
    return f"the ratings go from {low[0]:g} to {high[0]:g}, which is taken for the scale ({counts}; tables: scale)"


def zeros(rating: np.ndarray) -> str:
    """What is said of zeros below all other ratings, which some programs write where there is none; ``""`` without."""
    values, counts = np.unique(rating, return_counts=True)
    if len(values) < FEWEST_ALIKE + 1 or values[0] != 0:
        return ""
    told = f"{counts[0]} of {len(rating)} ratings are 0, the others {values[1]:g} to {values[-1]:g}"
    return f"{told}; if 0 means not rated, leave these rows out"
