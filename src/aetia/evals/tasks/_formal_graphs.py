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
    opened = waiting = given
    while waiting:
        new = parents[waiting.bit_length() - 1] & ~opened
        opened |= new
        waiting = waiting ^ 1 << waiting.bit_length() - 1 | new
    target = 1 << second
    rising, falling = 1 << first, 0
    risen = fallen = 0
    while rising or falling:
        if (rising | falling) & target:
            return False
        if rising:
            vertex = rising.bit_length() - 1
            risen |= 1 << vertex
            if not given >> vertex & 1:
                rising |= parents[vertex]
                falling |= children[vertex] & ~fallen
            rising &= ~risen
        else:
            vertex = falling.bit_length() - 1
            fallen |= 1 << vertex
            if not given >> vertex & 1:
                falling |= children[vertex]
            if opened >> vertex & 1:
                rising = parents[vertex] & ~risen
            falling &= ~fallen
    return True
