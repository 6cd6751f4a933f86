"""How much is a cause responsible for what happened, and how much is one to blame for what one did not know?

Source: Chockler and Halpern, "Responsibility and Blame: A Structural-Model Approach", JAIR 2004; for the modified
definition Halpern, "Actual Causality", 2016, definition 6.1.1.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from aetia.scm.actual.causes import Cause, Definition, causes_by_size
from aetia.scm.actual.setting import Event, Setting
from aetia.scm.language.query import Value

__all__ = ["blame", "changes", "responsibility"]


def responsibility(setting: Setting, variable: str, event: Event, definition: Definition = "modified") -> Fraction:
    """The degree of responsibility of a variable, as it was, for the event: 0 for no cause, 1 for a but-for cause.

    It is 1 / k for the least k: the variables of a cause that it is part of, and with them by the modified definition
    those that are held to show it, by the others those of them that are changed.

    Example:
        Of eleven who all voted for her, five have to change before the sixth decides: 1/6.

    Raises:
        CausalModelError: As `is_actual_cause`.
    """
    least: int | None = None
    for cause in causes_by_size(setting, event, definition):
        if least is not None and len(cause.values) >= least:
            break
        if variable in cause.values:
            size = changes(cause, definition)
            least = size if least is None else min(least, size)
    return Fraction(1, least) if least else Fraction(0)


def changes(cause: Cause, definition: Definition) -> int:
    """The k of a cause: its variables, and those that its witness has to hold (modified) or to change (the others)."""
    witness = cause.witness
    return len(cause.values) + (len(witness.held) if definition == "modified" else witness.changed)


def blame(
    states: Iterable[tuple[Fraction, Setting]],
    action: Mapping[str, Value],
    event: Event,
    definition: Definition = "modified",
) -> Fraction:
    """The degree of blame of an action for an event: its expected responsibility over what the agent held possible.

    Args:
        states: What the agent held possible before acting, each with its probability.
        action: A variable and the value that it is set to.
        event: What is to be blamed for.
        definition: Which definition of cause counts.

    Example:
        Ten shoot, one with a live bullet, nobody knows who: each is to blame by 1/10.

    Raises:
        CausalModelError: As `is_actual_cause`.
    """
    ((variable, _),) = action.items()
    total = Fraction(0)
    for probability, setting in states:
        acted = setting.doing(action)
        _, holds = acted.reader(event)
        if holds(acted.actual_codes[None])[0]:
            total += probability * responsibility(acted, variable, event, definition)
    return total
