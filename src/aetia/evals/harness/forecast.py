"""How long will an evaluation take? A few items of every kind are asked, and timed."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from aetia.errors import EvaluationError
from aetia.evals.dialogue import Adaptation, Answerer, Reply
from aetia.evals.harness.asking import Asked, ask, limits_of
from aetia.evals.harness.items import chosen_items
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.harness.ways import way_named
from aetia.evals.item import Item

__all__ = ["Forecast", "forecast"]

_PILOT = 3  # items of each task and way of asking, as far as the next line allows
_MOST = 72  # conversations that are timed; evenly spaced tasks stand for the others
_SHARE = 100  # of a large evaluation, one conversation in so many is timed
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
        cost: What all will cost, by the study's prices.
        spent: What the timed ones have cost.
    """

    conversations: int
    seconds: float
    prompt_tokens: int
    tokens: int
    timed: int
    cost: float
    spent: float


def forecast(study: EvaluationStudy, answerer: Answerer, *, share: float = 1.0) -> Forecast:
    """Ask a few items of each way of asking, all together, and scale what these take to the whole.

    Args:
        study: The evaluation.
        answerer: Whom it asks; one that knows replies already would make it look too cheap.
        share: The part of the work that the busiest of several processes does, each like this one.

    Raises:
        EvaluationError: AE-8606 a reply failed, as of an endpoint that is down.
    """
    each = sum(len(chosen_items(study, task).items) for task in study.tasks)
    most = max(_MOST // len(study.adaptations), each // _SHARE, 1)
    pairs = [(way, pair) for way in study.adaptations for pair in _sample(study, way, most)]
    begun = time.perf_counter()
    found: dict[str, list[Asked]] = defaultdict(list)
    for place, asked in ask([pair for _, pair in pairs], answerer, scored=study.scored, limits=limits_of(study)):
        found[pairs[place][0]].append(asked)
    spent = time.perf_counter() - begun
    _check_answered([asked for some in found.values() for asked in some])
    read = {way: _mean([reply.prompt_tokens for reply in _replies(some)], some) for way, some in found.items()}
    written = {way: _mean([reply.tokens for reply in _replies(some)], some) for way, some in found.items()}
    timed = sum(len(some) * (read[way] / _READ + written[way]) for way, some in found.items())
    whole = sum(each * (read[way] / _READ + written[way]) for way in found)
    calls = sum(each * len(_replies(some)) / len(some) for some in found.values())
    allowed = sum(each * _mean(_allowed(some), some) for some in found.values())
    prompt_tokens, tokens = (sum(each * part[way] for way in found) for part in (read, written))
    seconds = share * (spent * whole / timed if timed else spent)
    if study.is_endpoint:  # more calls will be under way than there were conversations to time
        seconds *= min(study.parallel, len(pairs)) / min(study.parallel, each * len(study.adaptations))
    replies = _replies([asked for some in found.values() for asked in some])
    return Forecast(
        conversations=each * len(study.adaptations),
        seconds=max(seconds, _least_seconds(study, calls, prompt_tokens + allowed)),
        prompt_tokens=round(prompt_tokens),
        tokens=round(tokens),
        timed=len(pairs),
        cost=study.cost(prompt_tokens, tokens),
        spent=study.cost(sum(one.prompt_tokens for one in replies), sum(one.tokens for one in replies)),
    )


def _least_seconds(study: EvaluationStudy, calls: float, tokens: float) -> float:
    """What an endpoint's limits by the minute take: a few calls are over before these are felt."""
    pace, tokens_pace = study.requests_per_minute, study.tokens_per_minute
    by_calls = calls / pace if pace else 0.0
    by_tokens = tokens / tokens_pace if tokens_pace else 0.0
    return 60 * max(by_calls, by_tokens)


def _check_answered(asked: Sequence[Asked]) -> None:
    failed = [one.failure for one in asked if one.failure]
    if failed:
        found = f"{len(failed)} of {len(asked)} conversations failed, so that nothing can be foretold: {failed[0]}"
        raise EvaluationError("AE-8606", found, mend="see that the endpoint answers, and try again.")


def _sample(study: EvaluationStudy, way: str, most: int) -> list[tuple[Item, Adaptation]]:
    """At most `most` items of evenly spaced tasks, with the way of asking them."""
    tasks = study.tasks[:: -(-len(study.tasks) // most)]
    each = max(1, min(_PILOT, most // len(tasks)))
    found: list[tuple[Item, Adaptation]] = []
    for task in tasks:
        chosen = chosen_items(study, task)
        adaptation = way_named(way, study, chosen)
        step = max(1, len(chosen.items) // each)
        found += [(item, adaptation) for item in chosen.items[::step][:each]]
    return found


def _replies(some: Sequence[Asked]) -> list[Reply]:
    return [reply for one in some for _, reply in one.turns]


def _allowed(some: Sequence[Asked]) -> list[int]:
    """The most tokens of each reply; one whose labels are scored has none of its own."""
    return [1 if request.continuations else request.tokens for one in some for request, _ in one.turns]


def _mean(values: Sequence[int], conversations: Sequence[Asked]) -> float:
    return sum(values) / len(conversations)
