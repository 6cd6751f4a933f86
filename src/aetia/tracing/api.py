"""The one function a person calls: ask which sites cause an answer, and get a run."""

from pathlib import Path

from aetia.runs import JSON, Run
from aetia.studies.asking import ask

__all__ = ["trace"]


def trace(
    model: str = "smollm2-135m",
    contrasts: str | None = None,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    **fields: JSON,
) -> Run:
    """Which sites of `model` cause its answers to `contrasts`?

    Args:
        model: A known model, a folder, or a repository of the hub.
        contrasts: A built-in set or a file of pairs; or give `pair={"clean": ..., "corrupted": ..., "answer": ...,
            "foil": ...}` for a question of your own.
        out: The run's directory; by default `runs/` and a name from the study. One that holds a part of the same
            study is carried on.
        workers: Processes; each loads the model once.
        fields: The further fields of `TraceStudy`.

    Returns:
        The run: `.effects()` is the table, `.values()` the raw values, `.report()` the page.

    Raises:
        StudyError: If the study cannot be asked as it stands.
        MissingError: If the model is not to be found.

    Example:
        >>> run = aetia.trace("smollm2-135m", "capitals", items=8, sites=["resid_pre"])  # doctest: +SKIP
        >>> run.effects().where(method="patch").top(5)  # doctest: +SKIP
    """
    return ask({"instrument": "trace", "model": model, "contrasts": contrasts, **fields}, out=out, workers=workers)
