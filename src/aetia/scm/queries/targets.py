"""Which probabilities of events in several worlds does a causal question add up?

Every question becomes sum_k w_k P(event_k, given) / P(given), with events and conditions that are conjunctions of
variables in worlds: what bounds and the rules of counterfactuals work with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aetia.errors import QueryError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.query import Assignment, EffectQuery, ExpectationQuery, ProbabilityQuery, Query, Term, Value
from aetia.scm.queries.named_effect import contrasted, counted, mediators, require_unmoved
from aetia.scm.queries.quantity import placed
from aetia.scm.queries.worlds import World, path_term

__all__ = ["Target", "contrast_of", "target_of"]

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
        QueryError: AE-7362 a value is left open, or unknown; AE-7363 a mean is asked for of what is not a number;
            AE-7337 `do` stands beside a term with a world of its own; AE-7367 an effect is asked for given an effect of
            the treatment.
    """
    if isinstance(query, ProbabilityQuery):
        event = placed(query.event, query.do)
        found = Target(((1.0, event),), placed(query.given, query.do))
    elif isinstance(query, ExpectationQuery):
        (outcome,) = placed((query.outcome,), query.do)
        terms = _events(outcome, 1.0, values)
        found = Target(_singles(terms), placed(query.given, query.do))
    else:
        found = _effect(query, graph, values)
    for term in (*found.given, *(term for _, event in found.weighted for term in event)):
        _require_values(term, values)
    return found


def _effect(query: EffectQuery, graph: Graph, values: Values) -> Target:
    treated, control = contrasted(query, _domain(query.treatment, values))
    if query.effect in {"PN", "PS", "PNS"}:
        return _causation(query, values, treated, control)
    more, less, given = contrast_of(query, graph, treated, control)
    return Target(_singles([*_events(more, 1.0, values), *_events(less, -1.0, values)]), given)


def contrast_of(
    query: EffectQuery, graph: Graph, treated: Value, control: Value
) -> tuple[Term, Term, tuple[Term, ...]]:
    """The two outcomes whose means the effect is the difference of, and what is known in both.

    Args:
        query: Any effect but PN, PS and PNS, which are probabilities.
        graph: The graph, for the variables between treatment and outcome.
        treated: The treatment's value.
        control: The value it is compared with.

    Raises:
        QueryError: AE-7337 `do` stands beside a term with a world of its own; AE-7367 an effect is asked for given an
            effect of the treatment.
    """
    under_treated, under_control = (_world((*query.do, Assignment(query.treatment, one))) for one in (treated, control))
    given = placed(query.given, query.do)
    more, less = under_treated, under_control
    match query.effect:
        case "ETT" | "ETU":
            was = treated if query.effect == "ETT" else control
            given = (*given, Term(query.treatment, was, _world(query.do)))
        case "NDE" | "NIE":
            is_direct = query.effect == "NDE"
            direct, through = (under_treated, under_control) if is_direct else (under_control, under_treated)
            fixed = {one.variable for one in query.do}
            carried = [name for name in mediators(query, graph) if name not in fixed]
            more = _world((*direct, *(Assignment(name, Term(name, None, through)) for name in carried)))
        case "PSE":
            more = path_term(graph, query.paths, treated, control, query.do).world
        case _:
            require_unmoved(query, graph)
    outcome = query.outcome
    return Term(outcome.variable, outcome.value, more), Term(outcome.variable, outcome.value, less), given


def _causation(query: EffectQuery, values: Values, treated: Value, control: Value) -> Target:
    under_treated, under_control = (_world((*query.do, Assignment(query.treatment, one))) for one in (treated, control))
    domain = _domain(query.outcome.variable, values)
    happened = counted(domain) if query.outcome.value is None else query.outcome.value
    others = [value for value in domain if value != happened]
    name, here, given = query.outcome.variable, _world(query.do), placed(query.given, query.do)
    avoided = [Term(name, other, under_control) for other in others]
    if query.effect == "PN":
        known = (Term(query.treatment, treated, here), Term(name, happened, here))
        return Target(_singles([(1.0, term) for term in avoided]), (*given, *known))
    produced = Term(name, happened, under_treated)
    if query.effect == "PNS":
        return Target(tuple((1.0, (term, produced)) for term in avoided), given)
    if len(others) > 1:
        found = f"PS is asked of {name}, which did not take its value {happened!r}: that leaves several others."
        mend = f"ask `P({produced} | {query.treatment}={control}, {name}=...)` for each."
        raise QueryError("AE-7363", found, mend=mend)
    known = (Term(query.treatment, control, here), *(Term(name, other, here) for other in others))
    return Target(((1.0, (produced,)),), (*given, *known))


def _events(outcome: Term, sign: float, values: Values) -> list[Weighted]:
    """The outcome's mean as weights times events; its value, if it has one, is the event that counts."""
    if outcome.value is not None:
        return [(sign, outcome)]
    domain = _domain(outcome.variable, values)
    if not all(isinstance(value, int | float) for value in domain):
        found = f"The values of {outcome.variable} are no numbers, so it has no mean."
        raise QueryError("AE-7363", found, mend=f"name the value that counts: `{outcome.variable}={domain[-1]}`.")
    return [(sign * float(value), Term(outcome.variable, value, outcome.world)) for value in domain if value]


def _singles(terms: Sequence[Weighted]) -> tuple[tuple[float, tuple[Term, ...]], ...]:
    return tuple((weight, (term,)) for weight, term in terms)


def _world(assignments: Sequence[Assignment]) -> World:
    """What is set, the last word on each variable, sorted by name."""
    last = {one.variable: one for one in assignments}
    return tuple(last[name] for name in sorted(last))


def _domain(name: str, values: Values) -> tuple[Value, ...]:
    if name not in values:
        found = f"There is no observed variable {name}."
        raise QueryError("AE-7362", found, mend=f"use one of {', '.join(values)}.")
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
        raise QueryError("AE-7362", found, mend=f"use one of {', '.join(map(repr, domain))}.")
