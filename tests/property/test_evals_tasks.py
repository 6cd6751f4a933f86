"""Does every generated task keep what all of them promise?"""

import pytest

from aetia.evals.conformance import faults_of
from aetia.evals.task import Generator, Solution, Target, Task, Wording, task_named, tasks

GENERATED = [task.name for task in tasks() if task.is_generated]


@pytest.mark.parametrize("name", GENERATED)
def test_a_task_is_readable_repeatable_balanced_and_not_to_be_guessed(name):
    assert faults_of(task_named(name), items=24, blind_items=400) == ()


class Faulty(Generator[int]):
    """Breaks the promise that it is asked to break."""

    labels = ("yes", "no")

    def __init__(self, fault):
        self.fault = fault

    def pose(self, random):
        return random.randrange(10**6)

    def solve(self, problem):
        return Solution("yes" if problem % 2 else "no")

    def word(self, problem, solution, style, random):
        context = f"The number is {problem}."
        if self.fault == "guessable":
            context += " It is odd indeed." if solution.label == "yes" else " It is a number."
        if self.fault == "same text":
            context = "There is a number."
        question = "" if self.fault == "no question" else f"Is it odd, asks {style.names}?"
        return Wording(context, question, "no" if self.fault == "wrong label" else solution.label)


def _engine(item):
    return "yes" if int(item.context.split()[3].rstrip(".")) % 2 else "no"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("", ""),
        ("guessable", "a learner that sees the context alone"),
        ("same text", "one text comes"),
        ("no question", "asks nothing"),
        ("wrong label", "the text says yes, and the label is no"),
    ],
)
def test_a_broken_promise_is_named(fault, said):
    engine = None if fault == "same text" else _engine
    task = Task(f"test/{fault}", "?", Target("none", "x", "binary"), Faulty(fault), 0.5, engine=engine)
    found = faults_of(task, items=60, blind_items=500)
    assert bool(found) == bool(fault)
    assert any(said in one for one in found) or not fault
