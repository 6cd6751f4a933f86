"""What a study of selective impairment asks: two tasks, what is ablated and how, and against which controls."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from aetia.studies import ContrastStudy

__all__ = ["ImpairmentStudy"]


class ImpairmentStudy(ContrastStudy):
    """Does ablating the components found for one task harm it more than another task, and the reverse?"""

    # A frozen field may be narrower than the one it overrides.
    instrument: Literal["impairment"] = "impairment"  # pyright: ignore[reportIncompatibleVariableOverride]
    file_fields: ClassVar[tuple[str, ...]] = ("contrasts", "other")
    other: str = Field(min_length=1, description="the other task: a built-in set or a JSONL/CSV file")
    component: Literal["heads", "attention", "mlp"] = Field(default="heads", description="what is ablated")
    top: int = Field(default=5, ge=1, description="how many components are found for each task and ablated together")
    first: tuple[str, ...] = Field(default=(), description="the first task's components, as L5.z.h3; default: found")
    second: tuple[str, ...] = Field(default=(), description="the other task's components; default: found")
    ranking: Literal["own", "difference"] = Field(
        default="own",
        description="found by the task's own patching score, or by the difference of both tasks' normalised scores",
    )
    ablation: Literal["mean", "zero", "corrupted"] = Field(
        default="mean", description="what ablated values become: their mean, zero, or the corrupted run's"
    )
    outcome: Literal["logit_difference", "log_probability", "probability", "accuracy"] = "logit_difference"
    controls: int = Field(default=19, ge=1, description="how many matched random sets are ablated as controls")
    null: str = Field(default="none", pattern="^none$", description="the matched random sets are the null: `controls`")

    @property
    def sets_of_contrasts(self) -> tuple[str, ...]:
        """Both tasks."""
        return (*super().sets_of_contrasts, self.other)

    @model_validator(mode="after")
    def _two_tasks(self) -> Self:
        if self.contrasts is None:
            raise ValueError("a task is a set of contrasts; a single pair cannot be split into finding and testing")
        if bool(self.first) != bool(self.second):
            raise ValueError("give the components of both tasks, or of neither")
        if self.other == self.contrasts:
            raise ValueError("the other task is the same as the first")
        return self
