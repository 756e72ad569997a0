"""A digest of the program text that a step runs, so that an edited model is trained again and a comment is not.

Snakemake sees the command of a rule but not the modules behind it. Rules carry this digest among their
parameters: it follows the imports from the step's module through this package, functions' own imports included.

A package with a stub beside it (``__init__.pyi``) is a lazy face: ``from hypernet.layers import WeightHeads`` runs
``hypernet/layers/heads.py`` and none of its neighbours, so only that one counts.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE_ROOT = Path(__file__).resolve().parents[1]
PACKAGE = PACKAGE_ROOT.name

# What these do cannot change a result: they carry it, show it or fetch it by digest.
CARRIERS = frozenset(
    f"{PACKAGE}.lab.{name}"
    for name in (
        "acquire",
        "config",
        "errors",
        "costs",
        "files",
        "freshness",
        "libraries",
        "locks",
        "manifest",
        "options",
        "plan",
        "program",
        "progress",
        "results.figures",
        "job",
        "runs.live",
        "runs.record",
        "runs.store",
        "runs.tracking",
        "steps",
    )
)


@functools.cache
def _module_file(module: str) -> Path | None:
    base = PACKAGE_ROOT.joinpath(*module.split(".")[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _face(module: str) -> dict[str, str]:
    """By public name, the module that a lazy package takes it from; empty where ``module`` is none."""
    file = _module_file(module)
    stub = None if file is None else file.with_name("__init__.pyi")
    if file is None or file.name != "__init__.py" or stub is None or not stub.is_file():
        return {}
    return {
        alias.asname or alias.name: f"{module}.{node.module}" if node.module else f"{module}.{alias.name}"
        for node in ast.walk(ast.parse(stub.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }


def _imported(node: ast.AST) -> list[str]:
    """Modules of this package that an import statement runs, packages above them left out."""
    if isinstance(node, ast.Import):
        whole = [alias.name for alias in node.names]
        part: list[str] = []
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        face = _face(node.module)
        part = [node.module, *(face.get(alias.name, "") for alias in node.names)]
        whole = [f"{node.module}.{alias.name}" for alias in node.names if alias.name not in face]
    else:
        return []
    # Who holds a whole face may use any of its names.
    behind = [module for name in (*whole, *part[1:]) for module in _face(name).values()]
    return [name for name in (*part, *whole, *behind) if name.split(".")[0] == PACKAGE and _module_file(name)]


@functools.cache
def _read(module: str) -> tuple[str, tuple[str, ...]]:
    """Text of a module without comments and docstrings, and the modules of this package that it imports."""
    file = _module_file(module)
    assert file is not None
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imports: list[str] = []
    for node in ast.walk(tree):
        imports += _imported(node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            if ast.get_docstring(node, clean=False) is not None:
                del body[0]
    # Importing a.b.c runs the packages a and a.b as well.
    packages = {".".join(name.split(".")[:depth]) for name in imports for depth in range(1, name.count(".") + 1)}
    return ast.dump(tree), tuple(sorted({*imports, *filter(_module_file, packages)}))


@functools.cache
def source_digest(*modules: str, carriers: frozenset[str] = CARRIERS) -> str:
    """First 16 hexadecimal digits of the SHA-256 of ``modules`` and all they import from this package.

    Args:
        modules: names of modules.
        carriers: modules that are left out.
    """
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in seen or module in carriers:
            continue
        seen.add(module)
        waiting += _read(module)[1]
    digest = hashlib.sha256()
    for module in sorted(seen):
        digest.update(module.encode() + b"\0" + _read(module)[0].encode() + b"\0")
    return digest.hexdigest()[:16]
