"""What does the answer lose without some cells of the picture? Exact runs, in two senses of "without".

`pixels`: the cells are painted over, and the whole model sees the picture so. This is what a reader of a map asks; but
a painted picture may be unlike any that the model was trained on.
`attention`: no other position may attend to the cells' tokens in any layer of the language model. No pixel is made up,
and the tower's work stands; but a token may hold what the tower brought it from elsewhere in the picture.

Letters: n image tokens, S sets of cells, T positions, D width, H heads.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor

from aetia.maps.asked import Asked, Grid
from aetia.models.attention import AttentionCall, handled_attention, weights_attention
from aetia.models.interventions import Intervention, Set
from aetia.models.pictures import Picture
from aetia.models.planner import Cell
from aetia.models.prompts import Prompt
from aetia.models.sites import Site
from aetia.models.wavefront import run_planned

__all__ = ["Fill", "Removal", "fill_colour", "occlusion", "painted", "patch_ablation", "without"]

Removal = Literal["pixels", "attention"]
Fill = Literal["median", "mean"]
Cells = frozenset[int]
"""Cells of the grid by their number, row by row."""

_ROWS = 2048  # of the residual that go through the decoder together
_PICTURES = 64  # that go through the tower together


def without(asked: Asked, sets: Iterable[Cells], removal: Removal, fill: Fill = "median") -> dict[Cells, float]:
    """The outcome without each set of cells; each different set is run once.

    Args:
        asked: The answer.
        sets: What is taken away together.
        removal: In which sense.
        fill: `pixels`: what is painted over a cell, see `fill_colour`.
    """
    unique = list(dict.fromkeys(sets))
    values = _painted_values(asked, unique, fill) if removal == "pixels" else _cut_values(asked, unique)
    return dict(zip(unique, values, strict=True))


def occlusion(asked: Asked, fill: Fill = "median") -> Grid:
    """How far the outcome falls when one cell is painted over, cell by cell.

    Source: Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, section 4.2.
    """
    count = len(asked.places)
    values = without(asked, [frozenset(), *(frozenset({cell}) for cell in range(count))], "pixels", fill)
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
    return asked.on_grid(asked.value - values)


def fill_colour(picture: Picture, fill: Fill) -> np.ndarray:
    """What a cell is painted over with, uint8 `[3]`: the median, or the mean, of each channel over the picture.

    The median is a colour that most pictures have much of: of things before a ground it is the ground's. A painted
    cell is then an empty place, and a picture of one colour stays as it is.
    """
    pixels = picture.pixels.reshape(-1, 3)
    return (np.median(pixels, axis=0) if fill == "median" else pixels.mean(0)).round().astype(np.uint8)


def painted(picture: Picture, cells: Iterable[int], grid: tuple[int, int], fill: Fill = "median") -> Picture:
    """The picture with some cells of its grid painted over in one colour."""
    colour, pixels = fill_colour(picture, fill), picture.pixels.copy()
    rows, columns = grid
    for cell in cells:
        row, column = divmod(cell, columns)
        down = slice(picture.height * row // rows, picture.height * (row + 1) // rows)
        right = slice(picture.width * column // columns, picture.width * (column + 1) // columns)
        pixels[down, right] = colour
    return Picture(pixels, picture.name)


@torch.inference_mode()
def _painted_values(asked: Asked, sets: Sequence[Cells], fill: Fill) -> list[float]:
    network, prompt = asked.network, asked.whole
    step = max(1, min(_PICTURES, _ROWS // len(prompt)))
    found: list[float] = []
    for start in range(0, len(sets), step):
        prompts = []
        for cells in sets[start : start + step]:
            pictures = list(prompt.pictures)
            pictures[asked.picture] = painted(asked.seen, cells, asked.grid, fill)
            prompts.append(Prompt(prompt, pictures, prompt.starts))
        pixels = asked.vision.preprocess([picture for one in prompts for picture in one.pictures])
        inputs = {name: _moved(value, asked) for name, value in pixels.items()}
        ids = torch.tensor([list(one) for one in prompts], device=network.device)
        keep = asked.outcome.positions
        logits = network.module(input_ids=ids, **inputs, logits_to_keep=keep, use_cache=False).logits
        found += asked.outcome.from_logits(logits).tolist()
    return found


def _moved(value: Tensor, asked: Asked) -> Tensor:
    value = value.to(asked.network.device)
    return value.to(asked.network.dtype) if value.is_floating_point() else value


@torch.inference_mode()
def _cut_values(asked: Asked, sets: Sequence[Cells]) -> list[float]:
    """The decoder's blocks once more for a batch of sets, from the recorded residual, its attention masked."""
    network, run = asked.network, asked.run
    step = max(1, _ROWS // run.length)
    found: list[float] = []
    for start in range(0, len(sets), step):
        part = sets[start : start + step]
        removed = torch.zeros(len(part), run.length, dtype=torch.bool, device=network.device)
        for row, cells in enumerate(part):
            removed[row, [asked.places[cell] for cell in cells]] = True
        # A removed token still reads itself, so that its own row is no division by zero; nobody reads that row.
        itself = torch.eye(run.length, dtype=torch.bool, device=network.device)
        cut = (removed[:, None, :] & ~itself)[:, None]  # (S, 1, T, T)
        hidden = run.resid_pre[0].expand(len(part), -1, -1)
        with handled_attention(network.config, _cutting(cut)):
            for block, arguments in zip(network.blocks, run.arguments, strict=True):
                out = cast("Callable[..., Tensor | tuple[Tensor, ...]]", block)(hidden, **arguments)
                hidden = out[0] if isinstance(out, tuple) else out
        found += asked.outcome.read(network, hidden[:, -asked.outcome.positions :]).tolist()
    return found


def _cutting(cut: Tensor) -> Callable[[AttentionCall], tuple[Tensor, Tensor | None]]:
    def attend(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        mask = call.mask
        if mask is None:
            return weights_attention(call, cut)
        rows = mask.expand(len(cut), -1, -1, -1)
        return weights_attention(AttentionCall(call.module, call.query, call.key, call.value, rows, call.options), cut)

    return attend
