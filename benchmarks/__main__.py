"""Run one benchmark or all of them.

python -m benchmarks --list
python -m benchmarks [name] [--repetitions 7] [--threads 1]
"""

import importlib
import pkgutil
import sys

import benchmarks


def main(argv: list[str]) -> int:
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    chosen = names
    if argv and not argv[0].startswith("-"):
        chosen, argv = [argv[0]], argv[1:]
        if chosen[0] not in names:
            print(f"there is no benchmark {chosen[0]}; there are {', '.join(names)}", file=sys.stderr)
            return 2
    for name in chosen:
        module = importlib.import_module(f"benchmarks.{name}")
        if argv == ["--list"]:
            print(f"{name:8s} {module.__doc__.splitlines()[0]}")
            continue
        print(f"## {name}\n", flush=True)
        module.main(argv)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
