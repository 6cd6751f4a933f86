"""How does an answerer reason by a written procedure: CLADDER's six steps, or CoIn's search with backtracking?"""

from dataclasses import dataclass
from typing import Literal

from aetia.evals.adaptations.wording import cue, filled, joined, named, quoted, request, stated
from aetia.evals.dialogue import Conversation
from aetia.evals.item import Item

__all__ = ["CausalSteps", "IterativeSearch"]

_ROUNDS = 4
"""How often CoIn works forwards: once, and up to three times again after backtracking."""


@dataclass(frozen=True)
class CausalSteps:
    """Six steps from the graph to the number, and then the answer in a second turn.

    Args:
        tokens: The most tokens of the steps.
        name: The adaptation's name.

    Source: CausalCoT (Jin et al., CLADDER, NeurIPS 2023, arXiv 2312.04350, section 4): graph, kind of query, symbols,
        data, estimand, calculation. The sentences are our own.
    """

    tokens: int = 512
    name: str = "causal-cot"

    def converse(self, item: Item) -> Conversation:
        """Ask for the steps, then for the answer."""
        prompt = joined(stated(item), filled(item.language, "causal_cot"))
        steps = yield request(item, prompt, tokens=self.tokens)
        reply = yield request(item, prompt, quoted(item, steps.text), concluded(item))
        return reply.text


def concluded(item: Item) -> str:
    """The turn that asks for the answer after all that was said."""
    return joined(filled(item.language, "conclude"), cue(item))


Marker = Literal["back", "done", "fits", ""]


@dataclass(frozen=True)
class IterativeSearch:
    """CoIn: collect the structure, work forwards with checks, go back where a check fails, then answer.

    The paper describes one prompt that a model follows by itself; here each phase is a turn, so that the check and the
    way back happen also with models that would skip them. The number of turns is bounded; what stands then is used.

    Args:
        tokens: The most tokens of each turn but the last.
        name: The adaptation's name.

    Source: Chen et al., CounterBench, 2025 (arXiv 2502.11008), seed 195: two phases, iterative reasoning and
        backtracking. The sentences and the markers are our own.
    """

    tokens: int = 512
    name: str = "coin"

    def converse(self, item: Item) -> Conversation:
        """Collect, work forwards and check in up to four rounds, and ask for the answer."""
        markers = named(item.language, "coin_markers")
        turns = [joined(stated(item), filled(item.language, "coin_collect"))]
        reply = yield request(item, *turns, tokens=self.tokens)
        turns.append(quoted(item, reply.text))
        for place in range(_ROUNDS):
            turns.append(filled(item.language, "coin_again" if place else "coin_forward", **markers))
            reply = yield request(item, *turns, tokens=self.tokens)
            turns.append(quoted(item, reply.text))
            if self._last(item, reply.text) == "back":
                continue
            turns.append(filled(item.language, "coin_check", **markers))
            reply = yield request(item, *turns, tokens=self.tokens)
            turns.append(quoted(item, reply.text))
            if self._last(item, reply.text) != "back":
                break
        turns.append(concluded(item))
        reply = yield request(item, *turns)
        return reply.text

    def _last(self, item: Item, text: str) -> Marker:
        """Which marker the reply names last."""
        places = {name: text.rfind(marker) for name, marker in named(item.language, "coin_markers").items()}
        back, done, fits = places["back"], places["done"], places["fits"]
        if max(back, done, fits) < 0:
            return ""
        return "back" if back >= max(done, fits) else "done" if done >= fits else "fits"
