"""What identifies an effect whose back doors cannot be closed: mediators that carry all of it, or an instrument?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aetia.scm.graphs.adjustment import back_door_graph, forbidden_variables, treatment_and_outcome
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.separation import separated
from aetia.scm.graphs.separators import all_between, minimal_separators

__all__ = ["Instrument", "front_door_sets", "instruments", "is_front_door_set", "is_instrument"]


@dataclass(frozen=True)
class Instrument:
    """A variable that moves the treatment, and the outcome through the treatment alone, given some others.

    Args:
        variable: The instrument.
        given: What is conditioned on; empty for an instrument proper.
    """

    variable: str
    given: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.variable + (f" | {', '.join(sorted(self.given))}" if self.given else "")


def is_front_door_set(
    graph: Graph, treatment: str | Iterable[str], outcome: str | Iterable[str], given: Iterable[str]
) -> bool:
    """Whether the front-door formula gives the effect: P(y | do(x)) = sum_z P(z | x) sum_x' P(y | x', z) P(x').

    The set cuts all directed paths, no back door leads from the treatment to it, and the treatment closes all from it
    to the outcome.

    Args:
        graph: A DAG or ADMG, its hidden variables marked as latent.
        treatment: The variable that is set, or several.
        outcome: The variable looked at, or several.
        given: The set in question.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7104 an unknown name; AE-7105 the graph is no ADMG.
        QueryError: AE-7360 treatment and outcome are not two.
    Source: Pearl 1995, Biometrika, section 3.2.
    """
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    chosen = graph.known(given)
    if chosen & (treated | seen | graph.latent):
        return False
    return _largest(graph, treated, seen, chosen) == chosen and _intercepts(graph, treated, seen, chosen)


def front_door_sets(
    graph: Graph, treatment: str | Iterable[str], outcome: str | Iterable[str]
) -> Iterator[frozenset[str]]:
    """Every front-door set of observed variables, each once, smaller ones mostly first.

    Args and errors: as for `is_front_door_set`.

    Source: Jeong, Tian and Bareinboim, Finding and listing front-door adjustment sets, NeurIPS 2022.
    """
    treated, seen = treatment_and_outcome(graph, treatment, outcome)

    def find(required: frozenset[str], allowed: frozenset[str]) -> frozenset[str] | None:
        largest = _largest(graph, treated, seen, allowed)
        return largest if required <= largest and _intercepts(graph, treated, seen, largest) else None

    return all_between(find, frozenset(), frozenset(graph.observed) - treated - seen)


def _largest(graph: Graph, treated: frozenset[str], seen: frozenset[str], allowed: frozenset[str]) -> frozenset[str]:
    """The largest part that no back door joins to the treatment, or, given the treatment, to the outcome."""
    back_doors = graph.without_outgoing(treated)
    chosen = frozenset(name for name in allowed if separated(back_doors, treated, [name]))
    while True:
        # What a member drops out for stays open however few of the others remain: removing edges only closes doors.
        open_doors = graph.without_outgoing(chosen)
        kept = frozenset(name for name in chosen if separated(open_doors, [name], seen, treated))
        if kept == chosen:
            return chosen
        chosen = kept


def _intercepts(graph: Graph, treated: frozenset[str], seen: frozenset[str], chosen: frozenset[str]) -> bool:
    rest = graph.subgraph(set(graph.nodes) - chosen)
    return not rest.descendants(treated) & seen


def is_instrument(graph: Graph, instrument: Instrument, treatment: str, outcome: str) -> bool:
    """Whether the variable is an instrument for the effect, given what it is conditioned on.

    It depends on the treatment, and would be independent of the outcome if the treatment had no effect; neither it nor
    what is conditioned on is an effect of the variables on the causal paths. In a linear model the effect is then
    cov(Y, I | W) / cov(X, I | W); in others it is bounded (`aetia.scm.bounding`).

    Args:
        graph: A DAG or ADMG, its hidden variables marked as latent.
        instrument: The variable and what is conditioned on.
        treatment: The variable that is set.
        outcome: The variable looked at.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7104 an unknown name; AE-7105 the graph is no ADMG.
        QueryError: AE-7360 treatment and outcome are not two.
    Source: Brito and Pearl 2002; van der Zander, Textor and Liskiewicz, IJCAI 2015, definition 2.
    """
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    names = graph.known([instrument.variable]) | graph.known(instrument.given)
    is_clean = len(names) == len(instrument.given) + 1 and not names & (
        graph.latent | seen | forbidden_variables(graph, treated, seen)
    )
    cut = back_door_graph(graph, treated, seen)
    return (
        is_clean
        and separated(cut, [instrument.variable], seen, instrument.given)
        and not separated(graph, [instrument.variable], treated, instrument.given)
    )


def instruments(graph: Graph, treatment: str, outcome: str) -> Iterator[Instrument]:
    """Every variable that can be an instrument with ancestors of it and the outcome conditioned on, with one such set.

    Args and errors: as for `is_instrument`.

    Source: van der Zander, Textor and Liskiewicz, IJCAI 2015 (ancestral instruments, which exist if any do).
    """
    treated, seen = treatment_and_outcome(graph, treatment, outcome)
    cut = back_door_graph(graph, treated, seen)
    allowed = frozenset(graph.observed) - forbidden_variables(graph, treated, seen) - seen
    for name in graph.observed:
        if name in allowed:
            sets = minimal_separators(cut, frozenset([name]), seen, allowed - {name})
            found = (Instrument(name, given) for given in sets)
            valid = next((one for one in found if is_instrument(graph, one, treatment, outcome)), None)
            if valid is not None:
                yield valid
