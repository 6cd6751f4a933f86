"""What do answerers get that read no text: one that knows, one that guesses, one that always says the same?

Each looks up the item by the request's `subject`. Their scores stand beside every model's.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from aetia.errors import AetiaError, EvaluationError
from aetia.evals.dialogue import Reply, Request
from aetia.evals.item import Item
from aetia.evals.speech import said
from aetia.evals.task import Task
from aetia.runs.keys import JSON
from aetia.text import clean_text

__all__ = ["ReferenceAnswerer", "constant", "engine", "guesser", "majority", "spoken"]

_UNLIKELY = -10.0  # nats: what a reference finds the other continuations


@dataclass(frozen=True, eq=False)
class ReferenceAnswerer:
    """Answers items by a rule.

    Args:
        name: As in `engine`; a part of its identity.
        items: The items that it may be asked about.
        rule: The label that it gives an item.
    """

    name: str
    items: Sequence[Item]
    rule: Callable[[Item], str]

    @property
    def identity(self) -> Mapping[str, JSON]:
        """The kind and the name."""
        return {"kind": "reference", "name": self.name}

    @property
    def is_deterministic(self) -> bool:
        """Always."""
        return True

    @cached_property
    def _known(self) -> Mapping[str, Item]:
        return {item.id: item for item in self.items}

    def answer(self, requests: Sequence[Request], /) -> Iterator[tuple[int, Reply]]:
        """Yield the reply to each request in order; one about an unknown item says so."""
        for place, request in enumerate(requests):
            item = self._known.get(request.subject)
            if item is None:
                yield place, _refused(f"No item of this study has the id {clean_text(request.subject, 40)!r}.")
                continue
            try:
                label = self.rule(item)
            except AetiaError as error:
                yield place, _refused(clean_text(error.found))
                continue
            yield place, _scored(item, label, request.continuations) if request.continuations else _said(item, label)


def spoken(item: Item, label: str) -> str:
    """A label as a reply says it: `Yes`, `Option 2`, a number, or the text."""
    if item.form == "binary":
        return said(label, item.language)
    if item.form == "choice":
        return f"选项{label}" if item.language == "zh" else f"Option {label}"
    return label


def _said(item: Item, label: str) -> Reply:
    return Reply(spoken(item, label), tokens=1)


def _scored(item: Item, label: str, continuations: tuple[str, ...]) -> Reply:
    told = [continuation.strip().casefold() for continuation in continuations]
    # The label itself first: an option's text may be the number of another option.
    names = [said(label, item.language), label, spoken(item, label)]
    if item.form == "choice" and label in item.labels:
        names.append(item.options[int(label) - 1])
    place = next((told.index(name) for name in (one.strip().casefold() for one in names) if name in told), None)
    if place is None:
        return _refused(f"None of the continuations says {clean_text(label, 40)!r}.")
    scores = tuple(0.0 if one == place else _UNLIKELY for one in range(len(told)))
    return Reply(continuations[place], scores=scores, lengths=(1,) * len(scores))


def _refused(reason: str) -> Reply:
    return Reply("", "refused", error=reason)


def engine(task: Task, items: Sequence[Item]) -> ReferenceAnswerer:
    """The task's engine, which reads each item's text: it scores 100% unless the item or the engine is wrong.

    Raises:
        EvaluationError: AE-8431 the task has no engine.
    """
    if task.engine is None:
        found = f"{task.name} has no engine: nothing here can derive its labels."
        raise EvaluationError("AE-8431", found, mend="leave the engine out for this task.")
    return ReferenceAnswerer("engine", items, task.engine)


def guesser(items: Sequence[Item], seed: int = 0) -> ReferenceAnswerer:
    """Any label of the item, each as likely; of those without a list, the label of any item of its task.

    A number or a text is drawn from the labels of the items themselves, so that its score shows what knowing how they
    are spread is worth.
    """
    pools: dict[str, list[str]] = {}
    for item in items:
        pools.setdefault(item.task, []).append(item.label)

    def guess(item: Item) -> str:
        return Random(f"{seed}:{item.id}").choice(item.labels or sorted(pools[item.task]))

    return ReferenceAnswerer(f"random:{seed}", items, guess)


def majority(items: Sequence[Item]) -> ReferenceAnswerer:
    """The most frequent label of the item's task among these items; the first in order where several are."""
    counts: dict[str, Counter[str]] = {}
    for item in items:
        counts.setdefault(item.task, Counter())[item.label] += 1
    most = {task: min(count, key=lambda label: (-count[label], label)) for task, count in counts.items()}
    return ReferenceAnswerer("majority", items, lambda item: most[item.task])


def constant(items: Sequence[Item], place: int = 1) -> ReferenceAnswerer:
    """Always the label at one place of the item's list: the first option, or `yes`; the last where there are fewer.

    Raises:
        EvaluationError: AE-8432 an item has no list of labels, or the place is below 1.
    """
    without = next((item for item in items if not item.labels), None)
    if without is not None or place < 1:
        found = f"{without.task} has no list of labels" if without else f"There is no place {place}"
        raise EvaluationError("AE-8432", f"{found}.", mend="use it for choices and yes-or-no questions, from 1.")
    return ReferenceAnswerer(f"constant:{place}", items, lambda item: item.labels[:place][-1])
