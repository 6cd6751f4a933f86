"""How well does a ranking put what is true before what is not?"""

import numpy as np
import numpy.typing as npt

__all__ = ["auroc"]


def auroc(scores: npt.NDArray[np.float64], is_true: npt.NDArray[np.bool_]) -> float:
    """Return the chance that a true one has a higher score than one that is not, ties counting half.

    Args:
        scores: [n] the higher, the more likely; NaN counts as lowest.
        is_true: [n] which are true; at least one is, and one is not.

    Source: Mann and Whitney 1947; Hanley and McNeil 1982.
    """
    known = np.where(np.isnan(scores), -np.inf, scores)
    higher, lower = known[is_true][:, None], known[~is_true][None, :]
    return float(((higher > lower) + 0.5 * (higher == lower)).mean())
