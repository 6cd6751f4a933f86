"""Which causes do people name first? Those whose absence would have been the more normal course of things.

Source: Halpern and Hitchcock, "Graded Causation and Defaults", BJPS 2015.
"""

from collections.abc import Mapping

from aetia.scm.actual.causes import Cause, Definition, Normality, actual_causes, witnesses
from aetia.scm.actual.setting import Event, Setting
from aetia.scm.language.query import Value

__all__ = ["graded_causes", "normality_by_defaults"]


def normality_by_defaults(defaults: Mapping[str, Value]) -> Normality:
    """The order in which a world is at least as normal as another if it departs from no default that the other keeps.

    Args:
        defaults: The value that a variable typically has, or ought to have; variables without one are no matter.
    """

    def at_least_as_normal(world: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
        """Whether every departure of the world is one of the other's, too."""
        return all(world[name] == value or other[name] != value for name, value in defaults.items())

    return at_least_as_normal


def graded_causes(
    setting: Setting, event: Event, normality: Normality, definition: Definition = "modified"
) -> tuple[tuple[Cause, ...], ...]:
    """The causes in tiers, best first: a cause is better the more normal the world that shows it.

    In the first tier stand the causes none of whose rivals has a witness that is strictly more normal than all of
    theirs; the next is the first tier of the rest.

    Raises:
        CausalModelError: As `is_actual_cause`.
    """
    causes = list(actual_causes(setting, event, definition))
    worlds = {
        tuple(cause.values): [witness.world for witness in witnesses(setting, tuple(cause.values), event, definition)]
        for cause in causes
    }

    def beaten(cause: Cause, rival: Cause) -> bool:
        """Whether some witness of the rival is strictly more normal than every one of the cause."""
        own = worlds[tuple(cause.values)]
        return any(
            all(normality(other, world) and not normality(world, other) for world in own)
            for other in worlds[tuple(rival.values)]
        )

    tiers = list[tuple[Cause, ...]]()
    while causes:
        tier = [cause for cause in causes if not any(beaten(cause, rival) for rival in causes)]
        tiers.append(tuple(tier))
        causes = [cause for cause in causes if cause not in tier]
    return tuple(tiers)
