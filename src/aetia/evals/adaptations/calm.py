"""How did CaLM ask: nine ways, from the bare question to worked examples?

The structure is CaLM's; the sentences are our own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from aetia.evals.adaptations.material import Material, chosen_examples, required
from aetia.evals.adaptations.wording import asked, cue, filled, joined, listed, quoted, request, spoken, stated
from aetia.evals.dialogue import Conversation
from aetia.evals.item import Item

__all__ = ["Adversarial", "Exemplary", "Plain", "basic", "explicit_function", "zero_shot_cot", "zero_shot_icl"]

_EXAMPLES = 16_000
"""The most characters of examples: what goes beyond is left out, so that long items leave room for the question."""


@dataclass(frozen=True)
class Plain:
    """One turn, in the words that `worded` gives.

    Args:
        name: The adaptation's name.
        worded: The prompt.
        tokens: The most tokens of the reply; 0 leaves room for an answer and no more.
    """

    name: str
    worded: Callable[[Item], str]
    tokens: int = 0

    def converse(self, item: Item) -> Conversation:
        """Ask once; the reply is what the answer is read from."""
        reply = yield request(item, self.worded(item), tokens=self.tokens)
        return reply.text


def basic(_: Material) -> Plain:
    """The question, and the form of the answer."""
    return Plain("basic", asked)


def zero_shot_icl(material: Material) -> Plain:
    """A description of the task goes before the question."""
    return Plain("zero-shot-icl", lambda item: joined(_described(item, material.scenario), asked(item)))


def explicit_function(material: Material) -> Plain:
    """What the answerer is to be goes before the question."""
    return Plain("explicit-function", lambda item: joined(_described(item, material.scenario, "role"), asked(item)))


def zero_shot_cot(material: Material) -> Plain:
    """It is to think step by step before it answers."""

    def worded(item: Item) -> str:
        return joined(stated(item), filled(item.language, "steps_cue"), cue(item))

    return Plain("zero-shot-cot", worded, material.tokens)


def _described(item: Item, scenario: str, key: str = "task") -> str:
    known = listed(item.language, "scenarios", scenario)
    if not known:
        return filled(item.language, f"{key}_unknown")
    return filled(item.language, key, noun=known[0], meaning=known[1])


@dataclass(frozen=True)
class Adversarial:
    """A second turn casts doubt on the first reply, or has it ignored, and asks again.

    The share of items whose answer differs between the two replies is CaLM's robustness: both are in what the harness
    records, and the second is returned.

    Args:
        name: The adaptation's name.
        manner: Whether the first reply is called wrong, or is to be ignored.
        is_flat: As CaLM's own scripts do it, the second turn is a new prompt that quotes the first reply; a dialogue
            otherwise.
    """

    name: str
    manner: Literal["doubt", "ignore"]
    is_flat: bool = False

    def converse(self, item: Item) -> Conversation:
        """Ask twice."""
        prompt = asked(item)
        first = yield request(item, prompt)
        answer = quoted(item, first.text)
        objection = filled(item.language, self.manner)
        if self.is_flat:
            former = filled(item.language, "former", answer=answer)
            second = yield request(item, joined(former, objection, prompt))
        else:
            second = yield request(item, prompt, answer, joined(objection, prompt))
        return second.text


@dataclass(frozen=True)
class Exemplary:
    """Examples with their answers go before the question.

    Args:
        name: The adaptation's name.
        scenario: See `Material`.
        examples: What to choose from.
        count: How many are shown.
        is_derived: Whether an example's answer begins with its derivation.
        tokens: The most tokens of the reply; 0 leaves room for an answer and no more.

    Raises:
        EvaluationError: AE-8302 there are no examples.
    """

    name: str
    scenario: str
    examples: Sequence[Item]
    count: int
    is_derived: bool = False
    tokens: int = 0

    def __post_init__(self) -> None:
        if not self.examples:
            mend = "give items of the task that are not asked: for a published set, a part of it."
            raise required(self.name, "examples", mend)

    def converse(self, item: Item) -> Conversation:
        """Ask once, after the examples."""
        reply = yield request(item, "\n\n".join(self._parts(item)), tokens=self.tokens)
        return reply.text

    def _parts(self, item: Item) -> list[str]:
        shown: list[str] = []
        for example in chosen_examples(self.examples, item, self.count):
            part = f"{asked(example)}{filled(item.language, 'join')}{self._answer(example)}"
            if sum(map(len, shown)) + len(part) > _EXAMPLES:
                break
            shown.append(part)
        head = _described(item, self.scenario)
        if self.is_derived:
            head = filled(item.language, "worked", count=len(shown))
        return [head, *shown, asked(item)]

    def _answer(self, example: Item) -> str:
        answer = spoken(example)
        if not self.is_derived or not example.derivation:
            return answer
        steps = filled(example.language, "join").join(_sentence(example, step) for step in example.derivation)
        return filled(example.language, "worked_answer", steps=steps, answer=answer)


def _sentence(example: Item, step: str) -> str:
    step = step.strip()
    return step if step.endswith((".", "。", "!", "?", ":", ";")) else step + filled(example.language, "stop")
