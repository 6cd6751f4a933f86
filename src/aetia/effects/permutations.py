"""Could a mean, or a difference of two groups, come from the order or the sign of the values alone?

Arrays: G groups (cells of a grid), N and M items of two samples, B draws. All cells share the draws, so
that the correction for the largest of them keeps their dependence.
"""

from collections.abc import Callable, Iterator
from itertools import combinations, product
from math import comb
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from aetia.effects.intervals import BootstrapMethod, bootstrap_interval
from aetia.effects.tests import require_finite, tied
from aetia.errors import StudyError

__all__ = ["paired_interval", "paired_test", "permutation_test", "sign_flip_test"]

Floats: TypeAlias = npt.NDArray[np.float64]
Booleans: TypeAlias = npt.NDArray[np.bool_]

_BLOCK = 1 << 22  # elements of the largest temporary array: 32 MiB of float64


def sign_flip_test(x: Floats, draws: int = 9999, seed: int = 0) -> tuple[Floats, Floats]:
    """Return `p` of "each row's values lie symmetrically about 0", and `q` corrected for the largest row (max-T).

    Where there are no more flips than `draws`, all of them are made, and p is exact; the smallest p is 2^(1 - N).

    Args:
        x: [G, N] values, one column an item, in any unit.
        draws: B random flips of the items' signs.
        seed: Seed of the flips.

    Returns:
        `p` and `q`, each [G]; 1 for a single item, which no flip can tell from its mirror image.

    Raises:
        StudyError: AE-1107 a value is not a finite number.

    Source: Fisher 1935, section 21; Westfall and Young 1993 (max-T).
    What it does not show: of skewed values it tests symmetry, not the mean: a grid of 20 cells of 24 exponential
    values around 0 is wrong 11% of the time, not 5% (benchmarks/statistics).
    """
    values = require_finite(x)
    count = values.shape[1]
    # |sum| / sqrt(N * sum of squares) orders flips and cells as Student's t does, and is free of its cancellation.
    largest = np.abs(values).max(axis=1, keepdims=True)
    scaled = values / np.where(largest > 0.0, largest, 1.0)
    scaled /= np.sqrt(np.maximum((scaled**2).sum(axis=1, keepdims=True) * count, 1.0))
    if 2 ** (count - 1) <= draws:
        flips = np.array([(True, *rest) for rest in product((True, False), repeat=count - 1)])
    else:
        flips = np.random.default_rng(seed).random((draws + 1, count)) < 0.5
        flips[0] = True
    return _compare(lambda kept: np.abs(scaled @ np.where(kept, 1.0, -1.0).T), flips, values.shape[0])


def permutation_test(x: Floats, y: Floats, draws: int = 9999, seed: int = 0) -> tuple[Floats, Floats]:
    """Return `p` of "both samples of a row have one distribution", and `q` corrected for the largest row (max-T).

    The statistic is Welch's t, with which p also holds, in large samples, where the means are equal and the spreads
    are not. Where there are no more splits of the items than `draws`, all of them are made, and p is exact.

    Args:
        x: [G, N] values of the first sample; at least two items.
        y: [G, M] values of the second, of other items; at least two.
        draws: B random splits of the N + M items.
        seed: Seed of the splits.

    Returns:
        `p` and `q`, each [G].

    Raises:
        StudyError: AE-1107 a value is not a finite number.

    Source: Fisher 1935; Janssen 1997 and Chung and Romano 2013 (Welch's t); Westfall and Young 1993 (max-T).
    """
    first, second = require_finite(x), require_finite(y)
    n, m = first.shape[1], second.shape[1]
    both = np.concatenate([first, second], axis=1)
    both = both - both.mean(axis=1, keepdims=True)
    largest = np.abs(both).max(axis=1, keepdims=True)
    both = both / np.where(largest > 0.0, largest, 1.0)
    squares = both**2
    total, square_total = both.sum(axis=1, keepdims=True), squares.sum(axis=1, keepdims=True)

    def welch(chosen: Booleans) -> Floats:
        weights = chosen.T.astype(np.float64)
        one, square_one = both @ weights, squares @ weights
        other, square_other = total - one, square_total - square_one
        variance = (square_one - one**2 / n) / (n * (n - 1)) + (square_other - other**2 / m) / (m * (m - 1))
        # Two constant samples have no spread but rounding; a floor makes all such splits ties.
        return np.abs(one / n - other / m) / np.sqrt(np.maximum(variance, 1e-12 * square_total + 1e-300))

    if comb(n + m, n) <= draws:
        chosen = np.zeros((comb(n + m, n), n + m), dtype=bool)
        chosen[np.arange(len(chosen))[:, None], np.array(list(combinations(range(n + m), n)))] = True
    else:
        order = np.random.default_rng(seed).random((draws + 1, n + m)).argsort(axis=1)
        order[0] = np.arange(n + m)
        chosen = order < n
    return _compare(welch, chosen, first.shape[0])


def paired_test(x: Floats, y: Floats, draws: int = 9999, seed: int = 0) -> tuple[Floats, Floats]:
    """Return `p` and `q` of `sign_flip_test` for the differences of two arms that share their items.

    Raises:
        StudyError: AE-1107 a value is not a finite number; AE-1110 the arms have not the same items.
    """
    return sign_flip_test(_differences(x, y), draws, seed)


def paired_interval(
    x: Floats,
    y: Floats,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    method: BootstrapMethod = "bca",
) -> tuple[Floats, Floats]:
    """Return `bootstrap_interval` of the differences of two arms that share their items: x - y.

    Raises:
        StudyError: AE-1107 a value is not a finite number; AE-1110 the arms have not the same items.
    """
    return bootstrap_interval(_differences(x, y), level, draws, seed, method)


def _differences(x: Floats, y: Floats) -> Floats:
    first, second = require_finite(x), require_finite(y)
    if first.shape != second.shape:
        cells = (
            f"{first.shape[0]} cells of {first.shape[1]} items and {second.shape[0]} cells of {second.shape[1]} items"
        )
        found = f"Two arms are compared item by item, and they have {cells}."
        raise StudyError("AE-1110", found, mend="give both arms the same items, or use permutation_test")
    return first - second


def _compare(statistics: Callable[[Booleans], Floats], patterns: Booleans, groups: int) -> tuple[Floats, Floats]:
    """Return `p` and `q` from [G, .] statistics of each block of patterns, the first of which is the data."""
    bar = tied(statistics(patterns[:1])[:, 0])
    exceeded = np.zeros(groups)
    maxima = np.empty(len(patterns))
    for block in _blocks(len(patterns), _BLOCK // max(1, groups)):
        drawn = statistics(patterns[block])
        exceeded += (drawn >= bar[:, None]).sum(axis=1)
        maxima[block] = drawn.max(axis=0, initial=0.0)
    q = (len(patterns) - np.searchsorted(np.sort(maxima), bar)) / len(patterns)
    return exceeded / len(patterns), q


def _blocks(total: int, size: int) -> Iterator[slice]:
    step = max(1, size)
    for start in range(0, total, step):
        yield slice(start, min(start + step, total))
