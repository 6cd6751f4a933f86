"""What did a study find, and how can it be looked at, kept and handed on?"""

import html
import importlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from aetia.errors import MissingError, RunError, StudyError
from aetia.files import read_table, write_table
from aetia.text import clean_text

if TYPE_CHECKING:
    import pandas as pd  # pyright: ignore[reportMissingImports]  both are the user's to install
    import polars as pl  # pyright: ignore[reportMissingImports]
    from matplotlib.figure import Figure

__all__ = ["STATISTICS", "Effects", "effects_table"]

Scalar: TypeAlias = str | int | float | bool | None

STATISTICS = pa.schema(
    [
        pa.field("estimate", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("level", pa.float64()),
        pa.field("n", pa.int64()),
        pa.field("null", pa.string()),
        pa.field("p", pa.float64()),
        pa.field("q", pa.float64()),
    ]
)
"""The columns that end every table of effects: the estimate, its interval, and its test against a null."""

Floats: TypeAlias = npt.NDArray[np.float64]

_ROWS_SHOWN = 60
_BYTES_SHOWN = 80_000
_PROVENANCE = b"aetia"


@dataclass(frozen=True, repr=False)
class Effects:
    """A table of effects: the instrument's own dimensions first, then `STATISTICS`; one row an effect.

    Args:
        table: The rows.
        provenance: Where they come from: study, instrument, system, versions.

    Raises:
        ValueError: The last columns of `table` are not `STATISTICS`.
    """

    table: pa.Table
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tail = list(self.table.schema)[-len(STATISTICS) :]
        if [(column.name, column.type) for column in tail] != [(column.name, column.type) for column in STATISTICS]:
            raise ValueError(
                f"a table of effects ends in the columns {STATISTICS.names}; got {self.table.schema.names}"
            )

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the instrument's own columns."""
        return tuple(self.table.schema.names[: -len(STATISTICS)])

    def __len__(self) -> int:
        return self.table.num_rows

    def __repr__(self) -> str:
        return f"Effects({len(self)} rows over {', '.join(self.dimensions)})"

    def to_arrow(self) -> pa.Table:
        """Return the rows as a pyarrow table."""
        return self.table

    def to_polars(self) -> "pl.DataFrame":
        """Return the rows as a polars data frame; MissingError AE-4201 if polars is not installed."""
        return _installed("polars").from_arrow(self.table)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the rows as a pandas data frame; MissingError AE-4201 if pandas is not installed."""
        _installed("pandas")
        return self.table.to_pandas()

    def top(self, k: int, by: str = "estimate") -> "Effects":
        """Return the `k` rows that are largest in absolute value of `by` (smallest for p and q); ties keep their order.

        Raises:
            StudyError: AE-1106 there is no such column of numbers.
        """
        if by not in self.table.schema.names or not _is_number(self.table.schema.field(by).type):
            raise _no_column(by, [column.name for column in self.table.schema if _is_number(column.type)])
        size = np.abs(self.table[by].cast(pa.float64()).to_numpy())
        order = np.argsort(size if by in ("p", "q") else -size, kind="stable")
        return Effects(self.table.take(pa.array(order[: max(k, 0)])), self.provenance)

    def where(self, **values: Scalar) -> "Effects":
        """Return the rows that have all these values in these columns; None asks for rows without a value.

        Raises:
            StudyError: AE-1106 there is no such column, or it does not hold values of that kind.
        """
        table = self.table
        for name, value in values.items():
            if name not in table.schema.names:
                raise _no_column(name, table.schema.names)
            try:
                table = table.filter(pc.field(name).is_null() if value is None else pc.field(name) == value)
            except pa.ArrowException as error:
                found = f"The column {name!r} holds {table.schema.field(name).type}, not {value!r}."
                raise StudyError("AE-1106", found, mend="give a value of that type") from error
        return Effects(table, self.provenance)

    def write(self, path: str | Path) -> None:
        """Write the rows and their provenance as Parquet, atomically; RunError AE-6011, AE-6012 if that fails."""
        provenance = json.dumps(dict(self.provenance), sort_keys=True)
        write_table(Path(path), self.table.replace_schema_metadata({_PROVENANCE: provenance.encode()}))

    @classmethod
    def read(cls, path: str | Path) -> "Effects":
        """Return what `write` wrote.

        Raises:
            RunError: AE-6010 the file is absent, damaged, or holds something else.
        """
        table = read_table(Path(path))
        if table is None:
            raise _not_effects(path, "it is absent or damaged")
        try:
            provenance = json.loads((table.schema.metadata or {}).get(_PROVENANCE, b"{}"))
            return cls(table.replace_schema_metadata(None), {str(key): str(provenance[key]) for key in provenance})
        except (ValueError, TypeError) as error:
            raise _not_effects(path, str(error)) from error

    @staticmethod
    def concat(parts: "Sequence[Effects]") -> "Effects":
        """Return the rows of all parts, which have the same columns, one after another, with the first's provenance."""
        return Effects(pa.concat_tables([part.table for part in parts]), parts[0].provenance)

    def plot(self) -> "Figure":
        """Return a picture of the effects: see `aetia.report.plot`."""
        from aetia.report import plot

        return plot(self)

    def report(self, path: str | Path) -> Path:
        """Write a page about the effects to `path` and return it: see `aetia.report.report_effects`."""
        from aetia.report import report_effects

        return report_effects(self, Path(path))

    def _repr_html_(self) -> str:
        head = _row("th", self.table.schema.names)
        rows = [_row("td", row.values()) for row in self.table.slice(0, _ROWS_SHOWN).to_pylist()]
        sizes = accumulate(len(row.encode()) for row in rows)
        rows = [row for row, size in zip(rows, sizes, strict=True) if size <= _BYTES_SHOWN]
        rest = len(self) - len(rows)
        more = f"<p>and {rest} more rows</p>" if rest else ""
        return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>{more}"


def effects_table(
    cells: pa.Table, statistics: Mapping[str, Floats], n: npt.NDArray[np.int64], *, unit: str, null: str | None
) -> Effects:
    """Return effects with one row for each cell; a statistic that is NaN, or is not given, is absent from the row.

    Args:
        cells: The dimensions, one row a cell.
        statistics: The columns of `STATISTICS` that are floats, each [G].
        n: [G] how many items each cell has.
        unit: The unit of the estimates.
        null: What p and q were tested against.
    """
    absent = np.full(n.size, np.nan)
    known: dict[str, pa.Array] = {
        "n": pa.array(n, pa.int64()),
        "unit": pa.repeat(unit, n.size),
        "null": pa.array([null] * n.size, pa.string()),
    }
    for name in STATISTICS.names:
        if name not in known:
            column = statistics.get(name, absent)
            known[name] = pa.array(column, pa.float64(), mask=~np.isfinite(column))
    columns = [*cells.columns, *(known[name] for name in STATISTICS.names)]
    return Effects(pa.table(columns, schema=pa.schema([*cells.schema, *STATISTICS])))


def _row(tag: str, values: Iterable[Scalar]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_cell(value)}</{tag}>' for value in values)}</tr>"


def _cell(value: Scalar) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else html.escape(clean_text(str(value), limit=40))


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _not_effects(path: str | Path, reason: str) -> RunError:
    mend = "give the effects.parquet of a finished run, or `aetia runs resume` the run that it belongs to"
    return RunError("AE-6010", f"{path} is not a table of effects: {clean_text(reason)}.", mend=mend)


def _no_column(name: str, known: Sequence[str]) -> StudyError:
    return StudyError("AE-1106", f"No column is called {name!r}.", mend=f"use one of {', '.join(known)}")


def _installed(package: str) -> ModuleType:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingError("AE-4201", f"{package} is not installed.", mend=f"pip install {package}") from error
