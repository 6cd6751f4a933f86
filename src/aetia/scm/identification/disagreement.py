"""Which two models agree on everything that can be observed and disagree on the effect?

Every variable carries bits, each the parity of bits of its parents and of fair coins that arcs share:

    forest    in the hedge: of its forest parents and its arcs; the second model cuts the inner set off from the rest
    relay     takes the roots' parity along arrows to an outcome, or to a known variable
    path      for a known variable that the roots' parity ends in: ties it to an outcome along an open back-door path
    signal    takes the parity at a collider of that path along arrows to a known variable, which opens it

Left alone, the roots' parity is even in both models, because each coin is counted twice; with the treatments set, it
stays even in the second model and is a fair coin in the first. The bits are a little noisy, alike in both models, so
that every combination of values occurs.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

import numpy as np

from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.separation import connecting_path
from aetia.scm.identification.hedge import Hedge
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.mechanism import Mechanism

__all__ = ["disagreement"]

_NOISE = Fraction(1, 8)
"""How often a noisy bit is flipped; any share below a half will do."""


@dataclass(frozen=True)
class _Bit:
    """A bit: the parity of others, each named by its variable and its role.

    Args:
        parents: Bits of other variables that are added.
        coins: Arcs whose coin is added, each by its ends and the role that the coin has.
        is_noisy: Whether it is flipped now and then.
        is_fair: Whether it is a fair coin of its own.
    """

    parents: tuple[tuple[str, str], ...] = ()
    coins: tuple[tuple[str, str, str], ...] = ()
    is_noisy: bool = True
    is_fair: bool = False


@dataclass
class _Design:
    """The bits of every variable, as they are put together."""

    graph: Graph
    bits: dict[str, dict[str, _Bit]] = field(default_factory=dict)

    def add(self, name: str, role: str, bit: _Bit) -> None:
        """Adds this parity to the variable's bit of that role, which comes to be if it was not."""
        old = self.bits.setdefault(name, {}).get(role)
        if old is not None:
            bit = _Bit((*old.parents, *bit.parents), (*old.coins, *bit.coins), old.is_noisy, old.is_fair)
        self.bits[name][role] = bit


def disagreement(
    graph: Graph,
    hedge: Hedge,
    *,
    outcomes: Iterable[str],
    treatments: Iterable[str],
    given: Iterable[str] = (),
) -> tuple[DiscreteModel, DiscreteModel]:
    """Two exact models of the graph with the same positive law of all its variables and different effects.

    Args:
        graph: The ADMG.
        hedge: Why the effect is not identified.
        outcomes: The variables whose law is asked for.
        treatments: The variables that are set, with those known ones that may as well be set.
        given: The other known variables.

    Source: Shpitser and Pearl 2006 (AAAI), theorem 4; for conditional effects Shpitser and Pearl 2006 (UAI), theorem 6.
    """
    wanted, cut, known = frozenset(outcomes), frozenset(treatments), frozenset(given)
    models = list[DiscreteModel]()
    for is_connected in (True, False):
        design = _Design(graph)
        _forest(design, hedge, is_connected=is_connected)
        ends = _relay(design, hedge.roots, cut, wanted | known, "relay", "forest")
        if not any(name in wanted for name, _ in ends):
            _tie(design, ends[0], wanted, cut, known)
        models.append(_model(design))
    return models[0], models[1]


def _forest(design: _Design, hedge: Hedge, *, is_connected: bool) -> None:
    """The parities of the hedge's forests; cut off, inner variables do not see the outer set."""
    inner = set(hedge.inner)
    causes: dict[str, list[str]] = {name: [] for name in hedge.outer}
    for cause, effect in hedge.arrows:
        causes[effect].append(cause)
    for name in hedge.outer:
        sees = set(hedge.outer) if is_connected or name not in inner else inner
        parents = tuple((cause, "forest") for cause in causes[name] if cause in sees)
        coins = tuple((*arc, "forest") for arc in hedge.arcs if name in arc and sees.issuperset(arc))
        # All but the roots are uniform as it is; a noisy bit among them would give the cut away.
        design.add(name, "forest", _Bit(parents, coins, is_noisy=name in hedge.roots))


def _relay(
    design: _Design, starts: Iterable[str], cut: frozenset[str], ends: frozenset[str], role: str, first: str
) -> list[tuple[str, str]]:
    """Takes bits along arrows to the nearest ends; gives the bits that arrive, as variables and roles."""
    graph = design.graph
    onward, waiting = dict[str, str](), deque(sorted(ends))
    seen = set(ends) | cut
    while waiting:
        effect = waiting.popleft()
        for cause in sorted(graph.parents[effect] - seen):
            onward[cause] = effect
            seen.add(cause)
            waiting.append(cause)
    arrived, passed = dict[tuple[str, str], None](), set[tuple[str, str]]()
    for start in starts:
        here = (start, first)
        while here[0] not in ends and here not in passed:
            passed.add(here)
            target = onward[here[0]]
            design.add(target, role, _Bit((here,)))
            here = target, role
        if here[0] in ends:
            arrived[here] = None
    return list(arrived)


def _tie(
    design: _Design, end: tuple[str, str], outcomes: frozenset[str], cut: frozenset[str], known: frozenset[str]
) -> None:
    """Adds a coin to the known variable's bit that an outcome shows too, along a path that is open."""
    start = end[0]
    mutilated = design.graph.without_incoming(cut).without_outgoing([start])
    path = connecting_path(mutilated, [start], outcomes, cut | known - {start})
    assert path is not None, "rule 2 would have set it"
    into: dict[str, list[_Bit]] = {name: [] for name in path.nodes}
    for edge in path.edges:
        if edge.is_bidirected:
            for tip in (edge.first, edge.second):
                into[tip].append(_Bit(coins=((edge.first, edge.second, "path"),)))
        else:
            into[edge.second].append(_Bit(((edge.first, "path"),)))
    for bit in into[start]:
        design.add(start, end[1], bit)
    for name in path.nodes[1:]:
        if not into[name]:
            design.add(name, "path", _Bit(is_noisy=False, is_fair=True))
        for bit in into[name]:
            design.add(name, "path", bit)
    colliders = [name for name in path.nodes[1:-1] if len(into[name]) == 2]
    _relay(design, colliders, cut, known - {start}, "signal", "path")


def _model(design: _Design) -> DiscreteModel:
    """The model of these bits: a variable's value is its bits read as a number, the first role lowest."""
    graph = design.graph
    bits = {name: design.bits.get(name) or {"own": _Bit(is_noisy=False, is_fair=True)} for name in graph.nodes}
    coins = dict[str, list[str]]()
    for roles in bits.values():
        for bit in roles.values():
            for one, other, role in bit.coins:
                known = coins.setdefault(_latent(one, other), [])
                if role not in known:
                    known.append(role)
    roles = {name: tuple(of) for name, of in bits.items()} | {latent: tuple(of) for latent, of in coins.items()}
    values = {name: tuple(range(2 ** len(of))) for name, of in roles.items()}
    mechanisms = {
        latent: Mechanism(latent, (), np.full(len(values[latent]), Fraction(1, len(values[latent])), dtype=object))
        for latent in coins
    }
    mechanisms |= {name: _mechanism(name, bits[name], roles) for name in graph.nodes}
    return DiscreteModel(values, mechanisms, frozenset(coins))


def _latent(one: str, other: str) -> str:
    return f"U({', '.join(sorted((one, other)))})"


def _mechanism(name: str, bits: Mapping[str, _Bit], roles: Mapping[str, tuple[str, ...]]) -> Mechanism:
    sources = {
        role: [*bit.parents, *((_latent(one, other), of) for one, other, of in bit.coins)] for role, bit in bits.items()
    }
    parents = tuple(dict.fromkeys(source for found in sources.values() for source, _ in found))
    sizes = [2 ** len(roles[parent]) for parent in parents]
    table = np.empty((*sizes, 2 ** len(bits)), dtype=object)
    for setting in product(*map(range, sizes)):
        at = dict(zip(parents, setting, strict=True))
        chances = [
            _chance(bit, sum(at[source] >> roles[source].index(of) & 1 for source, of in sources[role]) % 2)
            for role, bit in bits.items()
        ]
        for value in range(2 ** len(bits)):
            table[(*setting, value)] = _joint(chances, value)
    return Mechanism(name, parents, table)


def _chance(bit: _Bit, parity: int) -> Fraction:
    """How probable it is that the bit is one."""
    if bit.is_fair:
        return Fraction(1, 2)
    noise = _NOISE if bit.is_noisy else Fraction(0)
    return 1 - noise if parity else noise


def _joint(chances: Iterable[Fraction], value: int) -> Fraction:
    """The probability of independent bits together, the first one lowest."""
    found = Fraction(1)
    for place, chance in enumerate(chances):
        found *= chance if value >> place & 1 else 1 - chance
    return found
