"""The one function a person calls to ask a model items of tasks."""

from pathlib import Path
from typing import cast

from aetia.evals.harness.study import EvaluationStudy
from aetia.runs import JSON, Run, engine_of, execute, parse_study

__all__ = ["evaluate"]


def evaluate(
    study: EvaluationStudy | None = None, *, out: str | Path | None = None, workers: int = 1, **fields: JSON
) -> Run:
    """Ask a model items of tasks and return the run, its replies kept and scored.

    Args:
        study: The evaluation; if None, `fields` describe it.
        out: The run's directory; by default `runs/evals-` and a name from the study. One that holds a part of this
            evaluation is carried on.
        workers: Processes; each loads the model once. An endpoint is asked by one.
        fields: The fields of `EvaluationStudy`, such as `model`, `tasks`, `adaptations` and `items`; beside a study,
            those that are to be others.

    Returns:
        The run; `.effects()` has a row for each measure of each task and way of asking.

    Raises:
        StudyError: AE-1104 a field is missing, unknown or has a wrong value.
        EvaluationError: A task, its files or a way of asking cannot be used.
        MissingError: The model is not to be found.
        RunError: AE-6014 an endpoint is to be asked by several processes.

    Example:
        >>> run = evaluate(model="smollm2-135m", tasks=["calm/ate-natural"], items=20)  # doctest: +SKIP
        >>> run.effects().where(measure="accuracy")  # doctest: +SKIP
    """
    record: dict[str, JSON] = {"instrument": "evaluate"} if study is None else dict(study.record())
    asked = cast("EvaluationStudy", parse_study({**record, **fields}, source="the evaluation"))
    directory = Path(out) if out is not None else Path("runs") / f"evals-{asked.identity()[:8]}"
    return execute(asked, directory, engine=engine_of(workers))
