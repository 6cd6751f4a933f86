"""Overlap of ranked lists, taking maps away from maps, ranks and cells: numbers that are known beforehand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetia.errors import StudyError
from aetia.maps.overlap import cleaned, interference_scale, rank_biased_overlap, rank_gaussian
from aetia.maps.ranking import ladder, random_orders, ranked

LISTS = st.permutations(range(12)).map(tuple)


@given(LISTS, st.floats(0.05, 0.99))
def test_a_list_overlaps_itself_entirely_whatever_the_persistence(one, persistence):
    assert rank_biased_overlap(one, one, persistence) == pytest.approx(1.0)


@given(LISTS, LISTS)
def test_overlap_is_symmetrical_and_lies_between_0_and_1(one, other):
    both = rank_biased_overlap(one[:7], other[:7])
    assert both == pytest.approx(rank_biased_overlap(other[:7], one[:7]))
    assert -1e-12 <= both <= 1 + 1e-12


def test_disjoint_lists_do_not_overlap():
    assert rank_biased_overlap((1, 2, 3), (4, 5, 6)) == 0.0


def test_overlap_at_the_head_counts_more_than_at_the_tail():
    base, head, tail = (1, 2, 3, 4), (9, 2, 3, 4), (1, 2, 3, 9)
    assert rank_biased_overlap(base, head) < rank_biased_overlap(base, tail)


def test_overlap_of_two_short_lists_by_hand():
    # agreement 0 at rank 1, 1 at rank 2: (1 - p) p + p^2 = p
    assert rank_biased_overlap((1, 2), (2, 1), 0.8) == pytest.approx(0.8)


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(ValueError):
        rank_biased_overlap((1, 2), (1,))


def test_a_map_that_earlier_tokens_explain_entirely_leaves_nothing():
    interference = np.array([0.2, 1.0, 0.0, 3.0])
    assert np.abs(cleaned(2 * interference, np.array([1.0]), interference[None])).max() < 1e-12


def test_without_relevant_earlier_tokens_a_map_stays_as_it_is():
    activation = np.array([0.2, 1.0, 0.0, 3.0])
    assert np.array_equal(cleaned(activation, np.zeros(2), np.ones((2, 4))), activation)
    assert np.array_equal(cleaned(activation, np.zeros(0), np.zeros((0, 4))), activation)


@given(st.integers(0, 1000))
def test_the_closed_form_is_the_least_that_a_search_finds(seed):
    chance = np.random.default_rng(seed)
    activation, interference = chance.random(9), chance.random(9)
    found = interference_scale(activation, interference)
    grid = found + np.linspace(-1, 1, 2001)
    errors = ((activation[:, None] - grid * interference[:, None]) ** 2).sum(axis=0)
    assert grid[errors.argmin()] == pytest.approx(found, abs=1e-9)


def test_no_interference_has_the_scale_0():
    assert interference_scale(np.ones(3), np.zeros(3)) == 0.0


def test_weights_of_earlier_tokens_are_shares_of_their_sum():
    activation, earlier = np.array([3.0, 1.0, 2.0]), np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    one = cleaned(activation, np.array([3.0, 1.0]), earlier)
    assert np.allclose(one, cleaned(activation, np.array([30.0, 10.0]), earlier))
    interference = np.array([0.75, 0.25, 0.0])
    scale = (activation @ interference) / (interference @ interference)
    assert np.allclose(one, np.maximum(activation - scale * interference, 0))


@pytest.mark.parametrize("value", [0.0, 0.3, 7.0])
def test_the_filter_leaves_a_constant_map_as_it_is(value):
    assert np.allclose(rank_gaussian(np.full((4, 5), value)), value)


def test_the_filter_all_but_erases_a_single_cell():
    grid = np.zeros((5, 5))
    grid[2, 2] = 1.0
    assert 0.05 < rank_gaussian(grid)[2, 2] < 0.06  # the published filter gives 0.058


def test_the_filter_takes_a_grid_of_one_row():
    assert np.isfinite(rank_gaussian(np.array([[0.0, 1.0, 2.0]]))).all()


def test_ranks_follow_the_values_and_ties_favour_no_corner():
    assert ranked(np.array([[0.1, 0.9], [0.5, 0.2]]), np.random.default_rng(0)) == (1, 2, 3, 0)
    firsts = [ranked(np.zeros((2, 2)), np.random.default_rng(seed))[0] for seed in range(400)]
    assert min(np.bincount(firsts, minlength=4)) > 60  # 100 of each on average


def test_a_map_with_values_that_are_no_numbers_is_refused():
    with pytest.raises(StudyError) as caught:
        ranked(np.array([1.0, np.nan]), np.random.default_rng(0))
    assert caught.value.code == "AE-9607"


@given(st.integers(2, 600), st.lists(st.floats(0.001, 0.999), min_size=1, max_size=5))
def test_a_ladder_takes_at_least_one_cell_and_never_all(cells, shares):
    steps = ladder(cells, sorted(shares))
    assert all(1 <= step < cells for step in steps)
    assert list(steps) == sorted(steps)


def test_random_orders_are_permutations():
    assert all(sorted(order) == list(range(7)) for order in random_orders(7, 5, np.random.default_rng(3)))
