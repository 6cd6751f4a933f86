"""Contrasts with pictures: what is aligned, which positions its parts are, and that a study looks at the picture."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from PIL import Image
from seeing_networks import tiny_llava
from tiny_models import tiny_network

from aetia.contrasts import Contrast, align_one, find_set, own, study_contrasts
from aetia.contrasts.generators.scenes import edited
from aetia.contrasts.own import own_answers
from aetia.errors import ContrastError, StudyError
from aetia.models import record, run_with_hooks
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt
from aetia.models.recording import first_difference
from aetia.scenes import Settings, changed, draw_edit, render
from aetia.tracing.instrument import Trace
from aetia.tracing.study import TraceStudy

SIDE, CELLS = 64, 4


def drawn(items=6, change="colour"):
    network = tiny_llava()
    return network, find_set(f"scenes:{change}").draw(network.tokenizer, items, seed=3, vision=network.vision).items


def test_the_items_of_a_set_carry_their_pictures_and_name_their_parts():
    network, items = drawn()
    assert len(items) == len({item.id for item in items}) == 6
    for item in items:
        assert isinstance(item.clean_ids, Prompt)
        assert tuple(item.clean_ids) == tuple(item.corrupted_ids)
        assert item.clean_ids != item.corrupted_ids
        image = item.groups["image"]
        assert image == tuple(range(1, 17))
        assert {item.clean_ids[n] for n in image} == {network.vision.image_token}
        assert set(item.groups["object"]) | set(item.groups["background"]) | set(item.groups["others"]) == set(image)
        assert item.grids == ((CELLS, CELLS),)
        assert item.answer_ids != item.foil_ids
        assert "".join(item.clean_tokens[17:]).replace(" ", "").startswith("whatcolouristhe")


def in_cells(pixels):
    """Whether any pixel of a cell is so, row by row."""
    return pixels.reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).any((1, 3)).flatten()


@pytest.mark.parametrize("change", ["colour", "shape", "remove", "add", "move"])
def test_the_object_is_every_cell_whose_pixels_change_and_the_background_shows_nothing(change):
    _, items = drawn(12, change)
    for item in items:
        clean, corrupted = (ids.pictures[0].pixels.astype(int) for ids in (item.clean_ids, item.corrupted_ids))
        differs = in_cells((clean != corrupted).any(2))
        assert [position - 1 for position in item.groups["object"]] == np.flatnonzero(differs).tolist(), item.id
        thing = in_cells(np.abs(clean - np.median(clean, (0, 1))).max(2) > 60)  # far above the noise of the ground
        others = np.flatnonzero(thing & ~differs)
        assert [position - 1 for position in item.groups.get("others", ())] == others.tolist(), item.id
        assert not thing[[position - 1 for position in item.groups["background"]]].any()


@pytest.mark.parametrize("change", ["remove", "add"])
def test_a_thing_taken_away_or_added_is_asked_about_in_both_directions(change):
    drawn_twice = [tuple(islice(edited(change, 3, None, 0), 12)) for _ in range(2)]
    for place, (one, again) in enumerate(zip(*drawn_twice, strict=True)):
        assert (one.id, one.answer, one.pictures, one.edited) == (again.id, again.answer, again.pictures, again.edited)
        pair = draw_edit(3 * 1_000_003 + int(one.id[-4:]), change, Settings(size=SIDE, fewest=3, most=5))
        scenes = ((pair.before, pair.answer), (pair.after, pair.answer_after))
        (clean, answer), (other, foil) = scenes if place % 2 == 0 else scenes[::-1]
        assert (one.pictures[0].pixels == render(clean)).all()
        assert (one.edited[0].pixels == render(other)).all()
        assert (one.answer, one.foil) == (f" {answer}", f" {foil}")
        differs = (render(clean) != render(other)).any(2)
        assert not (differs & ~one.regions["object"]).any()
        assert not (one.regions["others"] & one.regions["object"]).any()
    answers = [one.answer for one in drawn_twice[0]]
    assert answers.count(" yes") == answers.count(" no") == 6


def test_yes_and_no_alone_are_too_few_words_to_be_exchanged():
    network, items = drawn(20, "remove")
    effects = Trace().run_on(
        TraceStudy(contrasts="scenes:remove", sites=("resid_pre",), layers=(0,), positions="spans"), network, items
    )
    patched = effects.where(method="patch").to_arrow()
    assert (set(patched["null"].to_pylist()), set(patched["q"].to_pylist())) == ({None}, {None})
    assert None not in patched["low"].to_pylist()


def test_runs_differ_from_the_first_position_of_the_picture_that_differs():
    network, (item, *_) = drawn(1)
    clean, corrupted = (record(network, ids) for ids in (item.clean_ids, item.corrupted_ids))
    assert first_difference(clean, corrupted) == 1
    assert not clean.resid_pre[0][item.groups["image"][0] :].equal(corrupted.resid_pre[0][1:])
    assert clean.resid_pre[:, 0].equal(corrupted.resid_pre[:, 0])


def test_a_study_of_pictures_patches_exactly():
    network, items = drawn(4)
    study = TraceStudy(contrasts="scenes:colour", sites=("resid_pre", "attn_out"), positions="spans", null="none")
    effects = Trace().run_on(study, network, items)
    spans = set(effects.where(method="patch").to_arrow()["span"].to_pylist())
    assert spans == {"image", "object", "others", "background", "before", "question", "last"}
    # All positions of the picture from the clean run, before the first block: the corrupted run becomes the clean one.
    [whole] = effects.where(method="patch", component="resid_pre", layer=0, span="image").to_arrow().to_pylist()
    differences = []
    for item in items:
        answer, foil = item.answer_ids[0], item.foil_ids[0]
        clean, corrupted = (run_with_hooks(network, ids).logits[0] for ids in (item.clean_ids, item.corrupted_ids))
        differences.append(float((clean[answer] - clean[foil]) - (corrupted[answer] - corrupted[foil])))
    assert whole["estimate"] == pytest.approx(np.mean(differences), abs=1e-5)
    [before] = effects.where(method="patch", component="resid_pre", layer=0, span="before").to_arrow().to_pylist()
    assert before["estimate"] == 0


def test_ids_that_have_lost_their_picture_are_refused():
    network, (item, *_) = drawn(1)
    longer = item.clean_ids + item.answer_ids
    assert longer.pictures == item.clean_ids.pictures
    with pytest.raises(StudyError, match="AE-9703"):
        record(network, (*item.clean_ids, 7))
    with pytest.raises(StudyError, match="AE-9703"):
        record(tiny_network("llama"), item.clean_ids)


def test_what_cannot_be_compared_is_said():
    network = tiny_llava()
    small, large = (Picture(np.zeros((side, side, 3), np.uint8)) for side in (32, 64))
    grey = Picture(np.full((64, 64, 3), 9, np.uint8))

    def aligned(picture, edited, vision=network.vision):
        asked = Contrast(
            "one", "is there a circle ?", "is there a circle ?", " yes", " no", pictures=(picture,), edited=(edited,)
        )
        return align_one(asked, network.tokenizer, vision=vision)

    with pytest.raises(ContrastError, match="AE-9705"):
        aligned(large, small)
    with pytest.raises(ContrastError, match="AE-9705"):
        aligned(large, grey, vision=None)
    with pytest.raises(ContrastError, match="AE-2114"):
        aligned(large, Picture(large.pixels.copy(), "of another name"))
    assert aligned(large, grey).clean_ids.pictures == (large,)


def test_a_pair_of_files_with_a_region(tmp_path):
    pair = draw_edit(5, "colour")
    for name, scene in (("a", pair.before), ("b", pair.after)):
        Image.fromarray(render(scene)).save(tmp_path / f"{name}.png")
    rows, columns = (np.flatnonzero(changed(pair).any(axis)) for axis in (1, 0))
    box = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
    network = tiny_llava()
    asked = {
        "clean": pair.question.text, "answer": f" {pair.answer}", "foil": f" {pair.answer_after}",
        "picture": str(tmp_path / "a.png"), "edited": str(tmp_path / "b.png"), "regions": {"thing": box},
    }  # fmt: skip
    [item] = study_contrasts(None, asked, network.tokenizer, items=1, vision=network.vision).items
    assert item.corrupted == item.clean
    assert len(item.groups["thing"]) == 1
    with pytest.raises(ContrastError, match="AE-2106"):
        study_contrasts(
            None, {**asked, "regions": {"thing": [0, 0, 999, 5]}}, network.tokenizer, items=1, vision=network.vision
        )


def test_a_file_of_pictured_contrasts(tmp_path):
    pair = draw_edit(5, "colour")
    for name, scene in (("a", pair.before), ("b", pair.after)):
        Image.fromarray(render(scene)).save(tmp_path / f"{name}.png")
    row = '{"clean": "%s", "corrupted": "%s", "answer": " %s", "foil": " %s", "picture": "a.png", "edited": "%s.png"}\n'
    values = (pair.question.text, pair.question.text, pair.answer, pair.answer_after)
    (tmp_path / "own.jsonl").write_text(row % (*values, "b"), encoding="utf-8")
    network = tiny_llava()
    found = study_contrasts(str(tmp_path / "own.jsonl"), None, network.tokenizer, items=9, vision=network.vision)
    assert found.items[0].clean_ids.pictures[0].height == pair.before.settings.size
    for wrong, code in (("c", "AE-9301"), ("~nobody/b", "AE-9301"), ("https://example.org/b", "AE-9302")):
        (tmp_path / "own.jsonl").write_text(row % (*values, wrong), encoding="utf-8")
        with pytest.raises(ContrastError, match=f"{code} .*line 1"):
            study_contrasts(str(tmp_path / "own.jsonl"), None, network.tokenizer, items=9, vision=network.vision)


def test_what_a_review_found_stays_mended(tmp_path):
    from aetia.studies import nulls
    from aetia.studies.clusters import check_clusters

    network, items = drawn(2)
    assert items[0].clean_ids != None  # noqa: E711  a prompt is not equal to whatever has no pictures
    assert Prompt((1, 2)) == (1, 2)
    assert hash(Prompt((1, 2))) == hash((1, 2))
    study = TraceStudy(contrasts="scenes:colour", null="unrelated-contrast:19")
    for name in ("unrelated-contrast", "paraphrase-placebo"):
        with pytest.raises(StudyError, match="AE-1603"):
            nulls.drawn(nulls.Null(name, 19), 0, study, network, items)
    again = replace(items[1], clean_ids=Prompt(items[1].clean_ids, items[0].clean_ids.pictures, (1,)))
    with pytest.raises(StudyError, match="AE-1604"):
        check_clusters([items[0], replace(again, clean_ids=again.clean_ids + again.answer_ids)])
    # The same question about two pictures is two contrasts.
    rows = []
    for number in range(2):
        pair = draw_edit(number, "remove")
        for role, scene in (("a", pair.before), ("b", pair.after)):
            Image.fromarray(render(scene)).save(tmp_path / f"{role}{number}.png")
        rows.append(
            f'{{"clean": "is there a red circle ?", "corrupted": "is there a red circle ?", "answer": " yes", '
            f'"foil": " no", "picture": "a{number}.png", "edited": "b{number}.png"}}'
        )
    (tmp_path / "own.jsonl").write_text("\n".join(rows), encoding="utf-8")
    found = study_contrasts(str(tmp_path / "own.jsonl"), None, network.tokenizer, items=9, vision=network.vision)
    assert len(found.items) == 2


def test_an_answer_that_the_model_has_no_word_for_is_refused():
    with pytest.raises(ContrastError, match=r"AE-2121 The model has no token for the answer ' (large|small)'"):
        drawn(2, "size")


def test_the_other_answer_is_another_word_and_not_the_same_without_its_space(monkeypatch, tmp_path):
    network = tiny_llava()
    picture = tmp_path / "a.png"
    Image.fromarray(render(draw_edit(0, "colour").before)).save(picture)
    monkeypatch.setattr(own, "token_texts", lambda tokens, _: [("" if tokens[0] % 2 else " ") + f"w{tokens[0] // 4}"])
    pair = {"picture": [str(picture)], "clean": "is it ?", "corrupted": "is it ?"}
    first, other = own_answers(network, pair)
    assert first.strip() != other.strip()
    for answer in (f" {other.strip()}", other.strip()):
        given, foil = own_answers(network, pair, answer)
        assert given == answer
        assert foil.strip() == first.strip()
