"""What is sent to an OpenAI-compatible endpoint, and what does its answer say?

Nothing that comes back is trusted: it may be a page of HTML, a list without a choice, or a text of a megabyte.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from aetia.evals.dialogue import Reply, Request
from aetia.runs.keys import JSON
from aetia.text import clean_text

__all__ = [
    "API",
    "Answered",
    "Call",
    "Trouble",
    "Used",
    "answered",
    "calls",
    "combined",
    "of_status",
    "payload",
    "used",
]

API: TypeAlias = Literal["chat", "completions"]
"""`chat`: messages to `/chat/completions`; `completions`: their texts, one under the other, to `/completions`."""

_LISTED = 20  # of the likeliest first tokens, which is all that the interface lists
_BYTES = 4  # of UTF-8 that a token stands for, about
_TEMPLATE = 32  # tokens that a template adds to a message, at the most
_MOST_TOLD = 10**9  # a count of tokens above it is none
_FARTHEST = 1e9  # nats, or characters; what is beyond it is no log-probability and no place
_REASONS = {
    401: "refuses the key",
    403: "does not allow this key what is asked",
    404: "has no such model or no such address",
}
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})


class Trouble(Exception):  # noqa: N818  it becomes a line in a reply
    """Why there is no reply.

    Args:
        reason: One line, in this module's words.
        kind: `again` if another attempt may mend it, `refused` if none will, `all` if no request will fare better.
        after: How many seconds the endpoint asks to wait; None if it does not say.
        said: What the endpoint said to it, as it came: it may be long, and hold the key.
    """

    def __init__(
        self,
        reason: str,
        kind: Literal["again", "refused", "all"] = "again",
        after: float | None = None,
        said: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason, self.kind, self.after, self.said = reason, kind, after, said


@dataclass(frozen=True)
class Call:
    """One call: the path below the endpoint's address, and what is sent."""

    path: str
    body: Mapping[str, JSON]
    context: str = ""
    """Of an echoed prompt: what comes before the continuation."""
    texts: tuple[str, ...] = ()
    """The texts that are sent in it."""

    @property
    def read(self) -> int:
        """About how many tokens are read: one for four bytes."""
        return -(-self._bytes // _BYTES)

    @property
    def most_read(self) -> int:
        """More tokens than are read: no tokenizer makes more of a text than it has bytes."""
        return self._bytes + _TEMPLATE * (len(self.texts) + 1)

    @property
    def most_written(self) -> int:
        """The most tokens that are written."""
        most = self.body["max_tokens"]
        return most if isinstance(most, int) else 0

    @property
    def _bytes(self) -> int:
        return sum(_length(text) for text in self.texts)


@dataclass(frozen=True)
class Used:
    """How many tokens an answer took, by the endpoint's count or by the length of its texts."""

    prompt_tokens: int
    tokens: int
    is_estimated: bool


@dataclass(frozen=True)
class Answered:
    """What one call gave; `model` is what the endpoint says that it is, as it came."""

    reply: Reply
    model: str
    listed: Mapping[str, float]


def calls(request: Request, model: str, api: API) -> tuple[Call, ...]:
    """The calls that answer a request: one, or with echoed prompts one for each continuation."""
    if api == "completions" and request.continuations:
        return tuple(_echo(request, model, continuation) for continuation in request.continuations)
    body: dict[str, JSON] = {"model": model, "temperature": request.temperature, "max_tokens": request.tokens}
    if request.temperature > 0:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = list(request.stop)
    if api == "completions":
        prompt = _plain(request)
        return (Call("/completions", {**body, "prompt": prompt}, texts=(prompt,)),)
    messages: list[JSON] = [{"role": one.role, "content": one.text} for one in request.messages]
    body["messages"] = messages
    if request.continuations:
        body = {**body, "max_tokens": 1, "logprobs": True, "top_logprobs": _LISTED}
    return (Call("/chat/completions", body, texts=tuple(message.text for message in request.messages)),)


def _plain(request: Request) -> str:
    return "\n".join(message.text for message in request.messages)


def _echo(request: Request, model: str, continuation: str) -> Call:
    context = _plain(request)
    prompt = context + continuation
    body: dict[str, JSON] = {"model": model, "prompt": prompt, "max_tokens": 0, "echo": True}
    # White space at the end of the prompt belongs to the first token of what follows.
    return Call("/completions", {**body, "temperature": 0, "logprobs": 1}, context.rstrip(), (prompt,))


def _length(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def payload(content: bytes, kind: str) -> Mapping[str, JSON]:
    """The JSON object in an answer's content.

    Raises:
        Trouble: There is none.
    """
    text = content.decode("utf-8", "replace").strip()
    if not text:
        raise Trouble("The endpoint sent an empty answer.")
    if "html" in kind.lower() or text[:1] == "<":
        raise Trouble("The endpoint sent a page of HTML in place of JSON: is its address right, as in .../v1?")
    try:
        found: JSON = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Trouble("The endpoint sent what is no JSON", said=text) from error
    if not isinstance(found, Mapping):
        raise Trouble("The endpoint sent no object", said=text)
    return found


def of_status(status: int, content: bytes, after: float | None) -> Trouble:
    """What an answer with an error's status means."""
    try:
        told = json.loads(content)["error"]
        message = told["message"] if isinstance(told, Mapping) else told
    except (ValueError, KeyError, TypeError, RecursionError):
        message = ""
    said = str(message) if message else ""
    if status in _REASONS:
        return Trouble(f"The endpoint {_REASONS[status]} (status {status})", "all", said=said)
    if 300 <= status < 400:
        return Trouble(f"The endpoint sends elsewhere (status {status}): name the address that it sends to.", "all")
    reason = "is asked too often" if status == 429 else "failed" if status >= 500 else "refuses the request"
    return Trouble(f"The endpoint {reason} (status {status})", "again" if status in _AGAIN else "refused", after, said)


def used(call: Call, told: Mapping[str, JSON]) -> Used:
    """The tokens of an answer, be it usable or not.

    Where the endpoint gives no count, a token is taken to be four bytes of what was sent and of what the reply says;
    an answer without a choice is then taken to have cost nothing.
    """
    counts = told.get("usage")
    counts = counts if isinstance(counts, Mapping) else {}
    prompt_tokens, tokens = _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))
    first = _first(told)
    text = _content(first) if first is not None else None
    about = -(-_length(text) // _BYTES) if isinstance(text, str) and call.most_written else 0
    if first is None or (prompt_tokens and (tokens or not about)):
        return Used(prompt_tokens, tokens, is_estimated=False)
    return Used(prompt_tokens or call.read, tokens or about, is_estimated=True)


def _first(told: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
    """The first choice, if there is one."""
    choices = told.get("choices")
    first = choices[0] if isinstance(choices, Sequence) and not isinstance(choices, str) and choices else None
    return first if isinstance(first, Mapping) else None


def _content(choice: Mapping[str, JSON]) -> JSON:
    """What a choice says."""
    message = choice.get("message")
    return message.get("content") if isinstance(message, Mapping) else choice.get("text")


def answered(call: Call, told: Mapping[str, JSON], taken: Used) -> Answered:
    """What a call's JSON says; `taken` are the tokens of it.

    Raises:
        Trouble: It lacks a choice, or log-probabilities that were asked for.
    """
    if isinstance(told.get("error"), Mapping | str) and not told.get("choices"):
        raise Trouble("The endpoint failed", said=str(told["error"]))
    first = _first(told)
    if first is None:
        raise Trouble("The endpoint sent no choice.")
    text = _content(first)
    text = "" if text is None else text
    if not isinstance(text, str):
        raise Trouble("The endpoint sent a choice without a text.")
    counts = (taken.prompt_tokens, taken.tokens)
    finish = "length" if first.get("finish_reason") == "length" else "stop"
    model = str(told.get("model") or "")
    if call.body.get("echo"):
        score, length = _echoed(first.get("logprobs"), len(call.context))
        return Answered(Reply("", finish, (score,), (length,), *counts), model, {})
    listed = _listed(first.get("logprobs")) if call.body.get("logprobs") else {}
    return Answered(Reply(text, finish, (), (), *counts), model, listed)


def _count(value: JSON) -> int:
    """A count of tokens; 0 of what is none, or could be none."""
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value <= _MOST_TOLD else 0


def _number(value: JSON) -> float | None:
    """A log-probability or a place; None if it is no number, or one that cannot be meant."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) <= _FARTHEST else None


def _numbers(value: JSON) -> Iterator[float | None]:
    for one in value if isinstance(value, Sequence) else ():
        yield _number(one)


def _echoed(told: JSON, start: int) -> tuple[float, int]:
    """The log-probability of what follows the first `start` characters, and its tokens."""
    told = told if isinstance(told, Mapping) else {}
    values, tokens = list(_numbers(told.get("token_logprobs"))), told.get("tokens")
    places = [None if place is None else int(place) for place in _numbers(told.get("text_offset"))]
    if not values or not isinstance(tokens, Sequence) or not len(values) == len(tokens) == len(places):
        raise Trouble("The endpoint gives no log-probabilities of its prompt: let it write replies instead.", "refused")
    ends = [*places[1:], (places[-1] or 0) + len(str(tokens[-1]))]
    chosen = [value for value, end in zip(values, ends, strict=True) if end is None or end > start]
    known = [value for value in chosen if value is not None]
    if not known or len(known) < len(chosen):
        raise Trouble("The endpoint left out log-probabilities of a continuation.", "refused")
    return sum(known), len(known)


def _listed(told: JSON) -> dict[str, float]:
    """The first token's alternatives with their log-probabilities."""
    content = told.get("content") if isinstance(told, Mapping) else None
    first = content[0] if isinstance(content, Sequence) and not isinstance(content, str) and content else None
    found: dict[str, float] = {}
    listed = first.get("top_logprobs") if isinstance(first, Mapping) else None
    for one in listed if isinstance(listed, Sequence) else ():
        value = _number(one.get("logprob")) if isinstance(one, Mapping) else None
        if isinstance(one, Mapping) and value is not None:
            found.setdefault(str(one.get("token", "")), value)
    return found


def combined(request: Request, found: Sequence[Answered]) -> Reply:
    """The reply that the calls of a request give together.

    Of a chat, a continuation's score is that of its first token among the listed alternatives; one that is not listed
    has the score of the least likely that is, which it cannot exceed.

    Raises:
        Trouble: The endpoint lists no first token of any continuation, or two continuations begin with the same one.
    """
    if not request.continuations:
        return found[0].reply
    prompt_tokens = sum(one.reply.prompt_tokens for one in found)
    tokens = sum(one.reply.tokens for one in found)
    if found[0].reply.scores:
        scores = tuple(one.reply.scores[0] for one in found)
        lengths = tuple(one.reply.lengths[0] for one in found)
    else:
        scores, lengths = _first_tokens(request.continuations, found[0].listed), (1,) * len(request.continuations)
    best = max(range(len(scores)), key=scores.__getitem__)
    text = request.continuations[best]
    return Reply(text, scores=scores, lengths=lengths, prompt_tokens=prompt_tokens, tokens=tokens)


def _first_tokens(continuations: Sequence[str], listed: Mapping[str, float]) -> tuple[float, ...]:
    if not listed:
        raise Trouble("The endpoint gives no log-probabilities: let it write replies instead.", "refused")
    least = min(listed.values())
    scores: list[float] = []
    used: set[str] = set()
    for continuation in continuations:
        begins = [token for token in listed if token.strip() and continuation.strip().startswith(token.strip())]
        token = max(begins, key=lambda one: (len(one.strip()), listed[one]), default="")
        if token and token in used:
            raise Trouble(f"Two continuations begin with the same token, {clean_text(token, 40)!r}.", "refused")
        used.add(token)
        scores.append(listed[token] if token else least)
    if used == {""}:
        raise Trouble("No continuation is among the likeliest first tokens.", "refused")
    return tuple(scores)
