"""What does a way of asking need besides the item, and where is it had?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aetia.errors import EvaluationError
from aetia.evals.item import Item, Language
from aetia.evals.task import Style, Task, generated

__all__ = ["Material", "Tool", "chosen_examples", "generated_examples", "material_of", "required"]

_POOL = 48
"""How many examples are drawn: enough for eight of each label that do not clash with the item."""

_SALT = 1_000_003  # examples have a seed that no run has by accident: the next seed is often the next run


class Tool(Protocol):
    """Something that an answerer may call by a line of JSON: see `aetia.evals.adaptations.tools`."""

    @property
    def name(self) -> str:
        """What it is called by."""
        ...

    @property
    def example(self) -> str:
        """A call, as JSON."""
        ...

    def description(self, language: Language, /) -> str:
        """What it does, in a sentence or two."""
        ...

    def call(self, item: Item, arguments: Mapping[str, object], /) -> str:
        """Return the result in words; what is wrong with the arguments is a result as well."""
        ...


@dataclass(frozen=True)
class Material:
    """What a way of asking may need besides the item; each takes what it needs.

    Args:
        scenario: The short name of the task's scenario, as in `ATE`; the task is then described.
        examples: Other items of the task. Of a published set a part that is not asked.
        others: Items whose contexts may stand in place of an item's own.
        relations: A file of ConceptNet's assertions.
        is_right: Whether a reply gives the item's label; only an oracle needs it.
        tools: What may be called; without any, the causal engine and a calculator.
        tokens: The most tokens of a reply that reasons.
    """

    scenario: str = ""
    examples: Sequence[Item] = ()
    others: Sequence[Item] = ()
    relations: Path | None = None
    is_right: Callable[[Item, str], bool] | None = None
    tools: tuple[Tool, ...] = ()
    tokens: int = 512


def required(name: str, what: str, mend: str) -> EvaluationError:
    """The error that a way of asking lacks something."""
    return EvaluationError("AE-8302", f"The adaptation {name} needs {what}, and there is none.", mend=mend)


def generated_examples(task: Task, seed: int = 0, style: Style | None = None, count: int = _POOL) -> tuple[Item, ...]:
    """Items of a generated task for examples, from another seed than the items of `seed`.

    Raises:
        EvaluationError: AE-8103 the task is no generated one; AE-8104 and AE-8105 as `aetia.evals.task.generated`.
    """
    return tuple(generated(task, index, seed + _SALT, style) for index in range(count))


def material_of(task: Task, seed: int = 0, style: Style | None = None) -> Material:
    """What a task itself can give: its scenario and, if it is generated, examples of another seed.

    Raises:
        EvaluationError: As `generated_examples`.
    """
    examples = generated_examples(task, seed, style) if task.is_generated else ()
    return Material(task.target.scenario, examples, others=examples)


def chosen_examples(examples: Sequence[Item], item: Item, count: int) -> tuple[Item, ...]:
    """At most `count` examples for an item, in turn of each label, and none that is the item or a variant of it.

    They are the same for all items that clash with none, so that prompts share their beginning.
    """
    queues: dict[str, Iterator[Item]] = {}
    for example in examples:
        if example.label not in queues:
            queues[example.label] = _fit(examples, item, example.label)
    found: list[Item] = []
    while queues and len(found) < count:
        for label in tuple(queues):
            one = next(queues[label], None)
            if one is None:
                del queues[label]
            elif len(found) < count:
                found.append(one)
    return tuple(found)


def _fit(examples: Sequence[Item], item: Item, label: str) -> Iterator[Item]:
    for one in examples:
        is_variant = one.id == item.id or (bool(one.orbit) and one.orbit == item.orbit)
        is_twin = (one.context, one.question, one.options) == (item.context, item.question, item.options)
        is_alike = one.form == item.form and one.language == item.language
        if one.label == label and is_alike and not is_variant and not is_twin:
            yield one
