# Error-correcting-code decoders: parity-check matrices, then code words and noise made from numbers as needed.
rule codes_raw:
    input:
        # The user's own parity-check file, where the data set is one.
        matrix=lambda w: CHECKED["codes"].matrices.get(w.dataset, []),
    output:
        matrix="data/raw/codes/{dataset}/parity_check.alist",
        manifest="data/raw/codes/{dataset}/manifest.json",
    log:
        "data/raw/codes/{dataset}.log",
    benchmark:
        "data/raw/codes/{dataset}.benchmark.tsv"
    params:
        settings=lambda w: settings_of("raw", "codes", w.dataset),
        program=program_of("codes", "raw"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
        gpu=0,
    message:
        "codes: parity-check matrix of {wildcards.dataset}"
    shell:
        "python -m hypernet.cli codes raw --dataset {wildcards.dataset} --settings {params.settings:q} > {log} 2>&1"


rule codes_prepare:
    input:
        matrix="data/raw/codes/{dataset}/parity_check.alist",
    output:
        code="data/processed/codes/{dataset}/code.npz",
        manifest="data/processed/codes/{dataset}/manifest.json",
    log:
        "data/processed/codes/{dataset}.log",
    benchmark:
        "data/processed/codes/{dataset}.benchmark.tsv"
    params:
        settings=lambda w: settings_of("prepare", "codes", w.dataset),
        program=program_of("codes", "dataset"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
        gpu=0,
    message:
        "codes: generator matrix of {wildcards.dataset}"
    shell:
        "python -m hypernet.cli codes prepare --dataset {wildcards.dataset} --settings {params.settings:q} > {log} 2>&1"
