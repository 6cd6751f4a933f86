"""Which circuit does contextual decomposition find, from the logits back to what feeds the parts that feed them?

Each round asks which senders are most relevant to the parts kept in the round before; then parts are dropped one by
one for as long as the circuit's outcome does not move away from the network's.

Letters: n nodes, T positions.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from aetia.circuits.decomposition import Source, decompose
from aetia.circuits.deviations import Deviations, deviations
from aetia.circuits.execution import ReferenceKind
from aetia.circuits.graph import Circuit, Graph
from aetia.circuits.rules import Rules
from aetia.contrasts.contrast import AlignedContrast
from aetia.errors import StudyError
from aetia.models.interventions import Intervention, Set
from aetia.models.network import Network
from aetia.models.planner import DEFAULT_MEMORY, Cell
from aetia.models.sites import Site
from aetia.models.wavefront import run_planned

__all__ = ["Search", "SearchResult", "find_circuit", "keep_most_relevant", "node_faithfulness"]


@dataclass(frozen=True)
class Search:
    """How a circuit is looked for.

    Args:
        keep: How many senders a round keeps; below 1, which share of those with any relevance.
        rounds: How many rounds at most; it ends before that when a round finds nothing new.
        slack: By how much of the network's own outcome dropping one part may move the circuit's away from it; None
            drops nothing. 0 drops only what does no good.
        reference: What a part that is out writes.
        rules: The decomposition's open choices.
    """

    keep: float = 2
    rounds: int = 8
    slack: float | None = 0.0
    reference: ReferenceKind = "patch"
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        if not self.keep > 0 or self.rounds < 1:
            raise StudyError(
                "AE-1355",
                f"A search that keeps {self.keep} senders in each of {self.rounds} rounds finds nothing.",
                mend="keep more than 0 (below 1: a share of the senders), in at least one round.",
            )


@dataclass(frozen=True)
class SearchResult:
    """What was found.

    Args:
        circuit: The circuit of the nodes that are left, with all that is no candidate left in.
        nodes: Those candidates, in the order in which they were found.
        rounds: What each round found, before anything was dropped.
        dropped: What was dropped, in that order.
        faithfulness: Of the nodes that are left, over all items; 1 is the network, 0 every candidate out.
    """

    circuit: Circuit
    nodes: tuple[str, ...]
    rounds: tuple[tuple[str, ...], ...]
    dropped: tuple[str, ...]
    faithfulness: float


def find_circuit(
    network: Network,
    items: Sequence[AlignedContrast],
    search: Search | None = None,
    *,
    candidates: Sequence[str] = (),
    memory: int = DEFAULT_MEMORY,
) -> SearchResult:
    """The circuit of the candidates that matter, by relevance averaged over the items.

    Args:
        network: The network.
        items: The contrasts it is found on; measure its faithfulness on others.
        search: How it is looked for.
        candidates: The senders it may leave out; by default all heads, as in the paper: embedding and MLPs stay.
        memory: Bytes above the loaded model, for the runs that decide what to drop.

    Raises:
        StudyError: AE-1355 no items, or none whose outcome the candidates change; as `decompose` otherwise.

    Source: Hsu et al. 2024, CD-T (arXiv 2407.00886), algorithm 1 and its pruning.
    """
    search, graph = search or Search(), Graph.of(network)
    chosen = tuple(candidates) or tuple(name for name in graph.senders if ".h" in name)
    runs = list(deviations(network, items, search.reference))
    if not runs:
        raise StudyError("AE-1355", "There are no items to find a circuit on.", mend="give at least one.")
    rounds = _rounds(network, runs, chosen, search)
    nodes = [name for found in rounds for name in found]
    dropped: tuple[str, ...] = ()
    faithfulness = node_faithfulness(network, runs, [nodes], chosen, memory)[0]
    if search.slack is not None:
        nodes, dropped, faithfulness = _pruned(network, runs, nodes, chosen, (search.slack, faithfulness, memory))
    circuit = _circuit(graph, set(chosen) - set(nodes))
    return SearchResult(circuit, tuple(nodes), rounds, dropped, faithfulness)


def _circuit(graph: Graph, out: set[str]) -> Circuit:
    """All edges between parts that are not out; what only feeds parts that are out does not matter."""
    stays = np.array([name not in out for name in graph.senders])
    reads = np.array([not (fed := graph.feeds(name)) or not out.issuperset(fed) for name in graph.receivers])
    sender, receiver = graph.ends
    return Circuit.of_mask(graph, stays[sender] & reads[receiver])


def keep_most_relevant(relevance: "dict[str, float]", keep: float) -> tuple[str, ...]:
    """The names of highest relevance above 0: `keep` of them, or that share if it is below 1; ties by their order."""
    ranked = sorted((name for name, value in relevance.items() if value > 0), key=lambda name: -relevance[name])
    return tuple(ranked[: int(keep) if keep >= 1 else int(np.ceil(keep * len(ranked)))])


def _rounds(
    network: Network, runs: Sequence[Deviations], candidates: Sequence[str], search: Search
) -> tuple[tuple[str, ...], ...]:
    """What each round finds: first relevant to the logits, then to what the round before found."""
    graph = Graph.of(network)
    rounds: list[tuple[str, ...]] = []
    targets: tuple[str, ...] = ("logits",)
    found: set[str] = set()
    for _ in range(search.rounds):
        depth = max(graph.layer_of(name) for name in targets)
        senders = [name for name in candidates if name not in found and graph.layer_of(name) <= depth]
        sources = [Source((name,)) for name in senders]
        shares = [decompose(network, run, sources, targets, rules=search.rules).sum(1) for run in runs]
        values = torch.stack(shares).mean(0).tolist() if senders else []
        kept = keep_most_relevant(dict(zip(senders, values, strict=True)), search.keep)
        if not kept:
            break
        rounds.append(kept)
        found.update(kept)
        targets = kept
    return tuple(rounds)


def _pruned(
    network: Network,
    runs: Sequence[Deviations],
    nodes: Sequence[str],
    candidates: Sequence[str],
    limits: tuple[float, float, int],
) -> tuple[list[str], tuple[str, ...], float]:
    """The nodes without those whose going keeps the outcome within the slack; the least missed goes first."""
    (slack, faithfulness, memory), left, dropped = limits, list(nodes), []
    while left:
        trials = [[name for name in left if name != out] for out in left]
        values = node_faithfulness(network, runs, trials, candidates, memory)
        errors = [abs(1 - value) for value in values]
        best = int(np.argmin(errors))
        if errors[best] > abs(1 - faithfulness) + slack:
            break
        dropped.append(left[best])
        left, faithfulness = trials[best], values[best]
    return left, tuple(dropped), faithfulness


def node_faithfulness(
    network: Network,
    runs: Sequence[Deviations],
    choices: Sequence[Collection[str]],
    candidates: Sequence[str],
    memory: int = DEFAULT_MEMORY,
) -> list[float]:
    """The faithfulness of each choice of nodes: candidates outside it write their reference, exactly.

    Args:
        network: The network.
        runs: The items, from `deviations`.
        choices: Which candidates each keeps.
        candidates: What may be out.
        memory: Bytes above the loaded model.

    Returns:
        (m(kept) - m(none)) / (m(all) - m(none)); m is the outcome's mean over the items: the logit difference, or the
        answer's log-probability if there is no foil.

    Raises:
        StudyError: AE-1355 if all candidates together do not change the outcome.
    """
    wanted = [set(candidates), set[str](), *(set(names) for names in choices)]
    total = torch.zeros(len(wanted), dtype=torch.float64)
    for run in runs:
        out = {name: _reference(run, name) for name in candidates}
        cells = [Cell(tuple(i for name in candidates if name not in kept for i in out[name])) for kept in wanted]
        total += run_planned(network, [run.base], cells, [run.outcome], memory=memory).values.double()
    whole, empty, *values = (total / len(runs)).tolist()
    if whole == empty:
        raise StudyError(
            "AE-1355", "The outcome is the same without all the candidates.", mend="use other items, or candidates."
        )
    return [(value - empty) / (whole - empty) for value in values]


def _reference(run: Deviations, name: str) -> list[Intervention]:
    """The sender at its reference, at all positions that deviate."""
    if name == "embed":
        site, value = Site("resid_pre", 0), run.base.resid_pre[0] - run.embed
    else:
        layer, part = int(name[1 : name.index(".")]), name.split(".")[1]
        head = None if part == "mlp" else int(part[1:])
        site = Site("mlp_out" if head is None else "z", layer, head)
        clean = run.base.components[site.component, layer]
        value = clean - run.mlp[layer] if head is None else clean[:, head] - run.z[layer, :, head]
    return [Intervention(site.at(at), Set(value[at : at + 1])) for at in range(run.start, run.base.length)]
