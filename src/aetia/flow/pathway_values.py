"""The values of a study of pathways: what is kept with all edges cut but those that the other half of the items needed.

Letters: N items, E edges, B random sets.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aetia.errors import StudyError
from aetia.flow.pathway_search import LayeredEdge, Runs, cut_choices, entries, layered_edges, opened, search, with_cuts
from aetia.flow.study import PathwayStudy
from aetia.flow.values import first_choice
from aetia.models.allocator import give_back
from aetia.models.network import Network
from aetia.studies.clusters import clusters_of, counted, places_of

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["SCHEMA", "check_items", "halves", "pathway_values"]

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("measure", pa.string()),
        ("source", pa.string()),
        ("reader", pa.string()),
        ("layer", pa.int32()),
        ("draw", pa.int32()),
        ("value", pa.float64()),
    ]
)

Row = tuple[str, str, str | None, str | None, int | None, int | None, float]


def check_items(items: "Sequence[AlignedContrast]") -> None:
    """Raises StudyError AE-9507 if edges cannot be found on one half of the items and tested on the other."""
    if len(clusters_of(items)) < 2:
        found = f"{counted(items).capitalize()}: too few to find edges on one half and test them on the other."
        raise StudyError("AE-9507", found, mend="give at least 2 independent items; 20 or more tell something.")


def halves(study: PathwayStudy, items: "Sequence[AlignedContrast]") -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The places of the items that are tested in each fold; clusters stay together."""
    clusters = clusters_of(items)
    order = np.random.default_rng(study.seed).permutation(len(clusters)).tolist()
    return places_of(clusters, sorted(order[::2])), places_of(clusters, sorted(order[1::2]))


def pathway_values(study: PathwayStudy, network: Network, items: "Sequence[AlignedContrast]") -> pa.Table:
    """The values table of all items: every item is tested with the edges that the other half needed.

    Measures: the `plain` probability of the answer and that with the `pathway` alone, whether the first choice is right
    in each, the share of `edges` and of attention `entries` that are cut, for each edge whether it is in the pathway
    (`in pathway`), and the probability with as many random edges cut, as draws of `pathway`.

    Args:
        study: The study.
        network: The network.
        items: The items.

    Raises:
        StudyError: AE-9507 fewer than two independent items.
    """
    check_items(items)
    edges = layered_edges(items, len(network.blocks), study.window)
    runs = opened(network, items)
    tested = halves(study, items)
    rows: list[Row] = []
    for fold, held_out in enumerate(tested):
        finding = runs.some(tested[1 - fold])
        cost = partial(with_cuts, network, finding, memory=study.memory_bytes)
        cut = search(edges, cost, finding.plain, study.keep)
        random = _random_sets(study, edges, len(cut), fold)
        rows += _rows(network, runs.some(held_out), (edges, cut, random), study.memory_bytes)
    give_back()
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays([pa.array(c, p.type) for c, p in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def _random_sets(
    study: PathwayStudy, edges: Sequence[LayeredEdge], count: int, fold: int
) -> list[frozenset[LayeredEdge]]:
    chance = np.random.default_rng([study.seed, fold])
    return [
        frozenset(edges[place] for place in chance.choice(len(edges), count, replace=False).tolist())
        for _ in range(study.controls)
    ]


def _rows(
    network: Network,
    runs: Runs,
    found: tuple[Sequence[LayeredEdge], frozenset[LayeredEdge], Sequence[frozenset[LayeredEdge]]],
    memory: int,
) -> list[Row]:
    edges, cut, random = found
    kept = with_cuts(network, runs, [cut, *random], memory=memory)
    chosen = cut_choices(network, runs, cut)
    rows: list[Row] = []
    for number, item in enumerate(runs.items):
        is_right = first_choice(network, runs.worlds[number]) == item.answer_ids[0]
        whole = entries(item, edges)
        measures = {
            "plain": float(runs.plain[number]),
            "pathway": float(kept[0, number]),
            "plain correct": float(is_right),
            "pathway correct": float(chosen[number] == item.answer_ids[0]),
            "edges cut": len(cut) / len(edges),
            "entries cut": entries(item, cut) / whole if whole else 0.0,
        }
        rows += [(item.id, name, None, None, None, None, value) for name, value in measures.items()]
        rows += [
            (item.id, "pathway", None, None, None, draw, float(value)) for draw, value in enumerate(kept[1:, number])
        ]
        rows += [
            (item.id, "in pathway", edge.source, edge.reader, edge.layer, None, float(edge not in cut))
            for edge in edges
        ]
    return rows
