"""Which positions of a prompt belong together, and what does it mean to cut one group off from another?

An edge runs from the group that is read, the source, to the group that reads. Cutting it forbids every position of the
reader to attend to every position of the source, except that a position always keeps itself: no row of attention is
ever emptied.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

from aetia.errors import StudyError
from aetia.text import clean_text

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = [
    "BACKGROUND",
    "IMAGE",
    "LAST",
    "REST",
    "Cuts",
    "Edge",
    "Groups",
    "cuts_of",
    "default_edges",
    "groups_of",
    "joined",
    "partition_of",
    "positions_of",
]

IMAGE, QUESTION, BACKGROUND, LAST, REST = "image", "question", "background", "last", "rest"

Groups: TypeAlias = Mapping[str, tuple[int, ...]]
"""Named positions of a prompt, increasing; groups may overlap, and need not cover the prompt."""

Cuts: TypeAlias = Mapping[int, frozenset[int]]
"""By the position that reads, the positions that it may no longer read."""


@dataclass(frozen=True)
class Edge:
    """From the group that is read to the group that reads; a `*` in either name stands for any letters.

    With a `*`, all pairs of different groups that match are cut together: `frame*->frame*` cuts every frame off from
    every other and leaves each whole.
    """

    source: str
    reader: str

    @classmethod
    def parse(cls, text: str) -> "Edge":
        """The edge that `text` names.

        >>> Edge.parse("image->last")
        Edge(source='image', reader='last')

        Raises:
            StudyError: AE-9501 if it names none.
        """
        source, arrow, reader = (part.strip() for part in text.partition("->"))
        if not arrow or not source or not reader or "->" in reader:
            found = f"{clean_text(text, 60)!r} is no edge between two groups of positions."
            raise StudyError("AE-9501", found, mend="write it like image->last: what is read, then what reads.")
        return cls(source, reader)

    def __str__(self) -> str:
        return f"{self.source}->{self.reader}"

    def pairs(self, groups: Groups) -> list[tuple[str, str]]:
        """The pairs of groups that the edge stands for in a prompt."""
        is_many = "*" in self.source + self.reader
        found = [
            (source, reader)
            for source in groups
            if fnmatchcase(source, self.source)
            for reader in groups
            if fnmatchcase(reader, self.reader)
        ]
        return [pair for pair in found if pair[0] != pair[1]] if is_many else found


def groups_of(item: "AlignedContrast") -> dict[str, tuple[int, ...]]:
    """The named positions of an item: spans of its text, parts of its picture, what is left of the picture, the last.

    Where the picture has named parts and no group `background`, that is the image without them.
    """
    found = dict(item.named_positions)
    last = found.pop(LAST, (item.length - 1,))
    image = set(found.get(IMAGE, ()))
    parts = {place for name, places in found.items() if name != IMAGE and set(places) < image for place in places}
    if parts and BACKGROUND not in found and image - parts:
        found[BACKGROUND] = tuple(sorted(image - parts))
    return {**found, LAST: last}


def partition_of(item: "AlignedContrast") -> dict[str, tuple[int, ...]]:
    """Groups that share no position and cover the prompt, for cutting all but some edges.

    Where groups overlap, the smaller keeps its positions and the larger is what is left of it; a picture that is all
    background is the `image`. Positions of no group are the `rest`.
    """
    found: dict[str, tuple[int, ...]] = {}
    taken: set[int] = set()
    groups = groups_of(item)
    for name in sorted(groups, key=lambda one: (one != LAST, len(groups[one]), one == BACKGROUND, one)):
        left = tuple(place for place in groups[name] if place not in taken)
        if left:
            found[name] = left
            taken.update(left)
    rest = tuple(place for place in range(item.length) if place not in taken)
    whole = {**found, **({REST: rest} if rest else {})}
    return {name: whole[name] for name in sorted(whole, key=lambda one: whole[one][0])}


def default_edges(items: "Sequence[AlignedContrast]") -> tuple[Edge, ...]:
    """The edges that are asked about unless others are named.

    From every group to the question and to the last position; within the picture; and between the frames of a clip.
    Only groups that every item has count, once each if one is another's equal everywhere, as the background of a
    picture without named parts is the image; and only edges along which there is something to cut in every item.
    """
    groups = [groups_of(item) for item in items]
    shared = sorted(
        (name for name in groups[0] if all(name in one for one in groups)), key=lambda one: one == BACKGROUND
    )
    names = [
        name
        for place, name in enumerate(shared)
        if all(any(one[name] != one[other] for one in groups) for other in shared[:place])
    ]
    readers = [name for name in (QUESTION, LAST) if name in names]
    edges = [Edge(source, reader) for reader in readers for source in names]
    if IMAGE in names:
        edges.append(Edge(IMAGE, IMAGE))
    if sum(fnmatchcase(name, "frame*") for name in names) > 1:
        edges.append(Edge("frame*", "frame*"))
    return tuple(edge for edge in edges if all(_cut(edge, one) for one in groups))


def cuts_of(edge: Edge, item: "AlignedContrast") -> Cuts:
    """What an edge's readers may no longer read once it is cut; never themselves.

    Raises:
        StudyError: AE-9502 the item has no group of that name; AE-9503 nothing of the source comes before the reader.
    """
    groups = groups_of(item)
    pairs = edge.pairs(groups)
    if not pairs:
        known = [part for part in (edge.source, edge.reader) if not any(fnmatchcase(name, part) for name in groups)]
        raise StudyError(
            "AE-9502",
            f"The item {clean_text(item.id, 40)} has no group {(known or [str(edge)])[0]!r}.",
            details=(f"its groups: {', '.join(groups)}",),
            mend="name one of its groups, or give the contrasts a span or a region of that name.",
        )
    found = _cut(edge, groups)
    if not found:
        raise StudyError(
            "AE-9503",
            f"In the item {clean_text(item.id, 40)} no position of {edge.reader} can read one of {edge.source}.",
            mend="turn the edge around, or leave it out: attention looks back only.",
        )
    return found


def _cut(edge: Edge, groups: Groups) -> Cuts:
    return joined(positions_of(groups[source], groups[reader]) for source, reader in edge.pairs(groups))


def positions_of(source: Sequence[int], reader: Sequence[int]) -> Cuts:
    """What each reading position that comes after any of the source may no longer read: the source, but not itself."""
    return {row: keys for row in reader if (keys := frozenset(source) - {row}) and min(keys) < row}


def joined(cuts: Iterable[Cuts]) -> dict[int, frozenset[int]]:
    """All these cuts together."""
    found: dict[int, frozenset[int]] = {}
    for one in cuts:
        for row, keys in one.items():
            found[row] = found.get(row, frozenset()) | keys
    return found
