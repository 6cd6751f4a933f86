"""What will a reply say next, if it says again what its prompt, it itself or another reply has said?

A guess costs little: its tokens are read in the step that is taken anyway, and what the model would not have written is
thrown away. A reply is the same with and without guesses.

Source: prompt lookup as in Saxena (2023) and transformers' `prompt_lookup_num_tokens`; that guesses which are read
together leave the text as it is: Leviathan et al. (2023), arXiv:2211.17192.
"""

from collections.abc import Sequence
from typing import TypeAlias

__all__ = ["Draft", "Said"]

_ALIKE = 4  # tokens that must have been said before: shorter beginnings go on in too many ways
_FIRST, _MOST = 2, 4  # tokens of a guess: at first, and where all guesses come true

Said: TypeAlias = dict[tuple[int, ...], tuple[list[int], int]]
"""In which text four tokens were said last, and the place after them."""


class Draft:
    """The text of a prompt and its reply, with where each run of four tokens was said last.

    Args:
        text: The tokens of the prompt.
        others: What the replies that are written together have said, this one in its turn: where its own text has no
            answer, theirs is taken.
    """

    def __init__(self, text: Sequence[int], others: Said) -> None:
        self._text: list[int] = []
        self._own: Said = {}
        self._others = others
        self._newest: tuple[list[int], int] | None = None
        self._size = _FIRST
        for token in text:
            self._go_on(token)

    def add(self, token: int) -> None:
        """The reply goes on with this token."""
        ending = self._go_on(token)
        if self._newest is None:
            self._newest = self._others.get(ending)
        if len(ending) == _ALIKE:
            self._others[ending] = self._own[ending]

    def _go_on(self, token: int) -> tuple[int, ...]:
        self._text.append(token)
        ending = tuple(self._text[-_ALIKE:])
        self._newest = self._own.get(ending)
        if len(ending) == _ALIKE:
            self._own[ending] = self._text, len(self._text)
        return ending

    def guess(self, most: int) -> list[int]:
        """What came next when the last tokens were said before: at most `most` tokens, none if they are new."""
        if self._newest is None:
            return []
        text, place = self._newest
        return text[place : place + min(self._size, most)]

    def told(self, guessed: int, right: int) -> None:
        """Of the last guess so many tokens came true: the next one is longer if all did, else as long as that."""
        if guessed:
            self._size = min(_MOST, 2 * self._size) if right == guessed else max(1, right)
