"""Does a map name what the answer rests on any better than maps that know nothing?

Numpy alone. Arrays: N items, B random maps of each, M maps looked at.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["above_chance", "better_than_random", "more_often_than_not"]

Floats = npt.NDArray[np.float64]

_PERMUTATIONS = 9999
_ROUNDING = 1e-6  # of the largest value: smaller differences are float32's
_BLOCK = 1 << 21  # elements of the largest temporary array


def better_than_random(found: Floats, random: Floats, weights: Floats, seed: int = 0) -> float:
    """The one-sided p of "this map is one more random map, on every item": low if it takes more from the answer.

    If the map knows nothing, its value on an item and those of the item's B random maps come in any order alike, item
    by item. So each item's value is exchanged with one of its random maps' at random, and the mean over items compared
    with the real one. Of one item, these are its B + 1 values, and the test is exact.

    Args:
        found: What the map took from the answer, `[N]`.
        random: What the random maps took, `[N, B]`.
        weights: What each item counts in the mean, `[N]`, sum 1.
        seed: Of the exchanges.

    Source: Fisher 1935 (randomisation within blocks); Phipson and Smyth 2010 (the data among the draws).
    What it does not show: a map that always names the middle is better than random where things lie in the middle.
    """
    values = np.concatenate([found[:, None], random], axis=1)  # (N, B + 1)
    bar = float(weights @ found) - _ROUNDING * max(1e-300, np.abs(values).max())
    items, choices = values.shape
    if items == 1:
        return float((values[0] * weights[0] >= bar).sum()) / choices
    chance = np.random.default_rng(seed)
    exceeded = 1
    for start in range(0, _PERMUTATIONS, step := max(1, _BLOCK // items)):
        chosen = chance.integers(choices, size=(items, min(step, _PERMUTATIONS - start)))
        exceeded += int((weights @ np.take_along_axis(values, chosen, axis=1) >= bar).sum())
    return exceeded / (_PERMUTATIONS + 1)


def above_chance(hits: Floats, chances: Floats) -> float:
    """The probability of at least as many hits if item i is hit with probability `chances[i]`: exact, one-sided.

    Source: the Poisson binomial distribution, by convolution.
    """
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, [1 - chance, chance])
    return float(min(1.0, distribution[round(float(hits.sum())) :].sum()))


def more_often_than_not(first: Sequence[float], second: Sequence[float]) -> float:
    """The one-sided exact p of McNemar's test that the first of two, right on the same items, is right more often."""
    only_first = sum(one > other for one, other in zip(first, second, strict=True))
    only_second = sum(one < other for one, other in zip(first, second, strict=True))
    total = only_first + only_second
    return above_chance(np.array([float(only_first)]), np.full(total, 0.5)) if total else 1.0
