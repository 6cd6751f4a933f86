"""A model that sees, whose answer is the colour of the one bright patch: its only path is known by construction.

The tower passes on each patch's own colour and nothing else; in layer 0 the last position attends to the brightest
token and copies its colour, which the unembedding reads; other positions attend to dark tokens and copy nothing.
Layer 1 does nothing.
"""

from functools import cache

import numpy as np
import torch
from torch import nn
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from aetia.contrasts import AlignedContrast
from aetia.models import Network, wrap
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt

IMAGE, ASKING, COLOURS = 3, 9, (20, 21, 22)
SIDE, PATCH = 32, 8
GRID = (SIDE // PATCH, SIDE // PATCH)
CELLS = GRID[0] * GRID[1]
_PAINTS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
_READ = slice(8, 11)  # the part of the residual that the colours' logits are read from
_STEADY = 4.0  # a constant in every token, large enough that norms divide all of them by nearly the same


def _config(cells: int = GRID[0]) -> LlavaConfig:
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "image_size": cells * PATCH, "patch_size": PATCH}
    vision = CLIPVisionConfig(hidden_size=8, intermediate_size=8, **sizes)
    text = LlamaConfig(
        vocab_size=97,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": 1e8},
        tie_word_embeddings=False,
    )
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=IMAGE,  # pyright: ignore[reportCallIssue]  its stub lacks it
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        projector_hidden_act="linear",
        image_seq_length=cells * cells,
    )


@cache
def seeing_network() -> Network:
    """The planted network; what is not planted is noise too small to matter."""
    torch.manual_seed(0)
    module = LlavaForConditionalGeneration(_config())
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.05 if "language_model.layers.1" in name or "lm_head" in name else 0.002)
            elif "norm" not in name:
                parameter.zero_()
        _plant_tower(module)
        _plant_decoder(module)
    return wrap(module)


@cache
def random_network(cells: int = 4) -> Network:
    """The same architecture with random weights, large enough that every part matters."""
    torch.manual_seed(1)
    module = LlavaForConditionalGeneration(_config(cells))
    for parameter in module.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.3)
    return wrap(module)


def _plant_tower(module: LlavaForConditionalGeneration) -> None:
    embeddings = module.model.vision_tower.embeddings
    for channel in range(3):  # of -1 to 1, as 0 to 1 and its negative: their mean is 0
        embeddings.patch_embedding.weight[channel, channel] += 0.5 / PATCH**2
        embeddings.patch_embedding.weight[3 + channel, channel] -= 0.5 / PATCH**2
    embeddings.position_embedding.weight[:] += torch.tensor([0.5] * 3 + [-0.5] * 3 + [_STEADY, -_STEADY])
    projector = module.model.multi_modal_projector
    for channel in range(3):
        projector.linear_1.weight[channel, channel] = 2.0  # undoes the norm's scale
        projector.linear_1.weight[3, channel] = 2.0  # how bright
    projector.linear_1.weight[_READ] = 0.0
    projector.linear_2.weight[:] = torch.eye(16)
    projector.linear_2.bias[15] = _STEADY


def _plant_decoder(module: LlavaForConditionalGeneration) -> None:
    decoder = module.model.language_model
    decoder.embed_tokens.weight[:, 15] = _STEADY
    decoder.embed_tokens.weight[ASKING, 5] = 1.0
    for layer in decoder.layers:  # nothing else writes where the answer is read
        layer.self_attn.o_proj.weight[_READ] = 0.0
        layer.mlp.down_proj.weight[_READ] = 0.0
    module.lm_head.weight[list(COLOURS)] = 0.0
    attention = decoder.layers[0].self_attn
    attention.q_proj.weight[3, 15] = -1.0  # away from what is bright
    attention.q_proj.weight[3, 5] = 16.0  # towards it; at this base the last of four frequencies does not turn
    attention.k_proj.weight[3, 3] = 8.0
    for channel in range(3):
        attention.v_proj.weight[channel, channel] = 1.0
        attention.o_proj.weight[8 + channel, channel] = 4.0
        module.lm_head.weight[COLOURS[channel], 8 + channel] = 8.0


def picture(
    cell: int | None, colour: int = 0, *, noise: int = 0, seed: int = 0, ground: int = 0, holes: int = 0
) -> Picture:
    """A picture of one level with one bright patch; None for none; black holes are seen before it, and mean nothing."""
    chance = np.random.default_rng(seed)
    pixels = np.full((SIDE, SIDE, 3), ground, np.uint8)
    if noise:
        pixels += chance.integers(0, noise, pixels.shape, dtype=np.uint8)
    dark = [int(one) for one in chance.permutation(CELLS) if one != cell][:holes]
    for one in (*dark, *([] if cell is None else [cell])):
        row, column = divmod(one, GRID[1])
        part = pixels[row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
        part[:] = np.maximum(_PAINTS[colour], ground) if one == cell else 0
    return Picture(pixels)


def prompt(shown: Picture) -> Prompt:
    """A question about a picture: some words, the last of which asks."""
    return Prompt([1, *[IMAGE] * CELLS, 10, 11, ASKING], [shown], [1])


def items(count: int, seed: int = 0, *, ground: int = 0, holes: int = 0) -> tuple[AlignedContrast, ...]:
    """Pictures with one bright patch each, in any cell and colour; its cell is the region `thing`."""
    chance = np.random.default_rng(seed)
    found = []
    for number in range(count):
        cell, colour, other = int(chance.integers(CELLS)), number % 3, (number + 1) % 3
        clean, corrupted = (
            prompt(picture(cell, which, noise=8, seed=1000 * seed + number, ground=ground, holes=holes))
            for which in (colour, other)
        )
        found.append(
            AlignedContrast(
                id=f"item {number}",
                clean="",
                corrupted="",
                answer=str(colour),
                foil=str(other),
                clean_ids=clean,
                corrupted_ids=corrupted,
                clean_tokens=(),
                corrupted_tokens=(),
                answer_ids=(COLOURS[colour],),
                foil_ids=(COLOURS[other],),
                spans={"last": (len(clean) - 1, len(clean))},
                groups={"thing": (1 + cell,), "image": tuple(range(1, 1 + CELLS))},
                grids=(GRID,),
            )
        )
    return tuple(found)
