"""Which nodes or edges are looked at, and which circuit do they make, as some of the items show it?

All of it happens again in every draw of a null: what is chosen there is chosen for being large by chance.

Letters: S senders, E edges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from aetia.circuits.acdc import acdc
from aetia.circuits.edge_patching import explanatory_graph
from aetia.circuits.graph import Circuit, Graph
from aetia.circuits.scoring import Label, Scorer
from aetia.circuits.study import ATTRIBUTIONS, SEARCHES, CircuitStudy
from aetia.effects import draws_needed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Choice", "choose", "chosen_by_label", "is_selective", "ranked"]


@dataclass(frozen=True, eq=False)
class Choice:
    """What the search items show.

    Args:
        chosen: The numbers of the senders or edges that are measured, increasing.
        circuit: The one circuit that is judged further.
        ranking: A score of every sender `[S]` or edge `[E]`, 0 for those not looked at; None if the method finds a
            circuit and ranks nothing.
        groups: Edges that are cut together with others, since they show nothing alone.
    """

    chosen: "NDArray[np.int64]"
    circuit: Circuit
    ranking: "NDArray[np.float64] | None" = None
    groups: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


def is_selective(study: CircuitStudy, graph: Graph) -> bool:
    """Whether what is measured is chosen on some items, which it then cannot be measured on."""
    return study.method in SEARCHES or (study.by == "edges" and graph.edges > study.candidates)


def choose(scorer: Scorer, places: Sequence[int], scored: "dict[int, NDArray[np.float64]] | None" = None) -> Choice:
    """What the items at `places` show.

    Args:
        scorer: The study with its items.
        places: The search items'.
        scored: Scores of items that are known already, where nothing is selected.
    """
    study, graph = scorer.study, scorer.graph
    if study.method == "acdc":
        return _removed(scorer, places)
    if study.method == "path-intervention":
        return _explained(scorer, places)
    if is_selective(study, graph):
        everything = _attributed(scorer, places)
        chosen = _largest(everything, study.candidates)
        ranking = everything if study.method in ATTRIBUTIONS else np.zeros(scorer.count)
    else:
        chosen, ranking = np.arange(scorer.count), np.zeros(scorer.count)
    if not (is_selective(study, graph) and study.method in ATTRIBUTIONS):
        known = scored or {}
        found = [known[place] if place in known else scorer.scores(place, chosen)[0] for place in places]
        ranking[chosen] = np.mean(found, axis=0)
    return Choice(chosen, ranked(study, graph, ranking, study.size), ranking)


def chosen_by_label(
    scorer: Scorer, places: Sequence[int], labels: Mapping[int, Sequence[Label]]
) -> "list[NDArray[np.int64]]":
    """What would be measured under each of some other labels, had the items at `places` those.

    Args:
        scorer: A study that measures the edges of largest attribution.
        places: The search items'.
        labels: Equally many further labels of each of them.
    """
    total = sum(scorer.attributed(place, _attribution(scorer.study), labels[place])[1:] for place in places)
    return [_largest(scores, scorer.study.candidates) for scores in np.asarray(total)]


def ranked(
    study: CircuitStudy, graph: Graph, ranking: "NDArray[np.float64]", share: float, *, absolute: bool = False
) -> Circuit:
    """The circuit of the nodes or edges of highest score, as large a share of all as is asked, one at least."""
    count = max(1, round(share * len(ranking)))
    if study.by == "edges":
        return Circuit.top(graph, ranking, count, absolute=absolute)
    order = np.argsort(-np.abs(ranking) if absolute else -ranking, kind="stable")[:count]
    return Circuit.of_nodes(graph, [graph.senders[node] for node in order])


def _attribution(study: CircuitStudy) -> str:
    return study.method if study.method in ATTRIBUTIONS else "eap-ig-inputs"


def _attributed(scorer: Scorer, places: Sequence[int]) -> "NDArray[np.float64]":
    method = _attribution(scorer.study)
    return np.mean([scorer.attributed(place, method)[0] for place in places], axis=0)


def _largest(scores: "NDArray[np.float64]", count: int) -> "NDArray[np.int64]":
    return np.sort(np.argsort(-np.abs(scores), kind="stable")[:count])


def _candidates(scorer: Scorer, places: Sequence[int]) -> "NDArray[np.bool_] | None":
    """The edges that a search may look at; None for all."""
    if scorer.count <= scorer.study.candidates:
        return None
    mask = np.zeros(scorer.count, dtype=bool)
    mask[_largest(_attributed(scorer, places), scorer.study.candidates)] = True
    return mask


def _removed(scorer: Scorer, places: Sequence[int]) -> Choice:
    study = scorer.study
    assert study.threshold is not None
    found = acdc(
        scorer.network,
        scorer.prepared.of(places),
        study.threshold,
        candidates=_candidates(scorer, places),
        memory=study.memory_bytes // 2,
    )
    return Choice(np.array(found.circuit.edges, dtype=np.int64), found.circuit)


def _explained(scorer: Scorer, places: Sequence[int]) -> Choice:
    study = scorer.study
    found = explanatory_graph(
        scorer.network,
        scorer.prepared.of(places),
        threshold=study.threshold,
        draws=draws_needed(study.level, 1),
        candidates=_candidates(scorer, places),
        seed=study.seed,
        memory=study.memory_bytes // 2,
    )
    groups = {edge: group for group in found.redundant for edge in group}
    return Choice(np.array(found.circuit.edges, dtype=np.int64), found.circuit, groups=groups)
