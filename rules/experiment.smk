# Train, evaluate, summarise, draw, track: the same rules for every domain.
RUN_OPTIONS = (
    f"--data {DATA} --results {RESULTS} --dataset {{wildcards.dataset}} --method {{wildcards.method}}"
    " --seed {wildcards.seed} --threads {threads}"
)


for domain in DOMAINS_RUN:

    # Two threads on one small model are slower than one; several jobs run side by side instead.
    rule:
        name:
            f"{domain}_train"
        wildcard_constraints:
            method=methods_of(domain, at_once=False),
        input:
            of_run(domain, "train"),
        output:
            run_outputs(domain, "train"),
        log:
            f"{run_of(domain)}/log.txt",
        benchmark:
            f"{run_of(domain)}/train.benchmark.tsv"
        params:
            # Not the loop's variable: the shell command is put together after the loop.
            domain=domain,
            settings=settings_for(domain, "train"),
            live="--live" if PROJECT.live_tracking else "",
        conda:
            "envs/hypernet.yaml"
        threads: 1
        resources:
            mem_mb=PROJECT.memory_mb,
            runtime=PROJECT.minutes,
            gpu=PROJECT.gpus_per_training,
        message:
            f"{domain}: train {{wildcards.method}} on {{wildcards.dataset}}, seed {{wildcards.seed}}"
        shell:
            (
                f"{HYPERNET} {{params.domain}} train {RUN_OPTIONS}"
                " {params.live} --settings {params.settings:q} > {log} 2>&1"
            )

    # A method with nothing to train: most of its two steps would be the start of two processes.
    rule:
        name:
            f"{domain}_measure"
        wildcard_constraints:
            method=methods_of(domain, at_once=True),
        input:
            of_run(domain, "train", "evaluate"),
        output:
            run_outputs(domain, "train", "evaluate"),
        log:
            f"{run_of(domain)}/log.txt",
        benchmark:
            f"{run_of(domain)}/measure.benchmark.tsv"
        params:
            domain=domain,
            settings=settings_for(domain, "train", "evaluate"),
        conda:
            "envs/hypernet.yaml"
        group:
            together("measured")
        threads: 1
        resources:
            mem_mb=PROJECT.memory_mb,
            runtime=PROJECT.minutes,
            gpu=0,
        message:
            f"{domain}: measure {{wildcards.method}} on {{wildcards.dataset}}, seed {{wildcards.seed}}"
        shell:
            (
                f"{HYPERNET} {{params.domain}} measure {RUN_OPTIONS}"
                " --settings {params.settings:q} > {log} 2>&1"
            )

    # At full scale one evaluation is many jobs, each with its share of the stopping rule.
    rule:
        name:
            f"{domain}_evaluate_part"
        wildcard_constraints:
            method=methods_of(domain, at_once=False),
        input:
            of_run(domain, "part"),
        output:
            counts=f"{run_of(domain)}/parts/{{part}}.json",
            made=f"{run_of(domain)}/parts/{{part}}.made.json",
        log:
            f"{run_of(domain)}/parts/{{part}}.txt",
        benchmark:
            f"{run_of(domain)}/parts/{{part}}.benchmark.tsv"
        params:
            domain=domain,
            settings=settings_for(domain, "evaluate"),
        conda:
            "envs/hypernet.yaml"
        threads: 1
        resources:
            mem_mb=PROJECT.memory_mb,
            runtime=PROJECT.minutes,
            gpu=PROJECT.gpus_per_training,
        message:
            f"{domain}: evaluate {{wildcards.method}} on {{wildcards.dataset}}, seed {{wildcards.seed}}, part {{wildcards.part}}"
        shell:
            (
                f"{HYPERNET} {{params.domain}} evaluate {RUN_OPTIONS}"
                " --part {wildcards.part} --settings {params.settings:q} > {log} 2>&1"
            )

    rule:
        name:
            f"{domain}_evaluate"
        wildcard_constraints:
            method=methods_of(domain, at_once=False),
        input:
            of_run(domain, "evaluate"),
        output:
            run_outputs(domain, "evaluate"),
        log:
            f"{run_of(domain)}/evaluate.txt",
        benchmark:
            f"{run_of(domain)}/evaluate.benchmark.tsv"
        params:
            domain=domain,
            settings=settings_for(domain, "evaluate"),
        conda:
            "envs/hypernet.yaml"
        threads: 1
        resources:
            mem_mb=PROJECT.memory_mb,
            runtime=PROJECT.minutes,
            gpu=PROJECT.gpus_per_training,
        message:
            f"{domain}: evaluate {{wildcards.method}} on {{wildcards.dataset}}, seed {{wildcards.seed}}"
        shell:
            (
                f"{HYPERNET} {{params.domain}} evaluate {RUN_OPTIONS}"
                " --settings {params.settings:q} > {log} 2>&1"
            )

    rule:
        name:
            f"{domain}_summarise"
        input:
            of_domain(domain, "summarise"),
        output:
            summary=report(
                f"{RESULTS}/{domain}/summary.csv",
                caption="captions/summary.rst",
                category=domain,
                subcategory="tables",
            ),
            comparisons=report(
                f"{RESULTS}/{domain}/comparisons.csv",
                caption="captions/comparisons.rst",
                category=domain,
                subcategory="tables",
            ),
            metrics=f"{RESULTS}/{domain}/metrics.json",
            curves=directory(f"{RESULTS}/{domain}/curves"),
            made=f"{RESULTS}/{domain}/summarise.made.json",
        log:
            f"{RESULTS}/{domain}/summarise.txt",
        benchmark:
            f"{RESULTS}/{domain}/summarise.benchmark.tsv"
        params:
            domain=domain,
            runs=runs_of(domain),
            scale=PROJECT.scale,
        conda:
            "envs/hypernet.yaml"
        group:
            together(f"{domain}_tables")
        threads: 1
        resources:
            mem_mb=2000,
            runtime=15,
            gpu=0,
        message:
            f"{domain}: join all runs into summary.csv"
        shell:
            (
                f"{HYPERNET} {{params.domain}} summarise --results {RESULTS}"
                " --scale {params.scale} --runs {params.runs:q} > {log} 2>&1"
            )

    rule:
        name:
            f"{domain}_figures"
        input:
            of_domain(domain, "figures"),
        output:
            report(
                figures_of(domain),
                caption="captions/figure.rst",
                category=domain,
                subcategory="figures",
            ),
            made=f"{RESULTS}/{domain}/figures.made.json",
        log:
            f"{RESULTS}/{domain}/figures.txt",
        benchmark:
            f"{RESULTS}/{domain}/figures.benchmark.tsv"
        params:
            domain=domain,
            runs=runs_of(domain),
            captions=room(domain, "captions").FIGURES,
        conda:
            "envs/hypernet.yaml"
        group:
            together(f"{domain}_tables")
        threads: 1
        resources:
            mem_mb=2000,
            runtime=15,
            gpu=0,
        message:
            f"{domain}: draw the pictures"
        shell:
            (
                f"{HYPERNET} {{params.domain}} figures --data {DATA} --results {RESULTS}"
                " --runs {params.runs:q} > {log} 2>&1"
            )

    # MLflow is told by one process a domain, from the runs' files; what did not reach it goes the next time.
    rule:
        name:
            f"{domain}_track"
        input:
            of_domain(domain, "track"),
        output:
            made=f"{RESULTS}/{domain}/track.made.json",
        log:
            f"{RESULTS}/{domain}/track.txt",
        benchmark:
            f"{RESULTS}/{domain}/track.benchmark.tsv"
        params:
            domain=domain,
            runs=runs_of(domain),
            scale=PROJECT.scale,
        conda:
            "envs/hypernet.yaml"
        group:
            together(f"{domain}_tables")
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
            gpu=0,
        message:
            f"{domain}: bring MLflow to where the results are"
        shell:
            (
                f"{HYPERNET} {{params.domain}} track --data {DATA} --results {RESULTS}"
                " --scale {params.scale} --runs {params.runs:q} > {log} 2>&1"
            )
