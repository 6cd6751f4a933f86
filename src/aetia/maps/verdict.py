"""Which maps may be trusted, for this model and these questions, and why?"""

from collections.abc import Sequence
from dataclasses import dataclass

from aetia.effects import Effects, passes

__all__ = ["Trust", "judged"]

Row = dict[str, float | str | int | None]


@dataclass(frozen=True)
class Trust:
    """What is known of one map.

    Args:
        map: Its name.
        is_trusted: Whether it may be trusted; None where that cannot be said, as of one picture.
        reason: Why, in one sentence.
        deletion: By how much its cells take more from the answer than those of random maps, in the primary sense.
        low: The interval of `deletion`; None of one item.
        high: Its upper end.
        p: Against random maps, one-sided.
        q: p, corrected for the number of maps.
        beside: The same by the other removal, if it was measured.
        pointing: How often its largest cell shows the thing that is asked about, where that is known.
        chance: How often a random cell does.
    """

    map: str
    is_trusted: bool | None
    reason: str
    deletion: float
    low: float | None
    high: float | None
    p: float
    q: float
    beside: float | None = None
    pointing: float | None = None
    chance: float | None = None


def judged(effects: Effects, *, primary: str, margin: float, level: float) -> tuple[Trust, ...]:
    """The verdict on every map, from the effects alone.

    A map may be trusted if the picture makes the model's answers right (with another picture they are right less often:
    without that there is no seeing to explain, and a network of random weights, whose output hangs on every pixel,
    would have maps that are true of it and tell nobody anything); if taking its cells away costs the answer more than
    taking those of random maps, corrected for all maps looked at; and by at least `margin`. Of one picture there is
    none.

    Args:
        effects: Of a map study.
        primary: In which sense cells are taken away.
        margin: By how much it has to beat random maps, in units of the outcome.
        level: Coverage of the study's intervals: 0.95 for an error rate of 5%.
    """
    rows: list[Row] = effects.to_arrow().to_pylist()
    sees = next((row for row in rows if row["map"] == "model" and row["measure"] == "sees"), None)
    chance = _number(rows, "random maps", "pointing")
    return tuple(
        _judged(rows, row, _verdict(row, sees, margin, level), chance)
        for row in rows
        if row["measure"] == "deletion" and row["removal"] == primary
    )


def _judged(rows: Sequence[Row], row: Row, verdict: tuple[bool | None, str], chance: float | None) -> Trust:
    name = str(row["map"])
    beside = [one for one in rows if one["map"] == name and one["measure"] == "deletion" and one is not row]
    return Trust(
        name,
        *verdict,
        deletion=_float(row, "estimate"),
        low=None if row["low"] is None else _float(row, "low"),
        high=None if row["high"] is None else _float(row, "high"),
        p=_float(row, "p"),
        q=_float(row, "q"),
        beside=_float(beside[0], "estimate") if beside else None,
        pointing=_number(rows, name, "pointing"),
        chance=chance,
    )


def _verdict(row: Row, sees: Row | None, margin: float, level: float) -> tuple[bool | None, str]:
    estimate, q = _float(row, "estimate"), _float(row, "q")
    if row["n"] == 1:
        return None, "One picture is an anecdote: give a set of items for a verdict."
    if sees is None:
        return None, "Whether the model answers by the picture is unknown: the items have no right answers."
    if not (passes(_float(sees, "q"), level) and _float(sees, "estimate") > 0):
        return False, "The model is not right more often with its own picture than with another: nothing to explain."
    if not passes(q, level):
        return False, "Taking its cells away costs the answer no more than taking those of random maps."
    if estimate < margin:
        return False, f"It beats random maps by {estimate:.3g}, less than the margin of {margin:g}."
    return True, f"Taking its cells away costs the answer {estimate:.2f} more than taking those of random maps."


def _float(row: Row, name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, int | float) else float("nan")


def _number(rows: Sequence[Row], name: str, measure: str) -> float | None:
    return next((_float(row, "estimate") for row in rows if row["map"] == name and row["measure"] == measure), None)
