# The page that lays what was measured beside what was published.
rule page:
    input:
        summaries=expand(f"{RESULTS}/{{domain}}/summary.csv", domain=DOMAINS_RUN),
        comparisons=expand(f"{RESULTS}/{{domain}}/comparisons.csv", domain=DOMAINS_RUN),
        figures=[figure for domain in DOMAINS_RUN for figure in figures_of(domain)],
    output:
        page=report(f"{RESULTS}/index.html", caption="captions/page.rst", category="page"),
    log:
        f"{RESULTS}/page.txt",
    benchmark:
        f"{RESULTS}/page.benchmark.tsv"
    params:
        program=source_digest("hypernet.report.page"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
        gpu=0,
    message:
        "write the page of results"
    shell:
        f"{HYPERNET} report --results {RESULTS} > {{log}} 2>&1"
