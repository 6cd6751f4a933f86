"""What would have happened in a world of rules, as CLADDER and CaLM tell it?

    We know that A causes B and not C. B or C causes D. We observed E.      Would D be, if not A instead of A?

A rule is an equivalence: the effect is what the rule says, and otherwise its contrary.
"""

import re
from collections.abc import Mapping
from itertools import product

from aetia import scm
from aetia.evals.item import Item
from aetia.evals.tasks._graph_words import unreadable
from aetia.scm.actual import Setting

__all__ = ["counterfactual_answer"]

_RULE = re.compile(r"(?P<causes>.+?) (?:causes|cause) (?P<effects>.+)")
_ASKED = re.compile(r"Would (?:an individual is )?(?P<event>.+) if (?P<action>.+) instead of (?P<other>.+)\?")


def counterfactual_answer(item: Item) -> str:
    """The answer that the rules give, for every way that what was not observed may have been.

    The phrases of a story are read by the list of its phrases (`facts["phrases"]`); nonsense words need none.

    Raises:
        EvaluationError: AE-8110 a phrase cannot be read, or the answer depends on what was not observed.
    """
    phrases = _phrases(item)
    equations, evidence_text = _rules(item, phrases)
    asked = _ASKED.fullmatch(item.question)
    if asked is None:
        raise unreadable(item.question)
    name, value = _literal(asked["action"], phrases)
    outcome, wanted = _outcome(item, asked["event"], phrases)
    evidence = _evidence(item, evidence_text, phrases)
    text = "; ".join(equations)
    model = scm.model_from_equations(text)
    roots = [one for one in model.graph.order if not model.graph.parents[one]]
    found = set[bool]()
    for values in product((0, 1), repeat=len(roots)):
        setting = Setting(model, dict(zip(roots, values, strict=True)))
        if all(setting.actual[one] == what for one, what in evidence.items()):
            found.add(setting.under({name: value})[outcome] == wanted)
    if len(found) != 1:
        raise unreadable(item.context)
    return "yes" if found.pop() else "no"


def _phrases(item: Item) -> dict[str, tuple[str, int]]:
    """What each phrase means: a variable and its value."""
    told = item.facts.get("phrases")
    if not isinstance(told, Mapping):
        return {}
    return {
        str(phrase).lower(): (key[:-1], int(key[-1]))
        for key, phrase in told.items()
        if key[-1] in "01" and not key.endswith("name")
    }


def _literal(phrase: str, phrases: Mapping[str, tuple[str, int]]) -> tuple[str, int]:
    plain = phrase.strip().strip(".").lower()
    if phrases:
        if plain not in phrases:
            raise unreadable(phrase)
        return phrases[plain]
    word = plain.removeprefix("not ")
    if not re.fullmatch(r"[a-z]+", word):
        raise unreadable(phrase)
    return word, int(word == plain)


def _rules(item: Item, phrases: Mapping[str, tuple[str, int]]) -> tuple[list[str], str]:
    text = item.context.partition("\n")[2].strip().removeprefix("We know that ")
    rules, _, seen = text.partition("We observed ")
    equations = list[str]()
    for sentence in re.split(r"\. |, and we know that |\.$", rules):
        if not sentence.strip():
            continue
        told = _RULE.fullmatch(sentence.strip())
        if told is None:
            raise unreadable(sentence)
        sign, parts = _parts(told["causes"], phrases)
        causes = [_literal(one, phrases) for one in parts]
        body = f" {sign} ".join(name if value else f"not {name}" for name, value in causes)
        for effect in _parts(told["effects"], phrases)[1]:
            name, value = _literal(effect, phrases)
            equations.append(f"{name} = {body}" if value else f"{name} = not ({body})")
    return equations, seen.strip().strip(".")


def _parts(text: str, phrases: Mapping[str, tuple[str, int]]) -> tuple[str, list[str]]:
    """Conditions and the word between them; a phrase of a story may have that word within."""
    for sign in ("and", "or"):
        parts = list[str]()
        for word in text.split(f" {sign} "):
            if parts and phrases and parts[-1].lower() not in phrases:
                parts[-1] += f" {sign} {word}"
            else:
                parts.append(word)
        if len(parts) > 1 and (not phrases or all(part.lower() in phrases for part in parts)):
            return sign, parts
    return "and", [text]


def _outcome(item: Item, event: str, phrases: Mapping[str, tuple[str, int]]) -> tuple[str, int]:
    if phrases:  # the event is told in a sentence of the story, which the list of phrases lacks
        return "Y", _whole(item.facts.get("asked"))
    return _literal(event, phrases)


def _evidence(item: Item, text: str, phrases: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    told = item.facts.get("evidence")
    if phrases and isinstance(told, Mapping):
        return {str(name): _whole(value) for name, value in told.items()}
    found = dict[str, int]()
    for part in text.split(" and "):
        if part:
            name, value = _literal(part.removeprefix("an individual is ").strip(), phrases)
            found[name] = value
    return found


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise unreadable(str(value))
    return int(value)
