"""What follows exactly from a causal model whose variables have finitely many values?

A model is a variable, its parents and a table each. Hidden variables are variables too, named as latent. A model all of
whose tables with parents hold only zeros and ones is *functional*: its randomness sits in its roots, and that is what
counterfactuals need.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import cast

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.derivation import Number
from aetia.scm.language.query import Value
from aetia.scm.models.elimination import BUDGET, eliminate
from aetia.scm.models.factor import Factor, as_names
from aetia.scm.models.mechanism import Law, Mechanism, default_values, mechanism_of

__all__ = ["DiscreteModel", "Mechanism"]


@dataclass(frozen=True)
class DiscreteModel:
    """A structural causal model over finite variables.

    Tables are floats throughout, or fractions throughout: zeros and ones go with either, and a model of both is one of
    floats.

    Args:
        values: Of each variable its values, in the order of the tables' axes.
        mechanisms: Of each variable how it comes to its value.
        latent: The variables that nobody observes.

    Raises:
        CausalModelError: AE-7203 a table's shape is not that of its variables; AE-7204 a parent is unknown; AE-7205 a
            variable has no values, or one twice; AE-7206 a variable lacks its mechanism, or a mechanism its variable.
        GraphError: AE-7103 the variables form a cycle; AE-7102 a latent variable is unknown.
    """

    values: Mapping[str, tuple[Value, ...]]
    mechanisms: Mapping[str, Mechanism]
    latent: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for name in {**self.values, **self.mechanisms}:
            if name not in self.mechanisms or name not in self.values or self.mechanisms[name].variable != name:
                lacking = "mechanism" if name in self.values else "values"
                found = f"The variable {name} has no {lacking} of its own."
                raise CausalModelError("AE-7206", found, mend="give every variable its values and one mechanism.")
        for name, values in self.values.items():
            if not values or len(set(values)) < len(values):
                found = f"The variable {name} has " + ("one of its values twice." if values else "no values.")
                raise CausalModelError("AE-7205", found, mend="list its different values, at least one.")
        sizes = {name: len(values) for name, values in self.values.items()}
        for name, mechanism in self.mechanisms.items():
            if mechanism.table.shape != tuple(map(sizes.get, (*mechanism.parents, name))):
                raise self._misshapen(mechanism)
        # The graph is made where it is needed to name what is wrong: most models live for one query under do().
        if self.latent - self.values.keys() or len(self._order) < len(self.values):
            assert self.graph.order is None
        object.__setattr__(self, "mechanisms", _harmonised(self.mechanisms))

    def __hash__(self) -> int:
        return hash((frozenset(self.values), self.latent))

    def _misshapen(self, mechanism: Mechanism) -> CausalModelError:
        unknown = [parent for parent in mechanism.parents if parent not in self.values]
        if unknown:
            found = f"The mechanism of {mechanism.variable} reads {unknown[0]}, which is no variable of the model."
            return CausalModelError("AE-7204", found, mend=f"read some of {', '.join(self.values)}, or add it.")
        wanted = tuple(len(self.values[name]) for name in (*mechanism.parents, mechanism.variable))
        axes = ", ".join((*mechanism.parents, mechanism.variable))
        found = f"The table of {mechanism.variable} has shape {mechanism.table.shape}, and ({axes}) has {wanted}."
        return CausalModelError("AE-7203", found, mend="give one axis a parent in their order, the variable last.")

    @classmethod
    def of(
        cls,
        laws: Mapping[str, Law],
        *,
        values: Mapping[str, Sequence[Value]] | None = None,
        latent: Sequence[str] = (),
    ) -> "DiscreteModel":
        """A model of laws as one writes them by hand.

            DiscreteModel.of({
                "Z": {0: 0.4, 1: 0.6},                                  # a root: each value's probability
                "X": (["Z"], [[0.9, 0.1], [0.2, 0.8]]),                 # parents and table, the variable's axis last
                "Y": lambda X, Z: {0: 0.7, 1: 0.3} if X else {Z: 1},    # a rule: a distribution, or a value
            })

        Args:
            laws: Of each variable its law: a mapping of values to probabilities; parents and a table; a list of
                probabilities; a function of the parents by their names that gives a value, a mapping, or a list of
                probabilities; a Mechanism.
            values: Of each variable its values. Where a law does not say: the keys of a mapping, `0 .. n-1` for a
                table, `0, 1` for a rule.
            latent: The variables that nobody observes.

        Raises:
            CausalModelError: AE-7201 to AE-7207, see `docs/errors.md`.
            GraphError: AE-7103 the variables form a cycle; AE-7102 a latent variable is unknown.
        """
        given = {name: tuple(of) for name, of in (values or {}).items()}
        domains = {name: given.get(name) or default_values(name, law) for name, law in laws.items()}
        domains |= {name: of for name, of in given.items() if name not in laws or not of}
        mechanisms = {name: mechanism_of(name, law, domains) for name, law in laws.items()}
        return cls(domains, mechanisms, frozenset(as_names(latent)))

    @cached_property
    def graph(self) -> Graph:
        """Who acts on whom, the latent variables among them."""
        pairs = [(parent, name) for name, mechanism in self.mechanisms.items() for parent in mechanism.parents]
        return Graph.of(pairs, nodes=self.values, latent=self.latent)

    @cached_property
    def _order(self) -> list[str]:
        """The variables that no cycle acts on, causes before effects."""
        waiting = {name: len(one.parents) for name, one in self.mechanisms.items()}
        children: dict[str, list[str]] = {name: [] for name in self.mechanisms}
        for name, one in self.mechanisms.items():
            for parent in one.parents:
                children[parent].append(name)
        found = [name for name, count in waiting.items() if not count]
        for name in found:
            for child in children[name]:
                waiting[child] -= 1
                if not waiting[child]:
                    found.append(child)
        return found

    @cached_property
    def _set(self) -> dict[str, int]:
        """Of each root that has one value for certain, the place of that value."""
        roots = {name: one.table for name, one in self.mechanisms.items() if not one.parents}
        return {name: int(np.argmax(table)) for name, table in roots.items() if np.count_nonzero(table) == 1}

    def _ancestors(self, names: Iterable[str]) -> set[str]:
        """These variables and all that act on them."""
        found, ends = set(names), list(names)
        while ends:
            fresh = [parent for parent in self.mechanisms[ends.pop()].parents if parent not in found]
            found.update(fresh)
            ends += fresh
        return found

    @property
    def observed(self) -> tuple[str, ...]:
        """The variables that are not latent, in order."""
        return tuple(name for name in self.values if name not in self.latent)

    @property
    def is_functional(self) -> bool:
        """Whether all chance sits in the roots, so that every counterfactual has one answer."""
        return all(one.is_deterministic for one in self.mechanisms.values() if one.parents)

    @cached_property
    def is_exact(self) -> bool:
        """Whether the tables are fractions, so that every answer is one."""
        return any(one.table.dtype == object for one in self.mechanisms.values())

    def do(self, interventions: Mapping[str, Value | Law] | None = None, /, **more: Value | Law) -> "DiscreteModel":
        """The model in which these variables come to their values in another way.

            model.do(X=1)                                set to a value
            model.do(X={0: 0.3, 1: 0.7})                 set by chance
            model.do(X=lambda Z: 1 - Z)                  a policy, which may read what is no effect of X
            model.do(X=(["Z"], [[0.9, 0.1], [0.5, 0.5]]))   another mechanism (a soft intervention)

        Raises:
            CausalModelError: AE-7208 a variable is unknown, AE-7207 a value is; AE-7201 to AE-7204 for a law.
            GraphError: AE-7103 a policy reads an effect of the variable that it sets.
        """
        chosen = {**(interventions or {}), **more}
        fresh = dict(self.mechanisms)
        for name, law in chosen.items():
            self.known([name])
            if isinstance(law, Value | np.generic):
                sure = np.zeros(len(self.values[name]))
                sure[self.index({name: cast("Value", law)})[name]] = 1.0
                fresh[name] = Mechanism(name, (), sure)
            else:
                fresh[name] = mechanism_of(name, law, self.values)
        return replace(self, mechanisms=fresh)

    def known(self, names: Sequence[str]) -> tuple[str, ...]:
        """These names, once it is sure that all are variables of the model.

        Raises:
            CausalModelError: AE-7208 a name is unknown.
        """
        wanted = as_names(names)
        unknown = [name for name in wanted if name not in self.values]
        if unknown:
            found = f"There is no variable {unknown[0]} in the model."
            mend = f"use one of {', '.join(self.values)}." if self.values else "give the model variables."
            raise CausalModelError("AE-7208", found, mend=mend)
        return tuple(dict.fromkeys(wanted))

    def index(self, event: Mapping[str, Value]) -> dict[str, int]:
        """Of each variable of the event, the place of its value on the tables' axes.

        Raises:
            CausalModelError: AE-7208 a variable is unknown; AE-7207 it has no such value.
        """
        self.known(tuple(event))
        for name, value in event.items():
            if value not in self.values[name]:
                found = f"The variable {name} has no value {value!r}."
                raise CausalModelError("AE-7207", found, mend=f"use one of {', '.join(map(repr, self.values[name]))}.")
        return {name: self.values[name].index(value) for name, value in event.items()}

    def joint(
        self,
        names: Sequence[str] | None = None,
        given: Mapping[str, Value] | None = None,
        *,
        budget: int = BUDGET,
    ) -> Factor:
        """The exact distribution of these variables given what is known, an axis a variable, in their order.

        Args:
            names: The variables, or one variable; None for all observed ones.
            given: What is known of others, or of these.
            budget: How many bytes the largest table on the way may take.

        Raises:
            CausalModelError: AE-7208 a variable is unknown; AE-7207 a value is; AE-7210 what is known has probability
                zero, or one too small for floats; AE-7209 the tables do not fit the budget.
        """
        wanted = self.observed if names is None else self.known(names)
        known = self.index(given or {})
        free = tuple(name for name in wanted if name not in known)
        found = self._weights(free, known, budget)
        if known or self.is_exact:
            whole = found.values.sum()
            if not whole:
                what = ", ".join(f"{name}={value!r}" for name, value in (given or {}).items())
                mend = "ask given something that can be; under do() too, what is known must be possible."
                if self.is_exact:
                    raise CausalModelError("AE-7210", f"{what} has probability zero.", mend=mend)
                found = f"{what} has probability zero, or one too small for floats."
                raise CausalModelError("AE-7210", found, mend=f"use exact fractions if it is tiny; else {mend}")
            found = Factor(free, _divided(found.values, whole))
        for name in wanted:
            if name in known:
                sure = np.array([Fraction(place == known[name]) for place in range(len(self.values[name]))])
                found = found.times(Factor((name,), sure if self.is_exact else sure.astype(float)))
        return Factor(wanted, found.over(wanted))

    def probability(
        self, event: Mapping[str, Value], given: Mapping[str, Value] | None = None, *, budget: int = BUDGET
    ) -> Number:
        """The exact probability that these variables have these values, given what is known.

        Raises:
            CausalModelError: as `joint`.
        """
        index = self.index(event)
        found = self.joint(tuple(event), given, budget=budget).at(index).values.item()
        return found if self.is_exact else float(found)

    def _weights(self, free: tuple[str, ...], known: Mapping[str, int], budget: int) -> Factor:
        """The joint probability of these variables and what is known; for exact tables, a multiple of it in integers.

        Variables that are no ancestors of either sum to one and are left out.
        """
        relevant = self._ancestors((*free, *known))
        # What intervention has set cuts the tables as evidence does, and has probability one.
        fixed = {
            name: self._set[name] for name in self._set.keys() & relevant if name not in free and name not in known
        }
        sliced = {**known, **fixed}
        scale = _as_integers if self.is_exact else _as_is
        factors = [Factor((), np.array(1, dtype=object if self.is_exact else np.float64))]
        factors += [
            Factor((*one.parents, name), scale(one.table)).at(sliced)
            for name, one in self.mechanisms.items()
            if name in relevant and name not in fixed
        ]
        return eliminate(factors, free, {name: len(of) for name, of in self.values.items()}, budget=budget)


def _harmonised(mechanisms: Mapping[str, Mechanism]) -> Mapping[str, Mechanism]:
    """The same tables, all of floats or all of fractions."""
    exact = [one.table.dtype == object for one in mechanisms.values()]
    if len(set(exact)) <= 1:
        return mechanisms
    if all(is_exact or one.is_binary for is_exact, one in zip(exact, mechanisms.values(), strict=True)):
        return {name: replace(one, table=_as_fractions(one.table)) for name, one in mechanisms.items()}
    return {name: replace(one, table=one.table.astype(np.float64)) for name, one in mechanisms.items()}


def _as_fractions(table: np.ndarray) -> np.ndarray:
    return cast("np.ndarray", np.frompyfunc(Fraction, 1, 1)(table))


def _as_integers(table: np.ndarray) -> np.ndarray:
    """The table times its common denominator: integers multiply and add far faster than fractions."""
    whole = lcm(*(number.denominator for number in table.flat))
    return cast("np.ndarray", np.frompyfunc(lambda number: int(number * whole), 1, 1)(table))


def _as_is(table: np.ndarray) -> np.ndarray:
    return table


def _divided(values: np.ndarray, whole: float) -> np.ndarray:
    """The numbers over this one; integers become fractions."""
    if values.dtype != object:
        return values / whole
    found = np.empty(values.shape, dtype=object)
    found[...] = np.frompyfunc(lambda number: Fraction(number) / Fraction(whole), 1, 1)(values)
    return found
