"""How much do two ranked lists agree, the more at their heads? And what is left of a map when others are taken away?

Numpy alone. Letters: n image tokens, J earlier tokens, k ranks.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

__all__ = ["cleaned", "interference_scale", "rank_biased_overlap", "rank_gaussian"]

Floats = npt.NDArray[np.float64]

_PERSISTENCE = 0.9


def rank_biased_overlap(first: Sequence[int], second: Sequence[int], persistence: float = _PERSISTENCE) -> float:
    """The rank-biased overlap of two lists of k different entries each, extrapolated beyond rank k: from 0 to 1.

    The plain sum over k ranks gives two equal lists 1 - p^k, not 1; the extrapolation takes the agreement at rank k to
    go on, so that equal lists have 1 and disjoint ones 0.

    Args:
        first: The entries, best first.
        second: As many.
        persistence: p, how slowly the weight of a rank falls: rank d weighs (1 - p) p^(d - 1). No source of ARC read
            here gives its value; 0.9 puts 65% of the weight on the first ten ranks.

    Source: Webber, Moffat and Zobel 2010, A Similarity Measure for Indefinite Rankings, eq. 23 (even lists).
    """
    if len(first) != len(second) or not first:
        raise ValueError("two lists are compared rank by rank")
    seen_first: set[int] = set()
    seen_second: set[int] = set()
    total = agreement = 0.0
    for depth, (one, other) in enumerate(zip(first, second, strict=True), start=1):
        seen_first.add(one)
        seen_second.add(other)
        agreement = len(seen_first & seen_second) / depth
        total += persistence ** (depth - 1) * agreement
    return (1 - persistence) * total + persistence ** len(first) * agreement


def interference_scale(activation: Floats, interference: Floats) -> float:
    """How much of `interference` `[n]` lies in `activation` `[n]`: the a of the least |activation - a interference|.

    It is their product over the interference's square; 0 where there is no interference.
    """
    square = float(interference @ interference)
    return float(activation @ interference) / square if square > 0 else 0.0


def cleaned(activation: Floats, weights: Floats, earlier: Floats) -> Floats:
    """What a token's map has that the maps of earlier tokens do not explain, `[n]`, never below 0.

    Args:
        activation: The token's own raw map, `[n]`, not below 0.
        weights: How relevant each earlier token is to it, `[J]`, not below 0; they are made to sum to 1.
        earlier: The raw maps of the earlier tokens, `[J, n]`.

    Returns:
        The map; as it was if no earlier token is relevant.

    Source: Li et al. 2025, Token Activation Map (arXiv 2506.23270), estimated causal inference; seed 016.
    """
    total = weights.sum()
    if not total > 0:
        return activation
    interference = weights / total @ earlier
    return np.maximum(activation - interference_scale(activation, interference) * interference, 0.0)


def rank_gaussian(grid: Floats) -> Floats:
    """The map smoothed by a weighted mean of each 3 x 3 window, whose weights depend on the ranks of its values.

    Where a window varies little next to its mean, the middle ranks weigh most; where it varies much, all weigh alike. A
    window of equal values gives that value (the ratio of spread and mean, by which the published code divides, is 0
    there, and its result no number). A window of mean 0 gives 0.

    What it does to a map: it is biased against a single cell. One cell of 1 among zeros comes out as less than 0.06,
    and its neighbours as much, so that evidence that lies in one token is lost.

    Args:
        grid: `[R, C]`, not below 0.

    Source: Li et al. 2025 (arXiv 2506.23270), rank Gaussian filter, window 3, borders reflected.
    """
    rows, columns = grid.shape
    mode = "reflect" if min(rows, columns) > 1 else "edge"  # one row has nothing to reflect
    padded = np.pad(grid, 1, mode=mode)
    offsets = list(product(range(3), repeat=2))
    windows = np.stack([padded[down : down + rows, right : right + columns] for down, right in offsets], axis=-1)
    windows.sort(axis=-1)
    mean, spread = windows.mean(axis=-1), windows.std(axis=-1)
    is_flat = (spread <= 1e-12 * np.abs(mean)) | (mean <= 0)
    ratio = np.where(is_flat, 1.0, spread / np.where(mean > 0, mean, 1.0))
    ranks = np.arange(9.0) - 4.0
    weights = np.exp(-(ranks**2) / (2 * ratio[..., None] ** 2))
    smoothed = (weights * windows).sum(axis=-1) / weights.sum(axis=-1)
    return np.where(is_flat, mean, smoothed)
