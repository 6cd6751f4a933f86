"""Where the parts of a vision encoder live in each architecture: data, as `families.py` is for decoders."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from aetia.errors import StudyError
from aetia.models.families import Family

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedConfig, PreTrainedModel

    from aetia.models.vision import ImageProcessor

__all__ = [
    "ENCODER_FAMILIES",
    "EncoderFamily",
    "block_list",
    "encoder_family_of",
    "known_encoder_family",
    "layout_of",
    "patch_side",
    "prefix_length",
    "square_processor",
    "tower_in",
]


@dataclass(frozen=True)
class EncoderFamily:
    """The places of an architecture.

    Args:
        layout: Where blocks and their parts are, starting at the tower; its `model_types` are those of the tower.
        towers: Where the tower may be inside the models that have it, as attributes; the model itself if it has none.
        class_tokens: How many tokens stand before the patches, registers not counted.
        gated_down: The MLP's last projection where the configuration asks for a gated MLP.
        is_part: Whether it is found inside networks that see, and nowhere else.
        is_packed: Whether all pictures, of any size, go through it as one sequence `[positions, D]`, each reading
            itself alone. Positions then follow image tokens, and these windows of attention, if it has any.
    """

    layout: Family
    towers: tuple[str, ...] = ()
    class_tokens: int = 1
    gated_down: str = ""
    is_part: bool = False
    is_packed: bool = False


_CLIP = Family(
    ("clip_vision_model",),
    layers="encoder.layers",
    final_norm="post_layernorm",
    head_mixer="self_attn.out_proj",
    resid_mid="layer_norm2",
    mlp_down="mlp.fc2",
)
_VIT = Family(
    ("vit",),
    layers="layers",
    final_norm="layernorm",
    attention="attention",
    projections=("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    head_mixer="attention.o_proj",
    attn_out="attention",
    resid_mid="layernorm_after",
    mlp_down="mlp.fc2",
)
_DINO = replace(
    _VIT,
    model_types=("dinov2", "dinov2_with_registers"),
    layers="encoder.layer",
    attn_out="layer_scale1",  # what is added to the residual is scaled first
    resid_mid="norm2",
    mlp_out="layer_scale2",
)

_IDEFICS = replace(_CLIP, model_types=("idefics3_vision", "smolvlm_vision"))
_QWEN = Family(
    ("qwen2_5_vl_vision",),
    layers="blocks",
    final_norm="merger.ln_q",
    attention="attn",
    projections=("attn.qkv",),
    fused="concatenated",
    head_mixer="attn.proj",
    attn_out="attn",
    resid_mid="norm2",
)
_QWEN_3 = replace(_QWEN, model_types=("qwen3_vl_vision",), final_norm="merger.norm", mlp_down="mlp.linear_fc2")

ENCODER_FAMILIES: tuple[EncoderFamily, ...] = (
    EncoderFamily(_CLIP, towers=("vision_model",)),
    EncoderFamily(replace(_CLIP, model_types=("siglip_vision_model",)), towers=("vision_model",), class_tokens=0),
    EncoderFamily(_VIT, towers=("vit",)),
    EncoderFamily(_DINO, towers=("dinov2", "dinov2_with_registers"), gated_down="mlp.down_proj"),
    EncoderFamily(_IDEFICS, class_tokens=0, is_part=True),
    EncoderFamily(_QWEN, class_tokens=0, is_part=True, is_packed=True),
    EncoderFamily(_QWEN_3, class_tokens=0, is_part=True, is_packed=True),
)


def known_encoder_family(model_type: str) -> EncoderFamily | None:
    """The family of a tower's `config.model_type`; None if it is not described here."""
    return next((family for family in ENCODER_FAMILIES if model_type in family.layout.model_types), None)


def encoder_family_of(model_type: str) -> EncoderFamily:
    """The family of a tower's `config.model_type`.

    Raises:
        StudyError: AE-9401 if the architecture is not described here.
    """
    family = known_encoder_family(model_type)
    if family is not None:
        return family
    known = ", ".join(sorted(name for family in ENCODER_FAMILIES for name in family.layout.model_types))
    raise StudyError(
        "AE-9401",
        f"The vision encoder {model_type!r} is not one that aetia can open up yet.",
        details=(f"known: {known}",),
        mend="use an encoder of a known architecture, or describe it in aetia/models/encoder_families.py.",
    )


def prefix_length(config: "PreTrainedConfig") -> int:
    """How many positions of a tower come before the patches: the class token and registers."""
    return encoder_family_of(config.model_type).class_tokens + int(getattr(config, "num_register_tokens", 0))


def tower_in(module: "PreTrainedModel") -> "PreTrainedModel":
    """The encoder inside a model that classifies, embeds or compares pictures: the model itself if it is one."""
    for path in dict.fromkeys(path for family in ENCODER_FAMILIES for path in family.towers):
        if hasattr(module, path):
            return cast("PreTrainedModel", getattr(module, path))
    return module


def layout_of(family: EncoderFamily, config: "PreTrainedConfig") -> Family:
    """The family's layout as a configuration has it."""
    is_gated = bool(family.gated_down) and bool(getattr(config, "use_swiglu_ffn", False))
    return replace(family.layout, mlp_down=family.gated_down) if is_gated else family.layout


def square_processor(side: int) -> "ImageProcessor":
    """What prepares pictures for an encoder that comes without a processor: `side` pixels square, from -1 to 1."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    prepare = CLIPImageProcessorPil(
        size={"height": side, "width": side}, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    return cast("ImageProcessor", prepare)


def patch_side(config: "PreTrainedConfig") -> int:
    """How many pixels a patch is wide and high."""
    size = config.patch_size
    return size if isinstance(size, int) else size[0]


def block_list(tower: "nn.Module", layout: Family) -> "tuple[nn.Module, ...]":
    """The blocks of a tower, in the order in which they run."""
    return tuple(tower.get_submodule(layout.layers).children())
