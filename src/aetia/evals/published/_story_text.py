"""What does the text of a CLADDER item say: the graph, the percentages, the methods, and what is asked?

The items of CLADDER and those that CaLM took from it have one form: a background that tells who acts on whom, then
numbers, methods or rules, then a question. Only the form is read; words of the stories are not looked up.

Source: Jin et al., CLadder, NeurIPS 2023, arXiv 2312.04350.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aetia import scm
from aetia.evals.item import Item
from aetia.evals.tasks._graph_words import unreadable

__all__ = ["Methods", "direction", "graph_of_background", "methods_of", "percentages", "unknown_words"]

_EDGE_EN = re.compile(r"(?P<cause>.+?) has a direct effect on (?P<effects>.+)")
_EDGE_ZH = re.compile(
    r"(?P<cause>.+?)\s*(?:对\s*(?P<effects>.+?)\s*(?:也|都)?有直接影响|(?:也)?直接影响(?:了)?(?P<others>.+))"
)
_LATENT_EN = re.compile(r"(?P<name>.+?) is unobserved")
_LATENT_ZH = re.compile(r"(?P<name>.+?)\s*(?:是)?(?:未被观察到|未被观测到|不可观察|未观察到|未被观察|不可观测|未知)的?")


def graph_of_background(item: Item) -> scm.Graph:
    """The graph that the background tells, with the names that it uses, in lower case.

    Raises:
        EvaluationError: AE-8110 a sentence of the background tells no edge.
    """
    text, found, latent = _background(item), list[tuple[str, str]](), list[str]()
    edge, hidden = (_EDGE_ZH, _LATENT_ZH) if item.language == "zh" else (_EDGE_EN, _LATENT_EN)
    for sentence in re.split(r"[.。]\s*", text):
        told, unseen = edge.fullmatch(sentence.strip()), hidden.fullmatch(sentence.strip())
        if told:
            effects = told["effects"] or told["others"]
            splits = re.split(r"、|\uff0c|和|以及|与|及", effects) if item.language == "zh" else _listed(effects)
            found += [(_plain(told["cause"]), _plain(effect)) for effect in splits]
        elif unseen:
            latent.append(_plain(unseen["name"]))
        elif sentence.strip():
            raise unreadable(sentence)
    named = {name for pair in found for name in pair}
    return scm.Graph.of(found, latent=[name for name in latent if name in named])


def _background(item: Item) -> str:
    first = item.context.partition("\n")[0]
    mark = "\uff1a" if item.language == "zh" else ": "
    if mark not in first:
        raise unreadable(item.context)
    return first.partition(mark)[2]


def _listed(effects: str) -> list[str]:
    return [part for part in re.split(r", and |, | and ", effects) if part]


def _plain(name: str) -> str:
    return name.strip().lower()


def percentages(item: Item) -> list[float]:
    """The printed percentages, in their order, as shares of one."""
    return [int(number) / 100 for number in re.findall(r"(\d+)\s*[%\uff05]", item.context.partition("\n")[2])]


_WORDS: Mapping[str, Sequence[tuple[str, int]]] = {
    "correlation": ((r"\blarger when observing\b", 1), (r"\bsmaller when observing\b", -1)),
    "marginal": ((r"\bmore likely than\b", 1), (r"\bless likely than\b", -1)),
    "ate": ((r"\bincrease the chance of\b", 1), (r"\bdecrease the chance of\b", -1)),
    "ett": ((r"\bwould it be more likely to see\b", -1), (r"\bwould it be less likely to see\b", 1)),
    "nie": ((r"\bpositively affect\b", 1), (r"\bnegatively affect\b", -1)),
    "nde": ((r"\bpositively affect\b", 1), (r"\bnegatively affect\b", -1)),
    "exp_away": ((r"\bincrease when\b", 1), (r"\bdecrease when\b", -1)),
    "collider_bias": ((r"\bdoes not affect\b", -1), (r"\baffects\b", 1)),
}
_WORDS_ZH: Mapping[str, Sequence[tuple[str, int]]] = {
    "correlation": (("变小|降低|减少|减小|更小|下降|较小", -1), ("变大|增加|增大|提高|更大|上升|升高|较大", 1)),
    "exp_away": (("降低|减少|变小|减小|下降", -1), ("增加|变大|提高|增大|上升|升高", 1)),
    "collider_bias": (("不会影响|不影响|没有影响|并不影响", -1), ("会影响|影响", 1)),
}


def direction(item: Item, kind: str) -> int:
    """Which sign of the quantity makes the answer yes: 1 or -1.

    In ETT the question is what the treated would be like untreated, so that `more likely` asks for a negative effect.

    Raises:
        EvaluationError: AE-8110 no word of the question tells it.
    """
    words = _WORDS_ZH if item.language == "zh" else _WORDS
    for pattern, sign in words.get(kind, ()):
        if re.search(pattern, item.question.rpartition("\uff0c")[2] if item.language == "zh" else item.question):
            return sign
    for pattern, sign in words.get(kind, ()):
        if re.search(pattern, item.question):
            return sign
    raise unreadable(item.question)


@dataclass(frozen=True)
class Methods:
    """Two ways of looking at a correlation.

    Args:
        cause: What is to act.
        effect: What it is to act on.
        strata: What the cases are told apart by, in one of the methods.
        is_first: Whether that is method 1.
    """

    cause: str
    effect: str
    strata: str
    is_first: bool


_METHODS = (
    re.compile(
        r"Method 1: We look at how (?P<cause>.+?) correlates with (?P<effect>.+?) case by case according to "
        r"(?P<strata>.+?)\. Method 2: We look directly at .+ in general\.?"
    ),
    re.compile(
        r"Method 1: We look directly at how (?P<cause>.+?) correlates with (?P<effect>.+?) in general\. "
        r"Method 2: We look at this correlation case by case according to (?P<strata>.+?)\.?"
    ),
)


def methods_of(item: Item) -> Methods:
    """The two methods that an item compares, in the words of its background.

    Raises:
        EvaluationError: AE-8110 they are not told as CLADDER tells them in English.
    """
    text = item.context.partition("\n")[2].strip()
    for place, pattern in enumerate(_METHODS):
        found = pattern.fullmatch(text)
        if found:
            return Methods(*(_plain(found[name]) for name in ("cause", "effect", "strata")), is_first=place == 0)
    raise unreadable(text)


def unknown_words(item: Item) -> tuple[str, ...]:
    """Latin words of a Chinese item's question that nothing given has: slips of the translation."""
    if item.language != "zh":
        return ()
    known = set(re.findall(r"[a-z]+", item.context.lower()))
    return tuple(dict.fromkeys(word for word in re.findall(r"[a-z]+", item.question.lower()) if word not in known))
