"""Between which values does a quantity lie that the data do not determine, whatever the hidden causes are?

The distribution over response types is unknown; what is known of it is linear, and so is the quantity: the smallest and
the largest value that any model of the graph gives are two linear programs (Balke and Pearl 1997). Where the quantity
multiplies unknowns of several independent districts, these are treated as if they might depend, and so are variables of
a district that share no hidden cause themselves: the bounds still hold then, and say that they may not be the sharpest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from aetia.errors import CausalModelError, NotIdentifiedError, QueryError
from aetia.scm.bounding.law import Law, ModelJoint, district_law
from aetia.scm.bounding.requirements import Responses, Scenario
from aetia.scm.bounding.responses import District, Monotone, response_types
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.projection import projected
from aetia.scm.identification.counterfactuals import identify_counterfactual
from aetia.scm.identification.evidence import OBSERVATION
from aetia.scm.language.query import Assignment, EffectQuery, ProbabilityQuery, Query, Term
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.evaluation import evaluate
from aetia.scm.models.factor import Factor
from aetia.scm.models.measured import Distribution
from aetia.scm.queries.grammar import parse_query
from aetia.scm.queries.targets import target_of

if TYPE_CHECKING:
    from scipy import sparse  # half a second to import, for programs alone

__all__ = ["BUDGET", "Bounds", "bounds"]

BUDGET = 100_000
"""Response types that a program may have: seconds, and some hundred megabytes."""

_ZERO = 1e-9
"""A probability that is no more than this is zero, to the precision of the linear program."""


@dataclass(frozen=True)
class Bounds:
    """Where a quantity lies.

    Args:
        low: The smallest value that is compatible with what is known.
        high: The largest.
        is_sharp: Whether models of the graph reach both; if not, the true limits may lie further in.
        assumption: What was assumed beyond graph and data; empty if nothing.
        response_types: How many unknowns the program had; 0 where a formula gave the bounds.
    """

    low: float
    high: float
    is_sharp: bool = True
    assumption: str = ""
    response_types: int = 0

    @property
    def is_point(self) -> bool:
        """Whether the data determine the quantity, to the precision of the linear program."""
        return self.high - self.low < 1e-6


def bounds(
    source: DiscreteModel | Graph,
    query: Query | str,
    *,
    law: Law | None = None,
    monotone: Iterable[tuple[str, str]] = (),
    budget: int = BUDGET,
) -> Bounds:
    """The sharp bounds of a quantity over all models of the graph that agree with what is known.

    Args:
        source: A graph; or a model, of which only the graph and, without `law`, the joint distribution of the observed
            variables are used.
        query: Any question of `aetia.scm.language.query` with all values given.
        law: What is known: the joint distribution, and experiments.
        monotone: Pairs of a cause and an effect assumed never to fall where the cause rises, in the order of values;
            arrows of the graph between observed variables.
        budget: How many response types the program may have; what has a formula needs no program.

    Raises:
        GraphError: AE-7105 the graph is no ADMG.
        QueryError: AE-7362, AE-7363, AE-7367 see `docs/errors.md`; AE-7364 a graph without numbers.
        CausalModelError: AE-7240 more response types than the budget; AE-7241 too many ways to an event; AE-7242 the
            distribution does not factor along the graph; AE-7243 no model of the graph has this distribution (the
            instrumental inequality fails, an experiment contradicts it, or it is not monotone); AE-7210 what is known
            has probability zero; AE-7246 a monotone pair is no arrow of the graph.
    Source: Balke and Pearl, JASA 1997; Sachs, Jonzon, Sjolander and Gabriel, JCGS 2023 (when the problem is linear).
    """
    graph = projected(source.graph if isinstance(source, DiscreteModel) else source).require_admg()
    assumed = _arrows(graph, monotone)
    if law is None and isinstance(source, Graph):
        mend = "give `law=Law(values, joint)`, or a model."
        raise QueryError("AE-7364", "A graph alone has no numbers to bound anything by.", mend=mend)
    known = Law.of(source) if law is None and isinstance(source, DiscreteModel) else law
    assert known is not None
    if law is not None:
        known.require_compatible(graph)
    asked = parse_query(query, source) if isinstance(query, str) else query
    target = target_of(asked, graph, known.values)
    value = _formula_value(graph, asked, known)
    if value is not None:
        _require_possible(graph, target.given, known, assumed, budget)
        return Bounds(value, value)
    problem = _Problem(graph, known, assumed)
    problem.prepare([(weight, (*target.given, *event)) for weight, event in target.weighted], target.given)
    problem.require_within(budget)
    low, high = problem.range()
    if target.is_probability:
        low, high = max(low, 0.0), min(high, 1.0)
    shown = ", ".join(f"{effect} never falls where {cause} rises" for cause, effect in sorted(problem.used))
    return Bounds(min(low, high), max(low, high), problem.is_sharp, f"monotone: {shown}" if shown else "", problem.size)


def _arrows(graph: Graph, monotone: Iterable[tuple[str, str]]) -> Monotone:
    """The pairs, once it is sure that each is an arrow: of anything else nothing would follow, unnoticed.

    Raises:
        CausalModelError: AE-7246 one is not.
    """
    pairs = frozenset(monotone)
    arrows = sorted((edge.first, edge.second) for edge in graph.edges if edge.is_directed)
    wrong = min(pairs.difference(arrows), default=None, key=str)
    if wrong is not None:
        shown = wrong if isinstance(wrong, str) else " -> ".join(map(str, wrong))
        found = f"Monotone was said of {shown}, which is no arrow between observed variables of the graph."
        mend = "use some of " + ", ".join(f"{cause} -> {effect}" for cause, effect in arrows) + "."
        raise CausalModelError("AE-7246", found, mend=mend if arrows else "leave it out: the graph has no arrows.")
    return pairs


def _require_possible(graph: Graph, given: tuple[Term, ...], law: Law, monotone: Monotone, budget: int) -> None:
    """Nothing, unless what is given cannot be: the formula of the whole may have lost it on the way.

    Raises:
        CausalModelError: AE-7210 it has probability zero in every model; AE-7243 as `bounds`.
    """
    if not given:
        return
    chance = _formula_value(graph, ProbabilityQuery(given), law)
    if chance is None:
        factual = tuple(term for term in given if not term.world)
        problem = _Problem(graph, law, monotone)
        problem.prepare([(1.0, given)], ())
        if problem.size <= budget:
            chance = problem.range()[1] - _ZERO
        elif factual:
            chance = _formula_value(graph, ProbabilityQuery(factual), law)
    if chance is not None and chance <= 0:
        raise _impossible()


def _formula_value(graph: Graph, query: Query, law: Law) -> float | None:
    """The quantity if it has a formula in the observational distribution, which a program may be too coarse to see."""
    if isinstance(query, EffectQuery):
        values = law.values[query.treatment]
        treated = values[-1] if query.treated is None else query.treated
        query = replace(query, treated=treated, control=values[0] if query.control is None else query.control)
    try:
        found = identify_counterfactual(graph, query, available=OBSERVATION)
        at = {name: law.values[name][0] for name in found.any_value_of}
        joint = law.joint
        seen = joint.model if isinstance(joint, ModelJoint) else Distribution(law.values, joint)
        value = evaluate(found.expression, seen, at)
    except (NotIdentifiedError, QueryError, CausalModelError):
        return None
    return None if isinstance(value, Factor) else float(value)


Product = tuple[float, tuple[tuple[int, Scenario], ...]]
"""A number times the probabilities of scenarios, each of the district of that number, that nothing known determines."""


@dataclass
class _Problem:
    """The program under construction: which districts it needs and how they hang together."""

    graph: Graph
    law: Law
    monotone: Monotone
    groups: list[tuple[int, ...]] = field(default_factory=list)
    numerator: list["Product"] = field(default_factory=list)
    denominator: list["Product"] = field(default_factory=list)
    equations: list[tuple[list["Product"], float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rank = {name: place for place, name in enumerate(self.graph.order)}
        self.components = [tuple(sorted(names, key=rank.__getitem__)) for names in self.graph.c_components]
        self.home = {name: number for number, names in enumerate(self.components) for name in names}
        self.responses = Responses.of(self.graph, self.law.values)
        self.laws = dict[int, Factor]()

    @property
    def size(self) -> int:
        """How many response types the program has."""
        counts = [
            prod(response_types(self.graph, self.components[one], self.law.values) for one in group)
            for group in self.groups
        ]
        return sum(counts)

    @property
    def used(self) -> Monotone:
        """The monotone pairs that restrict an unknown of the program."""
        solved = {name for group in self.groups for one in group for name in self.components[one]}
        return frozenset(pair for pair in self.monotone if pair[1] in solved)

    @property
    def is_sharp(self) -> bool:
        """Whether nothing was relaxed."""
        districts = [self._district(one) for group in self.groups for one in group]
        return all(len(group) == 1 for group in self.groups) and all(one.is_clique for one in districts)

    def prepare(self, weighted: Sequence[tuple[float, tuple[Term, ...]]], given: tuple[Term, ...]) -> None:
        """Find what has to be solved for: a weighted sum of probabilities over the probability of what is given."""
        self.numerator = [product for weight, event in weighted for product in self._products(event, weight)]
        self.denominator = self._products(given, 1.0)
        self.equations = [(self._products(event, 1.0), number) for event, number in self._experiments()]
        self._join([self.numerator, self.denominator, *(products for products, _ in self.equations)])

    def require_within(self, budget: int) -> None:
        """Nothing, once it is sure that the program is small enough.

        Raises:
            CausalModelError: AE-7240 it is not.
        """
        if self.size > budget:
            names = ", ".join(name for group in self.groups for one in group for name in self.components[one])
            found = f"The program has {self.size:,} response types of {names}; the budget is {budget:,}."
            mend = "ask with a larger budget, bound a smaller graph, or merge values."
            raise CausalModelError("AE-7240", found, mend=mend)

    def range(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        from scipy import sparse

        blocks = [self._block(group) for group in self.groups]
        rows = sparse.csr_array(sparse.block_diag([matrix for matrix, _ in blocks])) if blocks else None
        numbers = np.concatenate([known for _, known in blocks]) if blocks else np.zeros(0)
        for products, number in self.equations:
            line, constant = self._linear(products)
            if rows is not None and np.any(line):
                rows = sparse.csr_array(sparse.vstack([rows, sparse.csr_array(line[None, :])]))
                numbers = np.append(numbers, number - constant)
            elif abs(number - constant) > 1e-6:
                raise _incompatible()
        return _solved(self._linear(self.numerator), self._linear(self.denominator), rows, numbers)

    def _experiments(self) -> list[tuple[tuple[Term, ...], float]]:
        found = list[tuple[tuple[Term, ...], float]]()
        for one in self.law.experiments:
            world = tuple(Assignment(name, one.do[name]) for name in sorted(one.do))
            for cell in np.ndindex(*one.joint.values.shape):
                pairs = zip(one.joint.axes, cell, strict=True)
                event = tuple(Term(name, self.law.values[name][place], world) for name, place in pairs)
                found.append((event, float(one.joint.values[cell])))
        return found

    def _products(self, event: tuple[Term, ...], weight: float) -> list[Product]:
        """The event's probability as a sum of products over districts, what is known put in as numbers."""
        found = list[Product]()
        for scenario in self.responses.scenarios(event):
            number, open_factors = weight, list[tuple[int, Scenario]]()
            for home in sorted({self.home[name] for name, _, _ in scenario}):
                part = frozenset(one for one in scenario if self.home[one[0]] == home)
                chance = self._told(home, part)
                if chance is None:
                    open_factors.append((home, part))
                else:
                    number *= chance
            if number:
                found.append((number, tuple(open_factors)))
        return found

    def _told(self, home: int, scenario: Scenario) -> float | None:
        """The probability of a scenario of one district if it is that of one world where only outer parents are set."""
        held = {name: value for name, _, value in scenario}
        heard = [
            (parent, value)
            for name, values, _ in scenario
            for parent, value in zip(self.responses.parents[name], values, strict=True)
        ]
        settled = dict([*heard, *held.items()])
        inside = set(self.components[home])
        is_one_world = len(held) == len(scenario) and all(settled[name] == value for name, value in heard)
        if not is_one_world or any(name in inside and name not in held for name, _ in heard):
            return None
        if home not in self.laws:
            self.laws[home] = district_law(self.graph, self.law.joint, frozenset(inside))
        place = {name: self.law.values[name].index(value) for name, value in settled.items()}
        rest = self.laws[home].at(place)
        # The other outer parents act on none of these variables, so any values of theirs will do that were ever seen.
        chances = np.atleast_1d(rest.sum_out(inside).values).ravel()
        seen = chances[~np.isnan(chances)]
        return float(seen[0]) if seen.size else None

    def _join(self, sums: Iterable[list[Product]]) -> None:
        """Find the groups of districts whose unknowns are multiplied."""
        parts = list[set[int]]()
        for products in sums:
            for _, factors in products:
                together = {home for home, _ in factors}
                if together:
                    touching = [part for part in parts if part & together]
                    parts = [part for part in parts if not part & together] + [together.union(*touching)]
        self.groups = sorted(tuple(sorted(part)) for part in parts)

    def _district(self, home: int) -> District:
        return District(self.graph, self.components[home], self.law.values, self.monotone)

    def _block(self, group: tuple[int, ...]) -> "tuple[sparse.csr_array, np.ndarray]":
        """What is known of a group of districts; of several that are independent, every product of what is known."""
        from scipy import sparse

        known = [self._district(home).known(self.law) for home in group]
        rows = reduce(lambda one, other: sparse.csr_array(sparse.kron(one, other)), (matrix for matrix, _ in known))
        return rows, reduce(np.kron, (numbers for _, numbers in known))

    def _linear(self, products: list[Product]) -> tuple[np.ndarray, float]:
        """The sum of products as a vector over all types of all groups, and a constant."""
        constant = sum(number for number, factors in products if not factors)
        vectors = list[np.ndarray]()
        for group in self.groups:
            districts = {home: self._district(home) for home in group}
            vector = np.zeros(prod(one.size for one in districts.values()))
            for number, factors in products:
                needed = dict(factors)
                if needed.keys() & districts.keys():
                    parts = (one.indicator(needed.get(home, frozenset())) for home, one in districts.items())
                    vector += number * reduce(np.kron, parts)
            vectors.append(vector)
        return (np.concatenate(vectors) if vectors else np.zeros(0)), float(constant)


Linear = tuple[np.ndarray, float]


def _solved(
    numerator: Linear, denominator: Linear, rows: "sparse.csr_array | None", numbers: np.ndarray
) -> tuple[float, float]:
    """The range of (c x + c0) / (d x + d0) over the distributions x with rows x = numbers."""
    from scipy import sparse

    (over, over_constant), (under, under_constant) = numerator, denominator
    if rows is None:
        if under_constant <= 0:
            raise _impossible()
        return over_constant / under_constant, over_constant / under_constant
    if not np.any(under):
        if under_constant <= 0:
            raise _impossible()
        found = [_extreme(sign * over, rows, numbers) * sign for sign in (1.0, -1.0)]
        return (found[0] + over_constant) / under_constant, (found[1] + over_constant) / under_constant
    # A ratio is linear in y = t x, with t such that the denominator is one (Charnes and Cooper 1962).
    if -_extreme(-under, rows, numbers) + under_constant <= _ZERO:
        raise _impossible()
    scaled = sparse.hstack([rows, sparse.csr_array(-numbers[:, None])])
    matrix = sparse.csr_array(sparse.vstack([scaled, sparse.csr_array(np.append(under, under_constant)[None, :])]))
    right, cost = np.append(np.zeros(len(numbers)), 1.0), np.append(over, over_constant)
    low, high = (sign * _extreme(sign * cost, matrix, right) for sign in (1.0, -1.0))
    return low, high


def _extreme(cost: np.ndarray, rows: "sparse.csr_array", numbers: np.ndarray) -> float:
    """The smallest value of a linear function over the non-negative solutions of linear equations."""
    from scipy.optimize import linprog

    found = linprog(cost, A_eq=rows, b_eq=numbers, bounds=(0, None), method="highs")
    if found.status == 2:
        raise _incompatible()
    if found.status != 0:
        text = f"The linear program of {len(cost):,} response types was not solved: {found.message}"
        raise CausalModelError("AE-7244", text, mend="bound a smaller graph, or merge values that are alike.")
    return float(found.fun)


def _incompatible() -> CausalModelError:
    found = "No model of the graph has this distribution, whatever its hidden causes do."
    mend = "look for a missing edge (an instrument that acts on the outcome), a wrong assumption or a wrong experiment."
    return CausalModelError("AE-7243", found, mend=mend)


def _impossible() -> CausalModelError:
    found = "What is given has probability zero in every model that agrees with the data."
    return CausalModelError("AE-7210", found, mend="ask given something that can be.")
