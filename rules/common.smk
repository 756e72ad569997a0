# What the rules of all domains need: the checked configuration and the slices cut from it.
import json
import sys

sys.path.insert(0, str(Path(workflow.basedir) / "pipeline"))

from hypernet.domains import DOMAINS, config_types, room
from hypernet.lab.config import check_whole
from hypernet.lab.errors import UserError
from hypernet.lab.program import source_digest

try:
    CHECKED = check_whole(config, config_types())
except UserError as error:
    raise WorkflowError(f"configuration: {error}")

PROJECT = CHECKED["project"]
RESULTS = PROJECT.results
DOMAINS_RUN = [name for name in DOMAINS if name in CHECKED]
HYPERNET = "python -m hypernet.cli"


wildcard_constraints:
    domain="|".join(DOMAINS_RUN),
    dataset=r"[A-Za-z0-9_-]+",
    method=r"[a-z0-9_]+",
    seed=r"\d+",
    part=r"\d+",


def settings_of(step, domain, dataset, method=None):
    """The slice of the configuration that one step of one run depends on, as JSON: what the job gets to see."""
    return CHECKED[domain].settings(step, dataset, method).model_dump_json()


def both_settings_of(domain, dataset, method):
    """The slices of the two steps that a method's measurement is made of."""
    steps = ("train", "evaluate")
    return json.dumps({step: json.loads(settings_of(step, domain, dataset, method)) for step in steps})


def program_of(domain, *rooms):
    """A digest of the program text behind a step: an edited model is trained again."""
    return source_digest(*(f"hypernet.{domain}.{name}" for name in rooms))


def runs_of(domain):
    """The folders of all runs of a domain."""
    return [
        f"{RESULTS}/{domain}/{dataset}/{method}/seed{seed}" for dataset, method, seed in CHECKED[domain].runs()
    ]


def run_files(domain, *names):
    """These files of every run of a domain."""
    return [f"{run}/{name}" for run in runs_of(domain) for name in names]


def start_of(domain, dataset, method, seed):
    """The trained model that a training goes on from, where it does."""
    start = CHECKED[domain].start(dataset, method)
    return f"{RESULTS}/{domain}/{dataset}/{start}/seed{seed}/model.ckpt" if start else []


def figures_of(domain):
    """The pictures of a domain."""
    return expand(f"{RESULTS}/{domain}/figures/{{name}}.png", name=room(domain, "captions").FIGURES)


def parts_of(domain, run):
    """The jobs that an evaluation is divided into, where it is divided at all."""
    parts = CHECKED[domain].parts()
    return [f"{run}/parts/{part}.json" for part in range(parts)] if parts > 1 else []


def unsent_of(domain):
    """What tells that MLflow does not have everything yet, where it does not."""
    return [path for path in [f"{RESULTS}/{domain}/.unsent"] if Path(path).exists()]


def domains_with(at_once):
    """The domain in the path of a run whose method is, or is not, trained and measured in one process."""
    ahead = "?=" if at_once else "?!"
    return "|".join(
        f"{domain}({ahead}/[^/]+/(?:{'|'.join(CHECKED[domain].methods_at_once())})/)" for domain in DOMAINS_RUN
    )
