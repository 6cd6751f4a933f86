"""Between which values does the mean over items lie?

Arrays: G groups (cells of a grid), N items, B bootstrap draws.
"""

from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["BootstrapMethod", "bootstrap_interval", "wilson_interval"]

Floats: TypeAlias = npt.NDArray[np.float64]
BootstrapMethod: TypeAlias = Literal["bca", "percentile"]

_BLOCK = 1 << 22  # elements of the largest temporary array: 32 MiB of float64

_NORMAL = NormalDist()
_cdf: Callable[[Floats], Floats] = np.vectorize(_NORMAL.cdf, otypes=[np.float64])
_quantile: Callable[[Floats], Floats] = np.vectorize(_NORMAL.inv_cdf, otypes=[np.float64])


def bootstrap_interval(
    x: Floats, level: float = 0.95, draws: int = 2000, seed: int = 0, method: BootstrapMethod = "bca"
) -> tuple[Floats, Floats]:
    """Return the bootstrap interval of each row's mean, resampling columns; all rows share the same resamples.

    Sharing keeps what is paired paired and turns the whole grid into products of one matrix of counts, in blocks, so
    that memory does not grow with the number of groups. Without spread the interval is the value itself; where the
    bias correction has no finite value, BCa gives way to percentiles.

    Args:
        x: [G, N] values, one column an item, in any unit.
        level: Coverage asked for, between 0 and 1.
        draws: B; 2000 keeps the Monte Carlo error of a 95% bound near 5% of the interval's half width.
        seed: Seed of the resamples.
        method: "bca" (bias-corrected and accelerated) or "percentile".

    Returns:
        `low` and `high`, each [G], in the unit of `x`; NaN for one item or for a row that is not finite.

    Source: Efron, Better Bootstrap Confidence Intervals, JASA 1987; Efron and Tibshirani 1993, eq. 14.9-14.15.
    What it does not show: with fewer than about 10 items, or heavy tails, it covers less often than it says.
    """
    values = np.asarray(x, dtype=np.float64)
    groups, items = values.shape
    low, high = np.full(groups, np.nan), np.full(groups, np.nan)
    if items < 2:
        return low, high
    finite = np.isfinite(values).all(axis=1)
    constant = finite & (values == values[:, :1]).all(axis=1)
    low[constant] = high[constant] = values[constant, 0]
    rows = np.flatnonzero(finite & ~constant)
    counts = _resampling_counts(items, draws, seed) if rows.size else np.empty((0, items), dtype=np.uint16)
    tail = (1.0 - level) / 2.0
    for block in _blocks(rows, _BLOCK // draws):
        means = _resampled_means(values[block], counts)
        fractions = np.broadcast_to(np.array([[tail], [1.0 - tail]]), (2, block.size))
        if method == "bca":
            fractions = _bca_fractions(values[block], means, tail)
        means.sort(axis=1)
        low[block], high[block] = _row_quantiles(means, fractions[0]), _row_quantiles(means, fractions[1])
    return low, high


def wilson_interval(successes: Floats, n: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return Wilson's score interval of a proportion; unlike a bootstrap it has width at 0 and at 1.

    Args:
        successes: [G] number of successes.
        n: [G] number of trials.
        level: Coverage asked for, between 0 and 1.

    Returns:
        `low` and `high`, each [G], between 0 and 1.

    Source: Wilson, Probable Inference, JASA 1927; Brown, Cai and DasGupta 2001, eq. 4.
    """
    z = _NORMAL.inv_cdf((1.0 + level) / 2.0)
    share = successes / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At the ends the bound is exactly 0 or 1; rounding would leave it a hair off.
    return np.where(successes == 0, 0.0, middle - half), np.where(successes == n, 1.0, middle + half)


def _resampling_counts(items: int, draws: int, seed: int) -> npt.NDArray[np.uint16]:
    """Return how often each draw takes each item, [B, N]: the same draws as scipy.stats.bootstrap with this seed."""
    rng = np.random.default_rng(seed)
    counts = np.empty((draws, items), dtype=np.uint16)
    for block in _blocks(np.arange(draws), _BLOCK // items):
        taken = rng.integers(0, items, (block.size, items)) + np.arange(block.size)[:, None] * items
        counts[block] = np.bincount(taken.ravel(), minlength=block.size * items).reshape(block.size, items)
    return counts


def _resampled_means(values: Floats, counts: npt.NDArray[np.uint16]) -> Floats:
    means = np.empty((values.shape[0], counts.shape[0]))  # (G, B)
    for block in _blocks(np.arange(counts.shape[0]), _BLOCK // counts.shape[1]):
        means[:, block[0] : block[-1] + 1] = values @ counts[block].T.astype(np.float64)
    means /= counts.shape[1]
    return means


def _bca_fractions(values: Floats, means: Floats, tail: float) -> Floats:
    """Return the two fractions, [2, G], at which BCa reads the bootstrap distribution of each row."""
    estimate = values.mean(axis=1, keepdims=True)
    # A resample that is a reordering of the items has the estimate itself as its mean, up to rounding: a tie.
    rounding = 1e-12 * np.abs(values).max(axis=1, keepdims=True)
    below = (means < estimate - rounding).mean(axis=1)
    at_most = (means <= estimate + rounding).mean(axis=1)
    share = (below + at_most) / 2.0
    has_bias = (share > 0.0) & (share < 1.0)
    bias = _quantile(np.where(has_bias, share, 0.5))
    centred = values - estimate
    # The acceleration has no scale; without one, the cubes of tiny values do not vanish.
    largest = np.abs(centred).max(axis=1, keepdims=True)
    centred = centred / np.where(largest > 0.0, largest, 1.0)
    acceleration = (centred**3).sum(axis=1) / (6.0 * (centred**2).sum(axis=1) ** 1.5)
    shifted = bias + np.array([[_NORMAL.inv_cdf(tail)], [_NORMAL.inv_cdf(1.0 - tail)]])
    slowing = 1.0 - acceleration * shifted
    usable = has_bias & (slowing > 0.0).all(axis=0)
    fractions = _cdf(bias + shifted / np.where(usable, slowing, 1.0))
    return np.where(usable, fractions, [[tail], [1.0 - tail]])


def _row_quantiles(ordered: Floats, fractions: Floats) -> Floats:
    """Return for each sorted row [G, B] its own quantile [G], linear between order statistics."""
    place = fractions * (ordered.shape[1] - 1)
    left = np.floor(place).astype(np.intp)
    right = np.minimum(left + 1, ordered.shape[1] - 1)
    row = np.arange(ordered.shape[0])
    return ordered[row, left] + (ordered[row, right] - ordered[row, left]) * (place - left)


def _blocks(indices: npt.NDArray[np.intp], size: int) -> Iterator[npt.NDArray[np.intp]]:
    step = max(1, size)
    for start in range(0, indices.size, step):
        yield indices[start : start + step]
