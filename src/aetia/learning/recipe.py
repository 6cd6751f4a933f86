"""How large may a program be, and how is it learned?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from aetia.errors import StudyError

__all__ = ["RECIPES", "Progress", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """What a program may consist of and how its training goes.

    Args:
        layers: Layers of heads and lookups.
        heads: In each layer, heads that copy a value from the last matching position.
        counters: In each layer, heads that count the matching positions, each with the lookup that reads the count.
        lookups: In each layer, tables over two variables.
        hidden: Neurons of the network that stands for a table while it is learned.
        steps: Steps of gradient descent (Adam).
        restarts: Programs that are learned side by side from different random weights; the best one is kept.
        batch: Inputs in a step, drawn without replacement; all of them if there are no more.
        learning_rate: The paper's 0.05.
        warmest: The temperature of the first step: the paper's 3.0.
        coldest: The temperature of the last step: the paper's 0.01. Between them it falls by the same factor a step.

    Raises:
        StudyError: AE-1803 if a number is out of its range.

    Source: Friedman, Wettig, Chen, Learning Transformer Programs, NeurIPS 2023 (arXiv 2306.01128), appendix; seed 165.
    """

    layers: int = 2
    heads: int = 2
    counters: int = 0
    lookups: int = 2
    hidden: int = 32
    steps: int = 400
    restarts: int = 4
    batch: int = 64
    learning_rate: float = 0.05
    warmest: float = 3.0
    coldest: float = 0.01

    def __post_init__(self) -> None:
        atleast_one = (self.layers, self.heads, self.lookups, self.hidden, self.restarts, self.batch)
        is_sound = min(atleast_one) >= 1 and self.counters >= 0 and self.steps >= 2
        if not (is_sound and self.learning_rate > 0 and self.warmest >= self.coldest > 0):
            raise StudyError(
                "AE-1803",
                f"No program can be learned by {self}.",
                mend="take at least one of everything (counters: none), two steps, and temperatures that fall to > 0.",
            )

    def temperature(self, step: int) -> float:
        """The temperature of a step, 0 to steps - 1."""
        return self.warmest * (self.coldest / self.warmest) ** (step / (self.steps - 1))


class Progress(NamedTuple):
    """Where a training is: told to the observer after every step.

    Args:
        step: Steps done, of `steps`.
        steps: Steps there are at most.
        temperature: Of the step just done.
        losses: The mean cross-entropy of an answer, in nats, of each restart.
    """

    step: int
    steps: int
    temperature: float
    losses: tuple[float, ...]


RECIPES: Mapping[str, Recipe] = {
    "reverse": Recipe(layers=1, heads=2, lookups=1, steps=300),
    "sort": Recipe(layers=2, heads=1, counters=3, lookups=3, steps=400),
    "histogram": Recipe(layers=2, heads=3, counters=3, lookups=2, steps=500, restarts=8),
    "dyck": Recipe(layers=2, heads=2, counters=1, lookups=2, steps=400),
}
"""A recipe that learns each task at its smallest size."""
