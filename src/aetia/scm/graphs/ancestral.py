"""What does a graph with hidden and selected variables look like to somebody who sees only the rest?

A maximal ancestral graph (MAG) has one edge for each pair that nothing observed separates, and its marks say who is a
cause of whom: a tail at X on an edge to Y says that X acts on Y or on the selection, an arrow that it does not.
"""

from collections.abc import Iterable
from itertools import combinations

from aetia.errors import GraphError
from aetia.scm.graphs.graph import Edge, Graph, Mark, written
from aetia.scm.graphs.projection import projected
from aetia.scm.graphs.separation import separated

__all__ = ["mag_of", "require_mag"]


def mag_of(graph: Graph, selected: Iterable[str] = ()) -> Graph:
    """The MAG over the observed variables that has the independences of the graph given the selection.

    Args:
        graph: A DAG or ADMG; its hidden variables are marginalised.
        selected: The observed variables that decide which units are seen; they are conditioned on.

    Raises:
        GraphError: AE-7103, AE-7105 the graph is no ADMG; AE-7104 an unknown name.
    Source: Richardson and Spirtes, Ancestral graph Markov models, Annals of Statistics 30, 2002.
    """
    seen = projected(graph)
    chosen = seen.known(selected)
    nodes = tuple(name for name in seen.nodes if name not in chosen)
    acting = {name: seen.ancestors({name} | chosen) for name in nodes}
    edges = set[Edge]()
    for first, second in combinations(nodes, 2):
        # If any set separates the two, then the variables that act on them or on the selection do.
        given = (acting[first] | acting[second]) - {first, second}
        if second in seen.adjacent[first] or not separated(seen, [first], [second], given):
            at_first = Mark.TAIL if first in acting[second] else Mark.ARROW
            edges.add(Edge(first, second, at_first, Mark.TAIL if second in acting[first] else Mark.ARROW))
    return Graph(nodes, frozenset(edges))


def require_mag(graph: Graph) -> Graph:
    """This graph, once it is sure that it is a maximal ancestral graph.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7117 the graph is not ancestral, not maximal, or has circles.
    Source: Richardson and Spirtes 2002, definition 2.1 and theorem 5.1.
    """
    assert graph.order is not None
    if sum(map(len, graph.adjacent.values())) < 2 * len(graph.edges):
        raise _no_mag("two edges join the same variables")
    for edge in sorted(graph.edges):
        if Mark.CIRCLE in (edge.at_first, edge.at_second):
            raise _no_mag(f"{edge} has a circle")
        if edge.is_bidirected and (
            edge.first in graph.ancestors([edge.second]) or edge.second in graph.ancestors([edge.first])
        ):
            raise _no_mag(f"{edge} says that neither is a cause of the other, and a directed path says it is")
    arrows = {edge.second for edge in graph.edges if edge.at_second is Mark.ARROW}
    arrows |= {edge.first for edge in graph.edges if edge.at_first is Mark.ARROW}
    for edge in sorted(graph.edges):
        if edge.at_second is Mark.TAIL and not arrows.isdisjoint((edge.first, edge.second)):
            raise _no_mag(f"an arrow meets the undirected edge {edge}")
    for first, second in combinations(graph.nodes, 2):
        if second not in graph.adjacent[first]:
            given = _anterior(graph, [first, second]) - {first, second}
            if not separated(graph, [first], [second], given):
                raise _no_mag(f"nothing separates {written(first)} and {written(second)}, and no edge joins them")
    return graph


def _no_mag(reason: str) -> GraphError:
    mend = "build it with `mag_of` from a DAG or ADMG."
    return GraphError("AE-7117", f"The graph is no maximal ancestral graph: {reason}.", mend=mend)


def _anterior(graph: Graph, names: Iterable[str]) -> frozenset[str]:
    """These variables and all from which a path of undirected edges, then arrows, leads to them."""
    found = set(graph.ancestors(names))
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        fresh = (graph.adjacent[name] - graph.children[name] - graph.siblings[name]) - found
        found |= fresh
        waiting.extend(fresh)
    return frozenset(found)
