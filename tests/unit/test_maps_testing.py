"""The tests of maps: exact where all can be gone through, uniform where maps know nothing, whole clusters exchanged."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetia.maps.testing import above_chance, better_than_controls, more_often_than_not


@pytest.mark.parametrize(("count", "controls"), [(1, 19), (12, 19), (12, 1), (24, 3)])
def test_maps_that_know_nothing_have_uniform_p_values(count, controls):
    chance = np.random.default_rng(count)
    found = []
    for trial in range(200):
        scale = chance.exponential(size=(count, 1))  # some pictures matter more than others
        values = scale * chance.exponential(size=(count, controls + 1)) ** 2
        found.append(better_than_controls(values[:, 0], values[:, 1:], trial))
    ranks = np.sort(found)
    assert np.mean(ranks <= 0.05) <= 0.09  # the 98th percentile of 200 draws at 5%
    assert np.abs(ranks - np.arange(1, 201) / 200).max() < 0.12  # Kolmogorov's 1% bound; p of one item are twentieths


@pytest.mark.parametrize("count", [12, 24])
def test_a_control_that_is_as_good_on_average_is_beaten_no_more_often_than_said_though_differences_are_skewed(count):
    # Mostly the map takes a little more, now and then much less: what a small sample is most easily fooled by.
    chance = np.random.default_rng(3)
    gains = np.where(chance.random((400, count)) < 0.8, 0.1, -0.4) + chance.normal(0, 0.05, (400, count))
    p = [better_than_controls(row, np.zeros((count, 1)), trial) for trial, row in enumerate(gains)]
    assert np.mean(np.array(p) <= 0.05) < 0.13  # not exact: of twelve such items none is a loss once in fifteen


def test_one_item_has_the_share_of_random_maps_that_take_as_much():
    random = np.array([[0.1, 0.2, 0.3, 0.4]])
    assert better_than_controls(np.array([0.3]), random) == pytest.approx(3 / 5)
    assert better_than_controls(np.array([0.5]), random) == pytest.approx(1 / 5)


def test_few_exchanges_are_all_gone_through_and_many_are_drawn():
    found, random = np.array([0.9, 0.4]), np.array([[0.1, 0.8], [0.5, 0.0]])
    values = np.concatenate([found[:, None], random], axis=1)
    exact = np.mean([a + b >= found.sum() - 1e-12 for a in values[0] for b in values[1]])
    assert better_than_controls(found, random) == pytest.approx(exact, abs=1e-12)
    found, random = np.linspace(0.2, 1, 13), np.linspace(0.5, 0, 13)[:, None]
    exact = np.mean([sum(one) >= found.sum() - 1e-9 for one in product(*zip(found, random[:, 0], strict=True))])
    assert better_than_controls(found, random) == pytest.approx(exact, abs=1e-12)
    found, random = np.tile(found, 2), np.tile(random, (2, 1)) + 0.25
    signs = np.random.default_rng(0).choice([-1, 1], (40_000, 26))
    share = (signs @ (found - random[:, 0]) >= (found - random[:, 0]).sum() - 1e-9).mean()
    assert better_than_controls(found, random) == pytest.approx(share, abs=0.01)


def test_maps_where_nothing_can_be_taken_have_p_1():
    assert better_than_controls(np.zeros(5), np.zeros((5, 19))) == 1.0


def test_hits_above_chance_have_the_probability_of_all_outcomes():
    chances, alone = [0.1, 0.4, 0.7], ["a", "b", "c"]
    exact = sum(
        np.prod([c if (case >> i) & 1 else 1 - c for i, c in enumerate(chances)])
        for case in range(8)
        if case.bit_count() >= 2
    )
    assert above_chance([1.0, 0.0, 1.0], chances, alone) == pytest.approx(exact)
    assert above_chance([0.0] * 3, chances, alone) == pytest.approx(1.0)
    assert above_chance([1.0] * 60, [1 / 16] * 60, [str(one) for one in range(60)]) < 1e-60


def test_copies_of_a_picture_hit_together_and_count_once():
    once = above_chance([1.0, 1.0], [1 / 16, 1 / 8], ["a", "b"])
    copies = above_chance([1.0] * 20, [1 / 16] * 10 + [1 / 8] * 10, ["a"] * 10 + ["b"] * 10)
    assert copies == pytest.approx(once)
    assert once == pytest.approx(1 / 128)


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1, max_size=6))
def test_items_of_one_cluster_are_hit_as_often_as_their_chances_allow_together(drawn):
    chances, hits = [one for one, _ in drawn], [float(hit) for _, hit in drawn]
    needed = int(sum(hits))
    exact = sorted(chances, reverse=True)[needed - 1] if needed else 1.0  # so many at once: as the least likely of them
    assert above_chance(hits, chances, ["one"] * len(drawn)) == pytest.approx(exact)


def test_being_right_more_often_is_mcnemars_test_of_items_and_a_test_of_signs_of_clusters():
    assert more_often_than_not([1.0] * 5 + [-1.0, 0.0]) == pytest.approx(7 / 64)
    assert more_often_than_not([0.0, 0.0]) == 1.0
    gains = [0.5, 1.0, -0.25, 1.0, 0.75]
    exact = np.mean([np.dot(signs, gains) >= sum(gains) - 1e-9 for signs in product((-1, 1), repeat=5)])
    assert more_often_than_not(gains) == pytest.approx(exact)
