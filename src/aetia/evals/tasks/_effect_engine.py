"""What does the text of a question about an effect say, and what is the answer?

The text is read back by the phrases it may have been worded with, in each wording and language; the answer is then
found from what was read alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from aetia.evals.item import Form, Item, Language
from aetia.evals.tasks._effect_estimands import (
    Assignment,
    Given,
    Question,
    assignment,
    estimate,
    label_of,
)
from aetia.evals.tasks._effect_words import FAMILY, WORDINGS
from aetia.evals.tasks._phrases import phrase, read, unreadable

__all__ = ["answered", "pattern", "read_item"]

_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_KINDS = ("ate", "cde", "ett", "nde", "nie", "pn", "ps", "see")
_FORMS: Mapping[str, Form] = {"natural": "binary", "number": "number"}
_ANYTHING = r"[^\n|]+?"  # no phrase has these signs in what it is filled with
_FIELD = re.compile(r"\{(\w+)\}")


def answered(item: Item) -> str:
    """The answer to an item, from its context and question alone.

    Raises:
        EvaluationError: AE-8110 the text cannot be read; AE-8121, AE-8122 as `estimate`.
    """
    given, question = read_item(item)
    return label_of(question, estimate(given, question))


def read_item(item: Item) -> tuple[Given, Question]:
    """What the text of an item tells and asks.

    Raises:
        EvaluationError: AE-8110 the text cannot be read.
    """
    for language in _LANGUAGES:
        for wording in range(WORDINGS):
            reader = _Reader(language, wording)
            told = read(reader.phrase("context"), item.context)
            edges = reader.edges(told["edges"]) if told else ()
            if told and edges:
                names = tuple(dict.fromkeys(name for edge in edges for name in edge))
                given = Given(edges, reader.numbers(told["numbers"], names))
                return given, reader.question(item.question, names)
    raise unreadable(item.context)


@dataclass(frozen=True)
class _Reader:
    language: Language
    wording: int

    def phrase(self, name: str) -> str:
        return phrase(FAMILY, name, self.wording, self.language)

    def edges(self, text: str) -> tuple[tuple[str, str], ...]:
        """The edges that are listed; none if the list is of another wording."""
        found: list[tuple[str, str]] = []
        for told in text.split(self.phrase("between edges")):
            edge = read(self.phrase("edge"), told)
            if edge is None:
                return ()
            found.append((edge["cause"], edge["effect"]))
        return tuple(found)

    def numbers(self, text: str, names: tuple[str, ...]) -> dict[tuple[Assignment, Assignment], Fraction]:
        """Each probability by its event and condition."""
        sentences = [pattern(self.phrase(name), names) for name in ("given", "alone")]
        found: dict[tuple[Assignment, Assignment], Fraction] = {}
        place = 0
        while place < len(text):
            match = next((match for one in sentences if (match := one.match(text, place))), None)
            if match is None:
                raise unreadable(text[place:])
            told = match.groupdict()
            event, given = self._values(told["event"], names), self._values(told.get("given") or "", names)
            found[assignment(event), assignment(given)] = Fraction(told["number"])
            place = match.end() + len(self.phrase("between numbers"))
        return found

    def _values(self, text: str, names: tuple[str, ...]) -> dict[str, str]:
        found: dict[str, str] = {}
        if not text:
            return found
        one = pattern(self.phrase("value"), names)
        for told in text.split(self.phrase("and")):
            match = one.fullmatch(told)
            if match is None:
                raise unreadable(text)
            found[match["name"]] = match["value"]
        return found

    def question(self, text: str, names: tuple[str, ...]) -> Question:
        """What is asked."""
        for kind in _KINDS:
            for name, form in _FORMS.items():
                if kind in {"pn", "ps"} and name == "natural":
                    continue
                match = pattern(self.phrase(f"{kind} {name}"), names).fullmatch(text)
                if match:
                    told = match.groupdict()
                    held = {told["m"]: told["m1"]} if kind == "cde" else {}
                    bounds = {self.phrase(bound): bound for bound in ("lower", "upper")}
                    bound = bounds.get(told.get("bound", ""), "")
                    return Question(kind, told["x"], told["x1"], told["y"], told["y1"], form, held, bound)
        raise unreadable(text)


@cache
def pattern(template: str, names: tuple[str, ...]) -> re.Pattern[str]:
    """What texts the template gives, if its fields x, y, m and name are filled with known names."""
    name = "|".join(re.escape(one) for one in sorted(names, key=len, reverse=True))
    kinds = {"x": name, "y": name, "m": name, "name": name, "number": r"\d\.\d+"}
    pieces: list[str] = []
    seen: set[str] = set()
    end = 0
    for place in _FIELD.finditer(template):
        pieces.append(re.escape(template[end : place.start()]))
        field = place[1]
        found = kinds.get(field, _ANYTHING)
        pieces.append(f"(?P={field})" if field in seen else f"(?P<{field}>{found})")
        seen.add(field)
        end = place.end()
    return re.compile("".join([*pieces, re.escape(template[end:])]), re.DOTALL)
