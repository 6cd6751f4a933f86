"""How likely was a cause necessary, or sufficient, for what happened, as far as data can tell?

X a cause with values x (present) and x' (absent), Y an outcome with y and y'. From the observed table P(x, y) and from
an experiment's P(y_x), P(y_x'):

    PN    P(y'_x' | x, y)     without the cause, would it not have happened?
    PS    P(y_x | x', y')     with the cause, would it have happened?
    PNS   P(y_x, y'_x')       does it happen with the cause, and only with it?

Source: Tian and Pearl, Probabilities of causation: bounds and identification, AMAI 2000. They are sharp.
"""

from dataclasses import dataclass

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.bounding.programs import Bounds

__all__ = ["Causation", "causation_bounds", "necessity_bounds"]

_TOLERANCE = 1e-3
"""How far table and experiment may contradict each other: printed probabilities have three decimals or four."""


@dataclass(frozen=True)
class Causation:
    """The bounds of the three probabilities of causation; points if the effect is monotone."""

    pn: Bounds
    ps: Bounds
    pns: Bounds


def causation_bounds(observed: np.ndarray, experimental: tuple[float, float], *, monotone: bool = False) -> Causation:
    """The sharp bounds of PN, PS and PNS from a table and an experiment.

    Args:
        observed: The joint distribution, [[P(x', y'), P(x', y)], [P(x, y'), P(x, y)]].
        experimental: P(y_x') and P(y_x): the outcome's probability where the cause is kept away, and where it is set.
        monotone: Whether the cause is assumed never to prevent the outcome, which makes points of the bounds.

    Raises:
        CausalModelError: AE-7245 the numbers contradict each other, or monotonicity; AE-7210 nobody is as PN or PS
            supposes.
    """
    table = np.asarray(observed, dtype=float)
    without, with_cause = experimental
    if table.shape != (2, 2) or np.any(table < 0) or abs(table.sum() - 1) > _TOLERANCE:
        raise _contradiction("The observed table is no distribution of two binary variables")
    (neither, only_outcome), (only_cause, both) = table.tolist()
    outcome = both + only_outcome
    pn = necessity_bounds(both=both, neither=neither, outcome=outcome, without=without)
    # To suffice is to be necessary for the outcome's absence, with the cause's absence for a cause.
    ps = necessity_bounds(both=neither, neither=both, outcome=1 - outcome, without=1 - with_cause)
    low = max(0.0, with_cause - without, outcome - without, with_cause - outcome)
    high = min(with_cause, 1 - without, both + neither, with_cause - without + only_cause + only_outcome)
    pns = _ordered(low, high, "")
    if not monotone:
        return Causation(pn, ps, pns)
    points = (with_cause - without, outcome - without, with_cause - outcome)
    if min(points) < -_TOLERANCE:
        raise _contradiction("The cause prevents the outcome in some, so it is not monotone")
    necessary, sufficient, both_ways = (_ordered(one, one, "monotone") for one in (pn.low, ps.low, points[0]))
    return Causation(necessary, sufficient, both_ways)


def necessity_bounds(*, both: float, neither: float, outcome: float, without: float) -> Bounds:
    """The sharp bounds of PN.

    Args:
        both: P(x, y).
        neither: P(x', y').
        outcome: P(y).
        without: P(y_x'), the outcome's probability in an experiment that keeps the cause away.

    Raises:
        CausalModelError: AE-7245 the experiment contradicts the rest; AE-7210 P(x, y) is zero.
    """
    if both <= 0:
        found = "Nobody has both the cause and the outcome, so no necessity can be asked after."
        raise CausalModelError("AE-7210", found, mend="ask given something that can be.")
    if not outcome - both - _TOLERANCE <= without <= 1 - neither + _TOLERANCE:
        raise _contradiction(f"P(y_x') = {without:.4g} lies outside [P(x', y), 1 - P(x', y')]")
    low = max(0.0, (outcome - without) / both)
    return _ordered(low, min(1.0, (1 - without - neither) / both), "")


def _ordered(low: float, high: float, assumption: str) -> Bounds:
    low, high = min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)
    return Bounds(min(low, high), max(low, high), assumption=assumption)


def _contradiction(what: str) -> CausalModelError:
    return CausalModelError("AE-7245", f"{what}.", mend="see that table and experiment are of the same population.")
