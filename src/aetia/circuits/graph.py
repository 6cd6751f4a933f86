"""Which parts of a network write to its residual stream, which read it, and which of those links make a circuit?

Every part's write is added to one stream, so each reader's input is a sum over the writers before it. An edge
is one term of that sum; a circuit is a set of edges. Nothing here needs torch.

Letters: L layers, H query heads, K key/value heads, E edges,
S senders = 1 + L (H + 1), R receivers = L (H + 2K + 1) + 1.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from aetia.errors import StudyError
from aetia.text import clean_text

if TYPE_CHECKING:
    from networkx import DiGraph
    from numpy.typing import NDArray

    from aetia.models.network import Network

__all__ = ["Circuit", "Edge", "Graph"]

Edge = tuple[str, str]
"""A sender and a receiver, such as `("L0.h1", "L2.h0.k")`."""

_FORMAT = 1
_MOST_RECEIVERS = 200_000  # 100 times those of a large model; more is no model's


@dataclass(frozen=True)
class Graph:
    """All edges of a decoder of this shape, numbered receiver by receiver.

    Senders are `embed`, then layer by layer the heads `L0.h1` and the MLP `L0.mlp`. Receivers are, layer by layer,
    `L1.h0.q` of every query head, `L1.h0.k` and `L1.h0.v` of every key/value head, `L1.mlp`; the last is `logits`.
    A receiver reads the senders before it, which are the first ones of the list: so edge (sender s, receiver r) has
    the number `offsets[r] + s`.

    Args:
        layers: L.
        heads: Query heads of a layer, H.
        key_value_heads: Key/value heads of a layer, K; each serves H / K query heads.
        is_parallel: Whether an MLP reads what its layer's attention reads, rather than what that has written to.
    """

    layers: int
    heads: int
    key_value_heads: int
    is_parallel: bool = False

    @classmethod
    def of(cls, network: "Network") -> "Graph":
        """The graph of a network; a skeleton without weights will do."""
        shape = network.heads
        return cls(len(network.blocks), shape.query, shape.key_value, "resid_mid" not in network.ports[0])

    @cached_property
    def senders(self) -> tuple[str, ...]:
        """The names of what writes, in the order in which a run computes it."""
        layers = range(self.layers)
        blocks = [[*(f"L{layer}.h{head}" for head in range(self.heads)), f"L{layer}.mlp"] for layer in layers]
        return ("embed", *(name for block in blocks for name in block))

    @cached_property
    def receivers(self) -> tuple[str, ...]:
        """The names of what reads, in the order in which a run computes it."""
        counts = {"q": self.heads, "k": self.key_value_heads, "v": self.key_value_heads}
        names = [
            name
            for layer in range(self.layers)
            for name in (*(f"L{layer}.h{h}.{port}" for port, n in counts.items() for h in range(n)), f"L{layer}.mlp")
        ]
        return (*names, "logits")

    @cached_property
    def sender_index(self) -> Mapping[str, int]:
        """The number of every sender."""
        return {name: index for index, name in enumerate(self.senders)}

    @cached_property
    def receiver_index(self) -> Mapping[str, int]:
        """The number of every receiver."""
        return {name: index for index, name in enumerate(self.receivers)}

    @property
    def receivers_a_layer(self) -> int:
        """How many receivers a layer has, its MLP included: H + 2K + 1."""
        return self.heads + 2 * self.key_value_heads + 1

    @cached_property
    def reads(self) -> "NDArray[np.int64]":
        """How many senders each receiver reads, `[R]`; they are the first ones."""
        before = 1 + np.arange(self.layers) * (self.heads + 1)
        counts = np.repeat(before[:, None], self.receivers_a_layer, 1)
        counts[:, -1] += 0 if self.is_parallel else self.heads
        return np.append(counts.ravel(), len(self.senders))

    @cached_property
    def offsets(self) -> "NDArray[np.int64]":
        """The number of each receiver's first edge, and at the end E: `[R + 1]`."""
        return np.append(0, np.cumsum(self.reads))

    @property
    def edges(self) -> int:
        """How many edges there are, E."""
        return int(self.offsets[-1])

    @cached_property
    def ends(self) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """The sender's and the receiver's number of every edge, `[E]` each."""
        receiver = np.repeat(np.arange(len(self.receivers)), self.reads)
        return np.arange(self.edges) - self.offsets[receiver], receiver

    def edge(self, index: int) -> Edge:
        """The names of an edge's ends."""
        receiver = int(np.searchsorted(self.offsets, index, side="right")) - 1
        return self.senders[index - int(self.offsets[receiver])], self.receivers[receiver]

    def edge_index(self, sender: str, receiver: str) -> int:
        """The number of an edge.

        Raises:
            StudyError: AE-1301 if there is no such sender or receiver, or the receiver comes before the sender.
        """
        s, r = self.sender_index.get(sender), self.receiver_index.get(receiver)
        if s is None or r is None:
            raise self._unknown(sender if s is None else receiver)
        if s >= self.reads[r]:
            raise StudyError(
                "AE-1301", f"{receiver} does not read {sender}.", mend="a receiver reads what was written before it."
            )
        return int(self.offsets[r]) + s

    def feeds(self, receiver: str) -> tuple[str, ...]:
        """The senders that a receiver is an input of: one, or a key/value head's group of heads; none for `logits`."""
        if receiver not in self.receiver_index:
            raise self._unknown(receiver)
        match = re.fullmatch(r"L(\d+)\.h(\d+)\.([qkv])", receiver)
        if match is None:
            return () if receiver == "logits" else (receiver,)
        layer, head, port = match.groups()
        group = 1 if port == "q" else self.heads // self.key_value_heads
        return tuple(f"L{layer}.h{int(head) * group + member}" for member in range(group))

    @cached_property
    def fed(self) -> "tuple[NDArray[np.int64], ...]":
        """The numbers of the senders that each receiver is an input of, as `feeds`."""
        return tuple(np.array([self.sender_index[n] for n in self.feeds(name)], np.int64) for name in self.receivers)

    def reached(self, mask: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
        """Which senders a path of the edges in `mask` `[E]` leads to from `embed`, `[S]`."""
        reached = np.zeros(len(self.senders), dtype=bool)
        reached[0] = True
        for first, count, fed in zip(self.offsets, self.reads, self.fed, strict=False):
            if (mask[first : first + count] & reached[:count]).any():
                reached[fed] = True
        return reached

    def leading(self, mask: "NDArray[np.bool_]") -> "tuple[NDArray[np.bool_], NDArray[np.bool_]]":
        """From which senders `[S]` and receivers `[R]` a path of the edges in `mask` `[E]` leads to `logits`."""
        senders, receivers = np.zeros(len(self.senders), dtype=bool), np.zeros(len(self.receivers), dtype=bool)
        for index in reversed(range(len(self.receivers))):
            receivers[index] = index == len(self.receivers) - 1 or senders[self.fed[index]].any()
            if receivers[index]:
                count = self.reads[index]
                senders[:count] |= mask[self.offsets[index] : self.offsets[index] + count]
        return senders, receivers

    def layer_of(self, name: str) -> int:
        """The layer of a sender or receiver; -1 for `embed`, L for `logits`."""
        if name in ("embed", "logits"):
            return -1 if name == "embed" else self.layers
        if name not in self.sender_index and name not in self.receiver_index:
            raise self._unknown(name)
        return int(name[1 : name.index(".")])

    def mask(self, edges: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
        """A choice of edges `[..., E]` as a table `[..., R, S]`, False where there is no edge."""
        sender, receiver = self.ends
        table = np.zeros((*edges.shape[:-1], len(self.receivers), len(self.senders)), dtype=bool)
        table[..., receiver, sender] = edges
        return table

    def node_scores(self, scores: "NDArray[np.floating]") -> "NDArray[np.float64]":
        """The sum over each sender's edges, `[..., S]`, of scores `[..., E]`."""
        total = np.zeros((*scores.shape[:-1], len(self.senders)))
        for first, last in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            total[..., : last - first] += scores[..., first:last]
        return total

    def _unknown(self, name: str) -> StudyError:
        return StudyError(
            "AE-1301",
            f"{name!r} is no part of a graph of {self.layers} layers with {self.heads} heads.",
            mend="use embed, L0.h1 or L0.mlp as a sender; L1.h0.q, .k, .v, L1.mlp or logits as a receiver.",
        )


@dataclass(frozen=True)
class Circuit:
    """Some edges of a graph; all others carry reference values when the circuit runs.

    Args:
        graph: The graph.
        edges: The numbers of the edges, increasing.
        scores: A score of each of them, in the outcome's unit; empty if there are none.
    """

    graph: Graph
    edges: tuple[int, ...]
    scores: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        is_sorted = all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False))
        if not is_sorted or (self.edges and not 0 <= self.edges[0] <= self.edges[-1] < self.graph.edges):
            raise ValueError("a circuit's edges are increasing numbers of its graph's edges")
        if self.scores and len(self.scores) != len(self.edges):
            raise ValueError("a circuit has one score for each edge, or none")

    @classmethod
    def full(cls, graph: Graph) -> "Circuit":
        """All edges: the network itself."""
        return cls(graph, tuple(range(graph.edges)))

    @classmethod
    def of_edges(cls, graph: Graph, edges: Iterable[Edge]) -> "Circuit":
        """The circuit of these named edges.

        Raises:
            StudyError: AE-1301 if one of them is not in the graph.
        """
        return cls(graph, tuple(sorted({graph.edge_index(*edge) for edge in edges})))

    @classmethod
    def of_nodes(cls, graph: Graph, nodes: Collection[str]) -> "Circuit":
        """The circuit that leaves these senders in: a node is out if and only if all its outgoing edges are.

        Raises:
            StudyError: AE-1301 if one of them is not in the graph; `logits`, which sends nothing, may be given.
        """
        kept = np.zeros(len(graph.senders), dtype=bool)
        for name in nodes:
            if name != "logits":
                if name not in graph.sender_index:
                    raise graph._unknown(name)  # noqa: SLF001
                kept[graph.sender_index[name]] = True
        return cls.of_mask(graph, kept[graph.ends[0]])

    @classmethod
    def of_mask(cls, graph: Graph, mask: "NDArray[np.bool_]") -> "Circuit":
        """The circuit of the edges that are True in `mask`, `[E]`."""
        return cls(graph, tuple(np.flatnonzero(mask).tolist()))

    @classmethod
    def top(
        cls, graph: Graph, scores: "NDArray[np.floating]", count: int, *, absolute: bool = False, pruned: bool = True
    ) -> "Circuit":
        """The `count` edges of highest score `[E]`, ties by their number; then pruned.

        Args:
            graph: The graph.
            scores: One a edge; minus infinity for an edge that is no candidate and is never taken.
            count: How many edges, before pruning.
            absolute: Rank by size, so that an edge which works against the outcome counts as much as one for it.
            pruned: Leave out what no path from the input reaches, or from where none leads to the output.

        Raises:
            StudyError: AE-1302 if a score is not a number.
        """
        if np.isnan(scores).any():
            sender, receiver = graph.edge(int(np.flatnonzero(np.isnan(scores))[0]))
            raise StudyError(
                "AE-1302", f"The edge {sender} -> {receiver} has no score.", mend="check the outcome for NaN."
            )
        is_candidate = scores > -np.inf
        rank = np.where(is_candidate, np.abs(scores) if absolute else scores, -np.inf)
        order = np.argsort(-rank, kind="stable")[: min(count, int(is_candidate.sum()))]
        edges = np.sort(order)
        circuit = cls(graph, tuple(edges.tolist()), tuple(float(score) for score in scores[edges]))
        return circuit.pruned() if pruned else circuit

    @cached_property
    def mask(self) -> "NDArray[np.bool_]":
        """Which edges are in, `[E]`."""
        mask = np.zeros(self.graph.edges, dtype=bool)
        mask[list(self.edges)] = True
        return mask

    @cached_property
    def names(self) -> tuple[Edge, ...]:
        """The names of the edges' ends."""
        return tuple(self.graph.edge(index) for index in self.edges)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The senders with an edge of the circuit before or behind them, in order, and `logits` if it is read."""
        found = {sender for sender, _ in self.names}
        receivers = {receiver for _, receiver in self.names}
        found |= {name for receiver in receivers for name in self.graph.feeds(receiver)}
        ordered = tuple(name for name in self.graph.senders if name in found)
        return (*ordered, "logits") if "logits" in receivers else ordered

    def pruned(self) -> "Circuit":
        """The circuit without edges that lie on no path from `embed` to `logits`.

        What no input reaches computes its reference value, and what leads nowhere is not read: with the corrupted run
        as reference, pruning changes no value. With means or zeros it may, since a part that reads only means does
        not write its mean.
        """
        graph, (sender, receiver) = self.graph, self.graph.ends
        is_used = graph.leading(self.mask)[1]
        return self._only(np.flatnonzero(self.mask & graph.reached(self.mask)[sender] & is_used[receiver]).tolist())

    def without(self, edges: Collection[int]) -> "Circuit":
        """The circuit less these edges."""
        return self._only([edge for edge in self.edges if edge not in edges])

    def complement(self) -> "Circuit":
        """All edges of the graph that are not in the circuit."""
        return Circuit.of_mask(self.graph, ~self.mask)

    def _only(self, edges: Iterable[int]) -> "Circuit":
        kept = tuple(sorted(edges))
        if not self.scores:
            return Circuit(self.graph, kept)
        scores = dict(zip(self.edges, self.scores, strict=True))
        return Circuit(self.graph, kept, tuple(scores[edge] for edge in kept))

    def to_json(self) -> str:
        """The circuit as JSON: its graph's shape, and each edge as [sender, receiver] or [sender, receiver, score]."""
        shape = {name: getattr(self.graph, name) for name in ("layers", "heads", "key_value_heads", "is_parallel")}
        scores = [(score,) for score in self.scores] or [()] * len(self.edges)
        edges = [[*names, *score] for names, score in zip(self.names, scores, strict=True)]
        return json.dumps({"format": _FORMAT, "graph": shape, "nodes": self.nodes, "edges": edges})

    @classmethod
    def from_json(cls, text: str) -> "Circuit":
        """The circuit that `to_json` wrote; `Circuit.from_json(circuit.to_json()) == circuit`.

        Raises:
            StudyError: AE-1303 if the text is no circuit; AE-1301 if an edge is not in its graph.
        """
        try:
            return _circuit(json.loads(text))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
            raise StudyError(
                "AE-1303",
                f"The text is no circuit: {clean_text(repr(error), 200)}.",
                mend="give the JSON that `aetia circuit` wrote.",
            ) from error

    def to_networkx(self) -> "DiGraph[str]":
        """The circuit as a directed graph of networkx.

        Its nodes are senders and receivers with their `layer`; its edges are the circuit's, with `score`, and what
        leads from a head's query, key and value to the head, with `inner=True`.
        """
        from networkx import DiGraph

        graph: DiGraph[str] = DiGraph()
        scores: Sequence[float | None] = self.scores or (None,) * len(self.edges)
        for score, (sender, receiver) in zip(scores, self.names, strict=True):
            for name in (sender, receiver):
                graph.add_node(name, layer=self.graph.layer_of(name))
            graph.add_edge(sender, receiver, score=score)
            for head in self.graph.feeds(receiver):
                if head != receiver:
                    graph.add_node(head, layer=self.graph.layer_of(head))
                    graph.add_edge(receiver, head, inner=True)
        return graph

    def table(self, limit: int = 30) -> str:
        """The strongest edges as text, one a line: score, sender, receiver; and how many more there are."""
        if not self.edges:
            return "no edges"
        scores = self.scores or (0.0,) * len(self.edges)
        rows = sorted(zip(scores, self.names, strict=True), key=lambda row: -abs(row[0]))
        width = max(len(sender) for _, (sender, _) in rows[:limit])
        numbers = [f"{score:+9.4f}  " if self.scores else "" for score, _ in rows[:limit]]
        lines = [f"{n}{s:<{width}} -> {r}" for n, (_, (s, r)) in zip(numbers, rows[:limit], strict=True)]
        return "\n".join([*lines, *([f"... and {len(rows) - limit} more"] if len(rows) > limit else [])])


def _shape(content: object) -> Graph:
    """The graph of a record; a ValueError if no decoder has its shape."""
    if not isinstance(content, dict):
        raise TypeError("its graph is no object")
    names = ("layers", "heads", "key_value_heads")
    sizes = [content[name] for name in names]
    layers, heads, shared = (size if isinstance(size, int) and not isinstance(size, bool) else 0 for size in sizes)
    is_parallel = content.get("is_parallel", False)
    if min(layers, heads, shared) < 1 or heads % shared or not isinstance(is_parallel, bool):
        raise ValueError(f"no decoder has the shape {content}")
    if layers * (heads + 2 * shared + 1) > _MOST_RECEIVERS:
        raise ValueError(f"a graph of {layers} layers of {heads} heads is too large")
    return Graph(layers, heads, shared, is_parallel)


def _score(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{value!r} is no score")
    return float(value)


def _circuit(content: Mapping[str, object]) -> Circuit:
    """The circuit of a record; any of the errors that `Circuit.from_json` tells of if it is none."""
    graph = _shape(content["graph"])
    rows = content["edges"]
    if not isinstance(rows, list):
        raise TypeError("its edges are no list")
    edges = {graph.edge_index(sender, receiver): score for sender, receiver, *score in rows}
    if len(edges) < len(rows) or {len(row) for row in rows} not in (set(), {2}, {3}):
        raise ValueError("an edge is in it twice, or some edges have a score and others none")
    scores = tuple(_score(score) for edge in sorted(edges) for score in edges[edge])
    return Circuit(graph, tuple(sorted(edges)), scores)
