"""What is there to tell about all causes of an event, in sentences?"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from aetia.scm.actual.causes import Cause, Definition, actual_causes, reason_of
from aetia.scm.actual.dependence import but_for
from aetia.scm.actual.responsibility import changes
from aetia.scm.actual.setting import Event, Setting

__all__ = ["Account", "explained"]


@dataclass(frozen=True)
class Account:
    """A cause, told.

    Args:
        cause: The cause and its witness.
        because: One sentence: the contingency under which the event depends on it.
        responsibility: Of each of its variables the degree of responsibility for the event.
        is_but_for: Whether the event would not have happened but for it.
    """

    cause: Cause
    because: str
    responsibility: Mapping[str, Fraction]
    is_but_for: bool


def explained(setting: Setting, event: Event, definition: Definition = "modified") -> tuple[Account, ...]:
    """All causes of the event with what is to be told of each, those of fewest variables first.

    Raises:
        CausalModelError: As `aetia.scm.actual.actual_causes`.
    """
    causes = actual_causes(setting, event, definition)
    least = dict[str, int]()
    for cause in causes:
        for name in cause.values:
            least[name] = min(changes(cause, definition), least.get(name, len(setting.variables)))
    return tuple(
        Account(
            cause,
            reason_of(setting, cause.witness),
            {name: Fraction(1, least[name]) for name in cause.values},
            but_for(setting, cause.values, event) is not None,
        )
        for cause in causes
    )
