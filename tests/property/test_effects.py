"""Do effects equal a plain loop over groups, whatever the table?"""

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aetia.effects import bootstrap_interval, summarise

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
