"""What is left of a product of tables once all but a few variables are summed out, and how large does that get?

Variables are eliminated one by one, the one that joins the fewest strangers first (min-fill). The largest table on the
way has the size that the treewidth of that order says; whether it fits is known before the first product.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import combinations
from math import prod

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.factor import Factor

__all__ = ["BUDGET", "Plan", "eliminate", "plan"]

BUDGET = 2**30
"""Bytes that the largest table may take."""

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
    return sum(second not in near[first] for first, second in combinations(near[name], 2))


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
    place = {name: number for number, name in enumerate(chosen.order)}
    last = len(place)
    buckets: list[list[Factor]] = [[] for _ in range(last + 1)]

    def put(factor: Factor) -> None:
        buckets[min((place.get(name, last) for name in factor.axes), default=last)].append(factor)

    for factor in factors:
        put(factor)
    for name, bucket in zip(chosen.order, buckets, strict=False):
        put(_summed(bucket, name))
    shape = tuple(sizes[name] for name in keep)
    one = np.ones(shape, dtype=object if exact else np.float64)
    for factor in buckets[last]:
        one *= factor.over(tuple(keep))
    return Factor(tuple(keep), np.asarray(one))  # objects without axes leave numpy as themselves


def _summed(bucket: Sequence[Factor], name: str) -> Factor:
    """The product of these tables with one variable, which all of them have, summed out."""
    kept = tuple(dict.fromkeys(other for factor in bucket for other in factor.axes if other != name))
    axes = (*kept, name)
    # Small tables first: the large intermediate products are made once.
    values = None
    for factor in sorted(bucket, key=lambda factor: factor.values.size):
        values = factor.over(axes) if values is None else values * factor.over(axes)
    assert values is not None
    return Factor(kept, np.asarray(values.sum(axis=-1)))


def _require(chosen: Plan, needed: int, budget: int) -> None:
    if needed > budget or chosen.width + 1 > _MOST_AXES:
        found = (
            f"The exact answer needs a table over {chosen.width + 1} variables (treewidth up to {chosen.width}): "
            f"{_readable(needed)}, and the budget is {_readable(budget)}."
        )
        mend = (
            "ask for fewer variables at once, give a larger `budget`, or estimate it by `aetia.scm.sampling.estimate`."
        )
        raise CausalModelError("AE-7209", found, mend=mend)


def _readable(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count = count / 1024
    return f"{count:.3g} PiB"
