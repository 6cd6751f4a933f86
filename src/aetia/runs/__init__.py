"""How is a study carried out, kept, and carried on after it was stopped?

A study is planned into batches; an engine computes them; each batch's values are one file. What is done is read off
the files: to resume is to plan again and compute what has no file.

Names are imported when they are first used: a key of a study needs no tables.
"""

from typing import TYPE_CHECKING

from aetia.lazy import names_from

if TYPE_CHECKING:
    from aetia.runs.engine import Engine, Failure, InProcess, Result
    from aetia.runs.events import Event
    from aetia.runs.execution import execute, resume
    from aetia.runs.instrument import Batch, Instrument, Plan, instrument_named
    from aetia.runs.keys import JSON, key_of
    from aetia.runs.parsing import load_study, parse_study, study_schema
    from aetia.runs.pool import LocalPool, engine_of
    from aetia.runs.run import Run, list_runs, open_run
    from aetia.runs.store import FailedBatch, Manifest
    from aetia.runs.study import Study

__all__ = [
    "JSON",
    "Batch",
    "Engine",
    "Event",
    "FailedBatch",
    "Failure",
    "InProcess",
    "Instrument",
    "LocalPool",
    "Manifest",
    "Plan",
    "Result",
    "Run",
    "Study",
    "engine_of",
    "execute",
    "instrument_named",
    "key_of",
    "list_runs",
    "load_study",
    "open_run",
    "parse_study",
    "resume",
    "study_schema",
]

_HOMES = {
    "engine": ("Engine", "Failure", "InProcess", "Result"),
    "events": ("Event",),
    "execution": ("execute", "resume"),
    "instrument": ("Batch", "Instrument", "Plan", "instrument_named"),
    "keys": ("JSON", "key_of"),
    "parsing": ("load_study", "parse_study", "study_schema"),
    "pool": ("LocalPool", "engine_of"),
    "run": ("Run", "list_runs", "open_run"),
    "store": ("FailedBatch", "Manifest"),
    "study": ("Study",),
}

__getattr__ = names_from(__name__, _HOMES)
