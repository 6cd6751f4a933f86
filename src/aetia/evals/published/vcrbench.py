"""VCRBench: in which order do shuffled clips of a procedure belong?"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import json_lines
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

__all__ = ["TASKS", "Orders", "order_in", "order_scores"]

_LICENCE = "MIT"
_HOME = "https://github.com/pritamqu/VCRBench"
_DIGESTS = {
    "questions.jsonl": "b04fd895128d9ade44b49f8021d4e0eab985509bef17cb1a95bc54e7f73f40f1",
}
_GOAL = re.compile(r"complete the task: (.+?)\.")
_CLIP = re.compile(r"\d+")


@dataclass(frozen=True)
class Orders:
    """The benchmark's three numbers, in percent.

    Args:
        accuracy: Of the items whose whole order is right.
        steps: Of all places of all orders, those that hold the right clip; an order of another length has none.
        goals: Of the whole orders, the mean over goals of the share within each.
    """

    accuracy: float
    steps: float
    goals: float


def _read(folder: Path) -> Iterator[Item]:
    for row in json_lines(folder / "questions.jsonl"):
        question = row.text("question")
        goal = _GOAL.search(question)
        if goal is None:
            raise row.wrong("it names no task to complete", "question")
        order = [row.integer("answer", place) for place in range(len(row.values("answer")))]
        item = Item(
            task="vcrbench/order",
            context="",
            question=question,
            form="text",
            label=", ".join(f"Clip {clip}" for clip in order),
            accepted=(", ".join(map(str, order)),),
            facts={"goal": goal[1], "image": row.text("video_file"), "order": order, "id": row.text("qid")},
            cluster=f"vcrbench:{row.text('video_file')}",
        )
        yield placed(item, row, folder, _LICENCE)


def order_in(text: str) -> tuple[int, ...]:
    """The clips that a reply names, in its order; what follows the last `Correct order:` if it says that."""
    return tuple(int(number) for number in _CLIP.findall(text.rpartition("Correct order:")[2]))


def order_scores(answers: Iterable[tuple[Item, str]]) -> Orders:
    """Score replies as the benchmark does.

    Raises:
        ValueError: There is no answer.

    Source: Sarkar and Etemad, VCRBench, arXiv 2505.08455, and the result file beside its random answers.
    """
    whole: list[bool] = []
    steps, places = 0, 0
    by_goal: defaultdict[str, list[bool]] = defaultdict(list)
    for item, reply in answers:
        wanted, found = order_in(item.label), order_in(reply)
        whole.append(found == wanted)
        by_goal[str(item.facts["goal"])].append(found == wanted)
        places += len(wanted)
        if len(found) == len(wanted):
            steps += sum(one == other for one, other in zip(found, wanted, strict=True))
    if not whole:
        raise ValueError("there is no answer to score")
    goals = [sum(found) / len(found) for found in by_goal.values()]
    return Orders(100 * sum(whole) / len(whole), 100 * steps / places, 100 * sum(goals) / len(goals))


def order_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with an order: it does not name each clip once, or leaves the clips as they are."""
    order = order_in(item.label)
    if sorted(order) != list(range(1, len(order) + 1)):
        return ("the order does not name each clip once",)
    return ("the clips are not shuffled",) if list(order) == sorted(order) else ()


TASKS = (
    Task(
        name="vcrbench/order",
        asks="In which order do shuffled clips of a procedure belong?",
        target=Target("discovery", "VCRBench", "text"),
        source=Published("vcrbench", _DIGESTS, _read, _HOME, _LICENCE, order_faults),
        chance=0.0795,
        tags=Tags(("vision", "world knowledge"), "both", "decision"),
        seeds=("072",),
        citation="Sarkar and Etemad, VCRBench, arXiv 2505.08455",
    ),
)
