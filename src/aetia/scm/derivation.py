"""How was an answer found? Its steps, each with formula, numbers and result."""

from dataclasses import dataclass
from fractions import Fraction

from aetia.scm.expression import Expression
from aetia.scm.query import Query

__all__ = ["Answer", "Number", "Step"]

Number = float | Fraction


@dataclass(frozen=True)
class Step:
    """One step of a derivation.

    Args:
        says: What the step does, a sentence: `P(Y) under do(X=1) by the back-door set {Z}`.
        target: What the step finds, in text: `P(Y=1 | do(X=1))`.
        formula: The expression that it is equal to.
        substituted: The same with the numbers put in, in text; empty where there are too many to be read.
        result: The number.
    """

    says: str
    target: str
    formula: Expression
    substituted: str
    result: Number


@dataclass(frozen=True)
class Answer:
    """A query's exact answer and how it came about.

    Args:
        query: What was asked.
        value: The number.
        steps: The derivation, first step first.
        assumption: What had to be assumed beyond the model; empty if nothing.
    """

    query: Query
    value: Number
    steps: tuple[Step, ...]
    assumption: str = ""
