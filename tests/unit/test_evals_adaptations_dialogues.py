"""Do the ways of asking that take several turns go on, go back and end as their papers have it?"""

# ruff: noqa: RUF001  Chinese punctuation is meant

import json
import re
from collections.abc import Callable, Mapping
from functools import cache

import pytest

from aetia import scm
from aetia.evals.adaptations import Material, adaptation_named
from aetia.evals.adaptations.factors import Comparison, Event, Factors, by_factors, events_of, factors_of, verdict
from aetia.evals.adaptations.heart import EMOTIONS
from aetia.evals.adaptations.structured import answer_in_json, answer_schema
from aetia.evals.adaptations.tools import Calculator, CausalEngine, WithTools, tool_call
from aetia.evals.dialogue import Adaptation, Reply, Request
from aetia.evals.item import Item
from aetia.scm.actual import but_for
from aetia.scm.actual.causes import is_actual_cause
from aetia.scm.actual.vignettes import VIGNETTES, Vignette

ITEM = Item("t/x", "A affects B.", "Would B be?", "binary", "yes")
EVENTS = json.dumps({"outcome": "o", "events": [{"event": "a", "focal": True, "occur": True, "order": 1}]})
WIDE = {f"V{place}": {"values": [0, 1], "table": [0.5, 0.5]} for place in range(13)}
MODEL = {
    "kind": "discrete",
    "variables": {
        "X": {"values": [0, 1], "table": [0.4, 0.6]},
        "Y": {"values": [0, 1], "parents": ["X"], "table": [[0.9, 0.1], [0.2, 0.8]]},
    },
}
CHINESE = Item("t/x", "甲影响乙。", "乙会发生吗？", "binary", "yes", language="zh")


def told(adaptation: Adaptation, item: Item, answer: Callable[[Request], str]) -> tuple[list[Request], str]:
    """All requests and what is returned, if each request is answered by `answer`."""
    conversation, requests = adaptation.converse(item), []
    try:
        requests.append(next(conversation))
        while len(requests) < 100:
            requests.append(conversation.send(Reply(answer(requests[-1]))))
    except StopIteration as end:
        return requests, end.value
    raise AssertionError("the conversation has no end")


def in_turn(*replies: str) -> Callable[[Request], str]:
    rest = list(replies)
    return lambda request: rest.pop(0) if len(rest) > 1 else rest[0]


def test_causal_steps_come_first_and_the_answer_rests_on_them() -> None:
    requests, text = told(adaptation_named("causal-cot"), ITEM, in_turn("1. A -> B", "Yes"))
    assert text == "Yes"
    assert re.findall(r"^\d\. ([A-Z]\w+)", requests[0].messages[0].text, re.MULTILINE) == [
        "Causal",
        "Kind",
        "Symbols",
        "Data",
        "Estimand",
        "Calculation",
    ]
    assert [one.text for one in requests[1].messages][1:] == [
        "1. A -> B",
        "From all of this, give your answer and nothing else.\nAnswer (Yes or No):",
    ]
    assert requests[0].tokens > requests[1].tokens


class Reasoner:
    """Works boolean rules out as CoIn asks, from what stands in the dialogue; at first it sets one value wrongly."""

    def __init__(self, slips: int) -> None:
        self.slips = slips

    def __call__(self, request: Request) -> str:
        turns = [one.text for one in request.messages]
        rules = dict(re.findall(r"(\w+) = ([^;\n]+)", turns[0].partition("Question")[0]))
        by_hand = dict(re.findall(r"if (\w+) had been (\d)", turns[0]))
        last = turns[-1]
        if "First collect" in last:
            return f"rules {rules}, by hand {by_hand}"
        if "work forwards" in last:
            values = {
                name: int(by_hand.get(name, _value(rule, {}) if rule in "01" else -1)) for name, rule in rules.items()
            }
            for name, rule in rules.items():
                if values[name] < 0:
                    values[name] = _value(rule, values)
            if self.slips:
                self.slips -= 1
                values["D"] = 1 - values["D"]
            return "DONE " + json.dumps(values)
        values = json.loads(next(turn for turn in reversed(turns) if turn.startswith("DONE"))[5:])
        if "Check every value" in last:
            for name, rule in rules.items():
                if values[name] != int(by_hand.get(name, _value(rule, values))):
                    return f"Not all is CONSISTENT: {name} does not fit. BACKTRACK"
            return "CONSISTENT"
        return "Yes" if values["Y"] else "No"


def _value(rule: str, values: dict[str, int]) -> int:
    tokens = [str(values[part]) if part in values else part for part in rule.split()]
    return int(bool(eval(" ".join(tokens))))


@pytest.mark.parametrize("slips", [0, 1, 3])
@pytest.mark.parametrize("by_hand", [{"A": 0}, {"B": 0}, {"A": 0, "B": 0}, {"C": 0}, {"C": 1}])
def test_coin_with_a_sound_reasoner_finds_the_counterfactual_although_it_slips(
    slips: int, by_hand: dict[str, int]
) -> None:
    equations = "C = A or B; D = C and not B; Y = D or B"
    model = scm.model_from_equations(equations)
    supposed = " and ".join(f"if {name} had been {value}" for name, value in by_hand.items())
    item = Item("t/x", f"A = 1; B = 1; {equations}", f"What of Y, {supposed}?", "binary", "yes")
    versions = ", ".join(f"{name}={value}" for name, value in by_hand.items())
    truth = scm.answer(model, f"P(Y[{versions}]=1 | A=1, B=1)").value
    requests, text = told(adaptation_named("coin"), item, Reasoner(slips))
    assert text == ("Yes" if truth == 1 else "No")
    assert len(requests) == 1 + 2 * (1 + slips) + 1


def test_coin_ends_although_nothing_ever_fits() -> None:
    requests, text = told(adaptation_named("coin"), ITEM, lambda request: "BACKTRACK")
    assert text == "BACKTRACK"
    assert len(requests) == 1 + 4 + 1
    requests, _ = told(
        adaptation_named("coin"), CHINESE, in_turn("甲、乙", "推导完毕", "甲不对，回溯", "推导完毕", "检查无误", "是")
    )
    assert len(requests) == 6
    assert max(len(turn.text) for turn in requests[-1].messages) < 600


def test_heart_with_an_oracle_ends_with_the_first_right_reply() -> None:
    oracle = Material(is_right=lambda item, text: text == item.label)
    requests, text = told(adaptation_named("heart-oracle", oracle), ITEM, in_turn("no", "no", "yes", "no"))
    assert (len(requests), text) == (3, "yes")
    requests, text = told(adaptation_named("heart-oracle", oracle), ITEM, in_turn("no"))
    assert (len(requests), text) == (1 + len(EMOTIONS), "no")
    feedback = [one.messages[-1].text for one in requests[1:]]
    assert len({text.partition(" Your answer is not right")[0] for text in feedback}) == 6
    assert all("Your answer is not right." in text for text in feedback)


def test_heart_without_an_oracle_never_says_wrong_and_chooses_among_all_attempts() -> None:
    replies = [f"attempt {place}" for place in range(7)]
    requests, text = told(adaptation_named("heart"), ITEM, in_turn(*replies, "chosen"))
    assert (len(requests), text) == (8, "chosen")
    assert not any("not right" in turn.text for one in requests for turn in one.messages)
    assert all(reply in requests[-1].messages[0].text for reply in replies)
    assert "yes" not in requests[-1].messages[0].text.casefold().replace("yes or no", "")


@cache
def _factors(place: int, name: str, *, needs_part: bool) -> dict[str, bool]:
    """What the model says of an event; that all break a norm leaves the rules to the causal factors."""
    vignette = VIGNETTES[place]
    setting = vignette.setting
    value = setting.actual[name]
    assert isinstance(vignette.event, Mapping)
    ((outcome, happened),) = vignette.event.items()
    brings_about = scm.answer(setting.model, f"P({outcome}={happened} | do({name}={value}))").value == 1
    is_actual = is_actual_cause(setting, {name: value}, vignette.event, "updated").holds
    return {
        "sufficient": brings_about and (is_actual or not needs_part),
        "necessary": but_for(setting, {name: value}, vignette.event) is not None,
        "halpern_pearl": is_actual,
        "norm_violated": True,
        "behavior_intended": False,
    }


_LATER = {"bottle throwing": {"BT"}}

# With them the event comes about whatever else happens, but they have no part in it: an answerer that calls such events
# sufficient is led astray, since the rules look at sufficiency first.
_NO_PART = {
    ("bogus prevention, with the poison neutralised or not", "B"),
    ("switch, one variable for the track", "F"),
    ("boulder", "B"),
}


def _oracle(vignette: Vignette, focal: str, *, needs_part: bool = True) -> Callable[[Request], str]:
    later = _LATER.get(vignette.name, set())
    events = [
        {"event": name, "focal": name == focal, "occur": True, "order": 2 if name in later else 1}
        for name in vignette.suspects
    ]
    first = json.dumps({"outcome": "it", "events": events})
    second = json.dumps(
        {name: _factors(VIGNETTES.index(vignette), name, needs_part=needs_part) for name in vignette.suspects}
    )
    return in_turn(first, second, "No")


@pytest.mark.parametrize(
    "vignette",
    [one for one in VIGNETTES if isinstance(one.event, dict) and len(one.event) == 1],
    ids=lambda one: one.name,
)
def test_the_rules_with_true_factors_give_the_verdicts_of_halpern_and_pearl(vignette: Vignette) -> None:
    for focal in vignette.suspects:
        item = Item("t/ac", vignette.story, f"Did {focal} cause it?", "binary", "yes")
        is_cause = focal in vignette.causes["updated"]
        requests, text = told(adaptation_named("ac-reason-fixed"), item, _oracle(vignette, focal))
        assert (len(requests), text) == (2, "Yes" if is_cause else "No"), focal
        _, text = told(adaptation_named("ac-reason-fixed"), item, _oracle(vignette, focal, needs_part=False))
        assert text == ("Yes" if is_cause or (vignette.name, focal) in _NO_PART else "No"), focal


def test_the_answerer_is_asked_where_the_published_rules_compare_responsibilities() -> None:
    either = next(one for one in VIGNETTES if one.name == "forest fire, either enough")
    item = Item("t/ac", either.story, "Did L cause it?", "binary", "yes")
    requests, text = told(adaptation_named("ac-reason"), item, _oracle(either, "L"))
    assert text == "No"
    assert len(requests) == 3
    assert requests[-1].messages[-1].text.endswith("Event: L\nOthers: MD\nAnswer (Yes or No):")


def test_an_event_that_is_sufficient_alone_is_compared_with_none() -> None:
    sufficient = dict.fromkeys(Factors.__dataclass_fields__, False) | {"sufficient": True}
    first = json.dumps({"events": [{"event": "a", "focal": True, "occur": True, "order": 1}]})
    item = Item("t/ac", "He pushed.", "Did a cause it?", "binary", "yes")
    requests, text = told(adaptation_named("ac-reason"), item, in_turn(first, json.dumps({"a": sufficient}), "Yes"))
    assert text == "Yes"
    assert requests[-1].messages[-1].text.endswith("Event: a\nOthers: (there are none)\nAnswer (Yes or No):")


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```\n", "\n```JSON\n{}\n  ```"])
def test_json_in_a_block_of_code_is_in_the_demanded_form(fence: str) -> None:
    events = events_of(fence.replace("{}", EVENTS))
    assert events is not None
    whole = json.dumps({event.name: dict.fromkeys(Factors.__dataclass_fields__, True) for event in events})
    assert factors_of(fence.replace("{}", whole), events) == factors_of(whole, events) is not None


@pytest.mark.parametrize(
    "text", ["Here: ```json\n{}\n```", "```json\n{}\n```\n```json\n{}\n```", "```json\n{}", "``` " * 9_000]
)
def test_json_with_more_than_a_block_around_it_is_not(text: str) -> None:
    assert events_of(text.replace("{}", EVENTS)) is None


def test_the_rules_go_by_sufficiency_then_norms_then_time() -> None:
    def events(*orders: int) -> tuple[Event, ...]:
        return tuple(
            Event(f"E{place}", is_focal=place == 0, has_occurred=True, order=order)
            for place, order in enumerate(orders)
        )

    def judged(orders: tuple[int, ...], *factors: str) -> bool | Comparison:
        known = {f"E{place}": Factors(*(sign == "1" for sign in signs)) for place, signs in enumerate(factors)}
        found = verdict(events(*orders)[0], events(*orders), known)
        return by_factors(found, known) if isinstance(found, Comparison) else found

    # sufficient, necessary, halpern_pearl, norm_violated, behavior_intended
    assert judged((1,), "11000") is True
    assert judged((1,), "00000") is False
    assert judged((1,), "01000") is False
    assert judged((1, 2), "10100", "10111") is True
    assert judged((2, 1), "10111", "10100") is False
    assert judged((1, 1), "10100", "10110") is False
    assert judged((1, 1), "10110", "10101") is True
    assert judged((1, 1), "01110", "01100") is True
    assert judged((1, 1), "01101", "01100") is True
    assert judged((1, 1), "01100", "01110") is False
    assert judged((1, 2), "01100", "01110") is False
    assert judged((2, 1), "01100", "01110") is True


@pytest.mark.parametrize(
    "reply",
    ["", "[]", '{"events": []}', '{"events": 3}', '{"events": [{"event": "a", "focal": 1, "occur": true, "order": 1}]}',
     '{"events": [{"event": "a", "focal": true, "occur": true, "order": true}]}', '{"events": ["a"]}',
     '{"events": [{"event": " ", "focal": true, "occur": true, "order": 1}]}', "[" * 100_000,
     '```json\n{"events": []}\n```', json.dumps({"events": json.loads(EVENTS)["events"] * 2})],
)  # fmt: skip
def test_events_in_another_form_are_no_answer(reply: str) -> None:
    assert events_of(reply) is None
    assert told(adaptation_named("ac-reason"), ITEM, in_turn(reply))[1] == ""


def test_factors_that_are_missing_or_no_truth_values_are_no_answer() -> None:
    event = Event("a", is_focal=True, has_occurred=True, order=1)
    whole = dict.fromkeys(Factors.__dataclass_fields__, True)
    assert factors_of(json.dumps({"a": whole}), [event]) == {"a": Factors(*[True] * 5)}
    assert factors_of(json.dumps({"b": whole}), [event]) is None
    assert factors_of(json.dumps({"a": {**whole, "necessary": "yes"}}), [event]) is None


def test_questions_that_the_rules_do_not_answer_are_asked() -> None:
    item = Item("t/ac", "He pushed.", "Did he intentionally push?", "binary", "yes")
    requests, text = told(adaptation_named("ac-reason"), item, in_turn("Yes"))
    assert (len(requests), text) == (1, "Yes")
    choice = Item("t/ac", "He pushed.", "Which is the cause?", "choice", "1", ("a", "b"))
    factors = json.dumps({"a": dict.fromkeys(Factors.__dataclass_fields__, True)})
    requests, text = told(adaptation_named("ac-reason"), choice, in_turn(EVENTS, factors, "1"))
    assert (len(requests), text) == (3, "1")


CHOICE = Item("t/x", "", "Which?", "choice", "2", ("a", "b"))
NUMBER = Item("t/x", "", "How many?", "number", "2")
TEXT = Item("t/x", "", "Why?", "text", "so")


@pytest.mark.parametrize(
    ("item", "answer", "read"),
    [(ITEM, "yes", "yes"), (ITEM, "Yes", None), (ITEM, True, None), (CHOICE, 2, "2"), (CHOICE, 2.0, "2"),
     (CHOICE, 3, None), (CHOICE, "2", None), (CHOICE, 1.5, None), (CHOICE, True, None), (NUMBER, 0.25, "0.25"),
     (NUMBER, -3, "-3"), (NUMBER, "0.25", None), (NUMBER, False, None), (TEXT, "so", "so"), (TEXT, 3, None)],
)  # fmt: skip
def test_an_answer_in_json_is_read_in_its_form_alone(item: Item, answer: object, read: str | None) -> None:
    reply = json.dumps({"reason": "r", "answer": answer})
    assert answer_in_json(item, f" {reply}\n") == read
    assert told(adaptation_named("json"), item, in_turn(reply))[1] == (read or "")


@pytest.mark.parametrize(
    "reply",
    ['{"answer": "yes"}', '{"reason": 1, "answer": "yes"}', '{"reason": "", "answer": "yes", "more": 1}',
     '{"reason": "", "answer": "no", "answer": "yes"}', '```json\n{"reason": "", "answer": "yes"}\n```',
     'Sure: {"reason": "", "answer": "yes"}', '{"reason": "", "answer": "yes"', '{"reason": "", "answer": NaN}',
     '{"reason": "' + "x" * 1_000_000 + '", "answer": "yes"}', "[" * 90_000, '["yes"]', "null", ""],
)  # fmt: skip
def test_json_is_never_repaired(reply: str) -> None:
    assert answer_in_json(ITEM, reply) is None


def test_the_schema_says_what_is_read() -> None:
    properties = answer_schema(CHOICE)["properties"]
    assert isinstance(properties, dict)
    assert properties["answer"] == {"type": "integer", "minimum": 1, "maximum": 2}


def test_the_engine_may_be_asked_before_the_answer_is_given() -> None:
    calls = [
        'Let me see.\n{"tool": "scm", "graph": "Z -> X; Z -> Y; X -> Y", "query": "P(Y | do(X))"}',
        '{"tool": "calculate", "expression": "0.4 * 0.3 + 0.6 * 0.7"}',
        "Yes",
    ]
    requests, text = told(adaptation_named("tools"), ITEM, in_turn(*calls))
    assert text == "Yes"
    assert requests[1].messages[-1].text == "Result of scm: sum_z P(y | x, z) P(z)"
    assert requests[2].messages[-1].text == "Result of calculate: 0.54"


def test_calls_are_bounded_and_wrong_ones_are_told_what_is_wrong() -> None:
    requests, text = told(adaptation_named("tools"), ITEM, in_turn('{"tool": "shell", "command": "rm"}'))
    assert len(requests) == 7
    assert text.startswith('{"tool"')
    assert requests[1].messages[-1].text == "Result of shell: error: no such tool; there are scm, calculate"
    last = requests[-1].messages[-1].text
    assert last.endswith("There are no calls left. Give your answer and nothing else.\nAnswer (Yes or No):")


@pytest.mark.parametrize(
    ("arguments", "result"),
    [({"equations": "BH = BT and not ST; BS = ST or BH", "query": "P(BS[ST=0]=1 | ST=1, BT=1)"}, "1.000000 (1)"),
     ({"equations": "Y = X and Z", "query": "ATE(X, Y)"}, "0.500000 (1/2)"),
     ({"graph": "X -> Y; X <-> Y", "query": "P(Y | do(X))"}, "error: P(Y | do(X)) is not identified"),
     ({"graph": "X -> Y", "query": "P(Y[X=1]=1)"}, "P(Y=1 | X=1)"),
     ({"graph": "X -> ", "query": "P(Y)"}, "error: "),
     ({"graph": "X -> Y", "query": 3}, 'error: "query"'),
     ({"graph": "X -> Y", "query": "P" * 10_000}, 'error: "query"'),
     ({"graph": "X -> Y" * 10_000, "query": "P(Y)"}, "error: at most 4000"),
     ({"graph": ";".join(f"A{n} -> B" for n in range(20)), "query": "P(B)"}, "error: at most 16"),
     ({"equations": f"Y = {' + '.join(f'A{n}' for n in range(15))}", "query": "P(Y)"}, "error: at most 12 variables"),
     ({"graph": "Z -> X; Z -> Y; X -> Y", "query": "P(Y[X=1]=1 | X=0)"}, "sum_z P(Y=1 | X=1, z) P(z | X=0)"),
     ({"model": MODEL, "query": "ATE(X, Y)"}, "0.700000"),
     ({"model": {"kind": "discrete", "variables": WIDE}, "query": "P(V1=1)"}, "error: at most 12 variables"),
     ({"query": "P(Y)"}, "error: give one"),
     ({"model": {"variables": 3}, "query": "P(Y)"}, "error: "),
     ({"model": {}, "query": "P(Y)"}, "error: ")],
)  # fmt: skip
def test_the_engine_as_a_tool_answers_or_says_what_is_wrong(arguments: dict[str, object], result: str) -> None:
    assert CausalEngine().call(ITEM, arguments).startswith(result)


@pytest.mark.parametrize(
    ("expression", "result"),
    [("2 + 3 * 4", "14"), ("(1 - 0.5) / 4", "0.125"), ("-2 ** 2", "-4"), ("1 / 0", "error: ZeroDivisionError"),
     ("9 ** 9 ** 9 ** 9", "error: OverflowError"), ("(-8) ** 0.5", "error: ValueError"), ("__import__('os')", "error"),
     ("x", "error"), ("True + 1", "error"), ("'a' * 3", "error"), ("(" * 300, "error"), ("1,2", "error"), ("", "error"),
     (None, "error"), ("1" * 500, "error")],
)  # fmt: skip
def test_the_calculator_computes_and_runs_nothing(expression: object, result: str) -> None:
    assert Calculator().call(ITEM, {"expression": expression}).startswith(result)


def test_a_tool_of_ones_own_may_be_plugged_in() -> None:
    class Diary:
        name = "diary"
        example = '{"tool": "diary"}'

        def description(self, language):
            return f"reads ({language})."

        def call(self, item, arguments):
            return f"{item.question} \x1b[31m{arguments['page']}"

    requests, _ = told(WithTools((Diary(),)), CHINESE, in_turn('{"tool": "diary", "page": 3}', "是"))
    assert "工具“diary”：reads (zh).例如：" in requests[0].messages[0].text
    assert requests[1].messages[-1].text == "diary 的结果：乙会发生吗？ 3"


def test_the_form_of_a_model_that_is_shown_is_one_that_is_read() -> None:
    assert json.dumps(MODEL) in CausalEngine().description("en")
    assert json.dumps(MODEL) in CausalEngine().description("zh")


def test_a_call_never_ends_a_run_whatever_the_engine_makes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(model, query):
        raise ZeroDivisionError("no number")

    monkeypatch.setattr(scm, "answer", fails)
    assert CausalEngine().call(ITEM, {"equations": "Y = X", "query": "P(Y=1)"}) == "error: no number"


def test_only_a_json_object_with_a_tool_is_a_call() -> None:
    assert tool_call('{"PROB": "0.1234"}') is None
    assert tool_call("the answer is {tool}") is None
    assert tool_call('{\n "tool": "scm",\n "query": "P(Y)"\n}') == {"tool": "scm", "query": "P(Y)"}
    assert tool_call("{" * 200_000) is None
