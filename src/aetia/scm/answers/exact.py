"""What is the exact answer of a causal model to a question, and how does one find it?"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import reduce
from itertools import product
from typing import Literal

from aetia.errors import AetiaError, CausalModelError, NotIdentifiedError, QueryError
from aetia.scm.answers.estimand import Estimand, estimands
from aetia.scm.answers.linear_answer import linear_answer
from aetia.scm.bounding.gumbel import answer_by_gumbel_max
from aetia.scm.bounding.programs import bounds
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.derivation import Answer, Step, number_to_text
from aetia.scm.language.expression import Constant, Difference, Expression, Product, Quotient, Sum
from aetia.scm.language.query import EffectQuery, ExpectationQuery, ProbabilityQuery, Query, Term, Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.evaluation import evaluate
from aetia.scm.models.factor import Factor
from aetia.scm.models.linear import LinearModel
from aetia.scm.queries.grammar import parse_query
from aetia.scm.queries.named_effect import Composition, composition
from aetia.scm.queries.quantity import Quantity, felt, felt_by_each, number_of, placed, told, worlds_of

__all__ = ["Assumption", "answer"]

Assumption = Literal["gumbel-max"]
"""What may be assumed beyond a model."""

_MOST_NUMBERS = 24
"""Numbers that a line can hold and still be read."""


def answer(model: DiscreteModel | LinearModel, query: Query | str, *, assume: Assumption | None = None) -> Answer:
    """The number that a question has in a model, exactly, with its derivation.

    A question across worlds has one answer where all chance sits in the roots of the model, and in any model where no
    variable with a chance of its own stands in two versions (so for ETT, NDE and NIE).

    Example:
        >>> model = DiscreteModel.of({"X": [0.5, 0.5], "Y": (["X"], [[0.9, 0.1], [0.4, 0.6]])})
        >>> answer(model, "ATE(X, Y)").value
        0.5

    Args:
        model: A discrete or linear model; latent variables take part.
        query: The question, or its text.
        assume: What may be assumed if the tables do not tell the answer: that variables choose by the Gumbel-max
            mechanism. The answer then names the assumption; where bounds meet, and in other answers, none is needed.

    Raises:
        QueryError: AE-7301 to AE-7306 the text is no question of this model; AE-7330 a value is left open; AE-7331 a
            variable is set to another with other values; AE-7332 a mean of texts; AE-7333 the probability of a single
            value in a linear model; AE-7334, AE-7335 the question lacks a part or contradicts itself; AE-7336 an
            unknown assumption; AE-7337 `do` stands beside a term with a world of its own; AE-7367 an effect is asked
            for given an effect of the treatment.
        NotIdentifiedError: AE-7460 the tables do not tell the answer, as far as is found here; bounds may still meet.
        CausalModelError: AE-7210 what is given has probability zero; AE-7209 the tables do not fit the budget.
    """
    asked = parse_query(query, model) if isinstance(query, str) else query
    if assume not in {None, "gumbel-max"}:
        raise QueryError(
            "AE-7336", f"There is no assumption called {assume}.", mend='use assume="gumbel-max", or none.'
        )
    if isinstance(model, LinearModel):
        return linear_answer(model, asked)
    try:
        return _exact(model, asked)
    except NotIdentifiedError:
        if assume is None:
            raise
    return _assumed(model, asked)


def _assumed(model: DiscreteModel, query: Query) -> Answer:
    """The answer of the Gumbel-max mechanism, which is no consequence of the model unless its bounds meet."""
    try:
        limits = bounds(model, query)
    except AetiaError:  # nothing was found out about its limits
        limits = None
    if limits is not None and limits.is_point:
        says = "All models with these tables agree: the bounds meet, to a millionth. Nothing was assumed."
        return Answer(query, limits.low, (Step(says, str(query), Constant(limits.low), "", limits.low),))
    found = answer_by_gumbel_max(model, query)
    error = (
        f" One part was simulated, with a standard error of {found.standard_error:.2g}." if found.standard_error else ""
    )
    says = f"The tables were not found to tell this; every variable is assumed to choose by Gumbel-max.{error}"
    step = Step(says, str(query), Constant(found.value), "", found.value)
    return Answer(query, found.value, (step,), found.assumption)


def _exact(model: DiscreteModel, asked: Query) -> Answer:
    if isinstance(asked, EffectQuery):
        return _effect(model, asked)
    steps = _steps(model, _quantity(asked))
    return Answer(asked, steps[-1].result, steps)


def _quantity(query: ProbabilityQuery | ExpectationQuery) -> Quantity:
    """What the question asks, with `do` as the world of every term."""
    event = query.event if isinstance(query, ProbabilityQuery) else (query.outcome,)
    for term in event if isinstance(query, ProbabilityQuery) else ():
        if term.value is None:
            found = f"The question leaves the value of {term} open."
            raise QueryError(
                "AE-7330", found, mend=f"give it one: `{term}=...`; `aetia.scm.identification` needs none."
            )
    return Quantity(placed(event, query.do), placed(query.given, query.do))


def _effect(model: DiscreteModel, query: EffectQuery) -> Answer:
    """A named effect: a step for each quantity, then what they make together."""
    made = composition(query, model)
    quantities = (*made.summed, *((made.less,) if made.less else ()), *made.over)
    steps = {one: _steps(model, one) for one in dict.fromkeys(quantities)}
    found = tuple(step for several in steps.values() for step in several)
    if len(quantities) == 1:
        says = f"{made.says} {found[-1].says}"
        return Answer(query, found[-1].result, (*found[:-1], replace(found[-1], says=says)))
    last = _composed(query, made, {one: several[-1] for one, several in steps.items()})
    return Answer(query, last.result, (*found, last))


def _composed(query: EffectQuery, made: Composition, steps: Mapping[Quantity, Step]) -> Step:
    """The last step: the quantities' numbers put together."""
    above = [steps[one] for one in made.summed]
    result, formula = (
        sum((one.result for one in above[1:]), start=above[0].result),
        reduce(_plus, (one.formula for one in above)),
    )
    numbers = " + ".join(number_to_text(one.result) for one in above)
    if made.less:
        less = steps[made.less]
        result, formula = result - less.result, Difference(formula, less.formula)
        shown = number_to_text(less.result)
        numbers += f" - ({shown})" if shown.startswith("-") else f" - {shown}"
    if made.over:
        below = [steps[one] for one in made.over]
        whole = sum((one.result for one in below[1:]), start=below[0].result)
        if not whole:
            what = ", ".join(map(str, made.over[0].terms))
            raise CausalModelError("AE-7210", f"{what} has probability zero.", mend="ask given something that can be.")
        result, formula = result / whole, Quotient(formula, reduce(_plus, (one.formula for one in below)))
        numbers = f"({numbers}) / ({' + '.join(number_to_text(one.result) for one in below)})"
    return Step(made.says, str(query), formula, numbers, result)


def _plus(first: Expression, second: Expression) -> Expression:
    return Difference(first, Product((Constant(-1), second)))


def _steps(model: DiscreteModel, quantity: Quantity) -> tuple[Step, ...]:
    """A quantity's number by elimination, and the plainest formula that has it."""
    plain = felt(quantity, model)
    dropped = _dropped(quantity, felt_by_each(quantity, model), model.graph)
    try:
        number = number_of(plain, model)
    except NotIdentifiedError:
        fewer = told(plain, model)
        if fewer == plain or not _is_possible(plain.given, model):
            raise
        plain, gone = fewer, ", ".join(str(term) for term in plain.given if term not in fewer.given)
        number = number_of(plain, model)
        dropped += f"Given the rest, {gone} tells nothing more. "
    for found in estimands(plain, model, worlds_of(plain, model)):
        if _holds(found, model):
            numbers = _with_numbers(found.formula, model)
            last = Step(f"{dropped}{found.says}", str(quantity), found.formula, numbers, number)
            return (*_abduction(found, model), last)
    says = "Elimination in the network of the worlds side by side; no formula over the model's own variables has it."
    return (Step(f"{dropped}{says}", str(quantity), Constant(float(number)), "", number),)


def _is_possible(given: tuple[Term, ...], model: DiscreteModel) -> bool:
    """Whether some model with these tables makes it possible: the one of the Gumbel-max mechanism."""
    try:
        return answer_by_gumbel_max(model, ProbabilityQuery(given)).value > 0
    except CausalModelError:  # it comes about in too many ways to count
        return False


def _abduction(found: Estimand, model: DiscreteModel) -> Iterator[Step]:
    """A step for each combination of the exogenous causes that what is known leaves possible."""
    for one in found.abduced:
        weight = evaluate(one, model)
        assert not isinstance(weight, Factor), "all values are given"
        if weight:
            says = "Abduction: how likely these exogenous causes are, given what is known."
            yield Step(says, str(ProbabilityQuery(one.event, one.given)), one, "", weight)


def _dropped(quantity: Quantity, plain: Quantity, graph: Graph) -> str:
    """Which interventions change nothing, and why, in sentences; empty if all change something.

    Args:
        quantity: What was asked.
        plain: The same term by term, without them.
        graph: The model's graph.
    """
    sentences = list[str]()
    for old, new in zip(quantity.terms, plain.terms, strict=True):
        gone = [one for one in old.world if one not in new.world]
        if old.variable != new.variable or not gone:
            continue
        what, name = ", ".join(map(str, gone)), old.variable
        if name not in graph.descendants([one.variable for one in gone]):
            causes = ", ".join(one.variable for one in gone)
            sentences.append(f"No directed path leads from {causes} to {name}: setting {what} leaves {name} as it is. ")
        elif any(isinstance(one.value, Term) for one in gone):
            sentences.append(f"Setting {what} leaves {name} as it is: it was so anyway, or does not reach it. ")
        else:
            sentences.append(f"Consistency: where {what} holds anyway, {name} is what it would be if that were set. ")
    return "".join(dict.fromkeys(sentences))


def _holds(found: Estimand, model: DiscreteModel) -> bool:
    """Whether the formula has a value: no stratum is empty that it needs."""
    try:
        evaluate(found.formula, model)
    except CausalModelError as problem:
        if problem.code in {"AE-7260", "AE-7209"}:
            return False
        raise
    return True


def _with_numbers(formula: Expression, model: DiscreteModel) -> str:
    """The formula with its numbers put in; empty where these are too many."""
    if _count(formula, model) > _MOST_NUMBERS:
        return ""
    try:
        return _numbers(formula, model, {})
    except CausalModelError:  # a stratum that never occurs: its summand is zero, but has no number to show
        return ""


def _count(formula: Expression, model: DiscreteModel) -> int:
    match formula:
        case Sum(over, of):
            return math.prod(len(model.values[name]) for name in over) * _count(of, model)
        case Product(factors):
            return sum(_count(one, model) for one in factors)
        case Quotient(first, second) | Difference(first, second):
            return _count(first, model) + _count(second, model)
        case _:
            return 1


def _numbers(formula: Expression, model: DiscreteModel, at: Mapping[str, Value]) -> str:
    match formula:
        case Sum(over, of):
            places = product(*(model.values[name] for name in over))
            return " + ".join(_numbers(of, model, {**at, **dict(zip(over, one, strict=True))}) for one in places)
        case Product(factors):
            return " · ".join(_bracketed(one, model, at) for one in factors)
        case Quotient(first, second):
            above, below = (_bracketed(one, model, at) for one in (first, second))
            return " / ".join(
                f"({text})" if "/" in text and not text.startswith("(") else text for text in (above, below)
            )
        case Difference(first, second):
            return f"{_numbers(first, model, at)} - {_bracketed(second, model, at)}"
        case _:
            found = evaluate(formula, model, at)
            assert not isinstance(found, Factor), "a leaf with an open variable"
            return number_to_text(found)


def _bracketed(formula: Expression, model: DiscreteModel, at: Mapping[str, Value]) -> str:
    text = _numbers(formula, model, at)
    return f"({text})" if isinstance(formula, Sum | Difference | Product | Quotient) or text.startswith("-") else text
