"""Is the accuracy of a map above what random weights allow, and above a coin's in items that the map has not seen?

Letters: G maps, N items or clusters, B draws of a null.
"""

from collections.abc import Iterator
from math import comb
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import Effects, sign_flip_test, t_statistics
from aetia.effects.cells import Cells, collect, match
from aetia.effects.tests import against_null, normal_scores

if TYPE_CHECKING:
    from aetia.features.study import AlignmentStudy

__all__ = ["above_chance", "both_tested"]

Floats: TypeAlias = npt.NDArray[np.float64]


def both_tested(study: "AlignmentStudy", effects: Effects, values: pa.Table) -> Effects:
    """The effects, with a p and q of `excess` that hold against the null and against chance: the larger counts.

    Against the null alone a map errs: a network that does its task moves every item by a half up or down, where one of
    random weights leaves most of them alone, so that their statistics are not exchangeable; and each half of the items
    is tested with a map from the other, which makes the halves depend on each other. So a map's accuracy has to be
    above chance in one half by itself too. Both tests are one-sided: less than chance is no sign of the variable.

    Args:
        study: The study.
        effects: Its effects, with the null's name in the rows of `excess`.
        values: Its values: `excess` by item, map and draw, and the `half` of each item.

    Source: Westfall and Young 1993 (max-T); Dixon and Mood 1946 (sign test).
    """
    excess = values.filter(pc.field("measure") == "excess")
    real = collect(excess.filter(pc.field("draw").is_null()), ("map",))
    draws = list(_draws(excess, real))
    if not draws:
        return effects
    p, q = against_null(_scores(real), draws, study.correction)
    names = real.table["map"].to_pylist()
    chance = np.array([above_chance(*_halves(values, name), are_clusters=_has_clusters(values)) for name in names])
    p = np.maximum(p, chance)
    q = np.maximum(q, np.minimum(chance * len(study.maps), 1.0))
    return _replaced(effects, {name: (float(p[g]), float(q[g])) for g, name in enumerate(names)})


def above_chance(first: Floats, second: Floats, *, are_clusters: bool = False) -> float:
    """The p of "in neither half are values above 0 more likely than below", by a one-sided test in each half.

    The smaller p of the two counts, doubled; the halves may depend on each other in any way. Of items the signs are
    compared with a coin's (values of 0 say nothing); clusters have means of several sizes, whose signs are flipped.

    Args:
        first: `[N]` values of the items, or clusters, of one half.
        second: `[N]` of the other.
        are_clusters: Whether they are means of clusters.
    """
    test = _flipped if are_clusters else _signs
    return min(1.0, 2.0 * min(test(first), test(second)))


def _signs(x: Floats) -> float:
    above, count = int((x > 0.0).sum()), int((x != 0.0).sum())
    return sum(comb(count, number) for number in range(above, count + 1)) / 2**count


def _flipped(x: Floats) -> float:
    """Half of the two-sided p, exact up to 14 clusters, where the mean is above 0."""
    if x.size == 0 or x.mean() <= 0.0:
        return 1.0
    return float(sign_flip_test(x[None])[0][0]) / 2.0


def _has_clusters(values: pa.Table) -> bool:
    return "cluster" in values.schema.names


def _halves(values: pa.Table, name: str) -> tuple[Floats, Floats]:
    """A map's excess on the real network in the one half of the items, or clusters, and in the other.

    An item whose half is not in the values, as in those of older runs, is in neither.
    """
    unit = "cluster" if _has_clusters(values) else "item"
    rows = values.filter(pc.field("draw").is_null()).select([unit, "map", "measure", "value"]).to_pylist()
    half = {row[unit]: row["value"] for row in rows if row["measure"] == "half"}
    found: tuple[dict[str, list[float]], dict[str, list[float]]] = ({}, {})
    for row in rows:
        if row["measure"] == "excess" and row["map"] == name and row[unit] in half:
            found[int(half[row[unit]])].setdefault(row[unit], []).append(row["value"])
    first, second = (np.array([fmean(by_unit[one]) for one in sorted(by_unit)]) for by_unit in found)
    return first, second


def _scores(cells: Cells) -> Floats:
    """How far each map's mean is above 0, `[G]`; 0 where it is below, NaN for a single item."""
    scores = np.full(cells.n.size, np.nan)
    for chosen, x in cells.alike():
        scores[chosen] = normal_scores(t_statistics(x), np.full(chosen.size, float(x.shape[1])))
    return np.where(np.isnan(scores), np.nan, np.maximum(scores, 0.0))


def _draws(excess: pa.Table, real: Cells) -> Iterator[tuple[Floats, float]]:
    """Each draw's scores in the real network's maps, and the largest; without draws of which some items failed."""
    of_draw = excess["draw"].fill_null(-1).to_numpy()
    found = [
        collect(excess.filter(pa.array(of_draw == number)), ("map",)) for number in np.unique(of_draw[of_draw >= 0])
    ]
    most = max((int(cells.items.max()) for cells in found), default=0)
    for cells in found:
        if int(cells.items.min()) == most:
            scores, row = np.nan_to_num(_scores(cells), nan=0.0, posinf=np.inf), np.zeros(real.n.size)
            place = match(real, cells)
            row[place[place >= 0]] = scores[place >= 0]
            yield row, float(scores.max(initial=0.0))


def _replaced(effects: Effects, tests: dict[str, tuple[float, float]]) -> Effects:
    """The effects with these p and q in the rows of `excess`."""
    table = effects.to_arrow()
    rows = table.select(["map", "measure"]).to_pylist()
    for place, name in enumerate(("p", "q")):
        known = table[name].to_pylist()
        new = [
            tests[row["map"]][place] if row["measure"] == "excess" else old
            for row, old in zip(rows, known, strict=True)
        ]
        column = pa.array(new, pa.float64(), from_pandas=True)
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
    return Effects(table, effects.provenance)
