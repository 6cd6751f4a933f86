"""What a calibration asks: which instruments, and how thoroughly."""

from typing import Literal

from pydantic import Field, field_validator

from aetia.runs.study import Study

__all__ = ["CalibrationStudy"]


class CalibrationStudy(Study):
    """How often is an instrument wrong where nothing is, right where causes are known, and its interval true?"""

    # A frozen field may be narrower than the one it overrides.
    instrument: Literal["calibrate"] = "calibrate"  # pyright: ignore[reportIncompatibleVariableOverride]
    subjects: tuple[str, ...] = Field(
        default=(), description="instruments, or their ways such as trace:patch; all by default"
    )
    quick: bool = Field(default=False, description="a twentieth of the trials: minutes, and wide intervals")

    @field_validator("subjects")
    @classmethod
    def _known(cls, subjects: tuple[str, ...]) -> tuple[str, ...]:
        return () if "all" in subjects else tuple(dict.fromkeys(subjects))
