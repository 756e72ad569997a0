# What the rules of all domains need: the checked configuration and the slices cut from it.
import json
import sys
import uuid

sys.path.insert(0, str(Path(workflow.basedir) / "pipeline"))

from hypernet.domains import DOMAINS, config_types, room
from hypernet.lab.config import check_whole
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_text
from hypernet.lab.locks import hold
from hypernet.lab.manifest import MANIFEST
from hypernet.lab.plan import MEASURED, TRAINED, Plan

try:
    CHECKED = check_whole(config, config_types())
except UserError as error:
    raise WorkflowError(f"configuration: {error}")

PROJECT = CHECKED["project"]
DATA, RESULTS = PROJECT.data, PROJECT.results
DOMAINS_RUN = [name for name in DOMAINS if name in CHECKED]
FIGURES = {name: list(room(name, "captions").FIGURES) for name in DOMAINS_RUN}
PLAN = Plan.of(CHECKED, FIGURES)
HYPERNET = "python -m hypernet.cli"


wildcard_constraints:
    dataset=r"[A-Za-z0-9_-]+",
    method=r"[a-z0-9_]+",
    seed=r"\d+",
    part=r"\d+",


def together(name):
    """The group of small steps that a cluster gets as one job, where that is asked for."""
    return name if PROJECT.group_small_steps else None


def run_of(domain):
    """The folder of a run, with wildcards."""
    return f"{RESULTS}/{domain}/{{dataset}}/{{method}}/seed{{seed}}"


def runs_of(domain):
    """The folders of all runs of a domain."""
    return [str(run) for run in PLAN.runs(domain)]


def figures_of(domain):
    """The pictures of a domain."""
    return [f"{RESULTS}/{domain}/figures/{name}.png" for name in FIGURES[domain]]


def run_outputs(domain, *steps):
    """What these steps of a run write, with wildcards."""
    files = {"train": TRAINED, "evaluate": (*MEASURED, *CHECKED[domain].evaluation_files)}
    return [f"{run_of(domain)}/{name}" for step in steps for name in (*files[step], f"{step}.made.json")]


def methods_of(domain, at_once):
    """The methods of a domain that are, or are not, trained and measured in one process, as a pattern."""
    together = CHECKED[domain].methods_at_once()
    methods = together if at_once else [name for name in CHECKED[domain].table if name not in together]
    # A pattern that nothing matches, where there are none.
    return "|".join(methods) or "(?!)"


def settings_for(domain, *steps):
    """A function of wildcards that gives the slices of the configuration that these steps may see, as JSON."""

    def settings(w):
        slices = {step: CHECKED[domain].settings(step, w.dataset, w.get("method")) for step in steps}
        contents = {step: content.model_dump(mode="json") for step, content in slices.items()}
        return json.dumps(contents if len(steps) > 1 else contents[steps[0]])

    return settings


# Which steps have to run is told by the records beside their outputs, not by dates. Snakemake looks at dates alone
# (profiles: rerun-triggers), so the inputs of a step that is fresh are declared ancient, and one that is not reads a
# marker besides, newer than all outputs. A cluster's jobs read this file too: they do what they are told.
MARKER = f"{RESULTS}/.due"
IS_MAIN = getattr(workflow, "is_main_process", True)
if IS_MAIN:
    # All at once, before Snakemake reads dates: those in the future are set to now.
    try:
        STALE = PLAN.stale()
    except UserError as error:
        raise WorkflowError(f"configuration: {error}")
    # Other bytes every time: Snakemake does not take a file for newer whose bytes it knows.
    try:
        PLAN.digests.keep()
        write_text(Path(MARKER), uuid.uuid4().hex)
    except OSError as error:
        raise WorkflowError(f"{RESULTS}: cannot be written ({error.strerror})")


# Folders that Snakemake knows by their manifests.
DATA_FOLDERS = {folder for step in PLAN.data_steps() for folder in step.outputs}


def hold_this_folder():
    """Let no other Snakemake work in this folder until this one ends."""
    try:
        hold(Path(".hypernet.lock"), "Snakemake works in this folder")
    except UserError as error:
        raise WorkflowError(str(error))


def inputs_of(*steps):
    """What is read to make these steps: files, and of a folder its manifest (see above)."""
    made = {path for step in steps for path in step.outputs}
    paths = [
        str(path / MANIFEST if path in DATA_FOLDERS else path)
        for path in dict.fromkeys(path for step in steps for path in step.inputs)
        if path not in made
    ]
    if not IS_MAIN:
        return paths
    if any(PLAN.reason(step) for step in steps):
        return [*paths, MARKER]
    return [ancient(path) for path in paths]


def of_run(domain, *steps):
    """A function of wildcards that gives the inputs of a run's steps."""

    def inputs(w):
        more = (int(w.part),) if "part" in w.keys() else ()
        run = (domain, w.dataset, w.method, int(w.seed), *more)
        return inputs_of(*(getattr(PLAN, step)(*run) for step in steps))

    return inputs


def of_domain(domain, step):
    """A function that gives the inputs of a domain's step."""
    return lambda w: inputs_of(getattr(PLAN, step)(domain))


def of_dataset(domain, step):
    """A function of wildcards that gives the inputs of a data set's step."""
    return lambda w: inputs_of(getattr(PLAN, step)(domain, w.dataset))
