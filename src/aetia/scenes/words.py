"""Which words do scenes, questions and captions have, and which paint does a colour name?"""

from types import MappingProxyType

__all__ = ["COLOURS", "LETTERS", "NUMBERS", "PAINTS", "RELATIONS", "SHAPES", "SIZES", "TEXTURES", "plural"]

COLOURS = ("red", "green", "blue", "yellow", "purple", "white")
"""The colours that scenes have unless others are asked for; orange and cyan are kept to test on."""

SHAPES = ("circle", "square", "triangle", "cross")
SIZES = ("small", "large")
TEXTURES = ("plain", "striped", "dotted")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
RELATIONS = ("left of", "right of", "above", "below")

LETTERS = "ABCDEFGHKLMNPRSTUVXYZ"
"""What labels are drawn from; the letters that look like another letter or a digit are left out."""

PAINTS = MappingProxyType(
    {
        "red": (220, 40, 40),
        "green": (40, 190, 60),
        "blue": (50, 80, 230),
        "yellow": (230, 210, 40),
        "purple": (160, 60, 200),
        "white": (235, 235, 235),
        "orange": (240, 130, 30),
        "cyan": (40, 200, 215),
    }
)
"""Colour -> red, green and blue, each 0 to 255, before the thing's own shade."""


def plural(shape: str) -> str:
    """The name of several: circles, crosses."""
    return f"{shape}es" if shape.endswith("s") else f"{shape}s"
