"""Who computes the batches, and what comes back?"""

import traceback
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from aetia.errors import AetiaError
from aetia.runs.instrument import Batch, Compute, SideBySide, instrument_named
from aetia.runs.study import Study
from aetia.text import clean_text

__all__ = ["Engine", "Failure", "InProcess", "Result", "compute_batch"]


@dataclass(frozen=True)
class Failure:
    """Why a batch has no values: one line, and what a programmer needs to mend it."""

    message: str
    detail: str = ""


@dataclass(frozen=True)
class Result:
    """A batch and its values, or why it has none."""

    batch: Batch
    outcome: pa.Table | Failure


class Engine(Protocol):
    """Somewhere to compute batches: this process, a pool, a cluster.

    Only the caller writes to the run directory, so that a worker that outlives its run can do no harm.
    """

    @property
    def description(self) -> str:
        """What the manifest says of it, as in "2 processes"."""
        ...

    def run(self, instrument_name: str, study: Study, batches: Sequence[Batch]) -> Generator[Result]:
        """Yield one result for each batch, in any order, as soon as it is there; closing it ends all work.

        A batch that raises is a failure and the rest goes on. An AetiaError, which is about the question and not about
        the batch, and an instrument that cannot be opened raise.
        """
        ...


@dataclass(frozen=True)
class InProcess:
    """Computes in this process, one batch after another unless the instrument has several under way."""

    @property
    def description(self) -> str:
        """What the manifest says of it."""
        return "in process"

    def run(self, instrument_name: str, study: Study, batches: Sequence[Batch]) -> Generator[Result]:
        """Yield one result for each batch, in their order unless several are under way."""
        instrument = instrument_named(instrument_name)
        if isinstance(instrument, SideBySide):
            with closing(instrument.stream_batches(study, batches)) as found:
                for batch, outcome in found:
                    yield Result(batch, _failure(outcome) if isinstance(outcome, Exception) else outcome)
            return
        compute = instrument.open(study)
        for batch in batches:
            yield Result(batch, compute_batch(compute, batch))


def compute_batch(compute: Compute, batch: Batch) -> pa.Table | Failure:
    """Return the batch's values, or the failure that computing them ended in.

    Raises:
        AetiaError: The question cannot be asked as it stands; trying again would not mend it.
    """
    try:
        return compute(batch)
    except AetiaError:
        raise
    except Exception as error:  # noqa: BLE001  one batch's trouble is not the others'
        return _failure(error)


def _failure(error: Exception) -> Failure:
    return Failure(clean_text(f"{type(error).__name__}: {error}"), "".join(traceback.format_exception(error)))
