"""What decides smol-llava's weights?"""

import hashlib
import json
from dataclasses import asdict, dataclass, field

from aetia.errors import StudyError
from aetia.seeing.smol_questions import Mix

__all__ = ["SmolRecipe"]


@dataclass(frozen=True)
class SmolRecipe:
    """All that decides the weights, but for the seed.

    Args:
        base: The language model, a name that `aetia.load` knows.
        rank: Of the adapters.
        vision_steps: In which the tower learns what is in each cell.
        alignment_steps: In which the projector learns to say it in the language model's words.
        reading_steps: In which projector and adapters learn to answer, while all else stays as it is.
        vision_scenes: Scenes in a step of the first two stages.
        reading_scenes: Scenes in a step of the last stage, each with many questions.
        mix: What a scene is asked.
        muon: The highest rate of the adapters.
        adam: The highest rate of the projector.
        save_every: Steps between two checkpoints.

    Raises:
        StudyError: AE-9251 if a number is out of its range.
    """

    base: str = "smollm2-135m"
    rank: int = 16
    vision_steps: int = 400
    alignment_steps: int = 300
    reading_steps: int = 510
    vision_scenes: int = 64
    reading_scenes: int = 4
    mix: Mix = field(default_factory=Mix)
    muon: float = 0.01
    adam: float = 2e-5
    save_every: int = 20

    def __post_init__(self) -> None:
        counts = (self.vision_steps, self.alignment_steps, self.reading_steps, self.vision_scenes, self.reading_scenes)
        if min(*counts, self.rank, self.save_every) < 1 or min(self.muon, self.adam) <= 0:
            raise StudyError(
                "AE-9251",
                f"Nothing can be trained by {self}.",
                mend="take at least one step of each stage, one scene a step, a rank of 1 and rates above 0.",
            )

    def identity(self, seed: int) -> str:
        """A hash of everything in the recipe, and the seed."""
        record = asdict(self) | {"seed": seed}
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
