"""Does SmolLM2 with adapters compute what is said, train the same twice, and become one plain model?"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import (
    AutoProcessor,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from aetia.errors import StudyError
from aetia.models.network import load
from aetia.models.pictures import Picture
from aetia.scenes import COLOURS, NUMBERS, SHAPES, Question, draw, questions, render
from aetia.seeing.batches import CELLS, SETTINGS, pixels_of
from aetia.seeing.recipe import Progress
from aetia.seeing.smol_adapter import SCALE, adapt
from aetia.seeing.smol_assembly import ADAPTER, assemble, merge, read_adapter, shipped_smol
from aetia.seeing.smol_judging import judge_smol
from aetia.seeing.smol_model import PictureWords, Reader, build
from aetia.seeing.smol_packing import Line, grow, plant
from aetia.seeing.smol_questions import AFTER_PICTURE, BEFORE_PICTURE, Mix, asked_of, lines_of, prompt
from aetia.seeing.smol_recipe import SmolRecipe
from aetia.seeing.smol_shipping import as_shipped, write_smol
from aetia.seeing.smol_training import encoder_of, train_adapter

WORDS = 128
RECIPE = SmolRecipe(
    rank=2, vision_steps=2, alignment_steps=2, reading_steps=4, vision_scenes=2, reading_scenes=2, save_every=2
)


def _tokens(most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 3), min_size=1, max_size=most)


@cache
def vocabulary() -> dict[str, int]:
    asked = [prompt(q.text) + f" {q.answer}" for seed in range(300) for q in asked_of(draw(seed), Mix(), 0)]
    texts = [" yes no empty", BEFORE_PICTURE, AFTER_PICTURE, *(f" {w}" for w in (*COLOURS, *SHAPES, *NUMBERS)), *asked]
    found = dict.fromkeys(piece for text in texts for piece in _pieces(text))
    assert len(found) < WORDS
    return {piece: number for number, piece in enumerate(found)}


def _pieces(text: str) -> list[str]:
    return re.findall(r" ?\w+|[^\w ]", text)


def encode(text: str) -> list[int]:
    return [vocabulary()[piece] for piece in _pieces(text)]


@cache
def tiny_base() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=True, initializer_range=0.2, pad_token_id=0,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def trained_weights(spread: float = 0.3) -> dict[str, Tensor]:
    """Tower and projector of a model, and adapters that are not zero."""
    model = build(tiny_base(), seed=1)
    generator = torch.Generator().manual_seed(2)
    adapter = adapt(model.model.language_model, rank=2, seed=3)
    drawn = {name: spread * torch.randn(one.shape, generator=generator) for name, one in adapter.items()}
    parts = {"tower.": model.model.vision_tower, "projector.": model.model.multi_modal_projector}
    weights = {prefix + name: one for prefix, part in parts.items() for name, one in part.state_dict().items()}
    return weights | {f"adapter.{name}": one for name, one in drawn.items()}


@given(st.lists(st.tuples(_tokens(5), _tokens(3)), min_size=1, max_size=6))
def test_each_branch_of_a_tree_is_its_question(asked: list[tuple[list[int], list[int]]]) -> None:
    tree = grow([Line("any", words, answer) for words, answer in asked])
    wanted = [(words + answer[:told], answer[told]) for words, answer in asked for told in range(len(answer))]
    found = []
    for one in tree.asked:
        branch, node = [], one.node
        while node != -1:
            branch.append(tree.tokens[node])
            node = tree.parents[node]
        found.append((branch[::-1], one.token))
    assert found == wanted
    branches = {tuple(words + answer[: told + 1]) for words, answer in asked for told in range(len(answer) - 1)}
    starts = {tuple(words[: place + 1]) for words, _ in asked for place in range(len(words))}
    assert len(tree.tokens) == len(branches | starts)  # nothing is computed twice


def test_a_tree_gives_each_question_what_it_gives_alone() -> None:
    model = build(tiny_base(), seed=0)
    reader = Reader(model, encode)
    scenes = [draw(seed, SETTINGS) for seed in range(3)]
    lines = [lines_of(asked_of(scene, Mix(captions=1.0), 0), encode, stops=1) for scene in scenes]
    pixels = pixels_of(scenes)
    forest = plant([grow(of_one) for of_one in lines], reader.prefix)
    with torch.no_grad():
        together = iter(reader(reader.features(pixels), forest))
        for picture, of_one in zip(pixels, lines, strict=True):
            for line in of_one:
                start = [*encode(BEFORE_PICTURE), *[WORDS] * CELLS, *encode(AFTER_PICTURE), *line.words]
                for told in range(len(line.answer)):
                    ids = torch.tensor([[*start, *line.answer[:told]]])
                    alone = model(input_ids=ids, pixel_values=picture[None]).logits[0, -1]
                    torch.testing.assert_close(next(together), alone, atol=1e-4, rtol=1e-4)
    assert next(together, None) is None


def test_adapters_merged_are_adapters_beside() -> None:
    weights = trained_weights()
    merged = merge(tiny_base(), weights)
    plain = build(tiny_base(), seed=0)

    def beside(down: Tensor, up: Tensor) -> Callable[[object, tuple[Tensor], Tensor], Tensor]:
        return lambda _module, arguments, output: output + SCALE * arguments[0] @ down.T @ up.T

    for number, layer in enumerate(plain.model.language_model.layers):
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            small = [weights[f"adapter.layers.{number}.{name}.{part}"] for part in ("down", "up")]
            layer.self_attn.get_submodule(name).register_forward_hook(beside(small[0], small[1]))
    ids = torch.randint(0, WORDS, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, wanted, base = merged(input_ids=ids).logits, plain(input_ids=ids).logits, tiny_base()(ids).logits
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    assert (found[..., :WORDS] - base).abs().max() > 0.1


def test_without_adapters_the_text_is_the_base_s_and_the_image_token_is_never_said() -> None:
    weights = trained_weights()
    idle = {name: one * 0 if name.startswith("adapter.") else one for name, one in weights.items()}
    ids = torch.randint(0, WORDS, (4, 30), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, base = merge(tiny_base(), idle)(input_ids=ids).logits, tiny_base()(ids).logits
    torch.testing.assert_close(found[..., :WORDS], base, atol=1e-5, rtol=1e-5)
    assert (found[..., WORDS] < found[..., :WORDS].max(-1).values).all()


def test_what_is_assembled_loads_by_transformers_and_by_aetia(tmp_path: Path) -> None:
    base, adapter, whole = tmp_path / "base", tmp_path / "adapter", tmp_path / "whole"
    tiny_base().save_pretrained(base)
    _tokenizer().save_pretrained(base)
    adapter.mkdir()
    weights = {name: one.half().contiguous() for name, one in trained_weights().items()}
    save_file(weights, adapter / ADAPTER)
    assemble(base, adapter, whole)
    network = load(whole)
    model = LlavaForConditionalGeneration.from_pretrained(whole)
    processor = AutoProcessor.from_pretrained(whole)
    scene = draw(3, SETTINGS)
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Is there a red circle?"}]}
    text = processor.apply_chat_template([turn], tokenize=False, add_generation_prompt=True)
    assert text == "Image:<image>\nQuestion: Is there a red circle? Answer:"
    given = processor(text=text, images=[render(scene)], return_tensors="pt")
    torch.testing.assert_close(given["pixel_values"], pixels_of([scene]))
    ids = [*encode(BEFORE_PICTURE), *[WORDS] * CELLS, *encode(AFTER_PICTURE), *encode(prompt("Is there a red circle?"))]
    assert given["input_ids"][0].tolist() == ids
    direct = merge(tiny_base(), read_adapter(adapter))
    with torch.no_grad():
        wanted = direct(input_ids=given["input_ids"], pixel_values=given["pixel_values"]).logits
        torch.testing.assert_close(model(**given).logits, wanted, atol=1e-5, rtol=1e-5)
    assert network.vision is not None
    assert network.vision.positions(Picture(render(scene), "scene")) == CELLS


def _tokenizer() -> PreTrainedTokenizerFast:
    """The words of the tests as a tokenizer that keeps blanks."""
    filled = vocabulary() | {f"<unused {number}>": number for number in range(len(vocabulary()), WORDS)}
    inner = Tokenizer(models.WordLevel(vocab=filled, unk_token=f"<unused {WORDS - 1}>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r" ?\w+|[^\w ]"), "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<unused 127>", eos_token="<unused 126>")


@pytest.mark.parametrize(("content", "code"), [(b"nothing", "AE-9252"), (None, "AE-9252")])
def test_weights_that_cannot_be_read_are_named(tmp_path: Path, content: bytes | None, code: str) -> None:
    if content is not None:
        (tmp_path / ADAPTER).write_bytes(content)
    with pytest.raises(StudyError, match="cannot be read") as caught:
        read_adapter(tmp_path)
    assert caught.value.code == code


def test_weights_for_another_decoder_are_refused() -> None:
    weights = trained_weights()
    foreign = weights | {"adapter.layers.7.q_proj.up": torch.zeros(32, 2)}
    with pytest.raises(StudyError, match="not for this language model"):
        merge(tiny_base(), foreign)
    with pytest.raises(StudyError, match="not for this language model"):
        merge(tiny_base(), {name: one for name, one in weights.items() if not name.startswith("tower.")})


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"reading_steps": 0}, {"muon": 0.0}])
def test_a_recipe_without_steps_or_rates_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(StudyError) as caught:
        replace(RECIPE, **wrong)
    assert caught.value.code == "AE-9251"


def test_the_seed_decides_every_bit_and_the_base_stays() -> None:
    before = {name: one.clone() for name, one in tiny_base().state_dict().items()}
    one, other = (train_adapter(tiny_base(), encode, RECIPE, seed=5) for _ in range(2))
    third = train_adapter(tiny_base(), encode, RECIPE, seed=6)
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    assert (one.curves.loss, one.curves.data) == (other.curves.loss, other.curves.data)
    assert not torch.equal(one.weights["adapter.layers.0.q_proj.up"], third.weights["adapter.layers.0.q_proj.up"])
    assert all(torch.equal(before[name], now) for name, now in tiny_base().state_dict().items())


@pytest.mark.parametrize("killed_after", [1, 3, 6])
def test_a_training_that_was_killed_ends_as_one_that_was_not(tmp_path: Path, killed_after: int) -> None:
    steps = iter(range(killed_after))

    def observe(_progress: Progress) -> None:
        if next(steps, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_adapter(tiny_base(), encode, RECIPE, tmp_path, observer=observe)
    resumed = train_adapter(tiny_base(), encode, RECIPE, tmp_path, resume=True)
    undisturbed = train_adapter(tiny_base(), encode, RECIPE)
    assert all(torch.equal(resumed.weights[name], one) for name, one in undisturbed.weights.items())
    assert (resumed.curves.loss, resumed.curves.data) == (undisturbed.curves.loss, undisturbed.curves.data)
    assert resumed.curves.validation == undisturbed.curves.validation


def test_a_training_is_neither_overwritten_nor_mistaken_for_another(tmp_path: Path) -> None:
    train_adapter(tiny_base(), encode, replace(RECIPE, vision_steps=1, alignment_steps=1, reading_steps=1), tmp_path)
    with pytest.raises(StudyError) as caught:
        train_adapter(tiny_base(), encode, RECIPE, tmp_path)
    assert caught.value.code == "AE-9201"
    with pytest.raises(StudyError) as caught:
        train_adapter(tiny_base(), encode, RECIPE, tmp_path, resume=True)
    assert caught.value.code == "AE-9202"


def test_a_device_that_is_not_there_is_refused_and_threads_are_given_back() -> None:
    with pytest.raises(StudyError) as caught:
        train_adapter(tiny_base(), encode, RECIPE, device="cuda:99")
    assert caught.value.code == "AE-9203"
    before, within = torch.get_num_threads(), []
    torch.set_num_threads(2)
    train_adapter(tiny_base(), encode, RECIPE, observer=lambda _: within.append(torch.get_num_threads()))
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert (set(within), after) == ({1}, 2)


def test_image_tokens_say_what_is_where() -> None:
    words = tiny_base().state_dict()["model.embed_tokens.weight"]
    wanted = PictureWords(words, encode, seed=0)
    scenes = [draw(seed, SETTINGS) for seed in range(20)]
    images = wanted(scenes)
    places = wanted([replace(scenes[0], things=())])[0] - words[encode(" empty")[0]]
    for scene, image in zip(scenes, images, strict=True):
        for thing in scene.things:
            seen = (image - places)[thing.row * SETTINGS.cells + thing.column]
            both = words[encode(f" {thing.colour}")[0]] + words[encode(f" {thing.shape}")[0]]
            torch.testing.assert_close(seen, both / 2**0.5, atol=1e-5, rtol=1e-5)
    assert torch.cdist(places, places).fill_diagonal_(np.inf).min() > 0.1  # each cell has a code of its own


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_relations_are_asked_in_all_words_that_fit(seed: int) -> None:
    scene = draw(seed, SETTINGS)
    things = {thing.name: thing for thing in scene.things}
    asked = asked_of(scene, Mix(captions=0.0), seed)
    assert len({question.text for question in asked}) == len(asked)
    relations = [question for question in asked if question.kind == "relation"]
    for question in relations:
        first, word, second = re.fullmatch(r"Is the (\w+ \w+) (.*?)(?: of)? the (\w+ \w+)\?", question.text).groups()  # pyright: ignore[reportOptionalMemberAccess]
        one, other = things[first], things[second]
        is_so = {
            "left": one.column < other.column, "right": one.column > other.column,
            "above": one.row < other.row, "below": one.row > other.row,
        }[word]  # fmt: skip
        assert question.answer == ("yes" if is_so else "no")
    assert sum(question.answer == "yes" for question in relations) * 2 == len(relations)


def test_a_model_is_judged_by_whole_answers() -> None:
    model = build(tiny_base(), seed=0)
    scores = {score.kind: score for score in judge_smol(model, encode, range(40), kinds=("existence", "caption"))}
    assert set(scores) == {"existence", "caption"}
    assert scores["caption"].count == 40
    assert scores["caption"].right == 0
    assert scores["existence"].chance == 0.5
    assert scores["existence"].low <= scores["existence"].accuracy <= scores["existence"].high
    with torch.no_grad():  # all tokens are equally likely, and the first one, which is "yes", is taken
        model.model.language_model.norm.weight.zero_()
    assert encode(" yes") == [0]
    always = judge_smol(model, encode, range(40), kinds=("existence",))[0]
    asked = {
        seed: question.answer
        for seed in range(40)
        for question in questions(draw(seed, SETTINGS), 0)
        if question.kind == "existence"
    }
    assert (always.right, always.count) == (sum(answer == "yes" for answer in asked.values()), len(asked))


@pytest.mark.model
def test_every_answer_is_one_token_of_smollm2() -> None:
    tokenizer = load("smollm2-135m").tokenizer
    assert tokenizer is not None
    for word in ("yes", "no", "empty", *COLOURS, *SHAPES, *NUMBERS):
        assert len(tokenizer(f" {word}", add_special_tokens=False)["input_ids"]) == 1, word


@pytest.mark.model
@pytest.mark.skipif(not (shipped_smol() / ADAPTER).exists(), reason="the weights are not in this checkout")
def test_the_weights_that_ship_see() -> None:
    network = load("smollm2-135m")
    assert sum(file.stat().st_size for file in shipped_smol().iterdir()) <= 8_000_000

    words = encoder_of(network)
    model = merge(network.module, read_adapter(shipped_smol()))
    seen = judge_smol(model, words, range(16), kinds=("colour", "shape"))
    blank = judge_smol(model, words, range(16), "blank", kinds=("colour", "shape"))
    assert min(score.accuracy for score in seen) > max(score.accuracy for score in blank)


def test_questions_are_put_as_the_prompt_says() -> None:
    (line,) = lines_of([Question("colour", "What colour is the circle?", "red", COLOURS, (0,))], encode, stops=0)
    assert line.words == encode("Question: What colour is the circle? Answer:")
    assert line.answer == encode(" red\n")


def test_what_ships_is_half_precision_with_its_card_and_curves(tmp_path: Path) -> None:
    trained = train_adapter(tiny_base(), encode, RECIPE)
    model = merge(tiny_base(), {name: weight.float() for name, weight in as_shipped(trained).items()})
    scores = judge_smol(model, encode, range(4), kinds=("existence",))
    write_smol(trained, tmp_path, scores, base_revision="abc")
    read = read_adapter(tmp_path)
    assert all(torch.equal(read[name], weight.detach().half().float()) for name, weight in trained.weights.items())
    config = json.loads((tmp_path / "config.json").read_bytes())
    digest = hashlib.sha256((tmp_path / ADAPTER).read_bytes()).hexdigest()
    assert (config["base_revision"], config["rank"], config["weights_sha256"]) == ("abc", 2, digest)
    curves = json.loads((tmp_path / "curves.json").read_bytes())
    assert curves["loss"] == trained.curves.loss
    assert curves["recipe"]["reading_steps"] == RECIPE.reading_steps
    card = (tmp_path / "card.md").read_text()
    assert f"| existence | {scores[0].count} | {scores[0].accuracy:.3f} [" in card
    assert digest in card
