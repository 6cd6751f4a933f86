"""Can a reasoner say what would have been, in a world of yes and no whose rules are all told?

A world is a list of events, each a function of earlier ones or of nothing. What is observed leaves some settings of the
causeless events possible; the supposed is then set, and the rest follows. An item is asked only if every possible
setting gives one answer. From each world and supposition two events are found, one that would occur and one that would
not, both altered by the supposition or neither; a coin says which is asked, so no part of the text tells the label.

Five kinds, after the published ones: `basic` supposes one thing about an event without causes, `joint` two at once,
`nested` one within what follows from another; `conditional` needs a further observation, without which the answer is
open; `backdoor` supposes something about an event that shares a cause with what is asked, which it does not act on
through that cause. The paper's data card names the fifth kind and does not define it; the definition is ours.

Source: Chen et al., CounterBench, AAAI 2026, arXiv 2502.11008 (seed 195). Published rows say "A causes B" and mean "if
and only if"; here the text says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from operator import or_
from random import Random
from typing import Literal, NamedTuple, TypeGuard, cast

from aetia import scm
from aetia.errors import CausalModelError
from aetia.evals.item import Item
from aetia.evals.task import Generator, Names, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._formal_graphs import bits, families, reached
from aetia.evals.tasks._formal_words import NAME, drawn_names, pattern_of, unreadable, wordings
from aetia.evals.tasks._rule_worlds import columns

__all__ = ["TASKS", "answer_from_text"]

_WORDS = wordings("counterbench")
_SIZES = (5, 6, 7, 8, 9)
_MOST_ROOTS = 3

Kind = Literal["basic", "joint", "nested", "conditional", "backdoor"]
_Literal = tuple[int, bool]
"""An event, and whether it occurs."""


class _Rule(NamedTuple):
    """When an event occurs: with all of some conditions, or with any of them; without conditions it has no cause."""

    conditions: tuple[_Literal, ...] = ()
    needs_all: bool = True


@dataclass(frozen=True, slots=True)
class _Problem:
    """A world and a question.

    Args:
        kind: Of the question.
        rules: Of each event, whose conditions are earlier events.
        seen: What is observed.
        supposed: What is set, in the order of the question.
        outcome: The event that is asked for.
    """

    kind: Kind
    rules: tuple[_Rule, ...]
    seen: tuple[_Literal, ...]
    supposed: tuple[_Literal, ...]
    outcome: int


def _roots(rules: Sequence[_Rule]) -> list[int]:
    return [event for event, rule in enumerate(rules) if not rule.conditions]


def _every(rules: Sequence[_Rule]) -> int:
    """All settings of the causeless events, as a set of settings."""
    return (1 << (1 << sum([not rule.conditions for rule in rules]))) - 1


@lru_cache(maxsize=64)  # a problem is asked for the same ones when it is posed, solved and worded
def _tables(rules: tuple[_Rule, ...], supposed: tuple[_Literal, ...] = ()) -> tuple[int, ...]:
    """Of each event the settings of the causeless events in which it occurs, as a set of settings."""
    every, forced = _every(rules), dict(supposed)
    settings = iter(columns(len(_roots(rules))))
    found: list[int] = []
    for event, (conditions, needs_all) in enumerate(rules):
        table = every if needs_all else 0
        for one, is_so in conditions:
            told = found[one] if is_so else every ^ found[one]
            table = table & told if needs_all else table | told
        if not conditions:
            table = next(settings)
        if event in forced:
            table = every if forced[event] else 0
        found.append(table)
    return tuple(found)


def _possible(rules: Sequence[_Rule], tables: Sequence[int], seen: Sequence[_Literal]) -> int:
    """The settings in which all that is seen is so."""
    found = _every(rules)
    for event, is_so in seen:
        found &= tables[event] if is_so else ~tables[event]
    return found


def _sure(table: int, possible: int) -> bool | None:
    """Whether an event occurs in all possible settings (True), in none (False), or in some (None)."""
    inside = table & possible
    return True if inside == possible else (None if inside else False)


def _drawn_rules(random: Random, fewest: int) -> tuple[_Rule, ...]:
    size = random.choice(_SIZES)
    roots = {0, *sampled(random, range(1, size - 2), random.randrange(fewest - 1, _MOST_ROOTS))}
    rules: list[_Rule] = []
    for event in range(size):
        count = 0 if event in roots else 1 + (event > 1 and random.random() < 0.5)
        causes = sampled(random, range(max(0, event - 4), event), count) if count else []
        conditions = tuple([(cause, random.random() < 0.6) for cause in sorted(causes)])
        rules.append(_Rule(conditions, random.random() < 0.5))
    return tuple(rules)


class _CounterBench(Generator[_Problem]):
    version = 2
    names: tuple[Names, ...] = ("nonsense", "random")
    wordings = len(_WORDS)
    has_order = True

    def __init__(self, kind: Kind) -> None:
        self.kind: Kind = kind

    def pose(self, random: Random, /) -> _Problem | None:
        rules = _drawn_rules(random, 2 if self.kind == "conditional" else 1)
        setting = 1 << random.randrange(1 << len(_roots(rules)))
        facts = [bool(table & setting) for table in _tables(rules)]
        for supposed, seen in self._supposed(rules, facts, random):
            outcome = self._outcome(rules, facts, supposed, seen, random)
            if outcome is not None:
                return _Problem(self.kind, rules, seen, supposed, outcome)
        return None

    def _outcome(
        self,
        rules: tuple[_Rule, ...],
        facts: Sequence[bool],
        supposed: tuple[_Literal, ...],
        seen: tuple[_Literal, ...],
        random: Random,
    ) -> int | None:
        """One of two events, of which one would occur and one would not; None if there are no two."""
        asked = _below(rules, supposed) & self._fit(rules, supposed, seen)
        altered = (True, False) if self.kind == "conditional" else (random.random() < 0.5,)
        if not asked:
            return None
        possible, others = _possible(rules, _tables(rules), seen), _tables(rules, supposed)
        found: dict[bool, list[int]] = {True: [], False: []}
        for event in bits(asked):
            would = _sure(others[event], possible)
            if would is not None and (would is not facts[event]) in altered:
                found[would].append(event)
        return random.choice(found[random.random() < 0.5]) if found[True] and found[False] else None

    def _supposed(
        self, rules: tuple[_Rule, ...], facts: Sequence[bool], random: Random
    ) -> Iterator[tuple[tuple[_Literal, ...], tuple[_Literal, ...]]]:
        """What may be set, and what is seen: of what is set first, that it is otherwise."""
        size = len(rules)
        made = [event for event, rule in enumerate(rules[:-1]) if rule.conditions]
        for first in sampled(random, made, len(made)) if self.kind == "backdoor" else [random.choice(_roots(rules))]:
            turned, seen = (first, not facts[first]), (first, facts[first])
            if self.kind in ("basic", "backdoor"):
                yield (turned,), (seen,)
            for second in sampled(random, range(size - 1), size - 1):
                if self.kind == "conditional" and second in made:
                    yield (turned,), (seen, (second, facts[second]))
                elif self.kind == "joint" and second != first:
                    yield (turned, (second, not facts[second])), (seen, (second, facts[second]))
                elif self.kind == "nested" and _below(rules, (turned,)) >> second & 1:
                    would = _sure(_tables(rules, (turned,))[second], _possible(rules, _tables(rules), (seen,)))
                    if would is not None:
                        yield (turned, (second, not would)), (seen,)

    def _fit(self, rules: tuple[_Rule, ...], supposed: tuple[_Literal, ...], seen: tuple[_Literal, ...]) -> int:
        """The events that a question of this kind may ask for."""
        every = (1 << len(rules)) - 1
        if self.kind == "conditional":  # without the further observation the answer is open, and it is not the answer
            return _left_open(rules, supposed, seen[0]) & ~(1 << seen[1][0])
        if self.kind == "backdoor":  # a cause of what is set acts on what is asked by another way as well
            parents, children = _families(rules)
            event = supposed[0][0]
            return reduce(or_, [reached(children, cause, 1 << event) for cause in bits(reached(parents, event))], 0)
        return every

    def solve(self, problem: _Problem, /) -> Solution:
        rules, outcome = problem.rules, problem.outcome
        actual, others = _tables(rules), _tables(rules, problem.supposed)
        possible = _possible(rules, actual, problem.seen)
        would, was = _sure(others[outcome], possible), _sure(actual[outcome], possible)
        forgotten = _sure(others[outcome], _possible(rules, actual, ()))
        # Who takes the supposed for another observation lets it change what comes before it.
        backwards = _possible(rules, actual, problem.supposed)
        seen_so = _sure(actual[outcome], backwards) if backwards else None
        known = {"no-change": was, "nothing-observed": forgotten, "backtracking": seen_so}
        rivals = {name: _told(value) for name, value in known.items() if value is not None}
        return Solution(_told(would is True), rivals=rivals)

    def word(self, problem: _Problem, solution: Solution, style: Style, random: Random, /) -> Wording:
        words = _WORDS[style.wording]
        called = drawn_names(random, style.names, len(problem.rules))
        said = [(words["no"].format(event=name), name) for name in called]  # that it does not occur, that it does
        made = [_ruled(words, said, event, rule) for event, rule in enumerate(problem.rules) if rule.conditions]
        roots = [called[event] for event, rule in enumerate(problem.rules) if not rule.conditions]
        if style.order:
            turn = 1 + style.order % (len(made) - 1)
            made = made[turn:] + made[:turn]
        seen = words["and"].join([said[event][is_so] for event, is_so in _plain_first(problem.seen)])
        context = words["opening"].format(rules=words["between"].join(made), roots=words["and"].join(roots))
        context += words["observed"].format(seen=seen)
        outcome = called[problem.outcome]
        if problem.kind == "nested":
            supposed, further = [said[event][is_so] for event, is_so in problem.supposed]
            question = words["nested"].format(supposed=supposed, further=further, outcome=outcome)
        else:
            were = [(event, not is_so) for event, is_so in problem.supposed]
            joined, factual = (
                words["and"].join([said[event][is_so] for event, is_so in _plain_first(literals)])
                for literals in (problem.supposed, were)
            )
            question = words["instead"].format(supposed=joined, factual=factual, outcome=outcome)
        edges = [(called[one], called[event]) for event, rule in enumerate(problem.rules) for one, _ in rule.conditions]
        world = ", ".join(f"{called[event]}={int(is_so)}" for event, is_so in problem.supposed)
        given = ", ".join(f"{called[event]}={int(is_so)}" for event, is_so in problem.seen)
        facts = {
            "graph": "; ".join([f"{cause} -> {effect}" for cause, effect in edges]),
            "treatment": called[problem.supposed[0][0]],
            "outcome": outcome,
            "query": f"P({outcome}[{world}]=1 | {given})",
        }
        return Wording(context, question, solution.label, facts=facts, derivation=_steps(problem, called))

    def changed(self, problem: _Problem, random: Random, /) -> Mapping[str, _Problem]:
        """The same with one condition turned into its opposite, if the answer is sure then."""
        events = [event for event, rule in enumerate(problem.rules) if rule.conditions]
        random.shuffle(events)
        for event in events:
            rule = problem.rules[event]
            (cause, is_so), *rest = rule.conditions
            turned = _Rule(((cause, not is_so), *rest), rule.needs_all)
            rules = (*problem.rules[:event], turned, *problem.rules[event + 1 :])
            possible = _possible(rules, _tables(rules), problem.seen)
            if possible and _sure(_tables(rules, problem.supposed)[problem.outcome], possible) is not None:
                return {"turned-condition": replace(problem, rules=rules)}
        return {}


@lru_cache(maxsize=8)  # several further observations are tried
def _left_open(rules: tuple[_Rule, ...], supposed: tuple[_Literal, ...], seen: _Literal) -> int:
    """The events of which one observation does not tell whether they would occur."""
    possible, tables = _possible(rules, _tables(rules), (seen,)), _tables(rules, supposed)
    return sum([1 << event for event, table in enumerate(tables) if _sure(table, possible) is None])


def _told(truth: bool | None) -> str:
    return "yes" if truth else "no"


@lru_cache(maxsize=8)
def _families(rules: tuple[_Rule, ...]) -> tuple[list[int], list[int]]:
    return families([(one, event) for event, rule in enumerate(rules) for one, _ in rule.conditions], len(rules))


def _below(rules: tuple[_Rule, ...], supposed: Sequence[_Literal]) -> int:
    """What the supposed acts on, without what is supposed itself."""
    children = _families(rules)[1]
    found = own = 0
    for event, _ in supposed:
        found |= reached(children, event)
        own |= 1 << event
    return found & ~own


def _plain_first(literals: Sequence[_Literal]) -> list[_Literal]:
    """What is so, then what is not: "not A and B" would leave open how far the "not" reaches."""
    return [one for one in literals if one[1]] + [one for one in literals if not one[1]]


def _ruled(words: Mapping[str, str], said: Sequence[tuple[str, str]], event: int, rule: _Rule) -> str:
    told, name = [said[one][is_so] for one, is_so in _plain_first(rule.conditions)], said[event][True]
    if len(told) == 1:
        return words["one"].format(first=told[0], event=name)
    return words["both" if rule.needs_all else "either"].format(first=told[0], second=told[1], event=name)


def _steps(problem: _Problem, called: Sequence[str]) -> tuple[str, ...]:
    """What can have been, what is set, and what follows, each event with its value where all settings agree."""
    actual, others = _tables(problem.rules), _tables(problem.rules, problem.supposed)
    possible = _possible(problem.rules, actual, problem.seen)

    def values(tables: Sequence[int]) -> str:
        told = [(called[event], _sure(table, possible)) for event, table in enumerate(tables)]
        return ", ".join([f"{name}={'?' if value is None else int(value)}" for name, value in told])

    set_to = ", ".join([f"{called[event]}={int(is_so)}" for event, is_so in problem.supposed])
    return (f"What is observed leaves: {values(actual)}.", f"Set {set_to}.", f"Then: {values(others)}.")


def answer_from_text(item: Item) -> str:
    """Answer what would have been, from the words of the item alone: equations are read, and `aetia.scm` answers.

    Raises:
        EvaluationError: AE-8110 the text is in none of the wordings, or the answer is open.
    """
    for words in _WORDS:
        fields = {"rules": ".+", "roots": ".+", "seen": ".+"}
        found = pattern_of(words["opening"] + words["observed"], **fields).fullmatch(item.context)
        asked = _asked(words, item.question)
        if found is None or asked is None:
            continue
        rules = [_equation(words, rule) for rule in found["rules"].split(words["between"])]
        seen = [_read(words, one) for one in found["seen"].split(words["and"])]
        if not (_are_texts(rules) and _are_texts(seen)):
            break
        roots = [f"{name}_" for name in found["roots"].split(words["and"])]
        model = scm.model_from_equations("; ".join([*roots, *rules]))
        outcome, supposed = asked
        query = f"P({outcome}_[{', '.join(supposed)}]=1 | {', '.join(seen)})"
        try:
            value = scm.answer(model, query).value
        except CausalModelError as error:
            raise unreadable(item, "what is observed cannot be") from error
        if value not in (0, 1):
            raise unreadable(item, "its answer depends on what is not told")
        return _told(value == 1)
    raise unreadable(item, "its rules or its question are in no known words")


def _asked(words: Mapping[str, str], question: str) -> tuple[str, list[str]] | None:
    """The event that is asked for, and what is supposed, as in `X_=0`."""
    if found := pattern_of(words["nested"], supposed=".+?", further=".+?").fullmatch(question):
        told = [found["supposed"], found["further"]]
    elif found := pattern_of(words["instead"], supposed=".+?", factual=".+?").fullmatch(question):
        told = found["supposed"].split(words["and"])
    else:
        return None
    read = [_read(words, one) for one in told]
    return (found["outcome"], read) if _are_texts(read) else None


def _are_texts(read: list[str | None]) -> TypeGuard[list[str]]:
    return None not in read


def _read(words: Mapping[str, str], literal: str) -> str | None:
    if found := pattern_of(words["no"]).fullmatch(literal):
        return f"{found['event']}_=0"
    return f"{literal}_=1" if pattern_of("{event}").fullmatch(literal) else None


def _equation(words: Mapping[str, str], rule: str) -> str | None:
    """A rule as an equation; every name gets an underscore, so that none is a word of the equations' language."""
    part = f"{words['no'].replace('{event}', NAME)}|{NAME}"
    for kind, joint in (("both", "and"), ("either", "or"), ("one", "")):
        found = pattern_of(words[kind], first=part, second=part).fullmatch(rule)
        if found is None:
            continue
        told = [_read(words, found[name]) for name in ("first", "second") if name in found.groupdict()]
        terms = [("not " if str(one).endswith("=0") else "") + str(one)[:-2] for one in told]
        return f"{found['event']}_ = {f' {joint} '.join(terms)}"
    return None


_CITATION = "Chen et al., CounterBench, AAAI 2026, arXiv 2502.11008"
_TAGS = Tags(("logic", "simulation"), "text", "explanation")
_ASKED: Mapping[Kind, str] = {
    "basic": "What would have been if one thing had been otherwise, in a world of known rules.",
    "joint": "What would have been if two things had been otherwise at once.",
    "nested": "What would have been if, in a world that is otherwise, one thing more had been otherwise.",
    "conditional": "What would have been, given an observation that tells what caused it.",
    "backdoor": "What would have been if something had been otherwise that shares a cause with what is asked.",
}


def _task(kind: Kind, asks: str) -> Task:
    target = Target("counterfactual", "COUNTERBENCH", "binary", "natural")
    source = cast("Generator[object]", _CounterBench(kind))
    return Task(f"counterbench/{kind}", asks, target, source, 0.5, _TAGS, ("195",), _CITATION, answer_from_text)


TASKS: tuple[Task, ...] = tuple(_task(kind, asks) for kind, asks in _ASKED.items())
