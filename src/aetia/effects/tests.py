"""Could chance have done this? Tests of the mean over items in every cell of a grid, corrected for their number.

Arrays: G groups (cells of a grid), N items, B draws of a null. Every p is two-sided unless it says otherwise, lies in
(0, 1], and counts the data among the draws, so that it is valid for any number of draws.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import ceil
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from aetia.errors import StudyError

__all__ = [
    "Correction",
    "against_null",
    "benjamini_hochberg",
    "check_draws",
    "cluster_means",
    "draws_needed",
    "holm",
    "max_t",
    "mcnemar",
    "means_and_errors",
    "normal_scores",
    "passes",
    "require_finite",
    "t_statistics",
]

Floats: TypeAlias = npt.NDArray[np.float64]
Correction: TypeAlias = Literal["max-t", "bh", "holm"]

_ROUNDING = 1e-9


def t_statistics(x: Floats) -> Floats:
    """Return each row's mean over its standard error: how far it is from 0, in a unit that all cells share.

    Args:
        x: [G, N] values, one column an item, in any unit.

    Returns:
        [G]; 0 where mean and error are 0, infinite where only the error is, NaN for a single item.

    Raises:
        StudyError: AE-1107 a value is not a finite number.

    Source: Student 1908.
    """
    mean, error = means_and_errors(x)
    certain = np.where(mean == 0.0, 0.0, np.copysign(np.inf, mean))  # without spread
    with np.errstate(over="ignore"):
        return np.divide(mean, error, out=certain, where=error != 0.0)


def cluster_means(x: npt.ArrayLike, clusters: npt.ArrayLike) -> Floats:
    """Return each row's mean over each cluster of items, [G, C], for statistics whose items depend on each other.

    Every statistic of independent items is one of clusters if it is given their means; each cluster then counts once,
    however many items it has. Clusters come in the order of their sorted names.

    Args:
        x: [G, N] values, one column an item, in any unit.
        clusters: [N] the cluster of each item, by number or by name.

    Source: Galbraith, Daniel and Vissel, A Study of Clustered Data and Approaches to Its Analysis, J. Neurosci. 2010.
    """
    values = np.atleast_2d(np.asarray(x, dtype=np.float64))
    number = np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    if number.size != values.shape[1]:
        raise ValueError(f"there are {values.shape[1]} items and the clusters of {number.size}")
    belongs = (number[:, None] == np.arange(number.max(initial=-1) + 1)).astype(np.float64)
    return values @ belongs / belongs.sum(axis=0)


def means_and_errors(x: Floats) -> tuple[Floats, Floats]:
    """Return each row's mean and standard error, [G] both; the error of a single item is NaN.

    Args:
        x: [G, N] values, one column an item, in any unit.

    Raises:
        StudyError: AE-1107 a value is not a finite number.
    """
    values = require_finite(x)
    mean = values.mean(axis=1)
    # Means of equal numbers are off by rounding: the spread of a constant row is 0, not 1e-17.
    is_constant = (values == values[:, :1]).all(axis=1)
    mean = np.where(is_constant, values[:, 0], mean)
    centred = np.where(is_constant[:, None], 0.0, values - mean[:, None])
    count = centred.shape[1]
    if count < 2:
        return mean, np.full(mean.shape, np.nan)
    # The scale drops out of the root; with it, the squares of tiny values would vanish.
    scale = np.abs(centred).max(axis=1)
    unit = centred / np.where(scale > 0.0, scale, 1.0)[:, None]
    return mean, scale * np.sqrt((unit**2).sum(axis=1) * count / (count - 1)) / count


def normal_scores(t: Floats, n: Floats) -> Floats:
    """Return the standard normal deviate that is as unlikely as `t` with n - 1 degrees of freedom, nearly.

    It puts cells with different numbers of items on one scale: 12.7 says as much with two items as 2 with a hundred.
    Below 13 it is off by at most 6% with two items and 2% with five or more.

    Args:
        t: Statistics of `t_statistics`.
        n: How many items each rests on; at least 2 wherever t is a number.

    Source: Wallace, Bounds on Normal Approximations to Student's, Annals of Mathematical Statistics 1959.
    """
    freedom = np.maximum(n - 1.0, 1.0)
    size = np.minimum(np.abs(t), 1e150)  # its square is finite
    scores = np.sqrt(freedom * np.log1p(size**2 / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return np.where(np.isinf(t), t, np.sign(t) * scores)


def max_t(observed: Floats, null: Floats) -> tuple[Floats, Floats]:
    """Return the p-value of each cell alone, and corrected for the largest of all cells being looked at.

    The corrected value compares a cell with the largest cell of every draw: with q <= 5% as the rule, the chance of any
    false finding in the whole grid is at most 5%, however the cells depend on each other. 19 draws suffice for it.

    Args:
        observed: [G] statistics of the real system, such as `t_statistics`; NaN where a cell has none.
        null: [B, G] the same of each draw; the whole instrument has been run on each, search included.

    Returns:
        `p` = (1 + draws at least as large in this cell) / (B + 1) and `q` = (1 + draws whose largest cell is at least
        as large) / (B + 1), both [G], by absolute value; NaN where `observed` is NaN.

    Raises:
        ValueError: There are no draws, or one of them is NaN.

    Source: Westfall and Young 1993, algorithm 2.5 (single step); Phipson and Smyth 2010 (the added 1).
    What it does not show: p ignores the search that led to a cell; q is the one that may be looked for in a grid.
    """
    return against_null(observed, ((row, np.abs(row).max(initial=0.0)) for row in null))


def against_null(
    observed: Floats, null: Iterable[tuple[Floats, float]], correction: Correction = "max-t"
) -> tuple[Floats, Floats]:
    """Return `p` and `q` of `max_t` from draws given one by one, so that only one is in memory.

    Args:
        observed: [G] statistics of the real system; NaN where a cell has none.
        null: For each draw its statistics in the cells of `observed`, [G], and the largest absolute value among all
            the cells that the draw has, which may be others.
        correction: "max-t", or a correction of p for the number of cells: "bh" or "holm".

    Raises:
        ValueError: There are no draws, or one of them is NaN.

    Source: as `max_t`; Benjamini and Hochberg 1995; Holm 1979.
    """
    size = np.abs(observed)
    exceeded = np.ones(size.shape)
    bar = tied(size)
    maxima: list[float] = []
    for row, largest in null:
        if np.isnan(row).any() or np.isnan(largest):
            raise ValueError("a draw's statistics are numbers: 0 stands for a cell in which it found nothing")
        exceeded += np.abs(row) >= bar
        maxima.append(float(largest))
    if not maxima:
        raise ValueError("a test needs at least one draw of the null")
    draws = len(maxima)
    known = ~np.isnan(size)
    q = np.full(size.shape, np.nan)
    if correction == "max-t":
        q[known] = (1 + draws - np.searchsorted(np.sort(maxima), bar[known])) / (draws + 1)
    else:
        adjust = _step_up if correction == "bh" else _step_down
        q[known] = adjust(exceeded[known], draws + 1)
    return np.where(known, exceeded / (draws + 1), np.nan), q


def benjamini_hochberg(p: npt.ArrayLike) -> Floats:
    """Return p-values corrected so that at most the level's share of what passes is false, on average.

    Args:
        p: [G] p-values of independent or positively dependent cells; NaN is not counted and stays.

    Source: Benjamini and Hochberg, JRSS B 1995.
    """
    return _where_known(p, "bh")


def holm(p: npt.ArrayLike) -> Floats:
    """Return p-values corrected so that the chance of any false finding is at most the level, whatever the dependence.

    Args:
        p: [G] p-values; NaN is not counted and stays.

    Source: Holm, Scandinavian Journal of Statistics 1979.
    """
    return _where_known(p, "holm")


def mcnemar(only_first: npt.ArrayLike, only_second: npt.ArrayLike) -> Floats:
    """Return the two-sided mid-p of McNemar's exact test: whether either of two is right more often on the same items.

    The exact p is the chance, if either were as likely to be the only one that is right, of as uneven a split or a more
    uneven one; of the split itself the mid-p counts half, which keeps its errors near the rate that is asked for, where
    the exact p makes far fewer. Items on which both are right, or both wrong, say nothing. Items are independent.

    Args:
        only_first: [G] on how many items only the first is right.
        only_second: [G] on how many only the second is.

    Returns:
        [G]; 1 where there is no such item.

    Source: McNemar, Psychometrika 1947; Fagerland, Lydersen and Laake, The McNemar Test for Binary Matched-Pairs Data,
    BMC Medical Research Methodology 2013.
    """
    first, second = np.broadcast_arrays(np.asarray(only_first), np.asarray(only_second))
    return np.array([_mid_p(int(one), int(other)) for one, other in zip(first.ravel(), second.ravel(), strict=True)])


def _mid_p(first: int, second: int) -> float:
    total, least = first + second, min(first, second)
    steps = np.arange(1, least + 1, dtype=np.float64)
    logs = np.concatenate([[0.0], np.cumsum(np.log((total - steps + 1) / steps))]) - total * np.log(2.0)
    chances = np.exp(logs)
    return float(np.clip(2.0 * chances.sum() - chances[-1], np.finfo(np.float64).tiny, 1.0))


def draws_needed(level: float, comparisons: int, correction: Correction = "max-t") -> int:
    """Return the smallest number of draws with which a single cell among `comparisons` can pass, corrected.

    The smallest p is 1 / (B + 1). Max-T compares with whole draws, so 19 are enough for 95% however many cells there
    are; the others multiply p by the number of cells, if no other cell passes with it.

    Args:
        level: Coverage of the study's intervals, as 0.95 for an error rate of 5%.
        comparisons: How many cells are looked at.
        correction: "max-t", "bh" or "holm".

    Raises:
        ValueError: The level is no coverage: it lies outside [0.5, 1).
    """
    if not 0.5 <= level < 1.0:
        raise ValueError(f"the level is a coverage such as 0.95; got {level}")
    rate = 1 - Fraction(str(level))  # 1 - 0.95 as a float is not 0.05
    factor = 1 if correction == "max-t" else max(1, comparisons)
    return ceil(factor / rate) - 1


def check_draws(draws: int, level: float, comparisons: int, correction: Correction = "max-t") -> None:
    """Refuse a null that could never reach the level, whatever the system does.

    Raises:
        StudyError: AE-1108 there are fewer draws than `draws_needed`.
    """
    needed = draws_needed(level, comparisons, correction)
    if draws < needed:
        rate = float(100 * (1 - Fraction(str(level))))
        cells = "one cell" if comparisons == 1 else f"{comparisons} cells"
        found = f"{draws} draws of a null cannot pass a corrected {rate:g}% among {cells} ({correction})"
        mend = f"draw at least {needed}"
        if correction != "max-t" and draws >= draws_needed(level, comparisons):
            mend += ", or use the correction max-t, which these draws can pass"
        raise StudyError("AE-1108", f"{found}: the smallest number that can is {needed}.", mend=mend)


def passes(q: npt.ArrayLike, level: float) -> npt.NDArray[np.bool_]:
    """Return which corrected p-values are at most 1 - level; NaN is no finding.

    Args:
        q: Corrected p-values.
        level: Coverage of the study's intervals, as 0.95 for an error rate of 5%.
    """
    # 1 - 0.9 as a float lies below the 0.1 that nine draws reach.
    return np.asarray(q, dtype=np.float64) <= float(1 - Fraction(str(level)))


def require_finite(x: npt.ArrayLike) -> Floats:
    """Return `x` as [G, N] floats.

    Raises:
        StudyError: AE-1107 a value is not a finite number.
    """
    values = np.atleast_2d(np.asarray(x, dtype=np.float64))
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        row, item = wrong[0]
        found = f"{len(wrong)} of {values.size} values are not finite numbers; the first is item {item} of cell {row}."
        raise StudyError("AE-1107", found, mend="leave that item out, or choose an outcome that is always a number")
    return values


def tied(statistics: Floats) -> Floats:
    """Return the least value that counts as large as each of these: a draw that is the data in another order ties.

    Args:
        statistics: Absolute values of order 1, such as t; rounding has parted what is equal, and equal from 0.
    """
    return statistics * (1.0 - _ROUNDING) - _ROUNDING


def _where_known(p: npt.ArrayLike, correction: Correction) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    known = ~np.isnan(values)
    q = np.full(values.shape, np.nan)
    q[known] = (_step_up if correction == "bh" else _step_down)(values[known], 1)
    return q


def _step_up(counts: Floats, total: int) -> Floats:
    """Return Benjamini and Hochberg's q of p = counts / total; one division, so that 13 * (1 / 260) is 0.05."""
    order = np.argsort(counts)
    rank = np.arange(1, counts.size + 1)
    scaled = counts[order] * counts.size / (rank * total)
    q = np.empty_like(scaled)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def _step_down(counts: Floats, total: int) -> Floats:
    """Return Holm's q of p = counts / total."""
    order = np.argsort(counts)
    scaled = counts[order] * np.arange(counts.size, 0, -1) / total
    q = np.empty_like(scaled)
    q[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return q
