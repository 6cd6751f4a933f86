"""What do runs come to by CaLM's seven metrics and its five coded errors, as tables?"""

from typing import TYPE_CHECKING

from aetia.cli.evals_records import CalmCellRecord, CalmTaskRecord
from aetia.cli.voice import Voice
from aetia.errors import EvaluationError
from aetia.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from aetia.evals.harness.calm import CalmCell, CalmFigures
    from aetia.evals.scoring.calm_metrics import Definition
    from aetia.runs import Run

__all__ = ["show_calm"]

_CELLS = ("accuracy", "robustness", "same answer", "other\nlanguage", "malformed", "repetition", "empty")


def show_calm(voice: Voice, runs: "Sequence[Run]", definition: "Definition") -> None:
    """Show CaLM's figures of runs, each of another model.

    Raises:
        EvaluationError: AE-8508 none of what was asked is CaLM's.
        RunError: One of them has no replies.
    """
    from aetia.evals.harness.calm import calm_figures
    from aetia.evals.harness.comparing import run_names
    from aetia.evals.harness.scored import scored

    replies = {name: scored(run.values()) for name, run in zip(run_names(runs), runs, strict=True)}
    found = calm_figures(replies, definition)
    if not found.cells:
        mend = "score it without --metrics calm, or ask tasks of calm/ or calm-lite/ by CaLM's ways of asking."
        raise EvaluationError("AE-8508", "Nothing that was asked is CaLM's.", mend=mend, details=found.notes[:3])
    for cell in found.cells:
        voice.emit(lambda cell=cell: CalmCellRecord.of(cell))
    for task in found.tasks:
        voice.emit(lambda task=task: CalmTaskRecord.of(task))
    for model in replies:
        voice.show(clean_text(model), _cells([cell for cell in found.cells if cell.model == model]), "")
    voice.show(_tasks(found))
    for note in found.notes:
        voice.remark(note)
    if found.others:
        voice.remark(f"{found.others} tasks and ways of asking are none of CaLM's, and are left out.")


def _cells(cells: "Sequence[CalmCell]") -> "Table":
    table = _table(("task", "asked"), _CELLS)
    for cell in cells:
        errors = cell.errors
        malformed = errors.malformed if errors is not None and cell.is_form_asked else None
        shares = [None] * 4 if errors is None else [errors.language, malformed, errors.repetition, errors.empty]
        figures = [_percent(cell.accuracy), _percent(cell.robustness), "" if errors is None else errors.same]
        table.add_row(clean_text(cell.task, 100), cell.adaptation, *figures, *map(_percent, shares))
    return table


def _tasks(found: "CalmFigures") -> "Table":
    names = ("understandability", "solvability", "open-limited gap", "volatility of models", "of ways of asking")
    table = _table(("task",), names)
    for task in found.tasks:
        metrics = task.metrics
        gap = metrics.open_limited_gap if task.has_gap else ""
        spreads = (_spreads(task.models), _spreads(task.adaptations))
        table.add_row(clean_text(task.task, 100), metrics.understandability, metrics.solvability, gap, *spreads)
    return table


def _table(firsts: "Sequence[str]", names: "Sequence[str]") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in firsts:
        table.add_column(name, no_wrap=True)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _spreads(spreads: "Mapping[str, float]") -> str:
    return "\n".join(f"{name} {value:.2f}" for name, value in spreads.items())
