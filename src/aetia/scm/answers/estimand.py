"""By which formula, and by which fact of the graph, is a quantity computed?

The formulas are those that are taught: no back door, the back-door and front-door formulas, the mediation formula, and
where none of these fits the truncated factorisation, or abduction over the exogenous roots.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from aetia.scm.graphs.adjustment import is_adjustment_set, minimal_adjustment_sets
from aetia.scm.graphs.front_door import front_door_sets
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.separation import connecting_path
from aetia.scm.language.expression import (
    Constant,
    Expectation,
    Expression,
    Probability,
    Product,
    Quotient,
    Sum,
    Variable,
)
from aetia.scm.language.query import Assignment, Term, Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.queries.abduction import relevant_roots
from aetia.scm.queries.quantity import Quantity
from aetia.scm.queries.worlds import ParallelWorlds, Version, World

__all__ = ["Estimand", "estimands"]

_MOST_SETS = 200
"""Adjustment sets that are looked at before another formula is taken."""

_MOST_WEIGHTS = 8
"""Combinations of exogenous causes that are shown one by one."""


@dataclass(frozen=True)
class Estimand:
    """A formula and why it holds.

    Args:
        says: The fact of the graph that it rests on, a sentence.
        formula: The formula.
        abduced: Where the exogenous causes are weighed by what is known: the weight of each combination.
    """

    says: str
    formula: Expression
    abduced: tuple[Probability, ...] = ()


def estimands(quantity: Quantity, model: DiscreteModel, network: ParallelWorlds) -> Iterator[Estimand]:
    """Formulas for the quantity, the plainest first; one may need strata that never occur, the last ones do not.

    Args:
        quantity: What is asked, once interventions that change nothing are dropped.
        model: The model.
        network: Its worlds side by side.
    """
    if _contradicts(quantity, network):
        yield Estimand("One thing is said to have two values at once: that never happens.", Constant(0))
        return
    settled = _known_value(quantity, network)
    if settled is not None:
        yield Estimand(f"What is known says it: {quantity.event[0]} has this value.", Constant(settled))
        return
    if not any(term.world for term in quantity.terms):
        says = "All is as it is: the joint distribution says it."
        yield Estimand(says, _outcome(quantity.event, quantity.given, model))
        return
    yield from _by_adjustment(quantity, model)
    yield from _by_front_door(quantity, model)
    yield from _by_mediation(quantity, model)
    if _stands_once(network):
        yield _factorised(quantity, network, by_experiment=False)
    if model.is_functional:
        yield from _by_roots(quantity, model)
    if quantity.world:
        says = f"The model says what follows where {_listed(quantity.world)} is set."
        event, given = _stripped(quantity.event), _stripped(quantity.given)
        yield Estimand(says, _outcome(event, given, model, do=_set(quantity.world)))
    if _stands_once(network):
        yield _factorised(quantity, network, by_experiment=True)


def _contradicts(quantity: Quantity, network: ParallelWorlds) -> bool:
    """Whether two terms, or a term and what its world sets, give one version different values."""
    said = {name: one.value for name, one in network.versions.items() if one.value is not None}
    named = ((network.name(term), term.value) for term in quantity.terms if term.value is not None)
    return any(said.setdefault(name, value) != value for name, value in named)


def _known_value(quantity: Quantity, network: ParallelWorlds) -> float | None:
    """The value of a mean's variable where it is set, or given; None if it varies, or for a probability."""
    name = network.name(quantity.event[0])
    said = [network.versions[name].value, *(term.value for term in quantity.given if network.name(term) == name)]
    values = [value for value in said if value is not None]
    return float(values[0]) if quantity.is_mean and values else None


# -- back doors ---------------------------------------------------------------------------------


def _by_adjustment(quantity: Quantity, model: DiscreteModel) -> Iterator[Estimand]:
    """One event in one world, given what it does not reach, and perhaps what the set variables were."""
    world = quantity.event[0].world
    if not _is_one_flat_world(quantity) or any(term.world for term in quantity.given):
        return
    graph, outcome = model.graph, quantity.event[0].variable
    causes = frozenset(one.variable for one in world)
    known = frozenset(term.variable for term in quantity.given)
    if ((causes | {outcome}) & graph.latent) or len(quantity.event) != 1 or outcome in known | causes:
        return
    for found in _sets(graph, causes, outcome, known - causes):
        others = tuple(Term(name) for name in model.values if name in found - known)
        beside = tuple(term for term in quantity.given if term.variable not in causes)
        inner = _outcome(_stripped(quantity.event), (*_set(world), *others, *beside), model)
        path = connecting_path(graph.without_outgoing(causes), causes, [outcome], known - causes)
        names = _listed(world)
        if not others:
            closed = f", given {_joined(known - causes)}" if known - causes else ""
            says = (
                f"No back-door path is open from {_joined(causes)} to {outcome}{closed}: to set {names} is to see it."
            )
            yield Estimand(says, inner)
            continue
        witness = f" (such as {path})" if path else ""
        among = f"those with {', '.join(map(str, quantity.given))}" if quantity.given else "the population"
        says = (
            f"{_joined(found)} blocks every back-door path from {_joined(causes)} to {outcome}{witness}: "
            f"compare within its strata, and weigh them as they are in {among}."
        )
        yield Estimand(says, Sum(_names(others), Product((inner, Probability(others, quantity.given)))))


def _is_one_flat_world(quantity: Quantity) -> bool:
    world = quantity.event[0].world
    return world != () and all(term.world == world for term in quantity.event) and not _nested(world)


def _sets(graph: Graph, causes: frozenset[str], outcome: str, known: frozenset[str]) -> Iterator[frozenset[str]]:
    """Adjustment sets that hold what is known, the smallest first."""
    found = [one | known for one in itertools.islice(minimal_adjustment_sets(graph, causes, outcome), _MOST_SETS)]
    sound = (one for one in found if not known or is_adjustment_set(graph, causes, outcome, one))
    yield from sorted(dict.fromkeys(sound), key=lambda one: (len(one), sorted(one)))


# -- front doors --------------------------------------------------------------------------------


def _by_front_door(quantity: Quantity, model: DiscreteModel) -> Iterator[Estimand]:
    """The effect of one variable through mediators that carry all of it."""
    world, graph = quantity.event[0].world, model.graph
    if not _is_one_flat_world(quantity) or quantity.given or len(quantity.event) != 1 or len(world) != 1:
        return
    cause, outcome = next(one.variable for one in world), quantity.event[0].variable
    if {cause, outcome} & graph.latent or cause == outcome:
        return
    found = sorted(
        itertools.islice(front_door_sets(graph, cause, outcome), _MOST_SETS), key=lambda one: (len(one), sorted(one))
    )
    for mediators in filter(None, found[:1]):
        between = tuple(Term(name) for name in model.values if name in mediators)
        inner = _outcome(_stripped(quantity.event), (Term(cause), *between), model)
        says = (
            f"{_joined(mediators)} carries all of the effect of {cause} on {outcome}, no back door leads from "
            f"{cause} to it, and {cause} blocks those from it to {outcome}: the front-door formula."
        )
        across = Sum((cause,), Product((inner, Probability((Term(cause),)))))
        yield Estimand(says, Sum(_names(between), Product((Probability(between, _set(world)), across))))


# -- mediators ----------------------------------------------------------------------------------


def _by_mediation(quantity: Quantity, model: DiscreteModel) -> Iterator[Estimand]:
    """Y[X=x, M=M[X=x']]: the outcome of one treatment with the mediators of another."""
    world, graph = quantity.event[0].world, model.graph
    nested = [one for one in world if isinstance(one.value, Term)]
    if len(quantity.event) != 1 or not nested or any(term.world for term in quantity.given):
        return
    inner_worlds = {one.value.world for one in nested if isinstance(one.value, Term)}
    own = all(isinstance(one.value, Term) and one.value.variable == one.variable for one in nested)
    flat = tuple(one for one in world if not isinstance(one.value, Term))
    if len(inner_worlds) > 1 or not own or any(map(_nested, inner_worlds)) or not flat:
        return
    inner_world, outcome = inner_worlds.pop(), quantity.event[0].variable
    causes, mediators = frozenset(one.variable for one in flat), frozenset(one.variable for one in nested)
    known = frozenset(term.variable for term in quantity.given)
    is_hidden = (causes | mediators | {outcome}) & graph.latent
    if (
        is_hidden
        or outcome in causes | mediators
        or {one.variable for one in inner_world} != causes
        or known & (causes | mediators | {outcome})
    ):
        return
    for found in _sets(graph, causes | mediators, outcome, known):
        if not is_adjustment_set(graph, causes, mediators, found):
            continue
        between = tuple(Term(name) for name in model.values if name in mediators)
        others = tuple(Term(name) for name in model.values if name in found - known)
        beside = (*others, *quantity.given)
        parts = (
            _outcome(_stripped(quantity.event), (*_set(flat), *between, *beside), model),
            Probability(between, (*_set(inner_world), *beside)),
            *([Probability(others, quantity.given)] if others else []),
        )
        within = f" within the strata of {_joined(found)}" if found else ""
        says = (
            f"The mediation formula: {outcome} under {_listed(flat)}, with {_joined(mediators)} as under "
            f"{_listed(inner_world)}; nothing confounds them{within}."
        )
        yield Estimand(says, Sum((*_names(between), *_names(others)), Product(parts)))


# -- every mechanism ----------------------------------------------------------------------------


def _stands_once(network: ParallelWorlds) -> bool:
    """Whether each name says which version is meant: none has two that vary, none is heard for another variable."""
    free = [one for one in network.versions.values() if one.value is None]
    mechanisms = network.source.mechanisms
    heard = all(
        tuple(network.versions[name].variable for name in one.parents) == mechanisms[one.variable].parents
        for one in free
    )
    return heard and len(free) == len({one.variable for one in free})


def _factorised(quantity: Quantity, network: ParallelWorlds, *, by_experiment: bool) -> Estimand:
    """The product of the mechanisms of all that matters, summed over what is not asked.

    Args:
        quantity: What is asked.
        network: The worlds; each variable stands once in them.
        by_experiment: Whether a mechanism is written by setting its parents, which asks for no stratum to occur.
    """
    how = "its parents set" if by_experiment else "its parents"
    says = (
        f"The truncated factorisation: every variable given {how}, the set ones at their values where they are heard."
    )
    whole = _product(quantity.terms, network, by_experiment=by_experiment, is_mean=quantity.is_mean)
    if not quantity.given:
        return Estimand(says, whole)
    below = _product(quantity.given, network, by_experiment=by_experiment, is_mean=False)
    return Estimand(says, Quotient(whole, below))


def _product(terms: Sequence[Term], network: ParallelWorlds, *, by_experiment: bool, is_mean: bool) -> Expression:
    values = {network.name(term): term.value for term in terms}
    needed = _causes(network, values)
    constants = {one.name for one in needed if one.value is not None}

    def term(name: str) -> Term:
        version = network.versions[name]
        return Term(version.variable, version.value if name in constants else values.get(name))

    factors, over = list[Expression](), list[str]()
    for version in reversed(needed):
        if version.name in constants:
            if values.get(version.name, version.value) not in (None, version.value):
                factors.append(Constant(0))
            continue
        heard = tuple(map(term, version.parents))
        given, do = ((), heard) if by_experiment else (heard, ())
        factors.append(Probability((term(version.name),), given, do=do))
        if values.get(version.name) is None:
            over.append(version.variable)
    if is_mean:
        factors.insert(0, _weight(network, terms[0]))
    product = Product(tuple(factors)) if len(factors) > 1 else (*factors, Constant(1))[0]
    return Sum(tuple(over), product) if over else product


def _weight(network: ParallelWorlds, term: Term) -> Expression:
    version = network.versions[network.name(term)]
    return Variable(version.variable) if version.value is None else Constant(float(version.value))


def _causes(network: ParallelWorlds, names: Iterable[str]) -> list[Version]:
    found, waiting = set(names), list(names)
    while waiting:
        fresh = set(network.versions[waiting.pop()].parents) - found
        found |= fresh
        waiting.extend(fresh)
    return [one for name, one in network.versions.items() if name in found]


# -- the roots of a functional model ------------------------------------------------------------


def _by_roots(quantity: Quantity, model: DiscreteModel) -> Iterator[Estimand]:
    """Abduction, action and prediction as one sum over the exogenous roots."""
    says = "Abduction, action, prediction: weigh the exogenous causes by what is known, and see what each brings about."
    if not all(map(_is_own, quantity.terms)):
        return
    for by_experiment in (False, True):
        if not any(term.world for term in quantity.given) and quantity.given and not quantity.is_mean:
            formula = _over_roots(quantity.event, quantity.given, model, by_experiment=by_experiment)
            yield Estimand(says, formula, _weights(quantity, model))
            continue
        whole = _over_roots(quantity.terms, (), model, by_experiment=by_experiment)
        if not quantity.given:
            yield Estimand(says, whole)
            continue
        below = _over_roots(quantity.given, (), model, by_experiment=by_experiment)
        yield Estimand(says, Quotient(whole, below))


def _weights(quantity: Quantity, model: DiscreteModel) -> tuple[Probability, ...]:
    """The exogenous causes' combinations given what is known, if they are few."""
    known = {term.variable for term in quantity.given}
    roots = [name for name in relevant_roots(model, quantity.terms) if name not in known]
    if not roots or math.prod(len(model.values[name]) for name in roots) > _MOST_WEIGHTS:
        return ()
    places = itertools.product(*(model.values[name] for name in roots))
    return tuple(Probability(tuple(map(Term, roots, place)), quantity.given) for place in places)


def _over_roots(
    terms: Sequence[Term], given: Sequence[Term], model: DiscreteModel, *, by_experiment: bool
) -> Expression:
    """The sum over the roots of their probability times that of the terms of each world, which is zero or one."""
    pinned = {term.variable: term for term in given if not model.mechanisms[term.variable].parents}
    pinned |= {term.variable: term for term in terms if _is_factual_root(term, model)}
    roots = tuple(pinned.get(name, Term(name)) for name in relevant_roots(model, (*terms, *given)))
    weighed = tuple(root for root in roots if root not in given)
    factors = list[Expression]([Probability(weighed, tuple(given))] if weighed else [])
    by_world = dict[World, list[Term]]()
    for term in terms:
        if not _is_factual_root(term, model):
            by_world.setdefault(term.world, []).append(term)
    over = list(_names(root for root in roots if root.value is None))
    for world, inside in by_world.items():
        factors.append(_in_world(world, inside, roots, model, by_experiment=by_experiment))
        factors.extend(Variable(term.variable) for term in inside if term.value is None)
    mean = [term.variable for term in terms if term.value is None]
    return Sum((*over, *mean), Product(tuple(factors))) if over or mean else Product(tuple(factors))


def _is_factual_root(term: Term, model: DiscreteModel) -> bool:
    return not term.world and not model.mechanisms[term.variable].parents and term.value is not None


def _in_world(
    world: World, terms: Sequence[Term], roots: Sequence[Term], model: DiscreteModel, *, by_experiment: bool
) -> Expression:
    """The probability of terms in one world given the roots; nested worlds inside are summed over what they set."""
    at_root = {root.variable: root for root in roots}
    # A nested version of a root is the root itself: its value is the root's, and nothing is summed.
    own = {
        one.variable: at_root[one.variable] for one in world if isinstance(one.value, Term) and one.variable in at_root
    }
    nested = [one.value for one in world if isinstance(one.value, Term) and one.variable not in own]
    here = tuple(root for root in roots if all(root.variable != one.variable for one in world))
    do = tuple(
        own.get(one.variable) or Term(one.variable, None if isinstance(one.value, Term) else one.value) for one in world
    )
    given, do = ((), (*do, *here)) if by_experiment else (here, do)
    factors = list[Expression]([Probability(_stripped(terms), given, do=do)])
    for inner in nested:
        factors.append(_in_world(inner.world, [inner], roots, model, by_experiment=by_experiment))
    return Sum(_names(nested), Product(tuple(factors))) if nested else factors[0]


def _is_own(term: Term) -> bool:
    """Whether every nested version is set for the variable that it is a version of."""
    inside = [(one.variable, one.value) for one in term.world if isinstance(one.value, Term)]
    return all(name == inner.variable and _is_own(inner) for name, inner in inside)


# -- small pieces -------------------------------------------------------------------------------


def _outcome(event: Sequence[Term], given: Sequence[Term], model: DiscreteModel, do: Sequence[Term] = ()) -> Expression:
    """The probability or the mean of an event."""
    if event[0].value is not None:
        return Probability(tuple(event), tuple(given), do=tuple(do))
    if not do:
        return Expectation(event[0], tuple(given))
    chance = Probability(tuple(event), tuple(given), do=tuple(do))
    assert event[0].variable in model.values
    return Sum((event[0].variable,), Product((Variable(event[0].variable), chance)))


def _set(world: World) -> tuple[Term, ...]:
    """What a world sets, as terms."""
    return tuple(Term(one.variable, _flat(one)) for one in world)


def _flat(one: Assignment) -> Value | None:
    assert not isinstance(one.value, Term)
    return one.value


def _nested(world: World) -> bool:
    return any(isinstance(one.value, Term) for one in world)


def _stripped(terms: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(replace(term, world=()) for term in terms)


def _names(terms: Iterable[Term]) -> tuple[str, ...]:
    return tuple(term.variable for term in terms)


def _listed(world: World) -> str:
    return ", ".join(map(str, world))


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
