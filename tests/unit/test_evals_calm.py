"""Do CaLM's labels, metrics and errors come out as its own scripts give them? Cases whose outcome its code decides.

Thousands of replies are compared with its scripts by benchmarks/evals/calm_equality.py.
"""

# ruff: noqa: RUF001  replies have such characters

import numpy as np
import pytest

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.scoring.calm_errors import coded_errors, reply_errors, same_answer
from aetia.evals.scoring.calm_labels import (
    CalmLabel,
    CalmQuestion,
    calm_expected,
    calm_label,
    calm_phrases,
    calm_question,
    calm_style,
)
from aetia.evals.scoring.calm_metrics import (
    Grid,
    accuracy,
    model_volatility,
    open_limited_gap,
    prompt_volatility,
    random_guess,
    robustness,
    rouge_l,
    solvability,
    task_metrics,
    understandability,
)

AR = CalmQuestion("AR-B_CaLM-AR")
NATURAL = CalmQuestion("ATE-B_ATE-natural")
NUMBER = CalmQuestion("ATE-P_ATE-basic")
BOUND = CalmQuestion("PN-P_PN-basic")
SETS = CalmQuestion("BAS-C_max-BAS", ("E, B", "B, C", "E, D"))
CRASS = CalmQuestion("CR-C_CRASS", ("", "It would be open.", "That is not possible.", "It would be closed."))
PAIR = CalmQuestion("PCD-C_COPA", ("The sun was rising.", "The grass was cut."), "cause")
OPEN = CalmQuestion("CEG-O_E-CARE")


@pytest.mark.parametrize(
    ("question", "text", "label"),
    [
        (AR, "Yes", 1),
        (AR, "  no, A does not.", 0),
        (AR, "的确如此", -1),
        (AR, "The answer is no more than 3", 0),  # its phrase "is no" is in it
        (AR, "答案是是", 1),
        (AR, "I say yes since A causes B", 1),
        (CalmQuestion("CA-B_FP"), "yes: A is the parent of B", 1),
        (CalmQuestion("AC-B_causal_judgement"), "options: - yes - no", -1),
        (CalmQuestion("CEI-B_0.2-UC"), "It can be identified", 1),
        (SETS, "Option 2", 2),
        (SETS, "B, C", 2),
        (SETS, "", -1),
        (SETS, "option 1, option 2 or option 3", -1),
        (SETS, "正确答案：选项三", 3),
        (CRASS, "It would be closed.", 4),
        (CRASS, "", 1),  # which is its first option
        (CRASS, "：x", 1),  # its first option is empty, so that the end of the cue begins it
        (PAIR, "Option 1", 0),
        (PAIR, "because the grass was cut", 1),
        (PAIR, "neither", -1),
        (NATURAL, '{"ANSWER": "Yes", "PROB": "0.2"}', "yes"),
        (NATURAL, "{ANSWER: Yes", None),
        (NATURAL, '{"ANSWER": Yes', "yes"),
        (NATURAL, "yes", None),
        (NUMBER, '{"ANSWER": "Yes", "PROB": "0.1234"}', 0.1234),
        (NUMBER, '{{"PROB": "-0.5"}}', -0.5),
        (NUMBER, '{"PROB": 0}', None),  # a bare zero is no answer to it
        (NUMBER, '{"PROB": "0"}', 0.0),
        (NUMBER, "0.5", None),
        (NUMBER, '{"PROB": [0.5]}', None),
        (OPEN, " Any Text ", " Any Text "),
    ],
)
def test_labels_are_calms(question: CalmQuestion, text: str, label: CalmLabel) -> None:
    assert calm_label(text, question) == label


def test_chains_of_thought_need_the_strict_object_where_it_is_demanded() -> None:
    text = 'Since {A}, the answer is { "ANSWER": "Yes", "PROB": "0.2"} or {"answer": "no", "prob": "0.3"}'
    assert calm_label(text, NATURAL, "zero-shot-cot") == "no"
    assert calm_label(text, NATURAL, "plain") == "yes"
    assert calm_label(text, NUMBER, "manual-cot") == 0.3
    assert calm_label(text, BOUND, "manual-cot") == 0.2


def test_its_scripts_errors_are_no_answer_here() -> None:
    for text in ('{"prob": ' + "9" * 5000 + "}", '{"prob": ' + "[" * 100_000):
        assert calm_label(text, NUMBER) is None


def test_items_are_asked_by_calms_names() -> None:
    item = Item(
        "calm-lite/PCD-C_COPA", "", "", "choice", "2", options=("a", "b"), language="zh", facts={"ask-for": "结果"}
    )
    assert calm_question(item) == CalmQuestion("PCD-C_COPA", ("a", "b"), "结果", "zh")
    assert calm_expected("2", calm_question(item)) == 1
    assert calm_question(Item("calm/ate-natural", "", "", "binary", "yes")).family == "Natural"
    assert calm_question(Item("calm/ate-hard", "", "", "number", "0.5")).family == "Probability"
    assert calm_question(Item("calm/ca-fp", "", "", "binary", "no")).family == "CA-B_FP"
    assert calm_question(Item("calm/backadj", "", "", "binary", "no")) == CalmQuestion("BAS-B_backadj")
    assert calm_expected("no", AR) == 0
    assert calm_expected("0.25", NUMBER) == 0.25
    with pytest.raises(EvaluationError, match="AE-8501"):
        calm_question(Item("gsm8k/test", "", "", "number", "3"))
    with pytest.raises(EvaluationError, match="AE-8503"):
        calm_label("x", CalmQuestion("BAS-C_max-BAS", ("a",)))
    assert calm_style("Zero-shot-CoT-CN") == "zero-shot-cot"
    with pytest.raises(EvaluationError, match="AE-8502"):
        calm_style("heart")


def test_accuracy_and_robustness() -> None:
    assert accuracy([1, 0, -1], [1, 1, 0], AR) == 1 / 3
    assert accuracy([0.12344, 0.1236, None], [0.1234, 0.1234, 0.0], NUMBER) == 1 / 3
    assert robustness([1, 0, -1, -1], [1, 1, -1, 0]) == 0.5
    with pytest.raises(EvaluationError, match="AE-8505"):
        accuracy([], [], AR)


def test_rouge_l_counts_words_once_and_sentence_by_sentence() -> None:
    assert rouge_l("the cat sat. on the mat", "the cat sat on the mat") == (1.0, pytest.approx(1.0))
    assert rouge_l("", "a") == (0.0, 0.0)
    assert rouge_l("b a", "a b") == (0.5, pytest.approx(0.5))
    assert accuracy(["a x y z"], ["a b"], OPEN) == 0.5
    assert accuracy(["a x y z"], ["a b"], OPEN, "paper") == pytest.approx(1 / 3)
    long = " ".join(f"w{number}" for number in range(1200))
    assert rouge_l(long, long) == (0.0, 0.0)  # its recursion ends
    assert rouge_l(long, long, definition="paper")[0] == 1.0
    assert rouge_l("热 x", "热量", segmentation="characters")[0] == 0.5


def test_volatility_by_code_and_by_paper() -> None:
    grid = Grid(("m", "n"), ("basic", "cot"), np.array([[40.0, 60.0], [50.0, 50.0]]))
    assert model_volatility(grid) == {"m": pytest.approx(200**0.5), "n": 0.0}
    assert model_volatility(grid, "paper") == {"m": 10.0, "n": 0.0}
    assert prompt_volatility(grid) == {"basic": pytest.approx(50**0.5), "cot": pytest.approx(50**0.5)}
    assert prompt_volatility(grid, "paper") == {"basic": 0.0, "cot": 10.0}
    with pytest.raises(EvaluationError, match="AE-8506"):
        prompt_volatility(Grid(("m",), ("cot",), np.array([[1.0]])), "paper")
    assert np.isnan(model_volatility(Grid(("m",), ("cot",), np.array([[1.0]])))["m"])


def test_metrics_of_a_task() -> None:
    assert [understandability(*one, 50.0) for one in ((49.0, 40.0), (60.0, 49.0), (60.0, 50.0))] == [
        "very hard",
        "hard",
        "easy",
    ]
    grades = ((40.0, 1, 1), (79.9, 75, 75), (80.0, 69.9, 60), (90.0, 70.0, 69.9), (90.0, 80.0, 70.0))
    assert [solvability(*one, 50.0) for one in grades] == [
        "unsolvable",
        "challenging",
        "potentially solvable",
        "solvable",
        "well-solved",
    ]
    closed = ("GPT-4", "Claude2", "text-davinci-003", "GPT-3.5-Turbo", "ada (0.35B)")
    assert [open_limited_gap((*closed[:count], "open")) for count in (3, 4, 5)] == ["small", "moderate", "large"]
    assert open_limited_gap(("a", "b", "c", "d"), limited=("a", "b", "c", "d")) == "moderate"
    grid = Grid(("m", "n"), ("basic", "cot"), np.array([[40.0, 85.0], [50.0, 50.0]]))
    found = task_metrics(grid, AR)
    assert (found.median, found.third_quartile, found.top_models) == (50.0, 58.75, ("m", "n"))
    assert (found.largest, found.largest_mean, found.third_mean) == (85.0, 62.5, 50.0)
    assert (found.understandability, found.open_limited_gap, found.solvability) == (
        "easy",
        "small",
        "potentially solvable",
    )
    assert task_metrics(grid, BOUND).understandability == "see-manual-definition"
    assert task_metrics(grid, BOUND, definition="paper").understandability == "very hard"
    assert [random_guess(one) for one in (AR, SETS, CRASS, NUMBER)] == [50.0, 33.3, 25.0, 0.0]


@pytest.mark.parametrize(
    ("question", "style", "text", "is_malformed"),
    [
        (AR, "plain", "Yes.", False),
        (AR, "manual-cot", "So the answer is yes.", True),  # AR has one rule for every style
        (CalmQuestion("CEI-B_0.2-UC"), "manual-cot", "So the answer is yes.", False),
        (CalmQuestion("CEI-B_0.2-UC"), "zero-shot-cot", "Hm, the answer is no since", False),
        (SETS, "plain", "The answer is option 1", True),
        (CRASS, "plain", "一", True),
        (CRASS, "in-context", "一", False),
        (NATURAL, "plain", '{"answer": "yes"}', False),
        (NATURAL, "manual-cot", 'the answer is {"answer": "yes"}', True),
        (NATURAL, "zero-shot-cot", 'so {"answer": "yes"', False),
        (BOUND, "plain", '{"prob": "0.1"}', False),
        (NUMBER, "plain", '{"prob": "0.1"}', True),
    ],
)
def test_the_form_that_is_demanded(question: CalmQuestion, style: str, text: str, is_malformed: bool) -> None:
    assert reply_errors(text, question, style).is_malformed is is_malformed


def test_the_other_language_repetition_and_nothing() -> None:
    chinese = CalmQuestion("AR-B_CaLM-AR", language="zh")
    assert reply_errors("yes 是", AR).is_other_language
    assert not reply_errors("是 A", chinese).is_other_language
    assert reply_errors("是 ab", chinese).is_other_language
    assert not reply_errors("answer", CalmQuestion("PN-P_PN-basic", language="zh")).is_other_language
    assert reply_errors("answers", CalmQuestion("PN-P_PN-basic", language="zh")).is_other_language
    assert reply_errors("Answer (Yes or No ?) yes", AR).is_repetition
    assert reply_errors(" \n", AR).is_empty


def test_the_same_answer_to_everything() -> None:
    assert coded_errors(["yes", "Yes, it does"], [AR, AR]).same == "All Yes"
    assert coded_errors(["", "是"], [AR, AR]) == coded_errors(["是", ""], [AR, AR])
    assert coded_errors(["", "是"], [AR, AR]).empty == 0.5
    assert same_answer([-1, -1], AR) == ""
    assert same_answer([0.1234, 0.1234], NUMBER) == "All Yes"
    assert same_answer([0.5, 0.5], NUMBER) == ""
    assert same_answer([1, 1], PAIR) == "All option2"
    assert same_answer([4], CRASS) == "All option4"
    assert same_answer(["否", "no"], NATURAL) == "All No"
    for question, style in ((OPEN, "plain"), (AR, "explicit-function")):
        with pytest.raises(EvaluationError, match="AE-8504"):
            reply_errors("x", question, style)
    with pytest.raises(EvaluationError, match="AE-8505"):
        coded_errors([], [])


def test_the_phrases_say_whose_they_are() -> None:
    notice = str(calm_phrases()["notice"])
    assert "Apache License 2.0" in notice
    assert "github.com/OpenCausaLab/CaLM" in notice
