"""CenterBench: who did what to whom, and what followed, in a sentence with clauses within clauses?"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.published._embedded import Deed, base_of, deeds_of, is_past, participle_base
from aetia.evals.published._folder import json_lines
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_LICENCE = "CC-BY-4.0"
_HOME = "https://github.com/Sangmitra-06/CENTERBENCH"
_DIGESTS = {
    "plausible.jsonl": "b6edc1522df93e26fbb3ff9889aa7935a08cace9f51d2a6c23a4bea9c4e828af",
    "implausible.jsonl": "fe7c38f2651c925ef79936286460a39b82438e6562cb893799043571d53f60ed",
}
_AFFECTED = re.compile(r"^(?:Who|What) was affected by the (.+?) ?\?*$")
_AGENT = re.compile(r"^(?:Who|What) (.+) the (.+?) ?\?*$")
_DID = re.compile(r"^What did the (.+) do\?$")
_BY = re.compile(r"^What did the entity acted upon by the (.+) do\?$")
_WAS = re.compile(r"^What did the entity that was (.+) do\?$")
_LED = re.compile(r"^What series of events led to the (.+)'s action\?$")
_AFTER = re.compile(r"^What is the consequence of the (.+)'s involvement\?$")


def _read(name: str, file: str, folder: Path) -> Iterator[Item]:
    for row in json_lines(folder / file):
        for being in row.fields("questions_by_entity"):
            for number in range(len(row.values("questions_by_entity", being))):
                at = "questions_by_entity", being, number
                kind, label = row.text(*at, "type"), row.text(*at, "answer")
                head, _, rest = label.partition(" ")
                # The question asks for a plain form; the set's own scoring takes any form of the verb.
                plain = (f"{base_of(head)} {rest}".strip(),) if kind == "action_performed" else ()
                item = Item(
                    task=name,
                    context=row.text("sentence"),
                    question=row.text(*at, "question"),
                    form="text",
                    label=label,
                    accepted=plain,
                    facts={
                        "kind": kind,
                        "depth": row.text("complexity").rpartition("_")[2],
                        "entity": being,
                        "entities": len(row.values("all_entities")),
                    },
                    cluster=f"{name}:{row.line}",
                )
                yield placed(item, row, folder, _LICENCE, f"{being}/{number + 1}")


def answer(item: Item) -> str:
    """The answer that follows from the sentence, with no look at whether it is plausible.

    Raises:
        EvaluationError: AE-8110 the sentence or the question cannot be read.
    """
    try:
        deeds = deeds_of(item.context)
    except ValueError as error:
        raise _unread(str(error)) from error
    if item.question.startswith("How many distinct entities"):
        return str(len(deeds))
    found = next((read(match, deeds) for form, read in _READINGS if (match := form.match(item.question))), None)
    if found is None:
        raise _unread("the question fits no being of the sentence, or several")
    return found


def _unread(reason: str) -> EvaluationError:
    return EvaluationError("AE-8110", f"The text cannot be read: {reason}.", mend="ask it without the engine.")


def _place(deeds: tuple[Deed, ...], being: str) -> int | None:
    return next((place for place, deed in enumerate(deeds) if deed.who == being), None)


def _past_of_patient(match: re.Match[str], deeds: tuple[Deed, ...]) -> str | None:
    place = _place(deeds, match[1])
    return _past(deeds, place - 1 if place else None)


def _past_of_described(match: re.Match[str], deeds: tuple[Deed, ...]) -> str | None:
    return _past(deeds, _patient(match[1], deeds))


def _deed(match: re.Match[str], deeds: tuple[Deed, ...]) -> str | None:
    place = _place(deeds, match[1])
    return None if place is None else deeds[place].told("base")


def _whom(match: re.Match[str], deeds: tuple[Deed, ...]) -> str | None:
    place = _place(deeds, match[1])
    return f"the {deeds[place].whom}" if place else None


def _who(match: re.Match[str], deeds: tuple[Deed, ...]) -> str | None:
    doers = [deed.who for deed in deeds if deed.whom == match[2] and deed.past == match[1]]
    return f"the {doers[0]}" if doers else None


def _past(deeds: tuple[Deed, ...], place: int | None) -> str | None:
    return deeds[place].told("past") if place is not None and place >= 0 else None


def _patient(phrase: str, deeds: tuple[Deed, ...]) -> int | None:
    """Who was `startled`, or `run after`: the place of the one being to whom that was done."""
    head, _, rest = phrase.partition(" ")
    fitting = [
        place - 1
        for place, deed in enumerate(deeds)
        if place and base_of(deed.past.partition(" ")[0]) == participle_base(head) and _goes(deed.past, rest)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _goes(past: str, rest: str) -> bool:
    told = past.partition(" ")[2]
    return told == rest or not rest or told.startswith(f"{rest} ")


def _before(match: re.Match[str], deeds: tuple[Deed, ...]) -> str | None:
    place = _place(deeds, match[1])
    if place is None:
        return None
    told = [f"the {deed.who} {deed.told('gerund')}" for deed in reversed(deeds[place + 1 :])]
    return " which led to ".join(told) or "no prior events"


def _consequence(match: re.Match[str], deeds: tuple[Deed, ...]) -> str | None:
    place = _place(deeds, match[1])
    if place is None:
        return None
    return f"the {deeds[place - 1].who} {deeds[place - 1].told('past')}" if place else "none"


_READINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], tuple[Deed, ...]], str | None]], ...] = (
    (_BY, _past_of_patient),
    (_WAS, _past_of_described),
    (_DID, _deed),
    (_AFFECTED, _whom),
    (_LED, _before),
    (_AFTER, _consequence),
    (_AGENT, _who),
)


def structure_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with an answer or a question, whatever the sentence says."""
    faults: list[str] = []
    if item.label.rstrip().endswith("?"):
        faults.append("the answer is a question")
    if not item.question.rstrip().endswith("?"):
        faults.append("the question has no question mark")
    if item.facts["kind"] == "action_performed" and is_past(item.label.partition(" ")[0]):
        faults.append("the answer is in the past, and the question asks for the plain form")
    if item.facts["kind"] == "entity_count" and item.label != str(item.facts["entities"]):
        faults.append(f"the count is {item.label}, and {item.facts['entities']} entities are listed")
    return tuple(faults)


TASKS = tuple(
    Task(
        name=f"centerbench/{kind}",
        asks=f"Who did what to whom in a nested sentence that is {kind}?",
        target=Target("none", "CenterBench", "text"),
        source=Published(
            "centerbench",
            {f"{kind}.jsonl": _DIGESTS[f"{kind}.jsonl"]},
            partial(_read, f"centerbench/{kind}", f"{kind}.jsonl"),
            _HOME,
            _LICENCE,
            structure_faults,
        ),
        chance=0.0,
        tags=Tags(("syntax",), "text"),
        seeds=("078",),
        citation="CenterBench, EACL 2026",
        engine=answer,
    )
    for kind in ("plausible", "implausible")
)
