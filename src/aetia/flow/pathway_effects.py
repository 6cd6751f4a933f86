"""From the values of a study of pathways to its effects: what is cut, what is kept, and does chance keep as much?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import STATISTICS, Effects, summarise
from aetia.flow.ratios import ratio_effects

if TYPE_CHECKING:
    from aetia.flow.study import PathwayStudy

__all__ = ["DIMENSIONS", "pathway_effects"]

DIMENSIONS = ("measure", "source", "reader", "layer")

_UNITS = {
    "plain": "probability",
    "pathway": "probability",
    "plain correct": "proportion",
    "pathway correct": "proportion",
    "edges cut": "share",
    "entries cut": "share",
    "in pathway": "share of halves",
}


def pathway_effects(study: "PathwayStudy", values: pa.Table) -> Effects:
    """The effects of a study of pathways.

    Rows: `kept`, the share of the answer's probability that the pathway alone keeps, pooled over items, with its
    interval and its test: how often as many random cut edges leave at least as much; the same share for those random
    edges, their mean; the probability and the accuracy of the plain runs and of the pathway; the shares cut; and for
    each edge in how many of the two halves it was needed.

    Args:
        study: The study.
        values: The values table.
    """
    how = {"level": study.level, "seed": study.seed}
    real = values.filter(pc.field("draw").is_null())
    parts = [_kept(study, values)]
    for measure, unit in _UNITS.items():
        rows = real.filter(pc.field("measure") == measure)
        found = summarise(rows, DIMENSIONS, unit=unit, **how)
        # Whether an edge is needed is found twice, once a half: an interval over items would be of one number.
        parts.append(_without_interval(found) if measure in ("edges cut", "in pathway") else found)
    about = {"model": study.model, "study": study.identity(), "keep": f"{study.keep:g}"}
    about["controls"] = f"{study.controls} random sets of as many edges"
    if "cluster" in values.schema.names:
        about["clusters"] = str(len(values["cluster"].unique()))
    return Effects(Effects.concat(parts).table, about)


def _kept(study: "PathwayStudy", values: pa.Table) -> Effects:
    plain = values.filter(pc.field("measure") == "plain")
    below = dict(zip(plain["item"].to_pylist(), plain["value"].to_pylist(), strict=True))
    pathway = values.filter(pc.field("measure") == "pathway")
    pathway = pathway.append_column("below", pa.array([below[name] for name in pathway["item"].to_pylist()]))
    real = ratio_effects(
        _named(pathway.filter(pc.field("draw").is_null()), "kept"),
        DIMENSIONS,
        unit="share",
        level=study.level,
        seed=study.seed,
    )
    estimate = real.table["estimate"].to_pylist()[0]
    total = sum(below.values())
    drawn = pathway.filter(pc.field("draw").is_valid()).group_by("draw").aggregate([("value", "sum")])
    shares = np.array([value / total for value in drawn["value_sum"].to_pylist()])
    rows = real.table.to_pylist()
    # A tie up to rounding is a tie.
    p = float((1 + (shares >= estimate - 1e-9).sum()) / (len(shares) + 1))
    rows[0] |= {"null": f"random-edges:{len(shares)}", "p": p, "q": p}  # one claim: nothing to correct for
    control = {**dict.fromkeys(rows[0]), "measure": "kept by random edges", "estimate": float(shares.mean())}
    control |= {"unit": "share", "level": study.level, "n": rows[0]["n"]}
    return Effects(pa.Table.from_pylist([rows[0], control], schema=real.table.schema))


def _named(values: pa.Table, measure: str) -> pa.Table:
    place = values.schema.get_field_index("measure")
    return values.set_column(place, "measure", pa.repeat(pa.scalar(measure), values.num_rows))


def _without_interval(effects: Effects, names: Sequence[str] = ("low", "high")) -> Effects:
    table = effects.table
    for name in names:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, STATISTICS.field(name), pa.nulls(table.num_rows, pa.float64()))
    return Effects(table, effects.provenance)
