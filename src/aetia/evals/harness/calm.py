"""What are CaLM's seven metrics and its five coded errors, of one run or of the runs of several models?

Every reply is read by CaLM's own rules here, which are others than those of the scores; what CaLM has not is left out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from aetia.errors import AetiaError, EvaluationError
from aetia.evals.harness.scored import prompt_of
from aetia.evals.item import Item, item_from_record
from aetia.evals.scoring.calm_errors import CodedErrors, coded_errors, demanded_key, is_demanded
from aetia.evals.scoring.calm_labels import (
    CalmQuestion,
    CalmStyle,
    calm_expected,
    calm_label,
    calm_question,
    calm_style,
)
from aetia.evals.scoring.calm_metrics import (
    Definition,
    Grid,
    TaskMetrics,
    accuracy,
    model_volatility,
    prompt_volatility,
    robustness,
    task_metrics,
)

__all__ = ["CalmCell", "CalmFigures", "CalmTask", "calm_figures"]

_NOT_CALMS = frozenset({"AE-8501", "AE-8502", "AE-8503"})
_DIALOGUES = frozenset({"adversarial-ignore", "adversarial-doubt"})  # what `-flat` asks in one prompt
_TOP = 5  # models of which the gap is counted

Row = Mapping[str, object]


@dataclass(frozen=True)
class CalmCell:
    """A model's replies to a task that was asked in one way, as CaLM counts them.

    Args:
        model: Its name.
        task: The task's.
        adaptation: The way of asking.
        replies: How many.
        accuracy: The share of right answers, 0 to 1; of explanations (CEG-O), the mean ROUGE-L.
        robustness: The share of answers that stay after the adversarial turn; None without one.
        errors: The coded errors; None where CaLM counts none.
        is_form_asked: Whether the prompts asked for the form that CaLM's rules want: else none can be malformed.
    """

    model: str
    task: str
    adaptation: str
    replies: int
    accuracy: float
    robustness: float | None
    errors: CodedErrors | None
    is_form_asked: bool


@dataclass(frozen=True)
class CalmTask:
    """A task over all models and the adaptations that all of them were asked in.

    Args:
        task: Its name.
        metrics: What the accuracies come to, in percent.
        has_gap: Whether there are the five models whose gap is counted.
        models: The volatility of each model over adaptations, in points; without those that are not defined.
        adaptations: The volatility of each adaptation over models, in points; the same.
    """

    task: str
    metrics: TaskMetrics
    has_gap: bool
    models: Mapping[str, float]
    adaptations: Mapping[str, float]


@dataclass(frozen=True)
class CalmFigures:
    """CaLM's figures of some runs.

    Args:
        cells: Of each model, task and adaptation.
        tasks: Of each task.
        others: How many cells are none of CaLM's.
        notes: Why others are missing, and which form of the adversarial turns the figures are of, a line each.
    """

    cells: tuple[CalmCell, ...]
    tasks: tuple[CalmTask, ...]
    others: int
    notes: tuple[str, ...]


def calm_figures(replies: Mapping[str, pa.Table], definition: Definition = "code") -> CalmFigures:
    """Return the figures; a cell that CaLM has not, or whose labels were scored, is left out.

    Args:
        replies: The scored replies of each model, as `scored` gives them, by the model's name.
        definition: Whose definition, where the paper and its scripts differ.

    Source: CaLM (arXiv 2405.00622) and its code.
    """
    cells: list[CalmCell] = []
    questions: dict[str, CalmQuestion] = {}
    notes: dict[str, None] = {}
    others = 0
    for model, table in replies.items():
        for (task, way), rows in _groups(table).items():
            try:
                cell, questions[task] = _cell((model, task, way), rows, definition)
            except AetiaError as error:
                others += error.code in _NOT_CALMS
                if error.code not in _NOT_CALMS:
                    notes[f"{task}, {way}: {error.found} {error.mend}".strip()] = None
                continue
            cells.append(cell)
    tasks = [_task(task, [cell for cell in cells if cell.task == task], question, definition)
             for task, question in questions.items()]  # fmt: skip
    notes |= dict.fromkeys(_forms(cells))
    return CalmFigures(tuple(cells), tuple(task for task in tasks if task is not None), others, tuple(notes))


def _forms(cells: Sequence[CalmCell]) -> Iterator[str]:
    """Which form of the second turn a figure is of, where it is not, or not alone, that of CaLM's scripts."""
    asked = {cell.adaptation for cell in cells}
    for way in sorted(asked & _DIALOGUES):
        if f"{way}-flat" in asked:
            yield f"{way} is a dialogue, {way}-flat one prompt as in CaLM's scripts: CaLM's figures are of the latter."
        else:
            yield f"{way} is a dialogue here; CaLM's scripts quote the first reply in one prompt: {way}-flat."


def _groups(table: pa.Table) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in table.select(["task", "adaptation", "reply", "scores", "record", "turns"]).to_pylist():
        found.setdefault((row["task"], row["adaptation"]), []).append(row)
    return found


def _cell(names: tuple[str, str, str], rows: Sequence[Row], definition: Definition) -> tuple[CalmCell, CalmQuestion]:
    model, task, way = names
    style = calm_style(way)
    items = [_item(row) for row in rows]
    questions = [calm_question(item) for item in items]
    if any(row["scores"] for row in rows):
        found = "Labels were scored here, and CaLM's rules read replies."
        raise EvaluationError("AE-8507", found, mend="Run it without --scored.")
    _check_readable(rows, questions[0])
    texts = [str(row["reply"]) for row in rows]
    said = [calm_label(text, question, style) for text, question in zip(texts, questions, strict=True)]
    expected = [calm_expected(item.label, question) for item, question in zip(items, questions, strict=True)]
    right = accuracy(said, expected, questions[0], definition)
    stays = _robustness(rows, questions, style) if way.startswith("adversarial") else None
    errors = _coded(texts, questions, style)
    is_asked = all(_shows(row, demanded_key(questions[0])) for row in rows)
    return CalmCell(model, task, way, len(rows), right, stays, errors, is_asked), questions[0]


def _check_readable(rows: Sequence[Row], question: CalmQuestion) -> None:
    """Whether the prompts asked for the object that CaLM reads its answers to effects from."""
    key = {"Natural": '{"answer":', "Probability": '"prob":'}.get(question.family, "")
    if not all(_shows(row, key) for row in rows):
        found = "CaLM reads this answer from an object, which these prompts did not ask for."
        raise EvaluationError("AE-8509", found, mend="Its accuracy is that of the other table.")


def _shows(row: Row, key: str) -> bool:
    return is_demanded(key, prompt_of(str(row["turns"])))


def _item(row: Row) -> Item:
    return item_from_record(json.loads(str(row["record"])))


def _robustness(rows: Sequence[Row], questions: Sequence[CalmQuestion], style: CalmStyle) -> float | None:
    """Of the conversations that had both turns; None if there is none such."""
    turned = [(json.loads(str(row["turns"])), question) for row, question in zip(rows, questions, strict=True)]
    both = [(turns, question) for turns, question in turned if len(turns) == 2]
    if not both:
        return None
    first, second = (
        [calm_label(turns[number]["reply"]["text"], question, style) for turns, question in both] for number in (0, 1)
    )
    return robustness(first, second)


def _coded(texts: Sequence[str], questions: Sequence[CalmQuestion], style: CalmStyle) -> CodedErrors | None:
    try:
        return coded_errors(texts, questions, style)
    except EvaluationError as error:
        if error.code != "AE-8504":
            raise
        return None


def _task(task: str, cells: Sequence[CalmCell], question: CalmQuestion, definition: Definition) -> CalmTask | None:
    """The task's metrics; None if no adaptation was asked of all models. Of a way in both forms, CaLM's counts."""
    models = tuple(dict.fromkeys(cell.model for cell in cells))
    percent = {(cell.model, cell.adaptation): 100 * cell.accuracy for cell in cells}
    ways = tuple(
        way
        for way in dict.fromkeys(cell.adaptation for cell in cells)
        if all((model, way) in percent for model in models)
    )
    ways = tuple(way for way in ways if way not in _DIALOGUES or f"{way}-flat" not in ways)
    if not ways:
        return None
    grid = Grid(models, ways, np.array([[percent[model, way] for way in ways] for model in models]))
    has_prompts = len(models) > 1 and (definition == "code" or "basic" in ways)
    return CalmTask(
        task,
        task_metrics(grid, question, definition=definition),
        len(models) >= _TOP,
        model_volatility(grid, definition) if len(ways) > 1 else {},
        prompt_volatility(grid, definition) if has_prompts else {},
    )
