"""What does `aetia scm --json` write, one record a line?"""

from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from aetia.cli.records import Record

if TYPE_CHECKING:
    from aetia.scm.actual.account import Account
    from aetia.scm.bounding import Bounds
    from aetia.scm.graphs.graph import Graph
    from aetia.scm.identification import Identification
    from aetia.scm.language.derivation import Answer

__all__ = ["AnswerRecord", "BoundsRecord", "CauseRecord", "EstimandRecord", "GraphRecord", "UnitRecord"]


class StepRecord(BaseModel):
    """One step of a derivation."""

    says: str
    target: str
    formula: str
    substituted: str
    result: float


class AnswerRecord(Record):
    """The exact answer of a causal model; `exact` is the fraction, where the model has fractions."""

    record: Literal["answer"] = "answer"
    query: str
    value: float
    exact: str | None
    assumption: str
    steps: list[StepRecord]

    @classmethod
    def of(cls, answer: "Answer") -> "AnswerRecord":
        """The record of an answer."""
        from aetia.scm.language.printing import to_text

        steps = [
            StepRecord(
                says=step.says,
                target=step.target,
                formula=to_text(step.formula),
                substituted=step.substituted,
                result=float(step.result),
            )
            for step in answer.steps
        ]
        exact = str(answer.value) if isinstance(answer.value, Fraction) else None
        value = float(answer.value)
        return cls(query=str(answer.query), value=value, exact=exact, assumption=answer.assumption, steps=steps)


class EstimandRecord(Record):
    """A causal quantity as a formula in what can be observed."""

    record: Literal["estimand"] = "estimand"
    query: str
    text: str
    latex: str
    any_value_of: list[str]
    steps: list[str]

    @classmethod
    def of(cls, found: "Identification") -> "EstimandRecord":
        """The record of an identified quantity."""
        from aetia.scm.language.printing import to_latex, to_text

        return cls(
            query=str(found.query),
            text=to_text(found.expression),
            latex=to_latex(found.expression),
            any_value_of=list(found.any_value_of),
            steps=[str(step) for step in found.steps],
        )


class BoundsRecord(Record):
    """Where a causal quantity lies that the distribution does not determine."""

    record: Literal["bounds"] = "bounds"
    query: str
    low: float
    high: float
    is_sharp: bool
    assumption: str

    @classmethod
    def of(cls, query: str, found: "Bounds") -> "BoundsRecord":
        """The record of bounds."""
        shared = {name: getattr(found, name) for name in ("low", "high", "is_sharp", "assumption")}
        return cls(query=query, **shared)


class GraphRecord(Record):
    """A causal graph, in aetia's notation."""

    record: Literal["graph"] = "graph"
    text: str
    variables: list[str]
    latent: list[str]
    edges: list[str]

    @classmethod
    def of(cls, graph: "Graph") -> "GraphRecord":
        """The record of a graph."""
        edges = [str(edge) for edge in sorted(graph.edges)]
        return cls(text=str(graph), variables=list(graph.nodes), latent=sorted(graph.latent), edges=edges)


class UnitRecord(Record):
    """One unit drawn from a causal model."""

    record: Literal["unit"] = "unit"
    values: dict[str, bool | int | float | str]


class CauseRecord(Record):
    """An actual cause of an event, with the contingency that shows it."""

    record: Literal["cause"] = "cause"
    definition: str
    values: dict[str, bool | int | float | str]
    because: str
    otherwise: dict[str, bool | int | float | str]
    held: dict[str, bool | int | float | str]
    responsibility: dict[str, str]
    is_but_for: bool

    @classmethod
    def of(cls, one: "Account", definition: str) -> "CauseRecord":
        """The record of a cause."""
        return cls(
            definition=definition,
            values=dict(one.cause.values),
            because=one.because,
            otherwise=dict(one.cause.witness.otherwise),
            held=dict(one.cause.witness.held),
            responsibility={name: str(share) for name, share in one.responsibility.items()},
            is_but_for=one.is_but_for,
        )
