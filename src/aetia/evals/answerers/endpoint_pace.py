"""When may the next request be sent, what has been spent, and is it worth while to go on?"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from aetia.evals.answerers.endpoint_format import Trouble, Used

__all__ = ["Limits", "Pace", "Prices", "Spent", "Standing", "pause", "waiting_asked"]

_LONGEST = 120.0  # seconds between two attempts, whatever is asked for
_HOPELESS = 3  # requests one after another without any answer, after which the others are not tried
_LOOK = 0.02  # seconds until a call that waits for money looks again


@dataclass(frozen=True)
class Prices:
    """What a million tokens cost, in the user's money."""

    prompt: float = 0.0
    reply: float = 0.0

    def of(self, prompt_tokens: float, tokens: float) -> float:
        """What so many tokens that are read and written cost."""
        return (prompt_tokens * self.prompt + tokens * self.reply) / 1e6


@dataclass
class Spent:
    """What an endpoint was asked and what it cost.

    Args:
        calls: Calls that were answered.
        retries: Attempts that were made again.
        prompt_tokens: By the endpoint's own count, also of answers that could not be used; estimated where it gives
            none.
        tokens: The same, of its replies.
        estimated: Answers whose tokens were estimated.
        cost: By the user's prices.
        unsure: The most that those calls may have cost whose answers never came whole.
        models: How many replies each model said that it gave: more names than one, or another one, are worth a look.
    """

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    estimated: int = 0
    cost: float = 0.0
    unsure: float = 0.0
    models: Counter[str] = field(default_factory=Counter)

    def add(self, used: Used, prices: Prices) -> None:
        """Count the tokens of one answer."""
        self.prompt_tokens += used.prompt_tokens
        self.tokens += used.tokens
        self.estimated += used.is_estimated
        self.cost += prices.of(used.prompt_tokens, used.tokens)


class Pace:
    """Lets calls go at a rate: each takes its share of a minute, and waits until those before it have had theirs.

    Args:
        requests: The most calls a minute; 0 for no limit.
        tokens: The most tokens a minute, read and written; 0 for no limit.
    """

    def __init__(self, requests: float, tokens: float) -> None:
        self._requests, self._tokens = requests, tokens
        self._next = self._held = 0.0
        self._lock = threading.Lock()

    async def turn(self, tokens: int) -> None:
        """Wait for the turn of a call of so many tokens."""
        share = max(60 / self._requests if self._requests else 0.0, 60 * tokens / self._tokens if self._tokens else 0.0)
        while True:
            with self._lock:
                now = time.monotonic()
                start = max(now, self._next)
                self._next = start + share
            await asyncio.sleep(start - now)
            if start >= self._held:
                return
            # The endpoint asked to wait while this call waited: its turn is lost, and it takes one after the hold.

    def hold(self, seconds: float) -> None:
        """Let no call go for some seconds, not even one that has its turn: the endpoint asked for it."""
        with self._lock:
            self._held = max(self._held, time.monotonic() + min(seconds, _LONGEST))
            self._next = max(self._next, self._held)


@dataclass(frozen=True)
class Limits:
    """How much may be asked: calls and tokens a minute, and money at these prices; 0 for no limit."""

    requests_per_minute: float
    tokens_per_minute: float
    prices: Prices
    most_cost: float


class Standing:
    """All that an answerer has learnt of its endpoint: its pace, what was spent, and whether asking is of any use.

    It lasts as long as the answerer, over all that this is asked. The calls of several threads may share it.
    """

    def __init__(self, limits: Limits) -> None:
        self.spent = Spent()
        self.over: Trouble | None = None
        self.pace = Pace(limits.requests_per_minute, limits.tokens_per_minute)
        self._limits = limits
        self._failures = 0
        self._aside_read = self._aside_written = 0
        self._lock = threading.Lock()

    @asynccontextmanager
    async def turn(self, read: int, most_read: int, most_written: int) -> AsyncIterator[None]:
        """Wait for the turn of a call; the most that it may cost is set aside until it is over.

        Args:
            read: About how many tokens it reads.
            most_read: It reads no more.
            most_written: It writes no more.

        Raises:
            Trouble: No request will fare better, or it might cost more than is left.
        """
        while not self._set_aside(most_read, most_written):  # noqa: ASYNC110  other loops' calls matter too
            await asyncio.sleep(_LOOK)  # those under way may cost less than was set aside for them
        try:
            await self.pace.turn(read + most_written)
            self._check_hope()  # others may have learnt it meanwhile
            yield
        finally:
            with self._lock:
                self._aside_read -= most_read
                self._aside_written -= most_written

    def _check_hope(self) -> None:
        if self.over is not None:
            raise Trouble(self.over.reason, "all", said=self.over.said)

    def _set_aside(self, most_read: int, most_written: int) -> bool:
        self._check_hope()
        limit, prices = self._limits.most_cost, self._limits.prices
        most = prices.of(most_read, most_written)
        with self._lock:
            spent = self.spent.cost + self.spent.unsure
            if limit and spent + most > limit:
                left = f"a call may cost {most:.4g}, and {limit:.4g} is the most"
                raise Trouble(f"Not asked: {spent:.4g} is spent, {left}.", "all")
            read, written = self._aside_read + most_read, self._aside_written + most_written
            if limit and spent + prices.of(read, written) > limit:
                return False
            self._aside_read, self._aside_written = read, written
            return True

    def add(self, used: Used) -> None:
        """Count an answer's tokens, whatever else is in it."""
        with self._lock:
            self.spent.add(used, self._limits.prices)

    def add_unsure(self, most_read: int, most_written: int) -> None:
        """Count a call that the endpoint may have answered, and charged for, although no answer came whole."""
        with self._lock:
            self.spent.unsure += self._limits.prices.of(most_read, most_written)

    def succeeded(self, model: str) -> None:
        """A call was answered, by a model that calls itself so."""
        with self._lock:
            self._failures = 0
            self.spent.calls += 1
            self.spent.models[model] += 1

    def failed(self, trouble: Trouble) -> None:
        """A call failed for good: nothing more is asked where no request would fare better."""
        with self._lock:
            self._failures = 0 if trouble.kind == "refused" else self._failures + 1
            if trouble.kind == "all" or self._failures >= _HOPELESS:
                self.over = self.over or trouble

    def again(self) -> None:
        """A call is made again."""
        with self._lock:
            self.spent.retries += 1


def waiting_asked(headers: Mapping[str, str]) -> float | None:
    """The seconds that `Retry-After` asks for, as a number or as a date; None without it."""
    told = headers.get("retry-after", "").strip()
    if not told:
        return None
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def pause(attempt: int, after: float | None, random: Random, first: float) -> float:
    """The seconds before attempt `attempt + 1`: twice as long each time, or as long as was asked, and some by chance.

    Source: Brooker, Exponential backoff and jitter, AWS Architecture Blog 2015.
    """
    if after is not None:
        return min(after, _LONGEST) + random.uniform(0, first)
    return random.uniform(0.5, 1.0) * min(first * 2.0**attempt, _LONGEST)
