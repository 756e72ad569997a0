"""Text files that tests of readers write, and how these refuse them."""

from __future__ import annotations

import pytest

from hypernet.lab.errors import UserError


def written(folder, content, name="file.txt"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(read, path, message):
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
