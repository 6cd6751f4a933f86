"""What may a line be that `--json` writes?"""

from typing import Annotated

from pydantic import Field, TypeAdapter

from aetia.cli import causal_records as causal
from aetia.cli import evals_records as evals
from aetia.cli import records, train
from aetia.runs.keys import JSON

__all__ = ["records_schema"]

_AnyRecord = Annotated[
    records.StartRecord
    | records.PlanRecord
    | records.DoneRecord
    | records.ErrorRecord
    | records.RunRecord
    | records.FileRecord
    | records.ScenesRecord
    | records.ModelRecord
    | records.MethodRecord
    | records.ContrastsRecord
    | records.ContrastRecord
    | records.CertificateRecord
    | records.CheckRecord
    | records.CodeRecord
    | causal.AnswerRecord
    | causal.EstimandRecord
    | causal.BoundsRecord
    | causal.GraphRecord
    | causal.UnitRecord
    | causal.CauseRecord
    | evals.TaskRecord
    | evals.WayRecord
    | evals.ItemRecord
    | evals.AuditRecord
    | evals.ScoreRecord
    | evals.CalmCellRecord
    | evals.CalmTaskRecord
    | evals.ComparisonRecord
    | evals.StandingRecord
    | train.TrainedRecord,
    Field(discriminator="record"),
]


def records_schema() -> dict[str, JSON]:
    """Return the JSON Schema of a line that `--json` writes."""
    return TypeAdapter(_AnyRecord).json_schema(mode="serialization")
