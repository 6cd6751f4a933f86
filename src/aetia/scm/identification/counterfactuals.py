"""Does a counterfactual follow from experiments, or even from observation, and by which formula?

The event is a sum of products over parts that share no hidden cause. A part follows from the experiment that sets what
its variables hear, if they all hear the same: where two of them hear different values of one variable, or one hears
what another is not, no experiment shows them together, and nothing else tells how they go together (ID*). For what is
known, terms are first turned into interventions where that changes nothing (IDC*).

Source: Shpitser and Pearl, What counterfactuals can be tested, UAI 2007; Complete identification methods for the causal
hierarchy, JMLR 2008.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aetia.errors import NotIdentifiedError, QueryError
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.projection import projected
from aetia.scm.graphs.separation import separated
from aetia.scm.identification.estimand import Finding
from aetia.scm.identification.evidence import Evidence
from aetia.scm.identification.identify import identify
from aetia.scm.identification.worlds import Node, Token, WorldGraph, merged_worlds
from aetia.scm.language.expression import (
    Constant,
    Difference,
    Expression,
    Probability,
    Product,
    Quotient,
    Sum,
    Variable,
)
from aetia.scm.language.query import Assignment, EffectQuery, ExpectationQuery, ProbabilityQuery, Query, Term, Value
from aetia.scm.language.rewriting import free_variables
from aetia.scm.language.simplify import simplify
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.queries.grammar import parse_query
from aetia.scm.queries.named_effect import contrasted
from aetia.scm.queries.quantity import in_world, placed
from aetia.scm.queries.targets import contrast_of, target_of

__all__ = ["CounterfactualFormula", "identify_counterfactual"]

Terms = tuple[Term, ...]


@dataclass(frozen=True)
class CounterfactualFormula:
    """A counterfactual that has a formula.

    Args:
        query: What was asked.
        expression: The formula, for `aetia.scm.models.evaluation.evaluate`.
        steps: How it was found.
        any_value_of: Variables that stand open in the formula although the question does not name them: it has the same
            value whatever they are set to.
    """

    query: Query
    expression: Expression
    steps: tuple[Finding, ...]
    any_value_of: tuple[str, ...] = ()


def identify_counterfactual(
    source: Graph | DiscreteModel, query: Query | str, *, available: Sequence[Evidence] | None = None
) -> CounterfactualFormula:
    """The counterfactual as a formula in interventional distributions, or in those that are available.

    A formula holds for variables of any number of values. Of binary variables more can follow: not to be 0 is to be 1.
    `aetia.scm.bounding` finds that, as limits that meet.

    Args:
        source: The ADMG, or a graph with hidden variables, or a model whose graph it is and which names the values.
        query: A probability or mean of variables in any worlds, nested ones among them, or any named effect.
        available: What was measured; None for every experiment that one could make. `OBSERVATION` asks whether the
            observational distribution alone is enough.

    Raises:
        NotIdentifiedError: AE-7433 no experiments tell it (the conflict is shown); AE-7401 what is available does not.
        QueryError: AE-7337 `do` stands beside a term with a world of its own; AE-7362 an effect needs values that are
            not named; AE-7365 a name stands for two things; AE-7366 what is given contradicts itself; AE-7367 an effect
            is asked for given an effect of the treatment.
        GraphError: AE-7103 to AE-7105 the graph is no ADMG, or lacks a variable.
    Source: Shpitser and Pearl, JMLR 2008, figures 9 to 11 (ID*, IDC*).
    """
    graph = projected(source.graph if isinstance(source, DiscreteModel) else source).require_admg()
    asked = parse_query(query, source) if isinstance(query, str) else query
    search = _Search(graph, available)
    match asked:
        case ProbabilityQuery():
            expression = search.law(placed(asked.event, asked.do), placed(asked.given, asked.do))
        case ExpectationQuery():
            (outcome,) = placed((asked.outcome,), asked.do)
            expression = search.mean(outcome, placed(asked.given, asked.do))
        case EffectQuery(effect="PN" | "PS" | "PNS"):
            expression = _causation(search, asked, source)
        case EffectQuery():
            treated, control = _compared(asked, source)
            more, less, given = contrast_of(asked, graph, treated, control)
            expression = Difference(search.mean(more, given), search.mean(less, given))
    expression = simplify(expression, graph)
    arbitrary = free_variables(expression) & search.free
    return CounterfactualFormula(
        asked, expression, (*search.steps, Finding(str(asked), expression)), tuple(sorted(arbitrary))
    )


def _compared(query: EffectQuery, source: Graph | DiscreteModel) -> tuple[Value, Value]:
    if query.treated is not None and query.control is not None:
        return query.treated, query.control
    if isinstance(source, Graph):
        found = f"{query} does not say which values of {query.treatment} it compares."
        mend = f"write {query.effect}({query.treatment}=1 vs 0, ...), or ask about a model, which knows them."
        raise QueryError("AE-7362", found, mend=mend)
    return contrasted(query, source.values[query.treatment])


def _causation(search: "_Search", query: EffectQuery, source: Graph | DiscreteModel) -> Expression:
    if isinstance(source, Graph):
        found = f"{query} does not say what happens where {query.outcome} does not."
        mend = "ask about a model, or write the probability out: `P(Y[X=0]=0 | X=1, Y=1)`."
        raise QueryError("AE-7362", found, mend=mend)
    target = target_of(query, search.graph, source.values)
    whole, *others = [search.law(event, target.given) for _, event in target.weighted]
    for one in others:
        whole = Difference(whole, Difference(Constant(0), one))
    return whole


class _Search:
    """One search for formulas in a graph."""

    def __init__(self, graph: Graph, available: Sequence[Evidence] | None) -> None:
        self.graph, self.available = graph, available
        self.steps = list[Finding]()
        self.free = set[str]()

    def mean(self, outcome: Term, given: Terms) -> Expression:
        """The mean of a variable in a world; the probability of its value if it has one."""
        law = self.law((outcome,), given)
        if outcome.value is not None:
            return law
        return Sum((outcome.variable,), Product((Variable(outcome.variable), law)))

    def law(self, event: Terms, given: Terms) -> Expression:
        """The probability of an event given another, of which a term without value is left open."""
        for term in (*event, *given):
            self.graph.known([term.variable])
        if not given:
            return _written(self._parts(event))
        event, given = self._exchanged(event, given)
        below = self._parts(given)
        if below is None:
            found = f"What is given, {', '.join(map(str, given))}, contradicts itself."
            raise QueryError("AE-7366", found, mend="ask given something that can be.")
        return _ratio(self._parts((*event, *given)), below)

    def _exchanged(self, event: Terms, given: Terms) -> tuple[Terms, Terms]:
        """Known terms that may as well be set, turned into interventions (rule 2 of do-calculus across worlds)."""
        worlds = merged_worlds(self.graph, given, event)
        if not worlds.is_possible:
            return event, given
        nodes = worlds.needed(worlds.node_of(term).number for term in _random((*event, *given)))
        picture = worlds.as_graph(nodes)
        for term in _random(given):
            node = worlds.node_of(term)
            rest = tuple(one for one in given if one != term and _number(worlds, one) != node.number)
            asked = {str(worlds.node_of(one).number) for one in _random(event)}
            known = {str(worlds.node_of(one).number) for one in _random(rest)}
            mine = str(node.number)
            if mine in asked or asked & known or not asked:
                continue
            if separated(picture.without_outgoing([mine]), asked, [mine], known):
                below = picture.descendants([mine])
                self.steps.append(Finding(f"{term} may as well be set as known: its back doors are shut"))
                fresh = [self._set_too(worlds, one, term, below) for one in (*event, *rest)]
                return self._exchanged(tuple(fresh[: len(event)]), tuple(fresh[len(event) :]))
        return event, given

    def _set_too(self, worlds: WorldGraph, term: Term, known: Term, below: frozenset[str]) -> Term:
        """The term, in its first world, where what is known is set besides."""
        number = _number(worlds, term)
        if number is None:
            return term
        node = worlds.nodes[number]
        first = Term(term.variable, term.value, node.world)
        if str(number) not in below:
            return first
        return in_world(Term(first.variable, first.value), (*node.world, Assignment(known.variable, known.value)))

    def _parts(self, event: Terms) -> "_Parts | None":
        """The event as a sum of products of experiments; None if it cannot be."""
        worlds = merged_worlds(self.graph, event)
        if not worlds.is_possible:
            return None
        whole = self._one_world(event)
        if whole is not None:
            return (), (whole,)
        nodes = worlds.needed(worlds.known)
        summed = sorted(node.variable for node in nodes if worlds.token(node.number)[0] == "summed")
        opened = {str(value) for kind, value in (one for node in nodes for _, one in node.heard) if kind == "open"}
        opened |= {str(value) for kind, value in worlds.known.values() if kind == "open"}
        factors = tuple(self._factor(worlds, part, event) for part in worlds.components(nodes))
        clash = [name for name in summed if name in opened]
        if clash:
            found = f"{clash[0]} is left open in one world, and takes all its values in another."
            raise QueryError("AE-7365", found, mend=f"name its value: `{clash[0]}=...`.")
        return tuple(summed), factors

    def _one_world(self, event: Terms) -> Expression | None:
        """The event as it is, if one experiment shows it whole and any may be made."""
        terms, worlds = _random(event), {term.world for term in _random(event)}
        is_flat = not any(isinstance(one.value, Term) for world in worlds for one in world)
        if self.available is not None or len(worlds) != 1 or not is_flat:
            return None
        names = self.graph.without_incoming(one.variable for one in terms[0].world)
        acting = names.ancestors(term.variable for term in terms)
        do = [one for one in terms[0].world if one.variable in acting]
        return Probability(tuple(dict.fromkeys(terms)), do=tuple(_as_term(one) for one in do))

    def _factor(self, worlds: WorldGraph, part: list[Node], event: Terms) -> Expression:
        """The probability of nodes that share hidden causes, by the experiment that sets what they hear."""
        held = dict[str, Token]()
        for node in part:
            if held.setdefault(node.variable, worlds.token(node.number)) != worlds.token(node.number):
                raise _conflict(worlds, part, node.variable, event)
        settled = dict(held)
        for node in part:
            for parent, token in node.heard:
                if settled.setdefault(parent, token) != token:
                    raise _conflict(worlds, part, parent, event)
        terms = tuple(_term(name, settled[name]) for name in sorted(held))
        do = tuple(_term(name, settled[name]) for name in sorted(settled) if name not in held)
        found: Expression = Probability(terms, do=do)
        if self.available is not None:
            query = ProbabilityQuery(terms, (), tuple(Assignment(one.variable, one.value) for one in do))
            found = identify(self.graph, query, available=self.available).expression
            self.free |= free_variables(found) - {one.variable for one in (*terms, *do)}
        names = ", ".join(sorted(held))
        self.steps.append(Finding(f"{names} share no hidden cause with the rest: a factor of its own", found))
        return found


_Parts = tuple[tuple[str, ...], tuple[Expression, ...]]
"""The variables that are summed over, and the factors under the sum."""


def _written(parts: _Parts | None) -> Expression:
    if parts is None:
        return Constant(0)
    summed, factors = parts
    whole = factors[0] if len(factors) == 1 else Product(factors)
    return Sum(summed, whole) if summed else whole


def _ratio(above: _Parts | None, below: _Parts) -> Expression:
    """The quotient, without the factors that stand on both sides and hear of no sum."""
    if above is None:
        return Constant(0)
    (summed, factors), (summed_below, factors_below) = above, below
    shared = [
        one
        for one in factors_below
        if isinstance(one, Probability) and one in factors and not free_variables(one) & {*summed, *summed_below}
    ]
    rest, rest_below = (tuple(one for one in sides if one not in shared) for sides in (factors, factors_below))
    numerator = _written((summed, rest))
    return Quotient(numerator, _written((summed_below, rest_below))) if rest_below else numerator


def _random(terms: Terms) -> Terms:
    """Those that are not set in their own world."""
    return tuple(term for term in terms if not any(one.variable == term.variable for one in term.world))


def _number(worlds: WorldGraph, term: Term) -> int | None:
    return worlds.node_of(term).number if _random((term,)) else None


def _as_term(one: Assignment) -> Term:
    assert not isinstance(one.value, Term)
    return Term(one.variable, one.value)


def _term(name: str, token: Token) -> Term:
    kind, value = token
    return Term(name, value if kind == "value" else None)


def _conflict(worlds: WorldGraph, part: list[Node], name: str, event: Terms) -> NotIdentifiedError:
    """The witness: what stands in the part, and in which ways it meets the variable."""
    found = f"No experiments tell P({', '.join(map(str, event))}): {name} would have to be in two ways at once."
    lines = list[str]()
    for node in part:
        heard = [f"{parent}{_shown(worlds, parent, token)}" for parent, token in node.heard]
        world = f"[{', '.join(map(str, node.world))}]" if node.world else ""
        own = _shown(worlds, node.variable, worlds.token(node.number))
        lines.append(f"{node.variable}{world}{own}" + (f" hears {', '.join(heard)}" if heard else " is a root"))
    details = (
        "these share hidden causes, and go together in ways that no experiment shows:",
        *map("  {}".format, lines),
    )
    mend = "ask for bounds, or assume a mechanism (`monotone`, Gumbel-max)."
    return NotIdentifiedError("AE-7433", found, mend=mend, details=details)


def _shown(worlds: WorldGraph, name: str, token: Token) -> str:
    kind, value = token
    if kind == "value":
        return f"={value}"
    if kind == "open":
        return ""
    node = worlds.nodes[int(value)]
    return f" as under {', '.join(map(str, node.world))}" if node.world else f" as {name} is"
