"""What is measured of a picture that an encoder has seen: one number read from what comes out.

Letters: n runs, E width of what comes out, V classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.models.encoder_families import patch_side
from aetia.models.encoders import Encoder

if TYPE_CHECKING:
    from transformers.modeling_outputs import BaseModelOutputWithPooling

__all__ = ["EncoderOutcome", "class_logit", "linear", "similarity", "text_embedding"]


@dataclass(frozen=True, eq=False)
class EncoderOutcome:
    """A scalar of what comes out: its product with a direction, or the cosine of their angle.

    Args:
        kind: `class_logit` and `linear` are products, `similarity` is a cosine.
        direction: `[E]`; for a class logit, 1 at the class (and -1 at a foil), for a similarity the text's embedding.
    """

    kind: Literal["class_logit", "linear", "similarity"]
    direction: Tensor

    @property
    def unit(self) -> str:
        """The unit of the outcome and of effects on it."""
        return {"class_logit": "logits", "linear": "embedding", "similarity": "cosine"}[self.kind]

    def __call__(self, output: Tensor) -> Tensor:
        """The outcome `[n]` of what comes out `[n, E]`, in float32; differentiable."""
        rows, direction = output.float(), self.direction.to(output.device).float()
        if self.kind == "similarity":
            return torch.cosine_similarity(rows, direction[None], -1)
        return rows @ direction


def class_logit(encoder: Encoder, answer: int | str, foil: int | str | None = None) -> EncoderOutcome:
    """The logit of a class, or the difference of two classes' logits.

    Args:
        encoder: An encoder with a classifier.
        answer: The class, by its number or its label.
        foil: The class whose logit is subtracted.

    Raises:
        StudyError: AE-9409 if there is no classifier, or no such class.
    """
    labels = encoder.module.config.id2label or {}
    classes = getattr(encoder.module, "classifier", None)
    if classes is None:
        raise _unreadable(f"{encoder.config.model_type} has no classifier.", "use similarity or linear.")

    def number(name: int | str) -> int:
        found = [index for index, label in labels.items() if name in (index, label)]
        if not found:
            raise _unreadable(
                f"There is no class {name!r}.", f"use a number from 0 to {len(labels) - 1}, or its label."
            )
        return int(found[0])

    direction = torch.zeros(len(labels))
    direction[number(answer)] += 1
    if foil is not None:
        direction[number(foil)] -= 1
    return EncoderOutcome("class_logit", direction)


def linear(encoder: Encoder, direction: Tensor) -> EncoderOutcome:
    """The product of what comes out with a direction `[E]`: of a probe, a text, another picture's embedding.

    Raises:
        StudyError: AE-9409 if the direction is not as wide as what comes out.
    """
    if encoder.vision is not None:
        raise _unreadable("Of a network that sees, a tower gives many embeddings, not one.", "read the answer instead.")
    with torch.inference_mode():
        width = encoder.output(torch.zeros(1, 3, *_size(encoder), device=encoder.device, dtype=encoder.dtype)).shape[-1]
    if direction.shape != (width,):
        raise _unreadable(
            f"The direction has shape {list(direction.shape)}, and what comes out [{width}].", f"give {width} numbers."
        )
    return EncoderOutcome("linear", direction)


def similarity(encoder: Encoder, text: str | Sequence[int]) -> EncoderOutcome:
    """The cosine of picture and text, whose embedding is computed once, here.

    A model's own score is this cosine times a constant, plus another one in SigLIP.

    Args:
        encoder: An encoder with its text tower.
        text: The text, or its token ids.

    Raises:
        StudyError: AE-9409 if there is no text tower, or no tokenizer for a text.
    """
    return EncoderOutcome("similarity", text_embedding(encoder, text))


@torch.inference_mode()
def text_embedding(encoder: Encoder, text: str | Sequence[int]) -> Tensor:
    """The embedding of a text, `[E]`, in the space of the pictures; see `similarity`."""
    features = getattr(encoder.module, "get_text_features", None)
    if features is None:
        raise _unreadable(f"{encoder.config.model_type} has no text tower.", "load the pair: CLIPModel or SiglipModel.")
    if isinstance(text, str):
        if encoder.tokenizer is None:
            raise _unreadable("This encoder has no tokenizer.", "load it by name, or give token ids.")
        # SigLIP was trained on texts of full length and reads the last position, padded or not.
        padding = "max_length" if encoder.config.model_type.startswith("siglip") else False
        ids = cast("list[int]", encoder.tokenizer(text, padding=padding, truncation=True).input_ids)
    else:
        ids = list(text)
    embed = cast("Callable[..., BaseModelOutputWithPooling]", features)
    found = embed(input_ids=torch.tensor([ids], device=encoder.device)).pooler_output
    return cast("Tensor", found)[0].clone()


def _size(encoder: Encoder) -> tuple[int, int]:
    (rows, columns), side = encoder.grid, patch_side(encoder.config)
    return rows * side, columns * side


def _unreadable(found: str, mend: str) -> StudyError:
    return StudyError("AE-9409", found, mend=mend)
