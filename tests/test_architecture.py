"""The house's own rules, held for every domain that is here and for those to come: see docs/architecture.md."""

from __future__ import annotations

import ast
import functools
import graphlib
import itertools
import re
import subprocess
from pathlib import Path

import pytest

from hypernet.domains import DOMAINS, available

PROJECT = Path(__file__).resolve().parents[1]
ROOT = PROJECT / "pipeline"
PACKAGE = ROOT / "hypernet"
MOST_MODULES, FEWEST_IN_A_WING = 18, 2

# Every module of a domain stands on a floor and imports from its own or from lower ones.
NAMING, WINGS = ("config", "captions", "names"), ("core", "sources", "baselines", "plots", "tools")
FLOORS = {
    **dict.fromkeys(NAMING, 0), "core": 1, "sources": 2, "baselines": 3, "model": 3,
    "plots": 5, "figures": 6, "tools": 6,
}  # fmt: skip
ROOMS = (*NAMING, "methods", "raw", "dataset", "model", "train", "learning", "trained", "evaluate", "figures")
OTHER_ROOMS = 4  # the floor of all modules at a domain's top that FLOORS does not name
MAY_IMPORT_DOMAIN = {"sonar": "shapes"}
# On one floor, but not of one kind.
STRANGERS = [("baselines", "model"), ("figures", "tools")]
# Words that say nothing of the thing they name.
EMPTY_WORDS = frozenset({"one", "own", "kind", "said", "found"})


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def modules() -> dict[str, Path]:
    """All modules of the package by their dotted names."""
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@functools.cache
def imports_of(module: str) -> frozenset[str]:
    """The modules of this package that a module imports, inside functions too."""
    path, found_names = modules()[module], []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found_names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            assert node.module
            found_names += [f"{node.module}.{alias.name}" for alias in node.names]
    chosen = set()
    for name in found_names:
        if name.split(".")[0] != "hypernet":
            continue
        # ``from hypernet.a import b``: the module a.b where there is one, and a's own name otherwise.
        while name not in modules():
            name = name.rpartition(".")[0]
        chosen.add(name)
    return frozenset(chosen - {module})


def house(module: str) -> str:
    """``lab``, ``layers``, a domain, or another module at the package's top."""
    return [*module.split("."), ""][1]


def floor(module: str) -> int:
    """Of a module of a domain."""
    return FLOORS.get(module.split(".")[2], OTHER_ROOMS)


def pairs(domain: str | None = None) -> list[tuple[str, str]]:
    """(who imports, what), of one domain's modules among themselves or of all."""
    return [
        (module, other)
        for module in modules()
        for other in sorted(imports_of(module))
        if domain is None or (house(module) == house(other) == domain and module.count(".") > 1 < other.count("."))
    ]


def test_layers_lab_and_domains_import_one_way():
    wrong = []
    for module, other in pairs():
        at, of = house(module), house(other)
        into_a_domain = of in DOMAINS and at != of and MAY_IMPORT_DOMAIN.get(at) != of
        if at == "layers":
            allowed = of == "layers"
        elif at == "lab":
            # lab and the package's version: it knows no domain.
            allowed = of in ("lab", "layers", "")
        elif at in DOMAINS:
            # Neither the command line nor the page: those stand above.
            allowed = of in ("lab", "layers", "") or (of in DOMAINS and not into_a_domain)
        else:
            allowed = not into_a_domain
        if not allowed:
            wrong.append(f"{module} -> {other}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("domain", available())
def test_a_domain_imports_downwards_only(domain):
    wrong = [f"{module} -> {other}" for module, other in pairs(domain) if floor(other) > floor(module)]
    for module, other in pairs(domain):
        rooms = {module.split(".")[2], other.split(".")[2]}
        wrong += [f"{module} -> {other}" for strangers in STRANGERS if rooms == set(strangers)]
        # Pictures are drawn of what they are given; figures fetches it from the rooms.
        if "plots" in module.split(".") and floor(other) == OTHER_ROOMS and not other.endswith(".trained"):
            wrong.append(f"{module} -> {other}")
        # What captions, config and names may know of each other: names.
        if floor(module) == 0 and not other.endswith(".names"):
            wrong.append(f"{module} -> {other}")
    assert not wrong, "\n".join(wrong)


# Modules are found by name in these alone: everywhere else an import is written as one.
FINDERS = {"hypernet.domains", "hypernet.report.page", "hypernet.lab.libraries", "hypernet.lab.runs.pyfunc"}


def test_what_is_imported_is_written_as_an_import():
    wrong = []
    for module, path in modules().items():
        if module in FINDERS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "id", None) or getattr(node, "attr", None)
            if name in ("import_module", "__import__"):
                wrong.append(f"{module}:{node.lineno} {name}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("domain", available())
def test_a_domain_uses_no_lazy_face(domain):
    """Its own modules import from where things are, so that floors and digests see it."""
    faces = {module for module, path in modules().items() if path.with_name("__init__.pyi").is_file()}
    faces = {face for face in faces if modules()[face].name == "__init__.py"} - {"hypernet.layers", "hypernet"}
    wrong = [
        f"{module} -> {other}"
        for module in modules()
        if house(module) == domain
        for other in imports_of(module) & faces
    ]
    assert not wrong, "\n".join(wrong)


def test_no_circle():
    graph = {module: imports_of(module) for module in modules()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("folder", sorted({path.parent for path in PACKAGE.rglob("*.py")}), ids=lambda path: path.name)
def test_a_folder_holds_no_more_than_one_can_look_over(folder):
    inside = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    assert len(inside) <= MOST_MODULES
    # A domain may have one verb, and its place is known by name.
    if folder.name in WINGS and folder.name != "tools":
        assert len(inside) >= FEWEST_IN_A_WING, f"{folder}: a wing of one file is a file"


@pytest.mark.parametrize("domain", available())
def test_a_domain_has_the_rooms_and_no_wing_of_its_own(domain):
    folder = PACKAGE / domain
    assert {path.stem for path in folder.glob("*.py")} >= {*ROOMS} - {"names"}
    assert (folder / "published.csv").is_file()
    wings = {path.name for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert wings <= set(WINGS)


def bare(stem: str) -> str:
    """A file's name without endings: ``decoder``, ``decoding`` and ``decode`` are one."""
    for ending in ("ations", "ation", "ings", "ing", "ators", "ator", "ers", "er", "ors", "or", "ted", "ed", "es", "s"):
        if len(stem) > len(ending) + 2 and stem.endswith(ending):
            stem = stem.removesuffix(ending)
            break
    return stem.removesuffix("e")


@pytest.mark.parametrize("domain", [*available(), "lab", "layers"])
def test_no_two_names_differ_by_an_ending(domain):
    stems = {path.stem for path in (PACKAGE / domain).rglob("*") if path.is_dir() or path.suffix == ".py"}
    stems -= {"__init__", "__pycache__"}
    # A verb is called what people call it: `learn`, beside the room `learning`.
    verbs = {path.stem for path in (PACKAGE / domain / "tools").glob("*.py")}
    alike = [
        (first, second)
        for first, second in itertools.combinations(sorted(stems), 2)
        if (bare(first) == bare(second) or second.startswith(f"{first}_")) and not {first, second} <= {*ROOMS, *verbs}
    ]
    assert not alike


def named(path: Path) -> list[str]:
    """What a file calls things: variables, arguments and functions, but not the keys of a class's fields."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    fields = {
        id(statement.target)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
    }
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in fields:
            names.append((node.id, node.lineno))
        elif isinstance(node, ast.arg):
            names.append((node.arg, node.lineno))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or (
            isinstance(node, ast.ExceptHandler) and node.name
        ):
            names.append((node.name, node.lineno))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names += [(alias.asname, node.lineno) for alias in node.names if alias.asname]
    return [f"{path.relative_to(PROJECT)}:{line} {name}" for name, line in names if name.strip("_") in EMPTY_WORDS]


@pytest.mark.parametrize("folder", ["pipeline", "tests", "benchmarks"])
def test_names_say_what_they_name(folder):
    wrong = [text for path in sorted((PROJECT / folder).rglob("*.py")) for text in named(path)]
    assert not wrong, "\n".join(wrong)


def test_grey_is_spelled_one_way():
    """``gray`` only where a format, a library or a file of an earlier version has that name, in quotes."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "id", None) or getattr(node, "arg", None) or getattr(node, "name", None)
            if isinstance(node, ast.Name | ast.arg | ast.FunctionDef | ast.ClassDef) and re.search(
                "gr[a]y", name, re.I
            ):
                wrong.append(f"{path.relative_to(PROJECT)}:{node.lineno} {name}")
    assert not wrong, "\n".join(wrong)


def test_every_folder_is_a_package_that_git_keeps():
    """A pattern of .gitignore meant for results must not take a folder of the program with it."""
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []
    files = [str(path) for folder in (PACKAGE, PROJECT / "tests") for path in folder.rglob("*.py")]
    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        input="\n".join(files),
        cwd=PROJECT,
        text=True,
        capture_output=True,
        check=False,
    )
    if asked.returncode == 128:
        pytest.skip("not a checkout of git")
    assert asked.stdout == ""


def test_the_source_root_is_no_package():
    """A stranger's ``pipeline.py`` must win over this folder's name."""
    assert not (ROOT / "__init__.py").exists()
    assert (PACKAGE / "py.typed").is_file()
