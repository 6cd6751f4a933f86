"""Every error a person can meet, as one tree.

    AetiaError                      exit code
    +-- StudyError          AE-1xxx   2   a question that cannot be asked as it stands
    |   +-- ContrastError   AE-2xxx   2   prompts, answers, files of contrasts
    |   +-- SiteError       AE-31xx   2   an address that names nothing in this model
    +-- MissingError        AE-4xxx   3   something that has to be installed or fetched first
    +-- RefusedError        AE-5xxx   4   refused for safety
    +-- RunError            AE-6xxx   2   a run directory that cannot be used as asked
    +-- GraphError          AE-71xx   2   a causal graph that is none, or not of the kind that is needed
    +-- CausalModelError    AE-72xx   2   an explicit causal model that is wrong, or cannot answer exactly
    +-- QueryError          AE-73xx   2   a causal question that does not parse or does not fit its model
    +-- NotIdentifiedError  AE-74xx   2   a question that the graph leaves open, with its witness
    +-- DiagramError        AE-75xx   2   a string diagram that does not compose, or may not be cut
    +-- EvaluationError     AE-8xxx   2   an evaluation that cannot be made as asked: items, answerers, scores

An error says what was found, what was expected, and the command or change that mends it. The code
is stable: docs/errors.md has a line for each.
"""

from typing import ClassVar

__all__ = [
    "AetiaError",
    "CausalModelError",
    "ContrastError",
    "DiagramError",
    "EvaluationError",
    "GraphError",
    "MissingError",
    "NotIdentifiedError",
    "QueryError",
    "RefusedError",
    "RunError",
    "SiteError",
    "StudyError",
]


class AetiaError(Exception):
    """The base of the tree.

    Args:
        code: The stable code, `AE-` and four digits.
        found: One sentence: what is wrong, with the offending value.
        mend: The command or the change that mends it.
        details: Further lines, shown indented between the two (what was expected, where).
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, code: str, found: str, *, mend: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(found)
        self.code = code
        self.found = found
        self.mend = mend
        self.details = details

    def __str__(self) -> str:
        lines = [f"{self.code} {self.found}", *(f"  {line}" for line in self.details), f"  Mend: {self.mend}"]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # An error crosses process borders (the pool's workers raise it): keyword-only arguments need help.
        return _rebuild, (type(self), self.code, self.found, self.mend, self.details)


def _rebuild(kind: type[AetiaError], code: str, found: str, mend: str, details: tuple[str, ...]) -> AetiaError:
    return kind(code, found, mend=mend, details=details)


class StudyError(AetiaError):
    """A question that cannot be asked as it stands."""


class ContrastError(StudyError):
    """Prompts, answers or a file of contrasts that cannot be used."""


class SiteError(StudyError):
    """An address that names nothing in this model."""


class MissingError(AetiaError):
    """A prerequisite: a package, a model, a tool."""

    exit_code = 3


class RefusedError(AetiaError):
    """Refused for safety: unsafe weights, remote code, a foreign file."""

    exit_code = 4


class RunError(AetiaError):
    """A run directory that cannot be used as asked."""


class GraphError(AetiaError):
    """A causal graph that is none, or not of the kind that is needed."""


class CausalModelError(AetiaError):
    """An explicit causal model that is wrong, or that cannot answer exactly."""


class QueryError(AetiaError):
    """A causal question that does not parse or does not fit its model; `details` point at the place."""


class NotIdentifiedError(AetiaError):
    """A question that the graph leaves open; `details` show the witness (a hedge, a thicket)."""


class DiagramError(AetiaError):
    """A string diagram that does not compose, or that may not be cut where it was asked."""


class EvaluationError(AetiaError):
    """An evaluation that cannot be made as asked: a task, an item, a published set, an answerer, a score."""
