"""What one run leaves behind, so that an intervened run need not repeat what it cannot have changed.

Letters: L layers, T positions, D width, H heads, K key/value heads, d head width.
"""

import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from aetia.errors import SiteError
from aetia.models.attention import AttentionCall, handled_attention, own_attention, weights_attention
from aetia.models.hooks import hooked
from aetia.models.interventions import Intervention
from aetia.models.network import Network
from aetia.models.ports import Port, listen
from aetia.models.prompts import Prompt, first_differing
from aetia.models.sites import Site

__all__ = ["Recording", "first_difference", "record", "unrecorded", "wide"]

BlockArguments = dict[str, object]


@dataclass(frozen=True, eq=False)
class Recording:
    """One run's residuals, keys, values and whatever else was asked for, without a batch axis.

    Args:
        ids: The token ids, length T, with their pictures.
        resid_pre: `[L + 1, T, D]`; the last one is what the final norm reads.
        keys: `[L, K, T, d]`, after the rotation.
        values: `[L, K, T, d]`.
        components: Further components by name and layer, `[T, ...]` each.
        arguments: What the model passed to each block besides the residual.
        interventions: What was done in this run, at the embedding.
        added: What the model itself adds to the residual after each block, `[T, D]`, at least in float32: some add
            what their vision tower saw. None where a block's output is the next one's input; empty if it always is.
    """

    ids: Prompt
    resid_pre: Tensor
    keys: Tensor
    values: Tensor
    components: dict[tuple[str, int | None], Tensor]
    arguments: tuple[BlockArguments, ...]
    interventions: tuple[Intervention, ...] = ()
    added: tuple[Tensor | None, ...] = ()

    @property
    def length(self) -> int:
        """How many tokens, T."""
        return len(self.ids)

    @property
    def layers(self) -> int:
        """How many blocks, L."""
        return len(self.keys)

    @property
    def layout(self) -> tuple[object, ...]:
        """What the positions' embeddings depend on: runs of equal layout may share a block's arguments."""
        return self.length, self.ids.starts, tuple((picture.height, picture.width) for picture in self.ids.pictures)

    def resid_post(self, layer: int) -> Tensor:
        """What block `layer` gave, `[T, D]`, before anything else was added to it."""
        after = self.resid_pre[layer + 1]
        added = self.added_after(layer)
        return after if added is None else (wide(after) - added).to(after.dtype)

    def added_after(self, layer: int) -> Tensor | None:
        """What the model adds after block `layer`, `[T, D]`; None if nothing."""
        return self.added[layer] if self.added else None

    def at(self, site: Site, positions: Sequence[int]) -> Tensor:
        """The recorded value of `site`'s component at `positions`, `[rows, ...]`.

        Raises:
            KeyError: If the component was not recorded in that layer.
        """
        if site.layer is not None and site.component == "resid_pre":
            whole = self.resid_pre[site.layer]
        elif site.layer is not None and site.component == "resid_post":
            whole = self.resid_post(site.layer)
        else:
            whole = self.components[site.component, site.layer]
        first, stop = positions[0], positions[-1] + 1
        part = whole[first:stop] if stop - first == len(positions) else whole[list(positions)]
        part = part if site.head is None else part[:, site.head]
        return part if site.units is None else part[..., slice(*site.units)]

    @property
    def bytes(self) -> int:
        """What the recording holds in memory."""
        added = (tensor for tensor in self.added if tensor is not None)
        kept = (self.resid_pre, self.keys, self.values, *self.components.values(), *added)
        return sum(t.numel() * t.element_size() for t in kept)


class _Recorder:
    """Receives everything during one forward run."""

    def __init__(self, network: Network, patterns: frozenset[int]) -> None:
        layers = len(network.blocks)
        self.network, self.patterns = network, patterns
        self.keys: list[Tensor | None] = [None] * layers
        self.values: list[Tensor | None] = [None] * layers
        self.arguments: list[BlockArguments] = [{} for _ in range(layers)]
        self.weights: dict[int, Tensor] = {}
        self.added: list[Tensor | None] = [None] * layers
        self.residual: list[Tensor] = []

    def attend(self, call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        layer = self.network.attentions[call.module]
        self.keys[layer], self.values[layer] = call.key[0].clone(), call.value[0].clone()
        if layer in self.patterns:
            self.weights[layer] = weights_attention(call)[1][0].transpose(0, 1).clone()
        return own_attention(call)

    def block_arguments(self, layer: int) -> Callable[..., None]:
        """A hook that keeps what a block is called with besides the residual, so that it can be called again."""
        signature = inspect.signature(self.network.blocks[layer].forward)

        def hook(_module: object, positional: tuple[object, ...], named: dict[str, object]) -> None:
            bound = signature.bind(*positional, **named).arguments
            extra = bound.pop("kwargs", {})
            bound.pop("hidden_states", None)
            self.arguments[layer] = {**bound, **extra}

        return hook

    def follow_residual(self, stack: ExitStack) -> None:
        """Keeps the residual between the blocks, and what the model adds to it there."""
        ends = [self.network.port("resid_post", layer) for layer in range(len(self.keys))]
        starts = [self.network.port("resid_pre", layer) for layer in range(len(self.keys))]
        final = Port(self.network.final_norm, "input", ends[-1].view)
        given: list[Tensor] = []

        def enter(layer: int, tensor: Tensor) -> None:
            if given and tensor is not given[0]:
                added = wide(tensor[0]) - wide(given[0][0])
                self.added[layer - 1] = added if added.any() else None
            self.residual.append(tensor[0].clone())

        def leave(tensor: Tensor) -> None:
            given[:] = [tensor]

        for layer, port in enumerate([*starts, final]):
            stack.callback(listen(port, lambda tensor, layer=layer: enter(layer, tensor)).remove)
        for port in ends:
            stack.callback(listen(port, leave).remove)


def wide(tensor: Tensor) -> Tensor:
    """The tensor in float32, or in more if it has more: what is added is then what was added, not a rounding of it."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def first_difference(one: Recording, other: Recording) -> int:
    """The first position at which two recorded runs may differ: before it they have read the same tokens, untouched."""
    if one.interventions or other.interventions:
        return 0
    return first_differing(one.ids, other.ids)


@torch.inference_mode()
def record(
    network: Network,
    ids: Sequence[int],
    components: Sequence[tuple[str, int | None]] = (),
    interventions: Sequence[Intervention] = (),
) -> Recording:
    """Runs `ids` once through the model's own forward and keeps what planned runs start from.

    Args:
        network: The network.
        ids: Token ids, length T; a `Prompt` if some stand for pictures.
        components: Further (component, layer) pairs to keep.
        interventions: What is done to the embedding in this run, for instance ROME's noise. Elsewhere a run that
            starts in the middle would have to do it again, so it belongs into the cells.

    Raises:
        SiteError: If an intervention is not at the embedding.
    """
    for i in interventions:
        if i.site.component != "embed":
            raise SiteError(
                "AE-3114", f"A base run cannot be intervened upon at {i.site}.", mend="put it into the cells."
            )
    blocks = range(len(network.blocks))
    patterns = frozenset(layer for name, layer in components if name == "pattern" and layer is not None)
    recorder = _Recorder(network, patterns)
    wanted = [Site(name, layer) for name, layer in components if name != "pattern"]
    inputs = network.inputs([ids])
    with ExitStack() as stack:
        stack.enter_context(handled_attention(network.config, recorder.attend))
        for layer in blocks:
            hook = recorder.block_arguments(layer)
            stack.callback(network.blocks[layer].register_forward_pre_hook(hook, with_kwargs=True).remove)
        found = stack.enter_context(hooked(network, len(ids), interventions, wanted))
        recorder.follow_residual(stack)
        network.module(**inputs, logits_to_keep=1, use_cache=False)
    kept = {(site.component, site.layer): found[site] for site in wanted}
    kept |= {("pattern", layer): weights for layer, weights in recorder.weights.items()}
    return Recording(
        ids=ids if isinstance(ids, Prompt) else Prompt(ids),
        resid_pre=torch.stack(recorder.residual),
        keys=torch.stack([key for key in recorder.keys if key is not None]),
        values=torch.stack([value for value in recorder.values if value is not None]),
        components=kept,
        arguments=tuple(recorder.arguments),
        interventions=tuple(interventions),
        added=tuple(recorder.added) if any(one is not None for one in recorder.added) else (),
    )


def unrecorded(network: Network, ids: Sequence[int], components: Sequence[tuple[str, int | None]] = ()) -> Recording:
    """A recording of the right shapes without numbers: what a forecast plans with, before there are weights."""

    def empty(*shape: int) -> Tensor:
        return torch.empty(shape, device="meta")

    layers, length = len(network.blocks), len(ids)
    kept = {(name, layer): empty(*network.site_shape(name, length)) for name, layer in components}
    residual = empty(layers + 1, length, network.width)
    keys = empty(layers, network.heads.key_value, length, network.heads.width)
    return Recording(ids if isinstance(ids, Prompt) else Prompt(ids), residual, keys, keys, kept, ())
