"""Groups of tokens: those of a region are the cells that it covers, whatever the model does to a picture first."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_vision_models import noise, prompt, tiny_vision_network
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from aetia.errors import StudyError
from aetia.models.groups import coverage, token_groups
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt


def brute_force(mask, shown, grid, fine=24):
    """Coverage by counting points of a fine lattice in each cell."""
    top, left, height, width = shown
    found = np.zeros(grid)
    for row in range(grid[0]):
        for column in range(grid[1]):
            for i in range(fine):
                for j in range(fine):
                    y = top + height * (row + (i + 0.5) / fine) / grid[0]
                    x = left + width * (column + (j + 0.5) / fine) / grid[1]
                    inside = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]
                    found[row, column] += inside and mask[int(y), int(x)]
    return found / fine**2


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    grid=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    shown=st.sampled_from([None, (1.5, -2.0, 4.0, 9.0), (0.25, 0.5, 0.5, 0.5)]),
)
def test_coverage_is_what_counting_points_gives(seed, size, grid, shown):
    mask = np.random.default_rng(seed).random(size) < 0.5
    shown = shown or (0.0, 0.0, float(size[0]), float(size[1]))
    found = coverage(mask, shown, grid)
    assert np.abs(found - brute_force(mask, shown, grid)).max() < 0.12
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-9


def test_exact_coverage_of_cells_that_are_whole_pixels():
    mask = np.random.default_rng(1).random((12, 20)) < 0.5
    expected = mask.reshape(3, 4, 4, 5).mean((1, 3))
    assert np.allclose(coverage(mask, (0, 0, 12, 20), (3, 4)), expected)


@pytest.mark.parametrize("family", ["llava_llama", "llava_siglip", "idefics3", "smolvlm", "qwen2_5_vl", "qwen3_vl"])
def test_the_cell_of_a_region_is_the_token_that_its_pixels_reach(family):
    """With a tower cut down to its patches, a change of one cell's pixels changes that cell's token and no other."""
    network = tiny_vision_network(family)
    height, width = 32, 48
    plain = np.full((height, width, 3), 128, np.uint8)
    assert network.vision is not None
    rows, columns = network.vision.grid(Picture(plain))
    patches = _patches(network)

    def tokens(pixels):
        given = network.inputs([prompt(network, [10], [Picture(pixels)], [11])])
        return patches(given)

    base = tokens(plain)
    for row in range(rows):
        for column in range(columns):
            mask = np.zeros((height, width), bool)
            spans = [slice(n * full // count, (n + 1) * full // count) for n, full, count in
                     ((row, height, rows), (column, width, columns))]  # fmt: skip
            mask[spans[0], spans[1]] = True
            changed = plain.copy()
            quarters = [(span.stop - span.start) // 4 for span in spans]  # resampling smears over edges
            inner = [slice(s.start + q, s.stop - q) for s, q in zip(spans, quarters, strict=True)]
            changed[inner[0], inner[1]] = 255
            difference = (tokens(changed) - base).abs().sum(-1)
            asked = prompt(network, [10], [Picture(plain)], [11])
            groups = token_groups(network.vision, asked, {"it": mask})
            assert groups["it"] == (1 + int(difference.argmax()),)
            assert groups["it"] == (1 + row * columns + column,)


def _patches(network):
    """From the forward's arguments to one vector a token, of the pixels that the token takes in and no others."""
    config = network.module.config
    vision = config.vision_config
    if "image_grid_thw" in network.inputs([prompt(network, [10], [noise(0)], [11])]):
        return lambda given: given["pixel_values"].unflatten(0, (-1, vision.spatial_merge_size**2)).flatten(1)
    side = vision.patch_size * getattr(config, "scale_factor", 1)

    def cut(given):
        pixels = given["pixel_values"].flatten(0, -4)[0]
        cells = pixels.unfold(1, side, side).unfold(2, side, side)
        return cells.permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1)

    return cut


def test_groups_part_the_prompt():
    network = tiny_vision_network("qwen3_vl")
    asked = prompt(network, [20, 21], [noise(0), noise(1, 24, 16)], [22, 23, 24])
    mask = np.zeros((24, 16), bool)
    mask[:8, :8] = True
    groups = token_groups(network.vision, asked, {"circle@2": mask})
    assert groups == {
        "image": (*range(2, 8), *range(9, 15)),
        "frame1": tuple(range(2, 8)),
        "frame2": tuple(range(9, 15)),
        "circle": (9,),
        "background": (*range(2, 8), *range(10, 15)),
        "question": (15, 16),
        "before": (0, 1, 8),
        "last": (17,),
    }
    assert sorted(sum((groups[name] for name in ("image", "before", "question", "last")), ())) == list(
        range(len(asked))
    )


def test_a_region_in_several_pictures_is_one_group():
    network = tiny_vision_network("qwen3_vl")
    asked = prompt(network, [20], [noise(0), noise(1)], [22, 23])
    left, right = np.zeros((2, 16, 24), bool)
    left[:8, :8] = right[8:, 16:] = True
    groups = token_groups(network.vision, asked, {"ball@2": right, "ball": left, "wall": right})
    assert (groups["frame1"], groups["frame2"]) == (tuple(range(1, 7)), tuple(range(8, 14)))
    assert (groups["ball"], groups["wall"]) == ((1, 13), (6,))
    assert groups["background"] == (2, 3, 4, 5, 8, 9, 10, 11, 12)


def test_each_part_of_a_region_has_the_cells_that_it_covers_at_least_half_as_much_as_its_best():
    network = tiny_vision_network("qwen2_5_vl")
    asked = prompt(network, [20], [noise(0)], [22])  # cells of 8 by 8 pixels, 2 by 3 of them
    dot, spread, half, wide = np.zeros((4, 16, 24), bool)
    dot[7:11, 7:11] = True  # 3, 1, 9 and 3 pixels of the four cells that meet there
    spread[2:7, 2:7] = spread[10:12, 18:20] = True  # two things, one of them small
    half[:8, 4:12] = True
    wide[:, :16] = True
    groups = token_groups(network.vision, asked, {"dot": dot, "spread": spread, "half": half, "wide": wide})
    assert groups["dot"] == (5,)
    assert groups["spread"] == (1, 6)
    assert groups["half"] == (1, 2)
    assert groups["wide"] == (1, 2, 4, 5)
    assert groups["background"] == (3,)


def test_cells_lie_in_the_part_that_is_cut_out():
    network = tiny_vision_network("llava_llama")
    processor = CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    cut = replace(network, processor=processor)
    assert cut.vision is not None
    wide = noise(5, 32, 96)  # scaled to 16 by 48, of which columns 16 to 32 are shown: 32 to 64 of its own
    assert cut.vision.seen(wide) == (0, 32, 32, 32)
    asked = prompt(cut, [20], [wide], [22])
    mask = np.zeros((32, 96), bool)
    mask[16:, :48] = True
    assert token_groups(cut.vision, asked, {"it": mask})["it"] == (3,)
    outside = np.zeros((32, 96), bool)
    outside[:, :30] = True
    with pytest.raises(StudyError, match="shown"):
        token_groups(cut.vision, asked, {"it": outside})
    whole = cut.vision.preprocess([wide])["pixel_values"]
    changed = wide.pixels.copy()
    changed[:, :24] = changed[:, 72:] = 0
    assert torch.equal(cut.vision.preprocess([Picture(changed)])["pixel_values"], whole)


def test_what_cannot_be_a_group_is_refused():
    network = tiny_vision_network("llava_llama")
    asked = prompt(network, [20], [noise(0)], [22])
    good = np.ones((16, 24), bool)
    for name, mask in {
        "question": good,
        "frame1": good,
        "thing@": good,
        "thing@0": good,
        "turned": good.T,
        "numbers": good.astype(float),
        "empty": ~good,
    }.items():
        with pytest.raises(StudyError, match="AE-9312"):
            token_groups(network.vision, asked, {name: mask})
    for prompted, name in ((asked, "it@2"), (Prompt([1, 2]), "it")):
        with pytest.raises(StudyError, match="AE-9311"):
            token_groups(network.vision, prompted, {name: good})
