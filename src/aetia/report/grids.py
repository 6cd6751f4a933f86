"""Which effects stand beside each other in one picture, and what is left out when there are too many?

A grid has layers as columns and tokens (or heads) as rows, as the prompt reads from top to bottom.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from aetia.report.rows import Row, token_text
from aetia.report.sentences import NOT_INTERVENTIONS

__all__ = ["BUDGET", "Grid", "Label", "grids_of"]

BUDGET = 12_000
"""Cells on one page: about 60 bytes each, so that a page of them stays below a megabyte."""

_MOST_GRIDS = 24
_MOST_COLUMNS = 96
_MOST_ROWS = 64

Kind: TypeAlias = Literal["tokens", "heads", "units", "layers"]
Key: TypeAlias = tuple[int, int, str]
Cells: TypeAlias = tuple[tuple[Row | None, ...], ...]


@dataclass(frozen=True)
class Label:
    """What a row of a grid is called.

    Args:
        text: Shown beside the row.
        span: The named span of tokens it belongs to, if any.
        varies: Whether the items have different tokens here, so that `text` is one example.
        title: The whole story, for the hover.
    """

    text: str
    span: str | None = None
    varies: bool = False
    title: str = ""


@dataclass(frozen=True)
class Grid:
    """The effects of one method on one component.

    Args:
        method, component, unit: Of all its cells.
        kind: What the rows are: tokens, heads, groups of neurons, or one row for all of them.
        layers: The label of each column.
        labels: The label of each row.
        cells: `[rows][columns]`; None where there is no effect.
        is_reduced: Whether a cell stands for the strongest of several effects.
        note: What was reduced, and how; empty if nothing was.
        rows: All effects that the grid stands for.
    """

    method: str
    component: str
    unit: str
    kind: Kind
    layers: tuple[str, ...]
    labels: tuple[Label, ...]
    cells: Cells
    is_reduced: bool = False
    note: str = ""
    rows: tuple[Row, ...] = ()

    def estimates(self) -> list[float]:
        """All estimates that are numbers."""
        return [cell.estimate for row in self.cells for cell in row if cell is not None and cell.is_number]

    def marks(self) -> list[list[bool]]:
        """Which cells pass their test."""
        return [[cell is not None and cell.is_number and cell.passes for cell in row] for row in self.cells]


def grids_of(
    rows: Sequence[Row], tokens: Mapping[int, Label], *, budget: int = BUDGET, methods: frozenset[str] | None = None
) -> tuple[list[Grid], str]:
    """Return the grids of all interventions, reduced to `budget` cells together, and what was left out in words.

    A grid that is too large is reduced by showing the strongest effect of each block of neighbouring cells, so that
    no strong effect disappears; its note says so.

    Args:
        rows: Effects of tracing.
        tokens: What the prompts have at each position.
        budget: How many cells may be shown.
        methods: Which methods; by default all that intervene.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        wanted = row.method not in NOT_INTERVENTIONS if methods is None else row.method in methods
        if wanted and row.layer is not None:
            groups.setdefault((row.method, row.component.partition(".u")[0], _kind(row)), []).append(row)
    ranked = sorted(groups, key=lambda key: -max(row.size for row in groups[key]))[:_MOST_GRIDS]
    note = ""
    if len(groups) > _MOST_GRIDS:
        note = f"{len(groups)} maps could be drawn; the {_MOST_GRIDS} with the largest effects are shown."
    shown = [key for key in groups if key in set(ranked)]
    share = budget // max(len(shown), 1)
    return [_grid(groups[key], tokens, share) for key in shown], note


def _kind(row: Row) -> Kind:
    if row.head is not None:
        return "heads"
    if ".u" in row.component:
        return "units"
    return "layers" if row.position is None and row.span in (None, "all") else "tokens"


def _grid(rows: Sequence[Row], tokens: Mapping[int, Label], budget: int) -> Grid:
    kind = _kind(rows[0])
    spans = list(dict.fromkeys(row.span for row in rows if row.position is None and row.span is not None))
    keys: dict[Key, Label] = {}
    placed: dict[tuple[Key, int], Row] = {}
    places: set[tuple[int | None, str | None]] = set()
    for row in rows:
        key = _row_key(row, kind, spans)
        keys.setdefault(key, _label(row, kind, tokens))
        places.add((row.position, None if row.position is not None else row.span))
        cell = (key, row.layer or 0)
        placed[cell] = _stronger(placed.get(cell), row)
    order = sorted(keys)
    layers = sorted({row.layer or 0 for row in rows})
    cells = tuple(tuple(placed.get((key, layer)) for layer in layers) for key in order)
    first = rows[0]
    component = first.component.partition(".u")[0]
    labels, names = tuple(keys[key] for key in order), tuple(str(layer) for layer in layers)
    grid = Grid(first.method, component, first.unit, kind, names, labels, cells, rows=tuple(rows))
    if kind in ("heads", "units") and len(places) > 1:
        note = (
            f"Each cell is the strongest effect{_chosen(rows)} over {len(places)} positions; the read-out names which."
        )
        grid = replace(grid, is_reduced=True, note=note)
    return _reduced(grid, budget)


def _row_key(row: Row, kind: Kind, spans: Sequence[str]) -> Key:
    """Sorts heads by number, positions as the prompt reads (from the end last), spans as they first come."""
    if kind == "heads":
        return (0, row.head or 0, "")
    if kind == "units":
        start = row.component.partition(".u")[2].partition(":")[0]
        return (0, int(start) if start.isdecimal() else 0, row.component)
    if row.position is not None:
        return (0, row.position, "") if row.position >= 0 else (2, row.position, "")
    return (1, spans.index(row.span) if row.span in spans else 0, row.span or "")


def _label(row: Row, kind: Kind, tokens: Mapping[int, Label]) -> Label:
    if kind == "tokens":
        return _place_label(row, tokens)
    units = row.component.partition(".u")[2]
    return Label({"heads": f"head {row.head}", "units": f"units {units}", "layers": "all positions"}[kind])


def _place_label(row: Row, tokens: Mapping[int, Label]) -> Label:
    if row.position is None:
        title = f"the tokens of the span {row.span}, as many as each item has"
        return Label("last token") if row.span == "last" else Label(row.span or "", title=title)
    known = tokens.get(row.position)
    if known is not None:
        return replace(known, span=row.span or known.span)
    if row.token is not None:
        return Label(token_text(row.token), row.span, title=f"position {row.position}, the same token in all items")
    return Label(f"position {row.position}", row.span)


def _stronger(one: Row | None, other: Row) -> Row:
    return other if one is None or other.rank > one.rank else one


def _chosen(rows: Sequence[Row]) -> str:
    """What stands for several effects, if some of them may pass."""
    return " that passes, or else the strongest" if any(row.is_tested for row in rows) else ""


def _reduced(grid: Grid, budget: int) -> Grid:
    """Return the grid within the budget: neighbouring layers and rows merged, the strongest effect standing."""
    columns, rows = len(grid.layers), len(grid.labels)
    width = math.ceil(columns / _MOST_COLUMNS)
    shown_columns = math.ceil(columns / width)
    height = max(math.ceil(rows / _MOST_ROWS), math.ceil(rows * shown_columns / max(budget, shown_columns)))
    if width == 1 and height == 1:
        return grid
    cells = tuple(
        tuple(_strongest_of(grid.cells, row, column, height, width) for column in range(0, columns, width))
        for row in range(0, rows, height)
    )
    labels = tuple(_merged(grid.labels[row : row + height]) for row in range(0, rows, height))
    what = [f"{height} neighbouring rows" if height > 1 else "", f"{width} neighbouring layers" if width > 1 else ""]
    note = (
        f"{rows} rows by {columns} layers are too many to show: each cell is the strongest effect"
        f"{_chosen(grid.rows)} of {' by '.join(part for part in what if part)}. "
        f"All {rows * columns:,} are in effects.parquet."
    )
    note = f"{grid.note} {note}".strip()
    return replace(grid, cells=cells, labels=labels, layers=grid.layers[::width], is_reduced=True, note=note)


def _strongest_of(cells: Cells, row: int, column: int, height: int, width: int) -> Row | None:
    block = [cell for line in cells[row : row + height] for cell in line[column : column + width] if cell is not None]
    return max(block, key=lambda cell: cell.rank, default=None)


def _merged(labels: Sequence[Label]) -> Label:
    first, last = labels[0], labels[-1]
    if len(labels) == 1:
        return first
    title = "from " + (first.title or first.text) + " to " + (last.title or last.text)
    return Label(f"{first.text} … {last.text}", first.span if first.span == last.span else None, first.varies, title)
