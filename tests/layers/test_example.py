"""The example in docs/layers.md runs as it stands there."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "layers.md"


def test_example_of_the_page_runs():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(compile(example, str(PAGE), "exec"), names)
    assert tuple(names["theta"].shape) == (8, 1185)
    assert tuple(names["values"].shape) == (8, 500, 1)
    assert all((p.grad != 0).any() for module in ("encoder", "heads") for p in names[module].parameters())
