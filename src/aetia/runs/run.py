"""What has a run found, and how far did it come?"""

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from aetia.effects import Effects
from aetia.errors import RunError
from aetia.runs.events import Event, read_events
from aetia.runs.keys import JSON
from aetia.runs.lock import holder
from aetia.runs.parsing import parse_study
from aetia.runs.store import Manifest, Status, Store
from aetia.runs.study import Study

__all__ = ["Run", "list_runs", "open_run"]

_EXIT_CODES: dict[Status, int] = {"complete": 0, "failed": 1, "interrupted": 130, "running": 0}


@dataclass(frozen=True)
class Run:
    """A study being or having been executed: a directory, readable without aetia.

    Args:
        directory: Where it is.
        manifest: Everything about it but its numbers, as it was when the run was opened.
    """

    directory: Path
    manifest: Manifest

    @property
    def status(self) -> Status:
        """How the run stands; one that says it is running, but that no process works on, was interrupted."""
        is_orphan = self.manifest.status == "running" and holder(self.directory) is None
        return "interrupted" if is_orphan else self.manifest.status

    @property
    def exit_code(self) -> int:
        """What a command that made this run returns to the shell: 0, 1 with failed batches, 130 if interrupted."""
        return _EXIT_CODES[self.status]

    @property
    def study(self) -> Study:
        """The question; StudyError AE-1101 if its instrument is not there."""
        return parse_study(self.manifest.study, source=str(self._store.manifest_path))

    @property
    def cells(self) -> tuple[int, int]:
        """How many cells have a file of values, and how many the plan has."""
        present = self._store.part_keys()
        batches = self.manifest.batches
        return sum(batch.cells for batch in batches if batch.key in present), sum(batch.cells for batch in batches)

    def values(self) -> pa.Table:
        """Return the raw values that are there, in plan order, however they came to be computed.

        Raises:
            RunError: AE-6006 there are none.
        """
        parts = [self._store.read_part(batch.key) for batch in self.manifest.batches]
        present = [part for part in parts if part is not None]
        if not present:
            mend = f"`aetia runs resume {self.directory}`"
            raise RunError("AE-6006", f"{self.directory} has no values.", details=self._reasons(), mend=mend)
        return pa.concat_tables(present)

    def effects(self) -> Effects:
        """Return the effects.

        Raises:
            RunError: AE-6008 the run has none yet; AE-6010 their file is damaged.
        """
        path = self._store.effects_path
        if not path.exists():
            mend = f"`aetia runs resume {self.directory}`"
            raise RunError("AE-6008", f"{self.directory} has no effects yet.", details=self._reasons(), mend=mend)
        effects = Effects.read(path)
        # The place is known to the reader only: a file that named it would differ from its copy elsewhere.
        return replace(effects, provenance={**effects.provenance, "run": str(self.directory)})

    def items(self) -> list[dict[str, JSON]]:
        """Return the records of the items; RunError AE-6002 if their file is damaged."""
        return self._store.read_items()

    def events(self) -> list[Event]:
        """Return what has happened, oldest first."""
        return read_events(self._store.events_path)

    def _reasons(self) -> tuple[str, ...]:
        failed = tuple(f"batch {batch.key}: {batch.error}" for batch in self.manifest.failed[:3])
        return (f"status: {self.status}", *((self.manifest.error,) if self.manifest.error else ()), *failed)

    @property
    def _store(self) -> Store:
        return Store(self.directory)


def open_run(directory: str | Path) -> Run:
    """Return the run in `directory`.

    Raises:
        RunError: AE-6003 there is none; AE-6002 its manifest is damaged; AE-6013 a newer aetia wrote it.
    """
    path = Path(directory)
    return Run(path, Store(path).read_manifest())


def list_runs(root: str | Path) -> list[Run]:
    """Return the runs directly under `root`, and `root` itself if it is one, by name; damaged ones are left out."""
    folders = [Path(root), *sorted(path for path in Path(root).glob("*") if path.is_dir())]
    runs: list[Run] = []
    for folder in folders:
        try:
            runs.append(open_run(folder))
        except RunError:
            continue
    return runs
