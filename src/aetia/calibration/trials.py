"""What does an instrument say where the answer is known?

A trial is one run of the whole instrument, its null included, on one system of `aetia.truth`.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from aetia.calibration.scores import auroc
from aetia.calibration.subjects import Cause, Subject
from aetia.effects import draws_needed, passes
from aetia.errors import StudyError
from aetia.studies.nulls import relabellings
from aetia.truth import Graded, graded_system, null_sight, null_sights, null_system, truth_system

__all__ = ["ITEMS", "Measured", "cost", "encoding", "false_positive", "interval_coverage", "recovery"]

ITEMS = 24
"""Items of a trial: the default of a study."""

_REFUSALS = ("AE-1311", "AE-1603")  # the items' labels cannot be exchanged
_ROUNDING = 1e-4  # logits: smaller effects are float32's, and their order says nothing
_SAMPLES = 25  # samples of items that are drawn from one graded population

Measured = tuple[str, str, float]
"""What is measured, on which trial, and the value."""


def false_positive(subject: Subject, system: str, replicate: int) -> Measured:
    """Whether the instrument finds anything at all, corrected for its places, where there is nothing."""
    null = null_sight(system, replicate) if system in null_sights() else null_system(system, replicate)
    study = subject.study(seed=replicate)
    effects = subject.effects(study, null.network, null.draw(ITEMS * subject.tasks, replicate))
    if subject.verdict:
        return "false positives", f"{system}-{replicate}", float(bool(effects.provenance[subject.verdict]))
    table = subject.findings(effects) if system in null_sights() else effects.to_arrow()
    q = table["q"].to_numpy(zero_copy_only=False).astype(np.float64)
    if not np.isfinite(q).any():
        raise ValueError(f"{subject.name} tested nothing on {system}-{replicate}: it cannot be right about it")
    return "false positives", f"{system}-{replicate}", float(passes(q, study.level).any())


def recovery(subject: Subject, system: str, replicate: int) -> Iterator[Measured]:
    """How well the instrument's effects rank the true causes first, and which of them pass its test."""
    truth = truth_system(system, replicate)
    items = truth.draw(ITEMS, replicate)
    null = subject.truth_null
    if null == "auto" and not relabellings(items, draws_needed(0.95, 1)):
        null = "randomised-weights:19"
    try:
        effects = subject.effects(subject.study(seed=replicate, null=null), truth.network, items)
    except StudyError as error:
        if error.code not in _REFUSALS:
            raise
        yield "refused", f"{system}-{replicate}", 1.0
        return
    yield "refused", f"{system}-{replicate}", 0.0
    found = dict(subject.causes(effects))
    causes: frozenset[Cause] = truth.nodes if subject.grain == "nodes" else truth.edges
    # A search reports the edges that it keeps: those that it leaves out have no effect by it.
    looked_at = list(found) if subject.grain == "nodes" else list(truth.edge_candidates)
    is_true = np.array([cause in causes for cause in looked_at])
    trial = f"{system}-{replicate}"
    rows = [found.get(cause, {}) for cause in looked_at]
    sizes = np.abs([_number(row.get("estimate", 0.0)) for row in rows])
    yield f"auroc of {subject.grain}", trial, auroc(np.where(sizes < _ROUNDING, 0.0, sizes), is_true)
    q = np.array([_number(row.get("q")) for row in rows])
    if np.isfinite(q).any():
        passed = passes(q, 0.95)
        yield "recall", trial, float(passed[is_true].mean())
        yield "false discoveries", trial, float((passed & ~is_true).sum() / max(1, passed.sum()))


def encoding(subject: Subject, system: str, replicate: int) -> Iterator[Measured]:
    """Whether a variable is found where it must be, and not where it cannot be.

    What decides the answer is in the last residual at the last position, which alone the logits are read from; it is
    not at the first position, where both prompts have the same token and see no other.
    """
    truth = truth_system(system, replicate)
    items, trial = truth.draw(ITEMS, replicate), f"{system}-{replicate}"
    last = len(truth.network.blocks) - 1
    scores, found = [], []
    for site in (f"L{last}.resid_post@-1", f"L{last}.resid_post@0"):
        study = subject.study(seed=replicate, site=site)
        rows = subject.findings(subject.effects(study, truth.network, items)).to_pylist()
        estimate = np.array([_number(row["estimate"]) for row in rows])
        passed = passes(np.array([_number(row["q"]) for row in rows]), study.level)
        scores.append(estimate.max())
        found.append(bool(passed.any()))
    yield "refused", trial, 0.0
    yield "auroc of sites", trial, auroc(np.array(scores), np.array([True, False]))
    yield "recall", trial, float(found[0])
    yield "false discoveries", trial, float(found[1]) / max(1, sum(found))


def interval_coverage(subject: Subject, shape: str, replicate: int) -> Iterator[Measured]:
    """Whether the intervals of samples from a population cover its known means.

    The population is 48 items, one for each strength; a sample is `ITEMS` independent draws from it. An item's value
    does not depend on the others, so that every item is run once.
    """
    graded = _graded_system(shape, replicate)
    items = {item.answer_ids: item for item in graded.system.draw(600, replicate)}
    population = tuple(items.values())
    study = subject.study(null="none", seed=replicate)
    values = subject.instrument.compute(study, graded.system.network, population)(range(len(population)))
    random = np.random.default_rng(replicate)
    for sample in range(_SAMPLES):
        effects = subject.instrument.summarise(study, _resampled(values, random.integers(len(population), size=ITEMS)))
        for cause, row in subject.causes(effects):
            mean = graded.means.get(str(cause), 0.0)
            if len(set(graded.effects.get(str(cause), ()))) > 1 and cause != "embed":
                is_covered = _number(row["low"]) <= mean <= _number(row["high"])
                yield "coverage", f"{shape}-{replicate}-{sample}-{cause}", float(is_covered)


def cost(subject: Subject, system: str, replicate: int) -> Measured:
    """What one item costs by the instrument's forecast, in plain forward runs of its prompt, without the null."""
    truth = truth_system(system, replicate)
    items = truth.draw(ITEMS, replicate)
    spent = subject.instrument.forecast(subject.study(null="none"), truth.network, items)
    parameters = sum(weights.numel() for block in truth.network.blocks for weights in block.parameters())
    return "cost", f"{system}-{replicate}", spent.flops / (2.0 * parameters * max(item.length for item in items))


def _resampled(values: pa.Table, chosen: Sequence[int] | np.ndarray) -> pa.Table:
    """The values of a sample of items, drawn with replacement; an item that is drawn twice counts as two."""
    rows = values["item"].combine_chunks().dictionary_encode()
    codes = rows.indices.to_numpy()
    parts = []
    for number, item in enumerate(chosen):
        part = values.filter(pa.array(codes == item))
        place = part.schema.get_field_index("item")
        parts.append(part.set_column(place, "item", pa.repeat(f"{number:04d}", part.num_rows)))
    return pa.concat_tables(parts)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


@lru_cache(maxsize=4)
def _graded_system(shape: str, seed: int) -> Graded:
    return graded_system(shape, seed)  # pyright: ignore[reportArgumentType]  one of the two shapes
