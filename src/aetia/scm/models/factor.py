"""What is the product of two tables over named variables, and what is left when a variable is summed out?

Numbers are float64, or exact fractions in an array of objects; nothing here asks which.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Factor", "as_names"]


def as_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """The names in their order; a text is one name, never its letters."""
    return (names,) if isinstance(names, str) else tuple(names)


@dataclass(frozen=True)
class Factor:
    """A table with one axis a variable.

    Args:
        axes: The variables' names, an axis each.
        values: The numbers, [size of each axis]; float64, or objects that are `fractions.Fraction`.
    """

    axes: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self) -> None:
        assert self.values.ndim == len(self.axes), f"{self.values.ndim} axes for {self.axes}"

    def over(self, axes: tuple[str, ...]) -> np.ndarray:
        """The numbers with these axes in this order; of size one where the factor does not have the axis."""
        order = [self.axes.index(name) for name in axes if name in self.axes]
        shape = [self.values.shape[self.axes.index(name)] if name in self.axes else 1 for name in axes]
        return self.values.transpose(order).reshape(shape)

    def times(self, other: "Factor") -> "Factor":
        """The product, over the variables of either."""
        axes = tuple(dict.fromkeys((*self.axes, *other.axes)))
        return Factor(axes, np.asarray(self.over(axes) * other.over(axes)))

    def divided_by(self, other: "Factor") -> "Factor":
        """The quotient, over the variables of either; 0 / 0 is 0, as it is when conditionals are multiplied back."""
        axes = tuple(dict.fromkeys((*self.axes, *other.axes)))
        numerator, denominator = np.broadcast_arrays(self.over(axes), other.over(axes))
        is_empty = denominator == 0
        assert not np.any(is_empty & (numerator != 0)), "a number over zero"
        return Factor(
            axes, np.where(is_empty, 0 * numerator, numerator / np.where(is_empty, 1 + 0 * denominator, denominator))
        )

    def sum_out(self, names: Iterable[str]) -> "Factor":
        """The factor with these variables summed over; those it does not have are no matter."""
        gone = {name for name in names if name in self.axes}
        kept = tuple(name for name in self.axes if name not in gone)
        return Factor(kept, np.asarray(self.values.sum(axis=tuple(self.axes.index(name) for name in gone))))

    def marginal(self, names: Iterable[str]) -> "Factor":
        """The factor with all but these variables summed out, its axes in this order."""
        wanted = tuple(names)
        rest = self.sum_out(set(self.axes) - set(wanted))
        return Factor(wanted, rest.over(wanted))

    def at(self, index: Mapping[str, int]) -> "Factor":
        """The slice at these indices of these variables; those it does not have are no matter."""
        kept = tuple(name for name in self.axes if name not in index)
        place = tuple(index.get(name, slice(None)) for name in self.axes)
        return Factor(kept, np.asarray(self.values[place]))

    def total(self) -> object:
        """The sum of all its numbers."""
        return self.values.sum()
