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
from aetia.maps.instrument import Maps
from aetia.maps.measured import Rows
from aetia.maps.names import CONTROL_NAMES
from aetia.maps.study import MapStudy
from aetia.maps.verdict import judged

QUICK = {"draws": 19, "shares": [1 / 8, 1 / 4], "top": 1 / 8}
EXACT = ("attention", "attention-gradient", "gradient-input", "occlusion", "patch-ablation")
BLIND = ("logit-lens", "tam", "random")
SEEN = {"ground": 90, "holes": 4}  # darker places that stand out, and that the answer does not rest on


def by_name(result):
    return {one.map: one for one in result.trust}


@pytest.fixture(scope="module")
def found():
    """The verdicts on the planted model: its only path is bright patch -> last position."""
    return maps.trust_maps(sight.seeing_network(), sight.items(12, **SEEN), (*EXACT, *BLIND), **QUICK)


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
    assert row.is_beyond_random
    assert row.beyond > 0.4
    assert row.beyond_q == pytest.approx(8 / 2**12 if row.control in ("edges", "contrast", "centre") else 0, abs=2e-3)


@pytest.mark.parametrize("name", BLIND)
def test_maps_that_know_nothing_of_it_are_not_trusted(found, name):
    row = by_name(found)[name]
    assert row.standing == "do not trust"
    assert "random" in row.reason
    assert row.pointing < 0.5


def test_effects_hold_interval_null_and_correction_of_every_test(found):
    table = found.effects.to_arrow().to_pylist()
    tested = [row for row in table if row["measure"] in ("deletion", "insertion", "knock-out")]
    assert len(tested) == len(EXACT + BLIND) * 3 * 2 + len(CONTROL_NAMES)
    assert {row["null"] for row in tested} == {"random-map:19"}
    assert all(row["low"] <= row["estimate"] <= row["high"] and row["n"] == 12 for row in tested)
    maps_alone = [row for row in tested if row["map"] not in CONTROL_NAMES]
    primary = [row for row in maps_alone if row["measure"] == "deletion" and row["removal"] == "pixels"]
    assert np.allclose([row["q"] for row in primary], holm([row["p"] for row in primary]))
    sees = found.effects.where(map="model", measure="sees").to_arrow().to_pylist()[0]
    assert (sees["estimate"], sees["null"]) == (1.0, "another picture")
    assert sees["p"] == pytest.approx(2.0**-12)
    curve = found.effects.where(map="random maps", measure="deletion curve", removal="pixels").to_arrow().to_pylist()
    assert [row["share"] for row in curve] == [1 / 8, 1 / 4]
    assert curve[0]["estimate"] == pytest.approx(2 / 16, abs=0.1)  # two cells of sixteen hit the patch so often


def test_maps_of_the_result_are_the_grids_of_every_picture(found):
    assert len(found.maps) == 12
    assert all(grid.shape == (4, 4) for grids in found.maps.values() for grid in grids.values())
    cells = [sight.items(12, **SEEN)[number].groups["thing"][0] - 1 for number in range(12)]
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


def test_items_of_one_cluster_count_as_one():
    study = MapStudy(model="x", contrasts="y", maps=("occlusion",), **{**QUICK, "shares": (1 / 8,)})
    tables = []
    for number, value in enumerate((1.0, 1.0, 0.0)):
        rows = Rows(f"i{number}")
        rows.add("occlusion", "map", 1.0, cell=0)
        for removal in ("pixels", "attention"):
            for measure in ("deletion", "insertion"):
                rows.add("occlusion", measure, value, removal, 1 / 8)
                for draw in range(19):
                    rows.add("random maps", measure, 0.0, removal, 1 / 8, random=draw)
        tables.append(rows.table())
    values = pa.concat_tables(tables)
    alone = Maps().summarise(study, values).where(measure="deletion", removal="pixels").to_arrow().to_pylist()[0]
    assert (alone["estimate"], alone["n"]) == (pytest.approx(2 / 3), 3)
    clusters = pa.array(["two" if name == "i2" else "one" for name in values["item"].to_pylist()])
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
    assert effects.dimensions == ("map", "measure", "removal", "share")
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
    items = study_contrasts("scenes:remove", None, tokenizer, items=6, seed=0, vision=vision).items
    result = maps.trust_maps(tiny_llava(), items, ("attention",), **QUICK)
    assert result.trust[0].is_trusted is False
    # In every second picture the thing that is asked about is not there, and no map can point at it.
    pointing = result.effects.where(map="attention", measure="pointing").to_arrow()["n"].to_pylist()
    assert pointing == [3]
    assert result.trust[0].chance == 1 / 16
