"""Are the tests against draws of a null, and their corrections, what their definitions say?"""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from aetia.effects import (
    benjamini_hochberg,
    check_draws,
    cluster_means,
    draws_needed,
    holm,
    max_t,
    mcnemar,
    passes,
    t_statistics,
)
from aetia.effects.tests import against_null, normal_scores
from aetia.errors import StudyError


def test_t_is_students():
    x = np.random.default_rng(0).normal(0.3, size=(50, 7))
    known = x.mean(axis=1) / stats.sem(x, axis=1)
    np.testing.assert_allclose(t_statistics(x), known, rtol=1e-12)


def test_t_without_spread_is_zero_or_infinite_and_of_one_item_unknown():
    t = t_statistics(np.array([[0.0] * 3, [0.1] * 3, [-2.0] * 3, [1e-200, 2e-200, 3e-200]]))
    assert t[:3].tolist() == [0.0, np.inf, -np.inf]
    assert t[3] == pytest.approx(2 * np.sqrt(3))
    assert np.isnan(t_statistics(np.ones((2, 1)))).all()
    assert t_statistics(np.empty((0, 4))).shape == (0,)


def test_means_of_clusters_whatever_their_sizes_names_and_order():
    x = np.random.default_rng(1).normal(size=(5, 6))
    found = cluster_means(x, ["b", "a", "b", "c", "b", "a"])
    known = [x[:, [1, 5]].mean(axis=1), x[:, [0, 2, 4]].mean(axis=1), x[:, 3]]
    np.testing.assert_allclose(found.T, known, rtol=1e-12)
    np.testing.assert_array_equal(cluster_means(x, np.arange(6)), x)
    assert np.isnan(t_statistics(cluster_means(x, ["one"] * 6))).all()
    with pytest.raises(ValueError, match="6 items and the clusters of 4"):
        cluster_means(x, range(4))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_one_clear_line(wrong):
    with pytest.raises(StudyError) as caught:
        t_statistics(np.array([[1.0, 2.0], [3.0, wrong]]))
    assert caught.value.code == "AE-1107"
    assert "1 of 4 values" in caught.value.found
    assert "item 1 of cell 1" in caught.value.found


def test_max_t_counts_draws():
    observed = np.array([3.0, -2.0, 0.5, np.nan])
    null = np.array([[1.0, -2.5, 0.1, 0.0], [-3.0, 0.0, 0.2, 0.0], [0.0, 1.0, -0.6, 9.0], [0.3, 0.2, 0.1, 0.0]])
    p, q = max_t(observed, null)
    np.testing.assert_array_equal(p, [2 / 5, 2 / 5, 2 / 5, np.nan])
    np.testing.assert_array_equal(q, [3 / 5, 4 / 5, 4 / 5, np.nan])


def test_max_t_of_one_cell_is_its_p_and_ties_count_even_if_rounding_parts_them():
    p, q = max_t(np.array([0.3]), np.array([[0.1 + 0.2 - 1e-16], [0.0], [-0.3]]))
    assert p.tolist() == q.tolist() == [3 / 4]
    assert max_t(np.array([1e-16]), np.zeros((19, 1)))[0].tolist() == [1.0]
    p, q = max_t(np.array([0.0, np.inf]), np.array([[0.0, np.inf], [1.0, 3.0]]))
    assert p.tolist() == [1.0, 2 / 3]
    assert q.tolist() == [1.0, 2 / 3]


def test_max_t_refuses_what_is_no_null():
    with pytest.raises(ValueError, match="at least one draw"):
        max_t(np.zeros(2), np.empty((0, 2)))
    with pytest.raises(ValueError, match="are numbers"):
        max_t(np.zeros(2), np.array([[0.0, np.nan]]))


def test_what_a_draw_finds_elsewhere_counts_among_its_largest_but_in_no_cell():
    p, q = against_null(np.array([2.0]), [(np.array([0.0]), 5.0), (np.array([0.0]), 0.0), (np.array([0.0]), 1.0)])
    assert (p[0], q[0]) == (1 / 4, 2 / 4)


def test_the_whole_grid_is_wrong_once_in_twenty_with_19_draws():
    # 30 cells that depend on each other, 4000 grids: five standard errors are 1.7%.
    rng = np.random.default_rng(5)
    grids = rng.normal(size=(4000, 20, 30)) + rng.normal(size=(4000, 20, 1))
    pairs = [max_t(grid[0], grid[1:]) for grid in grids]
    assert abs(np.mean([passes(q, 0.95).any() for _, q in pairs]) - 0.05) < 0.017
    assert abs(np.mean([passes(p, 0.95) for p, _ in pairs]) - 0.05) < 0.005
    assert np.mean([passes(p, 0.95).any() for p, _ in pairs]) > 0.3


@pytest.mark.parametrize("correction", ["bh", "holm"])
def test_counts_are_corrected_as_their_p_are(correction):
    rng = np.random.default_rng(2)
    observed, null = rng.normal(1.0, size=8), rng.normal(size=(99, 8))
    p, q = against_null(observed, ((row, np.abs(row).max()) for row in null), correction)
    np.testing.assert_allclose(p, max_t(observed, null)[0])
    np.testing.assert_allclose(q, (benjamini_hochberg if correction == "bh" else holm)(p), rtol=1e-12)


def test_benjamini_hochberg_is_scipys():
    p = np.random.default_rng(0).uniform(size=40) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p), rtol=1e-12)


def test_holm_is_the_closed_test_of_bonferronis():
    p = np.array([0.011, 0.04, 0.02, 0.5, 0.011])
    closed = [
        max(
            min(1.0, len(subset) * p[list(subset)].min())
            for size in range(1, 6)
            for subset in combinations(range(5), size)
            if cell in subset
        )
        for cell in range(5)
    ]
    np.testing.assert_allclose(holm(p), closed, rtol=1e-12)


@pytest.mark.parametrize("correct", [benjamini_hochberg, holm])
def test_corrections_of_one_none_and_unknown_cells(correct):
    assert correct([0.03]).tolist() == [0.03]
    assert correct([]).size == 0
    np.testing.assert_allclose(correct([np.nan, 0.01, 0.5])[[1, 2]], correct([0.01, 0.5]))
    assert np.isnan(correct([np.nan, 0.01, 0.5])[0])


def test_holm_keeps_the_family_and_benjamini_hochberg_the_share_of_false_findings():
    # 2000 families of 10 true and 10 false cells.
    rng = np.random.default_rng(3)
    z = rng.normal(size=(2000, 20)) + np.repeat([0.0, 3.0], 10)
    p = 2 * stats.norm.sf(np.abs(z))
    found = {correct: np.array([correct(row) for row in p]) <= 0.05 for correct in (holm, benjamini_hochberg)}
    false = {correct: here[:, :10].sum(axis=1) for correct, here in found.items()}
    assert np.mean(false[holm] > 0) < 0.05 + 3 * 0.005
    share = false[benjamini_hochberg] / np.maximum(found[benjamini_hochberg].sum(axis=1), 1)
    assert share.mean() == pytest.approx(0.05 * 10 / 20, abs=0.006)  # exact for independent cells
    assert np.mean(false[benjamini_hochberg] > 0) > 0.1  # it keeps less than the family, and is asked for less
    assert found[benjamini_hochberg][:, 10:].mean() > found[holm][:, 10:].mean() + 0.1


@pytest.mark.parametrize(
    ("level", "comparisons", "correction", "least"),
    [
        (0.95, 720, "max-t", 19),
        (0.95, 1, "holm", 19),
        (0.95, 13, "holm", 259),
        (0.95, 13, "bh", 259),
        (0.99, 5, "max-t", 99),
        (0.9, 3, "bh", 29),
        (0.925, 1, "max-t", 13),
    ],
)
def test_the_draws_needed_are_the_fewest_with_which_a_cell_passes(level, comparisons, correction, least):
    assert draws_needed(level, comparisons, correction) == least
    observed = np.zeros(comparisons)
    observed[0] = 9.0
    for draws, can in ((least, True), (least - 1, False)):
        _, q = against_null(observed, ((np.zeros(comparisons), 0.0) for _ in range(draws)), correction)
        assert passes(q, level)[0] == can
        assert (q[0] <= 1 - Fraction(str(level)) + Fraction(1, 10**15)) == can


def test_too_few_draws_are_one_clear_line():
    check_draws(19, 0.95, 720, "max-t")
    with pytest.raises(StudyError) as caught:
        check_draws(20, 0.95, 13, "holm")
    assert caught.value.code == "AE-1108"
    assert caught.value.found == (
        "20 draws of a null cannot pass a corrected 5% among 13 cells (holm): the smallest number that can is 259."
    )
    assert "max-t" in caught.value.mend
    with pytest.raises(StudyError) as caught:
        check_draws(10, 0.95, 1, "max-t")
    assert "among one cell" in caught.value.found
    assert caught.value.mend == "draw at least 19"
    with pytest.raises(ValueError, match="coverage"):
        draws_needed(0.05, 13)


def test_an_unknown_q_passes_nothing():
    assert passes([0.05, 0.0500001, np.nan], 0.95).tolist() == [True, False, False]


@pytest.mark.parametrize(("n", "within"), [(2, 0.06), (5, 0.02), (50, 0.005)])
def test_normal_scores_are_as_unlikely_as_their_t(n, within):
    t = np.array([0.5, 1.0, 2.0, 4.0, 12.7])
    known = stats.norm.isf(stats.t.sf(t, n - 1))
    np.testing.assert_allclose(normal_scores(t, np.full(5, float(n))), known, rtol=within)
    assert normal_scores(np.array([-2.0, np.inf, 0.0]), np.full(3, 5.0)).tolist()[1:] == [np.inf, 0.0]
    assert normal_scores(np.array([-2.0]), np.array([5.0]))[0] < 0.0


def test_mcnemars_mid_p_is_the_exact_p_less_the_split_itself() -> None:
    for first, second in ((0, 8), (3, 10), (5, 5), (1, 0), (40, 61), (700, 800)):
        exact = stats.binomtest(first, first + second)
        split = stats.binom.pmf(min(first, second), first + second, 0.5)
        expected = exact.pvalue - split if first != second else 1.0
        assert mcnemar([first], [second])[0] == pytest.approx(expected, rel=1e-9)
    assert mcnemar([0, 2], [0, 9]).tolist() == [
        1.0,
        pytest.approx(2 * stats.binom.cdf(2, 11, 0.5) - stats.binom.pmf(2, 11, 0.5)),
    ]
    assert 0.0 < mcnemar([0], [100_000])[0] < 1e-300
