"""Formulas of counterfactuals against enumeration, and refusals against two limits that differ."""

import numpy as np
import pytest
from scm_models import random_graph, random_model

from aetia.errors import AetiaError
from aetia.scm.bounding import Law, bounds
from aetia.scm.bounding.responses import response_types
from aetia.scm.graphs.graph import Graph
from aetia.scm.identification import OBSERVATION, Refusal, attempt
from aetia.scm.identification.counterfactuals import identify_counterfactual
from aetia.scm.language.query import Assignment, ProbabilityQuery, Term
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.evaluation import evaluate
from aetia.scm.queries.targets import target_of
from aetia.scm.queries.worlds import parallel_worlds


def chance(model: DiscreteModel, terms) -> float:
    """The probability of an event across worlds of a functional model, by the network of its worlds."""
    network, event = parallel_worlds(model, terms), {}
    for term in terms:
        if event.setdefault(network.name(term), term.value) != term.value:
            return 0.0
    return float(network.model.probability(event)) if event else 1.0


def truth(model: DiscreteModel, query) -> float:
    target = target_of(query, model.graph, model.values)
    whole = chance(model, target.given)
    return sum(weight * chance(model, (*target.given, *event)) for weight, event in target.weighted) / whole


def random_query(graph: Graph, draw: np.random.Generator, *, terms: int, known: int) -> ProbabilityQuery:
    """Terms of random variables in the actual world and in one or two others."""
    names = graph.nodes
    worlds = [()]
    for _ in range(2):
        size = draw.integers(1, 3)
        chosen = sorted(draw.choice(len(names), size=size, replace=False))
        worlds.append(tuple(Assignment(names[one], int(draw.integers(2))) for one in chosen))
    made = dict[tuple, Term]()
    while len(made) < terms:
        world = worlds[draw.integers(len(worlds))]
        name = names[draw.integers(len(names))]
        if name not in {one.variable for one in world}:
            made[name, world] = Term(name, int(draw.integers(2)), world)
    listed = tuple(made.values())
    return ProbabilityQuery(listed[known:], listed[:known])


def outcome_of(graph, query, **more):
    try:
        return identify_counterfactual(graph, query, **more)
    except AetiaError as error:
        return error


@pytest.mark.parametrize("known", [0, 1, 2])
def test_identified_counterfactuals_equal_the_enumerated_truth(known: int) -> None:
    count = {"formula": 0, "refused": 0, "observed": 0, "impossible": 0}
    for seed in range(150):
        draw = np.random.default_rng((known, seed))
        graph = random_graph(int(draw.integers(3, 6)), seed, arrows=0.5, arcs=0.2)
        query = random_query(graph, draw, terms=known + int(draw.integers(1, 3)), known=known)
        model = random_model(graph, seed, functional=True)
        if chance(model, query.given) == 0:
            count["impossible"] += 1
            continue
        expected = truth(model, query)
        found = outcome_of(graph, query)
        if isinstance(found, AetiaError):
            assert found.code == "AE-7433", found
            count["refused"] += 1
            continue
        count["formula"] += 1
        assert evaluate(found.expression, model) == pytest.approx(expected, abs=1e-9), (str(graph), str(query))
        observed = outcome_of(graph, query, available=OBSERVATION)
        if isinstance(observed, AetiaError):
            assert observed.code in {"AE-7401", "AE-7433"}
            continue
        count["observed"] += 1
        at = dict.fromkeys(observed.any_value_of, 0)
        assert evaluate(observed.expression, model, at) == pytest.approx(expected, abs=1e-9), (str(graph), str(query))
    assert count["formula"] > 40
    assert count["refused"] >= 10
    assert count["observed"] > 30


def test_refused_counterfactuals_have_wide_limits_even_with_every_experiment() -> None:
    # Three values each: with two, to be not 0 is to be 1, and some of these limits meet.
    checked = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        graph = random_graph(3, seed, arrows=0.6, arcs=0.5)
        query = random_query(graph, draw, terms=2 + seed % 2, known=seed % 2)
        model = random_model(graph, seed, values=3)
        cliques = all(set(part) - {one} <= graph.siblings[one] for part in graph.c_components for one in part)
        small = response_types(graph, graph.nodes, model.values) <= 2500
        if not cliques or not small or not isinstance(outcome_of(graph, query), AetiaError):
            continue
        settings = [{}]
        for name in graph.nodes:
            settings = [{**one, **more} for one in settings for more in ({}, {name: 0}, {name: 1}, {name: 2})]
        law = Law.of(model, [one for one in settings if 0 < len(one) < 3])
        found = bounds(graph, query, law=law)
        if found.is_sharp:
            checked += 1
            assert found.high - found.low > 1e-5, (str(graph), str(query))
    assert checked >= 10


def test_one_world_is_identified_just_where_the_do_calculus_says_so() -> None:
    agreed = {True: 0, False: 0}
    for seed in range(150):
        draw = np.random.default_rng(seed)
        graph = random_graph(int(draw.integers(3, 7)), seed, arrows=0.5, arcs=0.3)
        names = list(draw.permutation(graph.nodes))
        event, do = Term(names[0], 1), Assignment(names[1], 1)
        given = (Term(names[2], 0),) if seed % 2 else ()
        query = ProbabilityQuery((event,), given, (do,))
        is_refused = isinstance(attempt(graph, query), Refusal)
        found = outcome_of(graph, query, available=OBSERVATION)
        assert isinstance(found, AetiaError) == is_refused, (str(graph), str(query), found)
        agreed[is_refused] += 1
    assert min(agreed.values()) > 10
