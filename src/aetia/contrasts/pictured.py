"""Which pictures, and which parts of them, do the fields of a contrast name?"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aetia.contrasts.contrast import Contrast, quoted
from aetia.errors import ContrastError
from aetia.models.groups import placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from aetia.models.pictures import Picture

__all__ = ["REGIONS", "file_from", "file_names", "with_pictures"]

REGIONS = '{"dog": [10, 20, 60, 80]}'
"""How regions are written."""


def file_names(field: str, value: object) -> tuple[str, ...]:
    """The image files in a field: one as text, several as a list; none if the field is absent.

    Raises:
        ContrastError: AE-2106 if it holds anything else.
    """
    if value is None:
        return ()
    names = value if isinstance(value, list | tuple) else [value]
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ContrastError(
            "AE-2106",
            f"The field {field} names no image files.",
            mend=f'write {field} as the text "a.png", or for the frames of a clip as the list ["1.png", "2.png"].',
        )
    return tuple(str(name) for name in names)


def file_from(folder: Path, name: str) -> str:
    """The path of a file as it is named in a file of `folder`.

    An address on the web stays itself: a path would take one of its two slashes, and it would not be told as such. So
    does what starts at a home.
    """
    return name if "://" in name or name.startswith("~") else str(folder / name)


def with_pictures(contrast: Contrast, fields: Mapping[str, object], folder: Path) -> Contrast:
    """The contrast with the pictures and regions of the fields `picture`, `edited` and `regions`.

    Args:
        contrast: A contrast of text.
        fields: Image files, and boxes [left, top, right, bottom] in pixels by the region's name.
        folder: Where the files are, unless their paths are absolute.

    Raises:
        ContrastError: AE-2106 a field of another form, or a region that is no part of its picture.
        StudyError: AE-93xx a picture that cannot be read.
    """
    from aetia.models.picture_files import read_picture

    def read(field: str) -> "tuple[Picture, ...]":
        return tuple(read_picture(file_from(folder, name)) for name in file_names(field, fields.get(field)))

    pictures, edited = read("picture"), read("edited")
    boxes = fields.get("regions") or {}
    if not isinstance(boxes, Mapping):
        raise _no_region("regions", boxes, "the pictures")
    regions = {str(name): _mask(str(name), box, pictures) for name, box in boxes.items()}
    return replace(contrast, pictures=pictures, edited=edited, regions=regions)


def _mask(name: str, box: object, pictures: "Sequence[Picture]") -> "NDArray[np.bool_]":
    """True inside a box [left, top, right, bottom] of pixels, `[H, W]` of the picture that the name says."""
    import numpy as np

    number = placed(name)[1]
    if number >= len(pictures):
        raise _no_region(name, box, f"the {len(pictures)} that there are" if pictures else "any picture")
    picture = pictures[number]
    match box:
        case [int() as left, int() as top, int() as right, int() as bottom] if (
            0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height
        ):
            mask = np.zeros((picture.height, picture.width), bool)
            mask[top:bottom, left:right] = True
            return mask
    raise _no_region(name, box, f"the picture of {picture.width} x {picture.height} pixels")


def _no_region(name: str, box: object, whole: str) -> ContrastError:
    shown = list(box) if isinstance(box, list | tuple) else box
    return ContrastError(
        "AE-2106",
        f"The region {quoted(name)} is {quoted(str(shown), 40)}, which is no part of {whole}.",
        mend=f"write regions as {REGIONS}: left, top, right, bottom in pixels; dog@2 is in the second picture.",
    )
