"""The instrument `mediation`: from a study of an edit's paths to its plan, its values and its effects."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from aetia import catalogue
from aetia.effects import Effects
from aetia.flow.ratios import ratio_effects
from aetia.flow.study import MediationStudy
from aetia.models.quantities import UNITS
from aetia.studies import ContrastInstrument, Cost, Part, Values
from aetia.studies.nulls import LABELS

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["Mediation"]

_TESTED = ("effect", "removed", "part")


@catalogue.instrument(
    "mediation",
    "flow",
    question="How much of an edit's effect reaches the answer directly, how much through other positions?",
    seeds=("031", "040"),
    citation="Pearl 2001; Li et al. 2026",
    inputs="a causal decoder, with or without pictures, and contrast pairs that differ in a named group",
    cost="items x (2 paths + 6) plain forward runs",
)
class Mediation(ContrastInstrument[MediationStudy]):
    """An edit's effect by path, natural and removed, with their interaction; visual part and language prior."""

    name = "mediation"
    study_type = MediationStudy
    dimensions = ("measure", "path")

    def forecast(self, study: MediationStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What the longest item costs.

        Raises:
            StudyError: AE-9502, AE-9508 an item lacks the source or a mediator; AE-1210 it lacks a foil.
        """
        from aetia.flow.mediation import paths_of
        from aetia.models.outcome import Outcome
        from aetia.models.planner import forward_flops
        from aetia.models.recording import unrecorded

        paths = 0
        for item in items:
            paths = max(paths, len(paths_of(item, study.source, study.mediators).readers))
            foil = item.foil_ids[0] if item.foil_ids else None
            Outcome(study.outcome, (item.answer_ids[0],), foil)
        longest = max(items, key=lambda one: one.length)
        runs, held = 2 * paths + 6, 2 * unrecorded(network, longest.clean_ids).bytes
        flops = float(runs * forward_flops(network, longest.length))
        return Cost(2 * paths + 5, longest.length * runs, held, held, flops, flops)

    def compute(self, study: MediationStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """The values of items."""
        from aetia.flow.mediation_values import Mediator

        return Mediator(study, network, items).compute

    def compute_labels(
        self, study: MediationStudy, network: "Network", items: "Sequence[AlignedContrast]", draws: int, /
    ) -> Values:
        """The values of items under their own answers and under `draws` exchanges of all answers."""
        from aetia.flow.mediation_values import Mediator

        return Mediator(study, network, items, labels=draws).compute

    def nulls(self, study: MediationStudy, /) -> tuple[str, ...]:
        """Exchanged labels, and random weights."""
        found = (LABELS, "randomised-weights")
        return found if study.pair is None else found[1:]

    def reads_labels(self, study: MediationStudy, /) -> bool:
        """All labels are read in one run, but for a pair, which has no other's."""
        return study.pair is None

    def parts(self, study: MediationStudy, values: pa.Table, /) -> Sequence[Part]:
        """The plain runs, which are no findings; then every part of the effect, tested together."""
        is_tested = pc.field("measure").isin(list(_TESTED))
        unit = UNITS[study.outcome]
        return (Part(values.filter(~is_tested), unit, is_tested=False), Part(values.filter(is_tested), unit))

    def summarise(self, study: MediationStudy, values: pa.Table, /) -> Effects:
        """The mean of every part, and its share of the whole, pooled over items."""
        effects = super().summarise(study, values)
        shares = _shares(values)
        more = ratio_effects(shares, self.dimensions, unit="share", level=study.level, seed=study.seed)
        about = {"source": study.source, "mediators": ", ".join(study.mediators)}
        return Effects(Effects.concat([effects, more]).table, {**effects.provenance, **about})


def _shares(values: pa.Table) -> pa.Table:
    """Each path's effect with the total below it, and each part of the answer with the clean answer below it."""
    real = values.filter(pc.field("draw").is_null())
    found = []
    for measure, whole, name in (
        ("effect", ("effect", "total"), "share of effect"),
        ("part", ("answer", "clean"), "share of answer"),
    ):
        chosen = real.filter((pc.field("measure") == whole[0]) & (pc.field("path") == whole[1]))
        below = dict(zip(chosen["item"].to_pylist(), chosen["value"].to_pylist(), strict=True))
        rows = real.filter((pc.field("measure") == measure) & (pc.field("path") != "total"))
        rows = rows.set_column(rows.schema.get_field_index("measure"), "measure", pa.repeat(name, rows.num_rows))
        found.append(rows.append_column("below", pa.array([below[i] for i in rows["item"].to_pylist()], pa.float64())))
    return pa.concat_tables(found)
