"""The values of a study of pathways: what is kept with all edges cut but those that the other half of the items needed.

Letters: N items, E edges, B random sets of reads.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aetia.errors import StudyError
from aetia.flow.chance import RANDOM_KEYS, random_reads
from aetia.flow.groups import Cuts
from aetia.flow.pathway_search import (
    Floats,
    LayeredEdge,
    Runs,
    by_layer,
    cut_choices,
    entries,
    layered_edges,
    opened,
    search,
    with_cuts,
    without_reads,
)
from aetia.flow.study import PathwayStudy
from aetia.flow.values import first_choice
from aetia.models.allocator import give_back
from aetia.models.network import Network
from aetia.runs.keys import key_of
from aetia.studies.clusters import clusters_of, counted, places_of
from aetia.studies.nulls import LABELS

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
        ("null", pa.string()),
        ("value", pa.float64()),
    ]
)

Row = tuple[str, str, str | None, str | None, int | None, int | None, str | None, float]

_RELABELLINGS = 199  # they cost no run


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
    (`in pathway`). As draws, of `pathway` the probability with as many random reads cut, from each row and of each
    kind, and of `plain correct` whether the first choice is right by another item's answer.

    What is cut is searched for as if more had to be kept, halfway from `keep` to everything: items that did not help to
    find it keep less. An item that gets more of its answer than the plain run makes up for no other.

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
    rows = list(_choices(study, network, runs))
    for fold, held_out in enumerate(tested):
        finding = runs.some(tested[1 - fold])
        cost = partial(_kept, network, finding, study.memory_bytes)
        cut = search(edges, cost, finding.plain, (1.0 + study.keep) / 2.0)
        rows += _rows(study, network, runs.some(held_out), (edges, cut))
    give_back()
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays([pa.array(c, p.type) for c, p in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def _kept(network: Network, runs: Runs, memory: int, cuts: Sequence[frozenset[LayeredEdge]]) -> Floats:
    return np.minimum(with_cuts(network, runs, cuts, memory=memory), runs.plain)


def _choices(study: PathwayStudy, network: Network, runs: Runs) -> Iterator[Row]:
    """Whether each plain run's first choice is right, by its own answer and by those of others."""
    clusters, chance = clusters_of(runs.items), np.random.default_rng([study.seed, 1])
    ways = [chance.permutation(len(clusters)).tolist() for _ in range(_RELABELLINGS)]
    for number, places in enumerate(clusters):
        for at, place in enumerate(places):
            item, first = runs.items[place], first_choice(network, runs.worlds[place])
            yield (item.id, "plain correct", None, None, None, None, None, float(first == item.answer_ids[0]))
            for draw, way in enumerate(ways):
                met = clusters[way[number]]
                other = runs.items[met[at % len(met)]]
                is_right = float(first == other.answer_ids[0])
                yield (item.id, "plain correct", None, None, None, draw, LABELS, is_right)


def _random_cuts(study: PathwayStudy, item: "AlignedContrast", cut: frozenset[LayeredEdge]) -> list[dict[int, Cuts]]:
    """For each draw, by layer, as many random reads as these edges have; one draw is one permutation in all layers."""
    real = by_layer(item, cut)
    seeds = [
        int(key_of(study.seed, RANDOM_KEYS, draw, item.cluster or item.id)[:8], 16) for draw in range(study.controls)
    ]
    return [{layer: random_reads(item, rows, seed) for layer, rows in real.items()} for seed in seeds]


def _rows(
    study: PathwayStudy, network: Network, runs: Runs, found: tuple[Sequence[LayeredEdge], frozenset[LayeredEdge]]
) -> list[Row]:
    edges, cut = found
    real = with_cuts(network, runs, [cut], memory=study.memory_bytes)[0]
    random = list(zip(*(_random_cuts(study, item, cut) for item in runs.items), strict=True))
    drawn = without_reads(network, runs, random, memory=study.memory_bytes)
    chosen = cut_choices(network, runs, cut)
    rows: list[Row] = []
    for number, item in enumerate(runs.items):
        whole = entries(item, edges)
        measures = {
            "plain": float(runs.plain[number]),
            "pathway": float(real[number]),
            "pathway correct": float(chosen[number] == item.answer_ids[0]),
            "edges cut": len(cut) / len(edges),
            "entries cut": entries(item, cut) / whole if whole else 0.0,
        }
        rows += [(item.id, name, None, None, None, None, None, value) for name, value in measures.items()]
        rows += [
            (item.id, "pathway", None, None, None, draw, RANDOM_KEYS, float(value))
            for draw, value in enumerate(drawn[:, number])
        ]
        rows += [
            (item.id, "in pathway", edge.source, edge.reader, edge.layer, None, None, float(edge not in cut))
            for edge in edges
        ]
    return rows
