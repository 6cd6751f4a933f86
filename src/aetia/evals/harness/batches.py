"""Which conversations are asked together, stored together, and known by which key?"""

from collections.abc import Sequence
from pathlib import Path

from aetia.errors import RunError
from aetia.evals.dialogue import Adaptation
from aetia.evals.harness.items import Chosen, chosen_items
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.harness.ways import way_named
from aetia.evals.item import Item
from aetia.models.cache import file_hash
from aetia.runs.instrument import Batch
from aetia.runs.keys import JSON, key_of
from aetia.text import clean_text

__all__ = ["batches_of", "files_of", "pairs_of"]

_AT_ONCE = 200
"""Conversations of a batch: enough for an answerer to be busy, and few enough that progress shows."""

_RELATIONS = "relations"
_DECIDING = ("scored", "tokens", "temperature", "seed", "chat", "interventions", "relations", "names", "language")


def files_of(study: EvaluationStudy) -> dict[str, JSON]:
    """The digest of what is shown beside the items; an absent file is told of by the way of asking that needs it."""
    path = Path(study.relations) if study.relations is not None else None
    return {_RELATIONS: file_hash(path)} if path is not None and path.is_file() else {}


def batches_of(study: EvaluationStudy, system: dict[str, JSON], task: str, chosen: Chosen) -> Sequence[Batch]:
    """A few items each, asked in all ways: their questions begin alike, which a local model then reads once."""
    examples = _examples_of(chosen)
    asked = study.model_dump(mode="json", include=set(_DECIDING))
    found = []
    ways = study.adaptations
    step = max(1, _AT_ONCE // len(ways))
    for first in range(0, len(chosen.items), step):
        part = chosen.items[first : first + step]
        # Whole records: an id does not change when somebody mends a label.
        records = [item.to_record() for item in part]
        key = key_of(system, asked, task, ways, examples, records)
        shown = key_of(system.get(_RELATIONS), examples, records)
        found.append(Batch(key, len(part) * len(ways), {"task": task, "first": first, "shown": shown}))
    return found


def pairs_of(study: EvaluationStudy, batch: Batch) -> Sequence[tuple[Item, Adaptation]]:
    """The batch's conversations: its items in each way of asking.

    Raises:
        RunError: AE-6005 they, or what is shown beside them, are no longer what was planned.
    """
    chosen = chosen_items(study, str(batch.payload["task"]))
    items = _items_of(batch, study, chosen)
    ways = [way_named(way, study, chosen) for way in study.adaptations]
    return [(item, way) for way in ways for item in items]


def _items_of(batch: Batch, study: EvaluationStudy, chosen: Chosen) -> Sequence[Item]:
    first = int(str(batch.payload["first"]))
    items = chosen.items[first : first + batch.cells // len(study.adaptations)]
    records = [item.to_record() for item in items]
    if key_of(files_of(study).get(_RELATIONS), _examples_of(chosen), records) != batch.payload["shown"]:
        task = clean_text(str(batch.payload["task"]), 100)
        found = f"The items of {task}, or the relations shown beside them, were changed meanwhile."
        raise RunError("AE-6005", found, mend="put the file back and resume, or name a new directory with `--out`")
    return items


def _examples_of(chosen: Chosen) -> str:
    return key_of([item.to_record() for item in chosen.examples])
