"""The values of a study of flow: what each cut does to the probability of the answer, item by item.

Letters: N items, T positions, L layers, B draws.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import torch

from aetia.flow.chance import RANDOM_KEYS, Chance, random_keys
from aetia.flow.groups import Cuts, Edge, cuts_of, default_edges
from aetia.flow.knockout import knockouts
from aetia.flow.study import FlowStudy
from aetia.models.allocator import give_back
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.planner import Cell
from aetia.models.recording import Recording, record
from aetia.models.wavefront import base_outcomes, run_planned
from aetia.runs.keys import key_of
from aetia.tracing.places import window

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["SCHEMA", "all_cuts", "edges_of", "first_choice", "flow_values", "layers_of"]

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("items", pa.string()),
        ("source", pa.string()),
        ("reader", pa.string()),
        ("layer", pa.int32()),
        ("measure", pa.string()),
        ("draw", pa.int32()),
        ("null", pa.string()),
        ("value", pa.float64()),
    ]
)

Row = tuple[str, str, str | None, str | None, int | None, str, int | None, str | None, float]


@dataclass(frozen=True, eq=False)
class _Opened:
    """An item's clean run, what is read of it, and whether the model's first choice is the answer."""

    item: "AlignedContrast"
    run: Recording
    outcome: Outcome
    is_right: bool


def edges_of(study: FlowStudy, items: "Sequence[AlignedContrast]") -> tuple[Edge, ...]:
    """The edges that a study asks about.

    Raises:
        StudyError: AE-9502, AE-9503 an item lacks one; AE-9504 the items have no groups in common to cut.
    """
    from aetia.errors import StudyError

    edges = tuple(Edge.parse(text) for text in study.edges) or default_edges(items)
    if not edges:
        found = "The items have no groups of positions in common, so that there is no edge to cut."
        raise StudyError("AE-9504", found, mend="name spans or regions in the contrasts, or give edges.")
    for item in items:
        for edge in edges:
            cuts_of(edge, item)
    return edges


def layers_of(study: FlowStudy, network: Network) -> tuple[int, ...]:
    """The layers that a study looks at.

    Raises:
        SiteError: If the model does not have one of them.
    """
    for layer in study.layers or ():
        network.port("resid_pre", layer)
    return study.layers or tuple(range(len(network.blocks)))


@torch.inference_mode()
def first_choice(network: Network, run: Recording) -> int:
    """The token that a run predicts."""
    return int(network.unembed(run.resid_pre[-1, -1]).argmax())


@torch.inference_mode()
def flow_values(
    study: FlowStudy, network: Network, items: "Sequence[AlignedContrast]", edges: Sequence[Edge], chance: Chance
) -> pa.Table:
    """The values table of some items.

    One row for each item, edge, layer and measure: the change when the edge is cut in the window around the layer. As
    draws, of the tested measure, the same for as many random keys in its place, or of exchanged answers. Beside them
    the plain run: the probability, its logarithm, and whether the first choice is right.

    Args:
        study: The study.
        network: The network.
        items: The items.
        edges: The edges, which every item has.
        chance: What each edge is compared with.
    """
    opened = [_open(study, network, item, chance) for item in items]
    worlds, outcomes = [one.run for one in opened], [one.outcome for one in opened]
    plain = base_outcomes(network, worlds, outcomes).double().reshape(len(worlds), -1)
    depth = len(network.blocks)
    owners: list[tuple[int, Edge, int, int | None]] = []
    cells = []
    for world, one in enumerate(opened):
        for edge, draw, cuts in all_cuts(study, one.item, edges, chance):
            for layer in layers_of(study, network):
                near = window(layer, study.window, depth)
                owners.append((world, edge, layer, draw))
                cells.append(Cell(knockouts(dict.fromkeys(near, cuts), depth, one.item.length), world))
    values = run_planned(network, worlds, cells, outcomes, memory=study.memory_bytes).values
    cut = values.double().reshape(len(cells), -1)
    give_back()
    rows: list[Row] = []
    for one, value in zip(opened, plain[:, 0].tolist(), strict=True):
        rows.extend(_plain_rows(one, value))
    before = plain[[world for world, *_ in owners]]
    changes = {"probability": cut.exp() - before.exp(), "log_probability": cut - before}
    for measure, found in changes.items():
        for (world, edge, layer, draw), (change, *others) in zip(owners, found.tolist(), strict=True):
            place = (opened[world].item.id, "all", edge.source, edge.reader, layer, measure)
            is_tested, null = measure == study.outcome, chance.null(edge)
            if draw is None or is_tested:
                rows.append((*place, draw, None if draw is None else null, change))
            if is_tested and null not in (None, RANDOM_KEYS):
                rows += [(*place, number, null, value) for number, value in enumerate(others)]
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays([pa.array(c, p.type) for c, p in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def _open(study: FlowStudy, network: Network, item: "AlignedContrast", chance: Chance) -> _Opened:
    run = record(network, item.clean_ids)
    first = first_choice(network, run)
    token = item.answer_ids[0] if study.read == "answer" else first
    decoys = tuple((other, None) for other in chance.answers.get(item.id, ()))
    return _Opened(item, run, Outcome("log_probability", (token,), decoys=decoys), first == item.answer_ids[0])


def all_cuts(
    study: FlowStudy, item: "AlignedContrast", edges: Sequence[Edge], chance: Chance
) -> Iterator[tuple[Edge, int | None, Cuts]]:
    """Every edge's real cut, and the draws of random keys that it is compared with."""
    for edge in edges:
        cuts = cuts_of(edge, item)
        yield edge, None, cuts
        for draw in range(chance.draws if edge in chance.edges else 0):
            # Items that depend on each other lose the same random keys, as they may lose the same real ones.
            seed = int(key_of(study.seed, RANDOM_KEYS, draw, item.cluster or item.id, str(edge))[:8], 16)
            yield edge, draw, random_keys(item, cuts, seed)


def _plain_rows(one: _Opened, value: float) -> Iterator[Row]:
    measures = {
        "probability": float(torch.tensor(value).exp()),
        "log_probability": value,
        "correct": float(one.is_right),
    }
    for measure, found in measures.items():
        yield (one.item.id, "all", None, None, None, measure, None, None, found)
