"""Whatever the settings, scenes are determinate, exact and answerable."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_answers import answered

from aetia.scenes import (
    CHANGES,
    COLOURS,
    SHAPES,
    Prior,
    Scene,
    Settings,
    changed,
    draw,
    draw_edit,
    footprints,
    masks,
    questions,
    render,
)
from aetia.scenes.folder import Item, _items

SEEDS = st.integers(0, 2**63)


@st.composite
def any_settings(draw_one):
    cells = draw_one(st.integers(3, 5))
    colours = draw_one(st.sampled_from((COLOURS, COLOURS[:3], ("orange", "cyan"))))
    shapes = draw_one(st.sampled_from((SHAPES, SHAPES[1:3])))
    most = draw_one(st.integers(2, min(cells**2 - 1, len(colours) * len(shapes) - 1, 10)))
    flags = {name: draw_one(st.booleans()) for name in ("sizes", "textures", "labels", "occlusion")}
    return Settings(
        size=cells * draw_one(st.integers(14, 30)),
        cells=cells,
        fewest=draw_one(st.integers(1, most - 1)),
        most=most,
        noise=draw_one(st.sampled_from((0.0, 6.0))),
        prior=draw_one(st.sampled_from((None, Prior("colour", "shape", 0.5)))),
        colours=colours,
        shapes=shapes,
        **flags,
    )


@settings(max_examples=60, deadline=None)
@given(SEEDS, any_settings())
def test_a_scene_is_determinate_and_its_answers_are_true(seed, given_settings):
    scene = draw(seed, given_settings)
    assert scene == draw(seed, given_settings)
    assert np.array_equal(render(scene), render(draw(seed, given_settings)))
    seen, lies = masks(scene), footprints(scene)
    assert seen.sum(0).max() <= 1
    assert (seen <= lies).all()
    assert np.array_equal(seen.any(0), lies.any(0))
    assert seen.any((1, 2)).all()
    for question in questions(scene, seed)[:-1]:
        assert question.answer in question.options
        assert answered(scene, question.text) == question.answer


@settings(max_examples=60, deadline=None)
@given(SEEDS, any_settings(), st.sampled_from(("colour", "shape", "remove", "add", "move", "size", "texture")))
def test_an_edit_leaves_all_other_pixels_alone(seed, given_settings, change):
    assert change in CHANGES
    pair = draw_edit(seed, change, given_settings)
    differs = (render(pair.before) != render(pair.after)).any(2)
    assert not (differs & ~changed(pair)).any()
    assert answered(pair.before, pair.question.text) == pair.answer != pair.answer_after
    assert answered(pair.after, pair.question.text) == pair.answer_after


@settings(max_examples=40, deadline=None)
@given(SEEDS, any_settings())
def test_a_line_of_a_file_is_the_item_it_was(seed, given_settings):
    scene = draw(seed, given_settings)
    item = Item("1", ("a.png",), (scene,), "", questions(scene, 0), causes=((0, 1),))
    line = _items().dump_json(item)
    assert json.loads(line)["scenes"][0]["seed"] == seed
    assert _items().validate_json(line) == item
    assert isinstance(_items().validate_json(line).scenes[0], Scene)
