"""Which edges matter when each is really cut, or really restored?

Exact, at the price of one run an edge, which begins at the edge's reader. One edge at a time shows nothing of two paths
that stand in for each other, nor of one that is silent in the clean run; so both directions are measured, and edges
that restore the answer alone, but whose loss nobody notices, are cut together.

Letters: N items, n edges or groups of edges, E edges, B draws of the null.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch

from aetia.circuits.execution import Prepared, circuit_residuals
from aetia.circuits.graph import Circuit, Graph
from aetia.errors import StudyError
from aetia.models.planner import DEFAULT_MEMORY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aetia.models.network import Network
    from aetia.models.outcome import Outcome

__all__ = ["DIRECTIONS", "EdgeDirection", "Explanation", "edge_effects", "explanatory_graph", "joint_effects"]

EdgeDirection = Literal["noising", "denoising"]
DIRECTIONS: tuple[EdgeDirection, ...] = get_args(EdgeDirection)

_TOGETHER = 64  # groups whose masks exist at a time


def edge_effects(
    network: "Network",
    one: Prepared,
    edges: Sequence[int] | None = None,
    *,
    direction: EdgeDirection = "noising",
    memory: int = DEFAULT_MEMORY,
) -> "NDArray[np.float64]":
    """The exact effect of each edge alone, `[n]`, in the outcome's unit; positive where it serves the answer.

    Noising: the clean run's outcome less that with the edge cut, which carries its reference value. Denoising: the
    outcome of the corrupted run with the edge carrying its clean value, less the corrupted run's. What is no larger
    than the outcome's rounding is 0.

    Args:
        network: The network.
        one: The item.
        edges: Their numbers; all by default.
        direction: Which of the two.
        memory: Bytes above the loaded model.

    Raises:
        StudyError: AE-1308 for denoising if the reference is no run.

    Source: Goldowsky-Dill et al. 2023, path patching (arXiv 2304.05969).
    """
    chosen = range(one.graph.edges) if edges is None else edges
    return joint_effects(network, one, [(edge,) for edge in chosen], direction=direction, memory=memory)


def joint_effects(
    network: "Network",
    one: Prepared,
    groups: Sequence[Sequence[int]],
    *,
    direction: EdgeDirection = "noising",
    memory: int = DEFAULT_MEMORY,
) -> "NDArray[np.float64]":
    """The exact effect of each group of edges, cut or restored together, `[n]`; as `edge_effects`."""
    return _effects(network, one, groups, [()] * len(groups), direction, [one.outcome], memory)[:, 0]


def _effects(
    network: "Network",
    one: Prepared,
    groups: Sequence[Sequence[int]],
    contexts: Sequence[Sequence[int]],
    direction: EdgeDirection,
    outcomes: "Sequence[Outcome]",
    memory: int,
) -> "NDArray[np.float64]":
    """The effect of each group on each outcome, `[n, outcomes]`, while the edges of its context are out as well."""
    run = one if direction == "noising" else one.turned
    sign = 1.0 if direction == "noising" else -1.0
    found = []
    for first in range(0, len(groups), _TOGETHER):
        part, around = groups[first : first + _TOGETHER], contexts[first : first + _TOGETHER]
        bases = list(dict.fromkeys(tuple(context) for context in around))
        masks = np.ones((len(bases) + len(part), one.graph.edges), dtype=bool)
        for mask, out in zip(masks, [*bases, *((*c, *g) for c, g in zip(around, part, strict=True))], strict=True):
            mask[list(out)] = False
        residuals = circuit_residuals(network, run, masks, memory=memory)
        with torch.inference_mode():
            read = torch.stack([outcome.read(network, residuals) for outcome in outcomes], 1).double().cpu().numpy()
        base = read[[bases.index(tuple(context)) for context in around]]
        change = sign * (base - read[len(bases) :])
        rounding = 64 * torch.finfo(network.dtype).eps * np.maximum(1.0, np.abs(read).max(0))
        found.append(np.where(np.abs(change) > rounding, change, 0.0))
    return np.concatenate(found) if found else np.zeros((0, len(outcomes)))


@dataclass(frozen=True, eq=False)
class Explanation:
    """A path-intervention explanatory graph.

    Args:
        circuit: The edges kept, each with its mean effect (of its group, where it was kept with others).
        effects: The effect of each edge when it was looked at, item by item, `[N, E]`; NaN where it was not.
        redundant: Groups of edges into one part that show their effect only together.
        threshold: The mean effect that an edge had to exceed in size, in the outcome's unit: the largest of all steps.
        tested: How many edges were looked at.
    """

    circuit: Circuit
    effects: "NDArray[np.float64]"
    redundant: tuple[tuple[int, ...], ...]
    threshold: float
    tested: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know: which edges stand in for each other."""
        graph = self.circuit.graph
        return tuple(
            "Cut one at a time these show nothing, cut together they do: "
            + ", ".join(" -> ".join(graph.edge(edge)) for edge in group)
            + "."
            for group in self.redundant
        )


def explanatory_graph(
    network: "Network",
    items: Sequence[Prepared],
    *,
    threshold: float | None = None,
    draws: int = 19,
    candidates: "NDArray[np.bool_] | None" = None,
    seed: int = 0,
    memory: int = DEFAULT_MEMORY,
) -> Explanation:
    """The edges whose cut changes the outcome, sought backward from the output and only into parts that were kept.

    At each part the edges into it are cut one at a time. Those that change nothing but restore the answer in the
    corrupted run are cut together; if that has an effect, they are kept, and what lies behind each is looked at while
    the others are cut. An edge is kept if the size of its mean effect passes the threshold: by default the largest that
    any edge looked at so far reaches in `draws` relabellings, in which items exchange their answers and foils. At the
    end all effects are compared with the last threshold, and the graph is pruned.

    The rule that keeps an edge is a reconstruction: the paper's own was not at hand.

    Args:
        network: The network.
        items: The items; effects are averaged over them.
        threshold: A fixed threshold in the outcome's unit, in place of the null.
        draws: Relabellings B; 19 hold the level at 5%.
        candidates: Edges that are looked at, `[E]`; by default all that lead to a kept part.
        seed: Of the relabellings.
        memory: Bytes above the loaded model.

    Raises:
        StudyError: AE-1308 if the reference is no run; AE-1311 without a threshold if answers cannot be exchanged.

    Source: after Ahmad et al. 2023, causal analysis for robust interpretability (arXiv 2305.08950).
    """
    search = _Search(network, items, threshold, draws, candidates, seed, memory)
    search.visit(len(search.graph.receivers) - 1, len(search.graph.receivers), ())
    for layer in reversed(range(search.graph.layers)):
        first = layer * search.graph.receivers_a_layer
        last = first + search.graph.receivers_a_layer - 1
        for start, stop in ((last, last + 1), (first, last)):
            for context in dict.fromkeys(search.contexts_of(start, stop)):
                search.visit(start, stop, context)
    return search.finish()


class _Search:
    """The state of one backward search."""

    def __init__(
        self,
        network: "Network",
        items: Sequence[Prepared],
        threshold: float | None,
        draws: int,
        candidates: "NDArray[np.bool_] | None",
        seed: int,
        memory: int,
    ) -> None:
        self.network, self.items, self.fixed, self.memory = network, items, threshold, memory
        self.graph: Graph = items[0].graph
        self.candidates = np.ones(self.graph.edges, dtype=bool) if candidates is None else candidates
        self.orders = None if threshold is not None else _relabellings(items, draws, seed)
        self.limits: dict[EdgeDirection, float] = dict.fromkeys(DIRECTIONS, threshold or 0.0)
        self.effects = np.full((len(items), self.graph.edges), np.nan)
        self.kept: dict[int, float] = {}
        self.groups: dict[tuple[int, ...], float] = {}
        self.contexts: dict[int, list[tuple[int, ...]]] = {}

    def contexts_of(self, start: int, stop: int) -> list[tuple[int, ...]]:
        """What else is cut while these receivers are looked at: for each kept part that they feed."""
        fed = {int(sender) for receiver in range(start, stop) for sender in self.graph.fed[receiver]}
        return [context for sender in sorted(fed) for context in self.contexts.get(sender, [])]

    def visit(self, start: int, stop: int, context: tuple[int, ...]) -> None:
        """Looks at all edges into the kept parts behind these receivers, and keeps those that matter."""
        offsets, edges = self.graph.offsets, []
        for receiver in range(start, min(stop, len(self.graph.receivers))):
            heads = self.graph.fed[receiver]
            if len(heads) and not any(context in self.contexts.get(int(head), []) for head in heads):
                continue
            edges += [e for e in range(offsets[receiver], offsets[receiver + 1]) if self.candidates[e]]
        edges = [edge for edge in edges if edge not in context]
        if not edges:
            return
        cut = self._measured([(edge,) for edge in edges], context, "noising")
        restored = self._measured([(edge,) for edge in edges], (), "denoising")
        seen = self.effects[:, edges]
        is_larger = np.isnan(seen[0]) | (np.abs(cut.mean(0)) > np.abs(seen.mean(0)))
        self.effects[:, edges] = np.where(is_larger, cut, seen)
        matters = np.abs(cut.mean(0)) > self.limits["noising"]
        stands_in = ~matters & (np.abs(restored.mean(0)) > self.limits["denoising"])
        for place in np.flatnonzero(matters):
            self._keep(edges[place], float(cut[:, place].mean()), context)
        group = tuple(edges[place] for place in np.flatnonzero(stands_in))
        if len(group) > 1:
            joint = float(self._measured([group], context, "noising")[:, 0].mean())
            if abs(joint) > self.limits["noising"]:
                self.groups[group] = joint
                for edge in group:
                    self._keep(edge, joint, (*context, *(other for other in group if other != edge)))

    def finish(self) -> Explanation:
        """The edges that pass the last threshold, pruned."""
        limit = self.limits["noising"]
        edges = sorted(edge for edge, effect in self.kept.items() if abs(effect) > limit)
        circuit = Circuit(self.graph, tuple(edges), tuple(self.kept[edge] for edge in edges)).pruned()
        groups = tuple(group for group, effect in self.groups.items() if abs(effect) > limit)
        tested = int((~np.isnan(self.effects[0])).sum())
        return Explanation(circuit, self.effects, groups, limit, tested)

    def _keep(self, edge: int, effect: float, context: tuple[int, ...]) -> None:
        if edge not in self.kept or abs(effect) > abs(self.kept[edge]):
            self.kept[edge] = effect
        found = self.contexts.setdefault(int(self.graph.ends[0][edge]), [])
        if context not in found:
            found.append(context)

    def _measured(
        self, groups: Sequence[Sequence[int]], context: tuple[int, ...], direction: EdgeDirection
    ) -> "NDArray[np.float64]":
        """The effects of `groups`, `[N, n]`; raises the direction's threshold to what the null reaches among them."""
        outcomes = [one.outcome for one in self.items]
        contexts = [context] * len(groups)
        if self.orders is None:
            values = [
                _effects(self.network, one, groups, contexts, direction, [one.outcome], self.memory)[:, 0]
                for one in self.items
            ]
            return np.array(values)
        values = np.array(
            [_effects(self.network, one, groups, contexts, direction, outcomes, self.memory) for one in self.items]
        )  # (item, group, whose answer)
        rows = np.arange(len(self.items))
        null = np.abs(np.array([values[rows, :, order].mean(0) for order in self.orders]))
        self.limits[direction] = max(self.limits[direction], float(null.max()))
        return values[rows, :, rows]


def _relabellings(items: Sequence[Prepared], draws: int, seed: int) -> "list[NDArray[np.int64]]":
    """Orders in which items have each other's outcomes; any order is as likely, the given one too."""
    labels = [(one.outcome.answer, one.outcome.foil) for one in items]
    if len(set(labels)) == 1 or any(one.outcome.kind == "kl" for one in items):
        raise StudyError(
            "AE-1311",
            "Answers cannot be exchanged: all items have the same, or the outcome reads none.",
            mend="give a threshold, or contrasts with different answers.",
        )
    draw = np.random.default_rng(seed)
    return [draw.permutation(len(items)) for _ in range(draws)]
