# Weather radar nowcasting: pictures simulated or files fetched, then grey levels and windows.
rule radar_raw:
    output:
        manifest="data/raw/radar/{dataset}/manifest.json",
    log:
        "data/raw/radar/{dataset}.log",
    benchmark:
        "data/raw/radar/{dataset}.benchmark.tsv"
    params:
        settings=lambda w: settings_of("raw", "radar", w.dataset),
        program=program_of("radar", "raw"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
        gpu=0,
    message:
        "radar: raw images of {wildcards.dataset}"
    shell:
        "python -m hypernet.cli radar raw --dataset {wildcards.dataset} --settings {params.settings:q} > {log} 2>&1"


rule radar_prepare:
    input:
        raw="data/raw/radar/{dataset}/manifest.json",
    output:
        manifest="data/processed/radar/{dataset}/manifest.json",
    log:
        "data/processed/radar/{dataset}.log",
    benchmark:
        "data/processed/radar/{dataset}.benchmark.tsv"
    params:
        settings=lambda w: settings_of("prepare", "radar", w.dataset),
        program=program_of("radar", "dataset"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
        gpu=0,
    message:
        "radar: grey levels and windows of {wildcards.dataset}"
    shell:
        "python -m hypernet.cli radar prepare --dataset {wildcards.dataset} --settings {params.settings:q} > {log} 2>&1"
