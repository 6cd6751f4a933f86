"""Does the kit that tasks are held to find every fault that is put into one, and none in a task without?"""

from dataclasses import dataclass, replace
from random import Random

import pytest

from aetia.errors import EvaluationError
from aetia.evals.conformance import faults_of
from aetia.evals.item import Item, item_from_record
from aetia.evals.task import Generator, Solution, Target, Task, Wording


@dataclass(frozen=True)
class Sum:
    first: int
    second: int


class Sums(Generator[Sum]):
    """Is the sum even?"""

    labels = ("yes", "no")
    names = ("real", "random")

    def pose(self, random: Random):
        return Sum(random.randrange(10_000), random.randrange(10_000))

    def solve(self, problem):
        return Solution("no" if (problem.first + problem.second) % 2 else "yes")

    def word(self, problem, solution, style, random):
        name = {"real": "Ann", "random": "X"}[style.names]
        return Wording(f"{name} has {problem.first} and {problem.second}.", "Is the sum even?", solution.label)


def engine(item):
    first, second = (int(word.strip(".")) for word in item.context.split() if word.strip(".").isdigit())
    return "no" if (first + second) % 2 else "yes"


def task(generator=None, chance=0.5, answers=engine, form="binary"):
    return Task("own/sums", "Is it even?", Target("none", "own", form), generator or Sums(), chance, engine=answers)


class Unbalanced(Sums):
    labels = ()

    def pose(self, random):
        return Sum(2 * random.randrange(10_000), 4 * random.randrange(10_000))


class Forgetful(Sums):
    def word(self, problem, solution, style, random):
        return replace(super().word(problem, solution, style, random), context=f"It is {Random().random()}.")


class Few(Sums):
    def pose(self, random):
        return Sum(random.randrange(2), 2)


class Telling(Sums):
    def word(self, problem, solution, style, random):
        words = super().word(problem, solution, style, random)
        return replace(words, context=f"{'Oh' if solution.label == 'yes' else 'Ah'}, {words.context}")


class Silent(Sums):
    def word(self, problem, solution, style, random):
        return replace(super().word(problem, solution, style, random), question=" ")


class Turned(Sums):
    def word(self, problem, solution, style, random):
        words = super().word(problem, solution, style, random)
        return replace(words, label="no" if style.names == "random" else words.label)


class Options(Sums):
    def word(self, problem, solution, style, random):
        words = super().word(problem, solution, style, random)
        label = "1" if solution.label == "yes" else "2"
        return replace(words, options=("it is", "it is"), label=label)


class Missing(Sums):
    """The last of three options is never right: the two others are within what chance allows."""

    def word(self, problem, solution, style, random):
        words = super().word(problem, solution, style, random)
        return replace(words, options=("even", "odd", "neither"), label="1" if solution.label == "yes" else "2")


class Totals(Sums):
    """A number that other names change, and words that another order changes."""

    labels = ()

    def word(self, problem, solution, style, random):
        words = super().word(problem, solution, style, random)
        return replace(words, label=str(problem.first + problem.second + (style.names == "random")))


class Ordered(Sums):
    has_order = True

    def word(self, problem, solution, style, random):
        words = super().word(problem, solution, style, random)
        options = ("even", "odd") if style.order % 2 else ("odd", "even")
        return replace(words, options=options, label="1" if solution.label == "yes" else "2")


def deaf(item):
    raise EvaluationError("AE-8110", "This text cannot be read.", mend="ask another")


def test_a_task_that_keeps_its_promises_has_no_faults():
    assert faults_of(task(), 60, blind_items=600) == ()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (task(Unbalanced()), "the label yes comes 60 times in 60 items"),
        (task(Forgetful(), answers=None), "the same seed gives other items the second time"),
        (task(Few()), "one text comes"),
        (task(Silent()), "asks nothing"),
        (task(Turned()), "has another label"),
        (task(Missing(), 1 / 3, None, "choice"), "the label 3 comes 0 times in 60 items"),
        (task(Totals(), 0.0, None, "number"), "the variant names=random has another label"),
        (task(Ordered(), 0.5, None, "choice"), "the variant order has another label"),
        (task(Options(), form="choice", answers=None), "has an option twice"),
        (task(chance=0.25), "a blind guess is right once in 2, and chance is said to be 0.25"),
        (task(answers=lambda _: "yes"), "the text says yes, and the label is no"),
        (task(answers=deaf), "the engine cannot read its text: This text cannot be read."),
    ],
)
def test_every_fault_is_found(wrong, told):
    assert any(told in fault for fault in faults_of(wrong, 60)), faults_of(wrong, 60)


@pytest.mark.parametrize(
    ("label", "is_one"), [("12.5", True), ("1,250", True), ("-3e-2", True), ("many", False), ("", False)]
)
def test_an_item_of_numbers_has_a_number_for_its_label(label, is_one):
    record = Item("own/t", "", "How many?", "number", label).to_record()
    if is_one:
        assert item_from_record(record).label == label
        return
    with pytest.raises(EvaluationError, match=r"AE-8101 the item is no item: its label .* is no number"):
        item_from_record(record)


def test_a_text_that_tells_its_answer_is_found_by_a_learner():
    assert faults_of(task(Telling()), 20) == ()
    [fault] = faults_of(task(Telling()), 20, blind_items=400)
    assert fault.startswith("a learner that sees the context alone is right in 1")
