"""Locks that a kill does not leave behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hypernet.lab.errors import UserError
from hypernet.lab.locks import alone, hold


@pytest.fixture
def holder(tmp_path):
    """A process that holds a lock, and the file."""
    path = tmp_path / "folder" / "lock"
    program = (
        "import time; from pathlib import Path; from hypernet.lab.locks import hold\n"
        f"hold(Path({str(path)!r}), 'it runs'); print('held', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process, path
    process.kill()
    process.wait()


def test_a_second_process_is_told_and_a_kill_frees_the_lock(holder):
    process, path = holder
    with pytest.raises(UserError, match=rf"it runs already \(process {process.pid}\); wait until it ends, or stop it"):
        hold(path, "it runs")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert hold(path, "it runs") > 0


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/lock: cannot be written \(Not a directory|File exists\)"):
        hold(tmp_path / "file" / "lock", "it runs")


# Each process adds one to a number in a file; without the lock some additions are lost.
ADD = """
import sys, time
from pathlib import Path
from hypernet.lab.locks import alone
number = Path(sys.argv[1]) / "number"
for _ in range(10):
    with alone(number.with_name(".lock")):
        before = int(number.read_text())
        time.sleep(0.002)
        number.write_text(str(before + 1))
"""


def test_processes_work_one_after_another(tmp_path):
    (tmp_path / "number").write_text("0")
    workers = [
        subprocess.Popen([sys.executable, "-c", ADD, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    messages = [worker.communicate()[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert (tmp_path / "number").read_text() == "30"
    assert not (tmp_path / ".lock").exists()
    assert all(
        line.endswith("another process is at work here; waiting for it")
        for text in messages
        for line in text.splitlines()
    )


def test_a_process_killed_at_work_leaves_the_way_free(tmp_path):
    program = ADD.replace("0.002", "600")
    (tmp_path / "number").write_text("0")
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    while not (tmp_path / ".lock").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with alone(tmp_path / ".lock"):
        assert Path(tmp_path / ".lock").exists()
    assert not (tmp_path / ".lock").exists()
