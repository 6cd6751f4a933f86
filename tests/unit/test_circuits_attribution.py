"""Edge attribution is the derivative of cutting edges, and its integral is complete."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from circuit_fixtures import FAMILIES, patched_nodes, random_items
from tiny_models import tiny_network

from aetia.circuits.attribution import ATTRIBUTIONS, edge_attribution
from aetia.circuits.edge_patching import edge_effects
from aetia.circuits.execution import circuit_outcomes, prepare
from aetia.circuits.graph import Circuit
from aetia.errors import StudyError


@pytest.mark.parametrize("family", FAMILIES)
def test_where_the_reference_is_near_all_three_equal_exact_edge_effects(family):
    network = tiny_network(family)
    one = prepare(network, random_items(1, seed=2)[0])
    near = replace(one, reference=one.writes + 2e-3 * (one.reference - one.writes))  # a straight line, to first order
    exact = circuit_outcomes(network, near, [Circuit.full(one.graph)]) - circuit_outcomes(
        network, near, ~np.eye(one.graph.edges, dtype=bool)[::3]
    )
    for method in ATTRIBUTIONS:
        found = edge_attribution(network, near, method, steps=1)[::3]
        assert np.abs(found - exact).max() < 0.05 * np.abs(exact).max()
        assert np.corrcoef(found, exact)[0, 1] > 0.99


@pytest.mark.parametrize("family", ["llama", "phi3", "gpt2", "gpt_neox", "opt"])
def test_integrated_gradients_are_complete(family):
    network, item = tiny_network(family), random_items(1, seed=3)[0]
    one = prepare(network, item)
    full, empty = circuit_outcomes(network, one, [Circuit.full(one.graph), Circuit(one.graph, ())])
    inputs = one.graph.node_scores(edge_attribution(network, one, "eap-ig-inputs", steps=300))
    assert inputs[0] == pytest.approx(full - empty, abs=2e-3)
    groups = one.graph.node_scores(edge_attribution(network, one, "eap-ig-activations", steps=300))
    heads = [f"L1.h{head}" for head in range(4)]
    for nodes in (["embed"], heads, ["L0.mlp"], ["L2.mlp"]):
        logits = patched_nodes(network, item, nodes)
        total = sum(groups[one.graph.sender_index[name]] for name in nodes)
        assert total == pytest.approx(full - float(logits[5] - logits[6]), abs=2e-3)


def test_edges_into_the_logits_are_exact_where_the_read_out_is_linear():
    """With the final norm replaced by the identity, the outcome is linear in what the logits read."""
    network = tiny_network("llama")
    norm = network.module.model.norm
    network.module.model.norm = torch.nn.Identity()
    try:
        one = prepare(network, random_items(1, seed=5)[0])
        first = int(one.graph.offsets[-2])
        exact = edge_effects(network, one, range(first, one.graph.edges))
        found = edge_attribution(network, one, "eap")[first:]
        np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())
    finally:
        network.module.model.norm = norm


@pytest.mark.parametrize(
    ("kind", "method", "steps", "code"),
    [
        ("accuracy", "eap-ig-inputs", 5, "AE-1306"),
        ("kl", "eap", 5, "AE-1306"),
        ("logit_difference", "eap-ig-inputs", 0, "AE-1307"),
    ],
)
def test_what_has_no_gradient_is_refused(kind, method, steps, code):
    network = tiny_network("llama")
    with pytest.raises(StudyError) as caught:
        edge_attribution(network, prepare(network, random_items(1)[0], kind), method, steps=steps)
    assert caught.value.code == code


def test_integrated_gradients_of_the_divergence_are_complete_too():
    network = tiny_network("llama")
    one = prepare(network, random_items(1, seed=6)[0], "kl")
    empty = circuit_outcomes(network, one, [Circuit(one.graph, ())])[0]
    total = one.graph.node_scores(edge_attribution(network, one, steps=300))[0]
    assert total == pytest.approx(-empty, abs=5e-3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ATTRIBUTIONS)
def test_the_labels_of_others_are_read_off_the_same_runs(family, method):
    network = tiny_network(family)
    one = prepare(network, random_items(1, seed=4)[0])
    labels = ((7, 8), (9, 5), (5, 7))
    together = replace(one, outcome=replace(one.outcome, decoys=labels))
    found = edge_attribution(network, together, method, steps=3)
    assert found.shape == (4, one.graph.edges)
    alone = [replace(one.outcome, answer=(answer,), foil=foil) for answer, foil in labels]
    expected = [
        edge_attribution(network, replace(one, outcome=each), method, steps=3) for each in (one.outcome, *alone)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(edge_attribution(network, together, method, steps=3, memory=1), expected, atol=1e-5)
