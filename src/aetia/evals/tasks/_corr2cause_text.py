"""What follows from a premise that lists independences, read from its text alone?

Pairs that nothing separates have an edge; a variable between two others that does not separate them is a collider. All
DAGs with these edges and colliders are searched by `aetia.scm`, must imply exactly what the premise lists, and are
asked one by one by following paths.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

from aetia import scm
from aetia.errors import GraphError
from aetia.evals.item import Item
from aetia.evals.tasks._formal_words import NAME, pattern_of, unreadable, wordings
from aetia.scm.graphs.separation import implied_independences

__all__ = ["deduced", "listed_names"]

_WORDS = wordings("corr2cause")
_LIST = rf"{NAME}(?:, {NAME})*(?: and {NAME})?"
_HYPOTHESES = ("parent", "ancestor", "collider", "confounder")

_Separation = tuple[frozenset[str], frozenset[str]]


@dataclass(frozen=True)
class _Premise:
    """What a premise says.

    Args:
        wording: In which words.
        names: The variables, in their order.
        independent: The pairs that are independent, with what is given.
        correlated: The pairs that are said to be dependent; None where these are not listed.
    """

    wording: int
    names: tuple[str, ...]
    independent: frozenset[_Separation]
    correlated: frozenset[frozenset[str]] | None


def listed_names(names: Sequence[str]) -> str:
    """Names as a list in a sentence: `A, B and C`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def deduced(item: Item, reading: str = "paths") -> str:
    """Answer whether a hypothesis follows, from the words of the item alone.

    Args:
        item: In one of the wordings here.
        reading: How effects and causes in common are understood: `paths`, `children` or `loop-slip`.

    Raises:
        EvaluationError: AE-8110 the text is in none of the wordings, or no DAG implies what it says.
    """
    premise = _premise(item.context)
    if premise is None:
        raise unreadable(item, "its premise lists no independences in a way that is known")
    graphs = _graphs(premise)
    if not graphs:
        raise unreadable(item, "no acyclic graph implies exactly what it lists")
    words = _WORDS[premise.wording]
    for relation in _HYPOTHESES:
        pattern = pattern_of(words["question"].replace("{hypothesis}", words[relation]))
        asked = pattern.fullmatch(item.question)
        if asked and {asked["first"], asked["second"]} <= set(premise.names):
            ends = asked["first"], asked["second"]
            if relation in ("collider", "confounder"):
                ends = tuple(sorted(ends, key=premise.names.index))
            is_sure = all(_holds(graph, relation, ends[0], ends[1], reading) for graph in graphs)
            return "yes" if is_sure else "no"
    raise unreadable(item, "its hypothesis is none that is known")


@lru_cache(maxsize=64)
def _premise(context: str) -> _Premise | None:
    for number, words in enumerate(_WORDS):
        found = pattern_of(words["premise"], count=r"\d+", variables=_LIST, relations=".*").fullmatch(context)
        if found is None:
            continue
        names = tuple(found["variables"].replace(" and ", ", ").split(", "))
        told = found["relations"].replace(words["however"] or "\n", words["space"])
        independent: set[_Separation] = set()
        correlated: set[frozenset[str]] = set()
        sentences = [] if told == words["none"] else _sentences(told, words["space"])
        for sentence in sentences:
            if words["correlated"] and (pair := pattern_of(words["correlated"]).fullmatch(sentence)):
                correlated.add(frozenset((pair["first"], pair["second"])))
            elif pair := pattern_of(words["given"], given=_LIST).fullmatch(sentence):
                given = frozenset(pair["given"].replace(" and ", ", ").split(", "))
                independent.add((frozenset((pair["first"], pair["second"])), given))
            elif pair := pattern_of(words["independent"]).fullmatch(sentence):
                independent.add((frozenset((pair["first"], pair["second"])), frozenset()))
            else:
                return None
        listed = frozenset(correlated) if words["correlated"] else None
        return _Premise(number, names, frozenset(independent), listed)
    return None


def _sentences(told: str, space: str) -> list[str]:
    if space == " ":
        return [f"{one.rstrip('.')}." for one in told.split(". ")]
    return told.split(space)


@lru_cache(maxsize=64)
def _graphs(premise: _Premise) -> tuple[Mapping[str, frozenset[str]], ...]:
    """The children of each variable in every DAG that implies exactly what the premise lists; none if none does."""
    pairs = [frozenset(pair) for pair in combinations(premise.names, 2)]
    separators = dict(premise.independent)
    marginal = {pair for pair, given in premise.independent if not given}
    if premise.correlated is not None and premise.correlated != frozenset(pairs) - marginal:
        return ()
    edges = {pair for pair in pairs if pair not in separators}
    arrows: set[tuple[str, str]] = set()
    for pair, given in separators.items():
        one, other = sorted(pair)
        for between in premise.names:
            if {frozenset((one, between)), frozenset((other, between))} <= edges and between not in given:
                arrows |= {(one, between), (other, between)}
    lines = [
        " -- ".join(sorted(pair)) for pair in edges if not {tuple(sorted(pair)), tuple(sorted(pair))[::-1]} & arrows
    ]
    text = "; ".join([*premise.names, *(f"{cause} -> {effect}" for cause, effect in arrows), *lines])
    try:
        members = list(scm.dags_of(scm.graph_from_text(text)))
    except GraphError:
        return ()
    if not members:
        return ()
    implied = {(frozenset((one.first, one.second)), one.given) for one in implied_independences(members[0])}
    return tuple(member.children for member in members) if implied == premise.independent else ()


def _holds(children: Mapping[str, frozenset[str]], relation: str, first: str, second: str, reading: str) -> bool:
    if relation == "parent":
        return second in children[first]
    for path in _paths(children, [first], second):
        forward = [onward in children[here] for here, onward in pairwise(path)]
        turns = sum(one is not other for one, other in pairwise(forward))
        if len(forward) < 2 or turns != (relation != "ancestor") or forward[0] is not (relation != "confounder"):
            continue
        if reading == "children" and relation != "ancestor" and len(forward) > 2:
            continue
        if reading == "loop-slip" and relation == "confounder" and forward.count(True) > 1:
            continue
        return True
    return False


def _paths(children: Mapping[str, frozenset[str]], path: list[str], target: str) -> Iterator[list[str]]:
    """Every path to the target that visits no variable twice, along edges of either direction."""
    here = path[-1]
    if here == target:
        yield path
        return
    for onward in children:
        if onward not in path and (onward in children[here] or here in children[onward]):
            yield from _paths(children, [*path, onward], target)
