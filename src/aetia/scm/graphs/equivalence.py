"""Which graphs imply the same independences, and what have all of them in common?

Observation alone cannot tell them apart. The class of a DAG is drawn as its CPDAG, that of a graph with hidden
variables as its PAG (`aetia.scm.graphs.pag`).
"""

from collections.abc import Iterator
from itertools import combinations

from aetia.errors import GraphError
from aetia.scm.graphs.ancestral import mag_of
from aetia.scm.graphs.graph import Edge, Graph, Mark
from aetia.scm.graphs.meek import PartialOrder, require_partly_directed
from aetia.scm.graphs.pag import pag_of

__all__ = ["are_equivalent", "consistent_extension", "cpdag_of", "dags_of"]


def cpdag_of(dag: Graph) -> Graph:
    """The graph of the class of the DAG: an arrow where all its members have it, `--` where they differ.

    Hidden variables are variables like others here; with them, the class of what is observed is `pag_of`.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7113 the graph is no DAG.
    Source: Verma and Pearl 1990; Andersson, Madigan and Perlman 1997; Meek 1995.
    """
    require_dag(dag)
    arrows = {
        Edge(cause, effect)
        for effect, causes in dag.parents.items()
        for pair in combinations(causes, 2)
        if pair[1] not in dag.adjacent[pair[0]]
        for cause in pair
    }
    lines = {Edge(edge.first, edge.second, Mark.TAIL, Mark.TAIL) for edge in dag.edges - arrows}
    order = PartialOrder(Graph(dag.nodes, frozenset(arrows | lines), dag.latent))
    order.close()
    return order.graph()


def require_dag(graph: Graph) -> Graph:
    """This graph, once it is sure that it is a DAG.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7113 an edge is no arrow.
    """
    strange = [edge for edge in graph.edges if not edge.is_directed]
    if strange:
        mend = "orient it, or turn <-> into hidden causes with `canonical_dag`."
        raise GraphError("AE-7113", f"The edge {min(strange)} is no arrow, so this is no DAG.", mend=mend)
    assert graph.order is not None
    return graph


def dags_of(graph: Graph) -> Iterator[Graph]:
    """All DAGs with the graph's arrows, neighbours and unshielded colliders: for a CPDAG its whole class.

    They come one by one, and there may be exponentially many.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7114 an edge is neither -> nor --.
    """
    require_partly_directed(graph)
    assert graph.order is not None
    waiting = [(graph, list[tuple[str, str]]())]
    while waiting:
        start, arrows = waiting.pop()
        order = PartialOrder(start)
        try:
            for arrow in arrows:
                order.demand(*arrow)
            order.close()
        except GraphError:
            continue  # no member is like that; never so below a graph that the rules have closed
        closed = order.graph()
        line = min((edge for edge in closed.edges if not edge.is_directed), default=None)
        if line is None:
            yield closed
        else:
            waiting.append((closed, [(line.second, line.first)]))
            waiting.append((closed, [(line.first, line.second)]))


def consistent_extension(graph: Graph) -> Graph:
    """A DAG with the graph's arrows, neighbours and unshielded colliders.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7114 an edge is neither -> nor --; AE-7115 there is no such DAG.
    """
    found = next(dags_of(graph), None)
    if found is None:
        mend = "remove or orient an edge; a CPDAG always has one."
        raise GraphError("AE-7115", "No DAG has these neighbours, arrows and colliders.", mend=mend)
    return found


def are_equivalent(first: Graph, second: Graph) -> bool:
    """Whether the two ADMGs imply the same independences among their observed variables, which are the same.

    Raises:
        GraphError: AE-7103, AE-7105 one is no ADMG.
    Source: Verma and Pearl 1990 (DAGs); Zhang 2008 (equivalent MAGs have one PAG).
    What it does not show: graphs with hidden variables may differ in other constraints, such as Verma's.
    """
    if set(first.observed) != set(second.observed):
        return False
    if first.is_dag and second.is_dag and not (first.latent or second.latent):
        return cpdag_of(first).edges == cpdag_of(second).edges
    return pag_of(mag_of(first)).edges == pag_of(mag_of(second)).edges
