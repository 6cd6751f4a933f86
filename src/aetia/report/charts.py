"""How are single numbers with their intervals drawn: outcomes item by item, and the strongest sites?

Coordinates are shares of the width in per cent, so that a picture stretches with the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aetia.report.drawing import Tick, value_ticks
from aetia.report.evidence import Outcomes
from aetia.report.rows import Row, chance_text, decimals, interval_text, number
from aetia.report.sentences import Task, share_of_total, site_words
from aetia.report.wording import wording

__all__ = ["OutcomeChart", "Strip", "Total", "Whisker", "outcome_chart", "total_effect", "whiskers"]

_MOST_DOTS = 400


@dataclass(frozen=True)
class Strip:
    """One arm: its mean, interval and single items."""

    name: str
    text: str
    mean: float
    low: float | None
    high: float | None
    dots: tuple[float, ...]


@dataclass(frozen=True)
class OutcomeChart:
    """The outcome on clean and corrupted prompts, on one axis."""

    strips: tuple[Strip, ...]
    ticks: tuple[Tick, ...]
    zero: float
    unit: str
    left_out: int


@dataclass(frozen=True)
class Whisker:
    """A row of the table of the strongest sites, with its interval as a small picture."""

    row: Row
    site: str
    method: str
    share: str
    zero: float
    mean: float
    low: float | None
    high: float | None


def outcome_chart(task: Task, outcomes: Outcomes | None) -> OutcomeChart | None:
    """Return the chart of the plain runs; None if they were not measured."""
    arms = [("clean", task.clean, outcomes.clean if outcomes else ()), ("corrupted", task.corrupted, ())]
    arms[1] = ("corrupted", task.corrupted, outcomes.corrupted if outcomes else ())
    known = [(name, row, values) for name, row, values in arms if row is not None and row.is_number]
    if not known:
        return None
    edges = [0.0]
    for _, row, values in known:
        edges += [row.estimate, *values, *(bound for bound in (row.low, row.high) if bound is not None)]
    left, right = _widened(min(edges), max(edges))
    ticks = tuple(Tick(round(100 - tick.at, 3), tick.text) for tick in value_ticks(left, right))
    strips = tuple(
        Strip(
            name,
            row.quantity(),
            _at(row.estimate, left, right),
            None if row.low is None else _at(row.low, left, right),
            None if row.high is None else _at(row.high, left, right),
            tuple(_at(value, left, right) for value in values[:_MOST_DOTS]),
        )
        for name, row, values in known
    )
    left_out = sum(max(len(values) - _MOST_DOTS, 0) for _, _, values in known)
    return OutcomeChart(strips, ticks, _at(0.0, left, right), known[0][1].unit, left_out)


@dataclass(frozen=True)
class Total:
    """The total effect, written out, and how it stood its test; empty if there was none."""

    value: str
    unit: str
    bounds: str
    verdict: str


def total_effect(task: Task) -> Total | None:
    """Return clean minus corrupted with the interval of the paired difference; None if it was not measured."""
    if task.total is None or task.clean is None:
        return None
    row = task.difference
    low, high = (row.low, row.high) if row is not None else (None, None)
    places = decimals(task.total, low, high)
    verdict = ""
    if row is not None and row.is_tested:
        verdict = ("passes its test" if row.passes else "does not pass its test") + chance_text(row.q)
    value = number(task.total, places, signed=True)
    return Total(value, task.clean.unit, interval_text(low, high, places), verdict)


def whiskers(rows: Sequence[Row], task: Task) -> list[Whisker]:
    """Return the rows with their pictures, all on one scale that includes zero."""
    edges = [0.0, *(edge for row in rows for edge in (row.estimate, row.low, row.high) if edge is not None)]
    left, right = _widened(min(edges), max(edges))
    return [
        Whisker(
            row,
            site_words(row),
            wording(row.method, "denoise").title.partition(",")[0],
            share_of_total(row, task),
            _at(0.0, left, right),
            _at(row.estimate, left, right),
            None if row.low is None else _at(row.low, left, right),
            None if row.high is None else _at(row.high, left, right),
        )
        for row in rows
    ]


def _widened(left: float, right: float) -> tuple[float, float]:
    air = (right - left) * 0.06 or 1.0
    return left - air, right + air


def _at(value: float, left: float, right: float) -> float:
    return round((value - left) / (right - left) * 100, 2)
