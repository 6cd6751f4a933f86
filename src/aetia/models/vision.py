"""How does a picture become positions of a language model: which tower, which projector, how many tokens?

Letters: n pictures, D residual width of the language model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.models.encoder_families import known_encoder_family, patch_side, prefix_length
from aetia.models.picture_forms import BATCHED, NESTED, PATCHES, PictureForm
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt, pictures_of
from aetia.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedConfig, PreTrainedModel

__all__ = ["VISION_FAMILIES", "ImageProcessor", "Vision", "VisionFamily", "processor_in", "vision_of"]


class ImageProcessor(Protocol):
    """What turns pictures into what the model's forward takes; those of transformers do."""

    def __call__(self, *, images: list[object], return_tensors: str, **options: object) -> Mapping[str, Tensor]:
        """The arguments of the model's forward by name."""
        ...


class _Size(Protocol):
    """A size as processors keep it; what does not apply is None."""

    height: int | None
    width: int | None
    shortest_edge: int | None


class _Sized(Protocol):
    """A processor that scales and cuts."""

    size: _Size
    crop_size: _Size


@dataclass(frozen=True)
class VisionFamily:
    """Where an architecture keeps its parts, as paths starting at the model.

    Args:
        model_types: The `config.model_type`s that share this layout.
        decoder: The language model without its unembedding.
        tower: The vision tower.
        projector: What maps the tower's output into the language model's embeddings.
        form: How its forward takes pictures.
        written: From the image token's text and the number of positions to what stands for a picture in a prompt.
        prefix: From the configuration to how many of a picture's tokens stand before those of its cells.
        options: What the processor is told besides the pictures.
        marks_pictures: Whether the forward wants to be told which positions are pictures' (`mm_token_type_ids`).
    """

    model_types: tuple[str, ...]
    decoder: str
    tower: str
    projector: str
    form: PictureForm
    written: "Callable[[str, int], str]"
    prefix: "Callable[[PreTrainedConfig], int]" = lambda _config: 0
    options: Mapping[str, object] = field(default_factory=dict)
    marks_pictures: bool = False


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
        """The forward's arguments of `n` pictures, on the CPU, in float32.

        Raises:
            StudyError: AE-9308 if the model's processor does not take pictures of such a size.
        """
        if not pictures:
            return {}
        images = [cast("object", picture.pixels) for picture in pictures]
        try:
            made = self.processor(
                images=images, return_tensors="pt", input_data_format="channels_last", **self.family.options
            )
        except ValueError as error:
            sizes = ", ".join(sorted({f"{picture.width} x {picture.height}" for picture in pictures}))
            raise StudyError(
                "AE-9308",
                f"This model does not take pictures of {sizes} pixels: {clean_text(str(error), 120)}.",
                mend="scale or crop them first.",
            ) from error
        return dict(made)

    @cached_property
    def _grids(self) -> dict[tuple[int, int], tuple[int, int]]:
        """The grids that are known by now, by the pictures' height and width, on which alone they depend."""
        return {}

    def grid(self, picture: Picture) -> tuple[int, int]:
        """The rows and columns of the cells that a picture's tokens stand for, one each, row by row.

        The tokens of `prefix` come before them, and belong to no cell.
        """
        size = picture.height, picture.width
        if size not in self._grids:
            config = self.module.config
            height, width = self.family.form.pixels(config, self.preprocess([picture])).shape[-2:]
            side = patch_side(config.vision_config) * self.cell
            self._grids[size] = height // side, width // side
        return self._grids[size]

    @cached_property
    def cell(self) -> int:
        """How many patches of the tower a cell has along a side."""
        return self.family.form.cell(self.module.config)

    @cached_property
    def prefix(self) -> int:
        """How many tokens of a picture stand before those of its cells: a class token that LLaVA keeps."""
        return self.family.prefix(self.module.config)

    def seen(self, picture: Picture) -> tuple[float, float, float, float]:
        """The part of a picture that its tokens divide among them: top, left, height and width in its own pixels.

        It is the whole picture, unless the model's processor cuts out the centre; if that is larger than the scaled
        picture, it reaches beyond it.
        """
        processor = self.processor
        if not getattr(processor, "do_center_crop", False):
            return 0.0, 0.0, float(picture.height), float(picture.width)
        height, width = picture.height, picture.width
        size, crop = cast("_Sized", processor).size, cast("_Sized", processor).crop_size
        if getattr(processor, "do_resize", False):
            if size.shortest_edge:
                short, long = sorted((height, width))
                other = int(size.shortest_edge * long / short)
                height, width = (other, size.shortest_edge) if height >= width else (size.shortest_edge, other)
            else:
                height, width = size.height or height, size.width or width
        down, across = picture.height / height, picture.width / width
        rows, columns = crop.height or height, crop.width or width
        return (height - rows) // 2 * down, (width - columns) // 2 * across, rows * down, columns * across

    def positions(self, picture: Picture) -> int:
        """How many positions of the language model a picture takes."""
        rows, columns = self.grid(picture)
        return self.prefix + rows * columns

    def check_places(self, prompts: Iterable[Sequence[int]]) -> None:
        """Return only if every prompt has an image token for each position that its pictures take.

        Raises:
            StudyError: AE-9703 if it has more or fewer; AE-9309 if nothing lies between two pictures, and the model
                tells them apart by that.
        """
        for ids in prompts:
            sizes = [self.positions(picture) for picture in pictures_of(ids)]
            found = ids.count(self.image_token)
            if found != sum(sizes):
                raise StudyError(
                    "AE-9703",
                    f"The prompt has {found} image tokens, and its pictures take {sum(sizes)} positions.",
                    mend="make the prompt with network.prompt(text, pictures), and lengthen it by prompt + (id,).",
                )
            if not self.family.marks_pictures or not isinstance(ids, Prompt):
                continue
            stops = [start + size for start, size in zip(ids.starts, sizes, strict=True)]
            if set(stops) & set(ids.starts):
                raise StudyError(
                    "AE-9309",
                    "Two pictures of the prompt follow each other with no token between, so that they seem one.",
                    mend="make the prompt with network.prompt(text, pictures).",
                )

    def written(self, token: str, picture: Picture) -> str:
        """What stands for a picture in a prompt's text, the image token's text once for each position."""
        return self.family.written(token, self.positions(picture))


def processor_in(folder: Path) -> ImageProcessor | None:
    """What prepares pictures for the model in a folder, as its own file says; None if there is none.

    Raises:
        StudyError: AE-9313 if it needs a package that is not installed, as torchvision.
    """
    from transformers import AutoImageProcessor

    if not any((folder / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")):
        return None
    try:
        # The other implementation asks for torchvision.
        found = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    except (ImportError, ValueError) as error:
        if "torchvision" not in str(error).lower():
            raise
        raise StudyError(
            "AE-9313",
            f"What prepares pictures for {clean_text(folder.name, 60)} needs more than Pillow.",
            mend="pip install torchvision, in the release that goes with your torch.",
        ) from error
    return cast("ImageProcessor", found)


def vision_of(module: "PreTrainedModel", processor: ImageProcessor | None = None) -> Vision | None:
    """The part of a model that sees; None for a model of text alone.

    Raises:
        StudyError: AE-9702 if the architecture sees, and is not described here.
    """
    kind = module.config.model_type
    for family in VISION_FAMILIES:
        if kind in family.model_types:
            return Vision(module, family, processor or family.form.processor(module.config))
    if getattr(module.config, "vision_config", None) is None:
        return None
    known = ", ".join(sorted(name for family in VISION_FAMILIES for name in family.model_types))
    raise StudyError(
        "AE-9702",
        f"The architecture {kind!r} sees pictures in a way that aetia does not know yet.",
        details=(f"known: {known}",),
        mend="use a model of a known architecture, or describe it in aetia/models/vision.py.",
    )


def _alone(token: str, count: int) -> str:
    return token * count


def _between_fakes(token: str, count: int) -> str:
    return f"<fake_token_around_image><global-img>{token * count}<fake_token_around_image>"


def _kept_class_tokens(config: "PreTrainedConfig") -> int:
    """LLaVA drops a tower's first position, its class token, unless it is told to keep all (`full`)."""
    tower = config.vision_config
    if known_encoder_family(tower.model_type) is None:
        return 0
    kept = prefix_length(tower) - (config.vision_feature_select_strategy == "default")
    if kept < 0:
        raise StudyError(
            "AE-9702",
            f"LLaVA drops the first position of its tower, and that of {tower.model_type} is a patch, no class token.",
            mend='set vision_feature_select_strategy to "full" in its config.json.',
        )
    return kept


VISION_FAMILIES: tuple[VisionFamily, ...] = (
    VisionFamily(
        ("llava",),
        decoder="model.language_model",
        tower="model.vision_tower",
        projector="model.multi_modal_projector",
        form=BATCHED,
        written=_alone,
        prefix=_kept_class_tokens,
    ),
    VisionFamily(
        ("idefics3", "smolvlm"),
        decoder="model.text_model",
        tower="model.vision_model",
        projector="model.connector",
        form=NESTED,
        written=_between_fakes,
        # One tile: a picture is then one grid of tokens. Models trained with many tiles know this one as the overview.
        options={"do_image_splitting": False},
    ),
    VisionFamily(
        ("qwen2_5_vl", "qwen3_vl"),
        decoder="model.language_model",
        tower="model.visual",
        projector="model.visual.merger",
        form=PATCHES,
        written=_alone,
        marks_pictures=True,
    ),
)
