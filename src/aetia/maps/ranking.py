"""In which order does a map name the cells of a picture, and how much of the picture is taken away at each step?

Numpy alone. Letters: n cells, k of them.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aetia.errors import StudyError

__all__ = ["cells_of_mask", "ladder", "random_orders", "ranked"]

Floats = npt.NDArray[np.float64]


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
    """How many of n cells each share is, at least one and never all, each number once."""
    return tuple(dict.fromkeys(min(max(1, round(cells * share)), cells - 1) for share in shares))


def cells_of_mask(mask: npt.NDArray[np.bool_], grid: tuple[int, int], share: float = 0.5) -> tuple[int, ...]:
    """The cells of a grid that show what a mask covers: those with at least `share` as much of it as the fullest.

    Args:
        mask: `[H, W]`, true where the thing is.
        grid: Rows and columns.
        share: From 0 to 1; a cell that the thing's edge just touches is not asked to be pointed at.
    """
    rows, columns = grid
    height, width = mask.shape
    down = [height * row // rows for row in range(rows + 1)]
    right = [width * column // columns for column in range(columns + 1)]
    covered = np.array(
        [
            mask[down[row] : down[row + 1], right[column] : right[column + 1]].sum()
            for row in range(rows)
            for column in range(columns)
        ],
        dtype=np.float64,
    )
    return tuple(int(cell) for cell in np.flatnonzero((covered > 0) & (covered >= share * covered.max())))
