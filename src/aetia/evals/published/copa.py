"""COPA: which of two sentences is the cause, or the effect, of a third?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import json_lines
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_LICENCE = "BSD-2-Clause"
_HOME = "https://github.com/cs-zyluo/CausalNet (copa-all.xml as JSON lines; by https://people.ict.usc.edu/~gordon/copa)"
_FILES = {
    "copa_all.jsonl": "4155361480417af685d165b722d491f692b23a27a630dc9fb247f165347bf4f0",
}
_DEVELOPMENT = 500  # ids up to this one are the development set

QUESTIONS = {"cause": "Which of the options is the cause of this?", "effect": "Which of the options is its effect?"}
"""What is asked in two-choice tasks of this kind, by what is asked for."""


def _read(name: str, folder: Path) -> Iterator[Item]:
    for row in json_lines(folder / "copa_all.jsonl"):
        number = row.integer("id")
        if (number <= _DEVELOPMENT) == (name == "copa/dev"):
            item = Item(
                task=name,
                context=row.text("premise"),
                question=row.one_of(QUESTIONS, "asks_for"),
                form="choice",
                label=row.one_of({"0": "1", "1": "2"}, "label"),
                options=(row.text("alt1"), row.text("alt2")),
                facts={"asks_for": row.text("asks_for"), "id": number},
                # Sentences come in twos: 2k - 1 and 2k share nothing, but a premise may come again.
                cluster=f"copa:{row.text('premise').casefold()}",
            )
            yield placed(item, row, folder, _LICENCE)


def choice_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with a two-choice item: options that are alike, or that repeat the premise, or are empty."""
    options = [" ".join(option.casefold().split()).rstrip(".") for option in item.options]
    premise = " ".join(item.context.casefold().split()).rstrip(".")
    faults = ["two options are the same"] if len(set(options)) < len(options) else []
    for number, option in enumerate(options, 1):
        if option == premise:
            faults.append(f"option {number} repeats the premise")
        if not option:
            faults.append(f"option {number} is empty")
    return tuple(faults)


TASKS = tuple(
    Task(
        name=name,
        asks="Which of two everyday events is the more plausible cause or effect of a third?",
        target=Target("discovery", "PCD", "choice"),
        source=Published("copa", _FILES, partial(_read, name), _HOME, _LICENCE, choice_faults),
        chance=0.5,
        tags=Tags(("world knowledge",), "knowledge"),
        citation="Roemmele, Bejan and Gordon, Choice of Plausible Alternatives, AAAI Spring Symposium 2011",
    )
    for name in ("copa/dev", "copa/test")
)
