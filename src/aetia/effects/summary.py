"""What is the effect in each cell of a grid, given its value for every item?"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetia.effects.intervals import bootstrap_interval, wilson_interval
from aetia.effects.table import STATISTICS, Effects

__all__ = ["summarise"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


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
) -> Effects:
    """Return one effect for each combination of the dimensions: the mean over items, with its interval.

    The item is the unit of replication: several values of one item in a group count as their mean. Groups come in the
    order in which they first appear; the order of rows changes nothing else. One item gives an estimate without an
    interval. The unit "proportion" says that values are 0 or 1, and takes Wilson's interval; every other unit takes
    the BCa bootstrap over items, with resamples shared by all groups of as many items.

    Args:
        values: One row for each (item, cell); null values are not counted, other columns are ignored.
        dimensions: The columns that name a cell; nulls are values like any other.
        unit: The unit of the values, as in "logits".
        level: Coverage of the intervals, between 0 and 1.
        seed: Seed of the resamples.
        draws: How many resamples: see `bootstrap_interval`.
        value: The name of the column of values.
        item: The name of the column of items' ids, none of them null.

    Raises:
        ValueError: The unit is "proportion" and a value is neither 0 nor 1.

    Source: Efron, JASA 1987 (BCa); Wilson, JASA 1927.
    """
    measured = values.filter(values[value].is_valid())
    group, first = _number_groups(measured, dimensions)
    means, n = _means_by_item(group, _ranks(measured[item]), _floats(measured[value]))
    estimate, low, high = np.empty(n.size), np.empty(n.size), np.empty(n.size)
    start = np.cumsum(n) - n
    for size in np.unique(n):
        chosen = np.flatnonzero(n == size)
        x = means[start[chosen][:, None] + np.arange(size)]  # (groups with this many items, items)
        estimate[chosen] = x.mean(axis=1)
        low[chosen], high[chosen] = _interval(x, unit, level, draws, seed)
    absent = pa.nulls(n.size)
    columns = [
        estimate,
        pa.repeat(unit, n.size),
        pa.array(low, mask=~np.isfinite(low)),
        pa.array(high, mask=~np.isfinite(high)),
        np.full(n.size, level),
        n,
        *(absent.cast(STATISTICS.field(name).type) for name in ("null", "p", "q")),
    ]
    cells = measured.select(list(dimensions)).take(pa.array(first))
    statistics = [pa.array(column, type=field.type) for field, column in zip(STATISTICS, columns, strict=True)]
    return Effects(pa.table([*cells.columns, *statistics], schema=pa.schema([*cells.schema, *STATISTICS])))


def _interval(x: Floats, unit: str, level: float, draws: int, seed: int) -> tuple[Floats, Floats]:
    if unit != "proportion" or x.shape[1] < 2:
        return bootstrap_interval(x, level, draws, seed)
    if not np.isin(x, (0.0, 1.0)).all():
        raise ValueError("values in the unit 'proportion' are 0 or 1")
    return wilson_interval(x.sum(axis=1), np.full(x.shape[0], float(x.shape[1])), level)


def _number_groups(table: pa.Table, dimensions: Sequence[str]) -> tuple[Integers, Integers]:
    """Return each row's group, numbered by first appearance, and each group's first row."""
    code = np.zeros(table.num_rows, dtype=np.int64)
    for name in dimensions:
        column = _encode(table[name])
        labels = _integers(column.indices)
        # Ranking after each column keeps the mixed number small however many columns there are.
        code = np.unique(code * (len(column.dictionary) + 1) + labels, return_inverse=True)[1]
    _, first, group = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(order.size)
    return number[group], first[order]


def _means_by_item(group: Integers, item: Integers, value: Floats) -> tuple[Floats, Integers]:
    """Return the mean of each (group, item) pair, ordered by group then item, and each group's number of items."""
    items = int(item.max(initial=0)) + 1
    pair, place = np.unique(group * items + item, return_inverse=True)
    means = np.bincount(place, weights=value, minlength=pair.size) / np.bincount(place, minlength=pair.size)
    return means, np.bincount(pair // items)


def _ranks(items: pa.ChunkedArray) -> Integers:
    """Return each row's item as its rank among the sorted ids."""
    column = _encode(items)
    ids = column.dictionary.to_pylist()
    rank = {name: place for place, name in enumerate(sorted(ids))}
    return np.array([rank[name] for name in ids], dtype=np.int64)[_integers(column.indices)]


def _encode(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.combine_chunks().dictionary_encode(null_encoding="encode")


def _integers(array: pa.Array) -> Integers:
    return array.to_numpy(zero_copy_only=False).astype(np.int64)


def _floats(column: pa.ChunkedArray) -> Floats:
    return column.to_numpy().astype(np.float64)
