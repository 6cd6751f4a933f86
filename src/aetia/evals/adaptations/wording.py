"""How is an item put to an answerer in words: what is given, the question, the options, and the form of the answer?

The sentences are data, in `texts/<language>.json`. What comes from an item or a reply is only ever filled in: it is
never read as a template, and a reply that is shown again is cut to a length.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from aetia.evals.dialogue import Message, Request
from aetia.evals.item import Item, Language
from aetia.evals.speech import said

__all__ = [
    "SHOWN",
    "asked",
    "cue",
    "filled",
    "joined",
    "listed",
    "named",
    "offered",
    "quoted",
    "request",
    "spoken",
    "stated",
]

SHOWN = 4_000
"""The most characters of a reply that are shown to the answerer again."""

_TOKENS: Mapping[str, int] = {"binary": 32, "choice": 32, "number": 48, "text": 128}

_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATES = re.compile("[\ud800-\udfff]")


@cache
def _texts(language: Language) -> Mapping[str, object]:
    path = resources.files("aetia.evals.adaptations") / "texts" / f"{language}.json"
    return json.loads(path.read_text("utf-8"))


def filled(language: Language, key: str, **values: object) -> str:
    """The sentence of that key, with the values in its places."""
    return str(_texts(language)[key]).format(**values)


def named(language: Language, key: str) -> Mapping[str, str]:
    """The sentences or words of that key, each with a name of its own."""
    found = _texts(language)[key]
    assert isinstance(found, dict)
    return found


def listed(language: Language, key: str, name: str) -> tuple[str, ...]:
    """The sentences that stand under a name of that key, in their order; empty if there are none."""
    return tuple(named(language, key).get(name, ()))


def joined(*parts: str) -> str:
    """The parts that are not empty, a line or more each."""
    return "\n".join(part for part in parts if part)


def stated(item: Item, context: str | None = None) -> str:
    """What is given, the question and the options; `context` stands in place of the item's own."""
    given = item.context if context is None else context
    told = [filled(item.language, "given", context=given.strip())] if given.strip() else []
    told.append(filled(item.language, "question", question=item.question.strip()))
    return joined(*told, offered(item))


def offered(item: Item) -> str:
    """The options, one a line; empty if there are none."""
    if not item.options:
        return ""
    numbered = [filled(item.language, "option", number=place, text=one) for place, one in enumerate(item.options, 1)]
    return "\n".join([filled(item.language, "options"), *numbered])


def cue(item: Item) -> str:
    """The last line of a prompt: in which form the answer is to be given.

    CaLM asks for its probabilities as JSON, and its error predicates look for the placeholder; so do its tasks here.

    Source: CaLM (arXiv 2405.00622), seed 069: the form is demanded at the end of the prompt.
    """
    if item.form == "choice":
        return filled(item.language, "cue_choice", last=len(item.options))
    return filled(item.language, "cue_probability" if _is_probability(item) else f"cue_{item.form}")


def _is_probability(item: Item) -> bool:
    return item.form == "number" and item.task.startswith(("calm/", "calm-lite/"))


def asked(item: Item) -> str:
    """The item as a prompt: what is given, the question, and the form of the answer."""
    return joined(stated(item), cue(item))


def spoken(item: Item) -> str:
    """The item's label as a reply is to say it."""
    if _is_probability(item):
        return filled(item.language, "probability", label=item.label)
    return said(item.label, item.language) if item.form == "binary" else item.label


def quoted(item: Item, text: str, limit: int = SHOWN) -> str:
    """A reply as it is shown to the answerer again: without control characters, cut in the middle, never empty."""
    kept = text if len(text) <= limit else f"{text[: limit // 2]} … {text[-(limit // 2) :]}"
    kept = _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", kept)).strip()
    return kept or filled(item.language, "nothing")


def request(item: Item, *turns: str, tokens: int = 0, least: int = 0) -> Request:
    """A request of turns, the user's first and last; without `tokens` it has room for an answer and no more."""
    roles = ("user", "assistant")
    messages = tuple(Message(roles[place % 2], text) for place, text in enumerate(turns))
    return Request(messages, tokens=tokens or _TOKENS[item.form], subject=item.id, least=least)
