"""What will a reply say next, if it says again what its prompt or it itself has said?

A guess costs little: its tokens are read in the step that is taken anyway, and what the model would not have written is
thrown away. A reply is the same with and without guesses.

Source: prompt lookup as in Saxena (2023) and transformers' `prompt_lookup_num_tokens`; that guesses which are read
together leave the text as it is: Leviathan et al. (2023), arXiv:2211.17192.
"""

from collections.abc import Sequence

__all__ = ["Draft"]

_ALIKE = 4  # tokens that must have been said before: shorter beginnings go on in too many ways
_FIRST, _MOST = 2, 4  # tokens of a guess: at first, and where all guesses come true


class Draft:
    """The text of a prompt and its reply, with where each run of four tokens was said last.

    Args:
        text: The tokens of the prompt.
    """

    def __init__(self, text: Sequence[int]) -> None:
        self._text: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        self._size = _FIRST
        self._newest: int | None = None
        for token in text:
            self.add(token)

    def add(self, token: int) -> None:
        """The text goes on with this token."""
        self._text.append(token)
        ending = tuple(self._text[-_ALIKE:])
        self._newest = self._after.get(ending) if len(ending) == _ALIKE else None
        self._after[ending] = len(self._text)

    def guess(self, most: int) -> list[int]:
        """What came next when the last tokens were said before: at most `most` tokens, none if they are new."""
        if self._newest is None:
            return []
        return self._text[self._newest : self._newest + min(self._size, most)]

    def told(self, guessed: int, right: int) -> None:
        """Of the last guess so many tokens came true: the next one is longer if all did, else as long as that."""
        if guessed:
            self._size = min(_MOST, 2 * self._size) if right == guessed else max(1, right)
