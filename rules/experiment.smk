# Train, evaluate, summarise, draw, track: the same rules for every domain.
RUN = f"{RESULTS}/{{domain}}/{{dataset}}/{{method}}/seed{{seed}}"
OF_RUN = "--dataset {wildcards.dataset} --method {wildcards.method} --seed {wildcards.seed} --threads {threads}"


rule train:
    wildcard_constraints:
        domain=domains_with(at_once=False),
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
        live="--live" if PROJECT.live_tracking else "",
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
            f"{HYPERNET} {{wildcards.domain}} train --results {RESULTS} {OF_RUN}"
            " --scale {params.scale} {params.live} --settings {params.settings:q} > {log} 2>&1"
        )


# A method with nothing to train: most of its two steps would be the start of two processes.
rule measure:
    wildcard_constraints:
        domain=domains_with(at_once=True),
    input:
        data="data/processed/{domain}/{dataset}/manifest.json",
        start=lambda w: start_of(w.domain, w.dataset, w.method, w.seed),
    output:
        model=f"{RUN}/model.ckpt",
        run=f"{RUN}/run.json",
        metrics=f"{RUN}/metrics.json",
        per_item=f"{RUN}/items.csv",
    log:
        f"{RUN}/log.txt",
    benchmark:
        f"{RUN}/measure.benchmark.tsv"
    params:
        settings=lambda w: both_settings_of(w.domain, w.dataset, w.method),
        program=lambda w: program_of(w.domain, "train", "evaluate"),
        scale=PROJECT.scale,
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=PROJECT.memory_mb,
        runtime=PROJECT.minutes,
        gpu=0,
    message:
        "{wildcards.domain}: measure {wildcards.method} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        (
            f"{HYPERNET} {{wildcards.domain}} measure --results {RESULTS} {OF_RUN}"
            " --scale {params.scale} --settings {params.settings:q} > {log} 2>&1"
        )


# At full scale one evaluation is many jobs, each with its share of the stopping rule.
rule evaluate_part:
    wildcard_constraints:
        domain=domains_with(at_once=False),
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
            f"{HYPERNET} {{wildcards.domain}} evaluate --results {RESULTS} {OF_RUN}"
            " --part {wildcards.part} --settings {params.settings:q} > {log} 2>&1"
        )


rule evaluate:
    wildcard_constraints:
        domain=domains_with(at_once=False),
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
            f"{HYPERNET} {{wildcards.domain}} evaluate --results {RESULTS} {OF_RUN}"
            " --settings {params.settings:q} > {log} 2>&1"
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
            f"{HYPERNET} {{wildcards.domain}} summarise --results {RESULTS}"
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
                f"{HYPERNET} {{params.domain}} figures --results {RESULTS}"
                " --runs {params.runs:q} > {log} 2>&1"
            )


# MLflow is told by one process a domain, from the runs' files; where it does not answer, this rule has more to do.
rule track:
    input:
        runs=lambda w: run_files(w.domain, "run.json", "metrics.json", "items.csv", "model.ckpt"),
        summary=f"{RESULTS}/{{domain}}/summary.csv",
        comparisons=f"{RESULTS}/{{domain}}/comparisons.csv",
        figures=lambda w: figures_of(w.domain),
        unsent=lambda w: unsent_of(w.domain),
    output:
        tracked=f"{RESULTS}/{{domain}}/tracked.json",
    log:
        f"{RESULTS}/{{domain}}/track.txt",
    benchmark:
        f"{RESULTS}/{{domain}}/track.benchmark.tsv"
    params:
        runs=lambda w: runs_of(w.domain),
    conda:
        "envs/hypernet.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        gpu=0,
    message:
        "{wildcards.domain}: bring MLflow to where the results are"
    shell:
        (
            f"{HYPERNET} {{wildcards.domain}} track --results {RESULTS}"
            " --runs {params.runs:q} > {log} 2>&1"
        )
