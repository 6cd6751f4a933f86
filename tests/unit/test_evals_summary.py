"""Does a summary say what a run could show, as well as what it shows?"""

import pytest

from aetia.evals.dialogue import Message, Reply, Request
from aetia.evals.harness.asking import Asked
from aetia.evals.harness.replies import _table
from aetia.evals.harness.scored import scored
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.harness.summary import summary
from aetia.evals.item import Item
from aetia.evals.scoring.errors import READ_ERRORS


def measured(rows, way="basic", scores=()):
    """The measures of some replies, each an item and what is said turn by turn."""
    asked = []
    for item, *said in rows:
        request = Request((Message("user", "?"),), continuations=("Yes", "No") if scores else ())
        turns = tuple((request, Reply(text, scores=scores, tokens=1)) for text in said)
        asked.append(Asked(item, turns, said[-1]))
    study = EvaluationStudy(model="reference:random", tasks=("own/t",))
    table = scored(_table("own/t", [way] * len(asked), asked))
    return {row["measure"]: row for row in summary(table, study).to_arrow().to_pylist()}


def yes_no(number, task="own/t", **fields):
    return Item(task, f"Number {number}.", "Is it so?", "binary", "yes", **fields)


def test_errors_that_no_reply_shows_are_none_of_all_and_not_unknown():
    found = measured([(yes_no(number), "Yes") for number in range(10)])
    for error in ("no answer", "empty", "cut off", *READ_ERRORS):
        assert (found[error]["estimate"], found[error]["n"]) == (0.0, 10), error
        assert found[error]["high"] > 0.2  # ten replies do not show that there are none
    for error in ("malformed", "repetition", "other language"):
        assert error not in found  # CaLM counts these of its own tasks alone


def test_errors_of_form_are_counted_where_calm_counts_them():
    found = measured([(yes_no(number, "calm/correlation"), "Yes") for number in range(4)])
    assert [found[error]["estimate"] for error in ("malformed", "repetition", "other language")] == [0.0] * 3
    effects = measured([(yes_no(number, "calm/ate-natural"), "Yes") for number in range(4)])
    assert "repetition" in effects
    assert "malformed" not in effects  # no object was asked for


def test_labels_that_were_scored_show_no_errors():
    found = measured([(yes_no(number), "Yes") for number in range(4)], scores=(0.0, -1.0))
    assert found["accuracy"]["estimate"] == 1.0
    assert not found.keys() & {"no answer", *READ_ERRORS}


def test_an_answer_that_keeps_its_words_and_changes_its_dress_stays():
    item = Item("own/t", "Leo came.", "Who came?", "text", "Leo")
    found = measured([(item, "Leo.", "leo")], way="adversarial-doubt")
    assert found["robustness"]["estimate"] == 1.0


@pytest.mark.parametrize("right", [0, 20])
def test_the_smallest_effect_is_that_of_the_test_beside_it(right):
    items = [yes_no(number) for number in range(20)]
    found = measured([(item, "Yes" if number < right else "No") for number, item in enumerate(items)])
    assert 0.2 < found["smallest effect seen"]["estimate"] < 0.4


def test_where_nothing_is_tested_no_effect_can_be_seen():
    items = [Item("own/t", f"{number}", "How many?", "number", str(number)) for number in range(8)]
    assert "smallest effect seen" not in measured([(item, "1") for item in items])
