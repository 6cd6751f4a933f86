"""What does smol-llava learn first, and what next?

First the tower names what is in each cell, as the toy's does. Then the projector says it in words that the language
model knows. Then projector and adapters answer questions and caption; tower and language model stay as they are.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import Parameter, functional

from aetia.scenes import draw
from aetia.seeing.batches import SETTINGS, pixels_of, training_seeds
from aetia.seeing.optimiser import Rates
from aetia.seeing.recipe import Recipe
from aetia.seeing.smol_model import PictureWords, Reader
from aetia.seeing.smol_packing import Forest, grow, plant
from aetia.seeing.smol_questions import Encode, asked_of, lines_of
from aetia.seeing.smol_recipe import SmolRecipe
from aetia.seeing.stages import make_stage

__all__ = ["STAGES", "Learned", "Lesson", "Scores", "make_lesson", "reading_batch"]

STAGES = ("vision", "alignment", "reading")
"""In the order in which they follow on one another."""

_SCENES_OF_A_STAGE = 2**28
_CAPTION = 0.3  # what a caption's token counts beside an answer: there are many, and they come easily


@dataclass(frozen=True)
class Scores:
    """How a step went.

    Args:
        loss: In nats; of the projector alone, its error relative to the spread of what it is to say.
        right: Right answers of each kind, before the step's change.
        asked: Answers of each kind.
        data: What was seen and asked, as bytes.
    """

    loss: float
    right: Mapping[str, int]
    asked: Mapping[str, int]
    data: bytes


@dataclass(frozen=True, eq=False)
class Learned:
    """What a lesson is about.

    Args:
        reader: The model.
        encode: Text to tokens.
        adapter: The adapters' parameters by name.
        device: Where the model is.
        seed: Of the training.
    """

    reader: Reader
    encode: Encode
    adapter: Mapping[str, Parameter]
    device: torch.device
    seed: int


@dataclass(frozen=True, eq=False)
class Lesson:
    """One stage of the training.

    Args:
        rates: How fast weights change.
        weights: Those that change, by name.
        matrices: Names of those that Muon changes.
        step: Of a step's number: the loss to go down, and how the step went.
    """

    rates: Rates
    weights: Mapping[str, Parameter]
    matrices: tuple[str, ...]
    step: Callable[[int], tuple[Tensor, Scores]]


class _SteepRates(Rates):
    """Falling as a parabola: steps are noisy, and a high rate stops paying after the first tenth of them."""

    def share(self, step: int) -> float:
        """The share of the highest rate at a step from 0."""
        return min(1.0, (step + 1) / self.warmup) * (1 - step / self.steps) ** 2


def make_lesson(name: str, learned: Learned, recipe: SmolRecipe) -> Lesson:
    """The stage of that name."""
    return {"vision": _vision, "alignment": _alignment, "reading": _reading}[name](learned, recipe)


def _vision(learned: Learned, recipe: SmolRecipe) -> Lesson:
    own = Recipe(seed=learned.seed, vision_steps=recipe.vision_steps, vision_scenes=recipe.vision_scenes)
    stage = make_stage("vision", learned.reader.model, own)

    def step(number: int) -> tuple[Tensor, Scores]:
        batch = stage.batch(number)
        loss, accuracy = stage.loss(batch.to(learned.device))
        cells = recipe.vision_scenes * SETTINGS.cells**2
        return loss, Scores(loss.item(), {"cells": round(accuracy * cells)}, {"cells": cells}, batch.content())

    return Lesson(stage.rates, stage.weights, stage.matrices, step)


def _alignment(learned: Learned, recipe: SmolRecipe) -> Lesson:
    model = learned.reader.model
    wanted_of = PictureWords(cast("Tensor", model.get_input_embeddings().weight), learned.encode, learned.seed)

    def step(number: int) -> tuple[Tensor, Scores]:
        scenes = [draw(seed, SETTINGS) for seed in _seeds(learned, "alignment", number, recipe.vision_scenes)]
        pixels = pixels_of(scenes)
        features = learned.reader.features(pixels.to(learned.device))
        wanted = wanted_of(scenes)
        loss = functional.mse_loss(model.model.multi_modal_projector(features), wanted) / wanted.var()
        return loss, Scores(loss.item(), {}, {}, pixels.numpy().tobytes())

    rates = Rates(recipe.alignment_steps, adam=3e-3, decay=0.0)
    return Lesson(rates, _projector(learned), (), step)


def _reading(learned: Learned, recipe: SmolRecipe) -> Lesson:
    weights = {f"adapter.{name}": weight for name, weight in learned.adapter.items()}

    def step(number: int) -> tuple[Tensor, Scores]:
        pixels, forest = reading_batch(learned, recipe, number)
        data = pixels.numpy().tobytes() + forest.tokens.numpy().tobytes()
        forest = forest.on(learned.device)
        scores = learned.reader(learned.reader.features(pixels.to(learned.device)), forest)
        counts = [_CAPTION if kind == "caption" else 1.0 for kind in forest.kinds]
        weight = torch.tensor(counts, device=learned.device)
        losses = functional.cross_entropy(scores, forest.targets, reduction="none")
        return (losses * weight).sum() / weight.sum(), _counted(losses, scores, forest, data)

    rates = _SteepRates(recipe.reading_steps, adam=recipe.adam, muon=recipe.muon, decay=0.0, warmup=20)
    return Lesson(rates, weights | _projector(learned), tuple(weights), step)


def reading_batch(learned: Learned, recipe: SmolRecipe, number: int) -> tuple[Tensor, Forest]:
    """The pictures `[B, 3, S, S]` of a step of the last stage, and what is asked about them."""
    scenes = [draw(seed, SETTINGS) for seed in _seeds(learned, "reading", number, recipe.reading_scenes)]
    trees = []
    for scene in scenes:
        asked = asked_of(scene, recipe.mix, learned.seed)
        trees.append(grow(lines_of(asked, learned.encode, stops=number % len(asked))))
    return pixels_of(scenes), plant(trees, learned.reader.prefix)


def _counted(losses: Tensor, scores: Tensor, forest: Forest, data: bytes) -> Scores:
    right: defaultdict[str, int] = defaultdict(int)
    asked: defaultdict[str, int] = defaultdict(int)
    for kind, is_right in zip(forest.kinds, (scores.argmax(-1) == forest.targets).tolist(), strict=True):
        right[kind] += is_right
        asked[kind] += 1
    return Scores(losses.mean().item(), dict(right), dict(asked), data)


def _projector(learned: Learned) -> dict[str, Parameter]:
    named = learned.reader.model.model.multi_modal_projector.named_parameters()
    return {f"projector.{name}": weight for name, weight in named}


def _seeds(learned: Learned, stage: str, number: int, count: int) -> range:
    return training_seeds(learned.seed, (4 + STAGES.index(stage)) * _SCENES_OF_A_STAGE + number * count, count)
