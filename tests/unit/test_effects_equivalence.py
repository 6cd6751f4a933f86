"""Is a claim of no effect tested as Schuirmann says, and does the detectable effect have the power it names?"""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from aetia.effects import (
    cluster_means,
    detectable_effects,
    equivalence,
    equivalent_effects,
    holm,
    minimum_detectable_effect,
    passes,
    t_statistics,
)
from aetia.errors import StudyError


def exact_power(effect, n, rate):
    critical = stats.t.isf(rate / 2, n - 1)
    return stats.nct.sf(critical, n - 1, effect * np.sqrt(n)) + stats.nct.cdf(-critical, n - 1, effect * np.sqrt(n))


def test_equivalence_is_the_larger_of_two_one_sided_t_tests():
    x = np.random.default_rng(0).normal(0.1, size=(30, 12))
    mean, error = x.mean(axis=1), stats.sem(x, axis=1)
    known = np.maximum(stats.t.sf((mean + 0.6) / error, 11), stats.t.cdf((mean - 0.6) / error, 11))
    np.testing.assert_allclose(equivalence(x, 0.6), known, rtol=1e-9)


def test_constant_cells_single_items_and_margins():
    p = equivalence(np.array([[0.0] * 4, [0.5] * 4, [0.6] * 4]), 0.5)
    assert 0.0 < p[0] < 1e-300
    assert p[1:].tolist() == [1.0, 1.0]
    assert np.isnan(equivalence(np.ones((2, 1)), 1.0)).all()
    for margin in (0.0, -1.0, float("nan")):
        with pytest.raises(StudyError) as caught:
            equivalence(np.ones((1, 3)), margin)
        assert caught.value.code == "AE-1111"


def test_a_mean_at_the_margin_passes_once_in_twenty_and_none_passes_mostly():
    # 4000 cells of 24 items; five standard errors of a share near 5% are 1.7%.
    x = np.random.default_rng(1).normal(size=(4000, 24))
    assert abs(np.mean(equivalence(x + 0.8, 0.8) <= 0.05) - 0.05) < 0.017
    assert np.mean(equivalence(x, 0.8) <= 0.05) > 0.9
    assert np.mean(equivalence(x[:, :4], 0.8) <= 0.05) < 0.3


def test_clustered_items_at_the_margin_pass_once_in_twenty():
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(size=(4000, 12)), 3, axis=1) + 0.5 * rng.normal(size=(4000, 36))
    means = cluster_means(x, np.repeat(np.arange(12), 3))
    assert abs(np.mean(equivalence(means + 1.0, 1.0) <= 0.05) - 0.05) < 0.017
    assert np.mean(equivalence(x + 1.0, 1.0) <= 0.05) > 0.1  # what taking them as independent would do


@pytest.mark.parametrize(
    ("n", "level", "power", "comparisons"),
    [(2, 0.95, 0.8, 1)]
    + [(n, *rest) for n in (3, 10, 24, 400) for rest in ((0.95, 0.8, 1), (0.99, 0.5, 1), (0.95, 0.9, 720))],
)
def test_the_detectable_effect_has_its_power(n, level, power, comparisons):
    rate = (1 - level) / comparisons
    x = np.random.default_rng(n).normal(size=(1, n))
    least = minimum_detectable_effect(x, level, power, comparisons)[0] / x.std(ddof=1)
    assert exact_power(least, n, rate) == pytest.approx(power, abs=1e-5)


def test_the_detectable_effect_is_found_as_often_as_it_says():
    x = np.random.default_rng(3).normal(size=(4000, 12))
    known = (
        np.sqrt(11) * stats.norm.ppf(stats.norm.cdf(np.linspace(-1, 1, 12)))[None]
    )  # any sample: its spread is what counts
    known = known / known.std(ddof=1)
    least = minimum_detectable_effect(known, 0.95, 0.8)[0]
    found = np.abs(t_statistics(x + least)) > stats.t.isf(0.025, 11)
    assert abs(found.mean() - 0.8) < 5 * np.sqrt(0.8 * 0.2 / 4000)


def test_the_detectable_effect_of_few_or_constant_items():
    assert np.isnan(minimum_detectable_effect(np.ones((2, 1)))).all()
    assert minimum_detectable_effect(np.ones((1, 5)))[0] == 0.0
    with pytest.raises(ValueError, match="power"):
        minimum_detectable_effect(np.eye(3), 0.95, 0.01)


@pytest.fixture
def values():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(3, 20)) * [[0.1], [0.1], [3.0]] + [[0.0], [2.0], [0.0]]
    cells, items = np.divmod(np.arange(60), 20)
    draw = pa.array([None] * 60, pa.int32())
    real = pa.table({"item": items, "cell": cells, "draw": draw, "value": x.ravel()})
    null = real.set_column(2, "draw", pa.array([1] * 60, pa.int32())).set_column(3, "value", pa.array([9.0] * 60))
    return x, pa.concat_tables([real, null])


def test_a_table_says_which_effects_are_shown_to_be_none(values):
    x, table = values
    found = equivalent_effects(table, ["cell"], margin=0.5, unit="logits").to_arrow()
    np.testing.assert_allclose(found["p"].to_numpy(), equivalence(x, 0.5))
    np.testing.assert_allclose(found["q"].to_numpy(), holm(equivalence(x, 0.5)))
    assert passes(found["q"], 0.95).tolist() == [True, False, False]
    assert found["null"].to_pylist() == ["an effect of 0.5 logits or more"] * 3
    assert found["level"].to_pylist() == [0.9] * 3
    known = stats.ttest_1samp(x, 0.0, axis=1).confidence_interval(0.9)
    np.testing.assert_allclose([found["low"].to_numpy(), found["high"].to_numpy()], known, rtol=1e-9)
    inside = (found["low"].to_numpy() > -0.5) & (found["high"].to_numpy() < 0.5)
    assert inside.tolist() == (found["p"].to_numpy() < 0.05).tolist()
    shares = equivalent_effects(table, ["cell"], margin=0.5, unit="logits", correction="bh").to_arrow()["q"].to_numpy()
    assert (shares <= found["q"].to_numpy()).all()


def test_a_table_says_what_its_items_could_have_shown(values):
    x, table = values
    found = detectable_effects(table, ["cell"])
    assert found.schema.names == ["cell", "n", "minimum_detectable_effect"]
    np.testing.assert_allclose(found["minimum_detectable_effect"], minimum_detectable_effect(x, comparisons=3))
    alone = detectable_effects(table, ["cell"], is_corrected=False)["minimum_detectable_effect"]
    np.testing.assert_allclose(alone, minimum_detectable_effect(x))
    one = detectable_effects(table.slice(0, 1), ["cell"])
    assert one["minimum_detectable_effect"].to_pylist() == [None]


def test_a_table_of_clustered_items(values):
    x, table = values
    clustered = table.append_column("cluster", pa.array([f"f{item % 5}" for item in table["item"].to_pylist()]))
    found = equivalent_effects(clustered, ["cell"], margin=0.5, unit="x").to_arrow()
    means = cluster_means(x, np.arange(20) % 5)
    np.testing.assert_allclose(found["p"].to_numpy(), equivalence(means, 0.5))
    least = detectable_effects(clustered, ["cell"], is_corrected=False)
    assert least["n"].to_pylist() == [5] * 3
    np.testing.assert_allclose(least["minimum_detectable_effect"], minimum_detectable_effect(means))
