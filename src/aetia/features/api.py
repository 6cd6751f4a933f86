"""The functions a person calls to ask about features of a site; each gives a run."""

from pathlib import Path

from aetia.runs import JSON, Run
from aetia.studies.asking import ask

__all__ = ["align", "patch_subspace"]


def patch_subspace(
    model: str = "smollm2-135m",
    contrasts: str | None = None,
    *,
    site: str,
    out: str | Path | None = None,
    **fields: JSON,
) -> Run:
    """Does a direction at `site` carry what flips the answers of `contrasts`, and not through a dormant pathway?

    Args:
        model: A known model, a folder, or a repository of the hub.
        contrasts: A built-in set or a file of pairs; or give `pair={...}`, as for `aetia.trace`.
        site: One variable at one position, such as `L8.mlp_post@-1`.
        out: The run's directory; by default `runs/` and a name from the study.
        fields: The further fields of `SubspaceStudy`: `method`, `file`, `rank`, `receivers` ...

    Returns:
        The run. Its effects have the full component, the subspace, its read and its unread half and random subspaces
        side by side; their provenance has the verdict (`finding`, `reasons`).

    Raises:
        StudyError: If the study cannot be asked as it stands.
        MissingError: If the model is not to be found.

    Example:
        >>> run = aetia.patch_subspace("smollm2-135m", "capitals", site="L20.mlp_post@-1")  # doctest: +SKIP
        >>> run.effects().provenance["finding"]  # doctest: +SKIP

    Source: Makelov, Lange and Nanda 2024 (arXiv 2311.17030), seed 098.
    """
    return ask({"instrument": "subspace", "model": model, "contrasts": contrasts, "site": site, **fields}, out=out)


def align(
    model: str = "smollm2-135m",
    contrasts: str | None = None,
    *,
    site: str,
    out: str | Path | None = None,
    **fields: JSON,
) -> Run:
    """How often does interchanging a learned variable at `site` flip the answer, beyond what random weights allow?

    Args:
        model: A known model, a folder, or a repository of the hub.
        contrasts: A built-in set or a file of pairs; or give `pair={...}`, as for `aetia.trace`.
        site: One variable at one position, such as `L12.resid_post@-1`.
        out: The run's directory; by default `runs/` and a name from the study.
        fields: The further fields of `AlignmentStudy`: `maps`, `dimensions`, `steps`, `twins` ...

    Returns:
        The run. Its effects have interchange accuracy by class of maps on the real and on the randomised network, and
        their difference; `excess`, the real network's accuracy above a half, is what is tested: with an estimate above
        0 and q at most 5% it is the finding that the variable is read there.

    Raises:
        StudyError: If the study cannot be asked as it stands.
        MissingError: If the model is not to be found.

    Example:
        >>> run = aetia.align("smollm2-135m", "capitals", site="L20.resid_post@-1")  # doctest: +SKIP
        >>> run.effects().where(measure="excess")  # doctest: +SKIP

    Source: Sutter et al. 2025, The Non-Linear Representation Dilemma (arXiv 2507.08802), seed 081.
    """
    return ask({"instrument": "alignment", "model": model, "contrasts": contrasts, "site": site, **fields}, out=out)
