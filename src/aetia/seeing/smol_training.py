"""How does SmolLM2 learn to see, from a seed to a few megabytes of weights?

A training may be killed at any moment: from its last checkpoint it goes on to the same weights.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from aetia.errors import StudyError
from aetia.models.allocator import keep_large_blocks
from aetia.seeing.checkpoints import CHECKPOINT, Checkpoint, Curves, read_checkpoint, write_checkpoint
from aetia.seeing.machine import check_device, one_thread
from aetia.seeing.optimiser import Optimiser
from aetia.seeing.recipe import Progress
from aetia.seeing.smol_adapter import adapt
from aetia.seeing.smol_model import Reader, build
from aetia.seeing.smol_questions import Encode
from aetia.seeing.smol_recipe import SmolRecipe
from aetia.seeing.smol_stages import STAGES, Learned, Lesson, Scores, make_lesson

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

    from aetia.models.network import Network

__all__ = ["TrainedSmol", "encoder_of", "shipped_weights", "train_adapter", "train_smol"]

_DIGITS = 5  # of what is kept of losses

Observer = Callable[[Progress], None]


@dataclass(frozen=True, eq=False)
class TrainedSmol:
    """A training that is done.

    Args:
        weights: Tower, projector and adapters, float32, as they are shipped but for their precision.
        recipe: What decided them.
        seed: Likewise.
        curves: How it went; `validation` has the share of answers, by kind, that were right on scenes never met
            before, over the steps since the record before.
    """

    weights: Mapping[str, Tensor]
    recipe: SmolRecipe
    seed: int
    curves: Curves


def train_smol(
    recipe: SmolRecipe | None = None,
    out: Path | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    observer: Observer | None = None,
    resume: bool = False,
) -> TrainedSmol:
    """What SmolLM2 needs to see plain scenes: a tower, a projector and adapters; about an hour on a CPU.

    On a CPU recipe and seed decide the weights to the bit: one thread is used, since more would change the sums' order.

    Args:
        recipe: By default the one of the weights that ship.
        out: Where checkpoints go; without a folder a training that is killed is lost.
        seed: Of the first weights and of the scenes.
        device: Of torch, such as `cpu` or `cuda`.
        observer: Called after every step.
        resume: Whether to go on from the checkpoint in the folder, if there is one.

    Raises:
        MissingError: If the language model cannot be had.
        StudyError: AE-9201 if there is a checkpoint and it is not to be gone on from; AE-9202 if it cannot be used;
            AE-9203 if there is no such device.
        RunError: AE-6011 or AE-6012 if a checkpoint cannot be written.
    """
    from aetia.models.network import load

    recipe = recipe or SmolRecipe()
    network = load(recipe.base)
    base = cast("LlamaForCausalLM", network.module)
    encode = encoder_of(network)
    return train_adapter(base, encode, recipe, out, seed=seed, device=device, observer=observer, resume=resume)


def encoder_of(network: "Network") -> Encode:
    """Text to the tokens of a network, without special ones."""
    tokenizer = network.tokenizer
    assert tokenizer is not None
    return lambda text: list(tokenizer(text, add_special_tokens=False)["input_ids"])


def train_adapter(
    base: "LlamaForCausalLM",
    encode: Encode,
    recipe: SmolRecipe,
    out: Path | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    observer: Observer | None = None,
    resume: bool = False,
) -> TrainedSmol:
    """As `train_smol`, for a decoder at hand; it is copied and stays as it is.

    Args:
        base: A decoder with tied embeddings.
        encode: Text to its tokens; `recipe.base` is not looked at.
        recipe: As for `train_smol`, and so are the others.
        out: Likewise.
        seed: Likewise.
        device: Likewise.
        observer: Likewise.
        resume: Likewise.
    """
    check_device(device)
    path = None if out is None else out / CHECKPOINT
    begun = None
    if path is not None and path.exists():
        if not resume:
            mend = "go on with it: --resume; or give another folder: --out"
            raise StudyError("AE-9201", f"There is a training in {path.parent} already.", mend=mend)
        begun = read_checkpoint(path, recipe.identity(seed))
    keep_large_blocks()
    learned = _begin(base, encode, recipe, device, seed)
    training = _Training(learned, recipe, path, observer or _silent, begun)
    with one_thread():
        training.run()
    return TrainedSmol(shipped_weights(learned), recipe, seed, training.curves)


def _begin(base: "LlamaForCausalLM", encode: Encode, recipe: SmolRecipe, device: str, seed: int) -> Learned:
    """The model before its first step: the base frozen, all else to be changed."""
    model = build(base, seed)
    cast("nn.Module", model).to(device).requires_grad_(requires_grad=False)
    adapter = adapt(model.model.language_model, recipe.rank, seed)
    model.model.vision_tower.requires_grad_(requires_grad=True)
    model.model.multi_modal_projector.requires_grad_(requires_grad=True)
    return Learned(Reader(model, encode), encode, adapter, torch.device(device), seed)


def shipped_weights(learned: Learned) -> dict[str, Parameter]:
    """All that is trained, by name: `tower.`, `projector.` and `adapter.` with names behind them."""
    model = learned.reader.model.model
    parts = {
        "tower.": dict(model.vision_tower.named_parameters()),
        "projector.": dict(model.multi_modal_projector.named_parameters()),
        "adapter.": dict(learned.adapter),
    }
    return {prefix + name: weight for prefix, part in parts.items() for name, weight in part.items()}


@dataclass(eq=False)
class _Training:
    """A training under way.

    Args:
        learned: What is trained.
        recipe: How.
        path: Where checkpoints go.
        observer: Told of every step.
        begun: Where to go on from.
    """

    learned: Learned
    recipe: SmolRecipe
    path: Path | None
    observer: Observer
    begun: Checkpoint | None
    curves: Curves = field(default_factory=Curves)

    def run(self) -> None:
        """Go through the stages that are left."""
        first = 0
        if self.begun is not None:
            first = STAGES.index(self.begun.stage)
            self.curves = self.begun.curves
            _load(shipped_weights(self.learned), _under("model/", self.begun.tensors))
        for name in STAGES[first:]:
            self._run_stage(name, make_lesson(name, self.learned, self.recipe))

    def _run_stage(self, name: str, lesson: Lesson) -> None:
        """Every step of a stage that is not done yet."""
        optimiser = Optimiser(lesson.weights, lesson.matrices, lesson.rates)
        start = 0
        if self.begun is not None and self.begun.stage == name:
            start = self.begun.step
            optimiser.restore(_under("optimiser/", self.begun.tensors))
            _load(lesson.weights, _under("probe/", self.begun.tensors))
        right: Counter[str] = Counter()
        asked: Counter[str] = Counter()
        for step in range(start, lesson.rates.steps):
            began = time.process_time()
            loss, scores = lesson.step(step)
            loss.backward()
            optimiser.change(step)
            right.update(scores.right)
            asked.update(scores.asked)
            self._note(name, scores)
            self.curves.seconds[name] = round(self.curves.seconds.get(name, 0.0) + time.process_time() - began, 3)
            found = None
            if (step + 1) % self.recipe.save_every == 0 or step + 1 == lesson.rates.steps:
                found = {kind: round(right[kind] / asked[kind], _DIGITS) for kind in sorted(asked)}
                if name == STAGES[-1]:
                    self.curves.validation.append({"step": step + 1} | found)
                right.clear()
                asked.clear()
                self._keep(name, lesson, optimiser, step + 1)
            accuracy = sum(scores.right.values()) / max(1, sum(scores.asked.values()))
            self.observer(Progress(name, step + 1, lesson.rates.steps, scores.loss, accuracy, found))

    def _note(self, stage: str, scores: Scores) -> None:
        accuracy = sum(scores.right.values()) / max(1, sum(scores.asked.values()))
        self.curves.loss.setdefault(stage, []).append(round(scores.loss, _DIGITS))
        self.curves.accuracy.setdefault(stage, []).append(round(accuracy, _DIGITS))
        self.curves.data = hashlib.sha256(bytes.fromhex(self.curves.data) + scores.data).hexdigest()

    def _keep(self, stage: str, lesson: Lesson, optimiser: Optimiser, step: int) -> None:
        if self.path is None:
            return
        parts = {
            "model/": shipped_weights(self.learned),
            "probe/": {name: weight for name, weight in lesson.weights.items() if name.startswith("probe.")},
            "optimiser/": optimiser.state(),
        }
        tensors = {prefix + name: tensor for prefix, part in parts.items() for name, tensor in part.items()}
        identity = self.recipe.identity(self.learned.seed)
        write_checkpoint(self.path, Checkpoint(identity, stage, step, self.curves, tensors))


@torch.no_grad()
def _load(weights: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        weights[name].copy_(tensor)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _silent(_progress: Progress) -> None:
    pass
