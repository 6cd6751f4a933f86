"""What brought it about, and what came of it? Questions about the events of everyday activities.

Two events are causally related if a chain of direct causes leads from the one to the other; if none does, the later is
independent of the earlier given the earlier's direct causes, which is the back-door criterion's verdict of no effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Literal, cast

from aetia.evals.item import Form, Language
from aetia.evals.task import Generator, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._activities import Activity, activities, hero
from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._event_reading import read_answer
from aetia.evals.tasks._event_tables import Mediated, Pair, Table, Triple, alternatives, directions, mediations, pairs
from aetia.evals.tasks._phrases import phrase
from aetia.runs.keys import JSON

__all__ = ["TASKS", "Alternatives", "Counterfactual", "Explanations", "Related", "Stories", "TwoWays"]

_FAMILY = "events"
_STORY = 5  # events of a short narrative
_LANGUAGES: tuple[Language, ...] = ("en", "zh")
Asked = Literal["cause", "effect"]


@dataclass(frozen=True)
class Chosen:
    """A premise and two events, one of which is right.

    Args:
        triple: Which they are.
        asked: What is asked for; for counterfactuals `not` or `still`.
        is_first: Whether the right one is the first option in the generator's own order.
    """

    triple: Triple
    asked: Literal["cause", "effect", "not", "still"]
    is_first: bool


class _Choices(Generator[Chosen]):
    """Two options; what the right one has to do with the premise is a subclass's to say."""

    version = 2
    languages = _LANGUAGES
    wordings = 2
    has_order = True
    form = "told"

    def cluster(self, problem: Chosen, /) -> str:
        """The activity."""
        return _activity(problem.triple).name

    def solve(self, problem: Chosen, /) -> Solution:
        """The right event's name; rivals are the event nearest in time, and the one in the other direction."""
        activity, (_, premise, right, wrong) = _activity(problem.triple), problem.triple
        rivals: dict[str, str] = {}
        if abs(wrong - premise) < abs(right - premise):
            rivals["nearest-in-time"] = activity.events[wrong].name
        if (wrong < premise) != (right < premise):
            rivals["wrong-direction"] = activity.events[wrong].name
        return Solution(activity.events[right].name, rivals=rivals)

    def word(self, problem: Chosen, solution: Solution, style: Style, random: Random, /) -> Wording:
        """The activity, the question about the premise, and both events in their order."""
        activity, (_, premise, right, wrong), who = _activity(problem.triple), problem.triple, hero(style, random)
        order = (right, wrong) if problem.is_first != bool(style.order % 2) else (wrong, right)
        form = problem.asked if problem.asked in ("not", "still") else "told"
        options = tuple([_said(activity, place, form, style, who) for place in order])
        label = "1" if order[0] == right else "2"
        rivals = dict.fromkeys(solution.rivals, "2" if label == "1" else "1")
        context = phrase(_FAMILY, "context", style.wording, style.language).format(doing=_doing(activity, style, who))
        names = [activity.events[place].name for place in (premise, right, wrong)]
        facts: dict[str, JSON] = {"graph": activity.graph, "asked": problem.asked, "premise": names[0]}
        facts |= {"right": names[1], "wrong": names[2]}
        question = self.question(problem, style, who)
        return Wording(context, question, label, options, facts, (), rivals, _steps(problem, who, style))

    def question(self, problem: Chosen, style: Style, who: str) -> str:
        """What is asked about the premise."""
        premise = _said(_activity(problem.triple), problem.triple.premise, "told", style, who)
        return phrase(_FAMILY, problem.asked, style.wording, style.language).format(premise=premise)


class Alternatives(_Choices):
    """The right event is a cause (effect) of the premise; the wrong one, on the same side in time, is unrelated.

    Args:
        asked: `cause` or `effect`.
        is_hard: Whether both events are near the premise in time.
    """

    def __init__(self, asked: Asked, *, is_hard: bool) -> None:
        self._asked: Asked = asked
        self._is_hard = is_hard

    def pose(self, random: Random, /) -> Chosen | None:
        """Draw a question by its weight, and an order."""
        return Chosen(alternatives(self._asked, is_hard=self._is_hard).draw(random), self._asked, random.random() < 0.5)

    def changed(self, problem: Chosen, random: Random, /) -> Mapping[str, Chosen]:
        """With a premise for which the other event is right."""
        activity, _, right, wrong = problem.triple
        others = _premises(self._asked, is_hard=self._is_hard).get((activity, wrong, right), ())
        if not others:
            return {}
        changed = Triple(activity, random.choice(others), wrong, right)
        return {"other-premise": replace(problem, triple=changed, is_first=not problem.is_first)}


class TwoWays(_Choices):
    """Cause or effect, as asked: half the questions set a cause against an effect, half against what is unrelated."""

    def pose(self, random: Random, /) -> Chosen | None:
        """Draw what is asked for, of which sort, by its weight, and an order."""
        asked: Asked = "cause" if random.random() < 0.5 else "effect"
        if random.random() < 0.5:
            triple = directions().draw(random)
            if asked == "effect":
                triple = triple._replace(right=triple.wrong, wrong=triple.right)
        else:
            triple = alternatives(asked, is_hard=False).draw(random)
        return Chosen(triple, asked, random.random() < 0.5)

    def changed(self, problem: Chosen, random: Random, /) -> Mapping[str, Chosen]:  # noqa: ARG002  nothing is drawn
        """Asked in the other direction, where both options have one."""
        triple = problem.triple
        if (triple.right < triple.premise) == (triple.wrong < triple.premise):
            return {}
        other: Asked = "effect" if problem.asked == "cause" else "cause"
        turned = triple._replace(right=triple.wrong, wrong=triple.right)
        return {"other-direction": Chosen(turned, other, not problem.is_first)}


class Counterfactual(_Choices):
    """What would (not) have happened without an event: its effects, as each event needs all its direct causes."""

    def pose(self, random: Random, /) -> Chosen | None:
        """Draw whether the options deny or affirm, and a question by its weight."""
        triple = alternatives("effect", is_hard=False).draw(random)
        if random.random() < 0.5:
            return Chosen(triple, "not", random.random() < 0.5)
        return Chosen(triple._replace(right=triple.wrong, wrong=triple.right), "still", random.random() < 0.5)

    def question(self, problem: Chosen, style: Style, who: str) -> str:
        """What if the premise had not been?"""
        return _said(_activity(problem.triple), problem.triple.premise, "if", style, who)

    def changed(self, problem: Chosen, random: Random, /) -> Mapping[str, Chosen]:  # noqa: ARG002  nothing is drawn
        """With options that affirm what they denied, or the other way round."""
        triple, other = problem.triple, "still" if problem.asked == "not" else "not"
        turned = triple._replace(right=triple.wrong, wrong=triple.right)
        return {"other-sign": Chosen(turned, other, not problem.is_first)}


class Related(Generator[Pair]):
    """Is the earlier of two events a cause of the later?"""

    version = 2
    languages = _LANGUAGES
    wordings = 2

    def pose(self, random: Random, /) -> Pair | None:
        """Draw a pair by its weight."""
        return pairs().draw(random)

    def solve(self, problem: Pair, /) -> Solution:
        """Whether a chain of direct causes leads from the first to the second."""
        if problem.is_cause and problem.first < problem.second:
            return Solution("yes")
        return Solution(
            "no", rivals={"earlier-is-cause" if problem.first < problem.second else "wrong-direction": "yes"}
        )

    def word(self, problem: Pair, solution: Solution, style: Style, random: Random, /) -> Wording:
        """The activity and both events."""
        activity, who = _activity(problem), hero(style, random)
        context = phrase(_FAMILY, "context", style.wording, style.language).format(doing=_doing(activity, style, who))
        question = phrase(_FAMILY, "binary", style.wording, style.language).format(
            premise=_said(activity, problem.first, "told", style, who),
            hypothesis=_said(activity, problem.second, "told", style, who),
        )
        steps = (_way(problem.activity, problem.first, problem.second, who, style),)
        facts = _pair_facts(activity, problem)
        return Wording(context, question, solution.label, facts=facts, derivation=steps)

    def changed(self, problem: Pair, random: Random, /) -> Mapping[str, Pair]:  # noqa: ARG002  nothing is drawn
        """Asked whether the later event is a cause of the earlier."""
        return {"wrong-direction": problem._replace(first=problem.second, second=problem.first)}

    def cluster(self, problem: Pair, /) -> str:
        """The activity."""
        return _activity(problem).name


@dataclass(frozen=True)
class Story:
    """Two events, and the places of all that are told, in their order."""

    pair: Pair
    told: tuple[int, ...]


class Stories(Generator[Story]):
    """A short narrative of five events; are two of them causally related?"""

    version = 2
    languages = _LANGUAGES
    wordings = 2

    def pose(self, random: Random, /) -> Story | None:
        """Draw a pair by its weight, and the other events."""
        pair = pairs().draw(random)
        others = [place for place in range(len(_activity(pair).events)) if place not in pair[1:3]]
        return Story(pair, tuple(sorted([*pair[1:3], *sampled(random, others, _STORY - 2)])))

    def solve(self, problem: Story, /) -> Solution:
        """Whether a chain of direct causes leads from one to the other."""
        return Solution("yes" if problem.pair.is_cause else "no")

    def word(self, problem: Story, solution: Solution, style: Style, random: Random, /) -> Wording:
        """The narrative, its events numbered, and the question by the numbers."""
        activity, who = _activity(problem.pair), hero(style, random)
        numbered = phrase(_FAMILY, "numbered", style.wording, style.language)
        lines = [
            numbered.format(number=number, event=_said(activity, place, "told", style, who))
            for number, place in enumerate(problem.told, 1)
        ]
        story = phrase(_FAMILY, "join", style.wording, style.language).join(lines)
        doing = _doing(activity, style, who)
        context = phrase(_FAMILY, "story", style.wording, style.language).format(doing=doing, story=story)
        first, second = [1 + problem.told.index(place) for place in problem.pair[1:3]]
        question = phrase(_FAMILY, "related", style.wording, style.language).format(first=first, second=second)
        steps = (_way(problem.pair.activity, problem.pair.first, problem.pair.second, who, style),)
        facts = _pair_facts(activity, problem.pair)
        return Wording(context, question, solution.label, facts=facts, derivation=steps)

    def cluster(self, problem: Story, /) -> str:
        """The activity."""
        return _activity(problem.pair).name


class Explanations(Generator[Mediated]):
    """By which event did a cause have its effect?"""

    version = 2
    languages = _LANGUAGES
    wordings = 2

    def pose(self, random: Random, /) -> Mediated | None:
        """Draw a cause and an effect with one event in between."""
        return mediations().draw(random)

    def solve(self, problem: Mediated, /) -> Solution:
        """The event's name."""
        return Solution(_activity(problem).events[problem.mediator].name)

    def word(self, problem: Mediated, solution: Solution, style: Style, random: Random, /) -> Wording:  # noqa: ARG002
        """Cause and effect; the label is the sentence that tells the event in between."""
        activity, who = _activity(problem), hero(style, random)
        cause, between, effect = (_said(activity, place, "told", style, who) for place in problem[1:])
        context = phrase(_FAMILY, "context", style.wording, style.language).format(doing=_doing(activity, style, who))
        question = phrase(_FAMILY, "explain", style.wording, style.language).format(cause=cause, effect=effect)
        names = [activity.events[place].name for place in problem[1:]]
        facts = {"graph": activity.graph, "cause": names[0], "mediator": names[1], "effect": names[2]}
        return Wording(context, question, between, facts={**facts}, derivation=(cause, between, effect))

    def cluster(self, problem: Mediated, /) -> str:
        """The activity."""
        return _activity(problem).name


def _activity(case: Triple | Pair | Mediated) -> Activity:
    return activities()[case.activity]


def _doing(activity: Activity, style: Style, who: str) -> str:
    return activity.doing[style.language].format(who=who)


def _said(activity: Activity, place: int, form: str, style: Style, who: str) -> str:
    return activity.events[place].said(form, style.language, who, style.wording)


@cache
def _premises(asked: Asked, *, is_hard: bool) -> dict[tuple[int, int, int], list[int]]:
    """The premises for each pair of a right and a wrong event."""
    found: dict[tuple[int, int, int], list[int]] = {}
    table: Table[Triple] = alternatives(asked, is_hard=is_hard)
    for activity, premise, right, wrong in table.cases:
        found.setdefault((activity, right, wrong), []).append(premise)
    return found


def _steps(problem: Chosen, who: str, style: Style) -> tuple[str, ...]:
    """The chain of causes between the premise and what is related to it, and that there is none to the other."""
    number, premise, right, wrong = problem.triple
    related, other = (wrong, right) if problem.asked == "still" else (right, wrong)
    return _way(number, premise, related, who, style), _way(number, premise, other, who, style)


def _way(number: int, one: int, other: int, who: str, style: Style) -> str:
    """How two events are related, in words."""
    first, second = (one, other) if one < other else (other, one)
    return _way_words(number, first, second, style.language, style.wording).replace("{who}", who)


@cache
def _way_words(number: int, first: int, second: int, language: Language, wording: int) -> str:
    """The chain of causes from the first to the second, or that there is none; `{who}` stands for who does it.

    Given its causes the first is then independent of the second. The item's own words, since an example may show them.
    """
    activity = activities()[number]
    is_cause = first in activity.before[second]
    places = activity.chain(first, second) if is_cause else (first, second)
    events = [activity.events[place].said("told", language, "{who}", wording) for place in places]
    return (" -> " if is_cause else " -/-> ").join(events)


def _pair_facts(activity: Activity, pair: Pair) -> dict[str, JSON]:
    first, second = (activity.events[place].name for place in pair[1:3])
    return {"graph": activity.graph, "treatment": first, "outcome": second}


def _task(name: str, asks: str, target: Target, source: object, *, seed: str, chance: float) -> Task:
    citation = {
        "061": "Joshi et al. 2024, COLD: Causal reasOning in cLosed Daily activities, NeurIPS, arXiv:2411.19500",
        "069": "Chen et al. 2024, Causal Evaluation of Language Models, arXiv:2405.00622",
    }[seed]
    tags = Tags(("world knowledge", "causal direction"), "knowledge", "explanation")
    return Task(name, asks, target, cast("Generator[object]", source), chance, tags, (seed,), citation, read_answer)


def _cold(name: str, asks: str, asked: Asked, *, is_hard: bool) -> Task:
    target = Target("discovery", "COLD", "choice")
    return _task(f"cold/{name}", asks, target, Alternatives(asked, is_hard=is_hard), seed="061", chance=0.5)


def _calm(name: str, asks: str, target: Target, source: object) -> Task:
    return _task(f"calm/{name}", asks, target, source, seed="069", chance=0.0 if target.form == "text" else 0.5)


def _discovery(scenario: str, form: Form) -> Target:
    return Target("discovery", scenario, form)


TASKS = (
    _cold("cause", "Which of two events is a cause of the premise?", "cause", is_hard=False),
    _cold("effect", "Which of two events is an effect of the premise?", "effect", is_hard=False),
    _cold("cause-hard", "Which of two events, both near in time, is a cause of the premise?", "cause", is_hard=True),
    _cold(
        "effect-hard", "Which of two events, both near in time, is an effect of the premise?", "effect", is_hard=True
    ),
    _calm("pcd-binary", "Is one event a cause of the other?", _discovery("PCD", "binary"), Related()),
    _calm("pcd-choice", "Which event is the cause, or the effect?", _discovery("PCD", "choice"), TwoWays()),
    _calm("eci", "Are two events of a story causally related?", _discovery("ECI", "binary"), Stories()),
    _calm("ceg", "What explains an effect?", Target("counterfactual", "CEG", "text"), Explanations()),
    _calm(
        "counterfactual-choice", "What if it had not been?", Target("counterfactual", "CR", "choice"), Counterfactual()
    ),
)
