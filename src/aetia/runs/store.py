"""What is in a run directory, and what of it is whole?

    manifest.json            the study, the system, the machine, the order of the batches, the status
    items.jsonl              one record for each item
    values/part-KEY.parquet  the values of one batch
    effects.parquet          the effects
    events.jsonl             what happened
    report.html              the page, written by aetia.report

Only the process that holds the lock writes. What is done is read off the parts; the manifest never says it.
"""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aetia.errors import RunError
from aetia.files import TEMPORARY, read_table, write_atomic, write_table, writing
from aetia.runs.instrument import KEY
from aetia.runs.keys import JSON

__all__ = ["FailedBatch", "Manifest", "Status", "Store", "hardware", "versions"]

Status: TypeAlias = Literal["running", "complete", "failed", "interrupted"]
FORMAT = 1
_PACKAGES = ("aetia", "numpy", "pyarrow", "pydantic", "torch", "transformers")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class PlannedBatch(_Record):
    """A batch as the manifest lists it, in plan order."""

    key: Annotated[str, Field(pattern=KEY)]
    cells: int


class FailedBatch(_Record):
    """A batch that could not be computed, and why, in one line."""

    key: str
    error: str


class Manifest(_Record):
    """Everything about a run but its numbers."""

    format: int = FORMAT
    status: Status
    study: Mapping[str, JSON]
    identity: str
    batches: tuple[PlannedBatch, ...]
    system: Mapping[str, JSON] = {}
    forecast: Mapping[str, JSON] = {}
    notes: tuple[str, ...] = ()
    seeds: dict[str, int] = {}
    versions: dict[str, str] = {}
    hardware: Mapping[str, JSON] = {}
    engine: str = ""
    sessions: int = 1
    started: str = ""
    ended: str | None = None
    failed: tuple[FailedBatch, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Store:
    """The files of one run directory."""

    directory: Path

    @property
    def manifest_path(self) -> Path:
        """Where everything but the numbers is."""
        return self.directory / "manifest.json"

    @property
    def effects_path(self) -> Path:
        """Where the effects are."""
        return self.directory / "effects.parquet"

    @property
    def items_path(self) -> Path:
        """Where the records of the items are."""
        return self.directory / "items.jsonl"

    @property
    def events_path(self) -> Path:
        """Where the events are."""
        return self.directory / "events.jsonl"

    @property
    def values_path(self) -> Path:
        """The folder of the values."""
        return self.directory / "values"

    def read_manifest(self) -> Manifest:
        """Return the manifest.

        Raises:
            RunError: AE-6003 there is none; AE-6002 it is damaged; AE-6013 a newer aetia wrote it.
        """
        try:
            content = self.manifest_path.read_bytes()
        except OSError as error:
            found = f"{self.directory} is not a run directory: it has no manifest.json."
            raise RunError("AE-6003", found, mend="see `aetia runs list` for the runs there are") from error
        try:
            record = json.loads(content)
            is_newer = isinstance(record, dict) and isinstance(record.get("format"), int) and record["format"] > FORMAT
            if not is_newer:
                return Manifest.model_validate(record)
        except (ValueError, RecursionError) as error:  # pydantic's ValidationError is a ValueError
            reason = f"{error.error_count()} wrong fields" if isinstance(error, ValidationError) else "no JSON"
            found = f"{self.manifest_path} is damaged ({len(content)} bytes, {reason})."
            mend = "run the same study again with this directory as its output; batches that are whole are kept"
            raise RunError("AE-6002", found, mend=mend) from error
        found = f"{self.directory} was written by a newer aetia (format {record['format']}; this one reads {FORMAT})."
        raise RunError("AE-6013", found, mend="pip install --upgrade aetia")

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the manifest, atomically."""
        write_atomic(self.manifest_path, (manifest.model_dump_json(indent=2) + "\n").encode())

    def part_path(self, key: str) -> Path:
        """Where the values of the batch are."""
        return self.values_path / f"part-{key}.parquet"

    def read_part(self, key: str) -> pa.Table | None:
        """Return the values of the batch, or None if its file is absent or not whole."""
        return read_table(self.part_path(key))

    def write_part(self, key: str, values: pa.Table) -> None:
        """Write the values of the batch, atomically."""
        write_table(self.part_path(key), values)

    def part_keys(self) -> set[str]:
        """Return the keys of all parts, whole or not."""
        return {path.stem.removeprefix("part-") for path in self.values_path.glob("part-*.parquet")}

    def has_effects(self) -> bool:
        """Say whether the effects are there and whole."""
        return read_table(self.effects_path) is not None

    def write_items(self, items: Iterable[Mapping[str, JSON]]) -> None:
        """Write the records of the items, one a line, atomically."""
        lines = [json.dumps(item, ensure_ascii=False, allow_nan=False) + "\n" for item in items]
        # A lone surrogate, which a tokenizer may give, is kept as its escape.
        write_atomic(self.items_path, "".join(lines).encode("utf-8", "backslashreplace"))

    def read_items(self) -> list[dict[str, JSON]]:
        """Return the records of the items; RunError AE-6002 if their file is absent or damaged."""
        try:
            return [json.loads(line) for line in self.items_path.read_text(encoding="utf-8").split("\n") if line]
        except (OSError, ValueError) as error:
            mend = f"`aetia runs resume {self.directory}` writes it again"
            raise RunError("AE-6002", f"{self.items_path} is absent or damaged.", mend=mend) from error

    def prepare(self) -> None:
        """Make the folder of the values, and remove what a killed process left unfinished; the lock is held."""
        with writing(self.directory):
            self.values_path.mkdir(exist_ok=True)
            for folder in (self.directory, self.values_path):
                for left in folder.glob(TEMPORARY):
                    left.unlink()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide numbers, without importing them."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> Mapping[str, JSON]:
    """Return what the machine is; not its name."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
