"""What studies of features ask: a subspace's patch with its guard, and an alignment map beside its randomised twin."""

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from aetia.models.sites import Site
from aetia.studies import ContrastStudy

__all__ = ["AlignmentStudy", "SubspaceStudy"]


class _SiteStudy(ContrastStudy):
    site: str = Field(description="one variable at one position, as L8.mlp_post@-1 or L5.resid_post@last")
    steps: int = Field(default=200, ge=1, description="steps of learning, on at most 64 interchanges each")

    @field_validator("site")
    @classmethod
    def _is_site(cls, site: str) -> str:
        return str(Site.parse(site))


class SubspaceStudy(_SiteStudy):
    """Does a direction act through what the network reads, or through a dormant pathway?"""

    # A frozen field may be narrower than the one it overrides.
    instrument: Literal["subspace"] = "subspace"  # pyright: ignore[reportIncompatibleVariableOverride]
    file_fields: ClassVar[tuple[str, ...]] = ("contrasts", "file")
    method: Literal["means", "das", "file"] = Field(
        default="das", description="where the subspace comes from: two means, a learned rotation, or a file"
    )
    file: str | None = Field(default=None, description="a .npy or .safetensors file with one direction a row")
    rank: int = Field(default=1, ge=1, description="das: how many dimensions")
    rate: float = Field(default=0.03, gt=0, description="das: step size of Adam")
    receivers: tuple[str, ...] = Field(
        default=(), description="who reads a residual site, as L9.h6.q, L9.mlp or logits; default: everything"
    )
    random_draws: int = Field(default=10, ge=1, description="random subspaces that are patched for comparison")
    null: str = Field(default="random-subspace:19", description="what an effect would be by chance, or none")

    @property
    def further_files(self) -> tuple[str, ...]:
        """The file of directions."""
        return () if self.file is None else (self.file,)

    @model_validator(mode="after")
    def _has_its_file(self) -> Self:
        if (self.method == "file") != (self.file is not None):
            raise ValueError("give a file together with the method file, and with no other")
        return self


class AlignmentStudy(_SiteStudy):
    """How much better does a class of maps align the real network than a randomised one?"""

    # A frozen field may be narrower than the one it overrides.
    instrument: Literal["alignment"] = "alignment"  # pyright: ignore[reportIncompatibleVariableOverride]
    maps: tuple[str, ...] = Field(
        default=("identity", "rotation", "reversible:4x64"),
        min_length=1,
        description="classes of maps, each richer: identity, rotation, reversible:BLOCKSxWIDTH",
    )
    dimensions: int | None = Field(default=None, ge=1, description="coordinates of the variable; default: half")
    twins: int = Field(default=1, ge=1, description="randomised networks that every class is refitted on")
    null: str = Field(
        default="randomised-weights:19",
        description="what accuracy would be by chance: every map is refitted on as many randomised networks; or none",
    )
