"""The instrument `trace`: from a study to its plan, its values and its effects."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from aetia import catalogue
from aetia.effects import Effects, summarise
from aetia.runs.instrument import Batch, Compute, Plan
from aetia.runs.keys import JSON, key_of
from aetia.tracing.study import TraceStudy

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network
    from aetia.models.planner import Forecast
    from aetia.models.recording import Recording

__all__ = ["Trace"]

_UNITS = {
    "logit_difference": "logits",
    "log_probability": "nats",
    "probability": "probability",
    "kl": "nats",
    "accuracy": "share",
}
_DIMENSIONS = ("method", "component", "layer", "head", "position", "span")
_ROWS_A_BATCH = 2048  # small grids of several items go through the layers together, as far as this many rows


@catalogue.instrument(
    "trace",
    "tracing",
    question="Which site of the network causes its answer?",
    seeds=("057", "087"),
    citation="Meng et al. 2022; Wang et al. 2022; Nanda 2023; Kramar et al. 2024; Geva et al. 2023",
    inputs="a causal decoder and contrast pairs",
    cost="items x places; a grid of a block's residual costs about a tenth of as many plain forward runs",
)
class Trace:
    """Activation patching, ablation, noise tracing, attribution, paths and knockouts, as one grid of effects."""

    name = "trace"
    study_type = TraceStudy

    def plan(self, study: TraceStudy, /) -> Plan:
        """The work of a study, without loading weights.

        Raises:
            ContrastError: If the prompts cannot be paired or the answer cannot be read as asked.
            StudyError: If the budget of memory is too small.
        """
        import torch
        import transformers

        from aetia import __version__
        from aetia.models.network import skeleton
        from aetia.models.planner import forecast_bytes
        from aetia.tracing.items import aligned

        network = skeleton(study.model)
        alignment = aligned(study, network)
        items = alignment.items
        places, rows, held, forecast = _forecast(study, network, items)
        source = network.source
        assert source is not None
        system: dict[str, JSON] = {
            "model": source.name,
            "revision": source.revision,
            "files": dict(source.files),
            "family": network.module.config.model_type,
            "dtype": study.dtype,
            "device": "cuda" if torch.cuda.is_available() else "cpu",
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
        is_single = study.method in ("attribution", "path")
        # Items go through the layers together as far as their recordings leave most of the memory free.
        fit = min(_ROWS_A_BATCH // max(1, rows), study.memory_bytes // (4 * held))
        size = 1 if is_single else max(1, min(fit, len(items)))
        asked = study.model_dump(mode="json", exclude={"memory", "level", "items", "contrasts", "pair"})
        batches = []
        for start in range(0, len(items), size):
            chosen = list(range(start, min(start + size, len(items))))
            content = [_content(items[n]) for n in chosen]
            # Means and resamples come from all the items, so these are part of what determines a value.
            others = [_content(item) for item in items] if study.method in ("mean", "resample", "noise") else []
            key = key_of(__version__, asked, system, chosen, content, others)
            batches.append(Batch(key, places * len(chosen), {"items": chosen}))
        notes = [f"{len(items)} of {study.items} items asked for; {len(alignment.dropped)} dropped while aligning."]
        notes += [f"dropped {name}: {reason}" for name, reason in alignment.dropped[:5]]
        notes.append("Every cell is planned; none fell back to plain hooks.")
        return Plan(
            batches=tuple(batches),
            items=tuple(_record(item) for item in items),
            system=system,
            forecast={
                "cells": places * len(items),
                "memory_bytes": forecast.bytes + (size - 1) * held,
                "memory": forecast_bytes(forecast.bytes + (size - 1) * held),
                "flops": forecast.flops * len(items),
                "plain_hooks_flops": forecast.hook_flops * len(items),
            },
            notes=tuple(notes),
        )

    def open(self, study: TraceStudy, /) -> Compute:
        """Loads the model and gives the function that computes a batch."""
        from aetia.models.network import load
        from aetia.tracing.compute import Tracer
        from aetia.tracing.items import aligned

        network = load(study.model, dtype=study.dtype)
        tracer = Tracer(study, network, aligned(study, network).items)

        def compute(batch: Batch) -> pa.Table:
            indices = batch.payload["items"]
            assert isinstance(indices, Sequence)
            return tracer.compute([int(str(index)) for index in indices])

        return compute

    def summarise(self, study: TraceStudy, values: pa.Table, /) -> Effects:
        """The mean over items at every place, with its bootstrap interval."""
        correct = pc.field("component") == "clean_correct"
        effects = summarise(
            values.filter(~correct),
            _DIMENSIONS,
            unit=_UNITS[study.outcome],
            level=study.level,
            seed=study.seed,
        )
        shares = summarise(values.filter(correct), _DIMENSIONS, unit="proportion", level=study.level, seed=study.seed)
        about = {"method": study.method, "direction": study.direction, "model": study.model, "study": study.identity()}
        return Effects(Effects.concat([effects, shares]).table, about)


def _forecast(
    study: TraceStudy, network: "Network", items: "Sequence[AlignedContrast]"
) -> "tuple[int, int, int, Forecast]":
    """How many places an item has, how many rows its cells have, the bytes its recordings hold, and what it costs."""
    from aetia.models.outcome import Outcome
    from aetia.models.planner import Forecast, plan
    from aetia.tracing.cells import Runs, cells_for, recorded_components
    from aetia.tracing.lens import direct_components
    from aetia.tracing.paths import sender_sites

    item = max(items, key=lambda one: len(one.clean_ids))
    length = len(item.clean_ids)
    wanted = recorded_components(study, network)
    if study.outcome == "logit_difference":
        wanted = list(dict.fromkeys([*wanted, *direct_components(network)]))
    base, source = (_stub(network, ids, wanted) for ids in (item.corrupted_ids, item.clean_ids))
    samples = study.noise_samples if study.method == "noise" else 0
    held = (2 + samples) * base.bytes
    if study.method == "path":
        senders = sender_sites(network, study.senders)
        return len(senders), len(senders) * length, held, Forecast(held, 0, 0)
    residual = {(name, n): source.resid_pre[n] for name in ("resid_pre", "resid_post") for n in range(source.layers)}
    runs = Runs(base, source, source.components | residual, dict(item.spans), length)
    grid, cells = cells_for(study, network, runs)
    if study.outcome in ("logit_difference", "accuracy"):
        outcome = Outcome("logit_difference", (0,), 0)
    else:
        outcome = Outcome("log_probability", (0,))
    kept = held - base.bytes
    schedule = plan(network, [base], cells, [outcome], memory=study.memory_bytes - kept)
    rows = sum(one.rows for one in schedule.passes)
    cost = schedule.forecast
    times = max(1, samples)
    forecast = Forecast(cost.bytes + kept, cost.flops * times, cost.hook_flops * times)
    return len(grid), rows * times, held, forecast


def _stub(network: "Network", ids: Sequence[int], components: Sequence[tuple[str, int | None]]) -> "Recording":
    """A recording of the right shapes without numbers."""
    import torch

    from aetia.models.recording import Recording

    def empty(*shape: int) -> torch.Tensor:
        return torch.empty(shape, device="meta")

    layers, length = len(network.blocks), len(ids)
    kept = {(name, layer): empty(*network.site_shape(name, length)) for name, layer in components}
    residual = empty(layers + 1, length, network.width)
    keys = empty(layers, network.heads.key_value, length, network.heads.width)
    return Recording(tuple(ids), residual, keys, keys, kept, ())


def _content(item: "AlignedContrast") -> JSON:
    spans: Mapping[str, JSON] = {name: list(span) for name, span in item.spans.items()}
    return [item.id, list(item.clean_ids), list(item.corrupted_ids), list(item.answer_ids), list(item.foil_ids), spans]


def _record(item: "AlignedContrast") -> dict[str, JSON]:
    return {
        "id": item.id,
        "clean": item.clean,
        "corrupted": item.corrupted,
        "answer": item.answer,
        "foil": item.foil,
        "clean_tokens": list(item.clean_tokens),
        "corrupted_tokens": list(item.corrupted_tokens),
        "spans": {name: list(span) for name, span in item.spans.items()},
    }
