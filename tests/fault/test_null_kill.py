"""A study with a null, killed with -9 between its draws, ends in the same bytes as one that was left alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import tiny_folder

from aetia.runs import open_run
from aetia.runs.store import Store

pytestmark = pytest.mark.slow

SCRIPT = """
import os, signal, sys
import aetia
from aetia.runs.store import Store

folder, null, out, left = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
write = Store.write_part

def write_or_die(store, key, values):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    write(store, key, values)

Store.write_part = write_or_die
aetia.trace(folder, folder + "/own.jsonl", sites=["resid_pre", "z"], null=null, memory="300KB", out=out)
"""


def session(folder: Path, null: str, out: Path, parts: int = -1) -> int:
    """Runs the study, and kills it before it has stored more than so many further parts; returns how it ended."""
    command = [sys.executable, "-c", SCRIPT, str(folder), null, str(out), str(parts)]
    return subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False).returncode


def stored(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in out.glob("values/part-*.parquet")}


@pytest.mark.parametrize(("null", "kills"), [("label-permutation", (1, 3)), ("permuted-pairs:19", (44,))])
def test_a_killed_study_with_a_null_ends_in_the_bytes_of_an_undisturbed_one(tmp_path, null, kills):
    folder = tiny_folder(tmp_path / "model")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert session(folder, null, whole) == 0
    before: dict[str, int] = {}
    for parts in kills:
        assert session(folder, null, killed, parts) == -signal.SIGKILL
        now = stored(killed)
        assert {name: now[name] for name in before} == before  # no stored part of a draw was computed again
        assert len(now) == len(before) + parts
        before = now
    assert len(before) < len(stored(whole))
    assert open_run(killed).status == "interrupted"
    assert session(folder, null, killed) == 0
    assert open_run(killed).status == "complete"
    assert {name: stored(killed)[name] for name in before} == before
    for name in [*(f"values/{part}" for part in stored(whole)), "effects.parquet", "items.jsonl"]:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    found = open_run(whole).effects().where(method="patch").table
    assert found["q"].null_count == 0
    draws = {number for part in Store(whole).part_keys() for number in _draws(whole, part)}
    assert draws == {None, *range(39 if null == "label-permutation" else 19)}


def _draws(out: Path, key: str) -> set[int | None]:
    values = Store(out).read_part(key)
    assert values is not None
    return set(values["draw"].to_pylist())
