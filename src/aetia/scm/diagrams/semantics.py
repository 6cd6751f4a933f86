"""Which matrix of probabilities does a string diagram stand for?

An interpretation gives every type a number of values and every box a table; all else follows, because it is a functor:
composition becomes the product of matrices, tensor the Kronecker product, a copy the diagonal, a discard the row of
ones. Exact if the tables are fractions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod

import numpy as np

from aetia.errors import DiagramError
from aetia.scm.diagrams.category import Box, Diagram
from aetia.scm.models.factor import Factor

__all__ = ["Interpretation", "interpret", "stochastic_matrix"]

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Interpretation:
    """What types and boxes mean.

    Args:
        sizes: Of each type how many values a wire of it has.
        tables: Of each box that is a mechanism its probabilities, [values of inputs..., values of outputs...]; float64,
            or exact fractions in an array of objects.

    Raises:
        DiagramError: AE-7504 a table's shape is not that of its box; AE-7505 its probabilities do not sum to one.
    """

    sizes: Mapping[str, int]
    tables: Mapping[Box, np.ndarray]

    def __post_init__(self) -> None:
        for box, table in self.tables.items():
            wanted = tuple(self.size(name) for name in (*box.inputs, *box.outputs))
            if table.shape != wanted:
                found = f"The table of {box.name} has shape {table.shape}, and its wires have {wanted}."
                raise DiagramError("AE-7504", found, mend="give one axis a wire, the outputs last.")
            sums = table.sum(axis=tuple(range(len(box.inputs), table.ndim)))
            if not np.all(table >= 0) or np.any(abs(sums - 1) > (0 if table.dtype == object else _TOLERANCE)):
                found = f"The table of {box.name} is no distribution for some values of its inputs."
                raise DiagramError("AE-7505", found, mend="give probabilities from 0 that sum to one over the outputs.")

    @cached_property
    def is_exact(self) -> bool:
        """Whether numbers are fractions."""
        return any(table.dtype == object for table in self.tables.values())

    def size(self, name: str) -> int:
        """How many values this type has.

        Raises:
            DiagramError: AE-7503 the interpretation does not say.
        """
        if name not in self.sizes:
            found = f"The interpretation has no type {name}."
            raise DiagramError("AE-7503", found, mend="say how many values a wire of it has.")
        return self.sizes[name]

    def table(self, box: Box) -> np.ndarray:
        """The probabilities of a box, [values of inputs..., values of outputs...].

        Raises:
            DiagramError: AE-7503 the interpretation does not know the box, or one of its types; AE-7508 its type has
                no value of that index.
        """
        if box in self.tables:
            return self.tables[box]
        if box.kind == "mechanism":
            known = ", ".join(one.name for one in self.tables)
            found = f"The interpretation has no table for the box {box.name} with these wires."
            raise DiagramError("AE-7503", found, mend=f"give it one; there are tables for {known or 'none'}.")
        sizes = [self.size(name) for name in box.outputs]
        table = self.zeros(sizes)
        if box.kind == "uniform":
            table[...] = Fraction(1, prod(sizes)) if self.is_exact else 1 / prod(sizes)
        elif 0 <= box.index < sizes[0]:
            table[box.index] = self.one
        else:
            found = f"The state {box.name} has value {box.index}, and a wire of its type has {sizes[0]} values."
            raise DiagramError("AE-7508", found, mend="count the values from 0.")
        return table

    @property
    def one(self) -> Fraction | float:
        """The number one."""
        return Fraction(1) if self.is_exact else 1.0

    def zeros(self, sizes: list[int]) -> np.ndarray:
        """A table of zeros."""
        return np.full(sizes, Fraction(0), dtype=object) if self.is_exact else np.zeros(sizes)

    def equal(self, size: int) -> np.ndarray:
        """One where two indices agree, zero elsewhere; [size, size]."""
        table = self.zeros([size, size])
        table[range(size), range(size)] = self.one
        return table


def interpret(diagram: Diagram, interpretation: Interpretation) -> np.ndarray:
    """Return the probabilities of the outputs for each value of the inputs, [inputs..., outputs...].

    Boxes are multiplied in from left to right, and a wire is summed out once nothing more reads it.

    Raises:
        DiagramError: AE-7503 the interpretation lacks a box or a type of the diagram; AE-7508 a state's type has no
            such value.
    """
    kept = {*range(len(diagram.domain)), *diagram.outputs}
    last = {wire: place for place, step in enumerate(diagram.steps) for wire in step.inputs}
    whole = Factor((), np.array(interpretation.one, dtype=object if interpretation.is_exact else float))
    for place, (step, start) in enumerate(zip(diagram.steps, diagram.starts, strict=True)):
        made = range(start, start + len(step.box.outputs))
        whole = whole.times(_at_wires(interpretation.table(step.box), step.inputs, made))
        done = [wire for wire in (*step.inputs, *made) if last.get(wire, -1) <= place and wire not in kept]
        whole = whole.sum_out(map(str, done))
    return _at_ends(whole, diagram, interpretation)


def _at_wires(table: np.ndarray, inputs: tuple[int, ...], made: range) -> Factor:
    """The table with its axes named by wires; where two inputs are copies of one wire, the diagonal."""
    axes = [*inputs, *made]
    labels = {wire: place for place, wire in enumerate(dict.fromkeys(axes))}
    if len(labels) < len(axes):
        indices = np.indices([table.shape[axes.index(wire)] for wire in labels])
        table = table[tuple(indices[labels[wire]] for wire in axes)]
    return Factor(tuple(map(str, labels)), table)


def _at_ends(whole: Factor, diagram: Diagram, interpretation: Interpretation) -> np.ndarray:
    """The table over the diagram's inputs and outputs; an output that is an input or a copy gets an axis of its own."""
    seen = set(map(str, range(len(diagram.domain))))
    ends = list[str]()
    for place, wire in enumerate(diagram.outputs):
        name = str(wire)
        if name in seen:
            end = f"copy {place}"
            size = interpretation.size(diagram.types[wire])
            whole = whole.times(Factor((name, end), interpretation.equal(size)))
            ends.append(end)
        else:
            seen.add(name)
            ends.append(name)
    sizes = [interpretation.size(name) for name in (*diagram.domain, *diagram.codomain)]
    axes = (*map(str, range(len(diagram.domain))), *ends)
    return np.broadcast_to(whole.over(axes), sizes).copy()


def stochastic_matrix(diagram: Diagram, interpretation: Interpretation) -> np.ndarray:
    """Return the same as a matrix, [values of all inputs, values of all outputs]; every row sums to one.

    Raises:
        DiagramError: AE-7503, AE-7508 as for `interpret`.
    """
    table = interpret(diagram, interpretation)
    return table.reshape(prod(table.shape[: len(diagram.domain)]), -1)
