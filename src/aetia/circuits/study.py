"""What a study of circuits asks: which nodes or edges carry the answer, and is what they make the mechanism?"""

from itertools import pairwise
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from aetia.models.quantities import OutcomeKind
from aetia.studies.study import ContrastStudy

__all__ = ["FRACTIONS", "CircuitMethod", "CircuitStudy", "Granularity"]

CircuitMethod = Literal[
    "eap", "eap-ig-inputs", "eap-ig-activations", "patching", "path-intervention", "acdc", "cd-t"
]  # fmt: skip
Granularity = Literal["nodes", "edges"]

FRACTIONS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Shares of all nodes or edges at which the benchmark MIB looks."""

ATTRIBUTIONS = frozenset({"eap", "eap-ig-inputs", "eap-ig-activations"})
SEARCHES = frozenset({"path-intervention", "acdc"})


class CircuitStudy(ContrastStudy):
    """Which nodes or edges of a language model carry its answer, and how good a circuit they make."""

    # A frozen field may be narrower than the one it overrides.
    instrument: Literal["circuit"] = "circuit"  # pyright: ignore[reportIncompatibleVariableOverride]
    file_fields: ClassVar[tuple[str, ...]] = ("contrasts", "other")
    method: CircuitMethod = Field(default="eap-ig-inputs", description="how a node's or an edge's effect is found")
    granularity: Literal["auto", "nodes", "edges"] = Field(
        default="auto", description="what is scored; auto: edges for acdc and path-intervention, else nodes"
    )
    reference: Literal["patch", "mean", "zero"] = Field(
        default="patch", description="what is left out carries the corrupted run's value, the items' mean, or nothing"
    )
    outcome: OutcomeKind = "logit_difference"
    steps: int = Field(default=5, ge=1, description="eap-ig: points between reference and clean")
    threshold: float | None = Field(
        default=None,
        gt=0,
        description="acdc: the harm from which on an edge stays, in the outcome's unit; path-intervention: the effect "
        "from which on, by default what relabelled items reach",
    )
    candidates: int = Field(
        default=1000,
        ge=1,
        description="how many edges are looked at: the largest on the search items, by eap-ig-inputs if the method "
        "itself does not score all at once; they are then measured on the other items only",
    )
    search: float = Field(default=0.5, gt=0, lt=1, description="the share of the items that circuits are chosen on")
    fractions: tuple[float, ...] = Field(
        default=FRACTIONS, description="shares of all nodes or edges whose circuit is judged; none: nothing is judged"
    )
    size: float = Field(default=0.05, gt=0, le=1, description="the share that makes the one circuit judged further")
    subsets: int = Field(
        default=2, ge=0, description="random halves for completeness and minimality; 0 leaves both out"
    )
    other: str | None = Field(
        default=None, description="contrasts of another task, which ablating the circuit should leave alone"
    )

    @field_validator("fractions", mode="before")
    @classmethod
    def _none(cls, fractions: object) -> object:
        return () if fractions in ("none", ["none"], ("none",)) else fractions

    @field_validator("fractions")
    @classmethod
    def _increasing(cls, fractions: tuple[float, ...]) -> tuple[float, ...]:
        is_increasing = all(a < b for a, b in pairwise(fractions))
        if len(fractions) == 1 or not is_increasing or not all(0 < share <= 1 for share in fractions):
            raise ValueError("fractions are two or more increasing shares up to 1, such as 0.01,0.1,1; or none")
        return fractions

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if self.pair is not None and self.outcome in ("logit_difference", "accuracy") and not self.pair.foil:
            raise ValueError(f"the outcome {self.outcome} needs a foil; give one, or use log_probability")
        if self.method in ATTRIBUTIONS and (self.outcome == "accuracy" or (self.method, self.outcome) == ("eap", "kl")):
            raise ValueError(f"{self.outcome} has no gradient that {self.method} could use; use logit_difference")
        if self.method == "cd-t" and self.outcome != "logit_difference":
            raise ValueError("contextual decomposition splits logits; use the outcome logit_difference")
        if self.method == "acdc" and self.threshold is None:
            raise ValueError("acdc needs a threshold: the harm, in the outcome's unit, from which on an edge stays")
        if self.method == "path-intervention" and self.reference != "patch":
            raise ValueError("path-intervention also restores edges in the corrupted run; use the reference patch")
        if self.method in SEARCHES and self.granularity == "nodes":
            raise ValueError(f"{self.method} finds edges; use the granularity edges")
        return self

    @property
    def sets_of_contrasts(self) -> tuple[str, ...]:
        """The task's, and the other task's if there is one."""
        return super().sets_of_contrasts if self.other is None else (*super().sets_of_contrasts, self.other)

    @property
    def by(self) -> Granularity:
        """What is scored."""
        if self.granularity == "auto":
            return "edges" if self.method in SEARCHES else "nodes"
        return self.granularity
