"""Do reference answerers answer by their rule and by nothing else?"""

from collections import Counter

import pytest

from aetia.errors import EvaluationError
from aetia.evals.answerers.controls import constant, engine, guesser, majority, spoken
from aetia.evals.dialogue import Message, Request
from aetia.evals.item import Item
from aetia.evals.task import Target, Task


def item(number=0, form="binary", label="yes", **told_by):
    return Item("test/task", f"Context {number}.", "Is it so?", form, label, **told_by)


def asked(one, continuations=()):
    return Request((Message("user", "?"),), continuations=continuations, subject=one.id)


def reply(answerer, one, continuations=()):
    ((place, found),) = answerer.answer([asked(one, continuations)])
    assert place == 0
    return found


CHOICE = item(1, "choice", "2", options=("the rain", "the sun", "the wind"))
CHINESE = item(2, "binary", "no", language="zh")
NUMBER = item(3, "number", "0.25")


def task_with(solve):
    return Task("test/task", "?", Target("none", "X", "binary"), source=None, chance=0.5, engine=solve)


def test_the_engine_reads_the_item_and_says_its_answer():
    def solve(one):
        if one is NUMBER:
            raise EvaluationError("AE-8110", "text cannot be read", mend="-")
        return {"binary": "no", "choice": "2"}[one.form]

    items = [item(), CHOICE, CHINESE, NUMBER]
    found = engine(task_with(solve), items)
    assert [reply(found, one).text for one in items] == ["No", "Option 2", "否", ""]
    assert reply(found, NUMBER).error == "text cannot be read"
    with pytest.raises(EvaluationError) as caught:
        engine(task_with(None), items)
    assert caught.value.code == "AE-8431"


@pytest.mark.parametrize(
    "continuations", [("1", "2", "3"), (" Option 1", " Option 2"), ("The rain", "The sun", "The wind")]
)
def test_among_continuations_the_one_that_says_the_label_is_the_likeliest(continuations):
    found = reply(constant([CHOICE], 2), CHOICE, continuations)
    assert found.text == continuations[1]
    assert max(range(len(continuations)), key=found.scores.__getitem__) == 1
    assert reply(constant([CHOICE], 2), CHOICE, ("A", "B")).error


def test_guesses_are_even_and_repeat_by_their_seed():
    items = [item(number) for number in range(2000)]
    first = [found.text for _, found in guesser(items).answer([asked(one) for one in items])]
    assert first == [found.text for _, found in guesser(items).answer([asked(one) for one in items])]
    assert first != [found.text for _, found in guesser(items, 1).answer([asked(one) for one in items])]
    assert abs(Counter(first)["Yes"] - 1000) < 4 * 2000**0.5 / 2
    assert guesser(items).identity != guesser(items, 1).identity


def test_guesses_of_numbers_are_labels_of_the_same_task():
    items = [item(number, "number", f"0.{number}") for number in range(1, 9)]
    assert {reply(guesser(items), one).text for one in items} <= {one.label for one in items}


def test_the_majority_is_the_tasks_own():
    items = [item(0), item(1), item(2, label="no"), Item("other/task", "", "?", "binary", "no")]
    assert [reply(majority(items), one).text for one in items] == ["Yes", "Yes", "Yes", "No"]


def test_a_constant_needs_a_list_of_labels():
    assert reply(constant([item()]), item()).text == "Yes"
    assert reply(constant([CHOICE], 9), CHOICE).text == "Option 3"
    for items, place in (([NUMBER], 1), ([CHOICE], 0)):
        with pytest.raises(EvaluationError) as caught:
            constant(items, place)
        assert caught.value.code == "AE-8432"


def test_an_unknown_item_is_one_line():
    assert "no item" in reply(majority([item()]), CHOICE).error.lower()


def test_labels_are_said_in_the_items_language():
    assert spoken(item(0, "choice", "1", options=("甲", "乙"), language="zh"), "1") == "选项1"
    assert spoken(NUMBER, "0.25") == "0.25"
