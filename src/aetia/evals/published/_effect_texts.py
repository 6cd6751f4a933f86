"""What do CaLM's texts about effects tell and ask, in English and in Chinese?

Only what a model is shown is read: the causes, the probabilities and the question, not the notes beside them.

Source: OpenCausaLab/CaLM, calm/data_processing/prompt, for what is shown.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from aetia.evals.item import Item, Language
from aetia.evals.tasks._effect_estimands import Assignment, Given, Question, assignment
from aetia.evals.tasks._phrases import unreadable

__all__ = ["read_published"]


@dataclass(frozen=True)
class _Grammar:
    """How a language says it, as patterns in which `{names}` stands for any of the variables' names.

    Args:
        start: What precedes the first effect.
        between: What stands between a cause and its effect.
        end: What follows the effect.
        stop: What ends a sentence.
        sentence: A probability.
        value: A variable with its value, before the next one or the end.
        questions: By kind.
        bounds: The words of a bound.
    """

    start: str
    between: str
    end: str
    stop: str
    sentence: str
    value: str
    questions: Mapping[str, str]
    bounds: Mapping[str, str]


@cache
def _grammar(language: Language) -> _Grammar:
    """The grammar of a language, from the file of all of them."""
    text = (files("aetia.evals.published") / "wordings" / "calm_lite_effects.json").read_text("utf-8")
    return TypeAdapter(_Grammar).validate_python(json.loads(text)[language])


def read_published(item: Item, kind: str) -> tuple[Given, Question]:
    """What the text of an item tells and asks.

    Raises:
        EvaluationError: AE-8110 the text cannot be read.
    """
    grammar = _grammar(item.language)
    told, _, data = item.context.partition("\n")
    edges = tuple(_edges(grammar, told))
    names = tuple(dict.fromkeys(name for edge in edges for name in edge))
    given = Given(edges, dict(_numbers(grammar, data, names)))
    return given, _question(item, grammar, kind, names)


def _edges(grammar: _Grammar, text: str) -> Iterator[tuple[str, str]]:
    start, _, listed = text.strip().partition(grammar.start)
    sentences = listed.split(grammar.stop)
    readings = [_readings(grammar, sentence.strip()) for sentence in sentences[:-1]]
    if not start or sentences[-1].strip() or not readings or not all(readings):
        raise unreadable(text)
    # A name may contain the word that stands between two names: names that other sentences have as well are likelier.
    named = Counter(name for reading in readings for name in {name for edge in reading for name in edge})
    for reading in readings:
        yield max(reading, key=lambda edge: (named[edge[0]] + named[edge[1]], len(edge[0])))


def _readings(grammar: _Grammar, sentence: str) -> list[tuple[str, str]]:
    """Each way to take a sentence as a cause and an effect."""
    if not sentence.endswith(grammar.end):
        return []
    told = sentence.removesuffix(grammar.end)
    places = [place for place in range(len(told)) if told.startswith(grammar.between, place)]
    pairs = [(told[:place], told[place + len(grammar.between) :]) for place in places]
    # a name that begins a sentence has a capital letter
    return [
        (cause[0].lower() + cause[1:], effect[0].lower() + effect[1:]) for cause, effect in pairs if cause and effect
    ]


def _numbers(
    grammar: _Grammar, text: str, names: tuple[str, ...]
) -> Iterator[tuple[tuple[Assignment, Assignment], Fraction]]:
    place = 0
    sentence = _compiled(grammar.sentence, names)
    text = text.strip()
    while place < len(text):
        match = sentence.match(text, place)
        if match is None:
            raise unreadable(text[place:])
        event, given = _values(grammar, match["event"], names), _values(grammar, match["given"] or "", names)
        yield (assignment(event), assignment(given)), Fraction(match["number"])
        place = match.end()


def _values(grammar: _Grammar, text: str, names: tuple[str, ...]) -> dict[str, str]:
    found = list(_compiled(grammar.value, names).finditer(text))
    if "".join(match[0] for match in found) != text:
        raise unreadable(text)
    return {_named(match["name"], names): match["value"] for match in found}


def _named(text: str, names: tuple[str, ...]) -> str:
    return next(name for name in names if name.lower() == text.lower())


def _question(item: Item, grammar: _Grammar, kind: str, names: tuple[str, ...]) -> Question:
    asked = item.question.rpartition("\n")[2]
    match = _compiled(grammar.questions[kind], names).fullmatch(asked.strip())
    if match is None:
        raise unreadable(asked)
    told = match.groupdict()
    held = _values(grammar, told["held"], names) if told.get("held") else {}
    bound = grammar.bounds.get(told.get("bound") or "", "")
    treatment, outcome = _named(told["x"], names), _named(told["y"], names)
    form = "binary" if item.form == "binary" else "number"
    return Question(kind, treatment, told["x1"], outcome, told["y1"], form, held, bound)


@cache
def _compiled(template: str, names: tuple[str, ...]) -> re.Pattern[str]:
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(template.replace("{names}", known), re.IGNORECASE)
