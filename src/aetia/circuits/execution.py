"""What does the network say when only a circuit's edges carry this input, and all others another one's?

The live residual stream stays whole. A reader whose edge from a sender is out reads the stream less that sender's live
write, plus the write it has in the reference run. Many circuits of one item go through the model's own blocks as one
batch, from the first layer at which any of them differs from the whole network.

Letters: B circuits, S senders, R receivers, E edges, T positions, D width, H heads, d head width, m positions read.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn

from aetia.circuits.graph import Circuit, Graph
from aetia.circuits.wiring import Wiring, record_writes, run_blocks, wiring_of, writes_of
from aetia.errors import StudyError
from aetia.models.outcome import Outcome, OutcomeKind
from aetia.models.planner import DEFAULT_MEMORY
from aetia.models.ports import listen
from aetia.models.prompts import first_differing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network
    from aetia.models.recording import Recording

__all__ = [
    "REFERENCES",
    "Prepared",
    "ReferenceKind",
    "circuit_outcomes",
    "circuit_residuals",
    "prepare",
    "reference_writes",
]

ReferenceKind = Literal["patch", "mean", "zero"]
REFERENCES: dict[ReferenceKind, str] = {
    "patch": "what the sender writes in the corrupted prompt",
    "mean": "the mean of what the sender writes at this position in all clean prompts",
    "zero": "nothing",
}
"""What an edge that is out carries."""

_MOST_TOGETHER = 16  # circuits in a batch: more do not fill the processor better


@dataclass(frozen=True, eq=False)
class Prepared:
    """One item, ready for its circuits to be run.

    Args:
        graph: The network's graph.
        wiring: How its blocks read and write.
        clean: The clean run, with `z` and `mlp_out` of all layers.
        corrupted: The corrupted run, likewise.
        writes: What each sender writes in the clean run, `[S, T, D]`.
        reference: What an edge that is out carries, `[S, T, D]`.
        outcome: What is read at the end.
        start: The first position at which the two can differ; what comes before is never computed again.
        is_patched: Whether the reference is the corrupted run.
    """

    graph: Graph
    wiring: tuple[Wiring, ...]
    clean: "Recording"
    corrupted: "Recording"
    writes: Tensor
    reference: Tensor
    outcome: Outcome
    start: int
    is_patched: bool

    @property
    def difference(self) -> Tensor:
        """Clean writes less reference writes from `start` on, `[S, T - start, D]`."""
        return (self.writes - self.reference)[:, self.start :]

    @property
    def turned(self) -> "Prepared":
        """The same item the other way round: the corrupted prompt runs, edges that are out carry clean values.

        Raises:
            StudyError: AE-1308 if the reference is no run, but means or zeros.
        """
        if not self.is_patched:
            raise StudyError(
                "AE-1308",
                "Means and zeros are no run that an edge could be restored in.",
                mend="use --reference patch.",
            )
        return replace(self, clean=self.corrupted, corrupted=self.clean, writes=self.reference, reference=self.writes)


def prepare(
    network: "Network", item: "AlignedContrast", kind: OutcomeKind = "logit_difference", reference: Tensor | None = None
) -> Prepared:
    """Runs an item's two prompts and keeps what its circuits start from.

    Args:
        network: The network.
        item: The contrast; its answer's first token is read.
        kind: The outcome; `kl` is taken from the clean run's distribution.
        reference: What edges that are out carry, from `reference_writes`; by default the corrupted run's writes.

    Raises:
        StudyError: AE-1304 for an architecture whose heads do not write to the residual themselves.
    """
    wiring = wiring_of(network)
    clean, corrupted = record_writes(network, item.clean_ids), record_writes(network, item.corrupted_ids)
    distribution = network.unembed(clean.resid_pre[-1, -1]).log_softmax(-1) if kind == "kl" else None
    outcome = Outcome(kind, item.answer_ids[:1], item.foil_ids[0] if item.foil_ids else None, distribution)
    start, is_patched = 0, reference is None
    if reference is None:
        reference = writes_of(wiring, corrupted)
        start = min(first_differing(item.clean_ids, item.corrupted_ids), item.length - outcome.positions)
    writes = writes_of(wiring, clean)
    return Prepared(
        Graph.of(network), wiring, clean, corrupted, writes, reference.expand_as(writes), outcome, start, is_patched
    )


def reference_writes(network: "Network", items: Sequence["AlignedContrast"], kind: Literal["mean", "zero"]) -> Tensor:
    """What edges that are out carry when that is the same for all items, `[S, T, D]` (T is 1 for zero).

    Args:
        network: The network.
        items: The items whose clean runs are averaged, position by position.
        kind: Which one.

    Raises:
        StudyError: AE-1305 if a mean is asked for over items of different lengths.
    """
    if kind == "zero":
        return torch.zeros(len(Graph.of(network).senders), 1, network.width, dtype=network.dtype, device=network.device)
    lengths = {item.length for item in items}
    if len(lengths) > 1:
        raise StudyError(
            "AE-1305",
            f"The items have {len(lengths)} different lengths, so that they have no mean position by position.",
            mend="use the reference patch or zero, or items of one length.",
        )
    wiring, total = wiring_of(network), None
    for item in items:
        writes = writes_of(wiring, record_writes(network, item.clean_ids))
        total = writes if total is None else total + writes
    assert total is not None
    return total / len(items)


def circuit_outcomes(
    network: "Network",
    one: Prepared,
    circuits: "Sequence[Circuit] | NDArray[np.bool_]",
    *,
    memory: int = DEFAULT_MEMORY,
) -> "NDArray[np.float64]":
    """The item's outcome under each circuit, `[n]`, exact; see `circuit_residuals` for the arguments."""
    residuals = circuit_residuals(network, one, circuits, memory=memory)
    with torch.inference_mode():
        return one.outcome.read(network, residuals).double().cpu().numpy()


@torch.inference_mode()
def circuit_residuals(
    network: "Network",
    one: Prepared,
    circuits: "Sequence[Circuit] | NDArray[np.bool_]",
    *,
    memory: int = DEFAULT_MEMORY,
) -> Tensor:
    """What the unembedding reads of the last positions under each circuit, `[n, m, D]`, before the final norm.

    The full circuit gives the clean run; with the corrupted run as reference, the empty one gives that.

    Args:
        network: The network.
        one: The item.
        circuits: Circuits, or which edges each keeps, `[n, E]`.
        memory: Bytes above the loaded model that may be used; at least one circuit is run at a time.

    Source: Conmy et al. 2023, ACDC (arXiv 2304.14997); Miller et al. 2024 (arXiv 2407.08734) on edge ablation.
    """
    kept = circuits if isinstance(circuits, np.ndarray) else np.array([circuit.mask for circuit in circuits])
    kept = kept.reshape(-1, one.graph.edges)
    last = one.clean.resid_pre[-1, -one.outcome.positions :]
    residuals = last.repeat(len(kept), 1, 1)
    changed = np.flatnonzero(~kept.all(1))
    # Circuits that begin to differ at one layer go together: they share what comes before it.
    first = [int(np.flatnonzero(~kept[index])[0]) for index in changed]
    layers = np.array([_layer_of_edge(one.graph, edge) for edge in first], dtype=int)
    for layer in np.unique(layers):
        group = changed[layers == layer]
        most = _together(one, int(layer), memory)
        for begin in range(0, len(group), most):
            batch = group[begin : begin + most]
            residuals[batch] = _CircuitRun(network, one, int(layer), kept[batch]).run()
    return residuals


def _layer_of_edge(graph: Graph, edge: int) -> int:
    receiver = int(np.searchsorted(graph.offsets, edge, side="right")) - 1
    return receiver // graph.receivers_a_layer


def _together(one: Prepared, layer: int, memory: int) -> int:
    """How many circuits that begin at `layer` are run at once."""
    graph, (_, positions, width) = one.graph, one.difference.shape
    own = (graph.layers - layer) * (graph.heads + 1)
    numbers = (own + 4 * graph.receivers_a_layer + 12) * positions * width
    fixed = 3 * one.writes.numel() * one.writes.element_size()
    return max(1, min(_MOST_TOGETHER, (memory - fixed) // (numbers * one.writes.element_size())))


class _CircuitRun:
    """One batch: the live run from `layer` on, whose readers are corrected at every port."""

    def __init__(self, network: "Network", one: Prepared, layer: int, kept: "NDArray[np.bool_]") -> None:
        graph = one.graph
        self.network, self.one, self.layer, self.batch = network, one, layer, len(kept)
        sender, receiver = graph.ends
        out = np.zeros((len(kept), len(graph.receivers), len(graph.senders)), dtype=np.float32)
        out[:, receiver, sender] = ~kept
        self.out = torch.from_numpy(out).to(network.device, network.dtype)
        missed = self.out.any(0)
        # Receivers that differ from the live run in any circuit, and senders that any reader does without.
        self.is_corrected: list[bool] = [bool(found) for found in missed.any(1)]
        self.is_needed: list[bool] = [bool(found) for found in missed.any(0)]
        self.shared = 1 + layer * (graph.heads + 1)  # senders that write here as they do in the clean run
        self.before = one.difference[: self.shared].flatten(1)
        last = max((index for index, found in enumerate(self.is_needed) if found), default=0)
        positions = one.clean.length - one.start
        self.own = self.before.new_zeros(self.batch, max(0, last + 1 - self.shared), positions, network.width)
        self.values: dict[str, tuple[list[int], Tensor]] = {}

    def run(self) -> Tensor:
        """What the unembedding reads, `[B, m, D]`."""
        one, read = self.one, self.one.outcome.positions
        with ExitStack() as stack:
            for layer in range(self.layer, one.graph.layers):
                self._listen(stack, layer)
            hidden = one.clean.resid_pre[self.layer, one.start :].repeat(self.batch, 1, 1)
            final = run_blocks(self.network, one.clean, hidden, layer=self.layer, start=one.start)[:, -read:]
        last = len(one.graph.receivers) - 1
        if not self.is_corrected[last]:
            return final
        return final - self._correction([last])[:, 0, -read:]

    def _listen(self, stack: ExitStack, layer: int) -> None:
        ports = self.network.ports[layer]
        stack.callback(listen(ports["resid_pre"], lambda tensor: self._read(layer, tensor)).remove)
        for name in "qkv":
            stack.callback(listen(ports[name], self._setter(name, ports[name].view)).remove)
        row = (layer + 1) * self.one.graph.receivers_a_layer - 1
        if self.is_corrected[row]:
            norm = self.one.wiring[layer].mlp_norm
            stack.callback(norm.register_forward_pre_hook(self._mlp_reader(row)).remove)
        first = 1 + layer * (self.one.graph.heads + 1)
        if any(self.is_needed[first : first + self.one.graph.heads]):
            stack.callback(listen(ports["z"], lambda tensor: self._heads_wrote(layer, first, tensor)).remove)
        mlp = first + self.one.graph.heads
        if self.is_needed[mlp]:
            stack.callback(
                listen(ports["mlp_out"], lambda tensor: self._wrote(mlp, self._rows(tensor)[:, None])).remove
            )

    def _correction(self, rows: Sequence[int]) -> Tensor:
        """What these receivers of equal reach do not see of the live stream, `[B, rows, T - start, D]`."""
        count = min(int(self.one.graph.reads[rows[0]]), self.shared + self.own.shape[1])
        out = self.out[:, rows, :count]
        total = out[:, :, : self.shared] @ self.before[:count]
        if count > self.shared:
            total = torch.baddbmm(total, out[:, :, self.shared :], self.own[:, : count - self.shared].flatten(2))
        return total.unflatten(2, self.own.shape[2:])

    def _rows(self, tensor: Tensor) -> Tensor:
        """A module's tensor as `[B, T - start, ...]`."""
        return tensor.view(self.batch, self.own.shape[2], -1)

    def _read(self, layer: int, hidden: Tensor) -> None:
        """Computes what the layer's queries, keys and values are; the ports will take them."""
        graph, wires = self.one.graph, self.one.wiring[layer]
        first = layer * graph.receivers_a_layer
        heads = {"q": graph.heads, "k": graph.key_value_heads, "v": graph.key_value_heads}
        starts = {"q": first, "k": first + graph.heads, "v": first + graph.heads + graph.key_value_heads}
        chosen = {name: [h for h in range(n) if self.is_corrected[starts[name] + h]] for name, n in heads.items()}
        rows = [starts[name] + head for name, found in chosen.items() for head in found]
        self.values = {}
        if not rows:
            return
        seen = wires.attention_norm(self._rows(hidden)[:, None] - self._correction(rows))
        for part, (name, found) in zip(
            seen.split([len(found) for found in chosen.values()], 1), chosen.items(), strict=True
        ):
            weight, bias = wires.readers[name]
            values = torch.einsum("bhtx,hxd->bthd", part, weight[found])
            self.values[name] = (found, values if bias is None else values + bias[found].transpose(0, 1))

    def _setter(self, name: str, view: Callable[[Tensor], Tensor]) -> Callable[[Tensor], None]:
        def receive(tensor: Tensor) -> None:
            heads, values = self.values.get(name, ([], None))
            if values is not None:
                view(tensor).unflatten(0, (self.batch, -1))[:, :, heads] = values

        return receive

    def _mlp_reader(self, row: int) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
        """Corrects what the MLP's norm is given; the residual itself goes past it."""

        def before(_module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            hidden = arguments[0].clone()
            self._rows(hidden).sub_(self._correction([row])[:, 0])
            return (hidden, *arguments[1:])

        return before

    def _heads_wrote(self, layer: int, first: int, tensor: Tensor) -> None:
        z = self._rows(tensor).unflatten(2, (self.one.graph.heads, -1))
        self._wrote(first, torch.einsum("bthd,hdx->bhtx", z, self.one.wiring[layer].output))

    def _wrote(self, first: int, writes: Tensor) -> None:
        """Notes by how much writes `[B, n, T - start, D]` of the senders from `first` on differ from the reference."""
        count = min(writes.shape[1], self.shared + self.own.shape[1] - first)
        reference = self.one.reference[first : first + count, self.one.start :]
        torch.sub(writes[:, :count], reference, out=self.own[:, first - self.shared : first - self.shared + count])
