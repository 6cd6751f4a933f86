"""How does a grid of effects become a few shapes that a page can draw, and numbers that it can look up?

All cells of one shade are one path, so a cell costs a dozen bytes. Coordinates are cells: column c is from c to c + 1.
The templates write the shapes; nothing here knows of HTML.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aetia.report.colours import STEPS, level_of, scale_limit
from aetia.report.grids import Grid, Label
from aetia.report.rows import Row, decimals, number
from aetia.report.verdicts import legend, null_words, outline
from aetia.runs.keys import JSON

__all__ = ["Figure", "Panel", "Tick", "bars", "figures_of", "lens", "line_panel", "value_ticks"]

_PANELS_ABREAST = 3
_FAMILIES = {
    "resid_pre": "the residual stream",
    "resid_mid": "the residual stream",
    "resid_post": "the residual stream",
    "attn_out": "block outputs",
    "mlp_out": "block outputs",
}


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, at a share of its length in per cent."""

    at: float
    text: str

    @property
    def is_zero(self) -> bool:
        """Whether the mark is that of the value zero."""
        return not self.text.strip("0.")


@dataclass(frozen=True)
class Panel:
    """One picture: cells, a line with a band, or bars.

    Args:
        kind: What is drawn.
        name: The component.
        summary: The picture in one sentence, for those who do not see it.
        columns, rows: How many cells each way.
        shades: (shade, path) for every shade that occurs among what is drawn in full.
        missing: The path of the cells without a number.
        pale: (shade, path) of what was tested and does not pass.
        outline: The border of the cells that pass; points: the layers of a line that do.
        ticks: Marks below; values: marks at the side, for lines and bars.
        limit: The end of the symmetric scale; scale_of: which panels share it.
        data: Estimates, intervals and counts, row by row, for the read-out.
        note: What was left out.
    """

    kind: Literal["cells", "line", "bars"]
    name: str
    summary: str
    columns: int
    rows: int
    shades: tuple[tuple[int, str], ...]
    missing: str
    ticks: tuple[Tick, ...]
    data: dict[str, JSON]
    unit: str
    limit: str = ""
    scale_of: str = ""
    values: tuple[Tick, ...] = ()
    line: str = ""
    band: str = ""
    pale: tuple[tuple[int, str], ...] = ()
    outline: str = ""
    points: str = ""
    is_tested: bool = False
    start: int = 0
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """Panels that share their rows.

    Args:
        method, kind: What the panels show.
        labels: One a row, written once at the left.
        panels: Up to three abreast.
        brackets: (span, first row, last row) of the named spans.
        verdict: How many of the cells pass, and how that is drawn; empty if they were not tested.
    """

    method: str
    kind: str
    labels: tuple[Label, ...]
    panels: tuple[Panel, ...]
    brackets: tuple[tuple[str, int, int], ...] = ()
    verdict: str = ""

    @property
    def names(self) -> list[str]:
        """The labels' texts, for the read-out."""
        return [label.text for label in self.labels]

    @property
    def shared_scales(self) -> list[str]:
        """The families of which more than one panel stands here, on one scale."""
        families = [panel.scale_of for panel in self.panels]
        return sorted({family for family in families if family and families.count(family) > 1})


def figures_of(grids: Sequence[Grid]) -> list[Figure]:
    """Return the grids as figures; those with the same rows stand abreast, and panels of a family share a scale."""
    limits: dict[tuple[str, str], float] = {}
    for grid in grids:
        key = (grid.method, _family(grid))
        limits[key] = max(limits.get(key, 0.0), scale_limit(grid.estimates()))
    sharing: dict[tuple[str, tuple[Label, ...]], list[Grid]] = {}
    for grid in grids:
        sharing.setdefault((grid.method, grid.labels), []).append(grid)
    found: list[Figure] = []
    for (method, labels), group in sharing.items():
        for start in range(0, len(group), _PANELS_ABREAST):
            abreast = group[start : start + _PANELS_ABREAST]
            panels = tuple(_cells_panel(grid, limits[method, _family(grid)]) for grid in abreast)
            verdict = legend([row for grid in abreast for row in grid.rows])
            found.append(Figure(method, group[0].kind, labels, panels, _brackets(labels), verdict))
    return found


def _family(grid: Grid) -> str:
    return grid.kind + (_FAMILIES.get(grid.component, grid.component) if grid.kind != "heads" else "heads")


def _cells_panel(grid: Grid, limit: float) -> Panel:
    shades: dict[int, list[str]] = {}
    pale: dict[int, list[str]] = {}
    missing: list[str] = []
    best: tuple[tuple[bool, float], int, Row | None] = ((False, -1.0), 0, None)
    columns = len(grid.layers)
    for y, line in enumerate(grid.cells):
        for x, cell in enumerate(line):
            square = f"M{x} {y}h1v1h-1z"
            if cell is None or not cell.is_number:
                missing.append(square)
                continue
            level = level_of(cell.estimate, limit)
            if level:
                (shades if cell.is_finding else pale).setdefault(level, []).append(square)
            best = max(best, (cell.rank, y * columns + x, cell), key=lambda entry: entry[0])
    flat = [cell for line in grid.cells for cell in line]
    return Panel(
        kind="cells",
        name=grid.component,
        summary=_summary(grid, best[2]),
        columns=columns,
        rows=len(grid.labels),
        shades=_paths(shades),
        missing="".join(missing),
        ticks=_ticks(grid.layers),
        data=_data(flat, grid.layers, with_address=grid.is_reduced),
        unit=grid.unit,
        limit=number(limit, decimals(limit, None, None) if limit < 1 else (0 if limit == round(limit) else 1)),
        scale_of=_FAMILIES.get(grid.component, "") if grid.kind != "heads" else "",
        start=best[1],
        note=grid.note,
        pale=_paths(pale),
        outline="".join(f"M{x} {y}L{right} {bottom}" for x, y, right, bottom in outline(grid.marks())),
        is_tested=any(row.is_tested for row in grid.rows),
    )


def _paths(shapes: Mapping[int, Sequence[str]]) -> tuple[tuple[int, str], ...]:
    return tuple((level + STEPS, "".join(shapes[level])) for level in sorted(shapes))


def line_panel(rows: Sequence[Row], name: str) -> Panel:
    """Return one value a layer as a line with the band of its intervals."""
    ordered = sorted((row for row in rows if row.is_number), key=lambda row: row.layer or 0)
    bottom, top = _range(ordered)
    heights = [_height(row.estimate, bottom, top) for row in ordered]
    points = [f"{index + 0.5:g} {height}" for index, height in enumerate(heights)]
    banded = [(index, row) for index, row in enumerate(ordered) if row.low is not None and row.high is not None]
    upper = [f"{index + 0.5:g} {_height(row.high or 0.0, bottom, top)}" for index, row in banded]
    lower = [f"{index + 0.5:g} {_height(row.low or 0.0, bottom, top)}" for index, row in reversed(banded)]
    layers = tuple(str(row.layer) for row in ordered)
    last = ordered[-1]
    return Panel(
        kind="line",
        name=name,
        summary=f"{name} by layer: {ordered[0].quantity()} at layer {layers[0]}, {last.quantity()} at {layers[-1]}.",
        columns=len(ordered),
        rows=1,
        shades=(),
        missing="",
        ticks=_ticks(layers),
        data=_data(list(ordered), layers, with_address=False),
        unit=ordered[0].unit,
        values=value_ticks(bottom, top),
        line=f"M{'L'.join(points)}",
        points="".join(f"M{point}h0" for point, row in zip(points, ordered, strict=True) if row.passes),
        is_tested=any(row.is_tested for row in ordered),
        band=f"M{'L'.join(upper + lower)}z" if upper else "",
        start=len(ordered) - 1,
    )


def bars(rows: Sequence[Row], name: str, within: Sequence[Row]) -> Panel:
    """Return one value a layer as columns from zero, on the scale of all rows in `within`."""
    ordered = sorted((row for row in rows if row.is_number), key=lambda row: row.layer or 0)
    bottom, top = _range([row for row in within if row.is_number])
    zero = _height(0.0, bottom, top)
    shades: dict[int, list[str]] = {}
    pale: dict[int, list[str]] = {}
    for index, row in enumerate(ordered):
        end = _height(row.estimate, bottom, top)
        side = STEPS if row.estimate >= 0 else -STEPS
        (shades if row.is_finding else pale).setdefault(side, []).append(f"M{index + 0.12:g} {zero}h.76V{end}h-.76z")
    whiskers = "".join(
        f"M{index + 0.5:g} {_height(row.low, bottom, top)}V{_height(row.high, bottom, top)}"
        for index, row in enumerate(ordered)
        if row.low is not None and row.high is not None
    )
    layers = tuple(str(row.layer) for row in ordered)
    best = max(ordered, key=lambda row: row.rank)
    return Panel(
        kind="bars",
        name=name,
        summary=f"{name} by layer; {_of_best(best, f'{best.quantity()} at layer {best.layer}')}.",
        columns=len(ordered),
        rows=1,
        shades=_paths(shades),
        missing="",
        ticks=_ticks(layers),
        data=_data(list(ordered), layers, with_address=False),
        unit=best.unit,
        values=value_ticks(bottom, top),
        line=whiskers,
        pale=_paths(pale),
        is_tested=any(row.is_tested for row in ordered),
        start=ordered.index(best),
    )


def _summary(grid: Grid, best: Row | None) -> str:
    size = f"{len(grid.labels)} by {len(grid.layers)} layers"
    if best is None:
        return f"{grid.component}: {size}; no cell has a number."
    return f"{grid.component}: {size}; {_of_best(best, f'{best.address} with {best.quantity()}')}."


def _of_best(best: Row, what: str) -> str:
    if best.is_tested:
        return f"the strongest that passes its test is {what}" if best.passes else "nothing passes its test"
    return f"the strongest is {what}"


def _data(cells: Sequence[Row | None], layers: Sequence[str], *, with_address: bool) -> dict[str, JSON]:
    """Numbers for the read-out, to four figures; what is the same everywhere is said once."""
    counts = {cell.n for cell in cells if cell is not None}
    data: dict[str, JSON] = {
        "layers": list(layers),
        "e": [_figures(cell.estimate) if cell else None for cell in cells],
        "n": counts.pop() if len(counts) == 1 else [cell.n if cell else None for cell in cells],
        "level": next((round(cell.level * 100, 1) for cell in cells if cell), 95),
    }
    if any(cell is not None and cell.low is not None for cell in cells):
        data["l"] = [_figures(cell.low) if cell and cell.low is not None else None for cell in cells]
        data["h"] = [_figures(cell.high) if cell and cell.high is not None else None for cell in cells]
    tested = next((cell for cell in cells if cell is not None and cell.is_tested), None)
    if tested is not None:
        data["null"] = null_words(tested.null or "")
        data["p"] = [_figures(cell.p) if cell and cell.p is not None else None for cell in cells]
        data["q"] = [_figures(cell.q) if cell and cell.q is not None else None for cell in cells]
        data["s"] = [int(cell.passes) if cell and cell.is_number else None for cell in cells]
    if with_address:
        data["w"] = [cell.address if cell else None for cell in cells]
    return data


def _figures(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _ticks(layers: Sequence[str]) -> tuple[Tick, ...]:
    """At most eight layers are named, evenly, always the first and last."""
    count = len(layers)
    step = next((step for step in (1, 2, 5, 10, 20, 50, 100) if count / step <= 8), 200)
    named = [index for index in range(0, count, step) if count - 1 - index >= step * 0.6 or index == count - 1]
    if count - 1 not in named:
        named.append(count - 1)
    return tuple(Tick(round((index + 0.5) / count * 100, 3), layers[index]) for index in named)


def _range(rows: Sequence[Row]) -> tuple[float, float]:
    """The lowest and highest value to draw, zero among them, with a little air."""
    values = [value for row in rows for value in (row.estimate, row.low, row.high) if value is not None]
    bottom, top = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    if bottom == top:
        return 0.0, 1.0
    air = (top - bottom) * 0.06
    return (bottom - air if bottom < 0 else 0.0), (top + air if top > 0 else 0.0)


def _height(value: float, bottom: float, top: float) -> str:
    return f"{(top - value) / (top - bottom) * 100:.4g}"


def value_ticks(bottom: float, top: float) -> tuple[Tick, ...]:
    """Return round values between bottom and top, five at most, placed from the top in per cent."""
    step = 10 ** math.floor(math.log10(top - bottom))
    step = next(size for size in (step / 5, step / 2, step, step * 2) if (top - bottom) / size <= 6.5)
    places = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(bottom / step - 1e-9), math.floor(top / step + 1e-9)
    return tuple(
        Tick(round((top - index * step) / (top - bottom) * 100, 3), number(index * step, places))
        for index in range(first, last + 1)
    )


def _brackets(labels: Sequence[Label]) -> tuple[tuple[str, int, int], ...]:
    found: list[tuple[str, int, int]] = []
    for index, label in enumerate(labels):
        if label.span is None:
            continue
        if found and found[-1][0] == label.span and found[-1][2] == index - 1:
            found[-1] = (label.span, found[-1][1], index)
        else:
            found.append((label.span, index, index))
    return tuple(found)


def lens(rows: Sequence[Row]) -> Panel | None:
    """Return the logit lens of the last position by layer; None if there are fewer than two layers."""
    layers = [row for row in rows if row.method == "logit_lens" and row.layer is not None and row.is_number]
    return line_panel(layers, "outcome") if len(layers) > 1 else None
