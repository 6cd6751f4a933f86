"""PRISMM-Bench: where does a scientific paper contradict itself, as its reviewers found?"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.published._folder import Row, json_entries
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_LICENCE = "Apache-2.0"
_HOME = "https://github.com/da-luggas/prismm-bench"
_DIGESTS = {
    "annotations.json": "bf8c7b7da9aaaef096fdb77e1f1d1df2d2719c77b750015028caeac3a7999a14",
}
_LETTERS = "ABCDEFGH"
_KINDS = {
    "prismm/binary": ("binary_consistent", "binary_inconsistent"),
    "prismm/identify": ("default",),
    "prismm/identify-sentences": ("default_natural",),
    "prismm/remedy": ("edit",),
    "prismm/match": ("part_pair",),
}


def _read(name: str, folder: Path) -> Iterator[Item]:
    for row in json_entries(folder / "annotations.json"):
        for number in range(len(row.values())):
            for kind in _KINDS[name]:
                if row.has(number, "mcq", kind, "question"):
                    yield placed(_item(row, number, kind, name), row, folder, _LICENCE, f"{row.key}/{number}/{kind}")


def _item(row: Row, number: int, kind: str, name: str) -> Item:
    at = number, "mcq", kind
    texts = row.text(*at, "correct"), *row.texts(*at, "incorrect")
    facts = {
        "paper": row.key,
        "number": number,
        "kind": kind,
        "category": row.text(number, "category"),
        "description": row.text(number, "description"),
        "image": [part["image_id"] for part in _parts(row, number) if "image_id" in part],
    }
    context = "\n\n".join(part["content"] for part in _parts(row, number) if part.get("type") == "text")
    question, cluster = row.text(*at, "question"), f"prismm:{row.key}:{number}"
    if name == "prismm/binary":
        label = row.one_of({"Yes": "yes", "No": "no"}, *at, "correct")
        return Item(name, context, question, "binary", label, facts=facts, cluster=cluster)
    letters = row.texts(*at, "letters")
    if sorted(letters) != list(_LETTERS[: len(texts)]):
        raise row.wrong("it does not give each option a letter", *at, "letters")
    shown = {letter: _plain(row, text, letter, at) for letter, text in zip(letters, texts, strict=True)}
    options = tuple(shown[letter] for letter in sorted(shown))
    label = str(_LETTERS.index(letters[0]) + 1)
    context = "" if name == "prismm/match" else context
    return Item(name, context, question, "choice", label, options, facts=facts, cluster=cluster)


def _parts(row: Row, number: int) -> list[dict[str, str]]:
    """The parts of the paper that contradict each other, their texts and their pictures' names."""
    parts: list[dict[str, str]] = []
    for place in range(len(row.values(number, "inconsistency_parts"))):
        told = row.fields(number, "inconsistency_parts", place)
        parts.append({name: value for name, value in told.items() if isinstance(value, str)})
    return parts


def _plain(row: Row, text: str, letter: str, at: tuple[int, str, str]) -> str:
    """An option without the letter that structured ones carry: options are numbered here."""
    if not text.startswith("{"):
        return text
    try:
        told = json.loads(text)
    except ValueError as error:
        raise row.wrong("an option is no JSON", *at) from error
    if told.pop("letter", letter) != letter:
        raise row.wrong("an option has a letter of its own", *at)
    return json.dumps(told, ensure_ascii=False)


def by_construction(item: Item) -> str:
    """The answer that follows from how the set was made: each of its pairs is one that a reviewer found inconsistent.

    Raises:
        EvaluationError: AE-8110 the question is not whether the parts are consistent.
    """
    if "inconsistent" in item.question:
        return "yes"
    if "consistent" in item.question:
        return "no"
    found = "The text cannot be read: it does not ask whether parts of a paper are consistent."
    raise EvaluationError("AE-8110", found, mend="ask it without the engine.")


def option_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with an item's options: two are alike."""
    return ("two options are the same",) if len(set(item.options)) < len(item.options) else ()


_ASKS = {
    "prismm/binary": "Are two parts of a paper consistent?",
    "prismm/identify": "What is the inconsistency? The options are small records.",
    "prismm/identify-sentences": "What is the inconsistency? The options are sentences.",
    "prismm/remedy": "What has to be changed to mend the inconsistency?",
    "prismm/match": "Which picture contradicts this part of the paper?",
}

TASKS = tuple(
    Task(
        name=name,
        asks=_ASKS[name],
        target=Target("none", "PRISMM", "binary" if name == "prismm/binary" else "choice"),
        source=Published("prismm", _DIGESTS, partial(_read, name), _HOME, _LICENCE, option_faults),
        chance=0.5 if name == "prismm/binary" else 0.25,
        tags=Tags(("vision", "reading"), "text", "diagnosis"),
        citation="Selch et al., PRISMM-Bench, ICLR 2026, arXiv 2510.16505",
        engine=by_construction if name == "prismm/binary" else None,
    )
    for name in _KINDS
)
