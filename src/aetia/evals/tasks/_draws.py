"""How are things drawn without replacement, the same in every version of Python, and fast?"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

__all__ = ["sampled"]

_SMALL = 21  # up to here, and in larger draws up to the second, `random.sample` takes from a list
_MIDDLE = 85

_PartT = TypeVar("_PartT")


def sampled(random: Random, population: Sequence[_PartT], count: int) -> list[_PartT]:
    """Draw that many different members: what `random.sample` of Python 3.11 draws, in half the time.

    Args:
        random: The stream to draw from, which is left where `random.sample` leaves it.
        population: What is drawn from.
        count: How many are drawn; at most all.
    """
    size, bits = len(population), random.getrandbits
    if size > (_SMALL if count < 6 else _MIDDLE):
        return random.sample(population, count)
    pool = list(population)
    for last in range(size - 1, size - count - 1, -1):
        width = (last + 1).bit_length()
        place = bits(width)
        while place > last:
            place = bits(width)
        pool[place], pool[last] = pool[last], pool[place]
    return pool[size - count :][::-1]
