"""Do permutation tests equal enumeration and scipy, and are they wrong as often as they say?"""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from aetia.effects import bootstrap_interval, paired_interval, paired_test, permutation_test, sign_flip_test
from aetia.effects import permutations as module
from aetia.errors import StudyError


def test_few_items_are_flipped_in_every_way():
    x = np.random.default_rng(0).normal(0.5, size=(6, 7))
    p, q = sign_flip_test(x)
    flips = np.array(list(product([1.0, -1.0], repeat=7)))
    sums = np.abs(flips @ x.T)  # (128, 6)
    np.testing.assert_allclose(p, (sums >= sums[0] * (1 - 1e-9)).mean(axis=0))
    scaled = sums / np.sqrt((x**2).sum(axis=1))
    largest = scaled.max(axis=1)
    np.testing.assert_allclose(q, [(largest >= here * (1 - 1e-9)).mean() for here in scaled[0]])


def test_flips_are_scipys_paired_permutations():
    x, y = np.random.default_rng(1).normal(size=(2, 1, 9))
    p, q = paired_test(x + 0.7, y)
    known = stats.permutation_test(
        (x[0] + 0.7, y[0]), lambda a, b: (a - b).mean(), permutation_type="samples", n_resamples=np.inf
    )
    assert p[0] == q[0] == pytest.approx(known.pvalue)


def test_splits_are_scipys_permutations_of_welchs_t():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(3, 5)), rng.normal(0.8, 2.0, size=(3, 4))
    p, q = permutation_test(x, y)
    for row in range(3):
        known = stats.permutation_test(
            (x[row], y[row]), lambda a, b: abs(stats.ttest_ind(a, b, equal_var=False)[0]), alternative="greater"
        )
        assert p[row] == pytest.approx(known.pvalue)
    assert (q >= p).all()
    assert q.min() >= 1 / 126


def test_random_draws_come_near_all_of_them():
    rng = np.random.default_rng(3)
    x, y = rng.normal(0.4, size=(5, 12)), rng.normal(size=(5, 8))
    np.testing.assert_allclose(sign_flip_test(x, draws=2000, seed=1), sign_flip_test(x, draws=2048), atol=0.05)
    np.testing.assert_allclose(permutation_test(x, y, 4000), permutation_test(x, y, 125_970), atol=0.04)


def test_blocks_change_nothing(monkeypatch):
    x = np.random.default_rng(4).normal(size=(7, 30))
    whole = (*sign_flip_test(x, 499), *permutation_test(x, x[:, :9] + 1.0, 499))
    monkeypatch.setattr(module, "_BLOCK", 64)
    np.testing.assert_array_equal((*sign_flip_test(x, 499), *permutation_test(x, x[:, :9] + 1.0, 499)), whole)


def test_rows_without_spread():
    x = np.array([[0.0] * 6, [0.3] * 6, [1e-200] * 6])
    p, q = sign_flip_test(x)
    assert p.tolist() == [1.0, 1 / 32, 1 / 32]
    assert q.tolist() == [1.0, 1 / 32, 1 / 32]
    p, _ = permutation_test(x, x + np.array([[0.0], [1.0], [0.0]]))
    assert p[[0, 2]].tolist() == [1.0, 1.0]
    assert p[1] == 2 / 924
    assert sign_flip_test(np.ones((2, 1)))[0].tolist() == [1.0, 1.0]


def test_a_difference_of_rounding_is_none():
    x, y = np.array([[0.1, 0.2, 0.3]]), np.array([[0.3, 0.1, 0.2]])
    for scale in (1.0, 3.0, 0.7):
        assert permutation_test(scale * x, scale * y)[0][0] == 1.0
        assert paired_test(scale * x, scale * y)[0][0] == 1.0


def test_arms_of_other_items_are_one_clear_line():
    for function in (paired_test, paired_interval):
        with pytest.raises(StudyError) as caught:
            function(np.ones((2, 5)), np.ones((2, 4)))
        assert caught.value.code == "AE-1110"
        assert "2 cells of 5 items and 2 cells of 4" in caught.value.found
    for call in (
        sign_flip_test,
        lambda bad: permutation_test(bad, bad),
        lambda bad: paired_test(bad, bad),
    ):
        with pytest.raises(StudyError) as caught:
            call(np.array([[1.0, np.nan, 2.0]]))
        assert caught.value.code == "AE-1107"


def test_a_paired_interval_is_that_of_the_differences():
    x, y = np.random.default_rng(6).normal(size=(2, 3, 20))
    np.testing.assert_array_equal(paired_interval(x, y, 0.9), bootstrap_interval(x - y, 0.9))


def wrong_share(p):
    return np.mean(np.asarray(p) <= 0.05)


def test_flips_are_wrong_once_in_twenty_and_so_is_their_largest_cell():
    # 1500 grids of 10 dependent cells, 15 items of heavy tails, 99 flips: five standard errors are 2.8%.
    rng = np.random.default_rng(7)
    found = [
        sign_flip_test(rng.standard_t(3, size=(10, 15)) + rng.standard_t(3, size=15), 99, seed) for seed in range(1500)
    ]
    assert abs(wrong_share([p[0] for p, _ in found]) - 0.05) < 0.028
    assert abs(wrong_share([q.min() for _, q in found]) - 0.05) < 0.028
    assert wrong_share([p.min() for p, _ in found]) > 0.12


def test_splits_are_wrong_once_in_twenty_and_stay_near_with_unequal_spreads():
    rng = np.random.default_rng(8)
    both = rng.exponential(size=(1500, 4, 24))
    same = [permutation_test(grid[:, :8], grid[:, 8:], 99, seed) for seed, grid in enumerate(both)]
    assert abs(wrong_share([p[0] for p, _ in same]) - 0.05) < 0.028
    assert abs(wrong_share([q.min() for _, q in same]) - 0.05) < 0.028
    x, y = rng.normal(0.0, 4.0, size=(1500, 1, 10)), rng.normal(size=(1500, 1, 40))
    unequal = wrong_share([permutation_test(x[row], y[row], 99, row)[0][0] for row in range(1500)])
    # The difference of means itself, permuted, is wrong more than a quarter of the time here.
    assert unequal < 0.085


def test_a_large_effect_is_found():
    x = np.random.default_rng(9).normal(size=(50, 24))
    x[3] += 2.0
    _, q = sign_flip_test(x, 999)
    assert np.flatnonzero(q <= 0.05).tolist() == [3]
    _, q = permutation_test(x, np.random.default_rng(10).normal(size=(50, 24)), 999)
    assert np.flatnonzero(q <= 0.05).tolist() == [3]
