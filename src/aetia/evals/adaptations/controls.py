"""How much can be answered without what should be needed: by the options alone, without the question, from elsewhere?

A task on which these do better than chance is biased.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from aetia.evals.adaptations.calm import Plain
from aetia.evals.adaptations.material import Material, required
from aetia.evals.adaptations.wording import cue, filled, joined, offered, request, stated
from aetia.evals.dialogue import Conversation
from aetia.evals.item import Item

__all__ = ["Shuffled", "options_only", "premise_shuffled", "question_blind"]


def options_only(_: Material) -> Plain:
    """The options, and the form of the answer; of a yes-or-no question the form alone."""
    return Plain("options-only", lambda item: joined(offered(item), cue(item)))


def question_blind(_: Material) -> Plain:
    """Everything but the question."""

    def worded(item: Item) -> str:
        given = filled(item.language, "given", context=item.context.strip()) if item.context.strip() else ""
        return joined(given, offered(item), cue(item))

    return Plain("question-blind", worded)


@dataclass(frozen=True)
class Shuffled:
    """The item's question, with what is given taken from another item.

    Which item it is depends on the asked item alone. If no other has another context, the item's own is left out.

    Args:
        others: The items whose contexts are borrowed.
        name: The adaptation's name.

    Raises:
        EvaluationError: AE-8302 there are no other items.
    """

    others: Sequence[Item]
    name: str = "premise-shuffled"

    def __post_init__(self) -> None:
        if not self.others:
            raise required(self.name, "other items, to borrow from", "give some items of the task as `others`.")

    def converse(self, item: Item) -> Conversation:
        """Ask once."""
        reply = yield request(item, joined(stated(item, self._borrowed(item)), cue(item)))
        return reply.text

    def _borrowed(self, item: Item) -> str:
        start = zlib.crc32(item.id.encode()) % len(self.others)
        for step in range(len(self.others)):
            other = self.others[(start + step) % len(self.others)]
            is_other = not item.orbit or other.orbit != item.orbit
            if is_other and other.language == item.language and other.context != item.context:
                return other.context
        return ""


def premise_shuffled(material: Material) -> Shuffled:
    """The context of another item.

    Raises:
        EvaluationError: AE-8302 there are no other items.
    """
    return Shuffled(material.others)
