"""In which form does a model's forward take pictures, and where in it are their rows and columns of pixels?

Whatever the form, a prepared picture is `[3, height, width]` here, so that one geometry serves all families.

Letters: n pictures of one size, P patches of a picture, C colours times frames times pixels of a patch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.models.encoder_families import patch_side, square_processor

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

    from aetia.models.vision import ImageProcessor

__all__ = ["BATCHED", "NESTED", "PATCHES", "PictureForm"]

Arguments = Mapping[str, Tensor]


@dataclass(frozen=True)
class PictureForm:
    """How an architecture takes its pictures.

    Args:
        pixels: From the configuration and the forward's arguments to the pictures, `[n, 3, height, width]`.
        arguments: The other way round: what makes the image tokens' embeddings of such pictures.
        cell: How many patches an image token takes in along a side.
        processor: Makes a processor for a model that comes without one.
    """

    pixels: "Callable[[PreTrainedConfig, Arguments], Tensor]"
    arguments: "Callable[[PreTrainedConfig, Tensor], dict[str, Tensor]]"
    cell: "Callable[[PreTrainedConfig], int]"
    processor: "Callable[[PreTrainedConfig], ImageProcessor]"


def _of_batch(_config: "PreTrainedConfig", arguments: Arguments) -> Tensor:
    return arguments["pixel_values"]


def _as_batch(_config: "PreTrainedConfig", pixels: Tensor) -> dict[str, Tensor]:
    return {"pixel_values": pixels}


def _one_patch(_config: "PreTrainedConfig") -> int:
    return 1


def _square(config: "PreTrainedConfig") -> "ImageProcessor":
    return square_processor(config.vision_config.image_size)


def _of_nest(_config: "PreTrainedConfig", arguments: Arguments) -> Tensor:
    shown = arguments.get("pixel_attention_mask")
    if shown is not None and not shown.bool().all():
        raise StudyError(
            "AE-9408",
            "This model's processor fills its pictures up to one size, and hides what it has filled in.",
            mend="let it scale pictures to one size instead, as do_resize does.",
        )
    return arguments["pixel_values"].flatten(0, 1)


def _as_nest(_config: "PreTrainedConfig", pixels: Tensor) -> dict[str, Tensor]:
    return {"pixel_values": pixels[None]}


def _shuffled(config: "PreTrainedConfig") -> int:
    return config.scale_factor


def _idefics(config: "PreTrainedConfig") -> "ImageProcessor":
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    size = {"longest_edge": config.vision_config.image_size}
    return cast("ImageProcessor", Idefics3ImageProcessorPil(size=size, max_image_size=size))


def _of_patches(config: "PreTrainedConfig", arguments: Arguments) -> Tensor:
    """Patches `[n P, C]`, token by token and row by row within a token, as pictures; of equal frames the first."""
    vision, merge = config.vision_config, config.vision_config.spatial_merge_size
    side = patch_side(vision)
    _, rows, columns = (int(count) for count in arguments["image_grid_thw"][0])
    whole = arguments["pixel_values"].view(
        -1, rows // merge, columns // merge, merge, merge, 3, vision.temporal_patch_size, side, side
    )
    return whole[:, :, :, :, :, :, 0].permute(0, 5, 1, 3, 6, 2, 4, 7).reshape(-1, 3, rows * side, columns * side)


def _as_patches(config: "PreTrainedConfig", pixels: Tensor) -> dict[str, Tensor]:
    vision, merge = config.vision_config, config.vision_config.spatial_merge_size
    side = patch_side(vision)
    count, _, height, width = pixels.shape
    rows, columns = height // side, width // side
    parts = pixels.reshape(count, 3, rows // merge, merge, side, columns // merge, merge, side)
    frames = parts.permute(0, 2, 5, 3, 6, 1, 4, 7).unsqueeze(6)
    patches = frames.expand(*frames.shape[:6], vision.temporal_patch_size, side, side)
    grids = torch.tensor([[1, rows, columns]] * count, device=pixels.device)
    return {"pixel_values": patches.reshape(count * rows * columns, -1), "image_grid_thw": grids}


def _merged(config: "PreTrainedConfig") -> int:
    return config.vision_config.spatial_merge_size


def _qwen(config: "PreTrainedConfig") -> "ImageProcessor":
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    vision = config.vision_config
    area = (vision.patch_size * vision.spatial_merge_size) ** 2
    made = Qwen2VLImageProcessorPil(
        patch_size=vision.patch_size,
        merge_size=vision.spatial_merge_size,
        temporal_patch_size=vision.temporal_patch_size,
        size={"shortest_edge": 4 * area, "longest_edge": 1280 * area},
    )
    return cast("ImageProcessor", made)


BATCHED = PictureForm(_of_batch, _as_batch, _one_patch, _square)
"""LLaVA: pictures of one size, `[n, 3, height, width]`; a token is a patch."""

NESTED = PictureForm(_of_nest, _as_nest, _shuffled, _idefics)
"""Idefics3: pictures of one size by prompts, `[1, n, 3, height, width]`; a token takes in a square of patches."""

PATCHES = PictureForm(_of_patches, _as_patches, _merged, _qwen)
"""Qwen-VL: patches of pictures of any size, `[n P, C]`, with their grids; a token takes in a square of patches."""
