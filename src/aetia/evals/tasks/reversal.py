"""If A is B's parent, who is A's child? Facts that are told in one direction and asked for in the other.

The facts stand in the text: no training is needed to know them, so that an error is one of reading a relation backwards
and not of memory. Several chains of people that nothing but their names tells apart are told; one is asked about.
"""

import re
from collections.abc import Mapping
from functools import cache
from itertools import permutations, product
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

from aetia.evals.item import Form, Item
from aetia.evals.task import Generator, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._people import people
from aetia.evals.tasks._phrases import phrase, phrases, read, unreadable

if TYPE_CHECKING:
    from aetia.runs.keys import JSON

__all__ = ["TASKS", "Chains", "Reversal"]

_CHAINS = 4


class Chains(NamedTuple):
    """Four chains of people with the same relations, one of which is asked about.

    Args:
        relations: For each hop the place of its pair of nouns in the data.
        asked: The chain whose end is asked for, from its start.
        facts: The order in which (chain, hop) are told.
        options: The order of the chains' ends.
        is_forward: Whether the facts are told with the nouns of the question; else with their converses.
    """

    relations: tuple[int, ...]
    asked: int
    facts: tuple[tuple[int, int], ...]
    options: tuple[int, ...]
    is_forward: bool = False


@cache
def _nouns() -> list[tuple[str, str]]:
    pairs = (pair.split("/") for pair in phrases("reversal")["pairs"])
    return [(pair[0], pair[1]) for pair in pairs]


_ORDERS = tuple(permutations(range(_CHAINS)))


class Reversal(Generator[Chains]):
    """Questions over so many hops, each told in the direction that is not asked for.

    Args:
        hops: The fewest and the most.
        form: Of the answer: the chains' ends as options, or the name alone.
    """

    # No labels to balance: what decides the label is drawn last and evenly, and nothing is rejected.
    wordings = 2

    def __init__(self, hops: tuple[int, int], form: Form) -> None:
        self._hops = hops
        self._form = form
        self.has_order = form == "choice"

    def pose(self, random: Random, /) -> Chains | None:
        """Draw the relations, the chain, and the order of facts and options."""
        hops = random.choice(range(self._hops[0], self._hops[1] + 1))
        relations = tuple(sampled(random, range(len(_nouns())), hops))
        facts = sorted(product(range(_CHAINS), range(hops)), key=lambda _: random.random())
        return Chains(relations, int(_CHAINS * random.random()), tuple(facts), random.choice(_ORDERS))

    def solve(self, problem: Chains, /) -> Solution:
        """The end of the chain that is asked about."""
        return Solution(str(problem.asked))

    def word(self, problem: Chains, solution: Solution, style: Style, random: Random, /) -> Wording:
        """The facts in their order; the question from the first of the chain to its last."""
        hops, wording = len(problem.relations), style.wording
        names = people(style.names, _CHAINS * (hops + 1), random)
        chains = [names[place : place + hops + 1] for place in range(0, len(names), hops + 1)]
        nouns = [_nouns()[place] for place in problem.relations]
        told = [_told_facts(phrase("reversal", "fact", wording), one, nouns, problem.is_forward) for one in chains]
        context = " ".join([told[chain][hop] for chain, hop in problem.facts])
        asked = chains[problem.asked]
        whom, of = asked[0], phrase("reversal", "of", wording)
        for _, noun in nouns:
            whom = of.format(whom=whom, noun=noun)
        question = phrase("reversal", "ask", wording).format(phrase=whom)
        hop_facts = zip(told[problem.asked], asked, asked[1:], nouns, strict=False)
        steps = tuple([f"{fact} So {here}'s {noun} is {there}." for fact, here, there, (_, noun) in hop_facts])
        facts: dict[str, JSON] = {"hops": hops, "start": asked[0], "path": asked}
        facts["relations"] = [noun for _, noun in nouns]
        if self._form == "text":
            return Wording(context, question, asked[-1], facts=facts, derivation=steps)
        turn = style.order % _CHAINS
        order = problem.options[turn:] + problem.options[:turn]
        label = str(1 + order.index(int(solution.label)))
        options = tuple([chains[chain][-1] for chain in order])
        return Wording(context, question, label, options, facts=facts, derivation=steps)

    def changed(self, problem: Chains, random: Random, /) -> Mapping[str, Chains]:
        """Asked about another chain; told in the direction that is asked for."""
        others = [chain for chain in range(_CHAINS) if chain != problem.asked]
        return {
            "other-start": problem._replace(asked=random.choice(others)),
            "forward": problem._replace(is_forward=not problem.is_forward),
        }


def _told_facts(told: str, chain: list[str], nouns: list[tuple[str, str]], is_forward: bool) -> list[str]:
    """Each hop of a chain: by default the one is told to be the other's, asked the other way round."""
    hops = zip(chain, chain[1:], nouns, strict=False)
    if is_forward:
        return [told.format(first=there, second=here, noun=converse) for here, there, (_, converse) in hops]
    return [told.format(first=here, second=there, noun=noun) for here, there, (noun, _) in hops]


def _engine(item: Item) -> str:
    """Reads every fact both ways round into one table, and follows the question's nouns through it."""
    converse = {one: other for pair in _nouns() for one, other in (pair, pair[::-1])}
    table: dict[tuple[str, str], str] = {}
    for sentence in re.findall(r"[^.]+\.", item.context):
        first, noun, second = _told(sentence.strip())
        table[second, noun] = first
        table[first, converse[noun]] = second
    whom, nouns = _asked(item.question)
    for noun in nouns:
        if (whom, noun) not in table:
            raise unreadable(item.question)
        whom = table[whom, noun]
    return str(1 + item.options.index(whom)) if item.form == "choice" else whom


def _told(sentence: str) -> tuple[str, str, str]:
    for template in reversed(phrases("reversal")["fact"]):
        found = read(template, sentence)
        if found:
            return found["first"], found["noun"], found["second"]
    raise unreadable(sentence)


def _asked(question: str) -> tuple[str, list[str]]:
    for template in phrases("reversal")["ask"]:
        found = read(template, question)
        if found is None:
            continue
        if "'s " in found["phrase"]:
            whom, *nouns = found["phrase"].split("'s ")
            return whom, nouns
        *nouns, whom = found["phrase"].split(" of ")
        return whom, [noun.removeprefix("the ") for noun in reversed(nouns)]
    raise unreadable(question)


def _task(name: str, asks: str, hops: tuple[int, int], form: Form) -> Task:
    return Task(
        name=f"reversal/{name}",
        asks=asks,
        target=Target("none", "reversal", form, "symbolic"),
        source=cast("Generator[object]", Reversal(hops, form)),
        chance=1 / _CHAINS if form == "choice" else 0.0,
        tags=Tags(("relations", "multi-hop")[: hops[1]], "text", "retrieval"),
        seeds=("199", "207"),
        citation="Berglund et al. 2023, The Reversal Curse, arXiv:2309.12288",
        engine=_engine,
    )


TASKS = (
    _task("one-hop", "Who stands in the converse of a relation that is told?", (1, 1), "choice"),
    _task("one-hop-text", "Who stands in the converse of a relation that is told? By name.", (1, 1), "text"),
    _task("multi-hop", "Who is reached over several relations, each told the other way round?", (2, 4), "choice"),
    _task("multi-hop-text", "Who is reached over several relations told the other way round? By name.", (2, 4), "text"),
)
