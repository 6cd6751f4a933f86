"""Which pixels are in that file, and is it safe to look?

A picture's file is foreign input. Only five formats are opened, whatever the file's name says; its size is read from
its header and refused before anything is decoded; and what would have to be guessed at is refused rather than guessed.
"""

import os
import re
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from aetia.errors import RefusedError, StudyError
from aetia.models.pictures import Picture
from aetia.text import clean_text

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MOST_PIXELS", "picture_of", "read_picture"]

MOST_PIXELS = 50_000_000
"""150 MB of red, green and blue: more than most cameras take, and a hundred times what a model is shown."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")  # none whose reader starts another program or parses fonts
_PLAIN_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"})
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/|data:")
_OTHER_BYTES = 2**24  # what a file of that many pixels may hold besides them


def read_picture(path: str | Path, *, most_pixels: int = MOST_PIXELS) -> Picture:
    """The picture in a PNG, JPEG, WebP, BMP or GIF file, turned upright as its EXIF data say.

    Grey, black-and-white and palette pictures become red, green and blue of the same look; what is transparent is laid
    on white; colour profiles are not applied. Nothing else is converted.

    Args:
        path: A file on this machine.
        most_pixels: Width times height that is decoded at most; never more than Pillow's own limit.

    Raises:
        StudyError: AE-9301 no file that can be read; AE-9302 an address on the web; AE-9303 none of the five formats;
            AE-9304 damaged or empty; AE-9305 animated; AE-9307 colours that are not eight bits of red, green and blue.
        RefusedError: AE-9306 too large to be decoded.
    """
    text = str(path)
    if _URL.match(text):
        mend = "download it first, and name the file."
        raise StudyError("AE-9302", f"{clean_text(text, 120)} is an address, and no file.", mend=mend)
    file = Path(os.path.expanduser(path))  # noqa: PTH111  Path's own raises where there is no such home
    size = _file_size(file)
    if size == 0:
        raise _damaged(text, "it is empty")
    if size > 4 * most_pixels + _OTHER_BYTES:
        raise _too_large(text, f"{size / 2**20:.0f} MB", most_pixels)
    return Picture(_read(file, text, most_pixels), text)


def picture_of(source: "NDArray[np.uint8] | Image | Picture | Path | str") -> Picture:
    """The picture that `source` is: a file's, an array's, Pillow's, or itself.

    Args:
        source: A path; bytes `[H, W, 3]`, `[H, W]` (grey) or `[H, W, 4]` (with opacity); an image of Pillow.

    Raises:
        StudyError: As `read_picture`; AE-9701 if an array is of another type or shape.
    """
    from PIL import Image

    if isinstance(source, Picture):
        return source
    if isinstance(source, str | Path):
        return read_picture(source)
    if isinstance(source, Image.Image):
        return Picture(_decoded(source, "the image", MOST_PIXELS))
    array = np.array(source)  # a copy: a picture's pixels do not change under its digest
    has_other_channels = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 4)
    if array.dtype == np.uint8 and has_other_channels and array.size:
        return Picture(_flat(Image.fromarray(array)))
    return Picture(array)


def _file_size(file: Path) -> int:
    try:
        if file.is_file():
            size = file.stat().st_size
            with file.open("rb"):
                return size
        what = "is a folder" if file.is_dir() else "is no file" if file.exists() else "does not exist"
    except (OSError, ValueError) as error:
        what = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    mend = "check the path, and that you may read the file."
    raise StudyError("AE-9301", f"{clean_text(str(file), 120)} {clean_text(what, 120)}.", mend=mend)


def _read(file: Path, name: str, most_pixels: int) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            _check_png(file, name)
            with Image.open(file, formats=_FORMATS) as image:
                return _decoded(image, name, most_pixels)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_large(name, "too many pixels", most_pixels) from error
        except UnidentifiedImageError as error:
            raise StudyError(
                "AE-9303",
                f"{clean_text(name, 120)} is no picture in a format that is read here.",
                mend=f"give one of {', '.join(_FORMATS)}; other formats are to be converted first.",
            ) from error
        except (StudyError, RefusedError):
            raise
        except Exception as error:  # a reader of a damaged file may fail in any way, and all of them mean this
            raise _damaged(name, str(error) or type(error).__name__) from error


def _decoded(image: "Image", name: str, most_pixels: int) -> NDArray[np.uint8]:
    from PIL import ImageOps

    if 0 in image.size:
        raise _damaged(name, f"it has {image.width} x {image.height} pixels")
    if image.width * image.height > most_pixels:
        raise _too_large(name, f"{image.width} x {image.height} pixels", most_pixels)
    # MPO is a photograph with others behind it, such as the second eye's; the first is the picture.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        found = f"{clean_text(name, 120)} moves: it has {getattr(image, 'n_frames', 2)} frames."
        raise StudyError("AE-9305", found, mend="save the frame that is meant as a file of its own.")
    if image.mode not in _PLAIN_MODES:
        raise _other_colours(name, f"{image.mode} colours")
    return _flat(ImageOps.exif_transpose(image))


def _check_png(file: Path, name: str) -> None:
    """Refuses PNG files without pixels, and of 16 bits, of which Pillow would drop the lower half without a word."""
    with file.open("rb") as opened:
        start = opened.read(25)
    if len(start) < 25 or not start.startswith(b"\x89PNG") or start[12:16] != b"IHDR":
        return
    width, height, depth = struct.unpack(">IIB", start[16:])
    if 0 in (width, height):
        raise _damaged(name, f"it has {width} x {height} pixels")
    if depth == 16:
        raise _other_colours(name, "16 bits a channel")


def _flat(image: "Image") -> NDArray[np.uint8]:
    from PIL import Image

    if not image.has_transparency_data:
        return cast("NDArray[np.uint8]", np.array(image.convert("RGB")))
    # Pre-multiplied colours are taken apart by the conversion.
    over = image.convert("RGBA")
    white = Image.new("RGBA", over.size, "white")
    return cast("NDArray[np.uint8]", np.array(Image.alpha_composite(white, over).convert("RGB")))


def _damaged(name: str, why: str) -> StudyError:
    found = f"{clean_text(name, 120)} cannot be decoded: {clean_text(why, 120)}."
    return StudyError("AE-9304", found, mend="fetch or save the file again.")


def _too_large(name: str, what: str, most_pixels: int) -> RefusedError:
    return RefusedError(
        "AE-9306",
        f"{clean_text(name, 120)} is refused undecoded: {what}, where at most {most_pixels} pixels are read.",
        mend="scale it down first; a model is shown far fewer.",
    )


def _other_colours(name: str, what: str) -> StudyError:
    return StudyError(
        "AE-9307",
        f"{clean_text(name, 120)} has {what}, and how they are to look in eight bits of red, green and blue is open.",
        mend="save it as 8-bit RGB first.",
    )
