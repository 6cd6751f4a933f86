"""What can be asked of a causal model?

    P(Y=1 | do(X=1), Z=0)              a probability, observational or under interventions
    E[Y | do(X=1)]                     an expectation
    P(Y[X=1]=1 | X=0, Y=0)             a counterfactual: Y as it would have been under X=1, given what was
    P(Y[X=1, M=M[X=0]]=1)              a nested one: M as it would have been under X=0
    ATE(X, Y)    CATE(X, Y | Z=1)    CDE(X, Y | do(M=0))    ETT(X, Y)    PN(X, Y)    PS(X, Y)    PNS(X, Y)
    NDE(X, Y)    NIE(X, Y)    NDE(X, Y; M)    PSE(X, Y; X -> M -> Y)
    ATE(X=2 vs 0, Y=1)                 which values are compared, which outcome counts

`aetia.scm.queries.grammar` reads this text; here is what it becomes, the same for Python, the shell and the agent.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "EFFECTS",
    "Assignment",
    "EffectName",
    "EffectQuery",
    "ExpectationQuery",
    "ProbabilityQuery",
    "Query",
    "Term",
    "Value",
]

Value = int | float | str | bool
"""A value that a variable takes."""

EffectName = Literal["ATE", "CATE", "CDE", "NDE", "NIE", "ETT", "ETU", "PN", "PS", "PNS", "PSE", "TE"]

EFFECTS: tuple[EffectName, ...] = ("ATE", "CATE", "CDE", "NDE", "NIE", "ETT", "ETU", "PN", "PS", "PNS", "PSE", "TE")


@dataclass(frozen=True)
class Assignment:
    """A variable set by intervention: to a value, or to what another variable would have been.

    Args:
        variable: The variable that is set.
        value: The value it is set to, or the counterfactual variable whose value it gets (`M=M[X=0]`); None leaves the
            value open (`do(X)`), which identification can answer and a model cannot.
    """

    variable: str
    value: "Value | Term | None" = None

    def __str__(self) -> str:
        return _written(self.variable) + _equals(self.value)


@dataclass(frozen=True)
class Term:
    """A variable in a world, and the value that it is said to have there.

    Args:
        variable: The variable's name.
        value: Its value; None leaves it open, which asks for the distribution over all its values.
        world: The interventions under which it is looked at, sorted by name; none for what is as it is.
    """

    variable: str
    value: Value | None = None
    world: tuple[Assignment, ...] = ()

    def __str__(self) -> str:
        subscript = f"[{', '.join(map(str, self.world))}]" if self.world else ""
        return _written(self.variable) + subscript + _equals(self.value)


@dataclass(frozen=True)
class ProbabilityQuery:
    """`P(event | given, do(...))`; `do` is the world of every term.

    No term may have a world of its own beside a `do`: `P(Y[X=1]=1 | do(M=1))` is refused (AE-7337), and
    `P(Y[X=1, M=1]=1)` says what is meant.

    Args:
        event: What the probability is of.
        given: What is known.
        do: The interventions.
    """

    event: tuple[Term, ...]
    given: tuple[Term, ...] = ()
    do: tuple[Assignment, ...] = ()

    def __str__(self) -> str:
        return f"P({', '.join(map(str, self.event))}{_bar(self.given, self.do)})"


@dataclass(frozen=True)
class ExpectationQuery:
    """`E[outcome | given, do(...)]`."""

    outcome: Term
    given: tuple[Term, ...] = ()
    do: tuple[Assignment, ...] = ()

    def __str__(self) -> str:
        return f"E[{self.outcome}{_bar(self.given, self.do)}]"


@dataclass(frozen=True)
class EffectQuery:
    """A causal effect by its name.

    The outcome of a variable of numbers is its mean, unless `outcome.value` says which value counts as the event; for
    PN, PS and PNS it is the event that the variable is one (true), or has its last value. With x' `control` and x
    `treated`:

        ATE, TE   E[Y | do(x)] - E[Y | do(x')]                    CATE: the same, given Z
        CDE       E[Y | do(x, m)] - E[Y | do(x', m)]
        NDE       E[Y[x, M[x']]] - E[Y[x']]                       NIE: E[Y[x', M[x]]] - E[Y[x']]
        ETT       E[Y[x] - Y[x'] | x]                             ETU: the same, given x'
        PN        P(Y[x'] = y' | x, y)     PS: P(Y[x] = y | x', y')     PNS: P(Y[x] = y, Y[x'] = y')
        PSE       as NIE, for a set of paths: the treated value travels along these alone

    Args:
        effect: Its name.
        treatment: The variable that is set.
        outcome: The variable looked at, with the value that counts as the event, if one is given.
        treated: The value compared; None for the last of its values.
        control: The value it is compared with; None for the first of its values.
        mediators: For NDE and NIE; none for all variables between treatment and outcome.
        paths: For PSE: each the names along a directed path from treatment to outcome.
        given: What is known.
        do: Further interventions; for CDE the mediators' values.
    """

    effect: EffectName
    treatment: str
    outcome: Term
    treated: Value | None = None
    control: Value | None = None
    mediators: tuple[str, ...] = ()
    paths: tuple[tuple[str, ...], ...] = ()
    given: tuple[Term, ...] = field(default=())
    do: tuple[Assignment, ...] = field(default=())

    def __str__(self) -> str:
        versus = "" if self.treated is None else f"{_equals(self.treated)} vs {_equals(self.control)[1:]}"
        paths = [" -> ".join(map(_written, path)) for path in self.paths]
        then = ", ".join([*map(_written, self.mediators), *paths])
        arguments = f"{_written(self.treatment)}{versus}, {self.outcome}{'; ' if then else ''}{then}"
        return f"{self.effect}({arguments}{_bar(self.given, self.do)})"


Query = ProbabilityQuery | ExpectationQuery | EffectQuery


def _bar(given: tuple[Term, ...], do: tuple[Assignment, ...]) -> str:
    parts = [*([f"do({', '.join(map(str, do))})"] if do else []), *map(str, given)]
    return f" | {', '.join(parts)}" if parts else ""


_PLAIN = re.compile(r"""(?:[^\s()\[\]=|,;<>"'-]|-(?!>))+""")
_MEANS_MORE = re.compile(r"do|vs|true|false|-?[0-9.]+(e[+-]?[0-9]+)?", re.IGNORECASE)


def _written(text: str) -> str:
    """A name, or a value that is a text, in quotes where it would be read as something else."""
    if _PLAIN.fullmatch(text) and not _MEANS_MORE.fullmatch(text):
        return text
    return f"'{text}'" if '"' in text else f'"{text}"'


def _equals(value: "Value | Term | None") -> str:
    if value is None:
        return ""
    return f"={_written(value)}" if isinstance(value, str) else f"={value}"
