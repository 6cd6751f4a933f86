"""What is left of a product of tables once all but a few variables are summed out, and how large does that get?

Variables are eliminated one by one, the one that joins the fewest strangers first (min-fill). The largest table on the
way has the size that the treewidth of that order says; whether it fits is known before the first product.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import prod

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.models.factor import Factor

__all__ = ["BUDGET", "Plan", "eliminate", "plan"]

BUDGET = 2**30
"""Bytes that the largest table may take."""

_Table = tuple[tuple[int, ...], np.ndarray]
"""The ranks of a table's axes, ascending, and its numbers."""

_BYTES_OF_A_FLOAT, _BYTES_OF_AN_OBJECT = 8, 64
_MOST_AXES = 64  # numpy's own limit


@dataclass(frozen=True)
class Plan:
    """An order of elimination and what it costs.

    Args:
        order: The variables that are summed out, first one first.
        width: How many variables the largest table has, less one: an upper bound on the treewidth.
        cells: How many numbers the largest table has.
    """

    order: tuple[str, ...]
    width: int
    cells: int


def plan(scopes: Iterable[Collection[str]], keep: Collection[str], sizes: Mapping[str, int]) -> Plan:
    """A min-fill order that eliminates all variables of these tables but the kept ones.

    Args:
        scopes: The variables of each table.
        keep: The variables that stay.
        sizes: How many values each variable has.

    Source: Koller and Friedman, Probabilistic Graphical Models, 2009, section 9.4.3 (min-fill).
    """
    near = _moral(scopes, keep)
    fill = {name: _fill(near, name) for name in near if name not in keep}
    queue = [(cost, name) for name, cost in fill.items()]
    heapify(queue)
    order, width, cells = list[str](), len(keep) - 1, prod(sizes[name] for name in keep)
    while queue:
        cost, name = heappop(queue)
        if fill.get(name) != cost:  # out of date: the neighbourhood has changed since
            continue
        del fill[name]
        order.append(name)
        around = near.pop(name)
        width, cells = max(width, len(around)), max(cells, sizes[name] * prod(sizes[other] for other in around))
        touched = set(around)
        for first in around:
            near[first].discard(name)
            if cost:
                touched |= near[first]
                near[first] |= around - {first}
        for other in touched & fill.keys():
            fresh = _fill(near, other)
            if fresh != fill[other]:
                fill[other] = fresh
                heappush(queue, (fresh, other))
    return Plan(tuple(order), width, cells)


def _moral(scopes: Iterable[Collection[str]], keep: Collection[str]) -> dict[str, set[str]]:
    near: dict[str, set[str]] = {name: set() for name in keep}
    for scope in scopes:
        for name in scope:
            near.setdefault(name, set()).update(scope)
    for name, around in near.items():
        around.discard(name)
    return near


def _fill(near: Mapping[str, set[str]], name: str) -> int:
    """How many pairs of neighbours of this variable are strangers to each other."""
    around = near[name]
    # Each neighbour is no neighbour of itself, and every pair is counted from both ends.
    return sum(len(around - near[other]) - 1 for other in around) // 2


def eliminate(factors: Sequence[Factor], keep: Sequence[str], sizes: Mapping[str, int], *, budget: int) -> Factor:
    """The product of the tables with all but the kept variables summed out, its axes in their order.

    Args:
        factors: The tables, of floats, or of objects (integers, fractions).
        keep: The variables that stay; one that no table has gets the same number for all its values.
        sizes: How many values each variable has.
        budget: How many bytes the largest table may take.

    Raises:
        CausalModelError: AE-7209 the largest table does not fit.
    """
    chosen = plan([factor.axes for factor in factors], keep, sizes)
    exact = any(factor.values.dtype == object for factor in factors)
    _require(chosen, chosen.cells * (_BYTES_OF_AN_OBJECT if exact else _BYTES_OF_A_FLOAT), budget)
    # Axes in the reverse order of elimination: the next variable to go is the last axis of every table that has it, so
    # that tables are transposed once and then only stretched.
    names = (*keep, *reversed(chosen.order))
    rank = {name: number for number, name in enumerate(names)}
    shape = [sizes[name] for name in names]
    buckets: list[list[_Table]] = [[] for _ in names]
    one = np.ones(shape[: len(keep)], dtype=object if exact else np.float64)
    done = list[_Table]()

    def put(table: _Table) -> None:
        is_done = not table[0] or table[0][-1] < len(keep)
        (done if is_done else buckets[table[0][-1]]).append(table)

    for factor in factors:
        order = sorted(range(len(factor.axes)), key=lambda axis: rank[factor.axes[axis]])
        put((tuple(rank[factor.axes[axis]] for axis in order), factor.values.transpose(order)))
    for bucket in reversed(buckets[len(keep) :]):
        put(_summed(bucket, shape))
    for axes, values in done:
        one *= _stretched(axes, values, range(len(keep)), shape)
    return Factor(tuple(keep), one)


def _stretched(axes: tuple[int, ...], values: np.ndarray, over: Sequence[int], shape: Sequence[int]) -> np.ndarray:
    return values.reshape([shape[axis] if axis in axes else 1 for axis in over])


def _summed(bucket: Sequence[_Table], shape: Sequence[int]) -> _Table:
    """The product of these tables, all of which have the same last axis, with that axis summed out."""
    axes = tuple(sorted({axis for table in bucket for axis in table[0]}))
    # Small tables first: the large intermediate products are made once.
    ordered = sorted(bucket, key=lambda table: table[1].size)
    product = _stretched(*ordered[0], axes, shape)
    for table in ordered[1:]:
        product = product * _stretched(*table, axes, shape)
    return axes[:-1], np.asarray(product.sum(axis=-1))


def _require(chosen: Plan, needed: int, budget: int) -> None:
    if needed > budget or chosen.width + 1 > _MOST_AXES:
        found = (
            f"The exact answer needs a table over {chosen.width + 1} variables (treewidth up to {chosen.width}): "
            f"{_readable(needed)}, and the budget is {_readable(budget)}."
        )
        mend = "ask for fewer variables at once, give a larger `budget`, or sample: `aetia.scm.estimate`."
        raise CausalModelError("AE-7209", found, mend=mend)


def _readable(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count = count / 1024
    return f"{count:.3g} PiB"
