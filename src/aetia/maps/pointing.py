"""Which cells of a picture should a map point at? Those where the thing lies that is asked about, if it is there."""

from typing import TYPE_CHECKING

import numpy as np

from aetia.errors import StudyError
from aetia.maps.asked import Asked
from aetia.maps.removal import fill_colour, window
from aetia.maps.study import MapStudy
from aetia.models.groups import is_reserved
from aetia.models.prompts import pictures_of

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.pictures import Picture

__all__ = ["target_cells"]

_ABSENT = 0.25  # of the distance from the ground in the edited picture, and of the number of pixels that are changed


def target_cells(study: MapStudy, item: "AlignedContrast", question: Asked) -> tuple[int, ...]:
    """The cells of the region that a map should point at; none if the item has no regions, or the thing is not there.

    Where an edit puts a thing into an empty place, or moves it there, the region has that place too; in the clean
    picture it shows nothing, and nobody can be asked to point at it.

    Raises:
        StudyError: AE-9608 if the study names a region that the item lacks.
    """
    own = [name for name in item.groups if not is_reserved(name)]
    name = study.region or (own[0] if own else "")
    if not name:
        return ()
    if name not in item.groups:
        found = f"The item {item.id} has no region {name!r}."
        known = f"its regions: {', '.join(own) or 'none'}"
        raise StudyError("AE-9608", found, details=(known,), mend="name one of its regions, or none.")
    numbers = {place: cell for cell, place in enumerate(question.places)}
    cells = [numbers[place] for place in item.groups[name] if place in numbers]
    edited = pictures_of(item.corrupted_ids)
    if not edited or edited[0].pixels.shape != question.seen.pixels.shape:
        return tuple(cells)
    return tuple(cell for cell in cells if not _is_empty(question, edited[0], cell))


def _is_empty(question: Asked, edited: "Picture", cell: int) -> bool:
    """Whether a cell shows nothing but ground in the clean picture where the edited one shows something else."""
    part = window(question, cell)
    ground = fill_colour(question.seen, "median").astype(np.float64)
    before, after = (one.pixels[part].astype(np.float64) for one in (question.seen, edited))
    changed = (before != after).any(-1)
    if not changed.any():
        return False
    clean, other = (np.abs(one - ground).mean(-1) for one in (before, after))
    shown = clean > _ABSENT * other[changed].mean()
    return bool(shown.sum() < _ABSENT * changed.sum())
