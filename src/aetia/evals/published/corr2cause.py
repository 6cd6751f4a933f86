"""Corr2Cause up to five variables, in full: what do independences imply about causes?

The rows are an enumeration by the published specification, in the published words, with labels in two readings; the
released rows themselves are to be had from Hugging Face only. They are not the same: the released program steps the
wrong way in one loop, so that it overlooks common causes (a fault below names each row that this changes); and it
looks up the relations of a renamed graph by the renaming where it should by its inverse, which changes 7 labels of 720
at four variables and 192 of 8,520 at five.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import json_lines
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task
from aetia.evals.tasks._corr2cause_text import deduced
from aetia.evals.tasks._formal_words import wordings

_FILE = "corr2cause_n2to5.jsonl"
_FILES = {_FILE: "2fe3bfc51eff5858e4a0c811bb3ae461184720fecaed464b02a5eeb8a163a7c6"}
_HOME = "https://github.com/causalNLP/corr2cause"
_LICENCE = "Apache-2.0"
_READINGS = {"paths": "label", "children": "label_common_child"}
_ASKED = {
    "paths": "What independences imply about causes; common causes and effects may be distant ones.",
    "children": "What independences imply about causes; common causes are parents, common effects are children.",
}
_CITATION = "Jin et al., Can Large Language Models Infer Causation from Correlation? ICLR 2024, arXiv 2306.05836"


def _read(reading: str, folder: Path) -> Iterator[Item]:
    question = wordings("corr2cause")[0]["question"]
    for row in json_lines(folder / _FILE):
        item = Item(
            task=f"corr2cause_regen/{reading}",
            context=row.text("premise"),
            question=question.format(hypothesis=row.text("hypothesis")),
            form="binary",
            label=row.one_of({"0": "no", "1": "yes"}, _READINGS[reading]),
            facts={
                "treatment": row.text("x"),
                "outcome": row.text("y"),
                "query": row.text("relation"),
                "variables": row.integer("n"),
                "members": row.integer("mec_size"),
            },
            cluster=f"corr2cause_regen:{row.text('mec')}",
        )
        yield placed(item, row, folder, _LICENCE)


def faults(item: Item) -> tuple[str, ...]:
    """Whether the label depends on the reading, or is another one in the released set."""
    found: list[str] = []
    told = {reading: deduced(item, reading) for reading in ("paths", "children")}
    if len(set(told.values())) > 1:
        found.append("the label depends on whether common causes and effects may be distant ones")
    if told["paths"] != deduced(item, "loop-slip"):
        found.append("the released program overlooks the common cause: of its second leg it follows one edge only")
    return tuple(found)


TASKS: tuple[Task, ...] = tuple(
    Task(
        name=f"corr2cause_regen/{reading}",
        asks=asks,
        target=Target("discovery", "CORR2CAUSE", "binary", "symbolic"),
        source=Published("corr2cause_regen", _FILES, partial(_read, reading), _HOME, _LICENCE, faults),
        chance=0.5,
        tags=Tags(("graph search", "deduction"), "text", "explanation"),
        seeds=("064",),
        citation=_CITATION,
        engine=partial(deduced, reading=reading),
    )
    for reading, asks in _ASKED.items()
)
