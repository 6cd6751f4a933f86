"""Did this cause that, in this very case? The three definitions of Halpern and Pearl, exactly.

X = x is a cause of an event when both happened (AC1), no part of X would do instead (AC3), and there is a contingency
under which the event depends on X (AC2). What contingency is allowed tells the definitions apart; W are the variables
held, w what they are held at, Z the others:

    modified   W at the values that they really had.
    updated    W at any values, if X = x still brings the event about whatever part of W is held at w and whatever part
               of Z is kept as it was.
    original   as updated, but with all of W held at w.

Each answer carries its witness: the W, the w and the other value of X. A search is exhaustive within the variables
that can matter (those that act on the event), so that 'no cause' is as sure as 'cause'.

Source: Halpern, "A Modification of the Halpern-Pearl Definition of Causality", IJCAI 2015, and "Actual Causality",
2016, definition 2.2.1; Halpern and Pearl, UAI 2001 and BJPS 2005. Seed 063.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.actual.setting import Event, Setting
from aetia.scm.language.query import Value

__all__ = [
    "DEFINITIONS",
    "Cause",
    "Definition",
    "Normality",
    "Verdict",
    "Witness",
    "actual_causes",
    "is_actual_cause",
    "reason_of",
    "witnesses",
]

Definition = Literal["original", "updated", "modified"]
DEFINITIONS: tuple[Definition, ...] = get_args(Definition)

_MOST_WORLDS = 1_000_000
_MOST_SETS = 10_000
_BATCH = 20_000


@dataclass(frozen=True)
class Witness:
    """The contingency that shows a cause.

    Args:
        otherwise: What the cause is changed to; the event then does not happen.
        held: The variables held, and their values.
        changed: How many of those held are held at another value than they had.
        world: Every variable in the world where the event does not happen.
    """

    otherwise: Mapping[str, Value]
    held: Mapping[str, Value]
    changed: int
    world: Mapping[str, Value]


@dataclass(frozen=True)
class Cause:
    """An actual cause.

    Args:
        values: The variables of the cause, as they were.
        witness: The contingency of fewest changes that shows it.
    """

    values: Mapping[str, Value]
    witness: Witness


@dataclass(frozen=True)
class Verdict:
    """Whether values are an actual cause of an event, and why.

    Args:
        holds: Whether they are.
        reason: One sentence.
        witness: The contingency that shows it; None where there is none.
    """

    holds: bool
    reason: str
    witness: Witness | None = None


Normality = Callable[[Mapping[str, Value], Mapping[str, Value]], bool]
"""Whether the first world is at least as normal as the second (`aetia.scm.actual.normality` makes such)."""


def is_actual_cause(
    setting: Setting,
    cause: Mapping[str, Value],
    event: Event,
    definition: Definition = "modified",
    *,
    normality: Normality | None = None,
) -> Verdict:
    """Whether these values together are a cause of the event.

    Args:
        setting: The model in its context.
        cause: The values that may be a cause.
        event: What happened.
        definition: Which definition counts.
        normality: If given, a contingency counts only if its world is at least as normal as the actual one.

    Example:
        >>> from aetia.scm.models.equations import model_from_equations
        >>> fire = Setting(model_from_equations("FF = L and MD"), {"L": 1, "MD": 1})
        >>> is_actual_cause(fire, {"L": 1}, {"FF": 1}).holds
        True

    Raises:
        CausalModelError: AE-7612 a variable or value is unknown; AE-7613 the event did not happen; AE-7614 the search
            would look at more worlds than it may.
    """
    _happened(setting, event)
    setting.codes(cause)
    untrue = [name for name, value in cause.items() if setting.actual[name] != value]
    if untrue:
        return Verdict(holds=False, reason=f"{untrue[0]} was {setting.actual[untrue[0]]}, not {cause[untrue[0]]}.")
    witness = _first(setting, tuple(cause), event, definition, normality)
    if witness is None:
        return Verdict(holds=False, reason="Under no allowed contingency does the event depend on it.")
    for size in range(1, len(cause)):
        for part in itertools.combinations(cause, size):
            if _first(setting, part, event, definition, normality):
                reason = f"Not minimal: {', '.join(part)} alone would do."
                return Verdict(holds=False, reason=reason, witness=witness)
    return Verdict(holds=True, reason=reason_of(setting, witness), witness=witness)


def actual_causes(
    setting: Setting,
    event: Event,
    definition: Definition = "modified",
    *,
    normality: Normality | None = None,
    largest: int | None = None,
) -> tuple[Cause, ...]:
    """All causes of the event, those of fewest variables first.

    Args:
        setting: The model in its context.
        event: What happened.
        definition: Which definition counts.
        normality: As for `is_actual_cause`.
        largest: The most variables that a cause may have; None for all sizes.

    Raises:
        CausalModelError: As `is_actual_cause`.
    """
    return tuple(_causes(setting, event, definition, normality, largest))


def causes_by_size(setting: Setting, event: Event, definition: Definition = "modified") -> Iterator[Cause]:
    """All causes of the event, one by one, those of fewest variables first.

    Raises:
        CausalModelError: As `is_actual_cause`.
    """
    yield from _causes(setting, event, definition, None, None)


def _causes(
    setting: Setting, event: Event, definition: Definition, normality: Normality | None, largest: int | None
) -> Iterator[Cause]:
    _happened(setting, event)
    about, _ = setting.reader(event)
    candidates = [name for name in _relevant(setting, event) if name not in about]
    found = list[frozenset[str]]()
    looked_at = 0
    if definition == "original":
        largest = 1  # its causes are single variables (Eiter and Lukasiewicz 2002, theorem 4.1)
    for size in range(1, min(largest or len(candidates), len(candidates)) + 1):
        # A set that holds a cause is none: variables that are causes alone need not be combined.
        left = [name for name in candidates if frozenset([name]) not in found]
        looked_at += math.comb(len(left), size)
        if looked_at > _MOST_SETS:
            message = f"There are {looked_at:,} sets of up to {size} of {len(candidates)} variables to look at."
            raise CausalModelError("AE-7614", message, mend=f"ask for causes of at most {size - 1} variables.")
        for names in itertools.combinations(left, size):
            if any(cause <= set(names) for cause in found):
                continue
            witness = _first(setting, names, event, definition, normality)
            if witness is not None:
                found.append(frozenset(names))
                yield Cause({name: setting.actual[name] for name in names}, witness)


def _first(
    setting: Setting, names: Sequence[str], event: Event, definition: Definition, normality: Normality | None
) -> Witness | None:
    """The witness of the fewest changes that is normal enough."""
    for witness in witnesses(setting, names, event, definition):
        if normality is None or normality(witness.world, setting.actual):
            return witness
    return None


def witnesses(setting: Setting, names: Sequence[str], event: Event, definition: Definition) -> Iterator[Witness]:
    """All contingencies that show AC2 for these variables: of those held, as few as possible changed, then as few held.

    Raises:
        CausalModelError: AE-7614 there are more contingencies than may be looked at.
    """
    _, holds = setting.reader(event)
    relevant = [name for name in _relevant(setting, event) if name not in names]
    options = [_held_values(setting, name, names, definition) for name in relevant]
    own = [setting.column[name] for name in names]
    sizes = [len(setting.model.values[name]) for name in names]
    others = np.array(list(itertools.product(*map(range, sizes))))
    others = others[(others != setting.actual_codes[own]).any(axis=1)]
    columns = [setting.column[name] for name in relevant]
    looked_at = 0
    for held in _contingencies(options):
        # Counted as one goes: the first contingencies, those of few changes, often settle it.
        looked_at += len(held) * len(others)
        _affordable(looked_at, names, definition)
        forced = np.full((len(held) * len(others), len(setting.variables)), -1)
        forced[:, columns] = np.repeat(held, len(others), axis=0)
        forced[:, own] = np.tile(others, (len(held), 1))
        worlds = setting.worlds(forced)
        gone = ~holds(worlds)
        if definition != "modified":
            # AC2(b) for the whole of W and nothing of Z, for all contingencies at once: few are left.
            forced[:, own] = setting.actual_codes[own]
            gone &= holds(setting.worlds(forced))
        for row in np.flatnonzero(gone):
            codes = held[row // len(others)]
            held_codes = {name: int(code) for name, code in zip(relevant, codes, strict=True) if code >= 0}
            if definition == "modified" or _suffices(setting, names, event, held_codes, definition):
                yield _witness(setting, names, held_codes, worlds[row])


def _affordable(count: int, names: Sequence[str], definition: Definition) -> None:
    if count > _MOST_WORLDS:
        found = f"More than {_MOST_WORLDS:,} contingencies would have to be looked at for {', '.join(names)}."
        smaller = "leave variables out that do not matter"
        mend = smaller + "." if definition == "modified" else f"ask for the modified definition, or {smaller}."
        raise CausalModelError("AE-7614", found, mend=mend)


def _held_values(setting: Setting, name: str, causes: Sequence[str], definition: Definition) -> list[int]:
    """What a variable may be held at: not at all (-1), as it was, or otherwise, in this order."""
    was = int(setting.actual_codes[setting.column[name]])
    if definition != "modified":
        return [-1, was, *(code for code in range(len(setting.model.values[name])) if code != was)]
    # A variable that the cause does not act on stays as it was in any case.
    return [-1, was] if name in setting.model.graph.descendants(causes) else [-1]


def _contingencies(options: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
    """All choices of one option each, [choices, options], in blocks: few changed ones first, then few held ones."""
    for changed in range(len(options) + 1):
        for kept in range(len(options) - changed + 1):
            rows = _choices(options, changed, kept)
            while block := list(itertools.islice(rows, _BATCH)):
                yield np.array(block, dtype=int).reshape(len(block), len(options))


def _choices(options: Sequence[Sequence[int]], changed: int, kept: int) -> Iterator[tuple[int, ...]]:
    """The choices with so many variables changed, and so many held as they were."""
    changeable = [place for place, option in enumerate(options) if len(option) > 2]
    for other in itertools.combinations(changeable, changed):
        keepable = [place for place, option in enumerate(options) if len(option) > 1 and place not in other]
        for same in itertools.combinations(keepable, kept):
            yield from itertools.product(
                *(
                    option[2:] if place in other else option[1:2] if place in same else [-1]
                    for place, option in enumerate(options)
                )
            )


def _suffices(
    setting: Setting, names: Sequence[str], event: Event, held: Mapping[str, int], definition: Definition
) -> bool:
    """AC2(b): whether the cause as it was brings the event about, for every part of Z kept as it was, and of W held."""
    # Only what the contingency moves can be kept as it was to any effect.
    moved = setting.model.graph.descendants(held) & set(_relevant(setting, event))
    kept = [name for name in moved if name not in held and name not in names]
    choices = [[code] if definition == "original" else [-1, code] for code in held.values()]
    choices += [[-1, int(setting.actual_codes[setting.column[name]])] for name in kept]
    _affordable(math.prod(map(len, choices)), names, definition)
    rows = np.array(list(itertools.product(*choices)), dtype=int).reshape(math.prod(map(len, choices)), len(choices))
    forced = np.full((len(rows), len(setting.variables)), -1)
    forced[:, [setting.column[name] for name in (*held, *kept)]] = rows
    own = [setting.column[name] for name in names]
    forced[:, own] = setting.actual_codes[own]
    _, holds = setting.reader(event)
    return bool(holds(setting.worlds(forced)).all())


def _relevant(setting: Setting, event: Event) -> tuple[str, ...]:
    """The variables that act on the event; what it is about is one of them if it is about several."""
    about, _ = setting.reader(event)
    ancestors = setting.model.graph.ancestors(about) - (set(about) if len(about) == 1 else set())
    return tuple(name for name in setting.variables if name in ancestors)


def _happened(setting: Setting, event: Event) -> None:
    about, holds = setting.reader(event)
    if not holds(setting.actual_codes[None])[0]:
        was = ", ".join(f"{name}={setting.actual[name]}" for name in about)
        raise CausalModelError("AE-7613", f"The event did not happen: {was}.", mend="ask about what happened.")


def _witness(setting: Setting, names: Sequence[str], held: Mapping[str, int], codes: np.ndarray) -> Witness:
    world = setting.world(codes)
    kept = {name: setting.model.values[name][code] for name, code in held.items()}
    changed = sum(setting.actual[name] != value for name, value in kept.items())
    return Witness({name: world[name] for name in names}, kept, changed, world)


def reason_of(setting: Setting, witness: Witness) -> str:
    """The sentence that tells the contingency of a witness."""
    otherwise = ", ".join(f"{name}={value}" for name, value in witness.otherwise.items())
    if not witness.held:
        return f"But for it, the event would not have happened ({otherwise})."
    held = ", ".join(
        f"{name}={value}" + ("" if setting.actual[name] == value else f" (was {setting.actual[name]})")
        for name, value in witness.held.items()
    )
    return f"With {held} held, the event would not have happened at {otherwise}."
