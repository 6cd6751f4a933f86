"""Which graphs, pairs and sets of variables make a question with one answer?

A graph is accepted or not before it is drawn which answer the question is to have, so that nothing in the graph alone
tells the answer; sets that are offered have one size and are drawn alike, so that nothing in them alone does.
"""

from collections.abc import Iterator
from random import Random
from typing import Literal, NamedTuple

from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._graph_masks import (
    MEMBERS,
    OF_SIZE,
    above,
    above_within,
    acyclic_order,
    below,
    instruments_of,
    is_back_door_set,
    is_front_door_set,
    is_identified,
    parents_from,
)

__all__ = [
    "GraphProblem",
    "flipped",
    "hidden_cause_changed",
    "is_valid",
    "pairs_of",
    "pose_identification",
    "pose_relation",
    "pose_sets",
]

Sets = Literal["bas-max", "bas-min", "bas-mix", "fas", "iv"]

_OPTIONS = 3
_LOOKED_AT = 10  # sets tried for one graph


class GraphProblem(NamedTuple):
    """A graph and what is asked of it.

    Args:
        parents: Of each variable, causes before effects.
        cause: The place of the first variable that is asked about.
        effect: The place of the second.
        options: The sets that are offered.
        siblings: Of each variable, those that it shares a hidden cause with; empty if there is none.
        slots: Which name each variable gets; places unless an edge was turned.
    """

    parents: tuple[int, ...]
    cause: int
    effect: int
    options: tuple[int, ...] = ()
    siblings: tuple[int, ...] = ()
    slots: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7)


def pairs_of(masks: tuple[int, ...]) -> list[tuple[int, int]]:
    """Each member of a mask with the place of the mask: parents with children."""
    return [(member, place) for place, mask in enumerate(masks) for member in MEMBERS[mask]]


def pose_relation(random: Random, kind: str) -> GraphProblem | None:
    """A pair that is, or as often is not, in the relation: `ar` a cause, `ca-fa` an ancestor, `ca-fp` a parent.

    The first variable always has an effect and the second a cause, and an ancestor that is asked about is never a
    parent: looking up one edge is not enough.
    """
    count = 5 + random.getrandbits(2)
    parents = parents_from(random, count, is_sparse=random.getrandbits(1) == 0)
    acting = 0
    for one in parents:
        acting |= one
    barred = [one | 1 << place for place, one in enumerate(parents)] if kind == "ca-fp" else above(parents)
    unrelated = [acting & ~mask if one else 0 for mask, one in zip(barred, parents, strict=True)]
    related = parents if kind == "ca-fp" else [mask & ~(1 << place) for place, mask in enumerate(barred)]
    if kind == "ca-fa":
        related = [mask & ~one for mask, one in zip(related, parents, strict=True)]
    if not any(related) or not any(unrelated):
        return None
    chosen = related if random.getrandbits(1) else unrelated
    effect = int(random.random() * count)
    while not chosen[effect]:
        effect = (effect + 1) % count
    members = MEMBERS[chosen[effect]]
    return GraphProblem(parents, members[int(random.random() * len(members))], effect)


def is_valid(kind: Sets, problem: GraphProblem, chosen: int) -> bool:
    """Whether a set is what the question asks for, by its criterion."""
    parents, cause, effect = problem.parents, problem.cause, problem.effect
    if kind == "fas":
        return is_front_door_set(parents, cause, effect, chosen)
    if kind == "iv":
        return instruments_of(parents, above(parents), cause, effect) & chosen == chosen
    return is_back_door_set(parents, cause, effect, chosen)


def pose_sets(random: Random, kind: Sets) -> GraphProblem | None:
    """A pair and three sets of one size, one of which is right."""
    count = 6 + random.getrandbits(1) + random.getrandbits(1)
    parents = parents_from(random, count, is_sparse=kind in {"fas", "iv"})
    ancestors = above(parents)
    if kind == "iv":
        return _with_instrument(random, parents, ancestors)
    effect = count - 1 - int(random.random() * 3)
    causes = MEMBERS[ancestors[effect] & ~(1 << effect) & ~(parents[effect] if kind == "fas" else 0)]
    if not causes:
        return None
    cause = causes[int(random.random() * len(causes))]
    if kind != "fas" and not _is_confounded(parents, cause, effect):
        return None
    problem = GraphProblem(parents, cause, effect)
    size = _size(random, problem, kind)
    if size == 0:
        return None
    barred = 1 << cause | 1 << effect
    if kind == "fas":  # a set in a front door causes and is caused: the others that are offered do so, too
        barred |= _ends(parents)
    sets = [mask for mask in OF_SIZE[count][size] if not mask & barred]
    random.shuffle(sets)
    return _offered(random, problem, kind, sets)


def _with_instrument(random: Random, parents: tuple[int, ...], ancestors: tuple[int, ...]) -> GraphProblem | None:
    """A pair that is confounded and has an instrument, if the graph has such, and three variables."""
    pairs = [(cause, effect) for effect, mask in enumerate(ancestors) for cause in MEMBERS[mask] if cause != effect]
    random.shuffle(pairs)
    for cause, effect in pairs:
        found = instruments_of(parents, ancestors, cause, effect)
        if not found:
            continue
        wrong = [1 << place for place in range(len(parents)) if not (found | 1 << cause | 1 << effect) >> place & 1]
        if len(wrong) >= _OPTIONS - 1:
            options = [1 << random.choice(MEMBERS[found]), *sampled(random, wrong, _OPTIONS - 1)]
            random.shuffle(options)
            return GraphProblem(parents, cause, effect, tuple(options))
    return None


def _ends(parents: tuple[int, ...]) -> int:
    """The variables without causes, and those without effects."""
    acting = caused = 0
    for place, one in enumerate(parents):
        acting |= one
        caused |= bool(one) << place
    return ((1 << len(parents)) - 1) & ~(acting & caused)


def _is_confounded(parents: tuple[int, ...], cause: int, effect: int) -> bool:
    """Whether something acts on both by paths of which the first misses the second."""
    return above(parents)[cause] & above_within(parents, 1 << effect, ~(1 << cause)) != 0


def _size(random: Random, problem: GraphProblem, kind: Sets) -> int:
    if kind == "bas-max":
        return _largest(problem).bit_count()
    return 1 + random.getrandbits(1)


def _largest(problem: GraphProblem) -> int:
    """Everything that the treatment does not act on: with nothing hidden, a back-door set that no other contains."""
    everything = (1 << len(problem.parents)) - 1
    return everything & ~below(above(problem.parents), problem.cause)


def _offered(random: Random, problem: GraphProblem, kind: Sets, sets: list[int]) -> GraphProblem | None:
    if kind == "bas-max":
        largest = _largest(problem)
        right, wrong = [largest], [mask for mask in sets if mask != largest][: _OPTIONS - 1]
    else:
        right, wrong = list[int](), list[int]()
        for mask in sets[:_LOOKED_AT]:
            if not is_valid(kind, problem, mask):
                wrong.append(mask)
            elif not right and (kind != "bas-min" or _is_minimal(problem, mask)):
                right.append(mask)
            if right and len(wrong) >= _OPTIONS - 1:
                break
    if not right or len(wrong) < _OPTIONS - 1:
        return None
    options = [right[0], *wrong[: _OPTIONS - 1]]
    random.shuffle(options)
    return GraphProblem(problem.parents, problem.cause, problem.effect, tuple(options))


def _is_minimal(problem: GraphProblem, chosen: int) -> bool:
    """Whether no smaller part is a back-door set; the criterion is such that looking one smaller is enough here.

    Sets have at most two members, and without any the pair is confounded.
    """
    return chosen.bit_count() == 1 or not any(
        is_back_door_set(problem.parents, problem.cause, problem.effect, 1 << member) for member in MEMBERS[chosen]
    )


def pose_identification(random: Random, share: float) -> GraphProblem | None:
    """A pair whose effect is, or as often is not, identified, where that share of neighbours has a hidden cause.

    The treatment acts on the outcome and shares a hidden cause with something: otherwise its effect is always
    identified.
    """
    count = 5 + random.getrandbits(1) + random.getrandbits(1)
    parents = parents_from(random, count, is_sparse=False)
    edges = pairs_of(parents)
    siblings = [0] * count
    for first, second in sampled(random, edges, max(1, round(share * len(edges)))):
        siblings[first] |= 1 << second
        siblings[second] |= 1 << first
    hidden = tuple(siblings)
    acted = [mask & ~(1 << place) for place, mask in enumerate(above(parents))]
    pairs = [pair for pair in pairs_of(tuple(acted)) if siblings[pair[0]]]
    random.shuffle(pairs)
    is_wanted, found = random.getrandbits(1) == 1, dict[bool, tuple[int, int]]()
    for cause, effect in pairs:
        found.setdefault(is_identified(parents, hidden, cause, effect), (cause, effect))
        if len(found) == 2:
            return GraphProblem(parents, *found[is_wanted], siblings=hidden)
    return None


def flipped(problem: GraphProblem, random: Random) -> Iterator[GraphProblem]:
    """The problem with one edge turned around, for each edge where that makes no cycle; the names stay."""
    edges = pairs_of(problem.parents)
    random.shuffle(edges)
    for parent, child in edges:
        turned = list(problem.parents)
        turned[child] &= ~(1 << parent)
        turned[parent] |= 1 << child
        order = acyclic_order(turned)
        if order is not None:
            yield _reordered(problem._replace(parents=tuple(turned)), order)


def _reordered(problem: GraphProblem, order: tuple[int, ...]) -> GraphProblem:
    place = {old: new for new, old in enumerate(order)}

    def moved(mask: int) -> int:
        return sum(1 << place[member] for member in MEMBERS[mask])

    return GraphProblem(
        tuple(moved(problem.parents[old]) for old in order),
        place[problem.cause],
        place[problem.effect],
        tuple(map(moved, problem.options)),
        tuple(moved(problem.siblings[old]) for old in order) if problem.siblings else (),
        tuple(problem.slots[old] for old in order),
    )


def hidden_cause_changed(problem: GraphProblem, random: Random) -> Iterator[GraphProblem]:
    """The problem with one hidden cause less, or one more between neighbours."""
    edges = pairs_of(problem.parents)
    random.shuffle(edges)
    for first, second in edges:
        siblings = list(problem.siblings)
        siblings[first] ^= 1 << second
        siblings[second] ^= 1 << first
        if any(siblings):
            yield problem._replace(siblings=tuple(siblings))
