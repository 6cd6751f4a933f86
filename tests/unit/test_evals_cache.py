"""Are replies kept, shared by those who may share them, and never lost?"""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import pytest

from aetia.errors import EvaluationError
from aetia.evals.answerers.cache import ReplyCache, cached
from aetia.evals.answerers.controls import majority
from aetia.evals.dialogue import Message, Reply, Request


@dataclass
class Echo:
    """Says what it is asked, and counts how often."""

    name: str = "echo"
    is_deterministic: bool = True
    failing: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    @property
    def identity(self):
        return {"kind": "test", "name": self.name}

    def answer(self, requests):
        for place in reversed(range(len(requests))):
            text = requests[place].messages[-1].text
            self.asked.append(text)
            if text in self.failing:
                yield place, Reply("", "refused" if "refused" in text else "error", error="it failed")
            else:
                yield place, Reply(f"{text} {len(self.asked)}", scores=(-1.25, 0.1), lengths=(1, 2), tokens=3)


@pytest.fixture
def cache(tmp_path):
    with ReplyCache(tmp_path / "r.db") as opened:
        yield opened


def said(text, **told_by):
    return Request((Message("user", text),), **told_by)


def texts(answerer, *requests):
    return [reply.text for _, reply in sorted(answerer.answer(requests), key=lambda pair: pair[0])]


def test_what_was_asked_before_is_not_asked_again(tmp_path):
    echo = Echo()
    with ReplyCache(tmp_path / "replies.db") as cache:
        first = dict(cached(echo, cache, "one").answer([said("a"), said("b")]))
    with ReplyCache(tmp_path / "replies.db") as cache:
        again = dict(cached(echo, cache, "two").answer([said("a"), said("b"), said("c")]))
        assert cache.count() == 3
    assert {place: again[place] for place in first} == first
    assert echo.asked == ["b", "a", "c"]


def test_equal_requests_are_asked_once_whatever_they_are_about(cache):
    echo = Echo()
    answerer = cached(echo, cache, "one")
    assert len(dict(answerer.answer([said("a", subject="1"), said("a", subject="2"), said("a", seed=9)]))) == 3
    assert echo.asked == ["a"]


def test_every_determinant_of_a_reply_is_in_its_key(cache):
    requests = [said("a"), said("a", tokens=9), said("a", stop=("x",)), said("a", continuations=("y",))]
    echo = Echo()
    assert len(set(texts(cached(echo, cache, "s"), *requests))) == 4
    other = Echo("another")
    texts(cached(other, cache, "s"), *requests)
    assert len(other.asked) == 4


def test_replies_that_may_differ_wait_for_their_study_and_are_then_forgotten(cache):
    echo = Echo(is_deterministic=False)
    first = texts(cached(echo, cache, "one"), said("a"))
    assert texts(cached(echo, cache, "one"), said("a")) == first
    assert texts(cached(echo, cache, "two"), said("a")) != first
    assert (cache.count(), cache.count("one"), cache.count("two")) == (0, 1, 1)
    assert cache.settle("one") == 1
    assert texts(cached(echo, cache, "one"), said("a")) != first
    sampler = Echo()
    texts(cached(sampler, cache, "three"), said("a", temperature=0.7))
    assert (cache.count(), cache.count("three")) == (0, 1)


@pytest.mark.parametrize("text", ["a", "refused"])
def test_errors_are_never_stored(cache, text):
    echo = Echo(failing=(text,))
    assert dict(cached(echo, cache, "s").answer([said(text)]))[0].error == "it failed"
    echo.failing = ()
    assert not dict(cached(echo, cache, "s").answer([said(text)]))[0].error


def test_references_are_not_stored(cache):
    reference = majority([])
    assert cached(reference, cache, "s") is reference


def test_what_was_yielded_is_stored_and_stopping_closes_the_answerer(cache):
    closed = []

    class Slow(Echo):
        def answer(self, requests):
            try:
                yield from super().answer(requests)
            finally:
                closed.append(True)

    replies = cached(Slow(), cache, "s").answer([said("a"), said("b"), said("c")])
    next(replies)
    assert isinstance(replies, Generator)
    replies.close()
    assert closed == [True]
    assert cache.count() == 1


def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path, capsys):
    path = tmp_path / "r.db"
    path.write_bytes(b"no database at all" * 100)
    with ReplyCache(path) as begun:
        [told] = capsys.readouterr().err.splitlines()
        assert "damaged-1, and a new one was begun" in told
        texts(cached(Echo(), begun, "s"), said("a"))
    with ReplyCache(path) as again:
        assert again.count() == 1
    assert not capsys.readouterr().err
    assert (tmp_path / "r.db.damaged-1").read_bytes().startswith(b"no database")


def test_pages_that_are_overwritten_are_found_at_the_next_opening(tmp_path):
    path = tmp_path / "r.db"
    with ReplyCache(path) as cache:
        for number in range(200):
            cache.keep(f"{number}", Reply("x" * 500))
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 9] = os.urandom(4096 * 6)
    path.write_bytes(bytes(content))
    with ReplyCache(path) as cache:
        assert list(tmp_path.glob("*.damaged-1"))
        assert cache.count() == 0


def test_a_reply_whose_text_was_changed_is_not_found_and_replaced(tmp_path):
    path = tmp_path / "r.db"
    with ReplyCache(path) as cache:
        cache.keep("k", Reply("Yes"))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE replies SET reply = replace(reply, 'Yes', 'No')")
    connection.commit()
    connection.close()
    with ReplyCache(path) as cache:
        assert cache.find("k") is None
        cache.keep("k", Reply("Yes"))
        assert cache.find("k") == Reply("Yes")


def test_a_full_disk_is_one_line_and_what_was_stored_stays(cache):
    cache.keep("first", Reply("Yes"))
    pages = cache._connection.execute("PRAGMA page_count").fetchone()[0]
    cache._connection.execute(f"PRAGMA max_page_count={pages + 1}")
    with pytest.raises(EvaluationError) as caught:
        texts(cached(Echo(), cache, "s"), *(said(f"{number}" * 4000) for number in range(10)))
    assert caught.value.code == "AE-8421"
    assert "full" in caught.value.found
    assert cache.find("first") == Reply("Yes")


def test_a_file_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError) as caught:
        ReplyCache(tmp_path / "file" / "r.db")
    assert caught.value.code == "AE-8421"


def _write(path, start):
    with ReplyCache(path) as cache:
        for number in range(start, start + 200):
            cache.keep(f"{number}", Reply(f"{number}"))


def test_two_processes_write_one_file_at_once(tmp_path):
    path = tmp_path / "r.db"
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_write, args=(path, start)) for start in (0, 100)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0, 0]
    with ReplyCache(path) as cache:
        assert cache.count() == 300
        assert cache.find("150") == Reply("150")


def test_of_two_replies_to_one_request_the_first_is_kept(tmp_path):
    with ReplyCache(tmp_path / "r.db") as cache, ReplyCache(tmp_path / "r.db") as other:
        assert cache.keep("k", Reply("first")) == Reply("first")
        assert other.keep("k", Reply("second")) == Reply("first")


_VICTIM = """
import sys
from pathlib import Path
from aetia.evals.answerers.cache import ReplyCache
from aetia.evals.dialogue import Reply
cache = ReplyCache(Path(sys.argv[1]))
for number in range(10**6):
    cache.keep(str(number), Reply(str(number)), "study")
    print(number, flush=True)
"""


@pytest.mark.parametrize("seconds", [0.01, 0.05, 0.11])
def test_a_process_that_is_killed_loses_nothing_that_it_had_told(tmp_path, seconds):
    path = tmp_path / "r.db"
    with subprocess.Popen([sys.executable, "-c", _VICTIM, str(path)], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        first = victim.stdout.readline()
        time.sleep(seconds)
        victim.send_signal(signal.SIGKILL)
        told = [first, *victim.stdout.read().splitlines(keepends=True)]
    last = int([line for line in told if line.endswith("\n")][-1])
    with ReplyCache(path) as cache:
        assert not list(path.parent.glob("*.damaged-*"))
        assert cache.count("study") in {last + 1, last + 2}
        assert cache.find(str(last), "study") == Reply(str(last))
