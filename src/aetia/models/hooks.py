"""The plain way to intervene: one forward run of the whole model with hooks.

This is what everything faster has to equal, and what runs whatever cannot be planned. Values at a
position are rows: `[rows, width]`, or `[rows, heads, width]` for components with heads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from aetia.errors import SiteError
from aetia.models.attention import AttentionCall, causal_mask, handled_attention, own_attention, weights_attention
from aetia.models.interventions import Intervention, Knockout, Operation
from aetia.models.network import Network
from aetia.models.ports import listen
from aetia.models.sites import Site

__all__ = ["HookedRun", "edit_rows", "gradients", "gradients_of", "hooked", "run_with_hooks"]


@dataclass(frozen=True, eq=False)
class HookedRun:
    """One run: logits `[k, V]` of the last `k` positions, and the captured values by site, rows first."""

    logits: Tensor
    captured: dict[Site, Tensor] = field(default_factory=dict)


def edit_rows(view: Tensor, rows: Sequence[int], site: Site, operation: Operation) -> None:
    """Applies `operation` in place to the rows, head and units of a component's `view` that `site` names."""
    assert not isinstance(operation, Knockout)  # attention is cut before there are weights to edit
    index = torch.as_tensor(rows, device=view.device)
    old = view[index]
    part = old if site.head is None else old[:, site.head]
    part = part if site.units is None else part[..., slice(*site.units)]
    part.copy_(operation(part))
    view[index] = old


def read_rows(view: Tensor, rows: Sequence[int], site: Site) -> Tensor:
    """The values that `site` names among a component's rows, as a copy `[rows, ...]`."""
    part = view[torch.as_tensor(rows, device=view.device)]
    part = part if site.head is None else part[:, site.head]
    return part if site.units is None else part[..., slice(*site.units)].clone()


class _PatternHandler:
    """Edits, cuts and reads attention weights in the layers where that is asked for; leaves the others alone."""

    def __init__(
        self,
        network: Network,
        length: int,
        interventions: Sequence[Intervention],
        captures: Sequence[Site],
        watched: Mapping[int, Callable[[Tensor], None]],
    ) -> None:
        self.network, self.length, self.watched = network, length, watched
        self.interventions = [i for i in interventions if i.site.component == "pattern"]
        self.captures = [site for site in captures if site.component == "pattern"]
        self.captured: dict[Site, Tensor] = {}

    @property
    def is_needed(self) -> bool:
        return bool(self.interventions or self.captures or self.watched)

    def __call__(self, call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        layer = self.network.attentions[call.module]
        edits = [i for i in self.interventions if i.site.layer == layer]
        captures = [site for site in self.captures if site.layer == layer]
        if not edits and not captures and layer not in self.watched:
            return own_attention(call)
        out, weights = weights_attention(call, cut_mask(call, edits))
        sets = [i for i in edits if not isinstance(i.operation, Knockout)]
        rows = weights[0].transpose(0, 1)  # (T, H, S), sharing memory
        if sets:
            rows = rows.clone()
            for i in sets:
                edit_rows(rows, i.site.positions(self.length), i.site, i.operation)
            weights = rows.transpose(0, 1)[None]
            out = mix(weights, call.value)
        if layer in self.watched:
            self.watched[layer](weights)
        for site in captures:
            self.captured[site] = read_rows(rows, site.positions(self.length), site)
        return out, weights


def mix(weights: Tensor, value: Tensor) -> Tensor:
    """Values `[B, K, S, d]` averaged by attention weights `[B, H, T, S]`: the heads' outputs `[B, T, H, d]`."""
    return (weights @ value.repeat_interleave(weights.shape[1] // value.shape[1], 1)).transpose(1, 2)


def cut_mask(call: AttentionCall, edits: Sequence[Intervention]) -> Tensor | None:
    """Where knockouts forbid attention, `[1, H, T, S]`; None without knockouts."""
    knockouts = [i for i in edits if isinstance(i.operation, Knockout)]
    if not knockouts:
        return None
    _, heads, length, _ = call.query.shape
    cut = torch.zeros(1, heads, length, call.key.shape[2], dtype=torch.bool, device=call.query.device)
    for i in knockouts:
        cut_rows(cut, i, i.site.positions(length))
    check_cut(cut, call.options)
    return cut


def cut_rows(cut: Tensor, intervention: Intervention, rows: Sequence[int]) -> None:
    """Marks in `cut` `[1, H, T, S]` what a knockout forbids to `rows`."""
    assert isinstance(intervention.operation, Knockout)
    site = intervention.site
    heads = slice(None) if site.head is None else slice(site.head, site.head + 1)
    for row in rows:
        cut[:, heads, row, list(intervention.operation.keys)] = True


def check_cut(cut: Tensor, options: Mapping[str, object]) -> None:
    """Raises SiteError where a position could no longer read anything that it can reach, itself included."""
    rows, columns = cut.shape[-2:]
    readable = causal_mask(rows, columns, options, cut.device)
    empty = ~(readable & ~cut).any(-1)
    if empty.any():
        position = int(empty.nonzero()[0, -1]) + columns - rows
        raise SiteError(
            "AE-3113",
            f"The knockout leaves position {position} nothing to attend to.",
            mend="leave it at least one position within its reach, for instance itself.",
        )


@contextmanager
def hooked(
    network: Network,
    length: int,
    interventions: Sequence[Intervention] = (),
    captures: Sequence[Site] = (),
    *,
    watched: Mapping[int, Callable[[Tensor], None]] | None = None,
) -> Iterator[dict[Site, Tensor]]:
    """While open, a forward run of one prompt of `length` tokens is intervened upon and its sites are captured.

    Gives the dictionary that captures go into. A site is captured after the interventions on it.

    Args:
        network: The network.
        length: T.
        interventions: What is done.
        captures: The sites whose values are wanted.
        watched: By layer, what is given the attention weights that are used there, `[1, H, T, T]`, not a copy of them.
    """
    for site in (*(i.site for i in interventions), *captures):
        network.check_site(site)
    captured: dict[Site, Tensor] = {}
    by_place: dict[tuple[str, int | None], tuple[list[Intervention], list[Site]]] = {}
    for i in interventions:
        by_place.setdefault((i.site.component, i.site.layer), ([], []))[0].append(i)
    for site in captures:
        by_place.setdefault((site.component, site.layer), ([], []))[1].append(site)

    def receiver(
        edits: list[Intervention], sites: list[Site], look: Callable[[Tensor], Tensor]
    ) -> Callable[[Tensor], None]:
        def receive(tensor: Tensor) -> None:
            view = look(tensor)
            for i in edits:
                edit_rows(view, i.site.positions(length), i.site, i.operation)
            for site in sites:
                captured[site] = read_rows(view, site.positions(length), site)

        return receive

    pattern = _PatternHandler(network, length, interventions, captures, watched or {})
    pattern.captured = captured
    with ExitStack() as stack:
        if pattern.is_needed:
            stack.enter_context(handled_attention(network.config, pattern))
        for (component, layer), (edits, sites) in by_place.items():
            if component == "pattern":
                continue
            port = network.port(component, layer)
            handle = listen(port, receiver(edits, sites, port.view))
            stack.callback(handle.remove)
        yield captured


@torch.inference_mode()
def run_with_hooks(
    network: Network,
    ids: Sequence[int],
    interventions: Sequence[Intervention] = (),
    captures: Sequence[Site] = (),
    *,
    keep: int = 1,
) -> HookedRun:
    """One full run of `ids` with all `interventions`, in one forward.

    Args:
        network: The network.
        ids: Token ids, length T.
        interventions: What is done, at sites whose positions lie in the prompt.
        captures: The sites whose values are wanted.
        keep: How many last positions' logits are wanted; 0 for all.
    """
    inputs = network.inputs([ids])
    with hooked(network, len(ids), interventions, captures) as captured:
        logits = network.module(**inputs, logits_to_keep=keep, use_cache=False).logits[0]
    return HookedRun(logits, captured)


def gradients(
    network: Network,
    ids: Sequence[int],
    outcome: Callable[[Tensor], Tensor],
    sites: Sequence[Site],
    interventions: Sequence[Intervention] = (),
) -> dict[Site, tuple[Tensor, Tensor]]:
    """Value and gradient of an outcome with respect to each site, both `[rows, ...]`.

    An outcome of several numbers, `[k]`, gives a gradient of each, `[k, rows, ...]`, from the same run.

    Args:
        network: The network.
        ids: Token ids, length T.
        outcome: From the logits `[T, V]` to a scalar, or several, in their own unit.
        sites: The sites; each gradient has its site's shape.
        interventions: What is done in the run that is differentiated.
    """
    for site in sites:
        network.check_site(site)
    places = dict.fromkeys((site.component, site.layer) for site in sites)
    kept: dict[tuple[str, int | None], Tensor] = {}

    def keep(place: tuple[str, int | None], tensor: Tensor) -> None:
        kept[place] = tensor

    watched = {
        layer: partial(keep, (component, layer))
        for component, layer in places
        if component == "pattern" and layer is not None
    }
    inputs = network.inputs([ids])
    with torch.enable_grad(), ExitStack() as stack:
        stack.callback(network.embedding.register_forward_hook(_require_grad).remove)
        stack.enter_context(hooked(network, len(ids), interventions, watched=watched))
        for component, layer in places:
            if component != "pattern":
                handle = listen(network.port(component, layer), lambda t, place=(component, layer): keep(place, t))
                stack.callback(handle.remove)
        read = outcome(network.module(**inputs, use_cache=False).logits[0])
        found = dict(zip(kept, gradients_of(read.reshape(-1), list(kept.values())), strict=True))
    slopes = {}
    for site in sites:
        place = (site.component, site.layer)
        value, gradient = _value_and_gradient(network, site, kept[place], found[place], len(ids))
        slopes[site] = (value, gradient if read.dim() else gradient[0])
    return slopes


def gradients_of(values: Tensor, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    """The gradient of each of `values` `[k]` with respect to every tensor, `[k, ...]`."""
    if len(values) == 1:
        return [gradient[None] for gradient in torch.autograd.grad(values, tensors, torch.ones_like(values))]
    each = torch.eye(len(values), dtype=values.dtype, device=values.device)
    return torch.autograd.grad(values, tensors, each, is_grads_batched=True)


def _require_grad(_module: object, _arguments: object, output: Tensor) -> Tensor:
    return output.detach().requires_grad_()


def _value_and_gradient(
    network: Network, site: Site, tensor: Tensor, gradients: Tensor, length: int
) -> tuple[Tensor, Tensor]:
    def view(whole: Tensor) -> Tensor:
        if site.component == "pattern":
            return whole[0].transpose(0, 1)
        return network.port(site.component, site.layer).view(whole)

    positions = site.positions(length)
    found = [read_rows(view(gradient.contiguous()), positions, site) for gradient in gradients]
    return read_rows(view(tensor.detach()), positions, site), torch.stack(found)
