"""How far is it? A live bar on a terminal, a line now and then elsewhere."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from aetia.cli.voice import Voice
from aetia.runs import Event
from aetia.runs.events import Observer
from aetia.text import clean_text

__all__ = ["watching"]

_LINES = 10  # how many lines a whole run writes where there is no terminal


@contextmanager
def watching(voice: Voice, doing: str) -> Generator[Observer | None]:
    """Give the observer that shows how far a run is: nothing under --json, a bar on a terminal, else lines.

    Args:
        voice: Where to speak.
        doing: What is done, such as "tracing".
    """
    if voice.as_json:
        yield None
    elif voice.remarks.is_terminal and not voice.remarks.is_dumb_terminal:
        with _bar(voice) as bar:
            task = bar.add_task("planning", total=None)

            def show(event: Event) -> None:
                bar.update(task, description=doing, completed=event.cells_done, total=event.cells_total)
                _say_failure(voice, event)

            yield show
    else:
        voice.remark("planning")
        yield _Lines(voice, doing)


def _bar(voice: Voice) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TextColumn("cells"), TimeRemainingColumn(), console=voice.remarks, transient=True)


class _Lines:
    """One line for each tenth of the cells."""

    def __init__(self, voice: Voice, doing: str) -> None:
        self._voice = voice
        self._doing = doing
        self._said = 0

    def __call__(self, event: Event) -> None:
        _say_failure(self._voice, event)
        step = max(1, event.cells_total // _LINES)
        is_last = event.kind == "batch" and event.cells_done == event.cells_total
        if event.kind == "started" or is_last or event.cells_done >= self._said + step:
            self._said = event.cells_done
            count = f"{event.cells_done:,} of {event.cells_total:,} cells"
            self._voice.remark(f"{self._doing}: {count}, {event.seconds:.0f} s")


def _say_failure(voice: Voice, event: Event) -> None:
    if event.kind == "failed":
        voice.remark(f"failed: batch {event.batch}: {clean_text(event.message)}")
