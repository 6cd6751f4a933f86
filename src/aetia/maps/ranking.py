"""In which order does a map name the cells of a picture, and how much of the picture is taken away at each step?

Numpy alone. Letters: n cells, k of them.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aetia.errors import StudyError

__all__ = ["SHARES", "ladder", "random_orders", "ranked"]

Floats = npt.NDArray[np.float64]

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
"""Parts of the picture that are taken away, by default: the head of a map counts most."""


def ranked(values: Floats, random: np.random.Generator) -> tuple[int, ...]:
    """The cells of a map, largest value first; equal values come in random order, so that no corner is favoured.

    Raises:
        StudyError: AE-9607 if a value is not a finite number.
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(flat).all():
        found = f"{int((~np.isfinite(flat)).sum())} of the map's {flat.size} values are not finite numbers."
        raise StudyError("AE-9607", found, mend="leave that map out: it says nothing on this picture.")
    return tuple(int(cell) for cell in np.lexsort((random.random(flat.size), -flat)))


def random_orders(cells: int, draws: int, random: np.random.Generator) -> list[tuple[int, ...]]:
    """As many random orders of `cells` cells as `draws`: the maps that know nothing."""
    return [tuple(int(cell) for cell in random.permutation(cells)) for _ in range(draws)]


def ladder(cells: int, shares: Sequence[float]) -> tuple[int, ...]:
    """How many of n cells each share is, at least one and never all; on a small grid two shares may be as many."""
    return tuple(min(max(1, round(cells * share)), cells - 1) for share in shares)
