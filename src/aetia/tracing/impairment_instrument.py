"""The instrument `impairment`: from a study of two tasks to its plan, its values and its effects."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aetia import catalogue
from aetia.effects import Effects
from aetia.studies import ContrastInstrument, Cost, Part, Values, items_of
from aetia.studies.clusters import clusters_by_name, with_clusters
from aetia.tracing.impairment_effects import DIMENSIONS, impairment_effects
from aetia.tracing.impairment_study import ImpairmentStudy

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["Impairment"]

_UNITS = {
    "logit_difference": "logits",
    "log_probability": "nats",
    "probability": "probability",
    "accuracy": "share",
}


@catalogue.instrument(
    "impairment",
    "tracing",
    question="Does ablating what one task uses harm that task and not another?",
    seeds=("115",),
    citation="Fartale et al. 2025",
    inputs="a causal decoder and two sets of contrast pairs",
    cost="items x (components + twice the matched controls)",
)
class Impairment(ContrastInstrument[ImpairmentStudy]):
    """Selective impairment: both tasks under both tasks' components, matched random controls, the interaction."""

    name = "impairment"
    study_type = ImpairmentStudy
    dimensions = DIMENSIONS

    def forecast(self, study: ImpairmentStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What an item of each task costs: every component patched once, every set ablated once.

        Raises:
            StudyError: AE-1410 more components than there are; AE-1412 too few items.
        """
        from aetia.tracing.impairment import components, top_components
        from aetia.tracing.impairment_values import check_items

        other = self.others(study, network)
        check_items(study, items, other)
        every = components(network, study.component)
        top_components(every, np.zeros(len(every)), study.top)
        length = max(item.length for item in (*items, *other))
        cells = 2 * (2 + 2 * study.controls + (0 if study.first else len(every)))
        return Cost.of_runs(network, length, cells, cells, study.memory_bytes)

    def compute(self, study: ImpairmentStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """The drops, all computed together; each item of the first task brings those of the other with its place."""
        from aetia.tracing.impairment_values import impairment_values

        return impairment_values(study, network, items, self.others(study, network)).of_places

    def others(self, study: ImpairmentStudy, network: "Network", /) -> "tuple[AlignedContrast, ...]":
        """The items of the other task, as many as were asked of the first."""
        return items_of(study.model_copy(update={"contrasts": study.other}), network).items

    def clusters(
        self, study: ImpairmentStudy, items: "Sequence[AlignedContrast]", others: "Sequence[AlignedContrast]", /
    ) -> Mapping[str, str]:
        """The clusters of both tasks, whose items and clusters may have the same names."""
        tasks = ((study.contrasts, items), (study.other, others))
        return clusters_by_name(
            replace(item, id=f"{task}/{item.id}", cluster=item.cluster and f"{task}/{item.cluster}")
            for task, of_task in tasks
            for item in of_task
        )

    def run_on_tasks(
        self,
        study: ImpairmentStudy,
        network: "Network",
        first: "Sequence[AlignedContrast]",
        second: "Sequence[AlignedContrast]",
        /,
    ) -> Effects:
        """Return the effects on a network and both tasks' items that are in memory; nothing is written."""
        from aetia.tracing.impairment_values import impairment_values

        values = impairment_values(study, network, first, second).table
        return self.summarise(study, with_clusters(values, self.clusters(study, first, second)))

    def parts(self, study: ImpairmentStudy, values: pa.Table, /) -> Sequence[Part]:
        """The drops, with the controls as draws of their null."""
        return (Part(values, _UNITS[study.outcome]),)

    def nulls(self, study: ImpairmentStudy, /) -> tuple[str, ...]:  # noqa: ARG002  the same for all studies
        """None but its own, which is part of every study: matched random components."""
        return ()

    def summarise(self, study: ImpairmentStudy, values: pa.Table, /) -> Effects:
        """The table of drops, its controls and the interaction."""
        (drops,) = self.parts(study, values)
        return impairment_effects(study, drops.values, drops.unit)
