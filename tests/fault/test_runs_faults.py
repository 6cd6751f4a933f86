"""What becomes of a run when its files, its disk, its workers or its user turn against it?"""

import errno
import json
import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from toy_instrument import ToyStudy, computed

from aetia import catalogue
from aetia.errors import RunError, StudyError
from aetia.runs import InProcess, LocalPool, execute, open_run, pool, resume
from aetia.runs.cores import share_cores
from aetia.runs.lock import LOCK, holder, locked

TOY = catalogue._entries.pop("toy")  # other tests look at the whole catalogue
STUDY = ToyStudy()
HERE = Path(__file__).parent

RUNNER = """
import sys
sys.path.insert(0, {here!r})
from toy_instrument import ToyStudy
from aetia.runs import InProcess, LocalPool, execute
if __name__ == "__main__":
    try:
        run = execute(ToyStudy(batches=20, seconds=0.2), {run!r}, engine={engine})
    except KeyboardInterrupt as stop:
        print(stop, file=sys.stderr)
        sys.exit(130)
"""


@pytest.fixture(autouse=True)
def toy(monkeypatch, tmp_path):
    monkeypatch.setitem(catalogue._entries, "toy", TOY)
    monkeypatch.setenv("AETIA_TOY_LOG", str(tmp_path / "log"))


@pytest.fixture
def undisturbed(tmp_path):
    execute(STUDY, tmp_path / "undisturbed")
    (tmp_path / "log").unlink()
    return files(tmp_path / "undisturbed")


def files(run):
    return {path.name: path.read_bytes() for path in [*run.glob("values/*"), run / "effects.parquet"]}


def parts(run):
    return sorted(run.glob("values/part-*.parquet"))


def cut(content):
    return content[: len(content) // 2]


def flip(content):
    middle = content.index(b"PAR1") + 40
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


class Forgetful(InProcess):
    """Says nothing of the first batch."""

    def run(self, instrument_name, study, batches):
        yield from super().run(instrument_name, study, batches[1:])


def test_a_batch_of_which_an_engine_says_nothing_has_failed(tmp_path, undisturbed):
    run = execute(STUDY, tmp_path / "run", engine=Forgetful())
    assert (run.status, len(run.manifest.failed)) == ("failed", 1)
    assert resume(run.directory).status == "complete"
    assert files(run.directory) == undisturbed


# Damaged files


@pytest.mark.parametrize("damage", [cut, flip, lambda content: b"", lambda content: b"no table"])
def test_a_damaged_part_is_computed_again_and_it_alone(damage, tmp_path, undisturbed):
    run = tmp_path / "run"
    execute(STUDY, run)
    (tmp_path / "log").unlink()
    part = parts(run)[1]
    part.write_bytes(damage(part.read_bytes()))
    assert resume(run).status == "complete"
    assert computed(tmp_path / "log") == [part.stem.removeprefix("part-")]
    assert files(run) == undisturbed


@pytest.mark.parametrize("damage", [cut, lambda content: b"", lambda content: b'{"status": 3}', None])
def test_a_damaged_manifest_is_said_and_the_same_study_takes_it_up_again(damage, tmp_path, undisturbed):
    run = tmp_path / "run"
    execute(STUDY, run)
    (tmp_path / "log").unlink()
    manifest = run / "manifest.json"
    if damage:
        manifest.write_bytes(damage(manifest.read_bytes()))
    else:
        manifest.unlink()
    with pytest.raises(RunError) as caught:
        resume(run)
    assert caught.value.code == ("AE-6002" if damage else "AE-6003")
    assert execute(STUDY, run).status == "complete"
    assert not computed(tmp_path / "log")
    assert files(run) == undisturbed


def test_a_damaged_manifest_does_not_make_a_directory_anyones(tmp_path):
    run = tmp_path / "run"
    execute(STUDY, run)
    (run / "manifest.json").write_bytes(b"")
    before = files(run)
    with pytest.raises(RunError) as caught:
        execute(ToyStudy(seed=1), run)
    assert caught.value.code == "AE-6004"
    assert files(run) == before


def test_lost_effects_are_made_again_without_computing(tmp_path, undisturbed):
    run = tmp_path / "run"
    execute(STUDY, run)
    (tmp_path / "log").unlink()
    (run / "effects.parquet").unlink()
    resume(run)
    assert files(run) == undisturbed
    assert not computed(tmp_path / "log")


def test_a_torn_event_spoils_no_other(tmp_path):
    run = tmp_path / "run"
    execute(STUDY, run)
    events = run / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-20])
    (run / "effects.parquet").unlink()
    resume(run)
    assert [event.kind for event in open_run(run).events()] == ["started", *["batch"] * 4, "started", "complete"]


# A full disk


class FullDisk:
    """Makes one system call fail from its n-th use on, as a full disk does, until `free` is set."""

    def __init__(self, monkeypatch, name, n):
        self.uses, self.n, self.free = 0, n, False
        plain = getattr(os, name)

        def call(*arguments):
            self.uses += 1
            if self.uses >= self.n and not self.free:
                raise OSError(errno.ENOSPC, "No space left on device")
            return plain(*arguments)

        monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("name", ["write", "fsync"])
def test_a_disk_that_fills_at_any_write_loses_nothing(name, monkeypatch, tmp_path, undisturbed):
    for n in range(1, 60):
        run = tmp_path / str(n)
        with monkeypatch.context() as patched:
            disk = FullDisk(patched, name, n)
            try:
                execute(STUDY, run)
            except RunError as error:
                failure = error
            else:
                return
            assert failure.code == "AE-6011"
            assert "resume" in failure.mend
            disk.free = True
            kept = {path.stem.removeprefix("part-") for path in parts(run)}
            assert all(path.read_bytes() == undisturbed[path.name] for path in parts(run))
            assert not list(run.rglob("*.tmp"))
            (tmp_path / "log").unlink(missing_ok=True)
            assert execute(STUDY, run).status == "complete"
        assert not kept & set(computed(tmp_path / "log"))
        assert files(run) == undisturbed
    pytest.fail("the run never got through")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RunError) as caught:
        execute(STUDY, tmp_path / "run")
    assert caught.value.code == "AE-6012"


def test_a_file_where_the_directory_should_be_is_one_clear_line(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(RunError) as caught:
        execute(STUDY, tmp_path / "run")
    assert caught.value.code == "AE-6012"
    assert (tmp_path / "run").read_text() == "mine"


# Two at once


def test_a_second_resumer_is_told_who_is_at_work(tmp_path):
    run = tmp_path / "run"
    execute(STUDY, run)
    with locked(run), pytest.raises(RunError) as caught:
        resume(run)
    assert caught.value.code == "AE-6001"
    assert f"process {os.getpid()} on {platform.node()}" in caught.value.found
    assert not (run / LOCK).exists()


def record(pid, started="1", host=None):
    return json.dumps({"pid": pid, "started": started, "host": host or platform.node()})


@pytest.mark.parametrize(
    "content",
    ["", "{", record(2**22 + 1), record(os.getpid()), record(1, host="elsewhere")],
    ids=["empty", "damaged", "no process", "another start", "elsewhere"],
)
def test_a_lock_that_nobody_holds_is_taken_over(content, tmp_path):
    run = tmp_path / "run"
    execute(STUDY, run)
    (run / "effects.parquet").unlink()
    (run / LOCK).write_text(content)
    assert resume(run).status == "complete"
    assert not (run / LOCK).exists()


def test_a_file_system_without_locks_goes_by_the_record(tmp_path, monkeypatch):
    def unsupported(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with locked(tmp_path / "run"), pytest.raises(RunError) as caught:
        execute(STUDY, tmp_path / "run")
    assert caught.value.code == "AE-6001"
    assert execute(STUDY, tmp_path / "run").status == "complete"


def test_of_many_that_start_at_once_each_batch_is_computed_once(tmp_path):
    script = RUNNER.format(here=str(HERE), run=str(tmp_path / "run"), engine="InProcess()").replace("0.2", "0.02")
    children = [subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE) for _ in range(4)]
    ended = [child.communicate(timeout=60)[1].decode() for child in children]
    assert any(child.returncode == 0 for child in children)
    assert all(child.returncode == 0 or "AE-6001" in said for child, said in zip(children, ended, strict=True))
    assert len(computed(tmp_path / "log")) == 20


# Ctrl-C, and death


def start(tmp_path, engine):
    script = tmp_path / "runner.py"
    script.write_text(RUNNER.format(here=str(HERE), run=str(tmp_path / "run"), engine=engine))
    child = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(parts(tmp_path / "run")) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    return child


@pytest.mark.parametrize("engine", ["InProcess()", "LocalPool(2)"])
def test_ctrl_c_leaves_an_interrupted_run_that_can_be_resumed(engine, tmp_path):
    child = start(tmp_path, engine)
    assert open_run(tmp_path / "run").status == "running"
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: every process of the group hears it
    said = child.communicate(timeout=30)[1].decode()
    assert child.returncode == 130
    assert said.strip() == f"Interrupted; nothing is lost. Mend: `aetia runs resume {tmp_path / 'run'}`"
    run = open_run(tmp_path / "run")
    assert (run.status, run.exit_code, run.events()[-1].kind) == ("interrupted", 130, "stopped")
    assert 3 <= run.cells[0] // 3 < 20
    kept = {path.stem.removeprefix("part-") for path in parts(run.directory)}
    (tmp_path / "log").unlink()
    assert resume(run.directory, engine=LocalPool(2)).status == "complete"
    assert len(set(computed(tmp_path / "log")) & kept) == 0
    assert_ended(tmp_path / "log")


def test_a_killed_parent_takes_its_workers_along(tmp_path):
    child = start(tmp_path, "LocalPool(2)")
    child.kill()
    child.communicate(timeout=30)
    assert holder(tmp_path / "run") is None
    assert open_run(tmp_path / "run").status == "interrupted"
    assert_ended(tmp_path / "log")


def test_workers_do_not_finish_their_batches_once_their_parent_is_killed(tmp_path):
    script = tmp_path / "runner.py"
    content = RUNNER.format(here=str(HERE), run=str(tmp_path / "run"), engine="LocalPool(2)")
    script.write_text(content.replace("seconds=0.2", "seconds=300"))
    child = subprocess.Popen([sys.executable, str(script)])
    deadline = time.monotonic() + 60
    while len(computed(tmp_path / "log")) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(computed(tmp_path / "log")) == 2
    child.kill()
    child.wait(timeout=30)
    assert_ended(tmp_path / "log")


def assert_ended(log):
    workers = {int(line.split()[1]) for line in log.read_text().splitlines()} - {os.getpid()}
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline, "a worker outlived its run"
        time.sleep(0.02)


# The pool


def test_a_pool_gives_the_same_bytes_as_this_process(tmp_path, undisturbed):
    assert execute(STUDY, tmp_path / "run", engine=LocalPool(2)).status == "complete"
    assert files(tmp_path / "run") == undisturbed
    assert open_run(tmp_path / "run").manifest.engine == "2 processes"


@pytest.mark.parametrize(("batches", "workers", "share"), [(1, 2, 6), (2, 4, 3), (4, 2, 3)])
def test_workers_share_the_cores_that_this_process_may_use_among_those_that_are_hired(
    batches, workers, share, tmp_path, monkeypatch
):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    hired = []
    plain = pool._Worker

    def hire(name, study, count):
        hired.append(count)
        return plain(name, study, count)

    monkeypatch.setattr(pool, "_Worker", hire)
    assert execute(ToyStudy(batches=batches), tmp_path / "run", engine=LocalPool(workers)).status == "complete"
    assert hired == [min(batches, workers)] * min(batches, workers)
    share_cores(hired[0])
    assert os.environ["OMP_NUM_THREADS"] == str(share)


def test_a_worker_killed_once_costs_nothing(tmp_path, undisturbed, monkeypatch):
    monkeypatch.setenv("AETIA_KILL_AT", "compute:2")
    monkeypatch.setenv("AETIA_KILL_ONCE", str(tmp_path / "killed"))
    assert execute(STUDY, tmp_path / "run", engine=LocalPool(2)).status == "complete"
    assert (tmp_path / "killed").exists()
    assert files(tmp_path / "run") == undisturbed


def test_a_batch_that_kills_its_worker_twice_fails_and_the_rest_goes_on(tmp_path, monkeypatch, undisturbed):
    monkeypatch.setenv("AETIA_KILL_AT", "compute:1")
    run = execute(STUDY, tmp_path / "run", engine=LocalPool(2))
    assert (run.status, run.exit_code) == ("failed", 1)
    assert [batch.error for batch in run.manifest.failed] == [
        "the worker died, twice: SIGKILL (out of memory is the usual reason)"
    ]
    assert run.values().num_rows == 27
    assert run.effects().provenance["failed"] == "1 of 4 batches have no values"
    monkeypatch.delenv("AETIA_KILL_AT")
    assert resume(tmp_path / "run").status == "complete"
    assert files(tmp_path / "run") == undisturbed


def test_workers_that_die_opening_end_the_run_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("AETIA_KILL_AT", "open")
    with pytest.raises(RunError) as caught:
        execute(STUDY, tmp_path / "run", engine=LocalPool(2))
    assert caught.value.code == "AE-6007"
    assert "SIGKILL" in caught.value.found
    assert open_run(tmp_path / "run").status == "failed"
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("engine", [InProcess(), LocalPool(2)])
def test_a_broken_batch_is_listed_and_the_rest_goes_on(engine, tmp_path):
    run = execute(ToyStudy(broken=(1, 3)), tmp_path / "run", engine=engine)
    assert (run.status, run.exit_code, run.cells) == ("failed", 1, (6, 12))
    assert sorted(batch.error for batch in run.manifest.failed) == [
        "ValueError: batch 1 is broken",
        "ValueError: batch 3 is broken",
    ]
    failures = [event for event in run.events() if event.kind == "failed"]
    assert all("Traceback" in event.detail for event in failures)
    assert sorted(set(run.effects().to_arrow()["layer"].to_pylist())) == [0, 2]


@pytest.mark.parametrize("engine", [InProcess(), LocalPool(2)])
def test_a_question_that_a_batch_finds_wrong_ends_the_run_with_its_own_error(engine, tmp_path):
    """Trying the batch again would not mend it: the error names what does, and what was computed is kept."""
    with pytest.raises(StudyError, match="AE-1999"):
        execute(ToyStudy(refused=(2,)), tmp_path / "run", engine=engine)
    run = open_run(tmp_path / "run")
    assert run.status == "failed"
    assert "asks for too much" in (run.manifest.error or "")
    assert run.cells[0] in (3, 6, 9)  # a pool may have been a batch ahead, or behind


def test_when_every_batch_fails_there_are_no_effects_and_it_says_why(tmp_path):
    run = execute(ToyStudy(broken=(0, 1, 2, 3)), tmp_path / "run")
    assert run.status == "failed"
    for ask, code in ((run.effects, "AE-6008"), (run.values, "AE-6006")):
        with pytest.raises(RunError) as caught:
            ask()
        assert caught.value.code == code
        assert "batch 0 is broken" in str(caught.value)
