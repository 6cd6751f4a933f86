"""How does a training that was killed go on as if nothing had happened?

One safetensors file holds the weights, the best weights so far, the optimiser's state and, in its header, where the
training was. It is written whole or not at all.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.files import write_atomic

__all__ = ["CHECKPOINT", "Checkpoint", "Curves", "copied", "read_checkpoint", "write_checkpoint"]

CHECKPOINT = "checkpoint.safetensors"
"""The file's name in the folder of the training."""

_KEY = "aetia"


@dataclass
class Curves:
    """How a training went.

    Args:
        loss: Of each step, in nats, by stage.
        accuracy: The share of each step's answers that were right, by stage.
        validation: After each look: the language stage's steps done, and the share of right answers of each kind.
        seconds: Processor time by stage.
        data: SHA-256 chained over the pixels and token ids of every step so far.
        best_step: The language stage's steps done when the best weights were found.
        best: What they scored on the validation scenes.
    """

    loss: dict[str, list[float]] = field(default_factory=dict)
    accuracy: dict[str, list[float]] = field(default_factory=dict)
    validation: list[dict[str, float]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    data: str = ""
    best_step: int = 0
    best: float = -1.0


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a training was.

    Args:
        recipe: The recipe's identity.
        stage: The stage that it was in.
        step: Steps of the stage done.
        curves: How it went so far.
        tensors: `model/`, `probe/`, `optimiser/` and `best/` with names behind them.
    """

    recipe: str
    stage: str
    step: int
    curves: Curves
    tensors: Mapping[str, Tensor]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Put a checkpoint at `path`; a kill at any moment leaves the old one or the new one.

    Raises:
        RunError: AE-6011 or AE-6012 if the place cannot be written.
    """
    from safetensors.torch import save

    record = {"recipe": checkpoint.recipe, "stage": checkpoint.stage, "step": checkpoint.step}
    header = {_KEY: json.dumps(record | {"curves": asdict(checkpoint.curves)})}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    write_atomic(path, save(tensors, metadata=header))


def read_checkpoint(path: Path, recipe: str) -> Checkpoint | None:
    """The checkpoint at `path`; None if there is none.

    Raises:
        StudyError: AE-9202 if it is of another recipe, or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            record = json.loads(file.metadata()[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
        found = Checkpoint(record["recipe"], record["stage"], record["step"], Curves(**record["curves"]), tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise StudyError(
            "AE-9202",
            f"The checkpoint {path} cannot be read.",
            details=(str(error).splitlines()[0],),
            mend="remove it and train anew",
        ) from error
    if found.recipe != recipe:
        raise StudyError(
            "AE-9202",
            f"The checkpoint {path} is of another recipe.",
            mend="train with the options that it was begun with, or into another folder with --out",
        )
    return found


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as they are now, apart from the ones that go on changing."""
    return {name: torch.clone(tensor.detach()) for name, tensor in tensors.items()}
