"""What is a model asked: token ids, and the pictures that some of them stand for?"""

from collections.abc import Iterable, Sequence
from typing import Self

from aetia.models.pictures import Picture

__all__ = ["Prompt", "first_differing", "pictures_of"]


class Prompt(tuple[int, ...]):  # noqa: SLOT001  a tuple takes no slots
    """Token ids, with the pictures that their image tokens stand for: usable wherever token ids are.

    Two prompts are equal if their ids and their pictures are. What cuts or joins the ids as a plain tuple loses the
    pictures; a network refuses such ids, since their image tokens stand for nothing. `prompt + ids` keeps them.

    Args:
        ids: One id a position, the image token once for every position of a picture.
        pictures: In the order of their tokens.
        starts: The position of each picture's first token.
    """

    pictures: tuple[Picture, ...]
    starts: tuple[int, ...]

    def __new__(cls, ids: Iterable[int], pictures: Sequence[Picture] = (), starts: Sequence[int] = ()) -> Self:
        """The prompt."""
        self = super().__new__(cls, ids)
        if len(pictures) != len(starts):
            raise ValueError("every picture of a prompt starts somewhere")
        self.pictures, self.starts = tuple(pictures), tuple(starts)
        return self

    def __add__(self, ids: object) -> "Prompt":
        """The same prompt with further ids at its end."""
        if not isinstance(ids, tuple):
            return NotImplemented
        return Prompt((*self, *ids), self.pictures, self.starts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple):
            return NotImplemented
        return tuple.__eq__(self, other) and self.pictures == pictures_of(other)

    def __ne__(self, other: object) -> bool:  # a tuple has its own, which would not ask for the pictures
        return not self == other

    def __hash__(self) -> int:
        return hash((tuple(self), self.pictures)) if self.pictures else tuple.__hash__(self)

    def __getnewargs__(self) -> tuple[tuple[int, ...], tuple[Picture, ...], tuple[int, ...]]:
        return tuple(self), self.pictures, self.starts


def pictures_of(ids: object) -> tuple[Picture, ...]:
    """The pictures of a prompt; none of plain token ids."""
    return ids.pictures if isinstance(ids, Prompt) else ()


def first_differing(one: Sequence[int], other: Sequence[int]) -> int:
    """The first position at which two prompts of one length differ, by a token or by the picture that begins there.

    Their length if they are equal.
    """
    first = next((position for position, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))
    if not (isinstance(one, Prompt) and isinstance(other, Prompt)):
        return first
    pictures = enumerate(zip(one.pictures, other.pictures, strict=True))
    return min([first, *(one.starts[number] for number, (a, b) in pictures if a != b)])
