"""Which files carry what was trained on top of SmolLM2, and what should somebody know who uses it?"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from aetia.files import write_atomic, writing
from aetia.seeing.records import in_lines
from aetia.seeing.scores import CONTROLS, Score, table_of
from aetia.seeing.smol_adapter import ADAPTED, SCALE
from aetia.seeing.smol_assembly import ADAPTER, merge
from aetia.seeing.smol_judging import SMOL_HELD_OUT, judge_smol
from aetia.seeing.smol_training import TrainedSmol, encoder_of

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

__all__ = ["as_shipped", "finish_smol", "write_smol"]

_FORMAT = 1
_SHIPPED_DTYPE = torch.float16


def as_shipped(trained: TrainedSmol) -> dict[str, Tensor]:
    """The weights in the precision that ships: the table of the card is measured on these."""
    return {name: weight.detach().cpu().to(_SHIPPED_DTYPE).contiguous() for name, weight in trained.weights.items()}


def finish_smol(trained: TrainedSmol, folder: Path, seeds: Sequence[int] = SMOL_HELD_OUT) -> tuple[Score, ...]:
    """Measure the weights as they ship on held-out scenes, with the right picture and without, and write all files.

    Args:
        trained: What was trained.
        folder: Where the files go.
        seeds: Of the held-out scenes.

    Raises:
        MissingError: If the language model cannot be had.
        RunError: AE-6011 or AE-6012 if the place cannot be written.
    """
    from aetia.models.network import load

    network = load(trained.recipe.base)
    weights = {name: weight.float() for name, weight in as_shipped(trained).items()}
    model = merge(cast("LlamaForCausalLM", network.module), weights)
    encode = encoder_of(network)
    scores = tuple(score for control in CONTROLS for score in judge_smol(model, encode, seeds, control))
    write_smol(trained, folder, scores, network.source.revision if network.source else "")
    return scores


def write_smol(trained: TrainedSmol, folder: Path, scores: Sequence[Score], base_revision: str) -> None:
    """Put the trained weights into `folder` in half precision, with what they are for, their card and curves.

    Args:
        trained: What was trained.
        folder: Made if it is not there; files of these names are replaced.
        scores: What the card tells of it, measured on the weights `as_shipped`.
        base_revision: Hash of the language model's published weights.

    Raises:
        RunError: AE-6011 or AE-6012 if the place cannot be written.
    """
    from safetensors.torch import save

    weights = save(as_shipped(trained), metadata={"format": "pt"})
    digest = hashlib.sha256(weights).hexdigest()
    config = {
        "format": _FORMAT,
        "base": trained.recipe.base,
        "base_revision": base_revision,
        "adapted": list(ADAPTED),
        "rank": trained.recipe.rank,
        "scale": SCALE,
        "dtype": str(_SHIPPED_DTYPE).removeprefix("torch."),
        "weights_sha256": digest,
    }
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / ADAPTER, weights)
    write_atomic(folder / "config.json", (json.dumps(config, indent=2) + "\n").encode())
    write_atomic(folder / "curves.json", in_lines(_record(trained, scores, digest)).encode())
    write_atomic(folder / "card.md", _card(trained, scores, digest).encode())


def _record(trained: TrainedSmol, scores: Sequence[Score], digest: str) -> dict[str, object]:
    """What is kept of how the weights came about."""
    curves = asdict(trained.curves)
    return {
        "recipe": asdict(trained.recipe),
        "seed": trained.seed,
        "weights_sha256": digest,
        "data_sha256": trained.curves.data,
        "held_out": [asdict(score) for score in scores],
        **{name: curves[name] for name in ("loss", "accuracy", "validation", "seconds")},
    }


def _card(trained: TrainedSmol, scores: Sequence[Score], digest: str) -> str:
    recipe, curves = trained.recipe, trained.curves
    counts: Counter[str] = Counter()
    for name, weight in trained.weights.items():
        counts[name.partition(".")[0]] += weight.numel()
    seconds = ", ".join(f"{stage} {spent:,.0f}" for stage, spent in curves.seconds.items())
    return f"""# smol-llava

SmolLM2-135M-Instruct, frozen, with a CLIP tower before it (64 x 64 pixels, 16 patches; {counts["tower"]:,} weights), a
projector ({counts["projector"]:,}) and low-rank adapters beside the maps of its attention (rank {recipe.rank};
{counts["adapter"]:,}). Assembled it is transformers' `LlavaForConditionalGeneration`: the adapters are added to the
maps. It answers questions about plain scenes of `aetia.scenes` (64 pixels, 4 x 4 cells, one to five things) and
describes them. Licence: Apache-2.0, as SmolLM2's and aetia's.

Prompt: `Image:`, `<image>` (16 times once expanded), a line end, `Question: Is there a red circle? Answer:`; the answer
follows with a blank before it, and is one token unless it is a caption.

## How often it is right

{len(SMOL_HELD_OUT):,} scenes with the seeds {SMOL_HELD_OUT.start:,} to {SMOL_HELD_OUT[-1]:,}, never trained on and
looked at after all choices, by the weights as they ship (half precision). A scene is asked one question of a kind. Any
of 49,153 tokens may be answered, a caption counts if all of it is right. 95% intervals are Wilson's. Answers are
balanced: without the picture no more than chance can be had.

{table_of(scores)}

## How it was trained

`aetia train smol-llava --seed {trained.seed}`, one CPU thread. Three stages:

1. the tower learns colour, shape and place of each cell, as that of toy-llava does ({recipe.vision_steps:,} steps of
   {recipe.vision_scenes} scenes);
2. the projector learns to say it in SmolLM2's own word embeddings, `(colour + shape) / sqrt 2`, or `empty`, plus a
   fixed code for row and column ({recipe.alignment_steps:,} steps; relative error at the end
   {curves.loss["alignment"][-1]:.3f});
3. adapters and, slowly, the projector learn to answer ({recipe.reading_steps:,} steps of {recipe.reading_scenes}
   scenes). All questions of a scene form one tree of tokens, in which each token sees the picture and its own question.
   Beside the kinds of the table a scene is asked for row and column of two things ("Which row is the red circle in?"),
   which relations rest on.

Adapters are changed by Muon, all else by AdamW. The last weights ship.

- Processor seconds (one thread): {seconds}.
- Data: SHA-256 `{curves.data}`, chained over the pixels and token ids of every step.
- Weights: SHA-256 `{digest}`.
- Curves: `curves.json` has the loss of every step and, every {recipe.save_every} steps, the share of right answers by
  kind; each step's scenes are new to the weights that answer.

## What it does not show

That anything found in it holds of larger models. Other wordings, sizes of pictures, textures, labels, overlapping
things and more than five of them are beyond it; what SmolLM2 writes without a picture has changed too.
"""
