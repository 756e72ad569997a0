# From each domain's source to what its trainings read: two steps a domain, named as its captions name them.
DATA_STEPS = {domain: room(domain, "captions").STEPS for domain in DOMAINS_RUN}


def own_files_of(domain):
    """A function that gives a person's own files behind a data set."""
    return lambda w: CHECKED[domain].own_files(w.dataset)


def data_settings_of(step, domain):
    """A function that gives the slice of the configuration that a step depends on."""
    return lambda w: settings_of(step, domain, w.dataset)


for domain in DOMAINS_RUN:

    rule:
        name:
            f"{domain}_{DATA_STEPS[domain]['raw'].name}"
        input:
            own=own_files_of(domain),
        output:
            manifest=f"data/raw/{domain}/{{dataset}}/manifest.json",
            files=expand(f"data/raw/{domain}/{{{{dataset}}}}/{{file}}", file=DATA_STEPS[domain]["raw"].files),
        log:
            f"data/raw/{domain}/{{dataset}}.log",
        benchmark:
            f"data/raw/{domain}/{{dataset}}.benchmark.tsv"
        params:
            # Not the loop's variable: the shell command is put together after the loop.
            domain=domain,
            settings=data_settings_of("raw", domain),
            program=program_of(domain, "raw"),
        conda:
            "envs/hypernet.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=DATA_STEPS[domain]["raw"].minutes,
            gpu=0,
        message:
            f"{domain}: {DATA_STEPS[domain]['raw'].message.format(dataset='{wildcards.dataset}')}"
        shell:
            f"{HYPERNET} {{params.domain}} raw --dataset {{wildcards.dataset}} --settings {{params.settings:q}} > {{log}} 2>&1"

    rule:
        name:
            f"{domain}_{DATA_STEPS[domain]['prepare'].name}"
        input:
            raw=f"data/raw/{domain}/{{dataset}}/manifest.json",
            files=expand(f"data/raw/{domain}/{{{{dataset}}}}/{{file}}", file=DATA_STEPS[domain]["raw"].files),
        output:
            manifest=f"data/processed/{domain}/{{dataset}}/manifest.json",
            files=expand(f"data/processed/{domain}/{{{{dataset}}}}/{{file}}", file=DATA_STEPS[domain]["prepare"].files),
        log:
            f"data/processed/{domain}/{{dataset}}.log",
        benchmark:
            f"data/processed/{domain}/{{dataset}}.benchmark.tsv"
        params:
            domain=domain,
            settings=data_settings_of("prepare", domain),
            program=program_of(domain, "dataset"),
        conda:
            "envs/hypernet.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=DATA_STEPS[domain]["prepare"].minutes,
            gpu=0,
        message:
            f"{domain}: {DATA_STEPS[domain]['prepare'].message.format(dataset='{wildcards.dataset}')}"
        shell:
            f"{HYPERNET} {{params.domain}} prepare --dataset {{wildcards.dataset}} --settings {{params.settings:q}} > {{log}} 2>&1"
