"""Which items does an evaluation ask, and which does it show as examples?"""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random

from aetia.errors import EvaluationError
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.item import Item
from aetia.evals.task import Generator, Task, generated, orbit, task_named

__all__ = ["Chosen", "chosen_items", "task_of"]

_EXAMPLES = 24
"""Items kept as examples, of which a way of asking takes what it needs."""

_DECIDING = {"items", "orbits", "language", "names", "data", "seed"}

_OF_EXAMPLES = 1_000_003
"""The distance between the seed of the items and that of their examples."""


@dataclass(frozen=True)
class Chosen:
    """The items of one task.

    Args:
        task: The task.
        items: What is asked.
        examples: Other items of the same task, which may be shown solved.
    """

    task: Task
    items: tuple[Item, ...]
    examples: tuple[Item, ...]


def task_of(name: str) -> Task:
    """The task of that name, or that of the file of items at that path.

    Raises:
        EvaluationError: AE-8102 there is no such task; and what is wrong with the file.
    """
    from aetia.evals.published._folder import task_from_file

    return task_from_file(Path(name)) if name.endswith(".jsonl") else task_named(name)


def chosen_items(study: EvaluationStudy, name: str) -> Chosen:
    """The study's items of the task; the same whenever it is asked.

    Of a published set they are drawn by the study's seed; examples are never among them.

    Raises:
        EvaluationError: AE-8601 the set has no items in that language; AE-8602 it was not said where it is; and what
            is wrong with the task or its files.
    """
    return _chosen(study.model_dump_json(include=_DECIDING), name)


@lru_cache(maxsize=256)
def _chosen(record: str, name: str) -> Chosen:
    """The items by what decides them, so that studies that differ in other things share them."""
    study = EvaluationStudy.model_validate({**json.loads(record), "tasks": (name,)})
    task = task_of(name)
    if isinstance(task.source, Generator):
        return _generated(study, task, task.source)
    return _listed(study, task, name)


def _generated(study: EvaluationStudy, task: Task, generator: "Generator[object]") -> Chosen:
    style = replace(generator.first_style, language=study.language, names=study.names or generator.names[0])
    examples = tuple(generated(task, index, study.seed + _OF_EXAMPLES, style) for index in range(_EXAMPLES))
    if not study.orbits:
        items = tuple(generated(task, index, study.seed, style) for index in range(study.items))
    else:
        items = tuple(one for index in range(study.items) for one in orbit(task, index, study.seed, style))
    return Chosen(task, items, examples)


def _listed(study: EvaluationStudy, task: Task, name: str) -> Chosen:
    from aetia.evals.published._folder import own_items, published_items

    if name.endswith(".jsonl"):
        found = own_items(Path(name))
    elif study.data is None:
        mend = "name the folder that holds it with --data."
        raise EvaluationError("AE-8602", f"{task.name} is a published set, and it was not said where it is.", mend=mend)
    else:
        found = published_items(task, Path(study.data))
    known = [item for item in found if item.language == study.language]
    if not known:
        mend = "ask it in the other language."
        raise EvaluationError("AE-8601", f"{task.name} has no items in the language {study.language}.", mend=mend)
    Random(f"{study.seed}:{task.name}").shuffle(known)
    # A small set is shared out: at most a quarter of it is shown as examples.
    kept = min(_EXAMPLES, len(known) // 4)
    return Chosen(task, tuple(known[kept : kept + study.items]), tuple(known[:kept]))
