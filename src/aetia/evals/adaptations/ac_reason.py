"""Was it a cause? An answerer names the events and their factors, and AC-Reason's rules give the answer."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from aetia.evals.adaptations.factors import Comparison, Event, Factors, by_factors, events_of, factors_of, verdict
from aetia.evals.adaptations.procedures import concluded
from aetia.evals.adaptations.wording import asked, filled, joined, quoted, request, stated
from aetia.evals.dialogue import Conversation, Reply, Request
from aetia.evals.item import Item
from aetia.evals.speech import said

__all__ = ["ByFactors"]

_NEEDED = 768
"""How many tokens the JSON of a story's events takes: one that is cut off is no answer."""

_FOCAL = 6
"""How many events may be asked about: each may take one comparison."""

_INTENTION = {"en": "intentional", "zh": "故意"}
"""Questions with this word are about intention and not about causes: the rules have nothing to say of them."""


@dataclass(frozen=True)
class ByFactors:
    """Two turns for events and factors; the rules answer, and the returned text is their answer.

    A reply that is not in the demanded form, plain or in a block of code, is no answer. A question about intention is
    asked plainly, as the published code does. An item that is not answered by yes or no is answered in a third turn,
    with the factors at hand, since the rules give no other answers.

    Args:
        name: The adaptation's name.
        is_judged: Whether the answerer is asked to compare responsibilities, as in the published code, or the factors
            decide.
        tokens: The most tokens of each of the two stages; fewer than 768 are made 768.

    Source: AC-Reason, 2025 (arXiv 2505.08750), seed 063. The sentences are our own.
    """

    name: str
    is_judged: bool
    tokens: int = _NEEDED

    def converse(self, item: Item) -> Conversation:
        """Ask for events, factors and comparisons."""
        if item.form == "binary" and _INTENTION[item.language] in item.question.lower():
            reply = yield request(item, asked(item))
            return reply.text
        prompt = joined(stated(item), filled(item.language, "ac_events"))
        tokens = max(_NEEDED, self.tokens)
        first = yield request(item, prompt, tokens=tokens, least=_NEEDED)
        events = events_of(first.text)
        if events is None:
            return ""
        turns = (prompt, quoted(item, first.text, len(first.text)), filled(item.language, "ac_factors"))
        second = yield request(item, *turns, tokens=tokens, least=_NEEDED)
        factors = factors_of(second.text, events)
        if factors is None:
            return ""
        turns = (*turns, quoted(item, second.text, len(second.text)))
        if item.form != "binary":
            reply = yield request(item, *turns, concluded(item))
            return reply.text
        answer = yield from self._answer(item, events, factors, turns)
        return said(answer, item.language)

    def _answer(
        self, item: Item, events: tuple[Event, ...], factors: Mapping[str, Factors], turns: tuple[str, ...]
    ) -> Generator[Request, Reply, str]:
        """`yes` if one of the events that are asked about is a cause."""
        for event in [one for one in events if one.is_focal][:_FOCAL]:
            found = verdict(event, events, factors)
            if isinstance(found, Comparison) and self.is_judged:
                question = filled(
                    item.language,
                    f"ac_{found.by}",
                    event=event.name,
                    others="; ".join(other.name for other in found.others) or filled(item.language, "no_others"),
                )
                reply = yield request(item, *turns, question)
                found = _agrees(item, reply.text)
            if by_factors(found, factors) if isinstance(found, Comparison) else found:
                return "yes"
        return "no"


def _agrees(item: Item, text: str) -> bool:
    """Whether a reply says yes: it begins so, as it was asked to."""
    return text.strip().strip("\"'“”*").casefold().startswith(said("yes", item.language).casefold())
