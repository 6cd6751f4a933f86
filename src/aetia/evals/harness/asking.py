"""How are many items asked at once, each in as many turns as its adaptation takes?"""

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from aetia.evals.dialogue import Adaptation, Answerer, Conversation, Reply, Request
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.item import Item
from aetia.evals.speech import said_labels
from aetia.runs.keys import canonical

__all__ = ["Asked", "ask", "limits_of"]

_TURNS = 64
"""More turns than any way of asking takes: one that goes on for ever is stopped."""


@dataclass(frozen=True)
class Asked:
    """An item, all that was said about it, and the text that its answer is read from.

    Args:
        item: The item.
        turns: The requests and their replies, in order.
        text: What the adaptation returned; empty if a reply failed.
    """

    item: Item
    turns: tuple[tuple[Request, Reply], ...]
    text: str

    @property
    def failure(self) -> str:
        """Why a reply is missing that asking again may bring, in one line; empty if there is none such."""
        return next((reply.error for _, reply in self.turns if reply.finish == "error"), "")

    @property
    def refusal(self) -> str:
        """Why a request was refused for good, in one line; empty if none was."""
        return next((reply.error for _, reply in self.turns if reply.finish == "refused"), "")


@dataclass
class _Open:
    """A conversation that is not at its end."""

    place: int
    item: Item
    adaptation: str
    conversation: Conversation
    request: Request
    turns: list[tuple[Request, Reply]]


def limits_of(study: EvaluationStudy) -> Request:
    """What the study allows every request."""
    return Request((), tokens=study.tokens, temperature=study.temperature, seed=study.seed)


def ask(
    pairs: Sequence[tuple[Item, Adaptation]],
    answerer: Answerer,
    *,
    scored: bool = False,
    limits: Request | None = None,
) -> Generator[tuple[int, Asked]]:
    """Yield what came of each item with its place, as soon as its conversation has ended.

    All conversations go on side by side, so that an answerer sees many requests at once. A failed reply ends its
    conversation and no other.

    Args:
        pairs: What to ask, and how.
        answerer: Whom.
        scored: Whether the labels are scored as continuations in place of generating a reply.
        limits: Its tokens and temperature hold for every request that asks for no fewer tokens; but its tokens give way
            to what a request needs, unless they are fewer than the usual 256. Above temperature 0 its seed, the item,
            the adaptation and the turn decide the request's own, so that replies are independent.
    """
    # Without a chat template the reply goes on in the line that the question ends.
    spoken = partial(said_labels, is_spaced=answerer.identity.get("template") == "plain") if scored else None
    live: list[_Open] = []
    for place, (item, adaptation) in enumerate(pairs):
        conversation = adaptation.converse(item)
        found = _next(conversation, None)
        if isinstance(found, str):
            yield place, Asked(item, (), found)
        else:
            one = _Open(place, item, adaptation.name, conversation, found, [])
            one.request = _fitted(found, one, limits, spoken)
            live.append(one)
    while live:
        waiting: list[_Open] = []
        for number, found_reply in answerer.answer([one.request for one in live]):
            one, reply = live[number], _storable(found_reply)
            one.turns.append((one.request, reply))
            over = reply.finish in ("error", "refused") or len(one.turns) >= _TURNS
            found = "" if over else _next(one.conversation, reply)
            if isinstance(found, str):
                one.conversation.close()
                yield one.place, Asked(one.item, tuple(one.turns), found)
            else:
                one.request = _fitted(found, one, limits, spoken)
                waiting.append(one)
        live = waiting


def _storable(reply: Reply) -> Reply:
    """The reply without lone surrogates, which no table can hold."""
    text = reply.text.encode("utf-8", "replace").decode()
    return reply if text == reply.text else replace(reply, text=text)


def _next(conversation: Conversation, reply: Reply | None) -> Request | str:
    """The next request, or the text at the end."""
    try:
        return next(conversation) if reply is None else conversation.send(reply)
    except StopIteration as end:
        return end.value


def _fitted(
    request: Request, one: _Open, limits: Request | None, spoken: Callable[[Item], tuple[str, ...]] | None
) -> Request:
    request = replace(request, subject=one.item.id)
    if limits is not None:
        least = request.least if limits.tokens >= Request.tokens else 0  # who allows fewer than is usual means it
        tokens = min(request.tokens, max(limits.tokens, least))
        seed = limits.seed if limits.temperature == 0 else _seed(limits.seed, one)
        request = replace(request, tokens=tokens, temperature=limits.temperature, seed=seed)
    return replace(request, continuations=spoken(one.item)) if spoken is not None else request


def _seed(seed: int, one: _Open) -> int:
    """Of a conversation's next request, from 0 to 2^31 - 1: endpoints take no larger ones."""
    told = canonical([seed, one.item.id, one.adaptation, len(one.turns)])
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:4]) % 2**31
