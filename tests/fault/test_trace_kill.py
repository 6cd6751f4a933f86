"""A trace of the real model, killed with -9 again and again, ends in the same bytes as one that was left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aetia.runs import open_run

pytestmark = [pytest.mark.model, pytest.mark.slow]

SCRIPT = """
import sys, aetia
aetia.trace("smollm2-135m", "capitals", items=10, sites=["resid_pre", "z"], out=sys.argv[1])
"""


def start(directory: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(directory)], env=environment)


def parts(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("values/part-*.parquet"))


def kill_after(directory: Path, count: int) -> None:
    """Kills a session once `count` parts are on disk, at whatever it is doing then."""
    session = start(directory)
    deadline = time.monotonic() + 120
    while len(parts(directory)) < count and session.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    session.send_signal(signal.SIGKILL)
    session.wait()


def test_a_killed_trace_ends_in_the_bytes_of_an_undisturbed_one(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole).wait() == 0
    total = len(parts(whole))
    assert total >= 4
    for count in (1, 3):
        kill_after(killed, count)
    before = {name: (killed / "values" / name).stat().st_mtime_ns for name in parts(killed)}
    assert 0 < len(before) < total
    assert open_run(killed).status == "interrupted"
    assert start(killed).wait() == 0
    assert open_run(killed).status == "complete"
    for name in [*(f"values/{part}" for part in parts(whole)), "effects.parquet", "items.jsonl"]:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    # What was there when the last session began was not computed again.
    assert {name: (killed / "values" / name).stat().st_mtime_ns for name in before} == before
