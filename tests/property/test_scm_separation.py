"""Separation by reachability against the definition: every path looked at, one by one; and against networkx."""

from itertools import combinations, product

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.scm.graphs.ancestral import mag_of, require_mag
from aetia.scm.graphs.equivalence import cpdag_of
from aetia.scm.graphs.graph import Graph, Mark
from aetia.scm.graphs.interchange import graph_to_networkx
from aetia.scm.graphs.pag import pag_of
from aetia.scm.graphs.projection import canonical_dag, projected
from aetia.scm.graphs.separation import (
    basic_independences,
    connecting_path,
    implied_independences,
    markov_blanket,
    minimal_separator,
    separated,
)


@st.composite
def admgs(draw, *, arcs=True, largest=5):
    names = "ABCDEFGH"[: draw(st.integers(2, largest))]
    shuffled = draw(st.permutations(names))
    pairs = list(combinations(shuffled, 2))
    few = st.lists(st.sampled_from(pairs), unique=True, max_size=2 * len(names))
    return Graph.of(draw(few), draw(few) if arcs else (), nodes=names)


@st.composite
def questions(draw, graphs):
    graph = draw(graphs)
    first, second, *others = draw(st.permutations(graph.nodes))
    return graph, first, second, frozenset(others[: draw(st.integers(0, len(others)))])


def paths(graph, first, second):
    """All paths, as (nodes, edges); two edges may join the same variables."""
    waiting = [((first,), ())]
    while waiting:
        nodes, edges = waiting.pop()
        for edge in graph.edges:
            if nodes[-1] in (edge.first, edge.second) and edge.other(nodes[-1]) not in nodes:
                longer = (*nodes, edge.other(nodes[-1])), (*edges, edge)
                if longer[0][-1] == second:
                    yield longer
                else:
                    waiting.append(longer)


def is_open(graph, nodes, edges, given):
    for name, before, behind in zip(nodes[1:-1], edges[:-1], edges[1:], strict=True):
        if before.mark(name) is behind.mark(name) is Mark.ARROW:
            if not graph.descendants([name]) & given:
                return False
        elif name in given:
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(question=questions(admgs()))
def test_variables_are_separated_exactly_if_every_path_is_blocked(question):
    graph, first, second, given = question
    connecting = [path for path in paths(graph, first, second) if is_open(graph, *path, given)]
    assert separated(graph, [first], [second], given) == (not connecting)
    witness = connecting_path(graph, [first], [second], given)
    if witness is not None:
        assert (witness.nodes, witness.edges) in connecting
        assert len(witness.edges) == min(len(edges) for _, edges in connecting)
    assert (witness is None) == (not connecting)


@settings(max_examples=100, deadline=None)
@given(question=questions(admgs(arcs=False, largest=8)), several=st.integers(0, 2))
def test_separation_in_dags_is_that_of_networkx(question, several):
    graph, first, second, given = question
    more = sorted(given)[:several]
    expected = nx.is_d_separator(nx.DiGraph(graph_to_networkx(graph)), {first, *more}, {second}, given - {*more})
    assert separated(graph, [first, *more], [second], given - {*more}) == expected


@settings(max_examples=100, deadline=None)
@given(question=questions(admgs(largest=6)), data=st.data())
def test_projection_keeps_the_separations_and_ancestors_of_what_is_observed(question, data):
    graph, first, second, given = question
    hidden = frozenset(graph.nodes) - {first, second} - given
    whole = Graph(graph.nodes, graph.edges, hidden)
    seen = projected(whole)
    assert separated(seen, [first], [second], given) == separated(whole, [first], [second], given)
    assert seen.ancestors([first]) == whole.ancestors([first]) - hidden
    assert projected(canonical_dag(graph)) == graph
    assert separated(canonical_dag(graph), [first], [second], given) == separated(graph, [first], [second], given)


@settings(max_examples=60, deadline=None)
@given(question=questions(admgs()))
def test_a_minimal_separator_separates_lacks_nothing_and_exists_if_any_does(question):
    graph, first, second, held = question
    found = minimal_separator(graph, [first], [second], including=held)
    others = [name for name in graph.nodes if name not in (first, second) and name not in held]
    sets = [held | {*more} for size in range(len(others) + 1) for more in combinations(others, size)]
    working = [given for given in sets if separated(graph, [first], [second], given)]
    if found is None:
        assert not working
    else:
        assert found in working
        assert not any(given < found for given in working)


@settings(max_examples=60, deadline=None)
@given(graph=admgs())
def test_a_markov_blanket_is_the_least_set_that_separates_from_the_rest(graph):
    for name in graph.nodes:
        blanket = markov_blanket(graph, name)
        rest = frozenset(graph.nodes) - blanket - {name}
        assert not rest or separated(graph, [name], rest, blanket)
        for member in blanket:
            assert not separated(graph, [name], [member], frozenset(graph.nodes) - {name, member})


@settings(max_examples=40, deadline=None)
@given(graph=admgs(largest=4))
def test_all_implied_independences_are_given_and_no_other(graph):
    found = {(each.first, each.second, each.given) for each in implied_independences(graph)}
    for first, second in combinations(graph.nodes, 2):
        others = [name for name in graph.nodes if name not in (first, second)]
        for choice in product([False, True], repeat=len(others)):
            given = frozenset(name for name, is_in in zip(others, choice, strict=True) if is_in)
            assert ((first, second, given) in found) == separated(graph, [first], [second], given)
    basic = list(basic_independences(graph))
    assert {(each.first, each.second, each.given) for each in basic} <= found
    assert {(each.first, each.second) for each in basic} == {pair[:2] for pair in found}


@settings(max_examples=60, deadline=None)
@given(question=questions(admgs(arcs=False, largest=6)))
def test_a_cpdag_separates_what_its_dags_separate(question):
    graph, first, second, given = question
    expected = separated(graph, [first], [second], given)
    assert separated(cpdag_of(graph), [first], [second], given) == expected


@settings(max_examples=100, deadline=None)
@given(question=questions(admgs(largest=7)), data=st.data())
def test_a_mag_and_its_pag_separate_what_the_whole_graph_separates_given_the_selection(question, data):
    graph, first, second, given = question
    spare = sorted(frozenset(graph.nodes) - {first, second} - given)
    roles = data.draw(
        st.lists(st.sampled_from(["hidden", "selected", "seen"]), min_size=len(spare), max_size=len(spare))
    )
    hidden, selected = (
        frozenset(name for name, role in zip(spare, roles, strict=True) if role == wanted)
        for wanted in ("hidden", "selected")
    )
    mag = require_mag(mag_of(Graph(graph.nodes, graph.edges, hidden), selected))
    expected = separated(graph, [first], [second], given | selected)
    assert separated(mag, [first], [second], given) == expected
    assert separated(pag_of(mag), [first], [second], given) == expected


def test_the_questions_of_this_file_have_both_answers():
    graph = Graph.of([("A", "C"), ("B", "C"), ("C", "D")])
    assert separated(graph, "A", "B")
    assert not separated(graph, "A", "B", "D")


@pytest.mark.parametrize("size", [300])
def test_a_long_chain_is_no_trouble(size):
    graph = Graph.of([(f"V{i}", f"V{i + 1}") for i in range(size)])
    assert not separated(graph, "V0".split(), [f"V{size}"])
    assert separated(graph, ["V0"], [f"V{size}"], ["V7"])
    assert str(connecting_path(graph, ["V0"], [f"V{size}"])).count("->") == size
