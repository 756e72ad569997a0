"""``hypernet <domain> <verb>``: every step of the pipeline as one command.

Nothing heavy is imported here: each verb imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from hypernet import __version__
from hypernet.domains import DOMAINS, available, config_types, room
from hypernet.lab import config
from hypernet.lab.errors import UserError

PARAMS = Path("params.yaml")
VERBS = {
    "raw": "get or generate the raw data of a data set",
    "prepare": "turn raw data into the arrays that training reads",
    "train": "train one method with one seed",
    "evaluate": "measure a trained run on held-out data",
    "summarise": "join all runs into summary.csv and compare them in pairs",
    "figures": "draw the domain's pictures",
    "claims": "check the orders between methods that the domain claims",
    "predict": "use a trained model on your own input",
}


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
    group.add_argument("--config", type=Path, action="append", default=[], help="overlay(s) over params.yaml")
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
        if verb not in ("raw", "prepare"):
            sub.add_argument("--results", type=Path, help="default: project.results of the configuration")
        if verb in ("summarise", "figures"):
            sub.add_argument("--runs", type=Path, nargs="+", help="default: all runs of the configuration")
        if verb in ("train", "summarise"):
            sub.add_argument("--scale", help="label of these numbers; default: project.scale")
        if verb in ("raw", "prepare", "train", "evaluate"):
            sub.add_argument("--dataset", help="default: the first one of the configuration")
        if verb in ("train", "evaluate"):
            sub.add_argument("--method", required=True, help="a method id of this domain")
            sub.add_argument("--seed", type=_seed, default=0, help="default: 0")
            sub.add_argument("--threads", type=_count, default=1, help="CPU threads for torch; default: 1")
        if verb == "evaluate":
            sub.add_argument("--part", type=_seed, help="only this part of it, from 0; without: all, and join them")
    for verb, description in _commands(domain).items():
        verbs.add_parser(verb, help=description, description=_sentence(description))
    parser.set_defaults(domain=domain)
    return dict(verbs.choices)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1024")
    return int(text)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2147483647")
    return int(text)


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
    report.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    report.add_argument("--out", type=Path, help="default: index.html in the folder of results")
    check = commands.add_parser(
        "check", help="check the configuration and print it", description="Check the configuration."
    )
    _add_configuration(check)
    return parser


class _Step:
    """The configuration of a step: a slice handed over by a rule, or cut from params.yaml and its overlays."""

    def __init__(self, arguments: argparse.Namespace):
        self.arguments, self.domain = arguments, arguments.domain
        self._whole: dict[str, Any] | None = None

    @property
    def whole(self) -> dict[str, Any]:
        """The whole configuration, checked."""
        if self._whole is None:
            raw = config.load([PARAMS, *self.arguments.config], self.arguments.set)
            self._whole = config.check_whole(raw, config_types())
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

    def results(self) -> Path:
        """The folder under which results are written."""
        folder: Path | None = self.arguments.results
        return folder or Path(self.whole["project"].results)

    def scale(self) -> str:
        """The label of the numbers: smoke, real or paper."""
        scale: str = self.arguments.scale or self.whole["project"].scale
        return scale

    def runs(self) -> list[Path]:
        """The folders of the runs to work on."""
        given: list[Path] | None = self.arguments.runs
        if given is not None:
            return given
        return [
            self.results() / self.domain / dataset / method / f"seed{seed}"
            for dataset, method, seed in self.section.runs()
        ]


def _run_domain(arguments: argparse.Namespace) -> None:
    from hypernet.lab.program import PACKAGE_ROOT, source_digest
    from hypernet.lab.runs.record import SCALE_VARIABLE

    domain, verb = arguments.domain, arguments.verb
    if verb == "predict" or verb in _commands(domain):
        room(domain, f"tools.{verb}").run(arguments)
        return
    step = _Step(arguments)
    if verb in ("raw", "prepare", "train", "evaluate"):
        dataset = step.dataset()
        raw, data = Path("data/raw") / domain / dataset, Path("data/processed") / domain / dataset
        if verb == "raw":
            room(domain, "raw").make(dataset, raw, step.settings("raw", dataset))
            return
        if verb == "prepare":
            room(domain, "dataset").prepare(dataset, raw, data, step.settings("prepare", dataset))
            return
        method = step.method()
        settings = step.settings(verb, dataset, method)
        run = step.results() / domain / dataset / method / f"seed{arguments.seed}"
        module = room(domain, verb)
        function = getattr(module, verb)
        program = source_digest(module.__name__)
        if verb == "train":
            os.environ[SCALE_VARIABLE] = step.scale()
        if verb == "evaluate" and arguments.part is not None:
            if not hasattr(module, "evaluate_part"):
                raise UserError(f"--part: the evaluation of {domain} is not divided")
            module.evaluate_part(arguments.part, arguments.seed, data, run, settings, program, arguments.threads)
            return
        function(dataset, method, arguments.seed, data, run, settings, program, arguments.threads)
        return
    out = step.results() / domain
    if verb == "claims":
        from hypernet.lab.results.claims import check_claims

        check_claims(out / "comparisons.csv")
        return
    if verb == "summarise":
        published = PACKAGE_ROOT / domain / "published.csv"
        room(domain, "evaluate").summarise(step.runs(), published, out, step.scale())
    else:
        room(domain, "figures").draw(step.runs(), out, out / "figures")


def _run(argv: list[str]) -> None:
    parser = _parser(argv)
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
    elif arguments.command == "report":
        from hypernet.report.page import write_page

        write_page(arguments.results, arguments.out or arguments.results / "index.html")
    elif arguments.command == "check":
        import yaml

        raw = config.load([PARAMS, *arguments.config], arguments.set)
        checked = config.check_whole(raw, config_types())
        content = {name: section.model_dump(mode="json") for name, section in checked.items()}
        print(yaml.safe_dump(content, sort_keys=False), end="")
    elif arguments.verb is None:
        parser.parse_args([arguments.command, "--help"])
    else:
        _run_domain(arguments)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code, 2 for a user's mistake."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        _run(argv)
    except UserError as error:
        if "--debug" in argv:
            raise
        print(f"hypernet: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 (closed by the interpreter's exit)
        return 0
    except OSError as error:
        if "--debug" in argv or error.filename is None:
            raise
        print(f"hypernet: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("hypernet: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
