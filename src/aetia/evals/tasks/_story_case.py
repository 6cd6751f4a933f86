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


@lru_cache(maxsize=4096)
def verdict(story: RuleStory) -> bool | None:
    """Whether the variable, as it was, is an actual cause of the outcome, as it was; None if definitions disagree."""
    setting = _setting(story)
    cause, event = {_NAMES[story.x]: int(story.action)}, {_NAMES[story.y]: int(story.wanted)}
    found = {is_actual_cause(setting, cause, event, definition).holds for definition in DEFINITIONS}
    return found.pop() if len(found) == 1 else None


def is_but_for(story: RuleStory) -> bool:
    """Whether the outcome would have been other without it."""
    cause, event = {_NAMES[story.x]: int(story.action)}, {_NAMES[story.y]: int(story.wanted)}
    return but_for(_setting(story), cause, event) is not None


def _setting(story: RuleStory) -> Setting:
    names = _NAMES[: len(story.rules)]
    model = scm.model_from_equations(equations(story.rules, names))
    known = set(model.graph.nodes)
    values = {_NAMES[place]: int(value) for place, value in story.seen if story.rules[place] is None}
    return Setting(model, {name: value for name, value in values.items() if name in known})


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
    seen = tuple((place, bool(actual >> place & 1)) for place in range(len(rules)))
    x = int(random.random() * y)
    story = RuleStory(rules, x, y, seen, bool(actual >> x & 1), bool(actual >> y & 1))
    return None if verdict(story) is None else story
