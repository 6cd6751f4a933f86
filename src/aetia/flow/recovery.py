"""What share of an edit's effect does patching one place bring back, or take away?

The recovery rate is (patched - corrupted) / (clean - corrupted), numerators and denominators each added up over items:
a single item's rate explodes where clean and corrupted are close. Where the edit raises the outcome instead of lowering
it, both are turned around first: effects of either sign are effects, and would cancel in the sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import copysign
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import Effects
from aetia.errors import StudyError
from aetia.flow.ratios import ratio_effects

if TYPE_CHECKING:
    from aetia.runs import Run

__all__ = ["GATE", "recovery", "recovery_of"]

GATE = 0.1
"""The least difference between clean and corrupted, in the unit of the outcome, with which an item counts."""

_DIMENSIONS = ("method", "component", "layer", "head", "position", "span")
_METHODS = ("patch", "noise")
_TESTS = ("null", "p", "q")

Direction = Literal["denoise", "noise"]


@dataclass(frozen=True)
class _Gated:
    """The items that count, each with clean minus corrupted; and how many there are in all."""

    gaps: Mapping[str, float]
    items: int


def recovery(
    values: pa.Table,
    *,
    direction: Direction = "denoise",
    gate: float = GATE,
    level: float = 0.95,
    seed: int = 0,
) -> Effects:
    """Return the recovery rate of every place of a trace, pooled over items, with an interval over items.

    1 is the whole effect of the edit, 0 nothing of it. Values below 0 and above 1 occur. An item weighs as much as its
    edit does, whichever way that goes. The provenance says how many items were dropped because clean and corrupted are
    within the gate, and in how many of the others the corrupted run has more of the outcome.

    Args:
        values: The values of a trace by patch or noise, with an outcome in which effects can be shared out:
            probability, log-probability or logit difference.
        direction: As the study's: "denoise" puts clean values into the corrupted run (how much comes back), "noise" the
            reverse (how much is lost).
        gate: Items with |clean - corrupted| below this are dropped.
        level: Coverage of the intervals.
        seed: Of the resamples.

    Raises:
        StudyError: AE-9505 the values are not those of a trace by patch or noise; AE-9506 no item passes the gate.

    Source: Li et al. 2026, FCCT (arXiv 2511.05923), seed 031, pooled as their rate of single items is not.
    What it does not show: restoring the last position's residual in a late layer brings back everything by necessity.
    """
    real = values.filter(pc.field("draw").is_null()) if "draw" in values.schema.names else values
    gated = _gated(real, gate)
    places = real.filter(pc.field("method").isin(list(_METHODS)))
    places = places.filter(pc.field("item").isin(list(gated.gaps)))
    sign = 1.0 if direction == "denoise" else -1.0
    gaps = [gated.gaps[name] for name in places["item"].to_pylist()]
    changes = zip(places["value"].to_pylist(), gaps, strict=True)
    tops = pa.array([sign * copysign(1.0, gap) * value for value, gap in changes], pa.float64())
    below = pa.array([abs(gap) for gap in gaps], pa.float64())
    table = places.set_column(places.schema.get_field_index("value"), "value", tops).append_column("below", below)
    found = ratio_effects(table, _DIMENSIONS, unit="recovery rate", level=level, seed=seed)
    about = {
        "direction": direction,
        "gate": f"{gate:g}",
        "items": str(len(gated.gaps)),
        "dropped": f"{gated.items - len(gated.gaps)} of {gated.items}",
        "reversed": f"{sum(gap < 0.0 for gap in gated.gaps.values())} of {len(gated.gaps)}",
    }
    return Effects(found.table, about)


def recovery_of(run: "Run", *, gate: float = GATE) -> Effects:
    """Return the recovery rates of a run of the instrument `trace`, with the tests of the effects themselves.

    The null, p and q of a row are those of the effect that the rate is made of: of all items, the gate's too.

    Args:
        run: A finished run, by patch or noise; of one by attribution, the cells that were patched too.
        gate: As `recovery`.

    Raises:
        StudyError: As `recovery`.
        RunError: The run has no values or effects.
    """
    study = run.manifest.study
    # The method noise restores clean values whatever the direction is called.
    direction: Direction = (
        "noise" if study.get("direction") == "noise" and study.get("method") != "noise" else "denoise"
    )
    level, seed = study.get("level", 0.95), study.get("seed", 0)
    assert isinstance(level, float)
    assert isinstance(seed, int)
    found = recovery(run.values(), direction=direction, gate=gate, level=level, seed=seed)
    effects = run.effects()
    tests = {_place(row): [row[name] for name in _TESTS] for row in effects.table.to_pylist()}
    rows = [tests.get(_place(row), [None] * len(_TESTS)) for row in found.table.to_pylist()]
    table = found.table
    for number, name in enumerate(_TESTS):
        place = table.schema.get_field_index(name)
        column = pa.array([row[number] for row in rows], table.schema.field(name).type)
        table = table.set_column(place, table.schema.field(name), column)
    return Effects(table, {**effects.provenance, **found.provenance})


def _place(row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in _DIMENSIONS)


def _gated(values: pa.Table, gate: float) -> _Gated:
    needed = {"item", "value", *_DIMENSIONS}
    if not needed <= set(values.schema.names):
        raise _no_trace(f"they lack the column {min(needed - set(values.schema.names))}")
    methods = set(values["method"].to_pylist())
    if not methods & set(_METHODS):
        raise _no_trace(f"their methods are {', '.join(sorted(methods)) or 'none'}")
    ends: dict[str, dict[str, float]] = {"clean": {}, "corrupted": {}}
    for row in values.filter(pc.field("method") == "baseline").select(["item", "component", "value"]).to_pylist():
        if row["component"] in ends:
            ends[row["component"]][row["item"]] = row["value"]
    clean, corrupted = ends["clean"], ends["corrupted"]
    gaps = {name: clean[name] - corrupted[name] for name in clean if name in corrupted}
    kept = {name: gap for name, gap in gaps.items() if abs(gap) >= gate}
    if not kept:
        raise StudyError(
            "AE-9506",
            f"In none of {len(gaps)} items do clean and corrupted differ by {gate:g}: there is no effect to recover.",
            mend="use items that the model answers, another outcome, or a smaller gate.",
        )
    return _Gated(kept, len(gaps))


def _no_trace(reason: str) -> StudyError:
    found = f"These are not the values of a trace by patch or noise: {reason}."
    return StudyError("AE-9505", found, mend="give run.values() of aetia.trace(..., method='patch').")
