"""How long will an evaluation take? A few items of every kind are asked, and timed."""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aetia.evals.dialogue import Adaptation, Answerer
from aetia.evals.harness.asking import Asked, ask, limits_of
from aetia.evals.harness.items import chosen_items
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.harness.ways import way_named

if TYPE_CHECKING:
    from aetia.evals.item import Item

__all__ = ["Forecast", "forecast"]

_PILOT = 3  # items of each task and way of asking
_READ = 8  # tokens that are read in the time in which one is written, in batches


@dataclass(frozen=True)
class Forecast:
    """What an evaluation will cost.

    Args:
        conversations: Items times ways of asking.
        seconds: How long they will take, on this machine as it is now.
        prompt_tokens: How many tokens will be read.
        tokens: How many tokens will be written.
        timed: How many conversations that was measured with.
    """

    conversations: int
    seconds: float
    prompt_tokens: int
    tokens: int
    timed: int


def forecast(study: EvaluationStudy, answerer: Answerer) -> Forecast:
    """Ask a few items of each task and way of asking, all together, and scale what these take to the whole.

    Args:
        study: The evaluation.
        answerer: Whom it asks; one that knows replies already would make it look too cheap.
    """
    pairs: list[tuple[Item, Adaptation]] = []
    cells: list[tuple[str, str]] = []
    sizes: dict[tuple[str, str], int] = {}
    for task in study.tasks:
        chosen = chosen_items(study, task)
        step = max(1, len(chosen.items) // _PILOT)
        for way in study.adaptations:
            adaptation = way_named(way, study, chosen)
            sizes[task, way] = len(chosen.items)
            for item in chosen.items[::step][:_PILOT]:
                pairs.append((item, adaptation))
                cells.append((task, way))
    begun = time.perf_counter()
    found: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for place, asked in ask(pairs, answerer, scored=study.scored, limits=limits_of(study)):
        found[cells[place]].append(asked)
    spent = time.perf_counter() - begun
    read = {
        cell: _mean([sum(reply.prompt_tokens for _, reply in one.turns) for one in some])
        for cell, some in found.items()
    }
    written = {
        cell: _mean([sum(reply.tokens for _, reply in one.turns) for one in some]) for cell, some in found.items()
    }
    price = {cell: read[cell] / _READ + written[cell] for cell in found}
    timed = sum(len(some) * price[cell] for cell, some in found.items())
    whole = sum(sizes[cell] * price[cell] for cell in found)
    return Forecast(
        conversations=sum(sizes.values()),
        seconds=spent * whole / timed if timed else spent,
        prompt_tokens=round(sum(sizes[cell] * read[cell] for cell in found)),
        tokens=round(sum(sizes[cell] * written[cell] for cell in found)),
        timed=len(pairs),
    )


def _mean(values: list[int]) -> float:
    return sum(values) / len(values)
