"""From drops by item to effects: the table of both tasks, its controls, and the interaction with its interval and test.

Letters: N, M items of the two tasks; B resamples or draws.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import STATISTICS, Effects, holm, summarise, t_statistics
from aetia.effects.distributions import normal_cdf, t_quantile, t_tail

if TYPE_CHECKING:
    from aetia.tracing.impairment_study import ImpairmentStudy

__all__ = ["DIMENSIONS", "impairment_effects", "interaction", "sum_interval"]

Floats: TypeAlias = npt.NDArray[np.float64]
DIMENSIONS = ("task", "ablated", "ablation", "component")

_RESAMPLES = 2000


def interaction(drops: Sequence[Sequence[Floats]]) -> tuple[Floats, Floats]:
    """Each task's difference of drops, by item: what its own components cost it beyond the other's, `[N]` and `[M]`.

    The interaction is the sum of their means: both own drops minus both cross drops.

    Args:
        drops: By task and ablated set: `drops[a][b]` are the drops of task a's items under task b's components.
    """
    return drops[0][0] - drops[0][1], drops[1][1] - drops[1][0]


def sum_interval(first: Floats, second: Floats, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """The bootstrap interval of the sum of two independent means, each resampled within its own items.

    Deviations are widened by sqrt(n / (n - 1)) and the tails taken at Student's quantile with Welch's degrees of
    freedom, without which few items cover too rarely. NaN if either has fewer than two items.

    Args:
        first: `[N]` values.
        second: `[M]` values.
        level: Coverage asked for.
        seed: Of the resamples.

    Source: Efron and Tibshirani 1993, section 8.3 (two samples); Hesterberg 2015 (widened tails); Welch 1947.
    """
    if min(first.size, second.size) < 2:
        return float("nan"), float("nan")
    chance = np.random.default_rng(seed)
    estimate = first.mean() + second.mean()
    total = np.full(_RESAMPLES, estimate)
    errors = []
    for values in (first, second):
        means = values[chance.integers(0, values.size, (_RESAMPLES, values.size))].mean(axis=1)
        total += (means - values.mean()) * sqrt(values.size / (values.size - 1))
        errors.append((values.var(ddof=1) / values.size, values.size - 1))
    spread = sum(error for error, _ in errors)
    if spread == 0.0:
        return float(estimate), float(estimate)
    freedom = spread**2 / sum(error**2 / count for error, count in errors)
    tail = normal_cdf([-float(t_quantile((1.0 - level) / 2.0, freedom))])[0]
    low, high = np.quantile(total, [tail, 1.0 - tail])
    return float(low), float(high)


def impairment_effects(study: "ImpairmentStudy", values: pa.Table, unit: str) -> Effects:
    """The effects of a study of selective impairment.

    Rows: the interaction, tested by how often matched random sets have one at least as large; the drop of each task
    under each task's components, tested against matched random components; the drop under those controls; and the
    patching scores of the components that were found.

    Args:
        study: The study.
        values: The values table: item, the dimensions, value, draw.
        unit: Of the outcome.
    """
    null = f"matched-components:{study.controls}"
    how = {"level": study.level, "seed": study.seed}
    is_score = pc.field("component").is_valid()
    found, values = values.filter(is_score), values.filter(~is_score)
    cells = summarise(values, DIMENSIONS, unit=unit, null=null, correction=study.correction, **how)
    interacting = _interaction_row(study, values, unit, null)
    cells, interacting = _both_tested(study, cells, interacting, _drops(study, values)[None])
    controls = values.filter(values["draw"].is_valid())
    names = pa.array([f"control of {name}" for name in controls["ablated"].to_pylist()], pa.string())
    renamed = controls.set_column(controls.schema.get_field_index("ablated"), "ablated", names).drop_columns(["draw"])
    parts = [interacting, cells, summarise(renamed, DIMENSIONS, unit=unit, **how)]
    if found.num_rows:
        parts.append(summarise(found.drop_columns(["draw"]), DIMENSIONS, unit=unit, **how))
    about = _provenance(study)
    if "cluster" in values.schema.names:
        about["clusters"] = str(len(values["cluster"].unique()))
    return Effects(Effects.concat(parts).table, about)


def _both_tested(
    study: "ImpairmentStudy", cells: Effects, interacting: Effects, drops: Sequence[Sequence[Floats]]
) -> tuple[Effects, Effects]:
    """The rows with p and q that also hold against no drop at all: the larger of both tests counts.

    Matched random sets may be few, and may do nothing where those found do something of either sign: to be unlike them
    is not yet to impair. So the mean drop has to differ from 0 over items too, by Student's test, and by Welch's for
    the interaction; Holm's correction covers all five.
    """
    by_cell = [*drops[0], *drops[1]]
    alone = [2.0 * float(t_tail(abs(t_statistics(x[None])[0]), x.size - 1.0)) if x.size > 1 else 1.0 for x in by_cell]
    chances = np.minimum(np.array([*alone, _welch(*interaction(drops))]), 1.0)
    corrected = holm(chances)
    names = (study.contrasts, study.other)
    rows = cells.to_arrow().select(["task", "ablated"]).to_pylist()
    place = [2 * names.index(row["task"]) + names.index(row["ablated"]) for row in rows]
    return _at_least(cells, chances[place], corrected[place]), _at_least(interacting, chances[4:], corrected[4:])


def _welch(first: Floats, second: Floats) -> float:
    """The two-sided p of the sum of two independent means."""
    if min(first.size, second.size) < 2:
        return 1.0
    errors = [values.var(ddof=1) / values.size for values in (first, second)]
    total = float(first.mean() + second.mean())
    if sum(errors) == 0.0:
        return 1.0 if total == 0.0 else 0.0
    counts = (first.size, second.size)
    freedom = sum(errors) ** 2 / sum(error**2 / (count - 1) for error, count in zip(errors, counts, strict=True))
    return 2.0 * float(t_tail(abs(total) / sqrt(sum(errors)), freedom))


def _at_least(effects: Effects, p: Floats, q: Floats) -> Effects:
    """The rows with p and q no smaller than these."""
    table = effects.to_arrow()
    for name, bound in (("p", p), ("q", q)):
        column = pa.array(np.maximum(table[name].to_numpy(zero_copy_only=False).astype(np.float64), bound))
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
    return Effects(table, effects.provenance)


def _provenance(study: "ImpairmentStudy") -> dict[str, str]:
    return {
        "model": study.model,
        "study": study.identity(),
        "correction": study.correction,
        "ablation": study.ablation,
        "controls": f"{study.controls} random sets matched in number, layer and norm",
    }


def _interaction_row(study: "ImpairmentStudy", values: pa.Table, unit: str, null: str) -> Effects:
    by_draw = _drops(study, values)
    first, second = interaction(by_draw[None])
    estimate = float(first.mean() + second.mean())
    chance = [sum(float(part.mean()) for part in interaction(by_draw[n])) for n in by_draw if n is not None]
    # A tie up to rounding is a tie: nothing is not larger than nothing.
    margin = 1e-9 * max(1.0, abs(estimate))
    p = (1 + sum(abs(one) >= abs(estimate) - margin for one in chance)) / (len(chance) + 1)
    low, high = sum_interval(first, second, study.level, study.seed)
    row = {
        "task": "both",
        "ablated": "interaction",
        "ablation": study.ablation,
        "component": None,
        "estimate": estimate,
        "unit": unit,
        "low": low if np.isfinite(low) else None,
        "high": high if np.isfinite(high) else None,
        "level": study.level,
        "n": first.size + second.size,
        "null": null,
        "p": p,
        "q": p,  # one claim, hence nothing to correct for
    }
    schema = pa.schema([*((name, pa.string()) for name in DIMENSIONS), *STATISTICS])
    return Effects(pa.Table.from_pylist([row], schema=schema))


def _drops(study: "ImpairmentStudy", values: pa.Table) -> dict[int | None, list[list[Floats]]]:
    """The drops by draw (None: the components found), task and ablated set; items in one order throughout.

    Where items depend on each other, the drops are those of clusters: the means of their items.
    """
    names = (study.contrasts, study.other)
    unit = "cluster" if "cluster" in values.schema.names else "item"
    found: dict[int | None, list[list[dict[str, list[float]]]]] = {}
    for row in values.select([unit, "task", "ablated", "draw", "value"]).to_pylist():
        cells = found.setdefault(row["draw"], [[{}, {}], [{}, {}]])
        cells[names.index(row["task"])][names.index(row["ablated"])].setdefault(row[unit], []).append(row["value"])
    return {
        draw: [[np.array([fmean(one[name]) for name in sorted(one)]) for one in task] for task in cells]
        for draw, cells in found.items()
    }
