"""What is the effect in each cell of a grid, and could chance have done it?

A table of values has one row for each (item, cell, draw), and these columns beside the cell's dimensions:

- `item` and `value`. The item is the unit of replication: several values of one item in a cell count as their mean.
- `cluster`, where items depend on each other. The cluster is then the unit, and the mean of its items its value.
- `draw`, an integer, where there is a test: rows without a draw are the real system, draw b is the same instrument on
  the b-th draw of the null. Each cell's statistic is its mean over its standard error; `p` compares it with the same
  cell of every draw, `q` corrects for all cells of the table. A cell that a draw lacks counts as 0 there, since an
  instrument that reports nothing at a place has found no effect there; a cell that only a draw has counts among its
  largest, since the search that found it is part of the null.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetia.effects.cells import Cells, collect, columns_of, match
from aetia.effects.intervals import bootstrap_interval, effective_items, wilson_interval
from aetia.effects.table import Effects, effects_table
from aetia.effects.tests import Correction, against_null, normal_scores, t_statistics

__all__ = ["summarise"]

Floats: TypeAlias = npt.NDArray[np.float64]

_DRAW = "draw"


def summarise(
    values: pa.Table,
    dimensions: Sequence[str],
    *,
    unit: str,
    level: float = 0.95,
    seed: int = 0,
    draws: int = 2000,
    null: str | None = None,
    correction: Correction = "max-t",
) -> Effects:
    """Return one effect for each combination of the dimensions: the mean over items, its interval and its test.

    Cells come in the order in which they first appear; the order of rows changes nothing else. One item, or one
    cluster, gives an estimate without an interval and without a test. `n` is the number of items, or of clusters.

    Args:
        values: A table as this module describes it; null values are not counted, other columns are ignored.
        dimensions: The columns that name a cell; nulls are values like any other.
        unit: The unit of the values, as in "logits"; a "proportion" is of zeros and ones and has Wilson's interval.
        level: Coverage of the intervals, between 0 and 1.
        seed: Seed of the resamples, which all cells of as many items share.
        draws: How many resamples: see `bootstrap_interval`.
        null: The null's name, as in "randomised-weights:19"; each row says it with the draws that are there.
        correction: "max-t" (family-wise, for which 19 draws do), "bh" (false discoveries) or "holm" (family-wise).

    Raises:
        ValueError: A proportion is of other values than 0 and 1; or there are draws of a null without name.
        StudyError: AE-1107 a value is not a finite number; AE-1109 an item has no cluster, or two.

    Source: Efron, JASA 1987 (BCa); Wilson, JASA 1927; Westfall and Young 1993 (max-T); seed 087 (nulls); Galbraith et
    al., J. Neurosci. 2010 (clusters).
    """
    has_draws = _DRAW in values.schema.names and _DRAW not in dimensions
    cells = collect(values.filter(values[_DRAW].is_null()) if has_draws else values, dimensions)
    statistics = _estimates(cells, unit, level, (draws, seed))
    numbers = _numbers(values[_DRAW]) if has_draws else []
    if numbers and null is None:
        raise ValueError("values with draws of a null need its name")
    if numbers:
        p, q = against_null(_scores(cells), _draws(values, numbers, dimensions, cells), correction)
        statistics |= {"p": p, "q": q}
    name = re.sub(r":\d+$", f":{len(numbers)}", null) if null and numbers else None  # one that failed is not there
    return effects_table(cells.table, statistics, cells.n, unit=unit, null=name)


def _estimates(cells: Cells, unit: str, level: float, resampling: tuple[int, int]) -> dict[str, Floats]:
    """Return the mean of each cell and its interval."""
    estimate, low, high = (np.full(cells.n.size, np.nan) for _ in range(3))
    for chosen, x in cells.alike():
        estimate[chosen] = x.mean(axis=1)
        if unit == "proportion" and x.shape[1] > 1:
            low[chosen], high[chosen] = _shares(x, cells.items[chosen].astype(np.float64), level)
        else:
            low[chosen], high[chosen] = bootstrap_interval(x, level, *resampling)
    return {"estimate": estimate, "low": low, "high": high, "level": np.full(low.size, level)}


def _shares(x: Floats, items: Floats, level: float) -> tuple[Floats, Floats]:
    """Return Wilson's interval of the mean share, [G], for as many items as the clusters' [G, C] are worth."""
    is_single = items == x.shape[1]
    if not np.isin(x[is_single], (0.0, 1.0)).all() or (x < 0.0).any() or (x > 1.0).any():
        raise ValueError("values in the unit 'proportion' are 0 or 1")
    n = np.where(is_single, items, effective_items(x, items, level))
    return wilson_interval(x.mean(axis=1) * n, n, level)


def _scores(cells: Cells) -> Floats:
    """Return the test statistic of each cell; NaN for a single item or cluster."""
    scores = np.full(cells.n.size, np.nan)
    for chosen, x in cells.alike():
        scores[chosen] = normal_scores(t_statistics(x), np.full(chosen.size, float(x.shape[1])))
    return scores


def _draws(
    values: pa.Table, numbers: Sequence[int], dimensions: Sequence[str], real: Cells
) -> Iterator[tuple[Floats, float]]:
    """Yield each draw's statistics in the real system's cells, and the largest of all that it has."""
    table = values.select([*columns_of(values, dimensions), _DRAW])
    of_draw = table[_DRAW].fill_null(-1).to_numpy()
    for number in numbers:
        cells = collect(table.filter(pa.array(of_draw == number)), dimensions, f" in draw {number} of the null")
        scores = np.nan_to_num(_scores(cells), nan=0.0, posinf=np.inf, neginf=-np.inf)
        place = match(real, cells)
        row = np.zeros(real.n.size)
        row[place[place >= 0]] = scores[place >= 0]
        yield row, float(np.abs(scores).max(initial=0.0))


def _numbers(column: pa.ChunkedArray) -> list[int]:
    return sorted(number for number in column.unique().to_pylist() if number is not None)
