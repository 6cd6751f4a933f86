"""What is the effect in each cell of a grid, and could chance have done it?"""

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetia.effects.cells import Cells, Columns, collect, match
from aetia.effects.intervals import bootstrap_interval, effective_items, wilson_interval
from aetia.effects.table import Effects, effects_table
from aetia.effects.tests import Correction, against_null, normal_scores, t_statistics

__all__ = ["summarise"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

_DRAW = "draw"


def summarise(
    values: pa.Table,
    dimensions: Sequence[str],
    *,
    unit: str,
    level: float = 0.95,
    seed: int = 0,
    draws: int = 2000,
    value: str = "value",
    item: str = "item",
    null: str | None = None,
    correction: Correction = "max-t",
    cluster: str | None = None,
) -> Effects:
    """Return one effect for each combination of the dimensions: the mean over items, its interval and its test.

    The item is the unit of replication: several values of one item in a group count as their mean. Groups come in the
    order in which they first appear; the order of rows changes nothing else. One item gives an estimate without an
    interval and without a test. The unit "proportion" says that values are 0 or 1, and takes Wilson's interval; every
    other unit takes the BCa bootstrap over items, with resamples shared by all groups of as many items.

    A column `draw` of integers makes the test: rows without a draw are the real system, draw b is the same instrument
    on the b-th draw of the null. Each cell's statistic is its mean over its standard error; `p` compares it with the
    same cell of every draw, `q` corrects for all cells of `values`. A cell that a draw lacks counts as 0 there, since
    an instrument that reports nothing at a place has found no effect there; a cell that only a draw has counts among
    its largest, since the search that found it is part of the null.

    Args:
        values: One row for each (item, cell, draw); null values are not counted, other columns are ignored.
        dimensions: The columns that name a cell; nulls are values like any other.
        unit: The unit of the values, as in "logits".
        level: Coverage of the intervals, between 0 and 1.
        seed: Seed of the resamples.
        draws: How many resamples: see `bootstrap_interval`.
        value: The column of values.
        item: The column of items' ids, none of them null.
        null: The null's name, as in "randomised-weights:19"; each row says it with the draws that are there.
        correction: "max-t" (family-wise, for which 19 draws do), "bh" (false discoveries) or "holm" (family-wise).
        cluster: The name of a column that says which items depend on each other; clusters are then what is resampled.

    Raises:
        ValueError: The unit is "proportion" and a value is neither 0 nor 1; or there are draws of a null without name.
        StudyError: AE-1107 a value is not a finite number; AE-1109 an item has no cluster, or two.

    Source: Efron, JASA 1987 (BCa); Wilson, JASA 1927; Westfall and Young 1993 (max-T); seed 087 (nulls).
    """
    columns = Columns(tuple(dimensions), value, item, cluster)
    has_draws = _DRAW in values.schema.names and _DRAW not in dimensions
    cells = collect(values.filter(values[_DRAW].is_null()) if has_draws else values, columns)
    estimate, low, high = (np.full(cells.n.size, np.nan) for _ in range(3))
    for chosen, x, clusters in cells.alike():
        estimate[chosen] = x.mean(axis=1)
        low[chosen], high[chosen] = _interval(x, clusters, unit, level, (draws, seed))
    statistics = {"estimate": estimate, "low": low, "high": high, "level": np.full(low.size, level)}
    numbers = _numbers(values[_DRAW]) if has_draws else []
    if not numbers:
        return effects_table(cells.table, statistics, cells.n, unit=unit, null=None)
    if null is None:
        raise ValueError("values with draws of a null need its name")
    p, q = against_null(_scores(cells), _draws(values, numbers, columns, cells), correction)
    name = re.sub(r":\d+$", f":{len(numbers)}", null)  # a draw that failed is not there
    return effects_table(cells.table, {**statistics, "p": p, "q": q}, cells.n, unit=unit, null=name)


def _interval(
    x: Floats, clusters: Integers | None, unit: str, level: float, resampling: tuple[int, int]
) -> tuple[Floats, Floats]:
    independent = x.shape[1] if clusters is None else np.unique(clusters).size
    if unit != "proportion" or independent < 2:
        return bootstrap_interval(x, level, *resampling, clusters=clusters)
    if not np.isin(x, (0.0, 1.0)).all():
        raise ValueError("values in the unit 'proportion' are 0 or 1")
    n = np.full(x.shape[0], float(x.shape[1])) if clusters is None else effective_items(x, clusters, level)
    return wilson_interval(x.mean(axis=1) * n, n, level)


def _scores(cells: Cells) -> Floats:
    """Return the test statistic of each cell; NaN for a single item or cluster."""
    scores = np.full(cells.n.size, np.nan)
    for chosen, x, clusters in cells.alike():
        independent = x.shape[1] if clusters is None else np.unique(clusters).size
        scores[chosen] = normal_scores(t_statistics(x, clusters), np.full(chosen.size, float(independent)))
    return scores


def _draws(values: pa.Table, numbers: Sequence[int], columns: Columns, real: Cells) -> Iterator[tuple[Floats, float]]:
    """Yield each draw's statistics in the real system's cells, and the largest of all that it has."""
    table = values.select([*columns.names, _DRAW])
    of_draw = table[_DRAW].fill_null(-1).to_numpy()
    for number in numbers:
        cells = collect(table.filter(pa.array(of_draw == number)), columns, f" in draw {number} of the null")
        scores = np.nan_to_num(_scores(cells), nan=0.0, posinf=np.inf, neginf=-np.inf)
        place = match(real, cells)
        row = np.zeros(real.n.size)
        row[place[place >= 0]] = scores[place >= 0]
        yield row, float(np.abs(scores).max(initial=0.0))


def _numbers(column: pa.ChunkedArray) -> list[int]:
    return sorted(number for number in column.unique().to_pylist() if number is not None)
