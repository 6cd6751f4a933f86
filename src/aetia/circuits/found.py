"""Which circuit do the effects of a study show? The way back from a table to a graph; nothing here needs torch."""

import json
from collections.abc import Mapping, Sequence
from typing import Literal

import pyarrow.compute as pc

from aetia.circuits.graph import Circuit, Graph
from aetia.circuits.study import ATTRIBUTIONS, SEARCHES
from aetia.effects import Effects, passes
from aetia.errors import StudyError

__all__ = ["GRAPH", "LINKS", "METHODS", "METRICS", "between", "circuit_of", "graph_of"]

GRAPH = "graph"
"""The key of an effects table's provenance under which its graph's shape stands, as JSON."""

METRICS = ("faithfulness", "cpr", "cmd", "completeness", "minimality", "cause", "isolate")
"""The rows about a whole circuit, as shares of the network's outcome; none of it is tested against a null."""

LINKS = "links"
"""The rows of edges between the largest nodes, to first order: how they hang together; none of it is tested."""

METHODS = (*sorted(ATTRIBUTIONS), "patching", "cd-t", *sorted(SEARCHES))
"""The methods whose rows are effects of nodes or edges."""


def circuit_of(effects: Effects, keep: int | Literal["passing", "all"] = "passing") -> Circuit:
    """The circuit of the nodes or edges that a study of circuits found.

    Of nodes it is every edge between two of them or from one of them to the logits; an edge then has no score of its
    own. Nothing is pruned: `.pruned()` leaves out what no path leads through.

    Args:
        effects: Of the instrument `circuit`.
        keep: "passing" keeps what passed its test, all of it if nothing was tested; a number keeps that many of
            largest size.

    Raises:
        StudyError: AE-1360 if the table is not of this instrument.
    """
    rows = [row for row in _rows(effects) if row["sender"] is not None]
    graph = graph_of(effects.provenance)
    if isinstance(keep, int):
        rows = sorted(rows, key=lambda row: -abs(_number(row["estimate"])))[:keep]
    elif keep == "passing" and any(row["q"] is not None for row in rows):
        rows = [row for row in rows if row["q"] is not None and bool(passes(_number(row["q"]), _number(row["level"])))]
    if any(row["receiver"] is not None for row in rows):
        scores = {graph.edge_index(str(row["sender"]), str(row["receiver"])): _number(row["estimate"]) for row in rows}
        return Circuit(graph, tuple(sorted(scores)), tuple(scores[edge] for edge in sorted(scores)))
    return between(graph, [str(row["sender"]) for row in rows])


def between(graph: Graph, nodes: Sequence[str]) -> Circuit:
    """All edges from one of the nodes to another, or to the logits."""
    kept = set(nodes)
    reads = [name for name in graph.receivers if name == "logits" or not kept.isdisjoint(graph.feeds(name))]
    edges = []
    for receiver in reads:
        before = graph.senders[: int(graph.reads[graph.receiver_index[receiver]])]
        edges += [(sender, receiver) for sender in before if sender in kept]
    return Circuit.of_edges(graph, edges)


def _rows(effects: Effects) -> list[Mapping[str, object]]:
    table = effects.to_arrow()
    if not {"method", "sender", "receiver"} <= set(table.column_names) or GRAPH not in effects.provenance:
        raise StudyError(
            "AE-1360",
            "The effects are not those of a study of circuits.",
            mend="give the effects of `aetia circuit`, or of aetia.circuit(...).",
        )
    return table.filter(pc.field("method").isin(METHODS)).to_pylist()


def graph_of(provenance: Mapping[str, str]) -> Graph:
    """The graph whose shape the provenance of effects tells.

    Raises:
        StudyError: AE-1360 if it tells none.
    """
    try:
        shape = json.loads(provenance[GRAPH])
        sizes = [int(shape[name]) for name in ("layers", "heads", "key_value_heads")]
        return Graph(*sizes, is_parallel=bool(shape["is_parallel"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(
            "AE-1360", f"The shape of the effects' graph cannot be read: {error!r}.", mend="run the study again."
        ) from error


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
