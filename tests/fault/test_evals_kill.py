"""An evaluation that is killed with -9 again and again asks nothing twice, and ends in the same bytes."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from aetia.runs import open_run

# A slow answerer that samples, behind the cache of replies that every evaluation has. It writes down what it is asked.
SCRIPT = """
import os, sys, time
from aetia.evals.answerers.cache import ReplyCache, cached
from aetia.evals.dialogue import Reply
from aetia.evals.harness import instrument
from aetia.evals.harness.evaluating import evaluate
from pathlib import Path

folder, name = Path(sys.argv[1]), sys.argv[2]
log = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

class Slow:
    identity = {"kind": "slow"}
    is_deterministic = True

    def answer(self, requests):
        for place, request in enumerate(requests):
            os.write(log, f"{request.subject} {request.seed}\\n".encode())
            time.sleep(0.002)
            yield place, Reply("Yes" if int(request.subject, 16) % 3 else "No", tokens=1)

def answerer_of(study):
    return cached(Slow(), ReplyCache(folder / f"{name}.sqlite"), study.identity())

instrument.answerer_of = answerer_of
evaluate(model="reference:random", tasks=["calm/ate-natural"], items=220,
         adaptations=["basic", "adversarial-doubt"], temperature=1.0, out=folder / name)
"""


def start(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), name], env=environment)


def asked(folder: Path, name: str) -> list[str]:
    path = folder / f"{name}.log"
    return path.read_text().splitlines() if path.exists() else []


def parts(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in directory.glob("values/part-*.parquet")}


def kill_after(folder: Path, count: int) -> None:
    """Kills a session once so many requests were made, at whatever it is doing then."""
    session = start(folder, "killed")
    deadline = time.monotonic() + 60
    while len(asked(folder, "killed")) < count and session.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    session.send_signal(signal.SIGKILL)
    session.wait()


def test_a_killed_evaluation_asks_nothing_twice_and_ends_in_the_bytes_of_an_undisturbed_one(tmp_path):
    assert start(tmp_path, "whole").wait() == 0
    # The first turn of the one way of asking is all of the other, but sampled replies are each one's own.
    assert len(asked(tmp_path, "whole")) == 220 * 3
    for count in (40, 450):
        kill_after(tmp_path, count)
    before = parts(tmp_path / "killed")
    assert 0 < len(before) < len(parts(tmp_path / "whole"))
    assert open_run(tmp_path / "killed").status == "interrupted"
    assert start(tmp_path, "killed").wait() == 0
    assert open_run(tmp_path / "killed").status == "complete"
    for place in [*(f"values/{part}" for part in parts(tmp_path / "whole")), "effects.parquet", "items.jsonl"]:
        assert (tmp_path / "killed" / place).read_bytes() == (tmp_path / "whole" / place).read_bytes(), place
    # What was there when the last session began was not computed again.
    assert {name: parts(tmp_path / "killed")[name] for name in before} == before
    # Each kill may lose the one reply that was under way, and no other.
    found = Counter(asked(tmp_path, "killed"))
    assert set(found) == set(asked(tmp_path, "whole"))
    assert sum(found.values()) - len(found) <= 2
