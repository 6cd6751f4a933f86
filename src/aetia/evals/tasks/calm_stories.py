"""CaLM's questions about small stories: association, selection, adjustment, counterfactuals by rules, actual causes.

Scenarios CORR, EAE, CB, BAS (which of two methods), CR (deterministic) and AC. What yes means is drawn apart from what
is told: whether more or less is asked about, which method comes first.

Source: Chen et al., Causal Evaluation of Language Models, arXiv 2405.00622; Jin et al., CLadder, arXiv 2312.04350.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal, cast

from aetia.evals.item import Language
from aetia.evals.task import Generator, Names, Rung, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._graph_masks import above, is_back_door_set
from aetia.evals.tasks._graph_names import words_file
from aetia.evals.tasks._graph_problems import pairs_of
from aetia.evals.tasks._phrases import pairs_told
from aetia.evals.tasks._rule_worlds import equations
from aetia.evals.tasks._story_case import is_but_for, pose_case, verdict
from aetia.evals.tasks._story_problems import (
    NumberStory,
    RuleStory,
    counterfactual_values,
    factual_values,
    pose_backadj,
    pose_collider_bias,
    pose_correlation,
    pose_counterfactual,
    pose_explaining_away,
)
from aetia.evals.tasks._story_reader import story_engine
from aetia.evals.tasks._story_words import WORDINGS, StoryWords, story_names, story_words

__all__ = ["TASKS"]

_NAMES: tuple[Names, ...] = ("nonsense", "real", "random")
_YES_NO = ("no", "yes")


def _because(style: Style, reason: str, **places: str) -> tuple[str, ...]:
    return (_reasons(style.language)[reason].format(**places),)


@cache
def _reasons(language: Language) -> Mapping[str, str]:
    told = words_file("calm_stories", language)["because"]
    return {str(name): str(text) for name, text in told.items()} if isinstance(told, Mapping) else {}


def _shuffled(parts: list[str], style: Style) -> list[str]:
    return Random(style.order).sample(parts, len(parts)) if style.order else parts


@dataclass(frozen=True)
class _Numbers(Generator[NumberStory]):
    """A graph, a few numbers or two methods, and a question of more or less."""

    kind: Literal["correlation", "explaining-away", "collider-bias", "backadj"]
    version = 2
    labels = ("yes", "no")
    languages = ("en", "zh")
    names = _NAMES
    wordings = WORDINGS
    has_order = True

    def pose(self, random: Random) -> NumberStory | None:
        return _POSES[self.kind](random)

    def solve(self, problem: NumberStory) -> Solution:
        holds, rivals = _SOLUTIONS[self.kind](problem)
        wrong = {name: _YES_NO[found == problem.asks_more] for name, found in rivals.items()}
        return Solution(_YES_NO[holds == problem.asks_more], margin=_margin(self.kind, problem), rivals=wrong)

    def word(self, problem: NumberStory, solution: Solution, style: Style, random: Random) -> Wording:
        names = story_names(style.names, style.language, "people", random)
        words = story_words(self.kind, style.language, style.wording)
        pairs = [(names[parent], names[child]) for parent, child in pairs_of(problem.parents)]
        edges = sorted(pairs_told(words["edge"], pairs))
        gap = " " if style.language == "en" else ""
        places = {"x": names[problem.x], "y": names[problem.y], "c": names[problem.third], "z": names[problem.third]}
        given = words["given"].format(**places, **_numbers(self.kind, problem, words, places))
        question = words["more" if problem.asks_more else "less"].format(**places)
        return Wording(
            f"{words['world'].format(edges=gap.join(_shuffled(edges, style)))}\n{given}",
            question,
            solution.label,
            facts={
                "graph": "; ".join([" -> ".join(pair) for pair in pairs]),
                "treatment": places["x"],
                "outcome": places["y"],
                "query": _QUERIES[self.kind].format(**places),
                "numbers": _printed(self.kind, problem, places),
            },
            derivation=_reason(self.kind, problem, style, places),
        )

    def changed(self, problem: NumberStory, random: Random) -> Mapping[str, NumberStory]:  # noqa: ARG002  none is drawn
        found = {"other-polarity": problem._replace(asks_more=not problem.asks_more)}
        if self.kind == "collider-bias":
            found["wrong-direction"] = problem._replace(x=problem.y, y=problem.x)
        return found


_POSES: Mapping[str, Callable[[Random], NumberStory | None]] = {
    "correlation": pose_correlation,
    "explaining-away": pose_explaining_away,
    "collider-bias": pose_collider_bias,
    "backadj": pose_backadj,
}
_QUERIES = {
    "correlation": "P({y}=1 | {x}=1)",
    "explaining-away": "P({y}=1 | {x}=1, {c}=1)",
    "collider-bias": "ATE({x}, {y})",
    "backadj": "P({y} | do({x}))",
}


def _chances(problem: NumberStory) -> tuple[float, float]:
    share, without, both = problem.numbers
    return both / share, without / (100 - share)


def _correlation(problem: NumberStory) -> tuple[bool, dict[str, bool]]:
    share, without, both = problem.numbers
    return both * (100 - share) > without * share, {"joint-probabilities": both > without}


def _explaining_away(problem: NumberStory) -> tuple[bool, dict[str, bool]]:
    _, _, p01, _, p11 = problem.numbers
    _, p00, _, p10, _ = problem.numbers
    return p11 > p01, {"other-stratum": p10 > p00, "common-to-explain-away": False}


def _collider_bias(problem: NumberStory) -> tuple[bool, dict[str, bool]]:
    ancestors = above(problem.parents)
    back = bool(ancestors[problem.x] >> problem.y & 1)
    return bool(ancestors[problem.y] >> problem.x & 1), {"correlation": True, "wrong-direction": back}


def _backadj(problem: NumberStory) -> tuple[bool, dict[str, bool]]:
    in_strata = _is_right_in_strata(problem.parents, problem.x, problem.y, problem.third)
    return in_strata == problem.is_strata_first, {"always-adjust": problem.is_strata_first}


@cache  # the graphs are drawn from a few hundred
def _is_right_in_strata(parents: tuple[int, ...], x: int, y: int, third: int) -> bool:
    return is_back_door_set(parents, x, y, 1 << third)


_SOLUTIONS: Mapping[str, Callable[[NumberStory], tuple[bool, dict[str, bool]]]] = {
    "correlation": _correlation,
    "explaining-away": _explaining_away,
    "collider-bias": _collider_bias,
    "backadj": _backadj,
}


def _margin(kind: str, problem: NumberStory) -> float | None:
    if kind == "correlation":
        high, low = _chances(problem)
        return abs(high - low)
    if kind == "explaining-away":
        return abs(problem.numbers[4] - problem.numbers[2]) / 100
    return None


def _numbers(kind: str, problem: NumberStory, words: StoryWords, places: Mapping[str, str]) -> dict[str, object]:
    if kind == "backadj":
        methods = words["strata"].format(**places), words["whole"].format(**places)
        first, second = methods if problem.is_strata_first else methods[::-1]
        return {"first": first, "second": second}
    if kind == "collider-bias":
        return {"r": f"{problem.numbers[0] / 100:.2f}"}
    names = ("share", "without", "both") if kind == "correlation" else ("share", "p00", "p01", "p10", "p11")
    return dict(zip(names, problem.numbers, strict=True))


def _printed(kind: str, problem: NumberStory, places: Mapping[str, str]) -> dict[str, str]:
    """The printed numbers, by what they are of."""
    x, y, c = places["x"], places["y"], places["c"]
    if kind == "collider-bias":
        return {f"corr({x}, {y} | {c}=1)": f"{problem.numbers[0] / 100:.2f}"}
    terms: list[str] = []
    if kind == "correlation":
        terms = [f"P({x}=1)", f"P({x}=0, {y}=1)", f"P({x}=1, {y}=1)"]
    elif kind == "explaining-away":
        terms = [f"P({x}=1)", *[f"P({y}=1 | {x}={one}, {c}={other})" for one in (0, 1) for other in (0, 1)]]
    return dict(zip(terms, [f"{number}%" for number in problem.numbers], strict=True))


def _reason(kind: str, problem: NumberStory, style: Style, places: Mapping[str, str]) -> tuple[str, ...]:
    if kind == "correlation":
        high, low = _chances(problem)
        return _because(style, kind, high=f"{high:.3f}", low=f"{low:.3f}", **places)
    if kind == "explaining-away":
        return _because(style, kind, high=f"{problem.numbers[4]}%", low=f"{problem.numbers[2]}%", **places)
    if kind == "collider-bias":
        acts = _collider_bias(problem)[0]
        return _because(style, "collider-yes" if acts else "collider-no", **places)
    in_strata = _backadj(problem)[0] == problem.is_strata_first
    return _because(style, "backadj-strata" if in_strata else "backadj-whole", **places)


@dataclass(frozen=True)
class _Rules(Generator[RuleStory]):
    """Rules, a case, and what would have been, or what was a cause."""

    kind: Literal["det-counterfactual", "actual-causality"]
    version = 2
    labels = ("yes", "no")
    languages = ("en", "zh")
    names = _NAMES
    wordings = WORDINGS
    has_order = True

    def pose(self, random: Random) -> RuleStory | None:
        return pose_counterfactual(random) if self.kind == "det-counterfactual" else pose_case(random)

    def solve(self, problem: RuleStory) -> Solution:
        if self.kind == "actual-causality":
            return Solution(_YES_NO[bool(verdict(problem))], rivals={"but-for": _YES_NO[is_but_for(problem)]})
        (value,) = counterfactual_values(problem)
        factual = factual_values(problem)
        rivals = {"no-change": _YES_NO[problem.wanted in factual]} if len(factual) == 1 else {}
        return Solution(_YES_NO[value == problem.wanted], rivals=rivals)

    def word(self, problem: RuleStory, solution: Solution, style: Style, random: Random) -> Wording:
        group = "people" if self.kind == "det-counterfactual" else "parts"
        names = story_names(style.names, style.language, group, random)
        words = story_words(self.kind, style.language, style.wording)

        said = [[words[sign].format(name=name) for sign in _YES_NO] for name in names[: len(problem.rules)]]
        rules = list[str]()
        for place, rule in enumerate(problem.rules):
            if rule is not None:
                causes = [said[cause][wanted] for cause, wanted in _plain_first(rule.causes)]
                told = words["and" if rule.is_all else "or"].join(causes)
                rules.append(words["rule"].format(effect=names[place], causes=told))
        gap = " " if style.language == "en" else ""
        # "Not a and b" would leave open how far the "not" reaches.
        seen = _plain_first(problem.seen) if self.kind == "det-counterfactual" else problem.seen
        facts = words["list"].join([said[place][value] for place, value in seen])
        asked = {"action": said[problem.x][problem.action], "event": said[problem.y][problem.wanted]}
        x, y = names[problem.x], names[problem.y]
        return Wording(
            words["given"].format(rules=gap.join(_shuffled(sorted(rules), style)), facts=facts),
            words["asked"].format(**asked),
            solution.label,
            facts={
                "graph": "; ".join(
                    [
                        f"{names[cause]} -> {names[place]}"
                        for place, rule in enumerate(problem.rules)
                        if rule is not None
                        for cause, _ in rule.causes
                    ]
                ),
                "equations": equations(problem.rules, names),
                "observed": {names[place]: int(value) for place, value in problem.seen},
                "treatment": x,
                "outcome": y,
                "query": f"P({y}[{x}={int(problem.action)}]={int(problem.wanted)})",
            },
            derivation=self._why(problem, solution, style, x, y),
        )

    def _why(self, problem: RuleStory, solution: Solution, style: Style, x: str, y: str) -> tuple[str, ...]:
        if self.kind == "actual-causality":
            return _because(style, "actual-cause" if solution.label == "yes" else "no actual cause", x=x, y=y)
        value = problem.wanted == (solution.label == "yes")
        return _because(style, self.kind, x=x, y=y, set=str(int(problem.action)), value=str(int(value)))

    def changed(self, problem: RuleStory, random: Random) -> Mapping[str, RuleStory]:  # noqa: ARG002  none is drawn
        if self.kind == "det-counterfactual":
            return {"other-polarity": problem._replace(wanted=not problem.wanted)}
        return {}


def _plain_first(literals: Sequence[tuple[int, bool]]) -> list[tuple[int, bool]]:
    return [one for one in literals if one[1]] + [one for one in literals if not one[1]]


def _task(name: str, asks: str, rung: Rung, scenario: str, skill: str, source: object) -> Task:
    return Task(
        name=f"calm/{name}",
        asks=asks,
        target=Target(rung, scenario, "binary"),
        source=cast("Generator[object]", source),
        chance=1 / 2,
        tags=Tags((skill,), "text"),
        seeds=("069", "063") if name == "actual-causality" else ("069",),
        citation="Chen et al., Causal Evaluation of Language Models, arXiv 2405.00622",
        engine=story_engine,
    )


TASKS: tuple[Task, ...] = (
    _task(
        "correlation",
        "Does seeing one thing make another likelier?",
        "association",
        "CORR",
        "arithmetic",
        _Numbers("correlation"),
    ),
    _task(
        "explaining-away",
        "Does one cause explain another away?",
        "association",
        "EAE",
        "arithmetic",
        _Numbers("explaining-away"),
    ),
    _task(
        "collider-bias",
        "Does a correlation among the selected show an effect?",
        "intervention",
        "CB",
        "graph search",
        _Numbers("collider-bias"),
    ),
    _task("backadj", "Is it right to compare case by case?", "intervention", "BAS", "back-door", _Numbers("backadj")),
    _task(
        "det-counterfactual",
        "What would have been, by the rules?",
        "counterfactual",
        "CR",
        "logic",
        _Rules("det-counterfactual"),
    ),
    _task(
        "actual-causality",
        "Was this a cause of that, in this very case?",
        "counterfactual",
        "AC",
        "logic",
        _Rules("actual-causality"),
    ),
)
