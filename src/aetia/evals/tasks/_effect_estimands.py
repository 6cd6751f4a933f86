"""What effect follows from a graph and the probabilities that a text prints, and do they determine it at all?

This road to an answer shares nothing with the generator's: values go by their names, sets to adjust for are read off
the conditions that are printed and judged by `aetia.scm`, and sums run over whatever is there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import product

from aetia.errors import EvaluationError
from aetia.evals.item import Form
from aetia.scm import Graph, is_adjustment_set
from aetia.text import clean_text

__all__ = ["Assignment", "Given", "Question", "assignment", "estimate", "four_decimals", "label_of"]

Assignment = frozenset[tuple[str, str]]
"""Variables with the names of their values."""

Event = Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """What a text asks.

    Args:
        kind: Of effect, as in `ate`.
        treatment: The variable that is changed.
        imagined: The value that it is changed to.
        outcome: The variable whose chance changes.
        wanted: The value of the outcome that is asked about.
        form: `binary` or `number`.
        held: The values at which variables are held.
        bound: `lower` or `upper`.
    """

    kind: str
    treatment: str
    imagined: str
    outcome: str
    wanted: str
    form: Form
    held: Event = field(default_factory=dict)
    bound: str = ""


@dataclass(frozen=True)
class Given:
    """What a text tells: the graph's edges, and probabilities by event and condition."""

    edges: tuple[tuple[str, str], ...]
    numbers: Mapping[tuple[Assignment, Assignment], Fraction]

    @cached_property
    def graph(self) -> Graph:
        """The causal graph."""
        return Graph.of(self.edges)

    @cached_property
    def values(self) -> Mapping[str, tuple[str, ...]]:
        """The values of each variable that the probabilities name, in the order in which they stand there."""
        found: dict[str, dict[str, None]] = {}
        for event, given in self.numbers:
            for name, value in sorted(event | given):
                found.setdefault(name, {})[value] = None
        return {name: tuple(values) for name, values in found.items()}

    def chance(self, event: Event, given: Event) -> Fraction:
        """The probability, if it is printed, or that of the opposite is.

        Raises:
            EvaluationError: AE-8121 it is not.
        """
        known = assignment(given)
        found = self.numbers.get((assignment(event), known))
        if found is not None:
            return found
        if len(event) == 1:
            for other, condition in self.numbers:
                if condition == known and len(other) == 1 and {name for name, _ in other} == set(event):
                    return 1 - self.numbers[other, condition]
        told = clean_text(f"P({dict(event)} | {dict(given)})", 120)
        raise EvaluationError("AE-8121", f"The text does not give {told}.", mend="see whether the text is complete.")


def assignment(values: Event) -> Assignment:
    """The values as a set that can be looked up."""
    return frozenset(values.items())


def estimate(given: Given, question: Question, *, rounds: bool = False) -> Fraction:
    """The number that the text asks for; that of a question with yes or no has the answer as its sign.

    A direct effect is the one along the edge, an indirect one that along all longer paths.

    Args:
        given: What the text tells.
        question: What it asks.
        rounds: Whether the chance under an intervention is rounded to four decimals before a bound is computed from
            it, as CaLM does.

    Raises:
        EvaluationError: AE-8121 a probability is missing; AE-8122 the probabilities do not determine the effect.
    """
    if question.kind != "see" and not _works(given.graph, question):
        return Fraction(0)
    frame = _Frame.of(given, question, rounds=rounds)
    _check(frame)
    return _ESTIMANDS[question.kind](frame)


def _works(graph: Graph, question: Question) -> bool:
    treatment, outcome = question.treatment, question.outcome
    if treatment not in graph.nodes or outcome not in graph.nodes:
        return False
    if question.kind == "nde":
        return treatment in graph.parents[outcome]
    if question.kind == "nie":
        return bool(graph.descendants(graph.children[treatment] - {outcome}) & graph.parents[outcome])
    if question.kind == "cde":
        graph = graph.without_incoming(frozenset(question.held) & frozenset(graph.nodes))
    return outcome in graph.descendants({treatment})


@dataclass(frozen=True)
class _Frame:
    """A question with what its formula needs.

    Args:
        given: What is told.
        question: What is asked.
        actual: The treatment's other value.
        mediators: The variables that an indirect effect goes through.
        adjusters: The other variables that the printed chances of the outcome depend on.
        rounds: See `estimate`.
    """

    given: Given
    question: Question
    actual: str
    mediators: tuple[str, ...]
    adjusters: tuple[str, ...]
    rounds: bool

    @classmethod
    def of(cls, given: Given, question: Question, *, rounds: bool) -> "_Frame":
        """Read mediators and adjusters off the conditions of what is told of the outcome."""
        treatment = question.treatment
        others = [value for value in given.values.get(treatment, ()) if value != question.imagined]
        conditions = [
            {name for name, _ in condition}
            for event, condition in given.numbers
            if {name for name, _ in event} == {question.outcome}
        ]
        named = {name for condition in conditions if treatment in condition for name in condition}
        free = sorted(named - {treatment, *question.held})
        mediators = tuple(name for name in free if name in given.graph.descendants({treatment}))
        if question.kind not in {"nde", "nie"}:
            mediators = ()
        adjusters = tuple(name for name in free if name not in mediators)
        return cls(given, question, others[0] if others else "", mediators, adjusters, rounds)

    def settings(self, names: tuple[str, ...]) -> Iterator[dict[str, str]]:
        """Every choice of values of these variables."""
        for values in product(*(self.given.values[name] for name in names)):
            yield dict(zip(names, values, strict=True))

    def outcome(self, treatment: str, *conditions: Event) -> Fraction:
        """The chance of the wanted outcome."""
        told = {name: value for condition in conditions for name, value in condition.items()}
        wanted = {self.question.outcome: self.question.wanted}
        return self.given.chance(wanted, {self.question.treatment: treatment, **told})

    def strata(self) -> Iterator[tuple[dict[str, str], Fraction]]:
        """Each choice of values of the adjusters, with its chance."""
        for stratum in self.settings(self.adjusters):
            yield stratum, self.share(stratum, {})

    def share(self, values: Event, given: Event) -> Fraction:
        """The chance of the values; 1 if there are none."""
        return self.given.chance(values, given) if values else Fraction(1)


def _check(frame: _Frame) -> None:
    """Raise AE-8122 if the sums over what is printed are no effect in this graph."""
    question, graph = frame.question, frame.given.graph
    treatment, outcome, adjusters = question.treatment, question.outcome, frame.adjusters
    known = set(graph.nodes)
    if question.kind == "see":
        return
    if not {treatment, outcome, *frame.mediators, *adjusters, *question.held} <= known:
        raise _undetermined(question, "a variable is not in the graph")
    joint = {treatment, *(question.held if question.kind == "cde" else frame.mediators)}
    holds = is_adjustment_set(graph, joint, outcome, adjusters, criterion="adjustment")
    if question.kind in {"nde", "nie"}:
        kept = graph.subgraph(known - set(frame.mediators))
        past = kept.descendants(kept.children[treatment] - {outcome})
        holds = holds and outcome not in past
        for mediator in frame.mediators:
            holds = holds and is_adjustment_set(graph, treatment, mediator, adjusters, criterion="adjustment")
    if question.kind != "cde":
        holds = holds and not graph.descendants({treatment}) & set(adjusters)
    if not holds:
        told = ", ".join(adjusters) or "nothing"
        raise _undetermined(question, f"adjusting for {clean_text(told, 80)} does not give it in this graph")


def _undetermined(question: Question, why: str) -> EvaluationError:
    found = f"The effect of {clean_text(question.treatment, 60)} on {clean_text(question.outcome, 60)} is open: {why}."
    return EvaluationError("AE-8122", found, mend="leave the item out, or give what is missing.")


def _ate(frame: _Frame) -> Fraction:
    imagined, actual, held = frame.question.imagined, frame.actual, frame.question.held
    return sum(
        (
            share * (frame.outcome(imagined, stratum, held) - frame.outcome(actual, stratum, held))
            for stratum, share in frame.strata()
        ),
        Fraction(0),
    )


def _ett(frame: _Frame) -> Fraction:
    """Among those with the other value: as things are, less as they would have been."""
    treated = {frame.question.treatment: frame.actual}
    there = frame.outcome(frame.actual)
    for stratum in frame.settings(frame.adjusters):
        there -= frame.outcome(frame.question.imagined, stratum) * frame.share(stratum, treated)
    return there


def _nde(frame: _Frame) -> Fraction:
    imagined, actual = frame.question.imagined, frame.actual
    total = Fraction(0)
    for stratum, share in frame.strata():
        for held in frame.settings(frame.mediators):
            gain = frame.outcome(imagined, held, stratum) - frame.outcome(actual, held, stratum)
            total += gain * frame.share(held, {frame.question.treatment: actual, **stratum}) * share
    return total


def _nie(frame: _Frame) -> Fraction:
    imagined, actual, treatment = frame.question.imagined, frame.actual, frame.question.treatment
    total = Fraction(0)
    for stratum, share in frame.strata():
        for held in frame.settings(frame.mediators):
            gain = frame.share(held, {treatment: imagined, **stratum}) - frame.share(
                held, {treatment: actual, **stratum}
            )
            total += frame.outcome(actual, held, stratum) * gain * share
    return total


def _see(frame: _Frame) -> Fraction:
    return frame.outcome(frame.question.imagined) - frame.outcome(frame.actual)


def _causation(frame: _Frame) -> Fraction:
    """A bound of the chance of the wanted outcome under the imagined treatment, where both were otherwise."""
    question, given = frame.question, frame.given
    treatment, outcome = question.treatment, question.outcome
    under = sum((share * frame.outcome(question.imagined, stratum) for stratum, share in frame.strata()), Fraction(0))
    if frame.rounds:
        under = Fraction(round(under * 10_000), 10_000)
    values = given.values[outcome]
    other = next((value for value in values if value != question.wanted), "")
    case = given.chance({treatment: frame.actual, outcome: other}, {})
    if question.bound == "lower":
        return max(Fraction(0), (given.chance({outcome: other}, {}) - (1 - under)) / case)
    both = given.chance({treatment: question.imagined, outcome: question.wanted}, {})
    return min(Fraction(1), (under - both) / case)


_ESTIMANDS = {
    "ate": _ate,
    "cde": _ate,
    "ett": _ett,
    "nde": _nde,
    "nie": _nie,
    "pn": _causation,
    "ps": _causation,
    "see": _see,
}


def label_of(question: Question, value: Fraction) -> str:
    """The answer: yes or no, or the number with four decimals.

    The effect on the treated compares what is with what would be; its yes or no is about what would be.
    """
    if question.form == "number":
        return four_decimals(value)
    return "yes" if (value < 0 if question.kind == "ett" else value > 0) else "no"


def four_decimals(value: Fraction) -> str:
    """The number with four decimals, exact halves to the even digit."""
    units = round(value * 10_000)
    return f"{'-' if units < 0 else ''}{abs(units) // 10_000}.{abs(units) % 10_000:04d}"
