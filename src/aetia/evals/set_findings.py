"""What is wrong with a set as a whole: texts that are there twice, labels too frequent, cues that tell the label?"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import numpy as np

from aetia.effects.intervals import wilson_interval
from aetia.evals.blind import View, blind_accuracy
from aetia.evals.item import Item
from aetia.text import clean_text

__all__ = ["Finding", "Passed", "findings", "place_of", "plain_text", "share_interval", "text_digest", "told_label"]

_LEVEL = 0.99  # of every interval; many are looked at
_KEPT = 2000  # labels that are told apart
_OPEN = 0.05  # what a constant answer to open questions may get
_SHOWN = 50  # places that a finding names
_SAMPLE = 5000  # items that the blind learner sees
_LEARNT = 50  # fewer items, or more labels, are not learned
_SPACES = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Finding:
    """Something about the set as a whole.

    Args:
        kind: As in `duplicates`, `constant answer`, `blind learner: options`.
        found: One sentence.
        count: How many items it is about.
        share: The share that is measured, if one is.
        low: The lower end of its 99% interval.
        high: The upper end.
        expected: What the share would be in a set without the defect.
        is_defect: Whether what was found is more than chance.
        places: Some of the items.
    """

    kind: str
    found: str
    count: int
    share: float | None = None
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    is_defect: bool = True
    places: tuple[str, ...] = ()


@dataclass
class Passed:
    """What is remembered of the items that have passed: counts, digests and a sample, never all of them."""

    items: int = 0
    texts: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    orbits: dict[bytes, tuple[str, str, str]] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)
    two_labels: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    parallel: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    options: Counter[int] = field(default_factory=Counter)
    by_length: Counter[str] = field(default_factory=Counter)
    with_length: dict[str, list[float]] = field(default_factory=lambda: {"longest": [], "shortest": []})
    sample: list[Item] = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(0))

    def add(self, item: Item) -> None:
        """Look at an item."""
        _compare(item, self)
        _count(item, self)
        self.items += 1
        if len(self.sample) < _SAMPLE:
            self.sample.append(item)
        elif (chosen := self.random.randrange(self.items)) < _SAMPLE:
            self.sample[chosen] = item


def place_of(item: Item) -> str:
    """Where an item is, as in `pope/coco.json:17`, or the seed of a generated one."""
    return item.origin.source if item.origin.source != "generated" else f"{item.task}:{item.origin.seed or item.id}"


def plain_text(text: str) -> str:
    """The words of a text, without case and punctuation."""
    return _SPACES.sub(" ", text.casefold()).strip()


def _digest(*texts: str) -> bytes:
    return hashlib.blake2b("\0".join(texts).encode("utf-8", "replace"), digest_size=12).digest()


def text_digest(item: Item) -> bytes:
    """A digest of what is asked, whatever the order of the options."""
    image = str(item.facts.get("image", ""))
    return _digest(_same(item.context), _same(item.question), image, *sorted(map(_same, item.options)))


def _same(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".。")


def told_label(item: Item) -> str:
    """The label; of a choice, the text of the right option."""
    if item.form == "choice" and item.label.isdigit() and 0 < int(item.label) <= len(item.options):
        return plain_text(item.options[int(item.label) - 1])
    return plain_text(item.label) if item.form == "text" else item.label


def _compare(item: Item, state: Passed) -> None:
    """Compare with earlier items of the same text, and of the same orbit in another language."""
    place, told = place_of(item), told_label(item)
    first = state.texts.setdefault(text_digest(item), (place, told))
    if first[0] != place:
        state.duplicates.append(f"{place} = {first[0]}")
        if told != first[1] and first[1] not in map(plain_text, item.accepted):
            state.two_labels.append(f"{place} ({clean_text(told, 30)}) = {first[0]} ({clean_text(first[1], 30)})")
    if item.orbit and item.form != "text":
        key = _digest(item.orbit)
        language, label, other = state.orbits.setdefault(key, (item.language, item.label, place))
        if language != item.language:
            state.parallel += 1
            if label != item.label:
                state.languages.append(f"{place} ({item.label}) = {other} ({label})")


def _count(item: Item, state: Passed) -> None:
    if item.form != "number" or len(state.labels) < _KEPT or item.label in state.labels:
        state.labels[told_label(item) if item.form == "text" else item.label] += 1
    if item.form != "choice" or not item.options:
        return
    state.options[len(item.options)] += 1
    lengths = [len(option) for option in item.options]
    chosen = lengths[int(item.label) - 1]
    for name, extreme in (("longest", max(lengths)), ("shortest", min(lengths))):
        ties = lengths.count(extreme)
        if ties == 1:
            state.by_length[name] += chosen == extreme
            state.with_length[name].append(1 / len(lengths))


def findings(state: Passed, chance: float) -> Iterator[Finding]:
    """What holds of the items that have passed.

    Args:
        state: What is remembered of them.
        chance: The share that a blind guess gets right, where the items do not tell it themselves.
    """
    if not state.items:
        return
    yield from _repeated(state)
    if state.options:
        chance = sum(count / options for options, count in state.options.items()) / state.options.total()
    elif state.sample[0].form == "binary":
        chance = 0.5
    yield from _constant(state, chance)
    yield from _lengths(state)
    yield from _blind(state, chance)


def _repeated(state: Passed) -> Iterator[Finding]:
    if state.duplicates:
        found = f"{len(state.duplicates):,} items have the text of an earlier one"
        yield Finding("duplicates", found, len(state.duplicates), places=tuple(state.duplicates[:_SHOWN]))
    if state.two_labels:
        found = f"{len(state.two_labels):,} items have the text of an earlier one and another label"
        yield Finding("two labels", found, len(state.two_labels), places=tuple(state.two_labels[:_SHOWN]))
    if state.parallel:
        count = len(state.languages)
        found = f"{count:,} of {state.parallel:,} translated items have another label than their original"
        places = tuple(state.languages[:_SHOWN])
        yield Finding("languages", found, count, *share_interval(count, state.parallel), 0.0, bool(count), places)


def share_interval(count: float, total: float) -> tuple[float, float, float]:
    """A share with its 99% interval."""
    low, high = wilson_interval(np.array([float(count)]), np.array([float(total)]), _LEVEL)
    return count / total, float(low[0]), float(high[0])


def _constant(state: Passed, chance: float) -> Iterator[Finding]:
    """The share of each label, of which the largest is what a constant answer gets right."""
    if state.labels.total() != state.items:
        return
    best, count = state.labels.most_common(1)[0]
    share, low, high = share_interval(count, state.items)
    told = ", ".join(f"{clean_text(label, 30)} {n:,}" for label, n in state.labels.most_common(6))
    found = f"answering {clean_text(best, 30)!r} to everything gets {share:.1%} (labels: {told})"
    floor = chance if state.sample[0].form in {"binary", "choice"} else max(chance, _OPEN)
    yield Finding("constant answer", found, count, share, low, high, chance, low > floor)
    kinds = len(state.options)
    if kinds == 1:
        for position in range(1, next(iter(state.options)) + 1):
            share, low, high = share_interval(state.labels[str(position)], state.items)
            if not low <= chance <= high:
                found = f"option {position} is right in {share:.1%}, not {chance:.1%}"
                yield Finding(f"position {position}", found, state.labels[str(position)], share, low, high, chance)


def _lengths(state: Passed) -> Iterator[Finding]:
    for name in ("longest", "shortest"):
        total = len(state.with_length[name])
        if total:
            share, low, high = share_interval(state.by_length[name], total)
            expected = sum(state.with_length[name]) / total
            found = f"taking the {name} option gets {share:.1%} of {total:,} right, by chance {expected:.1%}"
            yield Finding(f"{name} option", found, total, share, low, high, expected, low > expected)


def _blind(state: Passed, chance: float) -> Iterator[Finding]:
    labels = len(state.labels)
    if state.items < _LEARNT or labels > _LEARNT:
        return
    best = state.labels.most_common(1)[0][1] / state.items
    has_context = any(item.context for item in state.sample)
    views: list[View] = ["question"]
    if has_context:
        views.append("context")
    if state.options:
        views.append("options")
    for view in views:
        told = blind_accuracy(state.sample, view)
        floor = max(best, chance)
        seen = {"options": "the options only", "context": "all but the question", "question": "no context"}[view]
        found = f"a bag of words that sees {seen} gets {told.accuracy:.1%}, by chance or one answer {floor:.1%}"
        yield Finding(
            f"blind learner: {view}",
            found,
            len(state.sample),
            told.accuracy,
            told.low,
            told.high,
            floor,
            told.low > floor,
        )
