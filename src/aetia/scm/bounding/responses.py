"""Which functions of its parents can a variable follow, and how many units follow which?

Whatever the hidden causes are, all that matters of them is which function of its observed parents each variable
follows: its response type. A model of a graph is one distribution over the types of each district (confounded
component). The numbers of a district: N types, the product over its variables of |values| to the |values of parents|.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from aetia.scm.bounding.law import Law, district_law
from aetia.scm.bounding.requirements import Scenario
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.query import Value

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["District", "response_types"]

Values = Mapping[str, tuple[Value, ...]]
Monotone = frozenset[tuple[str, str]]


def response_types(graph: Graph, names: Iterable[str], values: Values) -> int:
    """How many combinations of response types these variables have.

    Args:
        graph: An ADMG.
        names: The variables, a district for example.
        values: Of each variable its values.
    """
    return prod(len(values[name]) ** prod(len(values[one]) for one in graph.parents[name]) for name in names)


@dataclass(frozen=True)
class District:
    """The response types of a confounded component and what is known of their distribution.

    Args:
        graph: An ADMG.
        names: The component's variables, causes first.
        values: Of each variable its values.
        monotone: Pairs of a cause and an effect that never falls, in the order of its values, where the cause rises.
    """

    graph: Graph
    names: tuple[str, ...]
    values: Values
    monotone: Monotone = frozenset()

    @cached_property
    def functions(self) -> Mapping[str, np.ndarray]:
        """Of each variable its functions, [functions, values of its parents by their names]: places of values."""
        return {name: self._functions(name) for name in self.names}

    def _functions(self, name: str) -> np.ndarray:
        parents = sorted(self.graph.parents[name])
        sizes = [len(self.values[parent]) for parent in parents]
        count, rows = len(self.values[name]), prod(sizes)
        table = np.indices((count,) * rows, dtype=np.int16).reshape(rows, -1).T
        kept = np.ones(len(table), dtype=bool)
        for axis, parent in enumerate(parents):
            if (parent, name) in self.monotone:
                steps = np.diff(table.reshape(-1, *sizes), axis=axis + 1)
                kept &= np.all(steps.reshape(len(table), -1) >= 0, axis=1)
        return table[kept]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many functions each variable has."""
        return tuple(len(self.functions[name]) for name in self.names)

    @property
    def size(self) -> int:
        """N, the combinations of functions."""
        return prod(self.shape)

    @property
    def is_clique(self) -> bool:
        """Whether every two variables share a hidden cause, so that their types may depend in any way."""
        return all(set(self.names) - {name} <= self.graph.siblings[name] for name in self.names)

    def indicator(self, scenario: Scenario) -> np.ndarray:
        """Which types meet the requirements, [N] zeros and ones."""
        found = np.ones(self.shape, dtype=bool)
        for name, heard, value in scenario:
            parents = sorted(self.graph.parents[name])
            place = 0
            for parent, one in zip(parents, heard, strict=True):
                place = place * len(self.values[parent]) + self.values[parent].index(one)
            follows = self.functions[name][:, place] == self.values[name].index(value)
            axis = self.names.index(name)
            found &= follows.reshape([-1 if number == axis else 1 for number in range(len(self.names))])
        return found.ravel().astype(float)

    def known(self, law: Law) -> "tuple[sparse.csr_array, np.ndarray]":
        """What the joint distribution says of the types: `rows @ distribution == numbers`, a sum of one the first."""
        from scipy import sparse

        told = district_law(self.graph, law.joint, frozenset(self.names))
        outer = tuple(name for name in told.axes if name not in self.names)
        sizes = [len(self.values[name]) for name in (*outer, *self.names)]
        tables = list[np.ndarray]()
        for length in range(1, len(self.names) + 1):
            part = district_law(self.graph, law.joint, frozenset(self.names[:length]))
            table = part.over((*outer, *self.names[:length]))
            tables.append(np.broadcast_to(table, sizes[: len(outer) + length]))
        rows, columns, numbers = [np.zeros(self.size, dtype=np.int64)], [np.arange(self.size)], [1.0]
        for place in product(*(range(len(self.values[name])) for name in outer)):
            outcome = self._outcomes(dict(zip(outer, place, strict=True)))
            row_of = dict[tuple[int, ...], int]()
            line = np.empty(sizes[len(outer) :], dtype=np.int64)
            for cell in np.ndindex(*line.shape):
                line[cell] = _line(place, cell, tables, row_of, numbers)
            found = line[tuple(outcome)]
            kept = found >= 0
            rows.append(found[kept])
            columns.append(np.flatnonzero(kept))
        entries = np.ones(sum(map(len, rows)))
        shape = (len(numbers), self.size)
        return sparse.csr_array((entries, (np.concatenate(rows), np.concatenate(columns))), shape=shape), np.array(
            numbers
        )

    def _outcomes(self, outer: Mapping[str, int]) -> list[np.ndarray]:
        """The place of each variable's value under every type, [variables][N], given those of the outer parents."""
        chosen = np.unravel_index(np.arange(self.size), self.shape)
        found: dict[str, np.ndarray | int] = dict(outer)
        for name, types in zip(self.names, chosen, strict=True):
            place: np.ndarray | int = 0
            for parent in sorted(self.graph.parents[name]):
                place = place * len(self.values[parent]) + found[parent]
            found[name] = self.functions[name][types, place].astype(np.int64)
        return [np.asarray(found[name]) for name in self.names]


def _line(
    place: tuple[int, ...],
    cell: tuple[int, ...],
    tables: list[np.ndarray],
    row_of: dict[tuple[int, ...], int],
    numbers: list[float],
) -> int:
    """The row of a cell: its own if its probability is known, else that of its longest known beginning; -1 if none."""
    for length in range(len(cell), 0, -1):
        part = cell[:length]
        number = float(tables[length - 1][(*place, *part)])
        if not np.isnan(number):
            if part not in row_of:
                row_of[part] = len(numbers)
                numbers.append(number)
            return row_of[part]
    return -1
