"""CaLM's questions about graphs: causes and attribution, adjustment sets, instruments, identifiability.

Scenarios AR, CA, BAS, FAS, IV and CEI: a graph in words, and a pair of variables to ask about. Graphs, pairs and sets
are drawn anew for each item; exactly one option is right, and the treatment is never the outcome.

Source: Chen et al., Causal Evaluation of Language Models, arXiv 2405.00622 (the scenarios and their targets).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple, cast

from aetia.evals.task import Generator, Rung, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._graph_engine import engine
from aetia.evals.tasks._graph_masks import MEMBERS, above, is_identified
from aetia.evals.tasks._graph_names import drawn_names
from aetia.evals.tasks._graph_problems import (
    GraphProblem,
    flipped,
    hidden_cause_changed,
    is_valid,
    pairs_of,
    pose_identification,
    pose_relation,
    pose_sets,
)
from aetia.evals.tasks._graph_words import GraphWords, graph_words

__all__ = ["TASKS"]


class _Worded(NamedTuple):
    """A graph in words, with the names that it was given."""

    names: tuple[str, ...]
    words: GraphWords
    context: str
    graph: str


def _worded(problem: GraphProblem, style: Style, random: Random) -> _Worded:
    row = drawn_names(style.names, style.language, random)
    names = tuple([row[slot] for slot in problem.slots])
    words = graph_words(style.language, style.wording)
    pairs = [(names[parent], names[child]) for parent, child in pairs_of(problem.parents)]
    edges = sorted([words.edge.join(pair) for pair in pairs])
    graph = "; ".join([" -> ".join(pair) for pair in pairs])
    if not problem.siblings:
        return _Worded(names, words, words.context(edges, [], style.order), graph)
    arcs = [sorted((names[one], names[other])) for one, other in pairs_of(problem.siblings) if one < other]
    hidden = sorted([words.pair.join(pair) for pair in arcs])
    graph = "; ".join([graph, *[" <-> ".join(pair) for pair in arcs]])
    return _Worded(names, words, words.context(edges, hidden, style.order), graph)


def _facts(worded: _Worded, cause: str, effect: str, query: str) -> dict[str, str]:
    return {"graph": worded.graph, "treatment": cause, "outcome": effect, "query": query}


class _OfGraphs(Generator[GraphProblem]):
    """What all of them share."""

    version = 2
    languages = ("en", "zh")
    names = ("random", "nonsense", "real")
    wordings = 2
    has_order = True

    def is_fit(self, problem: GraphProblem) -> bool:
        """Whether a changed problem still has one answer."""
        return above(problem.parents)[problem.effect] >> problem.cause & 1 == 1


@dataclass(frozen=True)
class _Relation(_OfGraphs):
    """Is one variable a cause, an ancestor or a parent of another?"""

    kind: Literal["ar", "ca-fa", "ca-fp"]
    labels = ("yes", "no")

    def is_fit(self, problem: GraphProblem) -> bool:
        return problem.cause != problem.effect

    def pose(self, random: Random) -> GraphProblem | None:
        return pose_relation(random, self.kind)

    def solve(self, problem: GraphProblem) -> Solution:
        parents, cause, effect = problem.parents, problem.cause, problem.effect
        is_edge = parents[effect] >> cause & 1
        ancestors = above(parents)
        related = is_edge if self.kind == "ca-fp" else ancestors[effect] >> cause & 1
        other = parents[cause] >> effect & 1 if self.kind == "ca-fp" else ancestors[cause] >> effect & 1
        rivals = {"wrong-direction": _YES_NO[other]}
        if self.kind == "ca-fp":
            rivals["any-path"] = _YES_NO[ancestors[effect] >> cause & 1]
        else:
            rivals["one-edge"] = _YES_NO[is_edge]
        return Solution(_YES_NO[related], rivals=rivals)

    def word(self, problem: GraphProblem, solution: Solution, style: Style, random: Random) -> Wording:
        worded = _worded(problem, style, random)
        names, words = worded.names, worded.words
        cause, effect = names[problem.cause], names[problem.effect]
        reason = _RELATIONS[self.kind == "ca-fp", solution.label]
        path = " -> ".join([names[place] for place in _path(problem)]) if reason == "path" else ""
        return Wording(
            worded.context,
            words.questions[self.kind].format(cause=cause, effect=effect),
            solution.label,
            facts=_facts(worded, cause, effect, f"{_ASKED[self.kind]}({cause}, {effect})"),
            derivation=(words.because[reason].format(cause=cause, effect=effect, path=path),),
        )

    def changed(self, problem: GraphProblem, random: Random) -> Mapping[str, GraphProblem]:
        return _first_change("flipped-edge", self, problem, flipped(problem, random))


_YES_NO = ("no", "yes")
_ASKED = {"ar": "cause", "ca-fa": "ancestor", "ca-fp": "parent"}
_RELATIONS = {
    (False, "yes"): "path",
    (False, "no"): "no path",
    (True, "yes"): "edge",
    (True, "no"): "no edge",
}


def _path(problem: GraphProblem) -> list[int]:
    """A directed path from the cause to the effect."""
    ancestors, path = above(problem.parents), [problem.effect]
    while path[0] != problem.cause:
        onward = (parent for parent in MEMBERS[problem.parents[path[0]]] if ancestors[parent] >> problem.cause & 1)
        path.insert(0, next(onward))
    return path


def _first_change(
    name: str, generator: _OfGraphs, problem: GraphProblem, changes: Iterable[GraphProblem]
) -> dict[str, GraphProblem]:
    """The first fit change, of those that change the label if there are such."""
    label, fallback = generator.solve(problem).label, None
    for change in changes:
        if not generator.is_fit(change):
            continue
        if generator.solve(change).label != label:
            return {name: change}
        fallback = fallback or change
    return {name: fallback} if fallback else {}


@dataclass(frozen=True)
class _Sets(_OfGraphs):
    """Which of three sets of variables meets a criterion? A label here is the place of the right option."""

    kind: Literal["bas-max", "bas-min", "bas-mix", "fas", "iv"]

    def pose(self, random: Random) -> GraphProblem | None:
        return pose_sets(random, self.kind)

    def is_fit(self, problem: GraphProblem) -> bool:
        return super().is_fit(problem) and sum(is_valid(self.kind, problem, chosen) for chosen in problem.options) == 1

    def solve(self, problem: GraphProblem) -> Solution:
        right = [place for place, chosen in enumerate(problem.options) if is_valid(self.kind, problem, chosen)]
        backwards = GraphProblem(problem.parents, problem.effect, problem.cause)
        rivals = {"wrong-direction": backwards} if self.kind != "iv" else {}
        wrong = {
            name: str(place)
            for name, other in rivals.items()
            for place, chosen in enumerate(problem.options)
            if place != right[0] and is_valid(self.kind, other, chosen)
        }
        return Solution(str(right[0]), rivals=wrong)

    def word(self, problem: GraphProblem, solution: Solution, style: Style, random: Random) -> Wording:
        worded = _worded(problem, style, random)
        names, words = worded.names, worded.words
        cause, effect = names[problem.cause], names[problem.effect]
        options = [words.inner.join(sorted([names[place] for place in MEMBERS[one]])) for one in problem.options]
        order = [0, 1, 2]
        if style.order:
            Random(style.order).shuffle(order)
        right = options[int(solution.label)]
        return Wording(
            worded.context,
            words.questions[self.kind].format(cause=cause, effect=effect),
            str(order.index(int(solution.label)) + 1),
            options=tuple([options[place] for place in order]),
            facts=_facts(worded, cause, effect, f"P({effect} | do({cause}))"),
            rivals={name: str(order.index(int(place)) + 1) for name, place in solution.rivals.items()},
            derivation=(words.because[_REASONS[self.kind]].format(cause=cause, effect=effect, set=right),),
        )

    def changed(self, problem: GraphProblem, random: Random) -> Mapping[str, GraphProblem]:
        # A turned edge rarely leaves the one maximal or minimal set among the options so.
        if self.kind in {"bas-max", "bas-min"}:
            return {}
        return _first_change("flipped-edge", self, problem, flipped(problem, random))


_REASONS = {
    "bas-max": "back-door",
    "bas-min": "back-door",
    "bas-mix": "back-door",
    "fas": "front-door",
    "iv": "instrument",
}


@dataclass(frozen=True)
class _Identified(_OfGraphs):
    """Is the effect identified, where that share of neighbours has a hidden common cause?"""

    share: float
    labels = ("yes", "no")

    def pose(self, random: Random) -> GraphProblem | None:
        return pose_identification(random, self.share)

    def solve(self, problem: GraphProblem) -> Solution:
        parents, siblings = problem.parents, problem.siblings
        found = is_identified(parents, siblings, problem.cause, problem.effect)
        bow = siblings[problem.cause] >> problem.effect & 1
        # Two rules of thumb: any hidden cause of the treatment spoils it; only one shared with the outcome does.
        rivals = {"any-hidden-cause": _YES_NO[siblings[problem.cause] == 0], "hidden-with-outcome": _YES_NO[not bow]}
        return Solution(_YES_NO[found], rivals=rivals)

    def word(self, problem: GraphProblem, solution: Solution, style: Style, random: Random) -> Wording:
        worded = _worded(problem, style, random)
        names, words = worded.names, worded.words
        cause, effect = names[problem.cause], names[problem.effect]
        reason = words.because["identified" if solution.label == "yes" else "hedge"]
        return Wording(
            worded.context,
            words.questions["cei"].format(cause=cause, effect=effect),
            solution.label,
            facts=_facts(worded, cause, effect, f"P({effect} | do({cause}))"),
            derivation=(reason.format(cause=cause, effect=effect),),
        )

    def changed(self, problem: GraphProblem, random: Random) -> Mapping[str, GraphProblem]:
        return {
            **_first_change("flipped-edge", self, problem, flipped(problem, random)),
            **_first_change("hidden-cause", self, problem, hidden_cause_changed(problem, random)),
        }


def _task(name: str, asks: str, rung: Rung, scenario: str, generator: _OfGraphs, skill: str = "graph search") -> Task:
    is_choice = isinstance(generator, _Sets)
    return Task(
        name=f"calm/{name}",
        asks=asks,
        target=Target(rung, scenario, "choice" if is_choice else "binary", "symbolic"),
        source=cast("Generator[object]", generator),
        chance=1 / 3 if is_choice else 1 / 2,
        tags=Tags((skill,), "text", "discovery" if rung == "discovery" else "decision"),
        seeds=("069",),
        citation="Chen et al., Causal Evaluation of Language Models, arXiv 2405.00622",
        engine=engine,
    )


TASKS: tuple[Task, ...] = (
    _task("ar", "Does one variable of a graph cause another?", "discovery", "AR", _Relation("ar")),
    _task("ca-fa", "Is one variable of a graph an ancestor of another?", "discovery", "CA", _Relation("ca-fa")),
    _task("ca-fp", "Is one variable of a graph a parent of another?", "discovery", "CA", _Relation("ca-fp")),
    _task("bas-max", "Which set is a maximal back-door set?", "intervention", "BAS", _Sets("bas-max"), "back-door"),
    _task("bas-min", "Which set is a minimal back-door set?", "intervention", "BAS", _Sets("bas-min"), "back-door"),
    _task("bas-mix", "Which set is a back-door set?", "intervention", "BAS", _Sets("bas-mix"), "back-door"),
    _task("fas", "Which set is a front-door set?", "intervention", "FAS", _Sets("fas"), "front-door"),
    _task("iv", "Which variable is an instrument?", "intervention", "IV", _Sets("iv"), "instruments"),
    *(
        _task(
            f"cei-{share}",
            f"Is an effect identified, with hidden causes of {share:.0%} of the neighbours?",
            "intervention",
            "CEI",
            _Identified(share),
            "identification",
        )
        for share in (0.2, 0.4, 0.6, 0.8)
    ),
)
