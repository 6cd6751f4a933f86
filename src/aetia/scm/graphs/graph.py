"""Which variable acts on which, which share a hidden cause, and what is left of that under an intervention?

One type holds all graphs that causal reasoning uses; a graph is told apart by the marks at the ends of its edges:

    X -> Y     X causes Y                        DAG
    X <-> Y    a hidden common cause             with the above: ADMG
    X -- Y     caused one way or the other       with ->: CPDAG
    X o-> Y    a circle is a mark not known      PAG
"""

import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from aetia.errors import GraphError

__all__ = ["PLAIN_NAME", "Edge", "Graph", "Mark", "written"]

PLAIN_NAME = re.compile(r"\w[\w.']*(?:\[t(?:[-+]\d+)?\])?")
"""A name that needs no quotes: letters, digits, `_`, `.` and primes, perhaps with its time (`X[t-1]`)."""


def written(name: str) -> str:
    """A variable's name as it stands in a graph's text: in quotes where it would not be read as one name."""
    if PLAIN_NAME.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Mark(StrEnum):
    """What stands at one end of an edge."""

    TAIL = "-"
    ARROW = ">"
    CIRCLE = "o"


@dataclass(frozen=True, order=True)
class Edge:
    """An edge between two variables, with the mark at either end.

    An edge and its mirror image are one: the end that comes first is the tail of a directed edge, and otherwise the
    name that sorts first.

    Args:
        first: One end.
        second: The other end.
        at_first: The mark at `first`.
        at_second: The mark at `second`.
    """

    first: str
    second: str
    at_first: Mark = Mark.TAIL
    at_second: Mark = Mark.ARROW

    def __post_init__(self) -> None:
        rank = {Mark.TAIL: 0, Mark.CIRCLE: 1, Mark.ARROW: 2}
        if (rank[self.at_first], self.first) > (rank[self.at_second], self.second):
            ends = self.second, self.first, self.at_second, self.at_first
            for name, value in zip(("first", "second", "at_first", "at_second"), ends, strict=True):
                object.__setattr__(self, name, value)

    @property
    def is_directed(self) -> bool:
        """Whether it is `first -> second`."""
        return self.at_first is Mark.TAIL and self.at_second is Mark.ARROW

    @property
    def is_bidirected(self) -> bool:
        """Whether it is `first <-> second`."""
        return self.at_first is Mark.ARROW and self.at_second is Mark.ARROW

    def __str__(self) -> str:
        first, second = written(self.first), written(self.second)
        if self.at_second is Mark.TAIL:
            return f"{first} -- {second}"
        left = {Mark.TAIL: "", Mark.ARROW: "<", Mark.CIRCLE: "o"}[self.at_first]
        return f"{first} {left}-{self.at_second} {second}"

    def mark(self, name: str) -> Mark:
        """The mark at that end; `name` is one of the two."""
        return self.at_first if name == self.first else self.at_second

    def other(self, name: str) -> str:
        """The end that is not `name`."""
        return self.second if name == self.first else self.first


@dataclass(frozen=True)
class Graph:
    """Variables and the edges between them; immutable, so that every change is a new graph.

    Args:
        nodes: The variables' names, in the order in which they are shown.
        edges: The edges; both a directed and a bidirected one may join the same two variables.
        latent: The variables that nobody observes. `aetia.scm.graphs.projection` turns them into bidirected edges.

    Raises:
        GraphError: AE-7101 a name stands twice; AE-7102 an edge ends at an unknown variable or at its own start.
    """

    nodes: tuple[str, ...]
    edges: frozenset[Edge] = field(default_factory=frozenset)
    latent: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        known = set(self.nodes)
        if len(known) != len(self.nodes):
            twice = next(name for name in self.nodes if self.nodes.count(name) > 1)
            raise GraphError("AE-7101", f"The variable {twice} stands twice.", mend="name every variable once.")
        for edge in self.edges:
            unknown = {edge.first, edge.second} - known
            if unknown or edge.first == edge.second:
                found = f"The edge {edge} ends " + (
                    f"at {min(unknown)}, which is unknown." if unknown else "at its start."
                )
                raise GraphError("AE-7102", found, mend="join two different variables of the graph.")
        if self.latent - known:
            found = f"The hidden variable {min(self.latent - known)} is not in the graph."
            raise GraphError("AE-7102", found, mend="name it among the variables.")

    @classmethod
    def of(
        cls,
        directed: Iterable[tuple[str, str]] = (),
        bidirected: Iterable[tuple[str, str]] = (),
        *,
        nodes: Iterable[str] = (),
        latent: Iterable[str] = (),
    ) -> "Graph":
        """A DAG or ADMG from pairs; variables stand in the order of `nodes`, then in that of their first edge."""
        arrows, arcs = list(directed), list(bidirected)
        order = dict.fromkeys([*nodes, *(name for pair in [*arrows, *arcs] for name in pair)])
        edges = [Edge(*pair) for pair in arrows] + [Edge(*pair, Mark.ARROW, Mark.ARROW) for pair in arcs]
        return cls(tuple(order), frozenset(edges), frozenset(latent))

    @cached_property
    def _arrows(self) -> list[tuple[str, str]]:
        return [(edge.first, edge.second) for edge in self.edges if edge.is_directed]

    @cached_property
    def _arcs(self) -> list[tuple[str, str]]:
        return [(edge.first, edge.second) for edge in self.edges if edge.is_bidirected]

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.nodes)

    @property
    def observed(self) -> tuple[str, ...]:
        """The variables that are not latent, in order."""
        return tuple(name for name in self.nodes if name not in self.latent)

    @cached_property
    def parents(self) -> Mapping[str, frozenset[str]]:
        """Of each variable, those with an arrow into it."""
        return self._ends((effect, cause) for cause, effect in self._arrows)

    @cached_property
    def children(self) -> Mapping[str, frozenset[str]]:
        """Of each variable, those that it has an arrow into."""
        return self._ends(self._arrows)

    @cached_property
    def siblings(self) -> Mapping[str, frozenset[str]]:
        """Of each variable, those joined to it by a bidirected edge (its spouses, to some authors)."""
        return self._ends(pair for first, second in self._arcs for pair in ((first, second), (second, first)))

    @cached_property
    def adjacent(self) -> Mapping[str, frozenset[str]]:
        """Of each variable, those joined to it by any edge."""
        ends = ((edge.first, edge.second) for edge in self.edges)
        return self._ends(pair for first, second in ends for pair in ((first, second), (second, first)))

    def _ends(self, pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {name: set() for name in self.nodes}
        for start, end in pairs:
            found[start].add(end)
        return {name: frozenset(ends) for name, ends in found.items()}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The variables, causes before effects; otherwise in the order of the nodes.

        Raises:
            GraphError: AE-7103 directed edges form a cycle.
        """
        waiting = {name: len(self.parents[name]) for name in self.nodes}
        rank = {name: place for place, name in enumerate(self.nodes)}
        ready, found = [rank[name] for name in self.nodes if not waiting[name]], list[str]()
        while ready:  # sorted ranks are a heap already
            name = self.nodes[heapq.heappop(ready)]
            found.append(name)
            for child in self.children[name]:
                waiting[child] -= 1
                if not waiting[child]:
                    heapq.heappush(ready, rank[child])
        if len(found) < len(self.nodes):
            cycle = self._cycle(set(self.nodes) - set(found))
            mend = "remove one of its edges, or unroll the cycle over time."
            raise GraphError("AE-7103", f"The graph has a cycle: {' -> '.join(cycle)}.", mend=mend)
        return tuple(found)

    def _cycle(self, among: set[str]) -> list[str]:
        """A directed cycle; every one of these variables has a parent among them."""
        path = [min(among)]
        while True:
            cause = min(self.parents[path[-1]] & among)
            if cause in path:
                return [cause, *reversed(path[path.index(cause) :])]
            path.append(cause)

    def ancestors(self, names: Iterable[str]) -> frozenset[str]:
        """These variables and all that act on them, directly or not.

        Raises:
            GraphError: AE-7104 a name is not in the graph.
        """
        return self._closure(names, self.parents)

    def descendants(self, names: Iterable[str]) -> frozenset[str]:
        """These variables and all that they act on, directly or not.

        Raises:
            GraphError: AE-7104 a name is not in the graph.
        """
        return self._closure(names, self.children)

    def _closure(self, names: Iterable[str], step: Mapping[str, frozenset[str]]) -> frozenset[str]:
        fresh = self.known(names)
        found = set(fresh)
        while fresh:
            fresh = frozenset().union(*map(step.__getitem__, fresh)) - found
            found |= fresh
        return frozenset(found)

    def known(self, names: Iterable[str]) -> frozenset[str]:
        """These names, once it is sure that all are in the graph.

        Raises:
            GraphError: AE-7104 a name is not in the graph.
        """
        wanted = frozenset([names] if isinstance(names, str) else names)
        unknown = wanted - self._names
        if unknown:
            found = f"There is no variable {min(unknown)} in the graph."
            shown = ", ".join(self.nodes[:20]) + (", ..." if len(self.nodes) > 20 else "")
            raise GraphError("AE-7104", found, mend=f"use one of {shown}." if shown else "give the graph variables.")
        return wanted

    def subgraph(self, names: Iterable[str]) -> "Graph":
        """These variables and the edges between them."""
        kept = self.known(names)
        edges = frozenset(edge for edge in self.edges if edge.first in kept and edge.second in kept)
        return Graph(tuple(name for name in self.nodes if name in kept), edges, self.latent & kept)

    def without_incoming(self, names: Iterable[str]) -> "Graph":
        """The graph under an intervention on these variables: no arrow ends at them (Pearl's G with X overlined)."""
        cut = self.known(names)
        return self._kept(
            edge
            for edge in self.edges
            if not (
                (edge.at_first is Mark.ARROW and edge.first in cut)
                or (edge.at_second is Mark.ARROW and edge.second in cut)
            )
        )

    def without_outgoing(self, names: Iterable[str]) -> "Graph":
        """The graph without arrows out of these variables (Pearl's G with X underlined)."""
        cut = self.known(names)
        return self._kept(edge for edge in self.edges if not (edge.is_directed and edge.first in cut))

    def _kept(self, edges: Iterable[Edge]) -> "Graph":
        return Graph(self.nodes, frozenset(edges), self.latent)

    @cached_property
    def c_components(self) -> tuple[frozenset[str], ...]:
        """The sets of variables that bidirected paths join (Tian's confounded components), in order of the nodes."""
        found, seen = list[frozenset[str]](), set[str]()
        for name in self.nodes:
            if name not in seen:
                component = self._closure([name], self.siblings)
                found.append(component)
                seen |= component
        return tuple(found)

    @property
    def is_dag(self) -> bool:
        """Whether all edges are directed and form no cycle."""
        return all(edge.is_directed for edge in self.edges) and self._is_acyclic

    @property
    def has_arcs(self) -> bool:
        """Whether any edge is bidirected."""
        return bool(self._arcs)

    @cached_property
    def is_oriented(self) -> bool:
        """Whether all edges are directed or bidirected."""
        return len(self._arrows) + len(self._arcs) == len(self.edges)

    @property
    def is_admg(self) -> bool:
        """Whether all edges are directed or bidirected, and the directed ones form no cycle."""
        return self.is_oriented and self._is_acyclic

    @property
    def _is_acyclic(self) -> bool:
        try:
            return len(self.order) == len(self.nodes)
        except GraphError:
            return False

    def require_admg(self) -> "Graph":
        """This graph, once it is sure that it is an ADMG.

        Raises:
            GraphError: AE-7103 there is a cycle; AE-7105 an edge is neither directed nor bidirected.
        """
        if not self.is_oriented:
            strange = min(edge for edge in self.edges if not (edge.is_directed or edge.is_bidirected))
            found = f"The edge {strange} leaves open which variable is the cause."
            raise GraphError("AE-7105", found, mend="orient it as -> or <->, or ask for each graph of the class.")
        assert self.order is not None
        return self

    def __str__(self) -> str:
        rank = {name: place for place, name in enumerate(self.nodes)}
        edges = sorted(self.edges, key=lambda edge: (rank[edge.first], rank[edge.second], edge))
        joined = list(dict.fromkeys(name for edge in edges for name in (edge.first, edge.second)))
        met = set(joined)
        lone = [name for name in self.nodes if name not in met]
        # Variables stand in the order in which they are read; where the edges alone would change it, all go first.
        if (*joined, *lone) != self.nodes:
            return "; ".join([*map(self._declared, self.nodes), *map(str, edges)])
        hidden = [name for name in joined if name in self.latent]
        return "; ".join([*map(str, edges), *map(self._declared, [*lone, *hidden])])

    def _declared(self, name: str) -> str:
        return written(name) + (" [latent]" if name in self.latent else "")
