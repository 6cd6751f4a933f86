"""Do the intervals cover as often as they say, where the truth is known?

Each simulation has 4000 samples, a binomial error of 0.35%: bounds are 1.6 points or more from what is expected, so
that chance alone does not fail it, and an interval that is 10% too narrow does.
"""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from aetia.effects import (
    bootstrap_interval,
    clopper_pearson_interval,
    cluster_means,
    paired_interval,
    passes,
    summarise,
    wilson_interval,
)
from aetia.effects.intervals import effective_items

SAMPLES = 4000


def coverage(make, mean, level=0.95, chunk=250):
    """Return how often the intervals of `make(rng, seed)` hold the mean; each chunk has its own resamples."""
    covered = 0
    for seed in range(SAMPLES // chunk):
        low, high = make(np.random.default_rng([1, seed]), chunk, seed)
        covered += np.sum((low <= mean) & (mean <= high))
    return covered / SAMPLES


@pytest.mark.parametrize("method", ["bca", "percentile"])
@pytest.mark.parametrize(("n", "level"), [(3, 0.95), (10, 0.95), (24, 0.95), (24, 0.9), (60, 0.95)])
def test_means_of_normal_items_are_covered(n, level, method):
    found = coverage(
        lambda rng, chunk, seed: bootstrap_interval(rng.normal(size=(chunk, n)), level, 1000, seed, method), 0.0
    )
    assert abs(found - level) < 0.018


def test_24_items_would_not_be_covered_without_the_widened_tails():
    # What scipy's BCa does, as our own with the level that undoes the widening.
    t = stats.norm.isf(0.025) / np.sqrt(24 / 23)
    plain = 1.0 - 2.0 * stats.t.sf(t, 23)
    found = coverage(lambda rng, chunk, seed: bootstrap_interval(rng.normal(size=(chunk, 24)), plain, 1000, seed), 0.0)
    assert found < 0.94


@pytest.mark.parametrize(("method", "least"), [("bca", 0.925), ("percentile", 0.915)])
def test_means_of_skewed_items_are_covered_nearly(method, least):
    found = coverage(
        lambda rng, chunk, seed: bootstrap_interval(rng.exponential(size=(chunk, 24)), 0.95, 1000, seed, method), 1.0
    )
    assert least < found < 0.96


def test_paired_differences_are_covered():
    def make(rng, chunk, seed):
        shared = 5.0 * rng.normal(size=(chunk, 24))
        first, second = shared + rng.normal(1.0, size=(chunk, 24)), shared + rng.normal(size=(chunk, 24))
        return paired_interval(first, second, seed=seed)

    assert abs(coverage(make, 1.0) - 0.95) < 0.018


def clustered(rng, chunk, draw):
    """Return 60 items in 20 clusters of one to five, each item with its cluster's own value and one of its own."""
    clusters = np.repeat(np.arange(20), [1, 2, 3, 4, 5] * 4)
    return draw(rng, (chunk, 20))[:, clusters], clusters


def test_clusters_of_unequal_sizes_are_covered_and_taken_as_items_they_are_not():
    def make(rng, chunk, seed, *, is_clustered):
        shared, clusters = clustered(rng, chunk, lambda rng, shape: rng.normal(size=shape))
        x = shared + rng.normal(size=(chunk, 60))
        return bootstrap_interval(cluster_means(x, clusters) if is_clustered else x, 0.95, 1000, seed)

    assert abs(coverage(lambda *given: make(*given, is_clustered=True), 0.0) - 0.945) < 0.02
    assert coverage(lambda *given: make(*given, is_clustered=False), 0.0) < 0.85


def exact_coverage(interval, n):
    """Return the coverage of 400 shares, by summing over all numbers of successes."""
    shares = np.linspace(0.0, 1.0, 401)[:, None]
    successes = np.arange(n + 1.0)
    low, high = interval(successes, np.full(n + 1, float(n)))
    return np.sum(stats.binom.pmf(successes, n, shares) * ((low <= shares) & (shares <= high)), axis=1)


@pytest.mark.parametrize("n", [5, 24, 200])
def test_clopper_and_pearson_never_cover_less_than_they_say_and_wilson_does_on_average(n):
    exact, wilson = exact_coverage(clopper_pearson_interval, n), exact_coverage(wilson_interval, n)
    assert exact.min() >= 0.95 - 1e-9
    assert 0.945 < wilson.mean() < exact.mean()
    assert wilson.min() > 0.82


def test_clustered_shares_are_covered():
    def make(rng, chunk, seed, *, is_clustered):
        shared, clusters = clustered(rng, chunk, lambda rng, shape: rng.random(shape))
        x = (np.where(rng.random((chunk, 60)) < 0.6, shared, rng.random((chunk, 60))) < 0.3).astype(float)
        n = np.full(chunk, 60.0)
        if is_clustered:
            x = cluster_means(x, clusters)
            n = effective_items(x, n)
        return wilson_interval(x.mean(axis=1) * n, n)

    assert 0.935 < coverage(lambda *given: make(*given, is_clustered=True), 0.3) < 0.98
    assert coverage(lambda *given: make(*given, is_clustered=False), 0.3) < 0.9


@pytest.mark.parametrize(("has_clusters", "low", "high"), [(True, 0.025, 0.08), (False, 0.25, 1.0)])
def test_a_clustered_study_of_nothing_errs_as_often_as_it_says_only_by_clusters(has_clusters, low, high):
    """36 items in twelve clusters with an intraclass correlation of 0.8, eight cells, 19 draws without clusters."""
    rng = np.random.default_rng(9)
    studies, draws, cells, clusters, each = 400, 19, 8, 12, 3
    number, cell, item = (part.ravel() for part in np.indices((draws + 1, cells, clusters * each)))
    columns = {"item": item, "cell": cell, "draw": pa.array(number, mask=number == 0)}
    if has_clusters:
        columns["cluster"] = item // each
    wrong = 0
    for _ in range(studies):
        shared = np.repeat(rng.normal(size=(cells, clusters)), each, axis=1)
        real = np.sqrt(0.8) * shared + np.sqrt(0.2) * rng.normal(size=shared.shape)
        null = rng.normal(size=(draws, *real.shape))  # independent: another system does not share what the items do
        values = pa.table({**columns, "value": np.concatenate([real[None], null]).ravel()})
        found = summarise(values, ["cell"], unit="x", draws=20, null="randomised-weights:19").to_arrow()
        wrong += bool(passes(found["q"], 0.95).any())
    assert low < wrong / studies < high
