"""A vision encoder as a causal system: its blocks named, its sites read and set, alone or inside a network that sees.

Nothing is re-implemented: what comes out is what the Hugging Face module gives. Positions are class and register
tokens, then patches row by row, in whichever order a model itself has them (`encoder_rows.py`).

Letters: n pictures, T positions, R rows and C columns of patches, L layers, D width, H heads, d head width, E width of
what comes out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary, WeakSet

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
    prefix_length,
    square_processor,
    tower_in,
)
from aetia.models.encoder_rows import Rows, rows_alone
from aetia.models.pictures import Picture
from aetia.models.ports import Heads, Port, block_ports, missing_component
from aetia.models.sites import HEAD_COMPONENTS, PROJECTOR, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    from aetia.models.families import Family
    from aetia.models.network import Network
    from aetia.models.resolve import LocalModel
    from aetia.models.vision import ImageProcessor, Vision

__all__ = ["Encoder", "tower_of", "unchecked_tower", "wrap_encoder"]

_towers: "WeakKeyDictionary[Network, Encoder]" = WeakKeyDictionary()
_checked_towers: "WeakSet[Network]" = WeakSet()  # each is checked once


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
        """The ports of every block, by component.

        What leaves a block and what enters the next is one residual, which may be read by more than that next block:
        by LLaVA's features, by what Qwen3-VL adds later. So it is met where it leaves.
        """
        found = [block_ports(block, self.layout, self.heads, is_parallel=False) for block in self.blocks]
        left = [ports["resid_post"] for ports in found[:-1]]
        return (found[0], *({**ports, "resid_pre": before} for ports, before in zip(found[1:], left, strict=True)))

    @cached_property
    def boundaries(self) -> tuple[int, ...]:
        """The residuals that what comes out is made of: `l` is what enters block l, L what leaves the last one.

        A vision-language model may read its tower before the end, or in several places.
        """
        layers = len(self.blocks)
        wanted = None if self.vision is None else getattr(self.module.config, "vision_feature_layer", None)
        listed = [layers] if wanted is None else [wanted] if isinstance(wanted, int) else list(wanted)
        listed += [layer + 1 for layer in getattr(self.config, "deepstack_visual_indexes", ())]
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

    @property
    def patch(self) -> int:
        """How many pixels a patch is wide and high."""
        return patch_side(self.config)

    @cached_property
    def grid(self) -> tuple[int, int]:
        """The rows and columns of patches, R and C, of an encoder that scales all pictures to one size.

        Raises:
            StudyError: AE-9412 if a picture's grid follows its shape.
        """
        if self.family.is_packed:
            raise StudyError(
                "AE-9412",
                f"{self.config.model_type} gives each picture a grid of its own.",
                mend="ask encoder.grid_of(encoder.pixels([picture])).",
            )
        size = self.config.image_size
        rows, columns = (size, size) if isinstance(size, int) else size
        return self.grid_of(self.pixels([Picture(np.zeros((rows, columns, 3), dtype=np.uint8))]))

    def grid_of(self, pixels: Tensor) -> tuple[int, int]:
        """The rows and columns of patches of prepared pictures `[n, 3, height, width]`."""
        return pixels.shape[-2] // self.patch, pixels.shape[-1] // self.patch

    @property
    def prefix(self) -> int:
        """How many positions come before the patches: the class token and registers."""
        return prefix_length(self.config)

    @property
    def length(self) -> int:
        """How many positions a picture takes in an encoder that scales all pictures to one size, T."""
        return self.length_of(self.grid)

    def length_of(self, grid: tuple[int, int]) -> int:
        """How many positions a picture of R by C patches takes in the encoder, T."""
        return self.prefix + grid[0] * grid[1]

    @cached_property
    def _rows(self) -> dict[tuple[int, int], Rows]:
        return {}

    def rows(self, grid: tuple[int, int]) -> Rows:
        """Where the modules have the positions and image tokens of a picture of R by C patches."""
        if grid not in self._rows:
            self._rows[grid] = rows_alone(self, grid)
        return self._rows[grid]

    def pixels(self, pictures: Sequence[Picture]) -> Tensor:
        """Pictures of one prepared size, as the encoder sees them, `[n, 3, height, width]`."""
        if self.vision is not None:
            form, config = self.vision.family.form, self.module.config
            found = torch.cat([form.pixels(config, self.vision.preprocess([picture])) for picture in pictures])
        else:
            images = [cast("object", picture.pixels) for picture in pictures]
            found = self.processor(images=images, return_tensors="pt", input_data_format="channels_last")[
                "pixel_values"
            ]
        return found.to(self.device, self.dtype)

    def output(self, pixels: Tensor) -> Tensor:
        """What the module makes of pictures `[n, 3, height, width]`: exactly what it gives itself.

        Class logits of a classifier; the picture's embedding, in the space of the texts, of a model with a text
        tower; the pooled embedding of an encoder alone, `[n, E]` each. Of a vision-language model the image tokens'
        embeddings, `[n, tokens, E]`; beside them, where it has it (Qwen3-VL), what it adds to the image tokens after
        its first blocks, block by block.
        """
        module = self.module
        if self.vision is not None:
            features = cast("Callable[..., BaseModelOutputWithPooling]", module.get_image_features)
            found = features(**self.vision.family.form.arguments(module.config, pixels))
            parts = [found.pooler_output, *(getattr(found, "deepstack_features", None) or ())]
            tokens = torch.cat([torch.cat(list(cast("Sequence[Tensor]", part))) for part in parts], -1)
            return tokens.unflatten(0, (len(pixels), -1))
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

    def check_site(self, site: Site, length: int | None = None) -> None:
        """Raises SiteError unless `site` names something in this encoder; `length` is T, where it is known."""
        self.port("z" if site.component == "pattern" else site.component, site.layer)
        if site.head is not None and site.head >= self.heads.query:
            raise SiteError(
                "AE-3109",
                f"{site} names a head that does not exist.",
                mend=f"use a head from 0 to {self.heads.query - 1}.",
            )
        width = length if site.component == "pattern" else self.site_shape(site.component, 1)[-1]
        if site.units is not None and width is not None and site.units[1] > width:
            raise SiteError(
                "AE-3115", f"{site} names units that do not exist.", mend=f"use units from 0 to {width - 1}."
            )

    @cached_property
    def token_width(self) -> int:
        """The width of what the projector hands to the language model for each image token."""
        return cast("nn.Embedding", self.module.get_input_embeddings()).weight.shape[1]

    def site_shape(self, component: str, length: int) -> tuple[int, ...]:
        """The shape of a component's value over all `length` positions of a picture."""
        if component == "pattern":
            return (length, self.heads.query, length)
        if component in HEAD_COMPONENTS:
            return (length, self.heads.query, self.heads.width)
        if component == "mlp_post":
            return (length, cast("nn.Linear", self.port("mlp_post", 0).module).in_features)
        return (length, self.token_width if component == PROJECTOR else self.width)


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
    from aetia.models.encoder_check import check_encoder

    config = tower_in(module).config
    if encoder_family_of(config.model_type).is_part:
        raise StudyError(
            "AE-9401",
            f"{config.model_type} is a part of models that see, and no encoder alone.",
            mend="load the whole model, and use tower_of(network).",
        )
    if processor is None:
        size = config.image_size
        processor = square_processor(size if isinstance(size, int) else size[0])
    encoder = Encoder(module.eval().requires_grad_(requires_grad=False), processor, tokenizer)
    check_encoder(encoder)
    return encoder


def tower_of(network: "Network") -> Encoder:
    """The vision tower of a network, with its projector, as an encoder whose output is the image tokens' embeddings.

    Raises:
        StudyError: AE-9401 if the network reads text alone, or its tower's architecture is unknown; AE-9402 if a part
            is not what its name says.
    """
    from aetia.models.encoder_check import check_encoder

    encoder = unchecked_tower(network)
    if network not in _checked_towers:
        check_encoder(encoder)
        _checked_towers.add(network)
    return encoder


def unchecked_tower(network: "Network") -> Encoder:
    """The vision tower of a network, which need not have weights: enough to name its sites.

    Raises:
        StudyError: AE-9401 if the network reads text alone, or its tower's architecture is unknown.
    """
    if network.vision is None:
        raise StudyError(
            "AE-9401", "This model reads text alone: it has no vision tower.", mend="use a model that sees."
        )
    if network not in _towers:
        encoder = Encoder(network.module, network.vision.processor, network.tokenizer, network.source, network.vision)
        encoder_family_of(encoder.config.model_type)
        _towers[network] = encoder
    return _towers[network]
