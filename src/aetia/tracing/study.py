"""What a tracing study asks: which site of the network causes the answer, and how that is tested."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from aetia.models.quantities import OutcomeKind
from aetia.studies.study import ContrastStudy

__all__ = ["Method", "Positions", "TraceStudy"]

Method = Literal["patch", "zero", "mean", "resample", "noise", "attribution", "path", "knockout"]
Positions = Literal["auto", "each", "joint", "last", "spans"]
_COMPONENTS = (
    "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z", "q", "k", "v", "pattern", "mlp_post",
)  # fmt: skip


class TraceStudy(ContrastStudy):
    """Which sites of a language model cause its answer, item by item and on average."""

    # A frozen field may be narrower than the one it overrides.
    instrument: Literal["trace"] = "trace"  # pyright: ignore[reportIncompatibleVariableOverride]
    method: Method = Field(default="patch", description="what is done at a site")
    direction: Literal["denoise", "noise"] = Field(
        default="denoise",
        description="denoise: clean values into the corrupted run (is the site sufficient?); noise: the reverse",
    )
    sites: tuple[str, ...] = Field(default=("resid_pre", "attn_out", "mlp_out", "z"), min_length=1)
    positions: Positions = Field(
        default="auto", description="each position by itself, all jointly, the last, or the named spans"
    )
    layers: tuple[int, ...] | None = Field(
        default=None, min_length=1, description="the layers looked at; all of them by default"
    )
    window: int = Field(default=1, ge=1, description="how many layers are treated together, centred (ROME uses 10)")
    outcome: OutcomeKind = "logit_difference"
    continuation: bool = Field(default=False, description="score an answer of several tokens as a whole")
    noise_scale: float = Field(default=3.0, gt=0, description="noise in standard deviations of the embeddings")
    noise_span: str = Field(default="subject", description="the span whose embeddings are made noisy")
    noise_samples: int = Field(default=3, ge=1)
    senders: tuple[str, ...] = Field(default=(), description="sites whose paths are followed; default: every head")
    receivers: tuple[str, ...] = Field(default=(), description="sites that receive, as L9.q.h3@-1; default: the end")
    through_mlps: bool = Field(default=False, description="let MLPs between sender and receiver react")
    target: str = Field(default="last", description="knockout: the position or span that may no longer read")
    groups: int = Field(default=8, ge=1, description="mlp_post: into how many groups the neurons are cut")
    exact_cells: int = Field(default=40, ge=0, description="attribution: how many cells are also patched exactly")

    @field_validator("sites")
    @classmethod
    def _known_components(cls, sites: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [site for site in sites if site not in _COMPONENTS]
        if unknown:
            raise ValueError(f"there is no component {unknown[0]!r}; known: {', '.join(_COMPONENTS)}")
        return tuple(dict.fromkeys(sites))

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if self.pair is not None and self.outcome in ("logit_difference", "accuracy") and not self.pair.foil:
            raise ValueError(f"the outcome {self.outcome} needs a foil; give one, or use log_probability")
        if self.continuation and self.outcome != "log_probability":
            raise ValueError("a whole continuation is scored by the outcome log_probability")
        if self.method == "attribution" and self.outcome == "accuracy":
            raise ValueError("accuracy has no gradient; use another outcome for attribution")
        if self.continuation and self.method in ("mean", "resample"):
            raise ValueError(f"{self.method} ablation pairs whole runs of items, whose continuations differ in length")
        return self

    @property
    def scores_continuations(self) -> bool:
        """Whether an answer of several tokens is scored as a whole."""
        return self.continuation
