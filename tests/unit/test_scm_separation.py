"""Separations, blankets, projections and witnesses that textbooks state."""

import pytest

from aetia.errors import GraphError
from aetia.scm.graphs.notation import graph_from_text
from aetia.scm.graphs.projection import canonical_dag, projected
from aetia.scm.graphs.separation import (
    basic_independences,
    connecting_path,
    implied_independences,
    markov_blanket,
    minimal_separator,
    separated,
)


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("X -> M -> Y", "", False),
        ("X -> M -> Y", "M", True),
        ("X <- M -> Y", "M", True),
        ("X -> M <- Y", "", True),
        ("X -> M <- Y", "M", False),
        ("X -> M <- Y; M -> D", "D", False),
        ("X <-> M <-> Y", "", True),
        ("X <-> M <-> Y", "M", False),
        ("X -> M <-> Y; M -> Y", "M", False),  # the two edges to Y: one way is blocked, the other opens
        ("A -> X; B -> Y; A -> M <- B", "", True),  # M-bias
        ("A -> X; B -> Y; A -> M <- B", "M", False),
        ("X -- M -- Y", "M", True),  # a CPDAG
        ("X -- M -- Y", "", False),
        ("X -> A -- B <- Y; X -> B; Y -> A; A -- B", "", True),
        ("X o-o M o-o Y", "M", True),  # a PAG
        ("X o-> M <-o Y", "", True),
        ("X o-> M <-o Y", "M", False),
    ],
)
def test_known_separations(text, given, expected):
    assert separated(graph_from_text(text), "X", "Y", given.split()) is expected


def test_a_witness_is_shown_as_a_path():
    graph = graph_from_text('X -> "blood pressure" <-> Y; "blood pressure" -> D')
    assert str(connecting_path(graph, "X", "Y", "D")) == 'X -> "blood pressure" <-> Y'
    assert str(connecting_path(graph_from_text("A o-> B; A o-o C"), "B", "C")) == "B <-o A o-o C"
    assert str(connecting_path(graph_from_text("A -- B -- C"), "A", "C")) == "A -- B -- C"
    assert connecting_path(graph, "X", "Y") is None


def test_the_napkin_projects_its_hidden_causes_and_gets_them_back():
    napkin = graph_from_text("W -> Z -> X -> Y; W <-> X; W <-> Y")
    whole = canonical_dag(napkin)
    assert whole.latent == {"U.W.X", "U.W.Y"}
    assert projected(whole) == napkin


def test_projection_joins_through_chains_of_hidden_variables():
    graph = graph_from_text("U -> L -> X; L -> Y; X -> H -> Y; H -> Z; L <-> Z; {U, L, H} [latent]")
    assert projected(graph) == graph_from_text("X; Y; Z; X -> Y; X -> Z; Y <-> Z; X <-> Y; X <-> Z")


def test_canonical_names_step_aside_for_names_that_are_taken():
    assert canonical_dag(graph_from_text("X <-> Y; U.X.Y")).latent == {"U.X.Y'"}


def test_the_blanket_in_an_admg_passes_along_arcs():
    graph = graph_from_text("A -> X -> B <- C; X <-> D <-> E <- F; E -> G; B <-> H <- I")
    assert markov_blanket(graph, "X") == set("ABCDEFHI")


def test_a_minimal_separator_may_be_confined():
    graph = graph_from_text("X -> A -> B -> Y")
    assert minimal_separator(graph, "X", "Y") in ({"A"}, {"B"})
    assert minimal_separator(graph, "X", "Y", among="B") == {"B"}
    assert minimal_separator(graph, "X", "Y", among=()) is None
    assert minimal_separator(graph_from_text("X -> Y"), "X", "Y") is None


def test_independences_print_and_count():
    graph = graph_from_text("X -> M -> Y; W")
    assert [str(each) for each in implied_independences(graph, largest=0)] == ["X _||_ W", "M _||_ W", "Y _||_ W"]
    assert "X _||_ Y | M" in {str(each) for each in basic_independences(graph)}
    assert len(list(implied_independences(graph))) == 14


@pytest.mark.parametrize(
    ("text", "sets", "code"),
    [
        ("X -> Y", ("X", "X", ""), "AE-7111"),
        ("X -> Y", ("X", "Y", "X"), "AE-7111"),
        ("X -> Y", ("X", "Q", ""), "AE-7104"),
        ("X -> Y; Y -> X; Z", ("X", "Z", ""), "AE-7103"),
        ("X -> M -- Y", ("X", "Y", ""), "AE-7112"),
        ("X o-> M o-o Y", ("X", "Y", ""), "AE-7112"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_code(text, sets, code):
    with pytest.raises(GraphError) as caught:
        separated(graph_from_text(text), *map(str.split, sets))
    assert caught.value.code == code


def test_what_needs_an_admg_says_so():
    for ask in (projected, canonical_dag, lambda graph: markov_blanket(graph, "X")):
        with pytest.raises(GraphError) as caught:
            ask(graph_from_text("X -- Y"))
        assert caught.value.code == "AE-7105"
