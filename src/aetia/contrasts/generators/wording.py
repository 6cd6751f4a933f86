"""How does a template become a prompt, and which words can a tokenizer set against each other?"""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from string import Formatter

from aetia.contrasts.contrast import Span
from aetia.contrasts.tokens import Tokenizer, token_count

__all__ = ["alike", "fill", "word_pairs", "wording"]


def wording(name: str) -> dict[str, list[str]]:
    """The word lists of a set: `templates` with `{fields}`, and what may stand in them."""
    return {key: [one for one in entries if isinstance(one, str)] for key, entries in _content(name).items()}


def word_pairs(name: str, key: str) -> list[tuple[str, str]]:
    """A list of a set whose entries are two words: a country and its capital, a noun and its plural."""
    return [(first, second) for first, second in _content(name)[key]]


def _content(name: str) -> dict[str, Sequence[Sequence[str]]]:
    return json.loads((files("aetia.contrasts") / "data" / f"{name}.json").read_text("utf-8"))


def fill(template: str, values: Mapping[str, str]) -> tuple[str, dict[str, Span]]:
    """The text of a template with its fields filled, and the characters that each field covers."""
    text, spans = "", {}
    for literal, name, _, _ in Formatter().parse(template):
        text += literal
        if name is not None:
            spans[name] = (len(text), len(text) + len(values[name]))
            text += values[name]
    return text, spans


def alike(words: Iterable[str], tokenizer: Tokenizer | None) -> list[str]:
    """Those of `words` that are one token after a space; all of them without a tokenizer, or if none is."""
    listed = list(words)
    whole = [word for word in listed if tokenizer is not None and token_count(word, tokenizer) == 1]
    return whole or listed
