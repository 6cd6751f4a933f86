"""How does a template become a prompt, and which words can a tokenizer set against each other?"""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import product
from string import Formatter

from aetia.contrasts.contrast import Span
from aetia.contrasts.tokens import Tokenizer, encode, token_count

__all__ = ["alike", "fill", "interchangeable", "reworded", "word_pairs", "wording"]


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


def interchangeable(
    templates: Sequence[str], values: Mapping[str, str], tokenizer: Tokenizer | None
) -> dict[str, list[str]]:
    """For each template those, itself among them, whose fields fall on the same tokens; without a tokenizer all.

    Args:
        templates: Each with the same fields.
        values: Any text for each field.
        tokenizer: Says on which tokens a field falls.
    """
    if tokenizer is None:
        return {template: list(templates) for template in templates}
    shapes = {template: _shape(template, values, tokenizer) for template in templates}
    return {one: [other for other in templates if shapes[other] == shapes[one]] for one in templates}


def _shape(template: str, values: Mapping[str, str], tokenizer: Tokenizer) -> tuple[tuple[str, int], ...]:
    """How many tokens there are up to the end of each field, and of the text."""
    text, spans = fill(template, values)
    ends = {name: stop for name, (_, stop) in spans.items()} | {"": len(text)}
    return tuple((name, len(encode(text[:stop], tokenizer).ids)) for name, stop in ends.items())


def reworded(
    original: str,
    templates: Sequence[str],
    values: Mapping[str, str],
    free: Mapping[str, Sequence[str]],
    *,
    count: int,
    stream: str,
) -> tuple[str, ...]:
    """Up to `count` texts other than `original`, each of which keeps every field but those of `free`.

    Args:
        original: What is reworded.
        templates: What it may be written in.
        values: What stands in its fields.
        free: What else may stand in the fields that are not its cause.
        count: How many.
        stream: Names the random numbers, so that no other draw changes with these.
    """
    if not count:
        return ()
    options = list(product(templates, *free.values()))
    found: list[str] = []
    for template, *words in random.Random(stream).sample(options, min(len(options), count + 1)):  # one is the original
        text, _ = fill(template, {**values, **dict(zip(free, words, strict=True))})
        if text != original and text not in found:
            found.append(text)
    return tuple(found[:count])
