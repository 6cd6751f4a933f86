"""What decides the toy's weights, and how far is a training?"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import NamedTuple

from aetia.errors import StudyError

__all__ = ["MIX", "Progress", "Recipe"]

MIX: Mapping[str, float] = MappingProxyType(
    {
        "existence": 2.0,
        "colour": 1.0,
        "shape": 1.0,
        "count": 0.5,
        "count-of": 1.0,
        "relation": 4.0,
        "caption": 0.5,
    }
)
"""Questions of each kind a scene."""


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights: the same recipe gives the same toy on the same machine.

    Args:
        seed: Of the first weights and of the scenes.
        vision_steps: In which the tower learns what is in each cell.
        alignment_steps: In which the projector learns to say it in the decoder's words.
        language_steps: In which projector and decoder learn to answer, while the tower stays as it is.
        vision_scenes: Scenes in a step of the first two stages.
        language_scenes: Scenes in a step of the last stage, each with several questions.
        mix: Questions of each kind a scene.
        look_every: Steps between two looks at the validation scenes, after each of which a checkpoint is written.

    Raises:
        StudyError: AE-9204 if a number is out of its range.
    """

    seed: int = 0
    vision_steps: int = 900
    alignment_steps: int = 120
    language_steps: int = 2400
    vision_scenes: int = 64
    language_scenes: int = 24
    mix: Mapping[str, float] = field(default_factory=lambda: MIX)
    look_every: int = 100

    def __post_init__(self) -> None:
        counts = (self.vision_steps, self.alignment_steps, self.language_steps, self.vision_scenes)
        if min(*counts, self.language_scenes, self.look_every) < 1 or not 0 <= self.seed < 2**20:
            raise StudyError(
                "AE-9204",
                f"No toy can be trained by {self}.",
                mend="take at least one step of each stage, one scene a step, and a seed from 0 to 1,048,575.",
            )

    def identity(self) -> str:
        """A hash of everything in the recipe."""
        return hashlib.sha256(json.dumps(self.record(), sort_keys=True).encode()).hexdigest()

    def record(self) -> dict[str, object]:
        """The recipe as JSON has it."""
        values: dict[str, object] = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**values, "mix": dict(self.mix)}


class Progress(NamedTuple):
    """Where a training is: told to the observer after every step.

    Args:
        stage: `vision`, `alignment` or `language`.
        step: Steps of the stage done, of `steps`.
        steps: Steps of the stage.
        loss: Of the step, in nats.
        accuracy: The share of the step's answers (of cells, of words) that were right before it.
        validation: After a look at the validation scenes: the share of right answers of each kind.
    """

    stage: str
    step: int
    steps: int
    loss: float
    accuracy: float
    validation: Mapping[str, float] | None = None
