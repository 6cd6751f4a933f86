"""The values of one picture and question: what the answer loses with the cells that each map names, and random maps.

Letters: n cells, k of them taken away, B random maps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aetia.errors import StudyError
from aetia.maps.asked import Asked, Grid, answered, asked, with_picture
from aetia.maps.effects import RANDOM
from aetia.maps.methods import draw_map
from aetia.maps.ranking import ladder, random_orders, ranked
from aetia.maps.removal import Cells, without
from aetia.maps.study import MapStudy
from aetia.models.groups import is_reserved
from aetia.models.prompts import Prompt, pictures_of
from aetia.runs.keys import key_of

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network
    from aetia.models.pictures import Picture

__all__ = ["SCHEMA", "Rows", "check_items", "compute_values", "map_values", "target_cells"]

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("map", pa.string()),
        ("measure", pa.string()),
        ("removal", pa.string()),
        ("cells", pa.int32()),
        ("random", pa.int32()),
        ("value", pa.float64()),
    ]
)
"""`cells` is how many are taken away, or of a map's own values the cell's number; `random` numbers the random maps."""


@dataclass
class Rows:
    """The values table of one item as it grows."""

    item: str
    records: list[tuple[object, ...]] = field(default_factory=list)

    def add(
        self,
        name: str,
        measure: str,
        value: float,
        removal: str | None = None,
        cells: int | None = None,
        random: int | None = None,
    ) -> None:
        """One value."""
        self.records.append((self.item, name, measure, removal, cells, random, value))

    def table(self) -> pa.Table:
        """The rows as a table of `SCHEMA`."""
        columns = zip(*self.records, strict=True) if self.records else [[] for _ in SCHEMA]
        arrays = [pa.array(column, type=part.type) for column, part in zip(columns, SCHEMA, strict=True)]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)


def compute_values(
    study: MapStudy, network: "Network", items: "Sequence[AlignedContrast]", indices: Sequence[int]
) -> pa.Table:
    """The values of the items at `indices`; each is also asked with another picture."""
    tables = []
    for index in indices:
        item = items[index]
        prompt = prompt_of(item)
        question = asked(network, prompt, outcome=study.outcome, seed=study.seed)
        rows = Rows(item.id)
        _describe(question, item, _other_picture(items, index), rows)
        map_values(study, question, target_cells(study, item, question), rows)
        tables.append(rows.table())
    return pa.concat_tables(tables)


def prompt_of(item: "AlignedContrast") -> Prompt:
    """The clean prompt of an item; StudyError AE-9601 if it has no picture."""
    if not isinstance(item.clean_ids, Prompt) or not item.clean_ids.pictures:
        found = f"The item {item.id} has no picture."
        raise StudyError("AE-9601", found, mend="use contrasts of pictures, such as scenes:colour.")
    return item.clean_ids


def target_cells(study: MapStudy, item: "AlignedContrast", question: Asked) -> tuple[int, ...]:
    """The cells of the region that a map should point at; none if the item has no regions.

    Raises:
        StudyError: AE-9608 if the study names a region that the item lacks.
    """
    own = [name for name in item.groups if not is_reserved(name)]
    name = study.region or (own[0] if own else "")
    if not name:
        return ()
    if name not in item.groups:
        found = f"The item {item.id} has no region {name!r}."
        known = f"its regions: {', '.join(own) or 'none'}"
        raise StudyError("AE-9608", found, details=(known,), mend="name one of its regions, or none.")
    numbers = {place: cell for cell, place in enumerate(question.places)}
    return tuple(numbers[place] for place in item.groups[name] if place in numbers)


def map_values(study: MapStudy, question: Asked, target: Sequence[int], rows: Rows) -> dict[str, Grid]:
    """Adds what each map and each random map takes away from the answer; returns the maps.

    Args:
        study: Which maps, and how they are tested.
        question: The answer that is explained.
        target: The cells that a map should point at; none if that is not known.
        rows: Where the values go.
    """
    count = len(question.places)
    if count < 2:
        raise StudyError("AE-9609", "The picture is one token.", mend="use a model that cuts its pictures into more.")
    steps = ladder(count, study.shares)
    grids = {name: draw_map(question, name) for name in study.maps}
    orders = {name: ranked(grid, _random(study, rows.item, name)) for name, grid in grids.items()}
    draws = random_orders(count, study.draws, _random(study, rows.item, RANDOM))
    for name, grid in grids.items():
        for cell, value in enumerate(grid.ravel()):
            rows.add(name, "map", float(value), cells=cell)
        if target:
            rows.add(name, "pointing", float(orders[name][0] in target))
    if target:
        rows.add(RANDOM, "pointing", len(target) / count)
    named = [(name, None, order) for name, order in orders.items()]
    every = [*named, *((RANDOM, draw, order) for draw, order in enumerate(draws))]
    for removal in study.removals:
        asked_for = [frozenset(), frozenset(range(count))]
        asked_for += [part for _, _, order in every for k in steps for part in (_first(order, k), _rest(order, k))]
        values = without(question, asked_for, removal, study.fill)
        _curves(every, steps, values, removal, rows)
    return grids


def _curves(
    every: Sequence[tuple[str, int | None, tuple[int, ...]]],
    steps: Sequence[int],
    values: Mapping[Cells, float],
    removal: str,
    rows: Rows,
) -> None:
    """Deletion: how far the outcome falls without the first k cells; insertion: how far it rises with them alone."""
    whole, empty = values[frozenset()], values[frozenset(every[0][2])]
    rows.add("picture", "effect", whole - empty, removal)
    for name, draw, order in every:
        for k in steps:
            rows.add(name, "deletion", whole - values[_first(order, k)], removal, k, draw)
            rows.add(name, "insertion", values[_rest(order, k)] - empty, removal, k, draw)


def _describe(question: Asked, item: "AlignedContrast", other: "Picture | None", rows: Rows) -> None:
    """The plain answer, whether it is right, and whether it would be given to another picture too."""
    rows.add("model", "answer", question.value)
    if not item.answer_ids:
        return
    rows.add("model", "correct", float(question.answer[0] == item.answer_ids[0]))
    if other is None:
        return
    swapped = with_picture(question.network, question.prompt, other)
    rows.add("model", "correct with another picture", float(answered(question.network, swapped) == item.answer_ids[0]))


def _other_picture(items: "Sequence[AlignedContrast]", index: int) -> "Picture | None":
    """The item's edited picture; else that of the next item with another answer, or of the next one; else None."""
    item = items[index]
    edited = pictures_of(item.corrupted_ids)
    if edited and edited[0] != prompt_of(item).pictures[0]:
        return edited[0]
    others = [*items[index + 1 :], *items[:index]]
    different = (one for one in others if one.answer_ids != item.answer_ids)
    other = next(different, others[0] if others else None)
    return None if other is None else prompt_of(other).pictures[0]


def _random(study: MapStudy, *names: str) -> np.random.Generator:
    return np.random.default_rng(int(key_of(study.seed, *names)[:16], 16))


def _first(order: Sequence[int], k: int) -> Cells:
    return frozenset(order[:k])


def _rest(order: Sequence[int], k: int) -> Cells:
    return frozenset(order[k:])


def check_items(network: "Network", items: "Sequence[AlignedContrast]") -> tuple[int, int]:
    """The tokens of the longest prompt, and the most tokens that a picture takes.

    Raises:
        StudyError: AE-9601 if an item has no picture, or the model does not see; AE-9612 if it has several.
    """
    if network.vision is None:
        found = "This model does not see."
        raise StudyError("AE-9601", found, mend="use a vision-language model, such as toy-llava.")
    prompts = [prompt_of(item) for item in items]
    for item, prompt in zip(items, prompts, strict=True):
        if len(prompt.pictures) > 1:
            found = f"The item {item.id} is asked about {len(prompt.pictures)} pictures, and a map lies over one."
            raise StudyError("AE-9612", found, mend="ask about one picture, or which frame is read by `aetia flow`.")
    return max(len(prompt) for prompt in prompts), max(network.vision.positions(one.pictures[0]) for one in prompts)
