"""Does an endpoint's every failing become one line, and does nothing else suffer?"""

import itertools
import json
import math
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from random import Random

import hypothesis
import pytest
import torch
from evals_server import Sent, of_network, said, serving
from hypothesis import given
from hypothesis import strategies as st
from toy_tokenizer import CHAT, byte_level
from transformers import AutoModelForCausalLM, LlamaConfig

from aetia.errors import EvaluationError
from aetia.evals.answerers import endpoint, endpoint_format
from aetia.evals.answerers.cache import ReplyCache, cached
from aetia.evals.answerers.endpoint import EndpointAnswerer, EndpointSettings, Prices
from aetia.evals.answerers.endpoint_pace import pause, waiting_asked
from aetia.evals.answerers.local import LocalAnswerer
from aetia.evals.dialogue import Message, Request
from aetia.models import Network, wrap

KEY = "sk-secret-1234567890"


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def request(text="Is it so?", **told_by):
    return Request((Message("user", text),), **told_by)


def settings(url, **told_by):
    return EndpointSettings(url, "m", **{"first_pause": 0.01, "attempts": 2, "seconds": 5.0, **told_by})


def asked(url, *requests, **told_by):
    answerer = EndpointAnswerer(settings(url, **told_by))
    found = dict(answerer.answer(requests or (request(),)))
    assert sorted(found) == list(range(max(1, len(requests))))
    return [found[place] for place in sorted(found)], answerer.spent


def only(sent, **told_by):
    """The reply to the one request of a server that always sends this."""
    with serving(lambda *_: sent) as (url, seen):
        (reply,), _ = asked(url, **told_by)
    return reply, len(seen.bodies)


@pytest.fixture(scope="module")
def small() -> Network:
    torch.manual_seed(7)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=400, num_key_value_heads=2, max_position_embeddings=64, **sizes)
    module = AutoModelForCausalLM.from_config(config)
    for parameter in module.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return wrap(module, byte_level(CHAT))


@pytest.mark.parametrize(("api", "template"), [("chat", "chat"), ("completions", "plain")])
def test_a_served_network_replies_as_it_does_here(small, api, template):
    requests = [request(f"Mary gave {n}", tokens=6, stop=("zz",)) for n in range(5)]
    with serving(of_network(small, "m")) as (url, _):
        replies, spent = asked(url, *requests, api=api)
    here = dict(LocalAnswerer(small, template=template).answer(requests))
    assert replies == [here[place] for place in range(5)]
    assert (spent.calls, spent.models) == (5, {"m": 5})
    assert spent.tokens == sum(reply.tokens for reply in replies)


def test_echoed_prompts_give_the_scores_that_the_network_gives_here(small):
    asks = [request(f"Mary gave {n} to ", continuations=("John", "Paris", "8 9 0")) for n in range(3)]
    with serving(of_network(small, "m")) as (url, _):
        replies, _ = asked(url, *asks, api="completions")
    for place, here in LocalAnswerer(small, template="plain").answer(asks):
        assert replies[place].scores == pytest.approx(here.scores, abs=1e-4)
        assert (replies[place].text, replies[place].lengths) == (here.text, here.lengths)


@pytest.mark.model
def test_the_real_model_behind_an_endpoint_replies_as_it_does_here():
    from aetia.models import load

    network = load("smollm2-135m")
    requests = [request("Is fire hot? Say yes or no.", tokens=8), request("Name a colour.", tokens=8)]
    with serving(of_network(network, "smollm2-135m")) as (url, _):
        replies, _ = asked(url, *requests, seconds=60.0)
    here = dict(LocalAnswerer(network).answer(requests))
    assert replies == [here[0], here[1]]


def test_a_chat_scores_by_the_likeliest_first_tokens():
    listed = [{"token": token, "logprob": value} for token, value in [("No", -0.2), (" Yes", -2.0), ("Maybe", -5.0)]]
    sent = said("No", logprobs={"content": [{"token": "No", "logprob": -0.2, "top_logprobs": listed}]})
    with serving(lambda *_: sent) as (url, seen):
        replies, _ = asked(
            url,
            request(continuations=("Yes", "No")),
            request(continuations=("Never", "No")),
            request(continuations=("No way", "No")),
            request(continuations=("A", "B")),
        )
    assert (replies[0].text, replies[0].scores) == ("No", (-2.0, -0.2))
    assert replies[1].scores == (-5.0, -0.2)
    assert "same token" in replies[2].error
    assert "likeliest first tokens" in replies[3].error
    assert seen.bodies[0]["top_logprobs"] == 20


@pytest.mark.parametrize(
    ("sent", "line", "calls"),
    [
        (Sent(b"<html><body>Welcome</body></html>", kind="text/html"), "a page of HTML", 2),
        (Sent(b""), "empty answer", 2),
        (Sent(b"{not json"), "no JSON", 2),
        (Sent(b"[" * 100_000), "no JSON", 2),
        (Sent(b"[1]"), "no object", 2),
        (Sent(b'{"choices": []}'), "no choice", 2),
        (Sent(b'{"choices": [null]}'), "no choice", 2),
        (Sent(b'{"choices": [{"message": {"content": 7}}]}'), "without a text", 2),
        (Sent(b'{"error": {"message": "overloaded"}}'), "overloaded", 2),
        (Sent(json.dumps({"choices": [{"text": "x" * 100}]}).encode(), cut=50), "broke off", 2),
        (Sent(b"x" * (5 * 2**20)), "more than 4,194,304 bytes", 1),
        (Sent(b'{"error": {"message": "bad field"}}', 400), "refuses the request (status 400): bad field", 1),
        (Sent(b"", 401), "refuses the key (status 401)", 1),
        (Sent(b"{}", 403), "does not allow", 1),
        (Sent(b'{"error": "no m"}', 404), "no such model or no such address (status 404): no m", 1),
        (Sent(b"", 301, headers={"Location": "/elsewhere"}), "sends elsewhere", 1),
        (Sent(b"<html>", 500, "text/html"), "failed (status 500)", 2),
        (Sent(b"", 429, headers={"Retry-After": "0"}), "asked too often", 2),
    ],
)
def test_each_failing_is_one_line(sent, line, calls):
    reply, count = only(sent)
    assert line in reply.error
    assert "\n" not in reply.error
    assert len(reply.error) <= 300
    assert (reply.text, count) == ("", calls)
    assert reply.finish == ("refused" if "400" in line or "bytes" in line else "error")


def test_a_reply_of_a_megabyte_is_a_reply():
    reply, _ = only(said("a" * 1_000_000))
    assert len(reply.text) == 1_000_000


def test_an_endpoint_that_is_down_is_found_out_once_and_not_by_every_request():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    replies, spent = asked(f"http://127.0.0.1:{port}/v1", *[request()] * 500, parallel=4, first_pause=0.05)
    assert all("cannot be reached" in reply.error for reply in replies)
    assert spent.calls == 0
    assert time.monotonic() - start < 3


def test_an_endpoint_that_is_slow_is_not_waited_for():
    event = threading.Event()

    def slow(*_):
        event.wait(10)
        return said("late")

    with serving(slow) as (url, _):
        (reply,), _ = asked(url, seconds=0.2, attempts=1)
        event.set()
    assert reply.error == "The endpoint took longer than 0.2 seconds."


def test_what_fails_now_and_then_is_tried_again_and_loses_nothing():
    def flaky(_path, body, number):
        return Sent(b"", 503) if number % 2 == 0 else said(body["messages"][0]["content"])

    with serving(flaky) as (url, _):
        replies, spent = asked(url, *[request(str(n)) for n in range(40)], attempts=30)
    assert [reply.text for reply in replies] == [str(n) for n in range(40)]
    assert spent.calls == 40
    assert spent.retries >= 20


def test_no_more_requests_are_under_way_than_allowed_and_a_slow_reader_slows_them():
    def answer(*_):
        time.sleep(0.005)
        return said("x")

    with serving(answer) as (url, seen):
        replies = EndpointAnswerer(settings(url, parallel=7)).answer([request(str(n)) for n in range(300)])
        next(replies)
        time.sleep(0.4)
        assert len(seen.bodies) <= 2 * 7 + 1 + 7
        assert len(list(replies)) == 299
    assert 2 <= seen.most <= 7


def test_closing_the_iterator_cancels_what_is_under_way():
    event = threading.Event()

    def answer(_path, _body, number):
        if number > 4:
            event.wait(20)
        return said("x")

    with serving(answer) as (url, seen):
        start = time.monotonic()
        replies = EndpointAnswerer(settings(url, parallel=4)).answer([request(str(n)) for n in range(200)])
        assert isinstance(replies, Generator)
        next(replies)
        replies.close()
        assert time.monotonic() - start < 3
        time.sleep(0.3)  # what was sent before is read by the server
        count = len(seen.bodies)
        time.sleep(0.1)
        assert len(seen.bodies) == count < 30
        event.set()
    assert not [thread for thread in threading.enumerate() if thread.name == "aetia-endpoint"]


def test_the_rate_is_kept():
    with serving(lambda *_: said("x")) as (url, _):
        start = time.monotonic()
        asked(url, *[request(str(n)) for n in range(6)], requests_per_minute=1200)
        by_requests = time.monotonic() - start
        start = time.monotonic()
        asked(url, *[request("x" * 400, tokens=100)] * 4, tokens_per_minute=120_000)
        by_tokens = time.monotonic() - start
    assert by_requests >= 5 * 0.05
    assert by_tokens >= 3 * 0.1


def test_all_wait_where_the_endpoint_asks_for_it():
    def answer(_path, _body, number):
        return Sent(b"", 429, headers={"Retry-After": "0.5"}) if number == 0 else said("x")

    with serving(answer) as (url, _):
        start = time.monotonic()
        replies, _ = asked(url, request("a"), request("b"), parallel=1)
    assert [reply.text for reply in replies] == ["x", "x"]
    assert time.monotonic() - start >= 0.5


# A call of one letter may cost 65 tokens read (a byte, and 64 for the template) and as many written as are allowed.
MONEY = {"prices": Prices(prompt=1_000_000, reply=2_000_000)}


def test_cost_is_counted_and_ends_the_asking():
    with serving(lambda *_: said("x")) as (url, seen):  # an answer costs 10 + 2 x 5, and might cost 65 + 2 x 5
        asks = [request(str(n), tokens=5) for n in range(9)]
        replies, spent = asked(url, *asks, **MONEY, most_cost=115, parallel=1)
    assert (spent.cost, spent.unsure) == (60, 0)
    assert len(seen.bodies) == 3
    assert [bool(reply.error) for reply in replies] == [False] * 3 + [True] * 6
    assert "60 is spent, a call may cost 75, and 115 is the most" in replies[-1].error


@pytest.mark.parametrize("pace", [{}, {"requests_per_minute": 3000}])
def test_no_more_is_spent_than_allowed_though_many_calls_are_under_way(pace):
    def answer(*_):
        time.sleep(0.02)
        return said("x", usage={"prompt_tokens": 65, "completion_tokens": 5})

    with serving(answer) as (url, seen):
        asks = [request(str(n % 10), tokens=5) for n in range(40)]
        replies, spent = asked(url, *asks, **MONEY, most_cost=310, parallel=16, **pace)
    assert (spent.cost, len(seen.bodies)) == (300, 4)
    assert sum(not reply.error for reply in replies) == 4


def test_what_is_set_aside_for_a_call_is_free_again_once_it_cost_less():
    def answer(*_):
        time.sleep(0.01)
        return said("x", usage={"prompt_tokens": 1, "completion_tokens": 1})

    with serving(answer) as (url, seen):
        asks = [request(str(n % 10), tokens=5) for n in range(30)]
        replies, spent = asked(url, *asks, **MONEY, most_cost=75 * 3, parallel=16)
    assert (spent.cost, seen.most) == (90, 3)
    assert not any(reply.error for reply in replies)


def test_tokens_that_the_endpoint_does_not_count_are_estimated_and_end_the_asking():
    sent = json.dumps({"choices": [{"message": {"content": "é" * 8}}], "usage": {"prompt_tokens": 0}}).encode()
    with serving(lambda *_: Sent(sent)) as (url, seen):
        asks = [request("y" * 39 + str(n), tokens=5) for n in range(9)]  # 10 read and 4 written; at the most 104 and 5
        replies, spent = asked(url, *asks, **MONEY, most_cost=18 * 3 + 114, parallel=1)
    assert (len(seen.bodies), spent.cost, spent.estimated) == (4, 72, 4)
    assert (replies[0].prompt_tokens, replies[0].tokens) == (10, 4)
    assert all("72 is spent" in reply.error for reply in replies[4:])


def test_an_answer_without_use_is_paid_too():
    told = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
    with serving(lambda *_: Sent(json.dumps(told).encode())) as (url, seen):
        (reply,), spent = asked(url, request("a", tokens=5), **MONEY, most_cost=115, attempts=6)
    assert (len(seen.bodies), spent.cost, spent.calls) == (3, 60, 0)
    assert "60 is spent" in reply.error


@pytest.mark.parametrize(
    ("sent", "count", "unsure"),
    [(Sent(b"{not json"), 2, 150), (Sent(b"{", cut=50), 2, 150), (Sent(b"", 503), 6, 0), (Sent(b"", 400), 1, 0)],
)
def test_a_call_whose_answer_never_came_whole_counts_with_the_most_it_may_cost(sent, count, unsure):
    with serving(lambda *_: sent) as (url, seen):
        _, spent = asked(url, request("a", tokens=5), **MONEY, most_cost=150, attempts=6)
    assert (len(seen.bodies), spent.cost, spent.unsure) == (count, 0, unsure)


def test_a_model_that_calls_itself_otherwise_is_noted():
    with serving(lambda *_: said("x", model="cheaper\x1b[31m-one")) as (url, _):
        _, spent = asked(url)
    assert spent.models == {"cheaper-one": 1}


def test_the_key_is_sent_and_no_error_repeats_it(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    texts = [f"Incorrect API key provided: {KEY}.", "x" * 190 + KEY + "y" * 200, f"{KEY}\x1b[0m"]
    refusing = [Sent(json.dumps({"error": {"message": text}}).encode(), 400) for text in texts]
    odd = [Sent(json.dumps({"error": texts[0]}).encode()), Sent(b"no json " + texts[1].encode())]

    def answer(_path, body, _number):
        number = int(body["messages"][0]["content"])
        return [*refusing, *odd, said("x", model=KEY)][number]

    with serving(answer) as (url, seen), ReplyCache(tmp_path / "r.db") as cache:
        answerer = EndpointAnswerer(settings(url, attempts=1, parallel=1))
        replies = dict(cached(answerer, cache, "s").answer([request(str(n)) for n in range(6)]))
    assert seen.keys[0] == f"Bearer {KEY}"
    assert "[key]" in replies[0].error
    shown = f"{replies} {answerer.identity} {answerer!r} {vars(answerer)} {answerer.spent}"
    assert KEY[:8] not in shown
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize("key", ["none", "x", "yes", KEY])
def test_no_key_changes_what_was_said(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    text = f"Exactly none, yes: {KEY}"
    with serving(lambda *_: said(text)) as (url, _):
        (reply,), _ = asked(url)
    assert reply.text == text


def test_a_key_that_is_a_common_word_leaves_errors_as_they_are(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    reply, _ = only(Sent(b'{"error": {"message": "there is none such"}}', 400))
    assert reply.error.endswith("there is none such")


@pytest.mark.parametrize("key", ["sk-\u20131234", "\u201csk-1\u201d", "sk-1\nx", "sk-\x7f1", "schl\u00fcssel"])
def test_a_key_that_no_header_may_hold_is_found_at_once(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(EvaluationError) as caught:
        EndpointAnswerer(settings("https://example.org/v1"))
    assert caught.value.code == "AE-8413"
    assert key not in str(caught.value)


def test_one_refused_key_stops_the_asking():
    with serving(lambda *_: Sent(b"", 401)) as (url, seen):
        replies, _ = asked(url, *[request(str(n)) for n in range(300)], parallel=3)
    assert all("401" in reply.error for reply in replies)
    assert len(seen.bodies) <= 3


def test_a_refused_key_stops_those_that_wait_for_their_turn_and_all_that_is_asked_later():
    with serving(lambda *_: Sent(b"", 401)) as (url, seen):
        answerer = EndpointAnswerer(settings(url, parallel=16, requests_per_minute=600))
        for _ in range(3):
            replies = dict(answerer.answer([request(str(n)) for n in range(16)]))
            assert all("401" in reply.error for reply in replies.values())
    assert len(seen.bodies) == 1


def test_an_endpoint_that_failed_three_times_is_asked_no_more_whenever_it_is_asked():
    with serving(lambda *_: Sent(b"", 503)) as (url, seen):
        answerer = EndpointAnswerer(settings(url, attempts=2))
        found = [reply for n in range(6) for _, reply in answerer.answer([request(str(n))])]
    assert len(seen.bodies) == 3 * 2
    assert all("failed (status 503)" in reply.error for reply in found)


def test_the_rate_and_what_the_endpoint_asks_for_last_from_one_asking_to_the_next():
    times = []

    def answer(_path, _body, number):
        times.append(time.monotonic())
        return Sent(b"", 429, headers={"Retry-After": "0.6"}) if number == 2 else said("x")

    with serving(answer) as (url, _):
        answerer = EndpointAnswerer(settings(url, attempts=1, requests_per_minute=200))
        for n in range(4):
            list(answerer.answer([request(str(n))]))
    pauses = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert min(pauses) >= 0.25  # three tenths are its share
    assert pauses[2] >= 0.55


def test_a_call_that_had_its_turn_waits_too_where_the_endpoint_asks_for_it():
    times = []

    def answer(_path, _body, number):
        times.append(time.monotonic())
        return Sent(b"", 429, headers={"Retry-After": "0.8"}) if number == 0 else said("x")

    with serving(answer) as (url, _):
        asked(url, *[request(str(n)) for n in range(4)], parallel=4, requests_per_minute=300)
    assert times[1] - times[0] >= 0.75
    assert min(later - sooner for sooner, later in itertools.pairwise(times)) >= 0.15


@pytest.mark.parametrize("count", [int("9" * 400), 2**63, -1, True, 1.5, "7", None, [1], float("nan"), float("inf")])
def test_a_count_that_is_none_is_estimated_and_harms_no_other_reply(count):
    def answer(_path, body, _number):
        odd = body["messages"][0]["content"] == "odd!"
        usage = {"prompt_tokens": count, "completion_tokens": count}
        return said("four", usage=usage) if odd else said("x")

    with serving(answer) as (url, _):
        replies, spent = asked(url, request("odd!"), *[request(str(n)) for n in range(4)], prices=Prices(1, 1))
    assert [reply.error for reply in replies] == [""] * 5
    assert (replies[0].prompt_tokens, replies[0].tokens) == (1, 1)
    assert (spent.prompt_tokens, spent.tokens, spent.estimated) == (41, 21, 1)


@pytest.mark.parametrize("value", ["9" * 400, "NaN", "-Infinity", "1e999", "true", '"-1"', "null"])
def test_a_log_probability_that_is_no_finite_number_is_none(value):
    listed = f'[{{"token": "No", "logprob": {value}}}, {{"token": "Yes", "logprob": -2}}]'
    chat = f'{{"choices": [{{"message": {{}}, "logprobs": {{"content": [{{"top_logprobs": {listed}}}]}}}}]}}'
    echo = f'{{"token_logprobs": [null, {value}], "tokens": ["So", "No"], "text_offset": [0, 2]}}'
    echo = f'{{"choices": [{{"text": "SoNo", "logprobs": {echo}}}]}}'
    ask = request("So", continuations=("Yes", "No"))
    with serving(lambda path, *_: Sent((chat if "chat" in path else echo).encode())) as (url, _):
        (chatted,), _ = asked(url, ask)
        (echoed,), _ = asked(url, ask, api="completions")
    assert chatted.scores == (-2, -2)
    assert (echoed.finish, echoed.scores) == ("refused", ())
    assert "left out log-probabilities" in echoed.error


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
NAMES = st.sampled_from(
    [
        *("choices", "message", "content", "text", "usage", "prompt_tokens", "completion_tokens", "error", "logprobs"),
        *("top_logprobs", "token", "tokens", "logprob", "token_logprobs", "text_offset", "model", "finish_reason"),
    ]
)
ANY = st.recursive(
    PLAIN, lambda part: st.lists(part, max_size=3) | st.dictionaries(NAMES, part, max_size=4), max_leaves=9
)


# The first text that is drawn in a new checkout reads all of Unicode, which takes seconds on a busy machine.
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.too_slow])
@given(told=st.dictionaries(NAMES, ANY), choice=st.dictionaries(NAMES, ANY), logprobs=st.dictionaries(NAMES, ANY))
@pytest.mark.parametrize("api", ["chat", "completions"])
@pytest.mark.parametrize("continuations", [(), ("Yes", "No")])
def test_any_answer_is_a_reply_or_one_trouble(api, continuations, told, choice, logprobs):
    told = {**told, "choices": [{**choice, "logprobs": logprobs}]}
    call = endpoint_format.calls(request(continuations=continuations), "m", api)[0]
    taken = endpoint_format.used(call, told)
    assert 0 <= taken.prompt_tokens <= 10**9
    assert 0 <= taken.tokens <= 10**9
    with suppress(endpoint_format.Trouble):
        found = endpoint_format.answered(call, told, taken)
        assert all(math.isfinite(value) for value in (*found.reply.scores, *found.listed.values()))


def test_what_one_answer_brings_about_stays_in_its_reply(monkeypatch):
    def answered(call, *rest):
        if call.texts == ("2",):
            raise OverflowError("too large")
        return endpoint_format.answered(call, *rest)

    monkeypatch.setattr(endpoint, "answered", answered)
    with serving(lambda *_: said("x")) as (url, _):
        replies, _ = asked(url, *[request(str(n)) for n in range(5)])
    assert [reply.text for reply in replies] == ["x", "x", "", "x", "x"]
    assert replies[2].error == "The answer brought about OverflowError: too large"


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.openai.com/v1", "ftp://x/v1", "http://", "http://[x", "https://x:0/v1", "https://x:y/v1"),
        *("https://u:hunter2@x/v1", "https://x/v1?key=hunter2", "u:hunter2@x/v1", "https://x/v1#hunter2"),
        *("https://u:hunter2/@x/v1", "https://u:hunter2#@x/v1", "https://hunter2@x/v1"),
    ],
)
def test_an_address_that_is_none_or_tells_secrets_is_refused(url):
    with pytest.raises(EvaluationError) as caught:
        EndpointAnswerer(settings(url))
    assert caught.value.code == "AE-8411"
    assert "hunter2" not in str(caught.value)


def test_a_key_does_not_travel_unencrypted(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(EvaluationError) as caught:
        EndpointAnswerer(settings("http://example.org/v1"))
    assert caught.value.code == "AE-8412"
    assert KEY not in str(caught.value)
    EndpointAnswerer(settings("https://example.org/v1"))


def test_an_endpoint_is_never_taken_to_repeat_itself():
    answerer = EndpointAnswerer(settings("https://example.org/v1/"))
    assert not answerer.is_deterministic
    assert answerer.identity["url"] == "https://example.org/v1"


def test_pauses_grow_and_heed_what_is_asked():
    random = Random(0)
    pauses = [[pause(attempt, None, random, 0.5) for _ in range(200)] for attempt in range(3)]
    assert all(0.25 * 2**n <= min(found) < max(found) <= 0.5 * 2**n for n, found in enumerate(pauses))
    assert 7 <= pause(0, 7.0, random, 0.5) <= 7.5
    assert pause(0, 1e9, random, 0.5) < 121
    assert pause(60, None, random, 0.5) <= 120
    assert waiting_asked({"retry-after": "2.5"}) == 2.5
    assert waiting_asked({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert waiting_asked({}) is None
    assert waiting_asked({"retry-after": "soon"}) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    ("soft", "hard", "found"), [(300, 5000, (1000, 1128)), (300, 600, (472, 600)), (5000, 5000, (1000, 5000))]
)
def test_as_many_connections_as_the_system_allows(soft, hard, found):
    code = f"""
import resource
from aetia.evals.answerers.endpoint import _connections
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print((_connections(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
"""
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == f"{found}\n"
    )
