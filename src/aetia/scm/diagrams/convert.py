"""Which string diagram is a causal graph, and back?

A box a variable: it reads the variable's parents and makes its wire, which is copied to all its children and, if the
variable is observed, to an output. A hidden variable is one whose wire does not come out.
"""

from aetia.errors import DiagramError
from aetia.scm.diagrams.category import Box, Diagram, Step
from aetia.scm.diagrams.semantics import Interpretation
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.projection import canonical_dag
from aetia.scm.models.discrete import DiscreteModel

__all__ = ["diagram_of", "graph_of", "interpretation_of"]


def diagram_of(source: Graph | DiscreteModel) -> Diagram:
    """Return the diagram whose outputs are the observed variables, in their order.

    Args:
        source: A DAG or ADMG, of which a bidirected edge becomes a hidden common cause; or a model, whose boxes then
            read their parents in the order of the mechanisms' tables.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7105 an edge is neither directed nor bidirected.
    """
    graph = source.graph if isinstance(source, DiscreteModel) else canonical_dag(source)
    rank = {name: place for place, name in enumerate(graph.nodes)}
    parents = {name: tuple(sorted(graph.parents[name], key=rank.__getitem__)) for name in graph.nodes}
    if isinstance(source, DiscreteModel):
        parents = {name: source.mechanisms[name].parents for name in graph.nodes}
    wire = {name: place for place, name in enumerate(graph.order)}
    steps = [
        Step(Box(name, parents[name], (name,)), tuple(wire[parent] for parent in parents[name])) for name in graph.order
    ]
    return Diagram((), tuple(steps), tuple(wire[name] for name in graph.observed))


def graph_of(diagram: Diagram) -> Graph:
    """Return the DAG of a diagram that has a box a variable; a variable that is no output is latent.

    Raises:
        DiagramError: AE-7507 the diagram has inputs, a box with several outputs, a variable with two boxes, or an
            output twice.
    """
    made = [name for step in diagram.steps for name in step.box.outputs]
    reason = (
        "has inputs"
        if diagram.domain
        else "has a box that does not make exactly one wire"
        if any(len(step.box.outputs) != 1 for step in diagram.steps)
        else "makes a variable twice"
        if len(set(made)) < len(made)
        else "ends in a variable twice"
        if len(set(diagram.outputs)) < len(diagram.outputs)
        else ""
    )
    if reason:
        found = f"The diagram {reason}, so it is no causal graph."
        raise DiagramError("AE-7507", found, mend="use one without inputs, with one box a variable.")
    pairs = [(made[wire], step.box.outputs[0]) for step in diagram.steps for wire in step.inputs]
    return Graph.of(pairs, nodes=made, latent=set(made) - set(diagram.codomain))


def interpretation_of(model: DiscreteModel) -> Interpretation:
    """Return what the boxes of `diagram_of(model)` mean."""
    sizes = {name: len(values) for name, values in model.values.items()}
    tables = {Box(name, one.parents, (name,)): one.table for name, one in model.mechanisms.items()}
    return Interpretation(sizes, tables)
