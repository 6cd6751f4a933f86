"""What number, or which table of numbers, is an expression on this model, distribution or table of data?

Where an expression asks for something given what never happens, its value there is undefined. An undefined number times
zero is zero (the outcome of a stratum that does not occur is of no matter); any other use of it is an error, never a
number.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import isnan, nan
from typing import cast

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.language.derivation import Number
from aetia.scm.language.expression import (
    Constant,
    Difference,
    Expectation,
    Expression,
    Probability,
    Product,
    Quotient,
    Sum,
    Variable,
)
from aetia.scm.language.printing import to_text
from aetia.scm.language.query import Term, Value
from aetia.scm.language.rewriting import parts, substituted
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.elimination import BUDGET, eliminate
from aetia.scm.models.factor import Factor
from aetia.scm.models.measured import Distribution, ModelLaw, Sample, Source, domain, place

__all__ = ["Sources", "evaluate"]

Sources = DiscreteModel | Source | Sequence[Source] | Mapping[str, DiscreteModel]
"""A model, a distribution, rows of data, several of these, or a model a population."""


def evaluate(
    expression: Expression,
    source: Sources,
    at: Mapping[str, Value] | None = None,
    *,
    budget: int = BUDGET,
) -> Number | Factor:
    """The expression's number; with variables left open, its table, an axis each in the order of their names.

    Args:
        expression: What to evaluate.
        source: Where the probabilities come from: a model (its observational distribution and all its experiments), a
            distribution, a table of data, several of these (experiments, other populations), or a model a population.
        at: Values of variables that are open in the expression.
        budget: How many bytes the largest table on the way may take.

    Raises:
        CausalModelError: AE-7260 it needs a probability given what never happens; AE-7261 it needs a population or an
            experiment that the source has not; AE-7262 a mean of a variable whose values are no numbers; AE-7207,
            AE-7208 unknown values and variables; AE-7209 the tables do not fit the budget.
    """
    closed = substituted(expression, at or {})
    evaluation = _Evaluation(source, budget)
    found = evaluation.table(closed)
    axes = tuple(sorted(found.axes))
    values = found.over(axes)
    if np.any(_undefined(values)):
        raise evaluation.complaint(closed)
    if values.dtype == object and any(isinstance(number, float) for number in values.flat):
        values = values.astype(np.float64)  # whole numbers of the expression met floats of the source
    if axes:
        return Factor(axes, values)
    return cast("Number", values.item())


class _Evaluation:
    """One evaluation: the tables of the parts that are done, by the parts' identity."""

    def __init__(self, source: Sources, budget: int) -> None:
        self.models: Mapping[str, DiscreteModel] = {}
        self.sources: list[Source] = []
        match source:
            case DiscreteModel():
                self.models = {"": source}
            case Mapping():
                self.models = source
            case Distribution() | Sample() | ModelLaw():
                self.sources = [source]
            case _:
                self.sources = list(source)
        self.budget = budget
        self.done: dict[int, Factor] = {}
        self.held: list[Expression] = []  # identities stay taken only while their objects live
        self.weights: dict[tuple[str, frozenset[str], frozenset[str]], Factor] = {}

    def table(self, expression: Expression) -> Factor:
        """The expression's numbers, an axis for each open variable; undefined ones are NaN."""
        if id(expression) not in self.done:
            self.done[id(expression)] = self._table(expression)
            self.held.append(expression)
        return self.done[id(expression)]

    def _table(self, expression: Expression) -> Factor:
        match expression:
            case Product(factors):
                return self._summed(factors, ())
            case Sum(over, of):
                return self._summed(of.factors if isinstance(of, Product) else [of], over)
            case Quotient():
                return _quotient(self.table(expression.numerator), self.table(expression.denominator))
            case Difference():
                first, second = self.table(expression.minuend), self.table(expression.subtrahend)
                axes = tuple(dict.fromkeys((*first.axes, *second.axes)))
                return Factor(axes, np.asarray(first.over(axes) - second.over(axes)))
            case _:
                return self._leaf(expression)

    def _leaf(self, expression: Constant | Variable | Probability | Expectation) -> Factor:
        match expression:
            case Constant(value):
                is_whole = float(value).is_integer()
                return Factor((), np.asarray(int(value) if is_whole else value, dtype=object if is_whole else float))
            case Variable(name):
                return Factor((name,), self._numbers(name))
            case Probability():
                return self._probability(expression)
            case Expectation(outcome, given):
                chance = Probability((Term(outcome.variable),), given)
                return self._summed([chance, Variable(outcome.variable)], (outcome.variable,))

    def _summed(self, of: Sequence[Expression], over: Sequence[str]) -> Factor:
        """The sum of the product; a cell is undefined where a summand is that is not zero by another factor."""
        factors = [self.table(part) for part in of]
        keep = tuple(dict.fromkeys(name for factor in factors for name in factor.axes if name not in over))
        sizes = {name: size for factor in factors for name, size in zip(factor.axes, factor.values.shape, strict=True)}
        sizes |= {name: len(domain(self._any_source(), name)) for name in over if name not in sizes}
        unseen = [Factor((name,), np.ones(sizes[name], dtype=object)) for name in over]
        unseen = [one for one in unseen if not any(one.axes[0] in factor.axes for factor in factors)]
        gaps = [_undefined(factor.values) for factor in factors]
        if not any(np.any(gap) for gap in gaps):
            return eliminate([*factors, *unseen], keep, sizes, budget=self.budget)
        sound = [
            Factor(factor.axes, np.where(gap, 0, factor.values)) for factor, gap in zip(factors, gaps, strict=True)
        ]
        found = eliminate([*sound, *unseen], keep, sizes, budget=self.budget)
        # Count the summands that are not zero, once with and once without those that have an undefined factor.
        present = [Factor(one.axes, (one.values != 0).astype(float)) for one in sound]
        possible = [
            Factor(one.axes, ((one.values != 0) | gap).astype(float)) for one, gap in zip(sound, gaps, strict=True)
        ]
        counts = [eliminate(one, keep, sizes, budget=self.budget).values for one in (present, possible)]
        return Factor(keep, np.where(counts[0] == counts[1], found.values, np.nan))

    def _probability(self, expression: Probability) -> Factor:
        """P(event | given) as weights of both over weights of what is given; experiments are given what they set."""
        known = (*expression.given, *expression.do)
        do = frozenset(term.variable for term in expression.do)
        index = self._index((*expression.event, *known))
        every = self._weights(expression.population, do, (*expression.event, *known))
        given = every.sum_out({term.variable for term in expression.event} - {term.variable for term in known})
        return _quotient(every.at(index), given.at(index)) if known else every.at(index)

    def _weights(self, population: str, do: frozenset[str], needed: Sequence[Term]) -> Factor:
        names = frozenset(term.variable for term in needed)
        key = (population, do, names)
        if key not in self.weights:
            self.weights[key] = self._source(population, do).weights(tuple(sorted(names)))
        return self.weights[key]

    def _source(self, population: str, do: frozenset[str]) -> Source:
        for source in self.sources:
            if source.population == population and source.do == do:
                return source
        for name, model in self.models.items():
            if name == population:
                law = ModelLaw(model, population, do, self.budget)
                self.sources.append(law)
                return law
        regime = f"an experiment on {', '.join(sorted(do))}" if do else "observation"
        found = f"The expression needs {regime} in {population or 'the population at hand'}, which was not given."
        raise CausalModelError("AE-7261", found, mend="give that distribution too, or identify from what there is.")

    def _any_source(self) -> Source:
        return self.sources[0] if self.sources else ModelLaw(next(iter(self.models.values())))

    def _index(self, found: Sequence[Term]) -> dict[str, int]:
        source = self._any_source()
        for term in found:
            domain(source, term.variable)
        return {term.variable: place(source, term.variable, term.value) for term in found if term.value is not None}

    def _numbers(self, name: str) -> np.ndarray:
        values = domain(self._any_source(), name)
        strange = [value for value in values if not isinstance(value, int | float)]
        if strange:
            found = f"{name} has no mean: its value {strange[0]!r} is no number."
            raise CausalModelError("AE-7262", found, mend=f"ask for P({name}={strange[0]}) instead.")
        is_whole = all(isinstance(value, int) or value.is_integer() for value in cast("tuple[float, ...]", values))
        numbers = [int(cast("float", value)) for value in values] if is_whole else values
        return np.array(numbers, dtype=object if is_whole else np.float64)

    def complaint(self, expression: Expression) -> CausalModelError:
        """The error that names a probability that was needed and is not defined."""
        for part in _leaves(expression):
            table = self.done.get(id(part))
            if isinstance(part, Probability) and table is not None and np.any(_undefined(table.values)):
                place_of_first = np.argwhere(_undefined(table.values))[0]
                values = [
                    f"{name}={domain(self._any_source(), name)[index]}"
                    for name, index in zip(table.axes, place_of_first, strict=True)
                ]
                at = f" at {', '.join(values)}" if values else ""
                found = f"The value is not defined: it needs {to_text(part)}{at}, and what that is given never happens."
                break
        else:
            found = "The value is not defined: a denominator is zero."
        mend = "ask for values that occur, or use another expression; every stratum needs all treatments."
        return CausalModelError("AE-7260", found, mend=mend)


def _leaves(expression: Expression) -> Iterator[Expression]:
    """All parts without parts, each once."""
    seen, waiting = set[int](), [expression]
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            waiting.extend(reversed(parts(part)))
            if not parts(part):
                yield part


def _quotient(numerator: Factor, denominator: Factor) -> Factor:
    """The quotient; undefined where the denominator is zero."""
    axes = tuple(dict.fromkeys((*numerator.axes, *denominator.axes)))
    above, below = np.broadcast_arrays(numerator.over(axes), denominator.over(axes))
    is_exact = above.dtype == object and below.dtype == object
    if is_exact:
        return Factor(axes, np.asarray(np.frompyfunc(_fraction, 2, 1)(above, below), dtype=object))
    above, below = above.astype(np.float64), below.astype(np.float64)
    is_empty = below == 0
    return Factor(axes, np.where(is_empty, np.nan, above / np.where(is_empty, 1.0, below)))


def _fraction(above: Number, below: Number) -> Number:
    if below == 0 or isnan(above) or isnan(below):
        return nan
    return Fraction(above) / Fraction(below)


def _undefined(values: np.ndarray) -> np.ndarray:
    """Where the numbers are NaN, be they floats or objects."""
    return np.asarray(values != values, dtype=bool)  # noqa: PLR0124 - NaN alone differs from itself
