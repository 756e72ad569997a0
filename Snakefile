from pathlib import Path

from snakemake.exceptions import WorkflowError


configfile: "params.yaml"


include: "rules/common.smk"


for domain in DOMAINS_RUN:

    include: f"rules/{domain}.smk"


include: "rules/experiment.smk"
include: "rules/report.smk"


# Named targets: `snakemake codes` runs one domain; no target runs them all and writes the page.
rule all:
    default_target: True
    input:
        f"{RESULTS}/index.html",


for domain in DOMAINS_RUN:

    rule:
        name:
            domain
        input:
            summary=f"{RESULTS}/{domain}/summary.csv",
            figures=figures_of(domain),
