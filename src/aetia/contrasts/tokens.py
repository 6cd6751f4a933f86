"""How does a tokenizer cut a text, and which tokens does a part of the text fall on?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from aetia.contrasts.contrast import Span, quoted
from aetia.errors import ContrastError

__all__ = ["Encoded", "Tokenizer", "encode", "in_chat", "token_count", "token_texts", "tokens_of_span"]

_MARK = "AETIAUSERTEXT"  # stands for the user's text while a chat template is rendered


class Tokenizer(Protocol):
    """What alignment needs of a tokenizer; those of transformers have it."""

    @property
    def is_fast(self) -> bool:
        """Whether it can say which characters a token covers."""
        ...

    @property
    def chat_template(self) -> object:
        """How it writes a conversation; empty or None if it does not."""
        ...

    @property
    def all_special_tokens(self) -> Sequence[str]:
        """The texts of its control tokens."""
        ...

    def __call__(
        self, text: str, /, *, add_special_tokens: bool = True, return_offsets_mapping: bool = False
    ) -> Mapping[str, object]:
        """`input_ids`, and `offset_mapping` where asked for."""
        ...

    def apply_chat_template(
        self, conversation: list[dict[str, str]], /, *, tokenize: bool, add_generation_prompt: bool
    ) -> object:
        """The text of a conversation."""
        ...

    def decode(self, token_ids: list[int], /) -> object:
        """The text of tokens."""
        ...

    def convert_ids_to_tokens(self, ids: list[int], /) -> Sequence[str]:
        """The names of tokens in the vocabulary."""
        ...

    def get_vocab(self) -> dict[str, int]:
        """Every token's name and id."""
        ...


@dataclass(frozen=True)
class Encoded:
    """A text as T tokens.

    Args:
        ids: Token ids, [T].
        offsets: The characters of the text that each token covers, [T]; None if the tokenizer cannot say.
    """

    ids: tuple[int, ...]
    offsets: tuple[Span, ...] | None


def encode(text: str, tokenizer: Tokenizer, *, special: bool = True) -> Encoded:
    """The tokens of `text`, as the model is given them; `special` adds those that a prompt begins with.

    Raises:
        ContrastError: AE-2106 if `text` is no valid Unicode, AE-2118 if it has no tokens.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ContrastError(
            "AE-2106",
            f"The text {quoted(text)} has a lone surrogate at character {error.start}, which stands for no character.",
            mend="write the character itself, or both halves of its \\u escape.",
        ) from error
    has_offsets = tokenizer.is_fast
    out = tokenizer(text, add_special_tokens=special, return_offsets_mapping=has_offsets)
    ids = tuple(np.asarray(out["input_ids"], dtype=int).tolist())
    if not ids:
        raise ContrastError("AE-2118", f"The prompt {quoted(text)} has no tokens.", mend="give a prompt with text.")
    if not has_offsets:
        return Encoded(ids, None)
    offsets = np.asarray(out["offset_mapping"], dtype=int)
    return Encoded(ids, tuple((start, stop) for start, stop in offsets.tolist()))


def token_count(text: str, tokenizer: Tokenizer) -> int:
    """How many tokens `text` has inside a sentence, after a space."""
    return len(encode(" " + text, tokenizer, special=False).ids)


def token_texts(ids: Sequence[int], tokenizer: Tokenizer) -> tuple[str, ...]:
    """The text of each token, leading space included; a token that is part of a character reads U+FFFD."""
    texts = []
    for token, name in zip(ids, tokenizer.convert_ids_to_tokens(list(ids)), strict=True):
        text = str(tokenizer.decode([token]))
        # SentencePiece decodes the first token of a text without its space; here no token is the first.
        is_bare = name.startswith("\u2581") and not text.startswith(" ")
        texts.append(" " + text if is_bare else text)
    return tuple(texts)


def tokens_of_span(span: Span, encoded: Encoded) -> Span | None:
    """The half-open range of tokens that the characters of `span` fall on; None if they fall on none.

    Raises:
        ContrastError: AE-2115 if the tokenizer does not say which characters a token covers.
    """
    if encoded.offsets is None:
        raise ContrastError(
            "AE-2115",
            "This tokenizer does not say which characters a token covers, so that spans cannot be placed.",
            mend="leave the spans out, or use a model with a fast tokenizer (a tokenizer.json).",
        )
    start, stop = span
    hit = [n for n, (first, end) in enumerate(encoded.offsets) if first < stop and end > start and first < end]
    return (hit[0], hit[-1] + 1) if hit else None


def in_chat(text: str, tokenizer: Tokenizer) -> tuple[str, int]:
    """The conversation whose one user message is `text`, up to where the reply begins, and where in it `text` starts.

    Raises:
        ContrastError: AE-2115 without a chat template; AE-2119 if the text would end the message.
    """
    if not tokenizer.chat_template:
        raise ContrastError("AE-2115", "This model has no chat template.", mend="leave the chat option out.")
    for control in tokenizer.all_special_tokens:
        if control in text:
            raise ContrastError(
                "AE-2119",
                f"The prompt contains {quoted(control)}, which ends a message of this model's chat.",
                mend="leave it out of the prompt, or write the whole conversation and leave the chat option out.",
            )

    def render(content: str) -> str:
        turns = [{"role": "user", "content": content}]
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    start = render(_MARK).index(_MARK)
    rendered = render(text)
    if not rendered.startswith(text, start):
        raise ContrastError(
            "AE-2115",
            f"This model's chat template rewrites the prompt {quoted(text)}, so that its parts cannot be placed.",
            mend="leave out the white space around the prompt, which many templates strip, or the chat option.",
        )
    return rendered, start
