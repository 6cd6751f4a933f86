"""The values of a batch of items: what each place's intervention does to the outcome.

Letters: T positions, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import torch
from torch import Tensor

from aetia.models.allocator import give_back
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.planner import Cell
from aetia.models.recording import Recording, record
from aetia.models.sites import Site
from aetia.models.wavefront import base_outcomes, run_planned
from aetia.runs.keys import key_of
from aetia.studies.words import relabelled
from aetia.tracing.attribution import attribute
from aetia.tracing.cells import Runs, cells_for, noisy_world, recorded_components
from aetia.tracing.lens import direct_attribution, direct_components, logit_lens
from aetia.tracing.paths import path_effects, sender_sites
from aetia.tracing.places import Place, explicit
from aetia.tracing.requirements import check_items
from aetia.tracing.study import TraceStudy

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["SCHEMA", "Tracer"]

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("method", pa.string()),
        ("component", pa.string()),
        ("layer", pa.int32()),
        ("head", pa.int32()),
        ("position", pa.int32()),
        ("span", pa.string()),
        ("draw", pa.int32()),
        ("value", pa.float64()),
    ]
)


_ROUNDING = 8 * torch.finfo(torch.float32).eps

Draws = Sequence[float]
"""A place's value, and its values under exchanged labels, if these are read."""


@dataclass
class Rows:
    """The values table as it grows; `draw` numbers the draws of the null that were read with the real labels.

    Differences of logits that are no larger than the rounding of the item's logits are 0: rounding favours the words
    that have large logits, and a test of labels would find it.
    """

    records: list[tuple[object, ...]] = field(default_factory=list)
    rounding: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        item: str,
        method: str,
        component: str,
        values: Draws,
        layer: int | None = None,
        head: int | None = None,
    ) -> None:
        """A value that belongs to no position."""
        self._add((item, method, component, layer, head, None, None), values)

    def add_place(self, item: str, method: str, place: Place, values: Draws) -> None:
        """A value of a place."""
        self._add((item, method, place.name, place.layer, place.head, place.position, place.span), values)

    def _add(self, where: tuple[object, ...], values: Draws) -> None:
        limit = self.rounding.get(str(where[0]), 0.0)
        values = [0.0 if abs(value) <= limit else value for value in values]
        self.records.append((*where, None, values[0]))
        self.records.extend((*where, draw, value) for draw, value in enumerate(values[1:]))

    def table(self) -> pa.Table:
        columns = zip(*self.records, strict=True) if self.records else [[] for _ in SCHEMA]
        arrays = [pa.array(column, type=part.type) for column, part in zip(columns, SCHEMA, strict=True)]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)


@dataclass(frozen=True, eq=False)
class _Item:
    """An item's two plain runs and what is read of them, `[1 + labels]`."""

    item: "AlignedContrast"
    clean: Recording
    corrupted: Recording
    outcome: Outcome
    clean_values: Tensor
    corrupted_values: Tensor


class Tracer:
    """Computes the values of a study's items, one batch at a time.

    Args:
        study: The study.
        network: The network, loaded.
        items: All the study's items: mean and resample ablation need the others too.
        labels: How many further answers each run is scored by, as draws of label-permutation.
        direction: The draw of random-direction that takes the place of the values put in; None for the values.
    """

    def __init__(
        self,
        study: TraceStudy,
        network: Network,
        items: "Sequence[AlignedContrast]",
        *,
        labels: int = 0,
        direction: int | None = None,
    ) -> None:
        check_items(study, network, items)
        self.study, self.network, self.items = study, network, items
        self.labelled = relabelled(items, labels, study.seed)
        self.direction = direction
        self.is_denoising = study.direction == "denoise" and study.method in ("patch", "attribution", "path")

    def compute(self, indices: Sequence[int]) -> pa.Table:
        """The values table of the items at `indices`."""
        rows = Rows()
        worlds: list[Recording] = []
        outcomes: list[Outcome] = []
        cells: list[Cell] = []
        held = 0  # bytes of recordings that the cells copy from, besides the worlds themselves
        owners: list[tuple[_Item, Place, int]] = []
        for index in indices:
            one = self._open(index)
            self._describe(one, rows)
            if self.study.method == "path":
                self._paths(one, rows)
                continue
            for runs in self._runs(index, one):
                seed = None if self.direction is None else self._seed(index, self.direction)
                grid, patched = cells_for(self.study, self.network, runs, direction=seed)
                if self.study.method == "attribution":
                    grid, patched = self._attribution(one, runs, grid, patched, rows)
                owners += [(one, place, len(worlds)) for place in grid]
                cells += [Cell(cell.interventions, len(worlds)) for cell in patched]
                held += 0 if runs.source is None else runs.source.bytes
                worlds.append(runs.base)
                outcomes.append(one.outcome)
        if cells:
            self._patches(worlds, outcomes, cells, owners, rows, held)
        give_back()
        return rows.table()

    def _patches(
        self,
        worlds: Sequence[Recording],
        outcomes: Sequence[Outcome],
        cells: Sequence[Cell],
        owners: Sequence[tuple[_Item, Place, int]],
        rows: Rows,
        held: int,
    ) -> None:
        memory = self.study.memory_bytes - held
        values = run_planned(self.network, worlds, cells, outcomes, memory=memory).values
        base = base_outcomes(self.network, worlds, outcomes)
        method = "patch" if self.study.method == "attribution" else self.study.method
        if method == "noise":
            _add_noisy_baselines(base, owners, rows)
        changes = values - base[[world for _, _, world in owners]]
        # Samples of noise are several worlds of one item; the item's value at a place is their mean.
        total: dict[tuple[str, Place], list[list[float]]] = {}
        for (one, place, _), change in zip(owners, _lists(changes), strict=True):
            total.setdefault((one.item.id, place), []).append(change)
        for (item, place), effects in total.items():
            rows.add_place(item, method, place, _mean(effects))

    def _open(self, index: int) -> _Item:
        study, item = self.study, self.items[index]
        followed = item.answer_ids[:-1] if study.continuation else ()
        extra = direct_components(self.network) if study.outcome == "logit_difference" else []
        wanted = list(dict.fromkeys([*recorded_components(study, self.network), *extra, *self._held()]))
        clean = record(self.network, item.clean_ids + followed, wanted)
        corrupted = record(self.network, item.corrupted_ids + followed, wanted)
        reference = None
        if study.outcome == "kl":
            reference = self.network.unembed(clean.resid_pre[-1, -1]).log_softmax(-1)
        answer = tuple(item.answer_ids) if study.continuation else (item.answer_ids[0],)
        decoys = tuple((items[index].answer_ids[0], _foil(items[index])) for items in self.labelled)
        outcome = Outcome(study.outcome, answer, _foil(item), reference, decoys)
        first, second = base_outcomes(self.network, [clean, corrupted], [outcome, outcome])
        return _Item(item, clean, corrupted, outcome, first, second)

    def _held(self) -> list[tuple[str, int | None]]:
        """What path patching needs besides: everything that is held at its base value, and the senders."""
        if self.study.method != "path":
            return []
        layers = range(len(self.network.blocks))
        senders = {(site.component, site.layer) for site in sender_sites(self.network, self.study.senders)}
        residual = {place for place in senders if place[0] in ("resid_pre", "resid_post")}
        return [(name, layer) for layer in layers for name in ("z", "mlp_out")] + sorted(senders - residual)

    def _describe(self, one: _Item, rows: Rows) -> None:
        """Whether the model does the task at all, the logit lens, and what each part writes directly."""
        item, name = one.item, one.item.id
        if one.outcome.kind == "logit_difference":
            largest = max(map(abs, _draws(torch.cat([one.clean_values.reshape(-1), one.corrupted_values.reshape(-1)]))))
            rows.rounding[name] = _ROUNDING * max(1.0, largest)
        rows.add(name, "baseline", "clean", _draws(one.clean_values)[:1])
        if self.study.method != "noise":  # there the noisy run is the corrupted one
            rows.add(name, "baseline", "corrupted", _draws(one.corrupted_values)[:1])
            rows.add(name, "total", "total", _draws(one.clean_values - one.corrupted_values))
        if item.foil_ids and item.foil_ids[0] != item.answer_ids[0]:
            verdict = Outcome("accuracy", (item.answer_ids[0],), item.foil_ids[0])
            prompt = len(item.clean_ids)
            hidden = one.clean.resid_pre[-1, prompt - 1][None, None]
            rows.add(name, "baseline", "clean_correct", _draws(verdict.read(self.network, hidden)[0]))
        for layer, values in enumerate(_lists(logit_lens(self.network, one.clean, one.outcome))):
            rows.add(name, "logit_lens", "resid_post", values, layer)
        is_capped = getattr(self.network.config, "final_logit_softcapping", None) is not None
        # No sum of parts can follow a cap, nor name what is added between blocks.
        is_sum = not is_capped and all(added is None for added in one.clean.added)
        if one.outcome.kind == "logit_difference" and is_sum:
            labels = [(one.outcome.answer[0], one.outcome.foil), *one.outcome.decoys]
            pairs = [(answer, foil) for answer, foil in labels if foil is not None]
            for component, layer, head, values in direct_attribution(self.network, one.clean, pairs):
                rows.add(name, "direct", component, values, layer, head)

    def _runs(self, index: int, one: _Item) -> list[Runs]:
        """The base and source runs of an item; several for noise, one a sample."""
        study, item = self.study, one.item
        parts, prompt = item.named_positions, len(item.clean_ids)
        if study.method == "noise":
            scale = study.noise_scale * self._embedding_deviation
            return [
                Runs(self._noisy(one, parts[study.noise_span], scale, index, sample), one.clean, None, parts, prompt)
                for sample in range(study.noise_samples)
            ]
        if study.method == "mean":
            return [Runs(one.clean, None, self._means, parts, prompt)]
        if study.method == "resample":
            return [Runs(one.clean, self._other(index), None, parts, prompt)]
        base, source = (one.corrupted, one.clean) if self.is_denoising else (one.clean, one.corrupted)
        return [Runs(base, source, None, parts, prompt)]

    def _noisy(self, one: _Item, positions: Sequence[int], scale: float, index: int, sample: int) -> Recording:
        return noisy_world(self.network, one.clean.ids, positions, scale, self._seed(index, sample))

    def _seed(self, *what: int) -> int:
        return int(key_of(self.study.seed, *what)[:8], 16)

    @cached_property
    def _embedding_deviation(self) -> float:
        """The standard deviation of the embeddings of all tokens in the items, those of pictures among them."""
        if self.network.vision is not None:
            runs = [record(self.network, item.clean_ids, [("embed", None)]) for item in self.items]
            return float(torch.cat([run.components["embed", None] for run in runs]).float().std())
        ids = torch.tensor([token for item in self.items for token in item.clean_ids], device=self.network.device)
        with torch.inference_mode():
            return float(self.network.embedding(ids).float().std())

    @cached_property
    def _means(self) -> dict[tuple[str, int | None], Tensor]:
        """The mean over all items' clean runs, position by position."""
        total: dict[tuple[str, int | None], Tensor] = {}
        wanted = recorded_components(self.study, self.network)
        for item in self.items:
            run = record(self.network, item.clean_ids, wanted)
            residual = {("resid_pre", layer): run.resid_pre[layer] for layer in range(run.layers)}
            residual |= {("resid_post", layer): run.resid_post(layer) for layer in range(run.layers)}
            for place, value in (*run.components.items(), *residual.items()):
                total[place] = total[place] + value.float() if place in total else value.float()
        return {place: value / len(self.items) for place, value in total.items()}

    def _other(self, index: int) -> Recording:
        """Another item's clean run: the items in a seeded cycle, so that none is its own source."""
        generator = torch.Generator().manual_seed(self.study.seed)
        order = torch.randperm(len(self.items), generator=generator).tolist()
        after = order[(order.index(index) + 1) % len(order)]
        return record(self.network, self.items[after].clean_ids, recorded_components(self.study, self.network))

    def _attribution(
        self, one: _Item, runs: Runs, grid: Sequence[Place], cells: Sequence[Cell], rows: Rows
    ) -> tuple[list[Place], list[Cell]]:
        """Adds the estimates, and gives the sample of cells that are patched exactly to judge them."""
        assert runs.source is not None
        effects = attribute(self.network, runs.base, runs.source, one.outcome, grid)
        for place, values in zip(grid, effects, strict=True):
            rows.add_place(one.item.id, "attribution", place, values)
        generator = torch.Generator().manual_seed(self.study.seed)
        chosen = torch.randperm(len(grid), generator=generator)[: self.study.exact_cells].sort().values.tolist()
        return [grid[n] for n in chosen], [cells[n] for n in chosen]

    def _paths(self, one: _Item, rows: Rows) -> None:
        base, source = (one.corrupted, one.clean) if self.is_denoising else (one.clean, one.corrupted)
        start = one.corrupted_values if self.is_denoising else one.clean_values
        senders = sender_sites(self.network, self.study.senders)
        length, parts = one.item.length, one.item.named_positions
        values = path_effects(
            self.network,
            base,
            source,
            one.outcome,
            [explicit(site, length, parts) for site in senders],
            [explicit(Site.parse(text), length, parts) for text in self.study.receivers],
            through_mlps=self.study.through_mlps,
            memory=self.study.memory_bytes,
        )
        for site, changes in zip(senders, _lists(values - start), strict=True):
            positions = site.positions(length, parts)
            position, span = (None, site.position) if isinstance(site.position, str) else (positions[0], None)
            layer = site.layer or 0
            place = Place(site.component, layer, (layer,), site.head, site.units, position, span, positions)
            rows.add_place(one.item.id, "path", place, changes)


def _foil(item: "AlignedContrast") -> int | None:
    return item.foil_ids[0] if item.foil_ids else None


def _add_noisy_baselines(base: Tensor, owners: Sequence[tuple[_Item, Place, int]], rows: Rows) -> None:
    """The outcome of each item's noisy runs, their mean."""
    noisy: dict[str, list[list[float]]] = {}
    for one, world in dict.fromkeys((one, world) for one, _, world in owners):
        noisy.setdefault(one.item.id, []).append(_draws(base[world])[:1])
    for item, outcomes in noisy.items():
        rows.add(item, "baseline", "corrupted", _mean(outcomes))


def _mean(samples: Sequence[Draws]) -> Draws:
    """The mean over samples, draw by draw."""
    return samples[0] if len(samples) == 1 else [sum(draws) / len(samples) for draws in zip(*samples, strict=True)]


def _draws(value: Tensor) -> list[float]:
    """A value, or the real one and those of other labels."""
    return value.double().reshape(-1).tolist()


def _lists(values: Tensor) -> list[list[float]]:
    """The same for many values."""
    return values.double().reshape(len(values), -1).tolist()
