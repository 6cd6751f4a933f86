"""What does a report show of an item's pictures? Thumbnails, and the grid of tokens that lies over them."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from aetia.models.prompts import pictures_of
from aetia.runs.keys import JSON

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.pictures import Picture

__all__ = ["glimpses", "thumbnail"]

_MOST_PIXELS = 160  # of the longer side; a report of 60 pairs stays below 1 MB


def glimpses(item: "AlignedContrast") -> dict[str, JSON]:
    """The item's pictures as they are stored with a run: nothing for an item of text alone.

    Under `clean_picture` and `corrupted_picture` are the name, the digest of the original and a JPEG as a data address;
    under `grid` the rows and columns of the picture's tokens.
    """
    found: dict[str, JSON] = {}
    for role, ids in (("clean", item.clean_ids), ("corrupted", item.corrupted_ids)):
        for picture in pictures_of(ids)[:1]:
            found[f"{role}_picture"] = {"name": picture.name, "digest": picture.digest, "shown": thumbnail(picture)}
    if item.grid is not None:
        found["grid"] = list(item.grid)
    return found


def thumbnail(picture: "Picture") -> str:
    """The picture as a JPEG of at most 160 pixels a side, in a data address."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture.pixels))
    image.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii")
