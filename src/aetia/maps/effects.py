"""From the values of pictures to effects: what each map takes from the answer beyond its controls, and how sure it is.

Arrays: N items, C clusters of items, B random maps of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import Effects, bootstrap_interval, holm, summarise, wilson_interval
from aetia.effects.table import effects_table
from aetia.maps.held import DIMENSIONS, Held
from aetia.maps.names import OTHER_ITEMS, RANDOM, of_other_items
from aetia.maps.study import MapStudy
from aetia.maps.testing import above_chance, better_than_controls, more_often_than_not
from aetia.models.quantities import UNITS

__all__ = ["BEYOND", "map_effects"]

Floats = npt.NDArray[np.float64]

BEYOND = "beyond controls"
"""The measure of what a map takes beyond the control that it is least sure to beat, which the row's null names."""

_CELLS = pa.schema([("map", pa.string()), ("measure", pa.string()), ("removal", pa.string()), ("share", pa.float64())])


@dataclass(frozen=True)
class _Effect:
    """One effect, its cell named by `DIMENSIONS`."""

    where: tuple[str, str, str | None, float | None]
    estimate: float
    low: float
    high: float
    n: int
    null: str | None
    p: float = np.nan
    q: float = np.nan


def map_effects(study: MapStudy, values: pa.Table) -> Effects:
    """The effects of a map study, from its values alone.

    Rows: the model's answer, whether it is right, and whether the picture makes it so (`sees`); the whole picture's
    `effect`; for each map and removal `deletion`, `insertion` and `knock-out`, each beyond the mean of the item's
    random maps and tested against them; `deletion` of each control likewise; for each map in the primary sense
    `beyond edges`, `beyond contrast`, `beyond centre`, `beyond other items`, and `beyond controls`, which is that of
    these which has the largest p, since all of them have to be beaten; `pointing` beside its chance; the plain curves.

    Deletion and insertion are means over the steps of the study's `shares`, each counting alike, which stresses the
    head of a map. p is one-sided; clusters of items are exchanged as a whole. q is Holm's: deletion in the primary
    sense over all maps; `beyond controls` over all maps; all other measures over all maps, removals and measures
    together; pointing over all maps.

    Source: Berger 1982, Multiparameter Hypothesis Testing and Acceptance Sampling (the largest p of several tests, all
    of which have to pass).
    """
    held = Held(values)
    unit = UNITS[study.outcome]
    parts = [*_about_model(study, held, values, unit), *_tested(study, held, unit), *_pointing(study, held)]
    parts.append(_curves(study, values, unit))
    return Effects.concat([part for part in parts if len(part)])


def _about_model(study: MapStudy, held: Held, values: pa.Table, unit: str) -> list[Effects]:
    """The answer, the accuracies, and whether the picture makes the answer right."""
    plain = values.filter(pc.field("measure").isin(["answer", "effect"]))
    shares = values.filter(pc.field("measure").isin(["correct", "correct with another picture"]))
    of = {"dimensions": DIMENSIONS, "level": study.level, "seed": study.seed}
    parts = [summarise(plain, unit=unit, **of)]
    if shares.num_rows:
        parts.append(summarise(shares, unit="proportion", **of))
    if items := held.with_value("model", "correct with another picture"):
        right, swapped = (held.of("model", name, items) for name in ("correct", "correct with another picture"))
        gained = held.clustered(right - swapped, items)
        p = more_often_than_not(gained.tolist())
        found = replace(_effect(study, ("model", "sees", None, None), gained, "another picture"), p=p, q=p)
        parts.append(_effects([found], study.level, "share"))
    return parts


def _tested(study: MapStudy, held: Held, unit: str) -> list[Effects]:
    """What each map takes from the answer beyond random maps, and beyond its other controls."""
    plain = ((measure, measure, study.shares) for measure in study.measures)
    kinds = (*plain, ("knock-out", "deletion", (study.top,)))
    primary: list[_Effect] = []
    others: list[_Effect] = []
    for removal in study.removals:
        for measure, kept, shares in kinds:
            is_primary = removal == study.primary and measure == "deletion"
            where = (measure, removal, study.top if measure == "knock-out" else None)
            random = held.lost(RANDOM, kept, removal, shares)
            found = [_beyond_random(study, held, (name, *where), (kept, shares), random) for name in held.maps]
            (primary if is_primary else others).extend(found)
    rows = [*_corrected(primary), *_corrected(others), *_controlled(study, held)]
    return [_effects(rows, study.level, unit)]


def _beyond_random(
    study: MapStudy,
    held: Held,
    where: tuple[str, str, str, float | None],
    kind: tuple[str, Sequence[float]],
    random: Floats,
) -> _Effect:
    name, _, removal, _ = where
    found = held.lost(name, kind[0], removal, kind[1])
    effect = _effect(study, where, found - random.mean(axis=1), f"random-map:{random.shape[1]}")
    return replace(effect, p=better_than_controls(found, random, study.seed))


def _controlled(study: MapStudy, held: Held) -> list[_Effect]:
    """Each control beyond random maps; each map beyond each control, and beyond the one that it beats least surely."""
    of = ("deletion", study.primary, study.shares)
    random = held.lost(RANDOM, *of)
    kind = ("deletion", study.shares)
    rows = [_beyond_random(study, held, (name, *of[:2], None), kind, random) for name in held.controls]
    controls = {name: held.lost(name, *of)[:, None] for name in held.controls}
    worst: list[_Effect] = []
    for name in held.maps:
        found, others = held.lost(name, *of), of_other_items(name)
        has_others = held.has(others, "deletion", study.primary, study.shares[0])
        bars = {**controls, **({OTHER_ITEMS: held.lost(others, *of)} if has_others else {})}
        against = [
            replace(
                _effect(study, (name, f"beyond {bar}", study.primary, None), found - lost.mean(axis=1), bar),
                p=better_than_controls(found, lost, study.seed),
            )
            for bar, lost in bars.items()
        ]
        rows += against
        if against:
            hardest = max(against, key=lambda one: (one.p, -one.estimate))
            worst.append(replace(hardest, where=(name, BEYOND, study.primary, None)))
    return [*rows, *_corrected(worst)]


def _pointing(study: MapStudy, held: Held) -> list[Effects]:
    """How often the cell of a map's largest value shows the thing that is asked about, and how often by chance."""
    if not (items := held.with_value(RANDOM, "pointing")):
        return []
    chances = held.of(RANDOM, "pointing", items)
    clusters = [held.cluster_of[item] for item in items]
    found: list[_Effect] = []
    for name in (*held.maps, *held.controls):
        hits = held.of(name, "pointing", items)
        means = held.clustered(hits, items)
        p = above_chance(hits.tolist(), chances.tolist(), clusters)
        effect = replace(_effect(study, (name, "pointing", None, None), means, "chance"), p=p)
        if means.size > 1:
            low, high = wilson_interval(means.sum(keepdims=True), np.array([float(means.size)]), study.level)
            effect = replace(effect, low=float(low[0]), high=float(high[0]))
        found.append(effect)
    maps = len(held.maps)
    chance = _effect(study, (RANDOM, "pointing", None, None), held.clustered(chances, items), None)
    return [_effects([*_corrected(found[:maps]), *found[maps:], chance], study.level, "proportion")]


def _curves(study: MapStudy, values: pa.Table, unit: str) -> Effects:
    """What is lost, and what is kept, at each step: by each map, and by random maps on average."""
    rows = values.filter(pc.field("measure").isin(["deletion", "insertion"]))
    names = pa.array([f"{name} curve" for name in rows["measure"].to_pylist()], pa.string())
    rows = rows.set_column(rows.schema.get_field_index("measure"), "measure", names)
    if "draw" in rows.schema.names:
        rows = rows.drop_columns(["draw"])
    return summarise(rows, DIMENSIONS, unit=unit, level=study.level, seed=study.seed)


def _effect(
    study: MapStudy, where: tuple[str, str, str | None, float | None], means: Floats, null: str | None
) -> _Effect:
    """The mean over clusters `[C]`, and its bootstrap interval."""
    low, high = bootstrap_interval(means[None], study.level, seed=study.seed)
    return _Effect(where, float(means.mean()), float(low[0]), float(high[0]), means.size, null)


def _corrected(effects: Sequence[_Effect]) -> list[_Effect]:
    q = holm([effect.p for effect in effects])
    return [replace(effect, q=float(one)) for effect, one in zip(effects, q, strict=True)]


def _effects(rows: Sequence[_Effect], level: float, unit: str) -> Effects:
    parts = []
    for null in dict.fromkeys(row.null for row in rows):
        own = [row for row in rows if row.null == null]
        cells = pa.Table.from_pylist([dict(zip(DIMENSIONS, row.where, strict=True)) for row in own], schema=_CELLS)
        numbers = {
            name: np.array([getattr(row, name) for row in own]) for name in ("estimate", "low", "high", "p", "q")
        }
        numbers["level"] = np.full(len(own), level)
        parts.append(effects_table(cells, numbers, np.array([row.n for row in own], np.int64), unit=unit, null=null))
    return Effects.concat(parts)
