"""A digest of the program text that a step runs, so that an edited model is trained again and a comment is not.

Snakemake sees the command of a rule but not the modules behind it. Rules carry this digest among their
parameters: it follows the imports from the step's module through this package, functions' own imports included.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE_ROOT = Path(__file__).resolve().parents[1]

# What these do cannot change a result: they carry it, show it or fetch it by digest.
CARRIERS = frozenset(
    f"pipeline.lab.{name}"
    for name in ("acquire", "config", "errors", "figures", "files", "progress", "run", "sources", "tracking")
)


@functools.cache
def _module_file(module: str) -> Path | None:
    base = PACKAGE_ROOT.joinpath(*module.split(".")[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _read(module: str) -> tuple[str, tuple[str, ...]]:
    """Text of a module without comments and docstrings, and the modules of this package that it imports."""
    file = _module_file(module)
    assert file is not None
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imports: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports.append(node.module)
            imports += [f"{node.module}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            if ast.get_docstring(node, clean=False) is not None:
                del body[0]
    # Importing a.b.c runs the packages a and a.b as well.
    imports += [".".join(name.split(".")[:depth]) for name in imports for depth in range(1, name.count(".") + 1)]
    package = PACKAGE_ROOT.name
    ours = [name for name in imports if name.split(".")[0] == package and _module_file(name)]
    return ast.dump(tree), tuple(sorted(set(ours)))


@functools.cache
def source_digest(*modules: str) -> str:
    """First 16 hexadecimal digits of the SHA-256 of ``modules`` and all they import from this package."""
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in seen or module in CARRIERS:
            continue
        seen.add(module)
        waiting += _read(module)[1]
    digest = hashlib.sha256()
    for module in sorted(seen):
        digest.update(module.encode() + b"\0" + _read(module)[0].encode() + b"\0")
    return digest.hexdigest()[:16]
