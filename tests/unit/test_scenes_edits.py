"""An edited pair differs in one thing, in the pixels where it lies, and in the answer to its question."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scene_answers import answered

from aetia.errors import StudyError
from aetia.scenes import CHANGES, Prior, Settings, changed, draw, draw_edit, edit, footprints, render

PLAIN = Settings(size=64)
FULL = Settings(sizes=True, textures=True, labels=True, occlusion=True)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("settings", [PLAIN, FULL, Settings(prior=Prior())])
def test_pixels_differ_only_where_the_thing_lies_and_so_do_answers(change, settings):
    for seed in range(40):
        pair = draw_edit(seed, change, settings)
        differs = (render(pair.before) != render(pair.after)).any(2)
        assert differs.any()
        assert not (differs & ~changed(pair)).any()
        assert answered(pair.before, pair.question.text) == pair.answer
        assert answered(pair.after, pair.question.text) == pair.answer_after
        assert pair.answer != pair.answer_after
        assert {pair.answer, pair.answer_after} <= set(pair.question.options)
        assert draw_edit(seed, change, settings) == pair


@pytest.mark.parametrize("change", CHANGES)
def test_without_noise_or_shade_the_difference_is_the_mask(change):
    for seed in range(40):
        pair = draw_edit(seed, change, Settings(size=64, noise=0))
        differs = (render(pair.before) != render(pair.after)).any(2)
        lies = [np.zeros((64, 64), bool), np.zeros((64, 64), bool)]
        if change != "add":
            lies[0] = footprints(pair.before)[pair.thing]
        if change != "remove":
            lies[1] = footprints(pair.after)[pair.thing]
        if change == "texture":
            assert not (differs & ~lies[0]).any()
        else:  # a new colour shows wherever the thing lies; another outline only where the two differ
            expected = lies[0] | lies[1] if change == "colour" else lies[0] ^ lies[1]
            assert np.array_equal(differs, expected)


@pytest.mark.parametrize("change", [change for change in CHANGES if change not in {"remove", "add"}])
def test_one_field_of_one_thing_differs(change):
    fields = {"move": {"row", "column"}, "size": {"size", "radius", "down", "right"}}.get(change, {change})
    for seed in range(40):
        pair = draw_edit(seed, change, PLAIN)
        for index, (one, other) in enumerate(zip(pair.before.things, pair.after.things, strict=True)):
            differ = {name for name in one.__dataclass_fields__ if getattr(one, name) != getattr(other, name)}
            assert differ <= (fields if index == pair.thing else set())
            assert bool(differ) == (index == pair.thing)


def test_a_removed_thing_is_missing_and_an_added_one_is_the_last():
    for seed in range(40):
        removed, added = draw_edit(seed, "remove", PLAIN), draw_edit(seed, "add", PLAIN)
        things = list(removed.before.things)
        del things[removed.thing]
        assert tuple(things) == removed.after.things
        assert added.after.things[:-1] == added.before.things
        assert added.thing == len(added.before.things)
        assert len(added.after.things) <= PLAIN.most


def test_names_stay_apart_and_answers_are_even():
    counts = {change: Counter() for change in CHANGES}
    for seed in range(400):
        for change in ("colour", "shape", "move"):
            pair = draw_edit(seed, change, PLAIN)
            names = [thing.name for thing in pair.after.things]
            assert len(set(names)) == len(names)
            counts[change][pair.answer] += pair.question.kind != "existence"
    for change, options in (("colour", 6), ("shape", 4), ("move", 2)):
        assert len(counts[change]) >= options
        even = [number for number in counts[change].values() if number]
        assert max(even) - min(even) < 5 * (400 / options) ** 0.5


def test_what_cannot_be_changed_is_told():
    scene = draw(0, PLAIN)
    one = replace(scene, things=scene.things[:1])
    for code, make in (
        ("AE-9105", lambda: edit(scene, "smell", 0)),
        ("AE-9105", lambda: draw_edit(0, "smell", PLAIN)),
        ("AE-9106", lambda: edit(scene, "size", 0)),
        ("AE-9106", lambda: edit(one, "remove", 0)),
        ("AE-9106", lambda: edit(one, "move", 0)),
        ("AE-9106", lambda: draw_edit(0, "add", Settings(fewest=5))),
    ):
        with pytest.raises(StudyError) as caught:
            make()
        assert caught.value.code == code
