"""The values of one picture and question: what the answer loses with the cells that each map names, and its controls.

Letters: n cells, k of them taken away, B random maps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aetia.errors import StudyError
from aetia.maps.asked import Asked, Grid, answered, asked, with_picture
from aetia.maps.controls import CONTROLS, draw_decoy, laid_on
from aetia.maps.methods import draw_map
from aetia.maps.names import DECOY_NAMES, RANDOM, Removal, of_other_items
from aetia.maps.pointing import target_cells
from aetia.maps.ranking import ladder, random_orders, ranked
from aetia.maps.removal import Cells, without
from aetia.maps.study import MapStudy
from aetia.models.prompts import Prompt, pictures_of
from aetia.runs.keys import key_of

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network
    from aetia.models.pictures import Picture

__all__ = ["SCHEMA", "Grids", "Rows", "check_items", "compute_values", "map_values", "prompt_of"]

Grids = dict[str, Grid]
"""The maps of one item by name."""

_OTHERS = 3  # other items whose maps are laid on each picture

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("map", pa.string()),
        ("measure", pa.string()),
        ("removal", pa.string()),
        ("share", pa.float64()),
        ("cell", pa.int32()),
        ("random", pa.int32()),
        ("value", pa.float64()),
    ]
)
"""`share` of the picture is taken away; `cell` is that of a map's own value; `random` numbers the random maps of an
item, and the other items whose map is laid on it."""


@dataclass
class Rows:
    """The values table of one item as it grows.

    Args:
        item: Its name.
        cluster: Its cluster, whose items share what is drawn at random; by default it is alone.
    """

    item: str
    cluster: str = ""
    records: list[tuple[object, ...]] = field(default_factory=list)

    def add(
        self,
        name: str,
        measure: str,
        value: float,
        removal: str | None = None,
        share: float | None = None,
        cell: int | None = None,
        random: int | None = None,
    ) -> None:
        """One value."""
        self.records.append((self.item, name, measure, removal, share, cell, random, value))

    def table(self) -> pa.Table:
        """The rows as a table of `SCHEMA`."""
        columns = zip(*self.records, strict=True) if self.records else [[] for _ in SCHEMA]
        arrays = [pa.array(column, type=part.type) for column, part in zip(columns, SCHEMA, strict=True)]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)


def compute_values(
    study: MapStudy,
    network: "Network",
    items: "Sequence[AlignedContrast]",
    indices: Sequence[int],
    known: dict[int, Grids],
) -> pa.Table:
    """The values of the items at `indices`; each is also asked with another picture, and shown others' maps.

    Args:
        study: Which maps, and how they are tested.
        network: A network that sees.
        items: All items of the study.
        indices: Those whose values are asked for.
        known: The maps of items that have been drawn, by the item's place; grows.
    """
    tables = []
    for index in indices:
        question, rows = _question(study, network, items[index]), Rows(items[index].id, items[index].cluster)
        _describe(question, items[index], _other_picture(items, index), rows)
        for place in (index, *(others := _others(items, index))):
            if place not in known:
                known[place] = _grids(study, network, items, place)
        laid = [
            {name: laid_on(grid, question.grid) for name, grid in known[place].items()} for place in others[:_OTHERS]
        ]
        map_values(study, question, known[index], laid, target_cells(study, items[index], question), rows)
        tables.append(rows.table())
    return pa.concat_tables(tables)


def _question(study: MapStudy, network: "Network", item: "AlignedContrast") -> Asked:
    return asked(network, prompt_of(item), outcome=study.outcome, seed=study.seed, fill=study.fill)


def _grids(study: MapStudy, network: "Network", items: "Sequence[AlignedContrast]", index: int) -> Grids:
    """The maps of one item; a decoy looks at the items that are not among its controls, as far as there are more."""
    question = _question(study, network, items[index])
    others = _others(items, index)
    prompts = [prompt_of(items[place]) for place in others[_OTHERS:] or others]
    return {
        name: draw_decoy(question, name, prompts, _random(study, items[index].id, name))
        if name in DECOY_NAMES
        else draw_map(question, name)
        for name in study.maps
    }


def _others(items: "Sequence[AlignedContrast]", index: int) -> list[int]:
    """The places of the items of other clusters, from the next one on, in a circle; one of each cluster."""
    own = items[index].cluster or items[index].id
    found: dict[str, int] = {}
    for place in (*range(index + 1, len(items)), *range(index)):
        name = items[place].cluster or items[place].id
        if name != own:
            found.setdefault(name, place)
    return list(found.values())


def prompt_of(item: "AlignedContrast") -> Prompt:
    """The clean prompt of an item; StudyError AE-9601 if it has no picture."""
    if not isinstance(item.clean_ids, Prompt) or not item.clean_ids.pictures:
        found = f"The item {item.id} has no picture."
        raise StudyError("AE-9601", found, mend="use contrasts of pictures, such as scenes:colour.")
    return item.clean_ids


def map_values(
    study: MapStudy,
    question: Asked,
    grids: Mapping[str, Grid],
    others: Sequence[Mapping[str, Grid]],
    target: Sequence[int],
    rows: Rows,
) -> None:
    """Adds what each map, each control and each random map takes away from the answer.

    Args:
        study: How maps are tested.
        question: The answer that is explained.
        grids: Its maps by name.
        others: Those of other items, laid on this picture.
        target: The cells that a map should point at; none if that is not known.
        rows: Where the values go.
    """
    count = len(question.places)
    if count < 2:
        raise StudyError("AE-9609", "The picture is one token.", mend="use a model that cuts its pictures into more.")
    drawn_for = rows.cluster or rows.item
    controls = {name: draw(question) for name, draw in CONTROLS.items()}
    orders = {name: ranked(grid, _random(study, drawn_for, name)) for name, grid in {**grids, **controls}.items()}
    for name, grid in grids.items():
        for cell, value in enumerate(grid.ravel()):
            rows.add(name, "map", float(value), cell=cell)
    if target:
        for name, order in orders.items():
            rows.add(name, "pointing", float(order[0] in target))
        rows.add(RANDOM, "pointing", len(target) / count)
    every: list[tuple[str, int | None, tuple[int, ...]]] = [(name, None, order) for name, order in orders.items()]
    for number, other in enumerate(others):
        names = ((name, of_other_items(name)) for name in grids)
        every += [(told, number, ranked(other[name], _random(study, drawn_for, told))) for name, told in names]
    draws = random_orders(count, study.draws, _random(study, drawn_for, RANDOM))
    every += [(RANDOM, draw, order) for draw, order in enumerate(draws)]
    for removal in study.removals:
        _curves(study, question, every, removal, rows)


def _curves(
    study: MapStudy,
    question: Asked,
    every: Sequence[tuple[str, int | None, tuple[int, ...]]],
    removal: Removal,
    rows: Rows,
) -> None:
    """Deletion: how far the outcome falls without the first k cells; insertion: how far it rises with them alone."""
    count = len(question.places)
    steps = list(zip(study.shares, ladder(count, study.shares), strict=True))
    asked_for = [frozenset(), frozenset(range(count))]
    asked_for += [_first(order, k) for _, _, order in every for _, k in steps]
    if is_inserted := "insertion" in study.measures:
        asked_for += [_rest(order, k) for _, _, order in every for _, k in steps]
    values = without(question, asked_for, removal)
    whole, empty = values[asked_for[0]], values[asked_for[1]]
    rows.add("picture", "effect", whole - empty, removal)
    for name, draw, order in every:
        for share, k in steps:
            rows.add(name, "deletion", whole - values[_first(order, k)], removal, share, random=draw)
            if is_inserted:
                rows.add(name, "insertion", values[_rest(order, k)] - empty, removal, share, random=draw)


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
