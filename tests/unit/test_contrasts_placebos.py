"""Do rewordings of the corrupted prompt keep its cause and its length, and does one that cannot be used say why?"""

import hashlib
import json
import re
from itertools import islice
from pathlib import Path

import pytest
from toy_tokenizer import CHAT, byte_level

from aetia.contrasts import Contrast, align_one, contrast_sets, find_set, study_contrasts
from aetia.contrasts.generators.wording import word_pairs, wording
from aetia.errors import ContrastError

ITALY = Contrast("one", "The capital of France is", "The capital of Italy is", " Paris", " Rome")
SAME = "When capital of Italy is"
NAMES = [name for name in contrast_sets() if name != "induction"]
CONTRASTS_OF_SEED_0 = {  # before there were rewordings
    "capitals": "e86b0375299c",
    "landmarks": "af0dc38d8207",
    "ioi": "c31e7168fe9f",
    "agreement": "96ddbd63ea7e",
    "greater-than": "c3bdb1f1e988",
    "pronouns": "bbc0b664b408",
}
CAUSE = {
    "capitals": {"subject"},
    "landmarks": {"subject"},
    "ioi": {"first", "second", "giver"},
    "agreement": {"subject"},
    "greater-than": {"year", "century"},
    "pronouns": {"subject"},
}


def with_placebos(*texts: str) -> Contrast:
    return Contrast(ITALY.id, ITALY.clean, ITALY.corrupted, ITALY.answer, ITALY.foil, placebos=texts)


def refused(contrast: Contrast) -> ContrastError:
    with pytest.raises(ContrastError) as caught:
        align_one(contrast, byte_level(CHAT), placebos=True)
    return caught.value


def fields_of(text: str, name: str) -> dict[str, str]:
    """What stands in the fields of the sentence that `text` is: read back from the text alone."""
    data = wording(name.replace("-", "_"))
    for template in [*data["templates"], *data.get("rewordings", [])]:
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(template))
        if match := re.fullmatch(pattern, text):
            return match.groupdict()
    raise AssertionError(f"{text!r} is no sentence of {name}")


def test_rewordings_are_aligned_only_where_they_are_asked_for():
    contrast = with_placebos(SAME)
    assert align_one(contrast, byte_level()).placebo_ids == ()
    item = align_one(contrast, byte_level(), placebos=True)
    assert [byte_level().decode(list(ids)) for ids in item.placebo_ids] == [SAME]


def test_those_of_another_length_or_equal_to_a_prompt_are_left_out_and_doubles_counted_once():
    longer = "So the capital of Italy is"
    item = align_one(
        with_placebos(ITALY.corrupted, longer, SAME, ITALY.clean, SAME, " ", "When capital of Italy was the"),
        byte_level(),
        placebos=True,
    )
    assert [byte_level().decode(list(ids)) for ids in item.placebo_ids] == [SAME]
    assert len(item.placebo_ids[0]) == item.length


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ((), "has no rewording."),
        ((ITALY.corrupted,), "'The capital of Italy is': it is the corrupted prompt itself."),
        ((ITALY.clean, SAME + " the"), "it is the clean prompt, which has the other cause."),
        (("In Italy",), "it has 3 tokens, the corrupted prompt 5."),
        ((" ", ITALY.corrupted), "A prompt is empty"),
        (("\ud800",), "lone surrogate"),
    ],
)
def test_an_item_without_a_rewording_that_can_be_used_says_why(texts: tuple[str, ...], reason: str):
    error = refused(with_placebos(*texts))
    assert error.code == "AE-2120"
    assert reason in error.found
    assert "number of tokens" in error.mend
    assert len(error.details) == max(0, len(texts) - 1)


def test_a_rewording_goes_before_the_answer_as_the_corrupted_prompt_does():
    clean, corrupted = f'{ITALY.clean} "', f'{ITALY.corrupted} "'
    error = refused(Contrast("one", clean, corrupted, "Par", placebos=(f"{SAME} the the",)))
    assert error.code == "AE-2120"
    assert "has no leading space" in error.found
    item = align_one(Contrast("one", clean, corrupted, "Par", placebos=(f'{SAME} "',)), byte_level(), placebos=True)
    assert len(item.placebo_ids) == 1


def test_in_a_chat_rewordings_are_messages_too():
    tokenizer = byte_level(CHAT)
    item = align_one(with_placebos(SAME), tokenizer, placebos=True, chat=True, continuation=True)
    corrupted, rendered = (str(tokenizer.decode(list(ids))) for ids in (item.corrupted_ids, item.placebo_ids[0]))
    assert rendered == corrupted.replace(ITALY.corrupted, SAME) != corrupted
    assert rendered.startswith("<|user|>")


def test_a_file_gives_rewordings_and_what_lacks_one_is_dropped_with_its_reason(tmp_path: Path):
    row = {"clean": ITALY.clean, "corrupted": ITALY.corrupted, "answer": " Paris", "foil": " Rome"}
    rows = [row | {"placebos": [SAME]}, row | {"foil": " Tokyo", "placebos": ["In Italy"]}]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    assert len(study_contrasts(str(path), None, byte_level(), items=9).items) == 2
    found = study_contrasts(str(path), None, byte_level(), items=9, placebos=True)
    assert [len(item.placebo_ids) for item in found.items] == [1]
    (dropped,) = found.dropped
    assert (dropped.id, dropped.reason.split()[0]) == ("line-2", "AE-2120")
    path.write_text(json.dumps(row))
    with pytest.raises(ContrastError) as caught:
        study_contrasts(str(path), None, byte_level(), items=9, placebos=True)
    assert caught.value.code == "AE-2120"


def test_a_pair_may_have_rewordings():
    pair = {"clean": ITALY.clean, "corrupted": ITALY.corrupted, "answer": " Paris", "placebos": (SAME,)}
    (item,) = study_contrasts(None, pair, byte_level(), items=1, placebos=True).items
    assert len(item.placebo_ids) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_contrasts_that_it_gave_before_there_were_rewordings(name: str):
    contrasts = sorted(find_set(name).generate(0), key=lambda contrast: contrast.id)
    content = [(c.id, c.clean, c.corrupted, c.answer, c.foil, sorted(c.spans.items())) for c in contrasts]
    assert hashlib.sha256(repr(content).encode()).hexdigest().startswith(CONTRASTS_OF_SEED_0[name])


@pytest.mark.parametrize("name", NAMES)
def test_rewordings_are_24_others_that_change_nothing_else_and_depend_on_the_seed(name: str):
    plain, found = (list(find_set(name).generate(3, placebos=asked)) for asked in (False, True))
    assert [(c.id, c.clean, c.corrupted, c.answer, c.foil, c.spans) for c in plain] == [
        (c.id, c.clean, c.corrupted, c.answer, c.foil, c.spans) for c in found
    ]
    assert {c.placebos for c in plain} == {()}
    for contrast in found:
        assert len(set(contrast.placebos)) == len(contrast.placebos) == 24
        assert not {contrast.corrupted, contrast.clean} & set(contrast.placebos)
    assert found == list(find_set(name).generate(3, placebos=True))
    once, again = (next(find_set(name).generate(seed, placebos=True)) for seed in (3, 4))
    assert once.placebos != again.placebos


@pytest.mark.parametrize("name", NAMES)
def test_a_rewording_keeps_the_cause_and_little_else(name: str):
    number = {noun: place for pair in word_pairs("agreement", "distractors") for place, noun in enumerate(pair)}
    changed: set[str] = set()
    kept: set[str] = set()
    for contrast in islice(find_set(name).generate(5, placebos=True), 100):
        known = fields_of(contrast.corrupted, name)
        for text in contrast.placebos:
            fields = fields_of(text, name)
            same = {field for field in known if fields[field] == known[field]}
            assert same >= CAUSE[name]
            changed |= set(known) - same
            kept |= same
            if name == "agreement":
                assert number[fields["distractor"]] == number[known["distractor"]]
        if name == "ioi":
            receiver = known["second"] if known["giver"] == known["first"] else known["first"]
            assert contrast.foil == f" {receiver}"  # the corrupted prompt's answer
    assert changed == kept - CAUSE[name]
