"""Tiny GPT-2 networks written by hand, in which it is known what every unit and head does.

Attention is uniform (queries and keys are zero) and the layer norms are the identity: their eps is so large that
float32 does not see the variance beside it, and their weight is its root. The last unit keeps every row's mean at zero.
"""

from dataclasses import dataclass, field

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from aetia.models import Network

_EPS = 2.0**40


@dataclass(frozen=True)
class Item:
    """Stands in for an aligned contrast: token ids without text."""

    id: str
    clean_ids: tuple[int, ...]
    corrupted_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]
    foil_ids: tuple[int, ...]
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    cluster: str = ""

    @property
    def length(self):
        return len(self.clean_ids)

    @property
    def named_positions(self):
        return {name: tuple(range(*span)) for name, span in self.spans.items()}


def blank(vocabulary, width, *, layers=1, heads=2, neurons=4):
    """A network all of whose matrices are zero, to be written into; its logits are 0."""
    config = GPT2Config(
        vocab_size=vocabulary,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        n_inner=neurons,
        n_positions=16,
        activation_function="relu",
        layer_norm_epsilon=_EPS,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    module = GPT2LMHeadModel(config)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            is_norm = ".ln_" in name and name.endswith("weight")
            parameter.fill_(_EPS**0.5 if is_norm else 0.0)
    return module


def balanced(matrix):
    """The rows, each with mean zero: the last column takes what the others add up to."""
    matrix = matrix.clone()
    matrix[..., -1] = 0
    matrix[..., -1] = -matrix.sum(-1)
    return matrix


def network_of(module) -> Network:
    """The network, as it is: parts that do nothing are wanted here, so that its check at load would refuse it."""
    return Network(module.eval().requires_grad_(requires_grad=False))
