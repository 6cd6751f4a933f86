"""What does the answer lose without some cells of the picture? Exact runs, in two senses of "without".

`pixels`: the cells are painted over, and the whole model sees the picture so. This is what a reader of a map asks; but
a painted picture may be unlike any that the model was trained on.
`attention`: no other position may attend to the cells' tokens in any layer of the language model. No pixel is made up,
and the tower's work stands; but a token may hold what the tower brought it from elsewhere in the picture.

Letters: n image tokens, S sets of cells, T positions, D width, H heads.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from aetia.maps.asked import Asked, Grid
from aetia.maps.names import Fill, Removal
from aetia.models.attention import handled_attention, weights_attention
from aetia.models.interventions import Intervention, Set
from aetia.models.pictures import Picture
from aetia.models.planner import Cell
from aetia.models.prompts import Prompt
from aetia.models.recording import wide
from aetia.models.sites import Site
from aetia.models.wavefront import run_planned

__all__ = ["Cells", "fill_colour", "occlusion", "painted", "patch_ablation", "window", "without"]

Cells = frozenset[int]
"""Cells of the grid by their number, row by row."""

_ROWS = 2048  # of the residual that go through the decoder together
_PICTURES = 64  # that go through the tower together


def without(asked: Asked, sets: Iterable[Cells], removal: Removal) -> dict[Cells, float]:
    """The outcome without each set of cells; each different set is run once.

    Args:
        asked: The answer.
        sets: What is taken away together.
        removal: In which sense.
    """
    unique = list(dict.fromkeys(sets))
    values = _painted_values(asked, unique) if removal == "pixels" else _cut_values(asked, unique)
    return dict(zip(unique, values, strict=True))


def occlusion(asked: Asked) -> Grid:
    """How far the outcome falls when one cell is painted over, cell by cell.

    Source: Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, section 4.2.
    """
    count = len(asked.places)
    values = without(asked, [frozenset(), *(frozenset({cell}) for cell in range(count))], "pixels")
    return asked.on_grid(np.array([values[frozenset()] - values[frozenset({cell})] for cell in range(count)]))


def patch_ablation(asked: Asked) -> Grid:
    """How far the outcome falls when one image token, as the language model is given it, is the mean of all of them.

    Exact: each is a run of the language model; what the tower has brought into other tokens stays there.
    """
    rows = list(asked.places)
    tokens = asked.run.resid_pre[0]
    mean = tokens[rows].mean(0)
    cells = [Cell((Intervention(Site("resid_pre", 0, position=place), Set(mean)),)) for place in rows]
    values = run_planned(asked.network, [asked.run], cells, [asked.outcome]).values
    return asked.on_grid(asked.value - asked.told(torch.as_tensor(values)).numpy())


def fill_colour(picture: Picture, fill: Fill) -> np.ndarray:
    """What a cell is painted over with, uint8 `[3]`: the median, or the mean, of each channel over the picture.

    The median is a colour that most pictures have much of: of things before a ground it is the ground's. A painted
    cell is then an empty place, and a picture of one colour stays as it is.
    """
    pixels = picture.pixels.reshape(-1, 3)
    return (np.median(pixels, axis=0) if fill == "median" else pixels.mean(0)).round().astype(np.uint8)


def painted(asked: Asked, cells: Iterable[int]) -> Picture:
    """The picture that is looked at, with some cells of its grid painted over in one colour."""
    colour, pixels = fill_colour(asked.seen, asked.fill), asked.seen.pixels.copy()
    for cell in cells:
        pixels[window(asked, cell)] = colour
    return Picture(pixels, asked.seen.name)


def window(asked: Asked, cell: int) -> tuple[slice, slice]:
    """The pixels of a cell: of what the model is shown of the picture, which may be its centre alone."""
    (rows, columns), (row, column) = asked.grid, divmod(cell, asked.grid[1])
    top, left, height, width = asked.vision.seen(asked.seen)
    down = [max(0, round(top + height * edge / rows)) for edge in (row, row + 1)]
    right = [max(0, round(left + width * edge / columns)) for edge in (column, column + 1)]
    return slice(*down), slice(*right)


@torch.inference_mode()
def _painted_values(asked: Asked, sets: Sequence[Cells]) -> list[float]:
    network, keep = asked.network, asked.outcome.positions
    step = max(1, min(_PICTURES, _ROWS // len(asked.whole)))
    inputs_of = _painter(asked)
    found: list[float] = []
    for start in range(0, len(sets), step):
        logits = network.module(**inputs_of(sets[start : start + step]), logits_to_keep=keep, use_cache=False).logits
        found += asked.told(asked.outcome.from_logits(logits)).tolist()
    return found


def _painter(asked: Asked) -> Callable[[Sequence[Cells]], dict[str, Tensor]]:
    """What makes the module's arguments for the prompt, some cells of the picture that is looked at painted over."""
    network, prompt, picture = asked.network, asked.whole, asked.seen

    def each(sets: Sequence[Cells]) -> dict[str, Tensor]:
        prompts = []
        for cells in sets:
            pictures = list(prompt.pictures)
            pictures[asked.picture] = painted(asked, cells)
            prompts.append(Prompt(prompt, pictures, prompt.starts))
        return network.inputs(prompts)

    plain = network.inputs([prompt])
    if set(plain) != {"input_ids", "pixel_values"}:
        return each
    ids, pixels = plain["input_ids"], plain["pixel_values"]
    is_whole = asked.vision.seen(picture) == (0, 0, picture.height, picture.width)
    if pixels.shape != (1, 3, picture.height, picture.width) or not is_whole:
        return each  # a picture may be resized and cropped back to its own size
    # Where the processor resizes nothing it treats each pixel by itself, and one prepared picture can be painted on.
    colour = np.broadcast_to(fill_colour(picture, asked.fill), picture.pixels.shape)
    ground = network.inputs([Prompt(prompt, [Picture(colour.copy())], prompt.starts)])["pixel_values"][0]

    windows = [(slice(None), *window(asked, cell)) for cell in range(len(asked.places))]

    def together(sets: Sequence[Cells]) -> dict[str, Tensor]:
        shown = pixels.repeat(len(sets), 1, 1, 1)
        for row, cells in zip(shown, sets, strict=True):
            for cell in cells:
                row[windows[cell]] = ground[windows[cell]]
        return {"input_ids": ids.expand(len(sets), -1), "pixel_values": shown}

    return together


@torch.inference_mode()
def _cut_values(asked: Asked, sets: Sequence[Cells]) -> list[float]:
    step = max(1, _ROWS // asked.run.length)
    parts = [sets[start : start + step] for start in range(0, len(sets), step)]
    return [value for part in parts for value in _cut_together(asked, part)]


def _cut_together(asked: Asked, sets: Sequence[Cells]) -> list[float]:
    """The decoder's blocks once more, from the recorded residual, their attention masked for each set."""
    network, run = asked.network, asked.run
    removed = torch.zeros(len(sets), run.length, dtype=torch.bool, device=network.device)
    for row, cells in enumerate(sets):
        removed[row, [asked.places[cell] for cell in cells]] = True
    # A removed token still reads itself, so that its own row is no division by zero; nobody reads that row.
    itself = torch.eye(run.length, dtype=torch.bool, device=network.device)
    cut = (removed[:, None, :] & ~itself)[:, None]  # (S, 1, T, T)
    hidden = run.resid_pre[0].expand(len(sets), -1, -1)
    with handled_attention(network.config, lambda call: weights_attention(call, cut)):
        for layer, (block, arguments) in enumerate(zip(network.blocks, run.arguments, strict=True)):
            out = cast("Callable[..., Tensor | tuple[Tensor, ...]]", block)(hidden, **arguments)
            hidden = out[0] if isinstance(out, tuple) else out
            added = run.added_after(layer)
            hidden = hidden if added is None else (wide(hidden) + added).to(hidden.dtype)
    return asked.told(asked.outcome.read(network, hidden[:, -asked.outcome.positions :])).tolist()
