"""Scenes are what their tables say: pixels, masks, names, priors, bad settings."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scene_answers import middle, seen_colour

from aetia import scenes
from aetia.errors import StudyError
from aetia.scenes import PAINTS, SHAPES, Prior, Scene, Settings, Thing, draw, footprints, masks, render
from aetia.scenes.font import written
from aetia.scenes.words import LETTERS

FULL = Settings(sizes=True, textures=True, labels=True, occlusion=True)


def test_a_seed_gives_the_same_picture_in_another_process():
    code = (
        "import hashlib; from aetia.scenes import *;"
        "print(hashlib.sha256(b''.join(render(draw(seed)).tobytes() for seed in range(5))).hexdigest())"
    )
    here = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    # If this changes, so does every folder of scenes: raise the version.
    assert here == "05c2087017d20c9759f8241be606adfe102bd722523051a68f3ca0bfcb805e69"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("down", "right"), [(0.0, 0.0), (0.07, -0.11)])
def test_a_shape_has_the_pixels_that_its_geometry_says(shape, down, right):
    cell = 24
    thing = Thing("red", shape, 1, 2, radius=0.37, down=down, right=right)
    found = masks(Scene((thing,), Settings(noise=0), 0))[0]
    radius, middle_row, middle_column = 0.37 * cell, (1.5 + down) * cell - 0.5, (2.5 + right) * cell - 0.5
    for row in range(96):
        for column in range(96):
            y, x = row - middle_row, column - middle_column
            expected = {
                "circle": (y * y + x * x) ** 0.5 <= radius,
                "square": max(abs(y), abs(x)) <= 0.86 * radius,
                "triangle": -radius <= y <= 0.8 * radius and abs(x) <= 0.55 * (y + radius),
                "cross": min(abs(y), abs(x)) <= 0.34 * radius and max(abs(y), abs(x)) <= radius,
            }[shape]
            assert found[row, column] == expected, (row, column)


def test_without_noise_each_pixel_is_ground_or_the_paint_of_what_is_seen_there():
    for seed in range(30):
        scene = draw(seed, Settings(noise=0, occlusion=True))
        picture, seen = render(scene), masks(scene)
        assert (picture[~seen.any(0)] == 25).all()
        for thing, mask in zip(scene.things, seen, strict=True):
            paint = np.clip(np.rint(np.add(PAINTS[thing.colour], thing.shade)), 0, 255)
            assert (picture[mask] == paint).all()


def test_colours_can_be_told_from_pixels():
    for seed in range(100):
        scene = draw(seed, Settings(size=64))
        assert [seen_colour(scene, index) for index in range(len(scene.things))] == [one.colour for one in scene.things]


def test_things_lie_in_their_cells_and_cover_enough_of_them():
    for seed in range(100):
        scene = draw(seed, Settings(size=64))
        for thing, mask in zip(scene.things, masks(scene), strict=True):
            rows, columns = np.nonzero(mask)
            assert set(rows // 16) == {thing.row}
            assert set(columns // 16) == {thing.column}
            assert 20 <= mask.sum() <= 150


def test_the_noise_is_that_of_the_seed_and_has_its_deviation():
    empty = [render(Scene((), Settings(noise=6), seed)).astype(float) for seed in range(3)]
    assert np.array_equal(empty[0], render(Scene((), Settings(noise=6), 0)))
    for picture in empty:
        assert abs(picture.mean() - 25) < 0.2
        assert abs(picture.std() - 6) < 0.2
    joined = np.stack([picture.ravel() for picture in empty])
    assert np.abs(np.corrcoef(joined)[~np.eye(3, dtype=bool)]).max() < 0.03
    assert abs(np.corrcoef(empty[0][:, :-1].ravel(), empty[0][:, 1:].ravel())[0, 1]) < 0.03


def test_a_large_thing_covers_more_than_any_small_one_of_its_shape():
    covered = {(size, shape): [] for size in ("small", "large") for shape in SHAPES}
    for seed in range(200):
        scene = draw(seed, Settings(sizes=True))
        for thing, mask in zip(scene.things, masks(scene), strict=True):
            covered[thing.size, thing.shape].append(mask.sum())
    for shape in SHAPES:
        assert max(covered["small", shape]) * 1.5 < min(covered["large", shape])


def test_textures_differ_in_their_pixels():
    for size in (64, 96, 224):
        pictures = [
            render(Scene((Thing("red", "square", 1, 1, texture=texture),), Settings(size=size, noise=0), 0))
            for texture in scenes.TEXTURES
        ]
        dark = [float((picture[masks_of(size)][:, 0] < 150).mean()) for picture in pictures]
        assert dark[0] == 0
        assert 0.2 < dark[1] < 0.6
        assert 0.1 < dark[2] < 0.6


def masks_of(size):
    return masks(Scene((Thing("red", "square", 1, 1),), Settings(size=size), 0))[0]


def test_letters_are_readable_and_different():
    seen = {letter: written(letter, 24) for letter in LETTERS + "0123456789"}
    for one, pixels in seen.items():
        assert pixels.shape == (9, 7)
        assert not pixels[[0, -1]].any()
        assert all((pixels != other).sum() >= 3 for name, other in seen.items() if name != one), one
    assert ["".join(".#"[int(bit)] for bit in row) for row in written("T", 24)[1:-1]] == [".#####.", *["...#..."] * 6]
    assert written("A", 56).shape == (27, 21)


def test_a_label_is_written_beside_its_thing_in_its_cell():
    plain = draw(3, Settings())
    thing = replace(plain.things[0], label="K")
    with_label = replace(plain, things=(thing, *plain.things[1:]))
    differs = (render(plain) != render(with_label)).any(2)
    rows, columns = np.nonzero(differs)
    assert differs.sum() > 20
    assert set(rows // 24) == {thing.row}
    assert set(columns // 24) == {thing.column}
    assert not (differs & ~footprints(with_label)[0]).any()


def test_with_occlusion_some_are_covered_and_each_is_seen():
    covered = 0
    for seed in range(100):
        scene = draw(seed, Settings(occlusion=True))
        shares = masks(scene).sum((1, 2)) / footprints(scene).sum((1, 2))
        assert (shares > 0.5).all()
        covered += bool((shares < 0.95).any())
    assert covered > 50


def test_numbers_cells_and_names_are_even():
    drawn = [draw(seed) for seed in range(3000)]
    for counts, share in (
        (Counter(len(scene.things) for scene in drawn), 1 / 5),
        (Counter((one.row, one.column) for scene in drawn for one in scene.things), 1 / 16),
        (Counter(one.name for scene in drawn for one in scene.things), 1 / 24),
    ):
        total = sum(counts.values())
        assert len(counts) == round(1 / share)
        assert max(abs(number / total - share) for number in counts.values()) < 4.5 * (share / total) ** 0.5
    assert all(len({one.name for one in scene.things}) == len(scene.things) for scene in drawn)


@pytest.mark.parametrize("prior", [Prior(), Prior("colour", "shape", 0.6)])
def test_a_planted_prior_has_its_strength(prior):
    settings = Settings(prior=prior)
    things = [thing for seed in range(2000) for thing in draw(seed, settings).things]
    pairs = [(one.shape, one.colour) if prior.of == "shape" else (one.colour, one.shape) for one in things]
    share = np.mean([prior.planted(given, settings) == other for given, other in pairs])
    assert abs(share - prior.strength) < 4 * (prior.strength * (1 - prior.strength) / len(pairs)) ** 0.5
    others = Counter(
        other for given, other in pairs if given == pairs[0][0] and other != prior.planted(given, settings)
    )
    assert min(others.values()) > 0.4 * max(others.values())


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("AE-9101", {"size": 97}),
        ("AE-9101", {"size": 8192}),
        ("AE-9101", {"cells": 0}),
        ("AE-9101", {"most": 0}),
        ("AE-9101", {"fewest": 4, "most": 3}),
        ("AE-9101", {"most": 11}),
        ("AE-9101", {"noise": float("nan")}),
        ("AE-9101", {"colours": ("red", "green"), "shapes": ("circle", "square"), "most": 5}),
        ("AE-9102", {"colours": ("red", "mauve")}),
        ("AE-9102", {"colours": ("red", "red")}),
        ("AE-9102", {"shapes": ("circle",)}),
    ],
)
def test_settings_that_do_not_fit_are_told(code, fields):
    with pytest.raises(StudyError) as caught:
        Settings(**fields)
    assert caught.value.code == code
    assert len(str(caught.value).splitlines()) == 2


def test_things_that_are_none_are_told():
    for code, make in (
        ("AE-9102", lambda: Thing("red", "star", 0, 0)),
        ("AE-9103", lambda: Thing("red", "circle", 0, 0, label="é")),
        ("AE-9103", lambda: render(Scene((Thing("red", "circle", 0, 0, label="YELLOW"),), Settings(), 0))),
        ("AE-9104", lambda: Prior("shape", "shape", 0.5)),
        ("AE-9104", lambda: Prior("shape", "colour", 1.5)),
        ("AE-9101", lambda: draw(-1)),
        ("AE-9101", lambda: Scene((Thing("red", "circle", 4, 0),), Settings(), 0)),
    ):
        with pytest.raises(StudyError) as caught:
            make()
        assert caught.value.code == code


def test_middles_are_where_the_table_says():
    for seed in range(50):
        scene = draw(seed)
        for thing, mask in zip(scene.things, masks(scene), strict=True):
            row, column = middle(mask)
            assert abs(row + 0.5 - thing.centre[0] * 24) < 3  # a triangle's middle lies below its centre
            assert abs(column + 0.5 - thing.centre[1] * 24) < 1


def test_the_names_are_sorted_and_load_no_torch():
    assert all(hasattr(scenes, name) for name in scenes.__all__)
    code = "import sys, aetia.scenes; print([one for one in ('torch', 'pyarrow', 'PIL') if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
