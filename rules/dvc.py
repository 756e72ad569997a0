"""Write dvc.yaml anew, from what every domain's captions say: ``python rules/dvc.py > dvc.yaml``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "pipeline"))

from hypernet.domains import DOMAINS, available, room

HEAD = """\
# One stage per domain: Snakemake does the work, DVC knows whether anything changed and keeps the versions.
# `persist` leaves the outputs in place, so Snakemake remakes only what a change touches.
# Written by `python rules/dvc.py > dvc.yaml`.
"""
PROGRAM = "pipeline/hypernet"


def outputs(*paths: str) -> list[dict[str, Any]]:
    """Outputs that a stage does not remove before it runs."""
    return [{path: {"persist": True}} for path in paths]


def domain_stage(domain: str) -> dict[str, Any]:
    """The stage of one domain."""
    # One data set alone where others, which may lie beside it, may not be passed on.
    dataset = room(domain, "captions").VERSIONED.dataset
    inside = f"{domain}/{dataset}" if dataset else domain
    return {
        "desc": DOMAINS[domain],
        "cmd": f"snakemake {domain}",
        "deps": [*(f"{PROGRAM}/{part}" for part in (domain, "layers", "lab")), "rules", "Snakefile"],
        "params": [domain, "project"],
        "outs": outputs(f"data/raw/{inside}", f"data/processed/{inside}", f"results/{domain}"),
    }


def content(domains: Sequence[str]) -> dict[str, Any]:
    """What dvc.yaml holds, for these domains."""
    page = {
        "desc": "The page of all results",
        "cmd": "snakemake results/index.html",
        "deps": [f"{PROGRAM}/report", "rules/report.smk", *(f"results/{domain}" for domain in domains)],
        "outs": outputs("results/index.html", "results/page.made.json"),
    }
    plots = [
        {
            f"results/{domain}/curves": {
                "template": "simple",
                "title": f"{domain}: {versioned.curves}",
                "x": "position",
                "y": list(versioned.methods),
            }
        }
        for domain in domains
        if (versioned := room(domain, "captions").VERSIONED).curves
    ]
    return {
        "stages": {**{domain: domain_stage(domain) for domain in domains}, "page": page},
        "metrics": [f"results/{domain}/metrics.json" for domain in domains],
        "plots": plots,
    }


if __name__ == "__main__":
    print(HEAD + yaml.safe_dump(content(available()), sort_keys=False, allow_unicode=True, width=120), end="")
