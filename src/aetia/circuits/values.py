"""The values of a study of circuits: the effect of every node or edge in every item, and how good their circuit is.

Letters: N items.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch

from aetia.circuits.choosing import Choice, choose, chosen_by_label, is_selective
from aetia.circuits.edge_patching import joint_effects
from aetia.circuits.execution import Prepared, circuit_outcomes
from aetia.circuits.found import LINKS, between
from aetia.circuits.judging import Judgement, judge, left_out, shares
from aetia.circuits.metrics import held_out
from aetia.circuits.scoring import Label, PreparedItems, Scorer
from aetia.circuits.study import SEARCHES, CircuitStudy
from aetia.models.outcome import Outcome
from aetia.studies.clusters import clusters_of, places_of
from aetia.studies.words import relabelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["SCHEMA", "CircuitValues"]

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("method", pa.string()),
        ("component", pa.string()),
        ("layer", pa.int32()),
        ("head", pa.int32()),
        ("sender", pa.string()),
        ("receiver", pa.string()),
        ("fraction", pa.float64()),
        ("draw", pa.int32()),
        ("value", pa.float64()),
    ]
)

_LINKED_NODES, _LINKS = 30, 300
_COMPONENTS = {"embed": "embed", "mlp": "mlp_out"}


class _Rows:
    """The values table as it grows."""

    def __init__(self) -> None:
        self.parts: list[pa.Table] = []

    def add(self, item: str, values: "NDArray[np.float64]", draw: int | None = None, /, **columns: object) -> None:
        """Adds values `[1 + k, n]`: the real ones, and those of the draws 0 to k - 1.

        Args:
            item: The item's id.
            values: The numbers.
            draw: The draw that the first of them is of; None for the real ones.
            columns: One text or number for all of them, or a list of n.
        """
        draws, count = values.shape
        table: dict[str, pa.Array] = {}
        for field in SCHEMA:
            given = columns.get(field.name)
            if isinstance(given, list):
                table[field.name] = pa.array(given * draws, field.type)
            else:
                table[field.name] = pa.repeat(pa.scalar(given, field.type), draws * count)
        table["item"] = pa.repeat(pa.scalar(item, pa.string()), draws * count)
        first = -1 if draw is None else draw
        of = np.repeat(np.arange(first, first + draws, dtype=np.int32), count)
        table["draw"] = pa.array(of, pa.int32(), mask=of < 0)
        table["value"] = pa.array(values.ravel(), pa.float64())
        self.parts.append(pa.table(table, schema=SCHEMA))

    def one(self, item: str, method: str, component: str, value: float) -> None:
        """Adds one value of the real system."""
        self.add(item, np.array([[value]]), method=method, component=component)

    def table(self) -> pa.Table:
        """All of them."""
        return pa.concat_tables(self.parts).combine_chunks() if self.parts else SCHEMA.empty_table()


class CircuitValues:
    """The values of one system, real or a draw of a null; what several items are needed for is found once.

    Args:
        study: The study.
        network: The network.
        items: All items.
        other: Items of another task.
        labels: In how many draws of label-permutation each item is scored besides.
        is_draw: Whether this is a draw of a null, where circuits are chosen but not judged.
        prepared: The items, if they are prepared already.
    """

    def __init__(
        self,
        study: CircuitStudy,
        network: "Network",
        items: "Sequence[AlignedContrast]",
        *,
        other: "Sequence[AlignedContrast]" = (),
        labels: int = 0,
        is_draw: bool = False,
        prepared: PreparedItems | None = None,
    ) -> None:
        self.study, self.network, self.items, self.other = study, network, items, other
        self.scorer = Scorer(study, network, items, prepared)
        self.is_draw = is_draw
        self.relabelled = relabelled(items, labels, study.seed)
        clusters = clusters_of(items)
        halves = held_out(len(clusters), study.search, study.seed)
        self.searched, self.judged = (tuple(sorted(places_of(clusters, half))) for half in halves)
        self.is_selective = is_selective(study, self.scorer.graph)
        self.scored: dict[int, NDArray[np.float64]] = {}
        self._choice: Choice | None = None

    @property
    def choice(self) -> Choice:
        """What the search items show."""
        if self._choice is None:
            self._choice = choose(self.scorer, self.searched, self.scored)
        return self._choice

    @cached_property
    def _chosen(self) -> "list[NDArray[np.int64]]":
        """What is measured: in the real system, and, where something is selected, in each draw that is read with it."""
        if not self.is_selective:
            return [np.arange(self.scorer.count)]
        if not self.relabelled:
            return [self.choice.chosen]
        labels = {place: self._labels(place) for place in self.searched}
        return [self.choice.chosen, *chosen_by_label(self.scorer, self.searched, labels)]

    def compute(self, places: Sequence[int]) -> pa.Table:
        """The values of the items at these places; with those of the first judged item, what all of them say."""
        rows = _Rows()
        for place in places:
            self._describe(place, rows)
            if not self.is_selective or place in self.judged:
                self._score(place, rows)
        if self.judged[0] in places and self.study.fractions and not self.is_draw:
            self._judge(rows)
        return rows.table()

    def _labels(self, place: int) -> list[Label]:
        others = [items[place] for items in self.relabelled]
        return [(other.answer_ids[0], other.foil_ids[0] if other.foil_ids else None) for other in others]

    def _describe(self, place: int, rows: _Rows) -> None:
        """Whether the model does the task at all, and the shape of its graph."""
        item, one = self.items[place], self.scorer.prepared.at(place)
        runs = (one.clean, one.corrupted)
        hidden = torch.stack([run.resid_pre[-1, -1:] for run in runs])
        outcome = replace(one.outcome, decoys=tuple(self._labels(place)))
        with torch.inference_mode():
            clean, corrupted = outcome.read(self.network, hidden).double().cpu().numpy().reshape(2, -1)
        rows.add(item.id, (clean - corrupted)[:, None], method="total", component="total")
        if self.is_draw:
            return
        rows.one(item.id, "baseline", "clean", clean[0])
        rows.one(item.id, "baseline", "corrupted", corrupted[0])
        if item.foil_ids and item.foil_ids[0] != item.answer_ids[0]:
            verdict = Outcome("accuracy", item.answer_ids[:1], item.foil_ids[0])
            with torch.inference_mode():
                rows.one(item.id, "baseline", "clean_correct", float(verdict.read(self.network, hidden[:1])[0]))
        for name in ("layers", "heads", "key_value_heads", "is_parallel"):
            rows.one(item.id, "graph", name, float(getattr(one.graph, name)))

    def _score(self, place: int, rows: _Rows) -> None:
        chosen = np.unique(np.concatenate(self._chosen))
        if not len(chosen):
            return
        if self.study.method in SEARCHES:
            values = self._confirmed(self.scorer.prepared.at(place))
        else:
            values = self.scorer.scores(place, chosen, self._labels(place))
        item, about = self.items[place].id, {"method": self.study.method}
        if not self.is_selective:
            self.scored[place] = values[0]
        if len(self._chosen) == 1:
            rows.add(item, values, **about, **self._names(chosen))
            return
        for row, own in enumerate(self._chosen):
            draw, columns = row - 1 if row else None, np.searchsorted(chosen, own)
            rows.add(item, values[row : row + 1, columns], draw, **about, **self._names(own))

    def _confirmed(self, one: Prepared) -> "NDArray[np.float64]":
        """What a search found, measured on an item that it has not seen, `[1, n]`."""
        choice, memory = self.choice, self.study.memory_bytes // 2
        edges = [int(edge) for edge in choice.chosen]
        if self.study.method == "path-intervention":
            groups = [choice.groups.get(edge, (edge,)) for edge in edges]
            return joint_effects(self.network, one, groups, memory=memory)[None]
        circuits = [choice.circuit, *(choice.circuit.without([edge]) for edge in edges)]
        values = circuit_outcomes(self.network, one, circuits, memory=memory)
        harm = values[:1] - values[1:]
        return -harm[None] if one.outcome.kind == "kl" else harm[None]

    def _names(self, chosen: "NDArray[np.int64]") -> dict[str, object]:
        graph = self.scorer.graph
        if self.study.by == "edges":
            ends = [graph.edge(int(edge)) for edge in chosen]
            return {"component": "edge", "sender": [s for s, _ in ends], "receiver": [r for _, r in ends]}
        return _places([graph.senders[int(node)] for node in chosen])

    def _judge(self, rows: _Rows) -> None:
        """What the judged items say, and another task's."""
        choice = self.choice
        items = self.scorer.prepared.of(self.judged)
        self._say(rows, judge(self.study, self.network, choice, items), [self.items[place] for place in self.judged])
        seen = self.scorer.prepared.of(self.searched)
        own = shares(self.network, seen, [choice.circuit], self.study.memory_bytes // 2)[:, 0]
        if choice.ranking is not None and self.study.by == "nodes":
            self._link(choice.ranking, rows)
        size = len(choice.circuit.edges) / choice.circuit.graph.edges if choice.ranking is None else self.study.size
        chosen_on = [self.items[place] for place in self.searched]
        self._say(rows, [Judgement("faithfulness", "circuit, items it was chosen on", own, size)], chosen_on)
        if self.other:
            others = PreparedItems(self.network, self.other, self.study, self.other)
            left = shares(self.network, others, [left_out(choice.circuit)], self.study.memory_bytes // 2)[:, 0]
            self._say(rows, [Judgement("isolate", "circuit", left, size)], self.other)

    def _link(self, ranking: "NDArray[np.float64]", rows: _Rows) -> None:
        """What the edges between the largest nodes carry, to first order: how a circuit of nodes hangs together."""
        graph = self.scorer.graph
        largest = np.argsort(-np.abs(ranking), kind="stable")[:_LINKED_NODES]
        edges = np.array(between(graph, [graph.senders[int(node)] for node in largest]).edges, dtype=np.int64)
        found = np.array([self.scorer.links(place, "eap-ig-inputs")[0, edges] for place in self.judged])
        kept = np.sort(np.argsort(-np.abs(found.mean(0)), kind="stable")[:_LINKS])
        ends = [graph.edge(int(edge)) for edge in edges[kept]]
        names = {"sender": [sender for sender, _ in ends], "receiver": [receiver for _, receiver in ends]}
        for place, values in zip(self.judged, found[:, kept], strict=True):
            rows.add(self.items[place].id, values[None], method=LINKS, component="edge", **names)

    def _say(self, rows: _Rows, judgements: Iterable[Judgement], items: "Sequence[AlignedContrast]") -> None:
        for one in judgements:
            names = (
                {**_places([one.sender]), "component": one.component} if one.sender else {"component": one.component}
            )
            for item, value in zip(items, one.values, strict=True):
                rows.add(item.id, np.array([[value]]), method=one.method, fraction=one.fraction, **names)


def _places(senders: Sequence[str]) -> dict[str, object]:
    """The columns that say which parts these are; what an address of tracing would call them."""
    parts = [(name, *name.split(".")) if name != "embed" else (name, "", "embed") for name in senders]
    is_head = [part.startswith("h") for _, _, part in parts]
    return {
        "component": ["z" if head else _COMPONENTS[part] for head, (_, _, part) in zip(is_head, parts, strict=True)],
        "layer": [int(layer[1:]) if layer else None for _, layer, _ in parts],
        "head": [int(part[1:]) if head else None for head, (_, _, part) in zip(is_head, parts, strict=True)],
        "sender": list(senders),
    }
