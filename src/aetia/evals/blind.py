"""How many items does a learner get right that cannot know what is asked?

A bag of words is fitted to a part of each item, say the options alone, and tried on items that it was not fitted to. If
it beats chance, the labels can be told without reasoning, and every score on the set is to be read with that in mind.

N items, K labels or options of an item, V hashed features.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aetia.effects.intervals import wilson_interval
from aetia.evals.item import Item

__all__ = ["Blind", "View", "blind_accuracy"]

View = Literal["options", "context", "question"]
"""What the learner sees: the options alone; what is given, not what is asked; what is asked, not what is given. Of a
choice it sees the options in each view."""

_FOLDS = 5
_BINS = 1 << 16
_WORDS = 3000  # of a text; what comes later is not looked at
_LABELS = 20  # the most labels of open answers that are learned
_FIRM = 2.5  # standard errors by which a word must differ between labels to count
_SEEN = 4  # times that it must have been seen
_TOKEN = re.compile(r"[㐀-鿿]|[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s]")

Features = NDArray[np.int64]


class Blind(NamedTuple):
    """What a blind learner reaches.

    Args:
        accuracy: The share of items that it gets right when they are not among those it was fitted to; a tie between
            k answers counts 1/k.
        low: The lower end of the 99% interval.
        high: The upper end.
        chance: The share that blind guessing gets right.
    """

    accuracy: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True)
class _Case:
    """An item as the learner sees it: features of its text and options, the right one, the items it goes with."""

    shared: Features
    options: tuple[Features, ...]
    label: int
    group: int


def blind_accuracy(items: Iterable[Item], view: View, limit: int = 10_000) -> Blind:
    """Return how often a naive Bayes learner that sees only a part of each item is right on items new to it.

    Items of one cluster or orbit are never on both sides of the split, so that what it finds are cues and not the
    memory of an item's twin. Only words that differ between labels beyond noise count.

    Args:
        items: The items; of more than `limit`, as many are drawn.
        view: What it sees.
        limit: The most items that are held.

    Raises:
        ValueError: There is no item.

    Source: Poliak et al., Hypothesis Only Baselines, 2018; Domingos and Pazzani 1997 (naive Bayes).
    What it does not show: no finding here does not mean that no cue is there; a stronger learner may see one.
    """
    held = _drawn(items, limit)
    if not held:
        raise ValueError("there is no item to learn from")
    names = _labels(held)
    numbers: dict[str, int] = {}
    cases = [_case(item, view, names, numbers) for item in held]
    right = np.zeros(len(cases))
    folds = np.array([case.group % _FOLDS for case in cases])
    for fold in range(_FOLDS):
        inside = [case for case, place in zip(cases, folds, strict=True) if place != fold]
        outside = np.flatnonzero(folds == fold)
        if inside and outside.size:
            learned = _learned(inside, max(len(names), 1))
            right[outside] = [_right(cases[place], learned) for place in outside]
    low, high = _interval(right, [case.group for case in cases])
    chance = float(np.mean([1 / len(item.labels) if item.labels else 0.0 for item in held]))
    return Blind(float(right.mean()), low, high, chance)


def _drawn(items: Iterable[Item], limit: int) -> list[Item]:
    held: list[Item] = []
    random = Random(0)
    for place, item in enumerate(items):
        if place < limit:
            held.append(item)
        elif (chosen := random.randrange(place + 1)) < limit:
            held[chosen] = item
    return held


def _labels(items: Sequence[Item]) -> dict[str, int]:
    """The labels that are learned, the most frequent ones if they cannot be listed; options by their number."""
    most = max(len(item.options) for item in items)
    if most:
        return {str(place + 1): place for place in range(most)}
    counts: dict[str, int] = {}
    for item in items:
        for label in item.labels:
            counts.setdefault(label, 0)
        counts[item.label] = counts.get(item.label, 0) + 1
    common = sorted(counts, key=lambda label: (-counts[label], label))[:_LABELS]
    return {label: number for number, label in enumerate(sorted(common))}


def _case(item: Item, view: View, names: dict[str, int], groups: dict[str, int]) -> _Case:
    text = {"options": "", "context": item.context, "question": item.question}[view]
    words = _words(text)
    named = item.cluster or item.orbit or item.id
    group = groups.setdefault(named, len(groups))
    options: tuple[Features, ...] = ()
    if item.form == "choice":
        lengths = [len(option) for option in item.options]
        seen = frozenset(words)
        options = tuple(_option(option, place, lengths, seen) for place, option in enumerate(item.options))
    return _Case(_hashed(words), options, names.get(item.label, -1), group)


def _option(option: str, place: int, lengths: list[int], seen: frozenset[str]) -> Features:
    """An option's words, its place, whether it is the longest or the shortest, and what it shares with the text."""
    words = _words(option)
    told = [f"place {place}", f"words {min(len(words), 40)}"]
    if lengths.count(lengths[place]) == 1:
        told += ["longest"] * (lengths[place] == max(lengths)) + ["shortest"] * (lengths[place] == min(lengths))
    if seen:
        shared = sum(word in seen for word in set(words))
        told.append(f"shares {min(10 * shared // max(len(set(words)), 1), 9)}")
    return _hashed([*words, *(f"\0{what}" for what in told)])


def _words(text: str) -> list[str]:
    words = _TOKEN.findall(text.lower())[:_WORDS]
    return words + [f"{first} {second}" for first, second in pairwise(words)]


@lru_cache(maxsize=1 << 17)
def _bin(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "replace")) % _BINS


def _hashed(words: Sequence[str]) -> Features:
    return np.unique(np.fromiter((_bin(word) for word in words), np.int64, len(words)))


@dataclass(frozen=True)
class _Learned:
    """Log-odds: of each label by each feature [K, V] and without any [K]; of an option being right by each feature."""

    words: NDArray[np.float64]
    prior: NDArray[np.float64]
    option: NDArray[np.float64]


def _learned(cases: Sequence[_Case], labels: int) -> _Learned:
    marks = np.array([case.label for case in cases])
    totals = np.array([np.count_nonzero(marks == label) for label in range(labels)], dtype=float)
    counts = np.stack([_counted([case.shared for case in cases if case.label == label]) for label in range(labels)])
    right = _counted([case.options[case.label] for case in cases if case.options])
    wrong = _counted([one for case in cases for place, one in enumerate(case.options) if place != case.label])
    chosen = sum(1 for case in cases if case.options)
    others = sum(len(case.options) - 1 for case in cases if case.options)
    everything, all_cases = counts.sum(axis=0), totals.sum()
    words = np.stack(
        [_odds(counts[one], totals[one], everything - counts[one], all_cases - totals[one]) for one in range(labels)]
    )
    share = all_cases / labels
    firm = np.abs(totals - share) > _FIRM * np.sqrt(max(share * (1 - 1 / labels), 1e-9))
    prior = np.where(firm, np.log((totals + 1) / (share + 1)), 0.0)
    return _Learned(words, prior, _odds(right, float(chosen), wrong, float(others)))


def _counted(texts: Sequence[Features]) -> NDArray[np.float64]:
    if not texts:
        return np.zeros(_BINS)
    return np.bincount(np.concatenate(texts), minlength=_BINS).astype(float)


def _odds(
    inside: NDArray[np.float64], inside_total: float, outside: NDArray[np.float64], outside_total: float
) -> NDArray[np.float64]:
    """The log of how much likelier each feature is inside; 0 where that may be noise."""
    if not inside_total or not outside_total:
        return np.zeros_like(inside)
    pooled = (inside + outside) / (inside_total + outside_total)
    error = np.sqrt(pooled * (1 - pooled) * (1 / inside_total + 1 / outside_total)) + 1e-12
    distance = np.abs(inside / inside_total - outside / outside_total)
    log_odds = np.log((inside + 0.5) / (inside_total + 1)) - np.log((outside + 0.5) / (outside_total + 1))
    return np.where((distance > _FIRM * error) & (inside + outside >= _SEEN), log_odds, 0.0)


def _right(case: _Case, learned: _Learned) -> float:
    """1 if the learner takes the right answer, 1/k if it is one of k that tie, else 0."""
    scores = learned.prior + learned.words[:, case.shared].sum(axis=1)
    if case.options:
        told = np.array([learned.option[one].sum() for one in case.options])
        scores = told + scores[: len(told)] - learned.prior[: len(told)]
    if case.label < 0 or case.label >= len(scores):
        return 0.0
    best = scores >= scores.max() - 1e-9
    return float(best[case.label]) / float(np.count_nonzero(best))


def _interval(right: NDArray[np.float64], groups: Sequence[int]) -> tuple[float, float]:
    """Wilson's interval, with as many trials as the spread between groups says there are independent ones."""
    total = len(right)
    share = float(right.mean())
    sums = np.bincount(np.asarray(groups), weights=right - share)
    spread = float((sums**2).sum()) / total**2
    alone = share * (1 - share) / total
    trials = total * min(1.0, alone / spread) if alone and spread else float(len(set(groups)))
    low, high = wilson_interval(np.array([share * trials]), np.array([trials]), 0.99)
    return float(low[0]), float(high[0])
