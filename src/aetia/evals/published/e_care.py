"""e-CARE: which of two sentences is the cause, or the effect, of a third, and why?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import json_lines
from aetia.evals.published._items import placed
from aetia.evals.published.copa import QUESTIONS, choice_faults
from aetia.evals.task import Published, Tags, Target, Task

_LICENCE = "MIT"
_HOME = "https://github.com/Waste-Wood/e-CARE"
_DIGESTS = {
    "causal_reasoning_train.jsonl": "540f828fe640f0bbef0e16c47a933b65625f49f20aef8a45884a836eb9c034c3",
    "causal_reasoning_dev.jsonl": "cc95861592d28f49e25d540b9993fb01732306220e16a66b27f85b051c6dd433",
    "explanation_generation_dev.jsonl": "3b5739fb728ab4dd10ebff342b3690a5fa58254bfa75ff5bbc519db2df77a0b2",
}
_CITATION = "Du et al., e-CARE: a New Dataset for Exploring Explainable Causal Reasoning, ACL 2022"


def _read(name: str, file: str, folder: Path) -> Iterator[Item]:
    for row in json_lines(folder / file):
        item = Item(
            task=name,
            context=row.text("premise"),
            question=row.one_of(QUESTIONS, "ask-for"),
            form="choice",
            label=row.one_of({"0": "1", "1": "2"}, "label"),
            options=(row.text("hypothesis1"), row.text("hypothesis2")),
            facts={"asks_for": row.text("ask-for"), "id": row.text("index")},
        )
        yield placed(item, row, folder, _LICENCE)


def _explanations(folder: Path) -> Iterator[Item]:
    for row in json_lines(folder / "explanation_generation_dev.jsonl"):
        item = Item(
            task="e-care/explanations",
            context=f"Cause: {row.text('cause')}\nEffect: {row.text('effect')}",
            question="Why does the cause lead to the effect? Answer with one general fact.",
            form="text",
            label=row.text("conceptual_explanation"),
            facts={"cause": row.text("cause"), "effect": row.text("effect"), "id": row.text("index")},
        )
        yield placed(item, row, folder, _LICENCE)


def explanation_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with an item that asks why: an explanation that is empty, or that only repeats cause or effect."""
    told = item.label.casefold().strip(" .。")
    faults = [] if told else ["the explanation is empty"]
    given = {str(item.facts.get(name, "")).casefold().strip(" .。") for name in ("cause", "effect")}
    if told in given:
        faults.append("the explanation repeats the cause or the effect")
    if len(given) == 1:
        faults.append("cause and effect are the same sentence")
    return tuple(faults)


TASKS = (
    *(
        Task(
            name=name,
            asks="Which of two events is the more plausible cause or effect of a third?",
            target=Target("discovery", "PCD", "choice"),
            source=Published(
                "e_care", {file: _DIGESTS[file]}, partial(_read, name, file), _HOME, _LICENCE, choice_faults
            ),
            chance=0.5,
            tags=Tags(("world knowledge",), "knowledge"),
            citation=_CITATION,
        )
        for name, file in (
            ("e-care/dev", "causal_reasoning_dev.jsonl"),
            ("e-care/train", "causal_reasoning_train.jsonl"),
        )
    ),
    Task(
        name="e-care/explanations",
        asks="Which general fact explains why one event leads to another?",
        target=Target("counterfactual", "CEG", "text"),
        source=Published(
            "e_care",
            {"explanation_generation_dev.jsonl": _DIGESTS["explanation_generation_dev.jsonl"]},
            _explanations,
            _HOME,
            _LICENCE,
            explanation_faults,
        ),
        chance=0.0,
        tags=Tags(("world knowledge", "explanation"), "knowledge", "explanation"),
        citation=_CITATION,
    ),
)
