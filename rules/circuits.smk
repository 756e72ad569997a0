# Analog circuit design: held-out circuits drawn (or given), then simulated.
rule circuits_raw:
    output:
        manifest="data/raw/circuits/{dataset}/manifest.json",
    log:
        "data/raw/circuits/{dataset}.log",
    benchmark:
        "data/raw/circuits/{dataset}.benchmark.tsv"
    params:
        settings=lambda w: settings_of("raw", "circuits", w.dataset),
        program=program_of("circuits", "raw"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
        gpu=0,
    message:
        "circuits: draw the held-out circuits of {wildcards.dataset}"
    shell:
        "python -m hypernet.cli circuits raw --dataset {wildcards.dataset} --settings {params.settings:q} > {log} 2>&1"


rule circuits_prepare:
    input:
        raw="data/raw/circuits/{dataset}/manifest.json",
    output:
        manifest="data/processed/circuits/{dataset}/manifest.json",
    log:
        "data/processed/circuits/{dataset}.log",
    benchmark:
        "data/processed/circuits/{dataset}.benchmark.tsv"
    params:
        settings=lambda w: settings_of("prepare", "circuits", w.dataset),
        program=program_of("circuits", "dataset"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
        gpu=0,
    message:
        "circuits: simulate the held-out circuits of {wildcards.dataset}"
    shell:
        "python -m hypernet.cli circuits prepare --dataset {wildcards.dataset} --settings {params.settings:q} > {log} 2>&1"
