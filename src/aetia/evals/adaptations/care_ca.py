"""Do relations of common knowledge, and sentences on what would have been otherwise, help an answerer?"""

from collections.abc import Sequence
from dataclasses import dataclass

from aetia.evals.adaptations.material import Material, required
from aetia.evals.adaptations.relations import Relation, Relations, read_relations
from aetia.evals.adaptations.wording import cue, filled, joined, named, offered, quoted, request, stated
from aetia.evals.dialogue import Conversation
from aetia.evals.item import Item

__all__ = ["Enriched", "care_ca", "care_ca_contrasts", "care_ca_relations"]

_TEXT = 20_000
"""The most characters of an item in which concepts are looked for."""


@dataclass(frozen=True)
class Enriched:
    """CARE-CA: relations of ConceptNet and contrastive sentences go before the question.

    The parts can be had one without the other, so that each can be judged by paired differences. With contrasts, a
    first turn has the answerer write its own, and each relation is followed by what it implies of its absence.

    Args:
        name: The adaptation's name.
        relations: What is known; None leaves relations out.
        has_contrasts: Whether there are sentences on what would have been otherwise.
        tokens: The most tokens of the first turn.

    Source: Ashwani et al., 2024 (arXiv 2402.18139), seed 062: contextual knowledge, counterfactual enhancement, and a
        prompt that holds both. The sentences, and which relations are taken, are our own.
    """

    name: str
    relations: Relations | None
    has_contrasts: bool
    tokens: int = 512

    def converse(self, item: Item) -> Conversation:
        """Have contrasts written if they are wanted, then ask."""
        known = _told(item, self._known(item), has_contrasts=self.has_contrasts)
        own = ""
        if self.has_contrasts:
            prompt = joined(stated(item), known, filled(item.language, "care_ask_contrasts"))
            reply = yield request(item, prompt, tokens=self.tokens)
            own = joined(filled(item.language, "care_own"), quoted(item, reply.text))
        use = filled(item.language, "care_use") if known or own else ""
        reply = yield request(item, joined(known, own, use, stated(item), cue(item)))
        return reply.text

    def _known(self, item: Item) -> Sequence[Relation]:
        if self.relations is None:
            return ()
        text = joined(item.context, item.question, offered(item))
        return self.relations.about(text[:_TEXT], item.language)


def _told(item: Item, relations: Sequence[Relation], *, has_contrasts: bool) -> str:
    if not relations:
        return ""
    verbs = named(item.language, "care_verbs")
    lines: list[str] = [filled(item.language, "care_relations")]
    for one in relations:
        lines.append(filled(item.language, "care_relation", start=one.start, verb=verbs[one.relation], end=one.end))
        if has_contrasts and one.relation == "Causes":
            lines.append(filled(item.language, "care_contrast", start=one.start, end=one.end))
    return "\n".join(lines)


def care_ca(material: Material) -> Enriched:
    """Both parts.

    Raises:
        EvaluationError: AE-8302 no file is given; AE-8303 and AE-8304 as `read_relations`.
    """
    return Enriched("care-ca", _relations("care-ca", material), has_contrasts=True, tokens=material.tokens)


def care_ca_relations(material: Material) -> Enriched:
    """Relations alone.

    Raises:
        EvaluationError: As `care_ca`.
    """
    return Enriched(
        "care-ca-relations", _relations("care-ca-relations", material), has_contrasts=False, tokens=material.tokens
    )


def care_ca_contrasts(material: Material) -> Enriched:
    """Contrasts alone; no file is needed."""
    return Enriched("care-ca-contrasts", None, has_contrasts=True, tokens=material.tokens)


def _relations(name: str, material: Material) -> Relations:
    if material.relations is None:
        raise required(
            name, "a file of relations", "give ConceptNet's assertions (https://conceptnet.io, CC BY-SA 4.0)."
        )
    return read_relations(material.relations)
