"""Which items does an evaluation ask, and which does it show as examples?"""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random

from aetia.errors import EvaluationError
from aetia.evals.adaptations.material import generated_examples
from aetia.evals.harness.study import EvaluationStudy, is_file_of_items
from aetia.evals.item import Item, Language
from aetia.evals.task import Generator, Task, generated, orbit, task_named

__all__ = ["Chosen", "chosen_items", "listed_items", "task_of"]

_EXAMPLES = 24
"""Items of a listed set that are shown as examples before they are asked."""

_DECIDING = {"items", "orbits", "language", "names", "data", "seed"}


@dataclass(frozen=True)
class Chosen:
    """The items of one task.

    Args:
        task: The task.
        items: What is asked.
        examples: Items of the same task that may be shown solved. Of a small set some are asked too; a way of asking
            never shows an item, or a variant of it, beside itself.
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

    return task_from_file(Path(name)) if is_file_of_items(name) else task_named(name)


def listed_items(task: Task, name: str, data: Path | None, language: Language) -> list[Item]:
    """All items of a published set, or of one's own file, in a language, in the order of the files.

    Raises:
        EvaluationError: AE-8601 there are none in that language; AE-8602 it was not said where the set is; and what is
            wrong with its files.
    """
    from aetia.evals.published._folder import own_items, published_items

    if is_file_of_items(name):
        found = own_items(Path(name))
    elif data is None:
        mend = "name the folder that holds it with --data."
        raise EvaluationError("AE-8602", f"{task.name} is a published set, and it was not said where it is.", mend=mend)
    else:
        found = published_items(task, data)
    known = [item for item in found if item.language == language]
    if not known:
        mend = "ask it in the other language, with --language."
        raise EvaluationError("AE-8601", f"{task.name} has no items in the language {language}.", mend=mend)
    return known


def chosen_items(study: EvaluationStudy, name: str) -> Chosen:
    """The study's items of the task; the same whenever it is asked.

    Of a set that is listed, published or one's own, they are drawn by the study's seed; with `orbits` whole orbits.

    Raises:
        EvaluationError: AE-8601 the set has no items in that language; AE-8602 it was not said where it is; and what
            is wrong with the task or its files.
    """
    return _chosen(study.model_dump_json(include=_DECIDING), name, _stamp(name))


def _stamp(name: str) -> tuple[int, int]:
    """What changes when somebody writes a file of items again."""
    try:
        found = Path(name).stat() if is_file_of_items(name) else None
    except OSError:
        found = None  # whoever reads it says what is wrong
    return (found.st_mtime_ns, found.st_size) if found is not None else (0, 0)


@lru_cache(maxsize=1024)
def _chosen(record: str, name: str, stamp: tuple[int, int]) -> Chosen:  # noqa: ARG001  the stamp is a part of the key
    """The items by what decides them, so that studies that differ in other things share them."""
    study = EvaluationStudy.model_validate({**json.loads(record), "tasks": (name,)})
    task = task_of(name)
    if isinstance(task.source, Generator):
        return _generated(study, task, task.source)
    return _listed(study, task, name)


def _generated(study: EvaluationStudy, task: Task, generator: "Generator[object]") -> Chosen:
    style = replace(generator.first_style, language=study.language, names=study.names or generator.names[0])
    examples = generated_examples(task, study.seed, style)
    if not study.orbits:
        items = tuple(generated(task, index, study.seed, style) for index in range(study.items))
    else:
        items = tuple(one for index in range(study.items) for one in orbit(task, index, study.seed, style))
    return Chosen(task, items, examples)


def _listed(study: EvaluationStudy, task: Task, name: str) -> Chosen:
    known = listed_items(task, name, None if study.data is None else Path(study.data), study.language)
    # Without orbits an item is on its own, whatever others belong to it.
    groups: dict[str, list[Item]] = {}
    for item in known:
        groups.setdefault((study.orbits and item.orbit) or item.id, []).append(item)
    drawn = list(groups.values())
    Random(f"{study.seed}:{task.name}").shuffle(drawn)
    shown = drawn[:_EXAMPLES]
    # What is shown is asked last: only of a set that has no more than is asked for.
    asked = (drawn[_EXAMPLES:] + shown)[: study.items]
    return Chosen(task, tuple(one for group in asked for one in group), tuple(group[0] for group in shown))
