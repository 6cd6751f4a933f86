"""One edge cut by hand, writes that add up, references, and architectures that have no such edges."""

import numpy as np
import pytest
import torch
from circuit_fixtures import FAMILIES, item_of, random_items
from tiny_models import tiny_network
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from aetia.circuits.execution import circuit_outcomes, circuit_residuals, prepare, reference_writes
from aetia.circuits.graph import Circuit
from aetia.circuits.wiring import record_writes, wiring_of, writes_of
from aetia.errors import StudyError
from aetia.models import record


def without(one, edge):
    return [Circuit.of_edges(one.graph, [edge]).complement()]


@pytest.mark.parametrize("family", FAMILIES)
def test_writes_and_attention_biases_add_up_to_the_residual(family):
    network, item = tiny_network(family), random_items(1)[0]
    run, wiring = record_writes(network, item.clean_ids), wiring_of(network)
    biases = [network.ports[layer]["z"].module.bias for layer in range(3)]
    total = writes_of(wiring, run).sum(0)
    for bias in biases:
        if isinstance(bias, torch.Tensor):
            total = total + bias
    torch.testing.assert_close(total, run.resid_pre[-1], atol=1e-4, rtol=1e-4)


def test_one_cut_key_edge_is_what_attention_computed_by_hand_gives():
    """L0.mlp -> L1.h1.k of a Llama: block 1 is written out with that key head reading another MLP output."""
    network, item = tiny_network("llama"), random_items(1, seed=4)[0]
    one, part = prepare(network, item), network.blocks[1].get_submodule
    places = [("mlp_out", 0), ("q", 1), ("k", 1), ("v", 1)]
    clean, corrupted = record(network, item.clean_ids, places), record(network, item.corrupted_ids, places)
    with torch.no_grad():
        seen = clean.resid_pre[1] - clean.components["mlp_out", 0] + corrupted.components["mlp_out", 0]
        q, k, v = (clean.components[name, 1].clone().transpose(0, 1) for name in "qkv")  # (heads, T, d)
        k[1] = part("self_attn.k_proj")(part("input_layernorm")(seen)).view(-1, 2, 8)[:, 1]
        cos, sin = network.module.model.rotary_emb(seen[None], torch.arange(item.length)[None])
        q, k = (part[0] for part in apply_rotary_pos_emb(q[None], k[None], cos, sin))
        scores = q @ k.repeat_interleave(2, 0).transpose(1, 2) / 8**0.5
        future = torch.ones(item.length, item.length).triu(1).bool()
        z = scores.masked_fill(future, -torch.inf).softmax(-1) @ v.repeat_interleave(2, 0)
        middle = clean.resid_pre[1] + part("self_attn.o_proj")(z.transpose(0, 1).flatten(1))
        hidden = middle + part("mlp")(part("post_attention_layernorm")(middle))
        positions = torch.arange(item.length)[None]
        hidden = network.blocks[2](hidden[None], position_embeddings=(cos, sin), position_ids=positions)[0]
        logits = network.unembed(hidden[-1])
    expected = float(logits[5] - logits[6])
    found = circuit_outcomes(network, one, without(one, ("L0.mlp", "L1.h1.k")))[0]
    assert found == pytest.approx(expected, abs=1e-5)
    assert abs(found - circuit_outcomes(network, one, [Circuit.full(one.graph)])[0]) > 1e-3


def test_a_cut_edge_into_the_logits_is_a_subtraction():
    network, item = tiny_network("opt"), random_items(1)[0]
    one = prepare(network, item)
    found = circuit_residuals(network, one, without(one, ("L1.h2", "logits")))[0, -1]
    index = one.graph.sender_index["L1.h2"]
    torch.testing.assert_close(found, one.clean.resid_pre[-1, -1] - (one.writes - one.reference)[index, -1])


@pytest.mark.parametrize("family", ["gemma2", "gemma3", "olmo2"])
def test_a_norm_after_attention_is_said_to_be_in_the_way(family):
    with pytest.raises(StudyError) as caught:
        prepare(tiny_network(family), random_items(1)[0])
    assert caught.value.code == "AE-1304"


def test_the_mean_of_one_prompt_is_that_prompt_and_of_several_their_mean():
    network, items = tiny_network("gpt2"), random_items(3)
    wiring = wiring_of(network)
    every = torch.stack([writes_of(wiring, record_writes(network, item.clean_ids)) for item in items])
    torch.testing.assert_close(reference_writes(network, items, "mean"), every.mean(0))
    one = prepare(network, items[0], reference=reference_writes(network, items[:1], "mean"))
    full, empty = circuit_outcomes(network, one, [Circuit.full(one.graph), Circuit(one.graph, ())])
    assert full == pytest.approx(empty, abs=1e-5)
    with pytest.raises(StudyError) as caught:
        reference_writes(network, [*items, *random_items(1, length=5)], "mean")
    assert caught.value.code == "AE-1305"
    with pytest.raises(StudyError) as caught:
        _ = one.turned
    assert caught.value.code == "AE-1308"


def test_equal_prompts_make_all_circuits_equal():
    network = tiny_network("qwen3")
    one = prepare(network, item_of((5, 6, 7, 8), (5, 6, 7, 8)))
    masks = np.random.default_rng(0).random((5, one.graph.edges)) < 0.5
    assert np.ptp(circuit_outcomes(network, one, masks)) < 1e-5


@pytest.mark.parametrize("kind", ["kl", "log_probability", "probability", "accuracy"])
def test_other_outcomes_are_read_as_well(kind):
    network, item = tiny_network("llama"), random_items(1)[0]
    one = prepare(network, item, kind)
    found = circuit_outcomes(network, one, [Circuit.full(one.graph), Circuit(one.graph, ())])
    clean, corrupted = (network.last_logits([ids])[0].log_softmax(-1) for ids in (item.clean_ids, item.corrupted_ids))
    expected = {
        "kl": (0.0, float((clean.exp() * (clean - corrupted)).sum())),
        "log_probability": (float(clean[5]), float(corrupted[5])),
        "probability": (float(clean[5].exp()), float(corrupted[5].exp())),
        "accuracy": (float(clean[5] > clean[6]), float(corrupted[5] > corrupted[6])),
    }
    np.testing.assert_allclose(found, expected[kind], atol=1e-4)
