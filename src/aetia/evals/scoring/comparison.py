"""Is one set of replies better than another, item by item?

Both have answered the same items, so each item is compared with itself: an item's difficulty drops out, which two
error bars side by side would count twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pyarrow as pa

from aetia.effects import bootstrap_interval, holm, mcnemar, sign_flip_test, wilson_interval
from aetia.errors import EvaluationError
from aetia.evals.scoring.calm_metrics import Floats
from aetia.evals.scoring.scores import ScoredRow, cells, cluster_values, worth_of

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """Two sets of replies to the same items.

    Args:
        table: One row for each cell: items (in both), clusters, first and second (their accuracies on these),
            difference (second - first) with low and high, only_first and only_second (items that one alone has right),
            test, p, q (Holm's, over all cells), detectable (the smallest difference that the two-sided test would
            mostly find, among so many cells, power 80%, if as many items differ as the upper bound of their share
            allows; NaN where no difference could pass).
        unpaired: For each cell, the items that only the first and that only the second has answered.
    """

    table: pa.Table
    unpaired: Mapping[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]]]


def compare(
    first: pa.Table,
    second: pa.Table,
    cell: Sequence[str] = ("task", "adaptation"),
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Return how two tables of scored replies differ, in every cell that both have.

    The test is McNemar's (mid-p) where each item is a cluster by itself and is right or wrong; else clusters' signs are
    flipped, since McNemar's takes items for independent. To compare two adaptations, give the rows of one as each table
    and `("task",)` as the cell. An item that was answered several times counts with its mean.

    Args:
        first: Scored replies; see `scores`.
        second: Scored replies to the same items.
        cell: The columns that name a cell.
        level: Coverage of the bootstrap's intervals, over clusters.
        draws: Of the bootstrap.
        seed: Of its draws.

    Raises:
        EvaluationError: AE-8511 a column is missing; AE-8513 they have no item in common.

    Source: McNemar 1947; Fagerland et al. 2013 (mid-p); Holm 1979; Miller, arXiv 2411.00640 (paired differences); Bloom
    1995 (detectable, with the normal law).
    What it does not show: whether a difference holds for items of another kind.
    """
    ours, theirs = cells(first, cell), cells(second, cell)
    shared = [key for key in ours if key in theirs]
    pairs = {key: _paired(ours[key], theirs[key]) for key in shared}
    unpaired = {
        key: (_items(ours.get(key, []), theirs.get(key, [])), _items(theirs.get(key, []), ours.get(key, [])))
        for key in [*ours, *(key for key in theirs if key not in ours)]
    }
    known = [key for key in shared if pairs[key].clusters]
    if not known:
        mend = "give two runs of the same tasks, items and adaptations."
        raise EvaluationError("AE-8513", "The two sets of replies have no item in common.", mend=mend)
    rows = [_row(dict(zip(cell, key, strict=True)), pairs[key], (level, draws, seed), len(known)) for key in known]
    q = holm([float(row["p"]) for row in rows])
    return Comparison(
        pa.Table.from_pylist([{**row, "q": float(one)} for row, one in zip(rows, q, strict=True)]), unpaired
    )


@dataclass(frozen=True)
class _Pairs:
    first: Floats
    second: Floats
    clusters: list[str]


def _paired(ours: Sequence[ScoredRow], theirs: Sequence[ScoredRow]) -> _Pairs:
    first, second = _by_item(ours), _by_item(theirs)
    cluster = {str(row["item"]): str(row["cluster"]) for row in ours}
    shared = [item for item in first if item in second]
    values = [np.array([np.mean(one[item]) for item in shared], dtype=np.float64) for one in (first, second)]
    return _Pairs(values[0], values[1], [cluster[item] for item in shared])


def _by_item(rows: Sequence[ScoredRow]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(str(row["item"]), []).append(float(row["right"] or 0.0))
    return found


def _items(rows: Sequence[ScoredRow], others: Sequence[ScoredRow]) -> tuple[str, ...]:
    known = {str(row["item"]) for row in others}
    return tuple(dict.fromkeys(str(row["item"]) for row in rows if str(row["item"]) not in known))


def _row(
    names: Mapping[str, str], pairs: _Pairs, resampling: tuple[float, int, int], comparisons: int
) -> dict[str, str | float | int]:
    level, draws, seed = resampling
    difference = pairs.second - pairs.first
    values = cluster_values(difference, pairs.clusters)
    low, high = bootstrap_interval(values, level, draws, seed)
    only_first, only_second = int((difference < 0).sum()), int((difference > 0).sum())
    is_exact = values.shape[1] == difference.size and set(np.unique(np.abs(difference))) <= {0.0, 1.0}
    p = mcnemar([only_first], [only_second]) if is_exact else _flipped(difference, pairs.clusters, seed)
    return {
        **names,
        "items": difference.size,
        "clusters": values.shape[1],
        "first": float(pairs.first.mean()),
        "second": float(pairs.second.mean()),
        "difference": float(difference.mean()),
        # Widened tails may reach beyond what a difference of shares can be.
        "low": float(low[0].clip(-1.0, 1.0)),
        "high": float(high[0].clip(-1.0, 1.0)),
        "only_first": only_first,
        "only_second": only_second,
        "test": "mcnemar" if is_exact else "sign flips",
        "p": float(p[0]),
        "detectable": _detectable(difference, pairs.clusters, level, comparisons),
    }


def _detectable(difference: Floats, clusters: Sequence[str], level: float, comparisons: int) -> float:
    """The smallest difference that the test finds with power 80%.

    Without an effect the variance of a difference is the share of items that differ, of which the upper bound is taken:
    two runs that never differ have shown that this is rare, and not that it is none.
    """
    rate, count = (1.0 - level) / comparisons, len(set(clusters))
    # Of all items, or clusters, with one sign: the least p that McNemar's mid-p, and flips of signs, can have.
    least = 0.5**count if count == difference.size else 0.5 ** (count - 1)
    if count < 2 or least > rate:
        return np.nan
    squares = difference**2
    worth = np.array([worth_of(squares, clusters, level)])
    differing = float(wilson_interval(squares.mean() * worth, worth, level)[1][0])
    normal = NormalDist()
    errors = normal.inv_cdf(1.0 - rate / 2.0) + normal.inv_cdf(0.8)
    # An effect cannot be larger than the share of items that differ.
    found = errors * max(errors, (differing * float(worth[0])) ** 0.5) / float(worth[0])
    return found if found <= 1.0 else np.nan


def _flipped(difference: Floats, clusters: Sequence[str], seed: int) -> Floats:
    """The p of flipping the signs of whole clusters: without any effect their sums are as likely either way."""
    number = np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    return sign_flip_test(np.bincount(number, difference).astype(np.float64)[None, :], seed=seed)[0]
