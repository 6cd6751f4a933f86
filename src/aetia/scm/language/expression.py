"""What is the formula of a causal effect, and how is it written?

An expression is built of probabilities by sums, products, quotients and differences. It prints as text and as LaTeX,
simplifies, and is evaluated on a distribution or on a table of data (`aetia.scm.models.evaluation`).
"""

from dataclasses import dataclass

from aetia.scm.language.query import Term

__all__ = [
    "Constant",
    "Difference",
    "Expectation",
    "Expression",
    "Probability",
    "Product",
    "Quotient",
    "Sum",
    "Variable",
]


@dataclass(frozen=True)
class Constant:
    """A number: one, zero, or a value that was computed."""

    value: float


@dataclass(frozen=True)
class Probability:
    """`P(event | given)`, in a population, under interventions that were really made there.

    Args:
        event: The terms it is a probability of; a term without a value is a free or a summed variable.
        given: The terms it is conditional on.
        population: The domain whose distribution it is of; empty for the one at hand.
        do: The variables set by experiment in that population; empty for observation.
    """

    event: tuple[Term, ...]
    given: tuple[Term, ...] = ()
    population: str = ""
    do: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Expectation:
    """`E[outcome | given]`: the sum of the outcome's values times their probabilities."""

    outcome: Term
    given: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Variable:
    """The number that a variable takes: the `y` of `sum_y y P(y | do(x))`."""

    name: str


@dataclass(frozen=True)
class Product:
    """The product of factors; one without any."""

    factors: tuple["Expression", ...]


@dataclass(frozen=True)
class Quotient:
    """A numerator over a denominator."""

    numerator: "Expression"
    denominator: "Expression"


@dataclass(frozen=True)
class Difference:
    """One expression minus another."""

    minuend: "Expression"
    subtrahend: "Expression"


@dataclass(frozen=True)
class Sum:
    """The sum over all values of the variables that bind terms without a value inside.

    Args:
        over: The variables' names.
        of: What is summed.
    """

    over: tuple[str, ...]
    of: "Expression"


Expression = Constant | Probability | Expectation | Variable | Product | Quotient | Difference | Sum
