"""How is a question about pictures put to a model: its own chat template, each picture as its positions?"""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, cast

from aetia.errors import StudyError
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt
from aetia.text import clean_text

if TYPE_CHECKING:
    from aetia.models.vision import Vision

__all__ = ["prompt_of", "rendered"]

_MARK = "AETIAUSERTEXT"  # stands for the user's text while a chat template is rendered


class ChatTokenizer(Protocol):
    """What rendering needs of a tokenizer; those of transformers have it."""

    @property
    def chat_template(self) -> object:
        """How it writes a conversation; empty or None if it does not."""
        ...

    def apply_chat_template(
        self, conversation: list[dict[str, str]], /, *, tokenize: bool, add_generation_prompt: bool
    ) -> object:
        """The conversation as text."""
        ...

    def decode(self, ids: list[int], /) -> object:
        """The text of ids."""
        ...


def rendered(text: str, pictures: Sequence[Picture], tokenizer: ChatTokenizer, vision: "Vision") -> tuple[str, int]:
    """The whole text that the model is given, an image token for each position of a picture, and where `text` starts.

    Raises:
        StudyError: AE-9704 if the chat template does not take the pictures, or rewrites the text.
    """
    token = str(tokenizer.decode([vision.image_token]))
    if token in text:
        found = f"The question contains {clean_text(token)}, which stands for a picture."
        raise StudyError("AE-9704", found, mend="leave it out: pictures are placed by the model's own template.")
    around = _around(token, len(pictures), tokenizer)
    parts = around.split(token)
    places = around.count(_MARK)
    if len(parts) != len(pictures) + 1 or places != 1:
        raise StudyError(
            "AE-9704",
            f"This model's chat template makes {len(parts) - 1} places for {len(pictures)} pictures.",
            mend="use a model whose chat template takes content of the types image and text.",
        )
    whole = parts[0]
    for picture, part in zip(pictures, parts[1:], strict=True):
        whole += vision.written(token, picture) + part
    start = whole.index(_MARK)
    return whole.replace(_MARK, text), start


def _around(token: str, pictures: int, tokenizer: ChatTokenizer) -> str:
    if not tokenizer.chat_template:
        return token * pictures + "\n" + _MARK
    content = [*[{"type": "image"}] * pictures, {"type": "text", "text": _MARK}]
    # transformers annotates a message's content as text alone; templates of models that see take parts.
    turns = cast("list[dict[str, str]]", [{"role": "user", "content": content}])
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def prompt_of(ids: Sequence[int], pictures: Sequence[Picture], vision: "Vision") -> Prompt:
    """The prompt of token ids whose image tokens stand for `pictures`, in their order.

    Raises:
        StudyError: AE-9703 if there are more or fewer image tokens than the pictures have positions.
    """
    places = [position for position, token in enumerate(ids) if token == vision.image_token]
    sizes = [vision.positions(picture) for picture in pictures]
    if len(places) != sum(sizes):
        raise StudyError(
            "AE-9703",
            f"The prompt has {len(places)} image tokens, and its pictures take {sum(sizes)} positions.",
            mend="give as many pictures as the prompt has places for.",
        )
    firsts = [0, *accumulate(sizes)][: len(sizes)]
    return Prompt(ids, pictures, [places[first] for first in firsts])
