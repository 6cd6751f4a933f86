"""Does feedback with feeling help an answerer to correct itself?"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from aetia.evals.adaptations.material import Material, required
from aetia.evals.adaptations.wording import cue, filled, joined, listed, quoted, request, stated
from aetia.evals.dialogue import Conversation
from aetia.evals.item import Item

__all__ = ["EMOTIONS", "Affective", "affective_with_oracle"]

EMOTIONS = ("happiness", "fear", "surprise", "anger", "sadness", "disgust")
"""Ekman's six emotions, in the order of the rounds: warm and harsh ones take turns as far as there are warm ones."""

_CANDIDATE = 1_500
"""The most characters of each attempt when they are compared."""


@dataclass(frozen=True)
class Affective:
    """HEART: after a reply comes feedback in one of six emotions, another in each round.

    With an oracle the feedback says that the answer is wrong, and it ends with the first right answer: this shows what
    could be gained at most, since only the label can tell, and must not be compared with ways of asking that do not
    know it. Without one, each round asks for another look, and in the end the answerer chooses among its attempts.

    Args:
        name: The adaptation's name.
        is_right: The oracle: whether a reply gives the item's label; None for the variant without a verifier.
        tokens: The most tokens of a reply.

    Source: Pinto et al., HEART, 2025 (arXiv 2509.22876), seed 080: six emotions after Ekman, an oracle (S1) and a
        verifier-free (S2) setting. The paper's phrases are not used, and its order of emotions is not known to us.
    """

    name: str
    is_right: Callable[[Item, str], bool] | None
    tokens: int = 512

    def converse(self, item: Item) -> Conversation:
        """Ask, give feedback in up to six rounds, and return the right reply, or the chosen one."""
        prompt = joined(stated(item), filled(item.language, "heart_last"), cue(item))
        reply = yield request(item, prompt, tokens=self.tokens)
        attempts = [reply.text]
        for emotion in EMOTIONS:
            if self.is_right is not None and self.is_right(item, reply.text):
                return reply.text
            feedback = joined(self._feedback(item, emotion), cue(item))
            # Only the last attempt is shown: the dialogue would outgrow small models, and the feedback is about it.
            reply = yield request(item, prompt, quoted(item, reply.text), feedback, tokens=self.tokens)
            attempts.append(reply.text)
        if self.is_right is not None:
            return reply.text
        reply = yield request(item, joined(stated(item), _compared(item, attempts), cue(item)))
        return reply.text

    def _feedback(self, item: Item, emotion: str) -> str:
        phrases = listed(item.language, "heart_cues", emotion)
        phrase = phrases[zlib.crc32(f"{item.id}:{emotion}".encode()) % len(phrases)]
        key = "heart_unsure" if self.is_right is None else "heart_wrong"
        return filled(item.language, key, cue=phrase)


def affective_with_oracle(material: Material) -> Affective:
    """HEART with an oracle that knows the label.

    Raises:
        EvaluationError: AE-8302 there is no oracle.
    """
    if material.is_right is None:
        raise required("heart-oracle", "a verifier that knows the labels", "give `is_right`, or ask with `heart`.")
    return Affective("heart-oracle", material.is_right, material.tokens)


def _compared(item: Item, attempts: list[str]) -> str:
    shown = [
        filled(item.language, "heart_candidate", number=place, answer=quoted(item, text, _CANDIDATE))
        for place, text in enumerate(attempts, 1)
    ]
    return joined(filled(item.language, "heart_candidates"), *shown, filled(item.language, "heart_choose"))
