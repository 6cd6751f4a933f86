"""What is the mean of an outcome whose law is known as an expression?"""

from dataclasses import replace

from aetia.scm.language.expression import Expectation, Expression, Probability, Product, Quotient, Sum, Variable
from aetia.scm.language.query import Term
from aetia.scm.language.rewriting import free_variables

__all__ = ["mean_of"]


def mean_of(law: Expression, outcome: str) -> Expression:
    """`sum_y y P(y ...)`, as `E[Y | ...]` inside where the outcome stands in one probability alone.

    Args:
        law: An expression in which the outcome is open: its law.
        outcome: The variable.
    """
    match law:
        case Probability(event=(Term(name),), population="", do=()) if name == outcome:
            return Expectation(Term(outcome), law.given)
        case Probability(population="", do=()) if Term(outcome) in law.event:
            rest = tuple(term for term in law.event if term != Term(outcome))
            return Product((replace(law, event=rest), Expectation(Term(outcome), (*law.given, *rest))))
        case Sum() if outcome not in law.over:
            return replace(law, of=mean_of(law.of, outcome))
        case Quotient() if outcome not in free_variables(law.denominator):
            return replace(law, numerator=mean_of(law.numerator, outcome))
        case Product():
            held = [factor for factor in law.factors if outcome in free_variables(factor)]
            if len(held) == 1:
                return Product(
                    tuple(mean_of(factor, outcome) if factor is held[0] else factor for factor in law.factors)
                )
    return Sum((outcome,), Product((Variable(outcome), law)))
