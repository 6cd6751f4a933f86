"""A study's contrasts as tokens of its model."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from aetia.contrasts import Alignment, Contrast, align, align_one, contrasts_named
from aetia.errors import StudyError
from aetia.tracing.study import TraceStudy

if TYPE_CHECKING:
    from aetia.models.network import Network

__all__ = ["aligned"]


def aligned(study: TraceStudy, network: "Network") -> Alignment:
    """The study's items: the first `study.items` of its contrasts that the model's tokenizer lets one compare.

    Raises:
        ContrastError: If none can be compared; what is wrong with the first one.
        StudyError: If the network has no tokenizer.
    """
    if network.tokenizer is None:
        raise StudyError("AE-1202", "This network has no tokenizer.", mend="load it by name, or give token ids.")
    # Positions of different items are averaged only where every item has them.
    same_length = study.positions in ("auto", "each") or study.method in ("mean", "resample")
    found = align(
        _contrasts(study, network),
        network.tokenizer,
        continuation=study.continuation,
        same_length=same_length,
        chat=study.chat,
    )
    return Alignment(found.items[: study.items], found.dropped)
