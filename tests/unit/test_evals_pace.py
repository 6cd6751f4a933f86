"""Are an endpoint's pace and prices, named in a study, kept, counted and foretold, and do no replies depend on them?"""

import json
import threading
import time

import pyarrow as pa
import pytest
from evals_server import Sent, said, serving

from aetia.cli.application import run
from aetia.errors import EvaluationError
from aetia.evals import EndpointSettings, EvaluationStudy, evaluate
from aetia.evals.harness.answering import answerer_of
from aetia.evals.harness.forecast import forecast
from aetia.evals.harness.instrument import Evaluate
from aetia.evals.harness.items import chosen_items
from aetia.evals.harness.study import PACE
from aetia.runs import Batch, InProcess

TASK = "calm/ate-natural"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AETIA_CACHE", str(tmp_path / "cache"))
    for name in ("AETIA_API_KEY", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def study(url="http://127.0.0.1:9/v1", **fields):
    return EvaluationStudy(model=f"{url}#m", **{"tasks": (TASK,), "items": 8, **fields})


@pytest.mark.parametrize("field", PACE)
def test_no_reply_depends_on_how_an_endpoint_is_treated(field):
    prices = {"prompt_price": 1.0} if field == "most_cost" else {}
    plain, paced = study(**prices), study(**prices, **{field: 7})
    assert paced.identity() == plain.identity()
    keys = [[batch.key for batch in Evaluate().plan(one).batches] for one in (plain, paced)]
    assert keys[0] == keys[1]
    assert study(temperature=0.5).identity() != plain.identity()


def test_what_is_not_said_is_the_endpoints_own_default():
    settings, asked = EndpointSettings("http://h", "m"), study()
    assert (asked.parallel, asked.requests_per_minute) == (settings.parallel, settings.requests_per_minute)
    assert (asked.tokens_per_minute, asked.most_cost) == (settings.tokens_per_minute, settings.most_cost)
    assert (asked.prompt_price, asked.reply_price) == (settings.prices.prompt, settings.prices.reply)


def test_only_an_endpoint_has_a_pace_and_a_limit_needs_a_price():
    with pytest.raises(ValueError, match="only an endpoint has requests_per_minute"):
        EvaluationStudy(model="reference:random", tasks=(TASK,), requests_per_minute=60)
    with pytest.raises(ValueError, match="most_cost needs a prompt_price"):
        study(most_cost=1.0)


def test_the_shell_keeps_the_pace_and_says_what_was_paid(capsys):
    gate = threading.Semaphore(3)

    def answer(*_):
        assert gate.acquire(blocking=False), "more than three at once"
        time.sleep(0.02)
        gate.release()
        return said("Yes")

    with serving(answer) as (url, seen):
        code = run(["evals", "run", "--model", f"{url}#m", "--tasks", TASK, "--items", "12", "--out", "run", "--set",
                    "parallel=3", "--set", "prompt_price=100", "--set", "reply_price=400"])  # fmt: skip
    assert (code, len(seen.bodies)) == (0, 12)
    assert 1 < seen.most <= 3
    # A reply is of ten tokens read and five written.
    assert "cost    0.036  (120 tokens read, 60 written, in the batches that are whole)" in capsys.readouterr().out


def test_calls_of_several_batches_are_under_way_at_once():
    tasks = (TASK, "calm/cde-natural", "calm/ett-natural", "calm/nie-natural")
    together = threading.Barrier(150)

    def answer(_path, _body, number):
        if number < 150:
            together.wait(60)  # without so many calls at once it breaks, and the call fails
        return said("Yes")

    with serving(answer) as (url, seen):
        done = evaluate(study(url, tasks=tasks, items=100, parallel=150), out="run")
    assert (done.status, len(seen.bodies)) == ("complete", 400)
    assert len(done.manifest.batches) == 4
    with serving(lambda *_: said("Yes")) as (url, _):
        alone = evaluate(study(url, tasks=tasks, items=100, parallel=16), out="alone")
    assert alone.values().drop("turns").equals(done.values().drop("turns"))


def test_closing_ends_the_calls_of_all_batches_that_are_under_way():
    over = threading.Event()

    asked = study(tasks=(TASK, "calm/cde-natural", "calm/ett-natural"), parallel=6)
    first = [item.context for item in chosen_items(asked, TASK).items]

    def answer(_path, body, _number):
        if not any(context in body["messages"][-1]["content"] for context in first):
            over.wait(60)
        return said("Yes")

    with serving(answer) as (url, seen):
        asked = asked.model_copy(update={"model": f"{url}#m"})
        results = InProcess().run("evaluate", asked, Evaluate().plan(asked).batches)
        assert isinstance(next(results).outcome, pa.Table)
        before = time.monotonic()
        results.close()
        assert time.monotonic() - before < 20
        assert not [thread for thread in threading.enumerate() if thread.name == "aetia-endpoint"]
        over.set()
    assert len(seen.bodies) <= 8 + 6


@pytest.mark.parametrize(
    ("parallel", "lengths"), [(1, [1] * 5), (3, [2, 2, 1]), (4, [2, 2, 1]), (5, [3, 2]), (99, [5])]
)
def test_batches_that_are_asked_together_keep_all_calls_busy(monkeypatch, parallel, lengths):
    seen = []

    def record(_study, _answerer, batches):
        seen.append([batch.key for batch in batches])
        yield from ((batch, ValueError("not asked")) for batch in batches)

    monkeypatch.setattr("aetia.evals.harness.instrument.replies", record)
    batches = [Batch(f"b{number}", 8) for number in range(5)]
    found = list(Evaluate().stream_batches(study(parallel=parallel), batches))
    assert [len(some) for some in seen] == lengths
    assert [batch for batch, _ in found] == batches


def test_calls_come_no_faster_than_was_allowed():
    times = []

    def answer(*_):
        times.append(time.monotonic())
        return said("Yes")

    with serving(answer) as (url, _):
        evaluate(study(url, items=5, requests_per_minute=600), out="run")
    assert max(times) - min(times) > 0.35  # four times a tenth of a second


def test_a_forecast_has_the_money_and_the_limits_in_it():
    with serving(lambda *_: said("Yes")) as (url, seen):
        asked = study(url, items=50, requests_per_minute=6000, prompt_price=1.0, reply_price=2.0)
        found = forecast(asked, answerer_of(asked, is_kept=False))
        limited = asked.model_copy(update={"requests_per_minute": 0.0, "tokens_per_minute": 1e4, "tokens": 12})
        by_tokens = forecast(limited, answerer_of(limited, is_kept=False))
    assert (found.timed, found.conversations) == (len(seen.bodies) / 2, 50) == (3, 50)
    assert found.cost == pytest.approx(50 * (10 * 1 + 5 * 2) / 1e6)
    assert found.spent == pytest.approx(3 * (10 * 1 + 5 * 2) / 1e6)
    assert found.seconds >= 50 * 60 / 6000
    assert seen.bodies[-1]["max_tokens"] == 12
    assert by_tokens.seconds >= 50 * (10 + 12) * 60 / 1e4


def test_the_shells_dry_run_says_the_cost_and_that_an_endpoint_is_down(capsys):
    asked = ["evals", "run", "--tasks", TASK, "--items", "40", "--dry-run", "--json", "--set", "prompt_price=100"]
    with serving(lambda *_: said("Yes")) as (url, _):
        assert run([*asked, "--model", f"{url}#m"]) == 0
        out, err = capsys.readouterr()
    assert json.loads(out)["forecast"]["cost"] == pytest.approx(0.04)
    assert "3 conversations were timed, for 0.003" in err
    with serving(lambda *_: Sent(b"<html>", 401, kind="text/html")) as (url, _):
        assert run([*asked, "--model", f"{url}#m"]) == 2
    assert "AE-8606 3 of 3 conversations failed" in capsys.readouterr().err


def test_a_run_that_reached_its_most_goes_on_where_it_was_and_pays_no_reply_twice():
    with serving(lambda *_: said("Yes")) as (url, seen):
        told = {"parallel": 1, "reply_price": 2e5, "items": 6, "tokens": 5}  # one reply costs 1, and no more
        assert evaluate(study(url, **told, most_cost=3.0), out="run").status == "failed"
        assert len(seen.bodies) == 3
        done = evaluate(study(url, **told, most_cost=30.0), out="run")
        assert (done.status, len(seen.bodies)) == ("complete", 6)
    assert done.values().num_rows == 6


@pytest.mark.parametrize(
    "model",
    [
        *("https://user:hunter2@127.0.0.1:9/v1#m", "https://127.0.0.1:9/v1?key=hunter2#m", "http://hunter2@h/v1"),
        *("HTTPS://user:hunter2@h/v1#m", " https://user:hunter2@h/v1#m", "https://u:hun#hunter2@h/v1#m"),
        *("https://u:hunter2/@h/v1#m", "https://u:hunter2", "https://u:p hunter2@h/v1#m"),
    ],
)
@pytest.mark.parametrize("others", [[], ["--set", "level=7"], ["--dry-run"]])
def test_a_password_in_an_address_is_refused_before_anything_is_stored(model, others, tmp_path, capsys):
    assert run(["evals", "run", "--model", model, "--tasks", TASK, "--items", "2", "--out", "run", *others]) == 2
    told = "".join(capsys.readouterr())
    assert "AE-8411" in told
    assert "AETIA_API_KEY" in told or "https://api.openai.com/v1" in told
    assert "hunter2" not in told
    assert not any(b"hunter2" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_study_of_such_an_address_cannot_be_made_and_says_nothing_of_it():
    with pytest.raises(EvaluationError) as caught:
        EvaluationStudy(model="https://user:hunter2@h/v1#m", tasks=(), items=0)
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}{caught.value.__context__}"
    with pytest.raises(EvaluationError, match="AE-8411"):
        Evaluate().plan(study().model_copy(update={"model": "https://user:hunter2@h/v1#m"}))
    assert study("https://h/v1/").model == "https://h/v1/#m"
    assert EvaluationStudy(model="https://h/v1#@cf/meta?x", tasks=(TASK,)).is_endpoint
