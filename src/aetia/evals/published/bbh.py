"""Big-Bench Hard: causal judgement, and five other files with answers that can be worked out.

Causal judgement is what most people said, so that no engine decides it; web of lies, arithmetic, the order of three
objects and the free hours are worked out from the text.

Source: Suzgun et al., Challenging BIG-Bench tasks, arXiv 2210.09261; the canary of BIG-bench stays with every item.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Form, Item, Origin
from aetia.evals.published._bbh_engines import arithmetic, free_hours, liar, order_of_three
from aetia.evals.published._folder import Row, json_entries
from aetia.evals.task import Published, Rung, Tags, Target, Task

__all__ = ["TASKS"]

_DIGESTS = {
    "causal_judgement": "6e8bca44dd402008ed41c07a3d0a1d5e7b03db7001a7e002fcdf4c60985ea081",
    "formal_fallacies": "4c1adb664821157faade1d4153685403afcc02648f3c180a608a18f17f589629",
    "logical_deduction_three_objects": "e590fae72e3a6041fbd23bd8ff6b74baf44ca563f6ba40a041c55e7b867c1681",
    "multistep_arithmetic_two": "c9d5a6433c9b78256422a15c78463949c8bec8d85607aa28b52d7234ad4a8595",
    "temporal_sequences": "92a1189faaa84aacc4c405aaa13f13f48c2992eb884772eedb622505252baef5",
    "web_of_lies": "3e60323f8514a107fdb4edf35f8832a9171c5a09c0eaa47823559de905e8ab8b",
}


def _items(name: str, folder: Path) -> Iterator[Item]:
    entries = {row.key: row for row in json_entries(folder / f"{name}.json")}
    canary = entries["canary"].text() if "canary" in entries else ""
    examples = entries["examples"]
    for place in range(len(examples.values())):
        yield _item(name, examples, place, canary)


def _item(name: str, row: Row, place: int, canary: str) -> Item:
    text, target = row.text(place, "input"), row.text(place, "target")
    body, _, listed = text.partition("\nOptions:\n")
    lines = [line.strip() for line in listed.splitlines() if line.strip()]
    context, question = _split(name, body)
    form: Form = "number" if name == "multistep_arithmetic_two" else "binary"
    label, options = target.strip().lower(), ()
    if lines and lines[0].startswith("("):
        form, options = "choice", tuple(line[4:].strip() for line in lines)
        label = str("ABCDEFG".index(target.strip("() ")) + 1)
    elif name == "formal_fallacies":
        label = "yes" if target.strip() == "valid" else "no"
    elif form == "number":
        label = target.strip()
    return Item(
        task=f"bbh/{name.replace('_', '-')}",
        context=context,
        question=question,
        form=form,
        label=label,
        options=options,
        cluster=f"bbh:{name}:{place + 1}",
        origin=Origin(f"bbh/{name}.json:{place + 1}", "MIT", canary),
    )


def _split(name: str, body: str) -> tuple[str, str]:
    """What is given and what is asked: the last sentence, where there is one."""
    if name == "multistep_arithmetic_two":
        return "", body
    if name == "logical_deduction_three_objects":
        return body, "Which of the statements holds?"
    if name in {"formal_fallacies", "temporal_sequences"}:
        given, _, asked = body.rpartition("\n")
        return given, asked
    told = re.fullmatch(r"(.*[.!?\"')])\s+(.+?\?)", body.strip(), re.DOTALL)
    return (told[1], told[2]) if told else ("", body)


_CITATION = "Suzgun et al., Challenging BIG-Bench tasks, arXiv 2210.09261"


def _task(name: str, asks: str, rung: Rung, engine: Callable[[Item], str] | None, form: Form, chance: float) -> Task:
    return Task(
        name=f"bbh/{name.replace('_', '-')}",
        asks=asks,
        target=Target(rung, "AC" if rung == "counterfactual" else "BBH", form),
        source=Published(
            "bbh",
            {f"{name}.json": _DIGESTS[name]},
            partial(_items, name),
            "https://github.com/suzgunmirac/BIG-Bench-Hard",
            "MIT",
        ),
        chance=chance,
        tags=Tags(("judgement",) if engine is None else ("logic",), "both" if rung == "counterfactual" else "text"),
        seeds=("063",) if rung == "counterfactual" else (),
        citation=_CITATION,
        engine=engine,
    )


TASKS: tuple[Task, ...] = (
    _task("causal_judgement", "Would most people say that this caused that?", "counterfactual", None, "binary", 1 / 2),
    _task("formal_fallacies", "Does the conclusion follow?", "none", None, "binary", 1 / 2),
    _task(
        "logical_deduction_three_objects", "In which order are three things?", "none", order_of_three, "choice", 1 / 3
    ),
    _task("multistep_arithmetic_two", "What is the value?", "none", arithmetic, "number", 0.0),
    _task("temporal_sequences", "When can the person have been there?", "none", free_hours, "choice", 1 / 4),
    _task("web_of_lies", "Does the last of a chain tell the truth?", "none", liar, "binary", 1 / 2),
)
