"""What did the model see? An item's pictures as a page may show them, and the grid of tokens over them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aetia.text import clean_text

__all__ = ["Sight", "sight_of"]

_SHOWN = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/]+={0,2}")
_MOST_CELLS = 64 * 64
_NAME = 60


@dataclass(frozen=True)
class Sight:
    """The pictures of one item.

    Args:
        id: The item's name.
        clean: The picture that is asked about, as a data address.
        edited: The one with the cause changed; empty if it is the same.
        rows: Of the grid of tokens.
        columns: Of the grid of tokens.
        regions: The cells of each named part, row by row from 0.
        question: What is asked.
        answer: The answer to the clean picture.
        foil: The answer to the edited one.
    """

    id: str
    clean: str
    edited: str
    rows: int
    columns: int
    regions: Mapping[str, tuple[int, ...]]
    question: str
    answer: str
    foil: str


def sight_of(record: Mapping[str, object]) -> Sight | None:
    """The pictures of an item as a run has stored it; None if it has none that may be shown.

    What a file says is data: an address that is not a JPEG in base64 is not shown.
    """
    clean, edited = (_address(record.get(f"{role}_picture")) for role in ("clean", "corrupted"))
    grid = record.get("grid")
    if not clean or not isinstance(grid, Sequence) or len(grid) != 2:
        return None
    rows, columns = (side if isinstance(side, int) else 0 for side in grid)
    if not 0 < rows * columns <= _MOST_CELLS:
        return None
    return Sight(
        id=clean_text(str(record.get("id")), _NAME),
        clean=clean,
        edited="" if _digest(record, "clean") == _digest(record, "corrupted") else edited,
        rows=rows,
        columns=columns,
        regions=_regions(record.get("groups"), rows * columns),
        question=clean_text(str(record.get("clean")), 200),
        answer=clean_text(str(record.get("answer")), _NAME),
        foil=clean_text(str(record.get("foil")), _NAME),
    )


def _digest(record: Mapping[str, object], role: str) -> object:
    """What tells the original from others: small edits of a large picture are not seen in its thumbnail."""
    picture = record.get(f"{role}_picture")
    return picture.get("digest") if isinstance(picture, Mapping) else None


def _address(picture: object) -> str:
    shown = picture.get("shown") if isinstance(picture, Mapping) else None
    return shown if isinstance(shown, str) and _SHOWN.fullmatch(shown) else ""


def _regions(groups: object, cells: int) -> dict[str, tuple[int, ...]]:
    """The parts of a picture as cells of its grid; those of the text are left out."""
    if not isinstance(groups, Mapping) or not isinstance(groups.get("image"), list):
        return {}
    number = {place: cell for cell, place in enumerate(groups["image"][:cells])}
    found = {
        clean_text(str(name), _NAME): tuple(number[place] for place in places if place in number)
        for name, places in groups.items()
        if isinstance(places, list) and name != "image"
    }
    return {name: placed for name, placed in found.items() if placed}
