"""The values of a map study, looked up by what they are of.

Arrays: N items, C clusters of items, B draws of a control for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import cluster_means
from aetia.maps.names import CONTROL_NAMES

__all__ = ["DIMENSIONS", "Held"]

Floats = npt.NDArray[np.float64]

DIMENSIONS = ("map", "measure", "removal", "share")


@dataclass(frozen=True, eq=False)
class Held:
    """The values of a study.

    Args:
        table: The values table.
    """

    table: pa.Table

    @cached_property
    def items(self) -> list[str]:
        """The names of the items."""
        return list(dict.fromkeys(self.table["item"].to_pylist()))

    @cached_property
    def maps(self) -> list[str]:
        """The maps that are judged."""
        rows = self.table.filter(pc.field("measure") == "map")
        return list(dict.fromkeys(rows["map"].to_pylist()))

    @cached_property
    def controls(self) -> list[str]:
        """The maps without a model that are there."""
        known = set(self.table["map"].to_pylist())
        return [name for name in CONTROL_NAMES if name in known]

    @cached_property
    def cluster_of(self) -> dict[str, str]:
        """The cluster of each item; its own name if all are independent."""
        if "cluster" not in self.table.schema.names:
            return {item: item for item in self.items}
        return dict(zip(self.table["item"].to_pylist(), self.table["cluster"].to_pylist(), strict=True))

    @cached_property
    def _found(self) -> dict[tuple[object, ...], dict[tuple[str, int], float]]:
        columns = (self.table[name].to_pylist() for name in (*DIMENSIONS, "item", "random", "value"))
        found: dict[tuple[object, ...], dict[tuple[str, int], float]] = {}
        for name, measure, removal, share, item, random, value in zip(*columns, strict=True):
            if measure != "map":
                place = (item, -1 if random is None else random)
                found.setdefault((name, measure, removal, share), {})[place] = value
        return found

    def has(self, name: str, measure: str, removal: str | None = None, share: float | None = None) -> bool:
        """Whether any item has such a value."""
        return (name, measure, removal, share) in self._found

    def with_value(self, name: str, measure: str) -> list[str]:
        """The items that have a value which belongs to no removal."""
        found = self._found.get((name, measure, None, None), {})
        return [item for item in self.items if (item, -1) in found]

    def of(self, name: str, measure: str, items: Sequence[str]) -> Floats:
        """One value an item that belongs to no removal, `[N]`."""
        found = self._found[name, measure, None, None]
        return np.array([found[item, -1] for item in items])

    def lost(self, name: str, measure: str, removal: str, shares: Sequence[float]) -> Floats:
        """The mean over shares of each cluster's mean, `[C]` for a map, `[C, B]` where there are draws of it."""
        total = np.mean([self._at(name, measure, removal, share) for share in shares], axis=0)  # (N, B)
        means = self.clustered(total.T, self.items).T
        return means[:, 0] if (self.items[0], -1) in self._found[name, measure, removal, shares[0]] else means

    def clustered(self, values: Floats, items: Sequence[str]) -> Floats:
        """The means over clusters, `[..., C]`, of values `[..., N]` of items; clusters come in one order."""
        means = cluster_means(values, [self.cluster_of[item] for item in items])
        return means[0] if values.ndim == 1 else means

    def _at(self, name: str, measure: str, removal: str, share: float) -> Floats:
        found = self._found[name, measure, removal, share]
        draws = sorted({random for _, random in found})
        return np.array([[found[item, draw] for draw in draws] for item in self.items])
