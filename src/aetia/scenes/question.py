"""What is asked of a picture, and what is the answer?"""

from dataclasses import dataclass

from aetia.scenes.scene import Settings
from aetia.scenes.words import LETTERS, NUMBERS, SIZES, TEXTURES

__all__ = ["KINDS", "MOST_OF_ONE_SHAPE", "YES_NO", "Question", "options"]

YES_NO = ("yes", "no")

KINDS = (
    "existence",
    "colour",
    "shape",
    "count",
    "count-of",
    "relation",
    "comparison",
    "size",
    "texture",
    "label",
    "cover",
    "caption",
    "order",
    "cause",
)
"""What can be asked; the last two of clips."""

MOST_OF_ONE_SHAPE = 3
"""The largest answer to "How many circles are there?": more of a shape are too rare to be asked for equally often."""


@dataclass(frozen=True)
class Question:
    """One question with its answer.

    Args:
        kind: One of `KINDS`.
        text: As a person would ask it.
        answer: One lower-case word; of a caption the whole text.
        options: What the answer is one of, each equally often over many scenes; none for a caption.
        about: Which things decide the answer, by their index in the scene.
    """

    kind: str
    text: str
    answer: str
    options: tuple[str, ...]
    about: tuple[int, ...]


def options(kind: str, settings: Settings) -> tuple[str, ...]:
    """What a question of this kind is answered by; nothing for a caption.

    Two depend on more: how many of a shape are asked for, and a size that is asked by yes and no.
    """
    known: dict[str, tuple[str, ...]] = {
        "colour": settings.colours,
        "shape": settings.shapes,
        "count": NUMBERS[settings.fewest : settings.most + 1],
        "size": SIZES,
        "texture": TEXTURES,
        "label": tuple(LETTERS.lower()),
        "caption": (),
    }
    return known.get(kind, YES_NO)
