"""Are the intervals those of the textbook, do they cover, and are they cheap?"""

import resource
import time

import numpy as np
import pytest
from scipy import stats

from aetia.effects import bootstrap_interval, clopper_pearson_interval, cluster_means, wilson_interval
from aetia.effects import intervals as module
from aetia.effects.intervals import effective_items


@pytest.mark.parametrize(("method", "name"), [("bca", "BCa"), ("percentile", "percentile")])
@pytest.mark.parametrize("items", [5, 8, 30])
def test_bounds_equal_scipys_on_the_same_resamples(method, name, items):
    # Multiples of 1/64 add without rounding: scipy then sees the ties between reordered items that we always see.
    x = np.ceil(64 * np.random.default_rng(items).gamma(0.7, size=(4, items))) / 64
    low, high = bootstrap_interval(x, 0.9, 999, seed=3, method=method)
    # Our tails are widened for few items (Hesterberg 2015): scipy is asked for the level that this comes to.
    widened = 1.0 - 2.0 * stats.norm.sf(np.sqrt(items / (items - 1)) * stats.t.isf(0.05, items - 1))
    for row in range(4):
        known = stats.bootstrap(
            (x[row],),
            np.mean,
            confidence_level=widened,
            n_resamples=999,
            method=name,
            rng=np.random.default_rng(3),
        ).confidence_interval
        np.testing.assert_allclose([low[row], high[row]], [known.low, known.high], rtol=1e-12, atol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    x = np.random.default_rng(0).normal(size=(7, 11))
    whole = bootstrap_interval(x, draws=300)
    monkeypatch.setattr(module, "_BLOCK", 64)
    np.testing.assert_allclose(bootstrap_interval(x, draws=300), whole, rtol=1e-13)


@pytest.mark.parametrize(("items", "level"), [(2, 0.95), (4, 0.95), (2, 0.8), (5, 0.99)])
def test_too_few_items_to_resample_take_students_interval(items, level):
    x = np.random.default_rng(items).normal(size=(6, items))
    mean, error = x.mean(axis=1), stats.sem(x, axis=1)
    known = stats.t.interval(level, items - 1, mean, error)
    np.testing.assert_allclose(bootstrap_interval(x, level), known, rtol=1e-9)


def test_one_item_has_no_interval_and_no_spread_has_no_width():
    assert np.isnan(bootstrap_interval(np.ones((3, 1)))).all()
    for items in (3, 9):
        low, high = bootstrap_interval(np.array([[2.0] * items, np.arange(items) / 10]))
        assert low[0] == high[0] == 2.0
        assert low[1] < (items - 1) / 20 < high[1]


def test_a_value_that_is_not_finite_spoils_its_own_row_only():
    x = np.random.default_rng(0).normal(size=(3, 8))
    alone = bootstrap_interval(x)
    x[1, 2] = np.nan
    low, high = bootstrap_interval(x)
    assert np.isnan(low[1])
    assert np.isnan(high[1])
    np.testing.assert_array_equal(low[[0, 2]], alone[0][[0, 2]])


def test_no_groups_give_no_bounds():
    assert bootstrap_interval(np.empty((0, 5)))[0].shape == (0,)


@pytest.mark.parametrize(("method", "least"), [("bca", 0.915), ("percentile", 0.905)])
def test_intervals_cover_skewed_means_nearly_as_often_as_they_say(method, least):
    # 3000 samples of 40 exponential values: BCa's known coverage is near 93%; its binomial error here is 0.5%.
    x = np.random.default_rng(11).exponential(size=(3000, 40))
    low, high = bootstrap_interval(x, 0.95, 1000, seed=5, method=method)
    assert least < np.mean((low <= 1.0) & (high >= 1.0)) < 0.965


def test_bca_follows_skewness():
    x = np.random.default_rng(2).exponential(size=(200, 30))
    mean = x.mean(axis=1)
    low, high = bootstrap_interval(x)
    plain_low, plain_high = bootstrap_interval(x, method="percentile")
    assert np.mean((high - mean) / (mean - low)) > np.mean((plain_high - mean) / (mean - plain_low))


@pytest.mark.parametrize("successes", [0, 1, 7, 23, 24])
def test_wilson_equals_scipys(successes):
    known = stats.binomtest(successes, 24).proportion_ci(0.95, method="wilson")
    low, high = wilson_interval(np.array([float(successes)]), np.array([24.0]))
    np.testing.assert_allclose([low[0], high[0]], [known.low, known.high], atol=1e-12)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("n", [1, 7, 24, 3000])
def test_clopper_and_pearson_are_scipys(n, level):
    successes = np.unique([0, 1, n // 3, n - 1, n])
    low, high = clopper_pearson_interval(successes.astype(float), np.full(successes.size, float(n)), level)
    for place, count in enumerate(successes):
        known = stats.binomtest(int(count), n).proportion_ci(level, method="exact")
        np.testing.assert_allclose([low[place], high[place]], [known.low, known.high], rtol=1e-8)
    assert clopper_pearson_interval(np.empty(0), np.empty(0))[0].shape == (0,)


def test_effective_items():
    rng = np.random.default_rng(2)
    alike = (rng.random((5, 400)) < 0.3).astype(float)
    np.testing.assert_allclose(effective_items(alike, np.full(5, 1200.0)), 400, rtol=0.02)
    alone = cluster_means(rng.random((5, 1200)) < 0.3, np.repeat(np.arange(400), 3))
    np.testing.assert_allclose(effective_items(alone, np.full(5, 1200.0)), 1150, rtol=0.1)
    assert effective_items(np.ones((1, 400)), [1200.0])[0] == pytest.approx(400, rel=0.02)
    assert effective_items(np.full((1, 400), 0.5), [1200.0])[0] == pytest.approx(1200, rel=0.02)


def test_ten_thousand_draws_over_a_grid_of_ten_thousand_cells_are_feasible():
    x = np.random.default_rng(0).normal(size=(10_000, 100))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    bootstrap_interval(x, draws=10_000)
    # 2.5 s and 0.2 GB on one idle core; processor time, since other tests may share the machine.
    assert time.process_time() - start < 12
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000
