# From each domain's source to what its trainings read: two steps a domain, named as its captions name them.
DATA_STEPS = {domain: room(domain, "captions").STEPS for domain in DOMAINS_RUN}


for domain in DOMAINS_RUN:

    rule:
        name:
            f"{domain}_{DATA_STEPS[domain]['raw'].name}"
        input:
            of_dataset(domain, "raw"),
        output:
            manifest=f"{DATA}/raw/{domain}/{{dataset}}/manifest.json",
            made=f"{DATA}/raw/{domain}/{{dataset}}/.raw.made.json",
        log:
            f"{DATA}/raw/{domain}/{{dataset}}.log",
        benchmark:
            f"{DATA}/raw/{domain}/{{dataset}}.benchmark.tsv"
        params:
            # Not the loop's variable: the shell command is put together after the loop.
            domain=domain,
            settings=settings_for(domain, "raw"),
        conda:
            "envs/hypernet.yaml"
        group:
            together(f"{domain}_data")
        threads: 1
        resources:
            mem_mb=1000,
            runtime=DATA_STEPS[domain]["raw"].minutes,
            gpu=0,
        message:
            f"{domain}: {DATA_STEPS[domain]['raw'].message.format(dataset='{wildcards.dataset}')}"
        shell:
            f"{HYPERNET} {{params.domain}} raw --data {DATA} --dataset {{wildcards.dataset}} --settings {{params.settings:q}} > {{log}} 2>&1"

    rule:
        name:
            f"{domain}_{DATA_STEPS[domain]['prepare'].name}"
        input:
            of_dataset(domain, "prepare"),
        output:
            manifest=f"{DATA}/processed/{domain}/{{dataset}}/manifest.json",
            made=f"{DATA}/processed/{domain}/{{dataset}}/.prepare.made.json",
        log:
            f"{DATA}/processed/{domain}/{{dataset}}.log",
        benchmark:
            f"{DATA}/processed/{domain}/{{dataset}}.benchmark.tsv"
        params:
            domain=domain,
            settings=settings_for(domain, "prepare"),
        conda:
            "envs/hypernet.yaml"
        group:
            together(f"{domain}_data")
        threads: 1
        resources:
            mem_mb=2000,
            runtime=DATA_STEPS[domain]["prepare"].minutes,
            gpu=0,
        message:
            f"{domain}: {DATA_STEPS[domain]['prepare'].message.format(dataset='{wildcards.dataset}')}"
        shell:
            f"{HYPERNET} {{params.domain}} prepare --data {DATA} --dataset {{wildcards.dataset}} --settings {{params.settings:q}} > {{log}} 2>&1"
