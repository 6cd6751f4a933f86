"""From the values of pictures to effects: what each map takes from the answer beyond random maps, and how sure that is.

Arrays: N items, C clusters of items, B random maps of each item.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import Effects, bootstrap_interval, cluster_means, holm, summarise, wilson_interval
from aetia.effects.table import effects_table
from aetia.maps.study import MapStudy
from aetia.maps.testing import above_chance, better_than_random, more_often_than_not
from aetia.models.quantities import UNITS

__all__ = ["DIMENSIONS", "RANDOM", "map_effects"]

Floats = npt.NDArray[np.float64]

DIMENSIONS = ("map", "measure", "removal", "cells")
RANDOM = "random maps"
"""What the rows of the random maps are called."""

_CELLS = pa.schema([("map", pa.string()), ("measure", pa.string()), ("removal", pa.string()), ("cells", pa.int32())])


@dataclass(frozen=True)
class _Effect:
    """One effect, its cell named by `DIMENSIONS`."""

    where: tuple[str, str, str | None, int | None]
    estimate: float
    low: float
    high: float
    n: int
    p: float = np.nan
    q: float = np.nan


@dataclass(frozen=True, eq=False)
class _Values:
    """The values of a study, looked up by what they are of."""

    table: pa.Table

    @cached_property
    def items(self) -> list[str]:
        return list(dict.fromkeys(self.table["item"].to_pylist()))

    @cached_property
    def maps(self) -> list[str]:
        rows = self.table.filter(pc.field("measure") == "map")
        return list(dict.fromkeys(rows["map"].to_pylist()))

    @cached_property
    def clusters(self) -> list[str]:
        """The cluster of each item; its own name if all are independent."""
        if "cluster" not in self.table.schema.names:
            return self.items
        known = dict(zip(self.table["item"].to_pylist(), self.table["cluster"].to_pylist(), strict=True))
        return [known[item] for item in self.items]

    @cached_property
    def weights(self) -> Floats:
        """What each item counts in a mean over clusters, `[N]`."""
        sizes = {name: self.clusters.count(name) for name in set(self.clusters)}
        return np.array([1 / (len(sizes) * sizes[name]) for name in self.clusters])

    @cached_property
    def _found(self) -> dict[tuple[object, ...], dict[tuple[str, int], float]]:
        columns = (self.table[name].to_pylist() for name in (*DIMENSIONS, "item", "random", "value"))
        found: dict[tuple[object, ...], dict[tuple[str, int], float]] = {}
        for name, measure, removal, cells, item, random, value in zip(*columns, strict=True):
            if measure != "map":
                place = (item, -1 if random is None else random)
                found.setdefault((name, measure, removal, cells), {})[place] = value
        return found

    @cached_property
    def steps(self) -> list[int]:
        """How many cells were taken away, in each step."""
        return sorted({key[3] for key in self._found if isinstance(key[3], int) and key[1] == "deletion"})

    def has(self, name: str, measure: str) -> bool:
        """Whether every item has a value that belongs to no removal."""
        found = self._found.get((name, measure, None, None), {})
        return all((item, -1) in found for item in self.items)

    def of(self, name: str, measure: str, removal: str | None = None, cells: int | None = None) -> Floats:
        """One value an item, `[N]`."""
        found = self._found[name, measure, removal, cells]
        return np.array([found[item, -1] for item in self.items])

    def of_random(self, measure: str, removal: str, cells: int) -> Floats:
        """The values of the random maps, `[N, B]`."""
        found = self._found[RANDOM, measure, removal, cells]
        draws = sorted({random for _, random in found})
        return np.array([[found[item, draw] for draw in draws] for item in self.items])


def map_effects(study: MapStudy, values: pa.Table) -> Effects:
    """The effects of a map study, from its values alone.

    Rows: the model's answer, whether it is right, and whether the picture makes it so (`sees`); the whole picture's
    `effect`; for each map and removal `deletion`, `insertion` and `knock-out`, each beyond the mean of the item's
    random maps and tested against them; `pointing` beside its chance; and the plain curves.

    Deletion and insertion are means over the steps of the study's `shares`, each counting alike, which stresses the
    head of a map. p is one-sided. q is Holm's: deletion in the primary sense over all maps; all other measures over all
    maps, removals and measures together; pointing over all maps.
    """
    held = _Values(values)
    unit = UNITS[study.outcome]
    parts = [*_about_model(study, held, values, unit), *_tested(study, held, unit), *_pointing(study, held)]
    parts.append(_curves(study, values, unit))
    return Effects.concat([part for part in parts if len(part)])


def _about_model(study: MapStudy, held: _Values, values: pa.Table, unit: str) -> list[Effects]:
    """The answer, the accuracies, and whether the picture makes the answer right."""
    plain = values.filter(pc.field("measure").isin(["answer", "effect"]))
    shares = values.filter(pc.field("measure").isin(["correct", "correct with another picture"]))
    of = {"dimensions": DIMENSIONS, "level": study.level, "seed": study.seed}
    parts = [summarise(plain, unit=unit, **of)]
    if shares.num_rows:
        parts.append(summarise(shares, unit="proportion", **of))
    if held.has("model", "correct with another picture"):
        right, swapped = held.of("model", "correct"), held.of("model", "correct with another picture")
        p = more_often_than_not(right.tolist(), swapped.tolist())
        found = _effect(study, held, ("model", "sees", None, None), right - swapped)
        parts.append(_effects([replace(found, p=p, q=p)], study.level, "share", "another picture"))
    return parts


def _tested(study: MapStudy, held: _Values, unit: str) -> list[Effects]:
    """What each map takes from the answer beyond random maps."""
    primary: list[_Effect] = []
    others: list[_Effect] = []
    for removal in study.removals:
        for name in held.maps:
            for measure, chosen in (
                ("deletion", held.steps),
                ("insertion", held.steps),
                ("knock-out", [_top(study, held)]),
            ):
                kept = "deletion" if measure == "knock-out" else measure
                found = np.mean([held.of(name, kept, removal, k) for k in chosen], axis=0)
                random = np.mean([held.of_random(kept, removal, k) for k in chosen], axis=0)
                p = better_than_random(found, random, held.weights, study.seed)
                where = (name, measure, removal, chosen[0] if measure == "knock-out" else None)
                is_primary = removal == study.primary and measure == "deletion"
                effect = replace(_effect(study, held, where, found - random.mean(axis=1)), p=p)
                (primary if is_primary else others).append(effect)
    null = f"random-map:{study.draws}"
    return [_effects(_corrected(rows), study.level, unit, null) for rows in (primary, others)]


def _pointing(study: MapStudy, held: _Values) -> list[Effects]:
    """How often the cell of a map's largest value shows the thing that is asked about, and how often by chance."""
    if not held.has(RANDOM, "pointing"):
        return []
    chances = held.of(RANDOM, "pointing")
    found: list[_Effect] = []
    for name in held.maps:
        hits = held.of(name, "pointing")
        effect = replace(_effect(study, held, (name, "pointing", None, None), hits), p=above_chance(hits, chances))
        if hits.size > 1:
            low, high = wilson_interval(hits.sum(keepdims=True), np.array([float(hits.size)]), study.level)
            effect = replace(effect, low=float(low[0]), high=float(high[0]))
        found.append(effect)
    chance = _effect(study, held, (RANDOM, "pointing", None, None), chances)
    return [
        _effects(_corrected(found), study.level, "proportion", "chance"),
        _effects([chance], study.level, "proportion", None),
    ]


def _curves(study: MapStudy, values: pa.Table, unit: str) -> Effects:
    """What is lost, and what is kept, at each step: by each map, and by random maps on average."""
    rows = values.filter(pc.field("measure").isin(["deletion", "insertion"]))
    names = pa.array([f"{name} curve" for name in rows["measure"].to_pylist()], pa.string())
    rows = rows.set_column(rows.schema.get_field_index("measure"), "measure", names)
    if "draw" in rows.schema.names:
        rows = rows.drop_columns(["draw"])
    return summarise(rows, DIMENSIONS, unit=unit, level=study.level, seed=study.seed)


def _top(study: MapStudy, held: _Values) -> int:
    """How many cells the knock-out takes: as many as the study's `top` is of the grid."""
    return held.steps[min(study.shares.index(study.top), len(held.steps) - 1)]


def _effect(study: MapStudy, held: _Values, where: tuple[str, str, str | None, int | None], values: Floats) -> _Effect:
    """The mean over clusters, and its bootstrap interval."""
    means = cluster_means(values, held.clusters)
    low, high = bootstrap_interval(means, study.level, seed=study.seed)
    return _Effect(where, float(means.mean()), float(low[0]), float(high[0]), means.shape[1])


def _corrected(effects: Sequence[_Effect]) -> list[_Effect]:
    q = holm([effect.p for effect in effects])
    return [replace(effect, q=float(one)) for effect, one in zip(effects, q, strict=True)]


def _effects(rows: Sequence[_Effect], level: float, unit: str, null: str | None) -> Effects:
    cells = pa.Table.from_pylist([dict(zip(DIMENSIONS, row.where, strict=True)) for row in rows], schema=_CELLS)
    numbers = {name: np.array([getattr(row, name) for row in rows]) for name in ("estimate", "low", "high", "p", "q")}
    numbers["level"] = np.full(len(rows), level)
    return effects_table(cells, numbers, np.array([row.n for row in rows], np.int64), unit=unit, null=null)
