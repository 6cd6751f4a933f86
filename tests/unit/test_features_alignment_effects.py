"""A map's accuracy is a finding where it is above random weights' and above a coin's, and nowhere else."""

from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from truth_networks import cached_system

from aetia.calibration.subjects import subjects_named
from aetia.effects import summarise
from aetia.features.alignment_effects import above_chance, both_tested
from aetia.features.study import AlignmentStudy

MAPS = ("identity", "rotation")
STUDY = AlignmentStudy(contrasts="capitals", site="L0.resid_post@-1", maps=MAPS)
HALVES = st.lists(st.sampled_from([-0.5, 0.0, 0.5]), max_size=12)


def binomial(x):
    signs = [value for value in x if value != 0.0]
    if not signs:
        return 1.0
    return float(binomtest(sum(value > 0.0 for value in signs), len(signs), 0.5, alternative="greater").pvalue)


@given(HALVES, HALVES)
def test_of_items_the_signs_in_either_half_are_compared_with_a_coins(first, second):
    expected = min(1.0, 2.0 * min(binomial(first), binomial(second)))
    assert above_chance(np.array(first), np.array(second)) == pytest.approx(expected)


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=8))
def test_of_clusters_the_signs_are_flipped(means):
    x = np.round(np.array(means), 3)
    flips = np.array(list(product((1.0, -1.0), repeat=x.size)))
    at_least = np.abs(flips @ x) >= abs(x.sum()) - 1e-9
    expected = at_least.mean() / 2.0 if x.mean() > 0.0 else 1.0
    assert above_chance(x, -x, are_clusters=True) == pytest.approx(min(1.0, 2.0 * min(expected, _mirrored(x))))


def _mirrored(x):
    flips = np.array(list(product((1.0, -1.0), repeat=x.size)))
    return (np.abs(flips @ x) >= abs(x.sum()) - 1e-9).mean() / 2.0 if x.mean() < 0.0 else 1.0


def values_of(real, draws=(), *, per_cluster=0):
    """The values of maps, each N of `excess`, and of draws of a null; the first N / 2 items are half 0."""
    rows = []
    for draw, maps in (None, real), *enumerate(draws):
        rows += [
            {"item": f"i{n:02}", "map": name, "measure": "excess", "value": value, "draw": draw}
            for name, x in zip(MAPS, maps, strict=True)
            for n, value in enumerate(x)
        ]
    count = len(real[0])
    rows += [{"item": f"i{n:02}", "measure": "half", "value": float(2 * n >= count)} for n in range(count)]
    if per_cluster:
        rows = [{**row, "cluster": f"c{int(row['item'][1:]) // per_cluster:02}"} for row in rows]
    names = ["item", "map", "system", "measure", "draw", *(["cluster"] if per_cluster else [])]
    table = {name: [row.get(name) for row in rows] for name in names}
    types = {"draw": pa.int32()}
    columns = {name: pa.array(column, types.get(name, pa.string())) for name, column in table.items()}
    return pa.table(columns | {"value": [row["value"] for row in rows]})


def found_in(values):
    excess = values.filter(pc.field("measure") == "excess")
    effects = summarise(excess, ("map", "system", "measure"), unit="share", null="randomised-weights:1")
    return {row["map"]: row for row in both_tested(STUDY, effects, values).table.to_pylist()}


ABOVE, BELOW, MIXED = np.full(24, 0.5), np.full(24, -0.5), np.tile([0.5, -0.5], 12)
QUIET = [(np.eye(24)[n] / 2.0, np.zeros(24)) for n in range(19)]  # random weights leave most items alone


def test_less_than_chance_is_no_finding_however_sure_and_more_is():
    found = found_in(values_of([ABOVE, BELOW], QUIET))
    assert (found["identity"]["p"], found["identity"]["q"]) == (0.05, 0.05)
    assert (found["rotation"]["p"], found["rotation"]["q"]) == (1.0, 1.0)
    assert found["identity"]["null"] == "randomised-weights:19"


def test_where_random_weights_are_quiet_an_accuracy_still_has_to_be_above_chance():
    some = np.where(np.arange(24) % 12 < 8, 0.5, -0.5)  # 8 of 12 in either half
    found = found_in(values_of([some, MIXED], [(MIXED, MIXED)] * 19))
    chance = 2.0 * binomtest(8, 12, 0.5, alternative="greater").pvalue
    assert found["identity"]["p"] == pytest.approx(chance)
    assert found["identity"]["q"] == pytest.approx(2.0 * chance)  # two maps were asked
    assert found["rotation"]["q"] == 1.0


def test_what_random_weights_do_as_well_is_no_finding():
    found = found_in(values_of([ABOVE, MIXED], [(MIXED, ABOVE)] * 19))
    assert (found["identity"]["p"], found["identity"]["q"]) == (0.05, 1.0)  # the other map of a draw is as large


def test_clusters_count_once():
    found = found_in(values_of([ABOVE, MIXED], QUIET, per_cluster=4))  # three clusters in each half
    assert found["identity"]["p"] == pytest.approx(2.0 * 2.0**-3)
    assert found["identity"]["q"] == pytest.approx(2.0 * 2.0 * 2.0**-3)


def test_a_draw_of_which_an_item_failed_is_not_counted():
    values = values_of([ABOVE, MIXED], [(MIXED, ABOVE), *QUIET])
    is_kept = pc.field("draw").is_null() | (pc.field("draw") != 0) | (pc.field("item") != "i05")
    assert found_in(values.filter(is_kept))["identity"]["q"] == pytest.approx(0.05)
    assert found_in(values)["identity"]["q"] == pytest.approx(2.0 / 21.0)


def test_without_draws_nothing_is_tested():
    found = found_in(values_of([ABOVE, BELOW]))
    assert {row["q"] for row in found.values()} == {None}


@pytest.mark.parametrize(
    ("site", "is_there"),
    [
        ("L1.resid_post@-1", True),
        ("L1.resid_post@0", False),  # every interchange leaves the answer: accuracy 0, and t = -infinity
    ],
)
def test_a_variable_is_found_at_its_site_and_not_where_interchanges_change_nothing(site, is_there):
    (alignment,) = subjects_named(("alignment",))
    system = cached_system("induction", 0)
    effects = alignment.effects(
        alignment.study(seed=0, site=site, maps=("identity",)), system.network, system.draw(24, 0)
    )
    (row,) = alignment.findings(effects).to_pylist()
    assert (row["estimate"] > 0.3, row["q"] <= 0.05) == (is_there, is_there)
    if not is_there:
        assert (row["estimate"], row["p"], row["q"]) == (-0.5, 1.0, 1.0)
    assert row["null"] == "randomised-weights:19"
    assert effects.provenance["site"] == site
