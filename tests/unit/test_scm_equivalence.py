"""Classes of graphs against enumeration: all DAGs and all MAGs of four variables, and graphs of the literature."""

from itertools import combinations, product

import pytest

from aetia.errors import GraphError
from aetia.scm.graphs.ancestral import mag_of, require_mag
from aetia.scm.graphs.equivalence import are_equivalent, consistent_extension, cpdag_of, dags_of
from aetia.scm.graphs.graph import Edge, Graph, Mark
from aetia.scm.graphs.meek import meek_closed
from aetia.scm.graphs.notation import graph_from_text
from aetia.scm.graphs.pag import pag_of
from aetia.scm.graphs.separation import separated

ARROWS = {1: (Mark.TAIL, Mark.ARROW), 2: (Mark.ARROW, Mark.TAIL)}
OTHERS = {3: (Mark.ARROW, Mark.ARROW), 4: (Mark.TAIL, Mark.TAIL)}


def all_graphs(names, kinds):
    pairs = list(combinations(names, 2))
    for chosen in product([0, *kinds], repeat=len(pairs)):
        edges = {Edge(*pair, *kinds[kind]) for pair, kind in zip(pairs, chosen, strict=True) if kind}
        yield Graph(tuple(names), frozenset(edges))


def separations(graph):
    """All separations of two variables: what observation can tell of the graph."""
    return tuple(
        separated(graph, [first], [second], given)
        for first, second in combinations(graph.nodes, 2)
        for size in range(len(graph.nodes) - 1)
        for given in combinations([name for name in graph.nodes if name not in (first, second)], size)
    )


def classes_of(graphs, key):
    found = {}
    for graph in graphs:
        found.setdefault(key(graph), []).append(graph)
    return found


@pytest.mark.parametrize(("names", "graphs", "classes"), [("ABC", 25, 11), ("ABCD", 543, 185)])
def test_cpdags_are_what_all_dags_with_the_same_separations_have_in_common(names, graphs, classes):
    dags = [graph for graph in all_graphs(names, ARROWS) if graph.is_dag]
    by_cpdag = classes_of(dags, cpdag_of)
    assert (len(dags), len(by_cpdag)) == (graphs, classes)
    by_separations = classes_of(dags, separations)
    assert {frozenset(members) for members in by_cpdag.values()} == {*map(frozenset, by_separations.values())}
    for cpdag, members in by_cpdag.items():
        assert cpdag.edges == common_edges(members)
        enumerated = list(dags_of(cpdag))
        assert len(enumerated) == len(members)
        assert set(enumerated) == set(members)
        assert consistent_extension(cpdag) in members


def common_edges(members):
    edges = set()
    for edge in members[0].edges:
        if all(edge in member.edges for member in members):
            edges.add(edge)
        else:
            edges.add(Edge(edge.first, edge.second, Mark.TAIL, Mark.TAIL))
    return edges


def common_marks(members):
    """The edges of the class with a circle wherever its members differ."""
    found = set()
    for first, second in combinations(members[0].nodes, 2):
        if second in members[0].adjacent[first]:
            edges = [next(e for e in member.edges if {e.first, e.second} == {first, second}) for member in members]
            marks = [{edge.mark(name) for edge in edges} for name in (first, second)]
            found.add(Edge(first, second, *(ends.pop() if len(ends) == 1 else Mark.CIRCLE for ends in marks)))
    return found


def is_mag(graph):
    try:
        return require_mag(graph) is graph
    except GraphError:
        return False


def test_pags_are_what_all_mags_of_three_variables_with_the_same_separations_have_in_common():
    compare_pags([graph for graph in all_graphs("ABC", ARROWS | OTHERS) if is_mag(graph)], 72, 11)


@pytest.mark.slow
def test_pags_are_what_all_mags_of_four_variables_with_the_same_separations_have_in_common():
    compare_pags([graph for graph in all_graphs("ABCD", ARROWS | OTHERS) if is_mag(graph)], 3045, 251)


def compare_pags(mags, count, classes):
    by_separations = classes_of(mags, separations)
    assert (len(mags), len(by_separations)) == (count, classes)
    by_pag = classes_of(mags, pag_of)
    assert {frozenset(members) for members in by_pag.values()} == {*map(frozenset, by_separations.values())}
    for pag, members in by_pag.items():
        assert pag.edges == common_marks(members)
        assert separations(pag) == separations(members[0])


@pytest.mark.parametrize(
    ("text", "hidden", "selected", "mag", "pag"),
    [
        # An instrument: all three are joined, so nothing is sure.
        ("Z -> X -> Y; U -> {X, Y}", "U", "", "Z -> X -> Y; Z -> Y", "Z o-o X o-o Y; Z o-o Y"),
        # The Y structure makes one effect sure (Mani, Spirtes and Cooper 2006).
        ("A -> X <- B; X -> Y", "", "", "A -> X <- B; X -> Y", "A o-> X <-o B; X -> Y"),
        # Two hidden causes in a row, each seen from outside.
        ("A -> X; B -> Y; U -> {X, Y}", "U", "", "A -> X <-> Y <- B", "A o-> X <-> Y <-o B"),
        # Selection on a common effect joins its causes.
        ("X -> S <- Y; A -> X; B -> Y", "", "S", "A -> X -- Y <- B", None),
        # Four variables in a ring of selections: no circle is left (R5).
        (
            "A -> S <- B; B -> T <- C; C -> V <- D; D -> W <- A",
            "",
            "S T V W",
            "A -- B -- C -- D -- A",
            "A -- B -- C -- D -- A",
        ),
    ],
)
def test_known_mags_and_pags(text, hidden, selected, mag, pag):
    graph = graph_from_text(text)
    made = mag_of(Graph(graph.nodes, graph.edges, frozenset(hidden.split())), selected.split())
    if pag is not None:
        assert made.edges == graph_from_text(mag).edges
        assert pag_of(made).edges == graph_from_text(pag).edges


def test_a_discriminating_path_decides_between_a_cause_and_a_hidden_one():
    """R4, as in Zhang 2008, figure 3: D *-> A <-> B o-* C with A -> C."""
    arc = graph_from_text("D -> A <-> B <-> C; A -> C; E -> B")
    arrow = graph_from_text("D -> A <-> B -> C; A -> C; E -> B")
    assert pag_of(arc).edges == graph_from_text("D o-> A <-> B <-> C; A -> C; E o-> B").edges
    assert pag_of(arrow).edges == graph_from_text("D o-> A <-> B -> C; A -> C; E o-> B").edges


def test_meek_rules_use_what_is_known():
    diamond = graph_from_text("A -- B; A -- C; A -- D; B -> C; D -> C")
    assert meek_closed(diamond) == meek_closed(graph_from_text("A -- B; A -> C; A -- D; B -> C; D -> C"))
    fourth = meek_closed(graph_from_text("A -- B; A -- C; A -- D; B -- C; C -- D"), required=[("D", "C"), ("C", "B")])
    assert Edge("A", "B") in fourth.edges
    assert meek_closed(graph_from_text("X -- Y -- Z"), forbidden=[("X", "Y"), ("X", "Z")]) == graph_from_text(
        "X; Y; Z; Y -> X; Y -- Z"
    )


@pytest.mark.parametrize("names", ["ABCD"])
def test_meek_rules_find_all_that_knowledge_decides(names):
    """Every CPDAG of four variables, every arrow that somebody may know: the rules are complete."""
    cpdags = {cpdag_of(graph) for graph in all_graphs(names, ARROWS) if graph.is_dag}
    for cpdag in cpdags:
        members = list(dags_of(cpdag))
        for line in cpdag.edges - {edge for edge in cpdag.edges if edge.is_directed}:
            known = Edge(line.first, line.second)
            closed = meek_closed(cpdag, required=[(line.first, line.second)])
            assert closed.edges == common_edges([member for member in members if known in member.edges])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("X -> Y -> Z", "X <- Y <- Z; X", True),
        ("X -> Y <- Z", "X -> Y -> Z", False),
        ("X -> Y", "X -> Y; Z", False),
        ("X -> Y", "X <-> Y", True),
        ("Z -> X -> Y; X <-> Y", "Z -> X -> Y; Z -> Y", True),
        ("Z -> X -> Y; U -> {X, Y}; U [latent]", "Z -> X -> Y; X <-> Y", True),
        ("A -> X <-> Y <- B", "A -> X -> Y <- B", False),
    ],
)
def test_known_equivalences(first, second, expected):
    assert are_equivalent(graph_from_text(first), graph_from_text(second)) is expected


def test_counts_of_classes_are_those_of_their_closed_forms():
    tree = cpdag_of(graph_from_text("A -> B -> C -> D -> E"))
    assert len(list(dags_of(tree))) == 5  # one for each root
    clique = cpdag_of(Graph.of(list(combinations("ABCDE", 2))))
    assert len(list(dags_of(clique))) == 120  # one for each order


@pytest.mark.parametrize(
    ("ask", "text", "code"),
    [
        (cpdag_of, "X <-> Y", "AE-7113"),
        (cpdag_of, "X -> Y -> Z -> X", "AE-7103"),
        (meek_closed, "X <-> Y", "AE-7114"),
        (meek_closed, "X -> Y; X -- Y", "AE-7114"),
        (lambda graph: meek_closed(graph, required=[("Y", "X")]), "X -> Y", "AE-7116"),
        (lambda graph: meek_closed(graph, required=[("X", "Z")]), "X -> Y -> Z", "AE-7116"),
        (lambda graph: meek_closed(graph, required=[("X", "Y"), ("Z", "Y")]), "X -- Y -- Z", "AE-7116"),
        (
            lambda graph: meek_closed(graph, required=[("X", "Y"), ("Y", "Z"), ("Z", "X")]),
            "X -- Y -- Z -- X",
            "AE-7116",
        ),
        (consistent_extension, "A -- B -- C -- D -- A", "AE-7115"),
        (consistent_extension, "X o-o Y", "AE-7114"),
        (pag_of, "X o-o Y", "AE-7117"),
        (pag_of, "X -> Y; X <-> Y", "AE-7117"),
        (pag_of, "X -> Y -> Z; X <-> Z", "AE-7117"),
        (pag_of, "X -> Y -- Z", "AE-7117"),
        (pag_of, "A <-> B <-> C <-> D; B -> D; C -> A", "AE-7117"),  # nothing separates A and D
        (mag_of, "X -- Y", "AE-7105"),
    ],
)
def test_what_has_no_class_is_refused_by_its_code(ask, text, code):
    with pytest.raises(GraphError) as caught:
        ask(graph_from_text(text))
    assert caught.value.code == code
