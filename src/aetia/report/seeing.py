"""What did the model see? An item's pictures as a page may show them, and the grids of tokens over them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aetia.text import clean_text

__all__ = ["Frame", "Sight", "sight_of"]

_SHOWN = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/]+={0,2}")
_MOST_CELLS = 64 * 64
_NAME = 60
_WHOLE = re.compile(r"image|frame\d+")


@dataclass(frozen=True)
class Frame:
    """One picture of an item, or one frame of its clip.

    Args:
        clean: The picture that is asked about, as a data address.
        edited: The one with the cause changed; empty if it is the same.
        rows: Of the grid of tokens.
        columns: Of the grid of tokens.
        regions: The cells of each named part, row by row from 0.
    """

    clean: str
    edited: str
    rows: int
    columns: int
    regions: Mapping[str, tuple[int, ...]]

    @property
    def outline(self) -> tuple[int, ...]:
        """The cells of the first named part; none where all is background."""
        return next(iter(self.regions.values()), ()) if len(self.regions) > 1 else ()


@dataclass(frozen=True)
class Sight:
    """The pictures of one item.

    Args:
        id: The item's name.
        frames: In the order in which they are shown to the model; one or more.
        question: What is asked.
        answer: The answer to the clean pictures.
        foil: The answer to the edited ones.
    """

    id: str
    frames: tuple[Frame, ...]
    question: str
    answer: str
    foil: str

    @property
    def is_edited(self) -> bool:
        """Whether any picture is changed."""
        return any(frame.edited for frame in self.frames)


def sight_of(record: Mapping[str, object]) -> Sight | None:
    """The pictures of an item as a run has stored it; None if it has none, or one that may not be shown.

    What a file says is data: an address that is not a JPEG in base64 is not shown.
    """
    clean, edited, grids = (_listed(record.get(name)) for name in ("clean_pictures", "corrupted_pictures", "grids"))
    if not clean or not len(clean) == len(edited) == len(grids):
        return None
    frames = [_frame(*shown) for shown in zip(clean, edited, grids, _numbered(record, grids), strict=True)]
    whole = tuple(frame for frame in frames if frame is not None)
    if len(whole) < len(frames):
        return None
    return Sight(
        id=clean_text(str(record.get("id")), _NAME),
        frames=whole,
        question=clean_text(str(record.get("clean")), 200),
        answer=clean_text(str(record.get("answer")), _NAME),
        foil=clean_text(str(record.get("foil")), _NAME),
    )


def _frame(clean: object, edited: object, grid: object, regions: Mapping[str, tuple[int, ...]]) -> Frame | None:
    address = _address(clean)
    rows, columns = _sides(grid)
    if not address or not 0 < rows * columns <= _MOST_CELLS:
        return None
    return Frame(address, "" if _digest(clean) == _digest(edited) else _address(edited), rows, columns, regions)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _sides(grid: object) -> tuple[int, int]:
    """The rows and columns of a grid; 0 of what is none."""
    match grid:
        case [int() as rows, int() as columns]:
            return max(rows, 0), max(columns, 0)
    return 0, 0


def _digest(picture: object) -> object:
    """What tells the original from others: small edits of a large picture are not seen in its thumbnail."""
    return picture.get("digest") if isinstance(picture, Mapping) else None


def _address(picture: object) -> str:
    shown = picture.get("shown") if isinstance(picture, Mapping) else None
    return shown if isinstance(shown, str) and _SHOWN.fullmatch(shown) else ""


def _numbered(record: Mapping[str, object], grids: Sequence[object]) -> list[dict[str, tuple[int, ...]]]:
    """The parts of each picture as cells of its grid; those of the text are left out."""
    groups = record.get("groups")
    image = groups.get("image") if isinstance(groups, Mapping) else None
    if not isinstance(groups, Mapping) or not isinstance(image, list):
        return [{} for _ in grids]
    of_whole_pictures = groups.get("class")
    if isinstance(of_whole_pictures, list):
        image = [place for place in image if place not in of_whole_pictures]
    found = []
    start = 0
    for rows, columns in map(_sides, grids):
        number = {place: cell for cell, place in enumerate(image[start : start + rows * columns])}
        start += rows * columns
        parts = {
            clean_text(str(name), _NAME): tuple(number[place] for place in places if place in number)
            for name, places in groups.items()
            if isinstance(places, list) and not _WHOLE.fullmatch(str(name))
        }
        found.append({name: cells for name, cells in parts.items() if cells})
    return found
