"""Which files make the toy a model that transformers, and aetia, load by themselves?"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from aetia.files import write_atomic, writing
from aetia.seeing.batches import SETTINGS
from aetia.seeing.card import card_of
from aetia.seeing.records import in_lines
from aetia.seeing.scores import Score
from aetia.seeing.tokens import BEGIN, CHAT_TEMPLATE, END, PADDING, build_tokenizer
from aetia.seeing.toy import Trained

if TYPE_CHECKING:
    from torch import nn
    from transformers import LlavaProcessor

__all__ = ["build_processor", "shipped_toy", "write_toy"]

_LONGEST_ANSWER = 32  # tokens: a caption of five things has 20


def shipped_toy() -> Path:
    """The folder of the toy that comes with the package."""
    return Path(str(files("aetia.models") / "shipped" / "toy-llava"))


def build_processor() -> "LlavaProcessor":
    """What makes a picture and a question into the toy's arguments."""
    from transformers import LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    side = {"height": SETTINGS.size, "width": SETTINGS.size}
    images = CLIPImageProcessorPil(
        size=side, crop_size=side, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=build_tokenizer(),
        patch_size=SETTINGS.cell,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,  # the tower's class token, which "default" leaves out
        chat_template=CHAT_TEMPLATE,
    )


def write_toy(trained: Trained, folder: Path, scores: Sequence[Score]) -> None:
    """Put the whole model into `folder`: weights, configuration, tokenizer, processor, card and curves.

    Args:
        trained: What was trained.
        folder: Made if it is not there; files of these names are replaced.
        scores: What the card tells of it.

    Raises:
        RunError: AE-6011 or AE-6012 if the place cannot be written.
    """
    with TemporaryDirectory() as made, writing(folder):
        whole = Path(made)
        _save_model(trained, whole)
        processor = build_processor()
        processor.save_pretrained(whole)
        processor.image_processor.save_pretrained(whole)
        weights = hashlib.sha256((whole / "model.safetensors").read_bytes()).hexdigest()
        record = _record(trained, scores, weights)
        (whole / "curves.json").write_text(in_lines(record))
        (whole / "card.md").write_text(card_of(trained, scores, weights))
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(whole.iterdir()):
            write_atomic(folder / file.name, file.read_bytes())


def _save_model(trained: Trained, folder: Path) -> None:
    from transformers import GenerationConfig

    model = trained.model
    cast("nn.Module", model).to("cpu")
    model.generation_config = GenerationConfig(
        bos_token_id=BEGIN,
        eos_token_id=END,
        pad_token_id=PADDING,
        do_sample=False,
        max_new_tokens=_LONGEST_ANSWER,
    )
    model.save_pretrained(folder)


def _record(trained: Trained, scores: Sequence[Score], weights: str) -> dict[str, object]:
    """What is kept of how the toy came about."""
    return {
        "recipe": trained.recipe.record(),
        "weights_sha256": weights,
        "data_sha256": trained.curves.data,
        "held_out": [asdict(score) for score in scores],
        **{name: value for name, value in asdict(trained.curves).items() if name != "data"},
    }
