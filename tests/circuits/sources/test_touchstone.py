"""Touchstone files are text: whatever else a file named .s2p holds is refused, and none of it is run."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from hypernet import cli
from hypernet.circuits.sources.targets import read_target
from hypernet.circuits.sources.touchstone import LARGEST_BYTES, read_touchstone
from hypernet.lab.errors import UserError

TEXT = "# MHz S RI R 75\n" + "".join(f"{mhz} 0.1 0 0.9 0 0.9 0 0.1 0\n" for mhz in (1, 2, 3, 4))


class Trace:
    """Unpickling an object of this class makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture(params=[0, 2], ids=["text protocol", "binary protocol"])
def hostile(request, tmp_path):
    """A pickle with the name of a two-port, and the file that appears where it is run."""
    pytest.importorskip("skrf")
    trace = tmp_path / "trace"
    pickled = pickle.dumps(Trace(trace), protocol=request.param)
    pickle.loads(pickled)  # the trap works
    assert trace.exists()
    trace.unlink()
    path = tmp_path / "filter.s2p"
    path.write_bytes(pickled)
    return path, trace


@pytest.mark.parametrize("read", [read_touchstone, read_target])
def test_a_pickle_is_refused_and_leaves_no_trace(read, hostile):
    path, trace = hostile
    with pytest.raises(UserError, match=r"not a Touchstone file"):
        read(path)
    assert not trace.exists()


def test_the_design_of_a_pickle_leaves_no_trace(hostile, tmp_path, capsys):
    path, trace = hostile
    code = cli.main(["circuits", "design", str(path), "--model", "none", "--out", str(tmp_path / "out")])
    assert code == 2
    assert not trace.exists()
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [TEXT.encode(), TEXT.encode("utf-8-sig"), ("! 50 Ω\n" + TEXT).encode(), ("! 23 °C\n" + TEXT).encode("latin-1")],
    ids=["plain", "byte order mark", "UTF-8 comment", "Latin-1 comment"],
)
def test_text_is_read_in_the_encodings_of_instruments(content, tmp_path):
    pytest.importorskip("skrf")
    path = tmp_path / "measured.s2p"
    path.write_bytes(content)
    network = read_touchstone(path)
    np.testing.assert_allclose(network.f, [1e6, 2e6, 3e6, 4e6])
    np.testing.assert_allclose(network.s[:, 1, 0], 0.9)
    np.testing.assert_allclose(network.z0, 75)


def test_a_file_too_large_is_refused_before_it_is_parsed(tmp_path):
    path = tmp_path / "large.s2p"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(UserError, match=r"more than 50,000,000 bytes"):
        read_touchstone(path)
