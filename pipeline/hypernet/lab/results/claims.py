"""The orders between methods that a domain claims, checked on what was measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hypernet.lab.errors import UserError


def check_claims(path: Path) -> None:
    """Print every claimed order with its interval, seed by seed.

    Args:
        path: ``comparisons.csv`` of a domain.

    Raises:
        UserError: no comparisons, no claims among them, or one that does not hold.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the domain first")
    table = pd.read_csv(path, dtype={"group": str}, keep_default_na=False)
    claimed = table[table["claimed"]]
    if claimed.empty:
        raise UserError(f"{path}: holds no claimed comparison; were both methods of a claim run?")
    for row in claimed.itertuples():
        state = "holds" if row.holds else "FAILS"
        margin = f" (claimed: at least {row.margin:g})" if row.margin else ""
        print(
            f"{state}  {row.dataset}{row.group and ' '}{row.group} seed {row.seed}: {row.method} over {row.reference}, "
            f"{row.metric} {row.difference:+.3f} [{row.ci95_low:+.3f}, {row.ci95_high:+.3f}], n = {row.n:,}{margin}"
        )
    failed = int((~claimed["holds"]).sum())
    if failed:
        raise UserError(f"{path}: {failed} of {len(claimed)} claimed orders do not hold")
    print(f"all {len(claimed)} claimed orders hold")
