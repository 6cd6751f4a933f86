"""Where the parts of a block live in each architecture: data, not code.

A family says by dotted paths which module's input or output carries which component. Nothing here
computes: `check.py` verifies numerically, at load, that each part is what its name says.
"""

from dataclasses import dataclass
from typing import Literal

from aetia.errors import StudyError

__all__ = ["FAMILIES", "Family", "family_of"]

Side = Literal["input", "output"]


@dataclass(frozen=True)
class Family:
    """The places of an architecture; paths starting at the model (`layers`, `final_norm`) or at a block (the rest).

    Args:
        model_types: The `config.model_type`s that share this layout.
        layers: The list of blocks.
        final_norm: The norm before the unembedding.
        attention: The attention module.
        projections: The modules that make `q, k, v`: three paths, or one for a fused projection.
        fused: How a fused projection lays out its output: `concatenated` is q | k | v, `interleaved` is q, k, v
            head by head.
        head_mixer: The output projection; its input is `z`.
        attn_out: The module whose output attention adds to the residual.
        resid_mid: The module whose input is the residual between attention and MLP.
        parallel: The configuration's flag for blocks whose MLP reads what attention reads: then there is no resid_mid.
        mlp_down: The MLP's last projection; its input is `mlp_post`.
        mlp_out: The module whose output the MLP adds to the residual.
    """

    model_types: tuple[str, ...]
    layers: str = "model.layers"
    final_norm: str = "model.norm"
    attention: str = "self_attn"
    projections: tuple[str, ...] = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    fused: Literal["concatenated", "interleaved"] | None = None
    head_mixer: str = "self_attn.o_proj"
    attn_out: str = "self_attn"
    resid_mid: str = "post_attention_layernorm"
    parallel: str | None = None
    mlp_down: str = "mlp.down_proj"
    mlp_out: str = "mlp"


FAMILIES: tuple[Family, ...] = (
    Family(("llama", "mistral", "qwen2", "qwen3", "qwen2_5_vl_text", "qwen3_vl_text")),
    Family(
        ("gemma2", "gemma3_text"),
        attn_out="post_attention_layernorm",
        resid_mid="pre_feedforward_layernorm",
        mlp_out="post_feedforward_layernorm",
    ),
    Family(("phi3",), projections=("self_attn.qkv_proj",), fused="concatenated"),
    Family(("olmo2",), attn_out="post_attention_layernorm", resid_mid="mlp", mlp_out="post_feedforward_layernorm"),
    Family(
        ("gpt2",),
        layers="transformer.h",
        final_norm="transformer.ln_f",
        attention="attn",
        projections=("attn.c_attn",),
        fused="concatenated",
        head_mixer="attn.c_proj",
        attn_out="attn",
        resid_mid="ln_2",
        mlp_down="mlp.c_proj",
    ),
    Family(
        ("gpt_neox",),
        layers="gpt_neox.layers",
        final_norm="gpt_neox.final_layer_norm",
        attention="attention",
        projections=("attention.query_key_value",),
        fused="interleaved",
        head_mixer="attention.dense",
        attn_out="attention",
        parallel="use_parallel_residual",
        mlp_down="mlp.dense_4h_to_h",
    ),
    Family(
        ("opt",),
        layers="model.decoder.layers",
        final_norm="model.decoder.final_layer_norm",
        head_mixer="self_attn.out_proj",
        resid_mid="final_layer_norm",
        mlp_down="fc2",
        mlp_out="fc2",
    ),
)


def family_of(model_type: str) -> Family:
    """The family of a `config.model_type`.

    Raises:
        StudyError: If the architecture is not described here.
    """
    for family in FAMILIES:
        if model_type in family.model_types:
            return family
    known = ", ".join(sorted(name for family in FAMILIES for name in family.model_types))
    raise StudyError(
        "AE-1201",
        f"The architecture {model_type!r} is not one that aetia can open up yet.",
        details=(f"known: {known}",),
        mend="use a model of a known architecture, or describe it in aetia/models/families.py.",
    )
