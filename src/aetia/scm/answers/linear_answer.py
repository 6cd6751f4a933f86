"""What is the exact answer of a linear model to a question about means, in any worlds?

Abduction: what the evidence says of each noise. Action: each world's equations. Prediction: the equations, solved in
order with the noises at what they are expected to be. Effects are sums over paths of products of coefficients.

Source: Pearl, Glymour and Jewell, Causal inference in statistics: a primer, 2016, section 4.3; Wright 1921 (paths).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice, pairwise

import numpy as np

from aetia.errors import CausalModelError, QueryError
from aetia.scm.language.derivation import Answer, Step, number_to_text
from aetia.scm.language.expression import Constant, Difference, Expression, Product
from aetia.scm.language.query import Assignment, EffectQuery, ExpectationQuery, ProbabilityQuery, Query, Term, Value
from aetia.scm.models.linear import LinearModel
from aetia.scm.queries.named_effect import composition, contrast, mediators
from aetia.scm.queries.quantity import Quantity, placed
from aetia.scm.queries.worlds import World

__all__ = ["linear_answer"]

_MOST_PATHS = 40


def linear_answer(model: LinearModel, query: Query) -> Answer:
    """The mean, or the effect on means, that a question asks of a linear model.

    Raises:
        QueryError: AE-7330, AE-7333 to AE-7335, AE-7337, AE-7367 as `aetia.scm.answers.exact.answer`.
        CausalModelError: AE-7210 what is given has probability zero; AE-7208 a variable is unknown.
    """
    match query:
        case EffectQuery():
            return _effect(model, query)
        case ExpectationQuery(outcome, given, do) if outcome.value is None:
            event, *known = placed((outcome, *given), do)
            steps = _mean(model, Quantity((event,), tuple(known)))
            return Answer(query, steps[-1].result, steps)
        case ExpectationQuery() | ProbabilityQuery():
            raise _no_probability(query)


def _no_probability(query: Query) -> QueryError:
    found = f"{query} is of single values, and the variables of a linear model have a continuum of them."
    return QueryError(
        "AE-7333", found, mend="ask for a mean: `E[Y | do(X=1)]`, `E[Y[X=0] | X=1, Y=2]`, ATE, ETT, NDE, NIE or PSE."
    )


def _effect(model: LinearModel, query: EffectQuery) -> Answer:
    if query.outcome.value is not None:
        raise _no_probability(query)
    made = composition(query, model)
    (first,), second = made.summed, made.less
    assert second is not None
    found = [_mean(model, one) for one in (first, second)]
    result = float(found[0][-1].result) - float(found[1][-1].result)
    paths = list(islice(_paths(model, query), _MOST_PATHS + 1))  # there may be more than can ever be counted
    is_of_all = not query.given or query.effect in {"NDE", "NIE", "PSE", "ETT", "ETU"}
    if is_of_all and len(paths) <= _MOST_PATHS:
        return _by_paths(model, query, made.says, paths)
    formula = Difference(found[0][-1].formula, found[1][-1].formula)
    numbers = f"{number_to_text(found[0][-1].result)} - {_bracketed(float(found[1][-1].result))}"
    last = Step(made.says, str(query), formula, numbers, result)
    return Answer(query, result, (*found[0], *found[1], last))


# -- effects along paths ------------------------------------------------------------------------


def _by_paths(model: LinearModel, query: EffectQuery, says: str, paths: Sequence[tuple[str, ...]]) -> Answer:
    """A step a path, then their sum times the change of the treatment."""
    treated, control = (_number(query.treatment, value) for value in contrast(query, model))
    steps = list[Step]()
    for path in paths:
        factors = [model.direct_effect(cause, result) for cause, result in pairwise(path)]
        route = " -> ".join(path)
        numbers = " · ".join(map(_bracketed, factors)) if len(factors) > 1 else ""
        sentence = "The coefficients along the path multiply." if len(factors) > 1 else "The coefficient of the arrow."
        steps.append(Step(sentence, route, Product(tuple(map(Constant, factors))), numbers, model.path_effect(path)))
    along = reduce(_plus, (one.formula for one in steps), Constant(0.0))
    total = sum(float(one.result) for one in steps)
    formula = Product((along, Constant(treated - control)))
    change = f"({number_to_text(treated)} - {_bracketed(control)})"
    shown = " + ".join(_bracketed(float(one.result)) for one in steps) or "0"
    reason = "" if steps else f" No directed path carries it from {query.treatment} to {query.outcome.variable}."
    last = Step(says + reason, str(query), formula, f"({shown}) · {change}", total * (treated - control))
    return Answer(query, last.result, (*steps, last))


def _paths(model: LinearModel, query: EffectQuery) -> Iterator[tuple[str, ...]]:
    """The directed paths that carry the effect."""
    fixed = {one.variable for one in query.do}
    between = set(mediators(query, model.graph))
    reach = model.graph.ancestors([query.outcome.variable])
    waiting: list[tuple[str, ...]] = [(query.treatment,)]
    while waiting:
        path = waiting.pop()
        if path[-1] == query.outcome.variable:
            passes = bool(between & set(path))
            if (
                (query.effect != "NDE" or not passes)
                and (query.effect != "NIE" or passes)
                and (query.effect != "PSE" or path in query.paths)
            ):
                yield path
            continue
        onward = sorted(model.graph.children[path[-1]] & reach - fixed, key=model.names.index, reverse=True)
        waiting.extend((*path, name) for name in onward)


# -- means in any worlds ------------------------------------------------------------------------


@dataclass
class _Worlds:
    """Every variable in every world as a constant and a weight for each noise."""

    model: LinearModel
    solved: dict[tuple[str, World], np.ndarray] = field(default_factory=dict)

    def solve(self, variable: str, world: World) -> np.ndarray:
        """The weight of each noise and, last, the constant: [V + 1]."""
        names = self.model.names
        self.model.graph.known([variable, *(one.variable for one in world)])
        assigned = {one.variable: one for one in world}
        for name in self.model.graph.order:
            if (name, world) in self.solved or (
                name != variable and variable not in self.model.graph.descendants([name])
            ):
                continue
            place = names.index(name)
            if name in assigned:
                found = self._assigned(assigned[name])
            else:
                found = np.zeros(len(names) + 1)
                found[place], found[-1] = 1.0, self.model.intercepts[place]
                for cause in self.model.graph.parents[name]:
                    found = found + self.model.coefficients[place, names.index(cause)] * self.solved[cause, world]
            self.solved[name, world] = found
        return self.solved[variable, world]

    def _assigned(self, one: Assignment) -> np.ndarray:
        if isinstance(one.value, Term):
            return self.solve(one.value.variable, one.value.world)
        if one.value is None:
            found = f"The question leaves open what {one.variable} is set to."
            raise QueryError("AE-7330", found, mend=f"give it a value: `{one.variable}=...`.")
        constant = np.zeros(len(self.model.names) + 1)
        constant[-1] = _number(one.variable, one.value)
        return constant


def _mean(model: LinearModel, quantity: Quantity) -> tuple[Step, ...]:
    """The mean of a term given terms, in any worlds: a step a noise that the evidence speaks of, then the equations."""
    worlds, target = _Worlds(model), quantity.event[0]
    outcome = worlds.solve(target.variable, target.world)
    expected, weights, constant = _abducted(model, worlds, quantity.given), outcome[:-1], float(outcome[-1])
    heard = [(name, *map(float, of)) for name, *of in zip(model.names, weights, expected, strict=True) if all(of)]
    what = ", ".join(map(str, quantity.given))
    says = f"Abduction: what {what} makes one expect of the noise of "
    steps = [
        Step(f"{says}{name}.", f"E[noise of {name} | {what}]", Constant(noise), "", noise) for name, _, noise in heard
    ]
    formula: Expression = Constant(constant)
    for _, weight, noise in heard:
        formula = _plus(formula, Product((Constant(weight), Constant(noise))))
    parts = [number_to_text(constant), *(f"{_bracketed(weight)} · {_bracketed(noise)}" for _, weight, noise in heard)]
    where = f"under {', '.join(map(str, target.world))}" if target.world else "as they are"
    says = (
        f"Action and prediction: the equations {where}, solved, make {target.variable} a constant plus a weight times "
        f"each noise."
    )
    steps.append(Step(says, str(quantity), formula, " + ".join(parts), constant + float(weights @ expected)))
    return tuple(steps)


def _abducted(model: LinearModel, worlds: _Worlds, given: Sequence[Term]) -> np.ndarray:
    """The noises' means given the evidence, [V]."""
    if not given:
        return np.zeros(len(model.names))
    rows = np.array([worlds.solve(term.variable, term.world) for term in given])
    values = np.array([_known(term) for term in given])
    weights, surprise = rows[:, :-1], values - rows[:, -1]
    shared = model.noise @ weights.T
    spread = weights @ shared
    scale = np.sqrt(np.maximum(np.diag(spread), 0))
    scale = np.where(scale > 0, scale, 1.0)
    solution, *_ = np.linalg.lstsq(spread / np.outer(scale, scale), surprise / scale, rcond=1e-12)
    if not np.allclose(spread / np.outer(scale, scale) @ solution, surprise / scale, rtol=1e-6, atol=1e-6):
        what = ", ".join(map(str, given))
        mend = "ask given something that can be; what intervention has set keeps its value."
        raise CausalModelError("AE-7210", f"{what} has probability zero.", mend=mend)
    return shared @ (solution / scale)


def _known(term: Term) -> float:
    if term.value is None:
        found = f"The question leaves the value of {term} open."
        raise QueryError("AE-7330", found, mend=f"give it one: `{term}=...`.")
    return _number(term.variable, term.value)


def _number(name: str, value: Value) -> float:
    if isinstance(value, str):
        raise QueryError("AE-7332", f"{name} is a number, and {value} is none.", mend="give a number.")
    return float(value)


def _plus(first: Expression, second: Expression) -> Expression:
    return Difference(first, Product((Constant(-1), second)))


def _bracketed(number: float) -> str:
    text = number_to_text(number)
    return f"({text})" if text.startswith("-") else text
