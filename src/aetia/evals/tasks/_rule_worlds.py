"""What is so, and what would be, in a small world of rules?

A variable without a rule is set from outside; one with a rule is what the rule says: all, or any, of some conditions.
What is so is an integer with a bit a variable; a set of worlds is one with a bit a world.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from random import Random
from typing import NamedTuple

from aetia.evals.tasks._draws import sampled

__all__ = ["Rule", "World", "columns", "drawn_rules", "equations", "literals", "outcome", "renamed", "tables"]


class Rule(NamedTuple):
    """When a variable is true.

    Args:
        causes: The places of the conditions, each with whether it is to be true or false.
        is_all: Whether all of them are needed; else one is enough.
    """

    causes: tuple[tuple[int, bool], ...]
    is_all: bool


World = tuple[Rule | None, ...]
"""The rules, causes before effects; None for a variable that is set from outside."""


def outcome(rules: World, outside: int, forced: int = -1, value: int = 0) -> int:
    """Everything that is so, given the variables without rules, and one variable forced to a value."""
    found = 0
    for place, rule in enumerate(rules):
        if place == forced:
            holds = bool(value)
        elif rule is None:
            holds = bool(outside >> place & 1)
        elif rule.is_all:
            holds = all((found >> cause & 1) == wanted for cause, wanted in rule.causes)
        else:
            holds = any((found >> cause & 1) == wanted for cause, wanted in rule.causes)
        found |= holds << place
    return found


@cache
def columns(count: int) -> tuple[int, ...]:
    """Of each of some variables without rules, in which of their settings it is true; bits tell the settings."""
    return tuple(sum(1 << one for one in range(1 << count) if one >> place & 1) for place in range(count))


@lru_cache(maxsize=64)  # a story is asked for the same ones when it is posed and when it is solved
def tables(rules: World, forced: int = -1, value: int = 0) -> tuple[int, ...]:
    """Of each variable, in which settings of those without rules it is true; one may be forced to a value."""
    settings = iter(columns(rules.count(None)))
    every = (1 << (1 << rules.count(None))) - 1
    found: list[int] = []
    for place, rule in enumerate(rules):
        table = next(settings) if rule is None else _followed(rule, found, every)
        found.append((every if value else 0) if place == forced else table)
    return tuple(found)


def _followed(rule: Rule, found: Sequence[int], every: int) -> int:
    table = every if rule.is_all else 0
    for cause, wanted in rule.causes:
        told = found[cause] if wanted else every ^ found[cause]
        table = table & told if rule.is_all else table | told
    return table


def drawn_rules(random: Random, count: int) -> tuple[Rule | None, ...]:
    """Rules of one or two conditions; the first variable and some others have none."""
    rules = list[Rule | None]([None])
    for place in range(1, count):
        if place < count - 2 and random.getrandbits(1):
            rules.append(None)
            continue
        size = 1 if place == 1 else 1 + (random.random() < 0.75)
        causes = sorted(sampled(random, range(place), size))
        signed = tuple([(cause, random.random() < 0.5) for cause in causes])
        rules.append(Rule(signed, is_all=bool(random.getrandbits(1))))
    return tuple(rules)


def renamed(rules: World, flips: int) -> tuple[Rule | None, ...]:
    """The same world told of the contraries of some variables."""

    def turned(place: int, rule: Rule) -> Rule:
        is_flipped = bool(flips >> place & 1)
        causes = [(cause, wanted ^ bool(flips >> cause & 1) ^ is_flipped) for cause, wanted in rule.causes]
        return Rule(tuple(causes), rule.is_all ^ is_flipped)

    return tuple(None if rule is None else turned(place, rule) for place, rule in enumerate(rules))


def equations(rules: World, names: Sequence[str]) -> str:
    """The rules as equations that `aetia.scm.model_from_equations` reads."""
    lines = list[str]()
    for place, rule in enumerate(rules):
        if rule is not None:
            sign = " and " if rule.is_all else " or "
            lines.append(f"{names[place]} = {sign.join(literals(rule.causes, names))}")
    return "; ".join(lines)


def literals(causes: Sequence[tuple[int, bool]], names: Sequence[str]) -> list[str]:
    """Conditions as they stand in an equation."""
    return [names[cause] if wanted else f"not {names[cause]}" for cause, wanted in causes]
