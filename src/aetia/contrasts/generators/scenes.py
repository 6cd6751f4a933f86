"""What does a model that sees answer when one thing of a rendered scene is otherwise?"""

from collections.abc import Iterator

from aetia.contrasts.contrast import Contrast
from aetia.contrasts.tokens import Tokenizer

__all__ = ["CHANGES", "edited"]

CHANGES = {
    "colour": "a thing has another colour",
    "shape": "a thing has another shape",
    "size": "a thing has another size",
    "texture": "a thing has another texture",
    "remove": "a thing is taken away",
    "add": "a thing is added",
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
_PIXELS = 64  # what the small models that come with aetia see


def edited(change: str, seed: int, _tokenizer: Tokenizer | None, _placebos: int) -> Iterator[Contrast]:
    """Two scenes that differ in one thing, and a question that they answer differently; without end.

    The region `object` is where the changed thing lies, `others` where the unchanged ones are seen.

    Args:
        change: One of `CHANGES`.
        seed: Decides the scenes.
    """
    from aetia.models.pictures import Picture
    from aetia.scenes import Settings, changed, draw_edit, masks, render

    settings = Settings(size=_PIXELS, fewest=3, most=5)
    number = 0
    while True:
        number += 1
        pair = draw_edit(seed * 1_000_003 + number, change, settings)
        if pair.question.kind != _ASKED[change]:
            continue
        name = f"scenes-{change}-{number:04d}"
        before, after = (Picture(render(scene), name) for scene in (pair.before, pair.after))
        region = changed(pair)
        others = masks(pair.before).any(0) & ~region
        regions = {"object": region, **({"others": others} if others.any() else {})}
        question, answer, foil = pair.question.text, f" {pair.answer}", f" {pair.answer_after}"
        yield Contrast(name, question, question, answer, foil, picture=before, edited=after, regions=regions)
