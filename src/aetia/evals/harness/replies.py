"""What came of the conversations of some batches, as the tables that are kept?"""

import json
from collections.abc import Generator, Sequence
from contextlib import closing

import pyarrow as pa

from aetia.errors import AetiaError
from aetia.evals.dialogue import Adaptation, Answerer, Reply, Request
from aetia.evals.harness.asking import Asked, ask, limits_of
from aetia.evals.harness.batches import pairs_of
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.item import Item
from aetia.runs.instrument import Batch
from aetia.runs.keys import JSON, canonical

__all__ = ["FailedRepliesError", "replies"]

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


def replies(
    study: EvaluationStudy, answerer: Answerer, batches: Sequence[Batch]
) -> Generator[tuple[Batch, pa.Table | Exception]]:
    """Ask the conversations of the batches side by side, and yield each batch as soon as it is whole, or has failed.

    Where something goes wrong, each batch that is not whole is asked by itself, so that it fails by its own fault only;
    what was replied before is kept.
    """
    left = dict(enumerate(batches))
    try:
        for number, outcome in _outcomes(study, answerer, batches):
            yield left.pop(number), outcome
    except AetiaError:
        raise
    except Exception as error:  # noqa: BLE001  one batch's trouble is not the others'
        for batch in left.values():
            if len(batches) == 1:
                yield batch, error
            else:
                yield from replies(study, answerer, [batch])


def _outcomes(
    study: EvaluationStudy, answerer: Answerer, batches: Sequence[Batch]
) -> Generator[tuple[int, pa.Table | FailedRepliesError]]:
    """What came of each batch, with its place, in the order in which they end."""
    pairs = [pairs_of(study, batch) for batch in batches]
    homes = [number for number, some in enumerate(pairs) for _ in some]
    found: list[dict[int, Asked]] = [{} for _ in batches]
    flat = [pair for some in pairs for pair in some]
    with closing(ask(flat, answerer, scored=study.scored, limits=limits_of(study))) as conversations:
        for place, one in conversations:
            number = homes[place]
            found[number][place] = one
            if len(found[number]) == len(pairs[number]):
                asked = [found[number][at] for at in sorted(found[number])]
                found[number].clear()
                yield number, _values(batches[number], pairs[number], asked)


def _values(
    batch: Batch, pairs: Sequence[tuple[Item, Adaptation]], asked: Sequence[Asked]
) -> pa.Table | FailedRepliesError:
    failed = [one.failure for one in asked if one.failure]
    if failed:
        return FailedRepliesError(f"{len(failed)} of {len(asked)} replies failed; the first: {failed[0]}")
    return _table(str(batch.payload["task"]), [way.name for _, way in pairs], asked)


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
