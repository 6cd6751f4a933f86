"""Which numbers, graphs and rules make a story with one sure answer?

What yes means is drawn apart from everything else, so that what is given never tells the label.
"""

from functools import cache
from itertools import permutations
from random import Random
from typing import NamedTuple

from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._graph_masks import above, below, is_back_door_set, is_separated, parents_from
from aetia.evals.tasks._rule_worlds import World, drawn_rules, outcome, tables

__all__ = [
    "NumberStory",
    "RuleStory",
    "counterfactual_values",
    "factual_values",
    "pose_backadj",
    "pose_collider_bias",
    "pose_correlation",
    "pose_counterfactual",
    "pose_explaining_away",
]

_GRAPHS = 400  # from which stories about two methods are drawn
_LEAST_DIFFERENCE = 5  # per cent points between the two chances that are compared


class NumberStory(NamedTuple):
    """A graph with what is told of it.

    Args:
        parents: Of each variable, causes before effects.
        x: The place of the first variable.
        y: The place of the second.
        third: The place of the variable that is selected on, or that tells the cases apart; -1 if there is none.
        numbers: What is printed, in its order; per cent, or a correlation in hundredths.
        asks_more: Whether yes means more, an effect, or that method 1 is better.
        is_strata_first: Whether method 1 is the one case by case.
    """

    parents: tuple[int, ...]
    x: int
    y: int
    third: int
    numbers: tuple[int, ...]
    asks_more: bool
    is_strata_first: bool = False


class RuleStory(NamedTuple):
    """Rules, what was observed, and what is asked.

    Args:
        rules: Causes before effects.
        x: The variable that is changed, or asked about.
        y: The outcome.
        seen: What is told of the case: places with values.
        action: What the variable is set to.
        wanted: Which value of the outcome is asked about.
    """

    rules: World
    x: int
    y: int
    seen: tuple[tuple[int, bool], ...]
    action: bool
    wanted: bool


def pose_correlation(random: Random) -> NumberStory | None:
    """How often one thing is, and the other with and without it; any graph may lie behind these numbers."""
    count = 3 + random.getrandbits(1)
    parents = parents_from(random, count, is_sparse=False)
    x, y = sampled(random, range(count), 2)
    share = random.randint(15, 85)
    with_x, without_x = random.randint(3, share - 3), random.randint(3, 97 - share)
    # Compare with/share and without/(100 - share), both in per cent.
    difference = abs(100 * with_x * (100 - share) - 100 * without_x * share)
    if difference < _LEAST_DIFFERENCE * share * (100 - share):
        return None
    return NumberStory(parents, x, y, -1, (share, without_x, with_x), bool(random.getrandbits(1)))


def pose_explaining_away(random: Random) -> NumberStory | None:
    """Two causes of one thing, which do not act on each other, and the chance of one given the others."""
    share, other = random.uniform(0.1, 0.9), random.uniform(0.1, 0.9)
    chosen = [[random.uniform(0.05, 0.95) for _ in range(2)] for _ in range(2)]  # P(c | x, y)
    given: list[int] = []
    for x in (0, 1):
        for selected in (0, 1):
            ways = [one if selected else 1 - one for one in chosen[x]]
            given.append(round(100 * other * ways[1] / (other * ways[1] + (1 - other) * ways[0])))
    if abs(given[3] - given[1]) < _LEAST_DIFFERENCE or min(given) < 1 or max(given) > 99:
        return None
    numbers = (round(100 * share), *given)
    return NumberStory((0, 0, 0b11), 0, 1, 2, numbers, bool(random.getrandbits(1)))


_COLLIDERS: tuple[tuple[tuple[int, ...], int, int, int], ...] = (
    # Parents, x, y and what is selected on; as many graphs in which x acts on y as in which it does not.
    ((0, 0b1, 0b11), 0, 1, 2),
    ((0, 0b1, 0b11), 1, 0, 2),
    ((0, 0b1, 0b10, 0b101), 0, 2, 3),
    ((0, 0b1, 0b10, 0b101), 2, 0, 3),
    ((0, 0b1, 0b11, 0b110), 1, 2, 3),
    ((0, 0b1, 0b1, 0b110), 1, 2, 3),
    ((0, 0b1, 0b11, 0b100), 0, 1, 3),
    ((0, 0, 0b11, 0b100), 0, 1, 3),
    ((0, 0b1, 0b11), 0, 1, 2),
    ((0, 0, 0b11), 0, 1, 2),
)


def pose_collider_bias(random: Random) -> NumberStory | None:
    """A correlation among those whom both act on, in a graph where one acts on the other, or none does."""
    parents, x, y, third = random.choice(_COLLIDERS)
    size = random.randint(3, 45) * random.choice((1, -1))
    return NumberStory(parents, x, y, third, (size,), bool(random.getrandbits(1)))


def pose_backadj(random: Random) -> NumberStory:
    """A third variable that has to be adjusted for, or, as often, must not be: one of two methods is right."""
    parents, x, y, third = random.choice(_adjustable()[random.getrandbits(1)])
    more, first = bool(random.getrandbits(1)), bool(random.getrandbits(1))
    return NumberStory(parents, x, y, third, (), more, is_strata_first=first)


@cache
def _adjustable() -> tuple[list[tuple[tuple[int, ...], int, int, int]], list[tuple[tuple[int, ...], int, int, int]]]:
    """Graphs with a treatment, an outcome of it and a third variable: no adjusting for it is right, or adjusting is."""
    random = Random("graphs with a third variable")
    graphs = {parents_from(random, 4 + random.getrandbits(1), is_sparse=False) for _ in range(_GRAPHS)}
    whole, strata = list[tuple[tuple[int, ...], int, int, int]](), list[tuple[tuple[int, ...], int, int, int]]()
    for parents in sorted(graphs):
        ancestors = above(parents)
        for x, y, third in permutations(range(len(parents)), 3):
            if ancestors[y] >> x & 1:
                is_whole, is_strata = is_back_door_set(parents, x, y, 0), is_back_door_set(parents, x, y, 1 << third)
                if is_whole != is_strata and is_strata == _is_harmless(parents, x, y, third):
                    (whole if is_whole else strata).append((parents, x, y, third))
    return whole, strata


def _is_harmless(parents: tuple[int, ...], x: int, y: int, third: int) -> bool:
    """Whether adjusting for the third gives the effect by the complete criterion.

    The back-door criterion turns down every effect of the treatment, also one that adjusting for does not harm; then
    neither method is more correct than the other.
    """
    ancestors, cause = above(parents), 1 << x
    between = below(ancestors, x) & ancestors[y] & ~cause  # on the ways from the treatment to the outcome
    if ancestors[third] & between:
        return False
    cut = tuple(one & ~cause if between >> place & 1 else one for place, one in enumerate(parents))
    return is_separated(cut, above(cut), cause, 1 << y, 1 << third)


def counterfactual_values(story: RuleStory) -> set[bool]:
    """The values that the outcome may take, once the variable is changed, in worlds that agree with what was seen."""
    return _values(tables(story.rules, story.x, story.action)[story.y], _agreeing(story, tables(story.rules)))


def factual_values(story: RuleStory) -> set[bool]:
    """The values that the outcome may have had, in worlds that agree with what was seen."""
    actual = tables(story.rules)
    return _values(actual[story.y], _agreeing(story, actual))


def _values(table: int, agreeing: int) -> set[bool]:
    """Whether a variable is true in some of these worlds, and whether it is false in some."""
    found = {True} if table & agreeing else set[bool]()
    return found | {False} if agreeing & ~table else found


def _agreeing(story: RuleStory, actual: tuple[int, ...]) -> int:
    found = -1
    for place, value in story.seen:
        found &= actual[place] if value else ~actual[place]
    return found & (1 << (1 << story.rules.count(None))) - 1


def pose_counterfactual(random: Random) -> RuleStory | None:
    """What would be, had one thing been other than it was; what was seen decides it, and may have to be traced back."""
    count = 4 + random.getrandbits(1)
    rules = drawn_rules(random, count)
    y = count - 1
    reach = _acting(rules, y)
    candidates = [place for place in range(y) if reach >> place & 1]
    x = random.choice(candidates)
    free = [place for place, rule in enumerate(rules) if rule is None]
    actual = outcome(rules, random.getrandbits(count) & sum([1 << place for place in free]))
    told = free if random.getrandbits(1) else sorted(sampled(random, range(count), 2 + random.getrandbits(1)))
    seen = tuple([(place, bool(actual >> place & 1)) for place in told])
    story = RuleStory(rules, x, y, seen, not actual >> x & 1, bool(random.getrandbits(1)))
    possible = _agreeing(story, tables(rules))
    is_known = tables(rules)[x] & possible in (0, possible)  # what was seen also decides what the variable was
    return story if is_known and len(counterfactual_values(story)) == 1 else None


def _acting(rules: World, place: int) -> int:
    found = 1 << place
    for one in range(place, -1, -1):
        rule = rules[one]
        if found >> one & 1 and rule is not None:
            for cause, _ in rule.causes:
                found |= 1 << cause
    return found
