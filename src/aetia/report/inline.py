"""How does one map of effects look in a notebook? A small picture without style or script."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from aetia.effects import Effects
from aetia.report.colours import STEPS, diverging
from aetia.report.drawing import figures_of
from aetia.report.grids import grids_of
from aetia.report.rows import read_rows

__all__ = ["inline_svg"]

_CELLS = 2_500


def inline_svg(effects: Effects) -> str:
    """Return the first maps of the effects as one inline SVG below 100 kB; empty if there is no map to draw.

    It is escaped, self-contained, and draws with plain attributes, so that notebooks that strip styles keep it.
    """
    grids, _ = grids_of(read_rows(effects.to_arrow()), {}, budget=_CELLS)
    figures = figures_of(grids[:3])
    if not figures:
        return ""
    environment = Environment(
        loader=PackageLoader("aetia.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("inline.svg.jinja")
    return template.render(figure=figures[0], colours=diverging(), steps=STEPS)
