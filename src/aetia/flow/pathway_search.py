"""Which edges can all be cut at once while the answer holds?

The prompt is parted into groups that share no position, and an edge is a pair of groups at a layer, or at a block of
neighbouring layers. The search goes backward from the whole network: it cuts what costs least by itself first, many
edges at a time, and halves whatever cannot be cut together.

Letters: N items, E edges.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from aetia.flow.groups import Cuts, joined, partition_of, positions_of
from aetia.flow.knockout import knockouts
from aetia.models.hooks import run_with_hooks
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.planner import DEFAULT_MEMORY, Cell
from aetia.models.recording import Recording, record
from aetia.models.wavefront import run_planned

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = [
    "Floats",
    "LayeredEdge",
    "Runs",
    "by_layer",
    "cut_choices",
    "entries",
    "layered_edges",
    "opened",
    "search",
    "with_cuts",
    "without_reads",
]

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, order=True)
class LayeredEdge:
    """An edge between two groups in some layers.

    Args:
        layer: The first of the layers.
        source: The group that is read.
        reader: The group that reads.
        layers: All of them.
    """

    layer: int
    source: str
    reader: str
    layers: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Runs:
    """Recorded plain runs of items, and the probability that each gives its answer, `[N]`."""

    items: "tuple[AlignedContrast, ...]"
    worlds: tuple[Recording, ...]
    plain: Floats

    def some(self, places: Sequence[int]) -> "Runs":
        """The runs of the items at these places."""
        return Runs(
            tuple(self.items[place] for place in places),
            tuple(self.worlds[place] for place in places),
            self.plain[list(places)],
        )


def layered_edges(items: "Sequence[AlignedContrast]", layers: int, window: int) -> tuple[LayeredEdge, ...]:
    """All edges along which some item has anything to cut, layer by layer.

    In the last layer only the last position's reads can reach the answer; other edges there are none.

    Args:
        items: The items.
        layers: How many blocks the network has.
        window: How many neighbouring layers are one edge.
    """
    parts = [partition_of(item) for item in items]
    names = list(dict.fromkeys(name for one in parts for name in one))
    blocks = [tuple(range(first, min(first + window, layers))) for first in range(0, layers, window)]
    return tuple(
        LayeredEdge(block[0], source, reader, block)
        for block in blocks
        for source in names
        for reader in names
        if (reader == "last" or block[0] < layers - 1)
        and any(source in one and reader in one and positions_of(one[source], one[reader]) for one in parts)
    )


def opened(network: Network, items: "Sequence[AlignedContrast]") -> Runs:
    """The plain runs of the clean prompts."""
    worlds = tuple(record(network, item.clean_ids) for item in items)
    with torch.inference_mode():
        plain = [
            float(_outcome(item).read(network, run.resid_pre[None, -1, -1:]).double().exp()[0])
            for item, run in zip(items, worlds, strict=True)
        ]
    return Runs(tuple(items), worlds, np.array(plain))


def with_cuts(
    network: Network, runs: Runs, cuts: Sequence[Iterable[LayeredEdge]], *, memory: int = DEFAULT_MEMORY
) -> Floats:
    """The probability of the answer with each set of edges cut, `[sets, N]`.

    Args:
        network: The network.
        runs: The plain runs.
        cuts: The sets of edges.
        memory: Bytes above the loaded model, and above the recorded runs.
    """
    sets = [tuple(part) for part in cuts]
    return without_reads(network, runs, [[by_layer(item, one) for item in runs.items] for one in sets], memory=memory)


def without_reads(
    network: Network, runs: Runs, cuts: Sequence[Sequence[Mapping[int, Cuts]]], *, memory: int = DEFAULT_MEMORY
) -> Floats:
    """The probability of the answer with each set of reads cut, `[sets, N]`.

    Args:
        network: The network.
        runs: The plain runs.
        cuts: The sets: for each item, by layer, what each row may no longer read.
        memory: Bytes above the loaded model, and above the recorded runs.
    """
    depth = len(network.blocks)
    cells = [
        Cell(knockouts(one, depth, item.length), world)
        for part in cuts
        for world, (item, one) in enumerate(zip(runs.items, part, strict=True))
    ]
    outcomes = [_outcome(item) for item in runs.items]
    values = run_planned(network, runs.worlds, cells, outcomes, memory=memory).values
    return values.double().exp().numpy().reshape(len(cuts), len(runs.items))


def cut_choices(network: Network, runs: Runs, cut: Iterable[LayeredEdge]) -> list[int]:
    """The token that each item's run predicts with these edges cut."""
    edges, depth = tuple(cut), len(network.blocks)
    made = [knockouts(by_layer(item, edges), depth, item.length) for item in runs.items]
    return [
        int(run_with_hooks(network, item.clean_ids, done).logits[-1].argmax())
        for item, done in zip(runs.items, made, strict=True)
    ]


def search(
    edges: Sequence[LayeredEdge],
    cost: Callable[[Sequence[frozenset[LayeredEdge]]], Floats],
    plain: Floats,
    keep: float,
) -> frozenset[LayeredEdge]:
    """The edges to cut: as many as were found that can go while the answer's probability is kept.

    The result is not the largest such set there is, but nothing that was put back could be cut when it was tried.

    Args:
        edges: All edges.
        cost: From sets of edges to the probability of each item's answer with each set cut, `[sets, N]`.
        plain: The probability without a cut, `[N]`.
        keep: The share of the summed probability that has to be kept.
    """
    least = keep * plain.sum()
    alone = cost([frozenset([edge]) for edge in edges]).sum(axis=1)
    # By the probability that is left, the most first; ties by the edges' own order, so that equal studies agree.
    order = [edges[place] for place in np.argsort(-np.round(alone, 9), kind="stable")]
    cut: frozenset[LayeredEdge] = frozenset()
    waiting = [tuple(order)]
    while waiting:
        part = waiting.pop()
        tried = cut | set(part)
        if cost([tried])[0].sum() >= least:
            cut = tried
        elif len(part) > 1:
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]  # what costs least by itself is tried first
    return cut


def entries(item: "AlignedContrast", edges: Iterable[LayeredEdge]) -> int:
    """How many entries of the attention pattern these edges have in an item: pairs of positions in a layer."""
    rows = (_rows(item, edge) for edge in edges)
    return sum(sum(key < row for key in keys) for one in rows for layer in one for row, keys in layer.items())


def _rows(item: "AlignedContrast", edge: LayeredEdge) -> list[Cuts]:
    parts = partition_of(item)
    if edge.source not in parts or edge.reader not in parts:
        return []
    return [positions_of(parts[edge.source], parts[edge.reader])] * len(edge.layers)


def by_layer(item: "AlignedContrast", edges: Iterable[LayeredEdge]) -> dict[int, Cuts]:
    """What each row of an item may no longer read in each layer with these edges cut."""
    found: dict[int, list[Cuts]] = {}
    for edge in edges:
        for layer, rows in zip(edge.layers, _rows(item, edge), strict=False):
            found.setdefault(layer, []).append(rows)
    return {layer: joined(rows) for layer, rows in found.items()}


def _outcome(item: "AlignedContrast") -> Outcome:
    return Outcome("log_probability", (item.answer_ids[0],))
