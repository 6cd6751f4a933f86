"""How are effects handed to other tools as pictures? Vega-Lite specifications that carry their own data."""

import json
from collections.abc import Sequence

from aetia.report.colours import STEPS, diverging, scale_limit
from aetia.report.grids import Grid
from aetia.report.rows import Row
from aetia.report.verdicts import legend

__all__ = ["PALE", "heat_map_spec", "lens_spec"]

PALE = 0.3
"""The opacity of what was tested and does not pass."""

_SAID, _TEST = ("site", "label", "estimate", "low", "high", "n"), ("null", "p", "q", "passes")
_PALED = {"condition": {"test": "datum.passes === false", "value": PALE}, "value": 1.0}
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


def heat_map_spec(grid: Grid, title: str) -> dict[str, object]:
    """Return a heat map of layer by token (or head) with value, interval and n in its tooltip."""
    limit = scale_limit(grid.estimates()) or 1.0
    records = [
        {
            "row": index,
            "label": grid.labels[index].text,
            "layer": cell.layer,
            "site": cell.address,
            "estimate": cell.estimate,
            "low": cell.low,
            "high": cell.high,
            "n": cell.n,
            **_test(cell),
        }
        for index, line in enumerate(grid.cells)
        for cell in line
        if cell is not None and cell.is_number
    ]
    colour = {
        "field": "estimate",
        "type": "quantitative",
        "title": grid.unit,
        "scale": {"domain": [-limit, 0, limit], "range": [diverging()[index] for index in (0, STEPS, 2 * STEPS)]},
    }
    names = {str(index): label.text for index, label in enumerate(grid.labels)}
    # Two tokens may have the same text, so rows are numbers and their names are looked up. A JSON object is also a
    # literal of Vega's expression language.
    ticks = {"labelExpr": f"({json.dumps(names)})[datum.value]", "ticks": False, "domain": False}
    axis = {"field": "row", "type": "ordinal", "title": None, "axis": ticks}
    return {
        "$schema": _SCHEMA,
        "title": {"text": title, "subtitle": legend(grid.rows)},
        "data": {"values": records},
        "mark": {"type": "rect", "strokeWidth": 1.2},
        "width": 12 * len(grid.layers),
        "height": 16 * len(grid.labels),
        "encoding": {
            "x": {"field": "layer", "type": "ordinal", "axis": {"labelAngle": 0, "labelOverlap": True}},
            "y": axis,
            "color": colour,
            "opacity": _PALED,
            "stroke": {"condition": {"test": "datum.passes === true", "value": "#1d1e20"}, "value": None},
            "tooltip": [{"field": name} for name in (*_SAID, *(_TEST if legend(grid.rows) else ()))],
        },
    }


def _test(row: Row) -> dict[str, object]:
    """What the row's test says; `passes` is null where there was none."""
    passes = row.passes if row.is_tested else None
    return {"null": row.null, "p": row.p, "q": row.q, "passes": passes}


def lens_spec(rows: Sequence[Row]) -> dict[str, object]:
    """Return the logit lens as a line with a band."""
    records = [
        {"layer": row.layer, "estimate": row.estimate, "low": row.low, "high": row.high, "n": row.n, **_test(row)}
        for row in rows
    ]
    layer = {"field": "layer", "type": "quantitative", "axis": {"tickMinStep": 1}}
    colour = diverging()[-1]
    return {
        "$schema": _SCHEMA,
        "title": {"text": "Logit lens of the last position", "subtitle": legend(rows, "With a full dot")},
        "data": {"values": records},
        "width": 420,
        "height": 220,
        "layer": [
            {
                "mark": {"type": "area", "color": colour, "opacity": 0.2},
                "encoding": {
                    "x": layer,
                    "y": {"field": "low", "type": "quantitative", "title": rows[0].unit},
                    "y2": {"field": "high"},
                },
            },
            {
                "mark": {"type": "line", "color": colour},
                "encoding": {"x": layer, "y": {"field": "estimate", "type": "quantitative"}},
            },
            {
                "mark": {"type": "point", "color": colour, "filled": True, "size": 36, "tooltip": True},
                "encoding": {
                    "x": layer,
                    "y": {"field": "estimate", "type": "quantitative"},
                    "opacity": _PALED,
                },
            },
        ],
    }
