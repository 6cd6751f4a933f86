"""Tests of the small stories: items against their labels, by the text alone, and by brute force."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from random import Random
from typing import Literal

import pytest

from aetia import scm
from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.task import Style, Task, generated, orbit
from aetia.evals.tasks._rule_worlds import Rule, World, drawn_rules, equations, outcome, renamed, tables
from aetia.evals.tasks._story_case import is_but_for, pose_case, verdict
from aetia.evals.tasks._story_problems import (
    RuleStory,
    counterfactual_values,
    pose_backadj,
    pose_explaining_away,
)
from aetia.evals.tasks.calm_stories import TASKS
from aetia.scm.actual import DEFINITIONS, Setting, but_for, is_actual_cause

BY_NAME = {task.name: task for task in TASKS}
NAMES = ("V0", "V1", "V2", "V3", "V4")
CHEAP = [task for task in TASKS if task.name != "calm/actual-causality"]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_engine_answers_every_item_from_its_text(task: Task) -> None:
    assert task.engine is not None
    index = 0
    for language in ("en", "zh"):
        for names in ("real", "random", "nonsense"):
            for wording in (0, 1):
                item = generated(task, index, 2, Style(language, names, wording, index % 2 * 3))
                assert task.engine(item) == item.label, item
                index += 1
    for item in orbit(task, 1):
        assert task.engine(item) == item.label, item


@pytest.mark.parametrize("task", CHEAP, ids=lambda task: task.name)
def test_neither_what_is_given_nor_what_is_asked_tells_the_label(task: Task) -> None:
    items = [generated(task, index, 4) for index in range(300)]
    asked = Counter((_skeleton(item), item.label) for item in items)
    for skeleton in {key for key, _ in asked}:
        yes, no = asked[skeleton, "yes"], asked[skeleton, "no"]
        assert yes + no < 30 or 0.3 < yes / (yes + no) < 0.7


def _skeleton(item: Item) -> str:
    told = [str(item.facts["treatment"]), str(item.facts["outcome"]), *item.context.split()]
    known = {word.strip(".,%:;") for word in told}
    plain = {"not", "to", "is", "of", "the", "being", "are", "those", "who", "and"}
    return " ".join("_" if word.strip("?,.:") in known - plain else word for word in item.question.split())


def test_correlations_are_those_of_the_model_behind() -> None:
    item = generated(BY_NAME["calm/correlation"], 3)
    share, without, both = (Fraction(str(text).rstrip("%")) / 100 for text in item.facts["numbers"].values())  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    high, low = both / share, without / (1 - share)
    model = scm.DiscreteModel.of({"X": [1 - share, share], "Y": (["X"], [[1 - low, low], [1 - high, high]])})
    difference = scm.answer(model, "P(Y=1 | X=1)").value - scm.answer(model, "P(Y=1 | X=0)").value
    assert item.margin == pytest.approx(float(abs(difference)))
    assert float(abs(difference)) >= 0.05


def test_what_is_printed_of_a_collider_can_be_so() -> None:
    """X and Y are independent: P(Y) is the same for both values of X, for some chances of being selected."""
    random = Random(1)
    story = next(found for found in (pose_explaining_away(random) for _ in range(50)) if found is not None)
    _, p00, p01, p10, p11 = story.numbers
    low, high = max(min(p00, p01), min(p10, p11)), min(max(p00, p01), max(p10, p11))
    assert low <= high + 1  # the two ranges of P(Y), to the last printed digit, have a point in common


def worlds(rules: World) -> Iterator[int]:
    """Every combination of the variables without rules."""
    free = [place for place, rule in enumerate(rules) if rule is None]
    for values in product((0, 1), repeat=len(free)):
        yield sum(value << place for place, value in zip(free, reversed(values), strict=True))


def test_worlds_of_rules_are_those_of_the_engine() -> None:
    random, names = Random(3), NAMES
    for _ in range(25):
        rules = drawn_rules(random, 5)
        model = scm.model_from_equations(equations(rules, names))
        for outside in worlds(rules):
            roots = {name: outside >> place & 1 for place, name in enumerate(names) if rules[place] is None}
            setting = Setting(model, {name: value for name, value in roots.items() if name in model.graph.nodes})
            found, changed = outcome(rules, outside), outcome(rules, outside, 1, 1)
            would_be = setting.under({"V1": 1}) if "V1" in model.graph.nodes else {}
            assert all(found >> names.index(name) & 1 == value for name, value in setting.actual.items())
            assert all(changed >> names.index(name) & 1 == value for name, value in would_be.items())


def test_tables_of_all_worlds_say_what_each_world_says() -> None:
    random = Random(4)
    for _ in range(40):
        rules, forced, value = drawn_rules(random, 5), random.randrange(-1, 5), random.getrandbits(1)
        for place, table in enumerate(tables(rules, forced, value)):
            held = [outcome(rules, outside, forced, value) >> place & 1 for outside in worlds(rules)]
            assert [table >> number & 1 for number in range(len(held))] == held
            assert table < 1 << len(held)


def test_a_verdict_is_that_of_the_case_as_it_is_told() -> None:
    """Verdicts are looked up for the case told of what was so; the engine is asked about the one as it is told."""
    random, found = Random(6), []
    while len(found) < 12:
        story = pose_case(random)
        if story is None:
            continue
        model = scm.model_from_equations(equations(story.rules, NAMES[: len(story.rules)]))
        values = {NAMES[place]: int(value) for place, value in story.seen}
        roots = [name for name in model.graph.order if not model.graph.parents[name]]
        setting = Setting(model, {name: values[name] for name in roots})
        cause, event = ({NAMES[one]: values[NAMES[one]]} for one in (story.x, story.y))
        told = {is_actual_cause(setting, cause, event, definition).holds for definition in DEFINITIONS}
        assert told == {verdict(story)}
        assert is_but_for(story) is (but_for(setting, cause, event) is not None)
        found.append(verdict(story))
    assert set(found) == {True, False}


def test_a_world_told_of_contraries_is_the_same_world() -> None:
    random = Random(5)
    for _ in range(30):
        rules, flips = drawn_rules(random, 5), random.getrandbits(5)
        free = sum(1 << place for place, rule in enumerate(rules) if rule is None)
        for outside in worlds(rules):
            assert outcome(renamed(rules, flips), (outside ^ flips) & free) == outcome(rules, outside) ^ flips


def test_known_cases_have_the_verdicts_of_the_literature() -> None:
    every = Rule(((0, True), (1, True)), is_all=True)
    either = Rule(((0, True), (1, True)), is_all=False)
    both_on = ((0, True), (1, True), (2, True))
    assert verdict(RuleStory((None, None, every), 0, 2, both_on, action=True, wanted=True)) is True
    # Either enough: the original definition calls each a cause, the modified one does not.
    assert verdict(RuleStory((None, None, either), 0, 2, both_on, action=True, wanted=True)) is None
    backup = (None, Rule(((0, False),), is_all=True), Rule(((0, True), (1, True)), is_all=False))
    trainee = RuleStory(backup, 0, 2, ((0, True), (1, False), (2, True)), action=True, wanted=True)
    assert verdict(trainee) is True
    assert not is_but_for(trainee)


def test_what_was_seen_is_traced_back() -> None:
    """That somebody is B tells that they are A, and so C whatever B were."""
    rules = (None, Rule(((0, True),), is_all=True), Rule(((0, True),), is_all=True))
    seen = RuleStory(rules, 1, 2, ((1, True),), action=False, wanted=True)
    unseen = RuleStory(rules, 1, 2, (), action=False, wanted=True)
    assert counterfactual_values(seen) == {True}
    assert counterfactual_values(unseen) == {True, False}


def test_half_of_the_collider_graphs_have_an_effect() -> None:
    items = [generated(BY_NAME["calm/collider-bias"], index, 8) for index in range(200)]
    effects = sum(item.derivation[0].startswith("A directed path") for item in items)
    assert 70 < effects < 130


@pytest.mark.parametrize("criterion", ["back-door", "adjustment"])
def test_one_of_two_methods_alone_gives_the_effect(criterion: Literal["back-door", "adjustment"]) -> None:
    """Back-door sets are not the only ones that serve: what both criteria say is what no expert disputes."""
    random = Random(5)
    for _ in range(150):
        story = pose_backadj(random)
        places = range(len(story.parents))
        pairs = [
            (f"V{cause}", f"V{effect}") for effect in places for cause in places if story.parents[effect] >> cause & 1
        ]
        graph, x, y, third = scm.Graph.of(pairs), f"V{story.x}", f"V{story.y}", f"V{story.third}"
        whole = scm.is_adjustment_set(graph, x, y, (), criterion=criterion)
        assert whole is not scm.is_adjustment_set(graph, x, y, (third,), criterion=criterion), (pairs, x, y, third)


def test_a_text_in_no_known_wording_is_not_read() -> None:
    item = Item("calm/backadj", "Something.", "What now?", "binary", "yes")
    engine = BY_NAME["calm/backadj"].engine
    assert engine is not None
    with pytest.raises(EvaluationError, match="cannot be read"):
        engine(item)
