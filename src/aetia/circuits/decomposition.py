"""What part of an outcome, or of any internal value, does a part of the network account for?

Contextual decomposition: what a source writes beyond its reference is relevant, and every operation behind it says
how much of its output that makes relevant. One pass over the layers serves many sources: each enters at its own
layer, at the first position where anything deviates; the real run passes beside them and is compared with the
model's own, so that a wrong rule for an architecture is an error and no finding.

It shows how a value is composed in this run, at the scales of the norms that the run has; not what the network would
do without the source. Patching asks that.

Letters: n sources, S positions from the first deviation on, D residual width, H query heads, K key/value heads,
d head width.
Source: Hsu et al. 2024, CD-T (arXiv 2407.00886; seed 106).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from aetia.circuits.deviations import Deviations, deviations
from aetia.circuits.execution import ReferenceKind
from aetia.circuits.graph import Edge, Graph
from aetia.circuits.removal import attend_without, attention_arguments
from aetia.circuits.rules import Parts, Rules, activation_rule, gated_rule, linear_rule, norm_rule, units_of
from aetia.circuits.wiring import wiring_of
from aetia.contrasts.contrast import AlignedContrast
from aetia.errors import StudyError
from aetia.models.network import Network

__all__ = ["Source", "decompose", "edge_relevance", "node_relevance", "receiver_relevance"]

_CHUNK_ROWS = 512  # rows that go through a block together: the matrix product's peak, within the CPU's cache
_BATCH_NUMBERS = 2**24  # residuals that are held at a time: 64 MB in float32


@dataclass(frozen=True)
class Source:
    """What is relevant: the deviations of some senders.

    Args:
        senders: As in `Graph`: `embed`, `L0.h1`, `L0.mlp`; none makes nothing relevant.
        positions: Where they are relevant; everywhere by default.
        receiver: If given, relevant to this receiver's reading alone: the source is then its edges from the senders.
    """

    senders: tuple[str, ...]
    positions: tuple[int, ...] | None = None
    receiver: str | None = None


def node_relevance(
    network: Network,
    items: Sequence[AlignedContrast],
    senders: Sequence[str],
    *,
    rules: Rules | None = None,
    reference: ReferenceKind = "patch",
) -> Tensor:
    """The part of each item's outcome that each sender accounts for, `[items, senders]`, in logits.

    The outcome is the logit of the answer less that of the foil; without a foil, the answer's alone.

    Raises:
        StudyError: AE-1301 an unknown sender; AE-1350 to AE-1354 an architecture or items without rules.
    """
    sources = [Source((sender,)) for sender in senders]
    return _over_items(network, items, sources, ("logits",), rules, reference)[..., 0]


def receiver_relevance(
    network: Network,
    items: Sequence[AlignedContrast],
    senders: Sequence[str],
    receivers: Sequence[str],
    *,
    rules: Rules | None = None,
    reference: ReferenceKind = "patch",
) -> Tensor:
    """The part of each receiver that each sender accounts for, by all ways: `[items, senders, receivers]`.

    Args:
        network: The network.
        items: The contrasts.
        senders: As in `Graph`.
        receivers: As in `Graph`, or a head's name for its output: a share |beta| / (|beta| + |gamma|) between 0 and 1,
            summed over units and positions from the first deviation on; for `logits`, logits.
        rules: The method's open choices.
        reference: What is subtracted from a sender's output: see `REFERENCES`.

    Raises:
        StudyError: As `node_relevance`.
    """
    sources = [Source((sender,)) for sender in senders]
    return _over_items(network, items, sources, tuple(receivers), rules, reference)


def edge_relevance(
    network: Network,
    items: Sequence[AlignedContrast],
    edges: Sequence[Edge],
    *,
    rules: Rules | None = None,
    reference: ReferenceKind = "patch",
) -> Tensor:
    """The part of each item's outcome that reaches it through each edge, `[items, edges]`, in logits.

    The sender's deviation is relevant in what the one receiver reads, and from there on by all ways. An edge into a
    query or key is relevant through the attention weights of that head, which are decomposed there in any case.

    Raises:
        StudyError: As `node_relevance`.
    """
    sources = [Source((sender,), receiver=receiver) for sender, receiver in edges]
    return _over_items(network, items, sources, ("logits",), rules, reference)[..., 0]


def _over_items(
    network: Network,
    items: Sequence[AlignedContrast],
    sources: Sequence[Source],
    targets: tuple[str, ...],
    rules: Rules | None,
    reference: ReferenceKind,
) -> Tensor:
    runs = deviations(network, items, reference)
    found = [decompose(network, run, sources, targets, rules=rules) for run in runs]
    return torch.stack(found) if found else torch.zeros(0, len(sources), len(targets), dtype=torch.float64)


@torch.inference_mode()
def decompose(
    network: Network,
    run: Deviations,
    sources: Sequence[Source],
    targets: Sequence[str] = ("logits",),
    *,
    rules: Rules | None = None,
) -> Tensor:
    """The relevance of every source to every target in one run, `[sources, targets]`, float64.

    Args:
        network: The network.
        run: A clean run and what deviates in it, from `deviations`.
        sources: What is relevant, each by itself.
        targets: `logits` (in logits), receivers and heads (shares); see `receiver_relevance`. Named several times,
            `logits` reads each further answer and foil in `run.tokens`.
        rules: The method's open choices; by default attention is decomposed and nothing is stabilised.

    Raises:
        StudyError: AE-1301 an unknown name; AE-1350, AE-1351, AE-1354 an architecture that the rules do not fit.
    """
    graph = Graph.of(network)
    plans = [_Plan.of(graph, source) for source in sources]
    values = torch.zeros(len(sources), len(targets), dtype=torch.float64)
    length = run.base.length - run.start
    if length == 0:
        return values
    order = sorted((i for i, plan in enumerate(plans) if plan.senders), key=lambda i: plans[i].entry)
    together = max(1, _BATCH_NUMBERS // (length * network.width))
    for first in range(0, len(order), together):
        some = order[first : first + together]
        walk = _Walk(network, run, [plans[i] for i in some], _targets(graph, targets), rules or Rules())
        values[some] = walk.relevance(len(targets)).double().cpu()
    return values


class _Place(NamedTuple):
    """A sender, receiver or head's output: its layer and head, and which of `embed z mlp q k v logits` it is."""

    layer: int
    port: str
    head: int = 0

    @classmethod
    def of(cls, graph: Graph, name: str) -> "_Place":
        layer = graph.layer_of(name)
        if name in ("embed", "logits"):
            return cls(layer, name)
        _, part, *port = name.split(".")
        return cls(layer, "mlp") if part == "mlp" else cls(layer, port[0] if port else "z", int(part[1:]))


@dataclass(frozen=True)
class _Plan:
    """A source with its names read: where it enters, what it writes, and who alone reads that."""

    senders: tuple[_Place, ...]
    positions: tuple[int, ...] | None
    receiver: _Place | None

    @classmethod
    def of(cls, graph: Graph, source: Source) -> "_Plan":
        for sender in source.senders:
            if source.receiver is not None:
                graph.edge_index(sender, source.receiver)
            elif sender not in graph.sender_index:
                graph.feeds(sender)  # says that there is no such part
                raise _no_sender(sender)
        places = tuple(_Place.of(graph, sender) for sender in source.senders)
        return cls(places, source.positions, _Place.of(graph, source.receiver) if source.receiver else None)

    @property
    def entry(self) -> int:
        """The first layer with anything relevant."""
        return max(0, self.receiver.layer if self.receiver else min(place.layer for place in self.senders))


def _no_sender(name: str) -> StudyError:
    return StudyError("AE-1301", f"{name} reads and writes nothing.", mend="use embed, L0.h1 or L0.mlp as a sender.")


def _targets(graph: Graph, names: Sequence[str]) -> dict[tuple[int, str], list[tuple[int, int]]]:
    """The column and head of every target, by its layer and port."""
    found: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    for column, name in enumerate(names):
        place = _Place.of(graph, name)
        found[place.layer, place.port].append((column, place.head))
    return found


class _Walk:
    """Takes the parts of some sources, by increasing entry, through the layers."""

    def __init__(
        self,
        network: Network,
        run: Deviations,
        plans: Sequence[_Plan],
        targets: dict[tuple[int, str], list[tuple[int, int]]],
        rules: Rules,
    ) -> None:
        self.network, self.run, self.plans, self.targets, self.rules = network, run, plans, targets, rules
        self.units, self.wiring, self.heads = units_of(network), wiring_of(network), network.heads
        self.is_parallel = "resid_mid" not in network.ports[0]
        self.last = max(layer for layer, _ in targets)
        self.values = torch.zeros(0)
        removes = rules.patterns == "decomposed" or any(p.receiver and p.receiver.port in "qk" for p in plans)
        self.arguments = attention_arguments(network, run.base.ids) if removes else ()

    def relevance(self, columns: int) -> Tensor:
        """The value of every source at every target, `[n, columns]`."""
        base, start = self.run.base, self.run.start
        state = base.resid_pre.new_zeros(len(self.plans), base.length - start, self.network.width)
        self.values = base.resid_pre.new_zeros(len(self.plans), columns)
        chunk = max(1, _CHUNK_ROWS // state.shape[1])
        for layer in range(min(self.last + 1, base.layers)):
            active = sum(plan.entry <= layer for plan in self.plans)
            # The last block is read at the last position alone, unless a target lies in it.
            is_end = layer == base.layers - 1 and not any(at == layer for at, _ in self.targets)
            rows = slice(-1, None) if is_end else slice(None)
            for first in range(0, active, chunk):
                some = slice(first, min(first + chunk, active))
                state[some, rows] = self._block(layer, state[some], some, rows)
        if (base.layers, "logits") in self.targets:
            self._read(state[:, -1:])
        return self.values

    def _block(self, layer: int, part: Tensor, some: slice, rows: slice) -> Tensor:
        """The parts behind a block, at `rows`."""
        ports, settled = self.network.ports[layer], self.rules
        before = Parts(self.run.base.resid_pre[layer, self.run.start :], part)
        if layer == 0:
            self._seed(before.part, some, layer=-1, port="embed", rows=slice(None))
        read = self._edges(before, some, layer, "qkv", slice(None))
        normed = norm_rule(read, self.wiring[layer].attention_norm).settled(settled)
        z = self._attend(layer, normed, some, rows)
        self._seed(z.part, some, layer, "z", rows)
        self._note(z, some, layer, "z")
        mixed = linear_rule(Parts(z.whole.flatten(1), z.part.flatten(2)), ports["z"].module).settled(settled)
        before = Parts(before.whole[rows], before.part[:, rows])
        middle = (before + mixed).settled(settled)
        read = self._edges(before if self.is_parallel else middle, some, layer, "mlp", rows)
        normed = norm_rule(read, self.wiring[layer].mlp_norm).settled(settled)
        self._note(normed, some, layer, "mlp")
        written = linear_rule(self._hidden(layer, normed), ports["mlp_post"].module).settled(settled)
        self._seed(written.part, some, layer, "mlp", rows)
        after = (middle + written).settled(settled)
        if some.start == 0:
            self._check(layer, after.whole, rows)
        return after.part

    def _attend(self, layer: int, normed: Parts, some: slice, rows: slice) -> Parts:
        """The heads' outputs: `whole` `[S, H, d]` as recorded, `part` by frozen weights or by removal."""
        base, start, heads = self.run.base, self.run.start, self.heads
        for port in "qkv":
            if (layer, port) in self.targets:
                self._note(self._projected(layer, port, normed), some, layer, port)
        values = self._projected(layer, "v", normed).settled(self.rules).part  # (n, S, K, d)
        entering = self._entering(some, layer, "qkv")
        for index, head, port in entering:
            others = [at for at in range(heads.key_value) if port != "v" or at != head]
            values[index, :, others] = 0
        n, length = values.shape[:2]
        weights = base.components["pattern", layer][start:, :, start:][rows].transpose(0, 1)  # (H, S, S)
        grouped = weights.reshape(heads.key_value, -1, length)
        mixed = grouped @ values.permute(2, 1, 0, 3).reshape(heads.key_value, length, -1)
        part = mixed.view(heads.query, -1, n, heads.width).permute(2, 1, 0, 3)  # (n, S, H, d)
        whole = base.components["z", layer][start:][rows]
        through = {index: (port, head) for index, head, port in entering if port in "qk"}
        alone = {index for index, _, port in entering if port == "v"}
        if self.rules.patterns == "decomposed":
            through = {index: through.get(index, ("", 0)) for index in range(n) if index not in alone}
        if through:
            norm = self.wiring[layer].attention_norm
            removed = attend_without(
                self.network,
                layer,
                norm(base.resid_pre[layer]),
                normed.part[list(through)],
                list(through.values()),
                self.arguments[layer],
            )
            part = part.clone()
            part[list(through)] = removed[:, rows]
        return Parts(whole, part.contiguous()).settled(self.rules)

    def _projected(self, layer: int, port: str, normed: Parts) -> Parts:
        """Queries, keys or values before any rotation: `whole` `[S, heads, d]`, `part` `[n, S, heads, d]`."""
        place = self.network.ports[layer][port]
        made = linear_rule(normed, place.module)
        n, length = made.part.shape[:2]
        return Parts(place.view(made.whole), place.view(made.part).unflatten(0, (n, length)))

    def _hidden(self, layer: int, normed: Parts) -> Parts:
        """The MLP's hidden units."""
        block = self.network.blocks[layer]
        function = cast("nn.Module", block.get_submodule(self.units.activation))
        made = [linear_rule(normed, block.get_submodule(path)).settled(self.rules) for path in self.units.hidden]
        if len(made) == 1 and made[0].whole.shape[-1] == 2 * self.network.site_shape("mlp_post", 1)[-1]:
            halves = zip(made[0].whole.chunk(2, -1), made[0].part.chunk(2, -1), strict=True)
            made = [Parts(whole, part) for whole, part in halves]
        hidden = gated_rule(made[0], made[1], function) if len(made) == 2 else activation_rule(made[0], function)
        return hidden.settled(self.rules)

    def _read(self, part: Tensor) -> None:
        """Writes the outcome's part of each source into the column of the logits."""
        whole = self.run.base.resid_pre[-1, -1:]
        some, end = slice(0, len(self.plans)), slice(-1, None)
        read = self._edges(Parts(whole, part), some, self.run.base.layers, "logits", end)
        normed = norm_rule(read, self.network.final_norm).settled(self.rules)
        linear = self.network.unembedding
        tokens = torch.tensor(self.run.tokens, device=part.device)
        few = nn.Linear(linear.in_features, len(tokens), bias=linear.bias is not None, device="meta")
        few.weight = nn.Parameter(linear.weight[tokens], requires_grad=False)
        if linear.bias is not None:
            few.bias = nn.Parameter(linear.bias[tokens], requires_grad=False)
        logits = linear_rule(normed, few).settled(self.rules).part[:, 0].float()
        pairs = logits.unflatten(1, (-1, min(2, len(tokens))))
        outcomes = pairs[..., 0] - pairs[..., 1] if pairs.shape[2] > 1 else pairs[..., 0]
        for place, (column, _) in enumerate(self.targets[self.run.base.layers, "logits"]):
            self.values[:, column] = outcomes[:, min(place, outcomes.shape[1] - 1)]

    def _seed(self, part: Tensor, some: slice, layer: int, port: Literal["embed", "z", "mlp"], rows: slice) -> None:
        """Makes the deviations of this layer's sources the relevant part of what they write."""
        start = self.run.start
        for index, plan in enumerate(self.plans[some]):
            for place in plan.senders if plan.receiver is None else ():
                if (place.layer, place.port) == (layer, port):
                    where = self._positions(plan)[rows]
                    target = part[index, :, place.head] if port == "z" else part[index]
                    target[where] = self._deviation(place)[start:][rows][where]

    def _deviation(self, place: _Place) -> Tensor:
        """What a sender writes beyond its reference: `[T, D]`, or a head's `[T, d]`."""
        run = self.run
        if place.port == "z":
            return run.z[place.layer, :, place.head]
        return run.embed if place.port == "embed" else run.mlp[place.layer]

    def _edges(self, parts: Parts, some: slice, layer: int, ports: str, rows: slice) -> Parts:
        """The same as read by a receiver: what came along its edges is relevant besides."""
        entering = self._entering(some, layer, ports)
        if not entering:
            return parts
        part = parts.part.clone()
        for index, _, _ in entering:
            plan = self.plans[some.start + index]
            written = torch.stack([self._write(place) for place in plan.senders]).sum(0)
            where = self._positions(plan)[rows]
            part[index, where] += written[self.run.start :][rows][where]
        return Parts(parts.whole, part)

    def _entering(self, some: slice, layer: int, ports: str) -> list[tuple[int, int, str]]:
        """The index, head and port of each of these sources that is an edge into one of this layer's `ports`."""
        receivers = enumerate(plan.receiver for plan in self.plans[some])
        return [(i, at.head, at.port) for i, at in receivers if at and at.layer == layer and at.port in ports]

    def _write(self, place: _Place) -> Tensor:
        """What a sender's deviation adds to the residual, `[T, D]`."""
        if place.port != "z":
            return self._deviation(place)
        return self._deviation(place) @ self.wiring[place.layer].output[place.head]

    def _positions(self, plan: _Plan) -> Tensor:
        """Where a source is relevant, `[S]`."""
        base, start = self.run.base, self.run.start
        chosen = torch.ones(base.length, dtype=torch.bool, device=base.resid_pre.device)
        if plan.positions is not None:
            chosen[:] = False
            chosen[list(plan.positions)] = True
        return chosen[start:]

    def _note(self, parts: Parts, some: slice, layer: int, port: str) -> None:
        """Keeps the shares of the targets that are here; a source that is an edge shows at its own receiver only."""
        for column, head in self.targets.get((layer, port), ()):
            whole, part = (parts.whole, parts.part) if port == "mlp" else (parts.whole[:, head], parts.part[:, :, head])
            relevant, rest = part.abs().sum((1, 2)), (whole - part).abs().sum((1, 2))
            share = torch.where(relevant > 0, relevant / (relevant + rest), relevant)
            for index, at, kind in self._entering(some, layer, "qkv" if port in "qkv" else port):
                share[index] *= (at, kind) == (head, port)
            self.values[some, column] = share

    def _check(self, layer: int, whole: Tensor, rows: slice) -> None:
        """Raises AE-1354 unless the real run came out of the block as the model's own forward has it."""
        expected = self.run.base.resid_pre[layer + 1, self.run.start :][rows]
        tolerance = 1e-3 if whole.dtype == torch.float32 else 1e-1
        if (whole - expected).abs().max() > tolerance * expected.abs().max().clamp(min=1.0):
            raise StudyError(
                "AE-1354",
                f"Layer {layer} of this {self.network.config.model_type} does more than the rules say.",
                mend="use another circuit method: this variant of the architecture has no rules yet.",
            )
