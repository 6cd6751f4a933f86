"""How good is a circuit on items that it was not chosen on, item by item?

Every value is an item's share in a ratio of two means over the items: its mean is the ratio, and its spread that of
the ratio, to first order. So the whole network has faithfulness 1 in every item, without spread.

Letters: N items, n circuits or fractions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aetia.circuits.choosing import Choice, ranked
from aetia.circuits.graph import Circuit, Graph
from aetia.circuits.metrics import cmd, cpr, faithfulness, minimality
from aetia.circuits.study import CircuitStudy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aetia.circuits.execution import Prepared
    from aetia.models.network import Network

__all__ = ["Judgement", "judge", "left_out", "shares"]


@dataclass(frozen=True, eq=False)
class Judgement:
    """One number about a circuit, item by item.

    Args:
        method: `faithfulness`, `cpr`, `cmd`, `completeness`, `minimality`, `cause` or `isolate`.
        component: Of which circuit, or how it was ranked.
        values: One an item, `[N]`.
        fraction: Which share of all nodes or edges the circuit was allowed.
        sender: The node that it is about.
    """

    method: str
    component: str
    values: "NDArray[np.float64]"
    fraction: float | None = None
    sender: str | None = None


def left_out(circuit: Circuit) -> Circuit:
    """The network without the circuit, but with all of the embedding: without its input it does nothing in any case."""
    return Circuit.of_mask(circuit.graph, ~circuit.mask | (circuit.graph.ends[0] == 0))


def shares(
    network: "Network", items: "Sequence[Prepared]", circuits: Sequence[Circuit], memory: int
) -> "NDArray[np.float64]":
    """The faithfulness of circuits, `[N, n]`, each value an item's share in the ratio of means.

    With a an item's gain by the circuit, b by the whole network, R the mean of a over the mean of b, it is
    R + (a - R b) / mean of b.

    Raises:
        StudyError: AE-1309 if the outcome of the network and of no edge are the same.

    Source: Cochran 1977, Sampling Techniques, section 6.3 (variance of a ratio).
    """
    whole = Circuit.full(items[0].graph)
    found = faithfulness(network, items, [whole, *circuits], memory=memory)
    return found[:, 1:] - found[:, 1:].mean(0) * (found[:, :1] - 1.0)


def judge(study: CircuitStudy, network: "Network", choice: Choice, items: "Sequence[Prepared]") -> Iterator[Judgement]:
    """What the items say of the circuits that were chosen on others: all of it but for another task's part."""
    graph, memory = items[0].graph, study.memory_bytes // 2
    if choice.ranking is not None:
        yield from _curves(study, network, choice.ranking, items)
    own = len(choice.circuit.edges) / graph.edges if choice.ranking is None else study.size
    rest = left_out(choice.circuit)
    circuit, ablated = shares(network, items, [choice.circuit, rest], memory).T
    yield Judgement("faithfulness", "circuit", circuit, own)
    yield Judgement("cause", "circuit", 1.0 - ablated, own)
    if not study.subsets or not choice.circuit.edges:
        return
    halves = _halves(study, graph, choice.circuit)
    found = shares(network, items, [*(inside for inside, _ in halves), *(all_else for _, all_else in halves)], memory)
    yield Judgement("completeness", "circuit", (found[:, : len(halves)] - found[:, len(halves) :]).mean(1), own)
    added = minimality(network, items, choice.circuit, subsets=study.subsets, seed=study.seed, memory=memory)
    for name, values in added.items():
        yield Judgement("minimality", "circuit", values, own, name)


def _curves(
    study: CircuitStudy, network: "Network", ranking: "NDArray[np.float64]", items: "Sequence[Prepared]"
) -> Iterator[Judgement]:
    """Faithfulness over the share of nodes or edges, and the two areas of MIB beside those of no circuit at all."""
    graph, fractions = items[0].graph, study.fractions
    ways = {"by score": False, "by size": True}
    circuits = [
        ranked(study, graph, ranking, share, absolute=absolute) for absolute in ways.values() for share in fractions
    ]
    found = shares(network, items, circuits, study.memory_bytes // 2)
    curves = dict(zip(ways, np.split(found, 2, axis=1), strict=True))
    for name, curve in curves.items():
        for column, share in enumerate(fractions):
            yield Judgement("faithfulness", name, curve[:, column], share)
    nothing = np.array([0.0] * (len(fractions) - 1) + [1.0])
    yield Judgement("cpr", "circuit", cpr(curves["by score"], fractions))
    yield Judgement("cpr", "no circuit", np.full(len(items), cpr(nothing, fractions)))
    yield Judgement("cmd", "circuit", _distance(curves["by size"], fractions))
    yield Judgement("cmd", "no circuit", np.full(len(items), cmd(nothing, fractions)))


def _distance(curve: "NDArray[np.float64]", fractions: Sequence[float]) -> "NDArray[np.float64]":
    """Each item's share in the area between the mean curve and 1, whose mean is that area."""
    mean = curve.mean(0)
    return cmd(mean, fractions) + cpr(np.sign(mean - 1.0) * (curve - mean), fractions)


def _halves(study: CircuitStudy, graph: Graph, circuit: Circuit) -> list[tuple[Circuit, Circuit]]:
    """The circuit and the network, both without the same random half of the circuit's heads and MLPs."""
    draw = np.random.default_rng(study.seed)
    senders = np.setdiff1d(graph.ends[0][circuit.mask], [0])
    found = []
    for _ in range(study.subsets):
        gone = np.isin(graph.ends[0], draw.permutation(senders)[: max(1, len(senders) // 2)])
        found.append((Circuit.of_mask(graph, circuit.mask & ~gone), Circuit.of_mask(graph, ~gone)))
    return found
