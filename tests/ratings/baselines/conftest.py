"""Generated ratings of a few users."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hypernet.ratings.core.tables import RatingData, Rows


@pytest.fixture(scope="session")
def few_users(prepared):
    """``few_users(60)``: the data of the first 60 users, the truth and the newcomers left out."""

    def load(count: int) -> RatingData:
        def rows_of(rows: Rows) -> Rows:
            kept = rows.user < count
            return Rows(rows.user[kept], rows.item[kept], rows.rating[kept], rows.x[kept])

        whole = RatingData.load(prepared("preftrees"))
        parts = {split: rows_of(getattr(whole, split)) for split in ("fit", "validation", "train", "test")}
        return replace(
            whole, users=whole.users[:count], user_x=whole.user_x[:count], truth=None, newcomers=None, **parts
        )

    return load
