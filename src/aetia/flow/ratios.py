"""How large is one sum over items relative to another, and how sure is that?

A mean of ratios explodes where one item's denominator is near 0; a ratio of sums does not.

Letters: G cells, N items, B resamples.
"""

from math import sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetia.effects import Effects
from aetia.effects.cells import collect
from aetia.effects.distributions import normal_cdf, t_quantile
from aetia.effects.table import effects_table

__all__ = ["pooled_ratio", "ratio_effects"]

Floats: TypeAlias = npt.NDArray[np.float64]

_RESAMPLES = 2000


def pooled_ratio(
    top: Floats, bottom: Floats, level: float = 0.95, seed: int = 0, draws: int = _RESAMPLES
) -> tuple[Floats, Floats, Floats]:
    """Return the ratio of sums over items and its bootstrap interval, `[G]` each.

    Numerator and denominator of an item are resampled together. The tails are taken as far out as `bootstrap_interval`
    takes them, without which few items cover too rarely. NaN where the denominators add up to 0, or where the interval
    of their sum holds 0: a ratio to what may be nothing may be anything. No interval of fewer than two items.

    Args:
        top: `[G, N]` numerators, one column an item.
        bottom: `[G, N]` denominators, or `[1, N]` for all cells.
        level: Coverage asked for.
        seed: Of the resamples, which all cells share.
        draws: B.

    Source: Efron and Tibshirani 1993, section 10.4 (ratios); Hesterberg 2015, section 5.3 (widened tails).
    """
    top, bottom = np.broadcast_arrays(np.asarray(top, np.float64), np.asarray(bottom, np.float64))
    items = top.shape[1]
    estimate = _divided(top.sum(axis=1), bottom.sum(axis=1))
    low, high = np.full(len(top), np.nan), np.full(len(top), np.nan)
    if items < 2:
        return estimate, low, high
    counts = (
        np.random.default_rng(seed).multinomial(items, np.full(items, 1.0 / items), size=draws).T.astype(np.float64)
    )
    tail = float(normal_cdf([sqrt(items / (items - 1)) * float(t_quantile((1.0 - level) / 2.0, items - 1.0))])[0])
    tails = [min(tail, 1.0 - tail), max(tail, 1.0 - tail)]
    below = bottom @ counts
    least, most = np.quantile(below, tails, axis=1)
    known = (least > 0.0) | (most < 0.0)
    if known.any():
        low[known], high[known] = np.nanquantile(_divided(top @ counts, below)[known], tails, axis=1)
    return np.where(known, estimate, np.nan), low, high


def ratio_effects(
    values: pa.Table, dimensions: tuple[str, ...], *, unit: str, scale: float = 1.0, level: float = 0.95, seed: int = 0
) -> Effects:
    """Return the pooled ratio of every cell as an effect, without a test.

    Args:
        values: The columns `item`, the dimensions, `value` (the numerator), `below` (the denominator) and, where items
            depend on each other, `cluster`.
        dimensions: The columns that name a cell.
        unit: The unit of the ratio times `scale`.
        scale: 100 for percent.
        level: Coverage of the intervals.
        seed: Of the resamples.
    """
    place = values.schema.get_field_index("value")
    tops = collect(values, dimensions)
    bottoms = collect(values.set_column(place, "value", values["below"]), dimensions)
    estimate, low, high = (np.full(tops.n.size, np.nan) for _ in range(3))
    for (chosen, top), (_, bottom) in zip(tops.alike(), bottoms.alike(), strict=True):
        found = pooled_ratio(top, bottom, level, seed)
        estimate[chosen], low[chosen], high[chosen] = (scale * part for part in found)
    statistics = {"estimate": estimate, "low": low, "high": high, "level": np.full(low.size, level)}
    return effects_table(tops.table, statistics, tops.n, unit=unit, null=None)


def _divided(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0.0)
