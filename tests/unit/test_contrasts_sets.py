"""Are the built-in sets what they declare, with facts that are in order?"""

import string
import subprocess
import sys

import pytest
from toy_tokenizer import byte_level

from aetia.contrasts import contrast_sets, find_set, study_contrasts
from aetia.contrasts.generators.wording import fill, word_pairs, wording
from aetia.errors import ContrastError

SETS = list(contrast_sets().values())
TEXT_ONLY = [one for one in SETS if one.name != "induction"]


@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_a_set_is_declared_with_a_question_and_a_source(one):
    assert one.question.endswith("?")
    assert one.source
    assert find_set(one.name) == one


@pytest.mark.parametrize("one", TEXT_ONLY, ids=lambda one: one.name)
def test_without_a_tokenizer_a_set_generates_at_least_200_distinct_contrasts(one):
    contrasts = list(one.generate(seed=3))
    assert len({(c.clean, c.corrupted, c.answer) for c in contrasts}) == len(contrasts) >= 200
    assert len({c.id for c in contrasts}) == len(contrasts)
    for contrast in contrasts:
        assert set(contrast.spans) == set(one.spans)
        assert contrast.clean != contrast.corrupted
        assert contrast.answer.strip() != contrast.foil.strip()
        contrast.character_spans()


@pytest.mark.parametrize("name", ["capitals", "landmarks"])
def test_each_fact_stands_once_and_does_not_hold_its_answer(name):
    facts = word_pairs(name, "facts")
    subjects = [subject for subject, _ in facts]
    assert len(set(subjects)) == len(subjects)
    cities = {city for _, city in facts}
    assert [subject for subject in subjects if any(city in subject for city in cities)] == []
    for text in (part for fact in facts for part in fact):
        assert text == text.strip()


def test_the_answer_of_a_fact_is_that_of_its_subject():
    for name in ("capitals", "landmarks"):
        city = dict(word_pairs(name, "facts"))
        for contrast in find_set(name).generate(seed=1):
            start, stop = contrast.character_spans()["subject"]
            subject, tail = contrast.clean[start:stop], len(contrast.clean) - stop
            other = contrast.corrupted[start : len(contrast.corrupted) - tail]
            assert (contrast.answer, contrast.foil) == (f" {city[subject]}", f" {city[other]}")


def test_no_name_of_the_pronouns_is_on_both_lists():
    data = wording("pronouns")
    assert set(data["female"]) & set(data["male"]) == set()
    for name in ("female", "male"):
        assert len(set(data[name])) == len(data[name])


def test_the_receiver_is_the_name_that_does_not_give():
    for contrast in find_set("ioi").generate(seed=2):
        spans = contrast.character_spans()
        io, s1, s2 = (contrast.clean[slice(*spans[name])] for name in ("io", "s1", "s2"))
        assert s1 == s2 == contrast.foil.strip()
        assert io == contrast.answer.strip() != s1
        start, stop = spans["s2"]
        assert contrast.corrupted == contrast.clean[:start] + io + contrast.clean[stop:]


def test_both_orders_of_the_names_occur():
    orders = {c.character_spans()["io"] < c.character_spans()["s1"] for c in find_set("ioi").generate()}
    assert orders == {True, False}


def test_answers_of_greater_than_are_later_than_the_start_and_foils_earlier():
    for contrast in find_set("greater-than").generate(seed=4):
        start, stop = contrast.character_spans()["subject"]
        year = contrast.clean[start:stop]
        century = contrast.clean[-2:]
        for last in string.digits:
            assert int(century + contrast.answer + last) > int(year)
            assert int(century + contrast.foil + last) < int(year)
        # The corrupted start year excludes no foil, but for years before it within the first decade.
        assert contrast.corrupted[start + 2] == "0"


def test_verbs_agree_with_the_subject_only():
    nouns = dict(word_pairs("agreement", "subjects"))
    verbs = {f" {verb}" for verb in ("is", "was", "has")}
    for contrast in find_set("agreement").generate(seed=5):
        start, stop = contrast.character_spans()["subject"]
        is_singular = contrast.clean[start:stop] in nouns
        assert (contrast.answer in verbs) == is_singular
        assert (contrast.foil in verbs) != is_singular


def test_a_template_says_which_characters_each_field_covers():
    text, spans = fill("{a} and {b}!", {"a": "Mary", "b": "John"})
    assert text == "Mary and John!"
    assert spans == {"a": (0, 4), "b": (9, 13)}


def test_induction_needs_a_vocabulary_of_words():
    for tokenizer in (None, byte_level()):
        with pytest.raises(ContrastError) as caught:
            next(find_set("induction").generate(0, tokenizer))
        assert caught.value.code == "AE-2115"


def test_an_unknown_set_is_told_the_nearest():
    with pytest.raises(ContrastError) as caught:
        study_contrasts("capitol", None, byte_level(), items=3)
    assert caught.value.code == "AE-2101"
    assert "capitals" in caught.value.mend
    with pytest.raises(ContrastError) as caught:
        study_contrasts("x" * 5000, None, byte_level(), items=3)
    assert caught.value.code == "AE-2101"


def test_a_model_without_a_tokenizer_is_told_so():
    with pytest.raises(ContrastError) as caught:
        study_contrasts("capitals", None, None, items=3)
    assert caught.value.code == "AE-2115"


def test_a_pair_of_ones_own_is_aligned():
    pair = {
        "clean": "The capital of France is",
        "corrupted": "The capital of Italy is",
        "answer": " Paris",
        "foil": "",
        "spans": {"subject": "France"},
    }
    (item,) = study_contrasts(None, pair, byte_level(), items=24).items
    assert item.spans["subject"] == (3, 4)


def test_importing_contrasts_does_not_import_torch():
    code = "import sys, aetia.contrasts; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
