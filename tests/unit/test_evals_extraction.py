"""Is the answer read that a person would read, whatever the reply looks like?"""

# ruff: noqa: RUF001  replies have such characters

import time

import pytest

from aetia.evals.item import Item
from aetia.evals.scoring.extraction import Answer, extract, is_right, normal_text, statements

YES = Item("t", "A causes B.", "Does A cause B?", "binary", "yes")
CHOICE = Item("t", "", "Which?", "choice", "2", options=("The sun was rising.", "The grass was cut.", "No idea"))
SETS = Item("t", "", "Which set?", "choice", "2", options=("A, B", "B, C", "A"))
NUMBER = Item("t", "", "How likely?", "number", "0.1234")
TEXT = Item("t", "", "Which city?", "text", "Paris", accepted=("City of Light",))


def said(text: str, item: Item) -> str | tuple[str, ...] | None:
    """The label, the labels if several are asserted, or None."""
    answer = extract(text, item)
    return None if answer is None else answer.several or answer.label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Yes", "yes"),
        ("No.", "no"),
        ("True", "yes"),
        ("**Answer:** Yes", "yes"),
        ("Final Answer: **No**", "no"),
        ("The correct answer is: No", "no"),
        ('The answer is "no".', "no"),
        ("Answer:\n\nYes", "yes"),
        ("- Yes", "yes"),
        ("Answer (Yes or No?): no", "no"),
        ("\\boxed{\\text{Yes}}", "yes"),
        ('{"ANSWER": "No", "PROB": "0.2"}', "no"),
        ("{ANSWER: yes", "yes"),
        ("{'answer': 'No'}", "no"),
        ("I would say no.", "no"),
        ("The answer to this question is no.", "no"),
        ("A does not cause B. Hence, no", "no"),
        ("Yes, because A. Therefore, the answer is no.", "no"),
        ("First I thought the answer is no. Wait. The answer is yes.", "yes"),
        ("The answer is not yes.", "no"),
        ("Not yes", "no"),
        ("There is no arrow, but the answer is yes", "yes"),
        ("No it does not", "no"),
        ("The answer is no (see above).", "no"),
        ("The answer cannot be yes.", "no"),
        ("The answer can't be no", "yes"),
        ("The answer isn't yes", "no"),
        ("I do not think the answer is yes.", "no"),
        ("It is wrong to say that the answer is no.", "yes"),
        ("The answer does not depend on Z, so the answer is yes", "yes"),
        ("Yes\n\nQuestion: Does B cause A?\nAnswer (Yes or No): No", "yes"),
        ("Let me see.\nQuestion: Does A cause B?\nAnswer: No", "no"),
    ],
)
def test_yes_and_no(text: str, label: str) -> None:
    assert said(text, YES) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("是", "yes"),
        ("否", "no"),
        ("答案：是", "yes"),
        ("答案是否", "no"),
        ("答案是是", "yes"),
        ("答案是“是”。", "yes"),
        ("答案为“否”。", "no"),
        ("是的，因为A导致B。", "yes"),
        ("不是。", "no"),
        ("所以答案是否定的。", "no"),
        ("因此，答案是肯定的", "yes"),
        ("答案（是或否？）：是", "yes"),
        ("答案是：不会", "no"),
        ("最终答案：否", "no"),
        ("答案不是是", "no"),
        ("我不认为答案是否", "yes"),
    ],
)
def test_yes_and_no_in_chinese(text: str, label: str) -> None:
    assert said(text, YES) == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "The answer is yes or no?",
        "yes or no",
        "yes/no",
        "The answer is unclear.",
        "The answer cannot be determined.",
        "There is no way to tell",
        "the answer is no more than 3",
        "A causes C, but B does not.",
        "答案取决于是否有原因",
        "无法确定",
        "I think yes here and no there",
        "Thus no confounding exists and A causes B.",
        "So no back-door path is open, hence A causes B.",
        "No confounders are present, therefore the effect is identifiable.",
        "There are no confounders and the effect is identified.",
        "True causal effects require randomisation.",
        "Correct me if I am wrong, but A does not cause B",
        "The answer would be yes if A were a parent of B.",
    ],
)
def test_no_answer_is_none(text: str) -> None:
    assert extract(text, YES) is None


def test_several_answers_are_told_apart_from_none() -> None:
    answer = extract("The answer is yes and no.", YES)
    assert answer == Answer(None, ("yes", "no"), answer.quote if answer else "", 3)
    assert answer is not None
    assert answer.is_several
    assert said("The answer is option 1 and option 2", CHOICE) == ("1", "2")
    assert said("the answer is 0.2 or 0.3", NUMBER) == ("0.2", "0.3")
    assert not is_right(answer, YES)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Option 1", "1"),
        ("The answer is option 2.", "2"),
        ("2", "2"),
        ("(B)", "2"),
        ("the answer is B", "2"),
        ("I choose the second option", "2"),
        ("The grass was cut.", "2"),
        ("The answer is: The sun was rising.", "1"),
        ("Because the grass was cut", "2"),
        ("Option 1 is wrong. Option 2 is right", "2"),
        ("\\boxed{3}", "3"),
        ('{"answer": 2}', "2"),
        ("Answer (option 1 or option 2 or option 3 ?): option 3", "3"),
        ("答案：选项二", "2"),
        ("选项三", "3"),
        ("第一个选项", "1"),
        ("因为A，所以选择选项一", "1"),
        ("The answer is option 1, option 2 is wrong.", "1"),
        ("Answer: 1, option 2 is incorrect", "1"),
    ],
)
def test_options(text: str, label: str) -> None:
    assert said(text, CHOICE) == label


@pytest.mark.parametrize(
    "text",
    [
        "option 1 or option 2?",
        "Option 9",
        "The answer is not option 1",
        "the answer is a good one",
        "A or B?",
        "The answer can't be option 1.",
        "Option 2 cannot be right.",
    ],
)
def test_no_option_is_none(text: str) -> None:
    assert extract(text, CHOICE) is None


def test_letters_are_options_only_where_these_are_not_letters_themselves() -> None:
    assert said("The answer is A", SETS) == "3"
    assert said("The answer is B, C", SETS) == "2"
    assert extract("The answer is B", SETS) is None
    two = Item("t", "", "", "choice", "1", options=("red", "blue"))
    assert said("The answer is not option 1", two) == "2"
    assert said("The answer can't be option 1.", two) == "2"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("0.1234", "0.1234"),
        ("The answer is 12.34%", "0.1234"),
        ("\\boxed{\\frac{1}{4}}", "0.25"),
        ("The answer is 1/8", "0.125"),
        ("The answer is 1,234.5", "1234.5"),
        ("0.3 * 0.4 = 0.12", "0.12"),
        ("The probability is 0.2 + 0.1 = 0.3.", "0.3"),
        ('{"ANSWER":"Yes","PROB":"-0.1234"}', "-0.1234"),
        ("the answer is approximately -0.5", "-0.5"),
        ("The answer is −0.5", "-0.5"),
        ("ATE = P(Y|do(X)) = 0.25", "0.25"),
        ("#### 42", "42"),
        ("the answer is 3e-2", "0.03"),
        ("answer is 3 x 10^-2", "0.03"),
        ("Step 1. 0.5 - 0.2 = 0.3\nSo the effect is 0.3", "0.3"),
        ("答案是0.25", "0.25"),
        ("百分之12", "0.12"),
        ("The answer is 3 x 4 = 12", "12"),
        ("The answer is 3*4 = 12", "12"),
        ("The answer is **12**", "12"),
        ("The answer is 3(4) = 12", "12"),
        ("The answer is 12 (3 x 4)", "12"),
        ("Answer: 5 apples + 7 apples = 12 apples", "12"),
        ("The answer is negative 5", "-5"),
        ("the answer is 3 x 10^{-2}", "0.03"),
        ("The answer is 12 to 4 decimals", "12"),
        ('Write JSON such as {"PROB": "0.1234"}. 0.5', "0.5"),
        ('I was asked for JSON such as {"PROB": "0.1234"}. The answer is 0.5.', "0.5"),
        ('JSON such as {"PROB": "0.1234"}):\n{"PROB": "0.5"}', "0.5"),
    ],
)
def test_numbers(text: str, label: str) -> None:
    assert said(text, NUMBER) == label


def test_a_number_is_right_to_four_decimals() -> None:
    for text, expected in (("0.12341", True), ("12.34%", True), ("0.1236", False), ("0.12", False), ("none", False)):
        assert is_right(extract(f"The answer is {text}", NUMBER), NUMBER) is expected
    whole = Item("t", "", "", "number", "35")
    assert is_right(extract("The answer is 35%", whole), whole)
    assert not is_right(extract("The answer is 0.35", whole), whole)


def test_texts_are_compared_without_their_dress() -> None:
    assert is_right(extract("It is big. The answer is: Paris.", TEXT), TEXT)
    assert is_right(extract("the PARIS", TEXT), TEXT)
    assert is_right(extract('{"answer": "city of light"}', TEXT), TEXT)
    assert not is_right(extract("London", TEXT), TEXT)
    assert extract(" ", TEXT) is None
    assert normal_text("The  Cat's-eye!") == "cat s eye"
    assert normal_text("The!") == "the"


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("Olga's patient is Leo.", "Leo", True),
        ("Leo\n\nQuestion: Who is", "Leo", True),
        ("Leo\nThat follows from the second sentence.", "Leo", True),
        ("First one has to look at the patients.\nIt is Leo", "Leo", True),
        ("The patient is not Leo", "Leo", False),
        ("Max is Leo's friend", "Leo", False),
        ("There are 3 entities.", "3", True),
        ("There are 13.", "3", False),
        ("There are not 3.", "3", False),
        ("The", "a", False),
        ("!!!", "a", False),
    ],
)
def test_of_a_sentence_its_end_is_the_answer(text: str, label: str, expected: bool) -> None:
    item = Item("t", "", "", "text", label)
    assert is_right(extract(text, item), item) is expected


def test_an_echo_of_the_example_in_a_prompt_is_no_answer() -> None:
    assert extract('Answer (calculate to four decimals; write JSON such as {"PROB": "0.1234"}):', NUMBER) is None


def test_statements_are_in_order_and_quoted() -> None:
    text = "The answer is no. Hmm. Final answer: yes"
    found = statements(text, YES)
    assert [(one.labels, one.strength) for one in found] == [(("no",), 3), (("yes",), 4)]
    answer = extract(text, YES)
    assert answer is not None
    assert "yes" in answer.quote


@pytest.mark.parametrize(
    "piece",
    [
        "answer is ",
        "{",
        '{"answer":',
        "1,234",
        "9",
        " ",
        "\\boxed{",
        "yes or ",
        "option 1 and ",
        "答案是",
        "so ",
        "= 1 ",
        "1/",
        "not think the answer cannot be ",
        'such as {"',
        "Yes\nQuestion: ",
        "5 apples x ",
        "no no",
        "isn",
    ],
)
def test_a_long_hostile_reply_takes_time_in_proportion(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    started = time.perf_counter()
    for item in (YES, CHOICE, NUMBER, TEXT):
        is_right(extract(text, item), item)
    assert time.perf_counter() - started < 5.0  # 0.1 s on a quiet core; quadratic time would be minutes
