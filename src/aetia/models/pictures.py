"""What is a picture to a model: its pixels, and a name by which it can be told from others?"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aetia.errors import StudyError

__all__ = ["Picture", "blank"]


@dataclass(frozen=True, eq=False)
class Picture:
    """An image in memory; two pictures are equal if their pixels are.

    Args:
        pixels: Red, green and blue from 0 to 255, `[H, W, 3]`, uint8.
        name: Where it came from, for people.

    Raises:
        StudyError: AE-9701 if the pixels are no such array, or there are none.
    """

    pixels: NDArray[np.uint8]
    name: str = ""

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise StudyError(
                "AE-9701",
                f"A picture is an array of bytes [height, width, 3]; this one is {pixels.dtype} {list(pixels.shape)}.",
                mend="give red, green and blue from 0 to 255 as uint8.",
            )

    @property
    def height(self) -> int:
        """How many rows of pixels, H."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """How many columns of pixels, W."""
        return self.pixels.shape[1]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of its size and pixels, in hexadecimal."""
        size = f"{self.height}x{self.width}:".encode()
        return hashlib.sha256(size + np.ascontiguousarray(self.pixels).tobytes()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def blank(picture: Picture) -> Picture:
    """A picture of the same size that shows nothing but the other's mean colour."""
    colour = picture.pixels.reshape(-1, 3).mean(0).round().astype(np.uint8)
    return Picture(np.broadcast_to(colour, picture.pixels.shape).copy(), f"blank for {picture.name}".strip())
