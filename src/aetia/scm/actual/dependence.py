"""Did this cause that by the lawyers' tests: but for it, would the event not have happened; was it a needed part of
something sufficient (NESS)?
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.actual.setting import Event, Setting
from aetia.scm.language.query import Value

__all__ = ["Chain", "but_for", "ness"]


def but_for(setting: Setting, cause: Mapping[str, Value], event: Event) -> Mapping[str, Value] | None:
    """Other values of these variables under which the event would not have happened; None if there are none.

    Raises:
        CausalModelError: AE-7612 a variable or value is unknown.
    """
    _, holds = setting.reader(event)
    columns = [setting.column[name] for name in setting.codes(cause)]
    rows = np.array(list(itertools.product(*(range(len(setting.model.values[name])) for name in cause))))
    forced = np.full((len(rows), len(setting.variables)), -1)
    forced[:, columns] = rows
    worlds = setting.worlds(forced)
    gone = np.flatnonzero(~holds(worlds))
    is_actual = all(setting.actual[name] == value for name, value in cause.items())
    if not is_actual or not len(gone):
        return None
    world = setting.world(worlds[gone[0]])
    return {name: world[name] for name in cause}


@dataclass(frozen=True)
class Chain:
    """A chain of NESS links from a cause to an effect.

    Args:
        path: The variables along it, the cause first.
        sets: For each link, the other parents that made the set sufficient, which without the link was not.
    """

    path: tuple[str, ...]
    sets: tuple[Mapping[str, Value], ...]


def ness(setting: Setting, cause: str, effect: str) -> Chain | None:
    """Whether a variable, as it was, is a NESS cause of another, as that was: the chain that shows it, or None.

    A parent is a direct NESS cause if some parents' values, its own among them, suffice for the effect's value whatever
    the other parents are, and no longer do without it. A NESS cause is one along a chain of direct ones.

    Raises:
        CausalModelError: AE-7612 a variable is unknown.

    Source:
        Wright 1985; formally Beckers, "The Counterfactual NESS Definition of Causation", AAAI 2021.
    """
    for name in (cause, effect):
        if name not in setting.column:
            mend = f"use one of {', '.join(setting.variables)}."
            raise CausalModelError("AE-7612", f"There is no variable {name} in the model.", mend=mend)
    moved = setting.model.graph.descendants([cause])
    known: dict[str, Chain | None] = {}

    def to(target: str) -> Chain | None:
        """A chain from the cause to this variable; each variable is looked at once."""
        if target not in known:
            known[target] = next(links(target), None)
        return known[target]

    def links(target: str) -> Iterator[Chain]:
        """The chains whose last link is a parent's, the cause's own first."""
        parents = [name for name in setting.model.mechanisms[target].parents if name in moved]
        for parent in sorted(parents, key=lambda name: name != cause):
            rest = _completed(setting, parent, target)
            before = Chain((cause,), ()) if parent == cause else to(parent) if rest is not None else None
            if rest is not None and before is not None:
                yield Chain((*before.path, target), (*before.sets, rest))

    return to(effect)


def _completed(setting: Setting, parent: str, effect: str) -> Mapping[str, Value] | None:
    """The fewest other parents that with this one suffice for the effect's value, and without it do not."""
    others = [name for name in setting.model.mechanisms[effect].parents if name != parent]
    for size in range(len(others) + 1):
        for chosen in itertools.combinations(others, size):
            if _suffice(setting, (*chosen, parent), effect) and not _suffice(setting, chosen, effect):
                return {name: setting.actual[name] for name in chosen}
    return None


def _suffice(setting: Setting, chosen: Sequence[str], effect: str) -> bool:
    """Whether these parents as they were leave the effect no other value."""
    mechanism = setting.model.mechanisms[effect]
    place = {name: int(setting.actual_codes[setting.column[name]]) for name in (*chosen, effect)}
    return bool(np.all(mechanism.factor.at(place).values == 1))
