"""Who reads whom inside a tower? The attention of one picture at a time, by position, however the model packs it.

Letters: B rows of a batch, T positions of a picture, H heads, d head width.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from aetia.models.attention import AttentionCall, handled_attention, own_attention
from aetia.models.encoder_rows import Rows, batch_rows

if TYPE_CHECKING:
    from torch import nn

    from aetia.models.encoders import Encoder

__all__ = ["RunAttention", "attention_by_run"]


@dataclass(frozen=True, eq=False)
class RunAttention:
    """The attention of one run in one layer.

    Args:
        layer: The block.
        run: Which of the pictures that go through together.
        call: Its queries, keys and values alone, `[1, H, T, d]`.
        cut: Where the model itself forbids attention, `[1, H, T, T]`: outside a window, in some blocks of Qwen2.5-VL.
    """

    layer: int
    run: int
    call: AttentionCall
    cut: Tensor


@contextmanager
def attention_by_run(
    encoder: "Encoder",
    grids: Sequence[tuple[int, int]],
    layers: Collection[int],
    attend: Callable[[RunAttention], Tensor],
) -> Iterator[None]:
    """While open, `attend` computes the attention of every run in `layers`: the heads' outputs, `[1, T, H, d]`.

    Args:
        encoder: The encoder.
        grids: The rows and columns of patches of the pictures that go through it together.
        layers: The layers in which it does.
        attend: From the attention of one run to its heads' outputs.
    """
    if not layers:
        yield
        return
    runs = batch_rows(encoder, grids)
    ends: dict[int, Tensor] = {}

    def handle(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        layer = encoder.attentions[call.module]
        if layer not in layers:
            return own_attention(call)
        return _each(call, layer, runs, ends.get(layer), attend), None

    with ExitStack() as stack:
        for module, layer in encoder.attentions.items():
            if layer in layers:
                hook = _together(layer, ends)
                stack.callback(module.register_forward_pre_hook(hook, with_kwargs=True).remove)
        stack.enter_context(handled_attention(encoder.config, handle))
        yield


def _together(
    layer: int, ends: dict[int, Tensor]
) -> Callable[..., tuple[tuple[Tensor, ...], dict[str, object]] | None]:
    """A hook by which a sequence is handed over in one call, not window by window; it keeps the windows' ends."""

    def hook(
        _module: "nn.Module", positional: tuple[Tensor, ...], named: dict[str, object]
    ) -> tuple[tuple[Tensor, ...], dict[str, object]] | None:
        found = named.get("cu_seqlens")
        if not isinstance(found, Tensor):
            return None
        ends[layer] = found
        return positional, {**named, "cu_seqlens": found[[0, -1]]}

    return hook


def _each(
    call: AttentionCall,
    layer: int,
    runs: Sequence[Rows],
    ends: Tensor | None,
    attend: Callable[[RunAttention], Tensor],
) -> Tensor:
    """The heads' outputs of all runs, `[B, T, H, d]`, computed run by run."""
    query, key, value = (part.transpose(1, 2).flatten(0, 1) for part in (call.query, call.key, call.value))
    inside = torch.zeros(len(query), dtype=torch.long, device=query.device)
    if ends is not None:
        inside = torch.bucketize(torch.arange(len(query), device=query.device), ends[1:].long(), right=True)
    found = []
    for run, rows in enumerate(runs):
        places = rows.positions.to(query.device)
        own = [part[places].transpose(0, 1)[None] for part in (query, key, value)]
        # A mask of the model's own could only hide what fills a picture up, which is refused before.
        one = replace(call, query=own[0], key=own[1], value=own[2], mask=None)
        one = replace(one, options={**call.options, "is_causal": False})
        cut = (inside[places][:, None] != inside[places])[None, None].repeat(1, query.shape[1], 1, 1)
        found.append(attend(RunAttention(layer, run, one, cut))[0])
    order = torch.cat([rows.positions for rows in runs]).argsort().to(query.device)
    return torch.cat(found)[order].unflatten(0, (call.query.shape[0], -1))
