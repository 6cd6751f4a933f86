"""How do many questions about one picture share the tokens that they begin with?

The questions of a picture form a tree: "Is there a red circle?" and "Is there a red square?" part after "red". Each
token attends to the picture, to the tokens before it on its own branch and to itself, at the position that it would
have alone. So what is computed is what each question gives alone, and most of it is computed once.

Letters: B scenes, P positions before the questions, N tokens of the largest tree, Q answers, T = P + N.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = ["Asked", "Forest", "Line", "Tree", "grow", "plant"]

_ROOT = -1
_MASKED = -1e30


class Line(NamedTuple):
    """A question as tokens.

    Args:
        kind: What the question asks.
        words: The question's tokens, up to the last one before the answer.
        answer: The answer's tokens.
    """

    kind: str
    words: Sequence[int]
    answer: Sequence[int]


class Asked(NamedTuple):
    """A token that is to be predicted.

    Args:
        kind: What its question asks.
        node: After which node of the tree it comes.
        token: The token.
    """

    kind: str
    node: int
    token: int


@dataclass(frozen=True)
class Tree:
    """The questions about one picture.

    Args:
        tokens: Of each node.
        parents: The node before each node; -1 where that is the picture.
        asked: What is to be predicted.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    asked: tuple[Asked, ...]


@dataclass(frozen=True, eq=False)
class Forest:
    """The trees of several pictures as tensors.

    Args:
        tokens: `[B, N]`, 0 behind the last node.
        mask: `[B, 1, T, T]`, added to attention scores: 0, or minus infinity but for overflow.
        positions: `[B, T]`.
        places: `[Q]`: where answers are predicted, in the flattened `[B * T]` positions.
        targets: `[Q]`: the tokens to predict.
        kinds: Of each answer.
    """

    tokens: Tensor
    mask: Tensor
    positions: Tensor
    places: Tensor
    targets: Tensor
    kinds: tuple[str, ...]

    def on(self, device: torch.device) -> "Forest":
        """The same on another device."""
        return Forest(
            self.tokens.to(device),
            self.mask.to(device),
            self.positions.to(device),
            self.places.to(device),
            self.targets.to(device),
            self.kinds,
        )


def grow(lines: Sequence[Line]) -> Tree:
    """The tree of some questions; tokens of an answer but its last are nodes too, so that a caption can be learned."""
    tokens: list[int] = []
    parents: list[int] = []
    asked: list[Asked] = []
    children: dict[tuple[int, int], int] = {}
    for line in lines:
        node = _ROOT
        for place, token in enumerate((*line.words, *line.answer)):
            if place >= len(line.words):
                asked.append(Asked(line.kind, node, token))
            if place == len(line.words) + len(line.answer) - 1:
                break
            if (node, token) not in children:
                children[node, token] = len(tokens)
                tokens.append(token)
                parents.append(node)
            node = children[node, token]
    return Tree(tuple(tokens), tuple(parents), tuple(asked))


def plant(trees: Sequence[Tree], before: int) -> Forest:
    """Several trees side by side.

    Args:
        trees: One a picture.
        before: P: how many positions come before the questions, picture and all; these attend causally.
    """
    longest = max(len(tree.tokens) for tree in trees)
    total = before + longest
    tokens = np.zeros((len(trees), longest), np.int64)
    sees = np.zeros((len(trees), total, total), bool)
    sees[:, :before, :before] = np.tri(before, dtype=bool)
    sees[:, before:, 0] = True  # what lies behind a tree must attend to something, or attention gives no number
    positions = np.zeros((len(trees), total), np.int64)
    positions[:, :before] = np.arange(before)
    places: list[int] = []
    for row, tree in enumerate(trees):
        tokens[row, : len(tree.tokens)] = tree.tokens
        for number, parent in enumerate(tree.parents):
            node, above = before + number, before + parent  # the root's is the last position before
            sees[row, node] = sees[row, above]
            sees[row, node, node] = True
            positions[row, node] = positions[row, above] + 1
        places.extend(row * total + before + asked.node for asked in tree.asked)
    answers = [asked for tree in trees for asked in tree.asked]
    mask = torch.zeros(sees.shape).masked_fill_(~torch.from_numpy(sees), _MASKED)
    return Forest(
        torch.from_numpy(tokens),
        mask[:, None],
        torch.from_numpy(positions),
        torch.tensor(places),
        torch.tensor([asked.token for asked in answers]),
        tuple(asked.kind for asked in answers),
    )
