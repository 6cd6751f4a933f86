"""How do effects look in a paper? Static figures by matplotlib, and Vega-Lite specifications with their data.

Nothing here touches pyplot or a display; the same effects give the same bytes.
"""

import io
import json
import re
import textwrap
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from aetia.effects import Effects
from aetia.files import write_atomic, writing
from aetia.report.colours import STEPS, diverging, scale_limit
from aetia.report.grids import Grid, Label, grids_of
from aetia.report.rows import Row, read_rows
from aetia.report.vega import PALE, heat_map_spec, lens_spec
from aetia.report.verdicts import legend, outline
from aetia.report.wording import wording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot", "write_figures"]

_STYLE: dict[str, object] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture everywhere
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.titlesize": 9,
    "image.interpolation": "nearest",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.facecolor": "white",
    "svg.hashsalt": "aetia",
}
_POINTS_PER_INCH = 150
_CELLS_OF_A_FIGURE = 40_000
_LETTERS_OF_A_TITLE, _LETTERS_OF_A_LABEL, _LETTERS_OF_A_LINE = 48, 20, 64


def plot(effects: Effects) -> Figure:
    """Return one matplotlib figure of a table of effects: its maps, and its logit lens if it has one.

    Args:
        effects: Effects of tracing, whole or a part (`effects.where(component="z").plot()`).

    Returns:
        A figure without a window; `figure.savefig(path)` writes it.
    """
    rows = read_rows(effects.to_arrow())
    grids, _ = grids_of(rows, {}, budget=_CELLS_OF_A_FIGURE)
    lens = _lens_rows(rows)
    with _styled():
        count = max(len(grids) + bool(lens), 1)
        columns = min(count, 3)
        lines = -(-count // columns)
        tallest = max((len(grid.labels) for grid in grids), default=12)
        figure = _figure(4.2 * columns, lines * min(max(0.14 * tallest + 1.2, 2.4), 9))
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for axis, grid in zip(axes, grids, strict=False):
            _draw_grid(figure, axis, grid)
        if lens:
            _draw_lens(axes[len(grids)], lens)
        for axis in axes[count if grids or lens else 0 :]:
            axis.set_axis_off()
    return figure


def write_figures(rows: Sequence[Row], tokens: Mapping[int, Label], directory: Path, direction: str) -> list[Path]:
    """Write every map and the lens as SVG, PNG and Vega-Lite into `directory`; return the files, in order.

    Raises:
        RunError: AE-6011, AE-6012 a file cannot be written.
    """
    grids, _ = grids_of(rows, tokens, budget=_CELLS_OF_A_FIGURE)
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    names: set[str] = set()
    for grid in grids:
        stem = _file_name(f"{grid.method}-{grid.component}-{grid.kind}", names)
        with _styled():
            figure = _figure(4.8, min(max(0.15 * len(grid.labels) + 1.2, 1.8), 12))
            _draw_grid(figure, figure.subplots(), grid)
        title = f"{wording(grid.method, direction).title}: {grid.component}"
        files += _written(figure, heat_map_spec(grid, title), directory / stem)
    lens = _lens_rows(rows)
    if lens:
        with _styled():
            figure = _figure(4.8, 2.6)
            _draw_lens(figure.subplots(), lens)
        files += _written(figure, lens_spec(lens), directory / _file_name("logit-lens", names))
    return files


@contextmanager
def _styled() -> Generator[None]:
    with mpl.rc_context(_STYLE), warnings.catch_warnings():  # pyright: ignore[reportArgumentType]
        # A token in a script that DejaVu lacks is drawn as a box: the page has the text itself.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _draw_grid(figure: Figure, axis: "Axes", grid: Grid) -> None:
    limit = scale_limit(grid.estimates()) or 1.0
    values = np.array([[np.nan if cell is None else cell.estimate for cell in line] for line in grid.cells])
    colours = ListedColormap(list(diverging()), name="aetia").with_extremes(bad="#ffffff")
    shown = np.array([[1.0 if cell is None or cell.is_finding else PALE for cell in line] for line in grid.cells])
    image = axis.imshow(values, cmap=colours, vmin=-limit, vmax=limit, alpha=shown, aspect="auto")
    axis.set_facecolor(diverging()[STEPS])  # what is pale pales towards zero, not towards a missing value
    for x, y, right, bottom in outline(grid.marks()):
        axis.plot((x - 0.5, right - 0.5), (y - 0.5, bottom - 0.5), color="#1d1e20", linewidth=0.9, clip_on=False)
    axis.set_title(f"{grid.method}  {grid.component}"[:_LETTERS_OF_A_TITLE], loc="left", parse_math=False)
    _name_layers(axis, legend(grid.rows))
    _name_ticks(axis, grid)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=axis, shrink=0.8, aspect=24, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=7)
    bar.set_label(grid.unit[:_LETTERS_OF_A_LABEL], fontsize=7, parse_math=False)


def _name_layers(axis: "Axes", verdict: str) -> None:
    """Name the axis below, and say under it which cells pass."""
    lines = textwrap.wrap(verdict, _LETTERS_OF_A_LINE, break_on_hyphens=False)
    axis.set_xlabel("\n".join(["layer", *lines]), fontsize=7 if lines else None, parse_math=False)


def _name_ticks(axis: "Axes", grid: Grid) -> None:
    step = max(1, len(grid.layers) // 6)
    axis.set_xticks(
        range(0, len(grid.layers), step), [grid.layers[index] for index in range(0, len(grid.layers), step)]
    )
    every = max(1, -(-len(grid.labels) // 64))
    shown = range(0, len(grid.labels), every)
    # A token such as `$\frac` is text, not mathematics.
    names = axis.set_yticks(shown, [grid.labels[index].text[:_LETTERS_OF_A_LABEL] for index in shown], fontsize=7)
    for tick, label in zip(names, axis.get_yticklabels(), strict=True):
        label.set_parse_math(False)
        if grid.labels[int(tick.get_loc())].varies:
            label.set_fontstyle("italic")


def _draw_lens(axis: "Axes", rows: Sequence[Row]) -> None:
    layers = [row.layer or 0 for row in rows]
    axis.axhline(0, color="#8a8a8a", linewidth=0.6)
    bounds = [(row.low, row.high) for row in rows]
    if all(low is not None for low, _ in bounds):
        lows, highs = [low or 0.0 for low, _ in bounds], [high or 0.0 for _, high in bounds]
        axis.fill_between(layers, lows, highs, color=diverging()[-1], alpha=0.2, linewidth=0)
    is_tested = any(row.is_tested for row in rows)
    alpha = PALE if is_tested else 1.0
    axis.plot(layers, [row.estimate for row in rows], color=diverging()[-1], linewidth=1.4, alpha=alpha)
    passing = [row for row in rows if row.passes]
    axis.plot([row.layer or 0 for row in passing], [row.estimate for row in passing], "o", color=diverging()[-1], ms=3)
    axis.set_title("logit lens, last position", loc="left")
    _name_layers(axis, legend(rows, "With a dot"))
    axis.set_ylabel(rows[0].unit[:_LETTERS_OF_A_LABEL], parse_math=False)


def _lens_rows(rows: Sequence[Row]) -> list[Row]:
    found = [row for row in rows if row.method == "logit_lens" and row.layer is not None and row.is_number]
    return sorted(found, key=lambda row: row.layer or 0) if len(found) > 1 else []


def _written(figure: Figure, spec: Mapping[str, object], stem: Path) -> list[Path]:
    files: list[Path] = []
    for kind, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
        buffer = io.BytesIO()
        with _styled():
            figure.savefig(buffer, format=kind, dpi=_POINTS_PER_INCH, metadata=metadata)
        path = stem.with_name(f"{stem.name}.{kind}")
        write_atomic(path, buffer.getvalue())
        files.append(path)
    path = stem.with_name(f"{stem.name}.vl.json")
    write_atomic(path, json.dumps(spec, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"))
    return [*files, path]


def _file_name(text: str, taken: set[str]) -> str:
    """Return a name of harmless characters that is not taken yet."""
    base = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:60] or "figure"
    name, count = base, 1
    while name in taken:
        count += 1
        name = f"{base}-{count}"
    taken.add(name)
    return name
