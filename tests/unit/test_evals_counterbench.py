"""Is what would have been derived rightly, and is there one answer in every past that is possible?"""

from itertools import product
from random import Random

import pytest

from aetia.errors import EvaluationError
from aetia.evals.conformance import faults_of
from aetia.evals.item import Item
from aetia.evals.task import generated, orbit
from aetia.evals.tasks import counterbench
from aetia.evals.tasks.counterbench import TASKS, answer_from_text

BY_NAME = {task.name.removeprefix("counterbench/"): task for task in TASKS}
IF_NOT = "Would Ef occur if not Ab instead of Ab?"
OPENING = "Each of these events occurs if and only if what is said to cause it is so: "


def worlds(rules, supposed=()):
    """Every setting of the causeless events, followed event by event."""
    roots = [event for event, rule in enumerate(rules) if not rule.conditions]
    for setting in product((False, True), repeat=len(roots)):
        chosen, values = dict(zip(roots, setting, strict=True)), []
        for event, rule in enumerate(rules):
            told = [values[one] is is_so for one, is_so in rule.conditions]
            value = (all(told) if rule.needs_all else any(told)) if told else chosen[event]
            values.append(dict(supposed).get(event, value))
        yield values


def answers(problem, seen=None):
    seen = problem.seen if seen is None else seen
    pairs = zip(worlds(problem.rules), worlds(problem.rules, problem.supposed), strict=True)
    return {would[problem.outcome] for was, would in pairs if all(was[event] is is_so for event, is_so in seen)}


def problems(kind, count=60):
    generator, random = counterbench._CounterBench(kind), Random(f"{kind} problems")
    found = []
    while len(found) < count:
        problem = generator.pose(random)
        if problem is not None:
            found.append((problem, generator.solve(problem)))
    return found


@pytest.mark.parametrize("kind", BY_NAME)
def test_labels_are_those_of_every_world_that_is_possible(kind):
    for problem, solution in problems(kind):
        assert answers(problem) == {solution.label == "yes"}
        assert problem.outcome not in dict(problem.supposed)


@pytest.mark.parametrize("kind", BY_NAME)
def test_items_keep_what_tasks_promise(kind):
    assert faults_of(BY_NAME[kind], items=40) == ()


def test_no_part_of_the_text_tells_the_label():
    assert faults_of(BY_NAME["nested"], items=20, blind_items=1500) == ()


def test_a_conditional_question_is_open_without_its_further_observation():
    for problem, _ in problems("conditional"):
        assert answers(problem, problem.seen[:1]) == {True, False}
        assert answers(problem, ()) == {True, False}


def test_a_nested_supposition_goes_against_what_the_first_one_brings():
    for problem, _ in problems("nested"):
        first, (second, value) = problem.supposed
        pairs = zip(worlds(problem.rules), worlds(problem.rules, [first]), strict=True)
        assert {would[second] for was, would in pairs if all(was[e] is v for e, v in problem.seen)} == {not value}


def test_a_back_door_question_shares_a_cause_that_acts_by_another_way():
    for problem, _ in problems("backdoor"):
        changed, acts = problem.supposed[0][0], False
        parents = {event: [one for one, _ in rule.conditions] for event, rule in enumerate(problem.rules)}
        above, waiting = set(), [changed]
        while waiting:
            waiting += parents[event := waiting.pop()]
            above |= set(parents[event])
        for cause in above:
            reached = {cause}
            for event in range(len(problem.rules)):
                if event != changed and reached & set(parents[event]):
                    reached.add(event)
            acts |= problem.outcome in reached and problem.outcome != cause
        assert acts


def test_a_turned_condition_gives_a_minimal_pair():
    turned = [one for index in range(10) for one in orbit(BY_NAME["basic"], index) if one.variant == "turned-condition"]
    assert len(turned) >= 5
    assert all(answer_from_text(one) == one.label for one in turned)


@pytest.mark.parametrize(
    ("rules", "seen", "question", "label"),
    [
        ("Ab causes Cd, not Cd causes Ef. No cause is told of Ab", "Ab", IF_NOT, "yes"),
        (
            "Ab causes Cd, Ab and not Cd together cause Ef. No cause is told of Ab",
            "Ab",
            "Assume Ab, and on this assumption suppose further not Cd. Would Ef occur?",
            "yes",
        ),
        ("Ab or Cd causes Ef. No cause is told of Ab and Cd", "Ab and not Ef", IF_NOT, None),  # cannot be
        ("Ab or Cd causes Ef. No cause is told of Ab and Cd", "Ab", IF_NOT, None),  # depends on Cd
        ("Ab loves Ef. No cause is told of Ab", "Ab", IF_NOT, None),
        ("Ab causes Ef. No cause is told of Ab", "Ab", "Why did Ef occur?", None),
    ],
)
def test_worlds_are_read_from_words(rules, seen, question, label):
    item = Item("t", f"{OPENING}{rules}. We observed {seen}.", question, "binary", "no")
    if label:
        assert answer_from_text(item) == label
        return
    with pytest.raises(EvaluationError) as caught:
        answer_from_text(item)
    assert caught.value.code == "AE-8110"


def test_rules_never_go_in_a_circle_and_sizes_are_those_of_the_paper():
    sizes = set()
    for problem, _ in problems("basic"):
        sizes.add(len(problem.rules))
        assert all(one < event for event, rule in enumerate(problem.rules) for one, _ in rule.conditions)
    assert sizes <= set(counterbench._SIZES)
    assert len(sizes) > 2


def test_derivations_end_in_the_label():
    for index in range(20):
        item = generated(BY_NAME["joint"], index)
        assert f"{item.facts['outcome']}={int(item.label == 'yes')}" in item.derivation[-1]
