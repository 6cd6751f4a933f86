"""Does every built-in set serve the default model: enough items, one length, and can the model do it?"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from aetia.contrasts import ContrastSet, align_one, contrast_sets, find_set, measure, study_contrasts
from aetia.models.resolve import pull

pytestmark = pytest.mark.model

SETS = list(contrast_sets().values())
FLOORS = {  # of the accuracy on the first 40 items of seed 0, well below what was measured
    "capitals": 0.9,
    "landmarks": 0.7,
    "ioi": 0.9,
    "agreement": 0.9,
    "greater-than": 0.9,
    "pronouns": 0.9,
    "induction": 0.9,
}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(pull("smollm2-135m").path, local_files_only=True)


@pytest.fixture(scope="module")
def last_logits() -> Callable[[Sequence[Sequence[int]]], torch.Tensor]:
    path = pull("smollm2-135m").path
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, local_files_only=True).eval()

    @torch.inference_mode()
    def last(prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        return model(torch.tensor(prompts), logits_to_keep=1, use_cache=False).logits[:, -1]

    return last


class Plain:
    """The plain Hugging Face model, as measuring needs it."""

    def __init__(self, last_logits: Callable[[Sequence[Sequence[int]]], torch.Tensor]) -> None:
        self.last_logits = last_logits


@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_a_set_has_200_distinct_items_of_one_shape(one: ContrastSet, tokenizer):
    found = one.draw(tokenizer, 220, seed=11)
    items = found.items
    assert len({(item.clean_ids, item.corrupted_ids, item.answer_ids) for item in items}) == len(items) == 220
    assert len({item.length for item in items}) == 1
    for item in items:
        assert set(item.spans) == {*one.spans, "last"}
        assert len(item.answer_ids) == len(item.foil_ids) == 1
        assert tokenizer.decode(list(item.clean_ids)) == item.clean
    # A named part stands at one place in all items, so that a map over positions averages like with like.
    for name in one.spans:
        places = {item.spans[name] for item in items}
        assert len(places) <= (2 if one.name == "ioi" else 1), (name, places)


@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_few_items_are_the_first_of_many_and_depend_on_the_seed(one: ContrastSet, tokenizer):
    few, many = one.draw(tokenizer, 5, seed=2), one.draw(tokenizer, 30, seed=2)
    assert few.items == many.items[:5]
    assert few.items != one.draw(tokenizer, 5, seed=3).items


@pytest.mark.slow
@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_the_model_can_do_the_set(one: ContrastSet, tokenizer, last_logits):
    found = measure(Plain(last_logits), one.draw(tokenizer, 40).items)
    assert found.accuracy >= FLOORS[one.name]
    assert found.is_able
    assert found.mean_clean > 0 > found.mean_corrupted


@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_a_rewording_has_the_corrupted_prompts_tokens_wherever_the_prompts_differ(one: ContrastSet, tokenizer):
    items = one.draw(tokenizer, 24, seed=5, placebos=True).items
    assert [replace(item, placebo_ids=()) for item in items] == list(one.draw(tokenizer, 24, seed=5).items)
    for item in items:
        assert len(set(item.placebo_ids)) == len(item.placebo_ids) == 24
        assert not {item.clean_ids, item.corrupted_ids} & set(item.placebo_ids)
        causes = [t for t in range(item.length) if item.clean_ids[t] != item.corrupted_ids[t]]
        for ids in item.placebo_ids:
            assert len(ids) == item.length
            assert [ids[t] for t in causes] == [item.corrupted_ids[t] for t in causes]
            if one.name == "induction":  # the pair that comes again, too
                earlier, last = item.spans["earlier"], item.spans["last"]
                assert ids[slice(*earlier)] == ids[slice(*last)] == item.corrupted_ids[slice(*last)]


@pytest.mark.slow
def test_the_model_answers_a_rewording_as_it_answers_the_corrupted_prompt(tokenizer, last_logits):
    kept = []
    for one in SETS:
        items = one.draw(tokenizer, 4, seed=1, placebos=True).items
        reworded = [replace(item, clean_ids=ids) for item in items for ids in item.placebo_ids[:2]]
        found = measure(Plain(last_logits), reworded).items  # `clean` is now the preference after the rewording
        by_item = [found[place : place + 2] for place in range(0, len(found), 2)]
        # Measured: all of 84 items, and 98% of single rewordings or more in every set.
        kept += [(one.name, fmean(each.clean for each in same) * same[0].corrupted > 0) for same in by_item]
    assert len(kept) == 28
    assert sum(is_kept for _, is_kept in kept) >= 26, kept


def test_a_task_beyond_the_model_is_flagged(tokenizer, last_logits, tmp_path):
    # Which of two numbers was drawn by lot is in no prompt.
    items = [
        f'{{"clean": "The lot of the {a} fell on", "corrupted": "The lot of the {b} fell on", '
        f'"answer": " {x}", "foil": " {y}"}}'
        for n, (a, b) in enumerate([("king", "queen"), ("man", "woman"), ("dog", "cat"), ("sun", "moon")])
        for x, y in [(("red", "blue"), ("blue", "red"))[n % 2]]
    ]
    path = tmp_path / "lots.jsonl"
    path.write_text("\n".join(items))
    aligned = study_contrasts(str(path), None, tokenizer, items=24)
    assert not measure(Plain(last_logits), aligned.items).is_able


def test_facts_that_the_tokenizer_cannot_use_are_counted(tokenizer):
    reasons = find_set("capitals").draw(tokenizer).reasons
    assert reasons["AE-2108"] > 20  # Reykjavik, Ljubljana ...: capitals of several tokens


def test_in_a_chat_the_spans_still_name_their_words(tokenizer):
    contrast = next(find_set("ioi").generate(0, tokenizer))
    item = align_one(contrast, tokenizer, chat=True, continuation=True)
    assert item.clean_tokens[0] == "<|im_start|>"
    for name in ("s1", "s2"):
        start, stop = item.spans[name]
        assert "".join(item.clean_tokens[start:stop]).strip() == contrast.foil.strip()
    assert item.answer == contrast.answer.strip()
