"""What the studies of flow ask: what is cut, kept or patched between groups of positions, and what is read."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from aetia.flow.groups import Edge
from aetia.models.quantities import OutcomeKind
from aetia.studies import ContrastStudy

__all__ = ["FlowStudy", "MediationStudy", "PathwayStudy"]


class FlowStudy(ContrastStudy):
    """What does the answer lose when one group of positions may no longer read another?"""

    # A frozen field may be narrower than the one it overrides.
    instrument: Literal["flow"] = "flow"  # pyright: ignore[reportIncompatibleVariableOverride]
    edges: tuple[str, ...] = Field(
        default=(),
        description="what is cut, as image->last; default: every group to question and last, and within the picture",
    )
    layers: tuple[int, ...] | None = Field(
        default=None, min_length=1, description="the layers looked at; all of them by default"
    )
    window: int = Field(
        default=1, ge=1, description="how many layers are cut together, centred; Map the Flow uses 9: no layer is named"
    )
    read: Literal["answer", "predicted"] = Field(
        default="answer", description="whose probability is read: the answer's, or that of the token the model predicts"
    )
    outcome: Literal["probability", "log_probability"] = Field(
        default="probability", description="which change is tested; both are shown"
    )
    null: str = Field(
        default="random-keys:19",
        description="what an effect would be by chance: random-keys:19, with exchanged answers for edges that leave "
        "too few keys to draw from; randomised-weights:19 or none",
    )

    @field_validator("edges")
    @classmethod
    def _readable_edges(cls, edges: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(Edge.parse(text)) for text in edges))


class PathwayStudy(ContrastStudy):
    """Which edges between groups of positions are enough for the answer, all others cut?"""

    instrument: Literal["pathways"] = "pathways"  # pyright: ignore[reportIncompatibleVariableOverride]
    window: int = Field(default=1, ge=1, description="how many neighbouring layers are cut or kept together")
    keep: float = Field(
        default=0.9, gt=0, le=1, description="the share of the answer's probability that is to be kept, held out"
    )
    controls: int = Field(
        default=19, ge=1, description="how many random sets of as many reads an item is compared with"
    )
    null: str = Field(default="none", pattern="^none$", description="the random sets are the null: `controls`")
    correction: Literal["max-t"] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        default="max-t", description="all claims have to hold: there is nothing to correct for"
    )

    @model_validator(mode="after")
    def _has_halves(self) -> Self:
        if self.contrasts is None:
            raise ValueError("edges are found on one half of the items and tested on the other; a pair has no halves")
        return self


class MediationStudy(ContrastStudy):
    """How much of an edit's effect reaches the answer directly, how much through other positions, what is prior?"""

    instrument: Literal["mediation"] = "mediation"  # pyright: ignore[reportIncompatibleVariableOverride]
    source: str = Field(default="image", description="the group in which the clean and the corrupted prompt differ")
    mediators: tuple[str, ...] = Field(
        default=("question",), min_length=1, description="groups through which its effect may pass to the last position"
    )
    outcome: OutcomeKind = "logit_difference"

    @field_validator("outcome")
    @classmethod
    def _is_mean_of_items(cls, outcome: OutcomeKind) -> OutcomeKind:
        if outcome not in ("logit_difference", "probability", "log_probability"):
            raise ValueError("mediation splits logit_difference, probability or log_probability")
        return outcome

    @field_validator("mediators")
    @classmethod
    def _each_once(cls, mediators: tuple[str, ...]) -> tuple[str, ...]:
        if "last" in mediators:
            raise ValueError("the last position is where the answer is read: its reads are the direct path")
        return tuple(dict.fromkeys(mediators))

    @model_validator(mode="after")
    def _has_foil(self) -> Self:
        if self.pair is not None and self.outcome == "logit_difference" and not self.pair.foil:
            raise ValueError("the outcome logit_difference needs a foil; give one, or use log_probability")
        return self
