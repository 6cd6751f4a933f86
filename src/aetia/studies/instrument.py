"""How does a method over a model's contrasts become an instrument: planned, resumed, and run on its null?"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import numpy as np
import pyarrow as pa

from aetia.effects import Effects, draws_needed, summarise
from aetia.runs.instrument import Batch, Compute, Plan
from aetia.runs.keys import JSON, key_of
from aetia.studies.clusters import (
    check_clusters,
    clusters_by_name,
    clusters_of,
    counted,
    with_clusters,
)
from aetia.studies.nulls import LABELS, PLACEBO, SYSTEM_NULLS, Null, changes_items, drawn, null_of, ways_of
from aetia.studies.records import content_of, record_of
from aetia.studies.study import ContrastStudy, digests

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast, Alignment
    from aetia.models.network import Network

__all__ = ["ContrastInstrument", "Cost", "Part", "Values", "items_of"]

StudyT = TypeVar("StudyT", bound=ContrastStudy)
Values = Callable[[Sequence[int]], pa.Table]
"""From the places of items in the study's list to their values: columns `item`, the dimensions, `value`."""

_ROWS_A_BATCH = 2048  # small grids of several items go through the layers together, as far as this many rows


@dataclass(frozen=True)
class Cost:
    """What one item costs on one system.

    Args:
        cells: Places looked at.
        rows: Rows of the residual that are recomputed in each layer; how many items go together depends on it.
        held_bytes: What each further item of a batch holds in memory.
        peak_bytes: The most memory above the loaded model, for a batch of one item.
        flops: Floating-point operations.
        hook_flops: The same by one plain forward run a cell.
        is_single: Whether a batch is always one item.
    """

    cells: int
    rows: int
    held_bytes: int
    peak_bytes: int
    flops: float
    hook_flops: float
    is_single: bool = False

    @classmethod
    def of_runs(cls, network: "Network", length: int, cells: int, runs: float, memory: int) -> "Cost":
        """The cost of a method that tests one half of the items with what the other half taught: all are one batch.

        Args:
            network: The network.
            length: T of the longest prompt.
            cells: Places looked at.
            runs: How many full forward runs an item takes, or what takes as long.
            memory: The most memory above the loaded model, in bytes.
        """
        size = sum(weights.numel() for block in network.blocks for weights in block.parameters())
        flops = 2.0 * length * size * runs
        return cls(cells, 1, 1, memory, flops, flops)

    def batch_items(self, memory: int, items: int) -> int:
        """How many items go through the network together in `memory` bytes."""
        if self.is_single:
            return 1
        fit = min(_ROWS_A_BATCH // max(1, self.rows), memory // max(1, 4 * self.held_bytes))
        return max(1, min(fit, items))


@dataclass(frozen=True)
class Part:
    """Values of one unit; all that are tested in a study are one family, corrected together."""

    values: pa.Table
    unit: str
    is_tested: bool = True


class ContrastInstrument(ABC, Generic[StudyT]):
    """A method over contrast pairs of a language model; a subclass says what it computes and how much of it.

    Everything that it does is a function of (study, network, items), so that a null, which is another network or other
    items, runs through the whole of it.
    """

    name: ClassVar[str]
    study_type: type[StudyT]
    dimensions: ClassVar[tuple[str, ...]]

    @abstractmethod
    def forecast(self, study: StudyT, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What the costliest item costs; the network has no weights.

        Raises:
            AetiaError: The study cannot be carried out on this model with these items.
        """

    @abstractmethod
    def compute(self, study: StudyT, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """Return the function that computes values."""

    @abstractmethod
    def parts(self, study: StudyT, values: pa.Table, /) -> Sequence[Part]:
        """Return the values as families."""

    def others(self, study: StudyT, network: "Network", /) -> "tuple[AlignedContrast, ...]":  # noqa: ARG002  few have
        """Return the items of another task that the study asks about too; they are part of what determines a value.

        Raises:
            ContrastError: There are none that the model's tokenizer lets one compare.
        """
        return ()

    def clusters(
        self,
        study: StudyT,  # noqa: ARG002  says what the tasks are called
        items: "Sequence[AlignedContrast]",
        others: "Sequence[AlignedContrast]",
        /,
    ) -> Mapping[str, str]:
        """Return the cluster of each item by its name in the values; empty if all are independent."""
        return clusters_by_name([*items, *others])

    def nulls(self, study: StudyT, /) -> tuple[str, ...]:  # noqa: ARG002  others support less
        """Return the nulls that this method supports for the study."""
        return SYSTEM_NULLS

    def reads_labels(self, study: StudyT, /) -> bool:  # noqa: ARG002  others do
        """Return whether `compute_labels` scores every run by exchanged answers too."""
        return False

    def compute_labels(
        self, study: StudyT, network: "Network", items: "Sequence[AlignedContrast]", draws: int, /
    ) -> Values:
        """Return `compute` with draws of label-permutation, told by a column `draw`, at no further run."""
        raise NotImplementedError(f"{self.name} does not read labels together")

    def compute_draw(
        self, study: StudyT, network: "Network", items: "Sequence[AlignedContrast]", null: Null, draw: int, /
    ) -> Values:
        """Return what `compute` does on one draw of the null; a method with nulls of its own says here how."""
        return self.compute(study, *drawn(null, draw, study, network, items))

    def opener(
        self, study: StudyT, network: "Network", items: "Sequence[AlignedContrast]", null: Null | None, /
    ) -> Callable[[int | None], Values]:
        """Return what opens the study's runs: the real one (None) or a draw of the null.

        A method whose draws have work in common says here how they share it.
        """

        def opened(draw: int | None) -> Values:
            if null is not None and draw is not None:
                return self.compute_draw(study, network, items, null, draw)
            if null is not None and self._has_free_draws(study, null):
                return self.compute_labels(study, network, items, null.draws)
            return self.compute(study, network, items)

        return opened

    def plan(self, study: StudyT, /) -> Plan:
        """Return the work of a study, without loading weights.

        Raises:
            ContrastError: The prompts cannot be paired or the answer cannot be read as asked.
            StudyError: The budget of memory is too small, the null can never reach the level, or items that depend on
                each other are in no cluster.
        """
        from aetia.models.network import skeleton

        network = skeleton(study.model)
        alignment = items_of(study, network)
        items = alignment.items
        cost = self.forecast(study, network, items)
        null = null_of(study, items, self.nulls(study), comparisons=cost.cells)
        if null is not None and changes_items(null):
            drawn(null, 0, study, network, items)  # what the items do not allow is said now
        system = _system(study, network)
        draws = self._draws(study, null)
        size = cost.batch_items(study.memory_bytes, len(items))
        everything = _content_key(study, system, (items, self.others(study, network)), null)
        peak = cost.peak_bytes + (size - 1) * cost.held_bytes
        if null is not None and null.name == "randomised-weights":
            peak += sum(weights.nbytes for weights in network.module.parameters())  # the second copy of them
        return Plan(
            batches=tuple(
                Batch(key_of(everything, draw, chosen), cost.cells * len(chosen), {"items": chosen, "draw": draw})
                for draw in draws
                for start in range(0, len(items), size)
                if (chosen := list(range(start, min(start + size, len(items)))))
            ),
            items=tuple(record_of(item) for item in items),
            system=system,
            forecast=_forecast(cost, len(items), null, draws, peak),
            notes=(
                *_notes(study, alignment),
                _about_null(null, study, items, draws_needed(study.level, cost.cells, study.correction)),
            ),
        )

    def open(self, study: StudyT, /) -> Compute:
        """Load the model and return the function that computes a batch."""
        from aetia.models.network import load

        network = load(study.model, dtype=study.dtype)
        items = items_of(study, network).items
        cost = self.forecast(study, network, items)
        null = null_of(study, items, self.nulls(study), comparisons=cost.cells)
        clusters = self.clusters(study, items, self.others(study, network))
        opener, opened = self.opener(study, network, items, null), dict[int | None, Values]()

        def compute(batch: Batch) -> pa.Table:
            draw = batch.payload["draw"]
            assert draw is None or isinstance(draw, int)
            if draw not in opened:
                opened.clear()  # a draw's weights are as large as the model's
                opened[draw] = opener(draw)
            indices = batch.payload["items"]
            assert isinstance(indices, Sequence)
            values = opened[draw]([int(str(index)) for index in indices])
            return with_clusters(_with_draw(values, draw), clusters)

        return compute

    def run_on(self, study: StudyT, network: "Network", items: "Sequence[AlignedContrast]", /) -> Effects:
        """Return the effects on a network and items that are in memory, null included; nothing is written.

        Args:
            study: How it is asked; its model and contrasts are not looked at.
            network: A network, with a tokenizer only if the null needs one.
            items: The contrasts as tokens.

        Raises:
            AetiaError: As `plan`.
        """
        return self.summarise(study, self.values_on(study, network, items))

    def values_on(self, study: StudyT, network: "Network", items: "Sequence[AlignedContrast]", /) -> pa.Table:
        """Return the values that `run_on` summarises.

        Args:
            study: How it is asked.
            network: A network.
            items: The contrasts as tokens.

        Raises:
            AetiaError: As `plan`.
        """
        check_clusters(items)
        cost = self.forecast(study, network, items)
        null = null_of(study, items, self.nulls(study), comparisons=cost.cells)
        clusters = self.clusters(study, items, self.others(study, network))
        size = cost.batch_items(study.memory_bytes, len(items))
        opener, tables = self.opener(study, network, items, null), []
        for draw in self._draws(study, null):
            values = opener(draw)
            parts = [range(start, min(start + size, len(items))) for start in range(0, len(items), size)]
            tables += [with_clusters(_with_draw(values(part), draw), clusters) for part in parts]
        return pa.concat_tables(tables).combine_chunks()

    def _draws(self, study: StudyT, null: Null | None) -> list[int | None]:
        """The runs of a study: the real one, and the null's draws but for those that come with it."""
        if null is None or self._has_free_draws(study, null):
            return [None]
        return [None, *range(null.draws)]

    def _families(self, study: StudyT, values: pa.Table) -> list[Part]:
        """The parts; those that are tested in one unit become one family, since all their places are looked at."""
        parts = list(self.parts(study, values))
        tested: dict[str, list[pa.Table]] = {}
        for part in parts:
            if part.is_tested:
                tested.setdefault(part.unit, []).append(part.values)
        families = [Part(pa.concat_tables(tables), unit) for unit, tables in tested.items()]
        untested = [part for part in parts if not part.is_tested]
        return [*untested[:1], *families, *untested[1:]]

    def _has_free_draws(self, study: StudyT, null: Null) -> bool:
        return null.name == LABELS and self.reads_labels(study)

    def summarise(self, study: StudyT, values: pa.Table, /) -> Effects:
        """Return the mean over items, or clusters, at every place, with its interval and its test against the null."""
        has_draws = values["draw"].null_count < values.num_rows
        name = LABELS if study.null == "auto" else study.null.partition(":")[0]
        null = f"{name}:1" if has_draws else None  # `summarise` writes how many draws there are
        of = partial(
            summarise, dimensions=self.dimensions, level=study.level, seed=study.seed, correction=study.correction
        )
        effects = []
        for part in self._families(study, values):
            rows = _complete(part.values) if part.is_tested else part.values.filter(part.values["draw"].is_null())
            if rows.num_rows:
                effects.append(of(rows, unit=part.unit, null=null if part.is_tested else None))
        about = {"model": study.model, "study": study.identity(), "correction": study.correction if null else ""}
        if "cluster" in values.schema.names:
            about["clusters"] = str(len(values["cluster"].unique()))
        return Effects(Effects.concat(effects).table, about)


def items_of(study: ContrastStudy, network: "Network") -> "Alignment":
    """Return the study's items as tokens of the model.

    Raises:
        ContrastError: There are none that the model's tokenizer lets one compare.
        StudyError: AE-1604 two of them have the same clean prompt, and no common cluster.
    """
    from aetia.contrasts import study_contrasts

    alignment = study_contrasts(
        study.contrasts,
        None if study.pair is None else study.pair.model_dump(),
        network.tokenizer,
        items=study.items,
        seed=study.seed,
        chat=study.chat,
        continuation=study.scores_continuations,
        placebos=study.null.partition(":")[0] == PLACEBO,
        vision=network.vision,
    )
    check_clusters(alignment.items)
    return alignment


def _complete(values: pa.Table) -> pa.Table:
    """The values without draws of the null of which some items failed: their statistics are of other items."""
    rows = values.select(["draw", "item"]).group_by(["draw"]).aggregate([("item", "count_distinct")]).to_pylist()
    counts = {row["draw"]: row["item_count_distinct"] for row in rows if row["draw"] is not None}
    most = max(counts.values(), default=0)
    lacking = [draw for draw, count in counts.items() if count < most]
    if not lacking:
        return values
    of_draw = values["draw"].fill_null(-1).to_numpy()
    return values.filter(pa.array(~np.isin(of_draw, lacking)))


def _with_draw(table: pa.Table, draw: int | None) -> pa.Table:
    """The values, each with its draw of the null; those that tell their draws themselves keep them."""
    place = table.schema.get_field_index("draw")
    if place >= 0 and draw is None:
        return table
    column = pa.repeat(pa.scalar(draw, pa.int32()), table.num_rows)
    return table.append_column("draw", column) if place < 0 else table.set_column(place, "draw", column)


def _system(study: ContrastStudy, network: "Network") -> dict[str, JSON]:
    """What is studied, as far as it can change a value."""
    import torch
    import transformers

    source = network.source
    assert source is not None
    return {
        "model": source.name,
        "revision": source.revision,
        "files": dict(source.files),
        "family": network.module.config.model_type,
        "dtype": study.dtype,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _content_key(
    study: ContrastStudy,
    system: Mapping[str, JSON],
    tasks: "tuple[Sequence[AlignedContrast], Sequence[AlignedContrast]]",
    null: Null | None,
) -> str:
    """The key of all that determines the values of a study but the draw and which items they are of."""
    from aetia import __version__

    asked = study.model_dump(mode="json", exclude={"level", "items", "pair", "null", "correction"})
    # Means, resamples and nulls come from all the items, so that these are part of what determines a value.
    content, further = ([content_of(item) for item in items] for items in tasks)
    tested = None if null is None else str(null)
    return key_of(
        __version__, asked, system, content, tested, *([further] if further else []), *digests(study.further_files)
    )


def _forecast(
    cost: Cost, items: int, null: Null | None, draws: Sequence[int | None], peak: int
) -> dict[str, float | int | str]:
    from aetia.models.planner import forecast_bytes

    runs = items * len(draws)
    found: dict[str, float | int | str] = {
        "cells": cost.cells * runs,
        "memory_bytes": peak,
        "memory": forecast_bytes(peak),
        "flops": cost.flops * runs,
        "plain_hooks_flops": cost.hook_flops * runs,
    }
    if null is not None:
        further = f"{len(draws) - 1} further runs of the whole study" if len(draws) > 1 else "no further run"
        found["null"] = f"{null}, {further}"
    return found


def _notes(study: ContrastStudy, alignment: "Alignment") -> list[str]:
    items = alignment.items
    notes = [f"{len(items)} of {study.items} items asked for; {len(alignment.dropped)} dropped while aligning."]
    if any(item.cluster for item in items):
        notes.append(f"{len(items)} items in {len(clusters_of(items))} clusters; the items of a cluster count as one.")
    return notes + [f"dropped {name}: {reason}" for name, reason in alignment.dropped[:5]]


def _about_null(null: Null | None, study: ContrastStudy, items: "Sequence[AlignedContrast]", needed: int) -> str:
    if len(clusters_of(items)) < 2:
        return f"{counted(items).capitalize()}: an anecdote, with neither an interval nor a test."
    if null is not None:
        return f"Tested against {null}, corrected by {study.correction} for the places looked at."
    if study.null == "none":
        return "Not tested against any null, as asked: an effect here may be chance."
    ways = ways_of(items)
    return (
        f"Not tested: {LABELS} takes {counted(items, needed + 1)}, answers and foils that can trade places in {needed} "
        f"ways ({ways if ways < needed else 'enough'} here) and an outcome that reads them; give such items, or "
        f"--null randomised-weights:{needed}, which costs {needed} further runs."
    )
