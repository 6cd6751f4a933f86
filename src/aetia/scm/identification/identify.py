"""Can an effect be computed from what was measured, by which formula, and if not, why not?

One algorithm answers for observation (ID), for conditional effects (IDC), for experiments on other variables
(z-identification, gID) and for other populations (transport): the effect is a sum of products of the districts of the
graph without the treatments, and each district has to be found in one of the distributions that were measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product as combinations_of

from aetia.errors import CausalModelError, NotIdentifiedError
from aetia.scm.derivation import Number
from aetia.scm.discrete import DiscreteModel
from aetia.scm.evaluation import Sources, evaluate
from aetia.scm.expression import Difference, Expression, Quotient, Sum
from aetia.scm.factor import Factor
from aetia.scm.grammar import parse_query
from aetia.scm.graph import Graph
from aetia.scm.identification.bits import Admg
from aetia.scm.identification.disagreement import disagreement
from aetia.scm.identification.evidence import OBSERVATION, Evidence
from aetia.scm.identification.hedge import Hedge, hedge_of
from aetia.scm.identification.kernels import Kernel, measured_kernel, narrowed, product
from aetia.scm.identification.means import mean_of
from aetia.scm.identification.question import Question, questions
from aetia.scm.printing import to_text
from aetia.scm.projection import projected
from aetia.scm.query import Query, Value
from aetia.scm.rewriting import free_variables, substituted
from aetia.scm.separation import separated
from aetia.scm.simplify import simplify

__all__ = ["Finding", "Identification", "Obstacle", "Refusal", "attempt", "identify"]


@dataclass(frozen=True)
class Finding:
    """One step towards an estimand.

    Args:
        says: What was found, a sentence.
        formula: The expression that it is about; None if it is about none.
    """

    says: str
    formula: Expression | None = None

    def __str__(self) -> str:
        return self.says if self.formula is None else f"{self.says} = {to_text(self.formula)}"


@dataclass(frozen=True)
class Identification:
    """A query as an expression in what was measured.

    Args:
        query: What was asked.
        expression: The estimand, simplified.
        steps: How it was found.
        any_value_of: Variables that stand open in the estimand although the query does not name them: it has the same
            value whatever they are set to.
    """

    query: Query
    expression: Expression
    steps: tuple[Finding, ...]
    any_value_of: tuple[str, ...] = ()

    def evaluate(self, source: Sources, at: Mapping[str, Value] | None = None) -> Number | Factor:
        """The estimand's number; for a query with open values its table.

        Args:
            source: As for `aetia.scm.evaluation.evaluate`.
            at: Values of variables that the query leaves open.

        Raises:
            CausalModelError: as for `evaluate`; AE-7260 only if no setting of what is arbitrary gives a value.
        """
        domains = self._domains(source)
        left = [name for name in self.any_value_of if name not in (at or {})]
        last: CausalModelError | None = None
        for setting in combinations_of(*(domains[name] for name in left)):
            try:
                return evaluate(self.expression, source, {**dict(zip(left, setting, strict=True)), **(at or {})})
            except CausalModelError as error:
                if error.code != "AE-7260":
                    raise
                last = error
        assert last is not None
        raise last

    def _domains(self, source: Sources) -> Mapping[str, tuple[Value, ...]]:
        match source:
            case Mapping():
                return next(iter(source.values())).values
            case Sequence():
                return source[0].values
            case _:
                return source.values


@dataclass(frozen=True)
class Obstacle:
    """Why one distribution does not give one district.

    Args:
        evidence: What was measured.
        district: The variables whose joint law under an intervention on all else was sought there.
        hedge: Why it cannot be computed there; None where the experiment sets one of them or the population differs in
            one of them.
    """

    evidence: Evidence
    district: tuple[str, ...]
    hedge: Hedge | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The obstacle in words."""
        names = ", ".join(self.district)
        if self.hedge is not None:
            head = f"from {self.evidence}, the law of {names} under an intervention on all else is hedged in:"
            return head, *(f"  {line}" for line in self.hedge.lines)
        shared = sorted(set(self.district) & self.evidence.differs)
        why = f"{', '.join(shared)} may come about in another way" if shared else f"some of {names} are set"
        return (f"in {self.evidence}, {why}",)


@dataclass(frozen=True)
class Refusal:
    """A question that what was measured leaves open.

    Args:
        graph: The ADMG that it was asked of.
        question: What was asked.
        treatments: The variables that are set in the end: for a conditional effect also those known ones that may as
            well be set (rule 2 of do-calculus).
        obstacles: For each distribution why it does not help.
    """

    graph: Graph
    question: Question
    treatments: frozenset[str]
    obstacles: tuple[Obstacle, ...]

    @property
    def hedge(self) -> Hedge | None:
        """The first hedge."""
        return next((one.hedge for one in self.obstacles if one.hedge is not None), None)

    def disagreement(self) -> tuple[DiscreteModel, DiscreteModel] | None:
        """Two exact models of one observational law and with two answers; None if more than that law was measured."""
        if self.hedge is None or any(obstacle.evidence != Evidence() for obstacle in self.obstacles):
            return None
        given = self.question.given - self.treatments
        outcomes = self.question.outcomes
        return disagreement(self.graph, self.hedge, outcomes=outcomes, treatments=self.treatments, given=given)

    @property
    def error(self) -> NotIdentifiedError:
        """The error that says so."""
        found = f"{self.question} is not identified: models that agree on all that was measured disagree on it."
        details = tuple(line for obstacle in self.obstacles for line in obstacle.lines)
        mend = "ask for bounds, measure a hidden cause, or say which experiments are `available`."
        return NotIdentifiedError("AE-7401", found, mend=mend, details=details)


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
    found = _Search(seen, available).law(wanted[0])
    if isinstance(found, Refusal):
        return found
    law, steps = found
    shown = mean_of(law, next(iter(wanted[0].outcomes))) if wanted[0].is_mean else law
    results = [substituted(shown, one.values) for one in wanted]
    expression = Difference(*results) if len(results) == 2 else results[0]
    named = wanted[0].outcomes | wanted[0].treatments | wanted[0].given
    return Identification(asked, expression, steps, tuple(sorted(free_variables(expression) - named)))


class _Search:
    """One search for an estimand in a graph."""

    def __init__(self, graph: Graph, available: Sequence[Evidence]) -> None:
        self.graph, self.available = graph, available
        self.admg = Admg.of(graph)
        self.steps = list[Finding]()
        for evidence in available:
            graph.known(evidence.do | evidence.differs)

    def law(self, question: Question) -> tuple[Expression, tuple[Finding, ...]] | Refusal:
        """The law of the outcomes as an expression with all variables open."""
        outcomes, treatments, given = (
            self.graph.known(names) for names in (question.outcomes, question.treatments, question.given)
        )
        treatments, given = self._exchanged(outcomes, treatments, given)
        joint = self._joint(outcomes | given, treatments)
        if not isinstance(joint, Expression):
            return Refusal(self.graph, question, treatments, joint)
        if given:
            joint = Quotient(joint, Sum(tuple(sorted(outcomes)), joint))
        simple = simplify(joint, self.graph)
        self.steps.append(Finding(str(question), simple))
        return simple, tuple(self.steps)

    def _exchanged(
        self, outcomes: frozenset[str], treatments: frozenset[str], given: frozenset[str]
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Known variables that may as well be set, among the treatments (rule 2 of do-calculus, to its end)."""
        if not given:
            return treatments, given
        cut = self.graph.without_incoming(treatments)
        for name in sorted(given, key=self.graph.nodes.index):
            rest = given - {name}
            if separated(cut.without_outgoing([name]), outcomes, [name], treatments | rest):
                set_too = treatments | {name}
                self.steps.append(Finding(f"{name} may as well be set as known: its back doors are shut"))
                return self._exchanged(outcomes, set_too, rest)
        return treatments, given

    def _joint(self, outcomes: frozenset[str], treatments: frozenset[str]) -> Expression | tuple[Obstacle, ...]:
        """P(outcomes | do(treatments)): the districts of what acts on the outcomes, each found where it can be."""
        graph = self.admg
        wanted = graph.mask(outcomes)
        everything = (1 << len(graph.names)) - 1
        relevant = graph.ancestors(wanted, everything & ~graph.mask(treatments))
        found = list[Expression]()
        for district in graph.components(relevant):
            kernel = self._district(district, treatments)
            if not isinstance(kernel, Kernel):
                return kernel
            found.append(kernel.expression)
            names = ", ".join(graph.listed(district))
            self.steps.append(Finding(f"P({names} | do(all else))", kernel.expression))
        summed = graph.listed(relevant & ~wanted)
        whole = product(found)
        return Sum(summed, whole) if summed else whole

    def _district(self, district: int, treatments: frozenset[str]) -> Kernel | tuple[Obstacle, ...]:
        graph = self.admg
        obstacles = list[Obstacle]()
        for evidence in self.available:
            names = graph.listed(district)
            if (evidence.do | evidence.differs) & set(names):
                obstacles.append(Obstacle(evidence, names))
                continue
            left = (1 << len(graph.names)) - 1 & ~graph.mask(evidence.do)
            above = graph.ancestors(district, left)
            part = graph.component(district & -district, above)
            kernel = narrowed(measured_kernel(graph, part, above, evidence), district)
            if isinstance(kernel, Kernel):
                return kernel
            outer = self._shrunk(kernel, district)
            unset = self.graph.subgraph(graph.listed(left))
            obstacles.append(Obstacle(evidence, names, hedge_of(unset, graph.listed(outer), names, treatments)))
        return tuple(obstacles)

    def _shrunk(self, outer: int, inner: int) -> int:
        """A small outer set of a hedge with this inner set: variables leave as long as it stays one."""
        graph = self.admg
        for place in range(len(graph.names)):
            if (outer & ~inner) >> place & 1:
                fewer, before = outer & ~(1 << place), 0
                while fewer != before:
                    before = fewer
                    fewer = graph.component(inner & -inner, graph.ancestors(inner, fewer))
                if fewer != inner:
                    outer = fewer
        return outer
