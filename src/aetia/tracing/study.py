"""What a tracing study asks: which site of the network causes the answer, and how that is tested."""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from aetia.runs.study import Study

__all__ = ["Method", "Pair", "Positions", "TraceStudy"]

Method = Literal["patch", "zero", "mean", "resample", "noise", "attribution", "path", "knockout"]
Positions = Literal["auto", "each", "joint", "last", "spans"]
Outcome = Literal["logit_difference", "log_probability", "probability", "kl", "accuracy"]
_COMPONENTS = (
    "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z", "q", "k", "v", "pattern", "mlp_post",
)  # fmt: skip


class Pair(BaseModel):
    """One's own question: two prompts, the clean one's answer, and the corrupted one's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clean: str = Field(min_length=1)
    corrupted: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    foil: str = ""
    spans: dict[str, str] = Field(default_factory=dict, description="named parts of the clean prompt")


class TraceStudy(Study):
    """Which sites of a language model cause its answer, item by item and on average."""

    # A frozen field may be narrower than the one it overrides.
    instrument: Literal["trace"] = "trace"  # pyright: ignore[reportIncompatibleVariableOverride]
    model: str = Field(default="smollm2-135m", description="a known model, a folder, or a repository of the hub")
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    contrasts: str | None = Field(default=None, description="a built-in set or a JSONL/CSV file: see `aetia contrasts`")
    pair: Pair | None = Field(default=None, description="one's own question, in place of contrasts")
    items: int = Field(default=24, ge=1, description="how many contrast pairs")
    chat: bool = Field(default=False, description="put each prompt into the model's chat template")
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
    outcome: Outcome = "logit_difference"
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
    memory: str = Field(default="512MB", description="what planned runs may use above the loaded model")

    @field_validator("sites")
    @classmethod
    def _known_components(cls, sites: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [site for site in sites if site not in _COMPONENTS]
        if unknown:
            raise ValueError(f"there is no component {unknown[0]!r}; known: {', '.join(_COMPONENTS)}")
        return tuple(dict.fromkeys(sites))

    @field_validator("memory")
    @classmethod
    def _readable_memory(cls, memory: str) -> str:
        parse_bytes(memory)
        return memory

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if (self.contrasts is None) == (self.pair is None):
            raise ValueError("give either contrasts or a pair")
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
    def memory_bytes(self) -> int:
        """The budget of memory in bytes."""
        return parse_bytes(self.memory)


def parse_bytes(text: str) -> int:
    """The bytes that `512MB` or `2 GB` names.

    Raises:
        ValueError: If it names none.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG])i?B?\s*", text, re.IGNORECASE)
    if match is None:
        raise ValueError(f"{text!r} is no amount of memory; write it like 512MB or 2GB")
    return int(float(match[1]) * 2 ** {"K": 10, "M": 20, "G": 30}[match[2].upper()])
