"""Towers inside networks that see: a position is its patch, row by row, whatever order the model's modules have."""

from functools import cache

import numpy as np
import pytest
import torch
from tiny_encoders import tiny_encoder, tiny_llava
from tiny_models import tiny_network
from tiny_vision_models import VISION_CONFIGS, noise, prompt, tiny_vision_network, vision_of
from transformers import AutoModelForImageTextToText

from aetia.errors import StudyError
from aetia.models import (
    Add,
    Cell,
    Intervention,
    Knockout,
    Outcome,
    Scale,
    Set,
    Site,
    gradients,
    record,
    run_planned,
    run_with_hooks,
    wrap,
)
from aetia.models.encoder_gradients import encoder_gradients
from aetia.models.encoder_planner import run_encoder_planned
from aetia.models.encoder_runs import record_encoder, run_encoder_with_hooks
from aetia.models.encoders import tower_of, wrap_encoder
from aetia.models.groups import token_groups
from aetia.models.hooks import hooked
from aetia.models.network import Network
from aetia.models.pictures import Picture
from aetia.models.tower_cells import tower_cells, tower_hooked

FAMILIES = ("llava_llama", "llava_siglip", "idefics3", "smolvlm", "qwen2_5_vl", "qwen3_vl")
OUTCOME = Outcome("logit_difference", (20,), 21)
SIZES = {"idefics3": (32, 32), "smolvlm": (32, 32), "qwen2_5_vl": (16, 40), "qwen3_vl": (16, 40)}
"""Sizes that no processor changes."""


def picture_of(family: str) -> Picture:
    return noise(3, *SIZES.get(family, (16, 16)))


def painted(picture: Picture, rows: slice, columns: slice) -> Picture:
    pixels = picture.pixels.copy()
    pixels[rows, columns] = 255 - pixels[rows, columns]
    return Picture(pixels)


def logits_with(network: Network, asked, module, receive) -> torch.Tensor:
    handle = module.register_forward_hook(receive)
    try:
        return network.logits(asked)
    finally:
        handle.remove()


def code_of(ask) -> str:
    with pytest.raises(StudyError) as caught:
        ask()
    assert caught.value.mend
    return caught.value.code


@cache
def entering(network: Network, picture: Picture) -> torch.Tensor:
    """What enters the first block, `[rows, D]`, as the model's own modules have it."""
    kept = []
    block = tower_of(network).blocks[0]
    handle = block.register_forward_pre_hook(lambda _m, given: kept.append(given[0].flatten(0, -2).clone()))
    try:
        network.logits(prompt(network, [10], [picture], [20, 21]))
    finally:
        handle.remove()
    return kept[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_position_is_its_patch_and_a_site_is_where_a_plain_hook_finds_it(family):
    network, picture = tiny_vision_network(family), picture_of(family)
    encoder = tower_of(network)
    rows, columns = encoder.grid_of(encoder.pixels([picture]))
    assert rows * encoder.patch == picture.height
    asked = prompt(network, [10], [picture], [20, 21])
    base, world = entering(network, picture), record(network, asked)
    seen = set()
    for row, column in ((0, 1), (rows - 1, 0), (1, columns - 1)):
        side = encoder.patch
        place = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
        changed = (entering(network, painted(picture, *place)) != base).any(-1).nonzero().flatten().tolist()
        assert len(changed) == 1
        seen |= set(changed)

        def erase(_module, _given, out, changed=changed):
            out.flatten(0, -2)[changed] = 0

        position = encoder.prefix + row * columns + column
        done = Intervention(Site("mlp_out", 0, position=position, tower="vision"), Scale(0.0))
        plain = logits_with(network, asked, encoder.blocks[0].get_submodule(encoder.layout.mlp_out), erase)
        with torch.inference_mode(), tower_hooked(network, asked, [done]):
            assert torch.allclose(network.logits(asked), plain, atol=1e-5)
        planned = run_planned(network, [world], tower_cells(network, asked, [Cell((done,))]), [OUTCOME]).values
        assert float(planned[0]) == pytest.approx(float(OUTCOME.from_logits(plain[None])[0]), abs=1e-4)
        assert not torch.allclose(plain, network.logits(asked), atol=1e-3)
    assert len(seen) == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_the_projector_counts_image_tokens_as_the_language_model_reads_them(family):
    network, picture = tiny_vision_network(family), picture_of(family)
    tokens = vision_of(network).positions(picture)
    asked = prompt(network, [10], [picture], [20, 21])
    embed = Site("embed")
    with torch.inference_mode():
        with hooked(network, len(asked), captures=[embed]) as found:
            network.logits(asked)
        base = found[embed]
        for token in range(tokens):
            done = Intervention(Site("projector", position=token), Scale(0.0))
            with tower_hooked(network, asked, [done]), hooked(network, len(asked), captures=[embed]) as found:
                network.logits(asked)
            assert found[embed][1 + token].abs().max() == 0
            assert (found[embed] != base).any(-1).nonzero().flatten().tolist() == [1 + token]


def test_patches_of_a_window_read_each_other_and_those_of_a_full_block_all():
    network = tiny_vision_network("qwen2_5_vl")  # windows of 16 pixels, patches of 4; the second block has none
    run = record_encoder(tower_of(network), noise(4, 24, 40), [("pattern", 0), ("pattern", 1)])
    rows, columns = run.grid
    assert (rows, columns) == (6, 10)
    window = np.array([(row // 4, column // 4) for row in range(rows) for column in range(columns)])
    expected = torch.tensor((window[:, None] == window[None]).all(-1))
    assert torch.equal((run.components["pattern", 0] > 0).all(1), expected)
    assert torch.equal((run.components["pattern", 0] > 0).any(1), expected)
    assert (run.components["pattern", 1] > 0).all()
    assert torch.allclose(run.components["pattern", 0].sum(-1), torch.ones(60, 2), atol=1e-5)


def test_pictures_of_several_shapes_do_not_touch_each_other():
    network = tiny_vision_network("qwen2_5_vl")
    pictures = [noise(0), noise(1, 24, 16), noise(2, 16, 40)]
    asked = prompt(network, [10], pictures, [20, 21])
    lengths = [record_encoder(tower_of(network), picture).length for picture in pictures]
    assert lengths == [24, 24, 40]
    for picture, start in enumerate((0, 24, 48)):
        done = Intervention(Site("attn_out", 1, position=start + 5, tower="vision"), Scale(3.0))
        (cell,) = tower_cells(network, asked, [Cell((done,))])
        (change,) = cell.interventions
        # In the last block a patch reaches its own token alone.
        first = asked.starts[picture]
        assert change.site.position in range(first, first + vision_of(network).positions(pictures[picture]))


def test_what_is_added_after_a_block_is_not_lost_where_that_block_is_overwritten():
    network = tiny_vision_network("qwen3_vl")
    asked = prompt(network, [10], [noise(0)], [20, 21])
    image = "1:7"
    tower = Intervention(Site("mlp_out", 0, position=5, tower="vision"), Scale(0.0))
    own = [Intervention(Site("resid_post", layer, position=image), Set(torch.zeros(network.width))) for layer in (0, 1)]
    projected = Intervention(Site("projector", position=2), Scale(0.0))
    cells = [Cell((tower,)), Cell((tower, own[0])), Cell((tower, own[1])), Cell((own[1],)), Cell((projected, own[0]))]
    hooks = []
    for cell in cells:
        seen = [i for i in cell.interventions if i.site.is_seen]
        said = [i for i in cell.interventions if not i.site.is_seen]
        with torch.inference_mode(), tower_hooked(network, asked, seen), hooked(network, len(asked), said):
            hooks.append(float(OUTCOME.from_logits(network.logits(asked)[None])[0]))
    found = run_planned(network, [record(network, asked)], tower_cells(network, asked, cells), [OUTCOME]).values
    assert found.tolist() == pytest.approx(hooks, abs=1e-4)
    assert hooks[2] != pytest.approx(hooks[3], abs=1e-3)  # what is added after block 1 still tells of the tower
    places = {str(i.site) for i in tower_cells(network, asked, cells[:1])[0].interventions}
    # Patch 5 of the first row belongs to token 2, and has reached no other after one block.
    assert places == {"L0.resid_pre@1:7", "L0.resid_post@3", "L1.resid_post@1:7"}


def test_a_class_token_that_is_kept_is_the_first_of_a_pictures_tokens_and_no_cell():
    network = tiny_llava("clip", -1, "full")
    vision, picture = vision_of(network), noise(0, 24, 24)
    assert (vision.grid(picture), vision.prefix, vision.positions(picture)) == ((3, 3), 1, 10)
    asked = prompt(network, [20], [picture], [22, 23])
    mask = np.zeros((24, 24), bool)
    mask[:8, 8:16] = True
    assert token_groups(vision, asked, {"it": mask}) == {
        "image": tuple(range(1, 11)),
        "class": (1,),
        "it": (3,),
        "background": (2, *range(4, 11)),
        "question": (11,),
        "before": (0,),
        "last": (12,),
    }
    assert code_of(lambda: token_groups(vision, asked, {"class": mask})) == "AE-9312"
    tower = [Intervention(Site("mlp_out", 2, position=place, tower="vision"), Scale(0.0)) for place in (0, 3)]
    cells = tower_cells(network, asked, [Cell((one,)) for one in tower])
    assert [[str(i.site) for i in cell.interventions] for cell in cells] == [["L0.resid_pre@1"], ["L0.resid_pre@4"]]


@pytest.mark.parametrize("family", ["idefics3", "qwen2_5_vl", "qwen3_vl"])
def test_slopes_at_a_towers_sites_are_differences_in_the_limit(family):
    encoder = tower_of(tiny_vision_network(family, dtype=torch.float64))
    picture, generator = picture_of(family), torch.Generator().manual_seed(0)
    tokens, width = encoder.output(encoder.pixels([picture])).shape[1:]
    weights = torch.randn(tokens, width, generator=generator, dtype=torch.float64)

    def read(output):
        return (output * weights).sum((1, 2))

    sites = [Site(name, 1, position=3) for name in ("resid_pre", "q", "v", "pattern", "z", "mlp_post", "resid_post")]
    sites.append(Site("projector", position=2))
    found = encoder_gradients(encoder, picture, read, sites)
    for site in sites:
        value, gradient = found.sites[site]
        direction = torch.randn(value.shape, generator=generator, dtype=value.dtype)
        ends = [
            read(run_encoder_with_hooks(encoder, picture, [Intervention(site, Add(step * direction))]).output[None])
            for step in (1e-3, -1e-3)  # Qwen norms and turns in float32, whatever its weights are
        ]
        assert float(ends[0] - ends[1]) / 2e-3 == pytest.approx(float((gradient * direction).sum()), rel=1e-2), site
    assert found.pixels[1].shape == (3, picture.height, picture.width)


@pytest.mark.parametrize("layer", [0, 1])
def test_slopes_of_attention_weights_are_those_of_a_run_in_which_attention_is_cut(layer):
    encoder, network = tiny_encoder("clip", dtype=torch.float64), tiny_network("llama", dtype=torch.float64)
    cut, site = Intervention(Site("pattern", 1, position=2), Knockout((1,))), Site("pattern", layer, position=2)
    picture, ids = noise(0, 24, 24), [3, 4, 5, 6]

    def read(output):
        return output.sum(-1)

    def outcome(logits):
        return logits[-1, 3]

    value, gradient = encoder_gradients(encoder, picture, read, [site], [cut]).sites[site]
    said, slope = gradients(network, ids, outcome, [site], [cut])[site]
    assert (bool(value[0, :, 1].any()), bool(said[0, :, 1].any())) == (layer == 0, layer == 0)
    for weights, gradient_there, run in (
        (value, gradient, lambda done: read(run_encoder_with_hooks(encoder, picture, done).output[None])[0]),
        (said, slope, lambda done: outcome(run_with_hooks(network, ids, done, keep=0).logits)),
    ):
        direction = torch.linspace(-1, 1, weights.numel(), dtype=torch.float64).cos().view(weights.shape)
        # Steps are that large because norms are in float32.
        ends = [float(run([cut, Intervention(site, Add(step * direction))])) for step in (1e-3, -1e-3)]
        expected = float((gradient_there * direction).sum())
        assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(expected, rel=5e-3)
        assert abs(expected) > 1e-3


@pytest.mark.parametrize("family", ["idefics3", "qwen2_5_vl", "qwen3_vl"])
def test_prepared_pictures_are_what_the_forward_is_given(family):
    vision = vision_of(tiny_vision_network(family))
    own = vision.preprocess([noise(4, 24, 40)])
    form, config = vision.family.form, vision.module.config
    pixels = form.pixels(config, own)
    again = form.arguments(config, pixels)
    assert set(again) <= set(own)
    assert all(torch.equal(again[name], own[name]) for name in again)
    if family.startswith("qwen"):  # 24 by 40 pixels stay as they are
        expected = (torch.tensor(noise(4, 24, 40).pixels).permute(2, 0, 1) / 255).float()
        shown = pixels[0] * torch.tensor(vision.processor.image_std)[:, None, None]  # pyright: ignore[reportAttributeAccessIssue]
        shown += torch.tensor(vision.processor.image_mean)[:, None, None]  # pyright: ignore[reportAttributeAccessIssue]
        assert torch.allclose(shown, expected, atol=1e-5)


def test_a_network_says_which_sites_of_its_tower_do_not_exist():
    network, blind = tiny_vision_network("qwen2_5_vl"), tiny_network("llama")
    network.check_site(Site.parse("vision.L1.z.h1@999"))
    network.check_site(Site.parse("projector@3"))
    for text, code in {
        "vision.L2.attn_out": "AE-3108",
        "vision.L0.z.h2": "AE-3109",
        "vision.L0.mlp_post.u0:25": "AE-3115",
        "projector.u30:33": "AE-3115",
    }.items():
        assert code_of(lambda text=text: network.check_site(Site.parse(text))) == code
    for text in ("vision.L0.attn_out", "projector@3"):
        assert code_of(lambda text=text: blind.check_site(Site.parse(text))) == "AE-9401"


def test_what_a_tower_cannot_give_is_said_in_one_line():
    network = tiny_vision_network("qwen2_5_vl")
    encoder = tower_of(network)
    assert code_of(lambda: encoder.grid) == "AE-9412"
    assert code_of(lambda: wrap_encoder(encoder.tower)) == "AE-9401"
    wide = Intervention(Site("pattern", 0, units=(20, 30)), Scale(0.0))
    assert code_of(lambda: run_encoder_with_hooks(encoder, noise(0), [wide])) == "AE-3115"
    worlds = [record_encoder(encoder, picture) for picture in (noise(0), noise(2, 16, 40))]
    cells = [Cell((), world) for world in (0, 1)]
    assert code_of(lambda: run_encoder_planned(encoder, worlds, cells, lambda output: output)) == "AE-9413"
    means = run_encoder_planned(encoder, worlds, cells, lambda output: output.mean((1, 2))).values
    assert means.tolist() == pytest.approx([float(world.output.mean()) for world in worlds], abs=1e-5)
    assert code_of(lambda: run_encoder_with_hooks(encoder, torch.zeros(1, 3, 12, 16))) == "AE-9408"
    hidden = {"pixel_values": torch.zeros(1, 1, 3, 32, 32), "pixel_attention_mask": torch.zeros(1, 1, 32, 32)}
    nested = vision_of(tiny_vision_network("idefics3"))
    assert code_of(lambda: nested.family.form.pixels(nested.module.config, hidden)) == "AE-9408"


def test_a_tower_whose_first_patch_would_be_dropped_is_refused():
    config = VISION_CONFIGS["llava_siglip"].to_dict() | {"vision_feature_select_strategy": "default"}
    module = AutoModelForImageTextToText.from_config(type(VISION_CONFIGS["llava_siglip"])(**config))
    assert code_of(lambda: wrap(module)) == "AE-9702"


@pytest.mark.parametrize("family", ["llava_llama", "idefics3", "qwen2_5_vl", "qwen3_vl"])
def test_towers_of_half_precision_have_sites_too(family):
    network = tiny_vision_network(family, dtype=torch.bfloat16)
    encoder, picture = tower_of(network), picture_of(family)
    world = record_encoder(encoder, picture)
    assert world.output.dtype == torch.bfloat16
    cells = [
        Cell((Intervention(Site(name, layer, position=2), Scale(0.0)),))
        for name in ("z", "mlp_out")
        for layer in (0, 1)
    ]
    planned = run_encoder_planned(encoder, [world], cells, lambda output: output).values
    for cell, found in zip(cells, planned, strict=True):
        hooks = run_encoder_with_hooks(encoder, picture, cell.interventions).output.float()
        assert (found - hooks).norm() < 0.03 * hooks.norm()
        assert (found - world.output.float()).norm() > 1e-3 * hooks.norm()
