"""Which variables of several worlds are one and the same, and what do they hear?

The counterfactual graph of an event: a node for each variable and world, merged where the same variable hears the same
values, for then it answers the same. A node is its variable and its token; a token says what is known of its value:

    ("value", 1)       it is 1
    ("open", "X")      it is what the question leaves open as X
    ("summed", 7)      it is whatever node 7 takes

Source: Shpitser and Pearl, What counterfactuals can be tested, UAI 2007 (make-cg); nested counterfactuals are unnested
as in Correa, Lee and Bareinboim, Nested counterfactual identification, NeurIPS 2021.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aetia.errors import QueryError
from aetia.scm.graphs.graph import Edge, Graph, Mark
from aetia.scm.language.query import Assignment, Term, Value

__all__ = ["Node", "Token", "WorldGraph", "merged_worlds"]

World = tuple[Assignment, ...]
Token = tuple[str, Value | int]


@dataclass(frozen=True)
class Node:
    """A variable as it stands in one or several worlds.

    Args:
        number: Which node it is.
        variable: Its variable.
        world: The first world that it stands in.
        heard: Of each parent the token that it hears.
        sources: Of each parent that is not set, the number of its node.
    """

    number: int
    variable: str
    world: World
    heard: tuple[tuple[str, Token], ...]
    sources: tuple[int, ...]


@dataclass
class WorldGraph:
    """The worlds of an event, side by side, with what is one merged.

    Args:
        graph: The ADMG that they are worlds of.
        nodes: The nodes by their numbers, causes first.
        at: Of each variable in a world its node.
        known: Of each node of the event its token.
        is_possible: Whether no node has two values.
    """

    graph: Graph
    nodes: list[Node] = field(default_factory=list)
    at: dict[tuple[str, World], int] = field(default_factory=dict)
    known: dict[int, Token] = field(default_factory=dict)
    is_possible: bool = True

    def token(self, number: int) -> Token:
        """What is known of the node's value."""
        return self.known.get(number, ("summed", number))

    def node_of(self, term: Term) -> Node:
        """The node of a term."""
        return self.nodes[self.at[term.variable, _felt(self.graph, term.variable, term.world)]]

    def needed(self, numbers: Iterable[int]) -> list[Node]:
        """These nodes and all that act on them, causes first."""
        found = set(numbers)
        for node in reversed(self.nodes):
            if node.number in found:
                found.update(node.sources)
        return [node for node in self.nodes if node.number in found]

    def components(self, nodes: Sequence[Node]) -> list[list[Node]]:
        """The nodes in parts that share no hidden cause; versions of one variable share its own."""
        parts = list[list[Node]]()
        for node in nodes:
            near = self.graph.siblings[node.variable] | {node.variable}
            touching = [part for part in parts if any(one.variable in near for one in part)]
            parts = [part for part in parts if part not in touching]
            parts.append([*(one for part in touching for one in part), node])
        return parts

    def as_graph(self, nodes: Sequence[Node]) -> Graph:
        """The nodes as an ADMG whose variables are their numbers."""
        edges = {Edge(str(source), str(node.number)) for node in nodes for source in node.sources}
        for place, node in enumerate(nodes):
            near = self.graph.siblings[node.variable] | {node.variable}
            others = (one for one in nodes[:place] if one.variable in near)
            edges |= {Edge(str(one.number), str(node.number), Mark.ARROW, Mark.ARROW) for one in others}
        return Graph(tuple(str(node.number) for node in nodes), frozenset(edges))


def merged_worlds(graph: Graph, event: Sequence[Term], others: Sequence[Term] = ()) -> WorldGraph:
    """The counterfactual graph of an event.

    Args:
        graph: An ADMG.
        event: Variables in worlds, whose values are known: nodes may be merged because of them.
        others: Further variables in worlds that the graph is to hold.

    Raises:
        QueryError: AE-7365 a variable is left open and has another value too, or is set to what another variable is.
    """
    found = WorldGraph(graph)
    every = {one for term in (*event, *others) for one in _nested(graph, term)}
    worlds = sorted(every, key=lambda one: (len(one[1]), str(one)))
    # Each variable in all its worlds, before what hears it: the values of the event are then known in time.
    for name in graph.order:
        made = dict[tuple[tuple[str, Token], ...], int]()
        for variable, world in worlds:
            if name in graph.ancestors([variable]) and not any(one.variable == name for one in world):
                _place(found, name, world, made)
        for term in event:
            if term.variable == name:
                _settle(found, term)
    return found


def _place(found: WorldGraph, name: str, world: World, made: dict[tuple[tuple[str, Token], ...], int]) -> None:
    felt = _felt(found.graph, name, world)
    if (name, felt) in found.at:
        return
    heard, sources = list[tuple[str, Token]](), list[int]()
    for parent in sorted(found.graph.parents[name]):
        token, source = _heard(found, parent, world)
        heard.append((parent, token))
        sources.extend([] if source is None else [source])
    number = made.setdefault(tuple(heard), len(found.nodes))
    if number == len(found.nodes):
        found.nodes.append(Node(number, name, felt, tuple(heard), tuple(sources)))
    found.at[name, felt] = number


def _heard(found: WorldGraph, parent: str, world: World) -> tuple[Token, int | None]:
    """The token of a variable in a world, and its node if it is not set."""
    for one in world:
        if one.variable == parent:
            if one.value is None:
                return ("open", parent), None
            if not isinstance(one.value, Term):
                return ("value", one.value), None
            if one.value.variable != parent:
                text = f"{parent} is set to what {one.value.variable} is, which is another variable."
                raise QueryError("AE-7365", text, mend=f"set it to {parent} in another world.")
            return _heard(found, parent, one.value.world)
    number = found.at[parent, _felt(found.graph, parent, world)]
    return found.token(number), number


def _settle(found: WorldGraph, term: Term) -> None:
    """What the event says of a variable is known from now on."""
    said: Token = ("open", term.variable) if term.value is None else ("value", term.value)
    token, number = _heard(found, term.variable, term.world)
    if number is not None and number not in found.known:
        found.known[number] = said
    elif token != said:
        if "open" in {token[0], said[0]}:
            text = f"{term.variable} is left open, and has another value too."
            raise QueryError("AE-7365", text, mend=f"name the value: `{term.variable}=...`.")
        found.is_possible = False


def _nested(graph: Graph, term: Term) -> list[tuple[str, World]]:
    """The variables in worlds that a term speaks of, innermost first."""
    found = list[tuple[str, World]]()
    for one in term.world:
        if isinstance(one.value, Term):
            found.extend(_nested(graph, one.value))
    return [*found, (term.variable, term.world)]


def _felt(graph: Graph, name: str, world: World) -> World:
    """The interventions that can reach a variable: on its causes, along a way that none of the others cuts."""
    reached, waiting = {name}, [name]
    cut = {one.variable for one in world} - {name}
    while waiting:
        fresh = graph.parents[waiting.pop()] - reached
        reached |= fresh
        waiting.extend(fresh - cut)
    return tuple(one for one in world if one.variable in reached and one.variable != name)
