"""Which vertex of a small DAG reaches which, and which are separated given which?

Vertices are 0, 1, 2 ...; a set of them is a number whose bits they are. That is all the speed that the generators need.
"""

from collections.abc import Iterable, Sequence

__all__ = ["bits", "families", "is_separated", "reached"]


def bits(mask: int) -> Iterable[int]:
    """The members of a set, from the least."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def families(edges: Iterable[tuple[int, int]], size: int) -> tuple[list[int], list[int]]:
    """The parents and the children of each vertex."""
    parents, children = [0] * size, [0] * size
    for cause, effect in edges:
        children[cause] |= 1 << effect
        parents[effect] |= 1 << cause
    return parents, children


def reached(onward: Sequence[int], start: int, avoided: int = 0) -> int:
    """All vertices that a path of at least one step leads to, none of them in `avoided`."""
    found, waiting = 0, onward[start] & ~avoided
    while waiting:
        low = waiting & -waiting
        found |= low
        waiting = (waiting | onward[low.bit_length() - 1]) & ~(found | avoided)
    return found


def is_separated(parents: Sequence[int], children: Sequence[int], first: int, second: int, given: int) -> bool:
    """Whether the set `given` d-separates two vertices outside of it.

    Source: Shachter, Bayes-Ball, UAI 1998.
    """
    opened = given
    for vertex in bits(given):
        opened |= reached(parents, vertex)
    rising, falling = 1 << first, 0
    risen = fallen = 0
    while rising or falling:
        if rising:
            low = rising & -rising
            vertex = low.bit_length() - 1
            risen |= low
            if not low & given:
                rising |= parents[vertex]
                falling |= children[vertex]
        else:
            low = falling & -falling
            vertex = low.bit_length() - 1
            fallen |= low
            if not low & given:
                falling |= children[vertex]
            if low & opened:
                rising |= parents[vertex]
        rising &= ~risen
        falling &= ~fallen
    return not (risen | fallen) >> second & 1
