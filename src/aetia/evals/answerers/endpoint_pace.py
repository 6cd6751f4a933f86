"""When may the next request be sent, and what has been spent?"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

__all__ = ["Pace", "Prices", "Spent", "pause", "waiting_asked"]

_LONGEST = 120.0  # seconds between two attempts, whatever is asked for


@dataclass(frozen=True)
class Prices:
    """What a million tokens cost, in the user's money."""

    prompt: float = 0.0
    reply: float = 0.0


@dataclass
class Spent:
    """What an endpoint was asked and what it cost.

    Args:
        calls: Calls that were answered.
        retries: Attempts that were made again.
        prompt_tokens: By the endpoint's own count.
        tokens: The same, of its replies.
        cost: By the user's prices.
        models: How many replies each model said that it gave: more names than one, or another one, are worth a look.
    """

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    cost: float = 0.0
    models: Counter[str] = field(default_factory=Counter)

    def add(self, prompt_tokens: int, tokens: int, model: str, prices: Prices) -> None:
        """Count one answered call."""
        self.calls += 1
        self.prompt_tokens += prompt_tokens
        self.tokens += tokens
        self.cost += (prompt_tokens * prices.prompt + tokens * prices.reply) / 1e6
        self.models[model] += 1


class Pace:
    """Lets calls go at a rate: each takes its share of a minute, and waits until those before it have had theirs.

    Args:
        requests: The most calls a minute; 0 for no limit.
        tokens: The most tokens a minute, read and written; 0 for no limit.
    """

    def __init__(self, requests: float, tokens: float) -> None:
        self._requests, self._tokens = requests, tokens
        self._next = 0.0

    async def turn(self, tokens: int) -> None:
        """Wait for the turn of a call of so many tokens."""
        share = max(60 / self._requests if self._requests else 0.0, 60 * tokens / self._tokens if self._tokens else 0.0)
        now = time.monotonic()
        start = max(now, self._next)
        self._next = start + share
        await asyncio.sleep(start - now)

    def hold(self, seconds: float) -> None:
        """Let no call go for some seconds: the endpoint asked for it."""
        self._next = max(self._next, time.monotonic() + min(seconds, _LONGEST))


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
