"""String diagrams keep the laws of their category, mean matrices, and are cut by a functor."""

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest
from diagram_fixtures import BOXES, SIZES, code_of, hidden_model, some_interpretation

from aetia.errors import DiagramError
from aetia.scm.diagrams import (
    Box,
    Diagram,
    Interpretation,
    Step,
    copy,
    cut,
    diagram_of,
    discard,
    graph_of,
    identity,
    interpret,
    interpretation_of,
    mapped,
    point,
    reset,
    stochastic_matrix,
    swap,
    uniform,
)
from aetia.scm.graphs.graph import Graph

# The category


def test_copy_and_discard_are_a_commutative_comonoid_by_construction():
    one = identity("A")
    assert copy("A") >> swap("A", "A") == copy("A")
    assert copy("A") >> (copy("A") @ one) == copy("A") >> (one @ copy("A"))
    assert copy("A") >> (discard("A") @ one) == one == copy("A") >> (one @ discard("A"))
    assert copy("A", "B") == (copy("A") @ copy("B")) >> (one @ swap("A", "B") @ identity("B"))
    assert discard("A") @ discard("B") == discard("A", "B")


def test_swaps_slide_past_boxes_and_undo_themselves():
    turn, end = Box("turn", ("A",), ("B",)).diagram, Box("t", ("C",), ("C",)).diagram
    assert (swap("A", "C") >> (end @ turn)).normal == ((turn @ end) >> swap("B", "C")).normal
    assert swap("A", "B") >> swap("B", "A") == identity("A", "B")


def test_a_box_that_is_discarded_is_gone_but_a_copied_box_is_not_two_boxes():
    turn = Box("turn", ("A",), ("B",)).diagram
    assert (turn >> discard("B")).normal == discard("A")
    assert (turn >> copy("B")).normal != (copy("A") >> (turn @ turn)).normal
    assert (turn >> discard("B")) != discard("A")


def test_ends_that_do_not_fit_are_refused():
    with pytest.raises(DiagramError) as caught:
        assert identity("A") >> identity("B")
    assert code_of(caught) == "AE-7501"
    with pytest.raises(DiagramError) as caught:
        Diagram(("A",), (Step(BOXES[2], (1,)),), (1,))
    assert code_of(caught) == "AE-7502"
    with pytest.raises(DiagramError) as caught:
        Diagram(("A",), (), (1,))
    assert code_of(caught) == "AE-7502"


# Matrices


def test_the_structure_means_what_it_says():
    meaning = some_interpretation(0)
    assert np.array_equal(stochastic_matrix(identity("B"), meaning), np.eye(3))
    assert np.array_equal(interpret(copy("A"), meaning), np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]]))
    assert np.array_equal(interpret(swap("A", "B"), meaning), np.einsum("ac,bd->abdc", np.eye(2), np.eye(3)))
    assert interpret(uniform("B"), meaning).tolist() == [Fraction(1, 3)] * 3
    assert interpret(point("B", 2), meaning).tolist() == [0, 0, 1]


def test_tables_that_do_not_fit_are_refused():
    box = BOXES[2]
    cases = {
        "AE-7504": lambda: Interpretation(SIZES, {box: np.full((2, 2), 0.5)}),
        "AE-7505": lambda: Interpretation(SIZES, {box: np.full((2, 3), 0.3)}),
        "AE-7503": lambda: interpret(box.diagram, Interpretation(SIZES, {})),
    }
    for code, attempt in cases.items():
        with pytest.raises(DiagramError) as caught:
            attempt()
        assert code_of(caught) == code
    for index in (3, -1):
        with pytest.raises(DiagramError) as caught:
            interpret(point("B", index), some_interpretation(0))
        assert code_of(caught) == "AE-7508"
    with pytest.raises(DiagramError) as caught:
        interpret(copy("Q"), Interpretation(SIZES, {}))
    assert code_of(caught) == "AE-7503"
    with pytest.raises(DiagramError) as caught:
        Interpretation(SIZES, {box: np.array([[0.5, 0.5, np.nan], [0.2, 0.3, 0.5]])})
    assert code_of(caught) == "AE-7505"


# Surgery


def test_a_cut_discards_what_the_box_read_and_keeps_what_else_it_made():
    part = Box("part", ("B",), ("C", "A"))
    assert cut(BOXES[2].diagram, "B") == discard("A") @ uniform("B")
    assert cut(part.diagram, "A").normal == (part.diagram >> (identity("C") @ discard("A") @ uniform("A"))).normal


def test_surgery_on_the_diagram_is_an_intervention_on_the_model():
    model = hidden_model(3, {"S": 2, "T": 3, "C": 2, "H": 2})
    meaning = interpretation_of(model)
    law = interpret(reset(diagram_of(model), "S", point("S", 1)), meaning)
    assert np.array_equal(law, model.do(S=1).joint().values)
    whole = interpret(cut(diagram_of(model), "S"), meaning)
    assert np.array_equal(whole, model.do(S={0: Fraction(1, 2), 1: Fraction(1, 2)}).joint().values)


def test_replacing_a_box_keeps_its_ends():
    with pytest.raises(DiagramError) as caught:
        mapped(BOXES[2].diagram, lambda _: discard("A"))
    assert code_of(caught) == "AE-7506"
    with pytest.raises(DiagramError) as caught:
        reset(BOXES[2].diagram, "B", uniform("A"))
    assert code_of(caught) == "AE-7506"


# Graphs


def some_dag(seed: int, count: int = 6) -> Graph:
    generator = random.Random(seed)
    names = [f"V{place}" for place in range(count)]
    pairs = [pair for pair in itertools.combinations(names, 2) if generator.random() < 0.45]
    return Graph.of(pairs, nodes=names, latent=[name for name in names if generator.random() < 0.3])


@pytest.mark.parametrize("seed", range(10))
def test_graphs_survive_the_way_there_and_back(seed):
    graph = some_dag(seed)
    back = graph_of(diagram_of(graph))
    assert (set(back.nodes), back.edges, back.latent) == (set(graph.nodes), graph.edges, graph.latent)
    assert diagram_of(graph).codomain == graph.observed
    assert diagram_of(back).normal.steps == diagram_of(back).selected(range(len(graph.observed))).normal.steps


def test_a_bidirected_edge_becomes_a_hidden_state():
    diagram = diagram_of(Graph.of([("X", "Y")], [("X", "Y")]))
    assert [step.box.inputs for step in diagram.steps].count(()) == 1
    assert graph_of(diagram).latent == {"U.X.Y"}


@pytest.mark.parametrize("seed", range(5))
def test_the_diagram_of_a_model_means_its_joint(seed):
    model = hidden_model(seed, {"S": 2, "T": 2, "C": 3, "H": 2})
    assert np.array_equal(interpret(diagram_of(model), interpretation_of(model)), model.joint().values)


@pytest.mark.parametrize(
    "diagram",
    [identity("A"), BOXES[1].diagram, BOXES[0].diagram >> copy("A"), BOXES[0].diagram @ BOXES[0].diagram],
)
def test_what_is_no_causal_graph_is_refused(diagram):
    with pytest.raises(DiagramError) as caught:
        graph_of(diagram)
    assert code_of(caught) == "AE-7507"
