"""Are the seven errors seen where they are, denied where they are not, and left open where nothing decides?"""

# ruff: noqa: RUF001  replies have such characters

from dataclasses import replace
from fractions import Fraction

import pytest

from aetia.evals.item import Item
from aetia.evals.scoring._equations import equations, quantities
from aetia.evals.scoring.errors import READ_ERRORS, read_errors
from aetia.evals.scoring.extraction import extract

ATE = Item(
    "calm/ate-basic",
    "Smoking affects the lung cancer of a person. P(Y=1|X=1)=0.6, P(Y=1|X=0)=0.2",
    "What is the average effect of smoking on cancer?",
    "number",
    "0.25",
    derivation=("ATE = 0.25", "P(Y=1|do(X=1)) = 0.5", "P(Y=1|do(X=0)) = 0.25"),
    facts={"graph": "Z -> X; Z -> Y; X -> Y", "numbers": {"P(Y=1|X=1)": "0.6", "P(Y=1|X=0)": "0.2"}},
    rivals={"correlation": "0.4", "wrong-direction": "-0.25"},
)
CAUSE = Item(
    "calm/ar",
    "吸烟导致肺癌。Smoking raises the risk of cancer.",
    "Does cancer cause smoking?",
    "binary",
    "no",
    facts={"graph": "smoking -> cancer"},
    rivals={"correlation": "yes"},
)


def verdict(error: str, text: str, item: Item) -> str:
    """What is found of one error."""
    return read_errors(text, extract(text, item), item)[error].verdict


@pytest.mark.parametrize(
    ("error", "text", "item", "expected"),
    [
        ("causal hallucination", "The answer is 0.4", ATE, "yes"),
        ("causal hallucination", "The answer is 0.25", ATE, "no"),
        ("causal hallucination", "The answer is -0.25", ATE, "no"),
        ("causal hallucination", "Yes", CAUSE, "yes"),
        ("causal hallucination", "Both are correlated, so one causes the other.", CAUSE, "yes"),
        ("causal hallucination", "两者相关，因此说明吸烟导致癌症。", CAUSE, "yes"),
        (
            "causal hallucination",
            "They are correlated, but that does not imply that one causes the other.",
            CAUSE,
            "undecided",
        ),
        (
            "causal hallucination",
            "The correlation may be spurious, so we must check whether smoking causes cancer.",
            CAUSE,
            "undecided",
        ),
        ("causal hallucination", "If they are correlated, this means that one may cause cancer.", CAUSE, "undecided"),
        ("causal hallucination", "两者相关，因此要检验吸烟是否导致癌症。", CAUSE, "undecided"),
        ("causal hallucination", "Yes", replace(CAUSE, rivals={"correlation": "yes", "reversed": "yes"}), "undecided"),
        ("causal hallucination", "Yes", replace(CAUSE, rivals={}), "undecided"),
        ("inferential ambiguity", "It depends on many things.", CAUSE, "yes"),
        ("inferential ambiguity", "这取决于很多因素。", CAUSE, "yes"),
        ("inferential ambiguity", "No, although it depends.", CAUSE, "no"),
        ("inferential ambiguity", "Cancer smoking.", CAUSE, "undecided"),
        ("inferential ambiguity", "", CAUSE, "no"),
        ("calculation error", "ATE: 0.6 - 0.2 = 0.5. The answer is 0.5", ATE, "yes"),
        ("calculation error", "效应是 0.5 - 0.25 = 0.35，答案是0.35", ATE, "yes"),
        ("calculation error", "0.6 - 0.2 = 0.4", ATE, "no"),
        ("calculation error", "0.77 + 0.11 = 0.98", ATE, "undecided"),
        ("calculation error", "The answer is 0.3", ATE, "undecided"),
        ("incorrect reasoning", "P(Y=1 | do(X=1)) = 0.6, so it is large.", ATE, "yes"),
        ("incorrect reasoning", "P(Y=1|do(X=1)) = 0.5", ATE, "no"),
        ("incorrect reasoning", "We have Y -> Z here.", ATE, "yes"),
        ("incorrect reasoning", "因为 X → Y", ATE, "no"),
        ("incorrect reasoning", "It is large.", ATE, "undecided"),
        ("incorrect reasoning", "There is no arrow Y -> Z, so the answer is no.", ATE, "undecided"),
        ("incorrect reasoning", "Y -> Z is not in the graph.", ATE, "undecided"),
        ("incorrect reasoning", "We check whether Y -> Z holds.", ATE, "undecided"),
        ("incorrect reasoning", "图中没有 Y → Z。", ATE, "undecided"),
        ("incorrect reasoning", "X -> Y, not Y -> X", ATE, "no"),
        ("incorrect reasoning", "No, since Y -> Z, and there is no other path.", ATE, "yes"),
        ("incorrect reasoning", "It is not large. We have Y -> Z, so no.", ATE, "yes"),
        ("misunderstanding", "The chance of cancer after smoking:\n0.4", CAUSE, "yes"),
        ("misunderstanding", "吸烟与癌症：\n0.3", replace(CAUSE, context="吸烟导致癌症"), "yes"),
        ("misunderstanding", "No", CAUSE, "no"),
        ("misunderstanding", "Smoking is bad for you.", CAUSE, "undecided"),
        ("contradiction", "The answer is yes and no.", CAUSE, "yes"),
        ("contradiction", "The answer is yes. Since smoking is bad, the answer is no.", CAUSE, "yes"),
        ("contradiction", "答案是是。因为吸烟，答案是否。", CAUSE, "yes"),
        ("contradiction", "The answer is yes. Wait, that is wrong. The answer is no.", CAUSE, "no"),
        ("contradiction", "No. The answer is no.", CAUSE, "no"),
        ("contradiction", "Final answer: 0.25. Final answer: 0.4", ATE, "yes"),
        ("contradiction", "Final answer: 0.25. Final answer: 25%", ATE, "no"),
        ("outlier", "Bananas grow quickly in warm countries.", CAUSE, "yes"),
        ("outlier", "今天天气很好我们去公园", CAUSE, "yes"),
        ("outlier", "Cancer is a disease of cells.", CAUSE, "no"),
        ("outlier", "???", CAUSE, "undecided"),
        ("outlier", "No", CAUSE, "no"),
    ],
)
def test_each_error_is_seen_denied_or_left_open(error: str, text: str, item: Item, expected: str) -> None:
    assert verdict(error, text, item) == expected


def test_a_right_answer_with_its_derivation_shows_no_error() -> None:
    text = "P(Y=1|do(X=1)) = 0.5 and P(Y=1|do(X=0)) = 0.25. ATE = 0.5 - 0.25 = 0.25. The answer is 0.25."
    found = read_errors(text, extract(text, ATE), ATE)
    assert {name: one.verdict for name, one in found.items()} == dict.fromkeys(READ_ERRORS, "no")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("0.5 * 0.4 + 0.1 = 0.3", True),
        ("0.5 × (0.4 - 0.1) = 0.15", True),
        ("2 / 3 = 0.67", True),
        ("2 / 3 = 0.66", True),
        ("2 / 3 = 0.68", False),
        ("30% + 12% = 42%", True),
        ("0.1 + 0.2 = 0.3 + 0", True),
        ("1 + 1 = 3", False),
        ("-0.5 + 0.2 = -0.3", True),
        ("0.3 * 1 = 30", True),
    ],
)
def test_equations_are_checked_exactly(text: str, holds: bool) -> None:
    found = list(equations(f"We get {text} so far."))
    assert [one.holds for one in found] == [holds]


@pytest.mark.parametrize("text", ["x = 3", "0.3 = 0.3", "1 / 0 = 2", "= = =", "2 + = 4", "1 + 2 =", ") = ("])
def test_what_is_no_calculation_is_none(text: str) -> None:
    assert list(equations(text)) == []


def test_quantities_have_names_values_and_digits() -> None:
    text = "P(B = 1 | A = 0) = 0.4358, ATE is 12%, P(Y) = 0.2 + 0.3"
    assert list(quantities(text)) == [
        ("P(B=1|A=0)", Fraction(2179, 5000), 4),
        ("ATE", Fraction(3, 25), 2),
    ]
