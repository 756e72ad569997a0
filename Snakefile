from pathlib import Path

from snakemake.exceptions import WorkflowError


configfile: "params.yaml"


include: "rules/common.smk"


# Snakemake's own lock stays after a kill; this one ends with the process.
onstart:
    hold_this_folder()


include: "rules/data.smk"
include: "rules/experiment.smk"
include: "rules/report.smk"


# Named targets: `snakemake codes` runs one domain; no target runs them all and writes the page.
rule all:
    default_target: True
    input:
        f"{RESULTS}/index.html",
        expand(f"{RESULTS}/{{domain}}/track.made.json", domain=DOMAINS_RUN),


for domain in DOMAINS_RUN:

    rule:
        name:
            domain
        input:
            summary=f"{RESULTS}/{domain}/summary.csv",
            figures=figures_of(domain),
            tracked=f"{RESULTS}/{domain}/track.made.json",
