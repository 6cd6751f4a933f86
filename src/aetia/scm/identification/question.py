"""What does a query ask of a graph: the law of which variables, under which interventions, given what?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aetia.errors import QueryError
from aetia.scm.language.query import Assignment, EffectQuery, ExpectationQuery, ProbabilityQuery, Query, Term, Value

__all__ = ["Question", "questions"]


@dataclass(frozen=True)
class Question:
    """The law of `outcomes` under do(`treatments`) given `given`, and the values at which it is wanted.

    Args:
        outcomes: The variables whose law is asked for.
        treatments: The variables that are set.
        given: The variables that are known, after the intervention.
        values: The values that the query names.
        is_mean: Whether the mean of the one outcome is asked for, not its law.
    """

    outcomes: frozenset[str]
    treatments: frozenset[str]
    given: frozenset[str]
    values: Mapping[str, Value]
    is_mean: bool = False

    def __str__(self) -> str:
        do = [f"do({', '.join(map(self._shown, sorted(self.treatments)))})"] if self.treatments else []
        known = ", ".join([*do, *map(self._shown, sorted(self.given))])
        event = ", ".join(map(self._shown, sorted(self.outcomes)))
        return f"P({event}{' | ' if known else ''}{known})"

    def _shown(self, name: str) -> str:
        return f"{name}={self.values[name]}" if name in self.values else name


def questions(query: Query, values: Mapping[str, tuple[Value, ...]] | None = None) -> tuple[Question, ...]:
    """The question that the query is; an effect is two, the second to be taken from the first.

    Args:
        query: What is asked.
        values: Of each variable its values, where they are known; an effect that names no values compares the last with
            the first.

    Raises:
        QueryError: AE-7350 a variable has two roles; AE-7351 the query asks about several worlds at once; AE-7352 an
            effect names no values to compare.
    """
    match query:
        case ProbabilityQuery():
            return (_question(query.event, query.given, query.do, query),)
        case ExpectationQuery():
            return (_question((query.outcome,), query.given, query.do, query, is_mean=query.outcome.value is None),)
        case EffectQuery(effect="ATE" | "TE" | "CATE" | "CDE"):
            return _contrast(query, values or {})
        case EffectQuery():
            raise _several_worlds(query)


def _contrast(query: EffectQuery, values: Mapping[str, tuple[Value, ...]]) -> tuple[Question, ...]:
    known = values.get(query.treatment)
    if query.treated is None and known is None:
        found = f"{query} does not say which values of {query.treatment} it compares."
        mend = f"write {query.effect}({query.treatment}=1 vs 0, ...), or ask about a model, which knows them."
        raise QueryError("AE-7352", found, mend=mend)
    treated = query.treated if known is None or query.treated is not None else known[-1]
    control = query.control if known is None or query.control is not None else known[0]
    return tuple(
        _question(
            (query.outcome,),
            query.given,
            (Assignment(query.treatment, value), *query.do),
            query,
            is_mean=query.outcome.value is None,
        )
        for value in (treated, control)
    )


def _question(
    event: tuple[Term, ...],
    given: tuple[Term, ...],
    do: tuple[Assignment, ...],
    query: Query,
    *,
    is_mean: bool = False,
) -> Question:
    worlds = {term.world for term in (*event, *given)}
    # One world for all terms is an intervention like any other; P(Y[X=1] | Z) mixes two.
    if len(worlds) > 1 or (worlds != {()} and do):
        raise _several_worlds(query)
    do = do or next(iter(worlds))
    values = dict[str, Value]()
    for term in (*event, *given, *do):
        if isinstance(term.value, Term):
            raise _several_worlds(query)
        if term.value is not None:
            values[term.variable] = term.value
    roles = [frozenset(_names(terms)) for terms in (event, do, given)]
    names = [one.variable for one in (*event, *do, *given)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        found = f"{twice[0]} stands twice in {query}."
        raise QueryError("AE-7350", found, mend="let each variable be looked at, set, or known, and once.")
    return Question(roles[0], roles[1], roles[2], values, is_mean)


def _names(terms: Iterable[Term | Assignment]) -> Iterable[str]:
    return (term.variable for term in terms)


def _several_worlds(query: Query) -> QueryError:
    found = f"{query} asks about several worlds at once."
    mend = "ask `aetia.scm.identify_counterfactual`, or give one intervention for all."
    return QueryError("AE-7351", found, mend=mend)
