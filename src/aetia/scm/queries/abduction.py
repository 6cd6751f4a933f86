"""What would have been, by the three steps: learn the chances from what is known, set, and see what follows?

    abduction    the law of the exogenous roots given what is known
    action       each world has its own interventions
    prediction   every root's value settles every world

This enumerates the roots of a functional model; `aetia.scm.queries.worlds` reaches the same numbers by one network.

Source: Pearl, Causality, 2009, theorem 7.1.7.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from aetia.errors import CausalModelError, QueryError
from aetia.scm.language.derivation import Number
from aetia.scm.language.query import Assignment, Term
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.factor import Factor

__all__ = ["abduced", "counterfactual", "predicted", "relevant_roots"]

_MOST = 2**24


def counterfactual(model: DiscreteModel, event: Sequence[Term], given: Sequence[Term] = ()) -> Number:
    """The probability of terms in any worlds, given terms in any worlds.

    Args:
        model: A functional model.
        event: Terms with values.
        given: Terms with values.

    Raises:
        CausalModelError: as `abduced`.
        QueryError: as `abduced`.
    """
    roots = relevant_roots(model, [*event, *given])
    return predicted(model, abduced(model, given, roots), event)


def relevant_roots(model: DiscreteModel, terms: Sequence[Term]) -> tuple[str, ...]:
    """The roots that can matter to these terms, in the model's order."""
    names = {name for term in terms for name in _mentioned(term)}
    causes = model.graph.ancestors(model.known(sorted(names)))
    return tuple(name for name in model.values if name in causes and not model.mechanisms[name].parents)


def _mentioned(term: Term) -> set[str]:
    found = {term.variable}
    for one in term.world:
        found |= {one.variable} | (_mentioned(one.value) if isinstance(one.value, Term) else set())
    return found


def abduced(model: DiscreteModel, given: Sequence[Term], roots: Sequence[str]) -> Factor:
    """The law of the roots given what is known, in any worlds.

    Args:
        model: A functional model.
        given: Terms with values.
        roots: The roots, an axis each.

    Raises:
        CausalModelError: AE-7210 what is known has probability zero; AE-7234 a mechanism with parents leaves chance;
            AE-7235 there are too many combinations of the roots' values.
        QueryError: AE-7330 a value is left open.
    """
    solver = _Solver(model, tuple(roots))
    weights = solver.prior() * solver.holds(given)
    whole = weights.sum()
    if not whole:
        what = ", ".join(map(str, given))
        raise CausalModelError("AE-7210", f"{what} has probability zero.", mend="ask given something that can be.")
    return Factor(tuple(roots), np.asarray(weights / whole))


def predicted(model: DiscreteModel, law: Factor, event: Sequence[Term]) -> Number:
    """The probability of terms in any worlds under this law of the roots."""
    holds = _Solver(model, law.axes).holds(event)
    found = (law.values * holds).sum()
    return found if isinstance(found, Fraction) else float(found)


@dataclass
class _Solver:
    """What every combination of the roots' values makes of a variable in a world."""

    model: DiscreteModel
    roots: tuple[str, ...]
    _solved: dict[tuple[str, tuple[Assignment, ...]], np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sizes = [len(self.model.values[name]) for name in self.roots]
        if math.prod(sizes) > _MOST:
            found = f"The roots have {math.prod(sizes):,} combinations of values; this enumerates at most {_MOST:,}."
            raise CausalModelError("AE-7235", found, mend="ask `aetia.scm.answer`, which eliminates variables.")
        for name, mechanism in self.model.mechanisms.items():
            if mechanism.parents and not mechanism.is_deterministic:
                found = f"{name} has parents and a chance of its own; abduction needs all chance in the roots."
                raise CausalModelError("AE-7234", found, mend="make its chance a latent root that it reads.")

    def prior(self) -> np.ndarray:
        """The roots' probabilities, [size of each root]."""
        found = np.ones((1,) * len(self.roots), dtype=object if self.model.is_exact else np.float64)
        for name in self.roots:
            found = found * self.model.mechanisms[name].factor.over(self.roots)
        return found

    def holds(self, terms: Sequence[Term]) -> np.ndarray:
        """One where all terms are so and zero elsewhere, broadcast over the roots."""
        found = np.ones((1,) * len(self.roots), dtype=np.int64)
        for term in terms:
            if term.value is None:
                raise QueryError("AE-7330", f"The value of {term} is left open.", mend="give it a value.")
            wanted = self.model.index({term.variable: term.value})[term.variable]
            found = found * (self.solved(term.variable, term.world) == wanted)
        return found

    def solved(self, variable: str, world: tuple[Assignment, ...]) -> np.ndarray:
        """The place of the variable's value in this world, broadcast over the roots."""
        if (variable, world) not in self._solved:
            causes = self.model.graph.ancestors([variable])
            for name in self.model.graph.order:  # causes first, so that no chain is too long to follow
                if name in causes and (name, world) not in self._solved:
                    self._solved[name, world] = self._solve(name, world)
        return self._solved[variable, world]

    def _solve(self, variable: str, world: tuple[Assignment, ...]) -> np.ndarray:
        for one in world:
            if one.variable == variable:
                if isinstance(one.value, Term):
                    values = self.model.values[one.value.variable]
                    inside = self.solved(one.value.variable, one.value.world)
                    return np.array([self.model.index({variable: value})[variable] for value in values])[inside]
                if one.value is None:
                    raise QueryError("AE-7330", f"The value of {one} is left open.", mend="give it a value.")
                return np.full((1,) * len(self.roots), self.model.index({variable: one.value})[variable])
        mechanism = self.model.mechanisms[variable]
        if not mechanism.parents:
            shape = [len(self.model.values[name]) if name == variable else 1 for name in self.roots]
            return np.arange(len(self.model.values[variable])).reshape(shape)
        # The one value with probability one, for every combination of the parents' values.
        rule = np.argmax(mechanism.table == 1, axis=-1)
        return rule[tuple(self.solved(parent, world) for parent in mechanism.parents)]
