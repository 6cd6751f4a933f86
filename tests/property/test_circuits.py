"""Whatever edges are out, in whichever family: circuits give what plain hooks and whole runs give."""

import json

import numpy as np
import pytest
from circuit_fixtures import FAMILIES, patched_nodes, random_items
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tiny_models import tiny_network

from aetia.circuits.edge_patching import edge_effects
from aetia.circuits.execution import circuit_outcomes, prepare, reference_writes
from aetia.circuits.graph import Circuit, Graph
from aetia.errors import AetiaError

CLOSE = 1e-4
FEW = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**16)


def outcome(network, ids):
    logits = network.last_logits([ids])[0]
    return float(logits[5] - logits[6])


@pytest.mark.parametrize("family", FAMILIES)
@FEW
@given(seed=seeds, length=st.integers(2, 9))
def test_all_edges_are_the_clean_run_and_none_the_corrupted_one(family, seed, length):
    network, item = tiny_network(family), random_items(1, seed, max(3, length))[0]
    one = prepare(network, item)
    full, empty = circuit_outcomes(network, one, [Circuit.full(one.graph), Circuit(one.graph, ())])
    assert full == pytest.approx(outcome(network, item.clean_ids), abs=CLOSE)
    assert empty == pytest.approx(outcome(network, item.corrupted_ids), abs=CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
@FEW
@given(seed=seeds, data=st.data())
def test_a_node_without_outgoing_edges_is_a_patched_node(family, seed, data):
    network, item = tiny_network(family), random_items(1, seed)[0]
    kind = data.draw(st.sampled_from(["patch", "zero"]))
    one = prepare(network, item, reference=None if kind == "patch" else reference_writes(network, [item], "zero"))
    out = data.draw(st.sets(st.sampled_from(one.graph.senders), min_size=1, max_size=6))
    if kind == "zero":
        out = out - {"embed"}  # an empty residual has no norm to speak of
    found = circuit_outcomes(network, one, [Circuit.of_nodes(one.graph, set(one.graph.senders) - out)])[0]
    logits = patched_nodes(network, item, sorted(out), kind)
    assert found == pytest.approx(float(logits[5] - logits[6]), abs=CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
@FEW
@given(seed=seeds, share=st.floats(0.1, 0.95), memory=st.sampled_from([0, 10**5, 2**30]))
def test_pruning_and_company_in_a_batch_change_nothing(family, seed, share, memory):
    network, item = tiny_network(family), random_items(1, seed)[0]
    one, draw = prepare(network, item), np.random.default_rng(seed)
    circuits = [Circuit.of_mask(one.graph, draw.random(one.graph.edges) < share) for _ in range(3)]
    circuits.append(circuits[0].without(circuits[0].edges[-3:]))
    together = circuit_outcomes(network, one, circuits, memory=memory)
    alone = [circuit_outcomes(network, one, [circuit.pruned()])[0] for circuit in circuits]
    np.testing.assert_allclose(together, alone, atol=CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
@FEW
@given(seed=seeds)
def test_what_is_cut_in_one_direction_is_restored_in_the_other(family, seed):
    network, item = tiny_network(family), random_items(1, seed)[0]
    one, draw = prepare(network, item), np.random.default_rng(seed)
    edges = sorted(draw.choice(one.graph.edges, 4, replace=False).tolist())
    single = [Circuit(one.graph, (edge,)) for edge in edges]
    values = circuit_outcomes(network, one, [circuit.complement() for circuit in single])
    clean, corrupted = outcome(network, item.clean_ids), outcome(network, item.corrupted_ids)
    np.testing.assert_allclose(edge_effects(network, one, edges), clean - values, atol=CLOSE)
    # An edge restored in the corrupted run: that run is live, and the edge carries what it carries in the clean one.
    restored = circuit_outcomes(network, one.turned, [circuit.complement() for circuit in single])
    np.testing.assert_allclose(
        edge_effects(network, one, edges, direction="denoising"), restored - corrupted, atol=CLOSE
    )


SMALL = Graph(2, 2, 1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(SMALL.senders),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
names = st.sampled_from([*SMALL.senders, *SMALL.receivers]) | json_values
rows = st.tuples(names, names) | st.tuples(names, names, st.floats() | json_values) | json_values
sizes = st.integers(0, 4) | json_values | st.sampled_from([10**6, 10**30, -1])
graphs = st.fixed_dictionaries(
    {"layers": sizes, "heads": sizes, "key_value_heads": sizes}, optional={"is_parallel": json_values, "more": sizes}
)
files = st.fixed_dictionaries(
    {"edges": st.lists(rows, max_size=5) | json_values},
    optional={"format": json_values, "graph": graphs | st.just(json.loads(Circuit(SMALL, ()).to_json())["graph"])},
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.one_of(files, json_values).map(json.dumps) | st.text())
@example(text="[" * 100_000)
@example(text='{"graph": {"layers": 1e400, "heads": 1, "key_value_heads": 1}, "edges": []}')
@example(text='{"graph": {"layers": 1, "heads": 1, "key_value_heads": 1}, "edges": [["embed", "logits", 1e999]]}')
def test_any_text_is_a_circuit_or_one_clear_error(text):
    refused: AetiaError | None = None
    circuit = Circuit(SMALL, ())
    try:
        circuit = Circuit.from_json(text)
    except AetiaError as error:
        refused = error
    assert refused is None or (refused.code in ("AE-1301", "AE-1303") and "\n" not in refused.found)
    assert Circuit.from_json(circuit.to_json()) == circuit


@settings(deadline=None)
@given(edges=st.sets(st.integers(0, SMALL.edges - 1)), scores=st.booleans(), seed=seeds)
def test_a_circuit_comes_back_from_its_json(edges, scores, seed):
    drawn = tuple(np.random.default_rng(seed).normal(size=len(edges)).tolist()) if scores else ()
    circuit = Circuit(SMALL, tuple(sorted(edges)), drawn)
    assert Circuit.from_json(circuit.to_json()) == circuit
