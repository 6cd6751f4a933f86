"""Which variables of an expression are open, and what does it become when they are given values?

Expressions share parts: an estimand of thirty variables can be a graph of a hundred nodes whose tree has millions. All
that walks over them here and in the modules that use it visits a shared part once, by its identity.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

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
from aetia.scm.language.query import Term, Value

__all__ = ["free_variables", "parts", "rebuilt", "substituted", "terms"]


def terms(expression: Expression) -> tuple[Term, ...]:
    """The terms that stand in this expression itself, not in its parts."""
    match expression:
        case Probability():
            return (*expression.event, *expression.given, *expression.do)
        case Expectation():
            return (expression.outcome, *expression.given)
        case _:
            return ()


def parts(expression: Expression) -> tuple[Expression, ...]:
    """The expressions that this one is made of."""
    match expression:
        case Product():
            return expression.factors
        case Quotient():
            return expression.numerator, expression.denominator
        case Difference():
            return expression.minuend, expression.subtrahend
        case Sum():
            return (expression.of,)
        case _:
            return ()


def rebuilt(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The same kind of expression, of the changed parts; the very same one if no part changes."""
    fresh = [change(part) for part in parts(expression)]
    if all(new is old for new, old in zip(fresh, parts(expression), strict=True)):
        return expression
    match expression:
        case Product():
            return Product(tuple(fresh))
        case Quotient():
            return Quotient(*fresh)
        case Difference():
            return Difference(*fresh)
        case Sum():
            return Sum(expression.over, *fresh)
        case _:
            return expression


def free_variables(expression: Expression, found: dict[int, frozenset[str]] | None = None) -> frozenset[str]:
    """The variables that stand in the expression without a value and without a sum around them.

    Args:
        expression: The expression.
        found: What was found before, by the identity of the parts; shared between calls on expressions that share parts
            and that all are still held.
    """
    known = {} if found is None else found
    if id(expression) not in known:
        own = {term.variable for term in terms(expression) if term.value is None}
        if isinstance(expression, Expectation):
            own = {term.variable for term in expression.given if term.value is None}
        if isinstance(expression, Variable):
            own = {expression.name}
        inner = frozenset(own).union(*(free_variables(part, known) for part in parts(expression)))
        known[id(expression)] = inner - set(expression.over) if isinstance(expression, Sum) else inner
    return known[id(expression)]


def substituted(expression: Expression, values: Mapping[str, Value]) -> Expression:
    """The expression with these values put in for these variables where they are open; summed ones stay summed."""
    free: dict[int, frozenset[str]] = {}
    done: dict[tuple[int, frozenset[str]], Expression] = {}

    def visit(part: Expression, names: frozenset[str]) -> Expression:
        chosen = names & free_variables(part, free)
        if not chosen:
            return part
        if (id(part), chosen) not in done:
            done[id(part), chosen] = _filled(part, {name: values[name] for name in chosen}) or rebuilt(
                part, lambda one: visit(one, chosen)
            )
        return done[id(part), chosen]

    return visit(expression, frozenset(values))


def _filled(expression: Expression, values: Mapping[str, Value]) -> Expression | None:
    """The leaf with the values put in; None for what is no leaf."""

    def fill(found: tuple[Term, ...]) -> tuple[Term, ...]:
        return tuple(
            replace(term, value=values[term.variable]) if term.value is None and term.variable in values else term
            for term in found
        )

    match expression:
        case Probability():
            event, given, do = (fill(found) for found in (expression.event, expression.given, expression.do))
            return replace(expression, event=event, given=given, do=do)
        case Expectation():
            return replace(expression, given=fill(expression.given))
        case Variable():
            value = values[expression.name]
            assert isinstance(value, int | float), f"{expression.name} takes no numbers"
            return Constant(value)
        case _:
            return None
