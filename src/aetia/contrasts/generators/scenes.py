"""What does a model that sees answer when one thing of a rendered scene is otherwise?"""

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from aetia.contrasts.contrast import Contrast
from aetia.contrasts.tokens import Tokenizer

if TYPE_CHECKING:
    from aetia.scenes.editing import Edit

__all__ = ["CHANGES", "edited"]

CHANGES = {
    "colour": "a thing has another colour",
    "shape": "a thing has another shape",
    "size": "a thing has another size",
    "texture": "a thing has another texture",
    "remove": "a thing is taken away, or was",
    "add": "a thing is added, or was",
    "move": "a thing stands elsewhere",
}
"""What is changed in a scene, in words."""

# Of the questions that a change answers otherwise, the one kind that is asked, so that prompts are alike.
_ASKED = {
    "colour": "colour",
    "shape": "shape",
    "size": "size",
    "texture": "texture",
    "remove": "existence",
    "add": "existence",
    "move": "relation",
}
# Changes whose question has the same answer before every edit: all items alike would leave nothing to exchange.
_ONE_WAY = frozenset({"remove", "add"})
_PIXELS = 64  # what the small models that come with aetia see


def edited(change: str, seed: int, _tokenizer: Tokenizer | None, _placebos: int) -> Iterator[Contrast]:
    """Two scenes that differ in one thing, and a question that they answer differently; without end.

    The region `object` is where the changed thing lies, `others` where the unchanged ones are seen. The clean picture
    is the scene before the edit; of a removed or added thing, in every second contrast, the one after it.

    Args:
        change: One of `CHANGES`.
        seed: Decides the scenes.
    """
    from aetia.scenes import Settings, draw_edit

    settings = Settings(size=_PIXELS, fewest=3, most=5)
    drawn = (draw_edit(seed * 1_000_003 + number, change, settings) for number in count(1))
    asked = ((number, pair) for number, pair in enumerate(drawn, 1) if pair.question.kind == _ASKED[change])
    for place, (number, pair) in enumerate(asked):
        yield _contrast(f"scenes-{change}-{number:04d}", pair, is_turned=change in _ONE_WAY and place % 2 == 1)


def _contrast(name: str, pair: "Edit", *, is_turned: bool) -> Contrast:
    """The contrast of an edited pair; turned, what was after the edit is the clean picture."""
    from aetia.models.pictures import Picture
    from aetia.scenes import changed, masks, render

    shown = [(pair.before, f" {pair.answer}"), (pair.after, f" {pair.answer_after}")]
    (clean, answer), (corrupted, foil) = reversed(shown) if is_turned else shown
    region = changed(pair)
    others = masks(clean).any(0) & ~region
    regions = {"object": region, **({"others": others} if others.any() else {})}
    picture, edited = (Picture(render(scene), name) for scene in (clean, corrupted))
    question = pair.question.text
    return Contrast(name, question, question, answer, foil, pictures=(picture,), edited=(edited,), regions=regions)
