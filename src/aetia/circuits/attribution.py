"""Which edges would matter, to first order? Gradient times difference, for all edges in a few runs.

A score estimates the outcome of the clean run less its outcome with that one edge carrying its reference value. It
proposes edges; it does not show that they matter: a saturated softmax has no gradient, and two edges that stand in for
each other have none either.

Letters: j labels (the item's own answer and foil, and those of decoys), k steps, S senders, E edges, T positions,
D width, H heads, d head width, R receivers of a layer, m positions read.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from aetia.circuits.wiring import run_blocks
from aetia.errors import StudyError
from aetia.models.planner import DEFAULT_MEMORY
from aetia.models.ports import listen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aetia.circuits.execution import Prepared
    from aetia.models.network import Network

__all__ = ["ATTRIBUTIONS", "AttributionMethod", "edge_attribution"]

AttributionMethod = Literal["eap", "eap-ig-inputs", "eap-ig-activations"]
ATTRIBUTIONS: tuple[AttributionMethod, ...] = get_args(AttributionMethod)


def edge_attribution(
    network: "Network",
    one: "Prepared",
    method: AttributionMethod = "eap-ig-inputs",
    *,
    steps: int = 5,
    memory: int = DEFAULT_MEMORY,
) -> "NDArray[np.float64]":
    """The estimated effect of every edge, `[E]`, in the outcome's unit; positive where the edge serves the answer.

    `eap` takes the gradient in the clean run. `eap-ig-inputs` averages it over runs whose embedding lies between the
    reference and the clean one: the scores of the embedding's edges then add up to the outcome's whole difference as
    `steps` grows. `eap-ig-activations` moves the heads of a layer, or its MLP, in place of the embedding: the same
    holds of every such group, at the price of `steps` runs for each.

    An outcome with decoys gives `[j, E]`: the runs are the same for all labels, and each has gradients of its own.

    Args:
        network: The network.
        one: The item.
        method: Which of the three.
        steps: Points between reference and clean, at the middle of equal parts (the papers take their upper ends).
        memory: Bytes above the loaded model; they decide for how many labels at once gradients are taken.

    Raises:
        StudyError: AE-1306 if the outcome has no gradient there; AE-1307 without a single step.

    Source: Syed et al. 2023, edge attribution patching (arXiv 2310.10348); Hanna et al. 2024, EAP-IG (arXiv
        2403.17806); Marks et al. 2024 (arXiv 2403.19647) for integration at the activations.
    """
    _check(one, method, steps)
    graph = one.graph
    labels = 1 + len(one.outcome.decoys)
    scores = np.zeros((labels, graph.edges))
    middle = (torch.arange(steps, device=network.device, dtype=network.dtype) + 0.5) / steps
    shares = torch.ones_like(middle[:1]) if method == "eap" else middle
    difference = one.difference.flatten(1)
    together = _together(network, one, len(shares), memory)
    for moved in _groups(one, is_all=method == "eap-ig-activations"):
        graded = _run(network, one, moved, shares)
        senders = range(len(graph.senders)) if method != "eap-ig-activations" else moved.senders
        for begin in range(0, labels, together):
            some = slice(begin, min(begin + together, labels))
            for row, gradients in _reader_gradients(network, one, graded, some):
                first, last = senders.start, min(senders.stop, int(graph.reads[row]))
                found = (gradients.flatten(2) @ difference[first:last].T).double().cpu().numpy()
                for at in range(found.shape[1]):
                    place = int(graph.offsets[row + at]) + first
                    scores[some, place : place + found.shape[2]] = found[:, at]
    return scores if one.outcome.decoys else scores[0]


def _together(network: "Network", one: "Prepared", steps: int, memory: int) -> int:
    """For how many labels gradients fit into half of the memory: those that are held, and a layer's at its readers."""
    graph, (_, positions, width) = one.graph, one.difference.shape
    projected = (network.heads.query + 2 * network.heads.key_value) * network.heads.width
    held = graph.layers * (projected + width) + 4 * graph.receivers_a_layer * width
    return max(1, memory // 2 // (held * steps * positions * one.difference.element_size()))


def _check(one: "Prepared", method: str, steps: int) -> None:
    kind = one.outcome.kind
    if kind == "accuracy" or (kind == "kl" and method == "eap"):
        where = "" if kind == "accuracy" else " in the clean run, which it is the distance from"
        raise StudyError(
            "AE-1306",
            f"The outcome {kind} has no gradient{where}.",
            mend="use logit_difference" + (", or eap-ig-inputs." if kind == "kl" else "."),
        )
    if steps < 1:
        raise StudyError("AE-1307", f"Integration needs a step; {steps} were asked for.", mend="use 5 or more.")


@dataclass(frozen=True)
class _Group:
    """Senders that are moved together: `embed` (layer -1), a layer's heads, or its MLP."""

    senders: range
    layer: int
    is_mlp: bool = False


def _groups(one: "Prepared", *, is_all: bool) -> Iterator[_Group]:
    yield _Group(range(1), -1)
    if is_all:
        heads = one.graph.heads
        for layer in range(one.graph.layers):
            first = 1 + layer * (heads + 1)
            yield _Group(range(first, first + heads), layer)
            yield _Group(range(first + heads, first + heads + 1), layer, is_mlp=True)


@dataclass(frozen=True, eq=False)
class _Graded:
    """What a run left: by layer, the residuals that norms read and the tensors with gradients; and the outcomes."""

    start: int
    residuals: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    tensors: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    outcomes: list[Tensor] = field(default_factory=list)

    def gradients(self, some: slice) -> dict[tuple[str, int], Tensor]:
        """Of some labels' outcomes, with respect to every tensor: `[j, k, T - start, width]`."""
        values, tensors = self.outcomes[0][some], list(self.tensors.values())
        if len(values) == 1:
            found = torch.autograd.grad(values, tensors, torch.ones_like(values), retain_graph=True)
            return {name: gradient[None] for name, gradient in zip(self.tensors, found, strict=True)}
        each = torch.eye(len(values), dtype=values.dtype, device=values.device)
        found = torch.autograd.grad(values, tensors, each, retain_graph=True, is_grads_batched=True)
        return dict(zip(self.tensors, found, strict=True))


def _run(network: "Network", one: "Prepared", moved: _Group, shares: Tensor) -> _Graded:
    """Runs the clean prompt with `moved` at each of `shares` `[k]` of the way from reference to clean."""
    total = one.difference[moved.senders.start : moved.senders.stop].sum(0)
    shift = (shares - 1)[:, None, None] * total.clone()
    start = moved.layer + 1 if moved.is_mlp else max(moved.layer, 0)
    graded = _Graded(start)
    hidden = one.clean.resid_pre[start, one.start :].clone().expand(len(shares), -1, -1)
    with torch.enable_grad(), ExitStack() as stack:
        leaf = shift.requires_grad_()
        if moved.layer < 0 or moved.is_mlp:
            hidden = hidden + leaf
        else:
            module = network.ports[moved.layer]["z"].module
            stack.callback(module.register_forward_hook(_adder(leaf)).remove)
        for layer in range(start, one.graph.layers):
            _listen(network, one, graded, layer, stack)
        final = run_blocks(network, one.clean, hidden, layer=start, start=one.start)
        graded.tensors["final", one.graph.layers] = final
        graded.outcomes.append(one.outcome.read(network, final[:, -one.outcome.positions :]).sum(0).reshape(-1))
    return graded


def _adder(leaf: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    return lambda _module, _inputs, output: output + leaf


def _listen(network: "Network", one: "Prepared", graded: _Graded, layer: int, stack: ExitStack) -> None:
    ports, norm = network.ports[layer], one.wiring[layer].mlp_norm

    def keep(name: str, tensor: Tensor) -> None:
        if tensor.requires_grad:  # the heads of the layer that is moved read what no moved sender writes
            graded.tensors[name, layer] = tensor

    def keep_mlp(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        graded.residuals["mlp", layer] = inputs[0].detach()
        keep("mlp", output)

    def keep_residual(tensor: Tensor) -> None:
        graded.residuals["attention", layer] = tensor.detach()

    stack.callback(listen(ports["resid_pre"], keep_residual).remove)
    stack.callback(norm.register_forward_hook(keep_mlp).remove)
    for name in "qkv":
        stack.callback(listen(ports[name], lambda tensor, name=name: keep(name, tensor)).remove)


def _reader_gradients(
    network: "Network", one: "Prepared", graded: _Graded, some: slice
) -> Iterator[tuple[int, Tensor]]:
    """The mean gradients of what receivers of equal reach read, `[j, n, T - start, D]`, with the first's number."""
    graph, found = one.graph, graded.gradients(some)
    for layer in range(graded.start, graph.layers):
        first = layer * graph.receivers_a_layer
        if ("q", layer) in found:
            yield first, _attention_gradients(network, one, graded, layer, found)
        if ("mlp", layer) in found:
            gradients = found["mlp", layer]
            residual = graded.residuals["mlp", layer].expand_as(gradients)
            rows = _through(one.wiring[layer].mlp_norm, residual, gradients)
            by_step = rows.reshape(len(rows), -1, *one.difference.shape[1:])  # OPT's have no axis of steps
            yield first + graph.receivers_a_layer - 1, by_step.mean(1)[:, None]
    yield len(graph.receivers) - 1, found["final", graph.layers].mean(1)[:, None]


def _attention_gradients(
    network: "Network", one: "Prepared", graded: _Graded, layer: int, found: dict[tuple[str, int], Tensor]
) -> Tensor:
    """The mean gradients of what the layer's queries, keys and values read, `[j, R, T - start, D]`."""
    wires, parts = one.wiring[layer], []
    residual = graded.residuals["attention", layer]
    for name in "qkv":
        gradients = found[name, layer]
        by_row = network.ports[layer][name].view(gradients.contiguous())
        by_row = by_row.unflatten(0, (len(gradients), len(residual), -1))
        parts.append(torch.einsum("jbthd,hxd->jbhtx", by_row, wires.readers[name][0]))
    gradients = torch.cat(parts, 2)
    return _through(wires.attention_norm, residual[:, None].expand_as(gradients), gradients).mean(1)


def _through(norm: nn.Module, residual: Tensor, gradient: Tensor) -> Tensor:
    """The gradient of a norm's input from the one of its output, at this input."""
    with torch.enable_grad():
        read = residual.detach().clone().requires_grad_()
        return torch.autograd.grad(norm(read), read, gradient)[0]
