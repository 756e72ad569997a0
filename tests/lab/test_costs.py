"""What steps cost, noted by themselves and joined in a table."""

from __future__ import annotations

import subprocess
import sys
import time

from hypernet.lab.costs import cost_table, note_cost
from hypernet.lab.files import read_json, write_json


def test_a_note_holds_what_the_process_and_its_children_used(tmp_path):
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "sum(range(10**6))"], check=True)
    note_cost(tmp_path / "seed0" / "train", started)
    note = read_json(tmp_path / "seed0" / "train.cost.json")
    assert note["user_s"] > 0
    assert 0 < note["wall_s"] <= time.monotonic() - started
    assert note["peak_memory_mb"] > 1


def test_the_table_adds_up(tmp_path):
    def note(place, seconds, memory=100):
        cost = {"user_s": seconds, "system_s": 0.5, "wall_s": 2 * seconds, "peak_memory_mb": memory}
        path = tmp_path / f"{place}.cost.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, cost)

    note("data/raw/codes/A", 1)
    note("data/processed/codes/A", 2)
    note("results/codes/A/bp/seed0/measure", 3)
    note("results/codes/A/hyper/seed0/train", 10, memory=900)
    note("results/codes/A/static/seed0/train", 20)
    note("results/codes/track", 1)
    note("results/page", 4)
    # Other results, and damaged notes.
    note("results/real/codes/A/bp/seed0/measure", 100)
    (tmp_path / "results/codes/figures.cost.json").write_text("[]")
    folders = [tmp_path / "data" / "raw", tmp_path / "data" / "processed", tmp_path / "results"]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in cost_table(folders, ["codes"]).splitlines()]
    assert rows[0] == ["domain", "step", "processor s", "wall s", "peak memory MB"]
    by_step = {(row[0], row[1]): row[2:] for row in rows[2:]}
    assert by_step["codes", "train × 2"] == ["31.0", "60.0", "900"]
    assert by_step["codes", "raw"] == ["1.5", "2.0", "100"]
    assert by_step["**codes**", "all × 6"] == ["40.0", "74.0", "900"]
    assert by_step["**all**", "all × 7"] == ["44.5", "82.0", "900"]
    each = cost_table(folders, ["codes"], each=True)
    assert "| codes | train A hyper seed0 | 10.5 | 20.0 | 900 |" in each
