"""Are accuracies, their intervals, orbits, calibration and comparisons what closed forms and peers say?"""

from typing import cast

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import beta, binom, binomtest

from aetia.effects import cluster_means, mcnemar, wilson_interval
from aetia.errors import EvaluationError
from aetia.evals.scoring.comparison import compare
from aetia.evals.scoring.scores import SCORED, calibration, cluster_values, scores

Row = dict[str, str | float | None]


def row(item: str, right: float, **more: str | float | None) -> Row:
    """A scored reply."""
    base: Row = dict.fromkeys(SCORED.names, "")
    named: Row = {"task": "t", "adaptation": "basic", "item": item, "cluster": item, "variant": "base", "label": "yes"}
    return {**base, **named, "answer": "yes" if right else "no", "right": right, **more}


def table(rows: list[Row]) -> pa.Table:
    """Scored replies."""
    return pa.Table.from_pylist(cast("list[dict[str, object]]", rows), schema=SCORED)


def only(found: pa.Table) -> dict[str, float]:
    """The one row of a table."""
    assert found.num_rows == 1
    return found.to_pylist()[0]


def test_accuracy_of_independent_items_has_wilsons_interval() -> None:
    found = only(scores(table([row(str(n), float(n < 30)) for n in range(40)]), {"t": 0.5}))
    low, high = wilson_interval(np.array([30.0]), np.array([40.0]))
    assert (found["items"], found["clusters"], found["accuracy"]) == (40, 40, 0.75)
    assert (found["low"], found["high"]) == (pytest.approx(low[0]), pytest.approx(high[0]))
    assert found["above_chance"] == pytest.approx(0.5)
    assert found["above_low"] == pytest.approx((low[0] - 0.5) / 0.5)


def test_items_that_are_copies_of_each_other_count_once() -> None:
    copies = [row(f"{n}:{k}", float(n < 15), cluster=str(n)) for n in range(20) for k in range(5)]
    found = only(scores(table(copies), {"t": 0.5}))
    once = only(scores(table([row(str(n), float(n < 15)) for n in range(20)]), {"t": 0.5}))
    assert found["accuracy"] == once["accuracy"]
    assert found["low"] < once["low"] + 0.01  # a little wider: the spread of 20 clusters is not known
    assert found["low"] > once["low"] - 0.08
    naive = wilson_interval(np.array([75.0]), np.array([100.0]))
    assert found["low"] < float(naive[0][0]) - 0.05
    assert once["detectable"] <= found["detectable"] < once["detectable"] + 0.05


def test_clusters_weigh_as_many_items_as_they_have() -> None:
    values, clusters = [1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"]
    assert cluster_values(values, clusters).mean() == pytest.approx(0.75)
    even = cluster_values([1.0, 0.0, 0.0, 1.0], ["a", "a", "b", "b"])
    assert even == pytest.approx(cluster_means([1.0, 0.0, 0.0, 1.0], ["a", "a", "b", "b"]))
    one = only(scores(table([row("1", 1.0, cluster="c"), row("2", 0.0, cluster="c")])))
    assert np.isnan(one["low"])


@pytest.mark.parametrize("hits", [0, 25, 50])
@pytest.mark.parametrize(("chance", "comparisons"), [(0.5, 1), (0.5, 20), (0.25, 3)])
def test_the_effect_that_can_be_seen_is_found_four_times_in_five_whatever_was_right(
    hits: int, chance: float, comparisons: int
) -> None:
    rows = [row(str(n), float(n < hits)) for n in range(50)]
    found = only(scores(table(rows), {"t": chance}, comparisons=comparisons))
    truth = chance + found["detectable"]
    passes = [k for k in range(51) if binomtest(k, 50, chance, alternative="greater").pvalue <= 0.05 / comparisons]
    assert binom.sf(passes[0] - 1, 50, truth) == pytest.approx(0.8)


def test_no_effect_can_be_seen_where_there_is_no_test() -> None:
    few = [row(str(n), 1.0) for n in range(4)]
    assert np.isnan(only(scores(table(few), {"t": 0.5}))["detectable"])  # four right of four have p = 0.06
    assert only(scores(table([*few, row("5", 1.0)]), {"t": 0.5}))["detectable"] > 0.4
    assert np.isnan(only(scores(table(few)))["detectable"])  # nothing is known of chance


def test_texts_are_the_same_without_their_dress_and_in_the_names_that_they_have() -> None:
    def member(item: str, orbit: str, label: str, answer: str | None, right: float) -> Row:
        variant = "base" if item.endswith("0") else "names=random"
        told = {"label": label, "answer": answer, "form": "text", "variant": variant}
        return row(item, right, orbit=orbit, cluster=orbit, **told)

    pairs = {
        "dress": (("Leo", "Leo.", 1.0), ("Leo", "leo", 1.0)),
        "renamed": (("Leo", "Leo", 1.0), ("Qux", "Qux", 1.0)),
        "one wrong": (("Leo", "Leo", 1.0), ("Qux", "Zed", 0.0)),
        "open": (("Leo", "Ann", 0.0), ("Qux", "Zed", 0.0)),
        "silent": (("Leo", None, 0.0), ("Qux", None, 0.0)),
        "same and wrong": (("Leo", "Ann", 0.0), ("Leo", "ANN", 0.0)),
    }
    found = {
        name: only(scores(table([member(f"{name}{place}", name, *one) for place, one in enumerate(both)])))
        for name, both in pairs.items()
    }
    told = {name: one["reworded_same"] for name, one in found.items() if one["reworded"]}
    assert told == {"dress": 1, "renamed": 1, "one wrong": 0, "silent": 0, "same and wrong": 1}


def test_orbits_are_right_as_a_whole_and_the_same_on_rewordings() -> None:
    rows = [
        row("1", 1.0, orbit="a"),
        row("2", 1.0, orbit="a", variant="names=random"),
        row("3", 0.0, orbit="a", variant="flipped-edge"),
        row("4", 0.0, orbit="b", answer="no"),
        row("5", 0.0, orbit="b", variant="wording=1", answer="no"),
        row("6", 1.0, orbit="c"),
        row("7", 1.0, orbit="c", variant="order", answer="2"),
        row("8", 0.0, orbit="d", answer=None),
        row("9", 0.0, orbit="d", variant="language=zh", answer=None),
        row("10", 1.0, orbit="e"),
    ]
    found = only(scores(table(rows)))
    assert (found["orbits"], found["orbits_right"]) == (4, 0.25)
    assert (found["reworded"], found["reworded_same"]) == (3, pytest.approx(2 / 3))
    assert found["answered"] == pytest.approx(0.8)


def test_calibration_of_known_probabilities() -> None:
    logs = [[np.log(0.8), np.log(0.2)]] * 100
    found = calibration(logs, [0] * 80 + [1] * 20)
    assert found.error == pytest.approx(0.0, abs=1e-12)
    assert found.brier == pytest.approx(0.8 * 2 * 0.04 + 0.2 * 2 * 0.64)
    assert found.error_bounds[0] <= found.error_bounds[1] <= 0.2
    assert found.brier_bounds[0] < found.brier < found.brier_bounds[1]
    sure = calibration([[0.0, -100.0]] * 10, [1] * 10)
    assert (sure.error, sure.brier) == (pytest.approx(1.0), pytest.approx(2.0))
    with pytest.raises(EvaluationError, match="AE-8512"):
        calibration([], [])


def test_a_comparison_is_paired_by_item() -> None:
    first = [row(str(n), float(n % 2 == 0)) for n in range(60)]
    second = [row(str(n), float(n % 2 == 0 or n < 20)) for n in range(5, 70)]
    found = compare(table(first), table(second))
    cell = only(found.table)
    assert (cell["items"], cell["only_first"], cell["only_second"]) == (55, 0, 8)
    assert cell["difference"] == pytest.approx(8 / 55)
    exact = binomtest(0, 8).pvalue
    assert cell["p"] == pytest.approx(exact - 0.5**8)
    assert cell["q"] == cell["p"]
    assert cell["test"] == "mcnemar"
    assert cell["low"] < cell["difference"] < cell["high"]
    ours, theirs = found.unpaired["t", "basic"]
    assert (len(ours), len(theirs)) == (5, 10)


def test_runs_that_never_differ_have_not_shown_that_they_never_would() -> None:
    same = table([row(str(n), 1.0) for n in range(50)])
    cell = only(compare(same, same).table)
    assert cell["difference"] == 0.0
    # As many items must differ, all one way, that five do four times in five: 0.5^5 is the first mid-p below 5%.
    exact = beta.ppf(0.8, 5, 46)
    assert exact < cell["detectable"] < exact + 0.05
    few = table([row(str(n), 1.0) for n in range(4)])
    assert np.isnan(only(compare(few, few).table)["detectable"])  # four of four have p = 0.06


def test_the_difference_that_can_be_seen_is_found_about_four_times_in_five() -> None:
    generator = np.random.default_rng(3)
    first = [row(str(n), float(n % 2)) for n in range(200)]
    second = [row(str(n), float(n % 2 if n % 5 else 1 - n % 2)) for n in range(200)]  # a fifth differ, either way
    smallest = only(compare(table(first), table(second)).table)["detectable"]
    found = 0
    for _ in range(400):
        kinds = generator.choice(3, 200, p=[(0.2 + smallest) / 2, (0.2 - smallest) / 2, 0.8])
        found += float(mcnemar([int((kinds == 1).sum())], [int((kinds == 0).sum())])[0]) <= 0.05
    assert 0.78 < found / 400 < 0.93  # the share that differ is not known: its upper bound is taken


def test_a_difference_of_shares_is_never_said_to_reach_beyond_all() -> None:
    sizes = (12, 3, 9, 4, 7, 5)  # unequal clusters count by their items, so that widened tails can pass 1
    places = [(cluster, item) for cluster, size in enumerate(sizes) for item in range(size)]
    first = [row(f"{c}:{k}", float(c == 0 and k == 0), cluster=str(c)) for c, k in places]
    second = [row(f"{c}:{k}", 1.0, cluster=str(c)) for c, k in places]
    ahead, behind = only(compare(table(first), table(second)).table), only(compare(table(second), table(first)).table)
    assert ahead["high"] == 1.0
    assert behind["low"] == -1.0


def test_clusters_are_flipped_as_a_whole() -> None:
    first = [row(f"{n}:{k}", 0.0, cluster=str(n)) for n in range(6) for k in range(10)]
    second = [row(f"{n}:{k}", 1.0, cluster=str(n)) for n in range(6) for k in range(10)]
    cell = only(compare(table(first), table(second)).table)
    assert cell["test"] == "sign flips"
    assert cell["p"] == pytest.approx(2 / 64)  # of 60 independent items it would be 1e-18


def test_holm_goes_over_the_cells_and_adaptations_can_be_compared() -> None:
    first = [row(str(n), 0.0, task=task) for task in ("s", "t") for n in range(6)]
    second = [row(str(n), 1.0, task=task, adaptation="cot") for task in ("s", "t") for n in range(6)]
    found = compare(table(first), table(second), cell=("task",)).table
    assert found["p"].to_pylist() == pytest.approx([2 * 0.5**6 - 0.5**6] * 2)
    assert found["q"].to_pylist() == pytest.approx([2 * 0.5**6] * 2)
    with pytest.raises(EvaluationError, match="AE-8513"):
        compare(table(first), table(second))


def test_tables_that_are_none_are_refused() -> None:
    with pytest.raises(EvaluationError, match="AE-8511"):
        scores(pa.table({"task": ["t"]}))
    with pytest.raises(EvaluationError, match="AE-8512"):
        scores(SCORED.empty_table())


def test_the_share_is_covered_as_often_as_is_said() -> None:
    generator = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        chance = generator.beta(4, 4, size=30)
        right = (generator.random((30, 4)) < chance[:, None]).astype(float)
        rows = [row(f"{n}:{k}", right[n, k], cluster=str(n)) for n in range(30) for k in range(4)]
        found = only(scores(table(rows)))
        inside += found["low"] <= 0.5 <= found["high"]
    assert inside >= 180  # 190 expected; 179 or fewer once in a thousand
