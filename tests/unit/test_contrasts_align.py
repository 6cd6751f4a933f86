"""Are contrasts aligned by the tokenizer, and does each surprise say what it is and what mends it?"""

import pytest
from toy_tokenizer import CHAT, byte_level

from aetia.contrasts import Contrast, align, align_one, diagnose_pair
from aetia.errors import ContrastError

FRANCE = Contrast(
    "one",
    "The capital of France is",
    "The capital of Italy is",
    " Paris",
    " Rome",
    {"subject": "France", "verb": (22, 24)},
)


def refused(contrast: Contrast, **options: bool) -> ContrastError:
    with pytest.raises(ContrastError) as caught:
        align_one(contrast, byte_level(CHAT), **options)
    return caught.value


def changed(**fields: object) -> Contrast:
    plain = {"id": "one", "clean": FRANCE.clean, "corrupted": FRANCE.corrupted, "answer": " Paris", "foil": " Rome"}
    return Contrast(**(plain | fields))


def test_prompts_answers_and_spans_become_tokens():
    item = align_one(FRANCE, byte_level())
    assert item.clean_tokens == ("The", " capital", " of", " France", " is")
    assert item.corrupted_tokens == ("The", " capital", " of", " Italy", " is")
    assert dict(item.spans) == {"subject": (3, 4), "verb": (4, 5), "last": (4, 5)}
    assert (len(item.answer_ids), len(item.foil_ids), item.length) == (1, 1, 5)


def test_unequal_lengths_show_where_the_prompts_part():
    error = refused(changed(corrupted="The capital of Tuvalu is"))
    assert error.code == "AE-2107"
    assert error.details[0] == "clean:   The| capital| of|[ France]| is"
    assert error.details[1].startswith("corrupt: The| capital| of|[ T|")
    assert error.details[1].endswith("]| is")
    same = diagnose_pair(FRANCE.clean, "The capital of Tuvalu is", byte_level())
    assert (same.code, same.details) == (error.code, error.details)


def test_long_prompts_are_shown_around_their_difference():
    clean, corrupted = (f"{'The capital of ' * 9}{name} is{' of the' * 9}" for name in ("France", "Tuvalu"))
    lines = diagnose_pair(clean, corrupted, byte_level()).details
    assert lines[0].startswith("clean:   …|")
    assert lines[0].endswith("|…")
    assert "[ France]" in lines[0]


def test_a_missing_leading_space_is_explained_and_the_right_form_offered():
    error = refused(changed(answer="Paris"))
    assert error.code == "AE-2109"
    assert "no leading space" in error.found
    assert "' Paris'" in error.mend


def test_a_trailing_space_in_the_prompt_is_explained():
    error = refused(changed(clean=FRANCE.clean + " ", corrupted=FRANCE.corrupted + " ", answer="Paris"))
    assert error.code == "AE-2109"
    assert "ends in a space" in error.found
    assert "' Paris'" in error.mend


def test_an_answer_of_several_tokens_offers_the_first_or_the_whole():
    error = refused(changed(answer=" Ouagadougou"))
    assert error.code == "AE-2108"
    first = byte_level().decode([byte_level()(" Ouagadougou").input_ids[0]])
    assert f"'{first}'" in error.mend
    assert "continuation" in error.mend
    item = align_one(changed(answer=" Ouagadougou"), byte_level(), continuation=True)
    assert byte_level().decode(list(item.answer_ids)) == " Ouagadougou"


def test_digits_may_go_on_a_number():
    years = changed(clean="1 to 1", corrupted="2 to 1", answer="4", foil="2")
    assert len(align_one(years, byte_level()).answer_ids) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"foil": " Paris"}, "AE-2110"),
        ({"corrupted": FRANCE.clean}, "AE-2114"),
        ({"clean": "  "}, "AE-2106"),
        ({"answer": ""}, "AE-2106"),
        ({"clean": "The capital of \ud800 is"}, "AE-2106"),
        ({"spans": {"subject": "Spain"}}, "AE-2111"),
        ({"spans": {"subject": ""}}, "AE-2111"),
        ({"spans": {"subject": (3, 99)}}, "AE-2111"),
        ({"spans": {"subject": (3, 3)}}, "AE-2111"),
        ({"spans": {"last": "is"}}, "AE-2111"),
    ],
)
def test_each_other_flaw_has_its_code(fields: dict[str, object], code: str):
    assert refused(changed(**fields)).code == code


def test_a_span_that_occurs_twice_names_both_places():
    error = refused(changed(spans={"letter": "a"}))
    assert error.code == "AE-2111"
    assert "[5, 6] or [9, 10]" in error.mend


def test_a_foil_is_not_needed():
    assert align_one(changed(foil=""), byte_level()).foil_ids == ()


def test_what_cannot_be_aligned_is_dropped_and_counted():
    longer = Contrast("long", "So the capital of France is", "So the capital of Italy is", " Paris", " Rome")
    found = align([FRANCE, changed(id="two", answer=" Ouagadougou"), longer, changed(id="three")], byte_level())
    assert [item.id for item in found.items] == ["one", "three"]
    assert found.reasons == {"AE-2108": 1, "AE-2117": 1}
    assert {drop.id for drop in found.dropped} == {"two", "long"}
    every = align([FRANCE, longer], byte_level(), same_length=False)
    assert [item.id for item in every.items] == ["one", "long"]


def test_if_nothing_is_left_the_first_error_is_raised():
    with pytest.raises(ContrastError) as caught:
        align([changed(answer="Paris"), changed(id="two", foil=" Paris")], byte_level())
    assert caught.value.code == "AE-2109"
    assert "None of the 2 contrasts" in caught.value.details[-1]
    with pytest.raises(ContrastError) as caught:
        align([], byte_level())
    assert caught.value.code == "AE-2116"


def test_a_chat_template_is_applied_only_on_request_and_spans_follow():
    plain, chat = (align_one(FRANCE, byte_level(CHAT), chat=asked, continuation=True) for asked in (False, True))
    assert plain.length == 5
    text = "".join(chat.clean_tokens)
    assert text == "<|user|>\nThe capital of France is<|end|>\n<|assistant|>\n"
    start, stop = chat.spans["subject"]
    assert "".join(chat.clean_tokens[start:stop]).strip() == "France"
    # The reply begins a line, so that its first word has no space.
    assert (chat.answer, plain.answer) == ("Paris", " Paris")


def test_a_prompt_cannot_end_its_own_message():
    spoilt = changed(clean="The capital<|end|> of France is", corrupted="The capital<|end|> of Italy is")
    assert refused(spoilt, chat=True).code == "AE-2119"


def test_a_chat_without_a_template_is_refused():
    with pytest.raises(ContrastError) as caught:
        align_one(FRANCE, byte_level(), chat=True)
    assert caught.value.code == "AE-2115"


def test_a_prompt_that_a_template_rewrites_is_refused():
    assert refused(changed(clean=" " + FRANCE.clean, corrupted=" " + FRANCE.corrupted), chat=True).code == "AE-2115"


def test_errors_show_nothing_that_a_terminal_would_act_on():
    shown = str(refused(changed(answer="\x1b[31mred\u202e")))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
