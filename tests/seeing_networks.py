"""A tiny random network that sees: LLaVA of two blocks a tower, with the words of the scenes."""

from functools import cache

import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from aetia.models import Network, wrap
from aetia.seeing.tokens import IMAGE, VOCABULARY, build_tokenizer

PIXELS, PATCH = 64, 16


@cache
def tiny_llava(seed: int = 0) -> Network:
    """The network; its pictures are a grid of 4 x 4 tokens."""
    torch.manual_seed(seed)
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=PIXELS,
        patch_size=PATCH,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(VOCABULARY), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_id=IMAGE, image_seq_length=(PIXELS // PATCH) ** 2,
        vision_feature_layer=-1, vision_feature_select_strategy="default",
    )  # fmt: skip
    return wrap(LlavaForConditionalGeneration(config), build_tokenizer())
