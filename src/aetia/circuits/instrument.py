"""The instrument `circuit`: what a study costs, its values, and the families its effects are tested in."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from aetia import catalogue
from aetia.circuits.found import GRAPH, LINKS, METRICS
from aetia.circuits.study import SEARCHES, CircuitStudy
from aetia.effects import Effects
from aetia.models.quantities import UNITS
from aetia.studies import SYSTEM_NULLS, ContrastInstrument, Cost, Null, Part, Values, drawn, items_of
from aetia.studies.nulls import LABELS, null_of

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["Circuits"]


@catalogue.instrument(
    "circuit",
    "circuits",
    question="Which nodes or edges carry the answer, and are they the whole mechanism?",
    seeds=("047", "057", "106"),
    citation="Syed et al. 2023; Hanna et al. 2024; Marks et al. 2024; Conmy et al. 2023; Hsu et al. 2024; Mueller et "
    "al. 2025; Wang et al. 2022",
    inputs="a causal decoder whose heads write to the residual themselves, and contrast pairs",
    cost="items x (attribution: steps; patching: nodes or edges; searches: candidates); every draw of a null again",
)
class Circuits(ContrastInstrument[CircuitStudy]):
    """Nodes and edges of a circuit with their effects, and its faithfulness, areas, completeness and minimality."""

    name = "circuit"
    study_type = CircuitStudy
    dimensions = ("method", "component", "layer", "head", "sender", "receiver", "fraction")

    def forecast(self, study: CircuitStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What an item costs, in forward runs of one prompt.

        Raises:
            AetiaError: As `aetia.circuits.requirements.check_items`.
        """
        from aetia.circuits.requirements import check_items, cost_of

        check_items(study, network, items)
        cost = cost_of(study, network, items)
        null = null_of(study, items, self.nulls(study), comparisons=cost.cells)
        runs = len(self._draws(study, null))
        labels = null.draws if null is not None and null.name == LABELS and runs == 1 else 0
        return cost_of(study, network, items, runs=runs, labels=labels)

    def compute(self, study: CircuitStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """The values of items, and what the judged ones say of the circuit."""
        from aetia.circuits.values import CircuitValues

        return CircuitValues(study, network, items, other=self.others(study, network)).compute

    def compute_labels(
        self, study: CircuitStudy, network: "Network", items: "Sequence[AlignedContrast]", draws: int, /
    ) -> Values:
        """The values of items under their own answers and under `draws` exchanges of all answers."""
        from aetia.circuits.values import CircuitValues

        return CircuitValues(study, network, items, other=self.others(study, network), labels=draws).compute

    def compute_draw(
        self, study: CircuitStudy, network: "Network", items: "Sequence[AlignedContrast]", null: Null, draw: int, /
    ) -> Values:
        """The effects on one draw of the null, chosen there anew; the circuit that they make is not judged."""
        from aetia.circuits.values import CircuitValues

        return CircuitValues(study, *drawn(null, draw, study, network, items), is_draw=True).compute

    def opener(
        self, study: CircuitStudy, network: "Network", items: "Sequence[AlignedContrast]", null: Null | None, /
    ) -> Callable[[int | None], Values]:
        """Return what opens runs of a study; searches on relabelled items share the runs of their prompts."""
        if null is None or null.name != LABELS or self.reads_labels(study):
            return super().opener(study, network, items, null)
        from aetia.circuits.scoring import PreparedItems
        from aetia.circuits.values import CircuitValues

        prepared = PreparedItems(network, items, study, items)

        def opened(draw: int | None) -> Values:
            if draw is None:
                others = self.others(study, network)
                return CircuitValues(study, network, items, other=others, prepared=prepared).compute
            _, relabelled = drawn(null, draw, study, network, items)
            shared = prepared.relabelled(relabelled)
            return CircuitValues(study, network, relabelled, is_draw=True, prepared=shared).compute

        return opened

    def others(self, study: CircuitStudy, network: "Network", /) -> "tuple[AlignedContrast, ...]":
        """The items of the other task, as many as were asked of the first; none if none is named."""
        if study.other is None:
            return ()
        found = items_of(study.model_copy(update={"contrasts": study.other, "pair": None}), network).items
        # Items of two files may have the same ids, and are two items all the same.
        return tuple(replace(item, id=f"{study.other}/{item.id}") for item in found)

    def nulls(self, study: CircuitStudy, /) -> tuple[str, ...]:
        """The nulls that the outcome and the reference support."""
        found = SYSTEM_NULLS
        if study.outcome == "kl" or study.pair is not None:
            found = tuple(name for name in found if name != LABELS)
        if study.reference != "patch":  # then nothing is taken from the clean prompt's partner
            found = tuple(name for name in found if name in (LABELS, "randomised-weights"))
        return found

    def reads_labels(self, study: CircuitStudy, /) -> bool:
        """All methods but the searches, of which each step depends on the labels, read all labels off the same runs."""
        return study.outcome != "kl" and study.pair is None and study.method not in SEARCHES

    def parts(self, study: CircuitStudy, values: pa.Table, /) -> Sequence[Part]:
        """The plain outcomes; the total effect; the nodes or edges; and what is said of the circuit they make."""
        unit = UNITS[study.outcome]
        correct = pc.field("component") == "clean_correct"
        baseline = pc.field("method") == "baseline"
        return (
            Part(values.filter(baseline & ~correct), unit, is_tested=False),
            Part(values.filter(pc.field("method") == "total"), unit),
            Part(values.filter(pc.field("method") == study.method), unit),
            *(Part(values.filter(pc.field("method") == name), "share", is_tested=False) for name in METRICS),
            Part(values.filter(pc.field("method") == LINKS), unit, is_tested=False),
            Part(values.filter(baseline & correct), "proportion", is_tested=False),
        )

    def summarise(self, study: CircuitStudy, values: pa.Table, /) -> Effects:
        """The mean over items at every place, and the shape of the graph in the provenance."""
        effects = super().summarise(study, values)
        shape = values.filter(pc.field("method") == "graph").select(["component", "value"]).to_pylist()
        graph = {str(row["component"]): int(row["value"]) for row in shape}
        about = {GRAPH: json.dumps(graph), "granularity": study.by, "circuit_method": study.method}
        return Effects(effects.table, {**effects.provenance, **about})
