"""The instrument `trace`: what a study costs, its values, and the families its effects are tested in."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from aetia import catalogue
from aetia.models.quantities import UNITS
from aetia.studies import SYSTEM_NULLS, ContrastInstrument, Cost, Null, Part, Values
from aetia.studies.nulls import LABELS
from aetia.tracing.study import TraceStudy

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["Trace"]

_DIRECTION = "random-direction"


@catalogue.instrument(
    "trace",
    "tracing",
    question="Which site of the network causes its answer?",
    seeds=("057", "087"),
    citation="Meng et al. 2022; Wang et al. 2022; Nanda 2023; Kramar et al. 2024; Geva et al. 2023",
    inputs="a causal decoder and contrast pairs",
    cost="items x places; a grid of a block's residual costs about a tenth of as many plain forward runs",
)
class Trace(ContrastInstrument[TraceStudy]):
    """Activation patching, ablation, noise tracing, attribution, paths and knockouts, as one grid of effects."""

    name = "trace"
    study_type = TraceStudy
    dimensions = ("method", "component", "layer", "head", "position", "span")

    def forecast(self, study: TraceStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What the longest item costs.

        Raises:
            AetiaError: What `check_items` finds.
        """
        from aetia.models.outcome import Outcome
        from aetia.models.planner import forward_flops, plan
        from aetia.models.recording import unrecorded
        from aetia.tracing.cells import Runs, cells_for, recorded_components
        from aetia.tracing.lens import direct_components
        from aetia.tracing.paths import sender_sites
        from aetia.tracing.requirements import check_items

        check_items(study, network, items)
        item = max(items, key=lambda one: one.length)
        length = item.length
        wanted = recorded_components(study, network)
        if study.outcome == "logit_difference":
            wanted = list(dict.fromkeys([*wanted, *direct_components(network)]))
        base, source = (unrecorded(network, ids, wanted) for ids in (item.corrupted_ids, item.clean_ids))
        samples = study.noise_samples if study.method == "noise" else 1
        held = (2 + samples * (study.method == "noise")) * base.bytes
        if study.method == "path":
            senders = sender_sites(network, study.senders)
            runs = len(senders) * (2 if study.receivers else 1)
            flops = float(runs * forward_flops(network, length))
            return Cost(len(senders), len(senders) * length, held, held, flops, flops, is_single=True)
        residual = {
            (name, n): source.resid_pre[n] for name in ("resid_pre", "resid_post") for n in range(source.layers)
        }
        runs = Runs(base, source, source.components | residual, item.named_positions, length)
        grid, cells = cells_for(study, network, runs)
        planned = cells[: study.exact_cells] if study.method == "attribution" else cells
        if study.outcome in ("logit_difference", "accuracy"):
            outcome = Outcome("logit_difference", (0,), 0)
        else:
            outcome = Outcome("log_probability", (0,))
        kept = held - base.bytes
        schedule = plan(network, [base], planned, [outcome], memory=study.memory_bytes - kept)
        return Cost(
            cells=len(grid),
            rows=sum(one.rows for one in schedule.passes) * samples,
            held_bytes=held,
            peak_bytes=schedule.forecast.bytes + kept,
            flops=schedule.forecast.flops * samples,
            hook_flops=schedule.forecast.hook_flops * samples * len(grid) / max(1, len(planned)),
            is_single=study.method == "attribution",
        )

    def compute(self, study: TraceStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """The values of items."""
        from aetia.tracing.compute import Tracer

        return Tracer(study, network, items).compute

    def compute_labels(
        self, study: TraceStudy, network: "Network", items: "Sequence[AlignedContrast]", draws: int, /
    ) -> Values:
        """The values of items under their own answers and under `draws` exchanges of all answers."""
        from aetia.tracing.compute import Tracer

        return Tracer(study, network, items, labels=draws).compute

    def compute_draw(
        self, study: TraceStudy, network: "Network", items: "Sequence[AlignedContrast]", null: Null, draw: int, /
    ) -> Values:
        """The values on one draw of the null."""
        if null.name != _DIRECTION:
            return super().compute_draw(study, network, items, null, draw)
        from aetia.tracing.compute import Tracer

        return Tracer(study, network, items, direction=draw).compute

    def nulls(self, study: TraceStudy, /) -> tuple[str, ...]:
        """The nulls that the method and the outcome support."""
        found = [name for name in SYSTEM_NULLS if name != LABELS or _has_labels(study)]
        if study.method not in (
            "patch",
            "attribution",
            "path",
        ):  # the others take nothing from the clean prompt's partner
            found = [name for name in found if name in (LABELS, "randomised-weights")]
        if study.method in ("patch", "zero", "mean", "resample"):
            found.append(_DIRECTION)
        return tuple(found)

    def reads_labels(self, study: TraceStudy, /) -> bool:
        """Every method reads all labels in one run."""
        return _has_labels(study)

    def parts(self, study: TraceStudy, values: pa.Table, /) -> Sequence[Part]:
        """The baselines, which are no findings; then every method."""
        unit = UNITS[study.outcome]
        correct = pc.field("component") == "clean_correct"
        baseline = values.filter((pc.field("method") == "baseline") & ~correct)
        others = values.filter(pc.field("method") != "baseline")
        # Another direction of a change at a site leaves the plain runs as they are.
        is_direction = study.null.partition(":")[0] == _DIRECTION
        changed = pc.field("method") == study.method
        tested = others.filter(changed) if is_direction else others
        return [
            Part(baseline, unit, is_tested=False),
            Part(tested, unit),
            *([Part(others.filter(~changed), unit, is_tested=False)] if is_direction else []),
            Part(values.filter(correct), "proportion", is_tested=False),
        ]


def _has_labels(study: TraceStudy) -> bool:
    return study.outcome != "kl" and not study.continuation and study.pair is None
