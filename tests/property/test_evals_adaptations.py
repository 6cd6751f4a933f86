"""Does every way of asking end, and return a text, whatever the item says and whatever the replies are?"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.evals.adaptations import Material, adaptation_named, adaptations
from aetia.evals.adaptations.factors import Factors
from aetia.evals.dialogue import Reply, Request
from aetia.evals.item import Form, Item

_EVENTS = json.dumps({"outcome": "o", "events": [{"event": "a", "focal": True, "occur": True, "order": 1}]})
_FACTORS = json.dumps({"a": dict.fromkeys(Factors.__dataclass_fields__, True)})
_HOSTILE = [
    "", " ", "\0", "\ud800", "yes", "No.", "BACKTRACK", "DONE", "回溯", "{}", "{0}", "{context}", "[[[[",
    "x" * 1_000_000,
    "{" * 200_000, "\n" * 100_000, '{"tool": "scm"}', '{"tool": 3}', '{"tool": {"a": []}}', '{"tool": "\ud800"}',
    '{"tool": "scm", "graph": "A -> A", "query": "P(A"}', '{"tool": "calculate", "expression": "9**9**9"}',
    '{"tool": "scm", "equations": "Y = __import__(0)", "query": "P(Y)"}', '{"reason": "", "answer": 1e999}',
    '{"reason": "", "answer": "yes"}', '{"reason": "", "answer": 1}', _EVENTS, _FACTORS, "<|im_end|>", "\x1b[2J",
    '{"tool": "scm", "model": {"variables": {"Y": []}}, "query": "P(Y=1)"}', "\uff11",
    '{"answer": ' + "9" * 6_000 + "}",
]  # fmt: skip

_TEXTS = st.one_of(st.text(max_size=60), st.sampled_from(_HOSTILE[:13]))
_LABELS: dict[Form, str] = {"binary": "yes", "choice": "1", "number": "0.5", "text": "so"}


@st.composite
def items(draw: st.DrawFn) -> Item:
    form = draw(st.sampled_from(list(_LABELS)))
    options = tuple(draw(st.lists(_TEXTS, min_size=1, max_size=4))) if form == "choice" else ()
    task = draw(st.sampled_from(["calm/pn-basic", "t/x"]))
    language = draw(st.sampled_from(["en", "zh"]))
    return Item(task, draw(_TEXTS), draw(_TEXTS), form, _LABELS[form], options, language=language)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    path = tmp_path_factory.mktemp("relations") / "relations.csv"
    path.write_text("rel,start,end\nCauses,rain,mud\nCauses,yes,no\n")
    forms = [(form, language) for form in _LABELS for language in ("en", "zh")]
    examples = [Item("t/x", "given", "asked", form, _LABELS[form], ("a", "b"), language=one) for form, one in forms]
    return Material("ATE", examples, examples, path, lambda item, text: text == item.label)


# Replies are drawn by their places: a reply of a megabyte is nothing to print or to shrink.
@pytest.mark.parametrize("name", [way.name for way in adaptations()])
@given(
    item=items(), places=st.lists(st.integers(0, len(_HOSTILE) - 1), min_size=1, max_size=9), noise=st.text(max_size=40)
)
@settings(max_examples=20, deadline=None)
def test_every_way_of_asking_ends_in_a_text(
    name: str, item: Item, places: list[int], noise: str, material: Material
) -> None:
    replies = [_HOSTILE[place] for place in places] + [noise]
    conversation, requests = adaptation_named(name, material).converse(item), []
    found: object = None
    try:
        requests.append(next(conversation))
        while len(requests) <= 20:
            requests.append(conversation.send(Reply(replies[(len(requests) - 1) % len(replies)])))
    except StopIteration as end:
        found = end.value
    assert isinstance(found, str)
    assert 1 <= len(requests) <= 10
    for one in requests:
        _is_sound(one, item)


def _is_sound(request: Request, item: Item) -> None:
    """It begins and ends with the user, has room for a reply, and a reply of a megabyte is not said again whole."""
    roles = [message.role for message in request.messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert all(message.text.strip() for message in request.messages)
    assert request.tokens > 0
    assert request.subject == item.id
    assert sum(len(message.text) for message in request.messages) < 100_000
