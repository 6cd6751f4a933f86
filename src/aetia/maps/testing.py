"""Does a map name what the answer rests on any better than controls: random maps, and maps that need no model?

Numpy alone. What is exchanged is a whole cluster of items. Arrays: N items, C clusters, B controls of each cluster.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import fsum

import numpy as np
import numpy.typing as npt

__all__ = ["above_chance", "better_than_controls", "least_p", "more_often_than_not"]

Floats = npt.NDArray[np.float64]

_EXCHANGES = 9999
_ROUNDING = 1e-6  # of the largest value: smaller differences are float32's
_BLOCK = 1 << 21  # elements of the largest temporary array


def better_than_controls(found: Floats, controls: Floats, seed: int = 0) -> float:
    """The one-sided p of "this map is one more of its controls": low if it takes more from the answer than they do.

    If the map knows no more than its controls, its value and theirs come in any order alike, cluster by cluster. So
    each cluster's value is exchanged with one of its controls' at random, and the mean over clusters compared with the
    real one; all exchanges are gone through where they are few. Of one cluster these are its B + 1 values, and the
    test is exact. Of one control (B = 1) it is the sign-flip test of the differences.

    Args:
        found: What the map took from the answer, the mean over each cluster, `[C]`.
        controls: What its controls took, `[C, B]`: random maps, one map that needs no model, maps of other items.
        seed: Of the exchanges.

    Source: Fisher 1935 (randomisation within blocks); Phipson and Smyth 2010 (the data among the draws).
    What it does not show: a map that always names the middle is better than random where things lie in the middle;
    that is why the middle is a control of its own.
    """
    values = np.concatenate([found[:, None], controls], axis=1)  # (C, B + 1)
    clusters, choices = values.shape
    bar = float(found.sum()) - _ROUNDING * max(1e-300, np.abs(values).max())
    if choices**clusters <= _EXCHANGES:
        sums = np.zeros(1)
        for own in values:
            sums = np.add.outer(sums, own).ravel()
        return float((sums >= bar).mean())
    chance = np.random.default_rng(seed)
    exceeded = 1
    for start in range(0, _EXCHANGES, step := max(1, _BLOCK // clusters)):
        chosen = chance.integers(choices, size=(clusters, min(step, _EXCHANGES - start)))
        exceeded += int((np.take_along_axis(values, chosen, axis=1).sum(axis=0) >= bar).sum())
    return exceeded / (_EXCHANGES + 1)


def least_p(clusters: int) -> float:
    """The smallest p that so many clusters can have against one control, or in a test of signs."""
    return 2.0**-clusters


def above_chance(hits: Sequence[float], chances: Sequence[float], clusters: Sequence[str]) -> float:
    """The probability of at least as many hits if item i is hit with probability `chances[i]`: one-sided.

    Exact for independent items, and on the safe side for others: items of a cluster are taken to be hit together as
    far as their chances allow, which of all ways to depend spreads the number of hits most. Each cluster counts once.

    Args:
        hits: 1 or 0 for each item, `[N]`.
        chances: `[N]`.
        clusters: The cluster of each item, `[N]`.

    Source: the Poisson binomial distribution, by convolution.
    """
    members = {name: [place for place, one in enumerate(clusters) if one == name] for name in dict.fromkeys(clusters)}
    steps = [_together([chances[place] for place in places]) for places in members.values()]
    return _tail(steps, fsum(fsum(hits[place] for place in places) / len(places) for places in members.values()))


def more_often_than_not(differences: Sequence[float]) -> float:
    """The one-sided p that differences lie above 0 if each had either sign alike: exact.

    Args:
        differences: One a cluster, `[C]`; those of independent items that are -1, 0 or 1 make it McNemar's test.
    """
    return _tail([[(one, 0.5), (-one, 0.5)] for one in differences if one], fsum(differences))


def _together(chances: Sequence[float]) -> list[tuple[float, float]]:
    """Which shares of a cluster's items are hit, with what probabilities, if they are hit together where they can."""
    edges = [0.0, *sorted(chances), 1.0]
    return [((len(chances) - place) / len(chances), high - low) for place, (low, high) in enumerate(pairwise(edges))]


def _tail(steps: Iterable[Sequence[tuple[float, float]]], bar: float) -> float:
    """The probability that a sum of independent steps, each of values with their probabilities, reaches a bar."""
    sums = {0.0: 1.0}
    for step in steps:
        grown: dict[float, float] = {}
        for total, chance in sums.items():
            for value, probability in step:
                key = round(total + value, 9)
                grown[key] = grown.get(key, 0.0) + chance * probability
        sums = grown
    return min(1.0, fsum(chance for total, chance in sums.items() if total >= bar - 1e-6))
