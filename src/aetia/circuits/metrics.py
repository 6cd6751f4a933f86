"""Is a circuit the mechanism: does it do what the network does, is it all of it, no more than it, and only it?

Everything is kept item by item, so that intervals can be drawn over items. The mean over items of a normalised value
is the ratio of the two means, as in MIB.

Letters: N items, n circuits or fractions, E edges.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aetia.circuits.execution import Prepared, circuit_outcomes
from aetia.circuits.graph import Circuit, Edge, Graph
from aetia.errors import StudyError
from aetia.models.planner import DEFAULT_MEMORY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aetia.models.network import Network

__all__ = [
    "FRACTIONS",
    "Selectivity",
    "auroc",
    "cmd",
    "completeness",
    "cpr",
    "edge_auroc",
    "faithfulness",
    "faithfulness_curve",
    "held_out",
    "minimality",
    "node_auroc",
    "selectivity",
]

FRACTIONS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Shares of all edges at which MIB looks."""


def faithfulness(
    network: "Network", items: Sequence[Prepared], circuits: Sequence[Circuit], *, memory: int = DEFAULT_MEMORY
) -> "NDArray[np.float64]":
    """How much of the network's outcome each circuit gives back, `[N, n]`: 1 for the network, 0 for no edge.

    (m(circuit) - m(none)) / (m(network) - m(none)), the denominator averaged over the items. Above 1 where the circuit
    leaves out parts that work against the answer.

    Args:
        network: The network.
        items: The items; items that no search has seen show how general a circuit is.
        circuits: The circuits.
        memory: Bytes above the loaded model.

    Raises:
        StudyError: AE-1309 if the outcome of the network and of no edge are the same.

    Source: Hanna et al. 2024 (arXiv 2403.17806); Mueller et al. 2025, MIB (arXiv 2504.13151).
    """
    graph = items[0].graph
    asked = np.array([np.ones(graph.edges, bool), np.zeros(graph.edges, bool), *(one.mask for one in circuits)])
    values = np.array([circuit_outcomes(network, one, asked, memory=memory) for one in items])
    full, empty = values[:, :1], values[:, 1:2]
    gap = float((full - empty).mean())
    if not abs(gap) > 1e-6 * max(1.0, float(np.abs(full).max())):
        raise StudyError(
            "AE-1309",
            f"The network's outcome differs by {gap:.2g} from that of no edge, so that no share of it can be given.",
            mend="use contrasts whose corrupted prompt changes the answer.",
        )
    return (values[:, 2:] - empty) / gap


def faithfulness_curve(
    network: "Network",
    items: Sequence[Prepared],
    scores: "NDArray[np.floating]",
    *,
    absolute: bool = False,
    fractions: Sequence[float] = FRACTIONS,
    memory: int = DEFAULT_MEMORY,
) -> "NDArray[np.float64]":
    """The faithfulness of the edges of highest score at each of `fractions` of all edges, `[N, n]`.

    Args:
        network: The network.
        items: The items.
        scores: One an edge, `[E]`.
        absolute: Rank by size: MIB does so for CMD, and by signed score for CPR.
        fractions: Shares of all edges; a share of less than one edge is one edge.
        memory: Bytes above the loaded model.
    """
    graph = items[0].graph
    counts = [max(1, round(share * graph.edges)) for share in fractions]
    circuits = [Circuit.top(graph, scores, count, absolute=absolute) for count in counts]
    return faithfulness(network, items, circuits, memory=memory)


def cpr(curve: "NDArray[np.floating]", fractions: Sequence[float] = FRACTIONS) -> "NDArray[np.float64]":
    """The area under faithfulness over the share of edges, `[...]` of curves `[..., n]`; higher is better.

    Linear in the curve, so that the mean over items' areas is the mean curve's. From 0.001 to 1, a circuit that is
    perfect at once has 0.999; one that is useless until it is the whole network has 0.25, which is no circuit at all.

    Source: Mueller et al. 2025, MIB (arXiv 2504.13151).
    """
    return np.trapezoid(np.asarray(curve, dtype=float), np.asarray(fractions), axis=-1)


def cmd(curve: "NDArray[np.floating]", fractions: Sequence[float] = FRACTIONS) -> "NDArray[np.float64]":
    """The area between faithfulness and 1, `[...]` of curves `[..., n]`; lower is better, no circuit has 0.749.

    Not linear: take it of the mean curve, not the mean of the items'.

    Source: Mueller et al. 2025, MIB (arXiv 2504.13151).
    """
    return np.trapezoid(np.abs(1.0 - np.asarray(curve, dtype=float)), np.asarray(fractions), axis=-1)


def completeness(
    network: "Network",
    items: Sequence[Prepared],
    circuit: Circuit,
    *,
    subsets: int = 8,
    seed: int = 0,
    memory: int = DEFAULT_MEMORY,
) -> "NDArray[np.float64]":
    """F(circuit less K) - F(network less K) for random halves K of the circuit's senders, `[N, subsets]`.

    Near 0 if the circuit reacts to damage as the network does; if not, the network has more parts that do this work.

    Source: Wang et al. 2022, IOI (arXiv 2211.00593), section 4.
    """
    graph = circuit.graph
    draw = np.random.default_rng(seed)
    senders = np.unique(graph.ends[0][circuit.mask])
    damaged, whole = [], []
    for _ in range(subsets):
        gone = np.isin(graph.ends[0], draw.permutation(senders)[: max(1, len(senders) // 2)])
        damaged.append(Circuit.of_mask(graph, circuit.mask & ~gone))
        whole.append(Circuit.of_mask(graph, ~gone))
    found = faithfulness(network, items, [*damaged, *whole], memory=memory)
    return found[:, :subsets] - found[:, subsets:]


def minimality(
    network: "Network",
    items: Sequence[Prepared],
    circuit: Circuit,
    *,
    subsets: int = 4,
    seed: int = 0,
    memory: int = DEFAULT_MEMORY,
) -> "dict[str, NDArray[np.float64]]":
    """How much faithfulness each sender of the circuit adds, `[N]`, where it adds most.

    F(circuit less K) - F(circuit less K and the sender), for K none or one of some random halves of the circuit's other
    senders; of these the one with the largest mean. A part that another stands in for matters only where that is gone.

    Source: Wang et al. 2022, IOI (arXiv 2211.00593), section 4.
    """
    graph, sender = circuit.graph, circuit.graph.ends[0]
    draw = np.random.default_rng(seed)
    senders = np.unique(sender[circuit.mask])
    masks = []
    for index in senders:
        others = senders[senders != index]
        damages = [np.zeros(0, int), *(draw.permutation(others)[: len(others) // 2] for _ in range(subsets))]
        for gone in damages:
            left = circuit.mask & ~np.isin(sender, gone)
            masks += [left, left & (sender != index)]
    found = faithfulness(network, items, [Circuit.of_mask(graph, mask) for mask in masks], memory=memory)
    change = (found[:, ::2] - found[:, 1::2]).reshape(len(items), len(senders), subsets + 1)
    best = np.abs(change.mean(0)).argmax(1)
    return {graph.senders[index]: change[:, place, best[place]] for place, index in enumerate(senders)}


class Selectivity(NamedTuple):
    """What ablating a circuit does to its own task and to another's.

    Args:
        cause: The share of the own task's outcome that is lost, `[N]`: near 1 if the circuit causes it.
        isolate: The share of the other task's outcome that is left, one an item of that: near 1 if it is not touched.
    """

    cause: "NDArray[np.float64]"
    isolate: "NDArray[np.float64]"


def selectivity(
    network: "Network",
    items: Sequence[Prepared],
    others: Sequence[Prepared],
    circuit: Circuit,
    *,
    memory: int = DEFAULT_MEMORY,
) -> Selectivity:
    """What is lost of the own outcome, and left of another task's, when the circuit's edges alone are ablated.

    Args:
        network: The network.
        items: Items of the circuit's own task.
        others: Items of a task that it should not serve.
        circuit: The circuit.
        memory: Bytes above the loaded model.

    Source: Mueller et al. 2024 (arXiv 2408.01416); Huang et al. 2024, RAVEL (arXiv 2402.17700), whose shares of
        changed answers are shares of the outcome here.
    """
    rest = [circuit.complement()]
    lost = 1.0 - faithfulness(network, items, rest, memory=memory)[:, 0]
    return Selectivity(lost, faithfulness(network, others, rest, memory=memory)[:, 0])


def held_out(count: int, share: float = 0.5, seed: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places of the items to search with and of those to judge with, drawn at random; one item serves for both.

    Args:
        count: How many items there are.
        share: The share to search with.
        seed: Of the draw.
    """
    if count < 2:
        return tuple(range(count)), tuple(range(count))
    order = np.random.default_rng(seed).permutation(count)
    cut = min(max(1, round(share * count)), count - 1)
    return tuple(sorted(order[:cut].tolist())), tuple(sorted(order[cut:].tolist()))


def auroc(scores: "NDArray[np.floating]", is_true: "NDArray[np.bool_]") -> float:
    """How often a true one scores above one that is not, ties as a half.

    Raises:
        StudyError: AE-1310 if all are true, or none is.
    """
    true, false = int(is_true.sum()), int((~is_true).sum())
    if not true or not false:
        raise StudyError(
            "AE-1310",
            f"Of {true + false} candidates {true} are true: there is nothing to rank.",
            mend="give both kinds.",
        )
    values, place = np.unique(scores, return_inverse=True)
    counts = np.bincount(place, minlength=len(values))
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[place][is_true].sum() - true * (true + 1) / 2) / (true * false))


def edge_auroc(
    graph: Graph, scores: "NDArray[np.floating]", true: Collection[Edge], candidates: Collection[Edge] | None = None
) -> float:
    """The AUROC of edge scores `[E]` against the true edges, among the candidates (all edges by default).

    Raises:
        StudyError: AE-1310 if the candidates are of one kind; AE-1301 if an edge is not in the graph.
    """
    is_true = np.zeros(graph.edges, dtype=bool)
    is_true[[graph.edge_index(*edge) for edge in true]] = True
    if candidates is None:
        return auroc(scores, is_true)
    chosen = [graph.edge_index(*edge) for edge in candidates]
    return auroc(scores[chosen], is_true[chosen])


def node_auroc(
    graph: Graph, scores: "NDArray[np.floating]", true: Collection[str], candidates: Collection[str] | None = None
) -> float:
    """The AUROC of sender scores `[S]` against the true senders, among the candidates (all senders by default)."""
    chosen = [name for name in graph.senders if candidates is None or name in candidates]
    is_true = np.array([name in true for name in chosen], dtype=bool)
    return auroc(scores[[graph.sender_index[name] for name in chosen]], is_true)
