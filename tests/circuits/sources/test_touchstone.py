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


ROWS = "".join(f"{mhz} 0.1 0 0.9 0 0.9 0 0.1 0\n" for mhz in (1, 2, 3, 4))
VERSION_2 = "[Version] 2.0\n# MHz S RI R 50\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # scikit-rf takes memory for as many ports as are claimed: 300 million would be 5 GB.
        (
            f"{VERSION_2}[Number of Ports] 300000000\n[Network Data]\n1 0\n",
            "line 3: 300000000 ports; accepted: a two-port",
        ),
        (f"{VERSION_2}[Number of Ports] 2\n [NUMBER OF PORTS]  3 \n", "line 4: 3 ports"),
        (f"{VERSION_2}[Number of Ports]\n", "line 3: no number of ports"),
        (f"{VERSION_2}[Number of Ports] 2\n[Reference]\n", "not a Touchstone file"),
        ("# MHz S RI R 50\n" + "1 " * 2000, "line 2: more than 2000 characters"),
        ("# MHz S RI R 50\n" + "1\n" * 2_000_001, "more than 2,000,000 (numbers|lines)"),
        ("\n" * 2_000_001, "more than 2,000,000 lines"),
        ("# MHz \x1b[31m RI R 50\n" + ROWS, "binary data"),
    ],
    ids=["ports", "ports twice", "ports of no number", "cut", "long line", "numbers", "lines", "terminal"],
)
def test_what_would_eat_the_machine_is_refused(content, message, tmp_path):
    pytest.importorskip("skrf")
    (tmp_path / "hostile.s2p").write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        read_touchstone(tmp_path / "hostile.s2p")
    assert "\n" not in str(caught.value)


def test_the_name_of_a_file_claims_no_ports(tmp_path):
    pytest.importorskip("skrf")
    path = tmp_path / "x.s99999999p"
    path.write_text(TEXT)
    assert read_touchstone(path).nports == 2


def test_comments_that_take_a_quadratic_time_are_not_searched(tmp_path):
    pytest.importorskip("skrf")
    # Its search for names of ports looks from each ! to the end of the line: a minute for each of these lines.
    (tmp_path / "slow.s2p").write_text(("!" * 300_000 + "\n") * 20 + "! Port[300000000] = x\n" + TEXT)
    assert len(read_touchstone(tmp_path / "slow.s2p").f) == 4


def test_comments_that_say_something_of_the_data_are_kept(tmp_path):
    pytest.importorskip("skrf")
    rows = "".join(
        f"! Gamma 0 {mhz}\n! Port Impedance60 0 70 0\n{mhz} 0.1 0 0.9 0 0.9 0 0.1 0\n" for mhz in (1, 2, 3, 4)
    )
    (tmp_path / "hfss.s2p").write_text("! exported\n# MHz S RI R 50\n" + rows)
    network = read_touchstone(tmp_path / "hfss.s2p")
    np.testing.assert_allclose(network.z0, np.tile([60.0, 70.0], (4, 1)))


def test_files_of_scikit_rf_are_read_as_it_reads_them_itself():
    skrf = pytest.importorskip("skrf")
    paths = sorted(Path(skrf.__file__).parent.rglob("*.s2p"))
    for path in paths:
        ours, theirs = read_touchstone(path), skrf.Network(str(path))
        for name in ("f", "s", "z0"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=f"{path.name} {name}")
    assert paths
