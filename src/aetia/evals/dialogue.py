"""What is asked of an answerer, and what comes back?

An adaptation turns an item into one or several turns; an answerer is whatever replies: a model here, an endpoint, or a
reference. Neither knows of the other.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from aetia.evals.item import Item
from aetia.runs.keys import JSON

__all__ = ["Adaptation", "Answerer", "Conversation", "Message", "Reply", "Request"]


@dataclass(frozen=True)
class Message:
    """One turn of a dialogue."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True)
class Request:
    """One thing to be answered.

    Args:
        messages: The dialogue so far; the last one is the user's.
        tokens: The most tokens of the reply; of no matter where there are continuations.
        continuations: If there are some, nothing is generated: each is scored as the reply's beginning.
        stop: Texts that end the reply; they are not part of it.
        temperature: 0 takes the likeliest token.
        seed: Of a sampled reply.
        subject: The id of the item that is asked about; reference answerers look it up, models never see it.
        least: As many tokens as the demanded form needs: a usual limit of the study gives way to it.
    """

    messages: tuple[Message, ...]
    tokens: int = 256
    continuations: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int = 0
    subject: str = ""
    least: int = 0

    def asked(self) -> dict[str, JSON]:
        """What decides the reply, as plain data: a part of the key of stored replies."""
        return {
            "messages": [[one.role, one.text] for one in self.messages],
            "tokens": 0 if self.continuations else self.tokens,
            "continuations": list(self.continuations),
            "stop": list(self.stop),
            "temperature": self.temperature,
            "seed": self.seed if self.temperature > 0 else 0,
        }


@dataclass(frozen=True)
class Reply:
    """What came back.

    Args:
        text: What was said; the likeliest continuation where these were scored.
        finish: Why it ended: by itself, at the most tokens, by a failure that asking again may mend, or because the
            request is refused however often it is made, such as one that is too long; `error` tells why.
        scores: The log-probability of each continuation, summed over its tokens, in nats.
        lengths: The number of tokens of each continuation.
        prompt_tokens: How many tokens were read.
        tokens: How many tokens were written.
        error: One line; empty if there was a reply.
    """

    text: str
    finish: Literal["stop", "length", "error", "refused"] = "stop"
    scores: tuple[float, ...] = ()
    lengths: tuple[int, ...] = ()
    prompt_tokens: int = 0
    tokens: int = 0
    error: str = ""


class Answerer(Protocol):
    """Whatever replies."""

    @property
    def identity(self) -> Mapping[str, JSON]:
        """Everything about it that decides its replies: weights' digest, tokenizer, template, number format."""
        ...

    @property
    def is_deterministic(self) -> bool:
        """Whether the same request at temperature 0 is sure to get the same reply."""
        ...

    def answer(self, requests: Sequence[Request], /) -> Iterator[tuple[int, Reply]]:
        """Yield the reply to each request with its place, in any order, as soon as it is there.

        A request that fails gets a reply that says so; it never ends the others.
        """
        ...


Conversation = Generator[Request, Reply, str]
"""Yields requests, is sent their replies, and returns the text that the answer is read from."""


class Adaptation(Protocol):
    """How an item is asked."""

    @property
    def name(self) -> str:
        """As in `zero-shot-cot`."""
        ...

    def converse(self, item: Item, /) -> Conversation:
        """Ask an item in one turn or in several."""
        ...
