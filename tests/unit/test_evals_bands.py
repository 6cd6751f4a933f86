"""Is an estimate judged by how near it is, and does a run say how near its estimates were?"""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetia.evals.dialogue import Message, Reply, Request
from aetia.evals.harness.asking import Asked
from aetia.evals.harness.replies import _table
from aetia.evals.harness.scored import scored
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.harness.summary import summary
from aetia.evals.item import Item
from aetia.evals.scoring.bands import STREET_BANDS, band_of, best_guess, is_estimated
from aetia.evals.scoring.extraction import extract, is_right
from aetia.evals.task import generated
from aetia.evals.tasks import street_maths


def sum_of(label, number=0, cluster=""):
    """An item that asks for an estimate."""
    facts = {"bands": dict(STREET_BANDS)}
    return Item("own/t", f"{number}", "About how much?", "number", label, facts=facts, cluster=cluster)


@pytest.mark.parametrize(
    ("said", "band"),
    [
        ("50", "exact"),
        ("50.0000001", "exact"),
        ("50.000001", "good"),  # exact is below the limit, the others reach it
        ("60", "good"),
        ("40", "good"),
        ("60.01", "mild"),
        ("80", "mild"),
        ("20", "mild"),
        ("80.01", "way off"),
        ("-50", "way off"),
        ("much", None),
        (None, None),
    ],
)
def test_the_bands_are_those_of_the_source(said, band):
    assert band_of(said, sum_of("50")) == band


def test_a_good_estimate_is_right_and_a_mild_one_is_not():
    for task in street_maths.TASKS:
        item = generated(task, 0)
        for share, right in (("1", True), ("1.15", True), ("0.85", True), ("1.25", False), ("0.5", False)):
            text = f"The answer is {float(Fraction(item.label) * Fraction(share)):.4f}"
            assert is_right(extract(text, item), item) is right, text


def test_a_number_without_bands_is_right_to_four_decimals_alone():
    item = Item("own/t", "", "How much?", "number", "50")
    assert not is_estimated(item)
    assert not is_right(extract("51", item), item)
    assert band_of("50", item) is None


@given(st.lists(st.integers(1, 200), min_size=1, max_size=12))
def test_the_best_guess_is_that_of_trying_each(labels):
    items = [(sum_of(str(label), number), str(number)) for number, label in enumerate(labels)]
    # A number that is near enough to the most lies at the end of a band.
    tried = [Fraction(label) * Fraction(share) for label in labels for share in ("0.8", "1.2")]
    hits = [sum(abs(guess - label) <= Fraction(label) / 5 for label in labels) for guess in tried]
    best = max(hits)
    assert best_guess(items) == (best if best > 1 else 0)


def test_one_cluster_is_no_guess():
    assert best_guess([(sum_of("5", number), "c") for number in range(4)]) == 0


@pytest.mark.parametrize("task", street_maths.TASKS, ids=lambda task: task.name)
def test_sums_declare_what_a_constant_estimate_gets(task):
    items = [generated(task, index, 5) for index in range(400)]
    assert best_guess([(item, item.cluster) for item in items]) / 400 == pytest.approx(task.chance, abs=0.06)


def test_a_run_has_the_share_of_each_band_and_is_tested_against_the_best_estimate():
    items = [sum_of(label, number) for number, label in enumerate(("10", "11", "50", "100"))]
    said = ["10", "13", "30", "nothing"]
    asked = [
        Asked(item, ((Request((Message("user", "?"),)), Reply(text, tokens=1)),), text)
        for item, text in zip(items, said, strict=True)
    ]
    study = EvaluationStudy(model="reference:random", tasks=("own/t",))
    effects = summary(scored(_table("own/t", ["basic"] * 4, asked)), study).to_arrow().to_pylist()
    found = {row["measure"]: row for row in effects}
    shares = {name: found[f"estimate {name}"]["estimate"] for name in ("exact", "good", "mild", "way off")}
    assert shares == {"exact": 0.25, "good": 0.25, "mild": 0.25, "way off": 0.0}
    assert found["accuracy"]["estimate"] == 0.5
    assert found["accuracy"]["null"] == "chance:0.5"  # 10 and 11 are both near 11
    assert found["no answer"]["estimate"] == 0.25
