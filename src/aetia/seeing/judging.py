"""How often is the toy right on scenes that it was never trained on, and how often without the right picture?

Each question stands alone, as a user asks it, and any word may be answered. Two controls: the same questions about a
picture with nothing in it, and about the picture of another scene. Answers are balanced, so that without a picture
nothing can be right more often than chance.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import torch
from torch import Tensor

from aetia.scenes import Question, draw, questions
from aetia.seeing.batches import CELLS, SETTINGS, mixed_questions, pack, pixels_of
from aetia.seeing.model import decoded, picture_features
from aetia.seeing.scores import KINDS, Control, Score, score_of, shown
from aetia.seeing.tokens import BEGIN, END, IMAGE, PADDING, encode

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration

    from aetia.seeing.batches import Pack

__all__ = ["HELD_OUT", "VALIDATION", "Validation", "judge"]

VALIDATION = range(1_000_000_000, 1_000_000_256)
"""Seeds of the scenes by which the best weights of a training are chosen."""

HELD_OUT = range(2_000_000_000, 2_000_002_000)
"""Seeds of the scenes that the table of the model card is measured on: looked at once, when all is chosen."""

_AT_ONCE = 128
_LONGEST_CAPTION = 32


class _Generates(Protocol):
    """What has transformers' `generate`; its own annotation asks for a protocol that no model class meets."""

    def generate(self, *, input_ids: Tensor, pixel_values: Tensor, **settings: object) -> Tensor:
        """The ids with what is added to them `[B, T + n]`."""
        ...


class Validation:
    """The share of right answers on a fixed set of scenes, quickly: packed as in training.

    Args:
        model: Whose tower does not change any more.
        seeds: Of the scenes.
        mix: Questions of each kind a scene.
    """

    def __init__(self, model: "LlavaForConditionalGeneration", seeds: Sequence[int], mix: Mapping[str, float]) -> None:
        self._model = model
        self._parts: list[tuple[Tensor, Pack]] = []
        for start in range(0, len(seeds), _AT_ONCE // 4):
            scenes = [draw(seed, SETTINGS) for seed in seeds[start : start + _AT_ONCE // 4]]
            with torch.no_grad():
                features = picture_features(model, pixels_of(scenes).to(model.device))
            asked = pack(scenes, [mixed_questions(scene, mix, 0) for scene in scenes])
            self._parts.append((features, asked.to(model.device)))

    @torch.no_grad()
    def __call__(self) -> dict[str, float]:
        """The share of questions of each kind whose whole answer, with its end, is the likeliest word by word."""
        right: defaultdict[str, list[bool]] = defaultdict(list)
        for features, asked in self._parts:
            words = self._model.lm_head(decoded(self._model, features, asked)[-1]).argmax(-1)
            missed = (asked.labels >= 0) & (words != asked.labels)
            for blocks, misses, kinds in zip(asked.blocks, missed, asked.kinds, strict=True):
                wrong = set(blocks[misses].tolist())
                for number, kind in enumerate(kinds, start=1):
                    right[kind].append(number not in wrong)
        return {kind: float(np.mean(values)) for kind, values in right.items()}


def judge(
    model: "LlavaForConditionalGeneration",
    seeds: Sequence[int],
    control: Control = "none",
    kinds: Sequence[str] = KINDS,
) -> tuple[Score, ...]:
    """How often the model is right on the scenes of these seeds.

    Args:
        model: On any device.
        seeds: Of the scenes; each is asked one question of a kind.
        control: Which picture is shown.
        kinds: Of the questions.
    """
    scenes = [draw(seed, SETTINGS) for seed in seeds]
    pixels = shown(scenes, control)
    items: defaultdict[str, list[tuple[int, Question]]] = defaultdict(list)
    for number, scene in enumerate(scenes):
        # One set alone: of several, those that repeat each other would be left out, and yes repeats more often than no.
        for question in questions(scene, 0):
            items[question.kind].append((number, question))
    scores = []
    for kind in kinds:
        given = _answers(model, pixels, items[kind])
        hits = [answer == encode(question.answer) for answer, (_, question) in zip(given, items[kind], strict=True)]
        scores.append(score_of(kind, control, hits, len(items[kind][0][1].options)))
    return tuple(scores)


@torch.no_grad()
def _answers(
    model: "LlavaForConditionalGeneration", pixels: Tensor, items: Sequence[tuple[int, Question]]
) -> list[list[int]]:
    """What the model answers to each question, word by word as `generate` gives them, up to the end."""
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    prompts = [[BEGIN] + [IMAGE] * CELLS + encode(question.text) for _, question in items]
    for place, prompt in enumerate(prompts):
        by_length[len(prompt)].append(place)
    given: list[list[int]] = [[] for _ in items]
    for length, places in by_length.items():
        for start in range(0, len(places), _AT_ONCE):
            chosen = places[start : start + _AT_ONCE]
            is_caption = items[chosen[0]][1].kind == "caption"
            produced = cast("_Generates", model).generate(
                input_ids=torch.tensor([prompts[place] for place in chosen], device=model.device),
                attention_mask=torch.ones(len(chosen), length, dtype=torch.long, device=model.device),
                pixel_values=pixels[[items[place][0] for place in chosen]].to(model.device),
                max_new_tokens=_LONGEST_CAPTION if is_caption else 1,
                do_sample=False,
                eos_token_id=END,
                pad_token_id=PADDING,
            )
            for place, words in zip(chosen, produced[:, length:].tolist(), strict=True):
                given[place] = [word for word in words if word not in (END, PADDING)]
    return given
