"""Are sentences, sums and CaLM-lite's texts read as they are meant?

The rows here are invented, in the format of the published files.
"""

# ruff: noqa: RUF001  Chinese punctuation is meant

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_sets import engine_answer, faults_of, json_lines_of, read_items

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.published._arithmetic import value_of
from aetia.evals.published._embedded import base_of, deeds_of, gerund_of
from aetia.runs.keys import JSON

SENTENCE = "The worm that the coast guard that the dog barked at spotted died."
ASKED = {
    "What did the dog do?": "bark at the coast guard",
    "What did the coast guard do?": "spot the worm",
    "Who spotted the worm?": "the coast guard",
    "What was affected by the dog?": "the coast guard",
    "How many distinct entities are in the sentence?": "3",
    "What did the entity that was barked at do?": "spotted the worm",
    "What did the entity acted upon by the coast guard do?": "died",
    "What series of events led to the worm's action?": (
        "the dog barking at the coast guard which led to the coast guard spotting the worm"
    ),
    "What series of events led to the dog's action?": "no prior events",
    "What is the consequence of the dog's involvement?": "the coast guard spotted the worm",
    "What is the consequence of the worm's involvement?": "none",
}


@pytest.mark.parametrize(("question", "answer"), ASKED.items())
def test_nested_sentences_are_answered(question: str, answer: str) -> None:
    assert engine_answer(Item("centerbench/plausible", SENTENCE, question, "text", "?")) == answer


@pytest.mark.parametrize(
    ("sentence", "question", "told"),
    [
        ("The worm that the dog saw chased died.", "What did the dog do?", "2 beings and 3 verbs"),
        ("The dog that the dog saw died.", "What did the dog do?", "each being once"),
        (SENTENCE, "What did the cat do?", "no being"),
        (SENTENCE, "Why?", "no being"),
        ("The worm that the ant that the bee saw saw died.", "What did the entity that was seen do?", "or several"),
    ],
)
def test_what_cannot_be_read_says_why(sentence: str, question: str, told: str) -> None:
    with pytest.raises(EvaluationError, match=told) as caught:
        engine_answer(Item("centerbench/plausible", sentence, question, "text", "?"))
    assert caught.value.code == "AE-8110"


def test_centerbench_reads_every_question(tmp_path: Path) -> None:
    asked = [
        {"question": "What did the dog do?", "answer": "barked at the ant", "type": "action_performed"},
        {"question": "How many distinct entities are in the sentence", "answer": "3", "type": "entity_count"},
    ]
    row = {"complexity": "complexity_1", "sentence": "The ant that the dog barked at died.", "all_entities": ["a", "d"]}
    text = json_lines_of({**row, "questions_by_entity": {"dog": asked}})
    deed, count = read_items(tmp_path, "centerbench/plausible", {"plausible.jsonl": text})
    assert (deed.accepted, engine_answer(deed)) == (("bark at the ant",), "bark at the ant")
    assert faults_of(deed) == ("the answer is in the past, and the question asks for the plain form",)
    assert len(faults_of(count)) == 2


def test_verbs_are_taken_back_to_their_plain_form() -> None:
    told = "chase spot carry call scare observe nudge squeeze topple growl treat operate sail rule visit hop hope pass"
    past = (
        "chased spotted carried called scared observed nudged squeezed toppled growled treated operated sailed ruled "
    )
    past += "visited hopped hoped passed"
    assert [base_of(word) for word in past.split()] == told.split()
    gerunds = "chasing spotting carrying calling running eating dying seeing dive-bombing"
    forms = "chased spotted carried called ran ate died saw dive-bombed"
    assert [gerund_of(word) for word in forms.split()] == gerunds.split()
    first, last = deeds_of("The suitcase that the porter carried was heavy.")
    assert (first.past, last.told("past")) == ("was heavy", "carried the suitcase")


CALM = "calm-lite/"


def test_calm_lite_texts_in_both_languages(tmp_path: Path) -> None:
    def both(task: str, folder: str, english: Mapping[str, JSON], chinese: Mapping[str, JSON]) -> tuple[Item, Item]:
        rows = {"EN": {"index": 1, **english}, "CN": {"index": 1, **chinese}}
        files = {f"{folder}/{task}_{code}.json": json_lines_of(row) for code, row in rows.items()}
        first, second = read_items(tmp_path, CALM + task, files)
        assert (first.language, second.language) == ("en", "zh")
        return first, second

    pairs, news = "causal_discovery/pairwise_causal_discovery", "causal_discovery/event_causality_identification"
    told = {"premise": "It rained.", "hypothesis": "It is wet.", "gt_answer": 1}
    first, second = both("PCD-B_COPA", pairs, told, {"premise": "下雨", "hypothesis": "下雨。", "gt_answer": 1})
    assert first.orbit == second.orbit
    assert (faults_of(first), len(faults_of(second))) == ((), 1)
    told = {"premise": "It rained.", "ask-for": "cause", "hypothesis1": "Sun.", "hypothesis2": "Cloud.", "gt_answer": 1}
    first, second = both("PCD-C_COPA", pairs, told, {**told, "ask-for": "结果"})
    assert first.label == "2"
    assert ("cause" in first.question, "结果" in second.question) == (True, True)
    words = {"words": ["Rain", "put", "it", "on", "."], "events": [[1, 3], [0]], "gt_answer": 0}
    first, second = both("ECI-B_CTB", news, words, {"sent": "下雨", "event1": "下", "event2": "雪", "gt_answer": 0})
    assert '"put on" and "Rain"' in first.question
    assert (faults_of(first), faults_of(second)) == ((), ("the text has no '雪'",))
    told = {"cause": "Rain.", "effect": "Mud.", "gt_answer": "Water makes mud."}
    assert (
        both("CEG-O_E-CARE", "counterfactual/causal_explanation_generation", told, told)[0].label == told["gt_answer"]
    )
    answers = {"Answer1": "It would.", "Answer2": "", "Answer3": "It would not.", "Answer4": "", "gt_answer": "3"}
    told = {"premise": "It rains.", "QCC": "What if not?", **answers}
    first, _ = both("CR-C_CRASS", "counterfactual/counterfactual_reasoning", told, told)
    assert (first.options, first.label) == (("It would.", "It would not."), "2")
    story = {
        "input": "How would people answer?\nA fell. B ran. Did A cause it?\nOptions:\n- Yes\n- No",
        "gt_answer": "No",
    }
    chinese = {"input": "甲倒了。是甲导致的吗？\n选项：\n- 是\n- 否", "gt_answer": "No"}
    first, second = both("AC-B_causal_judgement", "counterfactual/actual_causality", story, chinese)
    assert (first.context, first.question, first.label) == ("A fell. B ran.", "Did A cause it?", "no")
    assert (second.context, second.question) == ("甲倒了。", "是甲导致的吗？")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,000*20%", 200), ("(2+3)/4", Fraction(5, 4)), ("-.5+1", Fraction(1, 2)), ("2**3", 8), ("$3 x 07", 21)],
)
def test_sums_are_exact(text: str, value: Fraction) -> None:
    assert value_of(text) == value


@pytest.mark.parametrize("text", ["", "2+", "1/0", "9**99", "abc", "1" * 300, "(((1)", "__import__"])
def test_what_is_no_sum_has_no_value(text: str) -> None:
    assert value_of(text) is None


@given(st.lists(st.fractions(0, 1000, max_denominator=100), min_size=1, max_size=6))
def test_sums_of_decimals_are_what_they_say(numbers: list[Fraction]) -> None:
    rounded = [Fraction(round(number * 100), 100) for number in numbers]
    assert value_of(" + ".join(f"{float(number):.2f}" for number in rounded)) == sum(rounded)
