"""What does the toy learn first, and what next?

First the tower names what is in each cell. Then the projector says it in the decoder's words, and where the cell is.
Then projector and decoder answer questions, while the tower stays as it is.

Letters: B scenes, C cells, T positions, V words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import Parameter, functional

from aetia.scenes import Settings, draw
from aetia.seeing.batches import (
    CELLS,
    IGNORED,
    SETTINGS,
    Pack,
    cell_classes,
    mixed_questions,
    pack,
    pixels_of,
    training_seeds,
)
from aetia.seeing.model import VISION_WIDTH, WIDTH, decoded, picture_features
from aetia.seeing.optimiser import Rates
from aetia.seeing.recipe import Recipe
from aetia.seeing.tokens import IMAGE, encode

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration

__all__ = ["STAGES", "Batch", "Stage", "make_stage"]

STAGES = ("vision", "alignment", "language")
"""In the order in which they follow on one another."""

_SCENES_OF_A_STAGE = 2**28
_CROWDED = Settings(size=SETTINGS.size, cells=SETTINGS.cells, fewest=2, most=10)  # more to learn from in a picture
_PLACES_OF_CELLS = 0.2  # how much where a cell is counts beside what is in it
_PLACES_OF_NAMES = 0.5  # how much where things are counts beside answers


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step is trained on.

    Args:
        pixels: `[B, 3, S, S]`.
        classes: What is in each cell `[B, C, 2]`; None in the last stage.
        asked: Questions about the pictures; None in the first two stages.
    """

    pixels: Tensor
    classes: Tensor | None = None
    asked: Pack | None = None

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        classes = None if self.classes is None else self.classes.to(device)
        asked = None if self.asked is None else self.asked.to(device)
        return Batch(self.pixels.to(device), classes, asked)

    def content(self) -> bytes:
        """What is seen and asked, as bytes: for a hash of the data."""
        seen = self.pixels.numpy().tobytes()
        return seen if self.asked is None else seen + self.asked.ids.numpy().tobytes()


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage of the training.

    Args:
        name: One of `STAGES`.
        rates: How fast weights change.
        weights: Those that change, by name; those of probes, which are thrown away, begin with `probe.`.
        matrices: Names of those that Muon changes.
        batch: What a step, counted from 0, is trained on.
        loss: Of a batch: the loss in nats, and the share of answers that are right.
    """

    name: str
    rates: Rates
    weights: Mapping[str, Parameter]
    matrices: tuple[str, ...]
    batch: Callable[[int], Batch]
    loss: Callable[[Batch], tuple[Tensor, float]]


def make_stage(name: str, model: "LlavaForConditionalGeneration", recipe: Recipe) -> Stage:
    """The stage of that name; the same recipe makes the same probes and batches."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed + 1)
        return {"vision": _vision, "alignment": _alignment, "language": _language}[name](model, recipe)


def _vision(model: "LlavaForConditionalGeneration", recipe: Recipe) -> Stage:
    """The tower, read by four probes: colour, shape, row and column of each cell."""
    probes = _Probes(VISION_WIDTH, (7, 5, SETTINGS.cells, SETTINGS.cells)).to(model.device)
    weights = _named("model.vision_tower.", model) | {f"probe.{name}": p for name, p in probes.named_parameters()}

    def loss(batch: Batch) -> tuple[Tensor, float]:
        assert batch.classes is not None
        return _cell_loss(probes(picture_features(model, batch.pixels)), batch.classes)

    return Stage(
        "vision",
        Rates(recipe.vision_steps, adam=2e-3),
        weights,
        (),
        lambda step: _cells(recipe, step, "vision", _CROWDED),
        loss,
    )


def _alignment(model: "LlavaForConditionalGeneration", recipe: Recipe) -> Stage:
    """The projector and the words: what is in a cell is read by the unembedding, where it is by two probes."""
    probes = _Probes(WIDTH, (SETTINGS.cells, SETTINGS.cells)).to(model.device)
    embedding = _named("model.language_model.embed_tokens.", model)
    weights = _named("model.multi_modal_projector.", model) | embedding
    weights |= {f"probe.{name}": p for name, p in probes.named_parameters()}
    words = [[IMAGE, *(encode(word)[0] for word in known)] for known in (SETTINGS.colours, SETTINGS.shapes)]

    def loss(batch: Batch) -> tuple[Tensor, float]:
        assert batch.classes is not None
        with torch.no_grad():
            features = picture_features(model, batch.pixels)
        seen = model.model.multi_modal_projector(features)
        logits = functional.linear(functional.rms_norm(seen, seen.shape[-1:]), model.lm_head.weight)
        found = logits.log_softmax(-1)
        losses, right = [], []
        for number, known in enumerate(words):
            wanted = torch.tensor(known, device=found.device)[batch.classes[..., number]]
            losses.append(-found.gather(-1, wanted[..., None]).mean() / 2)
            right.append(logits[..., known].argmax(-1) == batch.classes[..., number])
        return torch.stack(losses).sum() + _place_loss(probes(seen)), (right[0] & right[1]).double().mean().item()

    return Stage(
        "alignment",
        Rates(recipe.alignment_steps, adam=3e-3, decay=0.0, warmup=1, last=1.0),
        weights,
        (),
        lambda step: _cells(recipe, step, "alignment", SETTINGS),
        loss,
    )


def _language(model: "LlavaForConditionalGeneration", recipe: Recipe) -> Stage:
    """Projector and decoder, on questions and captions.

    Of each thing that a question about a relation names, two probes read row and column from the residual of the last
    word of its name, half-way through the decoder: relations between two things are then learned one thing at a time.
    """
    probes = _Probes(WIDTH, (SETTINGS.cells, SETTINGS.cells)).to(model.device)
    weights = _named("model.multi_modal_projector.", model) | _named("model.language_model.", model)
    matrices = tuple(name for name, weight in weights.items() if ".layers." in name and weight.ndim == 2)
    weights |= {f"probe.{name}": p for name, p in probes.named_parameters()}

    def batch(step: int) -> Batch:
        first = STAGES.index("language") * _SCENES_OF_A_STAGE + step * recipe.language_scenes
        scenes = [draw(seed, SETTINGS) for seed in training_seeds(recipe.seed, first, recipe.language_scenes)]
        asked = pack(scenes, [mixed_questions(scene, recipe.mix, recipe.seed) for scene in scenes])
        return Batch(pixels_of(scenes), asked=asked)

    def loss(batch: Batch) -> tuple[Tensor, float]:
        asked = batch.asked
        assert asked is not None
        with torch.no_grad():
            features = picture_features(model, batch.pixels)
        residuals = decoded(model, features, asked)
        told = asked.labels != IGNORED
        logits = model.lm_head(residuals[-1][told])
        wanted = asked.labels[told]
        answers = functional.cross_entropy(logits, wanted)
        is_name = asked.places[..., 0] != IGNORED
        if is_name.any():
            middle = residuals[len(residuals) // 2][is_name]
            scores = probes(functional.rms_norm(middle, middle.shape[-1:]))
            answers = answers + _PLACES_OF_NAMES * _cross_entropies(scores, asked.places[is_name])
        return answers, (logits.argmax(-1) == wanted).double().mean().item()

    return Stage(
        "language", Rates(recipe.language_steps, adam=2e-3, muon=0.02, warmup=50), weights, matrices, batch, loss
    )


class _Probes(nn.Module):
    """Linear maps from a cell's vector to what is asked of it."""

    def __init__(self, width: int, classes: tuple[int, ...]) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(width, count) for count in classes)

    def forward(self, cells: Tensor) -> list[Tensor]:
        """Scores `[B, C, classes]` for each question, of vectors `[B, C, width]`."""
        return [one(cells) for one in self.maps]


def _named(prefix: str, model: nn.Module) -> dict[str, Parameter]:
    return {name: weight for name, weight in model.named_parameters() if name.startswith(prefix)}


def _cells(recipe: Recipe, step: int, stage: str, settings: Settings) -> Batch:
    first = STAGES.index(stage) * _SCENES_OF_A_STAGE + step * recipe.vision_scenes
    scenes = [draw(seed, settings) for seed in training_seeds(recipe.seed, first, recipe.vision_scenes)]
    return Batch(pixels_of(scenes), classes=cell_classes(scenes))


def _cell_loss(scores: list[Tensor], classes: Tensor) -> tuple[Tensor, float]:
    """The loss of naming colour, shape and place of each cell, and the share of cells named right."""
    right = (scores[0].argmax(-1) == classes[..., 0]) & (scores[1].argmax(-1) == classes[..., 1])
    loss = _cross_entropies(scores[:2], classes) + _PLACES_OF_CELLS * _place_loss(scores[2:])
    return loss, right.double().mean().item()


def _place_loss(scores: list[Tensor]) -> Tensor:
    """The loss of telling row and column of each cell, from scores `[B, C, 4]` of each."""
    cells = torch.arange(CELLS, device=scores[0].device)
    places = torch.stack([cells // SETTINGS.cells, cells % SETTINGS.cells], -1)
    return _cross_entropies(scores, places.expand(len(scores[0]), -1, -1))


def _cross_entropies(scores: list[Tensor], wanted: Tensor) -> Tensor:
    """The sum over questions of the mean cross-entropy, of scores `[..., classes]` and right classes `[..., n]`."""
    pairs = zip(scores, wanted.unbind(-1), strict=True)
    return torch.stack([functional.cross_entropy(one.flatten(0, -2), right.flatten()) for one, right in pairs]).sum()
