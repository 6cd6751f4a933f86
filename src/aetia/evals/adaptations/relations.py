"""Which common knowledge of causes does a file tell of the things that a text names?

The file is the user's: ConceptNet's assertions as they are published, or rows of the same fields.
"""

import csv
import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TextIO

from aetia.errors import EvaluationError
from aetia.evals.item import Language
from aetia.text import clean_text

__all__ = ["CAUSAL", "Relation", "Relations", "read_relations"]

CAUSAL = frozenset(
    "Causes CausesDesire CreatedBy Entails HasFirstSubevent HasLastSubevent HasPrerequisite HasSubevent "
    "MotivatedByGoal NotCauses ObstructedBy UsedFor".split()
)
"""The relations of ConceptNet that tell of causes, conditions, parts of events, and purposes."""

_LINE = 1_000_000
_KEPT = 2_000_000
_WORDS = 4  # the longest concept, in words, that is looked for
_SIGNS = 8  # and in characters, where words are not spaced
_NAME = 80


@dataclass(frozen=True)
class Relation:
    """One assertion.

    Args:
        start: What it is about, in words.
        relation: ConceptNet's name of it, as in `Causes`.
        end: What it says of the start.
        language: Of the words; empty if the file does not tell.
        weight: How much evidence ConceptNet has for it.
    """

    start: str
    relation: str
    end: str
    language: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class Relations:
    """The causal assertions of a file, to be found by the words of a text."""

    every: tuple[Relation, ...]

    @cached_property
    def _places(self) -> Mapping[tuple[str, ...], tuple[int, ...]]:
        found: dict[tuple[str, ...], list[int]] = {}
        for place, one in enumerate(self.every):
            for words in {_words(one.start), _words(one.end)}:
                if words:
                    found.setdefault(words, []).append(place)
        return {words: tuple(places) for words, places in found.items()}

    def about(self, text: str, language: Language, count: int = 8) -> tuple[Relation, ...]:
        """The assertions about what the text names: those of which it names both ends first, then by weight.

        Of assertions of which it names one end alone at most half of `count` are told: they may be beside the point.
        """
        named = {words for words in _named(text, language) if words in self._places}
        hits: dict[int, int] = {}
        for words in named:
            for place in self._places[words]:
                if self.every[place].language in ("", language):
                    hits[place] = hits.get(place, 0) + 1
        ranked = sorted(hits, key=lambda place: (-hits[place], -self.every[place].weight, place))
        both = [place for place in ranked if hits[place] > 1][:count]
        single = [place for place in ranked if hits[place] == 1][: min(count // 2, count - len(both))]
        return tuple(self.every[place] for place in both + single)


def _words(text: str) -> tuple[str, ...]:
    """The words of a concept as they are compared: small, without the plural's s."""
    found = re.findall(r"[^\W_]+(?:['\u2019][^\W_]+)?", text.casefold())
    return tuple(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in found
    )


def _named(text: str, language: Language) -> Iterator[tuple[str, ...]]:
    """Everything in a text that may be a concept."""
    words = _words(text)
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + _WORDS) + 1):
            yield words[start:end]
        if language == "zh":
            run = words[start]
            for first in range(len(run)):
                for last in range(first + 2, min(len(run), first + _SIGNS) + 1):
                    yield (run[first:last],)


def read_relations(path: Path) -> Relations:
    """The causal assertions of a file; others of ConceptNet, such as `RelatedTo`, are passed over.

    The file is ConceptNet's dump (five columns between tabs, whatever its ending), lines of JSON with `rel`, `start`,
    `end` and `weight`, or comma-separated with these columns; each may be compressed as .gz.

    Raises:
        EvaluationError: AE-8303 the file is missing or unreadable; AE-8304 a line is none of these, or no line tells
            of causes.

    Source: Speer, Chin and Havasi, ConceptNet 5.5, AAAI 2017; the dump's fields as its wiki documents them.
    """
    try:
        status = path.stat()
        return _read(path.resolve(), status.st_mtime_ns, status.st_size)
    except (OSError, EOFError, UnicodeDecodeError, gzip.BadGzipFile) as error:
        found = f"The file of relations {path} cannot be read: {clean_text(str(error), 120)}."
        raise EvaluationError("AE-8303", found, mend="give ConceptNet's assertions, or check the path.") from error


@lru_cache(maxsize=2)
def _read(path: Path, _changed: int, _size: int) -> Relations:
    # The dump is 34 million lines, of which a few in a hundred are causal: it is read once, line by line.
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        kept = tuple(dict.fromkeys(_relations(path, file)))
    if not kept:
        raise _malformed(path, 1, "no line of the file tells of causes")
    return Relations(kept)


def _relations(path: Path, file: TextIO) -> Iterator[Relation]:
    read: Callable[[str], Relation | None] | None = None
    kept = 0
    for number, line in enumerate(iter(lambda: file.readline(_LINE), ""), 1):
        if not line.strip():
            continue
        if read is None:
            read = _reader(line)
            if isinstance(read, _Columns):
                continue
        try:
            found = read(line)
        except (ValueError, KeyError, TypeError, AttributeError, csv.Error, RecursionError) as error:
            raise _malformed(path, number, clean_text(f"{type(error).__name__}: {error}", 120)) from error
        if found is not None:
            kept += 1
            if kept > _KEPT:
                raise _malformed(path, number, f"there are more than {_KEPT:,} causal assertions")
            yield found


def _reader(first: str) -> "Callable[[str], Relation | None]":
    if first.lstrip().startswith("{"):
        return _from_json
    return _from_dump if "\t" in first else _Columns(tuple(next(csv.reader([first]))))


def _from_dump(line: str) -> Relation | None:
    _, relation, start, end, about = line.rstrip("\n").split("\t")
    # Most lines are about other relations: they are left before their JSON is read.
    name = relation.rpartition("/")[2]
    return _relation(name, start, end, json.loads(about).get("weight", 1.0)) if name in CAUSAL else None


def _from_json(line: str) -> Relation | None:
    told = json.loads(line)
    fields = [told[key]["@id"] if isinstance(told[key], dict) else told[key] for key in ("rel", "start", "end")]
    return _relation(fields[0].rpartition("/")[2], fields[1], fields[2], told.get("weight", 1.0))


@dataclass(frozen=True)
class _Columns:
    """Reads comma-separated lines by the names of their columns."""

    names: Sequence[str]

    def __call__(self, line: str) -> Relation | None:
        told = dict(zip(self.names, next(csv.reader([line])), strict=True))
        return _relation(told["rel"].rpartition("/")[2], told["start"], told["end"], told.get("weight", 1.0))


def _relation(name: str, start: str, end: str, weight: object) -> Relation | None:
    """The assertion; None if it tells of no causes, is about two languages, or is longer than a name."""
    if name not in CAUSAL:
        return None
    (first, language), (second, other) = _concept(start), _concept(end)
    if language != other or not 0 < len(first) <= _NAME or not 0 < len(second) <= _NAME:
        return None
    return Relation(first, name, second, language, float(str(weight)))


def _concept(told: str) -> tuple[str, str]:
    """The words and the language of `/c/en/heavy_rain/n`, or of plain words."""
    if not told.startswith("/c/"):
        return clean_text(told.replace("_", " "), _NAME).strip(), ""
    _, _, language, words, *_ = told.split("/")
    return clean_text(words.replace("_", " "), _NAME).strip(), language


def _malformed(path: Path, line: int, why: str) -> EvaluationError:
    mend = 'give ConceptNet\'s assertions, or columns or JSON with "rel", "start", "end" and "weight".'
    return EvaluationError("AE-8304", f"{path}, line {line}, cannot be used: {why}.", mend=mend)
