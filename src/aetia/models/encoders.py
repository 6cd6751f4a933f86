"""A vision encoder as a causal system: its blocks named, its sites read and set, alone or inside a network that sees.

Nothing is re-implemented: what comes out is what the Hugging Face module gives.

Letters: n pictures, T positions (class and register tokens, then patches row by row), L layers, D width, H heads,
d head width, E width of what comes out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from aetia.errors import SiteError, StudyError
from aetia.models.encoder_families import (
    EncoderFamily,
    block_list,
    encoder_family_of,
    layout_of,
    patch_side,
    square_processor,
    tower_in,
)
from aetia.models.pictures import Picture
from aetia.models.ports import Heads, Port, block_ports, missing_component
from aetia.models.sites import HEAD_COMPONENTS, PROJECTOR, Site
from aetia.models.vision import processor_in
from aetia.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import AutoModel, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    from aetia.models.families import Family
    from aetia.models.network import Network
    from aetia.models.resolve import LocalModel
    from aetia.models.vision import ImageProcessor, Vision

__all__ = ["Encoder", "load_encoder", "tower_of", "wrap_encoder"]

_towers: "WeakKeyDictionary[Network, Encoder]" = WeakKeyDictionary()  # each is checked once


@dataclass(frozen=True, eq=False)
class Encoder:
    """A vision encoder whose sites can be read and set.

    Its own sites are written without a tower (`L2.attn_out@5`); `vision.L2.attn_out@5` names the same.

    Args:
        module: The Hugging Face model: an encoder, one with a head, one with a text tower, or a network that sees.
        processor: What prepares pictures for it.
        tokenizer: That of its text tower, if it has one.
        source: Where the weights came from; None for a module that was wrapped.
        vision: The part of a vision-language model that this is; None for an encoder alone.
    """

    module: "PreTrainedModel"
    processor: "ImageProcessor"
    tokenizer: "PreTrainedTokenizerFast | None" = None
    source: "LocalModel | None" = None
    vision: "Vision | None" = None

    @cached_property
    def tower(self) -> "PreTrainedModel":
        """The encoder itself, to which `layout`'s paths belong."""
        return tower_in(self.module if self.vision is None else cast("PreTrainedModel", self.vision.tower))

    @property
    def config(self) -> "PreTrainedConfig":
        """The configuration of the encoder itself."""
        return cast("PreTrainedConfig", self.tower.config)

    @cached_property
    def family(self) -> EncoderFamily:
        """What is known of this architecture."""
        return encoder_family_of(self.config.model_type)

    @cached_property
    def layout(self) -> "Family":
        """Where this encoder keeps its parts."""
        return layout_of(self.family, self.config)

    @cached_property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The blocks, in the order in which they run."""
        return block_list(self.tower, self.layout)

    @cached_property
    def attentions(self) -> dict[nn.Module, int]:
        """The attention modules and their layers."""
        return {block.get_submodule(self.layout.attention): layer for layer, block in enumerate(self.blocks)}

    @cached_property
    def heads(self) -> Heads:
        """How many heads a block has, and their width."""
        count = self.config.num_attention_heads
        return Heads(count, count, self.config.hidden_size // count)

    @cached_property
    def ports(self) -> tuple[dict[str, Port], ...]:
        """The ports of every block, by component."""
        return tuple(block_ports(block, self.layout, self.heads, is_parallel=False) for block in self.blocks)

    @cached_property
    def boundaries(self) -> tuple[int, ...]:
        """The residuals that what comes out is made of: `l` is what enters block l, L what leaves the last one.

        A vision-language model may read its tower before the end, or in several places.
        """
        layers = len(self.blocks)
        wanted = None if self.vision is None else getattr(self.module.config, "vision_feature_layer", None)
        listed = [layers] if wanted is None else [wanted] if isinstance(wanted, int) else list(wanted)
        return tuple(sorted({index % (layers + 1) for index in listed}))

    @property
    def depth(self) -> int:
        """How many blocks what comes out depends on."""
        return self.boundaries[-1]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.tower.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the weights."""
        return next(self.tower.parameters()).dtype

    @property
    def width(self) -> int:
        """The width of the residual stream, D."""
        return self.config.hidden_size

    @cached_property
    def grid(self) -> tuple[int, int]:
        """The rows and columns of patches."""
        size = self.config.image_size
        rows, columns = (size, size) if isinstance(size, int) else size
        blank = Picture(np.zeros((rows, columns, 3), dtype=np.uint8))
        height, width = self.pixels([blank]).shape[-2:]
        return height // patch_side(self.config), width // patch_side(self.config)

    @property
    def prefix(self) -> int:
        """How many positions come before the patches: the class token and registers."""
        return self.family.class_tokens + int(getattr(self.config, "num_register_tokens", 0))

    @property
    def length(self) -> int:
        """How many positions a picture takes in the encoder, T."""
        return self.prefix + self.grid[0] * self.grid[1]

    def pixels(self, pictures: Sequence[Picture]) -> Tensor:
        """The pictures as the module's forward takes them, `[n, 3, height, width]`."""
        images = [cast("object", picture.pixels) for picture in pictures]
        found = self.processor(images=images, return_tensors="pt")["pixel_values"]
        return found.to(self.device, self.dtype)

    def output(self, pixels: Tensor) -> Tensor:
        """What the module makes of pictures `[n, 3, height, width]`: exactly what it gives itself.

        Class logits of a classifier; the picture's embedding, in the space of the texts, of a model with a text
        tower; the pooled embedding of an encoder alone, `[n, E]` each. Of a vision-language model the image tokens'
        embeddings, `[n, tokens, E]`.
        """
        module = self.module
        if self.vision is not None:
            features = cast("Callable[..., BaseModelOutputWithPooling]", module.get_image_features)
            return torch.stack(list(cast("Tensor", features(pixel_values=pixels).pooler_output)))
        if hasattr(module, "get_text_features"):
            features = cast("Callable[..., BaseModelOutputWithPooling]", module.get_image_features)
            return cast("Tensor", features(pixel_values=pixels).pooler_output)
        found = module(pixel_values=pixels)
        for name in ("logits", "image_embeds"):
            if getattr(found, name, None) is not None:
                return getattr(found, name)
        # ViT's pooler is new and random in checkpoints that come without it; the class token never is.
        pools = getattr(found, "pooler_output", None)
        return found.last_hidden_state[:, 0] if self.config.model_type == "vit" or pools is None else pools

    def port(self, component: str, layer: int | None) -> Port:
        """The port of a component of a block, or of the projector (layer None).

        Raises:
            SiteError: If this encoder has no such component or layer.
        """
        if layer is None:
            if component != PROJECTOR or self.vision is None:
                raise SiteError(
                    "AE-9405",
                    f"{self.config.model_type} has no {component}.",
                    mend="use L0.resid_pre for what enters its blocks; a projector has a vision-language model.",
                )
            return Port(self.vision.projector, "output", lambda tensor: tensor.view(-1, tensor.shape[-1]))
        if not 0 <= layer < len(self.blocks):
            raise SiteError(
                "AE-3108",
                f"There is no layer {layer}: the encoder has {len(self.blocks)}.",
                mend=f"use a layer from 0 to {len(self.blocks) - 1}.",
            )
        if component not in self.ports[layer]:
            raise missing_component(component, self.config.model_type)
        return self.ports[layer][component]

    def check_site(self, site: Site) -> None:
        """Raises SiteError unless `site` names something in this encoder."""
        self.port("z" if site.component == "pattern" else site.component, site.layer)
        if site.head is not None and site.head >= self.heads.query:
            raise SiteError(
                "AE-3109",
                f"{site} names a head that does not exist.",
                mend=f"use a head from 0 to {self.heads.query - 1}.",
            )
        width = None if site.component == PROJECTOR else self.site_shape(site.component)[-1]
        if site.units is not None and width is not None and site.units[1] > width:
            raise SiteError(
                "AE-3115", f"{site} names units that do not exist.", mend=f"use units from 0 to {width - 1}."
            )

    def site_shape(self, component: str) -> tuple[int, ...]:
        """The shape of a component's value over all positions of a picture."""
        if component == "pattern":
            return (self.length, self.heads.query, self.length)
        if component in HEAD_COMPONENTS:
            return (self.length, self.heads.query, self.heads.width)
        if component == "mlp_post":
            return (self.length, cast("nn.Linear", self.port("mlp_post", 0).module).in_features)
        return (self.length, self.width)


def wrap_encoder(
    module: "PreTrainedModel",
    processor: "ImageProcessor | None" = None,
    tokenizer: "PreTrainedTokenizerFast | None" = None,
) -> Encoder:
    """An encoder around a Hugging Face module that is already in memory; it is put into eval mode and frozen.

    Args:
        module: ViT, DINOv2, CLIP or SigLIP: the encoder alone, with a classifier, or with its text tower.
        processor: What prepares pictures for it; by default a square of its size, from -1 to 1.
        tokenizer: That of its text tower.

    Raises:
        StudyError: AE-9401 if the architecture is unknown, AE-9402 if a part is not what its name says.
    """
    return _checked(_frozen(module), processor, tokenizer, None)


def tower_of(network: "Network") -> Encoder:
    """The vision tower of a network, with its projector, as an encoder whose output is the image tokens' embeddings.

    Raises:
        StudyError: AE-9401 if the network reads text alone, or its tower's architecture is unknown.
    """
    from aetia.models.encoder_check import check_encoder

    if network.vision is None:
        raise StudyError(
            "AE-9401", "This model reads text alone: it has no vision tower.", mend="use a model that sees."
        )
    if network not in _towers:
        encoder = Encoder(network.module, network.vision.processor, network.tokenizer, network.source, network.vision)
        check_encoder(encoder)
        _towers[network] = encoder
    return _towers[network]


def load_encoder(name_or_path: str | Path, *, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Encoder:
    """The encoder in a folder, or of a repository of the hub; safetensors only, and nothing that could run code.

    Args:
        name_or_path: For instance a folder with `config.json` and safetensors.
        dtype: The precision.
        device: `cpu`, `cuda` ...

    Raises:
        MissingError, RefusedError: As `aetia.models.resolve.locate`.
        StudyError: AE-9407 if the files are no encoder that transformers can read whole.
    """
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    from aetia.models.resolve import locate

    source = locate(name_or_path)
    disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(source.path, local_files_only=True)
        module, report = _class_for(config).from_pretrained(
            source.path, dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        has_text = (source.path / "tokenizer_config.json").is_file()
        tokenizer = AutoTokenizer.from_pretrained(source.path, local_files_only=True) if has_text else None
        processor = processor_in(source.path)
    except (ValueError, OSError, KeyError) as error:
        raise _unreadable(source.name, clean_text(str(error))) from error
    lacking = sorted(name for name in report["missing_keys"] if "pooler" not in name)
    if lacking:
        raise _unreadable(source.name, f"its files lack {len(lacking)} weights, {lacking[0]} first")
    return _checked(_frozen(_moved(module, device)), processor, tokenizer, source)


def _unreadable(name: str, reason: str) -> StudyError:
    return StudyError(
        "AE-9407", f"{name} could not be read as a vision encoder: {reason}", mend="check its config.json and weights."
    )


def _class_for(config: "PreTrainedConfig") -> "type[AutoModel]":
    """What makes a model of this configuration: one with a classifier is of another class."""
    from transformers import AutoModel, AutoModelForImageClassification

    classifies = any(name.endswith("ForImageClassification") for name in config.architectures or ())
    return cast("type[AutoModel]", AutoModelForImageClassification) if classifies else AutoModel


def _moved(module: "nn.Module", device: str) -> "PreTrainedModel":
    return cast("PreTrainedModel", module.to(device))


def _frozen(module: "PreTrainedModel") -> "PreTrainedModel":
    return module.eval().requires_grad_(requires_grad=False)


def _checked(
    module: "PreTrainedModel",
    processor: "ImageProcessor | None",
    tokenizer: "PreTrainedTokenizerFast | None",
    source: "LocalModel | None",
) -> Encoder:
    from aetia.models.encoder_check import check_encoder

    config = tower_in(module).config
    encoder_family_of(config.model_type)
    if processor is None:
        size = config.image_size
        processor = square_processor(size if isinstance(size, int) else size[0])
    encoder = Encoder(module, processor, tokenizer, source)
    check_encoder(encoder)
    return encoder
