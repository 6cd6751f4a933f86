"""How are batches computed by several processes of this machine, any of which may die?

Every worker has a pipe of its own, so that a death is known at once, by the end of the pipe, together with the batch
that it cost. A worker waits for its parent's end too, and goes at once, in the midst of a batch.
"""

import os
import signal
import traceback
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from typing import TypeAlias

import pyarrow as pa

from aetia import catalogue
from aetia.errors import AetiaError, RunError
from aetia.runs.cores import share_cores
from aetia.runs.engine import Engine, Failure, InProcess, Result, compute_batch
from aetia.runs.instrument import Batch, Compute, instrument_named
from aetia.runs.study import Study
from aetia.text import clean_text

__all__ = ["LocalPool", "engine_of"]

_GRACE_SECONDS = 2.0

# What a worker says: None when the instrument is open, then an outcome for each batch; an error ends the run.
_Message: TypeAlias = AetiaError | pa.Table | Failure | None


@dataclass(frozen=True)
class LocalPool:
    """Computes batches in processes of this machine, each of which opens the instrument once.

    A batch whose worker dies is tried once more, by a new worker, and then fails. A script that uses a pool guards its
    top level with `if __name__ == "__main__":`, since the workers import it.

    Args:
        workers: How many processes at most, each of which holds the model in memory; a study of fewer batches has no
            more than these, and they share the cores among them.

    Raises:
        RunError: AE-6007 a worker died before it had opened the instrument; AE-6009 it could not open it.
    """

    workers: int

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"a pool has at least one worker; got {self.workers}")

    @property
    def description(self) -> str:
        """What the manifest says of it."""
        return f"{self.workers} processes"

    def run(self, instrument_name: str, study: Study, batches: Sequence[Batch]) -> Generator[Result]:
        """Yield one result for each batch, as soon as it is there; closing it ends all workers."""
        count = min(self.workers, len(batches))
        hire = partial(_Worker, instrument_name, study, count)
        waiting = deque(batches)
        retried: set[str] = set()
        staff: list[_Worker] = []
        try:
            staff.extend(hire() for _ in range(count))
            while staff:
                for worker in _ready(staff):
                    batch = worker.batch
                    outcome = worker.receive()
                    if worker.is_dead and batch is not None and batch.key not in retried:
                        retried.add(batch.key)
                        waiting.appendleft(batch)
                    elif batch is not None and outcome is not None:
                        yield Result(batch, outcome)
                    if worker.is_dead or not waiting:
                        staff.remove(worker)
                        worker.stop()
                    if waiting:
                        if worker.is_dead:
                            staff.append(hire())
                        else:
                            worker.give(waiting.popleft())
        finally:
            for worker in staff:
                worker.stop()


def engine_of(workers: int) -> Engine:
    """This process if one is enough, else as many others.

    Raises:
        ValueError: Fewer than one.
    """
    return InProcess() if workers == 1 else LocalPool(workers)


class _Worker:
    """One process, our end of its pipe, and the batch that it has; it has none while it opens the instrument."""

    def __init__(self, instrument_name: str, study: Study, workers: int) -> None:
        self.batch: Batch | None = None
        self.is_dead = False
        self.pipe, theirs = get_context("spawn").Pipe()
        # The class travels by its module's name, so that a worker registers what its parent had registered.
        implementation = catalogue.find(instrument_name).implementation
        arguments = (implementation, instrument_name, study, workers, theirs)
        self._process: SpawnProcess = get_context("spawn").Process(target=_work, args=arguments, daemon=True)
        _start_uninterrupted(self._process)
        theirs.close()

    def give(self, batch: Batch) -> None:
        """Let the worker compute the batch."""
        self.batch = batch
        with suppress(OSError):  # it is dead; `receive` will find that out
            self.pipe.send(batch)

    def receive(self) -> pa.Table | Failure | None:
        """Return what the worker made of its batch, a failure if that killed it; None if it has only just opened."""
        try:
            message: _Message = self.pipe.recv()
        except (EOFError, OSError):
            self.is_dead = True
            if self.batch is None:
                found = f"A worker died while it opened the instrument: {self._cause()}."
                raise RunError("AE-6007", found, mend="use fewer workers, which need less memory, or none") from None
            return Failure(f"the worker died, twice: {self._cause()}")
        if isinstance(message, AetiaError):
            raise message
        self.batch = None
        return message

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.pipe.close()
        self._process.terminate()
        self._process.join(_GRACE_SECONDS)
        if self._process.is_alive():
            self._process.kill()

    def _cause(self) -> str:
        self._process.join(_GRACE_SECONDS)
        code = self._process.exitcode or 0
        return f"{signal.Signals(-code).name} (out of memory is the usual reason)" if code < 0 else f"exit code {code}"


def _ready(staff: Sequence[_Worker]) -> list[_Worker]:
    """Wait until some of the staff have something to say, or are dead, and return those."""
    speaking = wait([worker.pipe for worker in staff])
    return [worker for worker in staff if worker.pipe in speaking]


def _start_uninterrupted(process: SpawnProcess) -> None:
    """Start a process that Ctrl-C does not reach, from its first instruction on: its parent decides."""
    resource_tracker.ensure_running()  # else it is started with the first process, and lets Ctrl-C through again
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _work(
    implementation: type[object], instrument_name: str, study: Study, workers: int, pipe: "Connection[_Message, Batch]"
) -> None:
    """Open the instrument, then compute what comes through the pipe until it ends: a worker's whole life."""
    share_cores(workers)
    Thread(target=_go_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        try:
            compute = instrument_named(instrument_name).open(study)
        except AetiaError as error:
            pipe.send(error)
            return
        except Exception as error:  # noqa: BLE001  whatever it is, the parent has to hear of it
            reason = clean_text(f"{type(error).__name__}: {error}")
            found = f"A worker could not open {implementation.__name__}: {reason}."
            details = tuple(traceback.format_exc().splitlines()[-3:])
            pipe.send(RunError("AE-6009", found, details=details, mend="run it without workers to see where it fails"))
            return
        pipe.send(None)
        while True:
            pipe.send(_computed(compute, pipe.recv()))


def _go_with_parent() -> None:
    # Without it a worker is at work until its batch is done, beside those of the session that carries the run on.
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _computed(compute: Compute, batch: Batch) -> AetiaError | pa.Table | Failure:
    try:
        return compute_batch(compute, batch)
    except AetiaError as error:
        return error
