"""Which answer follows from the printed text of a CLADDER item, and does it follow surely?

What the percentages are of is known from the kind of question, whose form never varies, or from the item's own list of
what was given. The graph is read from the background, and the engine says by which formula the numbers may be used.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence

from aetia import scm
from aetia.evals.item import Item
from aetia.evals.published._story_rules import counterfactual_answer
from aetia.evals.published._story_text import (
    direction,
    graph_of_background,
    methods_of,
    percentages,
    unknown_words,
)
from aetia.evals.tasks._graph_words import unreadable

__all__ = ["quantity_of", "story_engine", "story_faults"]

_HALF_STEP = 0.005  # a printed percentage is right to half of one per cent


def _formula(pattern: Sequence[str]) -> "Callable[[Sequence[float]], float] | None":
    return _FORMULAS.get(tuple(pattern))


def _correlation(p: Sequence[float]) -> float:
    return p[2] / p[0] - p[1] / (1 - p[0])


def _marginal(p: Sequence[float]) -> float:
    return p[0] * p[2] + (1 - p[0]) * p[1] - 0.5


def _difference(p: Sequence[float]) -> float:
    return p[1] - p[0]


def _adjusted(p: Sequence[float]) -> float:
    return (1 - p[4]) * (p[1] - p[0]) + p[4] * (p[3] - p[2])


def _wald(p: Sequence[float]) -> float:
    return (p[1] - p[0]) / (p[3] - p[2])


def _front_door(p: Sequence[float]) -> float:
    share = p[6]
    at_one = share * p[5] + (1 - share) * p[3]
    at_zero = share * p[4] + (1 - share) * p[2]
    return (p[1] - p[0]) * (at_one - at_zero)


def _mediator_weights(p: Sequence[float]) -> float:
    """The direct effect: the mediator as it is untreated."""
    return (1 - p[4]) * (p[2] - p[0]) + p[4] * (p[3] - p[1])


def _treated_weights(p: Sequence[float]) -> float:
    """The effect on the treated: strata as they are among these."""
    return (1 - p[5]) * (p[2] - p[0]) + p[5] * (p[3] - p[1])


def _treated_front_door(p: Sequence[float]) -> float:
    return (p[3] - p[2]) * (p[5] - p[4])


def _indirect(p: Sequence[float]) -> float:
    return (p[1] - p[0]) * (p[5] - p[4])


def _strata_of_mediator(p: Sequence[float]) -> tuple[float, float]:
    return (1 - p[8]) * p[4] + p[8] * p[5], (1 - p[8]) * p[6] + p[8] * p[7]


def _arrowhead_direct(p: Sequence[float]) -> float:
    low, _ = _strata_of_mediator(p)
    return (1 - low) * (p[2] - p[0]) + low * (p[3] - p[1])


def _arrowhead_indirect(p: Sequence[float]) -> float:
    low, high = _strata_of_mediator(p)
    return (p[1] - p[0]) * (high - low)


def _explained_away(p: Sequence[float]) -> float:
    return p[4] - (p[0] * p[4] + (1 - p[0]) * p[2])


_FORMULAS: Mapping[tuple[str, ...], Callable[[Sequence[float]], float]] = {
    ("correlation", "P(X=1)", "P(Y=1, X=0)", "P(Y=1, X=1)"): _correlation,
    ("marginal", "P(X)", "P(Y | X)"): _marginal,
    ("exp_away", "P(X)", "P(Y | X, V3)"): _explained_away,
    ("ate", "p(Y | X)"): _difference,
    ("ett", "p(Y | X)"): _difference,
    ("nie", "p(Y | X)"): _difference,
    ("ate", "p(Y | V1, X)", "p(V1)"): _adjusted,
    ("ett", "p(Y | V1, X)", "p(V1)"): _adjusted,
    ("ate", "p(Y | V2)", "p(X | V2)"): _wald,
    ("ate", "p(V3 | X)", "p(Y | X, V3)", "p(X)"): _front_door,
    ("nie", "p(V3 | X)", "p(Y | X, V3)", "p(X)"): _front_door,
    ("ett", "p(Y | X, V3)", "p(V3 | X)"): _treated_front_door,
    ("nde", "p(Y | X, V2)", "p(V2 | X)"): _mediator_weights,
    ("nie", "p(Y | X, V2)", "p(V2 | X)"): _indirect,
    ("nde", "p(Y | X, V3)", "p(V3 | X, V2)", "p(V2)"): _arrowhead_direct,
    ("nie", "p(Y | X, V3)", "p(V3 | X, V2)", "p(V2)"): _arrowhead_indirect,
}
# In the graph V1 -> V3 -> Y, V1 -> X -> Y the same numbers weigh strata of V3 instead.
_CUT_DIAMOND = ("ett", "p(Y | X, V3)", "p(V3 | X)")


def quantity_of(item: Item, numbers: Sequence[float]) -> float:
    """The quantity that decides an item, from its numbers.

    Raises:
        EvaluationError: AE-8110 the numbers are of no known pattern, or divide by zero.
    """
    kind, given = str(item.facts["kind"]), item.facts["given"]
    pattern = (kind, *(map(str, given) if isinstance(given, list) else ()))
    formula = _formula(pattern)
    if pattern == _CUT_DIAMOND and item.facts.get("form") == "diamondcut":
        formula = _treated_weights
    if formula is None:
        raise unreadable(item.context)
    try:
        return formula(numbers)
    except (IndexError, ZeroDivisionError) as error:
        raise unreadable(item.context) from error


def story_engine(item: Item) -> str:
    """The answer that the text of a CLADDER item gives.

    Raises:
        EvaluationError: AE-8110 the text cannot be read, or leaves the answer open.
    """
    kind = str(item.facts["kind"])
    if kind == "det-counterfactual":
        return counterfactual_answer(item)
    if kind == "backadj":
        return _better_method(item)
    sign = direction(item, kind)
    if kind == "collider_bias":
        return "yes" if sign == (1 if _acts(graph_of_background(item)) else -1) else "no"
    value = quantity_of(item, percentages(item))
    if value == 0:
        raise unreadable(item.context)
    return "yes" if value * sign > 0 else "no"


def _acts(graph: scm.Graph) -> bool:
    """Whether one of the two causes of a collider acts on the other."""
    (collider,) = [name for name in graph.nodes if len(graph.parents[name]) > 1] or [""]
    causes = graph.parents.get(collider, frozenset())
    return any(graph.ancestors([one]) & causes - {one} for one in causes)


def _verdicts(item: Item) -> tuple[bool, bool, bool]:
    """Whether method 1 and method 2 are right by the back-door criterion, and whether the strata are observed."""
    told, graph = methods_of(item), graph_of_background(item)
    unknown = {told.cause, told.effect, told.strata} - set(graph.nodes)
    if unknown:
        raise unreadable(item.context)
    plain = scm.Graph(graph.nodes, graph.edges)
    in_strata = scm.is_adjustment_set(plain, told.cause, told.effect, [told.strata])
    at_once = scm.is_adjustment_set(plain, told.cause, told.effect)
    verdicts = (in_strata, at_once) if told.is_first else (at_once, in_strata)
    return *verdicts, told.strata not in graph.latent


def _better_method(item: Item) -> str:
    first, second, _ = _verdicts(item)
    return "yes" if first and not second else "no"


def story_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with a CLADDER item besides its label."""
    kind, found = str(item.facts["kind"]), list[str]()
    found += [f"the question has the word {word!r}, which nothing given has" for word in unknown_words(item)]
    if kind == "backadj" and item.language == "en":
        found += _method_faults(item)
    if item.facts.get("given") and kind not in {"backadj", "collider_bias", "det-counterfactual"}:
        found += _number_faults(item, kind)
    return tuple(found)


def _method_faults(item: Item) -> list[str]:
    first, second, is_observed = _verdicts(item)
    found = list[str]()
    if first == second:
        found.append("both methods are right" if first else "neither method is right")
    if not is_observed:
        found.append("one method needs what nobody observes")
    return found


def _number_faults(item: Item, kind: str) -> list[str]:
    numbers, found = percentages(item), list[str]()
    sentences: dict[str, str] = {}
    for sentence in item.context.partition("\n")[2].split(". "):
        condition, _, number = sentence.rpartition(" is ")
        if sentences.setdefault(condition, number) != number:
            found.append("one condition is given two probabilities")
    corners = itertools.product(*((max(p - _HALF_STEP, 0.0), min(p + _HALF_STEP, 1.0)) for p in numbers))
    signs = {value > 0 for value in (_safe_quantity(item, corner) for corner in corners) if value is not None}
    if len(signs) > 1:
        found.append("the answer turns within the rounding of the printed percentages")
    if kind == "correlation" and numbers and not numbers[1] + numbers[2] <= 1:
        found.append("the printed probabilities sum to more than one")
    return found


def _safe_quantity(item: Item, numbers: Sequence[float]) -> float | None:
    formula_numbers = [min(max(number, 1e-9), 1 - 1e-9) for number in numbers]
    try:
        return quantity_of(item, formula_numbers)
    except ArithmeticError:
        return None
