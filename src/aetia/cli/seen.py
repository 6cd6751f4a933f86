"""What did a study of maps or of flow find, in a few lines for people?"""

from collections.abc import Mapping

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aetia.cli.voice import Voice
from aetia.effects import Effects, passes
from aetia.flow.pathway_claims import SUFFICES, pathway_verdict
from aetia.maps.verdict import judged
from aetia.report.findings import FINDINGS
from aetia.runs import Run
from aetia.text import clean_text

__all__ = ["show_seen"]

_TOP = 8
_STATISTICS = ("estimate", "unit", "low", "high", "level", "n", "null", "p", "q")


def show_seen(voice: Voice, run: Run, effects: Effects) -> bool:
    """Show the verdicts on maps, or the strongest effects of flow; whether the run is one of these."""
    study = run.manifest.study
    instrument = str(study.get("instrument"))
    model = clean_text(str(study.get("model")), 60)
    if instrument == "map":
        voice.show(Text(f"Which map of a picture may be trusted, for {model} and these questions?", style="bold"))
        voice.show("", Padding(_verdicts(study, effects), (0, 0, 0, 2)), "")
        return True
    if instrument in FINDINGS:
        voice.show(Text(f"{FINDINGS[instrument][0]}: {model}", style="bold"))
        if SUFFICES in effects.provenance:
            voice.show(Text(clean_text(pathway_verdict(effects), 600)))
        voice.show("", Padding(_strongest(effects, float(str(study.get("level", 0.95)))), (0, 0, 0, 2)), "")
        return True
    return False


def _verdicts(study: Mapping[str, object], effects: Effects) -> Table:
    level, margin = float(str(study.get("level", 0.95))), float(str(study.get("margin", 0.05)))
    found = judged(effects, primary=str(study.get("primary", "pixels")), margin=margin, level=level)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("map", "verdict"):
        table.add_column(name, no_wrap=True)
    for name in ("deletion beyond random", "q", "beyond the hardest control", "q", "points at it", "chance"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in sorted(found, key=lambda trust: -trust.deletion):
        verdict = "-" if one.standing == "unknown" else one.standing
        bounds = "" if one.low is None or one.high is None else f" [{one.low:+.2f}, {one.high:+.2f}]"
        pointing = "" if one.pointing is None else f"{one.pointing:.0%}"
        chance = "" if one.chance is None else f"{one.chance:.0%}"
        beyond = "" if one.beyond is None else f"{one.beyond:+.2f} {one.control}"
        q, beyond_q = ("" if value is None else f"{value:.3g}" for value in (one.q, one.beyond_q))
        row = (one.map, verdict, f"{one.deletion:+.2f}{bounds}", q, beyond, beyond_q, pointing, chance)
        table.add_row(*row, style="" if one.is_trusted or one.standing == "unknown" else "dim")
    return table


def _strongest(effects: Effects, level: float) -> Table:
    """The largest effects that pass; of a run without a null the largest of all."""
    records = [row for row in effects.to_arrow().to_pylist() if isinstance(row["estimate"], float)]
    tested = [row for row in records if isinstance(row["q"], float)]
    shown = [row for row in tested if passes(row["q"], level)] if tested else records
    names = [name for name in effects.to_arrow().schema.names if name not in _STATISTICS]
    names = [name for name in names if any(row[name] is not None for row in shown)]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True)
    for name in ("effect", f"{level:.0%} interval", "n", "q"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in sorted(shown, key=lambda one: -abs(one["estimate"]))[:_TOP]:
        where = ["" if row[name] is None else clean_text(str(row[name]), 40) for name in names]
        has_interval = isinstance(row["low"], float) and isinstance(row["high"], float)
        bounds = f"[{row['low']:.2f}, {row['high']:.2f}]" if has_interval else ""
        q = f"{row['q']:.3g}" if isinstance(row["q"], float) else ""
        table.add_row(*where, f"{row['estimate']:+.3g} {clean_text(str(row['unit']), 20)}", bounds, str(row["n"]), q)
    return table
