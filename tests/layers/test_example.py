"""The examples in docs/layers.md run as they stand there."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "layers.md"


def test_examples_of_the_page_run():
    joined, example, further = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(compile(joined, str(PAGE), "exec"), names)
    assert tuple(names["outputs"].shape) == (8, 5, 2)
    exec(compile(example, str(PAGE), "exec"), names)
    assert tuple(names["theta"].shape) == (8, 1185)
    assert tuple(names["values"].shape) == (8, 500, 1)
    assert all((p.grad != 0).any() for module in ("encoder", "heads") for p in names[module].parameters())
    exec(compile(further, str(PAGE), "exec"), names)
    assert tuple(names["logits"].shape) == (5, 20, 3)
    assert [type(module).__name__ for module in names["own"]] == ["Conv2d", "ReLU", "Flatten", "Linear"]
