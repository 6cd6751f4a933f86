"""A study's contrasts as tokens of its model, checked to be comparable in the way the study asks."""

from typing import TYPE_CHECKING

from aetia.contrasts import Alignment, study_contrasts
from aetia.errors import StudyError
from aetia.models.sites import HEAD_COMPONENTS
from aetia.tracing.requirements import check_requirements
from aetia.tracing.study import TraceStudy

if TYPE_CHECKING:
    from aetia.models.network import Network

__all__ = ["aligned"]


def aligned(study: TraceStudy, network: "Network") -> Alignment:
    """The study's items.

    Raises:
        ContrastError: If there are none that the model's tokenizer lets one compare.
        AetiaError: What `check_requirements` finds.
        StudyError: AE-1234 if single positions are asked for and the items differ in length.
    """
    found = study_contrasts(
        study.contrasts,
        None if study.pair is None else study.pair.model_dump(),
        network.tokenizer,
        items=study.items,
        seed=study.seed,
        chat=study.chat,
        continuation=study.continuation,
    )
    lengths = {item.length for item in found.items}
    if len(lengths) > 1 and _is_by_position(study):
        raise StudyError(
            "AE-1234",
            f"The items have {len(lengths)} different lengths, so that position 5 of one is not position 5 of another.",
            mend="use --positions spans, joint or last, or contrasts of one length.",
        )
    check_requirements(study, network, found.items)
    return found


def _is_by_position(study: TraceStudy) -> bool:
    if study.method == "knockout":
        return study.positions != "spans"
    is_single = study.positions == "auto" and any(name not in HEAD_COMPONENTS for name in study.sites)
    return study.method != "path" and (is_single or study.positions == "each")
