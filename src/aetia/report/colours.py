"""Which colour stands for which effect, for every reader?

Negative is blue, positive is orange: the pair that stays apart in every common form of colour blindness. The steps
are even in OKLab, so that equal differences of effect look equal, and lightness alone gives the size.
"""

import math

__all__ = ["STEPS", "diverging", "level_of", "scale_limit"]

STEPS = 14
"""Shades on each side of zero: neighbouring ones can just be told apart."""

_LIGHT = ("#0b4a8f", "#f3f1ec", "#b3430d")
_DARK = ("#7cc0ff", "#212429", "#ff9d57")


def diverging(*, dark: bool = False) -> tuple[str, ...]:
    """Return `2 * STEPS + 1` colours from most negative over zero to most positive, as `#rrggbb`."""
    negative, middle, positive = (_oklab(colour) for colour in (_DARK if dark else _LIGHT))
    below = [_mixed(middle, negative, step / STEPS) for step in range(STEPS, 0, -1)]
    above = [_mixed(middle, positive, step / STEPS) for step in range(1, STEPS + 1)]
    return (*below, _hex(middle), *above)


def level_of(value: float, limit: float) -> int:
    """Return which shade a value gets: an integer between -STEPS and STEPS, 0 at zero."""
    if limit <= 0:
        return 0
    return max(-STEPS, min(STEPS, round(value / limit * STEPS)))


def scale_limit(values: list[float]) -> float:
    """Return the end of a symmetric scale that holds all values: the next round number above the largest."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest == 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(largest))
    steps = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9, 10)
    return next((step * power for step in steps if step * power >= largest * (1 - 1e-9)), 10 * power)


def _mixed(start: tuple[float, float, float], end: tuple[float, float, float], share: float) -> str:
    return _hex(tuple(a + (b - a) * share for a, b in zip(start, end, strict=True)))


def _oklab(colour: str) -> tuple[float, float, float]:
    """Source: Ottosson, A perceptual color space for image processing, 2020."""
    red, green, blue = (_linear(int(colour[index : index + 2], 16) / 255) for index in (1, 3, 5))
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _hex(lab: tuple[float, ...]) -> str:
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    rgb = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * min(max(_encoded(channel), 0.0), 1.0)):02x}" for channel in rgb)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _encoded(channel: float) -> float:
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055
