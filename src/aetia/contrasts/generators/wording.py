"""How does a template become a prompt, and which words can a tokenizer set against each other?"""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from string import Formatter

from aetia.contrasts.contrast import Span
from aetia.contrasts.tokens import Tokenizer, token_count

__all__ = ["Wording", "alike", "fill", "wording"]

Wording = Mapping[str, Sequence[str]]
"""The word lists of a set: templates with `{fields}`, and what may stand in them."""


def wording(name: str) -> Wording:
    """The data file of a set, without its note."""
    content = json.loads((files("aetia.contrasts") / "data" / f"{name}.json").read_text("utf-8"))
    return {key: value for key, value in content.items() if key != "note"}


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
