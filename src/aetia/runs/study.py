"""Which question is asked, in full?"""

import hashlib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from aetia.runs.keys import JSON, canonical

__all__ = ["Study"]


class Study(BaseModel):
    """A question that can be asked again: everything that decides the answer, and nothing else.

    Instruments add their own fields in a subclass.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    instrument: str = Field(description="the method that answers it: see `aetia methods`")
    seed: int = Field(default=0, ge=0, description="the seed of everything that is drawn at random")
    level: float = Field(default=0.95, gt=0, lt=1, description="the coverage of the intervals")

    def read_from(self, folder: Path) -> Self:  # noqa: ARG002  those that name files need it
        """Return the study that a file in `folder` means: the files that it names lie there."""
        return self

    def record(self) -> dict[str, JSON]:
        """Return the study as plain data, as `parse_study` reads it."""
        return self.model_dump(mode="json")

    def identity(self) -> str:
        """Return the SHA-256 of the study's canonical JSON: equal for equal questions, on any machine."""
        return hashlib.sha256(canonical(self.record()).encode()).hexdigest()
