"""Which of several models does better, and is that more than chance? A page over many evaluations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import pyarrow as pa
from markupsafe import Markup

from aetia.effects import Effects, passes
from aetia.errors import EvaluationError
from aetia.evals.harness.comparing import run_names
from aetia.evals.harness.scored import scored
from aetia.evals.scoring.comparison import compare
from aetia.files import write_atomic, writing
from aetia.report.shell import page_environment, page_file, page_policy, page_style
from aetia.runs import Run
from aetia.text import clean_text

__all__ = ["Standing", "standings", "write_standings"]

_LEVEL = 0.95
_WHOLE = (("low", 0.0), ("high", 1.0))

Cell = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """How one evaluation stands among several.

    Args:
        name: The model's name, with the run's directory if two runs have one.
        mean: The mean over the shared cells of accuracy above chance: 0 for guessing, 1 for all right.
        low: The lower end of its interval, over independent items of these tasks.
        high: The upper end.
        above: In how many cells it is above blind guessing, corrected for all its cells.
        better: In how many it is better than the next one, paired and corrected.
        worse: In how many it is worse than that.
        shares: Its accuracy in each shared cell.
    """

    name: str
    mean: float
    low: float
    high: float
    above: int
    better: int | None
    worse: int | None
    shares: Mapping[Cell, float]


def standings(runs: Sequence[Run]) -> tuple[tuple[Cell, ...], tuple[Standing, ...]]:
    """Return the cells that all runs share, and the runs from the best on.

    Args:
        runs: Evaluations, two or more.

    Raises:
        EvaluationError: AE-8701 there are fewer than two, or they share no task and way of asking.
        RunError: One of them has no effects yet.
    """
    tables = [_accuracy(run.effects()) for run in runs]
    shared = [cell for cell in (tables[0] if tables else ()) if all(cell in table for table in tables)]
    if len(runs) < 2 or not shared:
        found = "Fewer than two runs are given." if len(runs) < 2 else "The runs share no task and way of asking."
        raise EvaluationError("AE-8701", found, mend="give runs of the same tasks.")
    names = run_names(runs)
    order = sorted(range(len(runs)), key=lambda place: -_mean(tables[place], shared)[0])
    replies = [scored(run.values()) for run in runs]
    found_standings = []
    for rank, place in enumerate(order):
        table = tables[place]
        mean, low, high = _mean(table, shared)
        behind = order[rank + 1] if rank + 1 < len(order) else None
        better, worse = (None, None) if behind is None else _wins(replies[place], replies[behind])
        above = sum(_is_above(table[cell]) for cell in shared)
        shares = {cell: float(str(table[cell]["estimate"])) for cell in shared}
        found_standings.append(Standing(names[place], mean, low, high, above, better, worse, shares))
    return tuple(shared), tuple(found_standings)


def write_standings(runs: Sequence[Run], path: Path) -> Path:
    """Write the page over several evaluations.

    Raises:
        EvaluationError: As `standings`.
        RunError: AE-6011, AE-6012 the page cannot be written.
    """
    cells, found = standings(runs)
    style, script = page_style() + page_file("evaluation.css"), page_file("evaluation.js")
    content = (
        page_environment()
        .get_template("standings.html.jinja")
        .render(
            policy=page_policy(style, script),
            style=Markup(style),  # noqa: S704  the package's own file
            script=Markup(script),  # noqa: S704  the package's own file
            standings=found,
            cells=cells,
            directories=[clean_text(str(run.directory), 200) for run in runs],
        )
    )
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content.encode("utf-8", "replace"))
    return path


def _accuracy(effects: Effects) -> dict[Cell, Mapping[str, object]]:
    rows = effects.to_arrow().to_pylist()
    told = [row for row in rows if row["measure"] == "accuracy"]
    return {(clean_text(row["task"], 80), clean_text(row["adaptation"], 80)): row for row in told}


def _chance(row: Mapping[str, object]) -> float:
    null = str(row["null"] or "")
    return float(null.partition(":")[2]) if null.startswith("chance:") else 0.0


def _is_above(row: Mapping[str, object]) -> bool:
    q = row["q"]
    return isinstance(q, float) and bool(passes([q], _LEVEL)[0])


def _mean(table: Mapping[Cell, Mapping[str, object]], shared: Sequence[Cell]) -> tuple[float, float, float]:
    """The mean above chance, and its interval by the widths of the cells' own."""
    quantile = NormalDist().inv_cdf((1 + _LEVEL) / 2)
    total = variance = 0.0
    for cell in shared:
        row, room = table[cell], 1 - _chance(table[cell])
        estimate = float(str(row["estimate"]))
        # Items of a single cluster say nothing of how sure their share is.
        low, high = (default if row[name] is None else float(str(row[name])) for name, default in _WHOLE)
        total += (estimate - _chance(row)) / room
        variance += ((high - low) / (2 * quantile * room)) ** 2
    half = quantile * variance**0.5 / len(shared)
    mean = total / len(shared)
    return mean, mean - half, min(mean + half, 1.0)


def _wins(first: pa.Table, second: pa.Table) -> tuple[int, int]:
    rows = compare(second, first).table.to_pylist()
    sure = [row for row in rows if bool(passes([row["q"]], _LEVEL)[0])]
    better = sum(row["difference"] > 0 for row in sure)
    return better, len(sure) - better
