"""How are causal graphs of a few variables searched fast?

A set of variables is an integer with a bit a variable, and a graph the parents of each: bit masks, in an order in which
causes come before effects. Every function here says what its namesake in `aetia.scm` says, which tests hold it to; it
is some hundred times as fast, so that a generator can look at many graphs for one item.

Source: Tian and Pearl 2002 and Huang and Valtorta 2006 for identification; Pearl 1993 and 1995 for the criteria.
"""

from functools import lru_cache
from random import Random

__all__ = [
    "MEMBERS",
    "MOST",
    "OF_SIZE",
    "above",
    "above_within",
    "acyclic_order",
    "below",
    "cut_below",
    "instruments_of",
    "is_back_door_set",
    "is_front_door_set",
    "is_identified",
    "is_separated",
    "parents_from",
]

MOST = 8
"""The most variables of a graph here."""

MEMBERS: tuple[tuple[int, ...], ...] = tuple(
    tuple(place for place in range(MOST) if mask >> place & 1) for mask in range(1 << MOST)
)
"""The members of each set."""

OF_SIZE: tuple[tuple[tuple[int, ...], ...], ...] = tuple(
    tuple(tuple(mask for mask in range(1 << count) if mask.bit_count() == size) for size in range(count + 1))
    for count in range(MOST + 1)
)
"""The sets of each size among so many variables: `OF_SIZE[count][size]`."""

_CUTS = tuple((place * (place - 1) // 2, (1 << place) - 1) for place in range(MOST))


def parents_from(random: Random, count: int, *, is_sparse: bool) -> tuple[int, ...]:
    """Draw a graph: the parents of each variable.

    An edge is there with chance 1/4 if the graph is to be sparse, else 3/8; a variable that would stand alone gets one.
    """
    bits = count * (count - 1) // 2
    drawn = random.getrandbits(bits) & random.getrandbits(bits)
    if not is_sparse:
        drawn |= random.getrandbits(bits) & random.getrandbits(bits) & random.getrandbits(bits)
    parents = [drawn >> start & earlier for start, earlier in _CUTS[:count]]
    joined = 0
    for place, one in enumerate(parents):
        if one:
            joined |= one | 1 << place
    for place in MEMBERS[~joined & ((1 << count) - 1)]:
        if place:
            parents[place] = 1 << int(random.random() * place)
        else:
            parents[1] = 1
    return tuple(parents)


@lru_cache(maxsize=1024)  # posing, solving and wording an item ask for the same few
def above(parents: tuple[int, ...]) -> tuple[int, ...]:
    """Of each variable, itself and its ancestors."""
    found = list[int]()
    bit = 1
    for one in parents:
        reached = bit
        for parent in MEMBERS[one]:
            reached |= found[parent]
        found.append(reached)
        bit <<= 1
    return tuple(found)


@lru_cache(maxsize=1024)
def below(ancestors: tuple[int, ...], place: int) -> int:
    """The variable and its descendants."""
    bit, found = 1 << place, 0
    for other, mask in enumerate(ancestors):
        if mask & bit:
            found |= 1 << other
    return found


def cut_below(parents: tuple[int, ...], chosen: int) -> tuple[int, ...]:
    """The graph without the edges that leave these variables."""
    kept = ~chosen
    return tuple([one & kept for one in parents])


def is_separated(parents: tuple[int, ...], ancestors: tuple[int, ...], first: int, second: int, given: int) -> bool:
    """Whether `given` separates two disjoint sets: no path joins them in the moral graph of the ancestors."""
    relevant = 0
    for place in MEMBERS[first | second | given]:
        relevant |= ancestors[place]
    if not given:
        return _union(ancestors, first) & _union(ancestors, second) == 0
    neighbours = [0] * len(parents)
    for place in MEMBERS[relevant]:
        family = parents[place] | 1 << place
        for member in MEMBERS[family]:
            neighbours[member] |= family
    reached = fresh = first
    while fresh:
        grown = 0
        for place in MEMBERS[fresh]:
            grown |= neighbours[place]
        if grown & second:
            return False
        fresh = grown & ~(reached | given)
        reached |= fresh
    return True


def _union(ancestors: tuple[int, ...], chosen: int) -> int:
    found = 0
    for place in MEMBERS[chosen]:
        found |= ancestors[place]
    return found


def is_back_door_set(parents: tuple[int, ...], treatment: int, outcome: int, chosen: int) -> bool:
    """Whether the set satisfies the back-door criterion; `treatment` and `outcome` are places of variables."""
    if chosen & (below(above(parents), treatment) | 1 << outcome):
        return False
    cut = cut_below(parents, 1 << treatment)
    return is_separated(cut, above(cut), 1 << treatment, 1 << outcome, chosen)


def is_front_door_set(parents: tuple[int, ...], treatment: int, outcome: int, chosen: int) -> bool:
    """Whether the set satisfies the front-door criterion."""
    start, end = 1 << treatment, 1 << outcome
    if chosen & (start | end):
        return False
    reached = start
    for place in range(treatment + 1, len(parents)):  # directed paths that miss the set
        if parents[place] & reached and not chosen >> place & 1:
            reached |= 1 << place
    if reached & end:
        return False
    if not chosen:
        return True
    cut = cut_below(parents, start)
    ancestors = above(cut)
    if _union(ancestors, start) & _union(ancestors, chosen):
        return False
    cut = cut_below(parents, chosen)
    return is_separated(cut, above(cut), chosen, end, start)


def instruments_of(parents: tuple[int, ...], ancestors: tuple[int, ...], treatment: int, outcome: int) -> int:
    """The variables that are instruments with nothing conditioned on; none if nothing confounds the pair.

    Args:
        parents: The graph.
        ancestors: What `above` says of it.
        treatment: A place.
        outcome: A place of an effect of it.
    """
    start, bit = ancestors[treatment], 1 << treatment
    end = above_within(parents, 1 << outcome, ~bit)  # from there on no path is causal
    if not start & end:
        return 0
    causal = below(ancestors, treatment) & ancestors[outcome]
    found = 0
    for place, one in enumerate(parents):  # `end` grows by what it acts on, past the treatment's causal paths
        if (one & ~bit if causal >> place & 1 else one) & end:
            end |= 1 << place
        elif ancestors[place] & start and not end >> place & 1:
            found |= 1 << place
    return found & ~bit


def is_identified(parents: tuple[int, ...], siblings: tuple[int, ...], treatment: int, outcome: int) -> bool:
    """Whether P(outcome | do(treatment)) follows from what is observed.

    Args:
        parents: The directed edges.
        siblings: Of each variable, those that it shares a hidden cause with.
        treatment: A place.
        outcome: Another place.
    """
    everything = (1 << len(parents)) - 1
    asked = above_within(parents, 1 << outcome, everything & ~(1 << treatment))
    left = asked
    while left:
        district = _district(siblings, left & -left, asked)
        left &= ~district
        if not _is_part_identified(parents, siblings, district, _district(siblings, district, everything)):
            return False
    return True


def _is_part_identified(parents: tuple[int, ...], siblings: tuple[int, ...], part: int, whole: int) -> bool:
    while True:
        closed = above_within(parents, part, whole)
        if closed == part:
            return True
        if closed == whole:
            return False
        whole = _district(siblings, part, closed)


def above_within(parents: tuple[int, ...], start: int, within: int) -> int:
    """These variables, and the ancestors that lead to them among some variables."""
    found = start
    for place in range(start.bit_length() - 1, -1, -1):
        if found >> place & 1:
            found |= parents[place] & within
    return found


def _district(siblings: tuple[int, ...], start: int, within: int) -> int:
    found = fresh = start
    while fresh:
        grown = 0
        for place in MEMBERS[fresh]:
            grown |= siblings[place]
        fresh = grown & within & ~found
        found |= fresh
    return found


def acyclic_order(parents: list[int]) -> tuple[int, ...] | None:
    """The places of the variables, causes first, of a graph in any order; None if there is a cycle."""
    done, order = 0, list[int]()
    while len(order) < len(parents):
        ready = [place for place, one in enumerate(parents) if not done >> place & 1 and one & ~done == 0]
        if not ready:
            return None
        order.append(ready[0])
        done |= 1 << ready[0]
    return tuple(order)
