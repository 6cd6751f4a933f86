"""What are the replies of an evaluation worth?

The replies are read again whenever this is asked, so that better rules of reading need no new replies.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

import pyarrow as pa

from aetia.errors import EvaluationError
from aetia.evals.item import Item, item_from_record
from aetia.evals.scoring.calm_errors import demanded_key, is_demanded, reply_errors
from aetia.evals.scoring.calm_labels import calm_question, calm_style
from aetia.evals.scoring.errors import read_errors
from aetia.evals.scoring.extraction import Answer, extract, is_right
from aetia.evals.scoring.scores import SCORED
from aetia.runs.keys import JSON

__all__ = ["REPLIES", "prompt_of", "scored"]

REPLIES = pa.schema(
    [
        *SCORED,
        ("errors", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float64())),
        ("refusal", pa.string()),
        ("record", pa.string()),
        ("turns", pa.string()),
    ]
)
"""A row a reply: its item, the answer that was read from it, whether it is right, and what is wrong with it.

`first_answer` is that of the first of several turns; `record` and `turns` are the item and all that was said, as JSON.
"""


def scored(values: pa.Table) -> pa.Table:
    """Read and judge every reply; the table has the columns of `REPLIES`.

    Args:
        values: The values of an evaluation's run.
    """
    rows = [_row(value) for value in values.to_pylist()]
    return pa.Table.from_pylist(rows, schema=REPLIES)


def _row(value: Mapping[str, JSON]) -> dict[str, object]:
    item = _item(str(value["record"]))
    text = str(value["text"])
    turns = json.loads(str(value["turns"]))
    last = turns[-1]["reply"] if turns else {"scores": [], "finish": ""}
    answer = _answered(turns[-1], item) if last["scores"] else extract(text, item)
    first = _answered(turns[0], item) if len(turns) > 1 else None
    return {
        **{name: value[name] for name in ("task", "adaptation", "item", "refusal", "record", "turns")},
        **{name: vars(item)[name] for name in ("orbit", "variant", "form", "label")},
        # Items that name no cluster are not all of one.
        "cluster": item.cluster or item.orbit or item.id,
        "answer": None if answer is None else answer.label,
        "right": float(is_right(answer, item)),
        "first_answer": None if first is None else first.label,
        "reply": text,
        # Whoever only chose among the labels has written nothing that could be malformed.
        "errors": [] if last["scores"] else _errors(text, answer, item, value, last["finish"]),
        "scores": last["scores"],
    }


def prompt_of(turns: str) -> str:
    """What was asked first in a conversation, of its turns as JSON; empty if nothing was."""
    told = json.loads(turns)
    return "\n".join(str(text) for _, text in told[0]["messages"]) if told else ""


def _answered(turn: Mapping[str, Mapping[str, Sequence[str]] | Sequence[str]], item: Item) -> Answer | None:
    """The answer of one turn: of scored labels the likeliest, by its place; its text may name another option."""
    reply, asked = turn["reply"], turn["continuations"]
    assert isinstance(reply, Mapping)
    if not reply["scores"]:
        return extract(str(reply["text"]), item)
    label = item.labels[list(asked).index(str(reply["text"]))]
    return Answer(label, (), str(reply["text"]), 5)


@lru_cache(maxsize=4096)
def _item(record: str) -> Item:
    return item_from_record(json.loads(record))


def _errors(text: str, answer: Answer | None, item: Item, value: Mapping[str, JSON], finish: str) -> list[str]:
    """What is wrong with a reply, by name: its form first, as CaLM counts it where it does, then its content."""
    found = ["no answer"] if answer is None else ["several answers"] if answer.is_several else []
    found += ["empty"] if not text.strip() else []
    found += ["cut off"] if finish == "length" else []
    found += ["refused"] if value["refusal"] else []
    with suppress(EvaluationError):  # CaLM has no rules for the form of this item's replies
        question = calm_question(item)
        form = reply_errors(text, question, calm_style(str(value["adaptation"])))
        # Whoever was not asked for CaLM's object does no wrong to leave it out.
        is_asked = is_demanded(demanded_key(question), prompt_of(str(value["turns"])))
        found += ["malformed"] if form.is_malformed and is_asked else []
        found += ["repetition"] if form.is_repetition else []
        found += ["other language"] if form.is_other_language else []
    shown = read_errors(text, answer, item)
    return [*found, *(name.replace("_", " ") for name, one in shown.items() if one.verdict == "yes")]
