"""How do the parts of a block read the residual stream, and what does each add to it?

The weights of one head's reading and writing are slices of the model's own matrices; nothing is copied.

Letters: T positions, D width, H query heads, K key/value heads, d head width, S senders, B runs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.models.attention import AttentionCall, causal_mask, handled_attention
from aetia.models.network import Network
from aetia.models.packing import at_rows, attend
from aetia.models.recording import Recording, record

__all__ = ["Wiring", "record_writes", "run_blocks", "wiring_of", "writes_of"]

_ATTENTION_NORMS = ("input_layernorm", "ln_1", "self_attn_layer_norm")


@dataclass(frozen=True, eq=False)
class Wiring:
    """What one block reads with and writes with.

    Args:
        attention_norm: The norm before queries, keys and values.
        mlp_norm: The norm before the MLP.
        readers: For q, k and v: the weight `[heads, D, d]`, and the bias `[heads, 1, d]` or None.
        output: What takes each head's `z` to the residual, `[H, d, D]`; the bias belongs to no head.
    """

    attention_norm: nn.Module
    mlp_norm: nn.Module
    readers: Mapping[str, tuple[Tensor, Tensor | None]]
    output: Tensor


def wiring_of(network: Network) -> tuple[Wiring, ...]:
    """The wiring of every block.

    Raises:
        StudyError: AE-1304 if a norm stands between what attention computes and the residual: then no head's write is
            its own, and the stream is no sum over heads.
    """
    family = network.family
    if family.attn_out != family.attention:
        raise StudyError(
            "AE-1304",
            f"In {network.config.model_type} a norm follows attention, so that no head's write is its own.",
            mend="trace attn_out and mlp_out instead, or use Llama, Mistral, Qwen, Phi-3, GPT-2, GPT-NeoX or OPT.",
        )
    return tuple(_block_wiring(network, layer) for layer in range(len(network.blocks)))


def _block_wiring(network: Network, layer: int) -> Wiring:
    block, ports = network.blocks[layer], network.ports[layer]
    children = dict(block.named_children())
    readers = {}
    for name in "qkv":
        module, view = ports[name].module, ports[name].view
        bias = cast("Tensor | None", module.bias)
        by_head = view(_inward(module)).transpose(0, 1)
        readers[name] = (by_head, None if bias is None else view(bias[None]).transpose(0, 1))
    heads = network.heads
    return Wiring(
        attention_norm=next(children[name] for name in _ATTENTION_NORMS if name in children),
        mlp_norm=block.get_submodule(network.family.resid_mid),
        readers=readers,
        output=_inward(ports["z"].module).unflatten(0, (heads.query, heads.width)),
    )


def _inward(module: nn.Module) -> Tensor:
    """A projection's weight as `[in, out]`: Linear keeps `[out, in]`, GPT-2's Conv1D the transpose."""
    weight = cast("Tensor", module.weight)
    return weight.T if isinstance(module, nn.Linear) else weight


def record_writes(network: Network, ids: Sequence[int]) -> Recording:
    """One run of `ids` with all that `writes_of` needs.

    Raises:
        StudyError: AE-1304 if the model adds something of its own between blocks, which is no sender's.
    """
    run = record(network, ids, [(name, layer) for layer in range(len(network.blocks)) for name in ("z", "mlp_out")])
    if any(added is not None for added in run.added):
        found = f"{network.config.model_type} adds to the residual between blocks what its vision tower saw."
        raise StudyError("AE-1304", found, mend="trace its sites instead: a circuit's edges would not add up.")
    return run


@torch.inference_mode()
def writes_of(wiring: Sequence[Wiring], run: Recording) -> Tensor:
    """What each sender adds to the residual in a run, `[S, T, D]`: an MLP with its bias, a head without one."""
    parts = [run.resid_pre[:1]]
    for layer, wires in enumerate(wiring):
        z = run.components["z", layer]
        parts += [z.transpose(0, 1) @ wires.output, run.components["mlp_out", layer][None]]
    return torch.cat(parts)


def run_blocks(network: Network, run: Recording, hidden: Tensor, *, layer: int, start: int) -> Tensor:
    """Takes residuals `[B, T - start, D]` that enter block `layer` through all later ones too; hooks act.

    They are those of B runs that equal `run` before the position `start`; its keys and values are read there.

    Args:
        network: The network.
        run: What the runs equal before `start`.
        hidden: The residuals.
        layer: The first block to run.
        start: The first position.
    """
    positions = torch.arange(start, run.length, device=hidden.device)
    made_here = ("attention_mask", "past_key_values", "layer_past")
    with handled_attention(network.config, _attention_after(network, run, start)):
        for block, recorded in zip(network.blocks[layer:], run.arguments[layer:], strict=True):
            further = {name: at_rows(value, positions, run.length) for name, value in recorded.items()}
            hidden = block(hidden, **further | {name: None for name in made_here if name in recorded})
    return hidden


def _attention_after(network: Network, run: Recording, start: int) -> Callable[[AttentionCall], tuple[Tensor, None]]:
    def attention(call: AttentionCall) -> tuple[Tensor, None]:
        """The attention of rows from `start` on; the keys and values before them are those of the recorded run."""
        layer, (batch, _, rows, _) = network.attentions[call.module], call.query.shape
        key, value = call.key, call.value
        if start:
            key, value = (
                torch.cat([recorded[layer, :, :start].expand(batch, -1, -1, -1), own], 2)
                for recorded, own in ((run.keys, key), (run.values, value))
            )
        mask = causal_mask(rows, run.length, call.options, call.query.device)
        return attend(
            AttentionCall(call.module, call.query, key, value, None if mask.all() else mask, call.options)
        ), None

    return attention
