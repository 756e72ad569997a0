"""``hypernet <domain> <verb>``: every step of the pipeline as one command.

Nothing heavy is imported here: each verb imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hypernet import __version__
from hypernet.domains import DOMAINS, available, config_types, room
from hypernet.lab import config
from hypernet.lab.errors import CollapsedError, UserError
from hypernet.lab.options import whole_number

if TYPE_CHECKING:
    from hypernet.lab.job import Job
    from hypernet.lab.plan import Folders

STARTED = time.monotonic()
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PARAMS = Path("params.yaml")
VERBS = {
    "raw": "get or generate the raw data of a data set",
    "prepare": "turn raw data into the arrays that training reads",
    "train": "train one method with one seed",
    "evaluate": "measure a trained run on held-out data",
    "measure": "train, then evaluate, in one process: for methods with little or nothing to train",
    "summarise": "join all runs into summary.csv and compare them in pairs",
    "figures": "draw the domain's pictures",
    "track": "bring MLflow to where the results are",
    "claims": "check the orders between methods that the domain claims",
    "predict": "use a trained model on your own input",
}

RUN_STEPS = ("train", "evaluate", "measure")
STEPS = ("raw", "prepare", *RUN_STEPS)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def _commands(domain: str) -> dict[str, str]:
    """Verbs that only this domain has, with their descriptions."""
    return getattr(room(domain, "captions"), "COMMANDS", {})


def _sentence(text: str) -> str:
    """As a sentence; ONNX and SPICE keep their letters."""
    return f"{text[:1].upper()}{text[1:]}."


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("configuration")
    group.add_argument(
        "--config",
        type=Path,
        action="extend",
        nargs="+",
        default=[],
        metavar="FILE",
        help="overlay(s) over params.yaml",
    )
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. codes.train.max_steps=50")
    group.add_argument("--settings", help=argparse.SUPPRESS)  # the slice as JSON: how rules pass it


def _domain_parser(parser: argparse.ArgumentParser, domain: str) -> dict[str, argparse.ArgumentParser]:
    """Add the verbs of a domain; returns their parsers by name."""
    verbs = parser.add_subparsers(dest="verb", metavar="verb", parser_class=_Parser)
    for verb, description in VERBS.items():
        sub = verbs.add_parser(verb, help=description, description=_sentence(description))
        if verb == "predict":
            continue
        _add_configuration(sub)
        if verb not in ("summarise", "claims"):
            sub.add_argument("--data", type=Path, help="default: project.data of the configuration")
        if verb not in ("raw", "prepare"):
            sub.add_argument("--results", type=Path, help="default: project.results of the configuration")
        if verb in ("summarise", "figures", "track"):
            sub.add_argument("--runs", type=Path, nargs="+", help="default: all runs of the configuration")
        if verb in ("summarise", "track"):
            sub.add_argument("--scale", help="label of these numbers; default: project.scale")
        if verb in STEPS:
            sub.add_argument("--dataset", help="default: the first one of the configuration")
        if verb in RUN_STEPS:
            sub.add_argument("--method", required=True, help="a method id of this domain")
            sub.add_argument("--seed", type=whole_number(0, 2**31 - 1), default=0, help="default: 0")
            sub.add_argument(
                "--threads", type=whole_number(1, 1024), default=1, help="CPU threads for torch; default: 1"
            )
        if verb == "train":
            sub.add_argument("--live", action="store_true", help="show its curves in MLflow while it goes on")
        if verb == "evaluate":
            sub.add_argument(
                "--part",
                type=whole_number(0, 2**31 - 1),
                help="only this part of it, from 0; without: all, and join them",
            )
    for verb, description in _commands(domain).items():
        verbs.add_parser(verb, help=description, description=_sentence(description))
    parser.set_defaults(domain=domain)
    return dict(verbs.choices)


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="hypernet",
        description="Hypernetworks, networks whose weights are the output of other networks: "
        "nine systems and all their baselines.",
        epilog="Every verb of a domain: hypernet DOMAIN --help",
    )
    parser.add_argument("--version", action="version", version=f"hypernet {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=_Parser)
    for domain in available():
        # Only the domain that is asked for gets its verbs: --help stays instant with nine of them.
        sub = commands.add_parser(domain, help=DOMAINS[domain], description=DOMAINS[domain] + ".")
        if domain in argv:
            verbs = _domain_parser(sub, domain)
            for verb in {"predict", *_commands(domain)} & set(argv):
                room(domain, f"tools.{verb}").add_arguments(verbs[verb])
    report = commands.add_parser("report", help="write the page of all results", description="Write the page.")
    _add_configuration(report)
    report.add_argument("--results", type=Path, help="default: project.results of the configuration")
    report.add_argument("--domains", nargs="+", choices=available(), help="default: all that have results")
    report.add_argument("--out", type=Path, help="default: index.html in the folder of results")
    costs = commands.add_parser(
        "costs", help="what every step of a run cost", description="Print what the steps of a run cost, in Markdown."
    )
    _add_configuration(costs)
    costs.add_argument("--results", type=Path, help="default: project.results of the configuration")
    costs.add_argument("--data", type=Path, help="default: project.data of the configuration")
    costs.add_argument("--each", action="store_true", help="a row for every process")
    plan = commands.add_parser(
        "plan", help="what has to run, and why", description="Print which steps have to run, and why."
    )
    _add_configuration(plan)
    plan.add_argument("domain", nargs="?", choices=available(), help="only the steps of this one")
    check = commands.add_parser(
        "check", help="check the configuration and print it", description="Check the configuration."
    )
    _add_configuration(check)
    return parser


def _here(folder: str | Path) -> Path:
    """A folder by its path from the working directory, where it lies in there: that is how records name it."""
    path = Path(folder)
    return path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path


def _checked(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole configuration, checked: params.yaml, the overlays and the assignments that were asked for."""
    return config.check_whole(config.load([PARAMS, *arguments.config], arguments.set), config_types())


class _Step:
    """The configuration of a step: a slice handed over by a rule, or cut from params.yaml and its overlays."""

    def __init__(self, arguments: argparse.Namespace):
        self.arguments, self.domain = arguments, arguments.domain
        self._whole: dict[str, Any] | None = None

    @property
    def whole(self) -> dict[str, Any]:
        """The whole configuration, checked."""
        if self._whole is None:
            self._whole = _checked(self.arguments)
            if self.domain not in self._whole:
                raise UserError(f"{PARAMS}: the section {self.domain} is missing")
        return self._whole

    @property
    def section(self) -> config.DomainConfig:
        """The domain's section."""
        section: config.DomainConfig = self.whole[self.domain]
        return section

    def settings(self, step: config.Steps, dataset: str, method: str | None = None) -> config.Section:
        """The slice for a step."""
        if self.arguments.settings is None:
            return self.section.settings(step, dataset, method)
        import json

        slice_type = room(self.domain, "config").Config.settings_type(step, method)
        try:
            content = json.loads(self.arguments.settings)
        except (json.JSONDecodeError, RecursionError):
            raise UserError("--settings: not valid JSON; rules hand it over, for a person --set KEY=VALUE") from None
        if self.arguments.verb == "measure":
            # Two steps, two slices.
            content = content.get(step) if isinstance(content, dict) else None
        settings: config.Section = config.check(slice_type, content, f"{self.domain} {step}")
        return settings

    def dataset(self) -> str:
        """The data set asked for, or the first of the configuration."""
        name: str | None = self.arguments.dataset
        if self.arguments.settings is not None:
            if name is None:
                raise UserError("--dataset: needed beside --settings")
            return name
        accepted = self.section.datasets
        if name is not None and name not in accepted:
            raise UserError(f"--dataset {name}: not under {self.domain}.datasets; accepted: {', '.join(accepted)}")
        return name or accepted[0]

    def method(self) -> str:
        """The method asked for."""
        name: str = self.arguments.method
        if self.arguments.settings is None and name not in self.section.methods:
            raise UserError(
                f"--method {name}: not under {self.domain}.methods; accepted: {', '.join(self.section.methods)}"
            )
        return name

    def folders(self) -> Folders:
        """Where files go."""
        from hypernet.lab.plan import Folders

        data, results = (getattr(self.arguments, name, None) for name in ("data", "results"))
        return Folders(_here(data or self.whole["project"].data), _here(results or self.whole["project"].results))

    def scale(self) -> str:
        """The label of the numbers: smoke, real or paper."""
        given: str | None = getattr(self.arguments, "scale", None)
        return given or str(self.whole["project"].scale)

    def live(self) -> bool:
        """Whether a training is shown in MLflow while it goes on."""
        asked = bool(getattr(self.arguments, "live", False))
        return asked or (self.arguments.settings is None and self.whole["project"].live_tracking)

    def job(self, verb: config.Steps) -> Job[config.Section]:
        """The step as `hypernet.lab.job` describes it."""
        from hypernet.lab.job import Job
        from hypernet.lab.program import source_digest

        arguments, dataset, method = self.arguments, self.dataset(), self.method()
        folders = self.folders()
        return Job(
            domain=self.domain,
            dataset=dataset,
            method=method,
            seed=arguments.seed,
            data=folders.processed(self.domain, dataset),
            folder=folders.run(self.domain, dataset, method, arguments.seed),
            settings=self.settings(verb, dataset, method),
            program=source_digest(f"hypernet.{self.domain}.{verb}"),
            threads=arguments.threads,
            live=self.live() if arguments.verb == "train" else False,
        )

    def runs(self) -> list[Path]:
        """The folders of the runs to work on."""
        given: list[Path] | None = self.arguments.runs
        if given is not None:
            return given
        return [self.folders().run(self.domain, *run) for run in self.section.runs()]


def _run_domain(arguments: argparse.Namespace) -> None:
    domain, verb = arguments.domain, arguments.verb
    if verb == "predict" or verb in _commands(domain):
        room(domain, f"tools.{verb}").run(arguments)
        return
    step = _Step(arguments)
    if verb == "claims":
        from hypernet.lab.results.claims import check_claims

        check_claims(step.folders().results / domain / "comparisons.csv")
        return
    from hypernet.lab.costs import note_cost

    run = _run_step if verb in RUN_STEPS else _data_step if verb in STEPS else _domain_step
    note_cost(run(step, verb), STARTED)


def _data_step(step: _Step, verb: str) -> Path:
    """Get the raw data or prepare it; returns where its cost is noted."""
    from hypernet.lab import plan

    domain, dataset, folders = step.domain, step.dataset(), step.folders()
    raw, processed = folders.raw(domain, dataset), folders.processed(domain, dataset)
    if verb == "raw":
        settings = step.settings("raw", dataset)
        assert isinstance(settings, config.SourceSettings)
        with plan.raw_step(folders, domain, dataset, settings).recorded():
            room(domain, "raw").make(dataset, raw, settings)
        # Beside the folder: a manifest names all that is in it.
        return raw
    settings = step.settings("prepare", dataset)
    with plan.prepare_step(folders, domain, dataset, settings).recorded():
        room(domain, "dataset").prepare(dataset, raw, processed, settings)
    return processed


def _run_step(step: _Step, verb: str) -> Path:
    """Train, evaluate or both; returns where its cost is noted."""
    from hypernet.lab import plan

    domain, part, folders = step.domain, getattr(step.arguments, "part", None), step.folders()
    if verb in ("train", "measure"):
        job = step.job("train")
        assert isinstance(job.settings, config.TrainSettings)
        run = (folders, domain, job.dataset, job.method, job.seed)
        with plan.train_step(*run, job.settings).recorded():
            room(domain, "train").train(job)
    if verb in ("evaluate", "measure"):
        evaluation, job = room(domain, "evaluate"), step.job("evaluate")
        assert isinstance(job.settings, config.EvaluateSettings)
        run = (folders, domain, job.dataset, job.method, job.seed)
        if part is not None:
            if not hasattr(evaluation, "evaluate_part"):
                raise UserError(f"--part: the evaluation of {domain} is not divided")
            with plan.part_step(*run, job.settings, part).recorded():
                evaluation.evaluate_part(job, part)
            return job.folder / "parts" / str(part)
        files = room(domain, "config").Config.evaluation_files
        with plan.evaluate_step(*run, job.settings, files).recorded():
            evaluation.evaluate(job)
    return job.folder / verb


def _domain_step(step: _Step, verb: str) -> Path:
    """Summarise, draw or track; returns where its cost is noted."""
    from hypernet.lab import plan
    from hypernet.lab.program import PACKAGE_ROOT

    domain, folders, runs = step.domain, step.folders(), step.runs()
    out: Path = folders.results / domain
    names = list(room(domain, "captions").FIGURES)
    if verb == "summarise":
        published = PACKAGE_ROOT / domain / "published.csv"
        with plan.summarise_step(folders, domain, runs, step.scale()).recorded():
            room(domain, "evaluate").summarise(runs, published, out, step.scale())
    elif verb == "track":
        from hypernet.lab.runs.tracking import track

        opener, data = f"hypernet.{domain}.trained:open_model", folders.data / "processed" / domain
        with plan.track_step(folders, domain, runs, names, step.scale()).recorded():
            track(domain, runs, data, folders.results, opener, step.scale())
    else:
        files = room(domain, "config").Config.evaluation_files
        with plan.figures_step(folders, domain, runs, names, files).recorded():
            room(domain, "figures").draw(runs, out, out / "figures")
    return out / verb


def _report(arguments: argparse.Namespace) -> None:
    """Write the page; where it is the one that Snakemake writes, with its record."""
    import contextlib

    from hypernet.lab import plan
    from hypernet.lab.costs import note_cost
    from hypernet.report.page import runs_shown, write_page

    results = _here(arguments.results or _project(arguments).results)
    page = results / "index.html"
    there = [name for name in available() if (results / name / "summary.csv").is_file()]
    domains = arguments.domains or there
    figures = {name: list(room(name, "captions").FIGURES) for name in domains}
    runs = [run for name in domains if name in there for run in runs_shown(results / name)]
    step = plan.page_step(plan.Folders(Path(), results), figures, runs)
    with step.recorded() if arguments.out in (None, page) else contextlib.nullcontext():
        write_page(results, arguments.out or page, domains)
    note_cost(results / "page", STARTED)


def _project(arguments: argparse.Namespace) -> config.ProjectConfig:
    """What the configuration says of the project as a whole; what it is by default where there is no configuration."""
    project: config.ProjectConfig = _checked(arguments)["project"]
    return project


def _print_costs(arguments: argparse.Namespace) -> None:
    from hypernet.lab.costs import cost_table

    data, results = arguments.data, arguments.results
    if data is None or results is None:
        project = _project(arguments)
        data, results = data or Path(project.data), results or Path(project.results)
    if not results.is_dir():
        raise UserError(f"{results}: no such folder of results")
    print(cost_table([data / "raw", data / "processed", results], available(), arguments.each))


def _run(argv: list[str]) -> None:
    parser = _parser(argv)
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
    elif arguments.command == "report":
        _report(arguments)
    elif arguments.command == "costs":
        _print_costs(arguments)
    elif arguments.command == "plan":
        _print_plan(arguments)
    elif arguments.command == "check":
        import yaml

        checked = _checked(arguments)
        content = {name: section.model_dump(mode="json") for name, section in checked.items()}
        print(yaml.safe_dump(content, sort_keys=False), end="")
    elif arguments.verb is None:
        parser.parse_args([arguments.command, "--help"])
    else:
        _run_domain(arguments)


def _print_plan(arguments: argparse.Namespace) -> None:
    from hypernet.lab.plan import Plan

    checked = _checked(arguments)
    figures = {name: list(room(name, "captions").FIGURES) for name in checked if name != "project"}
    stale = Plan.of(checked, figures).stale()
    if arguments.domain is not None:
        stale = {name: reason for name, reason in stale.items() if arguments.domain in Path(name).parts}
    for name, reason in stale.items():
        print(f"{name}: {reason}")
    if not stale:
        print("nothing has to run")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code, 2 for a user's mistake."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        try:
            _run(argv)
        finally:
            # Here, not when the interpreter leaves: a reader that is gone is then no error.
            sys.stdout.flush()
    except UserError as error:
        if "--debug" in argv:
            raise
        print(f"hypernet: {error}", file=sys.stderr)
        return 1 if isinstance(error, CollapsedError) else 2
    except BrokenPipeError:
        # The reader (head, less) has seen enough: what is still in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A full disk says so without a file's name.
        if "--debug" in argv or (error.filename is None and error.errno not in NO_ROOM):
            raise
        where = f"{error.filename}: " if error.filename is not None else "nothing more can be written: "
        print(f"hypernet: {where}{error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("hypernet: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
