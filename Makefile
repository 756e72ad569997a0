# Every target one line in `make help`. Nothing but git, make, Python 3.11+ and pip is expected to be there.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
DOMAIN ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUN := PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)/pipeline" MLFLOW_DISABLE_TELEMETRY=true
RESULTS_EVIDENCE := results/evidence
# A domain that does not exist is one clear line before anything is planned.
KNOWN_DOMAIN = $(if $(DOMAIN),$(RUN) hypernet $(DOMAIN) > /dev/null)
.DEFAULT_GOAL := help
.PHONY: help install run real paper evidence test lint format bench mlflow report-html clean clean-data clean-runs

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv and install the pinned dependencies (every target below does it first)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[workflow,ratings,circuits,radar,shapes,sonar,superres,retouch,molecules,test]"
	@touch $(STAMP)

run: $(STAMP) ## the embedded default of every domain, or of one: make run DOMAIN=codes
	@$(KNOWN_DOMAIN)
	@$(RUN) snakemake $(DOMAIN)
	@$(if $(DOMAIN),$(RUN) hypernet report)
	@echo "Page of results:  file://$(CURDIR)/results/index.html"
	@echo "Tracked runs:     make mlflow, then http://127.0.0.1:5000"

real: $(STAMP) ## official data (HYPERNET_MIRROR=folder where there is no network)
	@$(KNOWN_DOMAIN)
	@$(RUN) snakemake --configfile config/real.yaml -- $(DOMAIN)

paper: $(STAMP) ## the papers' protocol: GPU-days, on a cluster with PROFILE=profiles/slurm
	@$(KNOWN_DOMAIN)
	@$(RUN) snakemake $(if $(PROFILE),--workflow-profile $(PROFILE)) --configfile config/paper.yaml -- $(DOMAIN)

evidence: $(STAMP) ## three other seeds, then check the claimed orders: make evidence DOMAIN=codes
	@test -n "$(DOMAIN)" || { echo "make evidence: name the domain, e.g. make evidence DOMAIN=codes"; exit 2; }
	@$(KNOWN_DOMAIN)
	@$(RUN) snakemake --configfile config/evidence.yaml -- $(DOMAIN)
	@$(RUN) hypernet $(DOMAIN) claims --results $(RESULTS_EVIDENCE)

test: $(STAMP) ## all tests, on all cores
	@$(RUN) python -m pytest --numprocesses auto --dist loadgroup --no-loadscope-reorder

lint: $(STAMP) ## ruff, mypy and snakemake --lint
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) snakemake --lint

format: $(STAMP) ## let ruff format the program
	@$(RUN) ruff format .

bench: $(STAMP) ## speed beside the named peers, or of one: make bench DOMAIN=codes
	@$(RUN) python -m benchmarks $(DOMAIN)

mlflow: $(STAMP) ## open the tracking page on http://127.0.0.1:5000
	@$(RUN) mlflow ui --backend-store-uri "sqlite:///$(CURDIR)/mlruns/mlflow.db" --host 127.0.0.1

report-html: $(STAMP) ## Snakemake's own report with provenance: report.html
	@$(RUN) snakemake --report report.html

clean: ## remove results and processed data; raw data and tracked runs stay
	rm -rf results data/processed data/*/processed

clean-data: ## remove raw data too
	rm -rf data

clean-runs: ## remove the tracked runs
	rm -rf mlruns results/*/track.made.json results/*/*/track.made.json
