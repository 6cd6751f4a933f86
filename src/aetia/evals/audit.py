"""Are the labels of a set right, and can they be told without reasoning?

Each label is derived again from the item's text, and the set is looked over as a whole: texts that are there twice or
have two labels, labels and places that are too frequent, languages that disagree, cues that a blind learner finds.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.published._folder import published_items
from aetia.evals.set_findings import (
    Finding,
    Passed,
    findings,
    place_of,
    plain_text,
    share_interval,
    text_digest,
    told_label,
)
from aetia.evals.task import Published, Task, generated
from aetia.runs.keys import JSON
from aetia.text import clean_text

__all__ = ["Audit", "Contradiction", "agrees", "audit", "audit_items", "leaks", "table"]

_KEPT = 2000  # contradictions, faults and places that are kept a kind; all are counted
_UNREADABLE = "AE-8110"


@dataclass(frozen=True)
class Contradiction:
    """An item whose published label the engine, or a check, does not confirm.

    Args:
        place: Where the item is.
        label: What is published.
        engine: What the engine says; empty for a fault that is no other label.
        why: The step that decides, or the fault in a sentence.
        text: The end of what is asked.
    """

    place: str
    label: str
    engine: str
    why: str
    text: str


@dataclass(frozen=True)
class Audit:
    """What an audit of a task found.

    Args:
        task: Its name.
        items: How many items were looked at.
        read: How many of them the engine could read; 0 if the task has none.
        wrong: How many of these have another label than the engine's.
        faulty: How many items have a further fault.
        contradictions: The wrong ones, at most 2,000.
        unreadable: Those that the engine could not read, with the reason, at most 2,000.
        faults: The further faults, at most 2,000.
        findings: What holds of the set as a whole.
    """

    task: str
    items: int
    read: int
    wrong: int
    faulty: int
    contradictions: tuple[Contradiction, ...] = ()
    unreadable: tuple[Contradiction, ...] = ()
    faults: tuple[Contradiction, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def defects(self) -> tuple[Finding, ...]:
        """The findings that are more than chance."""
        return tuple(one for one in self.findings if one.is_defect)

    def to_record(self) -> dict[str, JSON]:
        """The audit as plain data."""
        plain: dict[str, JSON] = {name: value for name, value in vars(self).items() if not isinstance(value, tuple)}
        for name in ("contradictions", "unreadable", "faults", "findings"):
            rows: tuple[Contradiction | Finding, ...] = getattr(self, name)
            plain[name] = [
                {key: list(value) if isinstance(value, tuple) else value for key, value in vars(row).items()}
                for row in rows
            ]
        return plain

    def rows(self) -> list[dict[str, JSON]]:
        """One row a measured share, with its interval: a table over many audits is these, one below the other."""
        shares: list[tuple[str, int, int]] = [("faults", self.faulty, self.items)]
        if self.read:
            shares = [("contradictions", self.wrong, self.read), ("read", self.read, self.items), *shares]
        rows: list[dict[str, JSON]] = []
        for kind, count, total in shares:
            share, low, high = share_interval(count, total)
            rows.append({"task": self.task, "kind": kind, "n": total, "value": share, "low": low, "high": high})
        for one in self.findings:
            if one.share is not None:
                told: dict[str, JSON] = {"value": one.share, "low": one.low, "high": one.high}
                rows.append({"task": self.task, "kind": one.kind, "n": one.count, **told, "expected": one.expected})
        return rows


def audit(task: Task, place: Path | None = None, count: int = 1000, seed: int = 0) -> Audit:
    """Derive the labels of a task again, and look for what is wrong with the set.

    Args:
        task: A published task, or a generated one.
        place: Where the published sets are.
        count: How many items of a generated task are looked at; of a published one it is all.
        seed: Of the generated items.

    Raises:
        EvaluationError: As `published_items` and `generated`.
    """
    if isinstance(task.source, Published):
        return audit_items(task, published_items(task, place or Path()))
    return audit_items(task, (generated(task, index, seed) for index in range(count)))


@dataclass
class _Derived:
    """What came out of deriving labels again."""

    read: int = 0
    wrong: int = 0
    faulty: int = 0
    contradictions: list[Contradiction] = field(default_factory=list)
    unreadable: list[Contradiction] = field(default_factory=list)
    faults: list[Contradiction] = field(default_factory=list)


def audit_items(task: Task, items: Iterable[Item]) -> Audit:
    """The audit of a task's items, whatever gives them; they pass once, and few of them are held at a time."""
    derived, passed = _Derived(), Passed()
    for item in items:
        _derive(task, item, derived)
        passed.add(item)
    return Audit(
        task=task.name,
        items=passed.items,
        read=derived.read,
        wrong=derived.wrong,
        faulty=derived.faulty,
        contradictions=tuple(derived.contradictions),
        unreadable=tuple(derived.unreadable),
        faults=tuple(derived.faults),
        findings=tuple(findings(passed, task.chance)),
    )


def _derive(task: Task, item: Item, state: _Derived) -> None:
    if task.engine is not None:
        try:
            answer = task.engine(item)
        except EvaluationError as error:
            if error.code != _UNREADABLE:
                raise
            _keep(state.unreadable, _contradiction(item, "", error.found))
        else:
            state.read += 1
            if not agrees(item, answer):
                state.wrong += 1
                why = item.derivation[-1] if item.derivation else "derived from the text"
                _keep(state.contradictions, _contradiction(item, answer, why))
    if isinstance(task.source, Published) and task.source.faults is not None:
        faults = task.source.faults(item)
        state.faulty += bool(faults)
        for fault in faults:
            _keep(state.faults, _contradiction(item, "", fault))


def _keep(rows: list[Contradiction], row: Contradiction) -> None:
    if len(rows) < _KEPT:
        rows.append(row)


def _contradiction(item: Item, answer: str, why: str) -> Contradiction:
    text = item.question if len(item.question) > 20 else f"{item.context} {item.question}"
    return Contradiction(
        place_of(item), clean_text(item.label, 80), clean_text(answer, 80), clean_text(why, 300), clean_text(text, 200)
    )


def agrees(item: Item, answer: str) -> bool:
    """Whether an answer is an item's label: a number to the last decimal that the label prints, a text by its words."""
    if item.form == "number":
        with suppress(ValueError):
            wanted, found = float(item.label.replace(",", "")), float(answer.replace(",", ""))
            digits = len(item.label.partition(".")[2]) if "e" not in item.label.lower() else 12
            # A whole number is no rounding of others: 12.4 is not 12.
            return math.isclose(wanted, found, rel_tol=1e-9, abs_tol=0.5000001 * 10.0**-digits if digits else 0.0)
    if item.form == "text":
        return plain_text(answer) in {plain_text(text) for text in (item.label, *item.accepted)}
    return answer == item.label


def leaks(tasks: Sequence[Task], place: Path) -> tuple[Finding, ...]:
    """Texts that two of several published tasks share, as a training and a test set should not.

    Raises:
        EvaluationError: As `published_items`.
    """
    first: dict[bytes, tuple[str, str, str]] = {}
    shared: dict[tuple[str, str], list[str]] = {}
    other: Counter[tuple[str, str]] = Counter()
    for task in tasks:
        for item in published_items(task, place):
            held = first.setdefault(text_digest(item), (task.name, place_of(item), told_label(item)))
            if held[0] != task.name:
                pair = held[0], task.name
                shared.setdefault(pair, []).append(f"{place_of(item)} = {held[1]}")
                other[pair] += held[2] != told_label(item)
    found_leaks: list[Finding] = []
    for (one, two), places in shared.items():
        found = f"{len(places):,} texts of {two} are in {one}, {other[one, two]:,} of them with another label"
        found_leaks.append(Finding("leak", found, len(places), places=tuple(places[:50])))
    return tuple(found_leaks)


def table(audits: Sequence[Audit]) -> list[Mapping[str, JSON]]:
    """One row a task: items, read by the engine, contradictions, faults, and what is notable."""
    return [
        {
            "task": one.task,
            "items": one.items,
            "read": one.read,
            "contradictions": one.wrong,
            "faults": one.faulty,
            "findings": [finding.found for finding in one.defects],
        }
        for one in audits
    ]
