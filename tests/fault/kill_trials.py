"""Kills runs, resumes them, and prints one JSON line for each trial; a script, so that forks start from one thread.

    python kill_trials.py FOLDER calls|torn|times TRIALS

calls: killed just before the k-th call that changes the disk, for every k. torn: killed inside the k-th write, half of
it done. times: killed at random moments, again and again until a session gets through.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from toy_instrument import ToyStudy, computed

from aetia.runs import execute

CALLS = ("open", "write", "fsync", "replace", "unlink", "mkdir", "ftruncate", "rmdir")
STUDY = ToyStudy(batches=3)
SLOW = ToyStudy(batches=12, seconds=0.004)


def in_child(work: Callable[[], object]) -> int:
    """Do the work in a fork and return how it ended, as the shell would say it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001  a fork must never return
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die_before(call: int, *, inside_write: bool) -> None:
    """Make this process die at the given call, counted from 1."""
    seen = 0

    def watch(name: str) -> None:
        plain = getattr(os, name)

        def watched(*arguments, **options):
            nonlocal seen
            seen += not inside_write or name == "write"
            if seen == call and (name == "write" or not inside_write):
                if inside_write:
                    plain(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return plain(*arguments, **options)

        setattr(os, name, watched)

    for name in ("write",) if inside_write else CALLS:
        watch(name)


def files(run: Path) -> dict[str, bytes]:
    """Return the bytes of what must not depend on kills."""
    return {
        path.name: path.read_bytes() for path in [*run.glob("values/*"), *run.glob("*.parquet"), *run.glob("items.*")]
    }


def session_killed_at(call: int, *, inside_write: bool) -> Callable[[ToyStudy, Path], int]:
    def session(study: ToyStudy, run: Path) -> int:
        def work() -> None:
            die_before(call, inside_write=inside_write)
            execute(study, run)

        return in_child(work)

    return session


def session_killed_after(batches: int, seconds: float) -> Callable[[ToyStudy, Path], int]:
    """Kill the session at some moment after it has begun so many batches: on a slow machine too, it is then at work."""

    def session(study: ToyStudy, run: Path) -> int:
        log = Path(os.environ["AETIA_TOY_LOG"])
        enough = len(computed(log)) + batches
        pid = os.fork()
        if pid == 0:
            execute(study, run)
            os._exit(0)
        while len(computed(log)) < enough and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.0005)
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    return session


def trial(folder: Path, study: ToyStudy, sessions: list[Callable[[ToyStudy, Path], int]]) -> dict[str, object]:
    """Run the sessions, which may be killed, then one that is not; tell what was lost or done twice."""
    run, log = folder / "run", folder / "log"
    folder.mkdir(parents=True)
    os.environ["AETIA_TOY_LOG"] = str(log)
    kills, twice = 0, 0
    for session in [*sessions, lambda study, run: in_child(lambda: execute(study, run))]:
        kept = {path.stem.removeprefix("part-") for path in run.glob("values/part-*")}
        begun = len(computed(log))
        ended = session(study, run)
        assert ended in (0, -signal.SIGKILL), f"ended with {ended}"
        kills += ended != 0
        twice += len(kept & set(computed(log)[begun:]))
    left = [path.name for path in run.rglob("*") if path.name.endswith((".tmp", ".lock"))]
    status = json.loads((run / "manifest.json").read_text())["status"]
    return {
        "kills": kills,
        "computed_again_though_stored": twice,
        "computed_in_vain": len(computed(log)) - study.batches,
        "equal": files(run) == files(folder.parent / "undisturbed" / "run"),
        "left": left,
        "status": status,
    }


def main(folder: Path, kind: str, trials: int) -> None:
    study = SLOW if kind == "times" else STUDY
    trial(folder / "undisturbed", study, [])
    chance = random.Random(7)
    for number in range(1, trials + 1):
        if kind == "times":
            sessions = [session_killed_after(chance.randint(1, 3), chance.uniform(0.0, 0.01)) for _ in range(4)]
        else:
            sessions = [session_killed_at(number, inside_write=kind == "torn")]
        result = trial(folder / str(number), study, sessions)
        sys.stdout.write(json.dumps(result) + "\n")
        if kind != "times" and result["kills"] == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
