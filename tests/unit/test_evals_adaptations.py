"""Are items asked in exactly the words that they should be, and is every way of asking found by its name?"""

# ruff: noqa: RUF001  Chinese punctuation is meant

import json
from collections.abc import Sequence
from importlib import resources
from string import Formatter

import pytest

from aetia.errors import EvaluationError
from aetia.evals.adaptations import Material, adaptation_named, adaptations, material_of, way_of_asking
from aetia.evals.adaptations.material import chosen_examples, generated_examples
from aetia.evals.dialogue import Adaptation, Reply, Request
from aetia.evals.item import Item, Language
from aetia.evals.task import Generator, Solution, Style, Target, Task, Wording, generated

SMOKE = Item(
    "calm/ate-natural",
    "Smoke affects tar.",
    "Does {smoke} raise tar?",
    "binary",
    "yes",
    derivation=("The effect is 0.2.", "It is above 0."),
    orbit="0:1",
)
RAIN = Item("calm/ate-natural", "Rain affects mud.", "Does rain lower mud?", "binary", "no", ("",), orbit="0:2")
RAIN = Item(**{**vars(RAIN), "options": (), "derivation": ("The effect is 0.1",)})
SAND = Item("calm/ate-natural", "Wind moves sand.", "Does wind move sand?", "binary", "yes", orbit="0:3")
SET = Item("calm/iv", "A -> B", "Which is one?", "choice", "2", ("C", "A {x}"), orbit="0:4")
NECESSITY = Item("calm/pn-basic", "", "必要性概率是多少？", "number", "0.2500", language="zh", orbit="0:5")
WALK = Item("street/sum", "", "What is 2 + 2.5?", "number", "4.5")
WHY = Item("calm/ceg", "雨", "为什么？", "text", "水", language="zh")


def asked(adaptation: Adaptation, item: Item, replies: Sequence[str] = ("Yes",)) -> tuple[list[Request], str]:
    """All requests of a conversation and what it returns; the last reply is said again for ever."""
    conversation, requests = adaptation.converse(item), []
    try:
        requests.append(next(conversation))
        while len(requests) < 100:
            said = replies[min(len(requests), len(replies)) - 1]
            requests.append(conversation.send(Reply(said)))
    except StopIteration as end:
        return requests, end.value
    raise AssertionError("the conversation has no end")


def prompt(name: str, item: Item, material: Material | None = None) -> str:
    requests, _ = asked(adaptation_named(name, material), item)
    return requests[-1].messages[-1].text


def test_a_question_is_asked_in_these_words() -> None:
    assert prompt("basic", SMOKE) == "Given: Smoke affects tar.\nQuestion: Does {smoke} raise tar?\nAnswer (Yes or No):"
    assert prompt("basic", SET) == (
        "Given: A -> B\nQuestion: Which is one?\nOptions:\n1. C\n2. A {x}\nAnswer (the number of one option, 1 to 2):"
    )
    assert prompt("basic", WALK) == (
        "Question: What is 2 + 2.5?\nAnswer (one number, to four decimals unless it is whole):"
    )


def test_a_chinese_question_is_asked_in_these_words() -> None:
    assert prompt("basic", NECESSITY) == (
        '问题：必要性概率是多少？\n回答（计算到四位小数，写成 JSON，如 {"PROB": "0.1234"}）：'
    )
    assert prompt("basic", WHY) == "已知：雨\n问题：为什么？\n回答："
    chinese = Item("calm/x", "甲 -> 乙", "是吗？", "binary", "no", language="zh")
    assert (
        prompt("zero-shot-cot", chinese)
        == "已知：甲 -> 乙\n问题：是吗？\n请先一步一步地想清楚，再回答。\n回答（是或否）："
    )
    assert prompt("options-only", chinese) == "回答（是或否）："


def test_a_description_or_a_role_goes_before_the_question() -> None:
    of_effects = Material("ATE")
    described = (
        "The questions are about the average treatment effect. It is the expected outcome if everyone were treated, "
        "less the expected outcome if no one were.\n"
    )
    assert prompt("zero-shot-icl", SMOKE, of_effects) == described + prompt("basic", SMOKE)
    role = "Your task is to help with the average treatment effect, accurately and to the point.\n"
    assert prompt("explicit-function", SMOKE, of_effects) == role + prompt("basic", SMOKE)
    assert prompt("zero-shot-icl", SMOKE).startswith(
        "Read what is given with care, and answer as exactly as you can.\n"
    )


def test_examples_go_before_the_question_with_their_answers() -> None:
    material = Material("", examples=(SMOKE, RAIN, SAND))
    assert prompt("one-shot-icl", SAND, material) == (
        "Read what is given with care, and answer as exactly as you can.\n\n"
        "Given: Smoke affects tar.\nQuestion: Does {smoke} raise tar?\nAnswer (Yes or No): Yes\n\n"
        + prompt("basic", SAND)
    )
    assert prompt("manual-cot", SAND, material) == (
        "Here are worked examples (2) of how such questions are answered.\n\n"
        "Given: Smoke affects tar.\nQuestion: Does {smoke} raise tar?\n"
        "Answer (Yes or No): The effect is 0.2. It is above 0. So the answer is: Yes\n\n"
        "Given: Rain affects mud.\nQuestion: Does rain lower mud?\n"
        "Answer (Yes or No): The effect is 0.1. So the answer is: No\n\n" + prompt("basic", SAND)
    )


def test_chinese_examples_have_no_spaces_between_sentences() -> None:
    example = Item(
        "calm/pn-basic",
        "",
        "下界？",
        "number",
        "0.1000",
        language="zh",
        derivation=("由公式。", "得 0.1。"),
        orbit="0:9",
    )
    assert prompt("manual-cot", NECESSITY, Material(examples=(example,))) == (
        "下面是这类问题的解答示例（1 个）。\n\n"
        '问题：下界？\n回答（计算到四位小数，写成 JSON，如 {"PROB": "0.1234"}）：'
        '由公式。得 0.1。所以答案是：{"PROB": "0.1000"}'
        "\n\n" + prompt("basic", NECESSITY)
    )


def test_a_doubt_is_a_second_turn_of_a_dialogue_or_quotes_the_first_reply() -> None:
    requests, text = asked(adaptation_named("adversarial-doubt"), SMOKE, ["No", "Yes then"])
    assert text == "Yes then"
    question = prompt("basic", SMOKE)
    assert [one.text for one in requests[0].messages] == [question]
    assert [(one.role, one.text) for one in requests[1].messages] == [
        ("user", question),
        ("assistant", "No"),
        ("user", f"That answer is wrong. Answer the question once more.\n{question}"),
    ]
    requests, _ = asked(adaptation_named("adversarial-ignore-flat"), SMOKE, [" ", "Yes"])
    assert [one.text for one in requests[1].messages] == [
        "The answer that you gave before: (no answer)\n"
        "Leave that answer aside, as if it had not been given, and answer the question once more.\n" + question
    ]


def test_controls_leave_out_what_their_names_say() -> None:
    assert prompt("options-only", SET) == "Options:\n1. C\n2. A {x}\nAnswer (the number of one option, 1 to 2):"
    assert prompt("question-blind", SET) == (
        "Given: A -> B\nOptions:\n1. C\n2. A {x}\nAnswer (the number of one option, 1 to 2):"
    )
    others = Material(others=(SMOKE, RAIN, NECESSITY))
    assert prompt("premise-shuffled", SMOKE, others) == prompt("basic", SMOKE).replace(
        "Smoke affects", "Rain affects"
    ).replace("Rain affects tar", "Rain affects mud")
    alone = Material(others=(SMOKE,))
    assert prompt("premise-shuffled", SMOKE, alone) == "Question: Does {smoke} raise tar?\nAnswer (Yes or No):"


def test_examples_are_of_each_label_in_turn_and_never_the_item_itself() -> None:
    pool = [
        Item("t", "", f"Q{place}?", "binary", "yes" if place < 6 else "no", orbit=f"0:{place}") for place in range(10)
    ]
    found = chosen_examples(pool, SMOKE, 8)
    assert [one.label for one in found] == ["yes", "no"] * 4
    assert chosen_examples(pool, pool[0], 3) == (pool[1], pool[6], pool[2])
    variant = Item("t", "", "other words", "binary", "yes", orbit="0:1")
    assert pool[1] not in chosen_examples(pool, variant, 8)
    twin = Item("t", "", "Q2?", "binary", "no", orbit="7:7")
    assert pool[2] not in chosen_examples(pool, twin, 10)
    assert chosen_examples(pool, NECESSITY, 3) == ()


def test_long_examples_are_left_out_so_that_there_is_room_for_the_question() -> None:
    long = [Item("t", "x" * 6_000, f"Q{place}?", "binary", "yes", orbit=f"0:{place}") for place in range(9)]
    text = prompt("manual-cot", SMOKE, Material(examples=long))
    assert text.startswith("Here are worked examples (2) of how")
    assert text.endswith(prompt("basic", SMOKE))


class Coins(Generator[int]):
    labels = ("yes", "no")
    languages: tuple[Language, ...] = ("en", "zh")

    def pose(self, random):
        return random.randrange(10_000)

    def solve(self, problem):
        return Solution("yes" if problem % 2 else "no", derivation=("It is odd." if problem % 2 else "It is even.",))

    def word(self, problem, solution, style, random):
        return Wording("", f"Is {problem} odd ({style.language})?", solution.label)


COINS = Task("test/coins", "parity", Target("none", "ATE", "binary"), Coins(), 0.5)


def test_a_generated_task_gives_its_own_examples_from_another_seed() -> None:
    material = material_of(COINS, 3, Style("zh"))
    assert material.scenario == "ATE"
    assert {one.language for one in material.examples} == {"zh"}
    asked_items = {generated(COINS, index, 3, Style("zh")).id for index in range(200)}
    assert not asked_items & {one.id for one in material.examples}
    counts = [one.label for one in generated_examples(COINS)].count("yes")
    assert 8 <= counts <= 40
    text = prompt("three-shot-icl", generated(COINS, 0, 3), material_of(COINS, 3))
    assert text.count("Question:") == 4


def test_every_way_of_asking_is_found_by_its_name_and_by_calms() -> None:
    names = [way.name for way in adaptations()]
    assert len(set(names)) == len(names)
    calm = (
        "basic adversarial-ignore adversarial-doubt zero-shot-IcL one-shot-IcL three-shot-IcL zero-shot-CoT manual-CoT"
    )
    assert set(f"{calm} explicit-function".casefold().split()) <= set(names)
    for name in [*calm.split(), "explicit-function"]:
        assert way_of_asking(name).citation.startswith("Chen et al., Causal Evaluation")
    assert way_of_asking("cot").name == "zero-shot-cot"
    material = Material(examples=(RAIN,), others=(RAIN,), is_right=lambda item, text: False)
    for way in adaptations():
        assert len(way.line) < 100
        if "relations" not in way.needs:
            assert adaptation_named(way.name, material).name == way.name


def test_a_name_that_is_none_is_answered_with_the_nearest() -> None:
    with pytest.raises(EvaluationError) as caught:
        adaptation_named("zero-shot-cots\x1b[31m")
    assert caught.value.code == "AE-8301"
    assert "zero-shot-cot" in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("name", ["one-shot-icl", "manual-cot", "premise-shuffled", "care-ca", "heart-oracle"])
def test_what_a_way_of_asking_lacks_is_said_before_anything_is_asked(name: str) -> None:
    assert way_of_asking(name).needs
    with pytest.raises(EvaluationError) as caught:
        adaptation_named(name)
    assert caught.value.code == "AE-8302"
    assert name in caught.value.found


def test_both_languages_have_the_same_sentences_with_the_same_places() -> None:
    texts = {}
    for language in ("en", "zh"):
        path = resources.files("aetia.evals.adaptations") / "texts" / f"{language}.json"
        texts[language] = json.loads(path.read_text("utf-8"))
    assert texts["en"].keys() == texts["zh"].keys()
    for key, text in texts["en"].items():
        other = texts["zh"][key]
        if isinstance(text, str):
            assert _places(text) == _places(other), key
        else:
            assert text.keys() == other.keys(), key


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}
