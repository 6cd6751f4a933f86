"""An evaluation whose replies a test makes up, as a run on disk."""

from collections.abc import Callable
from pathlib import Path

from aetia.evals.dialogue import Reply
from aetia.evals.harness import instrument
from aetia.evals.harness.items import chosen_items
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.item import Item
from aetia.runs import JSON, Run, execute


class _Scripted:
    is_deterministic = True

    def __init__(self, script: Callable[[Item, int], Reply], items: dict[str, Item]) -> None:
        self.identity: dict[str, JSON] = {"kind": "scripted"}
        self._script, self._items = script, items

    def answer(self, requests):
        for place, request in enumerate(requests):
            yield place, self._script(self._items[request.subject], len(request.messages) // 2)


def scripted_run(directory: Path, script: Callable[[Item, int], Reply], **fields: JSON) -> Run:
    """The run in which the script says what is replied to an item in each turn, from 0."""
    study = EvaluationStudy.model_validate({"model": "reference:random", **fields})
    items = {item.id: item for task in study.tasks for item in chosen_items(study, task).items}
    made, instrument.answerer_of = instrument.answerer_of, lambda _: _Scripted(script, items)
    try:
        return execute(study, directory)
    finally:
        instrument.answerer_of = made
