"""What graph does a text mean, and what is said where it means none?"""

import networkx as nx
import pytest

from aetia.errors import GraphError
from aetia.scm.graphs.graph import Edge, Graph, Mark
from aetia.scm.graphs.interchange import (
    graph_from_dagitty,
    graph_from_dot,
    graph_from_json,
    graph_from_networkx,
    graph_to_dot,
)
from aetia.scm.graphs.notation import graph_from_text

TAIL, ARROW, CIRCLE = Mark


@pytest.mark.parametrize(
    ("text", "nodes", "edges"),
    [
        ("Z -> X; X -> Y; X <-> Y", "ZXY", {("Z", "X"), ("X", "Y"), ("X", "Y", ARROW, ARROW)}),
        ("A -> B <- C, W", "ABCW", {("A", "B"), ("C", "B")}),
        ("{A, B} -> {C D}", "ABCD", {("A", "C"), ("A", "D"), ("B", "C"), ("B", "D")}),
        ("A -- B\nB o-> C # a remark; no -> edge\nC o-o D", "ABCD", None),
        ("B <-o A", "BA", {("A", "B", CIRCLE, ARROW)}),
        ("A --o B; A --> C", "ABC", {("A", "B", TAIL, CIRCLE), ("A", "C")}),
        ("A → B ← C; A ↔ C", "ABC", {("A", "B"), ("C", "B"), ("A", "C", ARROW, ARROW)}),
        ("o o-o p", "op", {("o", "p", CIRCLE, CIRCLE)}),
        (" ;\n\n", "", set()),
    ],
)
def test_a_text_means_these_variables_in_this_order_and_these_edges(text, nodes, edges):
    graph = graph_from_text(text)
    assert "".join(graph.nodes) == nodes
    if edges is not None:
        assert graph.edges == {Edge(*edge) for edge in edges}


def test_names_may_be_quoted_carry_a_time_and_be_hidden():
    graph = graph_from_text('"blood pressure" -> X[t-1] -> X[t]; {U, V} [latent]; U -> X[t]')
    assert graph.nodes == ("blood pressure", "X[t-1]", "X[t]", "U", "V")
    assert graph.latent == {"U", "V"}
    assert str(Graph.of([("a", 'say "b"')])) == r'a -> "say \"b\""'


def test_a_graph_prints_shortest_where_the_order_of_its_variables_allows():
    assert str(Graph.of([("Z", "X"), ("X", "Y")], [("X", "Y")], nodes="ZXYW")) == "Z -> X; X -> Y; X <-> Y; W"
    assert str(Graph.of([("Z", "X")], nodes="XZ", latent="Z")) == "X; Z [latent]; Z -> X"


@pytest.mark.parametrize(
    ("text", "line", "place"),
    [
        ("A B", "A B", 2),
        ("A ->", "A ->", 4),
        ("A -> B\nC => D", "C => D", 2),
        ("A -> {B, C", "A -> {B, C", 10),
        ("A [hidden]", "A [hidden]", 0),
        ("A -> B [latent]", "A -> B [latent]", 0),
        ('A -> "B', 'A -> "B', 5),
        ("A - B", "A - B", 2),
    ],
)
def test_an_error_points_at_the_place(text, line, place):
    with pytest.raises(GraphError) as caught:
        graph_from_text(text)
    assert caught.value.code == "AE-7106"
    assert caught.value.details == (line, " " * place + "^")


def test_dot_reads_chains_subgraphs_directions_and_defaults():
    graph = graph_from_dot(
        """strict digraph "a name" { rankdir=LR; node [shape=box]
        // a remark
        a -> b -> c [color="red"]   /* and
        one more */ subgraph cluster_0 { label="group"; d; e } -> c
        b -> d [dir="both"]; a -> e [dir=back]; a -> d [dir=none] a -> f [dir=both, arrowtail=odot];
        U [observed="no"]; edge [dir=both] U -> f }"""
    )
    assert graph == graph_from_text(
        "a -> b -> c; d -> c; e -> c; b <-> d; e -> a; a -- d; a o-> f; U <-> f; U [latent]"
    )


def test_undirected_dot_joins_without_arrows():
    assert graph_from_dot("graph { a -- b -- c }") == graph_from_text("a -- b -- c")


def test_dot_output_shows_hidden_variables_dashed():
    text = graph_to_dot(graph_from_text("X -> Y; X <-> Y; U [latent]"))
    assert text.splitlines() == [
        "digraph {",
        '  "X";',
        '  "Y";',
        '  "U" [latent=true, style=dashed];',
        '  "X" -> "Y";',
        '  "X" -> "Y" [dir=both, arrowtail=normal, arrowhead=normal];',
        "}",
    ]


def test_dagitty_reads_what_the_site_writes():
    graph = graph_from_dagitty(
        """dag {
        bb="-3,-0.5,2,1.2"
        D [outcome,pos="1.000,1.000"]
        ANXA2.11 [pos="0.105,12.599"]
        "Body mass" [adjusted]
        U [latent]
        1 [selected]
        D <-> ANXA2.11 [pos="1.000,-1.000"]
        U -> {D 1} <- "Body mass"
        }"""
    )
    expected = 'D; ANXA2.11; "Body mass"; U [latent]; 1; D <-> ANXA2.11; U -> {D, 1} <- "Body mass"'
    assert graph == graph_from_text(expected)
    assert graph_from_dagitty("pag{ A @-@ B @-> C ; C --@ D; D -- E }") == graph_from_text("A o-o B o-> C -o D -- E")


@pytest.mark.parametrize(
    ("read", "text", "code"),
    [
        (graph_from_dot, "a -> b", "AE-7107"),
        (graph_from_dot, "digraph { a -> b", "AE-7107"),
        (graph_from_dot, "digraph { a:n -> b }", "AE-7107"),
        (graph_from_dot, "digraph { a -> b [dir=sideways] }", "AE-7107"),
        (graph_from_dot, "digraph { { edge [dir=both] a -> b } c -> d }", "AE-7107"),
        (graph_from_dot, "digraph { a -> a }", "AE-7102"),
        (graph_from_dot, "digraph { a } b", "AE-7107"),
        (graph_from_dagitty, "dag { a @> b }", "AE-7108"),
        (graph_from_dagitty, "x -> y", "AE-7108"),
        (graph_from_json, "[]", "AE-7109"),
        (graph_from_json, "{", "AE-7109"),
        (graph_from_json, '{"nodes": ["X"], "edges": [], "colour": 1}', "AE-7109"),
        (graph_from_json, '{"nodes": ["X", 1], "edges": []}', "AE-7109"),
        (graph_from_json, '{"nodes": ["X", "Y"], "edges": [["X", "=>", "Y"]]}', "AE-7109"),
        (graph_from_json, '{"nodes": ["X"], "edges": [["X", "->", "Y"]]}', "AE-7102"),
        (graph_from_json, '{"nodes": ["X", "X"], "edges": []}', "AE-7101"),
        (graph_from_networkx, nx.DiGraph([(1, 2)]), "AE-7110"),
    ],
)
def test_what_is_no_graph_is_refused_by_its_code(read, text, code):
    with pytest.raises(GraphError) as caught:
        read(text)
    assert caught.value.code == code


def test_networkx_graphs_of_either_kind_are_taken():
    assert graph_from_networkx(nx.DiGraph([("X", "Y")])) == graph_from_text("X -> Y")
    assert graph_from_networkx(nx.Graph([("X", "Y")])) == graph_from_text("X -- Y")
    hidden = nx.DiGraph([("U", "Y")])
    hidden.nodes["U"]["latent"] = True
    assert graph_from_networkx(hidden) == graph_from_text("U -> Y; U [latent]")
