"""Which edges remain when every edge whose removal does little harm is removed, one after another?

Edges are visited from the output back. The order decides: of two edges that stand in for each other, the one that is
visited first goes and the other stays.

Letters: N items, E edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aetia.circuits.execution import Prepared, circuit_outcomes
from aetia.circuits.graph import Circuit, Graph
from aetia.models.planner import DEFAULT_MEMORY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aetia.models.network import Network

__all__ = ["Search", "acdc"]

_MOST_AHEAD = 64


@dataclass(frozen=True, eq=False)
class Search:
    """What ACDC found.

    Args:
        circuit: The edges that stay, pruned; their scores are the mean harm of removing them.
        harm: What the removal of each edge did when it was visited, item by item, `[N, E]` in the outcome's unit: how
            much farther from the clean run (`kl`), how much less of the outcome (the others). 0 for an edge into a
            part that nothing reads any more; NaN for an edge that was no candidate.
        runs: How many circuits were run, over all items.
    """

    circuit: Circuit
    harm: "NDArray[np.float64]"
    runs: int


def acdc(
    network: "Network",
    items: Sequence[Prepared],
    threshold: float,
    *,
    candidates: "NDArray[np.bool_] | None" = None,
    memory: int = DEFAULT_MEMORY,
) -> Search:
    """Removes each edge in turn, from the output back, if that does less harm than `threshold` on average.

    It runs ahead: the next edges are tried as if every one of them could go, and what follows the first that has to
    stay is tried again. The result is that of trying one edge at a time.

    Args:
        network: The network.
        items: The items that are averaged over.
        threshold: The harm, in the outcome's unit, from which on an edge stays.
        candidates: Edges that may stay, `[E]`; all others are out from the start. By default all may.
        memory: Bytes above the loaded model.

    Source: Conmy et al. 2023, ACDC (arXiv 2304.14997).
    """
    graph = items[0].graph
    kept = np.ones(graph.edges, dtype=bool) if candidates is None else candidates.copy()
    queue = [int(edge) for edge in np.flatnonzero(kept)[::-1]]
    harm = np.full((len(items), graph.edges), np.nan)
    harm[:, kept] = 0.0
    now, runs, ahead = _values(network, items, kept[None], memory)[:, 0], len(items), 4
    while queue:
        tried = _read_edges(graph, kept, queue, ahead)
        if not tried:
            break
        masks = np.repeat(kept[None], len(tried), 0)
        for row, edge in enumerate(tried):
            masks[row:, edge] = False
        values = _values(network, items, masks, memory)
        runs += values.size
        is_stopped = False
        for column, edge in enumerate(tried):
            queue.remove(edge)
            harm[:, edge] = now - values[:, column]
            is_stopped = bool(harm[:, edge].mean() >= threshold)
            if is_stopped:
                break
            kept[edge], now = False, values[:, column]
        ahead = max(2, ahead // 2) if is_stopped else min(_MOST_AHEAD, 2 * ahead)
    mean = harm.mean(0)
    found = np.flatnonzero(kept)
    return Search(Circuit(graph, tuple(found.tolist()), tuple(mean[found].tolist())).pruned(), harm, runs)


def _values(
    network: "Network", items: Sequence[Prepared], masks: "NDArray[np.bool_]", memory: int
) -> "NDArray[np.float64]":
    """How well each circuit does, `[N, circuits]`: the outcome, or the negative distance from the clean run."""
    values = np.array([circuit_outcomes(network, one, masks, memory=memory) for one in items])
    return -values if items[0].outcome.kind == "kl" else values


def _read_edges(graph: Graph, kept: "NDArray[np.bool_]", queue: list[int], count: int) -> list[int]:
    """The next `count` edges of the queue, after those at its head into parts that nothing reads are removed."""
    receiver = graph.ends[1]
    while queue:
        is_read = graph.leading(kept)[1]
        if is_read[receiver[queue[0]]]:
            return [edge for edge in queue[:count] if is_read[receiver[edge]]]
        while queue and not is_read[receiver[queue[0]]]:
            kept[queue.pop(0)] = False
    return []
