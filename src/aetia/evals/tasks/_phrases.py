"""In which words does a family of tasks speak, and what had a sentence been filled with?

A family's phrases are data, `wordings/<family>.<language>.json`: for each phrase its wordings, `str.format` templates.
The same templates read a text back, for the engines that answer from the text alone.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from aetia.errors import EvaluationError
from aetia.text import clean_text

__all__ = ["pairs_told", "phrase", "phrases", "read", "read_back", "unreadable"]

_PLACE = re.compile(r"\{(\w+)\}")


@cache
def phrases(family: str, language: str = "en") -> Mapping[str, tuple[str, ...]]:
    """Each phrase's wordings in that language."""
    file = files("aetia.evals.tasks").joinpath("wordings", f"{family}.{language}.json")
    return {name: tuple(wordings) for name, wordings in json.loads(file.read_text("utf-8")).items()}


def phrase(family: str, name: str, wording: int, language: str = "en") -> str:
    """The template of a phrase in one wording; a phrase with fewer wordings than others repeats them."""
    found = phrases(family, language)[name]
    return found[wording % len(found)]


@cache
def _pieces(template: str) -> tuple[str, str, str, bool]:
    """What stands before, between and after the two places of a template, and whether the effect comes first."""
    before, _, rest = template.partition("{")
    name, _, rest = rest.partition("}")
    between, _, rest = rest.partition("{")
    return before, between, rest.partition("}")[2], name == "effect"


def pairs_told(template: str, pairs: Sequence[tuple[object, object]]) -> list[str]:
    """The template of an edge or of another pair, filled with each: three times as fast as `str.format`.

    Args:
        template: With two places, of which the first is for the first of a pair unless it is called `effect`.
        pairs: As causes with effects.
    """
    before, between, after, is_effect_first = _pieces(template)
    if is_effect_first:
        return [f"{before}{effect}{between}{cause}{after}" for cause, effect in pairs]
    return [f"{before}{cause}{between}{effect}{after}" for cause, effect in pairs]


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pieces: list[str] = []
    end = 0
    for place in _PLACE.finditer(template):
        pieces += [re.escape(template[end : place.start()]), f"(?P<{place[1]}>.+?)"]
        end = place.end()
    return re.compile("".join([*pieces, re.escape(template[end:])]), re.DOTALL)


def read(template: str, text: str) -> dict[str, str] | None:
    """What the template was filled with to give this text; None if it cannot give it."""
    found = _pattern(template).fullmatch(text)
    return found.groupdict() if found else None


def read_back(family: str, names: tuple[str, ...], text: str, language: str = "en") -> tuple[str, dict[str, str]]:
    """Which of these phrases the text is, in any wording, and what it was filled with.

    Raises:
        EvaluationError: AE-8110 it is none of them.
    """
    for name in names:
        for template in phrases(family, language)[name]:
            found = read(template, text)
            if found is not None:
                return name, found
    raise unreadable(text)


def unreadable(text: str) -> EvaluationError:
    """The error of an engine that cannot read a text."""
    found = f"The text cannot be read: {clean_text(text, 80)!r}."
    return EvaluationError("AE-8110", found, mend="give an item as its task makes it.")
