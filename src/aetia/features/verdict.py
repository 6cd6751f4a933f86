"""Is a subspace's effect its own, or the work of a dormant pathway? A verdict with its reasons, from numbers alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from aetia.effects import bootstrap_interval

__all__ = ["Finding", "Verdict", "judge"]

Floats: TypeAlias = npt.NDArray[np.float64]
Finding: TypeAlias = Literal["carried", "dormant", "suspect", "undecided", "no effect"]

_MOST = 0.5  # the read half has to keep more than this share of the effect
_QUIET = 0.1  # a direction that moves less than this, against an average one, is dormant in normal runs
_NOTHING = 1e-5  # logits: rounding


@dataclass(frozen=True)
class Verdict:
    """What the split says of a subspace.

    Args:
        finding: `dormant`: the read half alone loses most of the effect, so that the subspace works by pairing a
            disconnected half with a dormant one. `suspect`: the read half keeps it, but the other evidence is against
            it. `carried`: the read half keeps it and nothing is against it. `undecided`: everything is read, so that a
            split shows nothing. `no effect`: there is nothing to explain.
        reasons: One sentence each, with its numbers.
    """

    finding: Finding
    reasons: tuple[str, ...]

    @property
    def is_illusion(self) -> bool:
        """Whether the direction must not be reported as a cause."""
        return self.finding == "dormant"

    def __str__(self) -> str:
        return f"{self.finding}: {' '.join(self.reasons)}"


def judge(
    effects: Mapping[str, Floats],
    *,
    null_norm: float,
    unread: float,
    activity: Floats,
    outside: Floats,
    separated: Floats,
    level: float = 0.95,
    seed: int = 0,
) -> Verdict:
    """The verdict on a subspace.

    Args:
        effects: Each part's effect by item, in logits, positive towards the source's answer.
        null_norm: How much of a unit vector of the subspace is not read.
        unread: The share of the site's dimensions that are not read at all.
        activity: How far normal runs differ along the read half, item by item; 1 is typical.
        outside: Whether the patched projection on the read half leaves what normal runs show, item by item.
        separated: 1, 0 or 0.5 by item: see `SubspaceEffects`.
        level: Of the intervals.
        seed: Of the intervals.

    Source: Makelov, Lange and Nanda 2024 (arXiv 2311.17030); the thresholds are ours.
    What it does not show: that a direction that is carried is the only one, or the one the network uses on other texts.
    """
    mean = {name: float(np.mean(values)) for name, values in effects.items()}
    low, high = (float(bound[0]) for bound in bootstrap_interval(effects["subspace"][None], level, 2000, seed))
    whole = mean["subspace"]
    includes_zero = np.isfinite(low) and low <= 0.0 <= high
    if abs(whole) <= _NOTHING or includes_zero:
        between = f", {low:.3g} to {high:.3g}" if np.isfinite(low) else ""
        return Verdict("no effect", (f"Patching the subspace changes the outcome by {whole:.3g} logits{between}.",))
    kept = mean["row"] / whole
    halves = (
        f"The read half alone has {kept:.0%} of the effect ({mean['row']:.3g} of {whole:.3g} logits), "
        f"the unread half {mean['null'] / whole:.0%}; {null_norm**2:.0%} of the subspace is not read."
    )
    against = _against(effects, mean, activity, outside, level, seed)
    sides = f"Source and base fall on different sides of the read half in {np.mean(separated):.0%} of the items."
    chance = f"A random subspace of equal rank changes it by {mean['random']:.3g} logits."
    reasons = (halves, *against, sides, chance)
    if kept < _MOST:
        return Verdict("dormant", reasons)
    if against:
        return Verdict("suspect", reasons)
    if unread == 0.0:
        whole_space = "Every direction of this site is read, so that no half of the subspace could be disconnected."
        return Verdict("undecided", (whole_space, *reasons[1:]))
    return Verdict("carried", reasons)


def _against(
    effects: Mapping[str, Floats],
    mean: Mapping[str, float],
    activity: Floats,
    outside: Floats,
    level: float,
    seed: int,
) -> tuple[str, ...]:
    """What speaks against a subspace besides its split."""
    found = []
    quiet = float(np.mean(activity))
    if quiet < _QUIET:
        found.append(f"Normal runs hardly move along the read half: {quiet:.2g} of an average direction.")
    strange = float(np.mean(outside))
    if strange > 1.0 / 2.0:
        found.append(f"In {strange:.0%} of the items the patch puts the read half where no normal run puts it.")
    sign = np.sign(mean["subspace"])
    # A tenth of the subspace's own effect is allowed, since parts that work against each other are common.
    excess = sign * (0.9 * effects["subspace"] - effects["full"])
    low = float(bootstrap_interval(excess[None], level, 2000, seed)[0][0])
    if (low if np.isfinite(low) else float(np.mean(excess))) > 0.0:
        found.append(f"The whole component does less than the subspace: {mean['full']:.3g} logits.")
    return tuple(found)
