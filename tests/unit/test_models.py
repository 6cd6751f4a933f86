"""Networks: nothing changes a run that is not intervened upon, and every site is what its name says."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import CONFIGS, LAYERS, tiny_network
from transformers import AutoModelForCausalLM, BertConfig, BertLMHeadModel, OPTConfig

from aetia.errors import SiteError, StudyError
from aetia.models import Add, Intervention, Knockout, Replace, Scale, Set, Site, gradients, record, run_with_hooks, wrap
from aetia.models import families as families_module
from aetia.models.network import load, skeleton
from aetia.models.sites import COMPONENTS, HEAD_COMPONENTS

IDS = (5, 6, 7, 8, 9, 10, 11)


@pytest.mark.parametrize("attention", [None, "eager"])
@pytest.mark.parametrize("family", CONFIGS)
def test_runs_without_interventions_are_bit_equal_to_the_module_itself(family, attention):
    network = tiny_network(family, attention)
    with torch.inference_mode():
        plain = network.module(torch.tensor([IDS])).logits[0]
    assert torch.equal(network.logits(IDS), plain)
    assert torch.equal(run_with_hooks(network, IDS, keep=0).logits, plain)
    before = network.module.config._attn_implementation
    run = record(network, IDS)
    assert network.module.config._attn_implementation == before
    if family != "gemma2":  # it caps its logits after the unembedding
        assert torch.equal(network.final_norm(run.resid_pre[-1]) @ network.unembedding.weight.T, plain)


@pytest.mark.parametrize("family", CONFIGS)
def test_queries_keys_and_values_are_the_rows_that_attention_gets(family):
    """Where neither norm nor rotation follows (position 0 is rotated by nothing), they are the very tensors."""
    network = tiny_network(family)
    sites = [Site(name, 1, position=0) for name in "qkv"]
    found = run_with_hooks(network, IDS, captures=sites).captured
    recording = record(network, IDS)
    assert torch.allclose(found[sites[2]][0], recording.values[1, :, 0], atol=1e-6)
    if family not in ("qwen3", "gemma3", "olmo2", "phi3_longrope"):  # normed, or scaled
        assert torch.allclose(found[sites[1]][0], recording.keys[1, :, 0], atol=1e-6)
    scale = 1.0 if family != "opt" else network.heads.width**0.5
    queries = {}

    def keep(call):
        from aetia.models.attention import own_attention

        queries.setdefault(network.attentions[call.module], call.query)
        return own_attention(call)

    from aetia.models.attention import handled_attention

    with handled_attention(network.module.config, keep), torch.inference_mode():
        network.module(torch.tensor([IDS]))
    if family not in ("qwen3", "gemma3", "olmo2", "phi3_longrope"):  # normed, or scaled
        assert torch.allclose(found[sites[0]][0], queries[1][0, :, 0] * scale, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "opt"])
def test_a_wrong_description_is_refused_at_load(family, monkeypatch):
    described = next(f for f in families_module.FAMILIES if family in f.model_types)
    wrong = replace(described, mlp_out=described.attention)
    monkeypatch.setattr(families_module, "FAMILIES", (wrong,))
    module = AutoModelForCausalLM.from_config(CONFIGS[family])
    with pytest.raises(StudyError, match="not wired as its family says"):
        wrap(module)


def test_an_unknown_architecture_is_one_clear_error():
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, is_decoder=True
    )
    with pytest.raises(StudyError) as caught:
        wrap(BertLMHeadModel(config))
    assert caught.value.code == "AE-1201"
    assert "llama" in str(caught.value)


@given(
    st.builds(
        lambda component, layer, head, units, position: Site(
            component,
            None if component == "embed" else layer,
            head if component in HEAD_COMPONENTS else None,
            units,
            position,
        ),
        st.sampled_from(COMPONENTS),
        st.integers(0, 99),
        st.none() | st.integers(0, 99),
        st.none() | st.tuples(st.integers(0, 9), st.integers(10, 20)),
        st.integers(-99, 99) | st.sampled_from(["all", "subject", "step:3"]),
    )
)
def test_an_address_says_its_site_and_nothing_else(site):
    assert Site.parse(str(site)) == site


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("L3.mlp", "AE-3101"),
        ("resid_pre@3", "AE-3102"),
        ("L0.embed", "AE-3102"),
        ("L3.mlp_out.h2", "AE-3103"),
        ("layer 3", "AE-3104"),
        ("L3.z.h2@", "AE-3104"),
    ],
)
def test_what_is_no_address_is_refused(text, code):
    with pytest.raises(SiteError) as caught:
        Site.parse(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("site", "code"),
    [
        ("L0.z.h9", "AE-3109"),
        ("L0.k.h3", "AE-3109"),
        ("L9.z", "AE-3108"),
        ("L0.z@7", "AE-3105"),
        ("L0.z@object", "AE-3106"),
    ],
)
def test_a_site_that_the_model_lacks_is_refused_before_it_runs(site, code):
    network = tiny_network("llama")
    with pytest.raises(SiteError) as caught:
        run_with_hooks(network, IDS, [Intervention(Site.parse(site), Scale(0.0))])
    assert caught.value.code == code


@pytest.mark.parametrize("component", [name for name in COMPONENTS if name != "embed"])
def test_setting_a_site_to_its_own_value_changes_nothing(component):
    network = tiny_network("qwen3", "eager")
    own = run_with_hooks(network, IDS, captures=[Site(component, 1)])
    (value,) = own.captured.values()
    assert value.shape == network.site_shape(component, len(IDS))
    again = run_with_hooks(network, IDS, [Intervention(Site(component, 1), Set(value))])
    assert torch.allclose(again.logits, own.logits, atol=1e-5)
    other = run_with_hooks(network, IDS, [Intervention(Site(component, 1), Add(torch.tensor(0.3)))])
    assert not torch.allclose(other.logits, own.logits, atol=1e-3)


def test_hooks_are_gone_after_an_error():
    network = tiny_network("llama")

    def fail(_value):
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        run_with_hooks(network, IDS, [Intervention(Site("attn_out", 1), Replace(fail))])
    plain = network.module(torch.tensor([IDS])).logits[0]
    assert torch.equal(network.logits(IDS), plain)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.module.modules())


def test_a_function_that_changes_the_shape_is_refused():
    network = tiny_network("llama")
    with pytest.raises(SiteError) as caught:
        run_with_hooks(network, IDS, [Intervention(Site("attn_out", 1), Replace(lambda old: old[:, :3]))])
    assert caught.value.code == "AE-3110"


def test_a_knockout_of_everything_is_an_error_and_of_the_first_layers_far_past_renormalises():
    network = tiny_network("llama")
    everything = Intervention(Site("pattern", 0, position=3), Knockout((0, 1, 2, 3)))
    with pytest.raises(SiteError) as caught:
        run_with_hooks(network, IDS, [everything])
    assert caught.value.code == "AE-3113"
    pattern = Site("pattern", 0, position=3)
    some = Intervention(pattern, Knockout((0, 1)))
    free = run_with_hooks(network, IDS, captures=[pattern]).captured[pattern][0]
    cut = run_with_hooks(network, IDS, [some], [pattern]).captured[pattern][0]
    assert torch.all(cut[:, :2] == 0)
    expected = free[:, 2:4] / free[:, 2:4].sum(-1, keepdim=True)
    assert torch.allclose(cut[:, 2:4], expected, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "gpt_neox"])
@pytest.mark.parametrize("component", "embed resid_pre q v pattern z attn_out mlp_post mlp_out".split())
def test_gradients_are_those_of_finite_differences(family, component):
    network = tiny_network(family, "eager", torch.float64)
    layer = None if component == "embed" else 1
    site = Site(component, layer, position=2)

    def outcome(logits):
        return logits[-1, 4] - logits[-1, 9]

    value, gradient = gradients(network, IDS, outcome, [site])[site]
    direction = torch.randn(value.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    if component == "pattern":
        direction[..., 3:] = 0  # no weight lies beyond the position itself
    sides = []
    for step in (3e-3, -3e-3):  # transformers computes norms and softmax in float32, so no smaller one
        run = run_with_hooks(network, IDS, [Intervention(site, Set(value + step * direction))])
        sides.append(outcome(run.logits))
    slope = float((sides[0] - sides[1]) / 6e-3)
    assert float((gradient * direction).sum()) == pytest.approx(slope, rel=2e-2, abs=1e-3)


def test_generation_is_greedy_and_repeatable():
    network = tiny_network("llama")
    first = network.generate(IDS, tokens=4)
    assert first == network.generate(IDS, tokens=4)
    assert first[0] == int(network.logits(IDS)[-1].argmax())
    sampled = network.generate(IDS, tokens=4, temperature=5.0, seed=3)
    assert sampled == network.generate(IDS, tokens=4, temperature=5.0, seed=3)


def test_a_network_without_text_says_so():
    with pytest.raises(StudyError) as caught:
        tiny_network("llama").tokenize("hello")
    assert caught.value.code == "AE-1202"


def test_a_base_run_is_perturbed_at_the_embedding_only():
    network = tiny_network("llama")
    with pytest.raises(SiteError) as caught:
        record(network, IDS, interventions=[Intervention(Site("z", 1), Scale(0.0))])
    assert caught.value.code == "AE-3114"
    assert len(network.blocks) == LAYERS


def test_an_opt_with_projected_embeddings_is_refused_in_one_line():
    config = OPTConfig(
        vocab_size=97,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        ffn_dim=48,
        word_embed_proj_dim=16,
        max_position_embeddings=32,
    )
    with pytest.raises(StudyError, match="another width") as caught:
        wrap(AutoModelForCausalLM.from_config(config))
    assert caught.value.code == "AE-1201"


@pytest.mark.parametrize("read", [load, skeleton])
def test_a_folder_without_a_tokenizer_is_one_clear_line(read, tmp_path):
    tiny_network("llama").module.save_pretrained(tmp_path)
    with pytest.raises(StudyError, match="tokenizer") as caught:
        read(tmp_path)
    assert caught.value.code == "AE-1206"
