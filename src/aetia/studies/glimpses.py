"""What does a report show of an item's pictures? Thumbnails, and the grids of tokens that lie over them."""

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

    Under `clean_pictures` and `corrupted_pictures` are, one a picture, its name, the digest of the original and a JPEG
    as a data address; under `grids` the rows and columns of each picture's tokens.
    """
    if not pictures_of(item.clean_ids):
        return {}
    prompts = {"clean_pictures": item.clean_ids, "corrupted_pictures": item.corrupted_ids}
    shown = {role: [_glimpse(picture) for picture in pictures_of(ids)] for role, ids in prompts.items()}
    return {**shown, "grids": [list(grid) for grid in item.grids]}


def _glimpse(picture: "Picture") -> JSON:
    return {"name": picture.name, "digest": picture.digest, "shown": thumbnail(picture)}


def thumbnail(picture: "Picture") -> str:
    """The picture as a JPEG of at most 160 pixels a side, in a data address."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture.pixels))
    image.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii")
