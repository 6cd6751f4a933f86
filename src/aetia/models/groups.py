"""Which positions of a prompt are its picture, an object in it, the question?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aetia.models.prompts import Prompt

if TYPE_CHECKING:
    from aetia.models.vision import Vision

__all__ = ["coverage", "token_groups"]

_HALF = 0.5


def token_groups(
    vision: "Vision", prompt: Prompt, regions: Mapping[str, NDArray[np.bool_]]
) -> dict[str, tuple[int, ...]]:
    """The positions of a prompt's first picture, of regions in it, and of the text around it.

    Args:
        vision: The part of the model that sees.
        prompt: With one picture or more.
        regions: By name, true where a pixel of the first picture belongs to it, `[H, W]`.

    Returns:
        `image`: all positions of the picture; each region: the tokens at least half of whose cell it covers, or the one
        that it covers most; `background`: the picture's tokens of no region; `before`: the text before the picture;
        `question`: the text after it, but for `last`. What is empty is left out.
    """
    start = prompt.starts[0]
    rows, columns = vision.grid(prompt.pictures[0])
    image = [position for position in range(start, len(prompt)) if prompt[position] == vision.image_token]
    image = image[: rows * columns]
    groups = {"image": tuple(image)}
    taken: set[int] = set()
    for name, mask in regions.items():
        shares = coverage(mask, rows, columns).ravel()
        cells = np.flatnonzero(shares >= min(_HALF, shares.max())) if mask.any() else []
        groups[name] = tuple(image[cell] for cell in cells)
        taken |= set(groups[name])
    groups["background"] = tuple(position for position in image if position not in taken) if regions else ()
    groups["before"] = tuple(range(start))
    groups["question"] = tuple(position for position in range(image[-1] + 1, len(prompt) - 1))
    groups["last"] = (len(prompt) - 1,)
    return {name: positions for name, positions in groups.items() if positions}


def coverage(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.float64]:
    """How much of each cell of a grid `[rows, columns]` over a picture a mask `[H, W]` covers, 0 to 1."""
    height, width = mask.shape
    # A pixel on the border of two cells belongs to both, by its share: sums up to a fractional row and column.
    total = np.zeros((height + 1, width + 1))
    total[1:, 1:] = mask.cumsum(0).cumsum(1)
    ys, xs = (np.linspace(0, size, count + 1) for size, count in ((height, rows), (width, columns)))
    along = np.stack([np.interp(ys, np.arange(height + 1), column) for column in total.T], axis=1)
    summed = np.stack([np.interp(xs, np.arange(width + 1), row) for row in along])
    return np.diff(np.diff(summed, axis=0), axis=1) * (rows * columns) / (height * width)
