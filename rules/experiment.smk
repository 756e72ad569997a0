# Train, evaluate, summarise and draw: the same four rules for every domain.
RUN = f"{RESULTS}/{{domain}}/{{dataset}}/{{method}}/seed{{seed}}"


rule train:
    input:
        data="data/processed/{domain}/{dataset}/manifest.json",
        start=lambda w: start_of(w.domain, w.dataset, w.method, w.seed),
    output:
        model=f"{RUN}/model.ckpt",
        run=f"{RUN}/run.json",
    log:
        f"{RUN}/log.txt",
    benchmark:
        f"{RUN}/train.benchmark.tsv"
    params:
        settings=lambda w: settings_of("train", w.domain, w.dataset, w.method),
        program=lambda w: program_of(w.domain, "train"),
        scale=PROJECT.scale,
    # Two threads on one small model are slower than one; several jobs run side by side instead.
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=PROJECT.memory_mb,
        runtime=PROJECT.minutes,
        gpu=PROJECT.gpus_per_training,
    message:
        "{wildcards.domain}: train {wildcards.method} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        (
            f"python -m hypernet.cli {{wildcards.domain}} train --results {RESULTS}"
            " --dataset {wildcards.dataset} --method {wildcards.method} --seed {wildcards.seed}"
            " --threads {threads} --scale {params.scale} --settings {params.settings:q} > {log} 2>&1"
        )


# At full scale one evaluation is many jobs, each with its share of the stopping rule.
rule evaluate_part:
    input:
        data="data/processed/{domain}/{dataset}/manifest.json",
        model=f"{RUN}/model.ckpt",
    output:
        counts=f"{RUN}/parts/{{part}}.json",
    log:
        f"{RUN}/parts/{{part}}.txt",
    benchmark:
        f"{RUN}/parts/{{part}}.benchmark.tsv"
    params:
        settings=lambda w: settings_of("evaluate", w.domain, w.dataset, w.method),
        program=lambda w: program_of(w.domain, "evaluate"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=PROJECT.memory_mb,
        runtime=PROJECT.minutes,
        gpu=PROJECT.gpus_per_training,
    message:
        "{wildcards.domain}: evaluate {wildcards.method} on {wildcards.dataset}, seed {wildcards.seed}, part {wildcards.part}"
    shell:
        (
            f"python -m hypernet.cli {{wildcards.domain}} evaluate --results {RESULTS} --part {{wildcards.part}}"
            " --dataset {wildcards.dataset} --method {wildcards.method} --seed {wildcards.seed}"
            " --threads {threads} --settings {params.settings:q} > {log} 2>&1"
        )


rule evaluate:
    input:
        data="data/processed/{domain}/{dataset}/manifest.json",
        model=f"{RUN}/model.ckpt",
        run=f"{RUN}/run.json",
        parts=lambda w: parts_of(w.domain, RUN.format(**w)),
    output:
        metrics=f"{RUN}/metrics.json",
        per_item=f"{RUN}/items.csv",
    log:
        f"{RUN}/evaluate.txt",
    benchmark:
        f"{RUN}/evaluate.benchmark.tsv"
    params:
        settings=lambda w: settings_of("evaluate", w.domain, w.dataset, w.method),
        program=lambda w: program_of(w.domain, "evaluate"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=PROJECT.memory_mb,
        runtime=PROJECT.minutes,
        gpu=PROJECT.gpus_per_training,
    message:
        "{wildcards.domain}: evaluate {wildcards.method} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        (
            f"python -m hypernet.cli {{wildcards.domain}} evaluate --results {RESULTS}"
            " --dataset {wildcards.dataset} --method {wildcards.method} --seed {wildcards.seed}"
            " --threads {threads} --settings {params.settings:q} > {log} 2>&1"
        )


rule summarise:
    input:
        metrics=lambda w: run_files(w.domain, "metrics.json", "items.csv"),
        published="pipeline/hypernet/{domain}/published.csv",
    output:
        summary=report(
            f"{RESULTS}/{{domain}}/summary.csv",
            caption="captions/summary.rst",
            category="{domain}",
            subcategory="tables",
        ),
        comparisons=report(
            f"{RESULTS}/{{domain}}/comparisons.csv",
            caption="captions/comparisons.rst",
            category="{domain}",
            subcategory="tables",
        ),
        metrics=f"{RESULTS}/{{domain}}/metrics.json",
        curves=directory(f"{RESULTS}/{{domain}}/curves"),
    log:
        f"{RESULTS}/{{domain}}/summarise.txt",
    benchmark:
        f"{RESULTS}/{{domain}}/summarise.benchmark.tsv"
    params:
        runs=lambda w: runs_of(w.domain),
        scale=PROJECT.scale,
        program=lambda w: program_of(w.domain, "evaluate"),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
        gpu=0,
    message:
        "{wildcards.domain}: join all runs into summary.csv"
    shell:
        (
            f"python -m hypernet.cli {{wildcards.domain}} summarise --results {RESULTS}"
            " --scale {params.scale} --runs {params.runs:q} > {log} 2>&1"
        )


for domain in DOMAINS_RUN:

    rule:
        name:
            f"{domain}_figures"
        input:
            summary=f"{RESULTS}/{domain}/summary.csv",
            comparisons=f"{RESULTS}/{domain}/comparisons.csv",
            runs=run_files(domain, "run.json", "model.ckpt", "items.csv"),
        output:
            report(
                figures_of(domain),
                caption="captions/figure.rst",
                category=domain,
                subcategory="figures",
            ),
        log:
            f"{RESULTS}/{domain}/figures.txt",
        benchmark:
            f"{RESULTS}/{domain}/figures.benchmark.tsv"
        params:
            domain=domain,
            runs=runs_of(domain),
            captions=room(domain, "captions").FIGURES,
            program=program_of(domain, "figures"),
        conda:
            "envs/hypernet.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=15,
            gpu=0,
        message:
            f"{domain}: draw the pictures"
        shell:
            (
                # Not the loop's variable: the shell command is put together after the loop.
                f"python -m hypernet.cli {{params.domain}} figures --results {RESULTS}"
                " --runs {params.runs:q} > {log} 2>&1"
            )
