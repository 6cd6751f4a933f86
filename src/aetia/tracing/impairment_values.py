"""The values of a study of selective impairment: drops by item, task and ablated set, and those of the controls.

Components are found on one half of a task's items and ablated in the other half's runs, and the reverse, so that no
item's drop is counted that helped to find what was ablated.

Letters: N items, C components, K ablated sets.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aetia.errors import SiteError, StudyError
from aetia.models.network import Network
from aetia.models.sites import Site
from aetia.studies.clusters import clusters_of, counted, places_of
from aetia.tracing.impairment import (
    Floats,
    Reference,
    components,
    drops,
    matched_sets,
    reference_of,
    scores,
    top_components,
)
from aetia.tracing.impairment_study import ImpairmentStudy

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["SCHEMA", "ImpairmentValues", "check_items", "impairment_values"]

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("task", pa.string()),
        ("ablated", pa.string()),
        ("ablation", pa.string()),
        ("component", pa.string()),
        ("value", pa.float64()),
        ("draw", pa.int32()),
    ]
)


@dataclass(frozen=True, eq=False)
class ImpairmentValues:
    """Drops of both tasks' items.

    Args:
        table: One row for each item, task, ablated set (by the task it was found for) and draw; no draw for the sets
            that were found, else the number of the matched random sets in their place. Rows with a component are the
            patching scores of those that were found.
        found: The components of each task, once for each half that is tested.
        places: By place in the first task's list, the items of both tasks that go with it.
    """

    table: pa.Table
    found: tuple[tuple[tuple[Site, ...], tuple[Site, ...]], ...]
    places: tuple[tuple[str, ...], ...]

    def of_places(self, places: Sequence[int]) -> pa.Table:
        """The rows of the items at these places."""
        wanted = [name for place in places for name in self.places[place]]
        return self.table.filter(pc.field("item").isin(wanted))


def impairment_values(
    study: ImpairmentStudy,
    network: Network,
    first: "Sequence[AlignedContrast]",
    second: "Sequence[AlignedContrast]",
) -> ImpairmentValues:
    """The drops of every item of both tasks under both tasks' components and under matched random ones.

    Args:
        study: The study.
        network: The network.
        first: The items of `study.contrasts`.
        second: The items of `study.other`.

    Raises:
        StudyError: AE-1410 or AE-1411 too many components; AE-1412 too few items to find on one half and test on the
            other.
        SiteError: AE-1413 a component that is given is not one of the model's.
    """
    check_items(study, first, second)
    tasks = (tuple(first), tuple(second))
    every = components(network, study.component)
    reference = reference_of(network, [*first, *second], every)
    known = _given(study, network)
    measured = [scores(network, items, every, study.outcome, memory=study.memory_bytes) for items in tasks if not known]
    tables, found = [], []
    for fold, tested in enumerate(_halves(study, tasks)):
        sets = known or _found(study, every, measured, tested)
        controls = _controls(study, sets, every, reference, fold)
        ablated = [*sets, *(one for pair in controls for one in pair)]
        for task, items in enumerate(tasks):
            held_out = [items[index] for index in tested[task]]
            how = (study.ablation, reference, study.outcome)
            values = drops(network, held_out, ablated, *how, memory=study.memory_bytes)
            tables.append(_table(_drop_rows(study, task, held_out, values)))
        found.append(sets)
    chosen = {site for sets in found for one in sets for site in one}
    for task, score in enumerate(measured):
        tables.append(_table(_score_rows(study, task, tasks[task], every, score, chosen)))
    return ImpairmentValues(pa.concat_tables(tables), tuple(found), _places(study, tasks))


def check_items(
    study: ImpairmentStudy, first: "Sequence[AlignedContrast]", second: "Sequence[AlignedContrast]"
) -> None:
    """Raises StudyError AE-1412 if components cannot be found on one half of the items and tested on the other."""
    for items, name in ((first, study.contrasts), (second, study.other)):
        if len(clusters_of(items)) < 2 and not study.first:
            found = f"{name} has {counted(items)}, too few to find components on one half and test on the other."
            raise StudyError("AE-1412", found, mend="give at least 2 items of each task, or name the components.")


def _places(study: ImpairmentStudy, tasks: "Sequence[Sequence[AlignedContrast]]") -> tuple[tuple[str, ...], ...]:
    """The second task's items are dealt out to the places of the first's."""
    count = len(tasks[0])
    names = [[f"{name}/{item.id}" for item in items] for name, items in zip(_names(study), tasks, strict=True)]
    return tuple((names[0][place], *names[1][place::count]) for place in range(count))


def _names(study: ImpairmentStudy) -> tuple[str, str]:
    assert study.contrasts is not None
    return study.contrasts, study.other


Halves = tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


def _halves(study: ImpairmentStudy, tasks: "Sequence[Sequence[AlignedContrast]]") -> Halves:
    """By fold and task, the items that are tested; all of them in one fold if nothing has to be found."""
    if study.first:
        return ((tuple(range(len(tasks[0]))), tuple(range(len(tasks[1])))),)
    clusters = [clusters_of(items) for items in tasks]
    orders = [np.random.default_rng(study.seed).permutation(len(of_task)).tolist() for of_task in clusters]
    first, second = (
        [places_of(of_task, order[fold::2]) for fold in range(2)]
        for of_task, order in zip(clusters, orders, strict=True)
    )
    return tuple(zip(first, second, strict=True))


def _given(study: ImpairmentStudy, network: Network) -> tuple[tuple[Site, ...], tuple[Site, ...]] | None:
    if not study.first:
        return None
    sets = tuple(tuple(Site.parse(text) for text in texts) for texts in (study.first, study.second))
    known = set(components(network, study.component))
    for site in (site for one in sets for site in one):
        network.check_site(site)
        if site not in known:
            found = f"{site} is not one of the {study.component} of the model, over all positions."
            raise SiteError("AE-1413", found, mend="write heads like L5.z.h3, blocks like L5.attn_out or L5.mlp_out.")
    return sets[0], sets[1]


def _found(
    study: ImpairmentStudy, every: Sequence[Site], measured: Sequence[Floats], tested: tuple[tuple[int, ...], ...]
) -> tuple[tuple[Site, ...], tuple[Site, ...]]:
    """The components of each task by the items that are not tested."""
    means = []
    for score, held_out in zip(measured, tested, strict=True):
        kept = [index for index in range(score.shape[1]) if index not in set(held_out)]
        means.append(score[:, kept].mean(axis=1))
    if study.ranking == "difference":
        largest = [np.abs(mean).max() or 1.0 for mean in means]
        difference = means[0] / largest[0] - means[1] / largest[1]
        means = [difference, -difference]
    first, second = (top_components(every, mean, study.top) for mean in means)
    return first, second


def _controls(
    study: ImpairmentStudy,
    sets: tuple[tuple[Site, ...], tuple[Site, ...]],
    every: Sequence[Site],
    reference: Reference,
    fold: int,
) -> list[tuple[tuple[Site, ...], tuple[Site, ...]]]:
    excluded = [*sets[0], *sets[1]]
    drawn = []
    for task, target in enumerate(sets):
        seed = int(np.random.SeedSequence([study.seed, fold, task]).generate_state(1)[0])
        drawn.append(matched_sets(target, excluded, every, reference.norms, draws=study.controls, seed=seed))
    if sets[0] == sets[1]:  # the same components are matched by the same controls
        drawn[1] = drawn[0]
    return list(zip(*drawn, strict=True))


Row = tuple[str, str, str | None, str | None, str | None, float, int | None]


def _drop_rows(study: ImpairmentStudy, task: int, items: "Sequence[AlignedContrast]", values: Floats) -> Iterator[Row]:
    names = _names(study)
    for number, row in enumerate(values):
        draw = None if number < 2 else number // 2 - 1
        for item, value in zip(items, row, strict=True):
            yield (f"{names[task]}/{item.id}", names[task], names[number % 2], study.ablation, None, value, draw)


def _score_rows(
    study: ImpairmentStudy,
    task: int,
    items: "Sequence[AlignedContrast]",
    every: Sequence[Site],
    score: Floats,
    chosen: Collection[Site],
) -> Iterator[Row]:
    name = _names(study)[task]
    for site, row in zip(every, score, strict=True):
        if site in chosen:
            address = str(site).removesuffix("@all")
            for item, value in zip(items, row, strict=True):
                yield (f"{name}/{item.id}", name, None, None, address, value, None)


def _table(rows: Iterable[Row]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [pa.array(column, type=part.type) for column, part in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
