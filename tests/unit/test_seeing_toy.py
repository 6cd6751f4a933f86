"""The toy is trained on what it meets later; a killed training goes on to the same weights; words are tokens."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import Parameter

from aetia.errors import StudyError
from aetia.scenes import Scene, draw, questions, render
from aetia.seeing import Recipe, shipped_toy, train_toy
from aetia.seeing.batches import (
    CELLS,
    IGNORED,
    PREFIX,
    SETTINGS,
    cell_classes,
    mixed_questions,
    pack,
    pixels_of,
    training_seeds,
)
from aetia.seeing.checkpoints import CHECKPOINT
from aetia.seeing.judging import HELD_OUT, VALIDATION, Validation, judge
from aetia.seeing.model import build_model, decoded, picture_features
from aetia.seeing.optimiser import Optimiser, Rates, orthogonal
from aetia.seeing.recipe import MIX
from aetia.seeing.shipping import build_processor
from aetia.seeing.tokens import BEGIN, IMAGE, UNKNOWN, VOCABULARY, build_tokenizer, encode

TINY = Recipe(vision_steps=3, alignment_steps=2, language_steps=4, vision_scenes=4, language_scenes=2, look_every=2)
EVERYTHING = dict.fromkeys(MIX, 2.0)


@pytest.fixture(autouse=True)
def few_validation_scenes(monkeypatch):
    monkeypatch.setattr("aetia.seeing.toy.VALIDATION", VALIDATION[:4])


@pytest.fixture(scope="module")
def model():
    return build_model(seed=5).eval()


def weights(model):
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# Words.


def test_every_word_of_plain_scenes_is_one_token_and_reads_back():
    tokenizer = build_tokenizer()
    for seed in range(200):
        for question in questions(draw(seed, SETTINGS), seed):
            for text in (question.text, question.answer):
                ids = encode(text)
                assert UNKNOWN not in ids
                assert tokenizer(text, add_special_tokens=False)["input_ids"] == ids
                assert tokenizer.decode(ids) == text.lower()
            if question.kind != "caption":
                assert len(encode(question.answer)) == 1


def test_words_are_told_apart_whatever_surrounds_them():
    tokenizer = build_tokenizer()
    for text in ("  Is\tthere a RED circle ?!", "red,green.blue?", "", "a zebra", "..,,??"):
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == encode(text)
    assert encode("zebra") == [UNKNOWN]
    assert len(set(VOCABULARY)) == len(VOCABULARY)


def test_the_processor_makes_what_training_saw():
    scene = draw(3, SETTINGS)
    text = "What colour is the circle?"
    processor = build_processor()
    message = [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image"}]}]
    prompt = processor.apply_chat_template(message)
    made = processor(images=render(scene), text=prompt)
    assert made["input_ids"] == [[BEGIN] + [IMAGE] * CELLS + encode(text)]
    assert np.allclose(made["pixel_values"][0], pixels_of([scene])[0], atol=1e-6)


# Batches.


def test_packed_questions_are_answered_as_if_each_stood_alone(model):
    scenes = [draw(seed, SETTINGS) for seed in range(3)]
    asked = [mixed_questions(scene, EVERYTHING, 0) for scene in scenes]
    packed = pack(scenes, asked)
    with torch.no_grad():
        hidden = decoded(model, picture_features(model, pixels_of(scenes)), packed)[-1]
        for number, scene in enumerate(scenes):
            for block, question in enumerate(asked[number], start=1):
                words = [BEGIN] + [IMAGE] * CELLS + encode(question.text) + encode(question.answer)
                alone = model(input_ids=torch.tensor([words]), pixel_values=pixels_of([scene])).logits[0, PREFIX:]
                together = model.lm_head(hidden[number][packed.blocks[number] == block])
                assert torch.allclose(alone, together, atol=1e-5)


def test_answers_and_their_ends_are_what_is_predicted():
    scene = draw(4, SETTINGS)
    asked = mixed_questions(scene, EVERYTHING, 0)
    packed = pack([scene], [asked])
    for block, question in enumerate(asked, start=1):
        labels = packed.labels[0][packed.blocks[0] == block]
        told = labels[labels != IGNORED].tolist()
        assert " ".join(VOCABULARY[word] for word in told).replace(" ,", ",") == f"{question.answer} <eos>"


def test_names_in_relations_know_where_their_things_are():
    scene = draw(6, SETTINGS)
    asked = mixed_questions(scene, {"relation": 4.0, "existence": 1.0}, 0)
    packed = pack([scene], [asked])
    found = 0
    for block, question in enumerate(asked, start=1):
        places = packed.places[0][packed.blocks[0] == block]
        told = [tuple(place) for place in places.tolist() if place[0] != IGNORED]
        things = [scene.things[index] for index in question.about]
        assert told == ([(thing.row, thing.column) for thing in things] if question.kind == "relation" else [])
        found += len(told)
    assert found >= 2


def test_cells_are_classed_by_what_is_in_them():
    scene = draw(8, SETTINGS)
    classes = cell_classes([scene])[0].view(4, 4, 2)
    assert int((classes[..., 0] > 0).sum()) == len(scene.things)
    for thing in scene.things:
        colour, shape = classes[thing.row, thing.column].tolist()
        assert (SETTINGS.colours[colour - 1], SETTINGS.shapes[shape - 1]) == (thing.colour, thing.shape)


def test_a_mix_gives_as_many_questions_as_it_says():
    counts = dict.fromkeys(MIX, 0)
    for seed in range(300):
        asked = mixed_questions(draw(seed, SETTINGS), {"existence": 2.0, "caption": 0.25, "count": 1.0}, 0)
        assert len({question.text for question in asked}) == len(asked)
        for question in asked:
            counts[question.kind] += 1
    assert counts["existence"] > 560
    assert counts["count"] == 300
    assert 45 < counts["caption"] < 110
    assert counts["colour"] == 0


def test_no_scene_of_a_training_is_in_another_or_in_the_controls():
    ranges = [training_seeds(seed, start, 10**6) for seed in (0, 1) for start in (0, 2**28, 2**29)]
    ranges += [HELD_OUT, VALIDATION]
    ordered = sorted(ranges, key=lambda seeds: seeds.start)
    assert all(one.stop <= other.start for one, other in pairwise(ordered))


# Optimiser.


def test_muon_makes_singular_values_alike():
    matrices = torch.randn(3, 40, 24, generator=torch.Generator().manual_seed(0))
    matrices[1] *= 1e-4
    for change, matrix in zip(orthogonal(matrices), matrices, strict=True):
        values = torch.linalg.svdvals(change)
        assert 0.5 < values.min() <= values.max() < 1.3
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        cosine = (change * (left @ right)).sum() / (change.norm() * (left @ right).norm())
        assert cosine > 0.95  # the nearest one: directions are kept
    assert torch.allclose(orthogonal(matrices.mT), orthogonal(matrices).mT, atol=1e-5)


def test_adamw_is_torchs():
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(7, generator=generator)
    ours, theirs = Parameter(start.clone()), Parameter(start.clone())
    mine = Optimiser({"w": ours}, (), Rates(steps=10**9, adam=0.01, decay=0.1, warmup=1))
    reference = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1, betas=(0.9, 0.98))
    for step in range(20):
        target = torch.randn(7, generator=generator)
        for weight in (ours, theirs):
            (0.1 * torch.sin(weight - target)).sum().backward()  # its norm is below where gradients are cut
        mine.change(step)
        reference.step()
        reference.zero_grad()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_rates_rise_and_fall():
    rates = Rates(steps=100, adam=1.0, warmup=10, last=0.1)
    shares = [rates.share(step) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert np.argmax(shares) == 9
    assert shares[-1] == pytest.approx(0.1, abs=0.01)


# Training.


def test_a_seed_decides_the_weights_to_the_bit():
    one, other, third = train_toy(TINY), train_toy(TINY), train_toy(replace(TINY, seed=1))
    assert same(weights(one.model), weights(other.model))
    assert one.curves.data == other.curves.data != third.curves.data
    assert not same(weights(one.model), weights(third.model))


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("kills", [(1,), (4, 3), (7, 2), (9,)])
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, kills):
    for steps_until in kills:
        steps = iter(range(1, steps_until + 1))

        def observe(_progress, steps=steps, last=steps_until):
            if next(steps) == last:
                raise _KilledError

        with pytest.raises(_KilledError):
            train_toy(TINY, folder=tmp_path, resume=True, observer=observe)
    whole, pieced = train_toy(TINY), train_toy(TINY, folder=tmp_path, resume=True)
    assert same(weights(whole.model), weights(pieced.model))
    assert whole.curves.data == pieced.curves.data
    assert whole.curves.loss == pieced.curves.loss
    assert whole.curves.validation == pieced.curves.validation
    assert {stage: len(losses) for stage, losses in pieced.curves.loss.items()} == {
        "vision": 3,
        "alignment": 2,
        "language": 4,
    }


def test_the_tower_stays_as_it_is_once_the_words_are_learned(monkeypatch):
    seen = {}
    monkeypatch.setattr("aetia.seeing.toy.build_model", lambda seed: seen.setdefault("model", build_model(seed)))

    def observe(progress):
        tower = {name: w for name, w in weights(seen["model"]).items() if "vision_tower" in name}
        seen.setdefault(progress.stage, []).append(tower)

    train_toy(TINY, observer=observe)
    assert same(seen["vision"][-1], seen["language"][-1])
    assert not same(seen["vision"][0], seen["vision"][-1])


def test_a_begun_training_is_not_overwritten(tmp_path):
    train_toy(TINY, folder=tmp_path)
    with pytest.raises(StudyError, match="AE-9201"):
        train_toy(TINY, folder=tmp_path)
    with pytest.raises(StudyError, match=r"AE-9202.*another recipe"):
        train_toy(replace(TINY, language_steps=5), folder=tmp_path, resume=True)
    file = tmp_path / CHECKPOINT
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(StudyError, match=r"AE-9202.*cannot be read"):
        train_toy(TINY, folder=tmp_path, resume=True)


def test_steps_of_the_toy_that_ships_come_out_again():
    """Its scenes, first weights and first steps are still what they were; rounding differs between machines."""
    shipped = json.loads((shipped_toy() / "curves.json").read_text())["loss"]["vision"]
    seen = []

    def observe(progress):
        seen.append(progress.loss)
        if len(seen) == 4:
            raise _KilledError

    with pytest.raises(_KilledError):
        train_toy(observer=observe)
    assert seen == pytest.approx(shipped[:4], abs=2e-3)


def test_devices_and_recipes_that_cannot_be():
    with pytest.raises(StudyError, match="AE-9203"):
        train_toy(TINY, device="abacus")
    with pytest.raises(StudyError, match="AE-9204"):
        Recipe(language_steps=0)
    with pytest.raises(StudyError, match="AE-9204"):
        Recipe(seed=-1)


# Judging.


def test_validation_agrees_with_asking_one_by_one(model):
    """Of random weights some answers are right by chance; both ways of asking must find the same ones."""
    seeds = range(50)
    right, asked = 0, 0
    for seed in seeds:
        scene = draw(seed, SETTINGS)
        for question in mixed_questions(scene, {"count": 1.0}, 0):
            words = [BEGIN] + [IMAGE] * CELLS + encode(question.text)
            wanted = encode(question.answer)
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([words + wanted]), pixel_values=pixels_of([scene])).logits[0]
            right += logits[len(words) - 1].argmax().item() == wanted[0] and logits[len(words)].argmax().item() == 2
            asked += 1
    assert Validation(model, seeds, {"count": 1.0})() == {"count": right / asked}


def test_a_judge_counts_what_an_answerer_that_cheats_gets_right(model, monkeypatch):
    """One that always says `yes` is right on half of what is answered by yes or no, and on nothing else."""

    def always_yes(input_ids, **_settings):
        return torch.cat([input_ids, torch.full((len(input_ids), 1), encode("yes")[0])], 1)

    monkeypatch.setattr(model, "generate", always_yes)
    scores = {score.kind: score for score in judge(model, range(400))}
    assert {kind for kind, score in scores.items() if score.right} == {"existence", "relation"}
    for kind in ("existence", "relation"):
        assert scores[kind].low < 0.5 < scores[kind].high
    assert [scores[kind].chance for kind in MIX] == pytest.approx([1 / 2, 1 / 6, 1 / 4, 1 / 5, 1 / 4, 1 / 2, 1 / 120])


def test_controls_show_nothing_or_another_scene(model, monkeypatch):
    shown = []

    def note(input_ids, pixel_values, **_settings):
        shown.append(pixel_values)
        return input_ids

    monkeypatch.setattr(model, "generate", note)
    scenes = [draw(seed, SETTINGS) for seed in range(3)]
    judge(model, range(3), "blank", ["count"])
    assert torch.equal(shown[-1], pixels_of([Scene((), SETTINGS, seed) for seed in range(3)]).to(shown[-1]))
    judge(model, range(3), "shuffled", ["count"])
    assert torch.equal(shown[-1], pixels_of([scenes[2], scenes[0], scenes[1]]))
    judge(model, range(3), "none", ["count"])
    assert torch.equal(shown[-1], pixels_of(scenes))
