"""The one function a person calls to ask whether two tasks rest on different components."""

from pathlib import Path

from aetia.runs import JSON, Run
from aetia.studies.asking import ask

__all__ = ["impair"]


def impair(
    model: str = "smollm2-135m",
    contrasts: str = "capitals",
    other: str = "agreement",
    *,
    out: str | Path | None = None,
    workers: int = 1,
    **fields: JSON,
) -> Run:
    """Does ablating what `contrasts` uses in `model` harm it and not `other`, and the reverse?

    Args:
        model: A known model, a folder, or a repository of the hub.
        contrasts: The first task: a built-in set or a file of pairs.
        other: The other task.
        out: The run's directory; by default `runs/` and a name from the study.
        workers: Processes; each loads the model once.
        fields: The further fields of `ImpairmentStudy`, such as `top`, `ablation` and `controls`.

    Returns:
        The run; the first row of `.effects()` is the interaction, with its interval and its test against matched
        random components.

    Raises:
        StudyError: If the study cannot be asked as it stands.
        MissingError: If the model is not to be found.

    Example:
        >>> run = aetia.impair("smollm2-135m", "capitals", "agreement", top=5)  # doctest: +SKIP
        >>> run.effects().where(ablated="interaction")  # doctest: +SKIP

    Source: Fartale et al. 2025, Disentangling Recall and Reasoning (arXiv 2510.03366), seed 115.
    """
    record = {"instrument": "impairment", "model": model, "contrasts": contrasts, "other": other, **fields}
    return ask(record, out=out, workers=workers)
