"""Which positions of a prompt are the picture, a frame of a clip, the object in it, the question?

Letters: H rows and W columns of pixels, R rows and C columns of image tokens.
"""

import re
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label as connected_parts

from aetia.errors import StudyError
from aetia.models.prompts import Prompt
from aetia.text import clean_text

if TYPE_CHECKING:
    from aetia.models.vision import Vision

__all__ = ["coverage", "is_reserved", "placed", "token_groups"]

_RESERVED = re.compile(r"image|class|background|question|before|last|frame\d+")
_PLACED = re.compile(r"(?P<name>[^@]+)(?:@(?P<number>[1-9]\d*))?")

Mask = NDArray[np.bool_]


def is_reserved(name: str) -> bool:
    """Whether a name belongs to a group that prompts with pictures have without any region."""
    return _RESERVED.fullmatch(name) is not None


def placed(region: str) -> tuple[str, int]:
    """The group that a region belongs to, and the number of its picture from 0: `ball@2` is in the second picture.

    Raises:
        StudyError: AE-9312 if it says neither.
    """
    match = _PLACED.fullmatch(region)
    if match is None:
        raise _no_region(region, "it names no picture", "write ball, or ball@2 for a part of the second picture.")
    return match["name"], int(match["number"] or 1) - 1


def token_groups(vision: "Vision | None", prompt: Prompt, regions: Mapping[str, Mask]) -> dict[str, tuple[int, ...]]:
    """The positions of `prompt` by name: those of its pictures, of each region in them, and those of the text.

    `image` are all image tokens of all pictures; where there are several, `frame1` are those of the first, and so on.
    Each connected part of a region has the tokens of the cell that it covers most, and of those that it covers at least
    half as much; regions may share tokens, and one that is in several pictures is one group. `background` are the image
    tokens of no region. Where a model keeps a token of the whole picture before those of its cells (`Vision.prefix`),
    that is `class`, and no background. `before` is the text before the last image token, what models put between and
    around pictures included; `question` is the text after it, up to `last`, the last position. Groups without a
    position are left out.

    Args:
        vision: The part of a network that sees; None of a network that does not.
        prompt: Token ids with pictures.
        regions: True where a region is, `[H, W]` of its picture, by its name: `ball` lies in the first picture,
            `ball@2` in the second.

    Raises:
        StudyError: AE-9311 if the prompt has no picture, or not the one that a region lies in; AE-9312 if a region is
            no mask of it, lies outside what the model is shown, or has a name of another group.
    """
    if vision is None or not prompt.pictures:
        raise _no_picture(prompt, 1)
    sizes = [vision.positions(one) for one in prompt.pictures]
    frames = [tuple(range(start, start + size)) for start, size in zip(prompt.starts, sizes, strict=True)]
    image = list(chain.from_iterable(frames))
    text = sorted(set(range(len(prompt))) - set(image))
    parts: dict[str, set[int]] = {}
    for region, mask in regions.items():
        name, number = placed(region)
        if number >= len(frames):
            raise _no_picture(prompt, number + 1)
        cells = _cells(vision, prompt, number, name, mask)
        parts.setdefault(name, set()).update(frames[number][vision.prefix + cell] for cell in cells)
    whole = [position for frame in frames for position in frame[: vision.prefix]]
    covered = set(whole).union(*parts.values())
    groups = {
        "image": image,
        **({f"frame{number}": frame for number, frame in enumerate(frames, 1)} if len(frames) > 1 else {}),
        "class": whole,
        **{name: sorted(places) for name, places in parts.items()},
        "background": [position for position in image if position not in covered],
        "question": [position for position in text if image[-1] < position < len(prompt) - 1],
        "before": [position for position in text if position < image[-1]],
        "last": [len(prompt) - 1],
    }
    return {name: tuple(positions) for name, positions in groups.items() if positions}


def coverage(mask: Mask, shown: tuple[float, float, float, float], grid: tuple[int, int]) -> NDArray[np.float64]:
    """How much of each cell a mask covers, `[R, C]`, from 0 to 1.

    Args:
        mask: True where something is, `[H, W]`.
        shown: Top, left, height and width, in pixels, of what the cells divide among them.
        grid: R and C.
    """
    top, left, height, width = shown
    rows = _overlaps(top, height, grid[0], mask.shape[0])
    columns = _overlaps(left, width, grid[1], mask.shape[1])
    return rows @ mask.astype(float) @ columns.T


def _overlaps(start: float, length: float, cells: int, pixels: int) -> NDArray[np.float64]:
    """Which part of each cell lies in each pixel, along one side, `[cells, pixels]`."""
    edges = start + length * np.arange(cells + 1) / cells
    pixel = np.arange(pixels)
    within = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.clip(within, 0, None) * cells / length


def _cells(vision: "Vision", prompt: Prompt, picture: int, name: str, mask: Mask) -> list[int]:
    one = prompt.pictures[picture]
    if is_reserved(name):
        raise _no_region(name, "the name belongs to another group", "give the region another name.")
    if mask.dtype != np.bool_ or mask.shape != (one.height, one.width):
        found = f"it is {mask.dtype} {list(mask.shape)}, and the picture has {one.height} rows and {one.width} columns"
        raise _no_region(name, found, "give an array of booleans with one for each pixel.")
    labelled = connected_parts(mask, structure=np.ones((3, 3)))
    parts, count = cast("tuple[NDArray[np.int32], int]", labelled)
    cells: set[int] = set()
    for part in range(1, count + 1):
        covered = coverage(parts == part, vision.seen(one), vision.grid(one)).flatten()
        if covered.max() > 0:
            cells.update(np.flatnonzero(covered > covered.max() / 2 - 1e-9).tolist())
    if not cells:
        found = "none of it lies in what the model is shown of the picture" if mask.any() else "it is empty"
        raise _no_region(name, found, "leave it out, or choose another picture.")
    return sorted(cells)


def _no_picture(prompt: Prompt, number: int) -> StudyError:
    count = len(prompt.pictures)
    return StudyError(
        "AE-9311",
        f"The prompt has {count} picture{'' if count == 1 else 's'}, and no picture {number}.",
        mend="make the prompt with network.prompt(text, pictures), and count its pictures from 1.",
    )


def _no_region(name: str, found: str, mend: str) -> StudyError:
    return StudyError("AE-9312", f"The region {clean_text(name, 40)} cannot be a group of tokens: {found}.", mend=mend)
