"""Which open edges of a graph do its arrows, and what else is known, decide?

R1  c -> a -- b                    c and b apart                     gives a -> b: no new collider at a
R2  a -> c -> b, a -- b                                              gives a -> b: no cycle
R3  a -- c -> b, a -- d -> b       c and d apart, a -- b             gives a -> b
R4  a -- d -> c -> b, a -- c       d and b apart, a -- b             gives a -> b: only with further knowledge
"""

from collections.abc import Iterable
from itertools import combinations

from aetia.errors import GraphError
from aetia.scm.graphs.graph import Edge, Graph, Mark, written

__all__ = ["PartialOrder", "meek_closed", "require_partly_directed"]


def meek_closed(
    graph: Graph, *, required: Iterable[tuple[str, str]] = (), forbidden: Iterable[tuple[str, str]] = ()
) -> Graph:
    """The graph with every edge oriented that has one orientation in all DAGs of its class.

    Those are the DAGs with the same neighbours and colliders that have all arrows of the graph, all required arrows and
    none that is forbidden.

    Args:
        graph: A CPDAG, or any graph of arrows and undirected edges whose unshielded colliders are all oriented.
        required: Pairs (cause, effect) that are joined by such an arrow.
        forbidden: Pairs (cause, effect) that are not; they need not be joined.

    Raises:
        GraphError: AE-7104 an unknown name; AE-7114 other edges; AE-7116 no DAG of the class is like that.
    Source: Meek, Causal inference and causal explanation with background knowledge, UAI 1995.
    """
    require_partly_directed(graph)
    order = PartialOrder(graph)
    for cause, effect in required:
        graph.known([cause, effect])
        order.demand(cause, effect)
    for cause, effect in forbidden:
        if effect in graph.adjacent[min(graph.known([cause]))] and graph.known([effect]):
            order.demand(effect, cause)
    order.close()
    return order.graph()


def require_partly_directed(graph: Graph) -> Graph:
    """This graph, once it is sure that its edges are arrows and undirected ones, one for each pair.

    Raises:
        GraphError: AE-7114 there are other edges, or two for one pair.
    """
    strange = [edge for edge in graph.edges if edge.at_first is not Mark.TAIL or edge.at_second is Mark.CIRCLE]
    if strange:
        mend = "give a graph of -> and --; hidden causes are the business of `pag_of`."
        raise GraphError("AE-7114", f"The edge {min(strange)} is neither -> nor --.", mend=mend)
    if sum(map(len, graph.adjacent.values())) < 2 * len(graph.edges):
        pairs = [tuple(sorted((edge.first, edge.second))) for edge in sorted(graph.edges)]
        twice = next(pair for pair in pairs if pairs.count(pair) > 1)
        found = f"Two edges join {written(twice[0])} and {written(twice[1])}."
        raise GraphError("AE-7114", found, mend="keep one of them.")
    return graph


class PartialOrder:
    """Arrows and open edges between variables, while open edges become arrows."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.parents = {name: set(graph.parents[name]) for name in graph.nodes}
        self.children = {name: set(graph.children[name]) for name in graph.nodes}
        self.open = {
            name: set(graph.adjacent[name] - graph.parents[name] - graph.children[name]) for name in graph.nodes
        }
        self._touched = dict.fromkeys(graph.nodes)

    def demand(self, cause: str, effect: str) -> None:
        """Makes the edge an arrow because somebody knows it.

        Raises:
            GraphError: AE-7116 the two are not joined, the other way round, or the arrow makes a new collider.
        """
        if effect in self.open[cause]:
            self._orient(cause, effect)
        elif effect not in self.children[cause]:
            is_reversed = effect in self.parents[cause]
            raise _contradiction(
                cause, effect, "the arrow is the other way round" if is_reversed else "no edge is there"
            )

    def _orient(self, cause: str, effect: str) -> None:
        if self.parents[effect] - self._graph.adjacent[cause]:
            raise _contradiction(cause, effect, "it makes a collider that the graph does not have")
        self.open[cause].discard(effect)
        self.open[effect].discard(cause)
        self.children[cause].add(effect)
        self.parents[effect].add(cause)
        # Every edge that a rule can decide because of this arrow ends at one of these.
        self._touched |= dict.fromkeys([cause, effect, *sorted(self.open[cause])])

    def close(self) -> None:
        """Orients whatever the rules decide.

        Raises:
            GraphError: AE-7116 the arrows contradict each other.
        """
        while self._touched:
            name = next(iter(self._touched))
            del self._touched[name]
            for other in sorted(self.open[name]):
                if self._is_decided(name, other):
                    self._orient(name, other)
                elif self._is_decided(other, name):
                    self._orient(other, name)
        made = self.graph()
        try:
            assert made.order is not None
        except GraphError as error:
            found = f"What is known makes a cycle; {error.found[0].lower()}{error.found[1:]}"
            raise GraphError("AE-7116", found, mend=_CHECK) from error

    def _is_decided(self, first: str, second: str) -> bool:
        """Whether one of the rules says `first -> second`; the module's head shows them."""
        adjacent = self._graph.adjacent
        if self.parents[first] - adjacent[second] - {second}:
            return True  # R1
        if not self.children[first].isdisjoint(self.parents[second]):
            return True  # R2
        between = self.open[first] & self.parents[second]
        if any(other not in adjacent[one] for one, other in combinations(between, 2)):
            return True  # R3
        near = adjacent[first] & self.parents[second]
        return any(self.parents[joint] & self.open[first] - adjacent[second] for joint in near)  # R4

    def graph(self) -> Graph:
        """The graph as it stands."""
        arrows = {Edge(cause, effect) for cause, effects in self.children.items() for effect in effects}
        lines = {Edge(one, other, Mark.TAIL, Mark.TAIL) for one, others in self.open.items() for other in others}
        return Graph(self._graph.nodes, frozenset(arrows | lines), self._graph.latent)


_CHECK = "check what is known against the graph."


def _contradiction(cause: str, effect: str, reason: str) -> GraphError:
    found = f"The arrow {written(cause)} -> {written(effect)} does not go with the graph: {reason}."
    return GraphError("AE-7116", found, mend=_CHECK)
