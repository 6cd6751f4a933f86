"""The search by contextual decomposition finds what is there, and its runs are exact."""

import copy
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import tiny_network

from aetia.circuits.decomposition_search import Search, find_circuit, keep_most_relevant, node_faithfulness
from aetia.circuits.deviations import deviations
from aetia.circuits.execution import ReferenceKind, circuit_outcomes, prepare, reference_writes
from aetia.circuits.graph import Circuit, Graph
from aetia.contrasts.contrast import AlignedContrast
from aetia.errors import StudyError
from aetia.models import Network, wrap


def contrast(clean: list[int], corrupted: list[int]) -> AlignedContrast:
    return AlignedContrast("one", "", "", "", "", tuple(clean), tuple(corrupted), (), (), (5,), (9,), {})


ITEMS = [contrast([3, 11, 22, 33, 44, 55], [3, 11, 23, 33, 44, 55]), contrast([8, 9, 1, 7, 6, 2], [8, 90, 1, 7, 6, 2])]
HEADS = [f"L{layer}.h{head}" for layer in range(3) for head in range(4)]


def with_heads(family: str, kept: list[str]) -> Network:
    """The tiny network, the values of whose other heads come to nothing."""
    module = copy.deepcopy(tiny_network(family).module)
    network = wrap(module)
    with torch.no_grad():
        for name in set(HEADS) - set(kept):
            layer, head = int(name[1]), int(name[4])
            mixer = network.ports[layer]["z"].module
            weight = cast("torch.Tensor", mixer.weight)  # Linear keeps [out, in], GPT-2's Conv1D the transpose
            (weight.T if isinstance(mixer, torch.nn.Linear) else weight)[head * 8 : head * 8 + 8] = 0
    return network


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("reference", ["patch", "mean", "zero"])
def test_faithfulness_is_that_of_the_circuit_run_edge_by_edge(family: str, reference: ReferenceKind) -> None:
    network = tiny_network(family)
    graph = Graph.of(network)
    choices = [["L0.h1", "L2.h3"], ["L1.mlp", "embed", "L1.h0"], HEADS]
    candidates = [*graph.senders]
    runs = list(deviations(network, ITEMS, reference))
    found = node_faithfulness(network, runs, choices, candidates)
    circuits = [Circuit.full(graph), Circuit(graph, ()), *(Circuit.of_nodes(graph, nodes) for nodes in choices)]
    totals = np.zeros(len(circuits))
    for item in ITEMS:
        kind = None if reference == "patch" else reference_writes(network, ITEMS, reference)
        totals += circuit_outcomes(network, prepare(network, item, reference=kind), circuits)
    whole, empty, *values = totals.tolist()
    assert found == pytest.approx([(value - empty) / (whole - empty) for value in values], abs=1e-3)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_only_heads_that_write_anything_are_found(family: str) -> None:
    kept = ["L0.h2", "L1.h1", "L2.h0"]
    network = with_heads(family, kept)
    for keep in (1, 3, 12):
        found = find_circuit(network, ITEMS, Search(keep=keep, slack=None))
        assert found.nodes
        assert set(found.nodes) <= set(kept)
    assert node_faithfulness(network, list(deviations(network, ITEMS, "patch")), [kept], HEADS) == pytest.approx(
        [1.0], abs=1e-3
    )


def test_dropping_never_moves_the_circuit_away_from_the_network() -> None:
    network = tiny_network("qwen2")
    whole = find_circuit(network, ITEMS, Search(keep=3, rounds=3, slack=None))
    pruned = find_circuit(network, ITEMS, Search(keep=3, rounds=3))
    assert pruned.rounds == whole.rounds
    assert set(pruned.nodes) | set(pruned.dropped) == set(whole.nodes)
    assert abs(1 - pruned.faithfulness) <= abs(1 - whole.faithfulness)
    runs = list(deviations(network, ITEMS, "patch"))
    assert node_faithfulness(network, runs, [pruned.nodes], HEADS) == pytest.approx([pruned.faithfulness], rel=1e-4)
    senders = {sender for sender, _ in pruned.circuit.names}
    assert senders == {"embed", "L0.mlp", "L1.mlp", "L2.mlp", *pruned.nodes}
    generous = find_circuit(network, ITEMS, Search(keep=3, rounds=3, slack=1e9))
    assert generous.nodes == ()


def test_each_round_looks_at_what_comes_before_the_last_one() -> None:
    graph = Graph.of(tiny_network("llama"))
    found = find_circuit(tiny_network("llama"), ITEMS, Search(keep=1, rounds=9, slack=None))
    layers = [graph.layer_of(name) for (name,) in found.rounds]
    assert layers == sorted(layers, reverse=True)
    assert len(set(found.nodes)) == len(found.nodes)


@given(st.dictionaries(st.text(max_size=3), st.floats(-2, 2), max_size=9), st.integers(1, 5))
def test_the_most_relevant_are_kept_and_nothing_irrelevant_is(relevance: dict[str, float], keep: int) -> None:
    kept = keep_most_relevant(relevance, keep)
    above = [value for value in relevance.values() if value > 0]
    assert sorted((relevance[name] for name in kept), reverse=True) == sorted(above, reverse=True)[:keep]
    assert len(keep_most_relevant(relevance, 0.5)) == -(-len(above) // 2)


def test_a_search_that_cannot_find_anything_is_an_error() -> None:
    network = tiny_network("llama")
    same = contrast([1, 2, 3], [1, 2, 3])
    for ask in (
        lambda: Search(keep=0),
        lambda: find_circuit(network, []),
        lambda: find_circuit(network, [same]),
    ):
        with pytest.raises(StudyError) as caught:
            ask()
        assert caught.value.code == "AE-1355"
