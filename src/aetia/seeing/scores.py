"""How often were answers about scenes right, without the right picture too, and what would chance give?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from aetia.effects.intervals import wilson_interval
from aetia.scenes import Scene
from aetia.seeing.batches import SETTINGS, pixels_of

__all__ = ["CONTROLS", "KINDS", "Control", "Score", "score_of", "shown", "table_of"]

KINDS = ("existence", "colour", "shape", "count", "count-of", "relation", "caption")
"""What a model that sees is trained to answer."""

Control = Literal["none", "blank", "shuffled"]

CONTROLS: tuple[Control, ...] = ("none", "blank", "shuffled")
"""The right picture, a picture with nothing in it, the picture of another scene."""

_TITLES = {"none": "right picture", "blank": "blank picture", "shuffled": "another scene's"}
# Always the same thing alone: as often right as there is one thing, and it is that one.
_CHANCE_OF_CAPTION = 1 / (len(range(SETTINGS.fewest, SETTINGS.most + 1)) * len(SETTINGS.colours) * len(SETTINGS.shapes))


@dataclass(frozen=True)
class Score:
    """How often answers of one kind were right.

    Args:
        kind: Of the questions.
        control: One of `CONTROLS`.
        right: Answers that were right, of `count`.
        count: Questions.
        low: Of the share of right answers: Wilson's 95% interval.
        high: Likewise.
        chance: What a constant answer reaches.
    """

    kind: str
    control: str
    right: int
    count: int
    low: float
    high: float
    chance: float

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.right / self.count


def score_of(kind: str, control: str, hits: Sequence[bool], options: int) -> Score:
    """The score of answers to questions of one kind, which have so many options; a caption has none."""
    right, count = sum(hits), len(hits)
    low, high = wilson_interval(np.array([float(right)]), np.array([float(count)]))
    chance = 1 / options if options else _CHANCE_OF_CAPTION
    return Score(kind, control, right, count, float(low[0]), float(high[0]), chance)


def shown(scenes: Sequence[Scene], control: Control) -> Tensor:
    """The picture that each scene's questions are asked about."""
    if control == "blank":
        return pixels_of([Scene((), SETTINGS, scene.seed) for scene in scenes])
    pixels = pixels_of(scenes)
    return pixels.roll(1, 0) if control == "shuffled" else pixels


def table_of(scores: Sequence[Score]) -> str:
    """Right answers by kind and control, with intervals, in Markdown."""
    found = {(score.kind, score.control): score for score in scores}
    lines = ["| kind | questions | " + " | ".join(_TITLES[control] for control in CONTROLS) + " | chance |"]
    lines.append("|---|---:|" + "---:|" * (len(CONTROLS) + 1))
    for kind in KINDS:
        row = [found[kind, control] for control in CONTROLS if (kind, control) in found]
        if row:
            cells = [f"{score.accuracy:.3f} [{score.low:.3f}, {score.high:.3f}]" for score in row]
            lines.append(f"| {kind} | {row[0].count:,} | {' | '.join(cells)} | {row[0].chance:.3f} |")
    return "\n".join(lines)
