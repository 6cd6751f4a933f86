"""Which questions can be asked of the activities, and how often each, so that no shortcut tells the answer?

The questions of a task are all listed. Each is drawn with a weight, and the weights are such that whatever could be a
shortcut goes with either answer equally often: which events are named, how far apart in time they are, how many words
they have in common. They are found by raking: in turn for each such thing, both sides are scaled to the same sum.
"""

from bisect import bisect
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from random import Random
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from aetia.evals.tasks._activities import Activity, activities

__all__ = ["Mediated", "Pair", "Table", "Triple", "alternatives", "directions", "mediations", "pairs"]

NEAR = 6
"""How far from the premise both events of the hard split may be, in events: neither is out of the question by time."""

_ROUNDS = 200
_STOP = {"the", "a", "an", "of", "in", "on", "at", "to", "for", "with", "and"}


class Pair(NamedTuple):
    """Two events, the earlier first, and whether it is a cause of the later."""

    activity: int
    first: int
    second: int
    is_cause: bool


class Triple(NamedTuple):
    """A premise, the event that is right and the one that is wrong; of the direction that is asked for."""

    activity: int
    premise: int
    right: int
    wrong: int


class Mediated(NamedTuple):
    """A cause, an effect, and the one event by which all of it goes."""

    activity: int
    cause: int
    mediator: int
    effect: int


CaseT = TypeVar("CaseT")


@dataclass(frozen=True)
class Table(Generic[CaseT]):
    """Questions with the sums of their weights, from the first on."""

    cases: tuple[CaseT, ...]
    sums: tuple[float, ...]

    def draw(self, random: Random) -> CaseT:
        """A question, by its weight."""
        return self.cases[bisect(self.sums, random.random() * self.sums[-1])]


Side = tuple[Hashable, int] | None
"""A possible shortcut: what it is about, and the answer that it goes with here; None where there is none."""


def _raked(cases: Sequence[CaseT], shortcuts: Callable[[CaseT], tuple[Side, ...]]) -> Table[CaseT]:
    """The table in which both sides of each shortcut weigh the same; a case whose other side is empty is left out."""
    kept = list(cases)
    while True:
        told = [shortcuts(case) for case in kept]
        seen: set[tuple[int, Hashable, int]] = set()
        for sides in told:
            seen.update((place, *side) for place, side in enumerate(sides) if side)
        fit = [all((place, side[0], 1 - side[1]) in seen for place, side in enumerate(one) if side) for one in told]
        if all(fit):
            break
        kept = [case for case, is_fit in zip(kept, fit, strict=True) if is_fit]
    weights = np.ones(len(kept))
    numbered = [_numbered([sides[place] for sides in told]) for place in range(len(told[0]))]
    for _ in range(_ROUNDS):
        for keys, sides, is_told in numbered:
            sums = np.bincount(2 * keys + sides, weights * is_told, minlength=2 * int(keys.max()) + 2).reshape(-1, 2)
            scale = sums.mean(axis=1, keepdims=True) / np.where(sums > 0, sums, 1)
            weights *= np.where(is_told, scale[keys, sides], 1)
    return Table(tuple(kept), tuple(accumulate(weights.tolist())))


def _numbered(sides: list[Side]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    numbers: dict[Hashable, int] = {}
    keys = np.array([numbers.setdefault(side[0], len(numbers)) if side else 0 for side in sides])
    return keys, np.array([side[1] if side else 0 for side in sides]), np.array([side is not None for side in sides])


@cache
def _common(activity: int, one: int, other: int) -> tuple[int, int]:
    """How many words two events share in English, and how many characters in Chinese."""
    events = activities()[activity].events
    english = [_stems(" ".join(events[place].words["en"][:2])) for place in (one, other)]
    chinese = [set("".join(events[place].words["zh"][:2])) - set("{who}了") for place in (one, other)]
    return len(english[0] & english[1]), len(chinese[0] & chinese[1])


def _stems(text: str) -> set[str]:
    return {word.strip("{}'s")[:5] for word in text.split()} - _STOP


def _sign(left: int, right: int) -> int | None:
    """Which of the two is more; None if neither."""
    return None if left == right else int(left > right)


def _is_about(activity: int, event: int) -> bool:
    return "{who}" in "".join(activities()[activity].events[event].words["en"])


@cache
def pairs() -> Table[Pair]:
    """Pairs of which the earlier is a cause of the later, or has nothing to do with it."""
    found = [
        Pair(number, first, second, first in activity.before[second])
        for number, activity in enumerate(activities())
        for second in range(len(activity.events))
        for first in range(second)
    ]

    def shortcuts(case: Pair) -> tuple[Side, ...]:
        number, first, second, answer = case
        english, chinese = _common(number, first, second)
        about = (_is_about(number, first), _is_about(number, second))
        keys = ((number, first), (number, second), second - first, min(english, 2), min(chinese, 3), about)
        return tuple((key, int(answer)) for key in keys)

    return _raked(found, shortcuts)


@cache
def alternatives(asked: str, *, is_hard: bool) -> Table[Triple]:
    """Triples for `cause` or `effect`: both events lie on the same side of the premise in time."""
    found: list[Triple] = []
    for number, activity in enumerate(activities()):
        for premise in range(len(activity.events)):
            right, wrong = _candidates(activity, premise, asked)
            found += [
                Triple(number, premise, one, other)
                for one in right
                for other in wrong
                if not is_hard or max(abs(one - premise), abs(other - premise)) <= NEAR
            ]

    def shortcuts(case: Triple) -> tuple[Side, ...]:
        number, premise, right, wrong = case
        one, other = _common(number, premise, right), _common(number, premise, wrong)
        near = _sign(abs(right - premise), abs(wrong - premise))
        english, chinese = _sign(one[0], other[0]), _sign(one[1], other[1])
        about = _sign(_is_about(number, right), _is_about(number, wrong))
        return (
            ((number, min(right, wrong), max(right, wrong)), int(right > wrong)),
            None if near is None else (0, near),
            None if english is None else (0, english),
            None if chinese is None else (0, chinese),
            None if about is None else (_is_about(number, premise), about),
        )

    return _raked(found, shortcuts)


def _candidates(activity: Activity, premise: int, asked: str) -> tuple[list[int], list[int]]:
    if asked == "cause":
        earlier = range(premise)
        right = [one for one in earlier if one in activity.before[premise]]
        return right, [one for one in earlier if one not in activity.before[premise]]
    later = range(premise + 1, len(activity.events))
    right = [one for one in later if premise in activity.before[one]]
    return right, [one for one in later if premise not in activity.before[one]]


@cache
def directions() -> Table[Triple]:
    """Triples of a premise, a cause of it and an effect of it; asked for either, so that nothing is to be balanced."""
    found = [
        Triple(number, premise, cause, effect)
        for number, activity in enumerate(activities())
        for premise in range(len(activity.events))
        for cause in sorted(activity.before[premise])
        for effect in range(premise + 1, len(activity.events))
        if premise in activity.before[effect]
    ]
    return Table(tuple(found), tuple(accumulate([1.0] * len(found))))


@cache
def mediations() -> Table[Mediated]:
    """Causes and effects with exactly one event in between, by which every way goes."""
    found: list[Mediated] = []
    for number, activity in enumerate(activities()):
        for effect, before in enumerate(activity.before):
            for cause in sorted(before):
                between = [one for one in before if cause in activity.before[one]]
                if len(between) == 1 and cause not in activity.causes[effect]:
                    found.append(Mediated(number, cause, between[0], effect))
    return Table(tuple(found), tuple(accumulate([1.0] * len(found))))
