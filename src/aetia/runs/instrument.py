"""What must a method do to be planned, run, resumed and summarised like every other?"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar, cast, runtime_checkable

import pyarrow as pa

from aetia import catalogue
from aetia.effects import Effects
from aetia.runs.keys import JSON
from aetia.runs.study import Study

__all__ = ["KEY", "Batch", "Compute", "Instrument", "Plan", "Settling", "SideBySide", "instrument_named"]

KEY = r"^[A-Za-z0-9_-]{1,128}$"
"""What a batch's key looks like; it is part of a file name."""


@dataclass(frozen=True)
class Batch:
    """Cells that are computed together, and stored together as one file.

    Args:
        key: A hash of everything that determines the values: see `key_of`.
        cells: How many cells it holds; progress is counted in cells.
        payload: What the instrument needs to compute it, as plain data, since it may go to another process.
    """

    key: str
    cells: int
    payload: Mapping[str, JSON] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(KEY, self.key):
            raise ValueError(f"a batch's key names a file; got {self.key!r}")


@dataclass(frozen=True)
class Plan:
    """All the work of a study, known before any of it is done.

    Args:
        batches: In the order of the values table.
        items: One record for each item; written to items.jsonl.
        system: What is studied: model id, revision, file hashes, number format, family.
        forecast: The expected cost, such as seconds and peak bytes.
        notes: Sentences that a reader of the results should know, such as how many items were dropped.
        alone: Why one process has to compute all of it, as a sentence; empty if several may share it.
    """

    batches: tuple[Batch, ...]
    items: tuple[Mapping[str, JSON], ...] = ()
    system: Mapping[str, JSON] = field(default_factory=dict)
    forecast: Mapping[str, float | int | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    alone: str = ""

    def __post_init__(self) -> None:
        if len({batch.key for batch in self.batches}) < len(self.batches):
            raise ValueError("two batches of the plan have the same key")

    @property
    def cells(self) -> int:
        """How many cells the plan has."""
        return sum(batch.cells for batch in self.batches)


Compute: TypeAlias = Callable[[Batch], pa.Table]
StudyT_contra = TypeVar("StudyT_contra", bound=Study, contravariant=True)


class Instrument(Protocol[StudyT_contra]):
    """A method that turns a study into effects.

    It differs from others in how it plans and how it summarises, never in how its work is run, stored or resumed. Its
    class is made without arguments, is registered with `aetia.catalogue.instrument`, and imports nothing heavy before
    `open`. One that keeps something of its own until a run is complete is `Settling`, too; one that may wait for others
    is `SideBySide`.
    """

    name: str

    @property
    def study_type(self) -> type[Study]:
        """The class of its studies; a class attribute."""
        ...

    def plan(self, study: StudyT_contra, /) -> Plan:
        """Return all the work of the study; the same work whenever it is asked for."""
        ...

    def open(self, study: StudyT_contra, /) -> Compute:
        """Load what the work needs, once for each process, and return the function that computes a batch's values."""
        ...

    def summarise(self, study: StudyT_contra, values: pa.Table, /) -> Effects:
        """Return the effects that the values show; the values alone decide them."""
        ...


@runtime_checkable
class Settling(Protocol[StudyT_contra]):
    """An instrument that keeps something beside the run, such as replies, for a session that is killed."""

    def settle(self, study: StudyT_contra, /) -> None:
        """Let go of what was kept for the study alone: its run has all values. It may be called again."""
        ...


@runtime_checkable
class SideBySide(Protocol[StudyT_contra]):
    """An instrument that may wait for others, such as a server: one process then has several batches under way."""

    def stream_batches(
        self, study: StudyT_contra, batches: Sequence[Batch], /
    ) -> Generator[tuple[Batch, pa.Table | Exception]]:
        """Yield every batch with its values, or with what it failed by, as soon as they are there.

        Closing it ends all work. What raises ends the run, as an AetiaError should, which is about the question and not
        about a batch.
        """
        ...


def instrument_named(name: str) -> Instrument[Study]:
    """Return the instrument called `name`, ready to plan; StudyError AE-1101 if there is none."""
    # An instrument only ever meets its own kind of study, since a study is parsed by its instrument's `study_type`.
    return cast("Instrument[Study]", catalogue.find(name).implementation())
