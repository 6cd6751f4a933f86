"""What is the effect of each chosen node or edge in one item, under its own answer and under those of others?

Letters: n nodes or edges, k further labels, S senders, E edges.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from aetia.circuits.attribution import AttributionMethod, edge_attribution
from aetia.circuits.decomposition import Source, decompose
from aetia.circuits.deviations import Deviations, deviations
from aetia.circuits.execution import Prepared, circuit_residuals, prepare, reference_writes
from aetia.circuits.graph import Graph
from aetia.circuits.study import ATTRIBUTIONS, CircuitStudy

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["Label", "PreparedItems", "Scorer"]

Label = tuple[int, int | None]
"""An answer and a foil."""

_TOGETHER = 64


@dataclass(frozen=True, eq=False)
class PreparedItems(Sequence[Prepared]):
    """Items that are prepared when they are asked for, and kept as long as they fit into half of the study's memory.

    Args:
        network: The network.
        items: The contrasts.
        study: Says which outcome and which reference.
        everyone: All items of the study, which a mean is taken over.
    """

    network: "Network"
    items: "Sequence[AlignedContrast]"
    study: CircuitStudy
    everyone: "Sequence[AlignedContrast]"
    _kept: dict[str, Prepared] = field(default_factory=dict)
    _reference: "list[Tensor]" = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Prepared]:
        return (self.at(place) for place in range(len(self.items)))

    def __getitem__(self, place: int) -> Prepared:  # pyright: ignore[reportIncompatibleMethodOverride]  no slices
        if not 0 <= place < len(self.items):
            raise IndexError(place)
        return self.at(place)

    def at(self, place: int) -> Prepared:
        """The item at a place."""
        item, kind = self.items[place], self.study.reference
        if item.id in self._kept:
            return _labelled(self._kept[item.id], item)
        if kind != "patch" and not self._reference:
            self._reference.append(reference_writes(self.network, self.everyone, kind))
        reference = self._reference[0] if self._reference else None
        one = prepare(self.network, item, self.study.outcome, reference)
        if (len(self._kept) + 1) * prepared_bytes(one) <= self.study.memory_bytes // 2:
            self._kept[item.id] = one
        return one

    def of(self, places: Sequence[int]) -> "PreparedItems":
        """Some of them, by their places; all share what is kept."""
        chosen = [self.items[place] for place in places]
        return PreparedItems(self.network, chosen, self.study, self.everyone, self._kept, self._reference)

    def relabelled(self, items: "Sequence[AlignedContrast]") -> "PreparedItems":
        """The same prompts with other answers and foils: they share what is kept."""
        return PreparedItems(self.network, items, self.study, self.everyone, self._kept, self._reference)


def _labelled(one: Prepared, item: "AlignedContrast") -> Prepared:
    """The prepared prompts with this item's answer and foil."""
    answer, foil = item.answer_ids[:1], item.foil_ids[0] if item.foil_ids else None
    if (one.outcome.answer, one.outcome.foil) == (answer, foil):
        return one
    return replace(one, outcome=replace(one.outcome, answer=answer, foil=foil))


def prepared_bytes(one: Prepared) -> int:
    """What an item holds: its two runs and what every sender writes in them."""
    runs = [one.clean, one.corrupted]
    return sum(run.bytes for run in runs) + 2 * one.writes.numel() * one.writes.element_size()


class Scorer:
    """Scores nodes or edges of the items of a study, each item by itself.

    Args:
        study: The study; its method is not one that searches.
        network: The network.
        items: All items.
        prepared: The items, if they are prepared already.
    """

    def __init__(
        self,
        study: CircuitStudy,
        network: "Network",
        items: "Sequence[AlignedContrast]",
        prepared: PreparedItems | None = None,
    ) -> None:
        self.study, self.network, self.items = study, network, items
        self.graph = Graph.of(network)
        self.prepared = prepared or PreparedItems(network, items, study, items)
        self.count = len(self.graph.senders) if study.by == "nodes" else self.graph.edges

    def scores(self, place: int, chosen: "NDArray[np.int64]", labels: Sequence[Label] = ()) -> "NDArray[np.float64]":
        """The effect of the chosen nodes or edges in one item, `[1 + k, n]`, positive where they serve the answer.

        Args:
            place: The item's.
            chosen: Numbers of senders, or of edges.
            labels: Further answers and foils that the item is scored by.
        """
        if self.study.method in ATTRIBUTIONS:
            return self.attributed(place, self.study.method, labels)[:, chosen]
        if self.study.method == "cd-t":
            return self._decomposed(place, chosen, labels)
        return self._patched(place, chosen, labels)

    def attributed(self, place: int, method: str, labels: Sequence[Label] = ()) -> "NDArray[np.float64]":
        """The attribution of all nodes or edges, `[1 + k, S or E]`."""
        found = self.links(place, method, labels)
        return self.graph.node_scores(found) if self.study.by == "nodes" else found

    def links(self, place: int, method: str, labels: Sequence[Label] = ()) -> "NDArray[np.float64]":
        """The attribution of all edges, `[1 + k, E]`; what is no larger than the outcome's rounding is 0."""
        one = self.prepared.at(place)
        if one.outcome.kind == "accuracy":  # it has no gradient; what moves it is the logit difference
            one = replace(one, outcome=replace(one.outcome, kind="logit_difference"))
        own = (one.outcome.answer[0], one.outcome.foil)
        distinct = list(dict.fromkeys([own, *labels]))  # the own one is the first
        one = replace(one, outcome=replace(one.outcome, decoys=tuple(distinct[1:])))
        memory, name = self.study.memory_bytes // 2, cast("AttributionMethod", method)
        found = edge_attribution(self.network, one, name, steps=self.study.steps, memory=memory)
        with torch.inference_mode():
            clean = one.outcome.read(self.network, one.clean.resid_pre[-1:, -one.outcome.positions :])
        rounding = 8 * torch.finfo(self.network.dtype).eps * max(1.0, float(clean.abs().max()))
        found = np.where(np.abs(found) > rounding, found, 0.0).reshape(len(distinct), -1)
        return found[[distinct.index(label) for label in (own, *labels)]]

    def groups(self, chosen: "NDArray[np.int64]") -> list["NDArray[np.int64]"]:
        """The edges that are cut for each chosen node or edge."""
        if self.study.by == "edges":
            return [np.array([edge]) for edge in chosen]
        sender = self.graph.ends[0]
        return [np.flatnonzero(sender == node) for node in chosen]

    def _patched(self, place: int, chosen: "NDArray[np.int64]", labels: Sequence[Label]) -> "NDArray[np.float64]":
        """Exact: the clean run's outcome less that with the edges cut (the other way round for a distance).

        What is no larger than the outcome's rounding is 0, as in `edge_effects`.
        """
        one = self.prepared.at(place)
        outcome = replace(one.outcome, decoys=tuple(labels))
        groups, found = self.groups(chosen), np.zeros((1 + len(labels), len(chosen)))
        for first in range(0, len(groups), _TOGETHER):
            part = groups[first : first + _TOGETHER]
            kept = np.ones((len(part) + 1, self.graph.edges), dtype=bool)
            for row, edges in enumerate(part, 1):
                kept[row, edges] = False
            residuals = circuit_residuals(self.network, one, kept, memory=self.study.memory_bytes // 2)
            with torch.inference_mode():
                values = outcome.read(self.network, residuals).double().cpu().numpy().reshape(len(kept), -1)
            change = values[:1] - values[1:]
            rounding = 8 * torch.finfo(self.network.dtype).eps * np.maximum(1.0, np.abs(values).max(0))
            found[:, first : first + len(part)] = np.where(np.abs(change) > rounding, change, 0.0).T
        return -found if one.outcome.kind == "kl" else found

    def _decomposed(self, place: int, chosen: "NDArray[np.int64]", labels: Sequence[Label]) -> "NDArray[np.float64]":
        """What reaches the outcome from each sender, or through each edge, by contextual decomposition."""
        run = self._deviations(place)
        if self.study.by == "nodes":
            sources = [Source((self.graph.senders[node],)) for node in chosen]
        else:
            sources = [Source((sender,), receiver=receiver) for sender, receiver in map(self._edge, chosen)]
        tokens = [run.tokens, *((answer, foil) for answer, foil in labels if foil is not None)]
        read = replace(run, tokens=tuple(token for pair in tokens for token in pair))
        return decompose(self.network, read, sources, ("logits",) * len(tokens)).T.double().cpu().numpy()

    def _edge(self, number: int) -> tuple[str, str]:
        return self.graph.edge(int(number))

    def _deviations(self, place: int) -> Deviations:
        kind = self.study.reference
        if kind != "mean":
            return next(iter(deviations(self.network, [self.items[place]], kind)))
        return next(islice(deviations(self.network, self.items, kind), place, None))
