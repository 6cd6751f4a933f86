"""How attention is watched and changed: one handler in place of a model's attention function.

Every attention module of transformers hands rotated queries, keys and values to a function looked up
by name. While a handler is open that name is ours, so that one seam serves all architectures.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from aetia.errors import SiteError

__all__ = [
    "AttentionCall",
    "causal_mask",
    "handled_attention",
    "own_attention",
    "own_implementation",
    "weights_attention",
]

_NAME = "aetia"


@dataclass(frozen=True)
class AttentionCall:
    """One call of an attention function, with `B` rows, `H` query heads, `K` key/value heads, head width `d`.

    Args:
        module: The attention module.
        query: `[B, H, T, d]`, after the rotation.
        key: `[B, K, S, d]`, after the rotation.
        value: `[B, K, S, d]`.
        mask: What the model itself made: boolean, additive, or None for plain causal attention.
        options: The further keyword arguments (scaling, sliding window, soft cap).
    """

    module: nn.Module
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    options: dict[str, object]


class Handler(Protocol):
    """Computes attention for a call: output `[B, T, H, d]` and the weights `[B, H, T, S]` if it has them."""

    def __call__(self, call: AttentionCall, /) -> tuple[Tensor, Tensor | None]: ...


@dataclass(frozen=True)
class _Open:
    config: PreTrainedConfig
    handler: Handler
    implementation: str
    outer: "_Open | None"


_open: ContextVar[_Open | None] = ContextVar("aetia_attention", default=None)


def _dispatch(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: object
) -> tuple[Tensor, Tensor | None]:
    current = _open_for(module)
    if current is None:
        raise RuntimeError("the attention function 'aetia' was called outside handled_attention")
    return current.handler(AttentionCall(module, query, key, value, attention_mask, options))


def _open_for(module: nn.Module) -> _Open | None:
    """The handler of this module's part of the model: a vision tower and its language model may have one each."""
    innermost = current = _open.get()
    while current is not None and current.config is not getattr(module, "config", None):
        current = current.outer
    return current or innermost


def _mask(**arguments: object) -> Tensor | None:
    current = _open.get()
    if current is None:
        raise RuntimeError("the mask function 'aetia' was called outside handled_attention")
    return ALL_MASK_ATTENTION_FUNCTIONS[current.implementation](**arguments)


ALL_ATTENTION_FUNCTIONS.register(_NAME, _dispatch)
ALL_MASK_ATTENTION_FUNCTIONS.register(_NAME, _mask)


@contextmanager
def handled_attention(config: PreTrainedConfig, handler: Handler) -> Iterator[None]:
    """While open, every attention module under `config` calls `handler`; masks are made as they were."""
    # The internal field: the public setter would walk and re-validate all sub-configurations.
    implementation = config._attn_implementation or "eager"  # noqa: SLF001
    token = _open.set(_Open(config, handler, implementation, _open.get()))
    config._attn_implementation_internal = _NAME  # noqa: SLF001
    try:
        yield
    finally:
        config._attn_implementation_internal = implementation  # noqa: SLF001
        _open.reset(token)


def _eager(module: nn.Module) -> Callable[..., tuple[Tensor, Tensor]]:
    function = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    if function is None:
        raise SiteError(
            "AE-9310",
            f"{type(module).__name__} has no function that gives attention weights.",
            mend="read z or attn_out instead of pattern, or use a model of another architecture.",
        )
    return function


def own_implementation() -> str:
    """The name of the attention function that the open handler stands in for."""
    current = _open.get()
    assert current is not None
    return current.implementation


def own_attention(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
    """What the model would have computed: its own function, its own mask."""
    current = _open_for(call.module)
    assert current is not None
    name = current.implementation
    function = _eager(call.module) if name == "eager" else ALL_ATTENTION_FUNCTIONS[name]
    return function(call.module, call.query, call.key, call.value, call.mask, **call.options)


def weights_attention(call: AttentionCall, cut: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The architecture's eager attention, which also gives the weights `[B, H, T, S]`.

    Args:
        call: The call; a missing or boolean mask becomes an additive one.
        cut: Boolean, broadcasts to `[B, H, T, S]`: where attention is forbidden besides.
    """
    rows, columns = call.query.shape[2], call.key.shape[2]
    mask = call.mask if call.mask is not None else causal_mask(rows, columns, call.options, call.query.device)
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=call.query.dtype).masked_fill(~mask, -torch.inf)
    if cut is not None:
        mask = mask.masked_fill(cut, -torch.inf)
    out, weights = _eager(call.module)(call.module, call.query, call.key, call.value, mask, **call.options)
    return out, weights


def causal_mask(rows: int, columns: int, options: Mapping[str, object], device: torch.device) -> Tensor:
    """Who may read whom, `[1, 1, rows, columns]`: the last `rows` of `columns` positions read what lies before them.

    With `is_causal` False among the options, as encoders have it, all read all.
    """
    if options.get("is_causal") is False:
        return torch.ones(1, 1, rows, columns, dtype=torch.bool, device=device)
    window = options.get("sliding_window")
    mask = torch.ones(rows, columns, dtype=torch.bool, device=device).tril(columns - rows)
    if isinstance(window, int) and window < columns:
        mask = mask.triu(columns - rows - window + 1)
    return mask[None, None]
