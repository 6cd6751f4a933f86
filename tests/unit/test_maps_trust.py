"""The test that each map carries: uniform where maps know nothing, sure where they know, and silent of one picture."""

from dataclasses import replace

import numpy as np
import planted_sight as sight
import pyarrow as pa
import pytest
from seeing_networks import tiny_llava

from aetia import maps
from aetia.contrasts import study_contrasts
from aetia.effects import holm
from aetia.errors import StudyError
from aetia.maps.calibration import false_positives
from aetia.maps.instrument import Maps
from aetia.maps.measured import SCHEMA
from aetia.maps.study import MapStudy
from aetia.maps.testing import above_chance, better_than_random, more_often_than_not
from aetia.maps.verdict import judged

QUICK = {"draws": 19, "shares": [1 / 8, 1 / 4], "top": 1 / 8}
EXACT = ("attention", "attention-gradient", "gradient-input", "occlusion", "patch-ablation")
BLIND = ("logit-lens", "tam", "random")


def by_name(result):
    return {one.map: one for one in result.trust}


@pytest.fixture(scope="module")
def found():
    """The verdicts on the planted model: its only path is bright patch -> last position."""
    return maps.trust_maps(sight.seeing_network(), sight.items(12), (*EXACT, *BLIND), **QUICK)


@pytest.mark.parametrize("count", [1, 12])
def test_maps_that_know_nothing_have_uniform_p_values(count):
    chance = np.random.default_rng(count)
    weights = np.full(count, 1 / count)
    found = []
    for trial in range(200):
        scale = chance.exponential(size=(count, 1))  # some pictures matter more than others
        values = scale * chance.exponential(size=(count, 20)) ** 2
        found.append(better_than_random(values[:, 0], values[:, 1:], weights, trial))
    ranks = np.sort(found)
    uniform = np.arange(1, 201) / 200
    assert np.mean(ranks <= 0.05) <= 0.09  # the 98th percentile of 200 draws at 5%
    assert np.abs(ranks - uniform).max() < 0.12  # Kolmogorov's 1% bound is .115; p of one item are twentieths


def test_one_item_has_the_share_of_random_maps_that_take_as_much():
    random = np.array([[0.1, 0.2, 0.3, 0.4]])
    assert better_than_random(np.array([0.3]), random, np.ones(1)) == pytest.approx(3 / 5)
    assert better_than_random(np.array([0.5]), random, np.ones(1)) == pytest.approx(1 / 5)


def test_two_items_have_the_p_of_all_their_exchanges():
    found, random = np.array([0.9, 0.4]), np.array([[0.1, 0.8], [0.5, 0.0]])
    values = np.concatenate([found[:, None], random], axis=1)
    exact = np.mean([a + b >= found.sum() - 1e-12 for a in values[0] for b in values[1]])
    assert better_than_random(found, random, np.full(2, 0.5)) == pytest.approx(exact, abs=0.015)


def test_maps_where_nothing_can_be_taken_have_p_1():
    assert better_than_random(np.zeros(5), np.zeros((5, 19)), np.full(5, 0.2)) == 1.0


def test_hits_above_chance_have_the_probability_of_all_outcomes():
    chances = np.array([0.1, 0.4, 0.7])
    exact = sum(
        np.prod([c if (case >> i) & 1 else 1 - c for i, c in enumerate(chances)])
        for case in range(8)
        if case.bit_count() >= 2
    )
    assert above_chance(np.array([1.0, 0.0, 1.0]), chances) == pytest.approx(exact)
    assert above_chance(np.zeros(3), chances) == pytest.approx(1.0)
    assert above_chance(np.ones(60), np.full(60, 1 / 16)) < 1e-60


def test_being_right_more_often_is_tested_on_the_items_that_differ():
    assert more_often_than_not([1.0] * 5 + [0.0], [0.0] * 5 + [1.0]) == pytest.approx(7 / 64)
    assert more_often_than_not([1.0, 0.0], [1.0, 0.0]) == 1.0


@pytest.mark.parametrize("name", EXACT)
def test_maps_that_follow_the_only_path_are_trusted_and_always_point_at_it(found, name):
    row = by_name(found)[name]
    assert row.is_trusted, row.reason
    assert row.deletion > 0.5
    assert row.low is not None
    assert row.low > 0.4
    assert row.beside is not None
    assert row.beside > 0.5
    assert (row.pointing, row.chance) == (1.0, 1 / 16)
    assert row.q <= 0.05


@pytest.mark.parametrize("name", BLIND)
def test_maps_that_know_nothing_of_it_are_not_trusted(found, name):
    row = by_name(found)[name]
    assert row.is_trusted is False
    assert "random maps" in row.reason
    assert row.pointing < 0.5


def test_effects_hold_interval_null_and_correction_of_every_test(found):
    table = found.effects.to_arrow().to_pylist()
    tested = [row for row in table if row["measure"] in ("deletion", "insertion", "knock-out")]
    assert len(tested) == len(EXACT + BLIND) * 3 * 2
    assert {row["null"] for row in tested} == {"random-map:19"}
    assert all(row["low"] <= row["estimate"] <= row["high"] and row["n"] == 12 for row in tested)
    primary = [row for row in tested if row["measure"] == "deletion" and row["removal"] == "pixels"]
    assert np.allclose([row["q"] for row in primary], holm([row["p"] for row in primary]))
    sees = found.effects.where(map="model", measure="sees").to_arrow().to_pylist()[0]
    assert (sees["estimate"], sees["null"]) == (1.0, "another picture")
    assert sees["p"] == pytest.approx(2.0**-12)
    curve = found.effects.where(map="random maps", measure="deletion curve", removal="pixels").to_arrow().to_pylist()
    assert [row["cells"] for row in curve] == [2, 4]
    assert curve[0]["estimate"] == pytest.approx(2 / 16, abs=0.1)  # two cells of sixteen hit the patch so often


def test_maps_of_the_result_are_the_grids_of_every_picture(found):
    assert len(found.maps) == 12
    assert all(grid.shape == (4, 4) for grids in found.maps.values() for grid in grids.values())
    cells = [sight.items(12)[number].groups["thing"][0] - 1 for number in range(12)]
    assert [grids["occlusion"].argmax() for grids in found.maps.values()] == cells


def test_a_margin_that_no_map_reaches_trusts_none(found):
    rows = judged(found.effects, primary="pixels", margin=0.99, level=0.95)
    assert not any(row.is_trusted for row in rows)
    assert "margin" in next(row.reason for row in rows if row.map == "occlusion")


def test_one_picture_is_an_anecdote_with_its_random_maps():
    shown = sight.picture(6, 2, noise=8)
    region = np.zeros((32, 32), bool)
    region[8:16, 16:24] = True
    result = maps.explain(
        sight.seeing_network(), shown, sight.prompt(shown), ("occlusion", "random"), region=region, **QUICK
    )
    assert result.answer == (sight.COLOURS[2],)
    assert result.grids["occlusion"].argmax() == 6
    row = by_name(result)["occlusion"]
    assert (row.is_trusted, row.low, row.pointing) == (None, None, 1.0)
    assert row.p == pytest.approx(1 / 20, abs=0.15)
    assert "anecdote" in row.reason
    assert "anecdote" in result.notes[0]


@pytest.mark.parametrize("kind", ["randomised-weights", "blank-pictures", "random-map"])
def test_where_there_is_nothing_to_see_nothing_is_trusted(kind):
    fields = {**QUICK, "removals": ["pixels"]}
    result = false_positives(
        sight.seeing_network(), sight.items(6), kind, trials=2, maps=("attention", "occlusion"), **fields
    )
    assert (result.trials, result.found, result.rate) == (2, 0, 0.0)
    assert result.high > 0.5  # two trials show little, and the interval says so
    # Random weights hang on the pixels, and occlusion is true of them: it is the question that has no answer there.
    assert result.beyond_random == (2 if kind == "randomised-weights" else 0)


def test_false_positives_of_an_unknown_kind_are_refused():
    with pytest.raises(StudyError) as caught:
        false_positives(sight.seeing_network(), sight.items(3), "noise")
    assert caught.value.code == "AE-9610"


def test_items_of_one_cluster_count_as_one():
    study = MapStudy(model="x", contrasts="y", maps=("occlusion",), **{**QUICK, "shares": (1 / 8,)})
    rows = []
    for number, value in enumerate((1.0, 1.0, 0.0)):
        for removal in ("pixels", "attention"):
            name = f"i{number}"
            rows.append((name, "occlusion", "map", None, 0, None, 1.0))
            for measure in ("deletion", "insertion"):
                rows.append((name, "occlusion", measure, removal, 1, None, value))
                rows += [(name, "random maps", measure, removal, 1, draw, 0.0) for draw in range(19)]
    columns = [pa.array(column, part.type) for column, part in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    values = pa.Table.from_arrays(columns, schema=SCHEMA)
    alone = Maps().summarise(study, values).where(measure="deletion", removal="pixels").to_arrow().to_pylist()[0]
    assert (alone["estimate"], alone["n"]) == (pytest.approx(2 / 3), 3)
    clusters = pa.array(["one" if row[0] in ("i0", "i1") else "two" for row in rows])
    together = Maps().summarise(study, values.append_column("cluster", clusters))
    row = together.where(measure="deletion", removal="pixels").to_arrow().to_pylist()[0]
    assert (row["estimate"], row["n"]) == (pytest.approx(1 / 2), 2)


def test_a_study_of_scenes_is_planned_and_computed_batch_by_batch(tmp_path):
    network = tiny_llava()
    assert network.tokenizer is not None
    network.module.save_pretrained(tmp_path)
    network.tokenizer.save_pretrained(tmp_path)
    fields = {"maps": ("attention:1", "tam"), "items": 2, **QUICK}
    study = MapStudy(model=str(tmp_path), contrasts="scenes:colour", **fields)
    plan = Maps().plan(study)
    assert len(plan.batches) == 2  # a picture each, so that what is finished is kept
    assert "random maps" in plan.notes[-1]
    compute = Maps().open(study)
    values = pa.concat_tables([compute(batch) for batch in plan.batches])
    again = pa.concat_tables([Maps().open(study)(batch) for batch in plan.batches])
    assert values.equals(again)
    effects = Maps().summarise(study, values)
    assert effects.provenance["trusted"] == ""
    assert effects.dimensions == ("map", "measure", "removal", "cells")
    shapes = {item["id"]: tuple(item["grids"][0]) for item in plan.items}
    grids = maps.map_grids(values, shapes)
    assert all(set(one) == {"attention:1", "tam"} for one in grids.values())
    pointed = effects.where(map="random maps", measure="pointing").to_arrow().to_pylist()
    assert pointed[0]["estimate"] == 1 / 16  # the region `object` is the edited thing's cell


def test_items_without_pictures_or_regions_are_refused_in_one_line():
    network, items = sight.seeing_network(), sight.items(2)
    text = replace(items[0], clean_ids=tuple(items[0].clean_ids))
    with pytest.raises(StudyError) as caught:
        maps.trust_maps(network, [text], ("attention",), **QUICK)
    assert caught.value.code == "AE-9601"
    with pytest.raises(StudyError) as caught:
        maps.trust_maps(network, items, ("attention",), region="sky", **QUICK)
    assert caught.value.code == "AE-9608"


@pytest.mark.parametrize(
    "wrong", [{"maps": ["nose"]}, {"shares": [0.0]}, {"top": 0.3}, {"removals": ["attention"]}, {"draws": 3}]
)
def test_a_study_that_does_not_fit_together_is_refused(wrong):
    with pytest.raises((ValueError, StudyError)):
        MapStudy(model="x", contrasts="y", **wrong)


def test_scenes_are_drawn_without_a_model_of_text():
    tokenizer, vision = tiny_llava().tokenizer, tiny_llava().vision
    items = study_contrasts("scenes:remove", None, tokenizer, items=3, seed=0, vision=vision).items
    result = maps.trust_maps(tiny_llava(), items, ("attention",), **QUICK)
    assert result.trust[0].is_trusted is False
