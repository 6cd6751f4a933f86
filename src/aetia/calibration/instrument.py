"""The instrument `calibrate`: trials of other instruments where the answer is known, as a study like any other."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from aetia import catalogue
from aetia.calibration.study import CalibrationStudy
from aetia.calibration.subjects import SUBJECTS, Subject, subjects_named
from aetia.effects import Effects, summarise
from aetia.runs.instrument import Batch, Compute, Plan
from aetia.runs.keys import key_of

__all__ = ["UNITS", "Calibrate"]

UNITS = {
    "false positives": "proportion",
    "auroc of nodes": "auroc",
    "auroc of edges": "auroc",
    "auroc of sites": "auroc",
    "recall": "share",
    "false discoveries": "share",
    "coverage": "proportion",
    "refused": "proportion",
    "cost": "plain runs",
}
"""What is measured, and its unit; `cost` is what a study costs on its smallest network, in plain runs of its items."""

_SEEDS = 3  # of every truth system
_POPULATIONS = 20  # of either shape, each of 25 samples
_AT_ONCE = 10  # null systems of a batch
_QUICK = 20  # times fewer trials

_SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("subject", pa.string()),
        ("measure", pa.string()),
        ("system", pa.string()),
        ("value", pa.float64()),
    ]
)


@catalogue.instrument(
    "calibrate",
    "calibration",
    question="How far can an instrument be trusted?",
    seeds=("087", "165"),
    citation="Meloux et al. 2025; Friedman et al. 2023",
    inputs="nothing: its systems are made by construction",
    cost="about an hour on two cores for all instruments; --quick takes minutes",
)
class Calibrate:
    """False positives on null systems, recovery of known causes, coverage of known effects."""

    name = "calibrate"
    study_type = CalibrationStudy

    def plan(self, study: CalibrationStudy, /) -> Plan:
        """The trials, in batches of some seconds.

        Raises:
            StudyError: AE-1501 there is no such instrument to calibrate.
        """
        import torch
        import transformers

        from aetia import __version__

        system = {"aetia": __version__, "torch": torch.__version__, "transformers": transformers.__version__}
        batches = []
        for subject in subjects_named(study.subjects):
            for kind, name, first, count in _trials(subject, study):
                payload = {"subject": subject.name, "kind": kind, "system": name, "first": first, "count": count}
                asked = [dict(subject.fields), dict(subject.tested), subject.truth_null]
                batches.append(Batch(key_of(system, study.seed, asked, payload), count, payload))
        return Plan(tuple(batches), system=dict(system), forecast={"trials": sum(batch.cells for batch in batches)})

    def open(self, study: CalibrationStudy, /) -> Compute:
        """Return the function that runs a batch of trials."""
        return partial(_compute, study)

    def summarise(self, study: CalibrationStudy, values: pa.Table, /) -> Effects:
        """Every measure of every subject: on each kind of system, and over all of them."""
        whole = values.set_column(
            values.schema.get_field_index("system"), "system", pa.repeat(pa.scalar("all"), values.num_rows)
        )
        effects = []
        for name, unit in UNITS.items():
            for table in (whole, values):
                rows = table.filter(pc.field("measure") == name)
                if rows.num_rows:
                    dimensions = ("subject", "measure", "system")
                    effects.append(summarise(rows, dimensions, unit=unit, level=study.level, seed=study.seed))
        about = {"study": study.identity(), "quick": str(study.quick)}
        return Effects(Effects.concat(effects).table, about)


def _trials(subject: Subject, study: CalibrationStudy) -> Iterator[tuple[str, str, int, int]]:
    """Kind, system, first replicate and how many: the batches of a subject."""
    from aetia.truth import null_sights, null_systems, truth_systems

    replicates = subject.replicates // (_QUICK if study.quick else 1)
    names = [name for name in (*null_systems(), *null_sights()) if name in subject.null_systems]
    each = max(1, replicates // len(names))
    for name in names if subject.replicates else ():
        for first in range(0, each, _AT_ONCE):
            yield "null", name, first, min(_AT_ONCE, each - first)
    if subject.grain is not None:
        for name in truth_systems():
            yield "truth", name, 0, 1 if study.quick else _SEEDS
    if subject.covers:
        for shape in ("symmetric", "skewed"):
            yield from (("graded", shape, first, 1) for first in range(_POPULATIONS // (5 if study.quick else 1)))


def _compute(study: CalibrationStudy, batch: Batch) -> pa.Table:
    from aetia.calibration import trials

    (subject,) = [one for one in SUBJECTS if one.name == batch.payload["subject"]]
    kind, system = str(batch.payload["kind"]), str(batch.payload["system"])
    first, count = int(str(batch.payload["first"])), int(str(batch.payload["count"]))
    found: list[trials.Measured] = []
    for replicate in range(first, first + count):
        seed = study.seed * 1_000_000 + replicate
        if kind == "null":
            found.append(trials.false_positive(subject, system, seed))
        elif kind == "truth":
            found += (trials.encoding if subject.grain == "sites" else trials.recovery)(subject, system, seed)
            found.append(trials.cost(subject, system, seed))
        else:
            found += trials.interval_coverage(subject, system, seed)
    rows = [(trial, subject.name, measure, system, value) for measure, trial, value in found]
    columns = zip(*rows, strict=True) if rows else [[] for _ in _SCHEMA]
    arrays = [pa.array(column, type=part.type) for column, part in zip(columns, _SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)
