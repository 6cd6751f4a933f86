"""Which maps may be trusted, for this model and these questions, and why?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aetia.effects import Effects, passes
from aetia.maps.effects import BEYOND
from aetia.maps.names import CONTROL_NAMES, RANDOM
from aetia.maps.testing import least_p

__all__ = ["Standing", "Trust", "judged"]

Row = dict[str, float | str | int | None]

Standing = Literal["trusted", "better than random cells", "do not trust", "unknown", "control"]


@dataclass(frozen=True)
class Trust:
    """What is known of one map, or of a control that maps have to beat.

    Args:
        map: Its name.
        standing: `trusted`: it tells more of what the answer rests on than anybody would name without the model.
            `better than random cells`: it passes that test, and not the other. `unknown`: that cannot be said.
        reason: Why, in one sentence.
        deletion: By how much its cells take more from the answer than those of random maps, in the primary sense.
        low: The interval of `deletion`; None of one item.
        high: Its upper end.
        p: Against random maps, one-sided.
        q: p, corrected for the number of maps; None of a control.
        is_beyond_random: Whether that passes: whether it is better than random cells.
        beside: The same by the other removal, if it was measured.
        control: The control that it beats least surely, or does not beat; empty where there is none.
        beyond: By how much its cells take more from the answer than those of that control.
        beyond_q: The p of that, corrected for the number of maps.
        pointing: How often its largest cell shows the thing that is asked about, where that is known.
        chance: How often a random cell does.
    """

    map: str
    standing: Standing
    reason: str
    deletion: float
    low: float | None
    high: float | None
    p: float
    q: float | None
    is_beyond_random: bool
    beside: float | None = None
    control: str = ""
    beyond: float | None = None
    beyond_q: float | None = None
    pointing: float | None = None
    chance: float | None = None

    @property
    def is_trusted(self) -> bool | None:
        """Whether it may be trusted; None where that cannot be said, as of one picture, and of a control."""
        return None if self.standing in ("unknown", "control") else self.standing == "trusted"


def judged(effects: Effects, *, primary: str, margin: float, level: float) -> tuple[Trust, ...]:
    """The verdict on every map, from the effects alone; the controls follow, as the bar.

    A map may be trusted if the picture makes the model's answers right (with another picture they are right less often:
    without that there is no seeing to explain, and a network of random weights, whose output hangs on every pixel,
    would have maps that are true of it and tell nobody anything); if taking its cells away costs the answer more than
    taking random ones; if it costs more than taking those that each control names, corrected for all maps looked at;
    and by at least `margin`. The controls are what needs no look into the model: edges, contrast, the centre, and the
    same kind of map drawn for other items. Of one picture, or of too few, there is no verdict.

    Args:
        effects: Of a map study.
        primary: In which sense cells are taken away.
        margin: By how much it has to beat each control, in units of the outcome.
        level: Coverage of the study's intervals: 0.95 for an error rate of 5%.
    """
    rows: list[Row] = effects.to_arrow().to_pylist()
    found = [row for row in rows if row["measure"] == "deletion" and row["removal"] == primary]
    maps = [row for row in found if row["map"] not in CONTROL_NAMES]
    bars = [row for row in found if row["map"] in CONTROL_NAMES]
    told = "What needs no look into the model: maps have to beat it."
    known = [_judged(rows, row, _verdict(rows, row, len(maps), margin, level), level) for row in maps]
    return (*known, *(_judged(rows, row, ("control", told), level) for row in bars))


def _judged(rows: Sequence[Row], row: Row, verdict: tuple[Standing, str], level: float) -> Trust:
    name = str(row["map"])
    beside = [one for one in rows if one["map"] == name and one["measure"] == "deletion" and one is not row]
    bar = _row(rows, name, BEYOND)
    return Trust(
        name,
        *verdict,
        deletion=_float(row, "estimate"),
        low=_known(row, "low"),
        high=_known(row, "high"),
        p=_float(row, "p"),
        q=_known(row, "q"),
        is_beyond_random=bool(passes(_float(row, "q" if row["q"] is not None else "p"), level)),
        beside=_float(beside[0], "estimate") if beside else None,
        control=str(bar["null"]) if bar else "",
        beyond=_known(bar, "estimate"),
        beyond_q=_known(bar, "q"),
        pointing=_known(_row(rows, name, "pointing"), "estimate"),
        chance=_known(_row(rows, RANDOM, "pointing"), "estimate"),
    )


def _verdict(rows: Sequence[Row], row: Row, maps: int, margin: float, level: float) -> tuple[Standing, str]:
    sees, count = _row(rows, "model", "sees"), int(_float(row, "n"))
    if count == 1:
        return "unknown", "One picture is an anecdote: give a set of items for a verdict."
    if sees is None:
        return "unknown", "Whether the model answers by the picture is unknown: the items have no right answers."
    if not passes(least_p(count) * maps, level):
        return "unknown", f"{count} independent items are too few: no map of {maps} could pass."
    if not (passes(_float(sees, "q"), level) and _float(sees, "estimate") > 0):
        return "do not trust", "The model is not right more often with its own picture: there is nothing to explain."
    if not passes(_float(row, "q"), level):
        return "do not trust", "Taking its cells away costs the answer no more than taking random ones."
    return _beyond(_row(rows, str(row["map"]), BEYOND), margin, level)


def _beyond(bar: Row | None, margin: float, level: float) -> tuple[Standing, str]:
    """The standing of a map that is better than random cells, by the control that it beats least surely."""
    if bar is None:
        return "better than random cells", "It was not compared with what needs no look into the model."
    beyond, null = _float(bar, "estimate"), _told(str(bar["null"]))
    if not passes(_float(bar, "q"), level):
        return "better than random cells", f"Its cells are not sure to cost the answer more than {null}."
    if beyond < margin:
        return "better than random cells", f"It beats {null} by {beyond:.3g}, less than the margin of {margin:g}."
    return "trusted", f"Its cells cost the answer {beyond:.2f} more than {null}, its hardest control."


def _told(control: str) -> str:
    return {
        "edges": "the cells with the most edges",
        "contrast": "the cells that differ most from the ground",
        "centre": "the cells in the middle",
    }.get(control, "those that it names for other items")


def _float(row: Row, name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, int | float) else float("nan")


def _known(row: Row | None, name: str) -> float | None:
    return None if row is None or row[name] is None else _float(row, name)


def _row(rows: Sequence[Row], name: str, measure: str) -> Row | None:
    return next((row for row in rows if row["map"] == name and row["measure"] == measure), None)
