"""What would anybody name in a picture without a look into the model? Controls for maps, and decoys for verdicts.

Letters: R x C the grid of a picture's tokens.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it

from aetia.errors import StudyError
from aetia.maps.asked import Asked, Grid, answered, asked, with_picture
from aetia.maps.removal import fill_colour, occlusion, window
from aetia.models.prompts import Prompt

__all__ = ["CONTROLS", "centre", "contrast", "draw_decoy", "edges", "laid_on"]

_SHOWS = 2.0  # times the edges of the middle cell: a cell with as many shows more than ground
_TRIES = 3  # other questions, of which the first is taken that has another answer


def edges(asked: Asked) -> Grid:
    """How much the pixels of each cell differ among themselves: their standard deviation, mean of the channels."""
    return _of_cells(asked, lambda pixels: pixels.std(axis=0).mean())


def contrast(asked: Asked) -> Grid:
    """How far the pixels of each cell are from the colour that takes their place: how much is painted away."""
    colour = fill_colour(asked.seen, asked.fill).astype(np.float64)
    return _of_cells(asked, lambda pixels: np.abs(pixels - colour).mean())


def centre(asked: Asked) -> Grid:
    """How near each cell is to the middle of the picture."""
    rows, columns = asked.grid
    down, right = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    return -np.hypot(down - 0.5, right - 0.5)


CONTROLS: Mapping[str, Callable[[Asked], Grid]] = {"edges": edges, "contrast": contrast, "centre": centre}
"""Maps without a model, in the order of `CONTROL_NAMES`; with the maps of other items they are what a map must beat."""


def laid_on(grid: Grid, shape: tuple[int, int]) -> Grid:
    """A map of one picture on the grid of another."""
    if grid.shape == shape:
        return grid
    wide = F.interpolate(torch.from_numpy(grid)[None, None], shape, mode="bilinear", align_corners=False)
    return wide[0, 0].numpy()


def draw_decoy(question: Asked, name: str, others: Sequence[Prompt], random: np.random.Generator) -> Grid:
    """A map that must not be trusted, though it is exact about something, or knows where things are.

    `things`: the cells that show more than ground, in random order. `other-item`: the occlusion map of another item.
    `other-question`: that of another item's question about this picture, answered otherwise if possible.

    Args:
        question: The answer that is explained.
        name: One of `DECOY_NAMES`.
        others: The prompts of other items.
        random: Which of them is taken, and the order.

    Raises:
        StudyError: AE-9613 if there is no other item, or no other question.
    """
    if name == "things":
        found = edges(question)
        return (found > _SHOWS * np.median(found)) + random.random(found.shape)
    drawn = [others[place] for place in random.permutation(len(others))]
    if name == "other-question":
        about = [with_picture(question.network, one, question.seen) for one in drawn]
        drawn = list({tuple(one): one for one in about if one != question.prompt}.values())
    if not drawn:
        found = f"The decoy {name} needs another item, and other-question one with another question."
        raise StudyError("AE-9613", found, mend="give more items, or leave the decoy out.")
    if name == "other-item":
        return laid_on(occlusion(_asked_as(question, drawn[0])), question.grid)
    otherwise = (one for one in drawn[:_TRIES] if answered(question.network, one) != question.answer[0])
    return occlusion(_asked_as(question, next(otherwise, drawn[0])))


def _asked_as(question: Asked, prompt: Prompt) -> Asked:
    """What another prompt's own answer rests on, measured as `question` is."""
    return asked(question.network, prompt, outcome=question.quantity, seed=question.seed, fill=question.fill)


def _of_cells(asked: Asked, value: Callable[[Grid], np.floating]) -> Grid:
    """A number of the pixels `[P, 3]` of each cell; the least of all for one that lies outside of the picture."""
    found = np.full(len(asked.places), np.nan)
    for cell in range(found.size):
        pixels = asked.seen.pixels[window(asked, cell)].reshape(-1, 3).astype(np.float64)
        if len(pixels):
            found[cell] = value(pixels)
    return asked.on_grid(np.where(np.isnan(found), np.nanmin(found), found))
