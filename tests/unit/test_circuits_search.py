"""Searches on systems whose circuit is known, and the measures of circuits on curves of known areas."""

from dataclasses import replace

import numpy as np
import pytest
from circuit_fixtures import random_items
from tiny_models import tiny_network

from aetia.circuits.acdc import acdc
from aetia.circuits.edge_patching import edge_effects, explanatory_graph, joint_effects
from aetia.circuits.execution import circuit_outcomes, prepare
from aetia.circuits.graph import Circuit, Graph
from aetia.circuits.metrics import (
    FRACTIONS,
    auroc,
    cmd,
    completeness,
    cpr,
    edge_auroc,
    faithfulness,
    faithfulness_curve,
    held_out,
    minimality,
    node_auroc,
    selectivity,
)
from aetia.errors import StudyError
from aetia.truth import truth_system

CLEAR = ("induction", "duplicate-token", "previous-token", "modular-addition", "bracket-depth", "dormant")


def prepared(name, count=6, seed=1):
    system = truth_system(name)
    items = system.draw(count, seed=seed)
    return system, items, [prepare(system.network, item) for item in items]


@pytest.mark.parametrize("name", [*CLEAR, "name-mover", "redundant"])
def test_exact_edge_patching_in_both_directions_finds_the_true_edges(name):
    system, items, ready = prepared(name)
    both = [[edge_effects(system.network, one, direction=d) for one in ready] for d in ("noising", "denoising")]
    scores = np.abs(np.array(both)).mean(1).max(0)
    true = system.causes(items)[1]
    assert edge_auroc(ready[0].graph, scores, true) >= 0.9
    if name in CLEAR:
        assert {ready[0].graph.edge(edge) for edge in np.flatnonzero(scores)} == true


@pytest.mark.parametrize("name", CLEAR)
def test_acdc_finds_the_true_circuit(name):
    system, items, ready = prepared(name)
    true = system.causes(items)[1]
    found = acdc(system.network, ready, 1e-2)
    assert set(found.circuit.names) == true
    assert edge_auroc(ready[0].graph, np.abs(found.harm).mean(0), true) == 1.0
    divergence = acdc(system.network, [prepare(system.network, item, "kl") for item in items], 1e-3)
    assert set(divergence.circuit.names) == true


def test_of_two_redundant_paths_acdc_keeps_one_and_the_explanatory_graph_both():
    system, _, ready = prepared("redundant", 8)
    either = {("L0.h0", "L1.mlp"), ("L0.h1", "L1.mlp")}
    assert len(either & set(acdc(system.network, ready, 1e-2).circuit.names)) == 1
    graph = ready[0].graph
    pair = [graph.edge_index(*edge) for edge in sorted(either)]
    assert np.abs([edge_effects(system.network, one, pair) for one in ready]).max() < 1e-3
    assert min(np.abs(joint_effects(system.network, one, [pair])[0]) for one in ready) > 1.0
    found = explanatory_graph(system.network, ready, threshold=0.5)
    assert either <= set(found.circuit.names)
    assert found.redundant == (tuple(sorted(pair)),)
    assert "L0.h0 -> L1.mlp, L0.h1 -> L1.mlp" in found.warnings[0]


@pytest.mark.parametrize("name", [*CLEAR, "name-mover"])
def test_the_explanatory_graph_visits_few_edges_and_keeps_true_ones(name):
    system, items, ready = prepared(name)
    found = explanatory_graph(system.network, ready, threshold=0.5)
    true = system.causes(items)[1]
    assert set(found.circuit.names) == true if name in CLEAR else set(found.circuit.names) <= true
    assert found.redundant == ()
    assert found.tested < ready[0].graph.edges / 2
    assert int((~np.isnan(found.effects[0])).sum()) == found.tested


def test_with_exchanged_answers_as_null_nothing_survives_in_a_random_network():
    network = tiny_network("llama")
    found = 0
    for seed in range(6):
        draw = np.random.default_rng(seed)
        items = [prepare(network, item) for item in random_items(8, seed)]
        labels = [tuple(draw.choice(90, 2, replace=False).tolist()) for _ in items]
        items = [_labelled(one, *label) for one, label in zip(items, labels, strict=True)]
        found += bool(explanatory_graph(network, items, seed=seed).circuit.edges)
    assert found <= 1  # each of six searches may go wrong once in twenty


def _labelled(one, answer, foil):
    return replace(one, outcome=replace(one.outcome, answer=(answer,), foil=foil))


def test_the_null_lets_true_edges_through_and_needs_answers_to_exchange():
    system, items, ready = prepared("previous-token", 12)
    assert set(explanatory_graph(system.network, ready).circuit.names) == system.causes(items)[1]
    _, _, alike = prepared("duplicate-token")
    with pytest.raises(StudyError) as caught:
        explanatory_graph(truth_system("duplicate-token").network, alike)
    assert caught.value.code == "AE-1311"


def one_at_a_time(network, items, threshold, candidates):
    """ACDC as its authors state it."""
    graph, kept = items[0].graph, candidates.copy()

    def mean(mask):
        return np.mean([circuit_outcomes(network, one, mask[None])[0] for one in items])

    now = mean(kept)
    for edge in np.flatnonzero(candidates)[::-1]:
        kept[edge] = False
        value = mean(kept)
        if now - value >= threshold:
            kept[edge] = True
        else:
            now = value
    return Circuit.of_mask(graph, kept).pruned().edges


@pytest.mark.parametrize("threshold", [0.0005, 0.05, 1.0])
def test_running_ahead_gives_what_one_edge_at_a_time_gives(threshold):
    network = tiny_network("llama")
    items = [prepare(network, item) for item in random_items(2)]
    candidates = np.random.default_rng(0).random(items[0].graph.edges) < 0.4
    found = acdc(network, items, threshold, candidates=candidates)
    assert found.circuit.edges == one_at_a_time(network, items, threshold, candidates)
    assert np.isnan(found.harm[:, ~candidates]).all()
    assert not np.isnan(found.harm[:, candidates]).any()


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (np.ones(10), (0.999, 0.0)),  # perfect at once
        (np.array([0.0] * 9 + [1.0]), (0.25, 0.749)),  # useless until it is the network
        (np.full(10, 2.0), (1.998, 0.999)),
        (np.array([2.0] * 9 + [1.0]), (1.748, 0.749)),
    ],
)
def test_areas_of_known_curves(curve, expected):
    assert (float(cpr(curve)), float(cmd(curve))) == pytest.approx(expected, abs=1e-9)
    assert cpr(np.stack([curve, curve])).shape == (2,)
    assert len(FRACTIONS) == 10


def test_a_true_circuit_is_faithful_complete_minimal_and_selective():
    system, items, ready = prepared("induction", 8)
    graph, true = ready[0].graph, system.causes(items)[1]
    circuit = Circuit.of_edges(graph, true)
    found = faithfulness(
        system.network, ready, [circuit, circuit.complement(), Circuit.full(graph), Circuit(graph, ())]
    )
    np.testing.assert_allclose(found.mean(0), [1, 0, 1, 0], atol=1e-3)
    assert found.shape == (8, 4)
    assert np.abs(completeness(system.network, ready, circuit, subsets=4)).max() < 1e-3
    needed = minimality(system.network, ready, circuit, subsets=2)
    assert set(needed) == {sender for sender, _ in true}
    assert all(abs(values.mean()) > 0.3 for values in needed.values())
    loose = Circuit.of_edges(graph, [*true, ("L0.h3", "logits")])
    assert np.abs(minimality(system.network, ready, loose, subsets=2)["L0.h3"]).max() < 1e-3
    cause, isolate = selectivity(system.network, ready, ready, circuit)
    np.testing.assert_allclose([cause.mean(), isolate.mean()], [1, 0], atol=1e-3)
    cause, isolate = selectivity(system.network, ready, ready, Circuit.of_edges(graph, [("L0.h3", "logits")]))
    np.testing.assert_allclose([cause.mean(), isolate.mean()], [0, 1], atol=1e-3)
    unseen = [prepare(system.network, item) for item in system.draw(8, seed=99)]
    np.testing.assert_allclose(faithfulness(system.network, unseen, [circuit]).mean(), 1, atol=1e-3)


def test_half_a_redundant_mechanism_is_faithful_but_not_complete():
    system, _, ready = prepared("redundant", 8)
    graph = ready[0].graph
    half = acdc(system.network, ready, 1e-2).circuit
    assert faithfulness(system.network, ready, [half]).mean() == pytest.approx(1.0, abs=1e-2)
    assert np.abs(completeness(system.network, ready, half, subsets=8).mean(0)).max() > 0.3
    scores = np.full(graph.edges, -np.inf)
    scores[list(half.edges)] = 1.0
    curve = faithfulness_curve(system.network, ready, scores, fractions=(0.001, 1.0))
    np.testing.assert_allclose(curve.mean(0), [0, 1], atol=1e-2)


def test_no_difference_has_no_shares():
    network = tiny_network("llama")
    item = random_items(1)[0]
    same = prepare(network, type(item)(**{**vars(item), "corrupted_ids": item.clean_ids}))
    with pytest.raises(StudyError) as caught:
        faithfulness(network, [same], [Circuit.full(same.graph)])
    assert caught.value.code == "AE-1309"


def test_areas_under_the_roc_curve_count_pairs():
    draw = np.random.default_rng(0)
    scores, true = draw.integers(0, 5, 40).astype(float), draw.random(40) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[true] for b in scores[~true]]
    assert auroc(scores, true) == pytest.approx(np.mean(pairs))
    with pytest.raises(StudyError) as caught:
        auroc(scores, np.ones(40, bool))
    assert caught.value.code == "AE-1310"
    graph = Graph(1, 1, 1)
    values = np.arange(graph.edges, dtype=float)
    last, first = graph.edge(graph.edges - 1), graph.edge(0)
    assert edge_auroc(graph, values, [last]) == 1.0
    assert edge_auroc(graph, values, [first], [first, last]) == 0.0
    assert node_auroc(graph, np.array([0.0, 2.0, 1.0]), ["L0.h0"]) == 1.0
    assert node_auroc(graph, np.array([0.0, 2.0, 1.0]), ["L0.mlp"], ["L0.h0", "L0.mlp"]) == 0.0


def test_items_are_split_once_and_for_all():
    search, judge = held_out(9, 1 / 3, seed=4)
    assert (len(search), len(judge)) == (3, 6)
    assert sorted((*search, *judge)) == list(range(9))
    assert held_out(9, 1 / 3, seed=4) == (search, judge)
    assert held_out(1) == ((0,), (0,))
    assert [len(part) for part in held_out(2, 0.99)] == [1, 1]
