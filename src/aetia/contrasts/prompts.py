"""What is a model given for the two texts of a contrast: plain, in its chat template, with pictures?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aetia.contrasts.contrast import Contrast, quoted
from aetia.contrasts.tokens import Encoded, Tokenizer, encode, in_chat
from aetia.errors import ContrastError
from aetia.models.prompts import Prompt
from aetia.models.rendering import prompt_of, rendered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aetia.models.pictures import Picture
    from aetia.models.vision import Vision

__all__ = ["AskedPrompt", "prompts_of", "text_prompt"]


@dataclass(frozen=True)
class AskedPrompt:
    """A prompt as the model is given it.

    Args:
        text: All of it, with what a template adds.
        encoded: Its tokens.
        offset: Where the contrast's own text starts in `text`.
        special: Whether the tokenizer has added its special tokens.
        pictured: The tokens with their pictures; None without any.
    """

    text: str
    encoded: Encoded
    offset: int
    special: bool
    pictured: Prompt | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """Its tokens, with its pictures if it has any."""
        return self.encoded.ids if self.pictured is None else self.pictured


def prompts_of(
    contrast: Contrast, tokenizer: Tokenizer, vision: "Vision | None", *, chat: bool
) -> tuple[AskedPrompt, AskedPrompt]:
    """The clean and the corrupted prompt, each with its pictures if the contrast has any.

    Raises:
        ContrastError: AE-2106 no text; AE-9705 pictures that the model cannot see, or that differ in number or size.
    """
    pictures = contrast.pictures
    if not pictures:
        clean, corrupted = (text_prompt(text, tokenizer, chat=chat) for text in (contrast.clean, contrast.corrupted))
        return clean, corrupted
    if vision is None:
        raise ContrastError(
            "AE-9705",
            f"The contrast {contrast.id} has a picture, and this model reads text alone.",
            mend="use a vision-language model, such as toy-llava.",
        )
    edited = contrast.edited or pictures
    _check_sizes(pictures, edited)
    return (
        _pictured(contrast.clean, pictures, tokenizer, vision),
        _pictured(contrast.corrupted, edited, tokenizer, vision),
    )


def text_prompt(text: str, tokenizer: Tokenizer, *, chat: bool) -> AskedPrompt:
    """A prompt of text alone, as it stands or in the chat template.

    Raises:
        ContrastError: AE-2106 no text; AE-2115, AE-2119 the template does not take it.
    """
    if not text.strip():
        raise ContrastError("AE-2106", f"A prompt is empty: {quoted(text)}.", mend="give both prompts some text.")
    if not chat:
        return AskedPrompt(text, encode(text, tokenizer), 0, special=True)
    whole, start = in_chat(text, tokenizer)
    # The template has written the special tokens already.
    return AskedPrompt(whole, encode(whole, tokenizer, special=False), start, special=False)


def _check_sizes(pictures: "Sequence[Picture]", edited: "Sequence[Picture]") -> None:
    if len(pictures) != len(edited):
        raise ContrastError(
            "AE-9705",
            f"The prompts are about {len(pictures)} and {len(edited)} pictures: none of one is that of the other.",
            mend="give an edited picture for each, the same one where nothing is changed.",
        )
    for number, pair in enumerate(zip(pictures, edited, strict=True), 1):
        sizes = [f"{one.width} x {one.height}" for one in pair]
        if sizes[0] != sizes[1]:
            which = f" {number}" if len(pictures) > 1 else ""
            raise ContrastError(
                "AE-9705",
                f"The picture{which} is {sizes[0]} pixels and the edited one {sizes[1]}: no part of one is that of "
                "the other.",
                mend="edit the picture without resizing or cropping it.",
            )


def _pictured(text: str, pictures: "Sequence[Picture]", tokenizer: Tokenizer, vision: "Vision") -> AskedPrompt:
    if not text.strip():
        raise ContrastError("AE-2106", "Nothing is asked about the picture.", mend="give a question.")
    whole, start = rendered(text, pictures, tokenizer, vision)
    encoded = encode(whole, tokenizer, special=False)
    return AskedPrompt(whole, encoded, start, special=False, pictured=prompt_of(encoded.ids, pictures, vision))
