"""The functions a person calls to ask how information flows; each gives a run."""

from pathlib import Path

from aetia.runs import JSON, Run
from aetia.studies.asking import ask

__all__ = ["flow", "mediate", "pathways"]


def flow(
    model: str = "smollm2-135m",
    contrasts: str | None = None,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    **fields: JSON,
) -> Run:
    """What does the answer lose when one group of positions may no longer read another?

    Args:
        model: A known model, a folder, or a repository of the hub.
        contrasts: A built-in set or a file of pairs; the clean prompts are run. Or give `pair={...}`, as for
            `aetia.trace`.
        out: The run's directory; by default `runs/` and a name from the study.
        workers: Processes; each loads the model once.
        fields: The further fields of `FlowStudy`: `edges`, `layers`, `window`, `read` ...

    Returns:
        The run. Its effects have, for each edge and layer, the change of the answer's probability and log-probability
        when the edge is cut, and the change relative to the plain probability in percent, pooled over items; for all
        items, and for those that the model gets right and wrong. `null` says what each was tested against, and the
        provenance's `not compared` which edges there was nothing for.

    Raises:
        StudyError: If the study cannot be asked as it stands.
        MissingError: If the model is not to be found.

    Example:
        >>> run = aetia.flow.flow("toy-llava", "scenes:shape", edges=["object->last"])  # doctest: +SKIP
        >>> run.effects().where(measure="probability", items="all")  # doctest: +SKIP

    Source: Kim et al. 2026, Map the Flow (arXiv 2510.13251), seed 108; Geva et al. 2023 (arXiv 2304.14767).
    What it does not show: attention that is cut is shared out among the other keys, so that an effect may be that of
    reading more of something else; and with a window of several layers, none of them is named.
    """
    return ask({"instrument": "flow", "model": model, "contrasts": contrasts, **fields}, out=out, workers=workers)


def pathways(
    model: str = "smollm2-135m",
    contrasts: str | None = None,
    *,
    out: str | Path | None = None,
    **fields: JSON,
) -> Run:
    """Which edges between groups of positions are enough for the answer, all others cut?

    Args:
        model: A known model, a folder, or a repository of the hub.
        contrasts: A built-in set or a file of pairs; the clean prompts are run.
        out: The run's directory; by default `runs/` and a name from the study.
        fields: The further fields of `PathwayStudy`: `keep`, `window`, `controls` ...

    Returns:
        The run. Its effects have the share of edges cut, the share of the answer's probability that is kept on items
        that did not help to find them, beside as many random reads cut, and each edge that stays. Their provenance
        has the verdict, `suffices`, and each of the three claims that it needs.

    Raises:
        StudyError: If the study cannot be asked as it stands.
        MissingError: If the model is not to be found.

    Example:
        >>> run = aetia.flow.pathways("toy-llava", "scenes:shape", items=60)  # doctest: +SKIP
        >>> run.effects().where(measure="kept")  # doctest: +SKIP

    Source: Kim et al. 2026, Map the Flow (arXiv 2510.13251), seed 108; the search and its controls are ours.
    """
    return ask({"instrument": "pathways", "model": model, "contrasts": contrasts, **fields}, out=out)


def mediate(
    model: str = "smollm2-135m",
    contrasts: str | None = None,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    **fields: JSON,
) -> Run:
    """How much of an edit's effect does the last position read directly, how much through others, what is prior?

    Args:
        model: A known model, a folder, or a repository of the hub.
        contrasts: A built-in set or a file of pairs that differ in the source; or give `pair={...}`.
        out: The run's directory; by default `runs/` and a name from the study.
        workers: Processes; each loads the model once.
        fields: The further fields of `MediationStudy`: `source`, `mediators`, `outcome` ...

    Returns:
        The run. Its effects have the total effect, that of every path, their interaction, and the outcome split into
        what a blank picture gives (prior) and what the picture adds (visual).

    Raises:
        StudyError: If the study cannot be asked as it stands.
        MissingError: If the model is not to be found.

    Example:
        >>> run = aetia.flow.mediate("toy-llava", "scenes:shape", mediators=["question"])  # doctest: +SKIP
        >>> run.effects().where(measure="effect")  # doctest: +SKIP

    Source: Pearl 2001, Direct and indirect effects; Li et al. 2026 (arXiv 2602.22766), seed 040, for the question.
    """
    return ask({"instrument": "mediation", "model": model, "contrasts": contrasts, **fields}, out=out, workers=workers)
