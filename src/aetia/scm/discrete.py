"""What follows exactly from a causal model whose variables have finitely many values?

A model is a variable, its parents and a table each. Hidden variables are variables too, named as latent. A model all of
whose tables with parents hold only zeros and ones is *functional*: its randomness sits in its roots, and that is what
counterfactuals need.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from aetia.scm.factor import Factor
from aetia.scm.graph import Graph
from aetia.scm.query import Value

__all__ = ["DiscreteModel", "Mechanism"]


@dataclass(frozen=True)
class Mechanism:
    """How a variable comes to its value: a distribution over its values for every combination of its parents'.

    Args:
        variable: The variable's name.
        parents: Its parents' names, an axis of the table each.
        table: Probabilities, [values of parents..., values of variable]; the last axis sums to one. float64, or exact
            fractions in an array of objects.
    """

    variable: str
    parents: tuple[str, ...]
    table: np.ndarray

    @property
    def factor(self) -> Factor:
        """The table with its axes named."""
        return Factor((*self.parents, self.variable), self.table)

    @property
    def is_deterministic(self) -> bool:
        """Whether the parents leave no chance."""
        return bool(np.all((self.table == 0) | (self.table == 1)))


@dataclass(frozen=True)
class DiscreteModel:
    """A structural causal model over finite variables.

    Args:
        values: Of each variable its values, in the order of the tables' axes.
        mechanisms: Of each variable how it comes to its value.
        latent: The variables that nobody observes.
    """

    values: Mapping[str, tuple[Value, ...]]
    mechanisms: Mapping[str, Mechanism]
    latent: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def graph(self) -> Graph:
        """Who acts on whom, the latent variables among them."""
        pairs = [(parent, name) for name, mechanism in self.mechanisms.items() for parent in mechanism.parents]
        return Graph.of(pairs, nodes=self.values, latent=self.latent)

    @property
    def is_functional(self) -> bool:
        """Whether all chance sits in the roots, so that every counterfactual has one answer."""
        return all(one.is_deterministic for one in self.mechanisms.values() if one.parents)
