"""What does a model behind an OpenAI-compatible endpoint reply?

Many calls are under way at once, no more than were allowed; what fails is tried again, later and later, and what fails
for good is one line in its reply. Closing the iterator cancels what is under way.
"""

import asyncio
import os
import queue
import ssl
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from random import Random
from typing import TYPE_CHECKING

from aetia.errors import MissingError
from aetia.evals.answerers.endpoint_address import address_of, check_key
from aetia.evals.answerers.endpoint_format import (
    API,
    Answered,
    Call,
    Trouble,
    answered,
    calls,
    combined,
    of_status,
    payload,
    used,
)
from aetia.evals.answerers.endpoint_pace import Limits, Prices, Spent, Standing, pause, waiting_asked
from aetia.evals.dialogue import Reply, Request
from aetia.runs.keys import JSON
from aetia.text import clean_text

if TYPE_CHECKING:
    import httpx2

__all__ = ["EndpointAnswerer", "EndpointSettings", "Prices", "Spent"]

_LARGEST = 4 * 2**20  # bytes of an answer that are read
_FEW = 16  # connections that are tried however few files may be open
_OTHER_FILES = 128  # that this process may have open beside its connections
_SHARING = 64  # calls under way that share a client, which looks at all its connections for each call
_SECRET = 8  # letters; a shorter key, as of a server that wants any, is a common word and keeps nothing secret


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
        tokens_per_minute: 0 for no limit; a call counts with its prompt, at four bytes a token, and its most tokens.
        prices: What tokens cost.
        most_cost: All that one answerer asks costs no more; 0 for no limit. A call is made only if what is spent, what
            those under way may cost and what it may cost itself are within it. A call may cost a token for each byte of
            its prompt, some for the template, and its most tokens; one whose answer never came whole counts so too.
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

    Its limits hold over all that it is asked, and once no request would fare better it asks no more: a new answerer
    tries again.

    Raises:
        MissingError: AE-8410 httpx2 is not installed.
        EvaluationError: AE-8411 the address is none, or holds a password or a query; AE-8412 a key would travel
            unencrypted; AE-8413 the key holds what cannot be sent.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        _check_installed()
        self.settings = settings
        self._address = address_of(settings.url, settings.key_variable)
        pace = (settings.requests_per_minute, settings.tokens_per_minute)
        self._standing = Standing(Limits(*pace, settings.prices, settings.most_cost))
        self._key()

    @property
    def spent(self) -> Spent:
        """What was asked till now, and what it cost."""
        return self._standing.spent

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
        session = _Session(self.settings, self._address, self._key(), self._standing)
        loop = asyncio.new_event_loop()
        room = asyncio.Semaphore(2 * self.settings.parallel)
        work = loop.create_task(session.run(requests, replies.put, room))

        def drive() -> None:
            """Run the calls to their end, and say so whatever that end is."""
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
        """The key as it is now; it is held no longer than it is used."""
        key = os.environ.get(self.settings.key_variable, "").strip()
        check_key(key, self._address, self.settings.key_variable)
        return key


def _connections(wanted: int) -> int:
    """How many connections this process may have open; the system is asked for what is wanted and not yet allowed."""
    try:
        import resource
    except ImportError:  # Windows, which sets no limit that could be raised
        return wanted
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_FILES
    if needed > allowed != resource.RLIM_INFINITY:
        allowed = needed if most == resource.RLIM_INFINITY else min(needed, most)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
        except (ValueError, OSError):  # macOS promises more than it gives, and a sandbox may give nothing
            allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted if allowed == resource.RLIM_INFINITY else min(wanted, max(_FEW, allowed - _OTHER_FILES))


def _check_installed() -> None:
    if find_spec("httpx2") is None:
        raise MissingError("AE-8410", "Endpoints need httpx2.", mend="python -m pip install 'aetia[models]'")


class _Session:
    """The calls of one `answer`."""

    def __init__(self, settings: EndpointSettings, address: str, key: str, standing: Standing) -> None:
        self.settings, self.address, self.key, self.standing = settings, address, key, standing
        self.random = Random()

    async def run(
        self, requests: Sequence[Request], put: Callable[[tuple[int, Reply]], None], room: asyncio.Semaphore
    ) -> None:
        """Answer all requests, `parallel` at a time, each as soon as one before it is done."""
        places = iter(range(len(requests)))
        count = _connections(min(self.settings.parallel, len(requests)))

        async def worker(client: "httpx2.AsyncClient") -> None:
            for place in places:
                await room.acquire()
                put((place, await self._reply(client, requests[place])))

        import httpx2

        certificates = httpx2.create_ssl_context()  # once: it reads a large file
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(self._client(certificates)) for _ in range(0, count, _SHARING)]
            group = await stack.enter_async_context(asyncio.TaskGroup())
            for number in range(count):
                group.create_task(worker(clients[number // _SHARING]))

    def _client(self, certificates: ssl.SSLContext) -> "httpx2.AsyncClient":
        import httpx2

        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = httpx2.Limits(max_connections=_SHARING, max_keepalive_connections=_SHARING)
        timeout = httpx2.Timeout(self.settings.seconds)
        return httpx2.AsyncClient(headers=headers, limits=limits, timeout=timeout, verify=certificates)

    async def _reply(self, client: "httpx2.AsyncClient", request: Request) -> Reply:
        try:
            found = [
                await self._persistent(client, call) for call in calls(request, self.settings.model, self.settings.api)
            ]
            return combined(request, found)
        except Trouble as trouble:
            return Reply("", "refused" if trouble.kind == "refused" else "error", error=self._line(trouble))
        except Exception as error:  # noqa: BLE001  whatever one answer brings about, the others go on
            trouble = Trouble(f"The answer brought about {type(error).__name__}", said=str(error))
            self.standing.failed(trouble)
            return Reply("", "error", error=self._line(trouble))

    async def _persistent(self, client: "httpx2.AsyncClient", call: Call) -> Answered:
        """The answer to a call, tried again where that may help."""
        for attempt in range(self.settings.attempts):
            async with self.standing.turn(call.read, call.most_read, call.most_written):
                found = await self._attempt(client, call)
            if isinstance(found, Answered):
                self.standing.succeeded(self._shown(found.model, 100))
                return found
            if found.after is not None:
                self.standing.pace.hold(found.after)
            if found.kind != "again" or attempt + 1 == self.settings.attempts:
                self.standing.failed(found)
                raise found
            self.standing.again()
            await asyncio.sleep(pause(attempt, found.after, self.random, self.settings.first_pause))
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, client: "httpx2.AsyncClient", call: Call) -> Answered | Trouble:
        """What one call gives; it is counted as one that may have cost the most unless its cost is known."""
        import httpx2

        is_counted = False
        try:
            async with asyncio.timeout(self.settings.seconds):
                status, headers, content = await self._posted(client, call)
            if status >= 300:
                is_counted = True
                return of_status(status, content, waiting_asked(headers))
            told = payload(content, headers.get("content-type", ""))
            taken = used(call, told)
            self.standing.add(taken)  # what is not usable is paid too
            is_counted = True
            return answered(call, told, taken)
        except Trouble as trouble:
            return trouble
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            is_counted = True
            return Trouble(f"The endpoint {self.address} cannot be reached", said=str(error))
        except (TimeoutError, httpx2.TimeoutException):
            return Trouble(f"The endpoint took longer than {self.settings.seconds:g} seconds.")
        except httpx2.HTTPError as error:
            return Trouble("The endpoint broke off its answer", said=str(error))
        finally:
            if not is_counted:
                self.standing.add_unsure(call.most_read, call.most_written)

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

    def _line(self, trouble: Trouble) -> str:
        """Why there is no reply, in one line without the key."""
        return clean_text(
            f"{trouble.reason}: {self._shown(trouble.said, 200)}" if trouble.said else trouble.reason, 300
        )

    def _shown(self, said: str, limit: int) -> str:
        """What an endpoint said, without the key, which some repeat; cut last, so that no part of the key is left."""
        shown = clean_text(said, _LARGEST)
        return clean_text(shown.replace(self.key, "[key]") if len(self.key) >= _SECRET else shown, limit)
