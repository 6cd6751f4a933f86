"""What has happened in a run, and how far is it?"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from aetia.files import writing

__all__ = ["Event", "EventLog", "Kind", "Observer", "now", "read_events"]

Kind: TypeAlias = Literal["started", "batch", "failed", "complete", "stopped"]


@dataclass(frozen=True)
class Event:
    """Something that happened in a run.

    Args:
        kind: "started" (or resumed), "batch" (one was computed and stored), "failed" (one could not be computed),
            "complete" (the effects are written), "stopped" (by an error or by Ctrl-C).
        time: When, in UTC, ISO 8601.
        seconds: Since this session of the run started.
        cells_done, cells_total: How far the run is; cells of earlier sessions count as done.
        batch: The key of the batch it is about.
        message: One line for people.
        detail: What helps to mend a failure, such as a traceback.
    """

    kind: Kind
    time: str
    seconds: float
    cells_done: int
    cells_total: int
    batch: str | None = None
    message: str = ""
    detail: str = ""


Observer: TypeAlias = Callable[[Event], None]


class EventLog:
    """Appends events to events.jsonl and tells the observer, keeping count of the cells done."""

    def __init__(self, path: Path, observe: Observer | None, cells_done: int, cells_total: int) -> None:
        self._path = path
        self._observe = observe
        self._done = cells_done
        self._total = cells_total
        self._start = time.monotonic()

    def record(
        self, kind: Kind, batch: str | None = None, *, cells: int = 0, message: str = "", detail: str = ""
    ) -> None:
        """Record one event; `cells` more are then done."""
        self._done += cells
        seconds = round(time.monotonic() - self._start, 3)
        event = Event(kind, now(), seconds, self._done, self._total, batch, message, detail)
        with writing(self._path):
            _append(self._path, json.dumps(asdict(event)).encode())
        if self._observe is not None:
            self._observe(event)


def read_events(path: Path) -> list[Event]:
    """Return the events in the file, oldest first; a line that a kill cut short is passed over."""
    events: list[Event] = []
    if path.exists():
        for line in path.read_bytes().splitlines():
            try:
                events.append(Event(**json.loads(line)))
            except (ValueError, TypeError):
                continue
    return events


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _append(path: Path, line: bytes) -> None:
    # The newline comes first and last: a line that was cut short then spoils itself only.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, b"\n" + line + b"\n" if _is_torn(path) else line + b"\n")
    finally:
        os.close(descriptor)


def _is_torn(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
