"""What are the replies of an evaluation worth?

The replies are read again whenever this is asked, so that better rules of reading need no new replies.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

import pyarrow as pa

from aetia.errors import EvaluationError
from aetia.evals.item import Item, item_from_record
from aetia.evals.scoring.calm_errors import reply_errors
from aetia.evals.scoring.calm_labels import calm_question, calm_style
from aetia.evals.scoring.errors import read_errors
from aetia.evals.scoring.extraction import Answer, extract, is_right
from aetia.runs.keys import JSON

__all__ = ["REPLIES", "scored"]

REPLIES = pa.schema(
    [
        ("task", pa.string()),
        ("adaptation", pa.string()),
        ("item", pa.string()),
        ("cluster", pa.string()),
        ("orbit", pa.string()),
        ("variant", pa.string()),
        ("form", pa.string()),
        ("label", pa.string()),
        ("answer", pa.string()),
        ("right", pa.float64()),
        ("first_answer", pa.string()),
        ("reply", pa.string()),
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
    answer = extract(text, item)
    turns = json.loads(str(value["turns"]))
    first = extract(turns[0]["reply"]["text"], item) if len(turns) > 1 else None
    return {
        **{name: value[name] for name in ("task", "adaptation", "item", "refusal", "record", "turns")},
        **{name: vars(item)[name] for name in ("cluster", "orbit", "variant", "form", "label")},
        "answer": None if answer is None else answer.label,
        "right": float(is_right(answer, item)),
        "first_answer": None if first is None else first.label,
        "reply": text,
        "errors": _errors(text, answer, item, value, turns[-1]["reply"]["finish"] if turns else ""),
        "scores": turns[-1]["reply"]["scores"] if turns else [],
    }


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
        form = reply_errors(text, calm_question(item), calm_style(str(value["adaptation"])))
        found += ["malformed"] if form.is_malformed else []
        found += ["repetition"] if form.is_repetition else []
        found += ["other language"] if form.is_other_language else []
    shown = read_errors(text, answer, item)
    return [*found, *(name.replace("_", " ") for name, one in shown.items() if one.verdict == "yes")]
