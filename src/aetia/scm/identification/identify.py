"""Can an effect be computed from what was measured, and if not, why not?

One algorithm answers for observation (ID), for conditional effects (IDC), for experiments on other variables
(z-identification, gID) and for other populations (transport): the effect is a sum of products of the districts of the
graph without the treatments, and each district has to be found in one of the distributions that were measured.
"""

from collections.abc import Sequence

from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.projection import projected
from aetia.scm.graphs.separation import separated
from aetia.scm.identification.bits import Admg
from aetia.scm.identification.estimand import Derivation, Identification
from aetia.scm.identification.evidence import OBSERVATION, Evidence
from aetia.scm.identification.hedge import hedge_of
from aetia.scm.identification.question import Question, questions
from aetia.scm.identification.refusal import Obstacle, Refusal
from aetia.scm.language.query import Query
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.queries.grammar import parse_query

__all__ = ["attempt", "identify"]


def identify(
    graph: Graph | DiscreteModel, query: Query | str, *, available: Sequence[Evidence] = OBSERVATION
) -> Identification:
    """The query as a formula in what was measured.

    Args:
        graph: The ADMG, or a graph with hidden variables, or a model whose graph it is.
        query: A probability, an expectation, or one of the effects ATE, TE, CATE and CDE.
        available: What was measured: the observational distribution, experiments, other populations.

    Raises:
        NotIdentifiedError: AE-7401 there is no such formula; `details` show why, `attempt` gives the witness.
        QueryError: AE-7350 to AE-7352, and the grammar's for a query in text.
        GraphError: AE-7103 to AE-7105 the graph is no ADMG or lacks a variable of the query.
    Source: Tian and Pearl 2002, Shpitser and Pearl 2006 (ID, IDC), Bareinboim and Pearl 2012 (transport), Lee, Correa
        and Bareinboim 2019 and 2020 (experiments on several sets and in several populations).
    """
    found = attempt(graph, query, available=available)
    if isinstance(found, Refusal):
        raise found.error
    return found


def attempt(
    graph: Graph | DiscreteModel, query: Query | str, *, available: Sequence[Evidence] = OBSERVATION
) -> Identification | Refusal:
    """What `identify` gives, or the witness that there is nothing to give.

    Args:
        graph: As for `identify`.
        query: As for `identify`.
        available: As for `identify`.

    Raises:
        QueryError: As for `identify`.
        GraphError: As for `identify`.
    """
    seen = projected(graph.graph if isinstance(graph, DiscreteModel) else graph)
    values = graph.values if isinstance(graph, DiscreteModel) else None
    asked = parse_query(query, seen) if isinstance(query, str) else query
    wanted = questions(asked, values)
    found = _derived(seen, wanted[0], available)
    return Identification(asked, wanted, found) if isinstance(found, Derivation) else found


def _derived(graph: Graph, question: Question, available: Sequence[Evidence]) -> Derivation | Refusal:
    """The question taken apart: P(outcomes, given | do(treatments)) by the districts of what acts on them."""
    outcomes, treatments, given = map(graph.known, (question.outcomes, question.treatments, question.given))
    for evidence in available:
        graph.known(evidence.do | evidence.differs)
    exchanged = _exchanged(graph, outcomes, treatments, given)
    treatments, given = treatments.union(exchanged), given.difference(exchanged)
    admg = Admg.of(graph)
    everything = (1 << len(admg.names)) - 1
    relevant = admg.ancestors(admg.mask(outcomes | given), everything & ~admg.mask(treatments))
    sources = list[tuple[int, Evidence]]()
    for district in admg.components(relevant):
        source = _source(admg, district, available)
        if not isinstance(source, Evidence):
            obstacles = tuple(_obstacle(graph, admg, district, *one, treatments) for one in source)
            return Refusal(graph, question, treatments, obstacles)
        sources.append((district, source))
    return Derivation(graph, admg, treatments, exchanged, given, tuple(sources))


def _exchanged(
    graph: Graph, outcomes: frozenset[str], treatments: frozenset[str], given: frozenset[str]
) -> tuple[str, ...]:
    """Known variables that may as well be set (rule 2 of do-calculus), until there are no more."""
    if not given:
        return ()
    cut = graph.without_incoming(treatments)
    for name in sorted(given, key=graph.nodes.index):
        rest = given - {name}
        if separated(cut.without_outgoing([name]), outcomes, [name], treatments | rest):
            return name, *_exchanged(graph, outcomes, treatments | {name}, rest)
    return ()


def _source(admg: Admg, district: int, available: Sequence[Evidence]) -> Evidence | list[tuple[Evidence, int]]:
    """The first distribution that gives the district; if none does, for each the set it is stuck at (0: no help).

    Source: Tian and Pearl 2003, figure 7 (Identify), in sets alone.
    """
    stuck = list[tuple[Evidence, int]]()
    for evidence in available:
        if district & admg.mask(evidence.do | evidence.differs):
            stuck.append((evidence, 0))
            continue
        part = (1 << len(admg.names)) - 1 & ~admg.mask(evidence.do)
        while True:
            above = admg.ancestors(district, part)
            if above == district:
                return evidence
            within = admg.component(district & -district, above)
            if within == part:
                stuck.append((evidence, part))
                break
            part = within
    return stuck


def _obstacle(
    graph: Graph, admg: Admg, district: int, evidence: Evidence, outer: int, treatments: frozenset[str]
) -> Obstacle:
    """The obstacle in words and names, with a small hedge."""
    names = admg.listed(district)
    if not outer:
        return Obstacle(evidence, names)
    unset = graph.subgraph(set(graph.nodes) - evidence.do) if evidence.do else graph
    return Obstacle(evidence, names, hedge_of(unset, admg.listed(_shrunk(admg, outer, district)), names, treatments))


def _shrunk(admg: Admg, outer: int, inner: int) -> int:
    """A small outer set of a hedge with this inner set: variables leave as long as it stays one."""
    for place in range(len(admg.names)):
        if (outer & ~inner) >> place & 1:
            fewer, before = outer & ~(1 << place), 0
            while fewer != before:
                before = fewer
                fewer = admg.component(inner & -inner, admg.ancestors(inner, fewer))
            if fewer != inner:
                outer = fewer
    return outer
