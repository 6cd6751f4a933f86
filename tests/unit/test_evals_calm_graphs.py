"""Tests of the questions about graphs: fast searches against the causal engine, and items against their labels."""

import itertools
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia import scm
from aetia.errors import EvaluationError, NotIdentifiedError
from aetia.evals.item import Item
from aetia.evals.task import Style, Task, generated, orbit
from aetia.evals.tasks import _graph_masks as masks
from aetia.evals.tasks._graph_engine import right_options
from aetia.evals.tasks._graph_names import name_rows
from aetia.evals.tasks._graph_problems import flipped, pose_identification, pose_relation, pose_sets
from aetia.evals.tasks.calm_graphs import TASKS
from aetia.scm.graphs.front_door import Instrument, is_front_door_set, is_instrument

NAMES = "ABCDEFGH"
BY_NAME = {task.name: task for task in TASKS}


def graph_of(parents: tuple[int, ...], siblings: tuple[int, ...] = ()) -> scm.Graph:
    arrows = [(NAMES[one], NAMES[place]) for place, mask in enumerate(parents) for one in masks.MEMBERS[mask]]
    arcs = [(NAMES[place], NAMES[one]) for place, mask in enumerate(siblings) for one in masks.MEMBERS[mask]]
    return scm.Graph.of(arrows, [pair for pair in arcs if pair[0] < pair[1]], nodes=NAMES[: len(parents)])


def chosen(mask: int) -> list[str]:
    return [NAMES[place] for place in masks.MEMBERS[mask]]


@st.composite
def problems(draw: st.DrawFn) -> tuple[tuple[int, ...], int, int]:
    count = draw(st.integers(3, 6))
    parents = tuple(draw(st.integers(0, (1 << place) - 1)) for place in range(count))
    cause, effect = draw(st.permutations(range(count)))[:2]
    return parents, cause, effect


@settings(max_examples=40, deadline=None)
@given(problems())
def test_fast_searches_say_what_the_engine_says(problem: tuple[tuple[int, ...], int, int]) -> None:
    parents, cause, effect = problem
    graph, ancestors = graph_of(parents), masks.above(parents)
    first, second = NAMES[cause], NAMES[effect]
    for place in range(len(parents)):
        assert set(chosen(ancestors[place])) == set(graph.ancestors([NAMES[place]]))
        assert set(chosen(masks.below(ancestors, place))) == set(graph.descendants([NAMES[place]]))
    for mask in range(1 << len(parents)):
        names = chosen(mask)
        assert masks.is_back_door_set(parents, cause, effect, mask) == (
            second not in names and scm.is_adjustment_set(graph, first, second, names)
        )
        assert masks.is_front_door_set(parents, cause, effect, mask) == is_front_door_set(graph, first, second, names)
        if not {first, second} & set(names):
            separated = scm.separated(graph, [first], [second], names)
            assert masks.is_separated(parents, ancestors, 1 << cause, 1 << effect, mask) == separated
    if first in graph.ancestors([second]) and not scm.is_adjustment_set(graph, first, second):
        found = {name for name in graph.nodes if is_instrument(graph, Instrument(name), first, second)} - {first}
        assert set(chosen(masks.instruments_of(parents, ancestors, cause, effect))) == found


@settings(max_examples=60, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_fast_identification_says_what_the_engine_says(
    problem: tuple[tuple[int, ...], int, int], random: Random
) -> None:
    parents, cause, effect = problem
    siblings = [0] * len(parents)
    for one, other in itertools.combinations(range(len(parents)), 2):
        if random.random() < 0.35:
            siblings[one] |= 1 << other
            siblings[other] |= 1 << one
    try:
        scm.identify(graph_of(parents, tuple(siblings)), f"P({NAMES[effect]} | do({NAMES[cause]}))")
        is_found = True
    except NotIdentifiedError:
        is_found = False
    assert masks.is_identified(parents, tuple(siblings), cause, effect) == is_found


def test_the_bow_is_not_identified_and_the_front_door_is() -> None:
    assert not masks.is_identified((0, 0b1), (0b10, 0b1), 0, 1)
    assert masks.is_identified((0, 0b1, 0b10), (0b100, 0, 0b1), 0, 2)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_engine_answers_every_item_from_its_text(task: Task) -> None:
    assert task.engine is not None
    styles = [
        Style(language, names, wording, order)
        for language in task.source.languages  # pyright: ignore[reportAttributeAccessIssue]
        for names in ("random", "nonsense", "real")
        for wording in (0, 1)
        for order in (0, 5)
    ]
    for index, style in enumerate(styles):
        item = generated(task, index, 1, style)
        assert task.engine(item) == item.label, item
    for item in orbit(task, 7):
        assert task.engine(item) == item.label, item


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_labels_are_even_and_sets_are_of_one_size(task: Task) -> None:
    items = [generated(task, index, 3) for index in range(150)]
    counts = Counter(item.label for item in items)
    share = 1 / len(items[0].labels)
    assert all(abs(count / len(items) - share) < 0.15 for count in counts.values())
    assert all(item.facts["treatment"] != item.facts["outcome"] for item in items)
    for item in items:
        assert len({len(option.split(", ")) for option in item.options}) <= 1
        assert len(set(item.options)) == len(item.options)


def test_positions_of_right_options_depend_on_the_order_alone() -> None:
    task = BY_NAME["calm/bas-mix"]
    places = Counter[str]()
    for order in range(30):
        item = generated(task, 0, 0, Style("en", "random", 0, order))
        places[item.label] += 1
        assert task.engine is not None
        assert item.options[int(item.label) - 1] == generated(task, 0).options[int(generated(task, 0).label) - 1]
    assert set(places) == {"1", "2", "3"}


def test_names_do_not_follow_the_causal_order() -> None:
    forwards = 0
    for index in range(200):
        item = generated(BY_NAME["calm/ar"], index, 5)
        edges = [edge.split(" -> ") for edge in str(item.facts["graph"]).split("; ")]
        forwards += sum(first < second for first, second in edges) > len(edges) / 2
    assert 60 < forwards < 140


def test_a_changed_edge_changes_one_edge() -> None:
    random = Random(4)
    problem = None
    while problem is None:
        problem = pose_relation(random, "ar")
    for change in flipped(problem, random):
        before, after = _edges(problem), _edges(change)
        assert len(before - after) == len(after - before) == 1
        (gone,), (new,) = before - after, after - before
        assert gone == new[::-1]


def _edges(problem: object) -> set[tuple[int, int]]:
    parents, slots = problem.parents, problem.slots  # pyright: ignore[reportAttributeAccessIssue]
    return {(slots[one], slots[place]) for place, mask in enumerate(parents) for one in masks.MEMBERS[mask]}


def test_largest_and_smallest_sets_are_that() -> None:
    random = Random(6)
    for kind in ("bas-max", "bas-min"):
        found = [problem for problem in (pose_sets(random, kind) for _ in range(400)) if problem is not None][:8]
        assert found
        for problem in found:
            graph = graph_of(problem.parents)
            first, second = NAMES[problem.cause], NAMES[problem.effect]
            (number,) = right_options(kind, graph, first, second, [chosen(one) for one in problem.options])
            keyed = set(chosen(problem.options[number - 1]))
            every = [set(one) for one in scm.adjustment_sets(graph, first, second)]
            if kind == "bas-max":
                assert not any(keyed < one for one in every)
            else:
                assert not any(one < keyed for one in every)


def test_shares_of_hidden_causes_are_as_named() -> None:
    random = Random(2)
    found = [problem for problem in (pose_identification(random, 0.8) for _ in range(200)) if problem is not None]
    assert found
    for problem in found:
        edges = sum(mask.bit_count() for mask in problem.parents)
        assert sum(mask.bit_count() for mask in problem.siblings) // 2 == max(1, round(0.8 * edges))


@pytest.mark.parametrize("kind", ["random", "nonsense", "real"])
def test_names_differ_within_an_item(kind: str) -> None:
    for language in ("en", "zh"):
        rows = name_rows(kind, language)
        assert all(len(set(row)) == len(row) for row in rows[:300])


def test_a_text_in_no_known_wording_is_not_read() -> None:
    item = Item("calm/ar", "A graph.", "Does A cause B?", "binary", "yes")
    engine = BY_NAME["calm/ar"].engine
    assert engine is not None
    with pytest.raises(EvaluationError, match="cannot be read") as caught:
        engine(item)
    assert caught.value.code == "AE-8110"
