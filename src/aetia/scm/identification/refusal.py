"""What is shown of a question that cannot be answered from what was measured?"""

from dataclasses import dataclass

from aetia.errors import NotIdentifiedError
from aetia.scm.graphs.graph import Graph
from aetia.scm.identification.disagreement import disagreement
from aetia.scm.identification.evidence import Evidence
from aetia.scm.identification.hedge import Hedge
from aetia.scm.identification.question import Question
from aetia.scm.models.discrete import DiscreteModel

__all__ = ["Obstacle", "Refusal"]


@dataclass(frozen=True)
class Obstacle:
    """Why one distribution does not give one district.

    Args:
        evidence: What was measured.
        district: The variables whose joint law under an intervention on all else was sought there.
        hedge: Why it cannot be computed there; None where the experiment sets one of them or the population differs in
            one of them.
    """

    evidence: Evidence
    district: tuple[str, ...]
    hedge: Hedge | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The obstacle in words."""
        names = ", ".join(self.district)
        if self.hedge is not None:
            head = f"from {self.evidence}, the law of {names} under an intervention on all else is hedged in:"
            return head, *(f"  {line}" for line in self.hedge.lines)
        shared = sorted(set(self.district) & self.evidence.differs)
        why = f"{', '.join(shared)} may come about in another way" if shared else f"some of {names} are set"
        return (f"in {self.evidence}, {why}",)


@dataclass(frozen=True)
class Refusal:
    """A question that what was measured leaves open.

    Args:
        graph: The ADMG that it was asked of.
        question: What was asked.
        treatments: The variables that are set in the end: for a conditional effect also those known ones that may as
            well be set (rule 2 of do-calculus).
        obstacles: For each distribution why it does not help.
    """

    graph: Graph
    question: Question
    treatments: frozenset[str]
    obstacles: tuple[Obstacle, ...]

    @property
    def hedge(self) -> Hedge | None:
        """The first hedge."""
        return next((one.hedge for one in self.obstacles if one.hedge is not None), None)

    def disagreement(self) -> tuple[DiscreteModel, DiscreteModel] | None:
        """Two exact models of one observational law and with two answers; None if more than that law was measured."""
        if self.hedge is None or any(obstacle.evidence != Evidence() for obstacle in self.obstacles):
            return None
        given = self.question.given - self.treatments
        outcomes = self.question.outcomes
        return disagreement(self.graph, self.hedge, outcomes=outcomes, treatments=self.treatments, given=given)

    @property
    def error(self) -> NotIdentifiedError:
        """The error that says so."""
        found = f"{self.question} is not identified: models that agree on all that was measured disagree on it."
        details = tuple(line for obstacle in self.obstacles for line in obstacle.lines)
        mend = "ask for bounds, measure a hidden cause, or say which experiments are `available`."
        return NotIdentifiedError("AE-7401", found, mend=mend, details=details)
