"""Do the reads that were kept suffice for the answer: what is cut, what is kept, and is that more than chance?"""

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import STATISTICS, Effects, passes, summarise
from aetia.flow.pathway_claims import SUFFICES
from aetia.flow.random_keys import random_keys_tests
from aetia.flow.ratios import ratio_effects
from aetia.studies.nulls import LABELS

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
    """The effects of a study of pathways, and the verdict in their provenance.

    Rows: `kept`, the share of the answer's probability that the pathway alone keeps, pooled over items of which none
    counts as more than whole, with its interval and its test against as many random reads; the same share of those, on
    average; the probability and the accuracy of the plain runs, tested against other items' answers, and of the
    pathway; the shares cut; and for each edge in how many of the two halves it was needed. The verdict is that the
    kept reads suffice if every claim of `CLAIMS` holds: as all have to, none is corrected for the others.

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
    rows = Effects.concat(parts).table.to_pylist()
    of_measure = {row["measure"]: row for row in rows if row["source"] is None}
    chance = _above_chance(values)
    of_measure["plain correct"].update(
        {"null": f"{LABELS}:{_draws(values, 'plain correct')}", "p": chance, "q": chance}
    )
    about = {"model": study.model, "study": study.identity(), "keep": f"{study.keep:g}"}
    about["controls"] = f"{study.controls} random sets of as many reads an item"
    if "cluster" in values.schema.names:
        about["clusters"] = str(len(values["cluster"].unique()))
    kept = of_measure["kept"]
    held = {
        "above chance": bool(passes(chance, study.level)),
        "enough": isinstance(kept["low"], float) and kept["low"] >= study.keep,
        "more than random": isinstance(kept["q"], float) and bool(passes(kept["q"], study.level)),
    }
    needed = [row for row in rows if row["measure"] == "in pathway" and row["estimate"] == 1.0]
    names = ", ".join(f"{row['source']}->{row['reader']}@{row['layer']}" for row in needed)
    about |= {name: "yes" if holds else "no" for name, holds in held.items()}
    about[SUFFICES] = (names or "no read") if all(held.values()) else ""
    return Effects(pa.Table.from_pylist(rows, schema=parts[0].table.schema), about)


def _kept(study: "PathwayStudy", values: pa.Table) -> Effects:
    """What the pathway keeps and what random reads keep, of the same plain runs, with clusters alike."""
    plain = values.filter((pc.field("measure") == "plain") & pc.field("draw").is_null())
    below = dict(zip(plain["item"].to_pylist(), plain["value"].to_pylist(), strict=True))
    pathway = values.filter(pc.field("measure") == "pathway")
    wholes = [below[name] for name in pathway["item"].to_pylist()]
    kept = [min(value, whole) for value, whole in zip(pathway["value"].to_pylist(), wholes, strict=True)]
    pathway = pathway.set_column(pathway.schema.get_field_index("value"), "value", pa.array(kept, pa.float64()))
    pathway = pathway.append_column("below", pa.array(wholes, pa.float64()))
    parts = []
    for name, rows in (
        ("kept", pathway.filter(pc.field("draw").is_null())),
        ("kept by random reads", _mean_of_draws(pathway.filter(pc.field("draw").is_valid()))),
    ):
        place = rows.schema.get_field_index("measure")
        named = rows.set_column(place, "measure", pa.repeat(pa.scalar(name), rows.num_rows))
        parts.append(ratio_effects(named, DIMENSIONS, unit="share", level=study.level, seed=study.seed))
    rows = Effects.concat(parts).table.to_pylist()
    [test] = random_keys_tests(pathway, DIMENSIONS, "max-t", study.seed).values()
    rows[0] |= {"null": test.null, "p": test.p, "q": test.q}  # one claim: nothing to correct for
    return Effects(pa.Table.from_pylist(rows, schema=parts[0].table.schema))


def _mean_of_draws(values: pa.Table) -> pa.Table:
    """The mean over each item's draws."""
    names = [name for name in values.schema.names if name not in ("value", "draw", "null")]
    found = values.group_by(names, use_threads=False).aggregate([("value", "mean")])
    return found.rename_columns({"value_mean": "value"})


def _above_chance(values: pa.Table) -> float:
    """How often other items' answers are the first choice at least as often as the own ones; p by exchanged labels."""
    unit = "cluster" if "cluster" in values.schema.names else "item"
    chosen = values.filter(pc.field("measure") == "plain correct").select(["draw", unit, "value"])
    of_units = chosen.group_by(["draw", unit], use_threads=False).aggregate([("value", "mean")])
    means = of_units.group_by("draw", use_threads=False).aggregate([("value_mean", "mean")]).to_pylist()
    shares = {row["draw"]: row["value_mean_mean"] for row in means}
    own = shares.pop(None)
    # A tie up to rounding is a tie.
    return (1 + sum(share >= own - 1e-9 for share in shares.values())) / (1 + len(shares))


def _draws(values: pa.Table, measure: str) -> int:
    drawn = values.filter((pc.field("measure") == measure) & pc.field("draw").is_valid())
    return len(drawn["draw"].unique())


def _without_interval(effects: Effects) -> Effects:
    table = effects.table
    for name in ("low", "high"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, STATISTICS.field(name), pa.nulls(table.num_rows, pa.float64()))
    return Effects(table, effects.provenance)
