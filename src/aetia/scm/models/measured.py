"""Where do the probabilities of an expression come from: a model, a distribution, or rows of data?

Each source is of one population and of one regime: observation, or an experiment that set some variables. `weights` are
then probabilities given what was set, up to a factor that may depend on that, which is all that conditionals need.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import cast

import numpy as np
import pyarrow as pa

from aetia.errors import CausalModelError
from aetia.scm.language.query import Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.elimination import BUDGET
from aetia.scm.models.factor import Factor

__all__ = ["Distribution", "ModelLaw", "Sample", "Source", "domain", "place"]


@dataclass(frozen=True)
class Distribution:
    """Probabilities that are known.

    Args:
        values: Of each variable its values, in the order of the table's axes.
        factor: The probabilities, an axis a variable; under an experiment they sum to one for each of its settings.
        population: Whose they are; empty for the population at hand.
        do: The variables that the experiment set.
    """

    values: Mapping[str, tuple[Value, ...]]
    factor: Factor
    population: str = ""
    do: frozenset[str] = field(default_factory=frozenset)

    def weights(self, names: Sequence[str]) -> Factor:
        """The weights of these variables' values, an axis each."""
        return self.factor.marginal(names)


@dataclass(frozen=True)
class Sample:
    """Rows of data; probabilities are frequencies.

    Args:
        columns: Of each variable its value in each row.
        population: Whose rows they are; empty for the population at hand.
        do: The variables that were set in them.
    """

    columns: Mapping[str, Sequence[Value]]
    population: str = ""
    do: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, table: pa.Table, population: str = "", do: Sequence[str] = ()) -> "Sample":
        """The rows of an Arrow table."""
        columns = {name: table.column(name).to_pylist() for name in table.column_names}
        return cls(columns, population, frozenset(do))

    @cached_property
    def values(self) -> Mapping[str, tuple[Value, ...]]:
        """Of each variable the values that occur, sorted."""
        return {name: tuple(sorted(set(column), key=_by_kind)) for name, column in self.columns.items()}

    @cached_property
    def _codes(self) -> Mapping[str, np.ndarray]:
        places = {name: {value: place for place, value in enumerate(values)} for name, values in self.values.items()}
        return {
            name: np.fromiter((places[name][value] for value in column), dtype=np.int64)
            for name, column in self.columns.items()
        }

    def weights(self, names: Sequence[str]) -> Factor:
        """The frequencies of these variables' values, an axis each."""
        shape = tuple(len(self.values[name]) for name in names)
        codes = tuple(self._codes[name] for name in names)
        rows = max((len(column) for column in self.columns.values()), default=0)
        if not names:
            return Factor((), np.asarray(1.0))
        counts = np.bincount(np.ravel_multi_index(codes, shape), minlength=int(np.prod(shape)))
        return Factor(tuple(names), counts.reshape(shape) / max(rows, 1))


@dataclass(frozen=True)
class ModelLaw:
    """What a model says of one regime.

    Args:
        model: The model.
        population: Whose model it is; empty for the population at hand.
        do: The variables that an experiment sets.
        budget: How many bytes the largest table on the way may take.
    """

    model: DiscreteModel
    population: str = ""
    do: frozenset[str] = field(default_factory=frozenset)
    budget: int = BUDGET

    @property
    def values(self) -> Mapping[str, tuple[Value, ...]]:
        """Of each variable its values."""
        return self.model.values

    @cached_property
    def _randomised(self) -> DiscreteModel:
        return self.model.do(
            {name: dict.fromkeys(self.values[name], Fraction(1, len(self.values[name]))) for name in sorted(self.do)}
        )

    def weights(self, names: Sequence[str]) -> Factor:
        """The probabilities of these variables' values where what is set is set by a fair draw."""
        return self._randomised.joint(tuple(names), budget=self.budget)


Source = Distribution | Sample | ModelLaw


def domain(source: Source, name: str) -> tuple[Value, ...]:
    """The values of a variable.

    Raises:
        CausalModelError: AE-7208 the source has no such variable.
    """
    if name not in source.values:
        found = f"There is no variable {name} among those measured."
        raise CausalModelError("AE-7208", found, mend=f"use one of {', '.join(source.values)}.")
    return source.values[name]


def place(source: Source, name: str, value: Value) -> int:
    """The place of a value on the variable's axis.

    Raises:
        CausalModelError: AE-7208 the source has no such variable; AE-7207 the variable no such value.
    """
    values = domain(source, name)
    if value not in values:
        found = f"The variable {name} has no value {value!r}."
        raise CausalModelError("AE-7207", found, mend=f"use one of {', '.join(map(repr, values))}.")
    return values.index(value)


def _by_kind(value: Value) -> tuple[bool, float, str]:
    """Numbers before words, each in their own order."""
    return isinstance(value, str), 0.0 if isinstance(value, str) else float(cast("float", value)), str(value)
