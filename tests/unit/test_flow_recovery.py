"""Pooled recovery rates: closed form, gate, interval, both directions, and what is 1 or 0 by construction."""

import numpy as np
import pyarrow as pa
import pytest
from flow_networks import PATCHES, planted, planted_items, seeing, seen_items

from aetia.effects import Effects
from aetia.errors import StudyError
from aetia.flow import recovery, recovery_of
from aetia.flow.ratios import pooled_ratio
from aetia.tracing import TraceStudy, trace
from aetia.tracing.compute import Tracer

PLACE = ("method", "component", "layer", "head", "position", "span")
SCHEMA = pa.schema(
    [
        *((name, pa.int32() if name in ("layer", "head", "position") else pa.string()) for name in PLACE),
        ("item", pa.string()),
        ("draw", pa.int32()),
        ("value", pa.float64()),
    ]
)


def values_of(clean, corrupted, patched):
    """The values of a trace with one place: by item, the outcome of three runs."""
    rows = []
    for number, ends in enumerate(zip(clean, corrupted, patched, strict=True)):
        same = {"item": f"{number}"}
        for name, value in zip(("clean", "corrupted"), ends, strict=False):
            rows.append({**same, "method": "baseline", "component": name, "value": value})
        rows.append(
            {
                **same,
                "method": "patch",
                "component": "mlp_out",
                "layer": 1,
                "span": "object",
                "value": ends[2] - ends[1],
            }
        )
        rows.append({**rows[-1], "draw": 0, "value": 9.0})  # another's labels: no part of a rate
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def traced(network, items, **fields):
    study = TraceStudy(**({"contrasts": "own", "null": "none", "outcome": "probability"} | fields))
    table = Tracer(study, network, items).compute(range(len(items)))
    return recovery(table, direction=study.direction, gate=0.0)


def rates(effects: Effects):
    rows = effects.table.to_pylist()
    return {(row["component"], row["layer"], row["span"] or row["position"]): row["estimate"] for row in rows}


def test_numerators_and_denominators_are_added_up_before_they_are_divided():
    clean, corrupted, patched = [0.9, 0.8, 0.5], [0.1, 0.6, 0.2], [0.5, 0.5, 0.5]
    found = recovery(values_of(clean, corrupted, patched)).table.to_pylist()
    assert len(found) == 1
    assert found[0]["estimate"] == pytest.approx((0.4 - 0.1 + 0.3) / (0.8 + 0.2 + 0.3))
    assert (found[0]["unit"], found[0]["n"], found[0]["null"]) == ("recovery rate", 3, None)
    mean_of_ratios = np.mean([0.4 / 0.8, -0.1 / 0.2, 1.0])
    assert found[0]["estimate"] != pytest.approx(mean_of_ratios)


def test_items_within_the_gate_are_dropped_and_their_number_is_said():
    clean, corrupted, patched = [0.9, 0.50001, 0.2, 0.3], [0.1, 0.5, 0.6, 0.25], [0.5, 0.9, 0.2, 0.9]
    effects = recovery(values_of(clean, corrupted, patched))
    assert effects.provenance["dropped"] == "2 of 4"
    assert effects.provenance["reversed"] == "1 of 2"
    row = effects.table.to_pylist()[0]
    assert (row["n"], row["estimate"]) == (2, pytest.approx((0.4 + 0.4) / (0.8 + 0.4)))
    with pytest.raises(StudyError, match="AE-9506"):
        recovery(values_of(clean, corrupted, patched), gate=0.9)


def test_the_interval_resamples_both_parts_of_an_item_together():
    random = np.random.default_rng(0)
    bottom = random.uniform(0.2, 1.0, 40)
    estimate, low, high = pooled_ratio(0.7 * bottom[None], bottom[None])
    assert estimate == pytest.approx(0.7)
    assert (low, high) == (pytest.approx(0.7), pytest.approx(0.7))  # resampled apart, they would not cancel
    noisy = 0.7 * bottom + random.normal(0, 0.1, 40)
    estimate, low, high = pooled_ratio(noisy[None], bottom[None], 0.95)
    residual = noisy - estimate[0] * bottom
    error = residual.std(ddof=1) / np.sqrt(40) / bottom.mean()  # the linear approximation
    assert (high - low)[0] == pytest.approx(2 * 2.02 * error, rel=0.15)
    assert np.isnan(pooled_ratio(noisy[None, :1], bottom[None, :1])[1]).all()


def test_the_interval_covers_as_often_as_it_says():
    random, covered, trials = np.random.default_rng(1), 0, 400
    for seed in range(trials):
        bottom = random.uniform(0.1, 1.0, 20)
        top = 0.5 * bottom + random.normal(0, 0.2, 20)
        _, low, high = pooled_ratio(top[None], bottom[None], 0.95, seed, draws=400)
        covered += low[0] <= 0.5 <= high[0]
    assert 0.91 <= covered / trials <= 0.99


def test_edits_of_either_sign_are_effects_and_do_not_cancel():
    """Half of every effect comes back: so says the rate, however little is left of effects that are added up."""
    for seed in range(5):
        random = np.random.default_rng(seed)
        gaps = random.normal(0, 2, 24)
        gaps -= gaps.mean() - 1e-3  # as many one way as the other
        patched = 0.5 * gaps + random.normal(0, 0.3, 24)
        [row] = recovery(values_of(gaps, np.zeros(24), patched), gate=0.0).table.to_pylist()
        assert row["low"] < 0.5 < row["high"]
        assert row["high"] - row["low"] < 0.4


def test_a_ratio_to_what_may_be_nothing_is_none():
    bottom = np.array([1.0, -1.1, 0.9, -1.0, 1.2, -0.9])
    top = np.stack([0.5 * bottom, np.ones(6), np.ones(6)])
    estimate, low, high = pooled_ratio(top, np.stack([bottom, np.abs(bottom), np.zeros(6)]))
    assert np.isnan([estimate[0], low[0], high[0], estimate[2], low[2]]).all()
    assert low[1] < estimate[1] < high[1]
    assert np.isnan(pooled_ratio(top[2:], np.zeros((1, 6)))[0]).all()  # of no cell is there a quantile


def test_noise_by_attribution_has_the_sign_of_noise(tmp_path):
    rates = {}
    for direction in ("denoise", "noise"):
        asked = {"contrasts": "scenes:shape", "items": 4, "sites": ["resid_post"], "positions": "spans"}
        run = trace(
            "toy-llava", **asked, method="attribution", direction=direction, null="none", out=tmp_path / direction
        )
        rates[direction] = [row["estimate"] for row in recovery_of(run).table.to_pylist() if row["span"] == "object"]
    assert min(max(found) for found in rates.values()) > 0.9


def test_a_table_that_is_no_trace_by_patching_is_refused():
    table = values_of([0.9], [0.1], [0.5])
    with pytest.raises(StudyError, match="AE-9505"):
        recovery(table.drop_columns(["span"]))
    knocked = table.set_column(0, "method", pa.array(["knockout"] * table.num_rows))
    with pytest.raises(StudyError, match="AE-9505"):
        recovery(knocked)


def test_all_positions_of_a_layer_bring_back_everything_whatever_the_network():
    found = traced(seeing(), seen_items(4), sites=("resid_post",), positions="joint")
    assert found.provenance["dropped"] == "0 of 4"
    assert list(rates(found).values()) == [pytest.approx(1.0, abs=1e-3)] * 3


def test_one_path_is_found_in_both_directions_alike():
    network, items = planted(hops=1, gain=20.0), planted_items(8)
    for direction in ("denoise", "noise"):
        found = rates(traced(network, items, sites=("resid_post", "attn_out"), positions="each", direction=direction))
        assert found["resid_post", 0, 1] == pytest.approx(1.0)
        assert found["resid_post", 0, 4] == pytest.approx(0.0, abs=1e-6)
        assert found["resid_post", 1, 1] == pytest.approx(0.0, abs=1e-6)
        assert found["resid_post", 1, 4] == pytest.approx(1.0)
        assert found["attn_out", 1, 4] == pytest.approx(1.0)
        assert found["attn_out", 0, 4] == pytest.approx(0.0, abs=1e-6)


def test_swapping_the_roles_of_clean_and_corrupted_is_the_other_direction():
    network, items = seeing(), seen_items(4)
    fields = {"sites": ("attn_out",), "positions": "each", "outcome": "logit_difference"}
    noised = rates(traced(network, items, direction="noise", **fields))
    for item in items:
        clean = item.clean_ids
        object.__setattr__(item, "clean_ids", item.corrupted_ids)
        object.__setattr__(item, "corrupted_ids", clean)
    restored = rates(traced(network, items, direction="denoise", **fields))
    assert restored == {place: pytest.approx(value, abs=1e-3) for place, value in noised.items()}
    assert len(restored) > PATCHES
