"""Graphs name every edge once, and circuits keep, prune, rank and store them."""

import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import tiny_network

from aetia.circuits.graph import Circuit, Graph
from aetia.errors import StudyError

SMALL = Graph(2, 2, 1)

graphs = st.builds(
    lambda layers, key_value, group, parallel: Graph(layers, key_value * group, key_value, parallel),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
)


def paths(circuit: Circuit) -> nx.DiGraph:
    """Edges of the circuit and what leads inside heads, built by hand from names."""
    graph = nx.DiGraph()
    graph.add_nodes_from(["embed", "logits"])
    group = circuit.graph.heads // circuit.graph.key_value_heads
    for sender, receiver in circuit.names:
        graph.add_edge(sender, receiver)
        if receiver[-1] in "qkv" and "." in receiver:
            layer, head, port = receiver.split(".")
            first = int(head[1:]) * (1 if port == "q" else group)
            for member in range(first, first + (1 if port == "q" else group)):
                graph.add_edge(receiver, f"{layer}.h{member}")
    return graph


def test_a_graph_lists_what_writes_and_what_reads():
    assert SMALL.senders == ("embed", "L0.h0", "L0.h1", "L0.mlp", "L1.h0", "L1.h1", "L1.mlp")
    assert SMALL.receivers[:5] == ("L0.h0.q", "L0.h1.q", "L0.h0.k", "L0.h0.v", "L0.mlp")
    assert SMALL.reads.tolist() == [1, 1, 1, 1, 3, 4, 4, 4, 4, 6, 7]
    assert Graph(2, 2, 1, is_parallel=True).reads.tolist() == [1, 1, 1, 1, 1, 4, 4, 4, 4, 4, 7]
    assert SMALL.edges == 4 * 1 + 3 + 4 * 4 + 6 + 7
    assert SMALL.feeds("L1.h0.k") == ("L1.h0", "L1.h1")
    assert (SMALL.feeds("L1.h1.q"), SMALL.feeds("L1.mlp"), SMALL.feeds("logits")) == (("L1.h1",), ("L1.mlp",), ())
    assert [SMALL.layer_of(name) for name in ("embed", "L1.h0.k", "L0.mlp", "logits")] == [-1, 1, 0, 2]


@pytest.mark.parametrize(
    ("family", "expected"),
    [("llama", Graph(3, 4, 2)), ("gpt2", Graph(3, 4, 4)), ("gpt_neox", Graph(3, 4, 4, is_parallel=True))],
)
def test_a_network_has_its_graph(family, expected):
    assert Graph.of(tiny_network(family)) == expected


@given(graphs)
def test_numbers_and_names_of_edges_agree(graph):
    names = [graph.edge(index) for index in range(graph.edges)]
    assert [graph.edge_index(*edge) for edge in names] == list(range(graph.edges))
    ends = [(graph.senders[s], graph.receivers[r]) for s, r in zip(*graph.ends, strict=True)]
    assert ends == names
    assert len(set(names)) == graph.edges == int(graph.mask(np.ones(graph.edges, bool)).sum())


@pytest.mark.parametrize(
    "edge", [("L1.h0", "L0.mlp"), ("L1.mlp", "L1.mlp"), ("L0.h2", "logits"), ("embed", "L0.h1.k"), ("logits", "logits")]
)
def test_an_edge_that_is_none_is_refused(edge):
    with pytest.raises(StudyError) as caught:
        SMALL.edge_index(*edge)
    assert caught.value.code == "AE-1301"


@settings(max_examples=60, deadline=None)
@given(graphs, st.integers(0, 2**32 - 1), st.floats(0.05, 0.9))
def test_pruning_keeps_exactly_the_edges_on_paths_from_input_to_output(graph, seed, share):
    circuit = Circuit.of_mask(graph, np.random.default_rng(seed).random(graph.edges) < share)
    linked = paths(circuit)
    from_input = nx.descendants(linked, "embed") | {"embed"}
    to_output = nx.ancestors(linked, "logits") | {"logits"}
    expected = {edge for edge in circuit.names if edge[0] in from_input and edge[1] in to_output}
    pruned = circuit.pruned()
    assert set(pruned.names) == expected
    assert pruned.pruned() == pruned
    drawn = pruned.to_networkx()
    assert {(a, b) for a, b, inner in drawn.edges(data="inner") if not inner} == expected


@settings(max_examples=40, deadline=None)
@given(graphs, st.integers(0, 2**32 - 1), st.booleans())
def test_json_gives_the_same_circuit_back(graph, seed, scored):
    draw = np.random.default_rng(seed)
    edges = np.flatnonzero(draw.random(graph.edges) < 0.3).tolist()
    circuit = Circuit(graph, tuple(edges), tuple(draw.normal(size=len(edges)).tolist()) if scored else ())
    assert Circuit.from_json(circuit.to_json()) == circuit


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", "AE-1303"),
        ("{", "AE-1303"),
        ('{"graph": {"layers": 1}, "edges": []}', "AE-1303"),
        (json.dumps({**json.loads(Circuit(SMALL, (0,)).to_json()), "edges": [["embed"]]}), "AE-1303"),
        (json.dumps({**json.loads(Circuit(SMALL, (0,)).to_json()), "edges": [["embed", "L7.mlp"]]}), "AE-1301"),
    ],
)
def test_a_text_that_is_no_circuit_is_refused(text, code):
    with pytest.raises(StudyError) as caught:
        Circuit.from_json(text)
    assert caught.value.code == code


def test_the_strongest_edges_are_taken_by_value_or_size_and_never_those_that_are_no_candidates():
    scores = np.full(SMALL.edges, -np.inf)
    direct, loop = SMALL.edge_index("embed", "logits"), SMALL.edge_index("embed", "L0.h0.q")
    via, out = SMALL.edge_index("embed", "L1.mlp"), SMALL.edge_index("L1.mlp", "logits")
    scores[[direct, loop, via, out]] = [1.0, 5.0, -3.0, 2.0]
    assert Circuit.top(SMALL, scores, 3).names == (("embed", "logits"),)  # the two others lead nowhere
    assert Circuit.top(SMALL, scores, 3, pruned=False).edges == tuple(sorted((direct, loop, out)))
    assert Circuit.top(SMALL, scores, 3, absolute=True).edges == tuple(sorted((via, out)))
    assert Circuit.top(SMALL, scores, 99, pruned=False).scores == (5.0, -3.0, 1.0, 2.0)
    scores[0] = np.nan
    with pytest.raises(StudyError) as caught:
        Circuit.top(SMALL, scores, 3)
    assert caught.value.code == "AE-1302"


def test_nodes_edges_and_complements():
    circuit = Circuit.of_nodes(SMALL, ["embed", "L0.h1", "logits"])
    assert {sender for sender, _ in circuit.names} == {"embed", "L0.h1"}
    assert len(circuit.edges) == 11 + 7
    assert set(circuit.edges) | set(circuit.complement().edges) == set(range(SMALL.edges))
    assert circuit.without(circuit.edges[:2]).edges == circuit.edges[2:]
    assert Circuit.of_edges(SMALL, [("embed", "L1.h0.k"), ("L1.h1", "logits")]).nodes == (
        "embed",
        "L1.h0",
        "L1.h1",
        "logits",
    )
    scores = np.arange(SMALL.edges, dtype=float)
    per_node = [scores[SMALL.ends[0] == index].sum() for index in range(len(SMALL.senders))]
    assert SMALL.node_scores(scores).tolist() == per_node


def test_the_table_shows_the_strongest_edges_first():
    edges = [("embed", "L0.mlp"), ("L0.mlp", "logits"), ("embed", "logits")]
    circuit = Circuit(SMALL, Circuit.of_edges(SMALL, edges).edges, (0.5, -2.0, 1.0))
    lines = circuit.table(2).splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["-2.0000", "embed", "->", "logits"],
        ["+1.0000", "L0.mlp", "->", "logits"],
    ]
    assert lines[2] == "... and 1 more"
    assert Circuit(SMALL, ()).table() == "no edges"
