"""How is a small causal story told, and read back?

Templates are data; a sentence is read by the template that it was made from, and a text by trying the wordings of its
language.
"""

import re
from collections.abc import Mapping
from functools import cache
from random import Random

from aetia.evals.item import Item, Language
from aetia.evals.task import Names
from aetia.evals.tasks._graph_names import name_rows, words_file
from aetia.evals.tasks._graph_words import unreadable

__all__ = ["WORDINGS", "StoryWords", "Told", "read", "read_every", "read_story", "story_names", "story_words"]

WORDINGS = 2

_WORD = r"\w+?"
_NUMBER = r"-?\d+(?:\.\d+)?"
_NUMBERS = frozenset({"share", "without", "both", "p00", "p01", "p10", "p11", "r"})
_TEXTS = frozenset({"edges", "rules", "facts", "causes", "first", "second", "action", "event"})

StoryWords = Mapping[str, str]
"""The templates of a kind of question in one wording, by their short name."""

Told = Mapping[str, str]
"""What stands at the places of a template."""


@cache
def story_words(kind: str, language: Language, wording: int) -> StoryWords:
    """The templates of that kind of question, with those of all stories."""
    told = words_file("calm_stories", language)
    own = told[kind]
    shared = {name: told[name] for name in ("world", "edge")}
    every = {**shared, **own} if isinstance(own, dict) else shared
    return {name: str(texts[wording]) for name, texts in every.items() if isinstance(texts, list)}


@cache
def _rows(group: str, language: Language) -> tuple[tuple[str, ...], ...]:
    random = Random(f"names of stories: {group}")
    told = words_file("calm_stories", language)[group]
    words = [str(word) for word in told] if isinstance(told, list) else []
    return tuple(tuple(random.sample(words, 8)) for _ in range(1 << 12))


def story_names(kind: Names, language: Language, group: str, random: Random) -> tuple[str, ...]:
    """Eight different names: letters, nonsense, or words of the group, `people` or `parts`."""
    rows = _rows(group, language) if kind == "real" else name_rows(kind, language)
    return rows[random.getrandbits(12)]


@cache
def _pattern(template: str) -> re.Pattern[str]:
    def place(found: re.Match[str]) -> str:
        name = found[1]
        kind = _NUMBER if name in _NUMBERS else ".+?" if name in _TEXTS else _WORD
        return f"(?P<{name}>{kind})"

    escaped = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    seen: set[str] = set()

    def once(found: re.Match[str]) -> str:
        if found[1] in seen:
            return f"(?P={found[1]})"
        seen.add(found[1])
        return place(found)

    return re.compile(re.sub(r"\{(\w+)\}", once, escaped), re.DOTALL)


def read(template: str, text: str) -> Told | None:
    """What stands at the template's places, if the text is of it."""
    found = _pattern(template).fullmatch(text)
    return found.groupdict() if found else None


def read_every(template: str, text: str) -> list[Told]:
    """The texts of a template that stand one after the other."""
    return [found.groupdict() for found in _pattern(template).finditer(text)]


def read_story(kind: str, item: Item) -> tuple[StoryWords, Told]:
    """The wording of an item, and what stands at the places of its context.

    Raises:
        EvaluationError: AE-8110 it is told in no wording known here.
    """
    for wording in range(WORDINGS):
        words = story_words(kind, item.language, wording)
        template = words["given"] if "rule" in words else f"{words['world']}\n{words['given']}"
        found = read(template, item.context)
        if found is not None:
            return words, found
    raise unreadable(item.context)
