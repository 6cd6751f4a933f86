"""Are our tails and quantiles scipy's?"""

import numpy as np
import pytest
from scipy import stats

from aetia.effects.distributions import beta_quantile, t_quantile, t_tail


@pytest.mark.parametrize("freedom", [1, 2, 5, 23, 200, 10_000])
def test_students_tail_is_scipys_in_the_body_and_far_out(freedom):
    t = np.array([-np.inf, -40.0, -2.0, -1e-9, 0.0, 1e-9, 0.3, 2.0, 9.0, 35.0, 1e4, np.inf])
    np.testing.assert_allclose(t_tail(t, freedom), stats.t.sf(t, freedom), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("tail", [0.5, 0.499, 0.2, 0.025, 1e-4, 1e-9])
@pytest.mark.parametrize("freedom", [1, 2, 3, 23, 99, 5000])
def test_students_quantile_is_scipys(tail, freedom):
    assert t_quantile(tail, freedom) == pytest.approx(stats.t.isf(tail, freedom), rel=1e-9, abs=1e-7)


def test_beta_quantiles_are_scipys():
    rng = np.random.default_rng(0)
    a, b = np.exp(rng.uniform(-1, 8, 400)), np.exp(rng.uniform(-1, 8, 400))
    p = np.concatenate(
        [rng.uniform(size=200), 10.0 ** rng.uniform(-8, -1, 100), 1.0 - 10.0 ** rng.uniform(-8, -1, 100)]
    )
    np.testing.assert_allclose(beta_quantile(p, a, b), stats.beta.ppf(p, a, b), rtol=1e-8)
