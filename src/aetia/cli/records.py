"""What does `--json` write, one record a line?

A verb that computes writes `start`, then `done`; a verb that lists writes one record a thing; `error` is the last
record of a command that did not come to its end.
"""

import json
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from aetia.runs.keys import JSON

if TYPE_CHECKING:
    from aetia.calibration.certificate import Certificate
    from aetia.report.rows import Row
    from aetia.report.verdicts import Family

__all__ = [
    "CheckRecord",
    "CodeRecord",
    "ContrastRecord",
    "ContrastsRecord",
    "DoneRecord",
    "EffectRecord",
    "ErrorRecord",
    "FamilyRecord",
    "FileRecord",
    "MethodRecord",
    "ModelRecord",
    "PlanRecord",
    "Record",
    "RunRecord",
    "ScenesRecord",
    "StartRecord",
]


class Record(BaseModel):
    """A line that a program reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def line(self) -> str:
        """The record as one line of ASCII JSON."""
        return json.dumps(self.model_dump(mode="json"), allow_nan=False) + "\n"


class EffectRecord(Record):
    """One effect, and how sure it is."""

    site: str
    method: str
    component: str
    layer: int | None
    head: int | None
    position: int | None
    span: str | None
    token: str | None
    estimate: float | None
    unit: str
    low: float | None
    high: float | None
    level: float
    n: int
    null: str | None
    p: float | None
    q: float | None
    passed: bool | None

    @classmethod
    def of(cls, row: "Row") -> "EffectRecord":
        """The record of a row of a table of effects; what is not a number, or was not tested, is null."""
        here = ("method", "component", "layer", "head", "position", "span", "token")
        test = ("unit", "low", "high", "level", "n", "null", "p", "q")
        values = {name: getattr(row, name) for name in (*here, *test)}
        passed = row.passes if row.is_tested else None
        return cls(site=row.address, estimate=row.estimate if row.is_number else None, passed=passed, **values)


class FamilyRecord(Record):
    """How many cells of one method were looked at, and how many pass; null where they were not tested."""

    method: str
    null: str | None
    correction: str | None
    level: float
    cells: int
    passed: int | None
    excludes_zero: int

    @classmethod
    def of(cls, family: "Family", correction: str) -> "FamilyRecord":
        """The record of a family's counts."""
        return cls(
            method=family.method,
            null=family.null,
            correction=(correction or None) if family.is_tested else None,
            level=family.level,
            cells=family.cells,
            passed=family.passed if family.is_tested else None,
            excludes_zero=family.sure,
        )


class StartRecord(Record):
    """What is about to be computed."""

    record: Literal["start"] = "start"
    version: str
    directory: str
    identity: str
    study: dict[str, JSON]


class PlanRecord(Record):
    """What would be computed, and what it would cost."""

    record: Literal["plan"] = "plan"
    directory: str
    identity: str
    study: dict[str, JSON]
    system: dict[str, JSON]
    items: int
    batches: int
    cells: int
    forecast: dict[str, float | int | str]
    notes: list[str]


class DoneRecord(Record):
    """What was computed, and where it is."""

    record: Literal["done"] = "done"
    status: str
    exit_code: int
    directory: str
    effects: str | None
    report: str | None
    cells: int
    cells_total: int
    failed: list[str]
    baseline: list[EffectRecord]
    families: list[FamilyRecord]
    top: list[EffectRecord]


class ErrorRecord(Record):
    """Why a command did not come to its end."""

    record: Literal["error"] = "error"
    code: str
    found: str
    details: tuple[str, ...]
    mend: str
    exit_code: int


class RunRecord(Record):
    """A run directory."""

    record: Literal["run"] = "run"
    directory: str
    status: str
    instrument: str
    study: dict[str, JSON]
    cells: int
    cells_total: int
    started: str
    ended: str | None
    report: str | None


class FileRecord(Record):
    """A file that was written."""

    record: Literal["file"] = "file"
    kind: Literal["report", "effects", "values", "items", "graph", "units"]
    path: str
    bytes: int


class ScenesRecord(Record):
    """A folder of scenes: pictures written and pictures that were there, or with --dry-run how many are planned."""

    record: Literal["scenes"] = "scenes"
    folder: str
    items: int
    written: int
    kept: int
    bytes: int
    planned: int | None = None


class ModelRecord(Record):
    """A model with a short name."""

    record: Literal["model"] = "model"
    name: str
    title: str
    aliases: list[str]
    licence: str
    parameters: int
    revision: str
    is_cached: bool
    path: str
    disk_bytes: int


class MethodRecord(Record):
    """A method of the catalogue."""

    record: Literal["method"] = "method"
    name: str
    room: str
    question: str
    inputs: str
    cost: str
    seeds: list[str]
    citation: str
    calibration: str


class ContrastsRecord(Record):
    """A set of contrasts, and how well the model does it."""

    record: Literal["contrasts"] = "contrasts"
    name: str
    question: str
    source: str
    model: str
    items: int
    dropped: int
    accuracy: float
    low: float
    high: float
    level: float
    clean: float
    corrupted: float
    unit: str
    is_able: bool


class ContrastRecord(Record):
    """One pair of prompts, and its named spans as ranges of tokens."""

    record: Literal["contrast"] = "contrast"
    id: str
    clean: str
    corrupted: str
    answer: str
    foil: str
    tokens: int
    spans: dict[str, tuple[int, int]]


class FigureRecord(BaseModel):
    """One measure of a calibrated instrument on one kind of system."""

    measure: str
    system: str
    estimate: float
    low: float | None
    high: float | None
    n: int


class CertificateRecord(Record):
    """What was measured of one way of an instrument, and what it does not reach."""

    record: Literal["certificate"] = "certificate"
    subject: str
    is_exact: bool
    figures: list[FigureRecord]
    short: list[str]

    @classmethod
    def of(cls, one: "Certificate") -> "CertificateRecord":
        """The record of a certificate."""
        figures = [FigureRecord(**vars(figure)) for figure in one.figures]
        return cls(subject=one.subject, is_exact=one.is_exact, figures=figures, short=one.shortfalls())


class CheckRecord(Record):
    """One thing that the doctor looked at."""

    record: Literal["check"] = "check"
    name: str
    ok: bool | None
    found: str
    mend: str


class CodeRecord(Record):
    """An error code."""

    record: Literal["code"] = "code"
    code: str
    meaning: str
    mend: str
