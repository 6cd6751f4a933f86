"""Which graphs make a question about an effect, and which do not?

Variables are numbers, sets of variables are the bits of a number: a graph is the set of parents of each variable. A
shape is a few edges between roles that make the question; the other edges are drawn, and the whole is then judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from aetia.evals.tasks._draws import sampled

__all__ = ["Kind", "Roles", "Size", "System", "adjusts", "ancestors", "drawn_system", "is_determined", "works"]

Kind = str
"""`ate`, `cde`, `ett`, `nde`, `nie`, `pn`, `ps`; `see` is the plain difference between two groups."""

Parents = tuple[int, ...]

_TRIES = 400  # graphs looked at before a draw counts as unable; some shapes fit one draw in twenty

# What makes the effect (first) and what makes numbers that look like one where there is none (second). X is the
# treatment, Y the outcome, M the variable between them or the one that is held, A and U others.
_SHAPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ate": (("XY", "XA AY"), ("YX", "UX UY", "YA AX")),
    "cde": (("XM MY XY", "XM MY XA AY"), ("XM MY UX UY", "YX XM", "YX YM", "XM YM UX UY")),
    "nde": (("XM MY XY",), ("XM MY UX UY", "XM MY UM UY", "YX XM", "YM MX")),
    "nie": (("XM MY XY",), ("XY XM YM", "XY XM UM UY", "XY MX MY")),
}
# How the adjuster Z is joined; it acts on a mediator as well, or two of the numbers told of it would be the same.
_JOINED: dict[str, str] = {"nde": "ZX ZY ZM", "nie": "ZX ZY ZM"}
_SHAPES["ett"] = _SHAPES["pn"] = _SHAPES["ps"] = _SHAPES["ate"]
_HAS_MEDIATOR = {"cde", "nde", "nie"}


@dataclass(frozen=True)
class Size:
    """How large a graph is.

    Args:
        nodes: How many variables.
        edges: How many edges.
        has_adjuster: Whether one variable must be adjusted for.
    """

    nodes: int
    edges: int
    has_adjuster: bool


@dataclass(frozen=True)
class Roles:
    """The places of treatment, outcome, mediator (or the variable held) and adjuster; -1 where there is none."""

    treatment: int
    outcome: int
    mediator: int = -1
    adjuster: int = -1

    @property
    def places(self) -> tuple[int, int, int, int]:
        """Outcome, treatment, mediator, adjuster: the order of the bits of a joint distribution's cells."""
        return (self.outcome, self.treatment, self.mediator, self.adjuster)


@dataclass(frozen=True)
class System:
    """A graph with its roles; `order` is an order of time."""

    parents: Parents
    order: tuple[int, ...]
    roles: Roles

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Each edge as its cause and its effect."""
        count = len(self.parents)
        return tuple(
            (cause, node) for node in range(count) for cause in range(count) if self.parents[node] >> cause & 1
        )


def drawn_system(random: Random, kind: Kind, size: Size, *, has_effect: bool) -> System | None:
    """Draw a graph in which the question has an effect that the numbers determine, or has none.

    All graphs of one size have as many variables and edges, whether there is an effect or not, so that the length of a
    text tells nothing.
    """
    for _ in range(_TRIES):
        shape = random.choice(_fitting(kind, size, has_effect))
        parents, order = _drawn_graph(random, size, shape)
        has_mediator = kind in _HAS_MEDIATOR
        adjuster = 2 + has_mediator if size.has_adjuster else -1
        roles = Roles(0, 1, 2 if has_mediator else -1, adjuster)
        if works(kind, parents, roles) != has_effect:
            continue
        system = System(parents, order, roles)
        if not has_effect or (is_determined(kind, parents, roles) and _needs_adjuster(kind, parents, roles)):
            return system
    return None


def _needs_adjuster(kind: Kind, parents: Parents, roles: Roles) -> bool:
    return roles.adjuster < 0 or not is_determined(kind, parents, Roles(roles.treatment, roles.outcome, roles.mediator))


@cache
def _fitting(kind: Kind, size: Size, has_effect: bool) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The shapes that fit into the size, as edges between numbers."""
    names = "XYM" if kind in _HAS_MEDIATOR else "XY"
    names += "Z" if size.has_adjuster else ""
    found: list[tuple[tuple[int, int], ...]] = []
    for shape in _SHAPES[kind][0 if has_effect else 1]:
        edges = [*shape.split(), *(_JOINED.get(kind, "ZX ZY").split() if size.has_adjuster else ())]
        places = {name: place for place, name in enumerate(names)}
        for edge in edges:
            for name in edge:
                places.setdefault(name, len(places))
        unused = size.nodes - len(places)
        if unused >= 0 and len(edges) + unused <= size.edges:
            found.append(tuple((places[edge[0]], places[edge[1]]) for edge in edges))
    return tuple(found)


def _drawn_graph(random: Random, size: Size, shape: Sequence[tuple[int, int]]) -> tuple[Parents, tuple[int, ...]]:
    parents = [0] * size.nodes
    touched = 0
    for cause, effect in shape:
        parents[effect] |= 1 << cause
        touched |= 1 << cause | 1 << effect
    order = _drawn_order(random, parents)
    place = {node: number for number, node in enumerate(order)}
    count = len(shape)
    for node in range(size.nodes):
        if not touched >> node & 1:
            other = (node + random.randrange(1, size.nodes)) % size.nodes
            first, last = (node, other) if place[node] < place[other] else (other, node)
            parents[last] |= 1 << first
            touched |= 1 << node | 1 << other
            count += 1
    free = [
        (first, last)
        for number, first in enumerate(order)
        for last in order[number + 1 :]
        if not parents[last] >> first & 1
    ]
    for first, last in sampled(random, free, size.edges - count):
        parents[last] |= 1 << first
    return tuple(parents), order


def _drawn_order(random: Random, parents: Sequence[int]) -> tuple[int, ...]:
    """An order in which the causes of each variable come before it."""
    waiting = list(range(len(parents)))
    random.shuffle(waiting)
    order: list[int] = []
    placed = 0
    while waiting:
        node = next(node for node in waiting if not parents[node] & ~placed)
        waiting.remove(node)
        order.append(node)
        placed |= 1 << node
    return tuple(order)


def ancestors(parents: Sequence[int], targets: int) -> int:
    """The targets and all their ancestors."""
    found, waiting = targets, targets
    while waiting:
        bit = waiting & -waiting
        new = parents[bit.bit_length() - 1] & ~found
        found |= new
        waiting = (waiting ^ bit) | new
    return found


def works(kind: Kind, parents: Parents, roles: Roles) -> bool:
    """Whether the graph has a path of the kind of effect that is asked for, from the treatment to the outcome."""
    treatment, outcome = 1 << roles.treatment, 1 << roles.outcome
    if kind == "see":
        return True
    if kind == "nde":
        return bool(parents[roles.outcome] & treatment)
    if kind == "nie":
        indirect = [held & ~treatment if node == roles.outcome else held for node, held in enumerate(parents)]
        return bool(ancestors(indirect, outcome) & treatment)
    if kind == "cde":
        cut = tuple(0 if node == roles.mediator else held for node, held in enumerate(parents))
        return bool(ancestors(cut, outcome) & treatment)
    return bool(ancestors(parents, outcome) & treatment)


def is_determined(kind: Kind, parents: Parents, roles: Roles) -> bool:
    """Whether the formula of the kind of effect, over its adjuster, gives the effect in every model of the graph.

    Source: adjustment criterion of Shpitser, VanderWeele and Robins, UAI 2010; mediation formula of Pearl, UAI 2001.
    """
    given = 1 << roles.adjuster if roles.adjuster >= 0 else 0
    treatment = 1 << roles.treatment
    if kind == "see":
        return True
    if kind == "cde":
        return adjusts(parents, treatment | 1 << roles.mediator, roles.outcome, given)
    if roles.adjuster >= 0 and ancestors(parents, given) & treatment:
        return False
    if kind not in {"nde", "nie"}:
        return adjusts(parents, treatment, roles.outcome, given)
    mediator = 1 << roles.mediator
    others = tuple(
        0 if node == roles.mediator else held & ~treatment if node == roles.outcome else held
        for node, held in enumerate(parents)
    )
    if ancestors(others, 1 << roles.outcome) & treatment:
        return False  # some of the effect goes past the mediator
    joint = adjusts(parents, treatment | mediator, roles.outcome, given)
    return joint and adjusts(parents, treatment, roles.mediator, given)


def adjusts(parents: Parents, treatments: int, outcome: int, given: int) -> bool:
    """Whether adjusting for `given` gives the joint effect of the treatments on the outcome."""
    cut = tuple(0 if treatments >> node & 1 else held for node, held in enumerate(parents))
    inner = ancestors([held & ~treatments for held in parents], 1 << outcome) & ~treatments
    causal = 0  # on a path from a treatment to the outcome that no other treatment lies on
    for node in range(len(parents)):
        if inner >> node & 1 and _reached(cut, parents, treatments, node):
            causal |= 1 << node
    for node in range(len(parents)):
        if given >> node & 1 and ancestors(parents, 1 << node) & causal:
            return False
    back = [held & ~treatments if causal >> node & 1 else held for node, held in enumerate(parents)]
    return _is_separated(back, treatments, 1 << outcome, given)


def _reached(cut: Parents, parents: Parents, treatments: int, node: int) -> bool:
    """Whether a treatment causes the node by a path whose inner nodes are no treatments."""
    sources = ancestors([held & ~treatments for held in cut], 1 << node) & ~treatments
    return any(sources >> other & 1 and parents[other] & treatments for other in range(len(parents)))


def _is_separated(parents: Sequence[int], first: int, second: int, given: int) -> bool:
    """d-separation, by the moral graph of the ancestors."""
    kept = ancestors(parents, first | second | given)
    near = [0] * len(parents)
    for node, held in enumerate(parents):
        if kept >> node & 1:
            family = held | 1 << node
            for member in range(len(parents)):
                if family >> member & 1:
                    near[member] |= family
    found = waiting = first & ~given
    while waiting:
        bit = waiting & -waiting
        new = near[bit.bit_length() - 1] & ~found & ~given
        found |= new
        waiting = (waiting ^ bit) | new
    return not found & second
