"""A tiny random vision encoder of every family, and a tiny LLaVA around some of them."""

from functools import cache

import numpy as np
import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    Dinov2Config,
    Dinov2ForImageClassification,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedModel,
    SiglipConfig,
    SiglipModel,
    SiglipVisionConfig,
    ViTConfig,
    ViTForImageClassification,
)

from aetia.models import Network, wrap
from aetia.models.encoders import Encoder, wrap_encoder
from aetia.models.pictures import Picture

LAYERS = 3
_SIZES = {
    "hidden_size": 24,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "image_size": 24,
    "patch_size": 8,
}
_VISION = {**_SIZES, "intermediate_size": 32}
_IMAGE = {"image_token_id": 3}
_LABELS = {"num_labels": 5}
_TEXT = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
    "bos_token_id": 1,
    "eos_token_id": 5,
    "pad_token_id": 0,
}


def _modules() -> dict[str, PreTrainedModel]:
    return {
        "vit": ViTForImageClassification(ViTConfig(**_VISION, **_LABELS)),
        "dinov2": Dinov2ForImageClassification(Dinov2Config(**_SIZES, mlp_ratio=2, **_LABELS)),
        "dinov2_gated": Dinov2ForImageClassification(
            Dinov2Config(**_SIZES, mlp_ratio=2, **_LABELS, use_swiglu_ffn=True)
        ),
        "dinov2_registers": Dinov2WithRegistersModel(
            Dinov2WithRegistersConfig(**_SIZES, mlp_ratio=2, num_register_tokens=2)
        ),
        "clip": CLIPModel(CLIPConfig(vision_config=_VISION, text_config=_TEXT, projection_dim=12)),
        "clip_vision": CLIPVisionModel(CLIPVisionConfig(**_VISION)),
        "siglip": SiglipModel(SiglipConfig(vision_config=_VISION, text_config={**_TEXT, "projection_size": 24})),
    }


ENCODERS = ("vit", "dinov2", "dinov2_gated", "dinov2_registers", "clip", "clip_vision", "siglip")


@cache
def tiny_encoder(family: str, attention: str = "sdpa", dtype: torch.dtype = torch.float32) -> Encoder:
    """The family's encoder, with weights large enough that every site matters."""
    torch.manual_seed(7)
    module = _modules()[family]
    module.set_attn_implementation(attention)
    return wrap_encoder(_loud(module).to(dtype))


def _loud(module: PreTrainedModel) -> PreTrainedModel:
    for name, parameter in module.named_parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
        elif "lambda1" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return module


@cache
def tiny_llava(tower: str = "clip", layer: int | tuple[int, ...] = -1, strategy: str = "default") -> Network:
    """A LLaVA that reads its tower at `layer`: 9 image tokens of id 3, 10 with the class token."""
    vision = CLIPVisionConfig(**_VISION) if tower == "clip" else SiglipVisionConfig(**_VISION, vision_use_head=False)
    text = LlamaConfig(
        vocab_size=97,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )
    torch.manual_seed(7)
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        **_IMAGE,
        vision_feature_layer=layer if isinstance(layer, int) else list(layer),
        vision_feature_select_strategy=strategy,
        image_seq_length=9,
    )
    return wrap(_loud(LlavaForConditionalGeneration(config)))


def random_picture(seed: int, side: int = 24) -> Picture:
    """A picture of noise."""
    return Picture(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8))
