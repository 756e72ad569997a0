DOMAINS_TEXT = " ".join(DOMAINS_RUN)


# The page that lays what was measured beside what was published.
rule page:
    input:
        lambda w: inputs_of(PLAN.page()),
    output:
        page=report(f"{RESULTS}/index.html", caption="captions/page.rst", category="page"),
        made=f"{RESULTS}/page.made.json",
    log:
        f"{RESULTS}/page.txt",
    benchmark:
        f"{RESULTS}/page.benchmark.tsv"
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
        f"{HYPERNET} report --results {RESULTS} --domains {DOMAINS_TEXT} > {{log}} 2>&1"
