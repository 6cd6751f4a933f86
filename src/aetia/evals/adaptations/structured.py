"""Can an answerer give its answer as data, exactly in the form that a schema demands?"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from aetia.evals.adaptations.plain_json import json_object
from aetia.evals.adaptations.wording import filled, joined, request, stated
from aetia.evals.dialogue import Conversation
from aetia.evals.item import Item
from aetia.runs.keys import JSON

__all__ = ["Structured", "answer_in_json", "answer_schema"]


@dataclass(frozen=True)
class Structured:
    """One turn that demands one JSON object; a reply that is anything else is no answer.

    Nothing is repaired, since the form is a part of what is asked; the reply itself stays in the record.

    Args:
        tokens: The most tokens of the reply.
        name: The adaptation's name.

    Source: PRISMM-Bench, seed 049: structured answers, which leave no option text to guess from.
    """

    tokens: int = 256
    name: str = "json"

    def converse(self, item: Item) -> Conversation:
        """Ask once; return the value of `answer`, or nothing."""
        schema = json.dumps(answer_schema(item), ensure_ascii=False)
        reply = yield request(
            item, joined(stated(item), filled(item.language, "json_ask", schema=schema)), tokens=self.tokens
        )
        return answer_in_json(item, reply.text) or ""


def answer_schema(item: Item) -> dict[str, JSON]:
    """The JSON schema of an answer: a reason in words, and the answer in the item's form."""
    return {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "answer": _form(item)},
        "required": ["reason", "answer"],
        "additionalProperties": False,
    }


def _form(item: Item) -> dict[str, JSON]:
    if item.form == "binary":
        return {"enum": ["yes", "no"]}
    if item.form == "choice":
        return {"type": "integer", "minimum": 1, "maximum": len(item.options)}
    return {"type": "number" if item.form == "number" else "string"}


def answer_in_json(item: Item, text: str) -> str | None:
    """The answer of a reply that satisfies the item's schema; None of every other."""
    found = json_object(text)
    if found is None or set(found) != {"reason", "answer"} or not isinstance(found["reason"], str):
        return None
    return _answer(item, found)


def _answer(item: Item, found: Mapping[str, object]) -> str | None:
    answer = found["answer"]
    if item.form == "binary":
        return answer if isinstance(answer, str) and answer in {"yes", "no"} else None
    if item.form == "text":
        return answer if isinstance(answer, str) else None
    if isinstance(answer, bool) or not isinstance(answer, int | float) or not math.isfinite(answer):
        return None
    if item.form == "number":
        return repr(answer)
    # In JSON schema 2.0 is an integer as well.
    return str(int(answer)) if answer == int(answer) and 1 <= answer <= len(item.options) else None
