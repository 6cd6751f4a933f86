"""Which pictures and questions make one step of training, and as which tensors?

All questions about a picture share one sequence: the picture comes first, and each question attends to it and to
itself only, at the positions that it would have alone. So the toy is trained on just what it meets later, and a
picture is paid for once.

Letters: B scenes, S pixels a side, T positions, C cells of the grid.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from torch import Tensor

from aetia.scenes import Question, Scene, Settings, questions, render
from aetia.seeing.tokens import BEGIN, END, IMAGE, PADDING, encode

__all__ = [
    "CELLS",
    "IGNORED",
    "PREFIX",
    "SETTINGS",
    "Pack",
    "cell_classes",
    "mixed_questions",
    "pack",
    "pixels_of",
    "training_seeds",
]

SETTINGS = Settings(size=64, cells=4)
"""The scenes of the toy: each thing lies within one cell, which is one patch of 16 x 16 pixels."""

CELLS = SETTINGS.cells**2
"""Cells of a scene: image tokens of a picture."""

PREFIX = 1 + CELLS
"""Positions before a question: the beginning and the picture."""

IGNORED = -100
"""The label of a position of which nothing is predicted."""

_FIRST_TRAINING_SEED = 2**40  # far from the seeds that people, tests and the held-out tables use
_SEEDS_OF_A_TRAINING = 2**32
_ROUND_UP = 8  # lengths of sequences, so that blocks of memory are used again
_SHAPES = frozenset(encode(" ".join(SETTINGS.shapes)))
_SHARED = 0  # the block of positions that every question sees


@dataclass(frozen=True, eq=False)
class Pack:
    """Pictures with several questions each.

    Args:
        ids: `[B, T]`: the prefix, then question and answer after question and answer.
        positions: `[B, T]`: counted anew after the prefix for each question.
        labels: `[B, T]`: what follows on each position; `IGNORED` but for answers and their end.
        attends: bool `[B, T, T]`: whether the first position sees the second.
        places: `[B, T, 2]`: row and column of what is named, at the last word of each name in questions about
            relations; `IGNORED` elsewhere.
        kinds: The kind of each block of a scene, by the block's number from 1.
        blocks: `[B, T]`: the number of each position's question; 0 in the prefix, -1 behind the last one.
    """

    ids: Tensor
    positions: Tensor
    labels: Tensor
    attends: Tensor
    places: Tensor
    kinds: tuple[tuple[str, ...], ...]
    blocks: Tensor

    def to(self, device: torch.device) -> "Pack":
        """The same on another device."""
        ids, positions, labels = (tensor.to(device) for tensor in (self.ids, self.positions, self.labels))
        attends, places, blocks = self.attends.to(device), self.places.to(device), self.blocks.to(device)
        return Pack(ids, positions, labels, attends, places, self.kinds, blocks)


def training_seeds(seed: int, start: int, count: int) -> range:
    """Seeds of `count` scenes that no other training seed, and no control, has.

    Args:
        seed: Of the training.
        start: How many scenes the training has used so far.
        count: How many it wants.
    """
    first = _FIRST_TRAINING_SEED + seed * _SEEDS_OF_A_TRAINING + start
    return range(first, first + count)


def pixels_of(scenes: Iterable[Scene]) -> Tensor:
    """What the vision tower takes, float32 `[B, 3, S, S]` from -1 to 1: as the image processor of the toy makes it."""
    pictures = torch.from_numpy(np.stack([render(scene) for scene in scenes]))
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def cell_classes(scenes: Sequence[Scene]) -> Tensor:
    """The colour and the shape in each cell `[B, C, 2]`, counted from 1; 0 where nothing is."""
    classes = torch.zeros(len(scenes), CELLS, 2, dtype=torch.long)
    for number, scene in enumerate(scenes):
        for thing in scene.things:
            names = SETTINGS.colours.index(thing.colour), SETTINGS.shapes.index(thing.shape)
            classes[number, thing.row * SETTINGS.cells + thing.column] = torch.tensor(names) + 1
    return classes


def mixed_questions(scene: Scene, mix: Mapping[str, float], seed: int) -> list[Question]:
    """Different questions about a scene, as many of each kind as the mix says, if the scene has so many.

    Args:
        scene: What is asked about.
        mix: Questions of each kind a scene; 0.5 asks every other scene for one.
        seed: Which of them are asked.
    """
    random = Random(f"aetia toy {scene.seed} {seed}")
    wanted = {kind: int(number + random.random()) for kind, number in mix.items()}
    found: dict[str, Question] = {}
    for round_seed in range(max(wanted.values(), default=0)):
        for question in questions(scene, seed * 64 + round_seed):
            if wanted.get(question.kind, 0) and question.text not in found:
                wanted[question.kind] -= 1
                found[question.text] = question
    return list(found.values())


def pack(scenes: Sequence[Scene], asked: Sequence[Sequence[Question]]) -> Pack:
    """The questions about each scene as one sequence a scene."""
    rows = [_row(scene, questions_of_one) for scene, questions_of_one in zip(scenes, asked, strict=True)]
    length = -(-max(len(row[0]) for row in rows) // _ROUND_UP) * _ROUND_UP
    columns = []
    for number, filling in enumerate((PADDING, 0, IGNORED, -1, IGNORED, IGNORED)):
        column = np.full((len(rows), length), filling, np.int64)
        for place, row in zip(column, rows, strict=True):
            place[: len(row[number])] = row[number]
        columns.append(torch.from_numpy(column))
    ids, positions, labels, blocks, row, column = columns
    earlier = torch.ones(length, length, dtype=torch.bool).tril()
    same = blocks[:, :, None] == blocks[:, None, :]
    shared = (blocks[:, None, :] == _SHARED) & (blocks[:, :, None] > _SHARED)
    kinds = tuple(tuple(question.kind for question in questions_of_one) for questions_of_one in asked)
    places = torch.stack([row, column], -1)
    return Pack(ids, positions, labels, earlier & (same | shared), places, kinds, blocks)


def _row(scene: Scene, asked: Sequence[Question]) -> tuple[list[int], ...]:
    """Ids, positions, labels, blocks, and rows and columns of what is named: of a scene's sequence."""
    ids = [BEGIN] + [IMAGE] * CELLS
    positions, labels, blocks = list(range(PREFIX)), [IGNORED] * PREFIX, [_SHARED] * PREFIX
    rows, columns = [IGNORED] * PREFIX, [IGNORED] * PREFIX
    for number, question in enumerate(asked, start=1):
        words, answer = encode(question.text), encode(question.answer)
        block = words + answer
        ids += block
        positions += range(PREFIX, PREFIX + len(block))
        labels += [IGNORED] * (len(words) - 1) + answer + [END]
        blocks += [number] * len(block)
        places = [(IGNORED, IGNORED)] * len(block)
        if question.kind == "relation":
            ends = [place for place, word in enumerate(words) if word in _SHAPES]
            for end, index in zip(ends, question.about, strict=True):
                places[end] = scene.things[index].row, scene.things[index].column
        rows += [row for row, _ in places]
        columns += [column for _, column in places]
    return ids, positions, labels, blocks, rows, columns
