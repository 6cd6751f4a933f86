"""The instrument `evaluate`: replies to items as a study like any other, kept as they come and scored when wanted."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from aetia import catalogue
from aetia.effects import Effects
from aetia.errors import RunError
from aetia.evals.dialogue import Reply, Request
from aetia.evals.harness.answering import answerer_of, identity_of, reference_of, settle
from aetia.evals.harness.asking import Asked, ask, limits_of
from aetia.evals.harness.items import Chosen, chosen_items
from aetia.evals.harness.scored import scored
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.harness.summary import summary
from aetia.evals.harness.ways import check_scored, way_named
from aetia.evals.item import Item
from aetia.models.cache import file_hash
from aetia.runs.instrument import Batch, Compute, Plan
from aetia.runs.keys import JSON, canonical, key_of
from aetia.text import clean_text

__all__ = ["Evaluate", "FailedRepliesError"]

_AT_ONCE = 200
"""Conversations of a batch: enough for an answerer to be busy, and few enough that progress shows."""

_ALONE = (
    "An endpoint is asked by one process, which keeps its limits of pace and cost; `parallel` calls go side by side."
)

_SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("task", pa.string()),
        ("adaptation", pa.string()),
        ("record", pa.string()),
        ("text", pa.string()),
        ("turns", pa.string()),
        ("refusal", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("tokens", pa.int64()),
    ]
)


class FailedRepliesError(Exception):
    """Some replies of a batch failed. Those that did not are kept, and are not asked for again."""


@catalogue.instrument(
    "evaluate",
    "evals",
    question="Does a model reason causally, and what goes wrong where it does not?",
    seeds=("069", "064", "195", "065", "061", "078", "122", "125"),
    citation="Chen et al. 2024 (CaLM)",
    inputs="a model or an endpoint, tasks, and ways of asking them",
    cost="a reply for each item and way of asking; `aetia evals run --dry-run` times a few",
)
class Evaluate:
    """Asks items of tasks, and scores the replies against labels that are exact."""

    name = "evaluate"
    study_type = EvaluationStudy

    def plan(self, study: EvaluationStudy, /) -> Plan:
        """All items and ways of asking them, in batches.

        Raises:
            EvaluationError: A task, its files, a way of asking, or an endpoint's name cannot be used.
            MissingError: The model is nowhere to be found.
        """
        system = {**identity_of(study), **_files_of(study)}
        if study.reference:
            reference_of(study)  # says now what it cannot answer
        batches: list[Batch] = []
        items: dict[str, dict[str, JSON]] = {}
        for task in study.tasks:
            chosen = chosen_items(study, task)
            items |= {item.id: item.to_record() for item in chosen.items}
            for way in study.adaptations:
                way_named(way, study, chosen)
                if study.scored:
                    check_scored(way, chosen)
            batches.extend(_batches(study, system, task, chosen))
        return Plan(
            tuple(batches),
            items=tuple(items.values()),
            system=system,
            forecast={"conversations": sum(batch.cells for batch in batches)},
            alone=_ALONE if study.is_endpoint else "",
        )

    def open(self, study: EvaluationStudy, /) -> Compute:
        """Load the model, or get ready to call it, and return the function that asks a batch."""
        answerer = answerer_of(study)

        def compute(batch: Batch) -> pa.Table:
            task = str(batch.payload["task"])
            chosen = chosen_items(study, task)
            items = _items_of(batch, study, task, chosen)
            ways = {way: way_named(way, study, chosen) for way in study.adaptations}
            pairs = [(item, way) for way in ways.values() for item in items]
            conversations = ask(pairs, answerer, scored=study.scored, limits=limits_of(study))
            asked = [one for _, one in sorted(conversations, key=lambda found: found[0])]
            failed = [one.failure for one in asked if one.failure]
            if failed:
                raise FailedRepliesError(f"{len(failed)} of {len(asked)} replies failed; the first: {failed[0]}")
            return _table(task, [way for way in ways for _ in items], asked)

        return compute

    def summarise(self, study: EvaluationStudy, values: pa.Table, /) -> Effects:
        """Score the replies: nothing is asked again."""
        return summary(scored(values), study)

    def settle(self, study: EvaluationStudy, /) -> None:
        """Forget the replies that were kept for this study alone: those of an endpoint, and sampled ones."""
        settle(study)


def _batches(study: EvaluationStudy, system: dict[str, JSON], task: str, chosen: Chosen) -> Sequence[Batch]:
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


def _examples_of(chosen: Chosen) -> str:
    return key_of([item.to_record() for item in chosen.examples])


def _items_of(batch: Batch, study: EvaluationStudy, task: str, chosen: Chosen) -> Sequence[Item]:
    """The batch's items.

    Raises:
        RunError: AE-6005 they, or what is shown beside them, are no longer what was planned.
    """
    first = int(str(batch.payload["first"]))
    items = chosen.items[first : first + batch.cells // len(study.adaptations)]
    records = [item.to_record() for item in items]
    if key_of(_files_of(study).get(_RELATIONS), _examples_of(chosen), records) != batch.payload["shown"]:
        found = f"The items of {clean_text(task, 100)}, or the relations shown beside them, were changed meanwhile."
        raise RunError("AE-6005", found, mend="put the file back and resume, or name a new directory with `--out`")
    return items


_RELATIONS = "relations"
_DECIDING = ("scored", "tokens", "temperature", "seed", "chat", "interventions", "relations", "names", "language")


def _files_of(study: EvaluationStudy) -> dict[str, JSON]:
    """The digest of what is shown beside the items; an absent file is told of by the way of asking that needs it."""
    path = Path(study.relations) if study.relations is not None else None
    return {_RELATIONS: file_hash(path)} if path is not None and path.is_file() else {}


def _table(task: str, ways: Sequence[str], asked: Sequence[Asked]) -> pa.Table:
    columns: list[list[object]] = [
        [one.item.id for one in asked],
        [task] * len(asked),
        list(ways),
        [canonical(one.item.to_record()) for one in asked],
        [one.text for one in asked],
        [json.dumps([_turn(*turn) for turn in one.turns]) for one in asked],
        [one.refusal for one in asked],
        [sum(reply.prompt_tokens for _, reply in one.turns) for one in asked],
        [sum(reply.tokens for _, reply in one.turns) for one in asked],
    ]
    arrays = [pa.array(column, type=part.type) for column, part in zip(columns, _SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


def _turn(request: Request, reply: Reply) -> dict[str, JSON]:
    return {**request.asked(), "reply": dict(vars(reply))}
