"""How does one variable of a discrete model come to its value, and how is that written down?"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import cast

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.language.derivation import Number
from aetia.scm.language.query import Value
from aetia.scm.models.factor import Factor

__all__ = ["Law", "Mechanism", "Rule", "default_values", "mechanism_of", "parameters"]

TOLERANCE = 1e-9
"""How far from one the probabilities of a table of floats may sum: beyond rounding, the table is wrong."""


@dataclass(frozen=True, eq=False)
class Mechanism:
    """How a variable comes to its value: a distribution over its values for every combination of its parents'.

    Args:
        variable: The variable's name.
        parents: Its parents' names, an axis of the table each.
        table: Probabilities, [values of parents..., values of variable]; the last axis sums to one. float64, or exact
            fractions in an array of objects.

    Raises:
        CausalModelError: AE-7201 a number is no probability; AE-7202 the probabilities do not sum to one; AE-7203 the
            table has another number of axes; AE-7204 a parent stands twice, or is the variable itself.
    """

    variable: str
    parents: tuple[str, ...]
    table: np.ndarray

    def __post_init__(self) -> None:
        axes = (*self.parents, self.variable)
        if len(set(axes)) < len(axes):
            found = f"The mechanism of {self.variable} reads {', '.join(self.parents)}: one twice, or itself."
            raise CausalModelError("AE-7204", found, mend="name every parent once, and never the variable itself.")
        table = _numbers(self.variable, self.table)
        if table.ndim != len(axes) or not table.shape[-1]:
            found = f"The table of {self.variable} has shape {table.shape}, and its axes are {', '.join(axes)}."
            raise CausalModelError("AE-7203", found, mend="give one axis a parent in their order, the variable last.")
        _require_distributions(self, table)
        table.flags.writeable = False
        object.__setattr__(self, "table", table)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mechanism):
            return NotImplemented
        same = (self.variable, self.parents) == (other.variable, other.parents)
        return same and np.array_equal(self.table, other.table)

    def __hash__(self) -> int:
        return hash((self.variable, self.parents, self.table.shape))

    @property
    def factor(self) -> Factor:
        """The table with its axes named."""
        return Factor((*self.parents, self.variable), self.table)

    @property
    def is_binary(self) -> bool:
        """Whether all its numbers are zero or one."""
        return bool(np.all((self.table == 0) | (self.table == 1)))

    @property
    def is_deterministic(self) -> bool:
        """Whether the parents leave no chance."""
        return self.is_binary


Table = Sequence[object] | np.ndarray
"""Nested lists of numbers, or an array."""

Rule = Callable[..., "Value | Mapping[Value, Number] | Sequence[Number] | np.ndarray"]
"""A function of the parents' values, by name, that gives a value, or each value's probability."""

Law = (
    Mechanism
    | Mapping[Value, Number]
    | tuple[Collection[str], Table]
    | tuple[Number, ...]
    | list[Number]
    | np.ndarray
    | Rule
)
"""A mechanism as one writes it by hand; see `DiscreteModel.of`."""


def _numbers(variable: str, table: Table) -> np.ndarray:
    """The table as float64, or as fractions if it holds fractions and integers alone; always a copy."""
    if isinstance(table, np.ndarray) and table.dtype.kind in "fiub":
        return table.astype(np.float64)
    try:
        raw = np.array(table, dtype=object)
        numbers = raw.ravel().tolist()
        exact = any(isinstance(number, Fraction) for number in numbers)
        if exact and all(isinstance(number, Fraction | int) for number in numbers):
            return cast("np.ndarray", np.frompyfunc(Fraction, 1, 1)(raw.ravel())).reshape(raw.shape)
        return np.array(numbers, dtype=np.float64).reshape(raw.shape)
    except (TypeError, ValueError, OverflowError) as error:
        found = f"The table of {variable} holds something that is no number, or rows of different lengths."
        raise CausalModelError("AE-7201", found, mend="give probabilities, rows of equal length.") from error


def _require_distributions(mechanism: Mechanism, table: np.ndarray) -> None:
    wrong = ~((table >= 0) & (table <= 1 + TOLERANCE)) if table.size else np.zeros(0, dtype=bool)
    if np.any(wrong):
        place = tuple(int(number) for number in np.argwhere(wrong)[0])
        found = f"The table of {mechanism.variable} holds {table[place]} at {list(place)}, which is no probability."
        raise CausalModelError("AE-7201", found, mend="give numbers from 0 to 1.")
    sums = np.asarray(table.sum(axis=-1))
    off = sums != 1 if table.dtype == object else np.abs(sums - 1) > TOLERANCE
    if np.any(off):
        place = tuple(int(number) for number in np.argwhere(off)[0])
        where = f" at {list(place)} of {', '.join(mechanism.parents)}" if place else ""
        found = f"The probabilities of {mechanism.variable}{where} sum to {sums[place]}, not to 1."
        raise CausalModelError("AE-7202", found, mend="normalise them; thirds are exact as Fraction(1, 3) or '1/3'.")


def default_values(variable: str, law: Law) -> tuple[Value, ...]:
    """The values that a variable has if only its law says so.

    Raises:
        CausalModelError: AE-7201 the law is no table.
    """
    if isinstance(law, Mapping):
        return tuple(law)
    if isinstance(law, Mechanism):
        return tuple(range(law.table.shape[-1]))
    if callable(law):
        return (0, 1)
    _, table = _parents_and_table(law)
    shape = _numbers(variable, table).shape
    return tuple(range(shape[-1])) if shape else ()


def mechanism_of(variable: str, law: Law, values: Mapping[str, tuple[Value, ...]]) -> Mechanism:
    """The mechanism that a law stands for.

    Args:
        variable: The variable's name.
        law: Its law, see `DiscreteModel.of`.
        values: Of each variable of the model its values.

    Raises:
        CausalModelError: AE-7201 to AE-7204 the table is wrong; AE-7207 a value is none of the variable's; AE-7211 a
            rule cannot be called with its parents' values, or gives neither a value nor a distribution.
    """
    if isinstance(law, Mechanism):
        return Mechanism(variable, law.parents, law.table)
    if isinstance(law, Mapping):
        return Mechanism(variable, (), np.array(_row(variable, law, values[variable]), dtype=object))
    if callable(law):
        return _tabulated(variable, law, values)
    parents, table = _parents_and_table(law)
    return Mechanism(variable, parents, _numbers(variable, table))


def _parents_and_table(law: object) -> tuple[tuple[str, ...], Table]:
    """The two parts of a law that names its parents; a pair of anything but names is a table, of two numbers say."""
    if isinstance(law, tuple) and len(law) == 2:
        parents, table = law
        if isinstance(parents, str):
            return (parents,), table
        if isinstance(parents, Collection) and all(isinstance(one, str) for one in parents):
            return tuple(parents), table
    return (), cast("Table", law)


def parameters(variable: str, rule: Callable[..., object]) -> tuple[str, ...]:
    """The names of a rule's parameters.

    Raises:
        CausalModelError: AE-7211 the rule does not tell them.
    """
    try:
        return tuple(inspect.signature(rule).parameters)
    except (TypeError, ValueError) as error:
        found = f"The rule of {variable} does not tell its parameters."
        raise CausalModelError("AE-7211", found, mend="write it as a function of the parents by name.") from error


def _tabulated(variable: str, rule: Rule, values: Mapping[str, tuple[Value, ...]]) -> Mechanism:
    parents = parameters(variable, rule)
    unknown = [name for name in parents if name not in values]
    if unknown:
        found = f"The rule of {variable} reads {unknown[0]}, which is no variable of the model."
        raise CausalModelError("AE-7204", found, mend=f"name its parameters after some of {', '.join(values)}.")
    rows = list[object]()
    for combination in product(*(values[name] for name in parents)):
        try:
            outcome = rule(*combination)
        except Exception as error:
            shown = ", ".join(f"{name}={value!r}" for name, value in zip(parents, combination, strict=True))
            found = f"The rule of {variable} fails for {shown}: {error}."
            raise CausalModelError(
                "AE-7211", found, mend="make it give a value for all values of its parents."
            ) from error
        rows.extend(_outcome_row(variable, outcome, values[variable]))
    shape = tuple(len(values[name]) for name in (*parents, variable))
    return Mechanism(variable, parents, np.array(rows, dtype=object).reshape(shape))


def _outcome_row(variable: str, outcome: object, values: tuple[Value, ...]) -> list[Number]:
    """What a rule gave, as a probability for each of the variable's values."""
    if isinstance(outcome, Mapping):
        return _row(variable, cast("Mapping[Value, Number]", outcome), values)
    if isinstance(outcome, list | tuple | np.ndarray) and np.ndim(_numbers(variable, outcome)):
        shape = _numbers(variable, outcome).shape
        if shape != (len(values),):
            found = f"The rule of {variable} gives an array of shape {shape} for its {len(values)} values."
            raise CausalModelError("AE-7203", found, mend="give a value, or a probability for each of its values.")
        return outcome.tolist() if isinstance(outcome, np.ndarray) else list(outcome)
    value = outcome.item() if isinstance(outcome, np.ndarray) else outcome
    try:
        return _row(variable, {cast("Value", value): 1}, values)
    except TypeError as error:
        found = f"The rule of {variable} gives {value!r}, which is neither a value nor a distribution."
        raise CausalModelError(
            "AE-7211", found, mend="give a value, or a probability for each of its values."
        ) from error


def _row(variable: str, law: Mapping[Value, Number], values: tuple[Value, ...]) -> list[Number]:
    for value in law:
        if value not in values:
            found = f"The variable {variable} has no value {value!r}."
            raise CausalModelError("AE-7207", found, mend=f"use one of {', '.join(map(repr, values))}.")
    return [law.get(value, 0) for value in values]
