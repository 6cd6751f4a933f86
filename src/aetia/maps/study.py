"""What a study of maps asks: which maps of a picture may be trusted, for this model and these questions?"""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from aetia.maps.names import DEFAULT_MAPS, Fill, Measure, Quantity, Removal, parsed_map
from aetia.maps.ranking import SHARES
from aetia.studies.study import ContrastStudy

__all__ = ["MapStudy"]


class MapStudy(ContrastStudy):
    """Maps over pictures, each judged by what the answer loses without the cells that it names."""

    # A frozen field may be narrower than the one it overrides.
    instrument: Literal["map"] = "map"  # pyright: ignore[reportIncompatibleVariableOverride]
    model: str = Field(default="toy-llava", description="a known model that sees, a folder, or a repository of the hub")
    maps: tuple[str, ...] = Field(
        default=DEFAULT_MAPS,
        min_length=1,
        description="maps by name, or all; attention:3 is that of layer 3",
    )
    outcome: Quantity = Field(
        default="probability", description="of the model's own answer: what falls when cells are taken away"
    )
    primary: Removal = Field(
        default="pixels", description="in which sense cells are taken away for the verdict; the other is told beside it"
    )
    removals: tuple[Removal, ...] = Field(default=("pixels", "attention"), min_length=1)
    measures: tuple[Measure, ...] = Field(
        default=("deletion", "insertion"), description="deletion decides; insertion is told beside it, at equal cost"
    )
    fill: Fill = Field(default="median", description="what a cell is painted over with")
    shares: tuple[float, ...] = Field(
        default=SHARES, min_length=1, description="parts of the picture that are taken away"
    )
    top: float = Field(default=1 / 8, description="the part that the knock-out takes away; one of the shares")
    draws: int = Field(default=99, ge=19, description="random maps of equal area that each picture is given")
    margin: float = Field(
        default=0.05, ge=0, description="by how much deletion has to beat each control, in units of the outcome"
    )
    region: str = Field(default="", description="the region that a map should point at; default: the item's first one")
    null: Literal["none"] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        default="none", description="random maps are a map study's null, and always drawn: see `draws`"
    )
    correction: Literal["holm"] = "holm"  # pyright: ignore[reportIncompatibleVariableOverride]

    @field_validator("maps")
    @classmethod
    def _known_maps(cls, maps: tuple[str, ...]) -> tuple[str, ...]:
        if maps == ("all",):
            return DEFAULT_MAPS
        for name in maps:
            parsed_map(name)
        return tuple(dict.fromkeys(maps))

    @field_validator("shares")
    @classmethod
    def _parts(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < share < 1 for share in shares):
            raise ValueError("a share of the picture lies between 0 and 1")
        return tuple(sorted(set(shares)))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.primary not in self.removals:
            raise ValueError(f"the verdict is by {self.primary}, which the removals leave out")
        if "deletion" not in self.measures:
            raise ValueError("the verdict is by deletion, which the measures leave out")
        if self.top not in self.shares:
            raise ValueError(f"the knock-out's part {self.top:g} is none of the shares")
        return self
