"""Do the questions about everyday events have the labels that their causal graphs give, and no shortcut to them?"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from evals_asking import answered

from aetia import scm
from aetia.errors import EvaluationError
from aetia.evals.task import Style, generated, orbit, task_named
from aetia.evals.tasks._activities import activities
from aetia.evals.tasks._event_tables import NEAR, _common, alternatives, directions, mediations, pairs
from aetia.evals.tasks.events import TASKS

NAMES = [task.name for task in TASKS]


def _weights(table):
    return np.diff([0.0, *table.sums])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_engine_answers_every_item_and_its_minimal_pairs_from_the_text(name, language):
    task = task_named(name)
    for index in range(40):
        for item in orbit(task, index, 5, Style(language)):
            assert answered(task, item) == item.label, item


def test_each_activity_is_acyclic_tells_causes_first_and_gives_each_event_words_of_its_own():
    assert len(activities()) >= 8
    for activity in activities():
        graph = scm.graph_from_text(activity.graph)
        assert graph.is_dag
        assert set(graph.nodes) == set(activity.place)
        for place, causes in enumerate(activity.causes):
            assert all(cause < place for cause in causes)
            assert activity.before[place] == {
                activity.place[name] for name in graph.ancestors([activity.events[place].name])
            } - {place}
        for language in ("en", "zh"):
            for form in ("told", "not", "still", "if"):
                said = [event.said(form, language, "Ada") for event in activity.events]
                assert len(set(said)) == len(said)
                assert not any("{" in one for one in said)


def test_unrelated_events_are_d_separated_by_a_back_door_set_and_related_ones_are_not():
    """The rule that separates right from wrong is that of the causal engine, for every pair of every activity."""
    for activity in activities():
        graph = scm.graph_from_text(activity.graph)
        for second in range(len(activity.events)):
            for first in range(second):
                one, other = activity.events[first].name, activity.events[second].name
                held = graph.parents[one]
                assert scm.separated(graph.without_outgoing([one]), one, other, held)  # it blocks every back door
                assert scm.separated(graph, one, other, held) == (first not in activity.before[second])


def test_what_would_have_been_is_what_a_causal_model_of_the_activity_says():
    activity = next(one for one in activities() if one.name == "baking_a_cake")
    lines = [
        f"{event.name} = {' and '.join(event.causes)}" if event.causes else f"{event.name} in {{0, 1}}"
        for event in activity.events
    ]
    model = scm.model_from_equations("\n".join(lines))
    happened = ", ".join(f"{event.name}=1" for event in activity.events)
    for triple in alternatives("effect", is_hard=False).cases[:2000:40]:
        if activities()[triple.activity] is activity:
            premise, right, wrong = (activity.events[place].name for place in triple[1:])
            for name, probability in ((right, 0), (wrong, 1)):
                assert scm.answer(model, f"P({name}[{premise}=0]=1 | {happened})").value == probability


@pytest.mark.parametrize("asked", ["cause", "effect"])
@pytest.mark.parametrize("is_hard", [False, True])
def test_no_shortcut_tells_which_of_two_events_is_right(asked, is_hard):
    table = alternatives(asked, is_hard=is_hard)
    weights, sides, heuristics = _weights(table), Counter(), Counter()
    for case, weight in zip(table.cases, weights, strict=True):
        number, premise, right, wrong = case
        sides[number, right] += weight
        sides[number, wrong] -= weight
        one, other = _common(number, premise, right), _common(number, premise, wrong)
        near, far = abs(right - premise), abs(wrong - premise)
        assert (right < premise) == (wrong < premise)
        assert not is_hard or max(near, far) <= NEAR
        for name, left, beside in (("near", near, far), ("en", one[0], other[0]), ("zh", one[1], other[1])):
            heuristics[name] += weight * (np.sign(left - beside))
    total = weights.sum()
    assert max(abs(value) for value in sides.values()) < 1e-6 * total  # as often right as wrong, each event
    assert max(abs(value) for value in heuristics.values()) < 1e-6 * total
    assert total / weights.max() > 20


def test_no_shortcut_tells_whether_one_event_is_a_cause_of_the_other():
    table = pairs()
    weights, sides = _weights(table), Counter()
    for (number, first, second, is_cause), weight in zip(table.cases, weights, strict=True):
        sign = weight if is_cause else -weight
        english, chinese = _common(number, first, second)
        for key in (
            ("first", number, first),
            ("second", number, second),
            ("apart", second - first),
            ("english", min(english, 2)),
            ("chinese", min(chinese, 3)),
        ):
            sides[key] += sign
    assert max(abs(value) for value in sides.values()) < 1e-4 * weights.sum()
    assert any(case.is_cause for case in table.cases)


def test_a_choice_between_cause_and_effect_turns_with_what_is_asked():
    assert all(case.right < case.premise < case.wrong for case in directions().cases)
    task, turned = task_named("calm/pcd-choice"), 0
    for index in range(60):
        members = {item.variant: item for item in orbit(task, index)}
        if "other-direction" in members:
            turned += 1
            assert members["other-direction"].options == members["base"].options
            assert members["other-direction"].label != members["base"].label
    assert turned > 15


def test_asked_the_wrong_way_round_no_event_is_a_cause():
    task = task_named("calm/pcd-binary")
    for index in range(20):
        members = {item.variant: item for item in orbit(task, index)}
        assert members["wrong-direction"].label == "no"
        assert "yes" not in members["base"].rivals.values() or members["base"].label == "no"
        assert members["base"].rivals == ({"earlier-is-cause": "yes"} if members["base"].label == "no" else {})


def test_an_explanation_is_the_one_event_that_every_way_passes():
    for number, cause, mediator, effect in mediations().cases:
        activity = activities()[number]
        graph = scm.graph_from_text(activity.graph)
        names = [activity.events[place].name for place in (cause, mediator, effect)]
        assert not scm.separated(graph, names[0], names[2], graph.parents[names[0]])
        assert scm.separated(graph, names[0], names[2], {names[1], *graph.parents[names[0]]})


def test_a_story_tells_five_events_in_their_order_with_the_two_that_are_asked_about():
    task = task_named("calm/eci")
    for index in range(30):
        item = generated(task, index)
        assert [f"({number})" in item.context for number in range(1, 7)] == [True] * 5 + [False]
        activity = next(one for one in activities() if one.graph == item.facts["graph"])
        places = sorted(
            (item.context.find(event.said("told", "en", item.context.split()[0])), place)
            for place, event in enumerate(activity.events)
        )
        told = [place for found, place in places if found >= 0]
        assert len(told) == 5
        assert told == sorted(told)


def test_a_text_of_another_hand_is_refused():
    task = task_named("cold/cause")
    item = generated(task, 0)
    for changed in ({"context": "Nobody did anything."}, {"question": "Why?"}):
        other = replace(item, **changed)
        with pytest.raises(EvaluationError) as caught:
            answered(task, other)
        assert caught.value.code == "AE-8110"
