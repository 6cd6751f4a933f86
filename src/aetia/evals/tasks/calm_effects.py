"""CaLM's effects: would a change make an outcome more likely, and by how much?

Average, controlled direct, natural direct and indirect effects, the effect on the treated, and bounds of the
probabilities of necessity and sufficiency. Each item is a causal graph of binary variables, a few probabilities, and
one question. The label is exact for the probabilities as they are printed.

In a part of the items the graph has no path of the kind that is asked for, so that the effect is zero, whatever the
numbers suggest; these are as long as the others and their numbers look the same. Effects nearer to zero than 0.02 are
rejected, and so are bounds nearer than 0.02 to where they are cut off at 0 or 1, and numbers that round both ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Literal, cast

from aetia.evals.task import Generator, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._effect_engine import answered
from aetia.evals.tasks._effect_numbers import (
    SCALE,
    Asked,
    Problem,
    crude,
    decimals,
    drawn_joint,
    effect,
    formula,
    from_joint,
)
from aetia.evals.tasks._effect_shapes import Kind, Size, drawn_system, is_determined
from aetia.evals.tasks._effect_words import WORDINGS, worded

__all__ = ["CLIPPED", "MARGIN", "TASKS", "ZERO", "EffectGenerator"]

MARGIN = Fraction(2, 100)
"""No effect that is not zero is smaller, and no bound nearer to where it is cut off."""

ZERO = {"natural": Fraction(1, 3), "number": Fraction(1, 4)}
"""The share of draws without effect; of questions with yes or no, half of the items with the label no."""

CLIPPED = Fraction(1, 4)
"""The share of bounds that are cut off: lower ones at 0, upper ones at 1."""

_TRIES = 400
_LEAST = 20  # a printed probability is at least 0.002 from 0 and 1
_CASE = 3  # a statement about treatment and outcome together
_LEAST_CASES = 200  # and that of the case whose causes are asked for at least 0.02

Form = Literal["natural", "number"]


@dataclass(frozen=True)
class EffectGenerator(Generator[Problem]):
    """Questions about one kind of effect.

    Args:
        kind: Of effect.
        form: `natural` asks for yes or no, `number` for four decimals.
        is_hard: Whether the graph has six to nine variables instead of three to five.
    """

    kind: Kind
    form: Form
    is_hard: bool = False
    languages = ("en", "zh")
    wordings = WORDINGS
    has_order = True

    @property
    def labels(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  a choice of the task
        """Both answers as often; numbers are not balanced."""
        return ("yes", "no") if self.form == "natural" else ()

    def pose(self, random: Random, /) -> Problem | None:
        """Draw a problem: size and whether there is an effect first, then a model of that kind with a clear answer."""
        size = self._size(random)
        is_causation = self.kind in {"pn", "ps"}
        is_special = random.random() < (CLIPPED if is_causation else ZERO[self.form])
        asked = self._asked(random)
        for _ in range(_TRIES):
            system = drawn_system(random, self.kind, size, has_effect=is_causation or not is_special)
            if system is None:
                continue
            problem = Problem(system, drawn_joint(random, system), asked, random.getrandbits(32))
            if is_clear(problem) and (not is_causation or _is_clipped(problem) == is_special):
                return problem
        return None

    def _size(self, random: Random) -> Size:
        has_adjuster = random.random() < 0.5
        least = 4 if has_adjuster and self.kind in {"cde", "nde", "nie"} else 3
        nodes = random.randrange(6, 10) if self.is_hard else random.randrange(least, 6)
        most = nodes * (nodes - 1) // 2
        more = {"cde": 1, "nde": 1 + has_adjuster, "nie": 1 + has_adjuster}.get(self.kind, 0)
        edges = nodes + has_adjuster + more + random.randrange(3 if self.is_hard else 2) - (nodes > 3)
        return Size(nodes, min(most, edges), has_adjuster)

    def _asked(self, random: Random) -> Asked:
        told = random.getrandbits(4)
        if self.kind in {"pn", "ps"}:
            imagined = 0 if self.kind == "pn" else 1
            return Asked(self.kind, imagined, imagined, 0, random.choice(("lower", "upper")), told)
        bits = random.getrandbits(3)
        return Asked(self.kind, bits & 1, bits >> 1 & 1, bits >> 2 if self.kind == "cde" else 0, "", told)

    def solve(self, problem: Problem, /) -> Solution:
        """Return the label by the closed form; tests hold it to `aetia.scm`."""
        value = effect(problem)
        label = self._label(problem.asked.kind, value)
        told = {name: self._label(problem.asked.kind, one) for name, one in _mistakes(problem).items()}
        rivals = {name: one for name, one in told.items() if one != label}
        margin = abs(float(value)) if self.form == "natural" else None
        return Solution(label, margin, _derivation(problem, decimals(value)), rivals)

    def _label(self, kind: Kind, value: Fraction) -> str:
        if self.form == "number":
            return decimals(value)
        # the effect on the treated compares what is with what would be, and the question asks about what would be
        return "yes" if (value.numerator < 0 if kind == "ett" else value.numerator > 0) else "no"

    def word(self, problem: Problem, solution: Solution, style: Style, random: Random, /) -> Wording:
        """Put the problem into words."""
        return worded(problem, solution, style, random, self.form)

    def changed(self, problem: Problem, random: Random, /) -> Mapping[str, Problem]:  # noqa: ARG002  all are given
        """One edge turned so that there is an effect or none; seeing for doing; another kind of effect or bound."""
        found: dict[str, Problem] = {}
        flipped = None if problem.asked.bound else _flipped(problem)
        if flipped:
            found["flipped-edge"] = flipped
        for name, kind in _OTHER_KINDS.get(problem.asked.kind, {}).items():
            found[name] = replace(problem, asked=replace(problem.asked, kind=kind))
        if problem.asked.bound:
            other = "upper" if problem.asked.bound == "lower" else "lower"
            found["other-bound"] = replace(problem, asked=replace(problem.asked, bound=other))
        return {name: one for name, one in found.items() if is_clear(one) and _has_answer(one)}


_OTHER_KINDS: Mapping[Kind, Mapping[str, Kind]] = {
    "ate": {"see": "see", "rung-shift": "ett"},
    "ett": {"see": "see", "rung-shift": "ate"},
    "nde": {"other-path": "nie"},
    "nie": {"other-path": "nde"},
}


def is_clear(problem: Problem) -> bool:
    """Whether the printed numbers are well away from 0 and 1, and the answer from where it would change."""
    told = problem.numbers
    if any(not _LEAST <= one <= SCALE - _LEAST for one in told.values()) or len(set(told.values())) < len(told):
        return False  # a number that is there twice would tell of independence, and so of the graph
    bound = problem.asked.bound
    if bound and any(one < _LEAST_CASES for statement, one in told.items() if statement[0] == _CASE):
        return False
    part, whole = problem.unclipped.numerator, problem.unclipped.denominator  # whole numbers are compared fast
    least = MARGIN.numerator * whole
    if any(abs(part - edge) * MARGIN.denominator < least for edge in ((0, whole) if bound else (0,))):
        return False
    if bound and (part > whole if bound == "lower" else part < 0):
        return False  # only rounding can do this
    return part * SCALE * 2 % whole != 0 or part * SCALE % whole == 0


def _is_clipped(problem: Problem) -> bool:
    return effect(problem) != problem.unclipped


def _has_answer(problem: Problem) -> bool:
    return not problem.has_effect or is_determined(problem.asked.kind, problem.system.parents, problem.system.roles)


def _flipped(problem: Problem) -> Problem | None:
    """The problem with one edge between two roles turned, so that an effect appears or disappears."""
    system = problem.system
    places = [place for place in system.roles.places if place >= 0]
    for cause, node in system.edges:
        if cause not in places or node not in places:
            continue
        parents = list(system.parents)
        parents[node] &= ~(1 << cause)
        parents[cause] |= 1 << node
        order = _order(parents)
        if order is None:
            continue
        other = replace(problem, system=replace(system, parents=tuple(parents), order=order))
        if other.has_effect != problem.has_effect and _has_answer(other):
            return other
    return None


def _order(parents: list[int]) -> tuple[int, ...] | None:
    """An order of time; None if the graph has a cycle."""
    order: list[int] = []
    placed = 0
    while len(order) < len(parents):
        ready = [node for node, held in enumerate(parents) if not placed >> node & 1 and not held & ~placed]
        if not ready:
            return None
        order += ready
        placed |= sum(1 << node for node in ready)
    return tuple(order)


def _mistakes(problem: Problem) -> dict[str, Fraction]:
    """The numbers that known mistakes give."""
    asked, has_adjuster, value = problem.asked, problem.has_adjuster, from_joint(problem.joint)

    def by(kind: Kind) -> Fraction:
        return formula(replace(asked, kind=kind), has_adjuster, value)

    right = effect(problem)
    found: dict[str, Fraction] = {}
    if asked.bound:
        other = replace(asked, bound="upper" if asked.bound == "lower" else "lower")
        found["other-bound"] = formula(other, has_adjuster, value)
        found["not-limited"] = problem.unclipped
        if has_adjuster:
            found["no-adjustment"] = formula(asked, False, value)  # noqa: FBT003  the mistake
        return found
    if not problem.has_effect:
        found["correlation"] = problem.unclipped
    elif has_adjuster or asked.kind in {"cde", "nde", "nie"}:
        found["correlation"] = -crude(problem) if asked.kind == "ett" else crude(problem)
    if has_adjuster and problem.has_effect and asked.kind != "see":
        found["no-adjustment"] = formula(asked, False, value)  # noqa: FBT003  the mistake
    for name, kind in (("direct-effect", "nde"), ("indirect-effect", "nie"), ("total-effect", "ate")):
        if asked.kind in {"nde", "nie", "cde"} and problem.has_effect and asked.kind != kind:
            found[name] = by(kind)
    if asked.kind == "ett" and has_adjuster and problem.has_effect:
        found["average-effect"] = -by("ate")
    found["wrong-sign"] = -right
    return found


_REASONS: Mapping[Kind, tuple[str, str, str]] = {
    "ate": (
        "a directed path leads from {x} to {y}",
        "no directed path leads from {x} to {y}",
        "sum over z of [P(y | x, z) - P(y | x', z)] P(z)",
    ),
    "ett": (
        "a directed path leads from {x} to {y}",
        "no directed path leads from {x} to {y}",
        "P(y | x) - sum over z of P(y | x', z) P(z | x)",
    ),
    "cde": (
        "a directed path leads from {x} to {y} past {m}",
        "no directed path leads from {x} to {y} past {m}",
        "sum over z of [P(y | x, m, z) - P(y | x', m, z)] P(z)",
    ),
    "nde": (
        "there is an edge from {x} to {y}",
        "there is no edge from {x} to {y}",
        "sum over m, z of [P(y | x', m, z) - P(y | x, m, z)] P(m | x, z) P(z)",
    ),
    "nie": (
        "a directed path leads from {x} to {y} through others",
        "no directed path leads from {x} to {y} through others",
        "sum over m, z of P(y | x, m, z) [P(m | x', z) - P(m | x, z)] P(z)",
    ),
    "see": ("seeing is asked for, not doing", "", "P(y | x) - P(y | x')"),
}
_BOUNDS = {
    "lower": "max(0, [P(y) - P(y | do(x'))] / P(x, y)), with x and y as they were",
    "upper": "min(1, [P(y' | do(x')) - P(x', y')] / P(x, y)), with x and y as they were",
}


def _derivation(problem: Problem, result: str) -> tuple[str, ...]:
    asked = problem.asked
    adjusted = "the adjustment set is {z}" if problem.has_adjuster else "the adjustment set is empty"
    if asked.bound:
        return (adjusted, f"the {asked.bound} bound is {_BOUNDS[asked.bound]}", f"= {result}")
    works, fails, told = _REASONS[asked.kind]
    if not problem.has_effect:
        return (fails, f"= {result}")
    steps = (f"{asked.kind.upper()} = {told}", f"= {result}")
    return (works, *steps) if asked.kind == "see" else (works, adjusted, *steps)


_ASKS = {
    "ate": "Would setting a variable to a value make an outcome more likely",
    "cde": "Would setting a variable make an outcome more likely while another one is held",
    "ett": "Would another value have made an outcome more likely where a variable has a value",
    "nde": "Does a variable make an outcome more likely directly",
    "nie": "Does a variable make an outcome more likely through others",
    "pn": "What bounds the chance that an outcome would not have been without its cause",
    "ps": "What bounds the chance that a cause would have brought an outcome about",
}
_COUNTERFACTUAL = {"ett", "nde", "nie", "pn", "ps"}


def _task(kind: Kind, level: str) -> Task:
    form: Form = "natural" if level == "natural" else "number"
    rung = "counterfactual" if kind in _COUNTERFACTUAL else "intervention"
    ends = {"natural": "?", "basic": ", and by how much?", "hard": ", and by how much, in a larger graph?"}
    ends_of_bounds = {"basic": "?", "hard": ", in a larger graph?"}
    has_bound = kind in {"pn", "ps"}
    answer = "binary" if form == "natural" else "number"
    # What one number for all items gets: a clipped bound is 0 as often as 1.
    constant = CLIPPED / 2 if has_bound else ZERO[form]
    chance = 0.5 if form == "natural" else float(constant)
    return Task(
        name=f"calm/{kind}-{level}",
        asks=_ASKS[kind] + (ends_of_bounds if has_bound else ends)[level],
        target=Target(rung, kind.upper(), answer, "mathematical"),
        source=cast("Generator[object]", EffectGenerator(kind, form, level == "hard")),
        chance=chance,
        tags=Tags(("graph search", "arithmetic"), "text", "decision" if rung == "intervention" else "explanation"),
        seeds=("069",),
        citation="Chen et al. 2024, Causal Evaluation of Language Models, arXiv 2405.00622",
        engine=answered,
    )


TASKS: tuple[Task, ...] = tuple(
    _task(kind, level)
    for kind in ("ate", "cde", "ett", "nde", "nie", "pn", "ps")
    for level in ("natural", "basic", "hard")
    if level != "natural" or kind not in {"pn", "ps"}
)
