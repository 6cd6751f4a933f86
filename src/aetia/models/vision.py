"""How does a picture become positions of a language model: which tower, which projector, how many tokens?

Letters: n pictures, D residual width of the language model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.models.pictures import Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedConfig, PreTrainedModel

__all__ = ["VISION_FAMILIES", "ImageProcessor", "Vision", "VisionFamily", "processor_in", "vision_of"]


class ImageProcessor(Protocol):
    """What turns pictures into what the model's forward takes; those of transformers do."""

    def __call__(self, *, images: list[object], return_tensors: str) -> Mapping[str, Tensor]:
        """The arguments of the model's forward by name."""
        ...


@dataclass(frozen=True)
class VisionFamily:
    """Where an architecture keeps its parts, as paths starting at the model.

    Args:
        model_types: The `config.model_type`s that share this layout.
        decoder: The language model without its unembedding.
        tower: The vision tower.
        projector: What maps the tower's output into the language model's embeddings.
        grid: From the configuration and the forward's arguments of one picture to the rows and columns of its tokens.
        processor: Makes a processor for a model that comes without one.
        written: From the image token's text and the number of positions to what stands for a picture in a prompt.
    """

    model_types: tuple[str, ...]
    decoder: str
    tower: str
    projector: str
    grid: "Callable[[PreTrainedConfig, Mapping[str, Tensor]], tuple[int, int]]"
    processor: "Callable[[PreTrainedConfig], ImageProcessor]"
    written: "Callable[[str, int], str]"


@dataclass(frozen=True, eq=False)
class Vision:
    """The part of a network that sees.

    Args:
        module: The whole model.
        family: Where its parts are.
        processor: What turns pictures into the forward's arguments.
    """

    module: "PreTrainedModel"
    family: VisionFamily
    processor: ImageProcessor

    @cached_property
    def tower(self) -> nn.Module:
        """The vision tower."""
        return self.module.get_submodule(self.family.tower)

    @cached_property
    def projector(self) -> nn.Module:
        """What maps the tower's output into the language model's embeddings."""
        return self.module.get_submodule(self.family.projector)

    @property
    def image_token(self) -> int:
        """The id that stands once for every position of a picture."""
        config = self.module.config
        return int(getattr(config, "image_token_id", None) or config.image_token_index)

    def preprocess(self, pictures: Sequence[Picture]) -> dict[str, Tensor]:
        """The forward's arguments of `n` pictures, on the CPU, in float32."""
        if not pictures:
            return {}
        images = [cast("object", picture.pixels) for picture in pictures]
        return dict(self.processor(images=images, return_tensors="pt"))

    def grid(self, picture: Picture) -> tuple[int, int]:
        """The rows and columns of a picture's tokens."""
        return self.family.grid(self.module.config, self.preprocess([picture]))

    def positions(self, picture: Picture) -> int:
        """How many positions of the language model a picture takes."""
        rows, columns = self.grid(picture)
        return rows * columns

    def written(self, token: str, picture: Picture) -> str:
        """What stands for a picture in a prompt's text, the image token's text once for each position."""
        return self.family.written(token, self.positions(picture))


def _alone(token: str, count: int) -> str:
    return token * count


def processor_in(folder: Path) -> ImageProcessor | None:
    """What prepares pictures for the model in a folder, as its own file says; None if there is none."""
    from transformers import AutoImageProcessor

    if not (folder / "preprocessor_config.json").is_file():
        return None
    # The other implementation asks for torchvision.
    return cast("ImageProcessor", AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil"))


def vision_of(module: "PreTrainedModel", processor: ImageProcessor | None = None) -> Vision | None:
    """The part of a model that sees; None for a model of text alone.

    Raises:
        StudyError: AE-9702 if the architecture sees, and is not described here.
    """
    kind = module.config.model_type
    for family in VISION_FAMILIES:
        if kind in family.model_types:
            return Vision(module, family, processor or family.processor(module.config))
    if getattr(module.config, "vision_config", None) is None:
        return None
    known = ", ".join(sorted(name for family in VISION_FAMILIES for name in family.model_types))
    raise StudyError(
        "AE-9702",
        f"The architecture {kind!r} sees pictures in a way that aetia does not know yet.",
        details=(f"known: {known}",),
        mend="use a model of a known architecture, or describe it in aetia/models/vision.py.",
    )


def _square_grid(config: "PreTrainedConfig", _arguments: Mapping[str, Tensor]) -> tuple[int, int]:
    side = config.vision_config.image_size // config.vision_config.patch_size
    return side, side


def _clip_processor(config: "PreTrainedConfig") -> ImageProcessor:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    side = config.vision_config.image_size
    return cast(
        "ImageProcessor",
        CLIPImageProcessorPil(
            size={"height": side, "width": side},
            do_center_crop=False,
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
        ),
    )


VISION_FAMILIES: tuple[VisionFamily, ...] = (
    VisionFamily(
        ("llava",),
        decoder="model.language_model",
        tower="model.vision_tower",
        projector="model.multi_modal_projector",
        grid=_square_grid,
        processor=_clip_processor,
        written=_alone,
    ),
)
