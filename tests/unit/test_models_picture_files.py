"""Pictures from files: the pixels are those of the file, and whatever else a file may be is refused in one line."""

import os
import struct
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from aetia.errors import AetiaError, RefusedError, StudyError
from aetia.models.picture_files import picture_of, read_picture
from aetia.models.pictures import Picture

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def saved(folder, image, name, **options):
    path = folder / name
    image.save(path, **options)
    return path


def refused(path, code, kind=StudyError, **options):
    with pytest.raises(kind) as caught:
        read_picture(path, **options)
    assert caught.value.code == code
    assert "\n" not in caught.value.found
    return caught.value


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.webp"])
def test_lossless_files_give_their_pixels(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    picture = read_picture(saved(tmp_path, Image.fromarray(PIXELS), name, **options))
    assert np.array_equal(picture.pixels, PIXELS)
    assert picture == Picture(PIXELS)
    assert picture.name.endswith(name)


def test_a_jpeg_is_known_by_its_content_and_not_by_its_name(tmp_path):
    flat = np.full((16, 16, 3), (200, 40, 90), np.uint8)
    path = saved(tmp_path, Image.fromarray(flat), "a.txt", format="JPEG", quality=95)
    assert np.abs(read_picture(path).pixels.astype(int) - flat).max() < 6


def test_grey_black_and_white_and_palette_look_the_same(tmp_path):
    grey = PIXELS[..., 0]
    expected = np.stack([grey] * 3, -1)
    assert np.array_equal(read_picture(saved(tmp_path, Image.fromarray(grey), "g.png")).pixels, expected)
    two = np.where(grey > 99, 255, 0).astype(np.uint8)
    one_bit = saved(tmp_path, Image.fromarray(two).convert("1", dither=0), "b.png")
    assert np.array_equal(read_picture(one_bit).pixels[..., 1], two)
    colours = np.array([[250, 1, 2], [3, 240, 5], [6, 7, 230]], np.uint8)
    index = PIXELS[..., 0] % 3
    palette = Image.fromarray(index)
    palette.putpalette(colours.flatten().tolist())
    for name in ("p.png", "p.gif"):
        assert np.array_equal(read_picture(saved(tmp_path, palette, name)).pixels, colours[index])


def test_what_is_transparent_lies_on_white(tmp_path):
    opacity = np.zeros((5, 7, 1), np.uint8)
    opacity[:, 3:] = 255
    path = saved(tmp_path, Image.fromarray(np.concatenate([PIXELS, opacity], -1)), "a.png")
    pixels = read_picture(path).pixels
    assert (pixels[:, :3] == 255).all()
    assert np.array_equal(pixels[:, 3:], PIXELS[:, 3:])
    half = Image.new("RGBA", (1, 1), (0, 100, 200, 51))
    assert read_picture(saved(tmp_path, half, "h.png")).pixels.tolist() == [[[204, 224, 244]]]
    marked = Image.new("L", (2, 1), 9)
    marked.putpixel((1, 0), 70)
    assert read_picture(saved(tmp_path, marked, "t.png", transparency=9)).pixels[0, :, 0].tolist() == [255, 70]


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [(3, PIXELS[::-1, ::-1]), (6, np.rot90(PIXELS, -1)), (8, np.rot90(PIXELS)), (2, PIXELS[:, ::-1])],
)
def test_pictures_are_turned_upright(tmp_path, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(PIXELS), "a.png", exif=exif)
    assert np.array_equal(read_picture(path).pixels, turned)


def test_what_is_no_file_is_said_to_be_none(tmp_path):
    assert "does not exist" in refused(tmp_path / "none.png", "AE-9301").found
    assert "folder" in refused(tmp_path, "AE-9301").found
    refused("a\0b.png", "AE-9301")
    os.mkfifo(tmp_path / "pipe.png")
    assert "no file" in refused(tmp_path / "pipe.png", "AE-9301").found
    closed = saved(tmp_path, Image.fromarray(PIXELS), "closed.png")
    closed.chmod(0)
    if not os.access(closed, os.R_OK):  # whoever may read everything can test no more than that
        assert "denied" in refused(closed, "AE-9301").found


@pytest.mark.parametrize(
    "address", ["https://a.org/b.png", "file:///etc/a.png", "data:image/png;base64,AA", "s3://b/c"]
)
def test_addresses_are_refused(address):
    assert "download it first" in refused(address, "AE-9302").mend


def test_other_formats_are_refused_whatever_they_are_called(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n" * 9)
    refused(tmp_path / "a.png", "AE-9303")
    (tmp_path / "b.png").write_text("no picture at all")
    refused(tmp_path / "b.png", "AE-9303")
    for name in ("a.tiff", "a.ppm", "a.ico", "a.eps"):
        refused(saved(tmp_path, Image.fromarray(PIXELS), name), "AE-9303")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.gif", "a.webp"])
def test_empty_and_truncated_files_are_refused(tmp_path, name):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), name)
    whole = path.read_bytes()
    path.write_bytes(b"")
    refused(path, "AE-9304")
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "AE-9304")


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_moving_pictures_are_refused(tmp_path, name):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:])
    error = refused(path, "AE-9305")
    assert "3 frames" in error.found
    assert "frame" in error.mend


def test_colours_that_would_have_to_be_guessed_are_refused(tmp_path):
    printed = Image.new("CMYK", (8, 8), (10, 20, 30, 40))
    assert "CMYK" in refused(saved(tmp_path, printed, "a.jpg"), "AE-9307").found
    deep = Image.fromarray(np.full((8, 8), 40_000, np.uint16))
    assert "16 bits" in refused(saved(tmp_path, deep, "g.png"), "AE-9307").found
    rows = b"".join(b"\0" + bytes(6 * 4) for _ in range(4))
    (tmp_path / "c.png").write_bytes(png(4, 4, depth=16, data=zlib.compress(rows)))
    refused(tmp_path / "c.png", "AE-9307")


def png(width, height, depth=8, data=b""):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_bombs_are_refused_before_they_are_decoded(tmp_path, monkeypatch, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, data=zlib.compress(bytes(10_000))))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _self: pytest.fail("it was decoded"))
    refused(path, "AE-9306", RefusedError)


def test_the_limit_is_what_was_asked(tmp_path):
    path = saved(tmp_path, Image.fromarray(PIXELS), "a.png")
    assert read_picture(path, most_pixels=35).width == 7
    refused(path, "AE-9306", RefusedError, most_pixels=34)
    with path.open("ab") as file:
        file.truncate(2**25)
    refused(path, "AE-9306", RefusedError, most_pixels=35)


def test_a_picture_without_area_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(png(0, 5))
    assert "0 x 5" in refused(tmp_path / "a.png", "AE-9304").found
    for broken in (Image.new("RGB", (0, 4)), Image.new("I;16", (4, 4)), Image.new("F", (4, 4))):
        with pytest.raises(StudyError, match=r"AE-930[47]"):
            picture_of(broken)


def test_arrays_images_and_pictures_are_pictures(tmp_path):
    whole = Picture(PIXELS)
    path = saved(tmp_path, Image.fromarray(PIXELS), "a.png")
    assert picture_of(whole) is whole
    for source in (PIXELS, Image.fromarray(PIXELS), path, str(path)):
        assert picture_of(source) == whole
    grey = picture_of(PIXELS[..., 0])
    assert np.array_equal(grey.pixels, np.stack([PIXELS[..., 0]] * 3, -1))
    assert picture_of(np.zeros((2, 2, 4), np.uint8)).pixels.min() == 255
    for wrong in (PIXELS / 255, np.zeros((3, 5, 7), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(StudyError, match="AE-9701"):
            picture_of(wrong)


def test_a_picture_of_an_array_does_not_change_with_it():
    pixels = PIXELS.copy()
    picture = picture_of(pixels)
    pixels[:] = 0
    assert np.array_equal(picture.pixels, PIXELS)


def drawn(kind):
    image = Image.new("RGB", (24, 24), "white")
    ImageDraw.Draw(image).ellipse((4, 4, 18, 18), fill="red")
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = BytesIO()
    image.save(buffer, format=kind, **({} if kind in ("BMP", "GIF") else {"exif": exif}))
    return buffer.getvalue()


WHOLE = {kind: drawn(kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF")}


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    cut=st.floats(0, 1),
)
def test_a_damaged_file_gives_a_picture_or_one_clear_line(tmp_path_factory, kind, changes, cut):
    content = bytearray(WHOLE[kind])
    for place, byte in changes:
        content[int(place * len(content))] = byte
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[: round(cut * len(content))] if cut > 0.3 else content)
    with suppress(AetiaError):
        assert read_picture(path, most_pixels=10**6).pixels.size
