"""Answers to questions about scenes that are read off masks and words, by code that shares nothing with the asker's."""

import re
from collections import Counter

import numpy as np

from aetia.scenes import NUMBERS, PAINTS, Scene, footprints, masks, render

SHAPES = {"circles": "circle", "squares": "square", "triangles": "triangle", "crosses": "cross"}


def answered(scene: Scene, text: str) -> str:  # noqa: PLR0911  one return a form
    """The answer to a question of `questions` or `edit`; it fails if what is named is not there exactly once."""
    things = scene.things

    def named(name: str) -> int:
        colour, shape = name.split()
        [index] = [place for place, one in enumerate(things) if (one.colour, one.shape) == (colour, shape)]
        return index

    if found := re.fullmatch(r"Is there a (\w+) (\w+)\?", text):
        return yes(any((one.colour, one.shape) == found.groups() for one in things))
    if found := re.fullmatch(r"What colour is the (\w+)\?", text):
        [one] = [one for one in things if one.shape == found[1]]
        return one.colour
    if found := re.fullmatch(r"What shape is the (\w+) object\?", text):
        [one] = [one for one in things if one.colour == found[1]]
        return one.shape
    if found := re.fullmatch(r"What (size|texture|letter) (?:is|is on) the (\w+ \w+)\?", text):
        one = things[named(found[2])]
        return {"size": one.size, "texture": one.texture, "letter": one.label.lower()}[found[1]]
    if text == "How many objects are there?":
        return NUMBERS[len(things)]
    counts = Counter(one.shape for one in things)
    if found := re.fullmatch(r"How many (\w+) are there\?", text):
        return NUMBERS[counts[SHAPES[found[1]]]]
    if found := re.fullmatch(r"Are there more (\w+) than (\w+)\?", text):
        return yes(counts[SHAPES[found[1]]] > counts[SHAPES[found[2]]])
    found = re.fullmatch(
        r"Is the (\w+ \w+) (left of|right of|above|below|larger than|in front of) the (\w+ \w+)\?", text
    )
    assert found, text
    one, other = named(found[1]), named(found[3])
    lies = footprints(scene)
    if found[2] == "in front of":
        both = lies[one] & lies[other]
        assert both.any()
        return yes(bool(masks(scene)[one][both].sum() > masks(scene)[other][both].sum()))
    if found[2] == "larger than":
        return yes(things[one].radius > things[other].radius * 1.2)
    (row, column), (other_row, other_column) = middle(lies[one]), middle(lies[other])
    assert abs(row - other_row) > 4 or abs(column - other_column) > 4
    sides = {"left of": column < other_column, "right of": column > other_column, "above": row < other_row}
    return yes(bool(sides.get(found[2], row > other_row)))


def middle(mask: np.ndarray) -> tuple[float, float]:
    """The mean row and column of a mask."""
    rows, columns = np.nonzero(mask)
    return float(rows.mean()), float(columns.mean())


def seen_colour(scene: Scene, index: int) -> str:
    """The colour whose paint is nearest to the mean of what is seen of a plain thing."""
    mean = render(scene)[masks(scene)[index]].mean(0)
    return min(PAINTS, key=lambda name: float(np.abs(mean - PAINTS[name]).sum()))


def yes(is_so: bool) -> str:
    """Yes or no."""
    return "yes" if is_so else "no"
