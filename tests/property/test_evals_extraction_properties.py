"""Whatever label is put into whatever phrase, it is read back; and no text whatever is refused."""

# ruff: noqa: RUF001  replies have such characters

from hypothesis import given
from hypothesis import strategies as st

from aetia.evals.item import Item
from aetia.evals.scoring.errors import read_errors
from aetia.evals.scoring.extraction import extract, is_right

PHRASES = (
    "{}",
    "{}.",
    "The answer is {}.",
    "the answer is: {}",
    "Answer: {}",
    "**Answer**: {}",
    "Final answer: {}",
    "So the final answer is **{}**.",
    "Therefore, the answer is {}.",
    "Let us think. A causes B, since B is below A.\nThe answer is {}",
    "\\boxed{{{}}}",
    "$\\boxed{{\\text{{{}}}}}$",
    '{{"ANSWER": "{}"}}',
    "{{'answer': '{}'}}",
    '```json\n{{"answer": "{}"}}\n```',
    "答案：{}",
    "答案是“{}”。",
    "所以，答案为{}。",
    "最终答案：{}",
)
WORDS = {"yes": ("Yes", "yes", "YES", "是"), "no": ("No", "no", "NO", "否")}
BINARY = Item("t", "A -> B", "Does A cause B?", "binary", "yes")
OPTIONS = Item("t", "", "Which?", "choice", "1", options=("the first set", "another cause", "something else"))
NUMBERS = Item("t", "", "How likely?", "number", "0.5", rivals={"correlation": "0.4"}, derivation=("ATE = 0.5",))
TEXTS = Item("t", "", "Who?", "text", "Anna")

phrases = st.sampled_from(PHRASES)
hostile = st.one_of(
    st.text(max_size=400),
    st.lists(
        st.sampled_from(
            [
                "answer",
                " is ",
                "yes",
                "no",
                "or",
                "{",
                "}",
                '"',
                ":",
                "\\boxed{",
                "答案",
                "是",
                "否",
                "1",
                "/",
                "0",
                "%",
            ]
        )
        | st.sampled_from(
            ["option ", "one", "=", "-", ",", ".", "\n", "frac", "P(", ")", "->", "(", "not ", "a", "İ", "\ud800"]
        ),
        max_size=60,
    ).map("".join),
)


@given(phrases, st.sampled_from(["yes", "no"]), st.integers(0, 3))
def test_yes_and_no_are_read_back(phrase: str, label: str, word: int) -> None:
    answer = extract(phrase.format(WORDS[label][word]), BINARY)
    assert answer is not None
    assert answer.label == label


@given(phrases, st.integers(1, 3), st.integers(0, 3))
def test_options_are_read_back(phrase: str, number: int, dress: int) -> None:
    word = (f"Option {number}", str(number), f"选项{'一二三'[number - 1]}", OPTIONS.options[number - 1])[dress]
    answer = extract(phrase.format(word), OPTIONS)
    assert answer is not None
    assert answer.label == str(number)


@given(phrases, st.decimals(-1, 1, places=4))
def test_numbers_are_read_back(phrase: str, value: object) -> None:
    item = Item("t", "", "", "number", f"{value:f}")
    assert is_right(extract(phrase.format(f"{value:f}"), item), item)


@given(hostile)
def test_no_text_is_refused(text: str) -> None:
    for item in (BINARY, OPTIONS, NUMBERS, TEXTS):
        answer = extract(text, item)
        assert answer is None or answer.is_several == (len(answer.several) > 1)
        if answer is not None and item.form != "number":
            assert item.form == "text" or {answer.label, *answer.several} - {None} <= set(item.labels)
        assert set(read_errors(text, answer, item).keys()) >= {"contradiction", "outlier"}
