"""What a map has to beat: controls without a model; and that a verdict can be wrong, which is what it is tested for."""

from dataclasses import replace

import numpy as np
import planted_sight as sight
import pyarrow.compute as pc
import pytest
from seeing_networks import tiny_llava
from tiny_vision_models import noise, prompt, tiny_vision_network, vision_of
from transformers import CLIPImageProcessor

from aetia import maps
from aetia.contrasts import study_contrasts
from aetia.errors import StudyError
from aetia.maps.asked import asked
from aetia.maps.calibration import false_positives
from aetia.maps.controls import CONTROLS, centre, contrast, draw_decoy, edges, laid_on
from aetia.maps.instrument import Maps
from aetia.maps.names import CONTROL_NAMES, DECOY_NAMES
from aetia.maps.pointing import target_cells
from aetia.maps.removal import occlusion, painted, patch_ablation, without
from aetia.maps.study import MapStudy
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt

SEEN = {"ground": 90, "holes": 4}
QUICK = {"draws": 19, "shares": [1 / 8], "top": 1 / 8, "removals": ["pixels"], "measures": ["deletion"]}


def by_name(result):
    return {one.map: one for one in result.trust}


def planted(cell=6, **about):
    return asked(sight.seeing_network(), sight.prompt(sight.picture(cell, 1, **about)))


def test_controls_are_what_numpy_says_of_each_cells_pixels():
    pixels = np.random.default_rng(2).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    question = asked(sight.random_network(), sight.prompt(Picture(pixels)))
    cells = pixels.reshape(4, 8, 4, 8, 3).transpose(0, 2, 1, 3, 4).reshape(4, 4, 64, 3).astype(float)
    ground = np.round(np.median(pixels.reshape(-1, 3), axis=0))
    assert np.allclose(edges(question), cells.std(2).mean(-1))
    assert np.allclose(contrast(question), np.abs(cells - ground).mean((2, 3)))
    middle = centre(question)
    assert {tuple(place) for place in np.argwhere(middle == middle.max())} == {(1, 1), (1, 2), (2, 1), (2, 2)}
    assert tuple(CONTROLS) == CONTROL_NAMES


def test_a_map_that_anybody_could_have_named_is_better_than_random_and_no_more():
    # On a black ground the patch that answers is the one that stands out.
    result = maps.trust_maps(sight.seeing_network(), sight.items(12), ("occlusion",), **QUICK)
    row = by_name(result)["occlusion"]
    assert (row.standing, row.is_trusted, row.is_beyond_random) == ("better than random cells", False, True)
    assert row.control == "contrast"
    assert row.beyond == pytest.approx(0, abs=0.01)
    assert result.effects.provenance["trusted"] == ""


def test_controls_stand_in_the_table_as_the_bar_and_are_no_maps():
    result = maps.trust_maps(sight.seeing_network(), sight.items(12, **SEEN), ("occlusion",), **QUICK)
    rows = result.trust
    assert [row.map for row in rows] == ["occlusion", *CONTROL_NAMES]
    assert [row.standing for row in rows] == ["trusted", "control", "control", "control"]
    assert all(row.q is None and row.is_trusted is None for row in rows[1:])
    for control in CONTROL_NAMES:
        [beyond] = result.effects.where(map="occlusion", measure=f"beyond {control}").to_arrow().to_pylist()
        known = by_name(result)
        assert beyond["estimate"] == pytest.approx(known["occlusion"].deletion - known[control].deletion)
    [hardest] = result.effects.where(map="occlusion", measure="beyond controls").to_arrow().to_pylist()
    parts = [row for row in result.effects.to_arrow().to_pylist() if row["measure"].startswith("beyond ")]
    assert hardest["p"] == max(row["p"] for row in parts)
    with pytest.raises(StudyError) as caught:
        maps.trust_maps(sight.seeing_network(), sight.items(12), ("edges",), **QUICK)
    assert caught.value.code == "AE-9606"


def test_a_map_of_something_else_is_not_trusted_and_the_right_one_beside_it_is():
    names = (*DECOY_NAMES[:2], "random", "occlusion")
    result = maps.trust_maps(sight.seeing_network(), sight.items(12, **SEEN), names, **QUICK)
    standing = {name: row.is_trusted for name, row in by_name(result).items()}
    assert standing == dict.fromkeys((*DECOY_NAMES[:2], "random"), False) | {"occlusion": True} | dict.fromkeys(
        CONTROL_NAMES
    )


def test_the_decoys_are_the_maps_that_they_are_said_to_be():
    question, chance = planted(6, **SEEN), np.random.default_rng(0)
    other = sight.prompt(sight.picture(11, 2, **SEEN))
    laid = draw_decoy(question, "other-item", [other], chance)
    assert np.array_equal(laid, occlusion(asked(question.network, other)))
    striped = sight.picture(6, 1, noise=8).pixels.copy()
    striped[8:16:2, 8:16] = 255
    things = draw_decoy(asked(question.network, sight.prompt(Picture(striped))), "things", [], chance)
    assert things.argmax() == 5  # one cell has more edges than the noise of the ground
    assert np.delete(things.ravel(), 5).max() < 1 <= things.max()
    words = Prompt([1, *[sight.IMAGE] * sight.CELLS, 12, 13, sight.ASKING], other.pictures, [1])
    about = Prompt(words, question.prompt.pictures, [1])
    found = draw_decoy(question, "other-question", [words], chance)
    assert np.array_equal(found, occlusion(asked(question.network, about)))
    for wrong in ("other-item", "other-question"):
        with pytest.raises(StudyError) as caught:
            draw_decoy(question, wrong, [] if wrong == "other-item" else [question.prompt], chance)
        assert caught.value.code == "AE-9613"


def test_a_map_of_one_grid_is_laid_on_another():
    grid = np.arange(16.0).reshape(4, 4)
    assert laid_on(grid, (4, 4)) is grid
    wide = laid_on(grid, (4, 6))
    assert wide.shape == (4, 6)
    assert (np.diff(wide, axis=1) >= 0).all()


@pytest.mark.parametrize("kind", ["decoys", "randomised-weights"])
def test_what_must_not_be_trusted_is_not(kind):
    # Three questions in other words, so that other-question finds one.
    items = [_in_words(item, number % 3) for number, item in enumerate(sight.items(9, **SEEN))]
    result = false_positives(sight.seeing_network(), items, kind, trials=2, maps=("occlusion",), **QUICK)
    # The planted model attends to the same patch whatever it is asked: a map of another question is a true one here.
    expected = {"other-question": 2} if kind == "decoys" else {}
    assert (result.trials, result.found, dict(result.by_map)) == (2, len(expected) * 2, expected)
    assert result.high > 0.5  # two trials show little, and the interval says so


def _in_words(item, number):
    def worded(prompt):
        return Prompt([10 + number if token == 10 else token for token in prompt], prompt.pictures, prompt.starts)

    return replace(item, clean_ids=worded(item.clean_ids), corrupted_ids=worded(item.corrupted_ids))


def test_false_positives_of_an_unknown_kind_are_refused():
    with pytest.raises(StudyError) as caught:
        false_positives(sight.seeing_network(), sight.items(3), "noise")
    assert caught.value.code == "AE-9610"


def test_too_few_items_for_any_map_to_pass_give_no_verdict():
    result = maps.trust_maps(sight.seeing_network(), sight.items(4, **SEEN), ("occlusion",), **QUICK)
    row = by_name(result)["occlusion"]
    assert (row.standing, row.is_trusted) == ("unknown", None)
    assert "4 independent items are too few" in row.reason
    enough = maps.trust_maps(sight.seeing_network(), sight.items(6, **SEEN), ("occlusion",), **QUICK)
    assert by_name(enough)["occlusion"].is_trusted


def test_copies_of_one_picture_are_one_item():
    items = sight.items(2, **SEEN)
    copies = [replace(item, id=f"{item.id} {copy}", cluster=item.id) for item in items for copy in range(6)]
    result = maps.trust_maps(sight.seeing_network(), copies, ("occlusion",), **QUICK)
    assert by_name(result)["occlusion"].standing == "unknown"
    rows = {
        row["measure"]: row for row in result.effects.to_arrow().to_pylist() if row["map"] in ("model", "occlusion")
    }
    assert rows["sees"]["p"] == pytest.approx(1 / 4)
    assert rows["deletion"]["n"] == rows["pointing"]["n"] == 2
    assert rows["pointing"]["p"] == pytest.approx(1 / 16**2)
    assert rows["deletion"]["p"] >= 1 / 20**2 - 1e-9


def test_pictures_of_several_sizes_are_studied_together_and_shares_of_a_small_one_do_not_shift():
    network, vision = tiny_vision_network("qwen2_5_vl"), vision_of(tiny_vision_network("qwen2_5_vl"))
    shown = [noise(1, 16, 16), noise(2, 16, 24), noise(3, 24, 24)]
    assert len({vision.grid(one) for one in shown}) == 3
    prompts = [prompt(network, [5], [one], [6, 7, 8]) for one in shown]
    one = sight.items(1)[0]
    items = [replace(one, id=f"p{n}", clean_ids=ids, corrupted_ids=ids, groups={}) for n, ids in enumerate(prompts)]
    shares = [1 / 16, 1 / 8, 1 / 4, 1 / 2]
    study = MapStudy(
        model="x", contrasts="y", maps=("attention", "random"), shares=shares, top=1 / 8, draws=19,
        removals=("attention",), primary="attention", measures=("deletion",),
    )  # fmt: skip
    values = Maps().values_on(study, network, items)
    effects = Maps().summarise(study, values)
    curve = effects.where(map="attention", measure="deletion curve").to_arrow()
    assert curve["share"].to_pylist() == shares
    assert curve["n"].to_pylist() == [3] * 4
    top = effects.where(map="attention", measure="knock-out").to_arrow()["estimate"][0].as_py()
    rows = values.filter((pc.field("measure") == "deletion") & (pc.field("share") == 1 / 8))
    by_map = {
        name: np.mean(rows.filter(pc.field("map") == name)["value"].to_numpy()) for name in ("attention", "random maps")
    }
    assert top == pytest.approx(by_map["attention"] - by_map["random maps"])


def test_cells_are_painted_where_the_model_sees_them_though_it_crops_a_resized_picture_back_to_its_size():
    plain = sight.random_network()
    size = {"do_resize": True, "size": {"shortest_edge": 48}, "do_center_crop": True, "crop_size": 32}
    network = replace(
        plain, processor=CLIPImageProcessor(**size, resample=0, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    )
    pixels = np.random.default_rng(4).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    question = asked(network, sight.prompt(Picture(pixels)))
    assert question.vision.seen(question.seen) != (0, 0, 32, 32)
    for cells in ({0}, {5, 10}):
        direct = network.logits(sight.prompt(painted(question, cells)))[-1].float().softmax(-1)[question.answer[0]]
        found = without(question, [frozenset(cells)], "pixels")[frozenset(cells)]
        assert found == pytest.approx(float(direct), abs=1e-6)


def test_what_a_cell_is_painted_over_with_is_the_studys_choice_for_the_occlusion_map_too():
    question = planted(6, ground=90, holes=4)
    grey = replace(question, fill="mean")
    assert not np.allclose(occlusion(question), occlusion(grey))
    shown = Prompt(question.prompt, [painted(grey, (6,))], question.prompt.starts)
    direct = float(question.network.logits(shown)[-1].float().softmax(-1)[question.answer[0]])
    assert occlusion(grey).ravel()[6] == pytest.approx(question.value - direct, abs=1e-6)


def test_the_probability_of_two_tokens_is_that_of_both():
    network, shown = sight.random_network(), sight.prompt(noise(5, 32, 32))
    logs, question = (asked(network, shown, (20, 21), outcome=kind) for kind in ("log_probability", "probability"))
    assert question.value == pytest.approx(np.exp(logs.value), rel=1e-5)
    for removal in ("pixels", "attention"):
        cut = frozenset({3})
        both = [without(one, [cut], removal)[cut] for one in (question, logs)]
        assert both[0] == pytest.approx(np.exp(both[1]), rel=1e-5)
    losses = patch_ablation(question)
    assert np.abs(losses).max() <= 1
    assert losses.ravel()[3] == pytest.approx(
        question.value - np.exp(logs.value - patch_ablation(logs).ravel()[3]), abs=1e-6
    )


def test_a_region_of_one_picture_is_what_it_is_in_studies_and_refused_where_it_is_none():
    network, shown = sight.seeing_network(), sight.picture(6, 2, **SEEN)
    with pytest.raises(StudyError) as caught:
        maps.explain(network, shown, sight.prompt(shown), ("random",), region=np.zeros((32, 32), bool), **QUICK)
    assert caught.value.code == "AE-9312"
    with pytest.raises(StudyError) as caught:
        maps.explain(network, shown, sight.prompt(sight.picture(3)), ("random",), **QUICK)
    assert caught.value.code == "AE-9614"


@pytest.mark.parametrize("change", ["remove", "add", "move", "colour", "shape"])
def test_a_thing_that_is_not_in_the_picture_is_nothing_to_point_at(change):
    network = tiny_llava()
    items = study_contrasts(f"scenes:{change}", None, network.tokenizer, items=8, seed=1, vision=network.vision).items
    study = MapStudy(model="x", contrasts="y", maps=("attention",), **QUICK)
    found = [target_cells(study, item, asked(network, item.clean_ids)) for item in items]
    if change in ("remove", "add"):
        is_there = [item.answer.strip() == "yes" for item in items]
        assert {True, False} == set(is_there)
        assert [bool(cells) for cells in found] == is_there
    else:
        assert all(found)
