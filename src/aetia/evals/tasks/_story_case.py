"""What was an actual cause in a small case of rules, and how is such a case drawn?

A pair is taken only if the original, the updated and the modified definition of Halpern and Pearl agree, so that an
answer does not hang on which of them a reader has in mind.

Source: Halpern, Actual Causality, 2016; `aetia.scm.actual`. Seed 063.
"""

from functools import lru_cache
from random import Random

from aetia import scm
from aetia.evals.tasks._rule_worlds import Rule, World, drawn_rules, equations, outcome, renamed
from aetia.evals.tasks._story_problems import RuleStory
from aetia.scm.actual import DEFINITIONS, Setting, but_for, is_actual_cause

__all__ = ["is_but_for", "pose_case", "verdict"]

_NAMES = ("V0", "V1", "V2", "V3", "V4")

# Shapes from the literature, the outcome last: pre-emption, a backup, double prevention, a switch, both needed.
_SHAPES: tuple[World, ...] = (
    (
        None,
        None,
        Rule(((0, True),), is_all=True),
        Rule(((1, True), (2, False)), is_all=True),
        Rule(((2, True), (3, True)), is_all=False),
    ),
    (None, Rule(((0, False),), is_all=True), Rule(((0, True), (1, True)), is_all=False)),
    (
        None,
        Rule(((0, False),), is_all=True),
        Rule(((1, True),), is_all=True),
        Rule(((2, False),), is_all=True),
    ),
    (
        None,
        Rule(((0, True),), is_all=True),
        Rule(((0, False),), is_all=True),
        Rule(((1, True), (2, True)), is_all=False),
    ),
    (None, None, None, Rule(((0, True), (1, True)), is_all=True), Rule(((2, True), (3, True)), is_all=False)),
)


def verdict(story: RuleStory) -> bool | None:
    """Whether the variable, as it was, is an actual cause of the outcome, as it was; None if definitions disagree."""
    return _verdict(_told_of_what_was(story), story.x, story.y)


def is_but_for(story: RuleStory) -> bool:
    """Whether the outcome would have been other without it."""
    return _is_but_for(_told_of_what_was(story), story.x, story.y)


def _told_of_what_was(story: RuleStory) -> World:
    """The rules told of what was so: of the contrary of each variable that was false, so that all were true.

    Verdicts do not depend on which of two values is called the true one, and far fewer cases are left.
    """
    flips = sum([1 << place for place, value in story.seen if not value])
    return renamed(story.rules, flips)


@lru_cache(maxsize=1 << 15)
def _verdict(rules: World, x: int, y: int) -> bool | None:
    setting = _setting(rules)
    found = {is_actual_cause(setting, {_NAMES[x]: 1}, {_NAMES[y]: 1}, one).holds for one in DEFINITIONS}
    return found.pop() if len(found) == 1 else None


@lru_cache(maxsize=1 << 15)
def _is_but_for(rules: World, x: int, y: int) -> bool:
    return but_for(_setting(rules), {_NAMES[x]: 1}, {_NAMES[y]: 1}) is not None


@lru_cache(maxsize=256)
def _setting(rules: World) -> Setting:
    """The case in which all that has no rule is so."""
    model = scm.model_from_equations(equations(rules, _NAMES[: len(rules)]))
    roots = [name for name, rule in zip(_NAMES, rules, strict=False) if rule is None and name in model.graph.nodes]
    return Setting(model, dict.fromkeys(roots, 1))


def pose_case(random: Random) -> RuleStory | None:
    """A case, all of it told, and one of the variables that act on the outcome."""
    if random.getrandbits(1):
        shape = random.choice(_SHAPES)
        rules = renamed(shape, random.getrandbits(len(shape)))
    else:
        rules = drawn_rules(random, 4 + random.getrandbits(1))
    used = {cause for rule in rules if rule is not None for cause, _ in rule.causes}
    y = len(rules) - 1
    if used != set(range(y)):
        return None
    actual = outcome(rules, random.getrandbits(len(rules)))
    seen = tuple([(place, bool(actual >> place & 1)) for place in range(len(rules))])
    x = int(random.random() * y)
    story = RuleStory(rules, x, y, seen, bool(actual >> x & 1), bool(actual >> y & 1))
    return None if verdict(story) is None else story
