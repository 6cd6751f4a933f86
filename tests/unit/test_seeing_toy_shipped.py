"""The toy that ships is what its card says: right on fresh scenes, at chance without the picture, small, complete."""

import hashlib
import json
from math import sqrt

import numpy as np
import pytest
import torch

from aetia.scenes import draw, render
from aetia.seeing import Recipe, judge, shipped_toy
from aetia.seeing.batches import SETTINGS
from aetia.seeing.scores import KINDS
from aetia.seeing.tokens import VOCABULARY

FRESH = range(3_000_000_000, 3_000_000_200)  # neither trained on, nor validated on, nor in the card's table
AIMS = dict.fromkeys(KINDS, 0.97) | {"count-of": 0.95, "relation": 0.90, "caption": 0.90}


@pytest.fixture(scope="module")
def folder():
    return shipped_toy()


@pytest.fixture(scope="module")
def model(folder):
    from transformers import LlavaForConditionalGeneration

    return LlavaForConditionalGeneration.from_pretrained(folder, local_files_only=True).eval()


@pytest.fixture(scope="module")
def record(folder):
    return json.loads((folder / "curves.json").read_text())


def test_it_is_right_on_fresh_scenes(model):
    for score in judge(model, FRESH):
        aim = AIMS[score.kind]
        assert score.accuracy >= aim - 2.6 * sqrt(aim * (1 - aim) / score.count), score


@pytest.mark.parametrize("control", ["blank", "shuffled"])
def test_without_its_picture_it_is_at_chance(model, control):
    for score in judge(model, FRESH, control):
        error = sqrt(score.chance * (1 - score.chance) / score.count)
        assert score.accuracy <= score.chance + 3.3 * error + (0.02 if control == "shuffled" else 0), score


def test_it_is_small_and_of_the_size_it_says(model, folder):
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 6 * 10**6
    assert 1.1e6 < sum(weight.numel() for weight in model.parameters()) < 1.3e6
    assert model.config.text_config.vocab_size == len(VOCABULARY)
    assert {file.suffix for file in folder.iterdir()} == {".json", ".safetensors", ".md", ".jinja"}


def test_it_is_asked_as_transformers_asks(model, folder):
    from transformers import AutoImageProcessor, AutoTokenizer, LlavaProcessor

    images = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    scene = draw(FRESH[0], SETTINGS)
    processor = LlavaProcessor.from_pretrained(folder, local_files_only=True)
    asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "How many objects are there?"}]}]
    prompt = tokenizer.apply_chat_template(asked, tokenize=False)
    made = processor(images=render(scene), text=prompt)
    ids, pixels = torch.tensor(made["input_ids"]), torch.from_numpy(np.stack(made["pixel_values"]))
    assert torch.equal(pixels, images(images=[render(scene)], return_tensors="pt")["pixel_values"])
    given = model.generate(input_ids=ids, pixel_values=pixels)
    words = tokenizer.decode(given[0, ids.shape[1] :], skip_special_tokens=True)
    assert words == ("zero", "one", "two", "three", "four", "five")[len(scene.things)]
    assert given[0, -1] == tokenizer.eos_token_id  # it stops by itself


def test_the_card_and_the_curves_are_of_these_weights(folder, record):
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    card = (folder / "card.md").read_text()
    assert record["weights_sha256"] == weights
    assert weights in card
    assert record["data_sha256"] in card
    assert record["recipe"] == Recipe().record()
    for stage in ("vision", "alignment", "language"):
        losses = record["loss"][stage]
        assert len(losses) == len(record["accuracy"][stage]) == record["recipe"][f"{stage}_steps"]
        assert sum(losses[-20:]) < sum(losses[:20]) / 3
    for score in record["held_out"]:
        assert f"{score['right'] / score['count']:.3f} [{score['low']:.3f}, {score['high']:.3f}]" in card
