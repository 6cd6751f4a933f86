"""Which probabilities of events in several worlds does a causal question add up?

Every question becomes sum_k w_k P(event_k, given) / P(given), with events and conditions that are conjunctions of
variables in worlds: what bounds and canonical models can work with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aetia.errors import QueryError
from aetia.scm.graph import Graph
from aetia.scm.quantity import in_world
from aetia.scm.query import Assignment, EffectQuery, ExpectationQuery, ProbabilityQuery, Query, Term, Value
from aetia.scm.worlds import World, path_term

__all__ = ["Target", "target_of"]

Values = Mapping[str, tuple[Value, ...]]
Weighted = tuple[float, Term]


@dataclass(frozen=True)
class Target:
    """A weighted sum of probabilities of events given what is known.

    Args:
        weighted: The weights and the events.
        given: What is known.
    """

    weighted: tuple[tuple[float, tuple[Term, ...]], ...]
    given: tuple[Term, ...] = ()

    @property
    def is_probability(self) -> bool:
        """Whether the value can only lie between zero and one."""
        return all(weight == 1 for weight, _ in self.weighted)


def target_of(query: Query, graph: Graph, values: Values) -> Target:
    """The question as a sum of probabilities.

    Args:
        query: The question.
        graph: The graph, for the variables between treatment and outcome.
        values: Of each variable its values.

    Raises:
        QueryError: AE-7352 a value is left open, or unknown; AE-7353 a mean is asked for of what is not a number.
    """
    if isinstance(query, ProbabilityQuery):
        event = _in_world(query.event, query.do)
        found = Target(((1.0, event),), _in_world(query.given, query.do))
    elif isinstance(query, ExpectationQuery):
        (outcome,) = _in_world((query.outcome,), query.do)
        terms = _events(outcome, 1.0, values)
        found = Target(_singles(terms), _in_world(query.given, query.do))
    else:
        found = _effect(query, graph, values)
    for term in (*found.given, *(term for _, event in found.weighted for term in event)):
        _require_values(term, values)
    return found


def _effect(query: EffectQuery, graph: Graph, values: Values) -> Target:
    domain = _domain(query.treatment, values)
    treated = domain[-1] if query.treated is None else query.treated
    control = domain[0] if query.control is None else query.control
    under_treated, under_control = (_world((*query.do, Assignment(query.treatment, one))) for one in (treated, control))
    outcome = query.outcome

    def mean(world: World, sign: float) -> list[Weighted]:
        return _events(Term(outcome.variable, outcome.value, world), sign, values)

    given = _in_world(query.given, query.do)
    contrast = [*mean(under_treated, 1.0), *mean(under_control, -1.0)]
    match query.effect:
        case "ATE" | "TE" | "CDE" | "CATE":
            return Target(_singles(contrast), given)
        case "ETT" | "ETU":
            was = Term(query.treatment, treated if query.effect == "ETT" else control, _world(query.do))
            return Target(_singles(contrast), (*given, was))
        case "NDE" | "NIE":
            is_direct = query.effect == "NDE"
            direct, through = (under_treated, under_control) if is_direct else (under_control, under_treated)
            carried = query.mediators or _between(graph, query)
            nested = [Assignment(name, Term(name, None, through)) for name in carried]
            terms = [*mean(_world((*direct, *nested)), 1.0), *mean(under_control, -1.0)]
            return Target(_singles(terms), given)
        case "PSE":
            along = path_term(graph, query.paths, treated, control, query.do).world
            return Target(_singles([*mean(along, 1.0), *mean(under_control, -1.0)]), given)
        case "PN" | "PS" | "PNS":
            return _causation(query, values, (treated, under_treated), (control, under_control))


def _causation(
    query: EffectQuery, values: Values, treated: tuple[Value, World], control: tuple[Value, World]
) -> Target:
    domain = _domain(query.outcome.variable, values)
    happened = domain[-1] if query.outcome.value is None else query.outcome.value
    others = [value for value in domain if value != happened]
    name, here, given = query.outcome.variable, _world(query.do), _in_world(query.given, query.do)
    avoided = [Term(name, other, control[1]) for other in others]
    if query.effect == "PN":
        known = (Term(query.treatment, treated[0], here), Term(name, happened, here))
        return Target(_singles([(1.0, term) for term in avoided]), (*given, *known))
    produced = Term(name, happened, treated[1])
    if query.effect == "PNS":
        return Target(tuple((1.0, (term, produced)) for term in avoided), given)
    if len(others) > 1:
        found = f"PS is asked of {name}, which did not take its value {happened!r}: that leaves several others."
        mend = f"ask `P({produced} | {query.treatment}={control[0]}, {name}=...)` for each."
        raise QueryError("AE-7353", found, mend=mend)
    known = (Term(query.treatment, control[0], here), *(Term(name, other, here) for other in others))
    return Target(((1.0, (produced,)),), (*given, *known))


def _between(graph: Graph, query: EffectQuery) -> list[str]:
    ends = {query.treatment, query.outcome.variable}
    carriers = graph.descendants([query.treatment]) & graph.ancestors([query.outcome.variable])
    return sorted(carriers - ends - {one.variable for one in query.do})


def _events(outcome: Term, sign: float, values: Values) -> list[Weighted]:
    """The outcome's mean as weights times events; its value, if it has one, is the event that counts."""
    if outcome.value is not None:
        return [(sign, outcome)]
    domain = _domain(outcome.variable, values)
    if not all(isinstance(value, int | float) for value in domain):
        found = f"The values of {outcome.variable} are no numbers, so it has no mean."
        raise QueryError("AE-7353", found, mend=f"name the value that counts: `{outcome.variable}={domain[-1]}`.")
    return [(sign * float(value), Term(outcome.variable, value, outcome.world)) for value in domain if value]


def _singles(terms: Sequence[Weighted]) -> tuple[tuple[float, tuple[Term, ...]], ...]:
    return tuple((weight, (term,)) for weight, term in terms)


def _world(assignments: Sequence[Assignment]) -> World:
    """What is set, the last word on each variable, sorted by name."""
    last = {one.variable: one for one in assignments}
    return tuple(last[name] for name in sorted(last))


def _in_world(terms: Sequence[Term], do: tuple[Assignment, ...]) -> tuple[Term, ...]:
    return tuple(in_world(term, do) for term in terms)


def _domain(name: str, values: Values) -> tuple[Value, ...]:
    if name not in values:
        found = f"There is no observed variable {name}."
        raise QueryError("AE-7352", found, mend=f"use one of {', '.join(values)}.")
    return values[name]


def _require_values(term: Term, values: Values) -> None:
    _require_value(term.variable, term.value, values)
    _require_world(term.world, values)


def _require_world(world: World, values: Values) -> None:
    for one in world:
        if isinstance(one.value, Term):
            _domain(one.value.variable, values)
            _require_world(one.value.world, values)
        else:
            _require_value(one.variable, one.value, values)


def _require_value(name: str, value: Value | None, values: Values) -> None:
    domain = _domain(name, values)
    if value not in domain:
        found = (
            f"The value of {name} is left open." if value is None else f"The variable {name} has no value {value!r}."
        )
        raise QueryError("AE-7352", found, mend=f"use one of {', '.join(map(repr, domain))}.")
