"""What does a model behind an OpenAI-compatible endpoint reply?

Many calls are under way at once, no more than were allowed; what fails is tried again, later and later, and what fails
for good is one line in its reply. Closing the iterator cancels what is under way.
"""

import asyncio
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aetia.errors import EvaluationError, MissingError
from aetia.evals.answerers.endpoint_format import API, Answered, Call, Trouble, answered, calls, combined, of_status
from aetia.evals.answerers.endpoint_format import payload as payload_of
from aetia.evals.answerers.endpoint_pace import Pace, Prices, Spent, pause, waiting_asked
from aetia.evals.dialogue import Reply, Request
from aetia.runs.keys import JSON
from aetia.text import clean_text

if TYPE_CHECKING:
    import httpx2

__all__ = ["EndpointAnswerer", "EndpointSettings", "Prices", "Spent"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LARGEST = 4 * 2**20  # bytes of an answer that are read
_HOPELESS = 3  # requests one after another without any answer, after which the others are not tried


@dataclass(frozen=True)
class EndpointSettings:
    """Which endpoint, and how it is treated.

    Args:
        url: The address below which the paths lie, as in `https://api.openai.com/v1`.
        model: What the endpoint calls the model.
        api: Chats, or plain completions; see `API`. Completions score continuations by echoed prompts, chats by the
            likeliest first tokens.
        key_variable: The environment variable that holds the key; it may be unset. The key itself is stored nowhere.
        parallel: The most requests that are under way at once.
        attempts: How often a call is made until it counts as failed.
        seconds: The longest that one attempt may take.
        first_pause: Seconds before the second attempt, roughly.
        requests_per_minute: 0 for no limit.
        tokens_per_minute: 0 for no limit; a call counts with its prompt, at four characters a token, and its most
            tokens.
        prices: What tokens cost.
        most_cost: No call is made once so much is spent; 0 for no limit. What is under way then is still paid.
    """

    url: str
    model: str
    api: API = "chat"
    key_variable: str = "OPENAI_API_KEY"
    parallel: int = 16
    attempts: int = 6
    seconds: float = 120.0
    first_pause: float = 0.5
    requests_per_minute: float = 0.0
    tokens_per_minute: float = 0.0
    prices: Prices = field(default_factory=Prices)
    most_cost: float = 0.0


class EndpointAnswerer:
    """An endpoint as an answerer; `spent` tells what it was asked, what that cost, and which models it said it was.

    Raises:
        MissingError: AE-8410 httpx2 is not installed.
        EvaluationError: AE-8411 the address is none, or holds a password or a query; AE-8412 a key would travel
            unencrypted.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        _check_installed()
        self.settings = settings
        self.spent = Spent()
        self._address = _checked_address(settings)
        self._key()

    @property
    def identity(self) -> Mapping[str, JSON]:
        """The address, the model's name and the interface; never the key."""
        told = {"kind": "endpoint", "url": self._address, "model": self.settings.model, "api": self.settings.api}
        return dict(told)

    @property
    def is_deterministic(self) -> bool:
        """Never: what is behind an address may change, and batches there may too."""
        return False

    def answer(self, requests: Sequence[Request], /) -> Generator[tuple[int, Reply]]:
        """Yield the reply to each request with its place, as soon as it is there; closing it cancels the others.

        No more replies wait to be taken than are under way, so that a slow reader slows the calls.
        """
        replies: queue.SimpleQueue[tuple[int, Reply] | BaseException | None] = queue.SimpleQueue()
        session = _Session(self.settings, self._address, self._key(), self.spent)
        loop = asyncio.new_event_loop()
        room = asyncio.Semaphore(2 * self.settings.parallel)
        work = loop.create_task(session.run(requests, replies.put, room))

        def drive() -> None:
            try:
                loop.run_until_complete(work)
                replies.put(None)
            except asyncio.CancelledError:
                replies.put(None)
            except BaseException as error:  # noqa: BLE001  raised again where the replies are read
                replies.put(error)
            finally:
                loop.run_until_complete(loop.shutdown_asyncgens())

        thread = threading.Thread(target=drive, name="aetia-endpoint", daemon=True)
        thread.start()
        try:
            while (found := replies.get()) is not None:
                if isinstance(found, BaseException):
                    raise found
                loop.call_soon_threadsafe(room.release)
                yield found
        finally:
            loop.call_soon_threadsafe(work.cancel)
            thread.join()
            loop.close()

    def _key(self) -> str:
        key = os.environ.get(self.settings.key_variable, "").strip()
        parts = urlsplit(self._address)
        if key and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            found = f"The key in {self.settings.key_variable} would travel unencrypted to {parts.hostname}."
            raise EvaluationError("AE-8412", found, mend="use https, or unset the variable.")
        return key


def _check_installed() -> None:
    if find_spec("httpx2") is None:
        raise MissingError("AE-8410", "Endpoints need httpx2.", mend="python -m pip install 'aetia[models]'")


def _checked_address(settings: EndpointSettings) -> str:
    mend = "write it like https://api.openai.com/v1."
    no_address = EvaluationError("AE-8411", f"{clean_text(settings.url, 80)!r} is no address.", mend=mend)
    try:
        parts = urlsplit(settings.url.strip())
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise no_address from error
    if not is_whole:
        raise no_address
    if parts.username or parts.password or parts.query or parts.fragment:
        found = "The address holds a user, a password or a query, which would be stored with the results."
        raise EvaluationError("AE-8411", found, mend=f"{mend[:-1]}, and put the key into {settings.key_variable}.")
    return settings.url.strip().rstrip("/")


class _Session:
    """The calls of one `answer`."""

    def __init__(self, settings: EndpointSettings, address: str, key: str, spent: Spent) -> None:
        self.settings, self.address, self.key, self.spent = settings, address, key, spent
        self.pace = Pace(settings.requests_per_minute, settings.tokens_per_minute)
        self.random = Random()
        self.failures = 0
        self.over = ""

    async def run(
        self, requests: Sequence[Request], put: Callable[[tuple[int, Reply]], None], room: asyncio.Semaphore
    ) -> None:
        """Answer all requests, `parallel` at a time, each as soon as one before it is done."""
        places = iter(range(len(requests)))

        async def worker(client: "httpx2.AsyncClient") -> None:
            for place in places:
                await room.acquire()
                put((place, await self._reply(client, requests[place])))

        async with self._client() as client, asyncio.TaskGroup() as group:
            for _ in range(min(self.settings.parallel, len(requests))):
                group.create_task(worker(client))

    @asynccontextmanager
    async def _client(self) -> "AsyncIterator[httpx2.AsyncClient]":
        import httpx2

        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = httpx2.Limits(max_connections=self.settings.parallel)
        timeout = httpx2.Timeout(self.settings.seconds)
        async with httpx2.AsyncClient(headers=headers, limits=limits, timeout=timeout) as client:
            yield client

    async def _reply(self, client: "httpx2.AsyncClient", request: Request) -> Reply:
        try:
            found = [
                await self._persistent(client, call, request)
                for call in calls(request, self.settings.model, self.settings.api)
            ]
            return combined(request, found)
        except Trouble as trouble:
            return Reply("", "refused" if trouble.kind == "refused" else "error", error=self._safe(trouble.reason))

    async def _persistent(self, client: "httpx2.AsyncClient", call: Call, request: Request) -> Answered:
        """The answer to a call, tried again where that may help."""
        size = sum(len(message.text) for message in request.messages) // 4
        for attempt in range(self.settings.attempts):
            if self.settings.most_cost and self.spent.cost >= self.settings.most_cost:
                self.over = f"Not asked: {self.spent.cost:.4g} is spent, and {self.settings.most_cost:.4g} is the most."
            if self.over:
                raise Trouble(self.over, "all")
            await self.pace.turn(size + (0 if request.continuations else request.tokens))
            try:
                found = await self._attempt(client, call)
            except Trouble as trouble:
                last = attempt + 1 == self.settings.attempts
                if trouble.kind != "again" or last:
                    self._note(trouble)
                    raise
                self.spent.retries += 1
                if trouble.after is not None:
                    self.pace.hold(trouble.after)
                await asyncio.sleep(pause(attempt, trouble.after, self.random, self.settings.first_pause))
            else:
                self.failures = 0
                self.spent.add(found.reply.prompt_tokens, found.reply.tokens, found.model, self.settings.prices)
                return found
        raise AssertionError("the last attempt returns or raises")

    def _note(self, trouble: Trouble) -> None:
        """Stop asking where no request would fare better."""
        if trouble.kind == "refused":
            self.failures = 0
            return
        self.failures += 1
        if trouble.kind == "all" or self.failures >= _HOPELESS:
            self.over = trouble.reason

    async def _attempt(self, client: "httpx2.AsyncClient", call: Call) -> Answered:
        import httpx2

        try:
            async with asyncio.timeout(self.settings.seconds):
                status, headers, content = await self._posted(client, call)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise Trouble(f"The endpoint took longer than {self.settings.seconds:g} seconds.") from error
        except httpx2.ConnectError as error:
            raise Trouble(f"The endpoint {self.address} cannot be reached: {clean_text(str(error), 100)}") from error
        except httpx2.HTTPError as error:
            raise Trouble(f"The endpoint broke off its answer: {clean_text(str(error), 100)}") from error
        if self.key:
            content = content.replace(self.key.encode(), b"[key]")  # some endpoints repeat it
        if status >= 300:
            raise of_status(status, content, waiting_asked(headers))
        return answered(call, payload_of(content, headers.get("content-type", "")))

    async def _posted(self, client: "httpx2.AsyncClient", call: Call) -> tuple[int, Mapping[str, str], bytes]:
        parts: list[bytes] = []
        size = 0
        async with client.stream("POST", self.address + call.path, json=dict(call.body)) as response:
            async for part in response.aiter_bytes():
                parts.append(part)
                size += len(part)
                if size > _LARGEST:
                    raise Trouble(f"The endpoint sent more than {_LARGEST:,} bytes.", "refused")
            return response.status_code, response.headers, b"".join(parts)

    def _safe(self, reason: str) -> str:
        """The reason in one line, without the key, wherever it may have come from."""
        line = clean_text(reason, 300)
        return line.replace(self.key, "[key]") if self.key else line
