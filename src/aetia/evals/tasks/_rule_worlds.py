"""What is so, and what would be, in a small world of rules?

A variable without a rule is set from outside; one with a rule is what the rule says: all, or any, of some conditions.
A world is an integer with a bit a variable.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

__all__ = ["Rule", "World", "drawn_rules", "equations", "literals", "outcome", "renamed", "worlds"]


@dataclass(frozen=True)
class Rule:
    """When a variable is true.

    Args:
        causes: The places of the conditions, each with whether it is to be true or false.
        is_all: Whether all of them are needed; else one is enough.
    """

    causes: tuple[tuple[int, bool], ...]
    is_all: bool


World = Sequence[Rule | None]
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


def worlds(rules: World) -> Iterator[int]:
    """Every combination of the variables without rules."""
    free = [place for place, rule in enumerate(rules) if rule is None]
    for code in range(1 << len(free)):
        yield sum(1 << place for bit, place in enumerate(free) if code >> bit & 1)


def drawn_rules(random: Random, count: int) -> tuple[Rule | None, ...]:
    """Rules of one or two conditions; the first variable and some others have none."""
    rules = list[Rule | None]([None])
    for place in range(1, count):
        if place < count - 2 and random.getrandbits(1):
            rules.append(None)
            continue
        size = 1 if place == 1 else 1 + (random.random() < 0.75)
        causes = sorted(random.sample(range(place), size))
        signed = tuple((cause, random.random() < 0.5) for cause in causes)
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
