"""Does a generated task keep what every task promises?

A task whose labels can be guessed, whose text does not tell its own answer, or whose items are not the same twice, is
mended before anyone is measured with it.
"""

import json
from collections import Counter
from collections.abc import Iterator

from aetia.errors import AetiaError
from aetia.evals.blind import View, blind_accuracy
from aetia.evals.item import Item, item_from_record
from aetia.evals.scoring.scores import is_rewording, plain_answer
from aetia.evals.task import Generator, Task, generated, orbit

__all__ = ["faults_of"]

_ORBITS = 10
_VIEWS: tuple[View, ...] = ("options", "context", "question")


def faults_of(task: Task, items: int = 200, blind_items: int = 0, seed: int = 0) -> tuple[str, ...]:
    """What is wrong with a generated task, a sentence each; nothing if it keeps its promises.

    Args:
        task: The task.
        items: How many items are looked at one by one.
        blind_items: How many a learner is shown that does not see the question, or nothing but it; 0 leaves that out.
        seed: Of the items.

    Raises:
        EvaluationError: As `generated`.
    """
    drawn = [generated(task, index, seed) for index in range(items)]
    found = [*_identity_faults(task, drawn, seed), *_label_faults(task, drawn)]
    for item in drawn:
        found += _item_faults(task, item)
    for index in range(min(_ORBITS, items)):
        found += _orbit_faults(task, orbit(task, index, seed))
    if blind_items:
        found += _blind_faults(task, blind_items, seed)
    return tuple(dict.fromkeys(found))


def _identity_faults(task: Task, items: list[Item], seed: int) -> Iterator[str]:
    again = [generated(task, index, seed) for index in range(len(items))]
    if again != items:
        yield "the same seed gives other items the second time"
    if len({item.id for item in items}) < len(items):
        yield "two items have one id"
    if generated(task, 0, seed + 1) == items[0]:
        yield "another seed gives the same items"
    copies = Counter((item.context, item.question, item.options) for item in items)
    if max(copies.values()) > 1 + len(items) // 20:
        yield f"one text comes {max(copies.values())} times in {len(items)} items"


def _label_faults(task: Task, items: list[Item]) -> Iterator[str]:
    counts = Counter(item.label for item in items)
    if task.target.form in ("binary", "choice"):
        known = max((item.labels for item in items), key=len)
        labels = len(known)
        # Five standard deviations: no fair draw comes there.
        slack = 5 * (len(items) * (labels - 1) / labels**2) ** 0.5
        for label in dict.fromkeys([*known, *counts]):
            if abs(counts[label] - len(items) / labels) > slack:
                yield f"the label {label} comes {counts[label]} times in {len(items)} items"
        if abs(task.chance - 1 / labels) > 0.01:
            yield f"a blind guess is right once in {labels}, and chance is said to be {task.chance}"


def _item_faults(task: Task, item: Item) -> Iterator[str]:
    where = f"item {item.origin.seed} ({item.variant})"
    record = json.dumps(item.to_record())
    if json.dumps(item_from_record(json.loads(record)).to_record()) != record:
        yield f"{where} is another item once it was written down"
    if not item.question.strip():
        yield f"{where} asks nothing"
    if len(set(item.options)) < len(item.options):
        yield f"{where} has an option twice"
    if task.engine is None:
        return
    try:
        answer = task.engine(item)
    except AetiaError as error:
        yield f"{where}: the engine cannot read its text: {error.found}"
        return
    if answer != item.label and answer not in item.accepted:
        yield f"{where}: the text says {answer}, and the label is {item.label}"


def _orbit_faults(task: Task, members: tuple[Item, ...]) -> Iterator[str]:
    base = members[0]
    for item in members[1:]:
        yield from _item_faults(task, item)
        same_text = (item.context, item.question, item.options) == (base.context, base.question, base.options)
        if same_text:
            yield f"item {item.origin.seed}: the variant {item.variant} has the same text as the item"
        if not _is_label_kept(item, base):
            yield f"item {item.origin.seed}: the variant {item.variant} has another label"


def _is_label_kept(item: Item, base: Item) -> bool:
    """Whether a member has the base's label where it must: in other words or another order, and under other names.

    A text that is the label, or the option that it numbers, may be said otherwise in other names or languages.
    """
    is_order = item.variant == "order"
    if not is_order and not is_rewording(item.variant):
        return True
    if item.form == "choice" and is_order:
        return item.options[int(item.label) - 1] == base.options[int(base.label) - 1]
    is_renamed = item.form == "text" and not is_order and not item.variant.startswith("wording=")
    return is_renamed or plain_answer(item.form, item.label) == plain_answer(base.form, base.label)


def _blind_faults(task: Task, count: int, seed: int) -> Iterator[str]:
    assert isinstance(task.source, Generator)
    if task.target.form not in ("binary", "choice"):
        return
    items = [generated(task, index, seed + 1) for index in range(count)]
    for view in _VIEWS:
        learned = blind_accuracy(items, view)
        if learned.low > learned.chance:
            yield f"a learner that sees the {view} alone is right in {learned.accuracy:.0%} of {count} items"
