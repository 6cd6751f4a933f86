"""What would have been, if variables chose among their values by the Gumbel-max mechanism?

A table of probabilities does not say how a variable would have answered to other values of its parents. The Gumbel-max
mechanism says: the value k with the largest log p(k | parents) + G_k, the same Gumbel noise G in every world. That is
an assumption, chosen because no counterfactual then goes against the odds: a value that became no less likely, against
another, is not left for that other (counterfactual stability). The answer carries it by name.

Source: Oberst and Sontag, Counterfactual off-policy evaluation with Gumbel-max structural causal models, ICML 2019.
What it does not show: other mechanisms with the same tables give other answers; `bounds` gives the range of all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import inf

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.bounding.requirements import Requirement, Responses, Scenario
from aetia.scm.language.query import Query, Term
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.queries.grammar import parse_query
from aetia.scm.queries.targets import target_of

__all__ = ["PointAnswer", "answer_by_gumbel_max", "gumbel_max_chance"]

_BATCHES = 20


@dataclass(frozen=True)
class PointAnswer:
    """A number that an assumption gives.

    Args:
        value: The number.
        assumption: The assumption's name.
        standard_error: Of the part that was simulated; zero where all integrals were solved.
    """

    value: float
    assumption: str
    standard_error: float = 0.0


def answer_by_gumbel_max(
    model: DiscreteModel, query: Query | str, *, draws: int = 200_000, seed: int = 0
) -> PointAnswer:
    """The answer to a question across worlds if every variable chooses by the Gumbel-max mechanism.

    Exact as long as no variable has to answer in three different ways at once; that part is simulated.

    Args:
        model: The model; its hidden variables are variables like others.
        query: Any question of `aetia.scm.language.query` with all values given.
        draws: Draws of each variable's noise, where it is simulated.
        seed: Seed of the draws.

    Raises:
        QueryError: AE-7362, AE-7363, AE-7367 see `docs/errors.md`.
        CausalModelError: AE-7241 an event comes about in too many ways; AE-7210 what is given has probability zero.
    """
    asked = parse_query(query, model) if isinstance(query, str) else query
    target = target_of(asked, model.graph, model.values)
    parents = {name: mechanism.parents for name, mechanism in model.mechanisms.items()}
    responses = Responses(parents, model.values, lambda one: bool(_row(model, one)[_place(model, one)] > 0))
    numerator = [
        (weight, one) for weight, event in target.weighted for one in responses.scenarios((*target.given, *event))
    ]
    denominator = [(1.0, one) for one in responses.scenarios(target.given)]
    is_exact = all(_winners(one) <= 2 for _, scenario in (*numerator, *denominator) for one in _by_variable(scenario))
    if is_exact:
        value = _ratio(model, numerator, denominator, gumbel_max_chance, target.given)
        return PointAnswer(value, "gumbel-max")
    values = list[float]()
    for batch in range(_BATCHES):
        chance = partial(_simulated, seed=(seed, batch), draws=max(1, draws // _BATCHES))
        values.append(_ratio(model, numerator, denominator, chance, target.given))
    error = float(np.std(values, ddof=1) / np.sqrt(_BATCHES))
    return PointAnswer(float(np.mean(values)), "gumbel-max", error)


Weighted = Sequence[tuple[float, Scenario]]
Chance = Callable[[np.ndarray, Sequence[int]], float]


def _ratio(model: DiscreteModel, over: Weighted, under: Weighted, chance: Chance, given: tuple[Term, ...]) -> float:
    whole = _total(model, under, chance)
    if whole <= 0:
        what = ", ".join(map(str, given))
        raise CausalModelError("AE-7210", f"{what} has probability zero.", mend="ask given something that can be.")
    return _total(model, over, chance) / whole


def _total(model: DiscreteModel, weighted: Weighted, chance: Chance) -> float:
    known = dict[frozenset[Requirement], float]()
    total = 0.0
    for weight, scenario in weighted:
        product = weight
        for part in _by_variable(scenario):
            if part not in known:
                ordered = sorted(part, key=repr)
                rows = np.array([_row(model, one) for one in ordered], dtype=float)
                known[part] = chance(rows, [_place(model, one) for one in ordered])
            product *= known[part]
        total += product
    return total


def _by_variable(scenario: Scenario) -> list[Scenario]:
    found: Mapping[str, set[Requirement]] = {name: set() for name, _, _ in scenario}
    for one in scenario:
        found[one[0]].add(one)
    return [frozenset(part) for part in found.values()]


def _winners(part: Scenario) -> int:
    return len({value for _, _, value in part})


def _row(model: DiscreteModel, requirement: Requirement) -> np.ndarray:
    name, heard, _ = requirement
    mechanism = model.mechanisms[name]
    place = tuple(model.values[one].index(value) for one, value in zip(mechanism.parents, heard, strict=True))
    return mechanism.table[place]


def _place(model: DiscreteModel, requirement: Requirement) -> int:
    return model.values[requirement[0]].index(requirement[2])


def gumbel_max_chance(rows: np.ndarray, chosen: Sequence[int]) -> float:
    """The probability that the same Gumbel noise makes all of these choices, exactly, for at most two different ones.

    With E_k = exp(-G_k), standard exponential, row m chooses the k with the smallest E_k / p_mk. For one value i in all
    rows, the chance that E_k >= E_i max_m p_mk / p_mi for all k is 1 / sum_k max_m p_mk / p_mi. For two, i and j, there
    is left an integral over s = E_j / E_i of 1 / (1 + s + sum_k max(a_k, s b_k))^2, rational between the kinks.

    Args:
        rows: Probabilities, [choices, values].
        chosen: Of each row the place of the value chosen, of positive probability.
    """
    first = chosen[0]
    others = [value for value in dict.fromkeys(chosen) if value != first]
    assert len(others) <= 1, "an integral over one ratio settles two choices"
    ratios = {
        value: np.max([row / row[value] for row, one in zip(rows, chosen, strict=True) if one == value], axis=0)
        for value in (first, *others)
    }
    if not others:
        return float(1 / ratios[first].sum())
    second = others[0]
    low = float(ratios[first][second])
    high = inf if ratios[second][first] == 0 else float(1 / ratios[second][first])
    rest = [value for value in range(rows.shape[1]) if value not in (first, second)]
    level, slope = ratios[first][rest], ratios[second][rest]
    with np.errstate(divide="ignore", invalid="ignore"):
        kinks = np.where(slope > 0, level / slope, inf)
    inner = sorted(float(kink) for kink in kinks if low < kink < high)
    edges = [low, *inner, high]
    total = 0.0
    for start, end in pairwise(edges):
        if start < end:
            rises = kinks <= start
            constant, steep = 1 + float(level[~rises].sum()), 1 + float(slope[rises].sum())
            at_start = constant + steep * start
            total += 1 / (steep * at_start) if end == inf else (end - start) / (at_start * (constant + steep * end))
    return total


def _simulated(rows: np.ndarray, chosen: Sequence[int], *, seed: tuple[int, int], draws: int) -> float:
    """The same by simulation where three or more values are chosen; the draws are those of every other such event."""
    if len(set(chosen)) <= 2:
        return gumbel_max_chance(rows, chosen)
    noise = np.random.default_rng(seed).exponential(size=(draws, rows.shape[1]))
    with np.errstate(divide="ignore"):
        made = [np.argmin(noise / row, axis=1) == one for row, one in zip(rows, chosen, strict=True)]
    return float(np.mean(np.all(made, axis=0)))
