"""Which variables have to be measured and adjusted for, so that an association is the effect?

X treatment, Y outcome. An adjustment set Z gives P(y | do(x)) = sum over z of P(y | x, z) P(z). Two criteria:

    back-door    Z has no effect of X, and blocks every path into X (Pearl 1993)
    adjustment   complete: Z is an adjustment set in all models of the graph, or not (Shpitser et al. 2010)

Their minimal sets are the same for a single treatment; the second admits more of the larger ones.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from aetia.errors import NotIdentifiedError, QueryError
from aetia.scm.graphs.graph import Edge, Graph
from aetia.scm.graphs.projection import projected
from aetia.scm.graphs.separation import separated
from aetia.scm.graphs.separators import all_between, minimal_separators, separator_between

__all__ = [
    "Criterion",
    "adjustment_sets",
    "back_door_graph",
    "efficient_adjustment_set",
    "forbidden_variables",
    "is_adjustment_set",
    "maximal_adjustment_set",
    "minimal_adjustment_sets",
    "treatment_and_outcome",
]

Criterion = Literal["back-door", "adjustment"]


def is_adjustment_set(
    graph: Graph,
    treatment: str | Iterable[str],
    outcome: str | Iterable[str],
    given: Iterable[str] = (),
    *,
    criterion: Criterion = "back-door",
) -> bool:
    """Whether adjusting for `given` identifies the effect, by the chosen criterion.

    Args:
        graph: A DAG or ADMG, its hidden variables marked as latent.
        treatment: The variable that is set, or several.
        outcome: The variable looked at, or several.
        given: The set in question.
        criterion: "back-door", or the complete "adjustment" criterion.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7104 an unknown name; AE-7105 the graph is no ADMG.
        QueryError: AE-7360 treatment and outcome are not two.
    """
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    chosen = graph.known(given)
    if chosen & (treated | seen) or not chosen <= _allowed(graph, treated, seen, criterion):
        return False
    return separated(_cut(graph, treated, seen, criterion), treated, seen, chosen)


def adjustment_sets(
    graph: Graph,
    treatment: str | Iterable[str],
    outcome: str | Iterable[str],
    *,
    criterion: Criterion = "back-door",
) -> Iterator[frozenset[str]]:
    """Every adjustment set of observed variables, each once, one after the other; there can be exponentially many.

    Args and errors: as for `is_adjustment_set`.
    """
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    cut = _cut(graph, treated, seen, criterion)
    return all_between(
        lambda required, allowed: separator_between(cut, treated, seen, required, allowed),
        frozenset(),
        _allowed(graph, treated, seen, criterion),
    )


def minimal_adjustment_sets(
    graph: Graph,
    treatment: str | Iterable[str],
    outcome: str | Iterable[str],
    *,
    criterion: Criterion = "back-door",
) -> Iterator[frozenset[str]]:
    """Every adjustment set no part of which is one; the first of them is nearest to the outcome.

    For one treatment the first has the smallest asymptotic variance of all minimal ones, hidden variables or not.

    Args and errors: as for `is_adjustment_set`.

    Source: Smucler, Sapienza and Rotnitzky, Biometrika 2022 (the optimal minimal set).
    """
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    cut = _cut(graph, treated, seen, criterion)
    return minimal_separators(cut, treated, seen, _allowed(graph, treated, seen, criterion))


def maximal_adjustment_set(
    graph: Graph,
    treatment: str | Iterable[str],
    outcome: str | Iterable[str],
    *,
    criterion: Criterion = "back-door",
) -> frozenset[str]:
    """An adjustment set that is part of no other.

    Args: as for `is_adjustment_set`.

    Raises:
        NotIdentifiedError: AE-7431 no set of observed variables is one.
    """
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    cut, allowed = _cut(graph, treated, seen, criterion), _allowed(graph, treated, seen, criterion)
    largest = separator_between(cut, treated, seen, frozenset(), allowed)
    if largest is None:
        raise _no_set(treated, seen)
    # What cannot join the set now cannot join it once it has grown.
    for name in sorted(allowed):
        larger = separator_between(cut, treated, seen, largest | {name}, allowed)
        largest = largest if larger is None else larger
    return largest


def efficient_adjustment_set(graph: Graph, treatment: str, outcome: str) -> frozenset[str]:
    """The adjustment set of the smallest asymptotic variance, in linear models and for semiparametric estimators.

    It holds the parents of the variables on the causal paths, as far as these are no effects of such themselves.

    Args:
        graph: A DAG or ADMG, its hidden variables marked as latent.
        treatment: The variable that is set.
        outcome: The variable looked at; an effect of the treatment.

    Raises:
        NotIdentifiedError: AE-7431 there is no adjustment set; AE-7432 hidden variables leave open which set is best.
        QueryError: AE-7361 the treatment has no effect on the outcome: every set compared would estimate zero.
    Source: Henckel, Perkovic and Maathuis, JRSS B 2022, theorem 3.13 (the O-set); Rotnitzky and Smucler, JMLR 2020.
    """
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    graph = projected(graph)
    causal = _causal_variables(graph, treated, seen)
    if not causal:
        found = f"The treatment {treatment} has no directed path to {outcome}, so the effect is zero."
        raise QueryError("AE-7361", found, mend="ask about an effect of the treatment; any estimate of zero is right.")
    if next(minimal_adjustment_sets(graph, treatment, outcome), None) is None:
        raise _no_set(treated, seen)
    barred = forbidden_variables(graph, treatment, outcome)
    chosen = frozenset().union(*(graph.parents[name] for name in causal)) - barred
    # A hidden cause of variables that are all barred leaves no trace in those that are not.
    traces = {name for one in causal for name in graph.siblings[one]} - barred
    if traces:
        found = f"A hidden cause reaches {min(traces)} and a causal path: which set is best depends on the numbers."
        mend = "take the first of minimal_adjustment_sets: the best of the minimal ones."
        raise NotIdentifiedError("AE-7432", found, mend=mend)
    return chosen


def forbidden_variables(graph: Graph, treatment: str | Iterable[str], outcome: str | Iterable[str]) -> frozenset[str]:
    """The treatment, and all effects of variables on the causal paths: what no adjustment set may hold."""
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    return graph.descendants(_causal_variables(graph, treated, seen)) | treated


def back_door_graph(graph: Graph, treatment: str | Iterable[str], outcome: str | Iterable[str]) -> Graph:
    """The graph without the first edge of every causal path: what still joins the two is not causal."""
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    causal = _causal_variables(graph, treated, seen)
    kept = {edge for edge in graph.edges if not _starts_causal_path(edge, treated, causal)}
    return Graph(graph.nodes, frozenset(kept), graph.latent)


def treatment_and_outcome(
    graph: Graph, treatment: str | Iterable[str], outcome: str | Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Both as sets, once it is sure that they are two and that the graph is an ADMG.

    Raises:
        GraphError: AE-7103, AE-7104, AE-7105, see `is_adjustment_set`.
        QueryError: AE-7360 one is empty, or they share a variable, or a variable of theirs is hidden.
    """
    treated, seen = graph.require_admg().known(treatment), graph.known(outcome)
    wrong = treated & seen or (treated | seen) & graph.latent
    if wrong or not treated or not seen:
        found = (
            f"{min(wrong)} is hidden, or treatment and outcome at once." if wrong else "A side of the effect is empty."
        )
        raise QueryError("AE-7360", found, mend="name an observed treatment and another observed outcome.")
    return treated, seen


def _causal_variables(graph: Graph, treated: frozenset[str], seen: frozenset[str]) -> frozenset[str]:
    """The variables on directed paths from the treatment to the outcome that leave the treatment for good."""
    after = graph.without_incoming(treated).descendants(treated)
    return (after & graph.without_outgoing(treated).ancestors(seen)) - treated


def _starts_causal_path(edge: Edge, treated: frozenset[str], causal: frozenset[str]) -> bool:
    return edge.is_directed and edge.first in treated and edge.second in causal


def _cut(graph: Graph, treated: frozenset[str], seen: frozenset[str], criterion: Criterion) -> Graph:
    if criterion == "back-door":
        return graph.without_outgoing(treated)
    return back_door_graph(graph, treated, seen)


def _allowed(graph: Graph, treated: frozenset[str], seen: frozenset[str], criterion: Criterion) -> frozenset[str]:
    barred = graph.descendants(treated) if criterion == "back-door" else forbidden_variables(graph, treated, seen)
    return frozenset(graph.observed) - barred - treated - seen


def _no_set(treated: frozenset[str], seen: frozenset[str]) -> NotIdentifiedError:
    found = f"No set of observed variables blocks all back-door paths from {_names(treated)} to {_names(seen)}."
    return NotIdentifiedError("AE-7431", found, mend="try front_door_sets, instruments or identify; else bounds.")


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
