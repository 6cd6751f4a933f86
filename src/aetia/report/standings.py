"""Which of several models does better, and is that more than chance? A page over many evaluations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pyarrow as pa
from markupsafe import Markup

from aetia.effects import Effects, passes
from aetia.errors import EvaluationError
from aetia.evals.adaptations import way_of_asking
from aetia.evals.harness.comparing import run_names
from aetia.evals.harness.scored import scored
from aetia.evals.scoring.calm_metrics import Floats
from aetia.evals.scoring.comparison import compare
from aetia.files import write_atomic, writing
from aetia.report.shell import page_environment, page_file, page_policy, page_style
from aetia.runs import Run
from aetia.text import clean_text

__all__ = ["Standing", "standings", "write_standings"]

_WHOLE = (("low", 0.0), ("high", 1.0))

Cell = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """How one evaluation stands among several.

    Args:
        name: The model's name, with the run's directory if two runs have one.
        mean: The mean over the shared cells of accuracy above chance: 0 for guessing, 1 for all right.
        low: The lower end of its interval, over independent clusters of items of these tasks; the same items asked in
            several ways count as the same.
        high: The upper end.
        level: The interval's coverage: that of the run.
        above: In how many cells it is above blind guessing, corrected for all its cells.
        better: In how many it is better than the next one, paired and corrected.
        worse: In how many it is worse than that.
        shares: Its accuracy in each shared cell.
    """

    name: str
    mean: float
    low: float
    high: float
    level: float
    above: int
    better: int | None
    worse: int | None
    shares: Mapping[Cell, float]


def standings(runs: Sequence[Run]) -> tuple[tuple[Cell, ...], tuple[Standing, ...]]:
    """Return the cells that all runs share, and the runs from the best on.

    Controls, which leave out what an answer needs, and ways of asking that know the label are no part of it: who is
    better at them is no better.

    Args:
        runs: Evaluations, two or more.

    Raises:
        EvaluationError: AE-8701 there are fewer than two, or they share no such task and way of asking.
        RunError: One of them has no effects yet.

    Source: of the interval, Wilson 1927 for each cell, and the correlation of cells over clusters of items.
    """
    tables = [_accuracy(run.effects()) for run in runs]
    shared = [cell for cell in (tables[0] if tables else ()) if all(cell in table for table in tables)]
    if len(runs) < 2 or not shared:
        found = "Fewer than two runs are given." if len(runs) < 2 else "The runs share no task and way of asking."
        mend = "give runs of the same tasks, asked in a way that is no control and does not know the label."
        raise EvaluationError("AE-8701", found, mend=mend)
    names = run_names(runs)
    replies = [_kept(scored(run.values()), shared) for run in runs]
    means = [_mean(table, shared, _influences(rows, shared)) for table, rows in zip(tables, replies, strict=True)]
    order = sorted(range(len(runs)), key=lambda place: -means[place][0])
    found_standings = []
    for rank, place in enumerate(order):
        table = tables[place]
        behind = order[rank + 1] if rank + 1 < len(order) else None
        level = _level(table[shared[0]])
        better, worse = (None, None) if behind is None else _wins(replies[place], replies[behind], level)
        above = sum(_is_above(table[cell]) for cell in shared)
        shares = {cell: float(str(table[cell]["estimate"])) for cell in shared}
        found_standings.append(Standing(names[place], *means[place], level, above, better, worse, shares))
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
            levels=" and ".join(dict.fromkeys(f"{one.level:.0%}" for one in found)),
            cells=cells,
            directories=[clean_text(str(run.directory), 200) for run in runs],
        )
    )
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content.encode("utf-8", "replace"))
    return path


def _accuracy(effects: Effects) -> dict[Cell, Mapping[str, object]]:
    """The accuracies that rank: those of controls, and of ways of asking that know the label, do not."""
    rows = effects.to_arrow().to_pylist()
    told = [row for row in rows if row["measure"] == "accuracy" and _ranks(row["adaptation"])]
    return {_cell(row): row for row in told}


def _ranks(adaptation: str) -> bool:
    way = way_of_asking(adaptation)
    return not (way.is_control or way.knows_label)


def _cell(row: Mapping[str, object]) -> Cell:
    return clean_text(str(row["task"]), 80), clean_text(str(row["adaptation"]), 80)


def _kept(replies: pa.Table, shared: Sequence[Cell]) -> pa.Table:
    known = set(shared)
    return replies.filter([_cell(row) in known for row in replies.select(["task", "adaptation"]).to_pylist()])


def _chance(row: Mapping[str, object]) -> float:
    null = str(row["null"] or "")
    return float(null.partition(":")[2]) if null.startswith("chance:") else 0.0


def _level(row: Mapping[str, object]) -> float:
    return float(str(row["level"]))


def _is_above(row: Mapping[str, object]) -> bool:
    q = row["q"]
    return isinstance(q, float) and bool(passes([q], _level(row))[0])


def _influences(replies: pa.Table, shared: Sequence[Cell]) -> Floats:
    """What each cluster of a task adds to the mean of each cell, [cells, clusters]: 0 where it was not asked."""
    cells: dict[Cell, list[tuple[tuple[str, str], float]]] = {cell: [] for cell in shared}
    for row in replies.select(["task", "adaptation", "cluster", "right"]).to_pylist():
        cells[_cell(row)].append(((row["task"], row["cluster"]), float(row["right"] or 0.0)))
    places: dict[tuple[str, str], int] = {}
    for told in cells.values():
        for cluster, _ in told:
            places.setdefault(cluster, len(places))
    found = np.zeros((len(shared), len(places)))
    for influence, told in zip(found, cells.values(), strict=True):
        right = np.array([value for _, value in told])
        np.add.at(influence, [places[cluster] for cluster, _ in told], (right - right.mean()) / right.size)
    return found


def _correlations(influences: Floats, shared: Sequence[Cell]) -> Floats:
    """How the cells' shares go together: not at all across tasks; wholly within one if a cell does not vary."""
    lengths = np.sqrt((influences**2).sum(axis=1))
    products = lengths[:, None] * lengths
    found = np.divide(influences @ influences.T, products, out=np.ones_like(products), where=products > 0.0)
    tasks = np.array([task for task, _ in shared])
    np.fill_diagonal(found, 1.0)
    return np.where(tasks[:, None] == tasks, found, 0.0)


def _mean(
    table: Mapping[Cell, Mapping[str, object]], shared: Sequence[Cell], influences: Floats
) -> tuple[float, float, float]:
    """The mean above chance, and its interval by the widths of the cells' own and by how they go together."""
    above, errors = np.empty(len(shared)), np.empty(len(shared))
    for place, cell in enumerate(shared):
        row, room = table[cell], 1 - _chance(table[cell])
        # Items of a single cluster say nothing of how sure their share is.
        low, high = (default if row[name] is None else float(str(row[name])) for name, default in _WHOLE)
        above[place] = (float(str(row["estimate"])) - _chance(row)) / room
        errors[place] = (high - low) / (2 * _quantile(row) * room)
    variance = float(errors @ _correlations(influences, shared) @ errors)
    half = _quantile(table[shared[0]]) * max(variance, 0.0) ** 0.5 / len(shared)
    mean = float(above.mean())
    return mean, mean - half, min(mean + half, 1.0)


def _quantile(row: Mapping[str, object]) -> float:
    return NormalDist().inv_cdf((1 + _level(row)) / 2)


def _wins(first: pa.Table, second: pa.Table, level: float) -> tuple[int, int]:
    rows = compare(second, first, level=level).table.to_pylist()
    sure = [row for row in rows if bool(passes([row["q"]], level)[0])]
    better = sum(row["difference"] > 0 for row in sure)
    return better, len(sure) - better
