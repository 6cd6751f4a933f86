"""What probabilities does a question about an effect need, and what is the effect by the printed ones?

All numbers are whole: a probability in ten-thousandths, as it is printed, so that the label is exact.

Bits of a cell: 1 the outcome, 2 the treatment, 4 the mediator or the variable held, 8 the adjuster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from random import Random

from aetia.evals.tasks._effect_shapes import Kind, System, ancestors, works

__all__ = [
    "SCALE",
    "Asked",
    "Problem",
    "Statement",
    "crude",
    "decimals",
    "drawn_joint",
    "effect",
    "formula",
    "from_joint",
]

SCALE = 10_000
"""A probability of one."""

_Y, _X, _M, _Z = 1, 2, 4, 8

Statement = tuple[int, int, int, int]
"""A probability: which variables the event is about, their values, which are given, and their values."""

Joint = tuple[float, ...]
Value = Callable[[int, int, int, int], int]


@dataclass(frozen=True)
class Asked:
    """What is asked about a system.

    Args:
        kind: Of effect.
        treated: The value of the treatment that is compared with the other one; in a counterfactual, the imagined one.
        wanted: The value of the outcome whose probability is asked for.
        held: The value at which the mediator is held.
        bound: `lower` or `upper` of a probability of causation.
        told: The values, as bits, in which probabilities are told, where either value tells it.
    """

    kind: Kind
    treated: int
    wanted: int
    held: int = 0
    bound: str = ""
    told: int = 0


@dataclass(frozen=True)
class Problem:
    """A system, its joint distribution over the roles, what is asked, and the seed of the order of all that is told."""

    system: System
    joint: Joint
    asked: Asked
    shuffle: int = 0

    @cached_property
    def has_effect(self) -> bool:
        """Whether the graph lets the effect differ from zero."""
        return works(self.asked.kind, self.system.parents, self.system.roles)

    @cached_property
    def numbers(self) -> Mapping[Statement, int]:
        """The probabilities that are told: those that the formula needs, each once."""
        value = from_joint(self.joint)
        return {one: value(*one) for one in _needed(self.asked, self.has_adjuster)}

    @property
    def has_adjuster(self) -> bool:
        """Whether a variable is adjusted for."""
        return self.system.roles.adjuster >= 0

    @cached_property
    def unclipped(self) -> Fraction:
        """The formula on the printed numbers, without the limits 0 and 1 of a bound, and whatever the graph says."""
        return _TERMS[self.asked.kind](self.asked, self.has_adjuster, _from_printed(self.numbers))


def drawn_joint(random: Random, system: System) -> Joint:
    """Draw a binary model of the graph, and return the distribution of outcome, treatment, mediator and adjuster.

    Each chance is between 0.05 and 0.95, with four decimals: two would tell an effect from its cause by their looks.
    """
    parents, roles = system.parents, [place for place in system.roles.places if place >= 0]
    role_mask = sum(1 << place for place in roles)
    relevant = ancestors(parents, role_mask)
    order = [node for node in system.order if relevant >> node & 1]
    states = {0: 1.0}
    for number, node in enumerate(order):
        needed = role_mask
        for later in order[number + 1 :]:
            needed |= parents[later]
        chances: dict[int, float] = {}
        following: dict[int, float] = {}
        own, held = 1 << node, parents[node]
        for bits, share in states.items():
            key = bits & held
            if key not in chances:
                chances[key] = random.randrange(500, 9501) / SCALE
            chance = chances[key]
            for after, part in (((bits | own) & needed, share * chance), (bits & needed, share * (1 - chance))):
                following[after] = following.get(after, 0.0) + part
        states = following
    cells = [0.0] * 16
    for bits, share in states.items():
        cell = 0
        for place, node in enumerate(system.roles.places):
            if node >= 0 and bits >> node & 1:
                cell |= 1 << place
        cells[cell] += share
    return tuple(cells)


@cache
def _cells(mask: int, bits: int) -> tuple[int, ...]:
    return tuple(cell for cell in range(16) if cell & mask == bits)


def from_joint(joint: Joint) -> Value:
    """Probabilities of the model, rounded to how they would be printed."""

    def value(event: int, bits: int, given: int, known: int) -> int:
        whole = sum([joint[cell] for cell in _cells(given, known)]) if given else 1.0
        part = sum([joint[cell] for cell in _cells(event | given, bits | known)])
        return round(part / whole * SCALE)

    return value


def _from_printed(numbers: Mapping[Statement, int]) -> Value:
    def value(event: int, bits: int, given: int, known: int) -> int:
        found = numbers.get((event, bits, given, known))
        return SCALE - numbers[event, bits ^ event, given, known] if found is None else found

    return value


@cache
def _needed(asked: Asked, has_adjuster: bool) -> tuple[Statement, ...]:
    """What the formula looks up, in the values in which it is told: a trial run notes it."""
    found: dict[Statement, None] = {}

    def value(event: int, bits: int, given: int, known: int) -> int:
        single = event in {_Y, _X, _M, _Z}
        found[event, asked.told & event if single else bits, given, known] = None
        return 1

    _TERMS[asked.kind](asked, has_adjuster, value)
    return tuple(found)


def formula(asked: Asked, has_adjuster: bool, value: Value) -> Fraction:
    """What the formula of the kind gives by these probabilities, whether it holds in the graph or not."""
    return _clipped(asked, _TERMS[asked.kind](asked, has_adjuster, value))


def effect(problem: Problem) -> Fraction:
    """The label's number: zero where the graph says so, else the formula on the printed numbers."""
    if not problem.has_effect:
        return Fraction(0)
    return _clipped(problem.asked, problem.unclipped)


def crude(problem: Problem) -> Fraction:
    """The difference between the groups with either value of the treatment, by the printed digits of the model."""
    return _see(problem.asked, False, from_joint(problem.joint))  # noqa: FBT003  groups are not adjusted


def decimals(value: Fraction) -> str:
    """The number with four decimals, exact halves to the even digit."""
    units, rest = divmod(value.numerator * SCALE, value.denominator)
    if 2 * rest > value.denominator or (2 * rest == value.denominator and units % 2):
        units += 1
    return f"{'-' if units < 0 else ''}{abs(units) // SCALE}.{abs(units) % SCALE:04d}"


def _clipped(asked: Asked, value: Fraction) -> Fraction:
    if asked.bound == "lower":
        return max(Fraction(0), value)
    return min(Fraction(1), value) if asked.bound == "upper" else value


def _strata(has_adjuster: bool) -> tuple[tuple[int, int], ...]:
    return ((_Z, 0), (_Z, _Z)) if has_adjuster else ((0, 0),)


def _arms(asked: Asked) -> tuple[int, int, int]:
    """The outcome's wanted value, and the treatment's two values, as bits."""
    return asked.wanted * _Y, asked.treated * _X, (1 - asked.treated) * _X


def _weight(value: Value, mask: int, bits: int, given: int = 0, known: int = 0) -> int:
    return value(mask, bits, given, known) if mask else SCALE


def _ate(asked: Asked, has_adjuster: bool, value: Value) -> Fraction:
    outcome, treated, control = _arms(asked)
    total = 0
    for mask, bits in _strata(has_adjuster):
        gain = value(_Y, outcome, _X | mask, treated | bits) - value(_Y, outcome, _X | mask, control | bits)
        total += gain * _weight(value, mask, bits)
    return Fraction(total, SCALE**2)


def _cde(asked: Asked, has_adjuster: bool, value: Value) -> Fraction:
    outcome, treated, control = _arms(asked)
    held = asked.held * _M
    total = 0
    for mask, bits in _strata(has_adjuster):
        given, known = _X | _M | mask, held | bits
        gain = value(_Y, outcome, given, treated | known) - value(_Y, outcome, given, control | known)
        total += gain * _weight(value, mask, bits)
    return Fraction(total, SCALE**2)


def _ett(asked: Asked, has_adjuster: bool, value: Value) -> Fraction:
    """Among those who had the other value: as things are, less as they would have been."""
    outcome, treated, control = _arms(asked)
    total = value(_Y, outcome, _X, control) * SCALE
    for mask, bits in _strata(has_adjuster):
        weight = _weight(value, mask, bits, _X, control)
        total -= value(_Y, outcome, _X | mask, treated | bits) * weight
    return Fraction(total, SCALE**2)


def _nde(asked: Asked, has_adjuster: bool, value: Value) -> Fraction:
    outcome, treated, control = _arms(asked)
    total = 0
    for mask, bits in _strata(has_adjuster):
        for held in (0, _M):
            given, known = _X | _M | mask, held | bits
            gain = value(_Y, outcome, given, treated | known) - value(_Y, outcome, given, control | known)
            weight = value(_M, held, _X | mask, control | bits)
            total += gain * weight * _weight(value, mask, bits)
    return Fraction(total, SCALE**3)


def _nie(asked: Asked, has_adjuster: bool, value: Value) -> Fraction:
    outcome, treated, control = _arms(asked)
    total = 0
    for mask, bits in _strata(has_adjuster):
        for held in (0, _M):
            share = value(_Y, outcome, _X | _M | mask, control | held | bits)
            gain = value(_M, held, _X | mask, treated | bits) - value(_M, held, _X | mask, control | bits)
            total += share * gain * _weight(value, mask, bits)
    return Fraction(total, SCALE**3)


def _causation(asked: Asked, has_adjuster: bool, value: Value) -> Fraction:
    """The bound before it is limited to 0 and 1.

    Source: Tian and Pearl 2000, Probabilities of causation: bounds and identification.
    """
    outcome, treated, control = _arms(asked)
    other = outcome ^ _Y
    under = 0  # the wanted outcome, had the treatment been the imagined one
    for mask, bits in _strata(has_adjuster):
        under += value(_Y, outcome, _X | mask, treated | bits) * _weight(value, mask, bits)
    case = value(_Y | _X, other | control, 0, 0)
    if asked.bound == "lower":
        return Fraction(value(_Y, other, 0, 0) * SCALE - (SCALE**2 - under), case * SCALE)
    return Fraction(under - value(_Y | _X, outcome | treated, 0, 0) * SCALE, case * SCALE)


def _see(asked: Asked, has_adjuster: bool, value: Value) -> Fraction:  # noqa: ARG001  one of _TERMS
    outcome, treated, control = _arms(asked)
    return Fraction(value(_Y, outcome, _X, treated) - value(_Y, outcome, _X, control), SCALE)


_TERMS: Mapping[Kind, Callable[[Asked, bool, Value], Fraction]] = {
    "ate": _ate,
    "cde": _cde,
    "ett": _ett,
    "nde": _nde,
    "nie": _nie,
    "pn": _causation,
    "ps": _causation,
    "see": _see,
}
