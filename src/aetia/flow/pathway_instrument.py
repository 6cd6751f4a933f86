"""The instrument `pathways`: from a study of the edges that are enough to its plan, its values and its effects."""

from collections.abc import Sequence
from functools import cache
from math import log2
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from aetia import catalogue
from aetia.effects import Effects
from aetia.flow.pathway_effects import DIMENSIONS, pathway_effects
from aetia.flow.study import PathwayStudy
from aetia.studies import ContrastInstrument, Cost, Part, Values
from aetia.studies.clusters import clusters_of

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["Pathways"]

_NEEDED = 4  # edges that a task is taken to need, for the forecast of the search


@catalogue.instrument(
    "pathways",
    "flow",
    question="Which edges between groups of positions are enough for the answer, all others cut?",
    seeds=("108",),
    citation="Kim et al. 2026",
    inputs="a causal decoder, with or without pictures, and contrasts with named groups of positions",
    cost="items x (edges x layers + random sets); the search adds some runs for each edge that is needed",
)
class Pathways(ContrastInstrument[PathwayStudy]):
    """Edges found on one half of the items by cutting all that can go, tested on the other half, and the reverse."""

    name = "pathways"
    study_type = PathwayStudy
    dimensions = DIMENSIONS

    def forecast(self, study: PathwayStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What an item costs: every edge cut by itself, the search, and the random sets.

        Raises:
            StudyError: AE-9507 too few items; AE-1108 too few controls for them.
        """
        from aetia.effects import check_draws
        from aetia.flow.pathway_search import layered_edges
        from aetia.flow.pathway_values import check_items
        from aetia.models.recording import unrecorded

        check_items(items)
        check_draws((study.controls + 1) ** len(clusters_of(items)) - 1, study.level, 1)
        edges = layered_edges(items, len(network.blocks), study.window)
        runs = len(edges) / 2 + _NEEDED * log2(len(edges) + 1) + study.controls + 3
        longest = max(items, key=lambda item: item.length)
        held = unrecorded(network, longest.clean_ids).bytes
        cost = Cost.of_runs(network, longest.length, len(edges), runs, study.memory_bytes)
        return Cost(cost.cells, cost.rows, held, cost.peak_bytes + held * len(items), cost.flops, cost.hook_flops)

    def compute(self, study: PathwayStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """The values, all computed together: each item's edges come from the items of the other half."""
        from aetia.flow.pathway_values import pathway_values

        @cache
        def everything() -> pa.Table:
            return pathway_values(study, network, items)

        def of_places(places: Sequence[int]) -> pa.Table:
            return everything().filter(pc.field("item").isin([items[place].id for place in places]))

        return of_places

    def parts(self, study: PathwayStudy, values: pa.Table, /) -> Sequence[Part]:  # noqa: ARG002  one claim
        """The probability that is left, with the random sets as draws of their null."""
        return (Part(values.filter(pc.field("measure") == "pathway"), "probability"),)

    def nulls(self, study: PathwayStudy, /) -> tuple[str, ...]:  # noqa: ARG002  the same for all studies
        """None but its own, which are part of every study: random reads, and other items' answers."""
        return ()

    def summarise(self, study: PathwayStudy, values: pa.Table, /) -> Effects:
        """The table of what is cut and kept."""
        return pathway_effects(study, values)
