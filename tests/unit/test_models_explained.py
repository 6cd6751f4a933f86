"""Explicit attention weights explain the model's own run, or the difference is told."""

import sys

import pytest
import torch
from tiny_models import tiny_network
from tiny_vision_models import noise, prompt, tiny_vision_network

from aetia.errors import SiteError
from aetia.models import record
from aetia.models.explained import attention_difference

IDS = [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("family", ["llama", "qwen3", "gpt2", "opt", "mistral"])
def test_fast_attention_and_explicit_weights_give_the_same_logits(family):
    assert attention_difference(tiny_network(family), IDS) < 1e-4


@pytest.mark.parametrize("family", ["llava_llama", "idefics3", "qwen2_5_vl", "qwen3_vl"])
def test_so_they_do_with_pictures(family):
    network = tiny_vision_network(family)
    assert attention_difference(network, prompt(network, [10, 11], [noise(0)], [20, 21])) < 1e-4


def test_eager_attention_has_the_weights_already():
    assert attention_difference(tiny_network("qwen3", "eager"), IDS) == 0


def test_a_function_that_leaves_something_out_is_told_by_its_difference(monkeypatch):
    network = tiny_network("llama")
    module = sys.modules[type(next(iter(network.attentions))).__module__]
    plain = module.eager_attention_forward

    def sharper(*given, scaling, **options):
        return plain(*given, scaling=2 * scaling, **options)

    monkeypatch.setattr(module, "eager_attention_forward", sharper)
    found = attention_difference(network, IDS)
    own = network.logits(IDS)
    for block in network.blocks:
        monkeypatch.setattr(block.get_submodule("self_attn"), "scaling", 2 * network.heads.width**-0.5)
    assert found > 0.1
    # By the fast function too: sharper weights are what made the difference.
    assert abs(found - float((network.logits(IDS) - own).abs().max())) < 1e-4


def test_recorded_weights_leave_the_run_as_it_was():
    network = tiny_network("llama")
    plain, explained = record(network, IDS), record(network, IDS, [("pattern", 1)])
    assert torch.equal(plain.resid_pre, explained.resid_pre)
    weights = explained.components["pattern", 1]  # (T, H, S)
    assert torch.allclose(weights.sum(-1), torch.ones(6, 4), atol=1e-5)
    groups = network.heads.query // network.heads.key_value
    values = explained.values[1].repeat_interleave(groups, 0)
    mixed = torch.einsum("ths,hsd->thd", weights, values)
    z = record(network, IDS, [("z", 1)]).components["z", 1]
    assert torch.allclose(mixed, z, atol=1e-5)


def test_a_model_without_weights_is_refused(monkeypatch):
    network = tiny_network("llama")
    monkeypatch.setattr(type(next(iter(network.attentions))), "__module__", "math")  # where no such function is
    with pytest.raises(SiteError, match="AE-9310"):
        attention_difference(network, IDS)
    with pytest.raises(SiteError, match="AE-9310"):
        record(network, IDS, [("pattern", 0)])
