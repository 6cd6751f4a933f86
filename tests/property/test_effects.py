"""Do effects equal a plain loop over groups, whatever the table?"""

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aetia.effects import bootstrap_interval, equivalence, permutation_test, sign_flip_test, summarise
from aetia.effects.tests import against_null

rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from([None, 0, 1]),
        st.sampled_from([None, "z", "resid_pre"]),
        st.one_of(st.none(), st.floats(-1e6, 1e6)),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(rows)
@example([("a", None, None, 0.0), ("b", None, None, 1.4e-174)])  # squares of its values are zero
def test_effects_equal_a_plain_loop(rows):
    item, layer, site, value = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    table = pa.table(
        {
            "item": pa.array(item, pa.string()),
            "layer": pa.array(layer, pa.int32()),
            "site": pa.array(site, pa.string()).dictionary_encode(),
            "value": pa.array(value, pa.float64()),
        }
    )
    groups: dict[tuple, dict[str, list[float]]] = {}
    for name, *cell, number in rows:
        if number is not None:
            groups.setdefault(tuple(cell), {}).setdefault(name, []).append(number)
    found = summarise(table, ["layer", "site"], unit="logits", draws=50).to_arrow().to_pylist()
    assert [(row["layer"], row["site"]) for row in found] == list(groups)
    for row, by_item in zip(found, groups.values(), strict=True):
        x = np.array([[np.mean(by_item[name]) for name in sorted(by_item)]])
        low, high = bootstrap_interval(x, draws=50)
        assert row["n"] == x.size
        np.testing.assert_allclose(row["estimate"], x.mean(), rtol=1e-9, atol=1e-9)
        if x.size == 1:
            assert row["low"] is row["high"] is None
        else:
            np.testing.assert_allclose([row["low"], row["high"]], [low[0], high[0]], rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20), st.floats(-10, 10), st.integers(1, 50))
def test_bounds_move_and_grow_with_the_values(numbers, shift, scale):
    x = np.array([numbers])
    if np.ptp(x) < 1e-3:
        return
    low, high = bootstrap_interval(x, draws=200)
    moved_low, moved_high = bootstrap_interval(x * scale + shift, draws=200)
    assert low[0] <= high[0]
    if len(numbers) >= 5:  # fewer take Student's interval, which knows no bounds
        assert x.min() - 1e-9 <= low[0]
        assert high[0] <= x.max() + 1e-9
    np.testing.assert_allclose(
        [moved_low[0], moved_high[0]], [low[0] * scale + shift, high[0] * scale + shift], atol=1e-4
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 25), st.sampled_from(["max-t", "bh", "holm"]))
def test_corrected_p_are_chances_that_keep_the_order_of_cells(seed, count, draws, correction):
    rng = np.random.default_rng(seed)
    observed, null = rng.normal(size=count).round(1), rng.normal(size=(draws, count)).round(1)  # with ties
    p, q = against_null(observed, ((row, np.abs(row).max()) for row in null), correction)
    assert ((p > 0.0) & (p <= 1.0) & (q > 0.0) & (q <= 1.0)).all()
    assert (q >= p - 1e-12).all()
    order = np.argsort(-np.abs(observed) if correction == "max-t" else p, kind="stable")
    assert (np.diff(q[order]) >= -1e-12).all()
    flipped = against_null(-observed * 3.0, ((-3.0 * row, 3.0 * np.abs(row).max()) for row in null), correction)
    np.testing.assert_array_equal(flipped, (p, q))
    if count == 1:
        np.testing.assert_allclose(p, q)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(1, 200))
def test_permutation_tests_do_not_ask_for_the_order_or_unit_of_items(seed, items, draws):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 3, items)).round(1)
    order = rng.permutation(items)
    if 2 ** (items - 1) <= draws:
        np.testing.assert_allclose(sign_flip_test(x[:, order] * 2.5, draws), sign_flip_test(x, draws))
    p, q = permutation_test(x, y, draws, seed)
    assert ((p > 0.0) & (p <= q + 1e-12) & (q <= 1.0)).all()
    np.testing.assert_allclose(permutation_test(x * 4.0 + 1.0, y * 4.0 + 1.0, draws, seed), (p, q))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.floats(0.01, 5.0))
def test_a_wider_margin_is_easier_to_stay_within(seed, items, margin):
    x = np.random.default_rng(seed).normal(size=(2, items))
    p = equivalence(x, margin)
    assert ((p > 0.0) & (p <= 1.0)).all()
    assert (equivalence(x, margin * 1.5) <= p + 1e-12).all()
    np.testing.assert_allclose(equivalence(-2.0 * x, 2.0 * margin), p, rtol=1e-6)
