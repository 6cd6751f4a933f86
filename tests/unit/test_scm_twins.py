"""Twinned diagrams answer what would have been as enumeration does."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from diagram_fixtures import code_of, functional_model, hidden_model

from aetia.errors import DiagramError
from aetia.scm.diagrams import (
    counterfactual,
    diagram_of,
    identity,
    point,
    reset,
    twinned,
)
from aetia.scm.graphs.graph import Graph
from aetia.scm.models.discrete import DiscreteModel

SMOKING = Graph.of([("S", "T"), ("T", "C")], [("S", "C")], nodes="STC")


def by_enumeration(model: DiscreteModel, event: dict, do: dict, given: dict) -> Fraction | None:
    """Both worlds for every value of the roots."""
    roots = [name for name, one in model.mechanisms.items() if not one.parents]

    def world(chance: dict, setting: dict) -> dict:
        found = dict(chance)
        for name in model.graph.order:
            one = model.mechanisms[name]
            if name in setting:
                found[name] = setting[name]
            elif one.parents:
                found[name] = int(np.argmax(one.table[tuple(found[parent] for parent in one.parents)] == 1))
        return found

    both, evidence = Fraction(0), Fraction(0)
    for values in itertools.product(*(range(len(model.values[name])) for name in roots)):
        chance = dict(zip(roots, values, strict=True))
        weight = math.prod(model.mechanisms[name].table[value] for name, value in chance.items())
        if given.items() <= world(chance, {}).items():
            evidence += weight
            both += weight if event.items() <= world(chance, do).items() else 0
    return both / evidence if evidence else None


@pytest.mark.parametrize("seed", range(6))
def test_twinned_diagrams_answer_as_enumeration_does(seed):
    model = functional_model(seed)
    queries = [
        ({"Y": 1}, {"X": 1}, {"X": 0, "Y": 0}),
        ({"Y": 0}, {"X": 0}, {"X": 1, "Y": 1, "M": 1}),
        ({"Y": 1, "M": 0}, {"X": 0}, {"Y": 1}),
        ({"Y": 1}, {"M": 1, "X": 0}, {"M": 0}),
        ({"Y": 1, "H": 2}, {"UY": 1}, {"X": 1}),
        ({"X": 1}, {"X": 0}, {"Y": 1}),
        ({"Y": 1}, {}, {"M": 1}),
    ]
    for event, do, given in queries:
        wanted = by_enumeration(model, event, do, given)
        if wanted is None:
            with pytest.raises(DiagramError) as caught:
                counterfactual(model, event, do=do, given=given)
            assert code_of(caught) == "AE-7524"
        else:
            assert counterfactual(model, event, do=do, given=given) == wanted


def test_the_factual_half_of_a_twin_is_the_diagram_and_the_other_its_surgery():
    diagram = diagram_of(functional_model(0))
    both = twinned(diagram, {}, {"X": 1})
    count = len(diagram.outputs)
    assert both.selected(range(count)).normal == diagram.normal
    assert both.selected(range(count, 2 * count)).normal == reset(diagram, "X", point("X", 1)).normal


def test_worlds_share_what_the_surgery_does_not_reach():
    diagram = diagram_of(functional_model(0))
    both = twinned(diagram, {}, {"M": 1})
    names = [step.box.name for step in both.steps]
    assert sorted(names) == sorted([*(step.box.name for step in diagram.steps), "M=1", "Y"])


def test_what_cannot_be_twinned_is_refused():
    with pytest.raises(DiagramError) as caught:
        twinned(identity("A"), {})
    assert code_of(caught) == "AE-7521"
    with pytest.raises(DiagramError) as caught:
        twinned(diagram_of(SMOKING), {"Q": 0})
    assert code_of(caught) == "AE-7522"
    with pytest.raises(DiagramError) as caught:
        counterfactual(hidden_model(0, dict.fromkeys("STCH", 2)), {"C": 1}, do={"S": 1}, given={})
    assert code_of(caught) == "AE-7523"
