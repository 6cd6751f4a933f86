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

__all__ = ["API", "Answered", "Call", "Trouble", "answered", "calls", "combined", "of_status", "payload"]

API: TypeAlias = Literal["chat", "completions"]
"""`chat`: messages to `/chat/completions`; `completions`: their texts, one under the other, to `/completions`."""

_LISTED = 20  # of the likeliest first tokens, which is all that the interface lists
_REASONS = {
    401: "refuses the key",
    403: "does not allow this key what is asked",
    404: "has no such model or no such address",
}
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})


class Trouble(Exception):  # noqa: N818  it becomes a line in a reply
    """Why there is no reply.

    Args:
        reason: One line.
        kind: `again` if another attempt may mend it, `refused` if none will, `all` if no request will fare better.
        after: How many seconds the endpoint asks to wait; None if it does not say.
    """

    def __init__(
        self, reason: str, kind: Literal["again", "refused", "all"] = "again", after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason, self.kind, self.after = reason, kind, after


@dataclass(frozen=True)
class Call:
    """One call: the path below the endpoint's address, and what is sent."""

    path: str
    body: Mapping[str, JSON]
    context: str = ""
    """Of an echoed prompt: what comes before the continuation."""


@dataclass(frozen=True)
class Answered:
    """What one call gave; `model` is what the endpoint says that it is."""

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
        return (Call("/completions", {**body, "prompt": _plain(request)}),)
    messages: list[JSON] = [{"role": one.role, "content": one.text} for one in request.messages]
    body["messages"] = messages
    if request.continuations:
        body = {**body, "max_tokens": 1, "logprobs": True, "top_logprobs": _LISTED}
    return (Call("/chat/completions", body),)


def _plain(request: Request) -> str:
    return "\n".join(message.text for message in request.messages)


def _echo(request: Request, model: str, continuation: str) -> Call:
    context = _plain(request)
    body: dict[str, JSON] = {"model": model, "prompt": context + continuation, "max_tokens": 0, "echo": True}
    # White space at the end of the prompt belongs to the first token of what follows.
    return Call("/completions", {**body, "temperature": 0, "logprobs": 1}, context.rstrip())


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
        raise Trouble(f"The endpoint sent what is no JSON: {clean_text(text, 80)!r}.") from error
    if not isinstance(found, Mapping):
        raise Trouble(f"The endpoint sent no object: {clean_text(text, 80)!r}.")
    return found


def of_status(status: int, content: bytes, after: float | None) -> Trouble:
    """What an answer with an error's status means."""
    try:
        told = json.loads(content)["error"]
        message = told["message"] if isinstance(told, Mapping) else told
    except (ValueError, KeyError, TypeError, RecursionError):
        message = ""
    said = f": {clean_text(str(message), 200)}" if message else ""
    if status in _REASONS:
        return Trouble(f"The endpoint {_REASONS[status]} (status {status}){said}", "all")
    if 300 <= status < 400:
        return Trouble(f"The endpoint sends elsewhere (status {status}): name the address that it sends to.", "all")
    reason = "is asked too often" if status == 429 else "failed" if status >= 500 else "refuses the request"
    return Trouble(f"The endpoint {reason} (status {status}){said}", "again" if status in _AGAIN else "refused", after)


def answered(call: Call, told: Mapping[str, JSON]) -> Answered:
    """What a call's JSON says.

    Raises:
        Trouble: It lacks a choice, or log-probabilities that were asked for.
    """
    if isinstance(told.get("error"), Mapping | str) and not told.get("choices"):
        raise Trouble(f"The endpoint failed: {clean_text(str(told['error']), 200)}")
    choices = told.get("choices")
    first = choices[0] if isinstance(choices, Sequence) and not isinstance(choices, str) and choices else None
    if not isinstance(first, Mapping):
        raise Trouble("The endpoint sent no choice.")
    message = first.get("message")
    text = message.get("content") if isinstance(message, Mapping) else first.get("text")
    text = "" if text is None else text
    if not isinstance(text, str):
        raise Trouble("The endpoint sent a choice without a text.")
    used = told.get("usage")
    used = used if isinstance(used, Mapping) else {}
    prompt_tokens, tokens = _count(used.get("prompt_tokens")), _count(used.get("completion_tokens"))
    finish = "length" if first.get("finish_reason") == "length" else "stop"
    model = clean_text(str(told.get("model") or ""), 100)
    if call.body.get("echo"):
        score, length = _echoed(first.get("logprobs"), len(call.context))
        return Answered(Reply("", finish, (score,), (length,), prompt_tokens, tokens), model, {})
    listed = _listed(first.get("logprobs")) if call.body.get("logprobs") else {}
    return Answered(Reply(text, finish, prompt_tokens=prompt_tokens, tokens=tokens), model, listed)


def _count(value: JSON) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _numbers(value: JSON) -> Iterator[float | None]:
    for one in value if isinstance(value, Sequence) else ():
        yield float(one) if isinstance(one, int | float) else None


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
        value = one.get("logprob") if isinstance(one, Mapping) else None
        if isinstance(one, Mapping) and isinstance(value, int | float):
            found.setdefault(str(one.get("token", "")), float(value))
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
