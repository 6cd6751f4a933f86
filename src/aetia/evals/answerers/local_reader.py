"""How are the rows of many prompts read in one run of a network, each as if it were alone?

Rows of different lines stand side by side without padding; attention keeps them apart. What is asked of a row depends
on the others in the run by rounding only.

Letters: R rows of a run, S rows of a tree, P tokens of its stem, H heads, K key/value heads, d head width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from aetia.evals.answerers.local_edits import Edits, Rows, check_reach, edited_run
from aetia.evals.answerers.local_trees import Tree
from aetia.models.attention import (
    AttentionCall,
    handled_attention,
    own_attention,
    own_implementation,
    weights_attention,
)
from aetia.models.network import Network

__all__ = ["KeyValues", "Placed", "additive", "attended", "forward", "logits", "read", "room_for"]

_BLOCK = 128  # rows of a tree whose attention is made at a time


@dataclass(frozen=True, eq=False)
class KeyValues:
    """Keys and values of a stem, `[1, K, P, d]` a layer; `room` has as many places more, to put a tree's own behind.

    Args:
        keys: Of each layer, `[1, K, P + room, d]`.
        values: The same.
        length: P.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    length: int


def room_for(kept: Mapping[int, tuple[Tensor, Tensor]], rows: slice, room: int) -> KeyValues:
    """The keys and values of some rows of a run, with room for those of `room` more."""

    def widened(tensor: Tensor) -> Tensor:
        part = tensor[:, :, rows]
        wide = part.new_empty(*part.shape[:2], part.shape[2] + room, part.shape[3])
        wide[:, :, : part.shape[2]] = part
        return wide

    keys = tuple(widened(kept[layer][0]) for layer in sorted(kept))
    values = tuple(widened(kept[layer][1]) for layer in sorted(kept))
    return KeyValues(keys, values, rows.stop - rows.start)


@dataclass(frozen=True, eq=False)
class Placed:
    """A tree in a run.

    Args:
        tree: The tree.
        stem: What its lines begin with; None if that is nothing.
        row: Its first row.
        prompt: How many tokens the prompt has; of no matter unless something is done at a place of the prompt.
    """

    tree: Tree
    stem: KeyValues | None
    row: int
    prompt: int

    @property
    def rows(self) -> slice:
        """Its rows in the run."""
        return slice(self.row, self.row + len(self.tree.tokens))

    @cached_property
    def reads(self) -> Tensor:
        """Which row may read which, `[S, P + S]`."""
        own = torch.from_numpy(self.tree.ancestors())
        return torch.cat([torch.ones(len(own), self.tree.stem, dtype=torch.bool), own], 1)

    @cached_property
    def distances(self) -> Tensor:
        """How many positions lie between a row and what it reads, `[S, P + S]`."""
        own = torch.tensor(self.tree.positions)
        return own[:, None] - torch.cat([torch.arange(self.tree.stem), own])

    def mask(self, window: object) -> Tensor | None:
        """Which row may read which, at most `window` positions back; None for all that came before."""
        is_free = not isinstance(window, int) or window >= len(self.tree.tokens)
        if self.stem is None and is_free and self.tree.is_chain:
            return None
        return self.reads & (self.distances < window) if isinstance(window, int) else self.reads


class _TreeAttention:
    """Attention in which every row reads its line's earlier rows, and the stem, and nothing else."""

    def __init__(self, network: Network, placed: Sequence[Placed], edits: Edits, keeps: bool) -> None:
        self.network, self.placed, self.edits, self.keeps = network, placed, edits, keeps
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}
        self.masks: dict[object, list[Tensor | None]] = {}

    def __call__(self, call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        layer = self.network.attentions[call.module]
        if self.keeps:
            self.kept[layer] = call.key, call.value
        window = call.options.get("sliding_window")
        if window not in self.masks:
            masks = [one.mask(window) for one in self.placed]
            device, dtype = call.query.device, call.query.dtype
            self.masks[window] = [mask if mask is None else additive(mask, dtype).to(device) for mask in masks]
        parts = [self._tree(call, one, mask, layer) for one, mask in zip(self.placed, self.masks[window], strict=True)]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1), None

    def _tree(self, call: AttentionCall, one: Placed, mask: Tensor | None, layer: int) -> Tensor:
        """The heads' outputs of a tree's rows, `[1, S, H, d]`."""
        key, value = call.key[:, :, one.rows], call.value[:, :, one.rows]
        if one.stem is not None:
            reach = slice(one.stem.length, one.stem.length + key.shape[2])
            one.stem.keys[layer][:, :, reach] = key
            one.stem.values[layer][:, :, reach] = value
            key = one.stem.keys[layer][:, :, : reach.stop]
            value = one.stem.values[layer][:, :, : reach.stop]
        cut = self.edits.cut(Rows.of(one.tree, one.row, one.prompt), layer, call.query.shape[1])
        part = AttentionCall(call.module, call.query[:, :, one.rows], key, value, None, call.options)
        if cut is not None:
            check_reach((one.reads if mask is None else mask.cpu() == 0) & ~cut)
            mask = one.reads.to(key.device) if mask is None else mask
            return weights_attention(replace(part, mask=mask[None, None]), cut[None].to(key.device))[0]
        return attended(part) if mask is None else _in_blocks(part, mask)


def _in_blocks(call: AttentionCall, mask: Tensor) -> Tensor:
    """`attended` under the mask `[S, P + S]` of a tree: no row reads a later one, so that half of the work is saved."""
    rows = call.query.shape[2]
    before = call.key.shape[2] - rows
    found = []
    for first in range(0, rows, _BLOCK):
        some, reach = slice(first, min(first + _BLOCK, rows)), slice(before + min(first + _BLOCK, rows))
        part = replace(call, query=call.query[:, :, some], key=call.key[:, :, reach], value=call.value[:, :, reach])
        found.append(attended(replace(part, mask=mask[None, None, some, reach])))
    return torch.cat(found, 1)


def additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Minus infinity where nothing may be read: made once, and not anew by every layer's attention."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, -torch.inf)


def attended(call: AttentionCall) -> Tensor:
    """The heads' outputs `[B, T, H, d]` under an additive mask `[1 or B, 1, T, S]`; None: those before.

    The heads of a group read the same keys and values: they are rows of one head here, so that nothing is copied.
    """
    if own_implementation() != "sdpa" or call.options.get("softcap") is not None:
        return weights_attention(call)[0]
    if call.mask is None:
        return own_attention(call)[0]
    batch, heads, rows, width = call.query.shape
    groups = call.key.shape[1]
    share = heads // groups
    query = call.query.reshape(batch, groups, share * rows, width)
    mask = call.mask if share == 1 else call.mask.repeat(1, 1, share, 1)
    scale = call.options.get("scaling")
    out = torch.nn.functional.scaled_dot_product_attention(
        query, call.key, call.value, attn_mask=mask, scale=scale if isinstance(scale, float) else None
    )
    return out.view(batch, heads, rows, width).transpose(1, 2)


def forward(network: Network, tokens: Sequence[int], positions: Sequence[int], wanted: Sequence[int]) -> Tensor:
    """The last residual, normed, of some rows of a run of rows `[1, R]`, while a handler of attention is open.

    `[wanted, D]`: `logits` of few rows at a time, since those of all would be the largest tensor of the run.
    """
    device = network.device
    # A mask of four axes is handed on as it is: the handler makes its own.
    unused = torch.zeros(1, 1, 1, 1, dtype=network.dtype, device=device)
    hidden: Tensor = network.module.base_model(
        torch.tensor([tokens], device=device),
        position_ids=torch.tensor([positions], device=device),
        attention_mask=unused,
        use_cache=False,
    ).last_hidden_state
    return hidden[0, list(wanted)]


def logits(network: Network, hidden: Tensor, tokens: slice | None = None) -> Tensor:
    """Logits `[rows, V]` of rows that `forward` gave, or those of some tokens of the vocabulary, in float32."""
    linear = network.unembedding
    if tokens is None:
        found = linear(hidden).float()
    else:
        bias = None if linear.bias is None else linear.bias[tokens]
        found = torch.nn.functional.linear(hidden, linear.weight[tokens], bias).float()
    cap = getattr(network.config, "final_logit_softcapping", None)
    return found if cap is None else torch.tanh(found / cap) * cap


@torch.inference_mode()
def read(
    network: Network, placed: Sequence[Placed], edits: Edits, *, keeps: bool = False
) -> tuple[Tensor, dict[int, tuple[Tensor, Tensor]]]:
    """One run of trees: what `forward` gives of their wanted rows, and all keys and values by layer if so asked."""
    attention = _TreeAttention(network, placed, edits, keeps)
    tokens = [token for one in placed for token in one.tree.tokens]
    positions = [position for one in placed for position in one.tree.positions]
    wanted = [one.row + row for one in placed for row in one.tree.wanted]
    rows = [Rows.of(one.tree, one.row, one.prompt) for one in placed]
    with edited_run(network, edits, rows), handled_attention(network.config, attention):
        hidden = forward(network, tokens, positions, wanted)
    return hidden, attention.kept
