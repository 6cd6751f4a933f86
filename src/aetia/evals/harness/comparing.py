"""Which of two runs is better, on what both were asked?"""

from collections.abc import Sequence
from pathlib import Path

from aetia.errors import EvaluationError
from aetia.evals.harness.evaluations import open_evaluation
from aetia.evals.harness.scored import scored
from aetia.evals.scoring.comparison import Comparison, compare
from aetia.runs import Run
from aetia.text import clean_text

__all__ = ["compared", "run_names"]


def compared(first: str, second: str) -> Comparison:
    """Compare two runs, or two ways of asking, on the items that both were asked.

    Args:
        first: A run directory; `RUN:WAY` takes one way of asking, as in `runs/a:zero-shot-cot`.
        second: The other.

    Raises:
        RunError: One of them is no evaluation, or has no replies.
        EvaluationError: AE-8603 one has no replies of that way of asking, or only one names a way; AE-8513 they have no
            item in common.
    """
    (run_a, way_a), (run_b, way_b) = _named(first), _named(second)
    if bool(way_a) != bool(way_b):
        found = f"{first} and {second} are a whole run and one way of asking."
        raise EvaluationError("AE-8603", found, mend="name a way of asking of both, or of neither.")
    ours, theirs = scored(run_a.values()), scored(run_b.values())
    if not way_a:
        return compare(ours, theirs)
    tables = []
    for name, table, way in ((first, ours, way_a), (second, theirs, way_b)):
        rows = table.filter([one == way for one in table["adaptation"].to_pylist()])
        if not rows.num_rows:
            known = ", ".join(sorted(set(table["adaptation"].to_pylist())))
            raise EvaluationError("AE-8603", f"{name} has no replies of that way of asking.", mend=f"use {known}.")
        tables.append(rows)
    return compare(tables[0], tables[1], cell=("task",))


def _named(text: str) -> tuple[Run, str]:
    if Path(text).is_dir():
        return open_evaluation(text), ""
    directory, colon, way = text.rpartition(":")
    return (open_evaluation(directory), way) if colon else (open_evaluation(text), "")


def run_names(runs: Sequence[Run]) -> list[str]:
    """What runs are called beside each other: their models, with the directory where two have one model."""
    models = [clean_text(str(run.manifest.study.get("model")), 60) for run in runs]
    folders = [run.directory.name for run in runs]
    places = folders if len(set(folders)) == len(folders) else [str(run.directory) for run in runs]
    return [
        model if models.count(model) == 1 else f"{model} ({clean_text(place, 100)})"
        for model, place in zip(models, places, strict=True)
    ]
