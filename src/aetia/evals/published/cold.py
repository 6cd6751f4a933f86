"""COLD: what causes, or follows from, a step of an everyday activity?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import csv_rows
from aetia.evals.published._items import placed
from aetia.evals.published.copa import QUESTIONS, choice_faults
from aetia.evals.task import Published, Tags, Target, Task

_LICENCE = "CC-BY-NC-4.0"
_HOME = "https://github.com/Exploration-Lab/COLD"
_EASY, _HARD = "causal_query_triplets_sampled_instances", "causal_query_triplets_sampled_instances_hard"
_ACTIVITIES = ("baking_a_cake", "going_grocery_shopping", "going_on_a_train", "planting_a_tree", "riding_on_a_bus")
_DIGESTS = {
    f"{_EASY}/baking_a_cake.csv": "28107b2a9dd69823b413f37b6b0c11bbbdca4f6faecfc71c13516b7eb44cd367",
    f"{_EASY}/going_grocery_shopping.csv": "2dad8d568cd54a16ec321486b8ba2ff6b907ebc3f6cc5bfe55e56357c51ac367",
    f"{_EASY}/going_on_a_train.csv": "b9500e2dc8d88eeeba15b1adf02895cb197a8266b1d3f41df3d2a4e9f27ee8a4",
    f"{_EASY}/planting_a_tree.csv": "506e821863bc53a2a1e23725c55ce7971657aa88e2a2e30d82f69839ca381940",
    f"{_EASY}/riding_on_a_bus.csv": "a75f463646aa8be9d884b31b1fd95e9aa1de0a46cb16bee2872cbee089b9d85b",
    f"{_HARD}/baking_a_cake.csv": "f8bdc28d3bb6999b36e8ba59ce828686c6c339e4641aa4dba1102ff440668c63",
    f"{_HARD}/going_grocery_shopping.csv": "49a8e456ebacbd32e176844251d6de6220ea532c40e8640084d6bcea151ec1c9",
    f"{_HARD}/going_on_a_train.csv": "398fb11efd302fb9efd474832dad748734615ec96ec0bd2a25238daf139da14c",
    f"{_HARD}/planting_a_tree.csv": "abf261c1f9ee4eb36c9b84f6da82c29516097cb74cba1f69ab42b505d71d1029",
    f"{_HARD}/riding_on_a_bus.csv": "5d5ee7080f7f7d0505812a30ab362508566ba0b7cd6fbe29b0f41593abd9d14d",
}
_HEADER = ("number", "premise", "choice1", "choice2", "label", "question")


def _read(name: str, folder: Path) -> Iterator[Item]:
    kind, activity = name.removeprefix("cold/").split("-")
    path = folder / (_HARD if kind == "hard" else _EASY) / f"{activity}.csv"
    for row in csv_rows(path, _HEADER):
        if row.line == 1:
            continue  # its first column has no name, or pandas' name for none
        item = Item(
            task=name,
            context=row.text("premise"),
            question=row.one_of(QUESTIONS, "question"),
            form="choice",
            label=row.one_of({"0": "1", "1": "2"}, "label"),
            options=(row.text("choice1"), row.text("choice2")),
            facts={"asks_for": row.text("question"), "activity": activity, "id": row.text("number")},
            cluster=f"cold:{activity}:{row.text('premise')}",
        )
        yield placed(item, row, folder, _LICENCE)


TASKS = tuple(
    Task(
        name=f"cold/{kind}-{activity}",
        asks=f"Which of two steps is the cause or the effect of a third, in {activity.replace('_', ' ')}?",
        target=Target("discovery", "COLD", "choice"),
        source=Published(
            "cold",
            {f"{folder}/{activity}.csv": _DIGESTS[f"{folder}/{activity}.csv"]},
            partial(_read, f"cold/{kind}-{activity}"),
            _HOME,
            _LICENCE,
            choice_faults,
        ),
        chance=0.5,
        tags=Tags(("world knowledge",), "knowledge"),
        seeds=("061",),
        citation="Joshi et al., COLD: Causal Reasoning in Closed Daily Activities, NeurIPS 2024",
    )
    for kind, folder in (("sampled", _EASY), ("hard", _HARD))
    for activity in _ACTIVITIES
)
