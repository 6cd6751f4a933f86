"""Which cells does a table of values have, and what does each item say in them?

Arrays: R rows of the table, G cells, P pairs of a cell and an item that it has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetia.errors import StudyError
from aetia.text import clean_text

__all__ = ["Cells", "collect", "columns_of", "match"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

_VALUE, _ITEM, _CLUSTER = "value", "item", "cluster"
_CODES = 1 << 62  # as many mixed labels as a code can tell apart


@dataclass(frozen=True)
class Cells:
    """The cells of a table, in the order in which they first appear, and what is independent of each other in each.

    Args:
        table: The dimensions, one row a cell.
        n: [G] how many items each cell has; how many clusters, where items depend on each other.
        means: [P] the mean of each item's values in a cell, by cell, then by id; or of each cluster's items, by name.
        items: [G] how many items each cell has.
    """

    table: pa.Table
    n: Integers
    means: Floats
    items: Integers

    def alike(self) -> Iterator[tuple[Integers, Floats]]:
        """Yield the cells that can be computed together: which they are, and their values [., N]."""
        start = np.cumsum(self.n) - self.n
        for size in np.unique(self.n):
            chosen = np.flatnonzero(self.n == size)
            yield chosen, self.means[start[chosen][:, None] + np.arange(size)]


def collect(values: pa.Table, dimensions: Sequence[str], origin: str = "") -> Cells:
    """Return the cells of a table; several values of one item in a cell count as their mean, null values not at all.

    Args:
        values: One row for each (item, cell): the columns `item`, `value` and, where items depend on each other,
            `cluster`, whose items count as their mean; other columns are ignored.
        dimensions: The columns that name a cell; nulls are values like any other.
        origin: Where the values come from, as said in an error: " in draw 3 of the null".

    Raises:
        StudyError: AE-1107 a value is not a finite number; AE-1109 an item has no cluster, or two.
    """
    table = values.select(columns_of(values, dimensions))
    table = table.filter(table[_VALUE].is_valid())
    numbers = table[_VALUE].to_numpy().astype(np.float64)
    if not np.isfinite(numbers).all():
        raise _not_finite(table, dimensions, numbers, origin)
    group, first = _number_groups(table, dimensions)
    rank = _ranks(table[_ITEM])
    cells = table.select(list(dimensions)).take(pa.array(first))
    owner, item, means = _means(group, rank, numbers, first.size)
    items = np.bincount(owner, minlength=first.size)
    if _CLUSTER not in table.schema.names or _CLUSTER in dimensions:
        return Cells(cells, items, means, items)
    owner, _, means = _means(owner, _clusters_of_items(table, rank)[item], means, first.size)
    return Cells(cells, np.bincount(owner, minlength=first.size), means, items)


def columns_of(values: pa.Table, dimensions: Sequence[str]) -> list[str]:
    """Return the columns of a table of values that `collect` reads, each once."""
    known = [_VALUE, _ITEM, *([_CLUSTER] if _CLUSTER in values.schema.names else [])]
    return list(dict.fromkeys([*dimensions, *known]))


def _means(group: Integers, unit: Integers, values: Floats, groups: int) -> tuple[Integers, Integers, Floats]:
    """Return the mean of every pair of a group and a unit that there is: its group, its unit, the mean."""
    units = int(unit.max(initial=-1)) + 1
    pairs = group * units + unit
    if groups * units <= 4 * pairs.size:
        counts = np.bincount(pairs, minlength=groups * units)
        sums = np.bincount(pairs, weights=values, minlength=groups * units)
        present = np.flatnonzero(counts)
        means = sums[present] / counts[present]
    else:  # few groups have each unit: a full table of pairs would be mostly empty
        present, place = np.unique(pairs, return_inverse=True)
        means = np.bincount(place, weights=values, minlength=present.size) / np.bincount(place, minlength=present.size)
    owner = present // max(units, 1)
    return owner, present - owner * units, means


def match(known: Cells, others: Cells) -> Integers:
    """Return for each cell of `others` which cell of `known` has the same dimensions, or -1."""
    if not known.table.num_columns:  # a table without columns has forgotten its rows: there is one cell at most
        return np.full(others.n.size, known.n.size - 1)
    both = pa.concat_tables([known.table, others.table])
    group, _ = _number_groups(both, both.schema.names)
    # Known cells come first and differ from each other, so that their groups are 0, 1, 2 ... in order.
    found = group[known.n.size :]
    return np.where(found < known.n.size, found, -1)


def _number_groups(table: pa.Table, dimensions: Sequence[str]) -> tuple[Integers, Integers]:
    """Return each row's group, numbered by first appearance, and each group's first row."""
    rows = table.num_rows
    code, codes = np.zeros(rows, dtype=np.int64), 1
    for name in dimensions:
        column = _encode(table[name])
        if codes * (len(column.dictionary) + 1) > _CODES:
            code = np.unique(code, return_inverse=True)[1]
            codes = rows
        codes *= max(1, len(column.dictionary))
        code = code * max(1, len(column.dictionary)) + _integers(column.indices)
    if codes <= 4 * rows:
        first = np.full(codes, rows)
        first[code[::-1]] = np.arange(rows)[::-1]  # of several rows with one code, the one written last stays
        label = np.flatnonzero(first < rows)
        order = label[np.argsort(first[label])]
        number = np.empty(codes, dtype=np.int64)
        number[order] = np.arange(order.size)
        return number[code], first[order]
    _, first, group = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(order.size)
    return number[group], first[order]


def _clusters_of_items(table: pa.Table, rank: Integers) -> Integers:
    """Return each item's cluster, by the item's rank, as the cluster's rank among the sorted names."""
    if table[_CLUSTER].null_count:
        wrong = np.flatnonzero(table[_CLUSTER].is_null().to_numpy())
    else:
        label = _ranks(table[_CLUSTER])
        by_item = np.zeros(int(rank.max(initial=-1)) + 1, dtype=np.int64)
        by_item[rank] = label
        wrong = np.flatnonzero(by_item[rank] != label)
        if not wrong.size:
            return by_item
    name = clean_text(str(table[_ITEM][int(wrong[0])].as_py()), limit=40)
    found = f"The item {name!r} belongs to no cluster, or to two."
    raise StudyError("AE-1109", found, mend="give every item exactly one cluster")


def _not_finite(table: pa.Table, dimensions: Sequence[str], numbers: Floats, origin: str) -> StudyError:
    wrong = np.flatnonzero(~np.isfinite(numbers))
    row = table.slice(int(wrong[0]), 1).to_pylist()[0]
    named = [_ITEM, *(name for name in dimensions if row[name] is not None)]
    place = ", ".join(f"{name} {clean_text(str(row[name]), limit=40)}" for name in named)
    found = f"{wrong.size} of {numbers.size} values{origin} are not finite numbers; the first is at {place}."
    return StudyError("AE-1107", found, mend="leave that item out, or choose an outcome that is always a number")


def _ranks(names: pa.ChunkedArray) -> Integers:
    """Return each row's name as its rank among the sorted names."""
    column = _encode(names)
    ids = column.dictionary.to_pylist()
    rank = {name: place for place, name in enumerate(sorted(ids))}
    return np.array([rank[name] for name in ids], dtype=np.int64)[_integers(column.indices)]


def _encode(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.combine_chunks().dictionary_encode(null_encoding="encode")


def _integers(array: pa.Array) -> Integers:
    return array.to_numpy(zero_copy_only=False).astype(np.int64)
