"""Vision encoders: what is named is what is there, scores are the models' own, slopes are differences in the limit."""

import json
from dataclasses import replace
from typing import cast

import pytest
import torch
from tiny_encoders import ENCODERS, LAYERS, random_picture, tiny_encoder, tiny_llava
from toy_tokenizer import byte_level

from aetia.errors import MissingError, RefusedError, SiteError, StudyError
from aetia.models import Add, Intervention, Knockout, Scale, Set, Site
from aetia.models import encoder_families as families
from aetia.models.encoder_files import load_encoder
from aetia.models.encoder_gradients import encoder_gradients, pixel_gradients
from aetia.models.encoder_outcome import class_logit, linear, similarity, text_embedding
from aetia.models.encoder_planner import plan_encoder
from aetia.models.encoder_runs import record_encoder, run_encoder_with_hooks
from aetia.models.encoders import tower_of, wrap_encoder
from aetia.models.planner import Cell
from aetia.models.prompts import Prompt

A, B = random_picture(1), random_picture(2)
TEXT = [1, 7, 9, 5]


def code_of(ask) -> str:
    with pytest.raises((StudyError, MissingError, RefusedError)) as caught:
        ask()
    assert caught.value.mend
    return caught.value.code


@pytest.mark.parametrize("family", ENCODERS)
def test_positions_are_class_tokens_registers_and_patches(family):
    encoder = tiny_encoder(family)
    prefix = {"siglip": 0, "dinov2_registers": 3}.get(family, 1)
    assert (encoder.grid, encoder.prefix, encoder.length) == ((3, 3), prefix, prefix + 9)
    run = record_encoder(encoder, A, [("z", 1), ("pattern", 0), ("mlp_post", 2)])
    assert run.resid_pre.shape == (LAYERS + 1, encoder.length, 24)
    for name, layer in run.components:
        assert run.components[name, layer].shape == encoder.site_shape(name, encoder.length)
    assert run.bytes > run.resid_pre.numel() * 4


@pytest.mark.parametrize("family", ENCODERS)
def test_all_that_enters_a_block_decides_what_comes_out(family):
    encoder = tiny_encoder(family)
    a, b = record_encoder(encoder, A), record_encoder(encoder, B)
    for layer in range(LAYERS):
        whole = Intervention(Site("resid_pre", layer), Set(a.resid_pre[layer]))
        assert torch.allclose(run_encoder_with_hooks(encoder, B, [whole]).output, a.output, atol=1e-5)
    assert not torch.allclose(a.output, b.output, atol=1e-2)


@pytest.mark.parametrize("family", ["vit", "dinov2", "clip", "siglip"])
def test_a_head_set_to_zero_is_a_head_whose_output_weights_are_zero(family):
    encoder = tiny_encoder(family)
    run = run_encoder_with_hooks(encoder, A, [Intervention(Site("z", 1, 1), Scale(0.0))])
    weight = cast("torch.Tensor", encoder.port("z", 1).module.weight)
    kept = weight.clone()
    try:
        weight[:, encoder.heads.width :] = 0
        expected = encoder.output(encoder.pixels([A]))[0]
    finally:
        weight.copy_(kept)
    assert torch.allclose(run.output, expected, atol=1e-5)


def test_a_knockout_removes_keys_and_what_is_left_sums_to_one():
    encoder = tiny_encoder("vit")
    before = record_encoder(encoder, A, [("pattern", 1)]).components["pattern", 1]
    cut = Intervention(Site("pattern", 1, 0, position=4), Knockout((0, 2, 7)))
    after = run_encoder_with_hooks(encoder, A, [cut], [Site("pattern", 1)]).captured[Site("pattern", 1)]
    expected = before.clone()
    expected[4, 0, [0, 2, 7]] = 0
    expected[4, 0] /= expected[4, 0].sum()
    assert torch.allclose(after, expected, atol=1e-6)


def test_scores_are_those_that_the_models_give():
    pixels = {name: tiny_encoder(name).pixels([A]) for name in ("vit", "clip", "siglip")}
    vit = tiny_encoder("vit")
    logits = vit.module(pixel_values=pixels["vit"]).logits
    assert class_logit(vit, 3)(vit.output(pixels["vit"])) == pytest.approx(logits[:, 3])
    label = (vit.module.config.id2label or {})[1]
    difference = class_logit(vit, label, 4)(vit.output(pixels["vit"]))
    assert float(difference) == pytest.approx(float(logits[0, 1] - logits[0, 4]), abs=1e-6)
    for name, bias in (("clip", 0.0), ("siglip", float(tiny_encoder("siglip").module.logit_bias))):
        encoder = tiny_encoder(name)
        own = encoder.module(input_ids=torch.tensor([TEXT]), pixel_values=pixels[name]).logits_per_image
        cosine = similarity(encoder, TEXT)(encoder.output(pixels[name]))
        assert float(cosine * cast("torch.Tensor", encoder.module.logit_scale).exp() + bias) == pytest.approx(
            float(own), rel=1e-5
        )
        product = linear(encoder, text_embedding(encoder, TEXT))(encoder.output(pixels[name]))
        norms = encoder.output(pixels[name]).norm() * text_embedding(encoder, TEXT).norm()
        assert float(product / norms) == pytest.approx(float(cosine), rel=1e-5)
    assert (class_logit(vit, 0).unit, similarity(tiny_encoder("clip"), TEXT).unit) == ("logits", "cosine")


def test_scores_that_a_model_cannot_give_are_refused():
    vit, clip = tiny_encoder("vit"), tiny_encoder("clip")
    assert code_of(lambda: class_logit(vit, 9)) == "AE-9409"
    assert code_of(lambda: class_logit(vit, "no such label")) == "AE-9409"
    assert code_of(lambda: class_logit(clip, 0)) == "AE-9409"
    assert code_of(lambda: similarity(vit, TEXT)) == "AE-9409"
    assert code_of(lambda: similarity(clip, "a red circle")) == "AE-9409"
    assert code_of(lambda: linear(clip, torch.ones(7))) == "AE-9409"


@pytest.mark.parametrize("family", ["vit", "dinov2_gated", "clip", "siglip"])
def test_gradients_are_differences_in_the_limit(family):
    encoder = tiny_encoder(family, "sdpa", torch.float64)
    width = encoder.output(encoder.pixels([A])).shape[-1]

    def read(output):
        return output @ torch.linspace(-1, 1, width, dtype=output.dtype).cos()

    sites = [
        Site(component, 1, 1 if component in ("q", "z", "pattern") else None, position=3)
        for component in (*encoder.ports[0], "pattern")
    ]
    found = encoder_gradients(encoder, A, read, sites)
    generator = torch.Generator().manual_seed(0)
    for site in sites:
        value, gradient = found.sites[site]
        direction = torch.randn(value.shape, generator=generator, dtype=value.dtype)
        ends = [
            read(run_encoder_with_hooks(encoder, A, [Intervention(site, Add(step * direction))]).output[None])
            for step in (1e-5, -1e-5)
        ]
        slope = float(ends[0] - ends[1]) / 2e-5
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-4, abs=1e-7), site
    pixels, gradient = found.pixels
    direction = torch.randn(pixels.shape, generator=generator, dtype=pixels.dtype)
    ends = [read(encoder.output((pixels + step * direction)[None])) for step in (1e-5, -1e-5)]
    assert float(ends[0] - ends[1]) / 2e-5 == pytest.approx(float((gradient * direction).sum()), rel=1e-4)
    assert float(found.value) == pytest.approx(float(read(encoder.output(pixels[None]))), abs=1e-6)


def test_several_scores_have_a_gradient_each_also_where_something_is_done():
    encoder = tiny_encoder("vit")
    site, done = Site("resid_post", 1), [Intervention(Site("attn_out", 0, position=2), Scale(0.0))]
    both = encoder_gradients(encoder, A, lambda output: output[:, :2], [site], done)
    assert both.value.shape == (2,)
    assert both.pixels[1].shape == (2, 3, 24, 24)
    for index in range(2):
        one = encoder_gradients(encoder, A, lambda output, index=index: output[:, index], [site], done)
        assert torch.allclose(both.sites[site][1][index], one.sites[site][1], atol=1e-5)
        assert torch.allclose(both.pixels[1][index], one.pixels[1], atol=1e-5)


def test_pixels_and_image_tokens_of_a_network_that_sees_have_gradients():
    network = tiny_llava()
    prompt = Prompt([1, *[3] * 9, 10, *[3] * 9, 30], [A, B], [1, 11])

    def outcome(logits):
        return (logits[-1, 20] - logits[-1, 21]).double()

    found = pixel_gradients(network, prompt, outcome)
    assert found.pixels[0].shape == found.pixels[1].shape == (2, 3, 24, 24)
    assert found.embeddings[0].shape == found.embeddings[1].shape == (18, 32)
    features = tower_of(network).output(found.pixels[0]).flatten(0, 1)
    assert torch.allclose(found.embeddings[0], features, atol=1e-6)
    inputs = network.inputs([prompt])
    direction = found.pixels[1] / found.pixels[1].norm()
    ends = [
        outcome(network.module(**{**inputs, "pixel_values": found.pixels[0] + step * direction}).logits[0])
        for step in (3e-3, -3e-3)
    ]
    assert float(ends[0] - ends[1]) / 6e-3 == pytest.approx(float(found.pixels[1].norm()), rel=2e-2)
    assert code_of(lambda: pixel_gradients(network, Prompt([1, 10, 30]), outcome)) == "AE-9410"


@pytest.mark.parametrize(
    ("family", "change"),
    [
        ("vit", {"resid_mid": "layernorm_before"}),
        ("vit", {"projections": ("attention.v_proj", "attention.k_proj", "attention.q_proj")}),
        ("dinov2", {"attn_out": "attention"}),
        ("dinov2", {"mlp_out": "mlp"}),
        ("clip", {"layers": "encoder.layers.0.mlp"}),
        ("clip", {"mlp_down": "mlp.fc1"}),
        ("dinov2_gated", {"mlp_down": "mlp.up_proj"}),
    ],
)
def test_a_wrong_description_is_found_out(family, change, monkeypatch):
    encoder = tiny_encoder(family)
    wrong = replace(encoder.family, layout=replace(encoder.family.layout, **change), gated_down="")
    monkeypatch.setattr(families, "ENCODER_FAMILIES", (wrong,))
    with pytest.raises((StudyError, AttributeError)) as caught:
        wrap_encoder(encoder.module)
    if isinstance(caught.value, StudyError):
        assert caught.value.code == "AE-9402"


@pytest.mark.parametrize(
    ("site", "code"),
    [
        ("embed", "AE-9405"),
        ("projector", "AE-9405"),
        ("L3.z", "AE-3108"),
        ("L0.z.h2", "AE-3109"),
        ("L0.q.u12", "AE-3115"),
        ("L0.pattern.u9:11", "AE-3115"),
        ("L0.z@10", "AE-3105"),
        ("L0.z@image", "AE-3106"),
    ],
)
def test_a_site_that_an_encoder_lacks_is_refused(site, code):
    encoder = tiny_encoder("clip")
    with pytest.raises(SiteError) as caught:
        run_encoder_with_hooks(encoder, A, [Intervention(Site.parse(site), Scale(0.0))])
    assert caught.value.code == code
    output = run_encoder_with_hooks(encoder, A).output
    assert torch.equal(output, encoder.output(encoder.pixels([A]))[0])  # nothing of it is left behind


def test_encoders_are_loaded_from_folders_whole_and_from_safetensors_alone(tmp_path):
    for family in ("vit", "clip", "dinov2_registers"):
        folder = tmp_path / family
        encoder = tiny_encoder(family)
        encoder.module.save_pretrained(folder)
        if family == "clip":
            byte_level().save_pretrained(folder)
        loaded = load_encoder(folder)
        assert type(loaded.module) is type(encoder.module)
        assert torch.allclose(loaded.output(loaded.pixels([A])), encoder.output(encoder.pixels([A])), atol=1e-6)
        assert (loaded.tokenizer is None, loaded.source and loaded.source.name) == (family != "clip", family)
    config = json.loads((tmp_path / "vit" / "config.json").read_text())
    (tmp_path / "vit" / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 4}))
    assert code_of(lambda: load_encoder(tmp_path / "vit")) == "AE-9407"
    assert code_of(lambda: load_encoder(tmp_path / "nothing")) == "AE-4101"
    (tmp_path / "clip" / "model.bin").write_bytes(b"\x80\x04.")
    (tmp_path / "clip" / "code.py").write_text("print()")
    assert code_of(lambda: load_encoder(tmp_path / "clip")).startswith("AE-51")


def test_what_is_no_encoder_is_refused():
    network = tiny_llava()
    assert tower_of(network) is tower_of(network)
    assert code_of(lambda: wrap_encoder(network.module.model.language_model)) == "AE-9401"
    encoder = tiny_encoder("vit")
    assert code_of(lambda: run_encoder_with_hooks(encoder, torch.zeros(2, 3, 24, 24))) == "AE-9408"
    world = record_encoder(encoder, A)
    assert code_of(lambda: plan_encoder(encoder, [world], [Cell(())], memory=world.bytes)) == "AE-9406"
