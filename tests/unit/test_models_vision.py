"""Models that see: what their forward is given, what they answer, and how they come out of a folder."""

import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from tiny_vision_models import IMAGE_TOKEN, noise, prompt, tiny_vision_network, vision_of
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from aetia.errors import StudyError
from aetia.models import load, record, run_with_hooks, wrap
from aetia.models.network import skeleton
from aetia.models.pictures import Picture
from aetia.models.randomise import randomised
from aetia.models.vision import VISION_FAMILIES, processor_in

ONE_EACH = ["llava_llama", "idefics3", "smolvlm", "qwen2_5_vl", "qwen3_vl"]
SPECIAL = [
    "<unk>",
    "<s>",
    "</s>",
    "<image>",
    "<video>",
    "<fake_token_around_image>",
    "<global-img>",
    "user",
    "assistant",
]
WORDS = ["is", "there", "a", "red", "circle", "yes", "no"]
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} {% for part in m['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }}{% endif %}{% endfor %} {% endfor %}assistant"
)


def tokenizer() -> PreTrainedTokenizerFast:
    core = Tokenizer(models.WordLevel({word: n for n, word in enumerate([*SPECIAL, *WORDS])}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=SPECIAL[3:7],
    )  # fmt: skip
    made.chat_template = TEMPLATE
    return made


@pytest.fixture(scope="module", params=ONE_EACH)
def folder(request, tmp_path_factory):
    network = tiny_vision_network(request.param)
    path = tmp_path_factory.mktemp("models") / request.param
    network.module.save_pretrained(path)
    tokenizer().save_pretrained(path)
    vision_of(network).processor.save_pretrained(path)  # pyright: ignore[reportAttributeAccessIssue]
    return path


def test_a_saved_model_is_loaded_asked_planned_and_randomised(folder):
    network, original = load(folder), tiny_vision_network(folder.name)
    asked = network.prompt("is there a red circle", [noise(0), noise(1)])
    size = vision_of(network).positions(noise(0))
    assert asked.count(IMAGE_TOKEN) == 2 * size
    assert [asked[start] for start in asked.starts] == [IMAGE_TOKEN] * 2
    around = 2 if folder.name in ("idefics3", "smolvlm") else 0  # a fake token and the overview's mark before a picture
    assert asked.starts[0] == 1 + around
    assert [SPECIAL[token] for token in asked[1 : 1 + around]] == ["<fake_token_around_image>", "<global-img>"][:around]
    if folder.name.startswith("qwen"):
        with pytest.raises(StudyError, match="AE-9309"):  # this template puts nothing between two pictures
            network.logits(asked)
        asked = network.prompt("is there a red circle", [noise(0)])
    assert torch.allclose(network.logits(asked), original.logits(asked), atol=1e-5)

    bare = skeleton(folder)
    assert bare.prompt("is there a red circle", list(asked.pictures)) == asked
    assert vision_of(bare).grid(noise(0)) == vision_of(network).grid(noise(0))
    assert len(bare.blocks) == len(network.blocks)

    drawn = randomised(network, 1)
    assert not torch.allclose(drawn.logits(asked), network.logits(asked), atol=0.1)
    assert torch.equal(drawn.logits(asked), randomised(network, 1).logits(asked))
    others = [replace_pictures(asked, seed) for seed in (8, 9)]
    assert not torch.allclose(drawn.logits(others[0]), drawn.logits(others[1]), atol=1e-3)


def replace_pictures(asked, seed):
    return type(asked)(asked, [noise(seed + n) for n, _ in enumerate(asked.pictures)], asked.starts)


def test_a_processor_that_lies_in_the_file_of_the_whole_is_found(folder):
    own = json.loads((folder / "preprocessor_config.json").read_text())
    expected = vision_of(load(folder)).preprocess([noise(3)])
    (folder / "preprocessor_config.json").unlink()
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": own}))
    found = vision_of(skeleton(folder)).preprocess([noise(3)])
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("family", ONE_EACH)
def test_batches_and_answers_are_those_of_one_prompt_after_another(family):
    network = tiny_vision_network(family)
    prompts = [prompt(network, [10, 11], [noise(seed), noise(seed + 1)], [31, 32, 33]) for seed in range(3)]
    logits = network.last_logits(prompts)
    for row, one in zip(logits, prompts, strict=True):
        assert torch.allclose(row, network.logits(one)[-1], atol=1e-4)
        assert torch.allclose(row, run_with_hooks(network, one).logits[0], atol=1e-4)
    assert (logits[0] - logits[1]).abs().max() > 0.1
    answer, asked = network.generate(prompts[0], tokens=3), prompts[0]
    for token in answer:
        if (
            IMAGE_TOKEN not in asked[-2:]
        ):  # what a random network makes of a picture it writes itself is nobody's matter
            assert int(network.last_logits([asked])[0].argmax()) == token
        asked += (token,)
        if token == IMAGE_TOKEN:
            break


@pytest.mark.parametrize("family", ONE_EACH)
def test_pictures_reach_their_own_positions_in_order(family):
    network = tiny_vision_network(family)
    pair, swapped = (
        record(network, prompt(network, [10], pictures, [31])).resid_pre[0]
        for pictures in ([noise(0), noise(1)], [noise(1), noise(0)])
    )
    size = vision_of(network).positions(noise(0))
    first, second = slice(1, 1 + size), slice(2 + size, 2 + 2 * size)
    assert torch.allclose(pair[first], swapped[second], atol=1e-4)
    assert not torch.allclose(pair[first], pair[second], atol=0.1)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_a_picture_takes_as_many_positions_as_its_shape_has_cells(family):
    vision = vision_of(tiny_vision_network(family))
    assert [vision.grid(noise(0, *size)) for size in ((16, 16), (16, 24), (40, 24), (17, 41))] == [
        (2, 2), (2, 3), (5, 3), (2, 5),
    ]  # fmt: skip
    with pytest.raises(StudyError, match="AE-9308"):
        vision.grid(noise(0, 2, 999))


@pytest.mark.parametrize("family", ["llava_llama", "idefics3", "smolvlm"])
def test_low_pictures_are_not_taken_for_colours(family):
    """Three rows of pixels could be three colours to whoever guesses the axes."""
    vision = vision_of(tiny_vision_network(family))
    low = noise(0, 3, 16)
    turned = Picture(np.ascontiguousarray(low.pixels.repeat(2, 0)))
    a, b = (vision.preprocess([picture])["pixel_values"] for picture in (low, turned))
    assert a.shape == b.shape
    assert (a - b).abs().mean() < 0.5 * (a - a.roll(1, -1)).abs().mean()


def test_a_family_that_counts_other_cells_is_found_out(monkeypatch):
    network = tiny_vision_network("llava_llama")
    family = replace(VISION_FAMILIES[0], prefix=lambda _config: 2)
    monkeypatch.setattr("aetia.models.vision.VISION_FAMILIES", (family,))
    with pytest.raises(StudyError, match="does not take 6 positions"):
        wrap(network.module)


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="what is missing elsewhere is here")
def test_a_processor_that_needs_torchvision_says_so(tmp_path):
    said = tmp_path / "preprocessor_config.json"
    said.write_text(json.dumps({"image_processor_type": "Sam2ImageProcessor"}))
    with pytest.raises(StudyError, match="AE-9313") as caught:
        processor_in(tmp_path)
    assert "torchvision" in caught.value.mend
    said.write_text(json.dumps({"image_processor_type": "NoImageProcessor"}))
    with pytest.raises(ValueError, match="Unrecognized"):
        processor_in(tmp_path)
