"""Every graph survives every way of writing it down, and no text does worse than a clear error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.errors import GraphError
from aetia.scm.graphs.graph import Edge, Graph, Mark
from aetia.scm.graphs.interchange import (
    graph_from_dagitty,
    graph_from_dot,
    graph_from_json,
    graph_from_networkx,
    graph_to_dagitty,
    graph_to_dot,
    graph_to_json,
    graph_to_networkx,
)
from aetia.scm.graphs.notation import graph_from_text

NAMES = st.one_of(
    st.sampled_from(
        ["X", "o", "o'", "X[t-1]", "blood pressure", 'a"b', "a\\", "edge", "node", "1", "", "{", "->", "é"]
    ),
    st.text(max_size=5),
)
WAYS = {
    "text": (str, graph_from_text),
    "dot": (graph_to_dot, graph_from_dot),
    "dagitty": (graph_to_dagitty, graph_from_dagitty),
    "json": (graph_to_json, graph_from_json),
    "networkx": (graph_to_networkx, graph_from_networkx),
}
READERS = [graph_from_text, graph_from_dot, graph_from_dagitty, graph_from_json]


@st.composite
def graphs(draw):
    nodes = draw(st.lists(NAMES, unique=True, max_size=5))
    node, mark = st.sampled_from(nodes or ["none"]), st.sampled_from(list(Mark))
    joined = st.tuples(node, node, mark, mark).filter(lambda parts: parts[0] != parts[1])
    edges = draw(st.frozensets(joined, max_size=8)) if len(nodes) > 1 else frozenset()
    latent = draw(st.frozensets(node)) if nodes else frozenset()
    return Graph(tuple(nodes), frozenset(Edge(*parts) for parts in edges), latent)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=80, deadline=None)
@given(graph=graphs())
def test_a_graph_is_read_back_as_it_was_written(way, graph):
    write, read = WAYS[way]
    assert read(write(graph)) == graph


SIGNS = st.lists(
    st.sampled_from(
        [
            *'{}[];,=<>-o"\\\n #',
            "->",
            "<->",
            "o-o",
            "@->",
            "A",
            "B",
            "dag {",
            "digraph {",
            "subgraph",
            "edge",
            "/*",
            "*/",
        ]
    ),
    max_size=20,
).map("".join)


def outcome(read, text):
    try:
        return read(text)
    except GraphError as error:
        return error


@pytest.mark.parametrize("read", READERS)
@settings(max_examples=100, deadline=None)
@given(text=st.one_of(st.text(), SIGNS, SIGNS.map("digraph {{{}}}".format), SIGNS.map("dag {{{}}}".format)))
def test_any_text_gives_a_graph_or_an_error_that_names_its_mend(read, text):
    assert isinstance(outcome(read, text), Graph | GraphError)


@settings(max_examples=100, deadline=None)
@given(text=SIGNS)
def test_the_caret_stands_under_the_place_where_reading_stopped(text):
    found = outcome(graph_from_text, text)
    if isinstance(found, GraphError) and found.code == "AE-7106":
        line, caret = found.details
        assert caret.strip() == "^"
        assert len(caret) - 1 <= len(line)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("text", ["{" * 50_000, "digraph {" + "{" * 50_000, "dag {" + "{" * 50_000, "[" * 50_000])
def test_deep_nesting_is_refused_and_not_followed(read, text):
    with pytest.raises(GraphError):
        read(text)
