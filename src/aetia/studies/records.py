"""What of a study's item decides its values, and what of it is written down to be shown?"""

from typing import TYPE_CHECKING

from aetia.models.prompts import pictures_of
from aetia.runs.keys import JSON
from aetia.studies.glimpses import glimpses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aetia.contrasts import AlignedContrast

__all__ = ["content_of", "record_of"]


def content_of(item: "AlignedContrast") -> JSON:
    """All of an item that its values depend on."""
    spans: Mapping[str, JSON] = {name: list(span) for name, span in item.spans.items()}
    prompts: list[JSON] = [list(ids) for ids in (item.clean_ids, item.corrupted_ids, *item.placebo_ids)]
    cluster: list[JSON] = [{"cluster": item.cluster}] if item.cluster else []
    pictures = [picture.digest for ids in (item.clean_ids, item.corrupted_ids) for picture in pictures_of(ids)]
    seen: list[JSON] = [{"pictures": pictures, "groups": _groups(item)}] if pictures else []
    return [item.id, list(item.answer_ids), list(item.foil_ids), spans, *cluster, *seen, *prompts]


def _groups(item: "AlignedContrast") -> dict[str, JSON]:
    return {name: list(positions) for name, positions in item.groups.items()}


def record_of(item: "AlignedContrast") -> dict[str, JSON]:
    """The item as a run's folder and its report have it."""
    return {
        "id": item.id,
        "clean": item.clean,
        "corrupted": item.corrupted,
        "answer": item.answer,
        "foil": item.foil,
        "clean_tokens": list(item.clean_tokens),
        "corrupted_tokens": list(item.corrupted_tokens),
        "spans": {name: list(span) for name, span in item.spans.items()},
        **({"cluster": item.cluster} if item.cluster else {}),
        **({"groups": _groups(item)} if item.groups else {}),
        **glimpses(item),
    }
