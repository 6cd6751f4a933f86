"""How is the toy trained, from a seed to weights?

A training may be killed at any moment: from its last checkpoint it goes on to the same weights.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.files import writing
from aetia.models.allocator import keep_large_blocks
from aetia.seeing.checkpoints import CHECKPOINT, Checkpoint, Curves, copied, read_checkpoint, write_checkpoint
from aetia.seeing.judging import VALIDATION, Validation
from aetia.seeing.machine import check_device, one_thread
from aetia.seeing.model import build_model
from aetia.seeing.optimiser import Optimiser
from aetia.seeing.recipe import Progress, Recipe
from aetia.seeing.stages import STAGES, Batch, Stage, make_stage

if TYPE_CHECKING:
    from torch import nn
    from transformers import LlavaForConditionalGeneration

__all__ = ["Trained", "train_toy"]

_DIGITS = 5  # of what is kept of losses


@dataclass(frozen=True, eq=False)
class Trained:
    """A training that is done.

    Args:
        model: With the best weights that the validation scenes have shown.
        recipe: What decided them.
        curves: How it went.
    """

    model: "LlavaForConditionalGeneration"
    recipe: Recipe
    curves: Curves


def train_toy(
    recipe: Recipe | None = None,
    *,
    folder: Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    observer: Callable[[Progress], None] | None = None,
) -> Trained:
    """A toy LLaVA that answers questions about plain scenes; on a CPU the recipe decides its weights to the bit.

    One thread is used: more of them do not pay at this size, and would make sums come out in another order.

    Args:
        recipe: By default the one of the toy that ships.
        folder: Where checkpoints go; without one a training that is killed is lost.
        resume: Whether to go on from the checkpoint in the folder, if there is one.
        device: Of torch, such as `cpu` or `cuda`.
        observer: Called after every step.

    Raises:
        StudyError: AE-9201 if there is a checkpoint and it is not to be gone on from; AE-9202 if it cannot be used;
            AE-9203 if there is no such device.
        RunError: AE-6011 or AE-6012 if the folder, or a checkpoint, cannot be written.
    """
    recipe = recipe or Recipe()
    check_device(device)
    path = None if folder is None else folder / CHECKPOINT
    begun = None
    if path is not None and path.exists():
        if not resume:
            mend = "go on with it: --resume; or give another folder: --out"
            raise StudyError("AE-9201", f"There is a training in {path.parent} already.", mend=mend)
        begun = read_checkpoint(path, recipe.identity())
    if folder is not None:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
    keep_large_blocks()
    with one_thread():
        model = build_model(recipe.seed)
        cast("nn.Module", model).to(device)
        training = _Training(model, recipe, path, observer or _silent, begun)
        training.run()
    return Trained(training.model.eval(), recipe, training.curves)


@dataclass(eq=False)
class _Training:
    """A training under way.

    Args:
        model: What is trained.
        recipe: How.
        path: Where checkpoints go.
        observer: Told of every step.
        begun: Where to go on from.
    """

    model: "LlavaForConditionalGeneration"
    recipe: Recipe
    path: Path | None
    observer: Callable[[Progress], None]
    begun: Checkpoint | None
    curves: Curves = field(default_factory=Curves)
    best: dict[str, Tensor] = field(default_factory=dict)

    def run(self) -> None:
        """Go through the stages that are left, and end with the best weights."""
        first = 0
        if self.begun is not None:
            first = STAGES.index(self.begun.stage)
            self.curves = self.begun.curves
            self.best = _under("best/", self.begun.tensors)
            self._load(_under("model/", self.begun.tensors))
        for name in STAGES[first:]:
            self._run_stage(make_stage(name, self.model, self.recipe))
        self._load(self.best)

    def _run_stage(self, stage: Stage) -> None:
        """Every step of a stage that is not done yet."""
        optimiser = Optimiser(stage.weights, stage.matrices, stage.rates)
        start = 0
        if self.begun is not None and self.begun.stage == stage.name:
            start = self.begun.step
            optimiser.restore(_under("optimiser/", self.begun.tensors))
            self._load(_under("probe/", self.begun.tensors), stage)
        self.model.train()
        validation = None
        for step in range(start, stage.rates.steps):
            began = time.process_time()
            batch = stage.batch(step)
            loss, accuracy = stage.loss(batch.to(self.model.device))
            loss.backward()
            optimiser.change(step)
            self._note(stage.name, batch, loss.item(), accuracy)
            is_due = (step + 1) % self.recipe.look_every == 0 or step + 1 == stage.rates.steps
            found = None
            if is_due and stage.name == STAGES[-1]:
                validation = validation or Validation(self.model, VALIDATION, self.recipe.mix)
                found = self._look(validation, step + 1)
            spent = self.curves.seconds.get(stage.name, 0.0) + time.process_time() - began
            self.curves.seconds[stage.name] = round(spent, 3)
            if is_due:
                self._keep(stage, optimiser, step + 1)
            self.observer(Progress(stage.name, step + 1, stage.rates.steps, loss.item(), accuracy, found))

    def _note(self, stage: str, batch: Batch, loss: float, accuracy: float) -> None:
        self.curves.loss.setdefault(stage, []).append(round(loss, _DIGITS))
        self.curves.accuracy.setdefault(stage, []).append(round(accuracy, _DIGITS))
        self.curves.data = hashlib.sha256(bytes.fromhex(self.curves.data) + batch.content()).hexdigest()

    def _look(self, validation: Validation, step: int) -> dict[str, float]:
        """Measure the validation scenes, and keep the weights if the mean over kinds was never higher."""
        found = validation()
        self.curves.validation.append({"step": step} | {kind: round(share, _DIGITS) for kind, share in found.items()})
        mean = sum(found.values()) / len(found)
        if mean >= self.curves.best:
            self.curves.best, self.curves.best_step = mean, step
            self.best = copied(dict(self.model.named_parameters()))
        return found

    def _keep(self, stage: Stage, optimiser: Optimiser, step: int) -> None:
        if self.path is None:
            return
        parts = {
            "model/": dict(self.model.named_parameters()),
            "probe/": {name: weight for name, weight in stage.weights.items() if name.startswith("probe.")},
            "optimiser/": optimiser.state(),
            "best/": self.best,
        }
        tensors = {prefix + name: tensor for prefix, part in parts.items() for name, tensor in part.items()}
        write_checkpoint(self.path, Checkpoint(self.recipe.identity(), stage.name, step, self.curves, tensors))

    @torch.no_grad()
    def _load(self, tensors: dict[str, Tensor], stage: Stage | None = None) -> None:
        weights = dict(self.model.named_parameters()) if stage is None else stage.weights
        for name, tensor in tensors.items():
            weights[name].copy_(tensor)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _silent(_progress: Progress) -> None:
    pass
