"""Which items of a study depend on each other?

Items of one cluster do; an item without a cluster depends on no other. What is counted, split in halves, exchanged by a
null or resampled is the cluster.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Never

import pyarrow as pa

from aetia.errors import StudyError
from aetia.models.prompts import pictures_of
from aetia.text import clean_text

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.pictures import Picture

__all__ = ["check_clusters", "clusters_by_name", "clusters_of", "counted", "places_of", "with_clusters"]


def clusters_of(items: Sequence["AlignedContrast"]) -> list[list[int]]:
    """Return the places of the items of each cluster, in the order of its first; an item without one is alone."""
    found: dict[tuple[str, bool], list[int]] = {}
    for place, item in enumerate(items):
        found.setdefault(_label(item), []).append(place)
    return list(found.values())


def counted(items: Sequence["AlignedContrast"], count: int | None = None) -> str:
    """Return in words how many independent items there are, or `count` of them: "24 items", "12 clusters of items"."""
    number = len(clusters_of(items)) if count is None else count
    plural = "" if number == 1 else "s"
    return f"{number} cluster{plural} of items" if any(item.cluster for item in items) else f"{number} item{plural}"


def places_of(clusters: Sequence[Sequence[int]], numbers: Iterable[int]) -> tuple[int, ...]:
    """Return the places of the items of the clusters with these numbers, cluster by cluster."""
    return tuple(place for number in numbers for place in clusters[number])


def check_clusters(items: Sequence["AlignedContrast"]) -> None:
    """Refuse items that share a clean prompt or picture and no cluster: as independent ones they would count too often.

    Raises:
        StudyError: AE-1604.
    """
    known: dict[tuple[int, ...], AlignedContrast] = {}
    for item in items:
        first = known.setdefault(item.clean_ids, item)
        if first is item or (item.cluster and item.cluster == first.cluster):
            continue
        _refuse(first, item, "the same clean prompt")
    seen: dict[tuple[Picture, ...], AlignedContrast] = {}
    for item in items:
        if not (pictures := pictures_of(item.clean_ids)):
            continue
        first = seen.setdefault(pictures, item)
        if first is not item and not (item.cluster and item.cluster == first.cluster):
            _refuse(first, item, "the same picture")


def _refuse(first: "AlignedContrast", item: "AlignedContrast", shared: str) -> Never:
    names = " and ".join(clean_text(one.id, 40) for one in (first, item))
    found = f"The items {names} have {shared}, and no cluster that says that they are not independent."
    mend = "give both the same `cluster` in the contrasts, so that they count as one, or drop one of them."
    raise StudyError("AE-1604", found, mend=mend)


def clusters_by_name(items: Iterable["AlignedContrast"]) -> dict[str, str]:
    """Return the cluster of each item by the item's id; empty if all items are independent."""
    listed = list(items)
    if not any(item.cluster for item in listed):
        return {}
    return {item.id: _shown(item) for item in reversed(listed)}  # of two with one id, the first is the study's own


def with_clusters(values: pa.Table, clusters: Mapping[str, str]) -> pa.Table:
    """Return the values with a column `cluster`, as `summarise` reads it; as they are if there are no clusters."""
    if not clusters:
        return values
    names = [clusters[name] for name in values["item"].to_pylist()]
    return values.append_column("cluster", pa.array(names, pa.string()))


def _label(item: "AlignedContrast") -> tuple[str, bool]:
    return (item.cluster or item.id, bool(item.cluster))


def _shown(item: "AlignedContrast") -> str:
    """A name that no item's and no other cluster's can equal."""
    return f"cluster {item.cluster}" if item.cluster else f"item {item.id}"
