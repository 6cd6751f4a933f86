"""Are many conversations carried on side by side, each to its own end?"""

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aetia.evals.adaptations import Material, adaptation_named
from aetia.evals.dialogue import Message, Reply, Request
from aetia.evals.harness.asking import ask, limits_of
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.item import Item
from aetia.evals.speech import said_labels

YES_NO = Item("t/yes-no", "A causes B.", "Does A cause B?", "binary", "yes")
CHOICE = Item("t/choice", "", "Which?", "choice", "2", options=("one", "two", "three"))


@dataclass
class Scripted:
    """Replies from the last to the first request, so that no order can be taken for granted."""

    fails: tuple[str, ...] = ()
    seen: list[list[Request]] = field(default_factory=list)
    identity: dict[str, str] = field(default_factory=lambda: {"answerer": "scripted"})
    is_deterministic: bool = True

    def answer(self, requests):
        self.seen.append(list(requests))
        for place in reversed(range(len(requests))):
            said = requests[place].messages[-1].text
            if said in self.fails:
                yield place, Reply("", "error", error="it is down")
            else:
                yield place, Reply(f"reply to {said}", tokens=3)


@dataclass(frozen=True)
class Turns:
    """Asks so many times, quoting what was said."""

    count: int
    name: str = "turns"

    def converse(self, item):
        text = ""
        for turn in range(self.count):
            reply = yield Request((Message("user", f"{item.task} {turn}"),), tokens=500)
            text += f"[{reply.text}]"
        return text


def test_conversations_of_different_lengths_end_with_their_own_words():
    pairs = [(YES_NO, Turns(1)), (CHOICE, Turns(3)), (YES_NO, Turns(2))]
    answerer = Scripted()
    found = dict(ask(pairs, answerer))
    assert [len(round_) for round_ in answerer.seen] == [3, 2, 1]
    assert found[0].text == "[reply to t/yes-no 0]"
    assert found[1].text == "".join(f"[reply to t/choice {turn}]" for turn in range(3))
    assert [len(found[place].turns) for place in range(3)] == [1, 3, 2]
    assert {request.subject for one in found.values() for request, _ in one.turns} == {YES_NO.id, CHOICE.id}


def test_a_failed_reply_ends_its_own_conversation_and_no_other():
    found = dict(ask([(YES_NO, Turns(2)), (CHOICE, Turns(2))], Scripted(fails=("t/yes-no 1",))))
    assert (found[0].failure, found[0].refusal) == ("it is down", "")
    assert found[0].text == ""
    assert not found[1].failure
    assert found[1].text.count("reply") == 2


def test_a_way_of_asking_that_never_ends_is_stopped_and_one_that_asks_nothing_is_answered():
    found = dict(ask([(YES_NO, Turns(10**6)), (YES_NO, Turns(0))], Scripted()))
    assert len(found[0].turns) == 64
    assert found[1].turns == ()


def test_labels_are_scored_in_the_words_of_the_language():
    answerer = Scripted()
    dict(ask([(YES_NO, Turns(1)), (CHOICE, Turns(1))], answerer, scored=True))
    assert [one.continuations for one in answerer.seen[0]] == [("Yes", "No"), ("1", "2", "3")]
    assert said_labels(Item("t", "", "?", "binary", "no", language="zh")) == ("是", "否")
    assert said_labels(YES_NO, is_spaced=True) == (" Yes", " No")
    number = Item("t", "", "?", "number", "0.5")
    dict(ask([(number, Turns(1))], answerer, scored=True))
    assert answerer.seen[1][0].continuations == ()


@given(st.integers(1, 1000), st.floats(0, 2))
def test_no_request_asks_for_more_than_the_study_allows(tokens, temperature):
    study = EvaluationStudy(tasks=("t",), tokens=tokens, temperature=temperature, seed=7)
    answerer = Scripted()
    dict(ask([(YES_NO, Turns(1))], answerer, limits=limits_of(study)))
    [request] = answerer.seen[0]
    assert request.tokens == min(500, tokens)
    assert request.temperature == temperature
    assert request.seed == 7 or temperature > 0


@pytest.mark.parametrize(("tokens", "allowed"), [(100, 100), (255, 255), (256, 768), (500, 768), (2000, 2000)])
def test_a_usual_limit_gives_way_to_what_a_form_needs(tokens, allowed):
    study = EvaluationStudy(tasks=("t",), tokens=tokens)
    way = adaptation_named("ac-reason", Material(tokens=tokens))
    answerer = Scripted()
    dict(ask([(YES_NO, way)], answerer, limits=limits_of(study)))
    assert answerer.seen[0][0].tokens == allowed


def seeds(pairs, **fields):
    """The seed of each request, by item, way of asking and turn."""
    study = EvaluationStudy(tasks=("t",), **fields)
    found = dict(ask(pairs, Scripted(), limits=limits_of(study)))
    return {
        (pairs[place][0].id, pairs[place][1].name, turn): request.seed
        for place, one in found.items()
        for turn, (request, _) in enumerate(one.turns)
    }


def test_sampled_requests_have_seeds_of_their_own_whatever_is_asked_beside_them():
    pairs = [(item, Turns(2, name)) for item in (YES_NO, CHOICE) for name in ("once", "again")]
    found = seeds(pairs, temperature=1.0, seed=3)
    assert len(set(found.values())) == len(found) == 8
    assert all(0 <= seed < 2**31 for seed in found.values())
    assert seeds(pairs[1:2], temperature=1.0, seed=3).items() <= found.items()
    assert not set(seeds(pairs, temperature=1.0, seed=4).values()) & set(found.values())
    assert set(seeds(pairs, seed=3).values()) == {3}


def test_of_many_items_that_are_sampled_by_one_seed_as_many_say_yes_as_by_chance():
    """With one stream for all of them, all or none would, and an interval for independent items would not cover it."""
    items = [Item("t/many", "", f"Is {number} it?", "binary", "yes") for number in range(1000)]
    for seed in range(20):
        found = seeds([(item, Turns(1)) for item in items], temperature=1.0, seed=seed)
        count = sum(Random(f"{one}").random() < 0.5 for one in found.values())
        assert abs(count - 500) < 5 * (1000 / 4) ** 0.5


def test_studies_that_cannot_be_are_refused():
    for wrong in (
        {"tasks": ()},
        {"tasks": ("t", "t")},
        {"tasks": ("t",), "model": "reference:oracle"},
        {"tasks": ("t",), "model": "http://x/v1#m", "interventions": ("L0.z.h0",)},
        {"tasks": ("t",), "scored": True, "temperature": 1.0},
    ):
        with pytest.raises(ValidationError):
            EvaluationStudy.model_validate({"instrument": "evaluate", **wrong})
    assert EvaluationStudy(tasks=("t",), model="https://host:8/v1#a/b#c").is_endpoint
    assert EvaluationStudy(tasks=("t",), model="reference:engine").reference == "engine"
