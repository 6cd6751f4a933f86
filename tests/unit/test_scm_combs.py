"""A comb says what an intervention does from what is observed, and refuses where it cannot."""

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest
from diagram_fixtures import code_of, fractions, hidden_model

from aetia.errors import DiagramError, GraphError
from aetia.scm.diagrams import (
    comb_disintegration,
    cut,
    diagram_of,
    interpret,
    interpretation_of,
)
from aetia.scm.graphs.graph import Graph
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.factor import Factor

SMOKING = Graph.of([("S", "T"), ("T", "C")], [("S", "C")], nodes="STC")
COUNTS = {"111": 50, "110": 10, "101": 1, "100": 2, "011": 10, "010": 5, "001": 2, "000": 20}


def smoking_joint() -> Factor:
    table = np.empty((2, 2, 2), dtype=object)
    for cell, count in COUNTS.items():
        table[tuple(map(int, cell))] = Fraction(count, 100)
    return Factor(("S", "T", "C"), table)


def test_the_smoking_example_is_exact():
    comb = comb_disintegration(diagram_of(SMOKING), smoking_joint(), "S")
    assert comb.teeth == ("S", "C")
    assert comb.do(1).marginal(["C"]).values[1] == Fraction(25867, 34650)
    assert comb.do(0).marginal(["C"]).values[1] == Fraction(3387, 7400)
    assert comb.cut().marginal(["C"]).values[1] == pytest.approx(0.6021125346, abs=1e-10)
    assert np.array_equal(comb.joint.values, smoking_joint().values)
    # What is merely observed says something else.
    observed = smoking_joint().marginal(["S", "C"]).values
    assert [round(float(observed[s, 1] / observed[s].sum()), 4) for s in (1, 0)] == [0.8095, 0.3243]


@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 4, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_a_comb_gives_the_front_door_formula_on_any_joint(sizes, seed):
    joint = Factor(("S", "T", "C"), fractions(sizes, 0, random.Random(seed)))
    comb = comb_disintegration(SMOKING, joint, "S")
    p = joint.values
    p_s, p_st = p.sum((1, 2)), p.sum(2)
    for s, c in itertools.product(range(sizes[0]), range(sizes[2])):
        front_door = sum(
            p_st[s, t] / p_s[s] * sum(p[other, t, c] / p_st[other, t] * p_s[other] for other in range(sizes[0]))
            for t in range(sizes[1])
        )
        assert comb.do(s).marginal(["C"]).values[c] == front_door
    assert np.array_equal(comb.joint.values, p)


@pytest.mark.parametrize("seed", range(4))
def test_a_comb_needs_no_hidden_table_to_say_what_surgery_with_all_tables_says(seed):
    sizes = {"S": 2, "T": 3, "C": 2, "H": 3}
    model = hidden_model(seed, sizes)
    comb = comb_disintegration(diagram_of(model), model.joint(), "S")
    assert np.array_equal(comb.cut().values, interpret(cut(diagram_of(model), "S"), interpretation_of(model)))
    state = [Fraction(1, 5), Fraction(4, 5)]
    assert np.array_equal(comb.cut(state).values, model.do(S=dict(enumerate(state))).joint().values)


def test_with_an_observed_context_the_surgery_is_done_for_each_of_its_values():
    graph = Graph.of([("W", "A"), ("W", "B"), ("W", "C"), ("A", "B"), ("B", "C")], [("A", "C")], nodes="WABC")
    joint = Factor(tuple("WABC"), fractions((2, 2, 3, 2), 0, random.Random(8)))
    law = comb_disintegration(graph, joint, "A").do(1).marginal(["W", "C"])
    p = joint.values
    for w in range(2):
        at = p[w] / p[w].sum()
        effect = [
            sum(
                at[1, b].sum() / at[1].sum() * sum(at[a].sum() * at[a, b, c] / at[a, b].sum() for a in range(2))
                for b in range(3)
            )
            for c in range(2)
        ]
        assert (law.values[w] / law.values[w].sum()).tolist() == effect


@pytest.mark.parametrize("seed", range(12))
def test_the_general_condition_holds_on_random_models_and_only_the_bridge_is_refused(seed):
    generator = random.Random(seed)
    names = ("A", "B", "C", "D")
    pairs = [pair for pair in itertools.combinations(names, 2) if generator.random() < 0.6]
    arcs = [pair for pair in itertools.combinations(names, 2) if generator.random() < 0.25]
    graph = Graph.of(pairs, arcs, nodes=names)
    hidden = [f"U{place}" for place in range(len(arcs))]
    parents = {name: [one for one, other in pairs if other == name] for name in names}
    for cause, arc in zip(hidden, arcs, strict=True):
        for name in arc:
            parents[name].append(cause)
    laws = {name: ([], fractions((2,), 0, generator)) for name in hidden}
    laws |= {name: (read, fractions((2,) * (len(read) + 1), len(read), generator)) for name, read in parents.items()}
    model = DiscreteModel.of(laws, latent=hidden)
    for treatment in names:
        component = next(one for one in graph.c_components if treatment in one)
        if component & graph.children[treatment]:
            with pytest.raises(DiagramError) as caught:
                comb_disintegration(diagram_of(model), model.joint(names), treatment)
            assert code_of(caught) == "AE-7514"
        else:
            comb = comb_disintegration(diagram_of(model), model.joint(names), treatment)
            others = [name for name in names if name != treatment]
            for value in (0, 1):
                wanted = model.do({treatment: value}).joint(others)
                assert np.array_equal(comb.do(value).marginal(others).values, wanted.values)


def test_a_hidden_wire_from_treatment_to_bridge_is_refused_with_its_way():
    graph = Graph.of([("S", "T"), ("T", "C")], [("S", "C"), ("C", "T")], nodes="STC")
    with pytest.raises(DiagramError) as caught:
        comb_disintegration(diagram_of(graph), smoking_joint(), "S")
    assert code_of(caught) == "AE-7514"
    assert "S <-> C <-> T" in str(caught.value)


def test_joints_that_determine_no_comb_are_refused():
    table = smoking_joint().values
    empty = table.copy()
    empty[0, 0, 1], empty[0, 0, 0] = Fraction(0), Fraction(22, 100)
    cases = {
        "AE-7511": Factor(("S", "T"), table.sum(2)),
        "AE-7512": Factor(("S", "T", "C"), table * 2),
        "AE-7513": Factor(("S", "T", "C"), empty),
    }
    for code, joint in cases.items():
        with pytest.raises(DiagramError) as caught:
            comb_disintegration(SMOKING, joint, "S")
        assert code_of(caught) == code
    smoothed = comb_disintegration(SMOKING, cases["AE-7513"], "S", smoothing=Fraction(1, 100))
    assert smoothed.joint.values[0, 0, 1] == Fraction(1, 108)
    with pytest.raises(GraphError):
        comb_disintegration(SMOKING, smoking_joint(), "Q")
    with pytest.raises(DiagramError) as caught:
        comb_disintegration(SMOKING, smoking_joint(), "S").do(2)
    assert code_of(caught) == "AE-7515"


@pytest.mark.parametrize("state", [[1], [Fraction(1, 2), Fraction(1, 3)], [2, -1], [0.5, float("nan")]])
def test_the_treatment_comes_from_a_distribution_or_not_at_all(state):
    with pytest.raises(DiagramError) as caught:
        comb_disintegration(SMOKING, smoking_joint(), "S").cut(state)
    assert code_of(caught) == "AE-7516"
