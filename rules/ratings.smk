# Explainable recommendation trees: ratings as their source gives them, then divided and with standardised features.
rule ratings_raw:
    input:
        # The user's own tables, where the data set is one.
        tables=lambda w: CHECKED["ratings"].own_files(w.dataset),
    output:
        manifest="data/raw/ratings/{dataset}/manifest.json",
    log:
        "data/raw/ratings/{dataset}.log",
    benchmark:
        "data/raw/ratings/{dataset}.benchmark.tsv"
    params:
        settings=lambda w: settings_of("raw", "ratings", w.dataset),
        program=program_of("ratings", "raw"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
        gpu=0,
    message:
        "ratings: raw data of {wildcards.dataset}"
    shell:
        "python -m hypernet.cli ratings raw --dataset {wildcards.dataset} --settings {params.settings:q} > {log} 2>&1"


rule ratings_prepare:
    input:
        raw="data/raw/ratings/{dataset}/manifest.json",
    output:
        manifest="data/processed/ratings/{dataset}/manifest.json",
    log:
        "data/processed/ratings/{dataset}.log",
    benchmark:
        "data/processed/ratings/{dataset}.benchmark.tsv"
    params:
        settings=lambda w: settings_of("prepare", "ratings", w.dataset),
        program=program_of("ratings", "dataset"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
        gpu=0,
    message:
        "ratings: divide the ratings of {wildcards.dataset} and standardise the features"
    shell:
        "python -m hypernet.cli ratings prepare --dataset {wildcards.dataset} --settings {params.settings:q} > {log} 2>&1"
