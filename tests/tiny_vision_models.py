"""A tiny random network of every family that sees, with every language model that it may have."""

from copy import deepcopy
from functools import cache

import numpy as np
import torch
from tiny_models import CONFIGS, LAYERS, VOCABULARY
from transformers import (
    AutoModelForImageTextToText,
    CLIPVisionConfig,
    Idefics3Config,
    LlavaConfig,
    PreTrainedConfig,
    Qwen2_5_VLConfig,
    Qwen3VLConfig,
    SiglipVisionConfig,
    SmolVLMConfig,
)

from aetia.models import Network, wrap
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt
from aetia.models.rendering import prompt_of
from aetia.models.vision import Vision

IMAGE_TOKEN = 3
_TOWER = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
_CLIP = CLIPVisionConfig(**_TOWER, image_size=16, patch_size=8)
_SIGLIP = SiglipVisionConfig(**_TOWER, image_size=16, patch_size=8, vision_use_head=False)
_SHUFFLED = {**_TOWER, "image_size": 32, "patch_size": 8}
_TEXT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_ROTARY = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
_MERGED = {
    "depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "patch_size": 4,
    "spatial_merge_size": 2, "out_hidden_size": 32,
}  # fmt: skip
_MARKS = {"image_token_id": IMAGE_TOKEN, "video_token_id": 4, "vision_start_token_id": 5, "vision_end_token_id": 6}


def _llava(text: PreTrainedConfig, vision: PreTrainedConfig = _CLIP, strategy: str = "default") -> LlavaConfig:
    return LlavaConfig(
        vision_config=vision.to_dict(),
        # LLaVA looks for tied weights where GPT-2 and OPT do not keep them.
        text_config={**text.to_dict(), "tie_word_embeddings": False},
        tie_word_embeddings=False,
        image_token_id=IMAGE_TOKEN,  # pyright: ignore[reportCallIssue]  an alias of the field
        vision_feature_layer=-1,
        vision_feature_select_strategy=strategy,
        image_seq_length=4,
    )


VISION_CONFIGS: dict[str, PreTrainedConfig] = {
    **{f"llava_{name}": _llava(text) for name, text in CONFIGS.items()},
    "llava_siglip": _llava(CONFIGS["llama"], _SIGLIP, "full"),
    "idefics3": Idefics3Config(
        vision_config=dict(_SHUFFLED), text_config=CONFIGS["llama"].to_dict(), image_token_id=IMAGE_TOKEN
    ),
    "smolvlm": SmolVLMConfig(
        vision_config=dict(_SHUFFLED), text_config=CONFIGS["llama"].to_dict(), image_token_id=IMAGE_TOKEN
    ),
    "qwen2_5_vl": Qwen2_5_VLConfig(
        vision_config={**_MERGED, "window_size": 16, "fullatt_block_indexes": [1]},
        text_config={**_TEXT, "rope_parameters": dict(_ROTARY)},
        **_MARKS,
    ),
    "qwen3_vl": Qwen3VLConfig(
        vision_config={**_MERGED, "num_position_embeddings": 16, "deepstack_visual_indexes": [0, 1]},
        text_config={**_TEXT, "head_dim": 8, "rope_parameters": dict(_ROTARY)},
        **_MARKS,
    ),
}


@cache
def tiny_vision_network(family: str, attention: str | None = None, dtype: torch.dtype = torch.float32) -> Network:
    """The family's network, with weights large enough that every site and every pixel matters."""
    torch.manual_seed(7)
    config = deepcopy(VISION_CONFIGS[family])  # a model writes its attention into it
    module = AutoModelForImageTextToText.from_config(config, attn_implementation=attention, dtype=torch.float32)
    for parameter in module.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return wrap(module.to(dtype))


def vision_of(network: Network) -> Vision:
    """The part of a network that sees, which it has."""
    assert network.vision is not None
    return network.vision


def noise(seed: int, height: int = 16, width: int = 24) -> Picture:
    """A picture in which no two are alike."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture(pixels, f"noise {seed}")


def prompt(network: Network, before: list[int], pictures: list[Picture], after: list[int]) -> Prompt:
    """Token ids with pictures between them, and token 10 between the pictures."""
    assert network.vision is not None
    places = [token for picture in pictures for token in [10, *[IMAGE_TOKEN] * network.vision.positions(picture)]]
    return prompt_of([*before, *places[1:], *after], pictures, network.vision)
