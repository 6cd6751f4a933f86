"""Grad-ECLIP on tiny encoders: its parts add up as the last block's attention does, and its test is that of maps."""

from functools import cache

import numpy as np
import pytest
import torch
from transformers import SiglipVisionConfig, SiglipVisionModel, ViTConfig, ViTForImageClassification

from aetia.errors import StudyError
from aetia.maps.encoders import explain_encoder, grad_eclip, loosened
from aetia.models.encoder_gradients import encoder_gradients
from aetia.models.encoder_outcome import class_logit, linear
from aetia.models.encoders import wrap_encoder
from aetia.models.pictures import Picture
from aetia.models.sites import Site

SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
NOISE = Picture(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))


@cache
def classifier():
    """A random ViT on 4 x 4 patches with three classes."""
    torch.manual_seed(0)
    config = ViTConfig(**SIZES, image_size=32, patch_size=8)
    config.num_labels = 3
    module = ViTForImageClassification(config)
    for parameter in module.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    return wrap_encoder(module)


def test_value_times_slope_times_attention_adds_up_to_the_last_blocks_part():
    encoder, score = classifier(), class_logit(classifier(), 1)
    sites = {name: Site(name, 1) for name in ("v", "z", "pattern")}
    found = encoder_gradients(encoder, NOISE, score, tuple(sites.values())).sites
    mixed, slope = found[sites["z"]][0][0], found[sites["z"]][1][0]  # (H, d), class token
    values, weights = found[sites["v"]][0], found[sites["pattern"]][0][0]  # (T, H, d), (H, T)
    parts = torch.einsum("thd,hd,ht->t", values, slope, weights)
    assert float(parts.sum()) == pytest.approx(float((mixed * slope).sum()), rel=1e-4)
    plain = grad_eclip(encoder, NOISE, score, is_loosened=False).ravel()
    expected = torch.einsum("thd,hd->t", values, slope)[1:].clamp_min(0)
    assert np.allclose(plain, expected, atol=1e-6)
    assert (plain > 0).any()


def test_the_map_is_the_plain_one_weighed_from_0_to_1():
    encoder, score = classifier(), class_logit(classifier(), 1)
    plain, weighed = (grad_eclip(encoder, NOISE, score, is_loosened=one) for one in (False, True))
    assert plain.shape == weighed.shape == (4, 4)
    assert (weighed <= plain + 1e-6).all()


def test_likeness_runs_from_0_to_1_and_is_1_where_all_keys_are_alike():
    keys = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    found = loosened(keys[2], keys)
    assert (float(found.min()), float(found.max()), int(found.argmax())) == (0.0, 1.0, 2)
    assert torch.equal(loosened(keys[0], keys[:1].expand(4, -1)), torch.ones(4))


def test_a_score_without_a_slope_has_an_empty_map():
    encoder = classifier()
    grid = grad_eclip(encoder, NOISE, linear(encoder, torch.zeros(3)))
    assert np.array_equal(grid, np.zeros((4, 4)))


def test_a_map_of_the_exact_effects_passes_its_test_and_its_reverse_does_not():
    encoder, score = classifier(), class_logit(classifier(), 0)
    pixels = encoder.pixels([NOISE])
    colour = pixels[0].flatten(1).median(1).values[:, None, None]
    effects = []
    with torch.inference_mode():
        for cell in range(16):
            shown = pixels.clone()
            row, column = divmod(cell, 4)
            shown[0, :, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = colour
            effects.append(float(score(encoder.output(pixels)) - score(encoder.output(shown))))
    exact = np.array(effects).reshape(4, 4)
    good, bad = (explain_encoder(encoder, NOISE, score, grid, draws=49) for grid in (exact, -exact))
    assert good.score == pytest.approx(float(score(encoder.output(pixels))), abs=1e-5)
    assert good.p < 0.1
    assert bad.p > 0.9
    assert good.deletion > 0 > bad.deletion


def test_an_encoder_without_a_class_token_is_refused():
    config = SiglipVisionConfig(**SIZES, image_size=32, patch_size=8)
    encoder = wrap_encoder(SiglipVisionModel(config))
    with pytest.raises(StudyError) as caught:
        grad_eclip(encoder, NOISE, lambda rows: rows[:, 0])
    assert caught.value.code == "AE-9611"
