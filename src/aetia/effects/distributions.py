"""How likely is a value under a normal, Student's or beta distribution, and which value is that likely?

The core has numpy and no scipy; these few functions are what its intervals and tests need, to about ten digits.
"""

from collections.abc import Callable
from functools import lru_cache
from math import lgamma
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["beta_quantile", "normal_cdf", "normal_quantile", "t_quantile", "t_tail"]

Floats: TypeAlias = npt.NDArray[np.float64]

_ROUNDS = 100_000  # the fraction converges within a few times the root of its larger parameter
_TINY = 1e-300

_NORMAL = NormalDist()
normal_cdf: Callable[[npt.ArrayLike], Floats] = np.vectorize(_NORMAL.cdf, otypes=[np.float64])
normal_quantile: Callable[[npt.ArrayLike], Floats] = np.vectorize(_NORMAL.inv_cdf, otypes=[np.float64])
_log_gamma: Callable[[npt.ArrayLike], Floats] = np.vectorize(lgamma, otypes=[np.float64])


def t_tail(t: npt.ArrayLike, freedom: npt.ArrayLike) -> Floats:
    """Return the probability that Student's t with these degrees of freedom exceeds `t`, precise in the far tail too.

    Source: Abramowitz and Stegun 1964, 26.7.1 and 26.5.27.
    """
    size, degrees = np.broadcast_arrays(np.asarray(t, dtype=np.float64), np.asarray(freedom, dtype=np.float64))
    with np.errstate(divide="ignore"):
        logit = np.log(degrees) - 2.0 * np.log(np.abs(size))  # of degrees / (degrees + t^2)
    half = 0.5 * np.exp(_log_beta_cdf(logit, degrees / 2.0, np.full(degrees.shape, 0.5)))
    return np.where(size > 0.0, half, 1.0 - half)


@lru_cache(maxsize=4096)
def t_quantile(tail: float, freedom: float) -> float:
    """Return the value that Student's t exceeds with probability `tail`, which is at most one half."""
    logit = _beta_logit(np.array([2.0 * tail]), np.array([freedom / 2.0]), np.array([0.5]))
    return float(np.sqrt(freedom * np.exp(-logit[0])))


def beta_quantile(p: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Return the value below which a beta variable with parameters `a` and `b` lies with probability `p`."""
    share, first, second = np.broadcast_arrays(
        np.asarray(p, dtype=np.float64), np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    )
    # Of the two tails the smaller one is solved for: the logarithm of a share near 1 has lost its digits.
    low = share <= 0.5
    logit = _beta_logit(np.where(low, share, 1.0 - share), np.where(low, first, second), np.where(low, second, first))
    return _share(np.where(low, logit, -logit))


def _beta_logit(p: Floats, a: Floats, b: Floats) -> Floats:
    """Return the logit of the beta quantile, by Newton's method on the logarithm of the distribution function.

    In the logit that logarithm is concave, so that Newton's method converges from anywhere, from below.
    """
    logit = np.log(a / b)
    target = np.log(p)
    for _ in range(200):
        log_share = _log_beta_cdf(logit, a, b)
        slope = np.exp(np.maximum(_log_weight(logit, a, b) - log_share, -600.0))
        step = np.clip((target - log_share) / slope, -60.0, 60.0)
        logit = logit + step
        if np.all(np.abs(step) <= 1e-12 * np.maximum(np.abs(logit), 1.0)):
            break
    return logit


def _log_beta_cdf(logit: Floats, a: Floats, b: Floats) -> Floats:
    """Return the logarithm of the regularised incomplete beta function at the share whose logit is given."""
    x = _share(logit)
    mirrored = x > (a + 1.0) / (a + b + 2.0)  # there the fraction converges slowly, and fast from the other end
    first, second = np.where(mirrored, b, a), np.where(mirrored, a, b)
    fraction = _beta_fraction(np.where(mirrored, _share(-logit), x), first, second)
    part = _log_weight(logit, a, b) + np.log(fraction / first)
    return np.where(mirrored, np.log1p(-np.exp(np.where(mirrored, part, -np.inf))), part)


def _log_weight(logit: Floats, a: Floats, b: Floats) -> Floats:
    """Return log(x^a (1 - x)^b / B(a, b))."""
    powers = -(a * np.logaddexp(0.0, -logit) + b * np.logaddexp(0.0, logit))
    return powers + _log_gamma(a + b) - _log_gamma(a) - _log_gamma(b)


def _beta_fraction(x: Floats, a: Floats, b: Floats) -> Floats:
    """Return the continued fraction of the incomplete beta function, by Lentz's method.

    Source: Abramowitz and Stegun 1964, 26.5.8; Thompson and Barnett 1986 (the method).
    """
    above = np.ones_like(x)
    below = 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    value = below.copy()
    for m in range(1, _ROUNDS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            below = 1.0 / _not_zero(1.0 + numerator * below)
            above = _not_zero(1.0 + numerator / above)
            change = above * below
            value = value * change
        if np.all(np.abs(change - 1.0) < 1e-14):
            break
    return value


def _not_zero(x: Floats) -> Floats:
    return np.where(np.abs(x) < _TINY, _TINY, x)


def _share(logit: Floats) -> Floats:
    """Return the logistic function: the share with this logit."""
    return np.exp(-np.logaddexp(0.0, -logit))
