"""How does a verb carry a run out, show it and report it?"""

import time
from pathlib import Path
from typing import Protocol

from aetia import __version__
from aetia.cli.progress import watching
from aetia.cli.records import StartRecord
from aetia.cli.summary import done_record, show_run
from aetia.cli.voice import Voice
from aetia.report import write_report
from aetia.runs import Engine, Run, Study, engine_of
from aetia.runs.events import Observer

__all__ = ["carry_out"]


class _Carry(Protocol):
    """`execute` or `resume`, with the question already given."""

    def __call__(self, *, engine: Engine | None = ..., observe: Observer | None = ...) -> Run: ...


def carry_out(voice: Voice, study: Study, directory: Path, workers: int, carry: _Carry) -> int:
    """Compute the run, write its report, show both, and return the exit code.

    Args:
        voice: Where to speak.
        study: What is asked.
        directory: The run directory.
        workers: How many processes; with one, this one computes.
        carry: Does the work.
    """
    voice.emit(
        lambda: StartRecord(
            version=__version__, directory=str(directory), identity=study.identity(), study=study.record()
        )
    )
    start = time.monotonic()
    with watching(voice, "tracing" if study.instrument == "trace" else study.instrument) as observe:
        run = carry(engine=engine_of(workers), observe=observe)
    has_effects = (run.directory / "effects.parquet").exists()
    report = write_report(run) if has_effects else None
    voice.emit(lambda: done_record(run, report))
    show_run(voice, run, report)
    voice.show(f"  time    {time.monotonic() - start:.0f} s")
    return run.exit_code
