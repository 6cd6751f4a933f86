"""Which cells does a table of values have, and what does each item say in them?

Arrays: R rows of the table, G cells, P pairs of a cell and an item that it has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetia.errors import StudyError
from aetia.text import clean_text

__all__ = ["Cells", "Columns", "collect", "match"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

_CODES = 1 << 62  # as many mixed labels as a code can tell apart


@dataclass(frozen=True)
class Columns:
    """What the columns of a table of values are called.

    Args:
        dimensions: The columns that name a cell; nulls are values like any other.
        value: The column of values.
        item: The column of items' ids, none of them null.
        cluster: The column that says which items depend on each other; None where none do.
    """

    dimensions: tuple[str, ...]
    value: str = "value"
    item: str = "item"
    cluster: str | None = None

    @property
    def names(self) -> list[str]:
        """All of them, each once."""
        last = [] if self.cluster is None else [self.cluster]
        return list(dict.fromkeys([*self.dimensions, self.value, self.item, *last]))


@dataclass(frozen=True)
class Cells:
    """The cells of a table, in the order in which they first appear, and the items' values in each.

    Args:
        table: The dimensions, one row a cell.
        n: [G] how many items each cell has.
        means: [P] the mean of each item's values in a cell, by cell, then by item's id.
        clusters: [P] the cluster of each pair's item, as a number; None where items are independent.
    """

    table: pa.Table
    n: Integers
    means: Floats
    clusters: Integers | None = field(default=None)

    def alike(self) -> Iterator[tuple[Integers, Floats, Integers | None]]:
        """Yield the cells that can be computed together: which they are, their values [., N], the items' clusters."""
        start = np.cumsum(self.n) - self.n
        for size in np.unique(self.n):
            chosen = np.flatnonzero(self.n == size)
            places = start[chosen][:, None] + np.arange(size)
            if self.clusters is None:
                yield chosen, self.means[places], None
                continue
            patterns, kind = np.unique(self.clusters[places], axis=0, return_inverse=True)
            for number, pattern in enumerate(patterns):
                same = kind.ravel() == number
                yield chosen[same], self.means[places[same]], pattern


def collect(values: pa.Table, columns: Columns, origin: str = "") -> Cells:
    """Return the cells of a table; several values of one item in a cell count as their mean, null values not at all.

    Args:
        values: One row for each (item, cell); other columns are ignored.
        columns: What its columns are called.
        origin: Where the values come from, as said in an error: " in draw 3 of the null".

    Raises:
        StudyError: AE-1107 a value is not a finite number; AE-1109 an item has no cluster, or two.
    """
    table = values.select(columns.names)
    table = table.filter(table[columns.value].is_valid())
    numbers = table[columns.value].to_numpy().astype(np.float64)
    if not np.isfinite(numbers).all():
        raise _not_finite(table, columns, numbers, origin)
    group, first = _number_groups(table, columns.dimensions)
    rank = _ranks(table[columns.item])
    items = int(rank.max(initial=-1)) + 1
    pairs = group * items + rank
    if first.size * items <= 4 * pairs.size:
        counts = np.bincount(pairs, minlength=first.size * items)
        sums = np.bincount(pairs, weights=numbers, minlength=first.size * items)
        present = np.flatnonzero(counts)
        means = sums[present] / counts[present]
    else:  # few cells have each item: a full table of pairs would be mostly empty
        present, place = np.unique(pairs, return_inverse=True)
        means = np.bincount(place, weights=numbers, minlength=present.size) / np.bincount(place, minlength=present.size)
    owner = present // max(items, 1)
    clusters = None
    if columns.cluster is not None:
        clusters = _clusters_of_items(table, columns, rank)[present - owner * items]
    cells = table.select(list(columns.dimensions)).take(pa.array(first))
    return Cells(cells, np.bincount(owner, minlength=first.size), means, clusters)


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


def _clusters_of_items(table: pa.Table, columns: Columns, rank: Integers) -> Integers:
    """Return each item's cluster, as a number, by the item's rank."""
    column = _encode(table[columns.cluster])
    labels = _integers(column.indices)
    by_item = np.zeros(int(rank.max(initial=-1)) + 1, dtype=np.int64)
    by_item[rank] = labels
    names = column.dictionary.to_pylist()
    wrong = np.flatnonzero((by_item[rank] != labels) | np.array([name is None for name in names] or [False])[labels])
    if wrong.size:
        name = clean_text(str(table[columns.item][int(wrong[0])].as_py()), limit=40)
        found = f"The item {name!r} belongs to no cluster of {columns.cluster!r}, or to two."
        raise StudyError("AE-1109", found, mend="give every item exactly one cluster")
    return by_item


def _not_finite(table: pa.Table, columns: Columns, numbers: Floats, origin: str) -> StudyError:
    wrong = np.flatnonzero(~np.isfinite(numbers))
    row = table.slice(int(wrong[0]), 1).to_pylist()[0]
    named = [columns.item, *(name for name in columns.dimensions if row[name] is not None)]
    place = ", ".join(f"{name} {clean_text(str(row[name]), limit=40)}" for name in named)
    found = f"{wrong.size} of {numbers.size} values{origin} are not finite numbers; the first is at {place}."
    return StudyError("AE-1107", found, mend="leave that item out, or choose an outcome that is always a number")


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
