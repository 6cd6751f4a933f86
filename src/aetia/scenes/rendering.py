"""Which pixels does a scene have, and which of them show which thing? S pixels a side.

The noise is a field of the whole picture that the seed alone decides, so that two scenes of one seed have equal bytes
wherever they show the same thing.
"""

import math
from functools import cache
from statistics import NormalDist

import numpy as np

from aetia.scenes.font import written
from aetia.scenes.scene import Scene, Thing
from aetia.scenes.words import PAINTS

__all__ = ["footprints", "masks", "render"]

_GROUND = 25
_DARK = 12
_LIGHT = 240
_TEXTURE = 0.4  # what the dark parts of a texture keep of the paint


def render(scene: Scene) -> np.ndarray:
    """The picture, uint8 [S, S, 3]: equal scenes have equal bytes.

    Things have hard edges; each channel of each pixel has noise of its own.
    """
    settings = scene.settings
    canvas = np.full((settings.size, settings.size, 3), _GROUND, np.int16)
    for thing in scene.things:
        window, shape, paint = _painted(thing, settings.size, settings.cell)
        np.copyto(canvas[window], paint, where=shape[:, :, None])
    if settings.noise:
        canvas += _noise(scene.seed, settings.size, settings.noise)
    return np.clip(canvas, 0, 255, out=canvas).astype(np.uint8)


def masks(scene: Scene) -> np.ndarray:
    """What is seen of each thing, bool [things, S, S]: no pixel belongs to two."""
    settings = scene.settings
    owner = np.full((settings.size, settings.size), -1, np.int16)
    for index, thing in enumerate(scene.things):
        window, shape, _ = _painted(thing, settings.size, settings.cell)
        owner[window][shape] = index
    return owner[None] == np.arange(len(scene.things), dtype=np.int16)[:, None, None]


def footprints(scene: Scene) -> np.ndarray:
    """Where each thing lies, bool [things, S, S], whatever covers it."""
    settings = scene.settings
    found = np.zeros((len(scene.things), settings.size, settings.size), bool)
    for index, thing in enumerate(scene.things):
        window, shape, _ = _painted(thing, settings.size, settings.cell)
        found[index][window] = shape
    return found


def _painted(thing: Thing, size: int, cell: int) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
    """The window that a thing lies in, which of its pixels [h, w] it covers, and their paint [h, w or 1, 3]."""
    centre = [place * cell - 0.5 for place in thing.centre]  # pixel 0 has its middle at 0
    radius = thing.radius * cell
    corners = [(math.ceil(middle - radius), math.floor(middle + radius) + 1) for middle in centre]
    plate = _plate(thing, cell, corners) if thing.label else None
    if plate is not None:
        corners = [
            (min(edges[0], start), max(edges[1], stop)) for edges, (start, stop) in zip(corners, plate, strict=True)
        ]
    rows, columns = (slice(max(0, start), max(0, min(size, stop))) for start, stop in corners)
    down = np.arange(rows.start, rows.stop)[:, None] - centre[0]
    right = np.arange(columns.start, columns.stop)[None, :] - centre[1]
    shape = _shape(thing.shape, radius, down, right)
    levels = np.add(PAINTS[thing.colour], thing.shade)
    paint = np.rint(levels).astype(np.int16)[None, None]
    if thing.texture != "plain":
        dark = _texture(thing.texture, cell, down, right)
        paint = np.where(dark[:, :, None], np.rint(levels * _TEXTURE).astype(np.int16), paint)
    if plate is not None:
        paint = np.broadcast_to(paint, (*shape.shape, 3)).copy()
        _write(thing.label, cell, (shape, paint), [plate[0][0] - rows.start, plate[1][0] - columns.start])
    return (rows, columns), shape, paint


def _plate(thing: Thing, cell: int, corners: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The rows and columns of the plate that bears the label: at the lower right of the thing, inside its cell."""
    places = []
    for length, place, (_, stop) in zip(
        written(thing.label, cell).shape, (thing.row, thing.column), corners, strict=True
    ):
        end = min(stop + length // 2, (place + 1) * cell)
        start = max(end - length, place * cell)
        places.append((start, start + length))
    return places


def _write(label: str, cell: int, painted: tuple[np.ndarray, np.ndarray], start: list[int]) -> None:
    """Lay a dark plate with light letters over a thing, from a row and column of its window on; edges cut it off."""
    shape, paint = painted
    text = written(label, cell)
    cut = [max(0, -place) for place in start]
    row, column = (max(0, place) for place in start)
    text = text[cut[0] : cut[0] + shape.shape[0] - row, cut[1] : cut[1] + shape.shape[1] - column]
    window = slice(row, row + text.shape[0]), slice(column, column + text.shape[1])
    shape[window] = True
    paint[window] = np.where(text, _LIGHT, _DARK)[:, :, None]


def _shape(shape: str, radius: float, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Which pixels lie in a shape, given how far each row [h, 1] and column [1, w] is from its centre."""
    if shape == "circle":
        return down * down + right * right <= radius * radius
    across, along = np.abs(right), np.abs(down)
    if shape == "square":
        return (along <= radius * 0.86) & (across <= radius * 0.86)
    if shape == "triangle":
        return (down <= radius * 0.8) & (across <= (down + radius) * 0.55)
    return ((along <= radius * 0.34) & (across <= radius)) | ((across <= radius * 0.34) & (along <= radius))


def _texture(texture: str, cell: int, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Which pixels are dark [h, w]: stripes and dots, about five to a cell."""
    period = max(3.0, cell / 5)
    if texture == "striped":
        return np.broadcast_to(down % period < period / 2.5, (down.shape[0], right.shape[1]))
    return ((down + period / 2) % period < period / 2) & ((right + period / 2) % period < period / 2)


def _noise(seed: int, size: int, deviation: float) -> np.ndarray:
    """Normal noise [S, S, 3] in whole levels: a byte of a fast generator chooses one of 256 quantiles."""
    chosen = np.frombuffer(np.random.SFC64(seed).random_raw(-(-size * size * 3 // 8)).tobytes(), np.uint8)
    return _levels(deviation)[chosen[: size * size * 3]].reshape(size, size, 3)


@cache
def _levels(deviation: float) -> np.ndarray:
    normal = NormalDist()
    return np.rint([deviation * normal.inv_cdf((level + 0.5) / 256) for level in range(256)]).astype(np.int16)
