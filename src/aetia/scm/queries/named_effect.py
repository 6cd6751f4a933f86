"""Of which quantities is a named effect made?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from aetia.errors import QueryError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.query import Assignment, EffectName, EffectQuery, Term, Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.linear import LinearModel
from aetia.scm.queries.quantity import Quantity, in_world, placed
from aetia.scm.queries.worlds import World, path_term

__all__ = ["Composition", "composition", "contrast", "contrasted", "counted", "mediators", "require_unmoved"]


@dataclass(frozen=True)
class Composition:
    """An effect out of quantities: their sum, less one, or over the sum of others.

    Args:
        says: The effect in words.
        summed: The quantities that are added.
        less: What is taken from them.
        over: The quantities whose sum divides them; none for no division.
    """

    says: str
    summed: tuple[Quantity, ...]
    less: Quantity | None = None
    over: tuple[Quantity, ...] = ()


def counted(values: Sequence[Value]) -> Value:
    """The outcome's value that counts where a question names none: one or true in any order, else the last."""
    return next(one for one in values if one == 1) if _is_binary(values) else values[-1]


def contrasted(query: EffectQuery, values: Sequence[Value]) -> tuple[Value, Value]:
    """The treated and the control value; by default the last and the first.

    Args:
        query: The effect.
        values: The treatment's values, in the order in which they are listed.
    """
    treated = values[-1] if query.treated is None else query.treated
    return treated, values[0] if query.control is None else query.control


def _is_binary(values: Sequence[Value]) -> bool:
    return set(values) == {0, 1}


def contrast(query: EffectQuery, model: DiscreteModel | LinearModel) -> tuple[Value, Value]:
    """The treated and the control value; one and zero by default if the model is linear."""
    return contrasted(query, model.values[query.treatment] if isinstance(model, DiscreteModel) else (0, 1))


def require_unmoved(query: EffectQuery, graph: Graph) -> None:
    """Nothing, once it is sure that the same units are known of under either treatment.

    Raises:
        QueryError: AE-7367 what is given is an effect of the treatment, or the treatment.
    """
    fixed = [one.variable for one in query.do]
    reached = graph.without_incoming(fixed).descendants([query.treatment])
    moved = sorted({term.variable for term in query.given if not _sets(term, query.treatment)} & reached)
    if not moved:
        return
    if query.treatment in moved:
        found = f"{query} is given {query.treatment}, which it sets to two values."
        mend = f"ask `ETT({query.treatment}, {query.outcome})`: the effect among those who have the treatment, or ETU."
        raise QueryError("AE-7367", found, mend=mend)
    found = f"{query} is given {moved[0]}, an effect of {query.treatment}: that compares two groups of units."
    known = f"do({query.treatment}=...), {moved[0]}=..."
    each = f"E[{query.outcome} | {known}]" if query.outcome.value is None else f"P({query.outcome} | {known})"
    mend = f"ask of each by itself: `{each}`."
    raise QueryError("AE-7367", found, mend=mend)


def _read_under(term: Term, world: World) -> Term:
    return term if term.world else in_world(term, world)


def _sets(term: Term, name: str) -> bool:
    return any(one.variable == name for one in term.world)


def mediators(query: EffectQuery, graph: Graph) -> tuple[str, ...]:
    """The mediators that the question names, or all variables between treatment and outcome."""
    if query.mediators:
        return query.mediators
    cut = graph.without_incoming([one.variable for one in query.do])
    between = cut.descendants([query.treatment]) & cut.ancestors([query.outcome.variable])
    return tuple(name for name in graph.nodes if name in between - {query.treatment, query.outcome.variable})


def composition(query: EffectQuery, model: DiscreteModel | LinearModel) -> Composition:
    """The quantities that an effect is made of.

    Args:
        query: The effect.
        model: The model that it is asked of; it gives the values that are compared.

    Raises:
        QueryError: AE-7334 the question lacks a part or contradicts itself; AE-7335 its path is not in the graph;
            AE-7337 `do` stands beside a term with a world of its own; AE-7367 it is given an effect of the treatment.
        CausalModelError: AE-7208 a variable is unknown.
        GraphError: AE-7104 a variable is unknown.
    """
    _require(query, model.graph)
    outcome = _outcome(query, model)
    treated, control = contrast(query, model)
    do = tuple(query.do)
    under = {value: (*do, Assignment(query.treatment, value)) for value in (treated, control)}
    known = placed(query.given, do)
    match query.effect:
        case "ATE" | "TE" | "CATE" | "CDE":
            require_unmoved(query, model.graph)
            # What is known is no effect of the treatment, so that it may be read under it as well.
            given = {value: tuple(_read_under(term, world) for term in query.given) for value, world in under.items()}
            first, second = (Quantity((in_world(outcome, under[value]),), given[value]) for value in (treated, control))
            return Composition(_words(query, treated, control), (first,), second)
        case "ETT" | "ETU":
            own = Term(query.treatment, treated if query.effect == "ETT" else control)
            given = (in_world(own, do), *known)
            first, second = (Quantity((in_world(outcome, under[value]),), given) for value in (treated, control))
            return Composition(_words(query, treated, control), (first,), second)
        case "NDE" | "NIE" | "PSE":
            changed = _changed(query, model.graph, treated, control)
            first = Quantity((replace(changed, value=outcome.value),), known)
            second = Quantity((in_world(outcome, under[control]),), known)
            return Composition(_words(query, treated, control), (first,), second)
        case "PN" | "PS" | "PNS":
            return _of_causation(query, model, known)


def _require(query: EffectQuery, graph: Graph) -> None:
    graph.known([query.treatment, query.outcome.variable, *query.mediators])
    lacking = {"CATE": not query.given, "CDE": not query.do, "PSE": not query.paths}
    wrong = ""
    if lacking.get(query.effect):
        wrong = f"{query.effect} lacks its {'condition' if query.given else 'interventions or paths'}."
    if query.treatment in {one.variable for one in query.do} or query.outcome.variable in {
        one.variable for one in query.do
    }:
        wrong = "The treatment or the outcome is set by do(...) too."
    if query.treatment == query.outcome.variable or query.outcome.world:
        wrong = "The outcome is the treatment, or a counterfactual."
    if {query.treatment, query.outcome.variable} & set(query.mediators):
        wrong = "The treatment or the outcome is among the mediators."
    if wrong:
        raise QueryError("AE-7334", f"{query}: {wrong}", mend="docs/causal-models.md shows how each effect is asked.")
    for path in query.paths:
        steps = list(pairwise(path))
        is_there = steps and all(
            cause in graph.parents[result] for cause, result in steps if {cause, result} <= set(graph.nodes)
        )
        if (
            not is_there
            or path[0] != query.treatment
            or path[-1] != query.outcome.variable
            or not set(path) <= set(graph.nodes)
        ):
            found = f"{' -> '.join(path)} is no path of the graph from {query.treatment} to {query.outcome.variable}."
            raise QueryError("AE-7335", found, mend="give the names along a directed path.")


def _outcome(query: EffectQuery, model: DiscreteModel | LinearModel) -> Term:
    """The outcome; of one that is 0 or 1 the event that it is 1, which has the same mean."""
    outcome = query.outcome
    if outcome.value is not None or isinstance(model, LinearModel):
        return outcome
    values = model.values[outcome.variable]
    is_event = query.effect in {"PN", "PS", "PNS"} or _is_binary(values)
    return replace(outcome, value=counted(values)) if is_event else outcome


def _changed(query: EffectQuery, graph: Graph, treated: Value, control: Value) -> Term:
    """The outcome where the treated value acts on some ways only."""
    if query.effect == "PSE":
        return path_term(graph, query.paths, treated, control, query.do)
    own, inner = (treated, control) if query.effect == "NDE" else (control, treated)
    inside = tuple(sorted((*query.do, Assignment(query.treatment, inner)), key=lambda one: one.variable))
    fixed = {one.variable for one in query.do}
    nested = (Assignment(name, Term(name, None, inside)) for name in mediators(query, graph) if name not in fixed)
    world: World = (*query.do, Assignment(query.treatment, own), *nested)
    return in_world(Term(query.outcome.variable), world)


def _of_causation(query: EffectQuery, model: DiscreteModel | LinearModel, known: tuple[Term, ...]) -> Composition:
    if isinstance(model, LinearModel):
        found = f"{query} is of events, and {query.outcome.variable} has a continuum of values."
        raise QueryError("AE-7333", found, mend="ask for a mean: `E[Y[X=0] | X=1, Y=2]`, ATE, ETT, NDE, NIE or PSE.")
    outcome, do = _outcome(query, model), query.do
    treated, control = contrast(query, model)
    others = [value for value in model.values[outcome.variable] if value != outcome.value]
    happens = in_world(outcome, (*do, Assignment(query.treatment, treated)))
    fails = [in_world(replace(outcome, value=one), (*do, Assignment(query.treatment, control))) for one in others]
    was_treated, was_not = (in_world(Term(query.treatment, value), do) for value in (treated, control))
    seen, unseen = in_world(outcome, do), [in_world(replace(outcome, value=one), do) for one in others]
    words = _words(query, treated, control)
    if query.effect == "PN":
        return Composition(words, tuple(Quantity((one,), (was_treated, seen, *known)) for one in fails))
    if query.effect == "PNS":
        return Composition(words, tuple(Quantity((happens, one), known) for one in fails))
    if len(others) == 1:
        return Composition(words, (Quantity((happens,), (was_not, *unseen, *known)),))
    # The outcome failed in one of several ways: weigh them by how often each happens.
    joint = tuple(Quantity((happens, one), (was_not, *known)) for one in unseen)
    return Composition(words, joint, over=tuple(Quantity((one,), (was_not, *known)) for one in unseen))


def _words(query: EffectQuery, treated: Value, control: Value) -> str:
    cause, outcome = query.treatment, query.outcome
    on, off = f"{cause}={treated}", f"{cause}={control}"
    middle = ", ".join(query.mediators) or "all mediators"
    total = f"The effect of {cause} on {outcome}"
    paths = ", ".join(" -> ".join(path) for path in query.paths)
    words: dict[EffectName, str] = {
        "ATE": f"{total}: under {on}, less under {off}.",
        "TE": f"{total}: under {on}, less under {off}.",
        "CATE": f"{total} among those with {', '.join(map(str, query.given))}.",
        "CDE": f"The direct effect of {cause} on {outcome} with {', '.join(map(str, query.do))} held for everybody.",
        "ETT": f"{total} among those who have {on}: as it is, less as it would be under {off}.",
        "ETU": f"{total} among those who have {off}: as it would be under {on}, less as it is.",
        "NDE": f"The natural direct effect: {cause} goes from {control} to {treated}, with {middle} as under {off}.",
        "NIE": f"The natural indirect effect: {cause} stays at {control}, with {middle} as under {on}.",
        "PSE": f"The effect along {paths} alone: {cause} is {treated} there and {control} everywhere else.",
        "PN": f"The probability of necessity: {outcome} happened under {on}; would it not have under {off}?",
        "PS": f"The probability of sufficiency: {outcome} did not happen under {off}; would it have under {on}?",
        "PNS": f"The probability of necessity and sufficiency: {outcome} happens under {on} and not under {off}.",
    }
    return words[query.effect]
