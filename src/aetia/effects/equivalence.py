"""Is there really no effect, and how large an effect could the items have shown?

Arrays: G groups (cells of a grid), N items.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import lgamma, log, sqrt
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetia.effects.cells import Cells, collect
from aetia.effects.distributions import normal_cdf, t_quantile, t_tail
from aetia.effects.table import Effects, effects_table
from aetia.effects.tests import benjamini_hochberg, holm, means_and_errors
from aetia.errors import StudyError

__all__ = ["detectable_effects", "equivalence", "equivalent_effects", "minimum_detectable_effect"]

Floats: TypeAlias = npt.NDArray[np.float64]


def equivalence(x: Floats, margin: float) -> Floats:
    """Return each row's p of "the mean lies outside the margin": a small one shows that the effect is small.

    That an effect is not significant shows nothing; this is the test for a claim of no effect.

    Args:
        x: [G, N] values, one column an item.
        margin: The largest effect that counts as none, in the unit of `x`; chosen before looking.

    Returns:
        [G] the larger p of two one-sided t tests, against -margin and against +margin; NaN for one item.

    Raises:
        StudyError: AE-1107 a value is not a finite number; AE-1111 the margin is not above 0.

    Source: Schuirmann 1987 (TOST).
    What it does not show: of few and skewed values it is wrong more often than it says, 10% of the time, not 5%, with
    24 exponential ones (benchmarks/statistics).
    """
    if not margin > 0.0:
        found = f"An effect of at most {margin:g} cannot be shown: the margin of an equivalence is above 0."
        raise StudyError("AE-1111", found, mend="give the largest effect that would not matter, in the outcome's unit")
    mean, error = means_and_errors(x)
    inside = margin - np.abs(mean)
    with np.errstate(divide="ignore"):
        t = np.divide(inside, error, out=np.where(inside > 0.0, np.inf, -np.inf), where=error > 0.0)
    p = np.maximum(t_tail(t, max(x.shape[1] - 1, 1)), np.finfo(np.float64).tiny)
    return np.where(np.isnan(error), np.nan, p)


def minimum_detectable_effect(
    x: Floats,
    level: float = 0.95,
    power: float = 0.8,
    comparisons: int = 1,
) -> Floats:
    """Return the smallest true mean that a two-sided t test of as many items with each row's spread would mostly find.

    Args:
        x: [G, N] values, one column an item.
        level: One minus the test's rate of errors, as 0.95.
        power: How often such an effect would pass.
        comparisons: How many cells are tested together; the rate is divided by it (Bonferroni).

    Returns:
        [G] in the unit of `x`; NaN for one item.

    Raises:
        StudyError: AE-1107 a value is not a finite number.

    Source: Bloom, Minimum Detectable Effects, Evaluation Review 1995, here with the exact noncentral t.
    What it does not show: it takes the spread of these items for the true one; it says nothing about their mean.
    """
    error = means_and_errors(x)[1]
    if x.shape[1] < 2:
        return np.full(error.shape, np.nan)
    return error * _noncentrality(x.shape[1] - 1, float(1 - Fraction(str(level))) / comparisons, power)


def equivalent_effects(
    values: pa.Table,
    dimensions: Sequence[str],
    *,
    margin: float,
    unit: str,
    level: float = 0.95,
    correction: Literal["bh", "holm"] = "holm",
) -> Effects:
    """Return one row for each cell of a table of values that says whether its effect is shown to be none.

    Args:
        values: One row for each (item, cell), as for `summarise`; draws of a null are left out.
        dimensions: The columns that name a cell.
        margin: The largest effect that counts as none, in the unit of the values.
        unit: The unit of the values, as in "logits".
        level: One minus the rate of errors, as 0.95.
        correction: Of p for the number of cells: "holm" or "bh".

    Returns:
        Effects whose `p` is that of `equivalence`; `low` and `high` bound the mean at 1 - 2 (1 - level), which the row
        says as its level: they lie within the margin just where p passes.

    Raises:
        StudyError: AE-1107, AE-1109 as `summarise`; AE-1111 the margin is not above 0.

    Source: Schuirmann 1987 (TOST).
    """
    cells = _real_cells(values, dimensions)
    estimate, half, p = (np.full(cells.n.size, np.nan) for _ in range(3))
    rate = 1 - Fraction(str(level))
    for chosen, x in cells.alike():
        estimate[chosen], error = means_and_errors(x)
        p[chosen] = equivalence(x, margin)
        if x.shape[1] > 1:
            half[chosen] = error * t_quantile(float(rate), x.shape[1] - 1)
    q = (holm if correction == "holm" else benjamini_hochberg)(p)
    bounds = {"low": estimate - half, "high": estimate + half}
    statistics = {"estimate": estimate, **bounds, "level": np.full(estimate.size, float(1 - 2 * rate)), "p": p, "q": q}
    return effects_table(cells.table, statistics, cells.n, unit=unit, null=f"an effect of {margin:g} {unit} or more")


def detectable_effects(
    values: pa.Table,
    dimensions: Sequence[str],
    *,
    level: float = 0.95,
    power: float = 0.8,
    is_corrected: bool = True,
) -> pa.Table:
    """Return for each cell of a table of values its dimensions, `n`, and its `minimum_detectable_effect`.

    Args:
        values: One row for each (item, cell), as for `summarise`; draws of a null are left out.
        dimensions: The columns that name a cell.
        level: One minus the rate of errors, as 0.95.
        power: How often such an effect would pass.
        is_corrected: Whether the rate of errors holds for all cells together (Bonferroni) rather than for each.

    Raises:
        StudyError: AE-1107, AE-1109 as `summarise`.
    """
    cells = _real_cells(values, dimensions)
    least = np.full(cells.n.size, np.nan)
    comparisons = cells.n.size if is_corrected else 1
    for chosen, x in cells.alike():
        least[chosen] = minimum_detectable_effect(x, level, power, comparisons)
    found = {"n": pa.array(cells.n), "minimum_detectable_effect": pa.array(least, mask=np.isnan(least))}
    return pa.table({**dict(zip(dimensions, cells.table.columns, strict=True)), **found})


def _real_cells(values: pa.Table, dimensions: Sequence[str]) -> Cells:
    real = values.filter(values["draw"].is_null()) if "draw" in values.schema.names else values
    return collect(real, dimensions)


@lru_cache(maxsize=4096)
def _noncentrality(freedom: int, rate: float, power: float) -> float:
    """Return how many standard errors the mean must lie from 0 for the two-sided t test to have this power."""
    if not rate < power < 1.0:
        raise ValueError(f"the power lies between the rate of errors and 1; got {power}")
    critical = t_quantile(rate / 2.0, freedom)
    # T is (Z + mean) / s: the power is averaged over s, which is chi / sqrt(freedom) and lies around 1.
    reach = 12.0 / sqrt(2.0 * freedom)
    edges = np.linspace(max(0.0, 1.0 - reach), 1.0 + reach, 41)  # panels: far-out tests of few items turn sharply in s
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges)[:, None] / 2.0
    s = (edges[:-1, None] + half * (nodes + 1.0)).ravel()
    log_density = (freedom - 1) * np.log(s) - freedom * s**2 / 2.0
    log_density += freedom / 2.0 * log(freedom) + (1.0 - freedom / 2.0) * log(2.0) - lgamma(freedom / 2.0)
    weights = (half * weights).ravel() * np.exp(log_density)
    low, high = 0.0, 2.0
    while _power(high, critical * s, weights) < power:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (low, middle) if _power(middle, critical * s, weights) >= power else (middle, high)
    return high


def _power(mean: float, bounds: Floats, weights: Floats) -> float:
    return float(weights @ (normal_cdf(mean - bounds) + normal_cdf(-mean - bounds)))
