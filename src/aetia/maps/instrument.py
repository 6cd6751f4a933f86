"""The instrument `map`: what a study of maps costs, its values, its effects and its verdicts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from aetia import catalogue
from aetia.effects import Effects
from aetia.maps.effects import map_effects
from aetia.maps.held import DIMENSIONS
from aetia.maps.names import CONTROL_NAMES
from aetia.maps.study import MapStudy
from aetia.maps.verdict import judged
from aetia.models.quantities import UNITS
from aetia.runs.instrument import Plan
from aetia.studies import ContrastInstrument, Cost, Part, Values

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["Maps"]


@catalogue.instrument(
    "map",
    "maps",
    question="Which map of a picture may be trusted to show what an answer rests on?",
    seeds=("016", "103"),
    citation="Li et al. 2025; Liang et al. 2025; Zeiler and Fergus 2014; Abnar and Zuidema 2020; Petsiuk et al. 2018",
    inputs="a vision-language model and contrasts of pictures",
    cost="items x (4 x random maps x shares) forward runs of a picture, the half of them without its tower",
)
class Maps(ContrastInstrument[MapStudy]):
    """Maps over pictures, with deletion, insertion and knock-out against random maps and controls, and a verdict."""

    name = "map"
    study_type = MapStudy
    dimensions = DIMENSIONS

    def forecast(self, study: MapStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What the longest item costs: every map, and every different part of the picture taken away.

        Raises:
            StudyError: AE-9601 an item has no picture, or the model does not see.
        """
        from aetia.maps.measured import check_items

        length, cells = check_items(network, items)
        orders = study.draws + 4 * len(study.maps) + len(CONTROL_NAMES)  # its own, and those of three other items
        runs = len(study.removals) * len(study.measures) * len(study.shares) * orders + 4 * cells
        return replace(
            Cost.of_runs(network, length, len(study.maps), runs, study.memory_bytes),
            is_single=True,  # so that a run that is stopped keeps every picture that it has finished
        )

    def compute(self, study: MapStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """The values of items."""
        from aetia.maps.measured import Grids, compute_values

        known: dict[int, Grids] = {}
        return lambda indices: compute_values(study, network, items, indices, known)

    def parts(self, study: MapStudy, values: pa.Table, /) -> Sequence[Part]:
        """All values as they are; the tests against controls are `summarise`'s own."""
        return (Part(values, UNITS[study.outcome], is_tested=False),)

    def nulls(self, study: MapStudy, /) -> tuple[str, ...]:  # noqa: ARG002  the same for all studies
        """None: every picture comes with its controls."""
        return ()

    def plan(self, study: MapStudy, /) -> Plan:
        """Return the work of a study, without loading weights.

        Raises:
            ContrastError: The prompts cannot be paired or the answer cannot be read as asked.
            StudyError: AE-9601 an item has no picture, or the model does not see.
        """
        plan = super().plan(study)
        tested = (
            f"Each picture is given {study.draws} random maps, maps of other items, and maps that need no model; "
            "maps are tested against them, corrected by Holm."
        )
        one = "One picture: an anecdote, tested against its random maps alone, without a verdict."
        return replace(plan, notes=(*plan.notes[:-1], tested if len(plan.items) > 1 else one))

    def summarise(self, study: MapStudy, values: pa.Table, /) -> Effects:
        """The effects, with the maps that may be trusted in the provenance."""
        effects = map_effects(study, values)
        verdicts = judged(effects, primary=study.primary, margin=study.margin, level=study.level)
        about = {
            "model": study.model,
            "study": study.identity(),
            "primary": study.primary,
            "margin": repr(study.margin),
            "trusted": " ".join(one.map for one in verdicts if one.is_trusted),
        }
        return Effects(effects.table, about)
