"""How often is smol-llava right on scenes that it was never trained on, and how often without the right picture?

Any token may be answered. The questions about a picture are computed as one tree, which gives each of them what it
gives alone; a caption is right if each of its tokens, and the line end after it, is the likeliest after those before:
that is when greedy generation writes it. The controls are the toy's.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from aetia.scenes import Question, Scene, draw, questions
from aetia.seeing.batches import SETTINGS
from aetia.seeing.scores import KINDS, Control, Score, score_of, shown
from aetia.seeing.smol_model import Reader
from aetia.seeing.smol_packing import Forest, grow, plant
from aetia.seeing.smol_questions import Encode, lines_of

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration

__all__ = ["SMOL_HELD_OUT", "judge_smol"]

SMOL_HELD_OUT = range(2_000_000_000, 2_000_000_500)
"""Seeds of the scenes that the table of the model card is measured on: looked at once, when all is chosen."""

_AT_ONCE = 8  # scenes


def judge_smol(
    model: "LlavaForConditionalGeneration",
    encode: Encode,
    seeds: Sequence[int],
    control: Control = "none",
    kinds: Sequence[str] = KINDS,
) -> tuple[Score, ...]:
    """How often the model is right on the scenes of these seeds; kinds that none of them can be asked are left out.

    Args:
        model: As `merge` makes it.
        encode: Text to tokens.
        seeds: Of the scenes; each is asked one question of a kind at most, so that answers are balanced.
        control: Which picture is shown.
        kinds: Of the questions.
    """
    scenes = [draw(seed, SETTINGS) for seed in seeds]
    pixels = shown(scenes, control)
    reader = Reader(model, encode)
    right: defaultdict[str, list[bool]] = defaultdict(list)
    options: dict[str, int] = {}
    for start in range(0, len(scenes), _AT_ONCE):
        asked = [_asked(scene, kinds) for scene in scenes[start : start + _AT_ONCE]]
        for question, is_right in _answered(reader, pixels[start : start + _AT_ONCE], asked, encode):
            right[question.kind].append(is_right)
            options[question.kind] = len(question.options)
    return tuple(score_of(kind, control, right[kind], options[kind]) for kind in kinds if kind in right)


def _asked(scene: Scene, kinds: Sequence[str]) -> list[Question]:
    # One set alone: of several, those that ask the same would have to go, and "yes" comes of fewer names than "no".
    return [question for question in questions(scene, 0) if question.kind in kinds]


@torch.no_grad()
def _answered(
    reader: Reader, pixels: Tensor, asked: Sequence[Sequence[Question]], encode: Encode
) -> list[tuple[Question, bool]]:
    """Each question, and whether all tokens of its answer are the likeliest ones."""
    lines = [lines_of(of_one, encode, stops=-1) for of_one in asked]
    device = next(reader.parameters()).device
    forest: Forest = plant([grow(of_one) for of_one in lines], reader.prefix).on(device)
    scores = reader(reader.features(pixels.to(device)), forest)
    hits = iter((scores.argmax(-1) == forest.targets).tolist())
    found = []
    for of_one, lines_of_one in zip(asked, lines, strict=True):
        for question, line in zip(of_one, lines_of_one, strict=True):
            found.append((question, all([next(hits) for _ in line.answer])))  # noqa: C419  each must be drawn
    return found
