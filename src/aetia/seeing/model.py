"""What is the toy made of? transformers' LLaVA, small: a CLIP tower, two linear maps between, a LLaMA decoder.

Letters: B scenes, C image tokens of a picture, T positions, D width of the decoder.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from aetia.seeing.batches import CELLS, PREFIX, SETTINGS, Pack
from aetia.seeing.tokens import BEGIN, END, IMAGE, PADDING, VOCABULARY

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration

__all__ = ["VISION_WIDTH", "WIDTH", "build_model", "decoded", "picture_features"]


VISION_WIDTH = 96
"""Of the tower's residual stream."""

WIDTH = 128
"""Of the decoder's residual stream, D."""

_VISION_LAYERS, _VISION_HIDDEN = 3, 256
_LAYERS, _HIDDEN = 4, 384
_HEADS = 4
_ROTARY_BASE = 1000.0  # sentences are 40 tokens long, not thousands


def build_model(seed: int) -> "LlavaForConditionalGeneration":
    """A toy with random weights; the seed alone decides them."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    vision = CLIPVisionConfig(
        hidden_size=VISION_WIDTH,
        intermediate_size=_VISION_HIDDEN,
        num_hidden_layers=_VISION_LAYERS,
        num_attention_heads=_HEADS,
        image_size=SETTINGS.size,
        patch_size=SETTINGS.cell,
    )
    text = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=WIDTH,
        intermediate_size=_HIDDEN,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        num_key_value_heads=_HEADS,
        max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": _ROTARY_BASE},
        pad_token_id=PADDING,
        bos_token_id=BEGIN,
        eos_token_id=END,
        tie_word_embeddings=True,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=IMAGE,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        image_seq_length=CELLS,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlavaForConditionalGeneration(config)


def picture_features(model: "LlavaForConditionalGeneration", pixels: Tensor) -> Tensor:
    """What the tower says of each cell `[B, C, vision width]`, for pixels `[B, 3, S, S]`."""
    return model.model.vision_tower(pixels).last_hidden_state[:, 1:]


def decoded(model: "LlavaForConditionalGeneration", features: Tensor, pack: Pack) -> tuple[Tensor, ...]:
    """The decoder's residual `[B, T, D]` before its first layer and after each, of packed questions about pictures with
    these features; the last one is normed.
    """
    words = model.get_input_embeddings()(pack.ids)
    seen = model.model.multi_modal_projector(features)
    embedded = torch.cat([words[:, :1], seen, words[:, PREFIX:]], 1)
    mask = torch.zeros(pack.attends.shape).masked_fill_(~pack.attends, torch.finfo(torch.float32).min)
    decoder = model.model.language_model
    found = decoder(
        inputs_embeds=embedded,
        attention_mask=mask[:, None].to(embedded.device),
        position_ids=pack.positions,
        use_cache=False,
        output_hidden_states=True,
    )
    return found.hidden_states
