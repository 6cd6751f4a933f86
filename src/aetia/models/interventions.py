"""What is done to a site: patch, ablate, perturb, steer, project, cut.

An operation maps the old value of a site's rows to the new one. Patching, mean, zero and resample
ablation are one operation, `Set`, with values from different places.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from aetia.errors import SiteError
from aetia.models.sites import Site

__all__ = [
    "Add",
    "Intervention",
    "Knockout",
    "Operation",
    "Project",
    "Replace",
    "Scale",
    "Set",
    "noise",
    "on_rows",
    "zero",
]


@dataclass(frozen=True, eq=False)
class Set:
    """Puts `value` in place of the site's: `[rows, ...]` as the site's own shape, or anything that broadcasts to it."""

    value: Tensor

    def __call__(self, old: Tensor) -> Tensor:
        """The new value."""
        return self.value.to(old).expand_as(old)


@dataclass(frozen=True, eq=False)
class Add:
    """Adds `value` (a steering vector, noise), which broadcasts to `[rows, ...]`."""

    value: Tensor

    def __call__(self, old: Tensor) -> Tensor:
        """The new value."""
        return old + self.value.to(old)


@dataclass(frozen=True)
class Scale:
    """Multiplies by `factor`; 0 is zero ablation."""

    factor: float

    def __call__(self, old: Tensor) -> Tensor:
        """The new value."""
        return old * self.factor


@dataclass(frozen=True, eq=False)
class Project:
    """Sets the part of the value that lies in a subspace; leaves the rest.

    Args:
        basis: Orthonormal columns `[width, k]`.
        value: Where the subspace's part comes from, `[rows, width]`; None removes that part.
    """

    basis: Tensor
    value: Tensor | None = None

    def __call__(self, old: Tensor) -> Tensor:
        """The new value."""
        basis = self.basis.to(old)
        change = -old if self.value is None else self.value.to(old) - old
        return old + change @ basis @ basis.T


@dataclass(frozen=True)
class Replace:
    """Puts `function(old)` in place of the value `[rows, ...]`; it must keep the shape and treat each row by itself."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, old: Tensor) -> Tensor:
        """The new value."""
        new = self.function(old)
        if new.shape != old.shape:
            raise SiteError(
                "AE-3110",
                f"The function turned a value of shape {tuple(old.shape)} into {tuple(new.shape)}.",
                mend="return a tensor of the shape that came in.",
            )
        return new


@dataclass(frozen=True)
class Knockout:
    """Forbids attention from the site's positions to the positions `keys`: their scores become -inf.

    Source: Geva et al. 2023, Dissecting recall of factual associations (arXiv 2304.14767).
    """

    keys: tuple[int, ...]


Operation = Set | Add | Scale | Project | Replace | Knockout


def on_rows(operation: Operation, kept: Sequence[int], rows: int, dimensions: int) -> Operation:
    """The operation for some of its rows.

    Args:
        operation: An operation on a value of `rows` rows and `dimensions` axes.
        kept: The rows wanted.
        rows: How many rows the value has.
        dimensions: How many axes the value has, rows included.
    """

    def select(value: Tensor) -> Tensor:
        has_rows = value.dim() == dimensions and value.shape[0] == rows
        return value[list(kept)] if has_rows else value

    if isinstance(operation, Set | Add):
        return replace(operation, value=select(operation.value))
    if isinstance(operation, Project) and operation.value is not None:
        return replace(operation, value=select(operation.value))
    return operation


@dataclass(frozen=True, eq=False)
class Intervention:
    """An operation at a site; `Knockout` goes with the component `pattern` and with nothing else.

    For `Set` and `Add` the first axis of the value runs over the site's positions, in increasing order, or has size 1.
    """

    site: Site
    operation: Operation

    def __post_init__(self) -> None:
        if isinstance(self.operation, Knockout) and self.site.component != "pattern":
            raise SiteError(
                "AE-3111", f"Attention can be cut at a pattern, not at {self.site}.", mend="use the component pattern."
            )
        if isinstance(self.operation, Knockout) and self.site.units is not None:
            raise SiteError("AE-3112", "A knockout names its keys, not units.", mend="leave .u out of the address.")


def zero(site: Site) -> Intervention:
    """Zero ablation of `site`."""
    return Intervention(site, Set(torch.zeros(())))


def noise(site: Site, shape: tuple[int, ...], scale: float, seed: int) -> Intervention:
    """Adds Gaussian noise of standard deviation `scale`, the same for the same `seed` and `shape` `[rows, ...]`."""
    generator = torch.Generator().manual_seed(seed)
    return Intervention(site, Add(torch.randn(shape, generator=generator) * scale))
