"""What is left of a graph once its hidden variables are gone, and which hidden variables can stand for its arcs?"""

from itertools import combinations

from aetia.scm.graphs.graph import Edge, Graph, Mark

__all__ = ["canonical_dag", "projected"]


def projected(graph: Graph) -> Graph:
    """The ADMG over the observed variables that has the same ancestors and the same m-separations among them.

    X -> Y where a directed path through hidden variables alone leads from X to Y; X <-> Y where a path through hidden
    variables alone, none of them a collider, ends with an arrow at both. A graph without hidden variables is its own.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7105 the graph is no ADMG.
    Source: Verma and Pearl 1990; Richardson, Evans, Robins and Shpitser 2023 (arXiv 1701.06686), definition 1.
    """
    graph.require_admg()
    if not graph.latent:
        return graph
    # Of each hidden variable, the observed ones that it reaches through hidden ones.
    reached = dict[str, frozenset[str]]()
    for name in reversed(graph.order):
        if name in graph.latent:
            reached[name] = _reached(graph, name, reached)
    edges = set[Edge]()
    for name in graph.observed:
        edges |= {Edge(name, effect) for effect in _reached(graph, name, reached)}
    for effects in reached.values():
        edges |= {Edge(*pair, Mark.ARROW, Mark.ARROW) for pair in combinations(effects, 2)}
    for edge in graph.edges:
        if edge.is_bidirected:
            ends = [reached.get(name, frozenset([name])) for name in (edge.first, edge.second)]
            pairs = ((one, other) for one in ends[0] for other in ends[1] if one != other)
            edges |= {Edge(*pair, Mark.ARROW, Mark.ARROW) for pair in pairs}
    return Graph(graph.observed, frozenset(edges))


def _reached(graph: Graph, name: str, reached: dict[str, frozenset[str]]) -> frozenset[str]:
    children = graph.children[name]
    return frozenset().union(children - graph.latent, *(reached[child] for child in children & graph.latent))


def canonical_dag(graph: Graph) -> Graph:
    """The DAG with a hidden cause for each bidirected edge; `projected` gives the ADMG back.

    The hidden cause of X <-> Y is called `U.X.Y`, with primes where that name is taken.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7105 the graph is no ADMG.
    """
    graph.require_admg()
    nodes, taken = list(graph.nodes), set(graph.nodes)
    edges, latent = {edge for edge in graph.edges if edge.is_directed}, set(graph.latent)
    for arc in sorted(graph.edges - edges):
        name = f"U.{arc.first}.{arc.second}"
        while name in taken:
            name += "'"
        taken.add(name)
        nodes.append(name)
        latent.add(name)
        edges |= {Edge(name, arc.first), Edge(name, arc.second)}
    return Graph(tuple(nodes), frozenset(edges), frozenset(latent))
