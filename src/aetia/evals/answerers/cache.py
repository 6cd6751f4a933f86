"""Has this been asked before, of the same answerer, in the same words?

A reply is stored before it is handed on. The key is a digest of everything that decides it, so that no reply of other
weights, another template or another precision is ever taken for this one's.
"""

import hashlib
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from aetia.errors import EvaluationError
from aetia.evals.dialogue import Answerer, Reply, Request
from aetia.runs.keys import JSON, canonical
from aetia.text import clean_text

__all__ = ["CachedAnswerer", "ReplyCache", "cached"]

_SECONDS = 60.0  # how long one process waits for another that writes
_SHARED = ""  # the study of replies that all studies may use
_TABLES = (
    "CREATE TABLE IF NOT EXISTS replies (study TEXT, key TEXT, reply TEXT, digest TEXT, PRIMARY KEY (study, key))"
    " WITHOUT ROWID"
)
_REPLY = TypeAdapter(Reply)
ResultT = TypeVar("ResultT")


class ReplyCache:
    """Replies in a file of SQLite; several processes may use one file at once.

    What is in it survives a process that is killed at any moment. A damaged file is put aside, beside the new one, and
    a line on stderr says so.

    Args:
        path: The file; it is made if it is not there.

    Raises:
        EvaluationError: AE-8421 the file cannot be opened or written, as on a full disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = self._opened()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise self._unusable(error) from error
            self._put_aside()
            self._connection = self._again()

    def _opened(self) -> sqlite3.Connection:
        # Autocommit: each statement is on its own, and what is stored is stored when the call returns.
        connection = sqlite3.connect(self.path, timeout=_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("database disk image is malformed")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(_TABLES)
            connection.execute("SELECT study, key, reply, digest FROM replies LIMIT 1").fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _again(self) -> sqlite3.Connection:
        try:
            return self._opened()
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _put_aside(self) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        try:
            self.path.rename(aside)
        except OSError as error:
            raise self._unusable(error) from error
        for ending in ("-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        place = clean_text(str(aside))
        sys.stderr.write(f"The file of replies was damaged; it is kept as {place}, and a new one was begun.\n")

    def _unusable(self, error: Exception) -> EvaluationError:
        found = f"The file of replies {clean_text(str(self.path))} cannot be used: {clean_text(str(error))}."
        return EvaluationError("AE-8421", found, mend="free some space or name another file; what is stored stays.")

    def _run(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        try:
            return work(self._connection)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise self._unusable(error) from error
        self.close()
        self._put_aside()
        self._connection = self._again()
        return work(self._connection)

    def find(self, key: str, study: str = _SHARED) -> Reply | None:
        """The reply stored under a key; None if there is none, or if its text is not what was stored."""
        query = "SELECT reply, digest FROM replies WHERE study = ? AND key = ?"
        row = self._run(lambda connection: connection.execute(query, (study, key)).fetchone())
        if row is None or row[1] != _digest(key, row[0]):
            return None
        try:
            return _REPLY.validate_json(row[0])
        except ValidationError:
            return None

    def keep(self, key: str, reply: Reply, study: str = _SHARED) -> Reply:
        """Store a reply and return what is stored: the first one, if another process was faster. No error is stored."""
        if reply.error:
            return reply
        text = json.dumps(asdict(reply))
        statement = "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?)"
        row = (study, key, text, _digest(key, text))
        added = self._run(lambda connection: connection.execute(statement, row).rowcount)
        if added:
            return reply
        earlier = self.find(key, study)
        if earlier is None:
            self._run(lambda connection: connection.execute(statement.replace("IGNORE", "REPLACE"), row))
        return earlier or reply

    def settle(self, study: str) -> int:
        """Forget the replies that wait for a study, since it has stored its results; returns how many there were."""
        if study == _SHARED:
            return 0
        statement = "DELETE FROM replies WHERE study = ?"
        return self._run(lambda connection: connection.execute(statement, (study,)).rowcount)

    def count(self, study: str = _SHARED) -> int:
        """How many replies are stored for all studies, or wait for one."""
        query = "SELECT count(*) FROM replies WHERE study = ?"
        return self._run(lambda connection: connection.execute(query, (study,)).fetchone()[0])

    def close(self) -> None:
        """Close the file; closing twice does nothing."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digest(key: str, text: str) -> str:
    return hashlib.sha256(f"{key}{text}".encode()).hexdigest()[:16]


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    # The other errors of the file: it is locked, it is full, it may not be written.
    told = str(error)
    return any(mark in told for mark in ("malformed", "not a database", "corrupt", "no such column", "has 4 columns"))


def cached(answerer: Answerer, cache: ReplyCache, study: str) -> Answerer:
    """The answerer, asked only what is not stored yet.

    Deterministic replies are shared by all studies. Others wait under `study` until `ReplyCache.settle(study)`: a study
    that is killed finds its own again, and no other study takes them for its own. Reference answerers are returned as
    they are, since they look at the item and not at what is asked.

    Args:
        answerer: Whom to ask.
        cache: Where replies are stored.
        study: The name of the study, or of a part of it, that stores its own results; not empty.
    """
    if answerer.identity.get("kind") == "reference":
        return answerer
    if not study:
        raise ValueError("a study has a name")
    return CachedAnswerer(answerer, cache, study)


class CachedAnswerer:
    """See `cached`; `hits` counts the replies that were there."""

    def __init__(self, answerer: Answerer, cache: ReplyCache, study: str) -> None:
        self._answerer, self._cache, self._study = answerer, cache, study
        self._told = canonical(dict(answerer.identity))
        self.hits = 0

    @property
    def identity(self) -> Mapping[str, JSON]:
        """The answerer's own."""
        return self._answerer.identity

    @property
    def is_deterministic(self) -> bool:
        """The answerer's own."""
        return self._answerer.is_deterministic

    def answer(self, requests: Sequence[Request], /) -> Iterator[tuple[int, Reply]]:
        """Yield stored replies, then those of the answerer, each stored before it is yielded; equals are asked once."""
        waiting: dict[tuple[str, str], list[int]] = {}
        for place, request in enumerate(requests):
            key = self._key(request)
            found = None if key in waiting else self._cache.find(key[1], key[0])
            if found is None:
                waiting.setdefault(key, []).append(place)
            else:
                self.hits += 1
                yield place, found
        keys = list(waiting)
        replies = self._answerer.answer([requests[waiting[key][0]] for key in keys])
        try:
            for number, reply in replies:
                study, key = keys[number]
                stored = self._cache.keep(key, reply, study)
                for place in waiting[study, key]:
                    yield place, stored
        finally:
            if isinstance(replies, Iterator) and (close := getattr(replies, "close", None)):
                close()

    def _key(self, request: Request) -> tuple[str, str]:
        told = f"{self._told}\n{canonical(request.asked())}"
        is_shared = self._answerer.is_deterministic and (request.temperature == 0 or bool(request.continuations))
        return _SHARED if is_shared else self._study, hashlib.sha256(told.encode()).hexdigest()
